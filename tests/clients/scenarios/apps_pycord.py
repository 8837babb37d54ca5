"""py-cord, unmodified: commands, deferred and private answers, suggestions, buttons, menus, forms,
webhooks. The harness is the person who uses them."""

import asyncio
import datetime
import io
import os
from typing import Any

import discord
from report import attempt, check, control

BASE = os.environ["BASE"]
GUILD, TEXT = int(os.environ["GUILD"]), int(os.environ["TEXT_CHANNEL"])
discord.http.Route.API_BASE_URL = f"{BASE}/api/v{{API_VERSION}}"
discord.asset.Asset.BASE = BASE
bot = discord.Bot(intents=discord.Intents.all(), auto_sync_commands=False)
state: dict[str, Any] = {}


def songs(context: discord.AutocompleteContext) -> list[discord.OptionChoice]:
    """What the command suggests for the word begun."""
    return [discord.OptionChoice("Greensleeves", context.value + "en")]


@bot.slash_command(description="Rolls dice")
@discord.option("sides", int, description="How many", min_value=2)
@discord.option("whom", discord.Member, description="For whom")
async def roll(context: discord.ApplicationContext, sides: int, whom: discord.Member) -> None:
    assert context.author.name == "ana" and context.interaction.permissions.administrator
    assert whom.id == bot.user.id
    await context.defer()
    edited = await context.edit(content=f"You rolled {sides - 2}")
    more = await context.followup.send("Roll again?", wait=True)
    await more.delete()
    original = await context.interaction.original_response()
    assert original.id == edited.id and original.content == f"You rolled {sides - 2}"


@bot.slash_command(description="Sings")
@discord.option("song", str, description="Which", required=False, autocomplete=songs)
async def sing(context: discord.ApplicationContext, song: str | None) -> None:
    await state["sing"](context)


@bot.message_command(name="Quote")
async def quote(context: discord.ApplicationContext, message: discord.Message) -> None:
    await context.respond(f"> {message.content}", file=discord.File(io.BytesIO(b"quoted"), "quote.txt"))


class Board(discord.ui.View):
    """A button that says it was pressed, and a menu."""

    @discord.ui.button(label="Go", custom_id="go")
    async def go(self, _: discord.ui.Button, interaction: discord.Interaction) -> None:
        await interaction.response.edit_message(content="Pressed")

    @discord.ui.select(discord.ComponentType.user_select, custom_id="whom")
    async def whom(self, select: discord.ui.Select, interaction: discord.Interaction) -> None:
        await interaction.response.send_message(f"You chose {select.values[0].name}", ephemeral=True)


class Who(discord.ui.Modal):
    """A form with one line."""

    def __init__(self) -> None:
        super().__init__(discord.ui.InputText(label="Name", custom_id="name"), title="Who are you?")

    async def callback(self, interaction: discord.Interaction) -> None:
        await interaction.response.send_message(f"Hail, {self.children[0].value}")


async def interact(kind: int, data: dict[str, Any], **more: Any) -> Any:
    """What the person does; what their client heard of it."""
    place = {"guild_id": str(GUILD), "channel_id": str(TEXT)}
    application = str(bot.application_id or bot.user.id)
    return await control("interact", kind=kind, application_id=application, data=data, **place, **more)


async def slash(command: discord.ApplicationCommand, *options: dict[str, Any], kind: int = 2) -> Any:
    """Calls a command, or asks what it suggests."""
    data = {"id": str(command.id), "name": command.name, "type": 1, "options": options}
    return await interact(kind, data)


async def during(event: str, action: Any) -> tuple[Any, Any]:
    """The event that `action` causes, listened for before it happens; and what came of the action."""
    heard = asyncio.create_task(bot.wait_for(event, timeout=15))
    await asyncio.sleep(0)
    result = await action
    return await heard, result


async def scenario() -> None:
    await bot.wait_until_ready()
    text = bot.get_channel(TEXT)

    async def register() -> None:
        await bot.sync_commands()
        fetched = await bot.http.get_global_commands(bot.user.id)
        assert {command["name"] for command in fetched} == {"roll", "sing", "Quote"}, fetched
        assert {command["id"] for command in fetched} == {str(c.id) for c in (roll, sing, quote)}, fetched

    await attempt("register commands", register)

    async def deferred() -> None:
        whom = {"name": "whom", "type": 6, "value": str(bot.user.id)}
        told = await slash(roll, {"name": "sides", "type": 4, "value": 6}, whom)
        assert told["event"] == "INTERACTION_SUCCESS", told
        await control("message", since=told["since"], content="You rolled 4")

    await attempt("deferred answer, edited and followed up", deferred)

    async def suggestions() -> None:
        focused = {"name": "song", "type": 3, "value": "gre", "focused": True}
        told = await slash(sing, focused, kind=4)
        assert told["data"]["choices"][0]["value"] == "green", told

    await attempt("autocomplete", suggestions)

    async def buttons() -> None:
        async def show(context: discord.ApplicationContext) -> None:
            await context.respond("Choose", view=Board())

        state["sing"] = show
        told = await slash(sing)
        seen = await control("message", since=told["since"], content="Choose")
        told = await interact(3, {"component_type": 2, "custom_id": "go"}, message_id=seen["id"])
        changed = await control("message", since=told["since"], content="Pressed")
        assert changed["id"] == seen["id"]
        chosen = {"component_type": 5, "custom_id": "whom", "values": [str(bot.user.id)]}
        told = await interact(3, chosen, message_id=seen["id"])
        whisper = await control("message", since=told["since"], content=f"You chose {bot.user.name}")
        assert whisper["flags"] & 64

    await attempt("buttons and menus", buttons)

    async def form() -> None:
        state["sing"] = lambda context: context.send_modal(Who())
        shown = await slash(sing)
        assert shown["event"] == "INTERACTION_MODAL_CREATE", shown
        row = {"type": 1, "components": [{"type": 4, "custom_id": "name", "value": "Ana"}]}
        sent = {"id": shown["data"]["id"], "custom_id": shown["data"]["custom_id"], "components": [row]}
        told = await interact(5, sent)
        await control("message", since=told["since"], content="Hail, Ana")

    await attempt("modal", form)

    async def menu() -> None:
        said = await text.send("Wise words")
        told = await interact(2, {"id": str(quote.id), "name": "Quote", "type": 3, "target_id": str(said.id)})
        seen = await control("message", since=told["since"], content="> Wise words")
        assert seen["attachments"][0]["filename"] == "quote.txt", seen

    await attempt("menu of a message", menu)

    async def layout() -> None:
        container = discord.ui.Container(discord.ui.TextDisplay("# Tonight"), colour=0xAA5500)
        sent = await text.send(view=discord.ui.DesignerView(container))
        assert sent.components[0].components[0].content == "# Tonight", sent.components

    await attempt("components of version 2", layout)

    async def webhook() -> None:
        made = await control("webhook", channel=str(TEXT), name="Herald")
        hook = discord.Webhook.partial(int(made["id"]), made["token"], session=bot.http._HTTPClient__session)
        sent = await hook.send("Hear, hear", username="Town Crier", wait=True)
        assert sent.author.name == "Town Crier" and sent.webhook_id == hook.id
        assert (await sent.edit(content="Old news")).content == "Old news"
        assert (await hook.fetch_message(sent.id)).content == "Old news"
        await sent.delete()
        await hook.delete()

    await attempt("webhook", webhook)

    async def scheduled_events() -> None:
        allowed = discord.Permissions(manage_events=True)
        # CREATE_EVENTS, for which it has no word.
        permissions = str(allowed.value | 1 << 44)
        await control("trust", user=str(bot.user.id), permissions=permissions)
        guild, hour = text.guild, datetime.timedelta(hours=1)
        start = discord.utils.utcnow().replace(microsecond=0) + hour
        planning = guild.create_scheduled_event(
            name="Picnic",
            description="Bring bread",
            start_time=start.astimezone(datetime.timezone(datetime.timedelta(hours=-5))),
            end_time=start + hour,
            location="The park",
        )
        told, made = await during("scheduled_event_create", planning)
        assert told.id == made.id and told.location.value == "The park", told
        assert made.creator_id == bot.user.id and made.description == "Bring bread", made
        assert (made.start_time, made.end_time) == (start, start + hour), made
        joined, _ = await during("raw_scheduled_event_user_add", control("attend", event=str(made.id)))
        assert joined.event_id == made.id and joined.user_id == guild.owner_id, joined
        listed = await guild.fetch_scheduled_events()
        assert [(one.id, one.subscriber_count) for one in listed] == [(made.id, 1)], listed
        coming = [member async for member in made.subscribers(as_member=True)]
        assert coming == [guild.owner] and isinstance(coming[0], discord.Member), coming
        (_, changed), started = await during("scheduled_event_update", made.start())
        active = discord.ScheduledEventStatus.active
        assert changed.id == made.id and changed.status is active and started.status is active, changed
        (_, changed), done = await during("scheduled_event_update", started.complete())
        completed = discord.ScheduledEventStatus.completed
        assert changed.status is completed and done.status is completed, changed
        gone, _ = await during("scheduled_event_delete", made.delete())
        assert gone.id == made.id and await guild.fetch_scheduled_events() == []

    await attempt("scheduled events", scheduled_events)

    async def automod() -> None:
        guild, me = text.guild, str(bot.user.id)
        allowed = discord.Permissions(manage_guild=True, view_audit_log=True)
        trust = {"user": me, "permissions": str(allowed.value)}
        await control("trust", **trust)
        metadata = discord.AutoModActionMetadata(custom_message="Not here.")
        making = guild.create_auto_moderation_rule(
            name="No boats",
            event_type=discord.AutoModEventType.message_send,
            trigger_type=discord.AutoModTriggerType.keyword,
            trigger_metadata=discord.AutoModTriggerMetadata(keyword_filter=["boat*"], allow_list=["boatswain"]),
            actions=[discord.AutoModAction(discord.AutoModActionType.block_message, metadata)],
            enabled=True,
        )
        told, rule = await during("auto_moderation_rule_create", making)
        assert told.id == rule.id and rule.enabled and rule.creator_id == bot.user.id, told
        [listed] = await guild.fetch_auto_moderation_rules()
        assert listed == rule and listed.trigger_metadata.keyword_filter == ["boat*"], listed.trigger_metadata
        assert listed.trigger_metadata.allow_list == ["boatswain"], listed.trigger_metadata
        assert listed.actions[0].metadata.custom_message == "Not here.", listed.actions
        changed, edited = await during("auto_moderation_rule_update", rule.edit(name="No more boats"))
        assert changed.id == rule.id and changed.name == edited.name == "No more boats", changed
        # Whoever manages the guild may say what they like: away with that right for a moment.
        await control("member", user=me, roles=[])
        try:
            await text.send("Boats ahoy")
            raise AssertionError("the message was not blocked")
        except discord.HTTPException as refused:
            assert refused.code == 200000 and "Not here." in refused.text, refused
        assert (await text.send("The boatswain")).content == "The boatswain"
        await control("trust", **trust)
        action = discord.AuditLogAction.auto_moderation_block_message
        [blocked] = [one async for one in guild.audit_logs(limit=1, action=action)]
        assert blocked.action is action and blocked.target.id == bot.user.id, blocked
        removed, _ = await during("auto_moderation_rule_delete", rule.delete())
        assert removed.id == rule.id and await guild.fetch_auto_moderation_rules() == []

    await attempt("auto moderation", automod)

    async def audit_log() -> None:
        allowed = discord.Permissions(view_audit_log=True, manage_channels=True)
        await control("trust", user=str(bot.user.id), permissions=str(allowed.value))
        mine = lambda entry: entry.user_id == bot.user.id
        heard = asyncio.create_task(bot.wait_for("raw_audit_log_entry", check=mine, timeout=15))
        await asyncio.sleep(0)
        await text.edit(topic="Ale by py-cord", reason="House rules, § 1")
        entry = await heard
        action = discord.AuditLogAction.channel_update
        assert entry.action_type is action and entry.reason == "House rules, § 1", entry
        found = [one async for one in text.guild.audit_logs(limit=1, action=action)]
        assert found[0].id == entry.id and found[0].after.topic == "Ale by py-cord", found

    await attempt("audit log", audit_log)
    check("ends", True)


async def main() -> None:
    async with bot:
        run = asyncio.create_task(bot.start(os.environ["BOT_TOKEN"]))
        ready = asyncio.create_task(scenario())
        done, _ = await asyncio.wait({run, ready}, return_when=asyncio.FIRST_COMPLETED, timeout=200)
        if ready not in done:
            check("login", False, run.exception() if run in done else "never ready")
    os._exit(0)


asyncio.run(main())
