// What Eris and its child Oceanic are asked of text: their methods differ in name only, so each brings an
// adapter (eris.mjs, oceanic.mjs) and the questions are here.
import { randomBytes } from "node:crypto";
import { attempt, check, control, demand, once } from "../report.mjs";

const { GUILD, TEXT_CHANNEL, QUIET_CHANNEL, FORUM, STAGE } = process.env;

/** Judges text by one library. */
export async function judgeText(bot) {
  await attempt("login", () => bot.login());
  const me = bot.client.user.id;
  const guild = bot.client.guilds.get(GUILD);
  let message;
  await attempt("cache", async () => {
    demand(guild?.name === "Conformance", `guild ${guild?.name}`);
    demand(bot.client.getChannel(TEXT_CHANNEL)?.name === "tavern", "another channel");
    demand(guild.members.has(me), "own member is not cached");
    demand(guild.roles.has(GUILD), "@everyone is not cached");
    const members = await bot.members({ limit: 100 });
    demand(members.length >= 2, `${members.length} members`);
  });
  await attempt("member chunks", async () => {
    const found = await guild.fetchMembers({ query: "ana", limit: 5 });
    demand(found.length === 1 && found[0].id === guild.ownerID, `${found.length} members`);
    const named = await guild.fetchMembers({ userIDs: [guild.ownerID, me] });
    demand(named.length === 2, `${named.length} members by their ids`);
  });
  await attempt("text round trip", async () => {
    const heard = bot.hear("messageCreate", (m) => m.content === "Hail, çà và?");
    message = await bot.send(TEXT_CHANNEL, { content: "Hail, çà và?" });
    const event = await heard;
    // By its channel: Oceanic keeps the first that it is told, and an answer that overtakes the event names no guild.
    demand(event.id === message.id && event.channel.guild.id === GUILD, "another message was heard");
    const listed = await bot.list(TEXT_CHANNEL, { limit: 5 });
    demand(listed.some((m) => m.id === message.id), "not in the history");
  });
  await attempt("reply", async () => {
    const reply = await bot.send(TEXT_CHANNEL, { content: "And to you.", messageReference: { messageID: message.id } });
    demand(reply.messageReference?.messageID === message.id, "no reference");
    demand(reply.referencedMessage?.content === message.content, "another reference");
  });
  await attempt("edit", async () => {
    const heard = bot.hear("messageUpdate", (m) => m.id === message.id);
    await bot.edit(TEXT_CHANNEL, message.id, { content: "Hail again." });
    const event = await heard;
    demand(event.content === "Hail again." && event.editedTimestamp, "not edited");
  });
  await attempt("reaction", async () => {
    const added = bot.hear("reactionAdd", (r) => r.message === message.id);
    await bot.react(TEXT_CHANNEL, message.id, "🍺");
    demand((await added).emoji === "🍺", "another emoji");
    const reaction = bot.reaction(await bot.get(TEXT_CHANNEL, message.id), "🍺");
    demand(reaction?.me && reaction.count === 1, "me is not told");
    const users = await bot.reactors(TEXT_CHANNEL, message.id, "🍺");
    demand(users.length === 1 && users[0].id === me, "reactor is not listed");
    const removed = bot.hear("reactionRemove", (r) => r.message === message.id);
    await bot.unreact(TEXT_CHANNEL, message.id, "🍺");
    await removed;
  });
  await attempt("embed", async () => {
    const embeds = [{ title: "Tonight", description: "Mutton", color: 0xaa5500 }];
    const sent = await bot.send(TEXT_CHANNEL, { embeds });
    demand(sent.embeds[0]?.title === "Tonight" && sent.embeds[0].color === 0xaa5500, "embed changed");
  });
  await attempt("attachment equal byte for byte", async () => {
    const bytes = randomBytes(300_000);
    const sent = await bot.send(TEXT_CHANNEL, {}, [{ name: "map-of-the-road.bin", bytes }]);
    const [attachment] = bot.attachments(sent);
    demand(attachment.size === bytes.length, `size ${attachment.size}`);
    const back = Buffer.from(await (await fetch(attachment.url)).arrayBuffer());
    demand(bytes.equals(back), `${back.length} other bytes came back`);
  });
  await attempt("typing", async () => {
    const heard = bot.hear("typingStart", (t) => t.channel === TEXT_CHANNEL);
    await control("type", { channel: TEXT_CHANNEL });
    demand((await heard).user === guild.ownerID, "someone else types");
    await bot.typing(TEXT_CHANNEL);
  });
  await attempt("presence", async () => {
    const heard = bot.hear("presenceUpdate", (p) => p.user === me && p.status === "idle");
    await bot.client.editStatus("idle", [{ name: "the tavern", type: 3 }]);
    demand((await heard).activities[0]?.name === "the tavern", "no activity");
  });
  await attempt("permission denied with 50013", async () => {
    await bot.send(QUIET_CHANNEL, { content: "psst" }).then(
      () => demand(false, "it was allowed"),
      (error) => demand(error.code === 50013, `${error.code}: ${error.message}`),
    );
  });
  await attempt("permissions by overwrites", async () => {
    // What the library sums up of roles and overwrites, and what the server decides, must agree.
    const send = "2048";
    const given = bot.hear("memberUpdate", (member) => member.id === me);
    const role = await control("trust", { user: me, permissions: "0" });
    await given;
    const cases = [
      [role.id, 0, { allow: send, deny: "0" }, true],
      [me, 1, { allow: "0", deny: send }, false],
      [me, 1, { allow: send, deny: "0" }, true],
    ];
    for (const [whom, type, overwrite, may] of cases) {
      const told = bot.hear("channelUpdate", (channel) => channel.id === QUIET_CHANNEL);
      await control("overwrite", { channel: QUIET_CHANNEL, whom, type, ...overwrite });
      await told;
      demand(bot.maySend(bot.client.getChannel(QUIET_CHANNEL), me) === may, `it is not told ${may}`);
      const sending = bot.send(QUIET_CHANNEL, { content: "psst" });
      const sent = await sending.then(() => true, (error) => error.code !== 50013);
      demand(sent === may, `${JSON.stringify(overwrite)}: ${sent}`);
    }
  });
  await attempt("429 handled by the library's queue", async () => {
    const began = Date.now();
    const rounds = Array.from({ length: 8 }, (_, n) => bot.send(TEXT_CHANNEL, { content: `round ${n}` }));
    const sent = await Promise.all(rounds);
    demand(new Set(sent.map((m) => m.id)).size === 8, "messages are missing");
    const seconds = (Date.now() - began) / 1000;
    demand(seconds > 3, `the limit was never felt: ${seconds} s`);
    return `${seconds} s`;
  });
  await attempt("thread", async () => {
    const created = bot.hear("threadCreate", (t) => t.id === message.id);
    const thread = await bot.thread(TEXT_CHANNEL, message.id, { name: "Bread", autoArchiveDuration: 60 });
    demand((await created).parentID === TEXT_CHANNEL && thread.ownerID === me, "another thread");
    const heard = bot.hear("messageCreate", (m) => bot.channelOf(m) === thread.id && m.content === "rye");
    await control("say", { channel: thread.id, content: "rye" });
    await heard;
    const members = await bot.threadMembers(thread.id);
    demand(members.length === 2, `${members.length} members`);
    const active = await bot.activeThreads(GUILD);
    demand(active.some((t) => t.id === thread.id), "not listed as active");
    const archived = bot.hear("threadUpdate", (t) => t.id === thread.id && t.threadMetadata.archived);
    await bot.editChannel(thread.id, { archived: true });
    await archived;
    const listed = await bot.archivedThreads(TEXT_CHANNEL);
    demand(listed.some((t) => t.id === thread.id), "not listed as archived");
    const back = bot.hear("threadUpdate", (t) => t.id === thread.id && !t.threadMetadata.archived);
    await control("say", { channel: thread.id, content: "awake" });
    await back;
  });
  await attempt("forum post", async () => {
    const forum = bot.client.getChannel(FORUM);
    const tag = forum.availableTags.find((t) => t.name === "open");
    demand(tag, "no tag");
    const said = { name: "More beer", appliedTags: [tag.id], message: { content: "please" } };
    const post = await bot.post(FORUM, said, [{ name: "why.txt", bytes: Buffer.from("because") }]);
    demand(post.parentID === FORUM && post.appliedTags[0] === tag.id, "another post");
    const first = await bot.get(post.id, post.id);
    demand(first.content === "please" && bot.attachments(first)[0]?.filename === "why.txt", "no first message");
    const deleted = bot.hear("threadDelete", (t) => t.id === post.id);
    await control("remove", { channel: post.id });
    await deleted;
  });
  await attempt("poll", async () => {
    const asked = await bot.send(TEXT_CHANNEL, { poll: bot.question("What tonight?", ["ale", "mead"]) });
    const voted = bot.hear("pollVote", (v) => v.message === asked.id);
    await control("vote", { channel: TEXT_CHANNEL, message: asked.id, answers: [2] });
    const vote = await voted;
    demand(vote.user === guild.ownerID && vote.answer === 2, JSON.stringify(vote));
    const voters = await bot.voters(TEXT_CHANNEL, asked.id, 2);
    demand(voters.length === 1 && voters[0].id === guild.ownerID, "the voter is not listed");
    const told = bot.hear("messageCreate", (m) => m.type === 46);
    await bot.endPoll(TEXT_CHANNEL, asked.id);
    const result = await told;
    demand(result.messageReference.messageID === asked.id, "another result");
    const votes = result.embeds[0].fields.find((field) => field.name === "total_votes");
    demand(votes.value === "1", `${votes.value} votes`);
  });
  await attempt("forward", async () => {
    const messageReference = { type: 1, messageID: message.id, channelID: TEXT_CHANNEL };
    const sent = await bot.send(TEXT_CHANNEL, { messageReference });
    demand(sent.messageSnapshots[0]?.message.content === "Hail again.", "nothing is carried");
  });
  await attempt("delete", async () => {
    const heard = bot.hear("messageDelete", (m) => m.id === message.id);
    await bot.remove(TEXT_CHANNEL, message.id);
    await heard;
    await bot.get(TEXT_CHANNEL, message.id).then(
      () => demand(false, "it is still there"),
      (error) => demand(error.code === 10008, `${error.code}: ${error.message}`),
    );
  });
  await attempt("stage", async () => {
    const started = bot.hear("stageInstanceCreate", (stage) => bot.channelOf(stage) === STAGE);
    await control("stage", { topic: "Greensleeves" });
    const stage = await started;
    demand(stage.topic === "Greensleeves", stage.topic);
    const ended = bot.hear("stageInstanceDelete", (one) => one.id === stage.id);
    await control("stage");
    await ended;
  });
  await attempt("two shards", async () => {
    const pair = bot.another(2);
    const ready = once(pair, "ready", () => true, 40_000);
    await pair.connect();
    await ready;
    const home = Number((BigInt(GUILD) >> 22n) % 2n);
    demand(pair.shards.size === 2, `${pair.shards.size} shards`);
    demand(pair.guilds.get(GUILD)?.shard.id === home, "the guild is on the other shard");
    const heard = [];
    pair.on("messageCreate", (m) => heard.push(m.content));
    const last = once(pair, "messageCreate", (m) => m.content === "and once more");
    await bot.send(TEXT_CHANNEL, { content: "to one shard" });
    await bot.send(TEXT_CHANNEL, { content: "and once more" });
    await last;
    demand(heard.join() === "to one shard,and once more", `heard ${heard.join()}`);
    pair.disconnect({ reconnect: false });
  });
  await attempt("resume after a cut", async () => {
    const contents = ["first in the dark", "second in the dark", "third in the dark"];
    const heard = [];
    bot.client.on("messageCreate", (m) => contents.includes(m.content) && heard.push(m.content));
    let readies = 0;
    bot.client.on("shardPreReady", () => (readies += 1));
    const resumed = bot.hear("shardResume", () => true, 45_000);
    await control("cut", { seconds: 1, channel: TEXT_CHANNEL, say: contents });
    await resumed;
    const after = bot.hear("messageCreate", (m) => m.content === "light again");
    await control("say", { channel: TEXT_CHANNEL, content: "light again" });
    await after;
    demand(readies === 0, "it identified anew");
    demand(heard.join() === contents.join(), `heard ${heard.join()}`);
  });
  check("ends", true);
  process.exit(0);
}
