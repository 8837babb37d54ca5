"""hikari, unmodified: commands, deferred answers, suggestions, buttons, forms, webhooks. The harness is
the person who uses them."""

import asyncio
import datetime
import os

import hikari
from hikari import urls
from hikari.events import auto_mod_events
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

    async def layout() -> None:
        button = hikari.impl.InteractiveButtonBuilder(
            custom_id="order", label="Order", style=hikari.ButtonStyle.PRIMARY
        )
        section = hikari.impl.SectionComponentBuilder(accessory=button).add_text_display("Mutton")
        container = hikari.impl.ContainerComponentBuilder(accent_color=hikari.Color(0xAA5500))
        container.add_text_display("# Tonight").add_component(section)
        sent = await bot.rest.create_message(TEXT, component=container)
        assert sent.flags & hikari.MessageFlag.IS_COMPONENTS_V2, sent.flags
        [shown] = sent.components
        assert isinstance(shown, hikari.ContainerComponent) and shown.accent_color == 0xAA5500, shown
        title, dish = shown.components
        assert isinstance(title, hikari.TextDisplayComponent) and title.content == "# Tonight", title
        assert isinstance(dish, hikari.SectionComponent), dish
        assert dish.components[0].content == "Mutton" and dish.accessory.custom_id == "order", dish

        async def serve(interaction) -> None:
            assert interaction.custom_id == "order" and interaction.message.id == sent.id
            create = hikari.ResponseType.MESSAGE_CREATE
            served = hikari.impl.TextDisplayComponentBuilder(content="Served")
            await interaction.create_initial_response(create, component=served)
            told = await interaction.fetch_initial_response()
            assert told.components[0].content == "Served", told.components

        await handled(serve, interact(3, {"component_type": 2, "custom_id": "order"}, message_id=str(sent.id)))

    await attempt("components of version 2", layout)

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

    async def during(kind, action):
        """The event that `action` causes, listened for before it happens; and what came of the action."""
        heard = asyncio.create_task(bot.wait_for(kind, 15))
        await asyncio.sleep(0)
        result = await action
        return await heard, result

    async def trust(allowed: hikari.Permissions) -> None:
        await control("trust", user=str(bot.get_me().id), permissions=str(int(allowed)))

    async def scheduled_events() -> None:
        await trust(hikari.Permissions.MANAGE_EVENTS | hikari.Permissions.CREATE_EVENTS)
        hour = datetime.timedelta(hours=1)
        start = datetime.datetime.now(datetime.UTC).replace(microsecond=0) + hour
        planning = bot.rest.create_external_event(
            GUILD,
            "Picnic",
            "The park",
            start.astimezone(datetime.timezone(datetime.timedelta(hours=-5))),
            start + hour,
            description="Bring bread",
        )
        told, made = await during(hikari.ScheduledEventCreateEvent, planning)
        assert told.event_id == made.id and told.event.location == "The park", told
        assert made.creator.id == bot.get_me().id and made.description == "Bring bread", made
        assert (made.start_time, made.end_time) == (start, start + hour), made
        owner = (await bot.rest.fetch_guild(GUILD)).owner_id
        joined, _ = await during(hikari.ScheduledEventUserAddEvent, control("attend", event=str(made.id)))
        assert joined.event_id == made.id and joined.user_id == owner, joined
        listed = await bot.rest.fetch_scheduled_events(GUILD)
        assert [(one.id, one.user_count) for one in listed] == [(made.id, 1)], listed
        coming = [one async for one in bot.rest.fetch_scheduled_event_users(GUILD, made.id)]
        assert [(one.event_id, one.member.id) for one in coming] == [(made.id, owner)], coming
        active = hikari.ScheduledEventStatus.ACTIVE
        editing = bot.rest.edit_scheduled_event(GUILD, made.id, name="Feast", status=active)
        changed, edited = await during(hikari.ScheduledEventUpdateEvent, editing)
        assert changed.event_id == made.id and changed.event.status is active, changed
        assert changed.event.name == edited.name == "Feast" and edited.status is active, edited
        gone, _ = await during(hikari.ScheduledEventDeleteEvent, bot.rest.delete_scheduled_event(GUILD, made.id))
        assert gone.event_id == made.id and not await bot.rest.fetch_scheduled_events(GUILD)

    await attempt("scheduled events", scheduled_events)

    async def automod() -> None:
        me = bot.get_me().id
        allowed = hikari.Permissions.MANAGE_GUILD | hikari.Permissions.VIEW_AUDIT_LOG
        await trust(allowed)
        making = bot.rest.create_auto_mod_rule(
            GUILD,
            "No boats",
            hikari.AutoModEventType.MESSAGE_SEND,
            hikari.impl.AutoModKeywordTriggerBuilder(keyword_filter=["boat*"], allow_list=["boatswain"]),
            [hikari.impl.AutoModBlockMessageActionBuilder(custom_message="Not here.")],
            enabled=True,
        )
        told, rule = await during(auto_mod_events.AutoModRuleCreateEvent, making)
        assert told.rule.id == rule.id and rule.is_enabled and rule.creator_id == me, told
        [listed] = await bot.rest.fetch_auto_mod_rules(GUILD)
        assert listed.id == rule.id and isinstance(listed.trigger, hikari.KeywordTrigger), listed
        assert list(listed.trigger.keyword_filter) == ["boat*"], listed.trigger
        assert list(listed.trigger.allow_list) == ["boatswain"], listed.trigger
        renaming = bot.rest.edit_auto_mod_rule(GUILD, rule.id, name="No more boats")
        changed, edited = await during(auto_mod_events.AutoModRuleUpdateEvent, renaming)
        assert changed.rule.id == rule.id and changed.rule.name == edited.name == "No more boats", changed
        # Whoever manages the guild may say what they like: away with that right for a moment.
        await control("member", user=str(me), roles=[])
        try:
            await bot.rest.create_message(TEXT, "Boats ahoy")
            raise AssertionError("the message was not blocked")
        except hikari.BadRequestError as refused:
            assert refused.code == 200000 and "Not here." in str(refused), refused
        assert (await bot.rest.create_message(TEXT, "The boatswain")).content == "The boatswain"
        await trust(allowed)
        # Of what was blocked it shows no entries: it does not know their options.
        kind = hikari.AuditLogEventType.AUTO_MODERATION_RULE_UPDATE
        log = await bot.rest.fetch_audit_log(GUILD, event_type=kind, user=me).next()
        [entry] = log.entries.values()
        assert entry.target_id == rule.id and entry.changes[0].new_value == "No more boats", entry
        assert log.auto_mod_rules[rule.id].name == "No more boats", log.auto_mod_rules
        removed, _ = await during(
            auto_mod_events.AutoModRuleDeleteEvent, bot.rest.delete_auto_mod_rule(GUILD, rule.id)
        )
        assert removed.rule.id == rule.id and not await bot.rest.fetch_auto_mod_rules(GUILD)

    await attempt("auto moderation", automod)

    async def audit_log() -> None:
        me = bot.get_me()
        await trust(hikari.Permissions.VIEW_AUDIT_LOG | hikari.Permissions.MANAGE_CHANNELS)
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
