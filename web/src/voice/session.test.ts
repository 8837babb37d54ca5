// A voice channel joined, kept and left on a virtual clock, against a scripted server.

import { beforeEach, describe, expect, it } from "vitest";
import { ATTEMPT_DEADLINE_MS, MOVE_GRACE_MS, PROBE_MS, RELAY_AFTER_MS, SHAKY_GRACE_MS, type VoiceEffect, type VoiceInput } from "./contract";
import { VoiceSession } from "./session";

const ME = "1";
const PLACE = { guildId: "10", channelId: "20" };

let now: number;
let session: VoiceSession;

beforeEach(() => {
  now = 1_000_000;
  session = new VoiceSession(() => ME, () => 0.5);
  feed({ kind: "gateway", up: true, fresh: true });
});

function feed(input: VoiceInput): VoiceEffect[] {
  return session.handle(now, input).filter((effect) => effect.kind !== "drop_peer");
}

function frame(op: number, d: unknown, seq?: number): VoiceEffect[] {
  return feed({ kind: "socket_frame", frame: seq === undefined ? { op, d } : { op, d, seq } });
}

/** Advances the clock to each deadline in turn, up to `ms` from now; returns all effects. */
function pass(ms: number): VoiceEffect[] {
  const end = now + ms;
  const effects: VoiceEffect[] = [];
  for (;;) {
    const due = session.deadline;
    if (due === null || due > end) break;
    now = Math.max(now, due);
    effects.push(...feed({ kind: "tick" }));
  }
  now = end;
  return effects;
}

function answerAsk(channelId = "20", token = "tok", sessionId = "sess"): VoiceEffect[] {
  feed({ kind: "own_state", guildId: "10", channelId, sessionId });
  return feed({ kind: "server", guildId: "10", token, endpoint: "hall.example:443" });
}

function connect(): void {
  feed({ kind: "join", place: PLACE });
  answerAsk();
  frame(8, { heartbeat_interval: 5_000 });
  frame(2, { ssrc: 77, ip: "127.0.0.1", port: 1, modes: [] });
  feed({ kind: "offer", data: "FRAG", payloadType: 111, connectionId: "uuid" });
  frame(4, { audio_codec: "opus", sdp: "ANSWER" }, 1);
  feed({ kind: "peer", state: "connected" });
}

/** Passes time as a live server does: every heartbeat is acknowledged. */
function live(ms: number): void {
  const end = now + ms;
  while (now < end) {
    const sent = pass(Math.min(1_000, end - now));
    if (sent.some((e) => e.kind === "send" && e.frame.op === 3)) frame(6, { t: now });
  }
}

describe("joining", () => {
  it("asks, greets, negotiates and speaks in the documented order", () => {
    expect(feed({ kind: "join", place: PLACE })).toEqual([
      { kind: "ask", guildId: "10", channelId: "20", mute: false, deaf: false, video: false },
    ]);
    expect(answerAsk()).toEqual([{ kind: "open_socket", endpoint: "hall.example:443" }]);
    expect(frame(8, { heartbeat_interval: 5_000 })).toEqual([
      {
        kind: "send",
        frame: {
          op: 0,
          d: { server_id: "10", user_id: ME, session_id: "sess", token: "tok", video: true, streams: expect.any(Array), max_dave_protocol_version: 0 },
        },
      },
    ]);
    expect(frame(2, { ssrc: 77 })).toEqual([{ kind: "make_peer" }]);
    const [select] = feed({ kind: "offer", data: "FRAG", payloadType: 111, connectionId: "uuid" });
    expect(select).toMatchObject({ kind: "send", frame: { op: 1, d: { protocol: "webrtc", data: "FRAG", sdp: "FRAG" } } });
    expect(frame(4, { sdp: "ANSWER" })).toEqual([{ kind: "describe", fragment: "ANSWER" }]);
    expect(feed({ kind: "peer", state: "connected" })).toEqual([
      { kind: "send", frame: { op: 5, d: { speaking: 1, delay: 0, ssrc: 77 } } },
    ]);
    expect(session.phase).toBe("connected");
    expect(session.established).toBe(true);
  });

  it("accepts the voice server before our voice state", () => {
    feed({ kind: "join", place: PLACE });

    expect(feed({ kind: "server", guildId: "10", token: "t", endpoint: "e:1" })).toEqual([]);
    expect(feed({ kind: "own_state", guildId: "10", channelId: "20", sessionId: "s" })).toEqual([
      { kind: "open_socket", endpoint: "e:1" },
    ]);
  });

  it("fails with a reason at its deadline when the server never answers", () => {
    feed({ kind: "join", place: PLACE });

    pass(ATTEMPT_DEADLINE_MS - 1);
    expect(session.phase).toBe("asking");
    pass(1);

    expect(session.phase).toBe("failed");
    expect(session.failure).toBe("no_answer");
    expect(session.deadline).toBeNull();
  });

  it("says that UDP is blocked when ICE never connects", () => {
    feed({ kind: "join", place: PLACE });
    answerAsk();
    frame(8, { heartbeat_interval: 50_000 });
    frame(2, { ssrc: 77 });
    feed({ kind: "offer", data: "F", payloadType: 111, connectionId: "u" });
    frame(4, { sdp: "A" });

    pass(ATTEMPT_DEADLINE_MS);

    expect(session.failure).toBe("udp_blocked");
  });

  it("tries TLS when nothing else connects, and stays with it", () => {
    const relays = [{ urls: ["turns:hall.example:443?transport=tcp"], username: "u", credential: "c" }];
    feed({ kind: "join", place: PLACE });
    answerAsk();
    frame(8, { heartbeat_interval: 50_000 });
    expect(frame(2, { ssrc: 77, ice_servers: relays })).toEqual([{ kind: "make_peer" }]);
    feed({ kind: "offer", data: "F", payloadType: 111, connectionId: "u" });
    frame(4, { sdp: "A" });

    expect(pass(RELAY_AFTER_MS - 1)).toEqual([]);
    expect(pass(1)).toEqual([{ kind: "restart_ice", relays }]);
    feed({ kind: "offer", data: "F2", payloadType: 111, connectionId: "u" });
    expect(frame(4, { sdp: "A2" })).toEqual([{ kind: "describe", fragment: "A2" }]);
    feed({ kind: "peer", state: "connected" });
    expect(session.phase).toBe("connected");

    expect(feed({ kind: "peer", state: "failed" })).toContainEqual({ kind: "restart_ice", relays });
  });

  it("says that the network blocks voice when TLS leads nowhere either, and passes over relays that are none", () => {
    feed({ kind: "join", place: PLACE });
    answerAsk();
    frame(8, { heartbeat_interval: 50_000 });
    const whole = { urls: ["turns:a:1"], username: "u", credential: "c" };
    frame(2, { ssrc: 77, ice_servers: [{ urls: "turns:a:1" }, whole, {}] });
    feed({ kind: "offer", data: "F", payloadType: 111, connectionId: "u" });
    frame(4, { sdp: "A" });
    expect(feed({ kind: "peer", state: "failed" })).toEqual([{ kind: "restart_ice", relays: [whole] }]);
    feed({ kind: "offer", data: "F2", payloadType: 111, connectionId: "u" });
    frame(4, { sdp: "A2" });

    pass(ATTEMPT_DEADLINE_MS);

    expect(session.phase).toBe("failed");
    expect(session.failure).toBe("udp_blocked");
  });

  it("says that the socket is blocked when it closes again and again", () => {
    feed({ kind: "join", place: PLACE });
    for (let i = 0; i < 20 && session.phase !== "failed"; i += 1) {
      if (session.phase === "asking") answerAsk();
      feed({ kind: "socket_closed", code: 1006 });
      pass(session.deadline ? session.deadline - now : 0);
    }

    expect(session.failure).toBe("socket_blocked");
  });

  it("starts over when told to retry after a failure", () => {
    feed({ kind: "join", place: PLACE });
    pass(ATTEMPT_DEADLINE_MS);

    expect(feed({ kind: "retry" })).toEqual([
      { kind: "ask", guildId: "10", channelId: "20", mute: false, deaf: false, video: false },
    ]);
    expect(session.phase).toBe("asking");
  });

  it("leaves the other guild first when joining across guilds", () => {
    connect();

    const effects = feed({ kind: "join", place: { guildId: "11", channelId: "21" } });

    expect(effects.filter((e) => e.kind === "ask").map((e) => [e.guildId, e.channelId])).toEqual([
      ["10", null],
      ["11", "21"],
    ]);
  });
});

describe("priority", () => {
  it("is told once when somebody begins to speak with it, and once when not", () => {
    connect();
    expect(frame(5, { user_id: "2", ssrc: 88, speaking: 5 })).toContainEqual({ kind: "priority", userId: "2", on: true });
    const again = frame(5, { user_id: "2", ssrc: 88, speaking: 5 });
    expect(again.filter(({ kind }) => kind === "priority")).toEqual([]);
    expect(frame(5, { user_id: "2", ssrc: 88, speaking: 1 })).toContainEqual({ kind: "priority", userId: "2", on: false });
    expect(frame(5, { user_id: ME, ssrc: 77, speaking: 5 })).toEqual([]);
  });
});

describe("speaking", () => {
  it("tells both sockets when muted and unmuted", () => {
    connect();

    expect(feed({ kind: "flags", mute: true, deaf: false })).toEqual([
      { kind: "ask", guildId: "10", channelId: "20", mute: true, deaf: false, video: false },
      { kind: "send", frame: { op: 5, d: { speaking: 0, delay: 0, ssrc: 77 } } },
    ]);
    expect(feed({ kind: "flags", mute: false, deaf: false })).toContainEqual({
      kind: "send",
      frame: { op: 5, d: { speaking: 1, delay: 0, ssrc: 77 } },
    });
  });

  it("maps SSRCs to people from op 5 and op 12, and never to ourselves", () => {
    connect();

    expect(frame(5, { user_id: "2", ssrc: 88, speaking: 1 })).toEqual([
      { kind: "heard", userId: "2", ssrc: 88, speaking: true },
    ]);
    expect(frame(12, { user_id: "3", audio_ssrc: 99 })).toEqual([
      { kind: "heard", userId: "3", ssrc: 99, speaking: null },
    ]);
    expect(frame(5, { user_id: ME, ssrc: 77, speaking: 1 })).toEqual([]);
    expect(frame(13, { user_id: "2" })).toEqual([{ kind: "gone", userId: "2" }]);
  });
});

describe("keeping", () => {
  it("resumes the voice socket with the last seq and keeps the peer connection", () => {
    connect();
    frame(5, { user_id: "2", ssrc: 88, speaking: 1 }, 9);
    session.handle(now, { kind: "socket_closed", code: 1006 });

    expect(pass(500)).toEqual([{ kind: "open_socket", endpoint: "hall.example:443" }]);
    expect(frame(8, { heartbeat_interval: 5_000 })).toEqual([
      { kind: "send", frame: { op: 7, d: { server_id: "10", session_id: "sess", token: "tok", seq_ack: 9 } } },
    ]);
    const effects = session.handle(now, { kind: "socket_frame", frame: { op: 9, d: null } });
    expect(effects).toEqual([{ kind: "send", frame: { op: 5, d: { speaking: 1, delay: 0, ssrc: 77 } } }]);
    expect(session.phase).toBe("connected");
  });

  it("asks anew when the voice session is no longer valid", () => {
    connect();

    feed({ kind: "socket_closed", code: 4006 });

    expect(pass(1_000)).toContainEqual({ kind: "ask", guildId: "10", channelId: "20", mute: false, deaf: false, video: false });
  });

  it("notices a silent socket by the missing heartbeat acknowledgement", () => {
    connect();
    live(20_000);
    expect(session.phase).toBe("connected");

    pass(10_500);

    expect(session.phase).not.toBe("connected");
    expect(session.phase).not.toBe("failed");
  });

  it("begins ICE anew after a shaky half second, not before, and keeps its transport", () => {
    connect();
    feed({ kind: "peer", state: "shaky" });

    expect(pass(SHAKY_GRACE_MS - 1)).toEqual([]);
    expect(pass(1)).toEqual([expect.objectContaining({ frame: expect.objectContaining({ op: 3 }) }), { kind: "restart_ice" }]);
    frame(6, { t: now });
    const offer = feed({ kind: "offer", data: "FRAG2", payloadType: 111, connectionId: "uuid" });
    expect(offer).toMatchObject([{ frame: { op: 1, d: { protocol: "webrtc", data: "FRAG2" } } }]);
    expect(frame(4, { sdp: "ANSWER2" })).toEqual([{ kind: "describe", fragment: "ANSWER2" }]);
    feed({ kind: "peer", state: "connected" });

    expect(session.phase).toBe("connected");
  });

  it("begins ICE anew when the machine is online again, and goes on at once if the way holds", () => {
    connect();

    expect(feed({ kind: "online" })).toContainEqual({ kind: "restart_ice" });
    feed({ kind: "offer", data: "FRAG2", payloadType: 111, connectionId: "uuid" });
    frame(4, { sdp: "ANSWER2" });

    expect(session.phase).toBe("connected");
  });

  it("finds out within seconds that the network took the socket along, resumes it, and begins ICE anew there", () => {
    connect();
    feed({ kind: "peer", state: "shaky" });
    pass(SHAKY_GRACE_MS);
    feed({ kind: "offer", data: "LOST", payloadType: 111, connectionId: "uuid" });

    expect(pass(PROBE_MS + 1_000)).toContainEqual({ kind: "open_socket", endpoint: "hall.example:443" });
    expect(frame(8, { heartbeat_interval: 5_000 })).toMatchObject([{ frame: { op: 7 } }]);
    expect(frame(9, null)).toContainEqual({ kind: "restart_ice" });
  });

  it("resumes the voice socket while the main gateway is still away", () => {
    connect();
    feed({ kind: "gateway", up: false, fresh: false });
    feed({ kind: "socket_closed", code: 1006 });

    expect(pass(1_000)).toContainEqual({ kind: "open_socket", endpoint: "hall.example:443" });
  });

  it("waits for a server that is away for a minute, and comes back with it", () => {
    connect();
    feed({ kind: "gateway", up: false, fresh: false });
    for (const began = now; now < began + 60_000; ) {
      feed({ kind: "socket_closed", code: 1006 });
      pass(1_000);
    }
    expect(session.phase).toBe("waiting");

    expect(feed({ kind: "gateway", up: true, fresh: true })).toContainEqual({
      kind: "ask", guildId: "10", channelId: "20", mute: false, deaf: false, video: false,
    });
  });

  it("does not wait for ever for a server that is away", () => {
    connect();
    feed({ kind: "gateway", up: false, fresh: false });
    for (let turn = 0; turn < 200; turn += 1) {
      feed({ kind: "socket_closed", code: 1006 });
      pass(1_000);
    }

    expect(session.failure).toBe("server_gone");
  });

  it("hears everybody who is still there on the new transport", () => {
    connect();
    frame(5, { user_id: "2", ssrc: 88, speaking: 1 });
    frame(12, { user_id: "3", audio_ssrc: 99 });
    feed({ kind: "left", userId: "3" });

    feed({ kind: "peer", state: "failed" });
    feed({ kind: "offer", data: "FRAG2", payloadType: 111, connectionId: "uuid" });
    frame(4, { sdp: "ANSWER2" });

    expect(feed({ kind: "peer", state: "failed" })).toEqual([
      { kind: "make_peer" },
      { kind: "heard", userId: "2", ssrc: 88, speaking: null },
    ]);
  });

  it("forgives a hiccup of ICE", () => {
    connect();
    feed({ kind: "peer", state: "shaky" });
    pass(SHAKY_GRACE_MS - 100);
    feed({ kind: "peer", state: "connected" });

    live(10_000);

    expect(session.phase).toBe("connected");
  });

  it("asks anew after a new gateway session", () => {
    connect();
    feed({ kind: "gateway", up: false, fresh: false });

    expect(feed({ kind: "gateway", up: true, fresh: true })).toContainEqual({
      kind: "ask", guildId: "10", channelId: "20", mute: false, deaf: false, video: false,
    });
  });

  it("leaves the call alone when the gateway merely resumed", () => {
    connect();
    feed({ kind: "gateway", up: false, fresh: false });

    expect(feed({ kind: "gateway", up: true, fresh: false })).toEqual([]);
    expect(session.phase).toBe("connected");
  });

  it("gives up some day, with a reason", () => {
    connect();
    for (let i = 0; i < 100 && session.phase !== "failed"; i += 1) {
      if (session.phase === "asking") answerAsk();
      feed({ kind: "socket_closed", code: 4006 });
      pass(60_000);
    }

    expect(session.phase).toBe("failed");
    expect(session.failure).not.toBeNull();
  });
});

describe("being moved and leaving", () => {
  it("follows a move to another channel", () => {
    connect();
    feed({ kind: "own_state", guildId: "10", channelId: "21", sessionId: "sess" });
    const effects = feed({ kind: "server", guildId: "10", token: "tok2", endpoint: "e:2" });

    expect(effects).toEqual([{ kind: "close_socket", code: 1000 }, { kind: "open_socket", endpoint: "e:2" }]);
    expect(session.place).toEqual({ guildId: "10", channelId: "21" });
  });

  it("follows a move whose close arrives first", () => {
    connect();
    feed({ kind: "socket_closed", code: 4014 });
    pass(500);

    expect(answerAsk("21", "tok2")).toEqual([{ kind: "open_socket", endpoint: "hall.example:443" }]);
  });

  it("ends when kicked, and says so", () => {
    connect();
    feed({ kind: "socket_closed", code: 4014 });

    expect(pass(MOVE_GRACE_MS)).toContainEqual({ kind: "ended", why: "disconnected" });
    expect(session.phase).toBe("idle");
  });

  it("ends at once when our voice state says that we are out", () => {
    connect();

    expect(feed({ kind: "own_state", guildId: "10", channelId: null, sessionId: "sess" })).toContainEqual({
      kind: "ended", why: "disconnected",
    });
  });

  it("ends when another window of ours takes the same place", () => {
    connect();

    expect(feed({ kind: "own_state", guildId: "10", channelId: "20", sessionId: "other" })).toContainEqual({
      kind: "ended", why: "taken_over",
    });
  });

  it("leaves by closing the socket and telling the gateway", () => {
    connect();

    expect(feed({ kind: "leave" })).toEqual([
      { kind: "close_socket", code: 1000 },
      { kind: "ask", guildId: "10", channelId: null, mute: false, deaf: false, video: false },
    ]);
    expect(session.deadline).toBeNull();
  });
});

describe("showing and seeing", () => {
  const BOB = [{ shown: "video", ssrc: 129, rtx: 130 }, { shown: "sound", ssrc: 133, rtx: 134 }];
  const op12 = (streams: unknown) => frame(12, { user_id: "2", audio_ssrc: 128, video_ssrc: 129, rtx_ssrc: 130, streams });

  it("tells of a camera on both sockets, and of none when it is off again", () => {
    connect();

    const on = feed({ kind: "showing", showing: { camera: true, screen: false } });
    expect(on[0]).toMatchObject({ kind: "ask", video: true });
    expect(on[1]).toMatchObject({
      frame: { op: 12, d: { audio_ssrc: 77, video_ssrc: 78, rtx_ssrc: 79, streams: [{ type: "video", ssrc: 78, active: true }] } },
    });
    const off = feed({ kind: "showing", showing: { camera: false, screen: false } });
    expect(off[1]).toMatchObject({ frame: { op: 12, d: { video_ssrc: 0, streams: [] } } });
  });

  it("says again what it shows and wants after the call broke", () => {
    connect();
    feed({ kind: "showing", showing: { camera: false, screen: true } });
    feed({ kind: "wants", wants: { 129: 100 } });
    feed({ kind: "peer", state: "failed" });
    feed({ kind: "offer", data: "FRAG", payloadType: 111, connectionId: "uuid" });
    frame(4, { sdp: "ANSWER" });

    const sent = feed({ kind: "peer", state: "connected" });

    expect(sent).toContainEqual({ kind: "send", frame: { op: 15, d: { any: 0, 129: 100 } } });
    expect(sent).toContainEqual({ kind: "send", frame: { op: 12, d: expect.objectContaining({ video_ssrc: 0 }) } });
  });

  it("sees what others show, in a new transport too, until they leave", () => {
    connect();
    const streams = [
      { type: "video", ssrc: 129, rtx_ssrc: 130, active: true },
      { type: "screen", ssrc: 131, rtx_ssrc: 132, active: false },
      { type: "audio", ssrc: 133, rtx_ssrc: 134 },
      { type: "hologram", ssrc: 135 },
    ];

    expect(op12(streams)).toContainEqual({ kind: "shows", userId: "2", streams: BOB });
    feed({ kind: "peer", state: "failed" });
    feed({ kind: "offer", data: "FRAG2", payloadType: 111, connectionId: "uuid" });
    frame(4, { sdp: "ANSWER2" });
    expect(feed({ kind: "peer", state: "failed" })).toContainEqual({ kind: "shows", userId: "2", streams: BOB });
    expect(op12([])).toContainEqual({ kind: "shows", userId: "2", streams: [] });
    expect(op12("none")).not.toContainEqual(expect.objectContaining({ kind: "wanted" }));
  });

  it("learns how well anybody wants what it shows", () => {
    connect();

    expect(frame(15, { any: 0, 78: 60 })).toEqual([{ kind: "wanted", wanted: { video: 60, screen: 0 } }]);
    expect(frame(15, { any: 100 })).toEqual([{ kind: "wanted", wanted: { video: 100, screen: 100 } }]);
  });
});
