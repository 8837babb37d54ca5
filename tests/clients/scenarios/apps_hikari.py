"""hikari, unmodified: commands, deferred answers, suggestions, buttons, forms, webhooks. The harness is
the person who uses them."""

import asyncio
import os

import hikari
from hikari import urls
from report import attempt, check, control

BASE = os.environ["BASE"]
GUILD, TEXT = int(os.environ["GUILD"]), int(os.environ["TEXT_CHANNEL"])
urls.CDN_URL = BASE
bot = hikari.GatewayBot(
    os.environ["BOT_TOKEN"],
    rest_url=f"{BASE}/api/v10",
    intents=hikari.Intents.ALL,
    banner=None,
    suppress_optimization_warning=True,
)


async def scenario() -> None:
    application = (await bot.rest.fetch_application()).id
    commands: dict[str, hikari.PartialCommand] = {}

    async def interact(kind: int, data: dict, **more):
        return await control(
            "interact",
            kind=kind,
            application_id=str(application),
            guild_id=str(GUILD),
            channel_id=str(TEXT),
            data=data,
            **more,
        )

    async def handled(handle, action):
        """What comes of `action`, whose interaction is given to `handle`."""
        heard = asyncio.create_task(bot.wait_for(hikari.InteractionCreateEvent, 15))
        await asyncio.sleep(0)
        acting = asyncio.create_task(action)
        await handle((await heard).interaction)
        return await acting

    def call(name: str, *options: dict) -> dict:
        return {"id": str(commands[name].id), "name": name, "type": 1, "options": list(options)}

    async def register() -> None:
        build = bot.rest.slash_command_builder
        number = hikari.CommandOption(
            type=hikari.OptionType.INTEGER, name="sides", description="How many", is_required=True, min_value=2
        )
        song = hikari.CommandOption(
            type=hikari.OptionType.STRING, name="song", description="Which", autocomplete=True
        )
        made = await bot.rest.set_application_commands(
            application,
            [build("roll", "Rolls dice").add_option(number), build("sing", "Sings").add_option(song)],
        )
        commands.update({command.name: command for command in made})
        fetched = await bot.rest.fetch_application_commands(application)
        assert {command.id for command in fetched} == {command.id for command in made}

    await attempt("register commands", register)

    async def deferred() -> None:
        async def handle(interaction) -> None:
            assert isinstance(interaction, hikari.CommandInteraction) and interaction.member
            assert interaction.options[0].value == 6
            await interaction.create_initial_response(hikari.ResponseType.DEFERRED_MESSAGE_CREATE)
            edited = await interaction.edit_initial_response("You rolled 4")
            assert edited.content == "You rolled 4"
            more = await interaction.execute("Roll again?")
            await interaction.delete_message(more)
            assert (await interaction.fetch_initial_response()).id == edited.id

        action = interact(2, call("roll", {"name": "sides", "type": 4, "value": 6}))
        told = await handled(handle, action)
        assert told["event"] == "INTERACTION_SUCCESS", told
        await control("message", since=told["since"], content="You rolled 4")

    await attempt("deferred answer, edited and followed up", deferred)

    async def suggestions() -> None:
        async def handle(interaction) -> None:
            assert isinstance(interaction, hikari.AutocompleteInteraction)
            choice = hikari.impl.AutocompleteChoiceBuilder("Greensleeves", "green")
            await interaction.create_response([choice])

        focused = {"name": "song", "type": 3, "value": "gre", "focused": True}
        told = await handled(handle, interact(4, call("sing", focused)))
        assert told["data"]["choices"][0]["value"] == "green", told

    await attempt("autocomplete", suggestions)

    async def buttons() -> None:
        async def show(interaction) -> None:
            row = bot.rest.build_message_action_row()
            row.add_interactive_button(hikari.ButtonStyle.PRIMARY, "go", label="Go")
            create = hikari.ResponseType.MESSAGE_CREATE
            await interaction.create_initial_response(create, "Choose", component=row)

        async def press(interaction) -> None:
            assert isinstance(interaction, hikari.ComponentInteraction)
            update = hikari.ResponseType.MESSAGE_UPDATE
            await interaction.create_initial_response(update, "Pressed", components=[])

        told = await handled(show, interact(2, call("sing")))
        seen = await control("message", since=told["since"], content="Choose")
        pressed = interact(3, {"component_type": 2, "custom_id": "go"}, message_id=seen["id"])
        told = await handled(press, pressed)
        changed = await control("message", since=told["since"], content="Pressed")
        assert changed["id"] == seen["id"]

    await attempt("button", buttons)

    async def form() -> None:
        async def show(interaction) -> None:
            row = bot.rest.build_modal_action_row()
            row.add_text_input("name", "Name")
            await interaction.create_modal_response("Who are you?", "who", component=row)

        async def read(interaction) -> None:
            assert isinstance(interaction, hikari.ModalInteraction)
            name = interaction.components[0].components[0].value
            flags = hikari.MessageFlag.EPHEMERAL
            create = hikari.ResponseType.MESSAGE_CREATE
            await interaction.create_initial_response(create, f"Hail, {name}", flags=flags)

        shown = await handled(show, interact(2, call("sing")))
        row = {"type": 1, "components": [{"type": 4, "custom_id": "name", "value": "Ana"}]}
        sent = {"id": shown["data"]["id"], "custom_id": "who", "components": [row]}
        told = await handled(read, interact(5, sent))
        whisper = await control("message", since=told["since"], content="Hail, Ana")
        assert whisper["flags"] & 64

    await attempt("modal", form)

    async def webhook() -> None:
        made = await control("webhook", channel=str(TEXT), name="Herald")
        id, token = int(made["id"]), made["token"]
        sent = await bot.rest.execute_webhook(id, token, "Hear, hear", username="Town Crier")
        assert sent.author.username == "Town Crier" and sent.webhook_id == id
        edited = await bot.rest.edit_webhook_message(id, token, sent.id, "Old news")
        assert edited.content == "Old news"
        await bot.rest.delete_webhook_message(id, token, sent.id)
        await bot.rest.delete_webhook(id, token=token)

    await attempt("webhook", webhook)

    async def audit_log() -> None:
        me = bot.get_me()
        allowed = hikari.Permissions.VIEW_AUDIT_LOG | hikari.Permissions.MANAGE_CHANNELS
        await control("trust", user=str(me.id), permissions=str(int(allowed)))
        await bot.rest.edit_channel(TEXT, topic="Ale by hikari", reason="House rules, § 1")
        kind = hikari.AuditLogEventType.CHANNEL_UPDATE
        async for log in bot.rest.fetch_audit_log(GUILD, event_type=kind, user=me):
            entry = max(log.entries.values(), key=lambda entry: entry.id)
            assert entry.reason == "House rules, § 1" and entry.target_id == TEXT, entry
            return
        raise AssertionError("the log is empty")

    await attempt("audit log", audit_log)
    check("ends", True)


async def main() -> None:
    await bot.start()
    try:
        await scenario()
    finally:
        await bot.close()


asyncio.run(main())
os._exit(0)
