// discord.js, unmodified: commands, deferred and private answers, suggestions, buttons, menus, forms,
// webhooks. The harness is the person who uses them.
import {
  ActionRowBuilder,
  ApplicationCommandOptionType,
  ApplicationCommandType,
  AttachmentBuilder,
  AuditLogEvent,
  AutoModerationActionType,
  AutoModerationRuleEventType,
  AutoModerationRuleTriggerType,
  ButtonBuilder,
  ButtonStyle,
  Client,
  ContainerBuilder,
  Events,
  GatewayIntentBits,
  GuildScheduledEventEntityType,
  GuildScheduledEventPrivacyLevel,
  GuildScheduledEventStatus,
  MessageFlags,
  ModalBuilder,
  PermissionFlagsBits,
  StickerFormatType,
  StringSelectMenuBuilder,
  TextInputBuilder,
  TextInputStyle,
  WebhookClient,
} from "discord.js";
import { attempt, check, control, demand, once } from "./report.mjs";

const { BASE, BOT_TOKEN, GUILD, TEXT_CHANNEL } = process.env;
const rest = { api: `${BASE}/api`, cdn: BASE };
const { Guilds, GuildMessages, GuildModeration, GuildScheduledEvents, GuildExpressions } = GatewayIntentBits;
const intents = [Guilds, GuildMessages, GuildModeration, GuildScheduledEvents, GuildExpressions];
const client = new Client({ rest, intents });
client.on("error", (error) => console.error(error));
client.on(Events.Error, (error) => console.error(error));
const ready = once(client, Events.ClientReady, () => true, 30_000);
await client.login(BOT_TOKEN);
await ready;

/** Takes the next interaction that `matches`; what its handling throws is told. */
const next = (handle) =>
  once(client, Events.InteractionCreate).then(async ([interaction]) => await handle(interaction));
const interact = (type, data, more = {}) =>
  control("interact", {
    kind: type,
    application_id: client.application.id,
    guild_id: GUILD,
    channel_id: TEXT_CHANNEL,
    data,
    ...more,
  });
const slash = (command, options = []) =>
  interact(2, { id: command.id, version: command.version, name: command.name, type: 1, options });

let roll, sing, poke;
await attempt("register commands", async () => {
  const commands = await client.application.commands.set([
    {
      name: "roll",
      description: "Rolls dice",
      options: [
        { name: "sides", description: "How many", type: ApplicationCommandOptionType.Integer, required: true, minValue: 2 },
        { name: "whom", description: "For whom", type: ApplicationCommandOptionType.User },
      ],
    },
    {
      name: "sing",
      description: "Sings",
      options: [{ name: "song", description: "Which", type: ApplicationCommandOptionType.String, autocomplete: true }],
    },
  ]);
  demand(commands.size === 2, `${commands.size} commands`);
  roll = commands.find((command) => command.name === "roll");
  sing = commands.find((command) => command.name === "sing");
  demand(roll.options[0].minValue === 2 && roll.options[0].required, "options changed");
  const guild = client.guilds.cache.get(GUILD);
  poke = await guild.commands.create({ name: "Poke", type: ApplicationCommandType.User });
  demand(poke.guildId === GUILD, "not of the guild");
  const fetched = await client.application.commands.fetch();
  demand(fetched.has(roll.id), "not listed");
  const index = await control("index");
  const names = index.application_commands.map((command) => command.name);
  demand(["roll", "sing", "Poke"].every((name) => names.includes(name)), names.join());
});
await attempt("a bad command is refused by its path", async () => {
  try {
    await client.application.commands.create({ name: "Bad Name", description: "x" });
  } catch (error) {
    demand(error.code === 50035 && error.rawError.errors.name, JSON.stringify(error.rawError));
    return;
  }
  throw new Error("it was taken");
});
await attempt("deferred answer, edited and followed up", async () => {
  const handled = next(async (i) => {
    demand(i.isChatInputCommand() && i.commandName === "roll", i.commandName);
    demand(i.options.getInteger("sides", true) === 6, "sides");
    demand(i.options.getUser("whom").id === client.user.id, "whom");
    demand(i.member.user.username === "ana" && i.inGuild() && i.inCachedGuild(), "member");
    demand(i.memberPermissions.has("Administrator"), "permissions");
    await i.deferReply();
    const edited = await i.editReply("You rolled 4");
    demand(edited.interactionMetadata.user.username === "ana", "metadata");
    const more = await i.followUp("Roll again?");
    demand(more.reference.messageId === edited.id, "not a reply");
    await more.delete();
    demand((await i.fetchReply()).content === "You rolled 4", "not fetched");
  });
  const told = await slash(roll, [
    { name: "sides", type: 4, value: 6 },
    { name: "whom", type: 6, value: client.user.id },
  ]);
  demand(told.event === "INTERACTION_SUCCESS", told.event);
  await handled;
  const seen = await control("message", { since: told.since, content: "You rolled 4" });
  demand(seen.application_id === client.application.id && !(seen.flags & 128), JSON.stringify(seen));
});
await attempt("autocomplete", async () => {
  const handled = next(async (i) => {
    demand(i.isAutocomplete() && i.options.getFocused() === "gre", "focused");
    await i.respond([{ name: "Greensleeves", value: "green" }]);
  });
  const told = await interact(4, {
    id: sing.id, name: "sing", type: 1, options: [{ name: "song", type: 3, value: "gre", focused: true }],
  });
  await handled;
  demand(told.event === "APPLICATION_COMMAND_AUTOCOMPLETE_RESPONSE", told.event);
  demand(told.data.choices[0].value === "green", JSON.stringify(told.data));
});
let board;
await attempt("private answer with a button", async () => {
  const row = new ActionRowBuilder().addComponents(
    new ButtonBuilder().setCustomId("hush").setLabel("Hush").setStyle(ButtonStyle.Primary),
  );
  let handled = next((i) => i.reply({ content: "Only for you", components: [row], flags: MessageFlags.Ephemeral }));
  const told = await slash(sing);
  await handled;
  const seen = await control("message", { since: told.since, content: "Only for you" });
  demand(seen.flags & 64, "not ephemeral");
  const listed = await client.channels.cache.get(TEXT_CHANNEL).messages.fetch({ limit: 5, cache: false });
  demand(!listed.has(seen.id), "it is in the history");
  handled = next((i) => i.update({ content: "Hushed", components: [] }));
  const pressed = await interact(3, { component_type: 2, custom_id: "hush" }, { message_id: seen.id, message_flags: 64 });
  await handled;
  const changed = await control("message", { since: pressed.since, content: "Hushed" });
  demand(changed.id === seen.id, "another message");
});
await attempt("buttons and menus", async () => {
  const buttons = new ActionRowBuilder().addComponents(
    new ButtonBuilder().setCustomId("go").setLabel("Go").setStyle(ButtonStyle.Success),
  );
  const menu = new ActionRowBuilder().addComponents(
    new StringSelectMenuBuilder().setCustomId("pick").addOptions({ label: "Ale", value: "ale" }, { label: "Mead", value: "mead" }),
  );
  board = await client.channels.cache.get(TEXT_CHANNEL).send({ content: "Choose", components: [buttons, menu] });
  demand(board.components[0].components[0].customId === "go", "no button");
  let handled = next(async (i) => {
    demand(i.isButton() && i.message.id === board.id, "button");
    await i.deferUpdate();
    await i.editReply({ content: "Chosen" });
  });
  await interact(3, { component_type: 2, custom_id: "go" }, { message_id: board.id });
  await handled;
  handled = next(async (i) => {
    demand(i.isStringSelectMenu() && i.values.join() === "mead", i.values?.join());
    await i.reply({ content: "One mead", withResponse: true });
  });
  const told = await interact(3, { component_type: 3, custom_id: "pick", values: ["mead"] }, { message_id: board.id });
  await handled;
  const seen = await control("message", { since: told.since, content: "One mead" });
  demand(seen.message_reference.message_id === board.id, "not a reply");
});
await attempt("modal", async () => {
  let handled = next((i) =>
    i.showModal(
      new ModalBuilder().setCustomId("who").setTitle("Who are you?").addComponents(
        new ActionRowBuilder().addComponents(
          new TextInputBuilder().setCustomId("name").setLabel("Name").setStyle(TextInputStyle.Short),
        ),
      ),
    ),
  );
  const shown = await slash(sing);
  await handled;
  demand(shown.event === "INTERACTION_MODAL_CREATE" && shown.data.title === "Who are you?", shown.event);
  handled = next(async (i) => {
    demand(i.isModalSubmit(), "not a modal");
    await i.reply(`Hail, ${i.fields.getTextInputValue("name")}`);
  });
  const told = await interact(5, {
    id: shown.data.id, custom_id: "who",
    components: [{ type: 1, components: [{ type: 4, custom_id: "name", value: "Ana" }] }],
  });
  await handled;
  await control("message", { since: told.since, content: "Hail, Ana" });
});
await attempt("menu of a person", async () => {
  const handled = next(async (i) => {
    demand(i.isUserContextMenuCommand() && i.targetUser.id === client.user.id, "target");
    await i.reply({ content: "Ouch", files: [new AttachmentBuilder(Buffer.from("ouch"), { name: "ouch.txt" })] });
  });
  const told = await interact(2, { id: poke.id, name: "Poke", type: 2, guild_id: GUILD, target_id: client.user.id });
  await handled;
  const seen = await control("message", { since: told.since, content: "Ouch" });
  demand(seen.attachments[0].filename === "ouch.txt" && seen.type === 23, JSON.stringify(seen));
});
await attempt("components of version 2", async () => {
  const container = new ContainerBuilder()
    .setAccentColor(0xaa5500)
    .addTextDisplayComponents((text) => text.setContent("# Tonight"))
    .addSectionComponents((section) =>
      section
        .addTextDisplayComponents((text) => text.setContent("Mutton"))
        .setButtonAccessory((button) => button.setCustomId("order").setLabel("Order").setStyle(ButtonStyle.Primary)),
    );
  const sent = await client.channels.cache.get(TEXT_CHANNEL).send({ components: [container], flags: MessageFlags.IsComponentsV2 });
  demand(sent.components[0].components[0].content === "# Tonight", "changed");
  const handled = next(async (i) => i.reply({ content: "Ordered", flags: MessageFlags.Ephemeral }));
  await interact(3, { component_type: 2, custom_id: "order" }, { message_id: sent.id });
  await handled;
});
await attempt("who is not answered is told so", async () => {
  const told = await slash(sing);
  demand(told.event === "INTERACTION_FAILURE", told.event);
});
await attempt("auto moderation", async () => {
  const guild = await client.guilds.fetch(GUILD);
  const user = client.user.id;
  const trust = () => control("trust", { user, permissions: `${PermissionFlagsBits.ManageGuild}` });
  await trust();
  const rule = await guild.autoModerationRules.create({
    name: "No canoes",
    eventType: AutoModerationRuleEventType.MessageSend,
    triggerType: AutoModerationRuleTriggerType.Keyword,
    triggerMetadata: { keywordFilter: ["*canoe*"], regexPatterns: ["k[a4]yak"] },
    actions: [{ type: AutoModerationActionType.BlockMessage, metadata: { customMessage: "Not here." } }],
    enabled: true,
  });
  demand(rule.triggerMetadata.regexPatterns[0] === "k[a4]yak", rule.triggerMetadata);
  demand((await guild.autoModerationRules.fetch()).has(rule.id), "the rule is not listed");
  // Whoever manages the guild may say what they like: away with that right for a moment.
  await control("member", { user, roles: [] });
  const text = await client.channels.fetch(TEXT_CHANNEL);
  for (const content of ["a Canoeist", "a k4yak"]) {
    const refused = await text.send(content).then(() => null, (error) => error);
    demand(refused?.code === 200000, refused ?? "the message was not blocked");
    demand(refused.message.includes("Not here."), refused.message);
  }
  await trust();
  await rule.delete();
});
await attempt("webhook", async () => {
  const made = await control("webhook", { channel: TEXT_CHANNEL, name: "Herald" });
  const webhook = new WebhookClient({ id: made.id, token: made.token }, { rest });
  const heard = once(client, Events.MessageCreate, (m) => m.webhookId === made.id);
  const sent = await webhook.send({ content: "Hear, hear", username: "Town Crier", embeds: [{ title: "News" }] });
  const [event] = await heard;
  demand(event.id === sent.id && event.author.username === "Town Crier", "another message was heard");
  const edited = await webhook.editMessage(sent.id, "Old news");
  demand(edited.content === "Old news", edited.content);
  await webhook.deleteMessage(sent.id);
  await webhook.edit({ name: "Crier" });
  await webhook.delete();
});
await attempt("audit log", async () => {
  const { ViewAuditLog, ManageChannels } = PermissionFlagsBits;
  const me = client.user.id;
  const role = await control("trust", { user: me, permissions: String(ViewAuditLog | ManageChannels) });
  const text = client.channels.cache.get(TEXT_CHANNEL);
  const heard = once(client, Events.GuildAuditLogEntryCreate, (entry) => entry.executorId === me);
  const [topic, reason] = ["Ale by discord.js", "House rules, § 1"];
  await text.edit({ topic, reason });
  const [told, guild] = await heard;
  demand(told.action === AuditLogEvent.ChannelUpdate && told.reason === reason, `${told.action} ${told.reason}`);
  demand(guild.id === GUILD && told.target.id === TEXT_CHANNEL, "of another channel");
  const [change, ...more] = told.changes;
  demand(change.key === "topic" && change.new === topic && more.length === 0, JSON.stringify(told.changes));
  const log = await guild.fetchAuditLogs({ limit: 1, type: AuditLogEvent.ChannelUpdate, user: me });
  const entry = log.entries.first();
  demand(log.entries.size === 1 && entry.id === told.id && entry.reason === reason, "not in the log");
  demand(entry.executor.id === me && entry.target === text, "of another");
  // What somebody else did is not among what the bot did.
  const given = { limit: 1, type: AuditLogEvent.MemberRoleUpdate };
  const [roles] = (await guild.fetchAuditLogs(given)).entries.values();
  demand(roles.executorId === guild.ownerId && roles.target.id === me, "who gave the role is not told");
  demand(roles.changes[0].key === "$add" && roles.changes[0].new[0].id === role.id, JSON.stringify(roles.changes));
  demand((await guild.fetchAuditLogs({ ...given, user: me })).entries.size === 0, "of another person");
  // As it was found: others ask what a topic was before.
  demand((await text.edit({ topic: null })).topic === null, "the topic is still there");
});
await attempt("scheduled events", async () => {
  const { CreateEvents, ManageEvents } = PermissionFlagsBits;
  await control("trust", { user: client.user.id, permissions: String(CreateEvents | ManageEvents) });
  const events = client.guilds.cache.get(GUILD).scheduledEvents;
  const heard = once(client, Events.GuildScheduledEventCreate);
  const hour = 3_600_000;
  const made = await events.create({
    name: "Picnic",
    description: "Bring bread",
    privacyLevel: GuildScheduledEventPrivacyLevel.GuildOnly,
    entityType: GuildScheduledEventEntityType.External,
    entityMetadata: { location: "The park" },
    scheduledStartTime: new Date(Date.now() + hour),
    scheduledEndTime: new Date(Date.now() + 2 * hour),
  });
  demand((await heard)[0].id === made.id && made.entityMetadata.location === "The park", "another was heard");
  demand(made.scheduledEndTimestamp - made.scheduledStartTimestamp >= hour - 1, "at another time");
  const listed = await events.fetch({ withUserCount: true, cache: false });
  demand(listed.get(made.id).userCount === 0 && listed.get(made.id).creatorId === client.user.id, "not listed");
  const changed = once(client, Events.GuildScheduledEventUpdate, (_, event) => event.status === GuildScheduledEventStatus.Active);
  await made.setStatus(GuildScheduledEventStatus.Active);
  await changed;
  demand((await made.fetchSubscribers({ withMember: true })).size === 0, "someone comes");
  const gone = once(client, Events.GuildScheduledEventDelete);
  await made.delete();
  demand((await gone)[0].id === made.id, "another is gone");
});
await attempt("stickers", async () => {
  const gif = Buffer.from("R0lGODlhAQABAAAAACwAAAAAAQABAAACAkQBADs=", "base64");
  const { CreateGuildExpressions, ManageGuildExpressions } = PermissionFlagsBits;
  const permissions = String(CreateGuildExpressions | ManageGuildExpressions);
  await control("trust", { user: client.user.id, permissions });
  const stickers = client.guilds.cache.get(GUILD).stickers;
  const heard = once(client, Events.GuildStickerCreate);
  const made = await stickers.create({ file: { attachment: gif, name: "ale.gif" }, name: "ale", tags: "beer" });
  demand((await heard)[0].id === made.id && made.format === StickerFormatType.GIF, "another was heard");
  const sent = await client.channels.cache.get(TEXT_CHANNEL).send({ stickers: [made] });
  demand(sent.stickers.get(made.id).name === "ale", "not on the message");
  const bytes = await (await fetch(made.url.replace("https://media.discordapp.net", BASE))).arrayBuffer();
  demand(Buffer.from(bytes).equals(gif), "other bytes");
  const edited = await made.edit({ name: "beer", description: "Foaming" });
  demand(edited.name === "beer" && (await made.fetchUser()).id === client.user.id, "not changed");
  demand((await client.fetchSticker(made.id)).description === "Foaming", "not found");
  const gone = once(client, Events.GuildStickerDelete);
  await made.delete();
  await gone;
});
await attempt("soundboard", async () => {
  // Ten frames of silence in MP3, a quarter of a second.
  const frame = Buffer.alloc(384);
  frame.set([0xff, 0xfb, 0x94]);
  const mp3 = Buffer.concat(Array(10).fill(frame));
  const guild = client.guilds.cache.get(GUILD);
  const heard = once(client, Events.GuildSoundboardSoundCreate);
  const made = await guild.soundboardSounds.create({ file: mp3, name: "quack", volume: 0.5, emojiName: "🦆", contentType: "audio/mpeg" });
  demand((await heard)[0].soundId === made.soundId && made.volume === 0.5, "another was heard");
  const fetched = await client.guilds.fetchSoundboardSounds({ guildIds: [GUILD] });
  demand(fetched.get(GUILD).get(made.soundId).emoji.name === "🦆", "not told by the gateway");
  demand(Buffer.from(await (await fetch(made.url)).arrayBuffer()).equals(mp3), "other bytes");
  const edited = await made.edit({ name: "honk", volume: 1 });
  demand(edited.name === "honk" && edited.volume === 1, "not changed");
  demand((await guild.soundboardSounds.fetch(made.soundId)).user.id === client.user.id, "of another");
  demand((await client.fetchDefaultSoundboardSounds()).size === 0, "there are defaults");
  const gone = once(client, Events.GuildSoundboardSoundDelete);
  await made.delete();
  await gone;
});
check("ends", true);
await client.destroy();
process.exit(0);
