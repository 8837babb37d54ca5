// The messages of a channel while events, answers and sends overtake each other.

import { beforeEach, describe, expect, it } from "vitest";
import type { Message } from "../api/types";
import * as messages from "./messages";

const ME = "1";
const CHANNEL = "20";
let state: messages.MessagesState;

beforeEach(() => {
  state = messages.emptyMessages();
});

const message = (id: number, extra: Partial<Message> = {}): Message => ({
  id: String(id),
  channel_id: CHANNEL,
  author: { id: "2", username: "ben" },
  content: `m${id}`,
  timestamp: "2026-01-01T00:00:00Z",
  type: 0,
  attachments: [],
  embeds: [],
  mentions: [],
  ...extra,
});
const dispatch = (t: string, d: unknown, now = 0) => messages.applyMessageDispatch(state, { t, d }, ME, now);
const ids = () => state.timelines[CHANNEL]!.items.map((item) => Number(item.id));
const page = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => message(to - i));
const pending = (nonce: string): messages.Pending => ({ nonce, content: "x", at: 0, replyTo: null, files: [], progress: 0, error: null });

describe("sending", () => {
  it.each(["event first", "answer first"])("shows a message once when the %s", (order) => {
    messages.takeLatest(state, CHANNEL, page(1, 3));
    messages.startSending(state, CHANNEL, pending("n1"));
    const stored = message(4, { nonce: "n1", author: { id: ME, username: "ana" } });
    const steps = [
      () => dispatch("MESSAGE_CREATE", stored),
      () => messages.sent(state, CHANNEL, "n1", stored),
    ];

    for (const step of order === "event first" ? steps : steps.reverse()) step();

    expect(ids()).toEqual([1, 2, 3, 4]);
    expect(state.timelines[CHANNEL]!.pending).toEqual([]);
  });

  it("keeps a failed message, and a second try takes its place", () => {
    messages.startSending(state, CHANNEL, pending("n1"));
    messages.notSent(state, CHANNEL, "n1", "no");
    expect(state.timelines[CHANNEL]!.pending[0]!.error).toBe("no");

    messages.startSending(state, CHANNEL, pending("n1"));

    expect(state.timelines[CHANNEL]!.pending).toHaveLength(1);
    expect(state.timelines[CHANNEL]!.pending[0]!.error).toBeNull();
  });

  it("settles a message whose answer was lost when the next page brings it", () => {
    messages.startSending(state, CHANNEL, pending("n1"));

    messages.takeLatest(state, CHANNEL, [message(9, { nonce: "n1" })]);

    expect(state.timelines[CHANNEL]!.pending).toEqual([]);
  });

  it("understands a nonce that comes back as a number", () => {
    messages.startSending(state, CHANNEL, pending("77"));
    messages.takeLatest(state, CHANNEL, []);

    dispatch("MESSAGE_CREATE", message(1, { nonce: 77 }));

    expect(state.timelines[CHANNEL]!.pending).toEqual([]);
  });
});

describe("pages", () => {
  it("orders by id, also when ids grow by a digit", () => {
    messages.takeLatest(state, CHANNEL, [message(100), message(99)]);
    dispatch("MESSAGE_CREATE", message(101));

    expect(ids()).toEqual([99, 100, 101]);
  });

  it("knows the beginning by a short page", () => {
    messages.takeLatest(state, CHANNEL, page(51, 100));
    expect(state.timelines[CHANNEL]!.hasOlder).toBe(true);

    messages.takeOlder(state, CHANNEL, page(21, 50));

    expect(state.timelines[CHANNEL]!.hasOlder).toBe(false);
    expect(ids()[0]).toBe(21);
    expect(ids()).toHaveLength(80);
  });

  it("holds a bounded window and says that newer ones are missing", () => {
    messages.takeLatest(state, CHANNEL, page(9_951, 10_000));
    for (let low = 9_901; ids().length < messages.WINDOW || !state.timelines[CHANNEL]!.hasNewer; low -= 50) {
      messages.takeOlder(state, CHANNEL, page(low, low + 49));
    }

    expect(ids()).toHaveLength(messages.WINDOW);
    dispatch("MESSAGE_CREATE", message(10_001));
    expect(ids().at(-1)).not.toBe(10_001);

    messages.takeNewer(state, CHANNEL, page(ids().at(-1)! + 1, 10_001).slice(0, 51));
    expect(new Set(ids()).size).toBe(ids().length);
  });

  it("after a gap the newest page replaces what no longer touches it", () => {
    messages.takeLatest(state, CHANNEL, page(1, 50));
    messages.markStale(state);

    messages.takeLatest(state, CHANNEL, page(101, 150));

    expect(ids()[0]).toBe(101);
    expect(state.timelines[CHANNEL]).toMatchObject({ stale: false, hasOlder: true });
  });

  it("after a short absence history stays, and what was deleted meanwhile goes", () => {
    messages.takeLatest(state, CHANNEL, page(51, 100));
    messages.takeOlder(state, CHANNEL, page(1, 50));

    messages.takeLatest(state, CHANNEL, page(60, 110).filter((item) => item.id !== "70"));

    expect(ids()[0]).toBe(1);
    expect(ids()).not.toContain(70);
    expect(ids().at(-1)).toBe(110);
  });
});

describe("changes", () => {
  beforeEach(() => messages.takeLatest(state, CHANNEL, page(1, 3)));

  it("edits keep the reactions that an update does not carry", () => {
    dispatch("MESSAGE_REACTION_ADD", { channel_id: CHANNEL, message_id: "2", user_id: "3", emoji: { id: null, name: "👍" } });
    dispatch("MESSAGE_UPDATE", { id: "2", channel_id: CHANNEL, content: "new" });

    expect(state.timelines[CHANNEL]!.items[1]).toMatchObject({ content: "new", reactions: [{ count: 1, me: false }] });
  });

  it("deletes one and many", () => {
    dispatch("MESSAGE_DELETE", { id: "1", channel_id: CHANNEL });
    dispatch("MESSAGE_DELETE_BULK", { ids: ["2", "3"], channel_id: CHANNEL });

    expect(ids()).toEqual([]);
  });

  it("counts our own reaction once although it is shown before its event", () => {
    const target = { channel_id: CHANNEL, message_id: "1", emoji: { id: null, name: "🔥" } };
    messages.react(state, target, true, 1);
    dispatch("MESSAGE_REACTION_ADD", { ...target, user_id: ME });
    expect(state.timelines[CHANNEL]!.items[0]!.reactions).toEqual([{ emoji: target.emoji, count: 1, me: true }]);

    messages.react(state, target, true, -1);
    dispatch("MESSAGE_REACTION_REMOVE", { ...target, user_id: ME });
    expect(state.timelines[CHANNEL]!.items[0]!.reactions).toEqual([]);
  });
});

describe("typing", () => {
  it("ends after ten seconds, or with the message", () => {
    dispatch("TYPING_START", { channel_id: CHANNEL, user_id: "2" }, 1_000);
    dispatch("TYPING_START", { channel_id: CHANNEL, user_id: "3" }, 2_000);
    dispatch("TYPING_START", { channel_id: CHANNEL, user_id: ME }, 2_000);
    expect(messages.typingIn(state, CHANNEL, 3_000)).toEqual(["2", "3"]);

    dispatch("MESSAGE_CREATE", message(9));
    expect(messages.typingIn(state, CHANNEL, 3_000)).toEqual(["3"]);
    expect(messages.typingIn(state, CHANNEL, 2_000 + messages.TYPING_MS)).toEqual([]);
  });
});
