// The order in which permissions override each other.

import { describe, expect, it } from "vitest";
import type { Channel, Overwrite } from "../api/types";
import type { Guild } from "./guilds";
import { commands, outranks, Permission, permissionsIn, rolesInOrder } from "./permissions";

const { ViewChannel: VIEW, SendMessages: SEND, Administrator: ADMIN, Connect: CONNECT } = Permission;
const bits = (...of: bigint[]) => of.reduce((sum, bit) => sum | bit, 0n).toString();

function guild(everyone: bigint[], roles: Record<string, bigint[]> = {}, mine: string[] = []): Guild {
  const role = (id: string, of: bigint[]) => ({ id, name: id, color: 0, hoist: false, position: 0, permissions: bits(...of) });
  return {
    id: "10", name: "", icon: null, ownerId: "9", memberCount: 0, unavailable: false, channels: {}, voice: {},
    roles: { "10": role("10", everyone), ...Object.fromEntries(Object.entries(roles).map(([id, of]) => [id, role(id, of)])) },
    members: { "1": { userId: "1", nick: null, roles: mine } },
  };
}
const channel = (...permission_overwrites: Overwrite[]): Channel => ({ id: "20", type: 0, permission_overwrites });
const overwrite = (id: string, type: 0 | 1, allow: bigint[], deny: bigint[]): Overwrite => ({ id, type, allow: bits(...allow), deny: bits(...deny) });

describe("permissions", () => {
  it("owner and administrators may everything", () => {
    expect(permissionsIn(guild([]), "9") & CONNECT).toBe(CONNECT);
    expect(permissionsIn(guild([], { r: [ADMIN] }, ["r"]), "1", channel(overwrite("1", 1, [], [VIEW]))) & SEND).toBe(SEND);
  });

  it("without seeing a channel nothing else counts", () => {
    expect(permissionsIn(guild([VIEW, SEND]), "1", channel(overwrite("10", 0, [], [VIEW])))).toBe(0n);
  });

  it("a role's allow beats another role's deny, and both beat everyone's", () => {
    const hall = guild([VIEW], { a: [], b: [] }, ["a", "b"]);
    const at = channel(overwrite("10", 0, [], [SEND]), overwrite("a", 0, [], [SEND]), overwrite("b", 0, [SEND], []));

    expect(permissionsIn(hall, "1", at) & SEND).toBe(SEND);
  });

  it("the member's own overwrite is last", () => {
    const hall = guild([VIEW, SEND], { a: [] }, ["a"]);
    const at = channel(overwrite("a", 0, [SEND], []), overwrite("1", 1, [], [SEND]));

    expect(permissionsIn(hall, "1", at) & SEND).toBe(0n);
  });

  it("overwrites of roles that one does not have are nothing to one", () => {
    expect(permissionsIn(guild([VIEW]), "1", channel(overwrite("a", 0, [SEND], []))) & SEND).toBe(0n);
  });
});

describe("the hierarchy", () => {
  const hall = (positions: Record<string, number>, members: Record<string, string[]>) => {
    const made = guild([], Object.fromEntries(Object.keys(positions).map((id) => [id, []])));
    for (const [id, position] of Object.entries(positions)) made.roles[id]!.position = position;
    for (const [userId, roles] of Object.entries(members)) made.members[userId] = { userId, nick: null, roles };
    return made;
  };

  it("puts the owner above all, and nobody above the owner or oneself", () => {
    const at = hall({ "5": 9 }, { "1": ["5"], "9": [] });
    expect(outranks(at, "9", "1")).toBe(true);
    expect(outranks(at, "1", "9")).toBe(false);
    expect(outranks(at, "1", "1")).toBe(false);
  });

  it("goes by the highest role of each", () => {
    const at = hall({ "5": 1, "6": 2, "7": 3 }, { "1": ["5", "7"], "2": ["6"], "3": [] });
    expect(outranks(at, "1", "2")).toBe(true);
    expect(outranks(at, "2", "1")).toBe(false);
    expect(outranks(at, "2", "3")).toBe(true);
    expect(outranks(at, "3", "2")).toBe(false);
  });

  it("puts the older of two roles at one position above", () => {
    const at = hall({ "5": 1, "6": 1 }, { "1": ["5"], "2": ["6"] });
    expect(outranks(at, "1", "2")).toBe(true);
    expect(outranks(at, "2", "1")).toBe(false);
  });

  it("lets nobody but the owner touch roles that are not below their own", () => {
    const at = hall({ "5": 1, "6": 2, "7": 3 }, { "1": ["6"] });
    const role = (id: string) => at.roles[id]!;
    expect(commands(at, "9", role("7"))).toBe(true);
    expect(commands(at, "1", role("5"))).toBe(false);

    at.roles["6"]!.permissions = bits(Permission.ManageRoles);
    expect(["5", "6", "7", "10"].map((id) => commands(at, "1", role(id)))).toEqual([true, false, false, true]);
  });

  it("lists the highest role first and everyone's last", () => {
    expect(rolesInOrder(hall({ "5": 1, "6": 1, "7": 3 }, {})).map((role) => role.id)).toEqual(["7", "5", "6", "10"]);
  });
});
