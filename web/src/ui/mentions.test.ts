// Names while writing.

import { expect, it } from "vitest";
import { mentionAt, resolveMentions } from "./mentions";

const NAMES: Record<string, string> = { "1": "ana", "2": "ben.b" };
const resolve = (text: string) => resolveMentions(text, Object.keys(NAMES), (id) => NAMES[id]);

it("finds the name under the caret", () => {
  expect(mentionAt("hi @an", 6)).toEqual({ from: 3, text: "an" });
  expect(mentionAt("@", 1)).toEqual({ from: 0, text: "" });
});

it("finds none inside an address or after a space", () => {
  expect(mentionAt("mail@an", 7)).toBeNull();
  expect(mentionAt("@ana x", 6)).toBeNull();
});

it("turns exact names into ids and leaves others alone", () => {
  expect(resolve("@ana and @ben.b, not @anabel")).toBe("<@1> and <@2>, not @anabel");
  expect(resolve("ask @ana.")).toBe("ask <@1>.");
});

it("leaves code as written", () => {
  expect(resolve("`@ana` @ana")).toBe("`@ana` <@1>");
});
