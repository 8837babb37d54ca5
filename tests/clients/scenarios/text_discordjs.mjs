// discord.js, unmodified: login, cache, messages, files, limits, resume.
import { randomBytes } from "node:crypto";
import { AttachmentBuilder, ChannelType, Client, Events, GatewayIntentBits, MessageType, Partials } from "discord.js";
import { attempt, check, control, demand, once } from "./report.mjs";

const { BASE, BOT_TOKEN, GUILD, TEXT_CHANNEL, QUIET_CHANNEL, FORUM, STAGE } = process.env;
const client = new Client({
  rest: { api: `${BASE}/api`, cdn: BASE },
  intents: [
    GatewayIntentBits.Guilds,
    GatewayIntentBits.GuildMembers,
    GatewayIntentBits.GuildMessages,
    GatewayIntentBits.GuildMessagePolls,
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

await attempt("member chunks", async () => {
  const found = await guild.members.fetch({ query: "ana", limit: 5 });
  demand(found.size === 1 && found.has(guild.ownerId), `${found.size} members`);
  const named = await guild.members.fetch({ user: [guild.ownerId, client.user.id], force: true });
  demand(named.size === 2, `${named.size} members by their ids`);
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
await attempt("permissions by overwrites", async () => {
  // What the library sums up of roles and overwrites, and what the server decides, must agree.
  const [quiet, me, send] = [client.channels.cache.get(QUIET_CHANNEL), client.user.id, "2048"];
  const given = once(client, Events.GuildMemberUpdate, (_, member) => member.id === me);
  const role = await control("trust", { user: me, permissions: "0" });
  await given;
  const cases = [
    [role.id, 0, { allow: send, deny: "0" }, true],
    [me, 1, { allow: "0", deny: send }, false],
    [me, 1, { allow: send, deny: "0" }, true],
  ];
  for (const [whom, type, overwrite, may] of cases) {
    const told = once(client, Events.ChannelUpdate, (_, channel) => channel.id === QUIET_CHANNEL);
    await control("overwrite", { channel: QUIET_CHANNEL, whom, type, ...overwrite });
    await told;
    demand(quiet.permissionsFor(client.user).has("SendMessages") === may, `it is not told ${may}`);
    const sent = await quiet.send("psst").then(() => true, (error) => error.code !== 50013);
    demand(sent === may, `${JSON.stringify(overwrite)}: ${sent}`);
  }
});
await attempt("429 handled by the library's queue", async () => {
  let limited = 0;
  client.rest.on("rateLimited", () => (limited += 1));
  const sent = await Promise.all(Array.from({ length: 12 }, (_, n) => text.send(`round ${n}`)));
  demand(new Set(sent.map((m) => m.id)).size === 12, "messages are missing");
  demand(limited > 0, "the limit was never felt");
  return `${limited} waits`;
});
await attempt("thread", async () => {
  const created = once(client, Events.ThreadCreate, (t) => t.id === message.id);
  const marked = once(client, Events.MessageUpdate, (_, m) => m.id === message.id && m.hasThread);
  const thread = await message.startThread({ name: "Bread", autoArchiveDuration: 60 });
  const [event, newly] = await created;
  demand(newly && event.parentId === TEXT_CHANNEL, "another thread");
  demand(thread.ownerId === client.user.id && thread.autoArchiveDuration === 60, "not ours");
  // The starter comes from the cache, which hears of the thread by an event of its own.
  await marked;
  const starter = await thread.fetchStarterMessage();
  demand(starter.id === message.id && starter.hasThread, "no starter message");
  const heard = once(client, Events.MessageCreate, (m) => m.channelId === thread.id && m.content === "rye");
  const joined = once(client, Events.ThreadMembersUpdate, (added) => added.has(guild.ownerId));
  await control("say", { channel: thread.id, content: "rye" });
  await heard;
  await joined;
  await thread.send("wheat");
  const members = await thread.members.fetch({ withMember: true });
  demand(members.size === 2 && members.get(guild.ownerId)?.guildMember, `${members.size} members`);
  demand((await text.threads.fetchActive()).threads.has(thread.id), "not listed as active");
  const archived = once(client, Events.ThreadUpdate, (_, t) => t.id === thread.id && t.archived);
  await thread.setArchived(true);
  await archived;
  const listed = await text.threads.fetchArchived({ type: "public" });
  demand(listed.threads.has(thread.id) && !listed.hasMore, "not listed as archived");
  const back = once(client, Events.ThreadUpdate, (_, t) => t.id === thread.id && !t.archived);
  await control("say", { channel: thread.id, content: "awake" });
  await back;
  const renamed = await thread.edit({ name: "Rye", rateLimitPerUser: 0 });
  demand(renamed.name === "Rye", renamed.name);
});
await attempt("private thread", async () => {
  const thread = await text.threads.create({ name: "whisper", type: ChannelType.PrivateThread });
  const added = once(client, Events.ThreadMembersUpdate, (people) => people.has(guild.ownerId));
  await thread.members.add(guild.ownerId);
  await added;
  const removed = once(client, Events.ThreadMembersUpdate, (_, people) => people.has(guild.ownerId));
  await thread.members.remove(guild.ownerId);
  await removed;
  await thread.leave();
});
await attempt("forum post", async () => {
  const forum = client.channels.cache.get(FORUM);
  const tag = forum.availableTags.find((t) => t.name === "open");
  demand(tag?.emoji?.name === "🍺", "no tag");
  const bytes = randomBytes(1000);
  const post = await forum.threads.create({
    name: "More beer",
    appliedTags: [tag.id],
    message: { content: "please", files: [new AttachmentBuilder(bytes, { name: "why.bin" })] },
  });
  demand(post.appliedTags[0] === tag.id && post.parent.id === FORUM, "another post");
  const first = await post.fetchStarterMessage();
  demand(first.content === "please" && first.attachments.size === 1, "no first message");
  demand((await forum.threads.fetchActive()).threads.has(post.id), "not listed");
  await post.setAppliedTags([]);
  const deleted = once(client, Events.ThreadDelete, (t) => t.id === post.id);
  // Only moderators delete posts; the library tells why not.
  await post.delete().then(
    () => demand(false, "it was allowed"),
    (error) => demand(error.code === 50013, error.code),
  );
  await control("remove", { channel: post.id });
  await deleted;
});
await attempt("poll", async () => {
  const asked = await text.send({
    poll: {
      question: { text: "What tonight?" },
      answers: [{ text: "ale", emoji: "🍺" }, { text: "mead" }],
      duration: 1,
      allowMultiselect: false,
    },
  });
  demand(asked.poll.answers.size === 2 && !asked.poll.resultsFinalized, "another poll");
  const voted = once(client, Events.MessagePollVoteAdd, (_, user) => user === guild.ownerId);
  await control("vote", { channel: TEXT_CHANNEL, message: asked.id, answers: [2] });
  const [answer] = await voted;
  demand(answer.id === 2, `answer ${answer.id}`);
  const voters = await asked.poll.answers.get(2).voters.fetch();
  demand(voters.has(guild.ownerId), "the voter is not listed");
  const told = once(client, Events.MessageCreate, (m) => m.type === MessageType.PollResult);
  const ended = await asked.poll.end();
  const [result] = await told;
  demand(ended.poll.resultsFinalized && ended.poll.answers.get(2).voteCount === 1, "not counted");
  demand(result.reference.messageId === asked.id, "another result");
});
await attempt("forward", async () => {
  const sent = await message.forward(text);
  demand(sent.messageSnapshots.first()?.content === "Hail again.", "nothing is carried");
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
await attempt("stage", async () => {
  const started = once(client, Events.StageInstanceCreate, (stage) => stage.channelId === STAGE);
  await control("stage", { topic: "Greensleeves" });
  const [stage] = await started;
  demand(stage.topic === "Greensleeves" && stage.guildId === GUILD, stage.topic);
  demand((await guild.stageInstances.fetch(STAGE, { force: true })).id === stage.id, "another stage");
  const ended = once(client, Events.StageInstanceDelete, (one) => one.id === stage.id);
  await control("stage");
  await ended;
});
await attempt("two shards", async () => {
  const pair = new Client({ rest: client.options.rest, intents: client.options.intents, shards: [0, 1], shardCount: 2 });
  const ready = once(pair, Events.ClientReady, () => true, 40_000);
  await pair.login(BOT_TOKEN);
  await ready;
  const home = Number((BigInt(GUILD) >> 22n) % 2n);
  demand(pair.ws.shards.size === 2, `${pair.ws.shards.size} shards`);
  demand(pair.guilds.cache.get(GUILD)?.shardId === home, "the guild is on the other shard");
  const heard = [];
  pair.on(Events.MessageCreate, (m) => heard.push(m.content));
  const last = once(pair, Events.MessageCreate, (m) => m.content === "and once more");
  await text.send("to one shard");
  await text.send("and once more");
  await last;
  demand(heard.join() === "to one shard,and once more", `heard ${heard.join()}`);
  await pair.destroy();
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
