// discord.js, unmodified: login, cache, messages, files, limits, resume.
import { randomBytes } from "node:crypto";
import { AttachmentBuilder, Client, Events, GatewayIntentBits, Partials } from "discord.js";
import { attempt, check, control, demand, once } from "./report.mjs";

const { BASE, BOT_TOKEN, GUILD, TEXT_CHANNEL, QUIET_CHANNEL } = process.env;
const client = new Client({
  rest: { api: `${BASE}/api`, cdn: BASE },
  intents: [
    GatewayIntentBits.Guilds,
    GatewayIntentBits.GuildMembers,
    GatewayIntentBits.GuildMessages,
    GatewayIntentBits.GuildMessageReactions,
    GatewayIntentBits.GuildMessageTyping,
    GatewayIntentBits.GuildPresences,
    GatewayIntentBits.GuildVoiceStates,
    GatewayIntentBits.MessageContent,
  ],
  partials: [Partials.Message, Partials.Reaction],
});
client.on("error", (error) => console.error(error));

const ready = once(client, Events.ClientReady, () => true, 30_000);
await client.login(BOT_TOKEN);
await attempt("login", async () => void (await ready));

const guild = client.guilds.cache.get(GUILD);
const text = client.channels.cache.get(TEXT_CHANNEL);
await attempt("cache", async () => {
  demand(guild?.name === "Conformance", `guild ${guild?.name}`);
  demand(text?.name === "tavern", `channel ${text?.name}`);
  demand(guild.members.me?.id === client.user.id, "own member is not cached");
  demand(guild.roles.everyone.id === GUILD, "@everyone is not cached");
  const members = await guild.members.fetch();
  demand(members.size >= 2, `${members.size} members`);
});

let message;
await attempt("text round trip", async () => {
  const heard = once(client, Events.MessageCreate, (m) => m.content === "Hail, çà và?");
  message = await text.send("Hail, çà và?");
  const [event] = await heard;
  demand(event.id === message.id && event.guildId === GUILD, "another message was heard");
  const listed = await text.messages.fetch({ limit: 5, cache: false });
  demand(listed.has(message.id), "not in the history");
});
await attempt("reply", async () => {
  const reply = await message.reply("And to you.");
  demand(reply.reference?.messageId === message.id, "no reference");
  const original = await reply.fetchReference();
  demand(original.content === message.content, "another reference");
});
await attempt("edit", async () => {
  const heard = once(client, Events.MessageUpdate, (_, m) => m.id === message.id);
  await message.edit("Hail again.");
  const [, event] = await heard;
  demand(event.content === "Hail again." && event.editedTimestamp, "not edited");
});
await attempt("reaction", async () => {
  const added = once(client, Events.MessageReactionAdd, (r) => r.message.id === message.id);
  await message.react("🍺");
  const [reaction] = await added;
  demand(reaction.emoji.name === "🍺", reaction.emoji.name);
  const fetched = await text.messages.fetch({ message: message.id, force: true });
  demand(fetched.reactions.cache.get("🍺")?.me, "me is not told");
  const users = await fetched.reactions.cache.get("🍺").users.fetch();
  demand(users.has(client.user.id), "reactor is not listed");
  const removed = once(client, Events.MessageReactionRemove, (r) => r.message.id === message.id);
  await fetched.reactions.cache.get("🍺").users.remove(client.user.id);
  await removed;
});
await attempt("embed", async () => {
  const sent = await text.send({ embeds: [{ title: "Tonight", description: "Mutton", color: 0xaa5500 }] });
  demand(sent.embeds[0]?.title === "Tonight" && sent.embeds[0].color === 0xaa5500, "embed changed");
});
await attempt("attachment equal byte for byte", async () => {
  const bytes = randomBytes(300_000);
  const sent = await text.send({ files: [new AttachmentBuilder(bytes, { name: "map of the road.bin" })] });
  const attachment = sent.attachments.first();
  demand(attachment.size === bytes.length, `size ${attachment.size}`);
  const back = Buffer.from(await (await fetch(attachment.url)).arrayBuffer());
  demand(bytes.equals(back), `${back.length} other bytes came back`);
});
await attempt("typing", async () => {
  const heard = once(client, Events.TypingStart, (t) => t.channel.id === TEXT_CHANNEL);
  await control("type", { channel: TEXT_CHANNEL });
  const [typing] = await heard;
  demand(typing.user?.id !== client.user.id, "someone else types");
  await text.sendTyping();
});
await attempt("presence", async () => {
  const heard = once(client, Events.PresenceUpdate, (_, p) => p.userId === client.user.id && p.status === "idle");
  client.user.setPresence({ status: "idle", activities: [{ name: "the tavern", type: 3 }] });
  const [, presence] = await heard;
  demand(presence.activities[0]?.name === "the tavern", "no activity");
});
await attempt("permission denied with 50013", async () => {
  const quiet = client.channels.cache.get(QUIET_CHANNEL);
  try {
    await quiet.send("psst");
  } catch (error) {
    demand(error.code === 50013 && error.status === 403, `${error.status} ${error.code}`);
    return;
  }
  throw new Error("it was allowed");
});
await attempt("429 handled by the library's queue", async () => {
  let limited = 0;
  client.rest.on("rateLimited", () => (limited += 1));
  const sent = await Promise.all(Array.from({ length: 12 }, (_, n) => text.send(`round ${n}`)));
  demand(new Set(sent.map((m) => m.id)).size === 12, "messages are missing");
  demand(limited > 0, "the limit was never felt");
  return `${limited} waits`;
});
await attempt("delete", async () => {
  const heard = once(client, Events.MessageDelete, (m) => m.id === message.id);
  await message.delete();
  await heard;
  try {
    await text.messages.fetch({ message: message.id, force: true });
  } catch (error) {
    demand(error.code === 10008, error.code);
    return;
  }
  throw new Error("it is still there");
});
await attempt("resume after a cut", async () => {
  const contents = ["first in the dark", "second in the dark", "third in the dark"];
  const heard = [];
  client.on(Events.MessageCreate, (m) => contents.includes(m.content) && heard.push(m.content));
  let readies = 0;
  client.on(Events.ShardReady, () => (readies += 1));
  const resumed = once(client, Events.ShardResume, () => true, 45_000);
  await control("cut", { seconds: 1, channel: TEXT_CHANNEL, say: contents });
  const [, replayed] = await resumed;
  const after = once(client, Events.MessageCreate, (m) => m.content === "light again");
  await control("say", { channel: TEXT_CHANNEL, content: "light again" });
  await after;
  demand(readies === 0, "it identified anew");
  demand(heard.join() === contents.join(), `heard ${heard.join()}`);
  return `${replayed} replayed`;
});
check("ends", true);
await client.destroy();
process.exit(0);
