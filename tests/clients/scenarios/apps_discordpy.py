"""discord.py, unmodified: commands, deferred and private answers, suggestions, buttons, menus, forms,
webhooks. The harness is the person who uses them."""

import asyncio
import base64
import datetime
import io
import os
from typing import Any

import discord
import yarl
from discord import app_commands
from report import attempt, check, control

BASE, HOST = os.environ["BASE"], os.environ["HOST"]
GUILD, TEXT = int(os.environ["GUILD"]), int(os.environ["TEXT_CHANNEL"])
discord.http.Route.BASE = f"{BASE}/api/v10"
discord.gateway.DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(f"wss://{HOST}/")
discord.Asset.BASE = BASE
client = discord.Client(intents=discord.Intents.all())
tree = app_commands.CommandTree(client)
state: dict[str, Any] = {}


@tree.command(description="Rolls dice")
@app_commands.describe(sides="How many")
async def roll(interaction: discord.Interaction, sides: app_commands.Range[int, 2, 100], whom: discord.Member) -> None:
    assert interaction.user.name == "ana" and interaction.permissions.administrator
    assert whom.id == client.user.id
    await interaction.response.defer(thinking=True)
    edited = await interaction.edit_original_response(content=f"You rolled {sides - 2}")
    assert edited.interaction_metadata.user.name == "ana"
    more = await interaction.followup.send("Roll again?", wait=True)
    await more.delete()
    assert (await interaction.original_response()).content == f"You rolled {sides - 2}"
    state["rolled"] = edited.id


@tree.command(description="Sings")
async def sing(interaction: discord.Interaction, song: str | None = None) -> None:
    await state["sing"](interaction)


@sing.autocomplete("song")
async def songs(_: discord.Interaction, current: str) -> list[app_commands.Choice[str]]:
    return [app_commands.Choice(name="Greensleeves", value=current + "en")]


@tree.context_menu(name="Quote")
async def quote(interaction: discord.Interaction, message: discord.Message) -> None:
    file = discord.File(io.BytesIO(b"quoted"), "quote.txt")
    await interaction.response.send_message(f"> {message.content}", file=file)


class Board(discord.ui.View):
    """A button that says it was pressed, and a menu."""

    @discord.ui.button(label="Go", custom_id="go")
    async def go(self, interaction: discord.Interaction, _: discord.ui.Button) -> None:
        await interaction.response.edit_message(content="Pressed")

    @discord.ui.select(cls=discord.ui.UserSelect, custom_id="whom")
    async def whom(self, interaction: discord.Interaction, select: discord.ui.UserSelect) -> None:
        await interaction.response.send_message(f"You chose {select.values[0].name}", ephemeral=True)


class Who(discord.ui.Modal, title="Who are you?"):
    """A form with one line."""

    name = discord.ui.TextInput(label="Name", custom_id="name")

    async def on_submit(self, interaction: discord.Interaction) -> None:
        await interaction.response.send_message(f"Hail, {self.name.value}")


async def interact(kind: int, data: dict[str, Any], **more: Any) -> Any:
    """What the person does; what their client heard of it."""
    return await control(
        "interact",
        kind=kind,
        application_id=str(client.application_id),
        guild_id=str(GUILD),
        channel_id=str(TEXT),
        data=data,
        **more,
    )


async def slash(command: app_commands.AppCommand, *options: dict[str, Any], kind: int = 2) -> Any:
    """Calls a command, or asks what it suggests."""
    data = {"id": str(command.id), "name": command.name, "type": command.type.value, "options": options}
    return await interact(kind, data)


async def scenario() -> None:
    await client.wait_until_ready()
    text = client.get_channel(TEXT)
    commands: dict[str, app_commands.AppCommand] = {}

    async def register() -> None:
        for command in await tree.sync():
            commands[command.name] = command
        assert set(commands) == {"roll", "sing", "Quote"}, commands
        assert commands["roll"].options[0].min_value == 2
        fetched = await tree.fetch_commands()
        assert {command.id for command in fetched} == {command.id for command in commands.values()}

    await attempt("register commands", register)

    async def deferred() -> None:
        told = await slash(
            commands["roll"],
            {"name": "sides", "type": 4, "value": 6},
            {"name": "whom", "type": 6, "value": str(client.user.id)},
        )
        assert told["event"] == "INTERACTION_SUCCESS", told
        seen = await control("message", since=told["since"], content="You rolled 4")
        assert seen["flags"] == 0 and seen["type"] == 20, seen

    await attempt("deferred answer, edited and followed up", deferred)

    async def suggestions() -> None:
        focused = {"name": "song", "type": 3, "value": "gre", "focused": True}
        told = await slash(commands["sing"], focused, kind=4)
        assert told["data"]["choices"][0]["value"] == "green", told

    await attempt("autocomplete", suggestions)

    async def buttons() -> None:
        async def show(interaction: discord.Interaction) -> None:
            await interaction.response.send_message("Choose", view=Board())
            state["board"] = await interaction.original_response()

        state["sing"] = show
        told = await slash(commands["sing"])
        seen = await control("message", since=told["since"], content="Choose")
        told = await interact(3, {"component_type": 2, "custom_id": "go"}, message_id=seen["id"])
        changed = await control("message", since=told["since"], content="Pressed")
        assert changed["id"] == seen["id"]
        chosen = {"component_type": 5, "custom_id": "whom", "values": [str(client.user.id)]}
        told = await interact(3, chosen, message_id=seen["id"])
        whisper = await control("message", since=told["since"], content=f"You chose {client.user.name}")
        assert whisper["flags"] & 64
        assert whisper["id"] not in [str(m.id) async for m in text.history(limit=5)]

    await attempt("buttons and menus", buttons)

    async def form() -> None:
        state["sing"] = lambda interaction: interaction.response.send_modal(Who())
        shown = await slash(commands["sing"])
        assert shown["event"] == "INTERACTION_MODAL_CREATE", shown
        row = {"type": 1, "components": [{"type": 4, "custom_id": "name", "value": "Ana"}]}
        sent = {"id": shown["data"]["id"], "custom_id": shown["data"]["custom_id"], "components": [row]}
        told = await interact(5, sent)
        await control("message", since=told["since"], content="Hail, Ana")

    await attempt("modal", form)

    async def menu() -> None:
        said = await text.send("Wise words")
        data = {"id": str(commands["Quote"].id), "type": 3, "target_id": str(said.id)}
        told = await interact(2, data)
        seen = await control("message", since=told["since"], content="> Wise words")
        assert seen["attachments"][0]["filename"] == "quote.txt", seen

    await attempt("menu of a message", menu)

    async def layout() -> None:
        view = discord.ui.LayoutView()
        view.add_item(discord.ui.Container(discord.ui.TextDisplay("# Tonight"), accent_colour=0xAA5500))
        sent = await text.send(view=view)
        assert sent.components[0].children[0].content == "# Tonight"

    await attempt("components of version 2", layout)

    async def webhook() -> None:
        made = await control("webhook", channel=str(TEXT), name="Herald")
        hook = discord.Webhook.partial(int(made["id"]), made["token"], client=client)
        sent = await hook.send("Hear, hear", username="Town Crier", wait=True)
        assert sent.author.name == "Town Crier" and sent.webhook_id == hook.id
        assert (await sent.edit(content="Old news")).content == "Old news"
        assert (await hook.fetch_message(sent.id)).content == "Old news"
        await sent.delete()
        await hook.delete()

    await attempt("webhook", webhook)

    async def automod() -> None:
        guild, action = text.guild, discord.AuditLogAction
        allowed = discord.Permissions(manage_guild=True, view_audit_log=True)
        trust = {"user": str(client.user.id), "permissions": str(allowed.value)}
        await control("trust", **trust)
        rule = await guild.create_automod_rule(
            name="No boats",
            event_type=discord.AutoModRuleEventType.message_send,
            trigger=discord.AutoModTrigger(keyword_filter=["boat*"], allow_list=["boatswain"]),
            actions=[discord.AutoModRuleAction(custom_message="Not here.")],
            enabled=True,
        )
        assert rule.trigger.keyword_filter == ["boat*"] and rule.creator_id == client.user.id, rule
        assert [one.id for one in await guild.fetch_automod_rules()] == [rule.id]
        assert (await rule.edit(name="No more boats")).name == "No more boats"
        # Whoever manages the guild may say what they like: away with that right for a moment.
        await control("member", user=str(client.user.id), roles=[])
        try:
            await text.send("Boats ahoy")
            raise AssertionError("the message was not blocked")
        except discord.HTTPException as refused:
            assert refused.code == 200000 and "Not here." in refused.text, refused
        sent = await text.send("The boatswain")
        assert sent.content == "The boatswain"
        await control("trust", **trust)
        blocked = [one async for one in guild.audit_logs(limit=1, action=action.automod_block_message)]
        assert blocked[0].extra.automod_rule_name == "No more boats", blocked
        await rule.delete()
        assert await guild.fetch_automod_rules() == []

    await attempt("auto moderation", automod)

    async def audit_log() -> None:
        allowed = discord.Permissions(view_audit_log=True, manage_channels=True)
        role = await control("trust", user=str(client.user.id), permissions=str(allowed.value))
        mine = lambda entry: entry.user_id == client.user.id
        heard = asyncio.create_task(client.wait_for("audit_log_entry_create", check=mine, timeout=15))
        await asyncio.sleep(0)
        await text.edit(topic="Ale", reason="House rules, § 1")
        entry = await heard
        action = discord.AuditLogAction
        assert entry.action is action.channel_update and entry.reason == "House rules, § 1", entry
        assert entry.before.topic is None and entry.after.topic == "Ale", entry
        found = [one async for one in text.guild.audit_logs(limit=5, action=action.channel_update)]
        assert found[0].id == entry.id and found[0].target.id == text.id and found[0].user == text.guild.me
        given = [one async for one in text.guild.audit_logs(limit=1, action=action.member_role_update)]
        assert given[0].after.roles[0].id == int(role["id"]) and given[0].target.id == client.user.id

    await attempt("audit log", audit_log)

    async def scheduled_events() -> None:
        allowed = discord.Permissions(create_events=True, manage_events=True)
        await control("trust", user=str(client.user.id), permissions=str(allowed.value))
        heard = asyncio.create_task(client.wait_for("scheduled_event_create", timeout=15))
        await asyncio.sleep(0)
        start = discord.utils.utcnow() + datetime.timedelta(hours=1)
        made = await text.guild.create_scheduled_event(
            name="Picnic",
            start_time=start.astimezone(datetime.timezone(datetime.timedelta(hours=-5))),
            end_time=start + datetime.timedelta(hours=1),
            entity_type=discord.EntityType.external,
            privacy_level=discord.PrivacyLevel.guild_only,
            location="The park",
        )
        assert (await heard).id == made.id and made.location == "The park", made
        assert abs(made.start_time - start) < datetime.timedelta(seconds=1), made.start_time
        listed = await text.guild.fetch_scheduled_events()
        assert [(one.id, one.user_count) for one in listed] == [(made.id, 0)], listed
        started = await made.start()
        assert started.status is discord.EventStatus.active
        assert [user async for user in made.users()] == []
        assert (await started.end()).status is discord.EventStatus.completed
        await made.delete()

    await attempt("scheduled events", scheduled_events)

    async def stickers() -> None:
        allowed = discord.Permissions(create_expressions=True, manage_expressions=True)
        await control("trust", user=str(client.user.id), permissions=str(allowed.value))
        gif = base64.b64decode("R0lGODlhAQABAAAAACwAAAAAAQABAAACAkQBADs=")
        heard = asyncio.create_task(client.wait_for("guild_stickers_update", timeout=15))
        await asyncio.sleep(0)
        file = discord.File(io.BytesIO(gif), "ale.gif")
        made = await text.guild.create_sticker(name="ale", description="Foaming", emoji="🍺", file=file)
        _, _, after = await heard
        assert [one.id for one in after] == [made.id] and made.format is discord.StickerFormatType.gif, made
        sent = await text.send(stickers=[made])
        assert [item.name for item in sent.stickers] == ["ale"], sent.stickers
        assert (await sent.stickers[0].fetch()).description == "Foaming"
        assert (await made.edit(name="beer")).name == "beer"
        assert [one.name for one in await text.guild.fetch_stickers()] == ["beer"]
        await made.delete()

    await attempt("stickers", stickers)

    async def soundboard() -> None:
        # Ten frames of silence in MP3, a quarter of a second.
        mp3 = (b"\xff\xfb\x94\x00" + bytes(380)) * 10
        heard = asyncio.create_task(client.wait_for("soundboard_sound_create", timeout=15))
        await asyncio.sleep(0)
        made = await text.guild.create_soundboard_sound(name="quack", sound=mp3, volume=0.5, emoji="🦆")
        assert (await heard).id == made.id and made.volume == 0.5 and made.emoji.name == "🦆", made
        assert await made.read() == mp3
        assert (await made.edit(name="honk")).name == "honk"
        assert [one.name for one in await text.guild.fetch_soundboard_sounds()] == ["honk"]
        assert await client.fetch_soundboard_default_sounds() == []
        await made.delete()

    await attempt("soundboard", soundboard)
    check("ends", True)


async def main() -> None:
    async with client:
        run = asyncio.create_task(client.start(os.environ["BOT_TOKEN"]))
        ready = asyncio.create_task(scenario())
        done, _ = await asyncio.wait({run, ready}, return_when=asyncio.FIRST_COMPLETED, timeout=200)
        if ready not in done:
            check("login", False, run.exception() if run in done else "never ready")


asyncio.run(main())
os._exit(0)
