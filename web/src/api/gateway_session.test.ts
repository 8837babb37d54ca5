// The main gateway's life on a virtual clock.

import { beforeEach, describe, expect, it } from "vitest";
import { backoff } from "./backoff";
import { ANSWER_DEADLINE_MS, GatewaySession, type GatewayEffect, type GatewayInput } from "./gateway_session";

let now: number;
let session: GatewaySession;

beforeEach(() => {
  now = 5_000_000;
  session = new GatewaySession(() => 0.5);
});

const feed = (input: GatewayInput): GatewayEffect[] => session.handle(now, input);
const frame = (op: number, d?: unknown, s?: number, t?: string) =>
  feed({ kind: "frame", frame: { op, d, s: s ?? null, t: t ?? null } });

function pass(ms: number): GatewayEffect[] {
  const end = now + ms;
  const effects: GatewayEffect[] = [];
  for (;;) {
    const due = session.deadline;
    if (due === null || due > end) break;
    now = Math.max(now, due);
    effects.push(...feed({ kind: "tick" }));
  }
  now = end;
  return effects;
}

function ready(): void {
  feed({ kind: "start", token: "tok" });
  feed({ kind: "opened" });
  frame(10, { heartbeat_interval: 40_000 });
  frame(0, { session_id: "s1" }, 1, "READY");
}

describe("identifying", () => {
  it("identifies after Hello and is ready after READY", () => {
    expect(feed({ kind: "start", token: "tok" })).toEqual([{ kind: "open" }]);
    feed({ kind: "opened" });

    const [identify] = frame(10, { heartbeat_interval: 40_000 });
    expect(identify).toMatchObject({ kind: "send", frame: { op: 2, d: { token: "tok" } } });
    expect(session.state).toBe("connecting");

    const effects = frame(0, { session_id: "s1" }, 1, "READY");
    expect(effects.map((e) => e.kind)).toEqual(["fresh", "dispatch"]);
    expect(session.state).toBe("ready");
  });

  it("gives up on a socket that never says Hello and tries again", () => {
    feed({ kind: "start", token: "tok" });

    const effects = pass(ANSWER_DEADLINE_MS + 1_000);

    expect(effects.map((e) => e.kind)).toEqual(["close", "open"]);
  });

  it("stays refused after a close that no retry can heal", () => {
    ready();
    feed({ kind: "closed", code: 4004 });

    expect(session.state).toBe("refused");
    expect(session.deadline).toBeNull();
  });
});

describe("heartbeats", () => {
  it("sends the last sequence number", () => {
    ready();
    frame(0, {}, 41, "TYPING_START");

    expect(pass(20_000)).toEqual([{ kind: "send", frame: { op: 1, d: 41 } }]);
  });

  it("abandons a socket whose heartbeat was not acknowledged, with a code that keeps the session", () => {
    ready();

    const effects = pass(61_000);

    expect(effects).toContainEqual({ kind: "close", code: 4900 });
    expect(effects.at(-1)).toEqual({ kind: "open" });
  });

  it("measures the round trip", () => {
    ready();
    pass(20_000);
    now += 35;
    frame(11);

    expect(session.latency).toBe(35);
  });

  it("answers the server's request for one", () => {
    ready();

    expect(frame(1)).toMatchObject([{ kind: "send", frame: { op: 1 } }]);
  });
});

describe("coming back", () => {
  function reopen(): GatewayEffect[] {
    pass(1_000);
    feed({ kind: "opened" });
    return frame(10, { heartbeat_interval: 40_000 });
  }

  it("resumes after a lost socket and does not call it fresh", () => {
    ready();
    frame(0, {}, 7, "MESSAGE_CREATE");
    feed({ kind: "closed", code: 1006 });

    expect(reopen()).toEqual([
      { kind: "send", frame: { op: 6, d: { token: "tok", session_id: "s1", seq: 7 } } },
    ]);
    expect(frame(0, null, 9, "RESUMED").map((e) => e.kind)).toEqual(["dispatch"]);
    expect(session.state).toBe("ready");
  });

  it("resumes after op 7", () => {
    ready();

    expect(frame(7)).toEqual([{ kind: "close", code: 4900 }]);
    expect(reopen()[0]).toMatchObject({ frame: { op: 6 } });
  });

  it("identifies anew after op 9 false", () => {
    ready();
    frame(9, false);

    expect(reopen()[0]).toMatchObject({ frame: { op: 2 } });
  });

  it("resumes after op 9 true", () => {
    ready();
    frame(9, true);

    expect(reopen()[0]).toMatchObject({ frame: { op: 6 } });
  });

  it("does not sit out the backoff when the network is back", () => {
    ready();
    feed({ kind: "closed", code: 1006 });

    expect(feed({ kind: "hurry" })).toEqual([{ kind: "open" }]);
  });

  it("waits longer after each failure, never more than ten seconds", () => {
    const waits = [0, 1, 2, 3, 9, 50].map((attempt) => backoff(attempt, 1));

    expect(waits).toEqual([500, 800, 1_280, 2_048, 10_000, 10_000]);
    expect(backoff(3, 0)).toBe(1_024);
  });

  it("stops for good when told to", () => {
    ready();

    expect(feed({ kind: "stop" })).toEqual([{ kind: "close", code: 1000 }]);
    expect(session.state).toBe("offline");
    expect(session.deadline).toBeNull();
  });
});
