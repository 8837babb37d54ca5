// When a timeline follows its end, and when it lets go.

import { expect, it } from "vitest";
import { sticks } from "./stick";

it("follows at the end, however one came there", () => {
  expect(sticks(false, { top: 500, before: 400, below: 10 })).toBe(true);
  expect(sticks(true, { top: 300, before: 500, below: 0 })).toBe(true);
});

it("lets go when a person moves up, and not when something grows below", () => {
  expect(sticks(true, { top: 400, before: 500, below: 100 })).toBe(false);
  expect(sticks(true, { top: 500, before: 500, below: 300 })).toBe(true);
});

it("does not begin to follow on the way down", () => {
  expect(sticks(false, { top: 600, before: 500, below: 100 })).toBe(false);
});
