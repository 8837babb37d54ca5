// Joining, keeping and leaving a voice channel as a pure machine: inputs and the time in,
// effects out. It speaks both sockets (op 4 of the main gateway, Voice Gateway v8) and drives the
// WebRTC peer; it owns neither a socket nor a peer connection. `connection.ts` is its shell.
//
// Invariant: every phase that waits has a deadline, so "connecting" always ends - in a call, or
// in a failure that says what is blocked.

import { backoff } from "../api/backoff";
import type { Snowflake } from "../api/types";
import {
  ATTEMPT_DEADLINE_MS,
  GATEWAY_PATIENCE_MS,
  LINK_MINIMUM_MS,
  MAX_ATTEMPTS,
  MOVE_GRACE_MS,
  PROBE_MS,
  RELAY_AFTER_MS,
  SHAKY_GRACE_MS,
  type Place,
  type VoiceEffect,
  type VoiceFailure,
  type VoiceFrame,
  type VoiceInput,
  type VoicePhase,
  SCREEN_NUMBER,
  VIDEO_NUMBER,
  type Relay,
  type RemoteStream,
  type Showing,
} from "./contract";
import { quality, relaysFrom, streamsFrom } from "./frames";

export class VoiceSession {
  phase: VoicePhase = "idle";
  place: Place | null = null;
  failure: VoiceFailure | null = null;
  /** True from the first working call until leaving: losses are then repaired, not reported. */
  established = false;
  /** Our SSRC as the server named it in Ready. */
  ssrc = 0;
  endpoint: string | null = null;
  /** Round trip of the last voice heartbeat in milliseconds. */
  latency: number | null = null;

  private mute = false;
  private deaf = false;
  private sessionId: string | null = null;
  private token: string | null = null;
  private gatewayUp = false;
  private gatewayDownSince: number | null = null;
  private socketOpen = false;
  private seqAck = -1;
  private resuming = false;
  private pendingFailure: VoiceFailure = "no_answer";
  private attempt = 0;
  private nextStep: "ask" | "socket" = "ask";
  private due: number | null = null;
  /** A first join is reported as failed rather than tried again after this. */
  private giveUpAt = 0;
  private shakyDue: number | null = null;
  private peerLinked = false;
  /** ICE begins anew on the transport that we have; if that leads to nothing, another is made. */
  private restarting = false;
  /** What the server named to fall back to, and whether it came to that: it is then the network's way. */
  private relays: Relay[] = [];
  private viaRelay = false;
  private relayDue: number | null = null;
  private heartbeatEvery = 0;
  private heartbeatDue: number | null = null;
  private heartbeatSent: number | null = null;
  /** Who is heard under which SSRC in this voice session: a new transport must hear them too. */
  private readonly voices = new Map<Snowflake, number>();
  private readonly priority = new Set<Snowflake>();
  /** What they show, likewise. */
  private readonly shows = new Map<Snowflake, RemoteStream[]>();
  private showing: Showing = { camera: false, screen: false };
  /** Whether the server was told of something that we show. */
  private shown = false;
  private wants: Record<number, number> = {};
  private out: VoiceEffect[] = [];

  constructor(
    private readonly userId: () => Snowflake,
    private readonly random: () => number,
  ) {}

  /** When `tick` wants to be called next. */
  get deadline(): number | null {
    const times = [this.due, this.shakyDue, this.relayDue, this.heartbeatDue].filter((t) => t !== null);
    return times.length ? Math.min(...times) : null;
  }

  handle(now: number, input: VoiceInput): VoiceEffect[] {
    this.out = [];
    this.step(now, input);
    return this.out;
  }

  private step(now: number, input: VoiceInput): void {
    switch (input.kind) {
      case "join":
        return this.join(now, input.place);
      case "leave":
        return this.leave();
      case "retry":
        if (this.phase === "failed" && this.place) this.join(now, this.place);
        return;
      case "flags":
        return this.flags(input.mute, input.deaf);
      case "gateway":
        return this.gateway(now, input.up, input.fresh);
      case "own_state":
        return this.ownState(now, input);
      case "server":
        return this.server(now, input);
      case "socket_frame":
        return this.frame(now, input.frame);
      case "socket_closed":
        return this.socketClosed(now, input.code);
      case "offer":
        return this.offer(input);
      case "peer":
        return this.peer(now, input.state);
      case "showing":
        return this.show(input.showing);
      case "wants":
        return this.want(input.wants);
      case "left":
        return this.gone(input.userId);
      case "peer_broken":
        this.pendingFailure = "browser_failed";
        return this.lost(now, "ask");
      case "online":
        if (this.phase === "connected") return this.restartIce(now);
        if (this.phase === "waiting") this.due = now;
        return;
      case "tick":
        return this.tick(now);
    }
  }

  // -- what the person wants -----------------------------------------------------------------

  private join(now: number, place: Place): void {
    const before = this.place;
    this.tearDown();
    if (before && before.guildId !== place.guildId) this.emitAsk(before.guildId, null);
    this.place = place;
    this.failure = null;
    this.established = false;
    this.viaRelay = false;
    this.attempt = 0;
    this.giveUpAt = now + ATTEMPT_DEADLINE_MS;
    this.ask(now);
  }

  private leave(): void {
    const guildId = this.place?.guildId ?? null;
    const wasIn = this.place !== null;
    this.tearDown();
    this.phase = "idle";
    this.place = null;
    this.failure = null;
    this.established = false;
    this.sessionId = this.token = null;
    this.showing = { camera: false, screen: false };
    if (wasIn) this.emitAsk(guildId, null);
  }

  private flags(mute: boolean, deaf: boolean): void {
    const wasSpeaking = !this.mute;
    this.mute = mute;
    this.deaf = deaf;
    if (!this.place || this.phase === "failed") return;
    this.emitAsk(this.place.guildId, this.place.channelId);
    if (this.phase === "connected" && wasSpeaking !== !mute) this.speak();
  }

  // -- main gateway --------------------------------------------------------------------------

  private ask(now: number): void {
    this.phase = "asking";
    this.sessionId = null;
    this.token = null;
    this.due = now + ATTEMPT_DEADLINE_MS;
    this.pendingFailure = this.gatewayUp ? "no_answer" : "server_gone";
    if (this.place && this.gatewayUp) this.emitAsk(this.place.guildId, this.place.channelId);
  }

  private emitAsk(guildId: Snowflake | null, channelId: Snowflake | null): void {
    this.out.push({ kind: "ask", guildId, channelId, mute: this.mute, deaf: this.deaf, video: this.showing.camera });
  }

  private gateway(now: number, up: boolean, fresh: boolean): void {
    this.gatewayUp = up;
    if (!up) {
      this.gatewayDownSince ??= now;
      return;
    }
    // What failed while it was away does not count.
    if (this.gatewayDownSince !== null && this.established) this.attempt = 0;
    this.gatewayDownSince = null;
    if (!this.place || this.phase === "idle" || this.phase === "failed") return;
    // A new gateway session knows nothing of our voice state; and while waiting, now is the time.
    if (fresh || this.phase === "asking" || (this.phase === "waiting" && this.nextStep === "ask")) {
      this.tearDown();
      this.ask(now);
    } else if (this.phase === "waiting") {
      this.due = now;
    }
  }

  private ownState(
    now: number,
    state: { guildId: Snowflake | null; channelId: Snowflake | null; sessionId: string },
  ): void {
    if (!this.place || this.phase === "idle" || this.phase === "failed") return;
    if (state.guildId !== this.place.guildId) return;
    if (state.channelId === null) {
      // Our own move between channels also passes through here on some servers; asking covers it.
      if (this.phase === "asking" && this.sessionId === null) return;
      return this.end("disconnected");
    }
    const elsewhere = this.sessionId !== null && this.sessionId !== state.sessionId;
    if (elsewhere && this.phase === "connected" && this.place.channelId === state.channelId) {
      return this.end("taken_over");
    }
    this.place = { guildId: this.place.guildId, channelId: state.channelId };
    this.sessionId = state.sessionId;
    if (this.phase === "asking") this.greet(now);
  }

  private server(now: number, server: { guildId: Snowflake | null; token: string; endpoint: string | null }): void {
    if (!this.place || this.phase === "idle" || this.phase === "failed") return;
    if (server.guildId !== this.place.guildId) return;
    if (server.endpoint === null) {
      // The voice server went away; another one will be named (Discord: Voice Server Update).
      this.tearDown();
      this.phase = "asking";
      this.token = null;
      this.due = now + ATTEMPT_DEADLINE_MS;
      this.pendingFailure = "no_answer";
      return;
    }
    this.token = server.token;
    this.endpoint = server.endpoint;
    if (this.sessionId === null) return;
    // A first join keeps its deadline; a move starts a new one.
    const due = this.phase === "asking" && !this.established ? this.due : null;
    this.tearDown();
    this.due = due;
    this.greet(now);
  }

  // -- voice socket --------------------------------------------------------------------------

  private greet(now: number): void {
    if (!this.sessionId || !this.token || !this.endpoint) return;
    this.phase = "greeting";
    this.resuming = false;
    this.openSocket(now);
  }

  private openSocket(now: number): void {
    this.due ??= now + ATTEMPT_DEADLINE_MS;
    this.pendingFailure = "socket_blocked";
    this.socketOpen = true;
    this.heartbeatDue = null;
    this.heartbeatSent = null;
    if (!this.resuming) this.seqAck = -1;
    this.out.push({ kind: "open_socket", endpoint: this.endpoint ?? "" });
  }

  private send(op: number, d: unknown): void {
    this.out.push({ kind: "send", frame: { op, d } });
  }

  private frame(now: number, frame: VoiceFrame): void {
    if (typeof frame.seq === "number") this.seqAck = frame.seq;
    const d = frame.d ?? {};
    switch (frame.op) {
      case 8:
        this.heartbeatEvery = Math.max(500, Number(d.heartbeat_interval) || 13_750);
        this.heartbeatDue = now + this.heartbeatEvery;
        this.pendingFailure = "not_accepted";
        if (this.resuming) {
          this.send(7, {
            server_id: this.serverId(),
            session_id: this.sessionId,
            token: this.token,
            seq_ack: this.seqAck,
          });
        } else {
          this.send(0, {
            server_id: this.serverId(),
            user_id: this.userId(),
            session_id: this.sessionId,
            token: this.token,
            video: true,
            streams: [
              { type: "video", rid: "100", quality: 100 },
              { type: "screen", rid: "100", quality: 100 },
            ],
            max_dave_protocol_version: 0,
          });
        }
        return;
      case 2:
        this.ssrc = Number(d.ssrc) || 0;
        this.relays = relaysFrom(d.ice_servers);
        this.negotiate(now);
        return;
      case 4:
        if (this.phase !== "negotiating") return;
        this.phase = "linking";
        this.due = Math.max(this.due ?? 0, now + LINK_MINIMUM_MS);
        this.relayDue = this.viaRelay || this.relays.length === 0 ? null : now + RELAY_AFTER_MS;
        this.pendingFailure = "udp_blocked";
        this.out.push({ kind: "describe", fragment: String(d.sdp ?? "") });
        // The way that we had holds until another is better: the browser may have nothing to report.
        if (this.restarting && this.peerLinked) this.settle();
        return;
      case 5:
        this.heard(d.user_id, d.ssrc, Number(d.speaking) > 0);
        this.prioritised(d.user_id, (Number(d.speaking) & PRIORITY_FLAG) !== 0);
        return;
      case 6:
        if (this.heartbeatSent !== null) this.latency = now - this.heartbeatSent;
        this.heartbeatSent = null;
        return;
      case 9:
        this.resumed(now);
        return;
      case 12:
        this.heard(d.user_id, d.audio_ssrc, null);
        this.showsOf(d.user_id, d.streams);
        return;
      case 15:
        this.out.push({
          kind: "wanted",
          wanted: { video: quality(d, this.ssrc + VIDEO_NUMBER), screen: quality(d, this.ssrc + SCREEN_NUMBER) },
        });
        return;
      case 13:
        if (typeof d.user_id === "string") this.gone(d.user_id);
        return;
      default:
        return;
    }
  }

  private heard(userId: unknown, ssrc: unknown, speaking: boolean | null): void {
    if (typeof userId !== "string" || userId === this.userId()) return;
    if (typeof ssrc !== "number" || ssrc <= 0) return;
    this.voices.set(userId, ssrc);
    this.out.push({ kind: "heard", userId, ssrc, speaking });
  }

  private prioritised(userId: unknown, on: boolean): void {
    if (typeof userId !== "string" || userId === this.userId() || this.priority.has(userId) === on) return;
    if (on) this.priority.add(userId);
    else this.priority.delete(userId);
    this.out.push({ kind: "priority", userId, on });
  }

  private showsOf(userId: unknown, streams: unknown): void {
    if (typeof userId !== "string" || userId === this.userId()) return;
    const shown = streamsFrom(streams);
    if (shown.length === 0 && !this.shows.has(userId)) return;
    this.shows.set(userId, shown);
    this.out.push({ kind: "shows", userId, streams: shown });
  }

  private gone(userId: Snowflake): void {
    this.voices.delete(userId);
    this.priority.delete(userId);
    this.shows.delete(userId);
    this.out.push({ kind: "gone", userId });
  }

  private serverId(): Snowflake {
    return this.place?.guildId ?? this.place?.channelId ?? "";
  }

  private negotiate(now: number): void {
    this.phase = "negotiating";
    this.peerLinked = false;
    this.restarting = false;
    this.shakyDue = null;
    this.due ??= now + ATTEMPT_DEADLINE_MS;
    this.pendingFailure = "no_description";
    this.relayDue = null;
    this.out.push({ kind: "make_peer", relays: this.viaRelay ? this.relays : undefined });
    for (const [userId, ssrc] of this.voices) this.out.push({ kind: "heard", userId, ssrc, speaking: null });
    for (const [userId, streams] of this.shows) this.out.push({ kind: "shows", userId, streams });
  }

  private resumed(now: number): void {
    this.resuming = false;
    this.attempt = 0;
    // The media path usually outlives the socket; if it did not, find another on this session.
    if (this.peerLinked && !this.restarting) this.settle();
    else if (this.established) this.restartIce(now);
    else this.negotiate(now);
  }

  /** The same transport by another way: nobody hears more of it than a gap. */
  private restartIce(now: number): void {
    this.phase = "negotiating";
    this.restarting = true;
    this.shakyDue = null;
    this.due = now + ATTEMPT_DEADLINE_MS;
    this.pendingFailure = "no_description";
    // A network that changed took the socket along, which would notice a minute later.
    if (this.heartbeatSent === null) this.beat(now);
    this.heartbeatDue = now + PROBE_MS;
    this.relayDue = null;
    this.out.push({ kind: "restart_ice", relays: this.viaRelay ? this.relays : undefined });
  }

  /** Neither UDP nor plain TCP leads anywhere: what looks like any other TLS may. */
  private tryRelay(now: number): void {
    this.viaRelay = true;
    this.relayDue = null;
    this.phase = "negotiating";
    this.due = now + ATTEMPT_DEADLINE_MS;
    this.out.push({ kind: "restart_ice", relays: this.relays });
  }

  /** Same voice session, new transport: a second Select Protocol. */
  private renewPeer(now: number): void {
    this.attempt += 1;
    this.due = null;
    this.out.push({ kind: "drop_peer" });
    this.negotiate(now);
  }

  private socketClosed(now: number, code: number): void {
    this.socketOpen = false;
    this.heartbeatDue = null;
    if (this.phase === "idle" || this.phase === "failed" || this.phase === "waiting") return;
    if (this.phase === "asking") return;
    if (code === 4014) {
      // Kicked, or moved: a move names its new voice server within moments.
      this.out.push({ kind: "drop_peer" });
      this.phase = "asking";
      this.token = null;
      this.due = now + MOVE_GRACE_MS;
      this.pendingFailure = "disconnected";
      return;
    }
    if (code === 4012 || code === 4016 || code === 4017) {
      this.pendingFailure = "not_accepted";
      this.attempt = MAX_ATTEMPTS;
    }
    const resumable = code < 4000 || code === 4015 || code === 4900;
    const hasSession = this.phase === "connected" || this.phase === "linking" || this.restarting;
    if (resumable && (hasSession || this.resuming)) return this.lost(now, "socket");
    if (!resumable) this.pendingFailure = "not_accepted";
    this.lost(now, "ask");
  }

  // -- peer connection -----------------------------------------------------------------------

  private offer(offer: { data: string; payloadType: number; connectionId: string }): void {
    if (this.phase !== "negotiating") return;
    this.send(1, {
      protocol: "webrtc",
      data: offer.data,
      sdp: offer.data,
      codecs: [{ name: "opus", type: "audio", priority: 1000, payload_type: offer.payloadType }],
      rtc_connection_id: offer.connectionId,
    });
  }

  private peer(now: number, state: "connected" | "shaky" | "failed"): void {
    if (state === "connected") {
      this.peerLinked = true;
      this.shakyDue = null;
      if (this.phase === "linking") this.settle();
      return;
    }
    if (state === "shaky") {
      if (this.phase === "connected" || this.phase === "waiting") this.shakyDue ??= now + SHAKY_GRACE_MS;
      return;
    }
    this.peerLost(now);
  }

  private peerLost(now: number): void {
    this.peerLinked = false;
    this.shakyDue = null;
    if (this.phase === "linking" && this.relayDue !== null) {
      this.tryRelay(now);
    } else if (this.phase === "linking" && this.restarting) {
      this.renewPeer(now);
    } else if (this.phase === "linking") {
      this.pendingFailure = "udp_blocked";
      this.lost(now, "ask");
    } else if (this.phase === "connected") {
      this.restartIce(now);
    }
  }

  private settle(): void {
    this.phase = "connected";
    this.restarting = false;
    this.relayDue = null;
    this.failure = null;
    this.established = true;
    this.attempt = 0;
    this.due = null;
    this.speak();
    this.tellShown();
    if (Object.keys(this.wants).length) this.tellWants();
  }

  // -- pictures ------------------------------------------------------------------------------

  private show(showing: Showing): void {
    const camera = this.showing.camera !== showing.camera;
    this.showing = showing;
    if (!this.place || this.phase === "failed") return;
    if (camera) this.emitAsk(this.place.guildId, this.place.channelId);
    if (this.phase === "connected") this.tellShown();
  }

  private want(wants: Record<number, number>): void {
    const before = this.wants;
    const same = Object.keys(before).length === Object.keys(wants).length
      && Object.entries(wants).every(([ssrc, quality]) => before[Number(ssrc)] === quality);
    if (same) return;
    this.wants = wants;
    if (this.phase === "connected") this.tellWants();
  }

  private tellShown(): void {
    const { camera, screen } = this.showing;
    if (!camera && !screen && !this.shown) return;
    this.shown = camera || screen;
    const stream = (type: string, number: number) => ({
      type, rid: "100", ssrc: this.ssrc + number, rtx_ssrc: this.ssrc + number + 1, active: true, quality: 100,
    });
    this.send(12, {
      audio_ssrc: this.ssrc,
      video_ssrc: camera ? this.ssrc + VIDEO_NUMBER : 0,
      rtx_ssrc: camera ? this.ssrc + VIDEO_NUMBER + 1 : 0,
      streams: [...(camera ? [stream("video", VIDEO_NUMBER)] : []), ...(screen ? [stream("screen", SCREEN_NUMBER)] : [])],
    });
  }

  private tellWants(): void {
    this.send(15, { any: 0, ...this.wants });
  }

  private speak(): void {
    this.send(5, { speaking: this.mute ? 0 : 1, delay: 0, ssrc: this.ssrc });
  }

  // -- losing and waiting --------------------------------------------------------------------

  /** An attempt or a working call broke; wait and continue at `next`, or give up. */
  private lost(now: number, next: "ask" | "socket"): void {
    if (this.phase === "idle" || this.phase === "failed") return;
    if (this.pendingFailure === "disconnected") return this.end("disconnected");
    this.attempt += 1;
    const resumeAt = now + backoff(this.attempt - 1, this.random());
    const spent = this.attempt >= MAX_ATTEMPTS;
    // A server that is away refuses everybody, which says nothing of this network: wait for its gateway.
    const away = this.established && !this.gatewayUp;
    if (away && spent) next = "ask";
    else if (spent || (!this.established && resumeAt >= this.giveUpAt)) return this.fail(this.pendingFailure);
    if (next === "ask") this.tearDown();
    else this.closeSocket();
    this.phase = "waiting";
    this.nextStep = next;
    this.due = resumeAt;
  }

  private fail(why: VoiceFailure): void {
    const place = this.place;
    this.tearDown();
    this.phase = "failed";
    this.failure = why;
    if (place) this.emitAsk(place.guildId, null);
  }

  /** The server ended the call: nothing to repair. */
  private end(why: VoiceFailure): void {
    this.tearDown();
    this.phase = "idle";
    this.place = null;
    this.established = false;
    this.showing = { camera: false, screen: false };
    this.out.push({ kind: "ended", why });
  }

  private closeSocket(): void {
    if (this.socketOpen) this.out.push({ kind: "close_socket", code: 4900 });
    this.socketOpen = false;
    this.heartbeatDue = null;
    this.heartbeatSent = null;
  }

  private tearDown(): void {
    if (this.socketOpen) this.out.push({ kind: "close_socket", code: 1000 });
    this.socketOpen = false;
    this.heartbeatDue = null;
    this.heartbeatSent = null;
    this.shakyDue = null;
    this.due = null;
    this.peerLinked = false;
    this.restarting = false;
    this.relayDue = null;
    this.resuming = false;
    this.latency = null;
    this.voices.clear();
    this.priority.clear();
    this.shows.clear();
    this.shown = false;
    this.out.push({ kind: "drop_peer" });
  }

  private beat(now: number): void {
    this.heartbeatDue = now + this.heartbeatEvery;
    this.heartbeatSent = now;
    this.send(3, { t: now, seq_ack: this.seqAck });
  }

  private tick(now: number): void {
    if (this.heartbeatDue !== null && now >= this.heartbeatDue) {
      if (this.heartbeatSent !== null) {
        // The last beat was never acknowledged: the socket is dead.
        this.pendingFailure = "socket_blocked";
        return this.lost(now, this.phase === "connected" || this.restarting ? "socket" : "ask");
      }
      this.beat(now);
    }
    if (this.shakyDue !== null && now >= this.shakyDue) this.peerLost(now);
    if (this.relayDue !== null && now >= this.relayDue) {
      if (this.phase === "linking") return this.tryRelay(now);
      this.relayDue = null;
    }
    if (this.due === null || now < this.due) return;
    switch (this.phase) {
      case "waiting":
        // The voice socket resumes without the main one.
        if (!this.gatewayUp && this.nextStep === "ask") {
          if (now - (this.gatewayDownSince ?? now) > GATEWAY_PATIENCE_MS) return this.fail("server_gone");
          this.due = now + 1_000;
          return;
        }
        if (this.nextStep === "ask") return this.ask(now);
        this.phase = "greeting";
        this.resuming = true;
        this.due = null;
        this.openSocket(now);
        return;
      case "asking":
        if (!this.gatewayUp && this.established) {
          this.phase = "waiting";
          this.nextStep = "ask";
          this.due = now + 1_000;
          return;
        }
        return this.lost(now, "ask");
      case "linking":
        if (this.restarting) return this.renewPeer(now);
        return this.lost(now, "ask");
      case "greeting":
      case "negotiating":
        return this.lost(now, "ask");
      default:
        this.due = null;
    }
  }
}

/** Discord: Speaking, priority. */
const PRIORITY_FLAG = 1 << 2;
