// What the server's refusals become.

import { describe, expect, it } from "vitest";
import { emojiPath, parseError } from "./rest";
import { compareIds, idAt, idTime, isNewer } from "./snowflake";

describe("errors", () => {
  it("flattens Discord's tree of field errors", () => {
    const error = parseError(400, JSON.stringify({
      message: "Invalid Form Body",
      code: 50035,
      errors: { username: { _errors: [{ code: "X", message: "taken" }] }, a: { "0": { b: { _errors: [{ code: "Y", message: "bad" }] } } } },
    }));

    expect(error.code).toBe(50035);
    expect(error.fields).toEqual({ username: "taken", "a.0.b": "bad" });
  });

  it("survives a proxy's page instead of JSON", () => {
    expect(parseError(502, "<html>").message).toContain("502");
    expect(parseError(413, "").message).toBe("That is too large.");
  });
});

it("an emoji's path is its character, or name and id", () => {
  expect(emojiPath({ id: null, name: "👍" })).toBe("%F0%9F%91%8D");
  expect(emojiPath({ id: "5", name: "blob" })).toBe("blob%3A5");
});

it("ids order by age whatever their length, and tell their time", () => {
  expect(compareIds("99", "100")).toBeLessThan(0);
  expect(isNewer("100", null)).toBe(true);
  expect(isNewer(null, "1")).toBe(false);
  expect(idTime(idAt(1_700_000_000_000, 5))).toBe(1_700_000_000_000);
});
