// discord.js with @discordjs/voice, unmodified: plays and records by orders.
import { joinVoiceChannel } from "@discordjs/voice";
import { Client, Events, GatewayIntentBits } from "discord.js";
import { obey } from "./djs_voice.mjs";
import { once } from "./report.mjs";

const { BASE, BOT_TOKEN, GUILD } = process.env;
const client = new Client({
  rest: { api: `${BASE}/api`, cdn: BASE },
  intents: [GatewayIntentBits.Guilds, GatewayIntentBits.GuildVoiceStates],
});
client.on("error", (error) => console.error(error));
const counts = { readies: 0, resumes: 0 };
client.on(Events.ShardReady, () => (counts.readies += 1));
client.on(Events.ShardResume, () => (counts.resumes += 1));

const ready = once(client, Events.ClientReady, () => true, 30_000);
await client.login(BOT_TOKEN);
await ready;
await obey(client.user.id, {
  counts,
  join: (channelId) =>
    joinVoiceChannel({
      channelId,
      guildId: GUILD,
      adapterCreator: client.guilds.cache.get(GUILD).voiceAdapterCreator,
      selfDeaf: false,
      debug: true,
    }),
  own() {
    const { channelId, serverMute } = client.guilds.cache.get(GUILD).members.me.voice;
    return { channel: channelId, muted: serverMute };
  },
});
