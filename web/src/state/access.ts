// Who may see a channel, as overwrites: open to everyone, or to chosen roles. Pure; all other bits
// of the overwrites stay as they are.

import type { Overwrite, Snowflake } from "../api/types";
import { Permission } from "./permissions";

const VIEW = Permission.ViewChannel;

/** Whether everyone is kept out but those who are let in by name. */
export function isPrivate(overwrites: readonly Overwrite[] | undefined, guildId: Snowflake): boolean {
  return has(find(overwrites, guildId)?.deny, VIEW);
}

/** Whether a role or a member is let in by name. */
export function admits(overwrites: readonly Overwrite[] | undefined, id: Snowflake): boolean {
  return has(find(overwrites, id)?.allow, VIEW);
}

/** Keeps everyone out, or lets them in again. Whoever does it must not lock themselves out. */
export function withPrivate(overwrites: readonly Overwrite[] | undefined, guildId: Snowflake, me: Snowflake, on: boolean): Overwrite[] {
  const shut = change(overwrites, guildId, 0, { allow: 0n, deny: on ? VIEW : 0n });
  return on ? change(shut, me, 1, { allow: VIEW, deny: 0n }) : shut;
}

/** Lets a role in by name, or no longer. */
export function withRole(overwrites: readonly Overwrite[] | undefined, role: Snowflake, on: boolean): Overwrite[] {
  return change(overwrites, role, 0, { allow: on ? VIEW : 0n, deny: 0n });
}

/** Sets the view bit of one overwrite; one that then says nothing is left out. */
function change(overwrites: readonly Overwrite[] | undefined, id: Snowflake, type: 0 | 1, view: { allow: bigint; deny: bigint }): Overwrite[] {
  const old = find(overwrites, id) ?? { id, type, allow: "0", deny: "0" };
  const allow = (BigInt(old.allow) & ~VIEW) | view.allow;
  const deny = (BigInt(old.deny) & ~VIEW) | view.deny;
  const others = (overwrites ?? []).filter((overwrite) => overwrite.id !== id);
  return allow || deny ? [...others, { id, type: old.type, allow: allow.toString(), deny: deny.toString() }] : others;
}

const find = (overwrites: readonly Overwrite[] | undefined, id: Snowflake) => overwrites?.find((overwrite) => overwrite.id === id);
const has = (bits: string | undefined, bit: bigint) => (BigInt(bits ?? "0") & bit) !== 0n;
