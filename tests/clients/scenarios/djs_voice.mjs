// Voice by @discordjs/voice, which discord.js and Oceanic use alike: plays and records by orders, one JSON
// line each.
import { createReadStream } from "node:fs";
import { createInterface } from "node:readline";
import { createAudioPlayer, createAudioResource, EndBehaviorType, entersState, StreamType } from "@discordjs/voice";
import prism from "prism-media";
import { once, tell } from "./report.mjs";
import { writeWav } from "./wav.mjs";

const CHANNELS = 2;

/**
 * Does what is ordered until there are no more orders. `bot.join(channel)` gives the library's connection,
 * `bot.own()` where it believes to be, `bot.counts` what it counts of its gateway sessions.
 */
export async function obey(id, bot) {
  // What was said on the sockets, so that a resume can be told from a new session.
  const counts = { ...bot.counts, voiceIdentifies: 0, voiceResumes: 0, voiceResumed: 0 };
  let connection, recording, mode;
  const player = createAudioPlayer();
  player.on("error", (error) => console.error(error));
  player.on("stateChange", (before, after) => console.error(`player ${before.status} -> ${after.status}`));

  function countVoice(message) {
    const sent = /\[WS\] >> (\{.*)/s.exec(message)?.[1];
    const got = /\[WS\] << (\{.*)/s.exec(message)?.[1];
    if (!sent && !got) return;
    const { op, d } = JSON.parse(sent ?? got);
    if (sent && op === 0) counts.voiceIdentifies += 1;
    if (sent && op === 7) counts.voiceResumes += 1;
    if (sent && op === 1) mode = d.data?.mode;
    if (got && op === 9) counts.voiceResumed += 1;
  }

  const orders = {
    async join({ channel }) {
      const fresh = !connection || connection.state.status === "destroyed";
      connection = bot.join(channel);
      if (fresh) {
        connection.on("debug", countVoice);
        connection.on("error", (error) => console.error(error));
        connection.on("stateChange", (a, b) => console.error(`connection ${a.status} -> ${b.status}`));
        connection.subscribe(player);
      }
      await entersState(connection, "ready", 20_000);
      return { joined: connection.joinConfig.channelId, mode };
    },
    /** Ogg/Opus goes out packet by packet as it is; `played` is told when it is over. */
    async play({ file }) {
      const over = once(player, "idle", () => true, 90_000);
      player.play(createAudioResource(createReadStream(file), { inputType: StreamType.OggOpus }));
      over.then(
        () => tell({ played: true }),
        (error) => tell({ error: error.message }),
      );
      await entersState(player, "playing", 10_000);
      return { playing: true };
    },
    async hush() {
      player.stop(true);
      return { hushed: true };
    },
    async record({ user }) {
      const decoder = new prism.opus.Decoder({ rate: 48_000, channels: CHANNELS, frameSize: 960 });
      const packets = connection.receiver.subscribe(user, { end: { behavior: EndBehaviorType.Manual } });
      recording = { packets, count: 0, chunks: [] };
      const mine = recording;
      packets.on("data", () => (mine.count += 1));
      packets.on("error", (error) => console.error(error));
      decoder.on("error", (error) => console.error(error));
      packets.pipe(decoder).on("data", (chunk) => mine.chunks.push(chunk));
      return { recording: true };
    },
    async stop({ file }) {
      await new Promise((done) => setTimeout(done, 300));
      const { packets, count, chunks } = recording;
      packets.destroy();
      const pcm = Buffer.concat(chunks);
      writeWav(file, pcm, CHANNELS);
      return { recorded: { packets: count, seconds: pcm.length / (48_000 * 2 * CHANNELS) } };
    },
    async state() {
      return {
        state: {
          ...counts,
          ...bot.counts,
          ...bot.own(),
          mode,
          connection: connection?.state.status,
          networking: connection?.state.networking?.state.code,
          player: player.state.status,
        },
      };
    },
    async leave() {
      if (connection && connection.state.status !== "destroyed") connection.destroy();
      return { left: true };
    },
  };

  tell({ ready: id });
  for await (const line of createInterface({ input: process.stdin })) {
    const { order, ...rest } = JSON.parse(line);
    try {
      tell(await orders[order](rest));
    } catch (error) {
      tell({ error: `${order}: ${error.stack}` });
    }
  }
  process.exit(0);
}
