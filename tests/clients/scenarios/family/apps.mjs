// What Eris and its child Oceanic are asked of commands, components, forms and webhooks. The harness is the
// person who uses them.
import { attempt, check, control, demand } from "../report.mjs";

const { GUILD, TEXT_CHANNEL } = process.env;
const BUTTON = (custom_id, label) => ({ type: 1, components: [{ type: 2, style: 1, custom_id, label }] });

/** Judges what bots are called for by one library. */
export async function judgeApps(bot) {
  await bot.login();
  /** Takes the next interaction by `handle`; what it throws is told. */
  const next = (handle) => bot.hear("interactionCreate").then(handle);
  const interact = (kind, data, more = {}) =>
    control("interact", {
      kind,
      application_id: bot.client.application.id,
      guild_id: GUILD,
      channel_id: TEXT_CHANNEL,
      data,
      ...more,
    });
  const slash = (command, options = [], kind = 2) =>
    interact(kind, { id: command.id, version: command.version, name: command.name, type: 1, options });

  let roll, sing;
  await attempt("register commands", async () => {
    const made = await bot.setCommands([
      {
        name: "roll",
        description: "Rolls dice",
        type: 1,
        options: [{ name: "sides", description: "How many", type: 4, required: true }],
      },
      {
        name: "sing",
        description: "Sings",
        type: 1,
        options: [{ name: "song", description: "Which", type: 3, autocomplete: true }],
      },
    ]);
    roll = made.find((command) => command.name === "roll");
    sing = made.find((command) => command.name === "sing");
    const listed = await bot.commands();
    demand(listed.length === 2 && listed.some((command) => command.id === roll.id), "not listed");
  });
  await attempt("deferred answer, edited and followed up", async () => {
    const handled = next(async (i) => {
      demand(i.data.name === "roll" && bot.option(i, "sides") === 6, "another command");
      demand(i.member.user.username === "ana", "member");
      await i.defer();
      const edited = await bot.editAnswer(i, { content: "You rolled 4" });
      const more = await bot.followUp(i, { content: "Roll again?" });
      demand(more.messageReference.messageID === edited.id, "not a reply");
      await bot.deleteFollowUp(i, more.id);
      demand((await bot.answer(i)).content === "You rolled 4", "not fetched");
    });
    const told = await slash(roll, [{ name: "sides", type: 4, value: 6 }]);
    demand(told.event === "INTERACTION_SUCCESS", told.event);
    await handled;
    await control("message", { since: told.since, content: "You rolled 4" });
  });
  await attempt("autocomplete", async () => {
    const handled = next((i) => {
      demand(bot.option(i, "song") === "gre", "another word");
      return i.result([{ name: "Greensleeves", value: "green" }]);
    });
    const told = await slash(sing, [{ name: "song", type: 3, value: "gre", focused: true }], 4);
    await handled;
    demand(told.data.choices?.[0].value === "green", JSON.stringify(told));
  });
  await attempt("private answer with a button", async () => {
    let handled = next((i) =>
      i.createMessage({ content: "Only for you", components: bot.components([BUTTON("hush", "Hush")]), flags: 64 }),
    );
    const told = await slash(sing);
    await handled;
    const seen = await control("message", { since: told.since, content: "Only for you" });
    demand(seen.flags & 64, "not ephemeral");
    const listed = await bot.list(TEXT_CHANNEL, { limit: 5 });
    demand(!listed.some((m) => m.id === seen.id), "it is in the history");
    handled = next((i) => i.editParent({ content: "Hushed", components: [] }));
    const button = { component_type: 2, custom_id: "hush" };
    const pressed = await interact(3, button, { message_id: seen.id, message_flags: 64 });
    await handled;
    const changed = await control("message", { since: pressed.since, content: "Hushed" });
    demand(changed.id === seen.id, "another message");
  });
  await attempt("buttons and menus", async () => {
    const options = [{ label: "Ale", value: "ale" }, { label: "Mead", value: "mead" }];
    const menu = { type: 1, components: [{ type: 3, custom_id: "pick", options }] };
    const components = bot.components([BUTTON("go", "Go"), menu]);
    const board = await bot.send(TEXT_CHANNEL, { content: "Choose", components });
    let handled = next(async (i) => {
      demand(bot.customId(i) === "go" && i.message.id === board.id, "another button");
      await i.deferUpdate();
      await bot.editAnswer(i, { content: "Chosen" });
    });
    await interact(3, { component_type: 2, custom_id: "go" }, { message_id: board.id });
    await handled;
    handled = next(async (i) => {
      demand(bot.values(i).join() === "mead", "another choice");
      await i.createMessage({ content: "One mead" });
    });
    const picked = { component_type: 3, custom_id: "pick", values: ["mead"] };
    const told = await interact(3, picked, { message_id: board.id });
    await handled;
    const seen = await control("message", { since: told.since, content: "One mead" });
    demand(seen.message_reference.message_id === board.id, "not a reply");
  });
  await attempt("modal", async () => {
    const input = { type: 4, custom_id: "name", label: "Name", style: 1 };
    let handled = next((i) => i.createModal(bot.modal("Who are you?", "who", [{ type: 1, components: [input] }])));
    const shown = await slash(sing);
    await handled;
    demand(shown.event === "INTERACTION_MODAL_CREATE" && shown.data.title === "Who are you?", shown.event);
    handled = next((i) => i.createMessage({ content: `Hail, ${bot.field(i, "name")}` }));
    const told = await interact(5, {
      id: shown.data.id,
      custom_id: "who",
      components: [{ type: 1, components: [{ type: 4, custom_id: "name", value: "Ana" }] }],
    });
    await handled;
    await control("message", { since: told.since, content: "Hail, Ana" });
  });
  if (bot.layouts) {
    await attempt("components of version 2", async () => {
      const container = { type: 17, accent_color: 0xaa5500, components: [{ type: 10, content: "# Tonight" }] };
      const sent = await bot.send(TEXT_CHANNEL, { components: bot.components([container]), flags: 1 << 15 });
      demand(sent.components[0].components[0].content === "# Tonight", JSON.stringify(sent.components));
    });
  }
  await attempt("webhook", async () => {
    const { id, token } = await control("webhook", { channel: TEXT_CHANNEL, name: "Herald" });
    const heard = bot.hear("messageCreate", (m) => m.webhookID === id);
    const options = { content: "Hear, hear", username: "Town Crier", embeds: [{ title: "News" }], wait: true };
    const sent = await bot.execute(id, token, options);
    const event = await heard;
    demand(event.id === sent.id && event.author.username === "Town Crier", "another message was heard");
    const edited = await bot.editHooked(id, token, sent.id, { content: "Old news" });
    demand(edited.content === "Old news", edited.content);
    await bot.deleteHooked(id, token, sent.id);
    await bot.deleteHook(id, token);
  });
  const me = bot.client.user.id;
  await attempt("scheduled events", async () => {
    const owner = bot.client.guilds.get(GUILD).ownerID;
    await control("trust", { user: me, permissions: String((1n << 44n) | (1n << 33n)) });
    const hour = 3_600_000;
    const starts = Math.ceil(Date.now() / 1000) * 1000 + hour;
    const created = bot.hear("guildScheduledEventCreate");
    const made = await bot.schedule(GUILD, {
      name: "Picnic",
      description: "Bring bread",
      privacyLevel: 2,
      entityType: 3,
      entityMetadata: { location: "The park" },
      scheduledStartTime: new Date(starts).toISOString(),
      scheduledEndTime: new Date(starts + hour).toISOString(),
    });
    demand(made.name === "Picnic" && made.entityMetadata.location === "The park", "another was made");
    demand(Number(made.scheduledStartTime) === starts, `it starts at ${made.scheduledStartTime}`);
    demand(Number(made.scheduledEndTime) === starts + hour, `it ends at ${made.scheduledEndTime}`);
    const told = await created;
    demand(told.id === made.id && told.description === "Bring bread", "another was heard");
    const joined = bot.hear("eventUserAdd");
    await control("attend", { event: made.id });
    const coming = await joined;
    demand(coming.event === made.id && coming.user === owner, JSON.stringify(coming));
    const listed = await bot.scheduled(GUILD);
    demand(listed.length === 1 && listed[0].id === made.id, `${listed.length} are listed`);
    demand(listed[0].userCount === 1, `${listed[0].userCount} come`);
    const users = await bot.attendees(GUILD, made.id);
    demand(users.length === 1 && users[0].user.id === owner, `${users.length} who come are listed`);
    demand(users[0].member?.id === owner, "not as a member");
    const changed = bot.hear("guildScheduledEventUpdate", (event) => event.id === made.id);
    const edited = await bot.reschedule(GUILD, made.id, { name: "Feast", status: 2 });
    demand(edited.name === "Feast" && edited.status === 2, `${edited.name} ${edited.status}`);
    const now = await changed;
    demand(now.name === "Feast" && now.status === 2, `${now.name} ${now.status} was heard`);
    const gone = bot.hear("guildScheduledEventDelete");
    await bot.unschedule(GUILD, made.id);
    demand((await gone).id === made.id, "another is gone");
    demand((await bot.scheduled(GUILD)).length === 0, "it is still listed");
  });
  await attempt("auto moderation", async () => {
    const trust = () => control("trust", { user: me, permissions: String((1n << 5n) | (1n << 7n)) });
    await trust();
    const created = bot.hear("ruleCreate");
    const made = await bot.forbid(GUILD, "No boats", ["boat*"], ["boatswain"], "Not here.");
    demand((await created).id === made.id, "another was heard");
    const [listed, ...more] = await bot.rules(GUILD);
    demand(listed.id === made.id && more.length === 0, `${1 + more.length} rules`);
    const { keywords, allowed, creator } = bot.rule(listed);
    demand(keywords.join() === "boat*" && allowed.join() === "boatswain" && creator === me, JSON.stringify(listed));
    const changed = bot.hear("ruleUpdate");
    await bot.editRule(GUILD, made.id, { name: "No more boats" });
    const renamed = await changed;
    demand(renamed.id === made.id && renamed.name === "No more boats", renamed.name);
    // Whoever manages the guild may say what they like: away with that right for a moment.
    await control("member", { user: me, roles: [] });
    const refused = await bot.send(TEXT_CHANNEL, { content: "Boats ahoy" }).then(() => null, (error) => error);
    demand(refused?.code === 200000, refused ?? "the message was not blocked");
    demand(refused.message.includes("Not here."), refused.message);
    const sent = await bot.send(TEXT_CHANNEL, { content: "The boatswain" });
    demand(sent.content === "The boatswain", sent.content);
    await trust();
    const [blocked] = await bot.auditLog(GUILD, { limit: 1, actionType: 143 });
    demand(blocked?.actionType === 143 && blocked.targetID === me, "it is not in the audit log");
    const removed = bot.hear("ruleDelete");
    await bot.deleteRule(GUILD, made.id);
    demand((await removed).id === made.id, "another was removed");
    demand((await bot.rules(GUILD)).length === 0, "it is still listed");
  });
  await attempt("audit log", async () => {
    const permissions = String((1n << 7n) | (1n << 4n));
    await control("trust", { user: me, permissions });
    await bot.editChannel(TEXT_CHANNEL, { topic: `Ale by ${bot.name}` }, "House rules");
    const [entry] = await bot.auditLog(GUILD, { limit: 1, actionType: 11 });
    demand(entry.reason === "House rules" && entry.targetID === TEXT_CHANNEL, `${entry.reason} ${entry.targetID}`);
  });
  check("ends", true);
  process.exit(0);
}
