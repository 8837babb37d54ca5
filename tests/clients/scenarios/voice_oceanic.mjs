// Oceanic with @discordjs/voice, unmodified: plays and records by orders.
import { obey } from "./djs_voice.mjs";
import { bot } from "./family/oceanic.mjs";

const { GUILD } = process.env;
const { client } = bot;
const counts = { readies: 0, resumes: 0 };
client.on("shardPreReady", () => (counts.readies += 1));
client.on("shardResume", () => (counts.resumes += 1));
await bot.login();
const guild = client.guilds.get(GUILD);
await obey(client.user.id, {
  counts,
  join: (channelID) =>
    client.joinVoiceChannel({
      channelID,
      guildID: GUILD,
      voiceAdapterCreator: guild.voiceAdapterCreator,
      selfDeaf: false,
      selfMute: false,
      debug: true,
    }),
  own() {
    const state = guild.voiceStates.get(client.user.id);
    return { channel: state?.channelID ?? null, muted: Boolean(state?.mute) };
  },
});
