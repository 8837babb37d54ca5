"""What a person does with each published example, and what must come of it."""

import re
from typing import Any

from .examples import PRIVATE, Bot, Example, controls, demand

# Numbers of permissions' bits.
MANAGE_CHANNELS, VIEW_CHANNEL, SEND, MANAGE_ROLES = 4, 10, 11, 28
# Types of options, of commands.
STRING, INTEGER, USER, CHANNEL = 3, 4, 6, 7
PERSON_MENU, MESSAGE_MENU = 2, 3

TOKEN = {"'token'": "'{token}'"}
GUILD = {"discord.Object(id=0)": "discord.Object(id={guild})"}


# -- examples of messages ------------------------------------------------------------------------------


async def basic_bot(bot: Bot) -> None:
    await bot.asks("?add 2 3", "5")
    await bot.asks("?roll 3d6", re.compile("[1-6], [1-6], [1-6]"))
    await bot.asks("?roll twice", re.compile("Format has to be in .*!"))
    await bot.asks("?choose ale mead", re.compile("ale|mead"))
    await bot.asks('?repeat 2 "hail again"', "hail again", "hail again")
    await bot.asks(f"?joined {bot.ana['username']}", re.compile(rf"{bot.ana['username']} joined <t:\d+>"))
    await bot.asks("?cool bot", "Yes, the bot is cool.")
    await bot.asks("?cool ana", "No, ana is not cool")
    told = await bot.asks("?help", re.compile("```.*```", re.DOTALL))
    demand("Adds two numbers together." in told["content"], told["content"])


async def reply(bot: Bot) -> None:
    said = await bot.says("!hello")
    answer = await bot.reads("Hello!")
    demand(answer["message_reference"]["message_id"] == said["id"], answer)
    demand(answer["referenced_message"]["content"] == "!hello", answer)
    demand([user["id"] for user in answer["mentions"]] == [bot.ana["id"]], answer)


async def guessing_game(bot: Bot) -> None:
    await bot.asks("$guess", "Guess a number between 1 and 10.")
    await bot.asks("5", re.compile(r"You are right!|Oops. It is actually \d+\."))


async def deleted(bot: Bot) -> None:
    first = await bot.asks("!deleteme", "I will delete myself now...")
    await bot.sees(lambda name, data: name == "MESSAGE_DELETE" and data["id"] == first["id"])
    # The two come in either order: one is said by whoever hears that it is gone, one by whoever went on.
    contents = set()
    while len(contents) < 2:
        contents.add((await bot.reads(re.compile("Goodbye.*|.* has deleted the message: I will delete .*")))["content"])
    await bot.reads(re.compile(".* has deleted the message: Goodbye in 3 seconds..."))


async def edits(bot: Bot) -> None:
    first = await bot.asks("!editme", "10")
    second = await bot.reads("40")
    demand(second["id"] == first["id"] and second["edited_timestamp"], second)
    await bot.reads(re.compile(r"\*\*.*\*\* edited their message:\n10 -> 40"))


async def new_member(bot: Bot) -> None:
    await bot.server.rest("PATCH", f"/guilds/{bot.guild}", system_channel_id=bot.channel)
    invite = await bot.server.rest("POST", f"/channels/{bot.channel}/invites")
    account = {"username": "newcomer", "password": "correct horse battery", "invite": invite["code"]}
    await bot.server.rest("POST", "/auth/register", "", **account)
    welcome = await bot.reads(re.compile(r"Welcome <@\d+> to Conformance!"))
    demand(welcome["mentions"][0]["username"] == "newcomer", welcome)


async def background_task(bot: Bot) -> None:
    await bot.reads("1")


async def converters(bot: Bot) -> None:
    ana, name = bot.ana["id"], bot.ana["username"]
    found = await bot.asks(f"!userinfo {name}", re.compile(f"User found: {ana} -- {name}\nhttps://.*"))
    picture = found["content"].splitlines()[1]
    assert bot.server.http is not None
    async with bot.server.http.get(picture) as answer:
        demand(answer.status == 200 and answer.content_type.startswith("image/"), f"{picture}: {answer.status}")
    await bot.asks("!userinfo nobody", "Couldn't find that user.")
    await bot.asks(f"!notify <#{bot.channel}>", re.compile("Hello, example-.*!"))
    await bot.asks(f"!ignore <@{ana}>", f"Member found: <@{ana}>, adding them to the ignore list.")
    await bot.asks(f"!ignore <#{bot.channel}>", f"Channel found: <#{bot.channel}>, adding it to the ignore list.")
    await bot.asks("!multiply 4 yes", "8")


async def custom_context(bot: Bot) -> None:
    said = await bot.says("!guess 3")
    added = await bot.sees(lambda name, data: name == "MESSAGE_REACTION_ADD" and data["message_id"] == said["id"])
    demand(added["user_id"] == bot.id and added["emoji"]["name"] in "✅❌", added)


async def may_make_channels(bot: Bot) -> dict[str, str]:
    await bot.trusted(MANAGE_CHANNELS, VIEW_CHANNEL, SEND, MANAGE_ROLES)
    return {}


async def secret(bot: Bot) -> None:
    hush = await bot.asks(f"<@{bot.id}> secret", "Shh!")
    await bot.says(f"<@{bot.id}> secret text hideout <@{bot.ana['id']}>")
    made = await bot.sees(lambda name, data: name == "CHANNEL_CREATE" and data["name"] == "hideout")
    hidden = {one["id"]: (int(one["allow"]), int(one["deny"])) for one in made["permission_overwrites"]}
    view = 1 << VIEW_CHANNEL
    wanted = {bot.guild: (0, view), bot.ana["id"]: (view, 0), bot.id: (view, 0)}
    demand(hidden == wanted, made["permission_overwrites"])
    log = await bot.server.rest("GET", f"/guilds/{bot.guild}/audit-logs?action_type=10&limit=1")
    entry = log["audit_log_entries"][0]
    demand((entry["reason"], entry["user_id"]) == ("Very secret business.", bot.id), entry)
    await bot.sees(lambda name, data: name == "MESSAGE_DELETE" and data["id"] == hush["id"])


async def a_role_to_give(bot: Bot) -> dict[str, str]:
    await bot.trusted(MANAGE_ROLES)
    # A new role is below all others: the bot may give it.
    made = await bot.server.rest("POST", f"/guilds/{bot.guild}/roles", name="red", permissions="0")
    message = await bot.says("Red or yellow?")
    return {"message": message["id"], "role": made["id"]}


async def reaction_roles(bot: Bot) -> None:
    (message,) = await bot.server.rest("GET", f"/channels/{bot.channel}/messages")
    reaction = f"/channels/{bot.channel}/messages/{message['id']}/reactions/🔴/@me"

    async def roles() -> list[str]:
        changed = lambda name, data: name == "GUILD_MEMBER_UPDATE" and data["user"]["id"] == bot.ana["id"]
        return (await bot.sees(changed))["roles"]

    await bot.server.rest("PUT", reaction)
    demand(len(await roles()) == 1, "no role was given")
    await bot.server.rest("DELETE", reaction)
    demand(await roles() == [], "the role was not taken")


# -- examples of commands ------------------------------------------------------------------------------


async def app_commands(bot: Bot) -> None:
    ana = bot.ana["id"]
    await bot.calls("hello")
    await bot.reads(f"Hi, <@{ana}>")
    await bot.calls("add", ("first_value", INTEGER, 2), ("second_value", INTEGER, 3))
    await bot.reads("2 + 3 = 5")
    await bot.calls("send", ("text", STRING, "Hail, all"))
    await bot.reads("Hail, all")
    await bot.calls("joined")
    await bot.reads(re.compile(r"ana.* joined <t:\d+>"))
    await bot.calls("joined", ("member", USER, bot.id))
    await bot.reads(re.compile(r"example.* joined <t:\d+>"))
    await bot.calls("Show Join Date", kind=PERSON_MENU, target=ana)
    await bot.reads(re.compile(r"ana.* joined at <t:\d+>"))
    said = await bot.says("Beware of the dog")
    await bot.calls("Report to Moderators", kind=MESSAGE_MENU, target=said["id"])
    thanks = await bot.reads(f"Thanks for reporting this message by <@{ana}> to our moderators.")
    demand(thanks["flags"] & PRIVATE, thanks)
    report = await bot.reads("")
    demand(report["embeds"][0]["description"] == "Beware of the dog", report["embeds"])
    (button,) = controls(report)
    demand(button["url"].endswith(f"/channels/{bot.guild}/{bot.channel}/{said['id']}"), button)


async def transformers(bot: Bot) -> None:
    await bot.calls("add", ("first", INTEGER, 100), ("second", INTEGER, 3))
    demand((await bot.reads("100 + 3 = 103"))["flags"] & PRIVATE, "everyone saw it")
    try:
        await bot.calls("add", ("first", INTEGER, 101), ("second", INTEGER, 3))
        raise AssertionError("101 is beyond the range, and was taken")
    except RuntimeError as refused:
        demand("50035" in str(refused), refused)
    await bot.calls("channel-info", ("channel", CHANNEL, bot.channel))
    fields = {one["name"]: one["value"] for one in (await bot.reads(""))["embeds"][0]["fields"]}
    demand(fields["ID"] == bot.channel and fields["Type"] == "Text", fields)
    choices = (await bot.command("shop"))["options"][0]["choices"]
    demand([one["value"] for one in choices] == ["Buy", "Sell"], choices)
    await bot.calls("shop", ("action", STRING, "Buy"), ("item", STRING, "ale"))
    await bot.reads("Action: Buy\nItem: ale")
    cherry = next(one for one in (await bot.command("fruit"))["options"][0]["choices"] if one["name"] == "cherry")
    kind = INTEGER if isinstance(cherry["value"], int) else STRING
    await bot.calls("fruit", ("fruit", kind, cherry["value"]))
    await bot.reads(re.compile("<Fruits.cherry: 2>"))
    await bot.calls("graph", ("point", STRING, "1, 2"))
    await bot.reads("Point(x=1, y=2)")
    await bot.calls("graph3d", ("point", STRING, "1,2,3"))
    await bot.reads("Point3D(x=1, y=2, z=3)")


async def feedback(bot: Bot) -> None:
    told = await bot.calls("feedback")
    demand(told["event"] == "INTERACTION_MODAL_CREATE" and told["data"]["title"] == "Feedback", told)
    name, words = controls(told["data"])
    demand(name["label"] == "Name" and name["required"] and not words["required"], (name, words))
    row = lambda control, value: {
        "type": 1, "components": [{"type": 4, "custom_id": control["custom_id"], "value": value}],
    }
    form = {"id": told["data"]["id"], "custom_id": told["data"]["custom_id"]}
    form["components"] = [row(name, "Ana"), row(words, "Well done")]
    await bot.interacts(5, form)
    thanks = await bot.reads("Thanks for your feedback, Ana!")
    demand(thanks["flags"] & PRIVATE, thanks)


# -- examples of buttons and menus ---------------------------------------------------------------------


async def confirm(bot: Bot) -> None:
    await bot.presses(await bot.asks("$ask", "Do you want to continue?"), "Confirm")
    demand((await bot.reads("Confirming"))["flags"] & PRIVATE, "everyone saw it")
    await bot.presses(await bot.asks("$ask", "Do you want to continue?"), "Cancel")
    await bot.reads("Cancelling")


async def count_to_five(bot: Bot, message: dict[str, Any]) -> None:
    for number in range(5):
        await bot.presses(message, str(number))
        message = await bot.sees(
            lambda name, data: name == "MESSAGE_UPDATE"
            and data["id"] == message["id"]
            and controls(data)[0]["label"] == str(number + 1)
        )
    demand(controls(message)[0]["disabled"], message)


async def counter(bot: Bot) -> None:
    await count_to_five(bot, await bot.asks("$counter", "Press!"))


async def ephemeral(bot: Bot) -> None:
    await bot.presses(await bot.asks("$counter", "Press!"), "Click")
    mine = await bot.reads("Enjoy!")
    demand(mine["flags"] & PRIVATE, mine)
    await count_to_five(bot, mine)


async def dropdown(bot: Bot) -> None:
    asked = await bot.asks("$colour", "Pick your favourite colour:")
    (menu,) = controls(asked)
    demand([one["label"] for one in menu["options"]] == ["Red", "Green", "Blue"], menu)
    await bot.uses(asked, menu, "Green")
    await bot.reads("Your favourite colour is Green")


async def link(bot: Bot) -> None:
    shown = await bot.asks("$google guild halls", "Google Result for: `guild halls`")
    demand(controls(shown)[0]["url"] == "https://www.google.com/search?q=guild+halls", shown["components"])


async def persistent(bot: Bot) -> None:
    asked = await bot.asks("$prepare", "What's your favourite colour?")
    await bot.presses(asked, "Green")
    demand((await bot.reads("This is green."))["flags"] & PRIVATE, "everyone saw it")
    # Its buttons are good for those who come after it, too.
    await bot.again()
    await bot.presses(asked, "Red")
    await bot.reads("This is red.")


async def tic_tac_toe(bot: Bot) -> None:
    board = await bot.asks("$tic", "Tic Tac Toe: X goes first")
    for at, told in [(0, "O's turn"), (3, "X's turn"), (1, "O's turn"), (4, "X's turn"), (2, "")]:
        await bot.uses(board, controls(board)[at])
        board = await bot.reads(f"It is now {told}" if told else "X won!")
    demand("".join(one["label"] for one in controls(board)[:5]) == "XXXOO", board)
    demand(all(one["disabled"] for one in controls(board)), board)


# -- hikari and discord.js -----------------------------------------------------------------------------

PONG = re.compile(r"Pong! (\d+|nan)ms")


async def hello_world(bot: Bot) -> None:
    # It does not ask for the content of messages: it reads what is said to it alone, and what names it.
    private = await bot.server.rest("POST", "/users/@me/channels", recipient_id=bot.id)
    await bot.asks("!ping", PONG, channel=private["id"])


async def image_resources(bot: Bot) -> None:
    await bot.says(f"!image <@{bot.ana['id']}> <@{bot.id}>")
    await bot.sees(lambda name, data: name == "TYPING_START" and data["user_id"] == bot.id)
    shown = await bot.reads("User avatar")
    demand(shown["attachments"][0]["content_type"].startswith("image/"), shown["attachments"])
    await bot.asks(f"!image here <@{bot.id}>", "This guild doesn't have an icon")


async def slash(bot: Bot) -> None:
    await bot.calls("ping")
    await bot.reads(PONG)
    await bot.calls("info")
    await bot.reads("Hello, this is an example bot written in hikari!")
    await bot.calls("ephemeral")
    demand((await bot.reads("Only you can see this, keep it a secret :)"))["flags"] & PRIVATE, "everyone saw it")


async def template(bot: Bot) -> None:
    demand((await bot.command("ping"))["description"] == "Ping!", "another command")
    await bot.calls("ping")
    await bot.reads("Pong!")


CHANNEL_ID = {"1234567": "{channel}"}
ROLES = {"self.role_message_id = 0": "self.role_message_id = {message}", "name='🔴'): 0": "name='🔴'): {role}"}
MODAL_GUILD = {"discord.Object(0)": "discord.Object({guild})"}
REPORTS = {"get_channel(0)": "get_channel({channel})"}

EXAMPLES = [
    Example("discord.py", "basic_bot.py", basic_bot, TOKEN),
    Example("discord.py", "reply.py", reply, TOKEN),
    Example("discord.py", "guessing_game.py", guessing_game, TOKEN),
    Example("discord.py", "deleted.py", deleted, TOKEN),
    Example("discord.py", "edits.py", edits, TOKEN),
    Example("discord.py", "new_member.py", new_member, TOKEN),
    Example("discord.py", "background_task.py", background_task, TOKEN | CHANNEL_ID),
    Example("discord.py", "background_task_asyncio.py", background_task, TOKEN | CHANNEL_ID),
    Example("discord.py", "converters.py", converters, TOKEN),
    Example("discord.py", "custom_context.py", custom_context, {"your token here": "{token}"}),
    Example("discord.py", "secret.py", secret, TOKEN, may_make_channels),
    Example("discord.py", "reaction_roles.py", reaction_roles, TOKEN | ROLES, a_role_to_give),
    Example("discord.py", "app_commands/basic.py", app_commands, TOKEN | GUILD | REPORTS),
    Example("discord.py", "app_commands/transformers.py", transformers, TOKEN | GUILD),
    Example("discord.py", "modals/basic.py", feedback, TOKEN | MODAL_GUILD),
    Example("discord.py", "views/confirm.py", confirm, TOKEN),
    Example("discord.py", "views/counter.py", counter, TOKEN),
    Example("discord.py", "views/dropdown.py", dropdown, TOKEN),
    Example("discord.py", "views/ephemeral.py", ephemeral, TOKEN),
    Example("discord.py", "views/link.py", link, TOKEN),
    Example("discord.py", "views/persistent.py", persistent, TOKEN, owned=True),
    Example("discord.py", "views/tic_tac_toe.py", tic_tac_toe, TOKEN),
    # What py-cord kept of discord.py's ways is enough for these.
    Example("py-cord", "basic_bot.py", basic_bot, TOKEN),
    Example("py-cord", "reply.py", reply, TOKEN),
    Example("hikari", "hello_world.py", hello_world),
    Example("hikari", "image_resources.py", image_resources),
    Example("hikari", "slash.py", slash, {"COMMAND_GUILD_ID = 0": "COMMAND_GUILD_ID = {guild}"}),
    Example("discord.js", ".", template, name="create-discord-bot"),
]
