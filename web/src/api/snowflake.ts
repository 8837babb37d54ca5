// What can be read out of an id without asking anyone: order and time.

import type { Snowflake } from "./types";

/** First second of 2015, in Unix milliseconds (Discord: Reference/Snowflakes). */
const EPOCH = 1_420_070_400_000n;

/** Orders two ids by age without parsing them: longer means larger, else digit by digit. */
export function compareIds(a: Snowflake, b: Snowflake): number {
  if (a.length !== b.length) return a.length - b.length;
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Says whether `a` is younger than `b`; nothing is older than everything. */
export function isNewer(a: Snowflake | null | undefined, b: Snowflake | null | undefined): boolean {
  if (!a) return false;
  if (!b) return true;
  return compareIds(a, b) > 0;
}

/** Unix milliseconds at which the id was made. */
export function idTime(id: Snowflake): number {
  return Number((BigInt(id) >> 22n) + EPOCH);
}

/** An id as the server would have made it at `now` (Unix ms); `low` fills the lower 22 bits. */
export function idAt(now: number, low = 0): Snowflake {
  return (((BigInt(Math.floor(now)) - EPOCH) << 22n) | BigInt(low & 0x3fffff)).toString();
}
