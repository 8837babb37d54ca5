// When push to talk opens the microphone, and when it does not.

import { describe, expect, it } from "vitest";
import { DEFAULT_KEY, PushToTalk, RELEASE_MS, type KeyPress } from "./push";

const press = (changes: Partial<KeyPress> = {}): KeyPress => ({ code: "Backquote", key: "`", writing: false, command: false, ...changes });

describe("the key", () => {
  it("opens while it is held, and a moment longer", () => {
    const talk = new PushToTalk();
    expect(talk.open(0)).toBe(false);

    expect(talk.press(DEFAULT_KEY, press())).toBe(true);
    expect(talk.open(10_000)).toBe(true);
    expect(talk.deadline).toBeNull();

    expect(talk.release(10_000, DEFAULT_KEY, "Backquote")).toBe(true);
    expect(talk.open(10_000 + RELEASE_MS - 1)).toBe(true);
    expect(talk.deadline).toBe(10_000 + RELEASE_MS);
    expect(talk.open(10_000 + RELEASE_MS)).toBe(false);
  });

  it("writes when somebody writes, unless it types nothing", () => {
    const talk = new PushToTalk();
    expect(talk.press(DEFAULT_KEY, press({ writing: true }))).toBe(false);
    expect(talk.open(0)).toBe(false);

    const f8 = { code: "F8", label: "F8" };
    expect(talk.press(f8, press({ code: "F8", key: "F8", writing: true }))).toBe(true);
    expect(talk.open(0)).toBe(true);
  });

  it("is no other key, and no command", () => {
    const talk = new PushToTalk();
    expect(talk.press(DEFAULT_KEY, press({ code: "KeyA" }))).toBe(false);
    expect(talk.press(DEFAULT_KEY, press({ command: true }))).toBe(false);
    expect(talk.release(0, DEFAULT_KEY, "Backquote")).toBe(false);
    expect(talk.open(0)).toBe(false);
  });
});

it("opens by the button on the screen, beside the key", () => {
  const talk = new PushToTalk();
  talk.touch(0, true);
  talk.press(DEFAULT_KEY, press());
  talk.release(5, DEFAULT_KEY, "Backquote");
  expect(talk.open(1_000)).toBe(true);

  talk.touch(1_000, false);
  expect(talk.open(1_000 + RELEASE_MS)).toBe(false);
});

it("closes at once when the window loses the focus", () => {
  const talk = new PushToTalk();
  talk.press(DEFAULT_KEY, press());
  talk.drop();
  expect(talk.open(0)).toBe(false);
  expect(talk.deadline).toBeNull();
});
