// What counts as read, as unread, and as meant for us.

import { expect, it } from "vitest";
import { applyUnreadDispatch, emptyUnread, isUnread, markRead } from "./unread";

const create = (id: string, extra: object = {}) => ({
  t: "MESSAGE_CREATE",
  d: { id, channel_id: "20", guild_id: "10", author: { id: "2" }, mentions: [], ...extra },
});

it("a channel seen for the first time has no news", () => {
  const state = emptyUnread();
  applyUnreadDispatch(state, { t: "GUILD_CREATE", d: { channels: [{ id: "20", last_message_id: "100" }] } }, "1", []);

  expect(isUnread(state, "20", "100")).toBe(false);
  expect(isUnread(state, "20", "101")).toBe(true);
});

it("what came while away is news at the next visit", () => {
  const state = emptyUnread({ "20": "100" });
  applyUnreadDispatch(state, { t: "GUILD_CREATE", d: { channels: [{ id: "20", last_message_id: "105" }] } }, "1", []);

  expect(isUnread(state, "20", "105")).toBe(true);
  expect(markRead(state, "20", "105")).toBe(true);
  expect(isUnread(state, "20", "105")).toBe(false);
  expect(markRead(state, "20", "104")).toBe(false);
});

it("mentions of us, of our roles, of everyone and direct messages are counted", () => {
  const state = emptyUnread({ "20": "1" });
  const feed = (id: string, extra?: object) => applyUnreadDispatch(state, create(id, extra), "1", ["7"]);
  feed("2");
  expect(state.mentions["20"]).toBeUndefined();

  feed("3", { mentions: [{ id: "1" }] });
  feed("4", { mention_roles: ["7"] });
  feed("5", { mention_everyone: true });
  feed("6", { guild_id: undefined });
  expect(state.mentions["20"]).toBe(4);

  markRead(state, "20", "6");
  expect(state.mentions["20"]).toBeUndefined();
});

it("our own message marks its channel as read", () => {
  const state = emptyUnread({ "20": "1" });
  applyUnreadDispatch(state, create("9", { author: { id: "1" } }), "1", []);

  expect(isUnread(state, "20", "9")).toBe(false);
});

it("mentions that came while away are told by the server, unless this browser read further", () => {
  const state = emptyUnread({ "20": "5", "21": "50" });
  const read_state = {
    entries: [
      { id: "20", last_message_id: "9", mention_count: 2 },
      { id: "21", last_message_id: "40", mention_count: 3 },
    ],
  };
  applyUnreadDispatch(state, { t: "READY", d: { read_state } }, "1", []);

  expect(state.mentions).toEqual({ "20": 2 });
});

it("another client's acknowledgement counts here, forward and back", () => {
  const state = emptyUnread({ "20": "5" });
  const ack = (d: object) => applyUnreadDispatch(state, { t: "MESSAGE_ACK", d: { channel_id: "20", ...d } }, "1", []);
  ack({ message_id: "9" });
  expect(state.read["20"]).toBe("9");

  ack({ message_id: "7", manual: true, mention_count: 1 });
  expect([state.read["20"], state.mentions["20"]]).toEqual(["7", 1]);
});

it("the server's markers win when they are newer", () => {
  const state = emptyUnread({ "20": "5", "21": "50" });
  const read_state = { entries: [{ id: "20", last_message_id: "9" }, { id: "21", last_message_id: "40" }] };
  applyUnreadDispatch(state, { t: "READY", d: { read_state } }, "1", []);

  expect(state.read).toEqual({ "20": "9", "21": "50" });
});
