// Entering a voice channel from the interface: says beforehand what the server would refuse.

import { call, hall, tell, voice } from "../app";
import type { Channel } from "../api/types";
import { voiceRoster, type Guild } from "../state/guilds";
import { Permission, permissionsIn } from "../state/permissions";
import { en } from "../strings/en";

export function enterVoice(guild: Guild, channel: Channel): void {
  if (call.place?.channelId === channel.id && call.phase !== "failed") return;
  const bits = permissionsIn(guild, hall.me?.id ?? "", channel);
  if ((bits & Permission.Connect) === 0n) return tell(en.voice.noConnect);
  const full = channel.user_limit && voiceRoster(guild, channel.id).length >= channel.user_limit;
  if (full && (bits & Permission.Administrator) === 0n) return tell(en.voice.full);
  voice.join({ guildId: guild.id, channelId: channel.id });
}
