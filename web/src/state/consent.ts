// What a consent says, as far as it can be told without a page: pure.

import { en } from "../strings/en";

export interface Right {
  bit: bigint;
  name: string;
}

/** The permissions of a decimal mask, each with its name; the most powerful first. */
export function askedRights(mask: string): Right[] {
  const bits = BigInt(/^\d+$/.test(mask) ? mask : "0");
  const rights: Right[] = [];
  for (let at = 0n; bits >> at; at += 1n) {
    if (!((bits >> at) & 1n)) continue;
    rights.push({ bit: 1n << at, name: en.consent.permissions[Number(at)] ?? en.consent.otherRight(Number(at)) });
  }
  return rights.sort((one, other) => rank(one.bit) - rank(other.bit));
}

/** Those by which a bot can do harm stand first: administrator, then what manages and removes. */
function rank(bit: bigint): number {
  if (bit === 8n) return 0;
  return POWERFUL & bit ? 1 : 2;
}

const POWERFUL = [1, 2, 4, 5, 13, 28, 29, 30, 34, 40].reduce((sum, at) => sum | (1n << BigInt(at)), 0n);

/** A decimal mask without some bits. */
export function without(mask: string, refused: readonly bigint[]): string {
  return String(refused.reduce((left, bit) => left & ~bit, BigInt(mask)));
}

/** Whether a browser may be sent there: an address that is run or read instead of visited may not. */
export function isSafeAddress(address: string): boolean {
  try {
    return !/^(about|blob|data|file|filesystem|javascript|vbscript|view-source):$/.test(new URL(address).protocol);
  } catch {
    return false;
  }
}
