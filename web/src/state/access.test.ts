// What becomes of overwrites when a channel is shut and when roles are let in.

import { expect, it } from "vitest";
import type { Overwrite } from "../api/types";
import { admits, isPrivate, withPrivate, withRole } from "./access";
import { Permission } from "./permissions";

const [VIEW, SEND] = [Permission.ViewChannel.toString(), Permission.SendMessages.toString()];
const [GUILD, ME, ROLE] = ["10", "1", "5"];

it("shuts a channel for everyone but whoever shut it, and opens it again", () => {
  const shut = withPrivate(undefined, GUILD, ME, true);
  expect(shut).toEqual([
    { id: GUILD, type: 0, allow: "0", deny: VIEW },
    { id: ME, type: 1, allow: VIEW, deny: "0" },
  ]);
  expect(isPrivate(shut, GUILD)).toBe(true);
  expect(isPrivate(undefined, GUILD)).toBe(false);

  const open = withPrivate(shut, GUILD, ME, false);
  expect(isPrivate(open, GUILD)).toBe(false);
  expect(open).toEqual([{ id: ME, type: 1, allow: VIEW, deny: "0" }]);
});

it("lets a role in by name, and takes that back without a trace", () => {
  const shut = withPrivate([], GUILD, ME, true);
  const admitted = withRole(shut, ROLE, true);
  expect(admits(admitted, ROLE)).toBe(true);
  expect(admits(shut, ROLE)).toBe(false);
  expect(withRole(admitted, ROLE, false)).toEqual(shut);
});

it("keeps every other bit, and lets a role in that was kept out", () => {
  const before: Overwrite[] = [{ id: ROLE, type: 0, allow: SEND, deny: VIEW }, { id: GUILD, type: 0, allow: VIEW, deny: SEND }];
  expect(withRole(before, ROLE, true)).toContainEqual({ id: ROLE, type: 0, allow: (BigInt(SEND) | BigInt(VIEW)).toString(), deny: "0" });
  expect(withPrivate(before, GUILD, ME, true)).toContainEqual({ id: GUILD, type: 0, allow: "0", deny: (BigInt(SEND) | BigInt(VIEW)).toString() });
});
