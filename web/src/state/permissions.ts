// What we may do in a channel, to show or hide controls. The server decides; this only avoids
// offering what it would refuse (Discord: Permissions/Permission Overwrites).

import { compareIds } from "../api/snowflake";
import type { Channel, Role } from "../api/types";
import type { Guild } from "./guilds";

export const Permission = {
  CreateInvite: 1n << 0n,
  KickMembers: 1n << 1n,
  BanMembers: 1n << 2n,
  Administrator: 1n << 3n,
  ManageChannels: 1n << 4n,
  ManageGuild: 1n << 5n,
  AddReactions: 1n << 6n,
  Stream: 1n << 9n,
  ViewChannel: 1n << 10n,
  SendMessages: 1n << 11n,
  ManageMessages: 1n << 13n,
  AttachFiles: 1n << 15n,
  MentionEveryone: 1n << 17n,
  Connect: 1n << 20n,
  Speak: 1n << 21n,
  MuteMembers: 1n << 22n,
  DeafenMembers: 1n << 23n,
  MoveMembers: 1n << 24n,
  ManageRoles: 1n << 28n,
} as const;

const ALL = (1n << 64n) - 1n;
/** All that is left to somebody who has yet to pass the guild's screening: to see, and READ_MESSAGE_HISTORY. */
const LOOKING_ON = Permission.ViewChannel | (1n << 16n);

/** Effective permissions of `userId`, in `channel` when given, else in the guild at large. */
export function permissionsIn(guild: Guild, userId: string, channel?: Channel): bigint {
  if (guild.ownerId === userId) return ALL;
  const bits = (text: string | undefined) => BigInt(text ?? "0");
  const roles = guild.members[userId]?.roles ?? [];
  let granted = bits(guild.roles[guild.id]?.permissions);
  for (const role of roles) granted |= bits(guild.roles[role]?.permissions);
  if (granted & Permission.Administrator) return ALL;
  const left = guild.members[userId]?.pending ? LOOKING_ON : ALL;
  if (!channel) return granted & left;

  const overwrites = channel.permission_overwrites ?? [];
  const everyone = overwrites.find((overwrite) => overwrite.id === guild.id);
  if (everyone) granted = (granted & ~bits(everyone.deny)) | bits(everyone.allow);
  let deny = 0n;
  let allow = 0n;
  for (const overwrite of overwrites) {
    if (overwrite.type !== 0 || overwrite.id === guild.id || !roles.includes(overwrite.id)) continue;
    deny |= bits(overwrite.deny);
    allow |= bits(overwrite.allow);
  }
  granted = (granted & ~deny) | allow;
  const own = overwrites.find((overwrite) => Number(overwrite.type) === 1 && overwrite.id === userId);
  if (own) granted = (granted & ~bits(own.deny)) | bits(own.allow);
  return granted & Permission.ViewChannel ? granted & left : 0n;
}

/** Whether `actor` stands above `target` by their highest roles (Discord: Permissions, hierarchy). */
export function outranks(guild: Guild, actor: string, target: string): boolean {
  if (target === guild.ownerId || actor === target) return false;
  if (actor === guild.ownerId) return true;
  const [mine, theirs] = [highestRole(guild, actor), highestRole(guild, target)];
  return mine !== undefined && (theirs === undefined || byRank(mine, theirs) < 0);
}

/** Whether `actor` may change or give a role: it stands below their highest. */
export function commands(guild: Guild, actor: string, role: Role): boolean {
  if ((permissionsIn(guild, actor) & Permission.ManageRoles) === 0n) return false;
  if (actor === guild.ownerId) return true;
  const mine = highestRole(guild, actor);
  return mine !== undefined && byRank(mine, role) < 0;
}

/** All roles, the highest first, everyone's last. */
export function rolesInOrder(guild: Guild): Role[] {
  return Object.values(guild.roles).sort(byRank);
}

function highestRole(guild: Guild, userId: string): Role | undefined {
  const roles = (guild.members[userId]?.roles ?? []).map((id) => guild.roles[id]).filter((role) => role !== undefined);
  return roles.sort(byRank)[0];
}

/** The higher first; of two roles at one position the older stands above. */
function byRank(a: Role, b: Role): number {
  return b.position - a.position || compareIds(a.id, b.id);
}
