import { describe, expect, it } from "vitest";
import type { Message } from "../api/types";
import { applyCallDispatch, incoming, newsOf, seats, type Calls } from "./calls";

const state = (user: string, channel: string | null, guild?: string) => ({
  ...(guild ? { guild_id: guild } : {}), user_id: user, channel_id: channel, session_id: `s${user}`,
  mute: false, deaf: false, self_mute: false, self_deaf: false,
});
const created = (channel: string, message: string, users: string[], ringing: string[] = []) => ({
  t: "CALL_CREATE",
  d: { channel_id: channel, message_id: message, region: "guildhall", ringing, voice_states: users.map((user) => state(user, channel)) },
});
const rings = (channel: string, message: string, ringing: string[]) => ({
  t: "CALL_UPDATE", d: { channel_id: channel, message_id: message, region: "guildhall", ringing },
});
const moved = (user: string, channel: string | null, guild?: string) => ({ t: "VOICE_STATE_UPDATE", d: state(user, channel, guild) });

function after(...dispatches: { t: string; d: unknown }[]): Calls {
  const calls: Calls = {};
  for (const dispatch of dispatches) applyCallDispatch(calls, dispatch);
  return calls;
}

describe("calls", () => {
  it("ring until they are answered, on whatever client", () => {
    const calls = after(created("90", "500", ["1"]), rings("90", "500", ["2"]));
    expect(incoming(calls, "2").map((call) => call.channelId)).toEqual(["90"]);
    expect(incoming(calls, "1")).toEqual([]);

    applyCallDispatch(calls, moved("2", "90"));
    expect(incoming(calls, "2")).toEqual([]);
    applyCallDispatch(calls, rings("90", "500", []));
    expect(seats(calls["90"])).toEqual([{ userId: "1", rings: false }, { userId: "2", rings: false }]);
  });

  it("stop ringing when they are declined, time out or end", () => {
    for (const end of [rings("90", "500", []), { t: "CALL_DELETE", d: { channel_id: "90" } }, { t: "CHANNEL_DELETE", d: { id: "90" } }]) {
      const calls = after(created("90", "500", ["1"], ["2"]), end);
      expect(incoming(calls, "2")).toEqual([]);
    }
  });

  it("keep who is in them when whom they ring changes", () => {
    const calls = after(created("90", "500", ["1"]), moved("3", "90"), rings("90", "500", ["2"]));
    expect(seats(calls["90"])).toEqual([
      { userId: "1", rings: false }, { userId: "3", rings: false }, { userId: "2", rings: true },
    ]);
  });

  it("lose whoever goes to another call or away, and nobody by a guild's voice", () => {
    const calls = after(created("90", "500", ["1", "2"]), created("91", "501", ["3"]), moved("1", "91"), moved("2", null));
    expect(Object.keys(calls["90"]!.voice)).toEqual([]);
    expect(Object.keys(calls["91"]!.voice)).toEqual(["1", "3"]);
    applyCallDispatch(calls, moved("3", "14", "10"));
    expect(Object.keys(calls["91"]!.voice)).toEqual(["1", "3"]);
  });

  it("are forgotten by a new session, which is told of those that go on", () => {
    const calls = after(created("90", "500", ["1"]), { t: "READY", d: {} }, created("91", "501", ["3"]));
    expect(Object.keys(calls)).toEqual(["91"]);
  });
});

describe("the message of a call", () => {
  const message = (author: string, participants: string[], ended: string | null): Message => ({
    id: "500", channel_id: "90", author: { id: author, username: "ana" }, content: "", type: 3,
    timestamp: "2026-01-01T12:00:00.000Z", attachments: [], embeds: [], mentions: [],
    call: { participants, ended_timestamp: ended },
  }) as Message;

  it("goes on while that very call does", () => {
    const running = after(created("90", "500", ["1"]));
    expect(newsOf(message("1", ["1"], null), running, "2")).toEqual({ kind: "on", seconds: null });
    const another = after(created("90", "501", ["1"]));
    expect(newsOf(message("1", ["1"], null), another, "1").kind).toBe("over");
  });

  it("tells how long it was to those who were there, and the others that they missed it", () => {
    const ended = "2026-01-01T12:01:05.400Z";
    expect(newsOf(message("1", ["1", "2"], ended), {}, "2")).toEqual({ kind: "over", seconds: 65 });
    expect(newsOf(message("1", ["1"], ended), {}, "1")).toEqual({ kind: "over", seconds: 65 });
    expect(newsOf(message("1", ["1"], ended), {}, "2")).toEqual({ kind: "missed", seconds: 65 });
  });

  it("knows no length of a call that ended with the server", () => {
    expect(newsOf(message("1", ["1"], null), {}, "2")).toEqual({ kind: "missed", seconds: null });
  });
});
