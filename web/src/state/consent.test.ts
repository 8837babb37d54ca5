import { expect, test } from "vitest";
import { askedRights, isSafeAddress, without } from "./consent";

test("what an application asks is named, the most powerful first", () => {
  const names = askedRights(String((1n << 10n) | (1n << 3n) | (1n << 5n))).map((right) => right.name);

  expect(names).toEqual(["Administrator: everything", "Manage the guild", "See channels"]);
  expect(askedRights("0")).toEqual([]);
  expect(askedRights("nonsense")).toEqual([]);
  expect(askedRights(String(1n << 63n))[0]!.name).toContain("63");
});

test("what a person refuses is taken from what is asked", () => {
  expect(without("3104", [32n])).toBe("3072");
  expect(without("3104", [])).toBe("3104");
});

test("a browser is not sent to addresses that it would run", () => {
  for (const good of ["https://app.example/back?code=x", "com.example.app:/oauth", "http://127.0.0.1:8000/"]) {
    expect(isSafeAddress(good), good).toBe(true);
  }
  for (const bad of ["javascript:alert(1)", "JAVASCRIPT:alert(1)", "data:text/html,x", "/relative", ""]) {
    expect(isSafeAddress(bad), bad).toBe(false);
  }
});
