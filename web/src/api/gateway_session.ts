// The main gateway's protocol as a pure machine: inputs and the time in, effects out.
//
// It knows Hello, Identify, Resume, heartbeats and when to give up on a socket (Discord:
// Gateway/Connections). It owns no WebSocket and no timer; `gateway.ts` is the shell that does.

import { backoff } from "./backoff";
import type { Dispatch } from "./types";

export type GatewayState = "offline" | "connecting" | "ready" | "reconnecting" | "refused";

export interface Frame {
  op: number;
  d?: any;
  s?: number | null;
  t?: string | null;
}

export type GatewayInput =
  | { kind: "start"; token: string }
  | { kind: "stop" }
  | { kind: "opened" }
  | { kind: "frame"; frame: Frame }
  | { kind: "closed"; code: number }
  /** The browser says the network is back: do not sit out the backoff. */
  | { kind: "hurry" }
  | { kind: "tick" };

export type GatewayEffect =
  | { kind: "open" }
  | { kind: "close"; code: number }
  | { kind: "send"; frame: Frame }
  | { kind: "dispatch"; dispatch: Dispatch }
  /** Everything known is stale; a READY and GUILD_CREATEs follow. */
  | { kind: "fresh" };

/** How long a socket may take to open and say Hello, and Identify or Resume to be answered. */
export const ANSWER_DEADLINE_MS = 10_000;

/** Close codes after which trying again with the same token cannot help (4004, 4010-4014). */
const FATAL = new Set([4004, 4010, 4011, 4012, 4013, 4014]);
/** Close codes that end the gateway session: identify anew rather than resume. */
const SESSION_OVER = new Set([1000, 1001, 4003, 4007, 4009]);

type Phase = "idle" | "opening" | "hello" | "identifying" | "resuming" | "ready" | "waiting" | "refused";

export class GatewaySession {
  private phase: Phase = "idle";
  private token = "";
  private sessionId: string | null = null;
  private seq: number | null = null;
  private attempt = 0;
  private everReady = false;
  /** When to act next in the phases that wait: open deadline, answer deadline, retry time. */
  private due: number | null = null;
  private heartbeatEvery = 0;
  private heartbeatDue: number | null = null;
  private awaitingAck = false;
  private heartbeatSentAt = 0;
  /** Round trip of the last acknowledged heartbeat in milliseconds. */
  latency: number | null = null;

  constructor(private readonly random: () => number) {}

  get state(): GatewayState {
    switch (this.phase) {
      case "idle":
        return "offline";
      case "ready":
        return "ready";
      case "refused":
        return "refused";
      default:
        return this.everReady || this.attempt > 0 ? "reconnecting" : "connecting";
    }
  }

  /** When `tick` wants to be called next; null when only outside events matter. */
  get deadline(): number | null {
    if (this.due === null) return this.heartbeatDue;
    if (this.heartbeatDue === null) return this.due;
    return Math.min(this.due, this.heartbeatDue);
  }

  handle(now: number, input: GatewayInput): GatewayEffect[] {
    switch (input.kind) {
      case "start":
        if (this.phase !== "idle" && this.phase !== "refused") return [];
        this.token = input.token;
        this.sessionId = null;
        this.seq = null;
        this.attempt = 0;
        this.everReady = false;
        return this.open(now);
      case "stop": {
        const open = this.phase !== "idle" && this.phase !== "waiting" && this.phase !== "refused";
        this.rest("idle");
        this.sessionId = null;
        return open ? [{ kind: "close", code: 1000 }] : [];
      }
      case "opened":
        if (this.phase === "opening") this.phase = "hello";
        return [];
      case "closed":
        return this.closed(now, input.code);
      case "hurry":
        return this.phase === "waiting" ? this.open(now) : this.probe(now);
      case "frame":
        return this.frame(now, input.frame);
      case "tick":
        return this.tick(now);
    }
  }

  private open(now: number): GatewayEffect[] {
    this.phase = "opening";
    this.due = now + ANSWER_DEADLINE_MS;
    this.heartbeatDue = null;
    this.awaitingAck = false;
    return [{ kind: "open" }];
  }

  private rest(phase: Phase): void {
    this.phase = phase;
    this.due = null;
    this.heartbeatDue = null;
    this.awaitingAck = false;
  }

  private retry(now: number): void {
    this.rest("waiting");
    this.due = now + backoff(this.attempt, this.random());
    this.attempt += 1;
  }

  private closed(now: number, code: number): GatewayEffect[] {
    if (this.phase === "idle" || this.phase === "waiting" || this.phase === "refused") return [];
    if (FATAL.has(code)) {
      this.rest("refused");
      return [];
    }
    if (SESSION_OVER.has(code)) this.forget();
    this.retry(now);
    return [];
  }

  /** Drops the socket ourselves, keeping the session so that the next one resumes. */
  private abandon(now: number): GatewayEffect[] {
    this.retry(now);
    // 1000 and 1001 would end the session at the server (Discord: Gateway/Resuming).
    return [{ kind: "close", code: 4900 }];
  }

  private forget(): void {
    this.sessionId = null;
    this.seq = null;
  }

  /** After sleep or a network change: a heartbeat now shows whether the socket is dead. */
  private probe(now: number): GatewayEffect[] {
    if (this.phase !== "ready" || this.awaitingAck) return [];
    return this.beat(now);
  }

  private beat(now: number): GatewayEffect[] {
    this.heartbeatDue = now + this.heartbeatEvery;
    this.heartbeatSentAt = now;
    this.awaitingAck = true;
    return [{ kind: "send", frame: { op: 1, d: this.seq } }];
  }

  private tick(now: number): GatewayEffect[] {
    if (this.due !== null && now >= this.due) {
      if (this.phase === "waiting") return this.open(now);
      return this.abandon(now);
    }
    if (this.heartbeatDue !== null && now >= this.heartbeatDue) {
      // A beat that was never acknowledged means a dead socket, however open it looks.
      if (this.awaitingAck) return this.abandon(now);
      return this.beat(now);
    }
    return [];
  }

  private frame(now: number, frame: Frame): GatewayEffect[] {
    if (this.phase === "idle" || this.phase === "waiting" || this.phase === "refused") return [];
    if (typeof frame.s === "number") this.seq = frame.s;
    switch (frame.op) {
      case 0:
        return this.dispatched(frame);
      case 1:
        return this.beat(now);
      case 7:
        return this.abandon(now);
      case 9:
        if (frame.d !== true) this.forget();
        return this.abandon(now);
      case 10: {
        this.heartbeatEvery = Math.max(1000, Number(frame.d?.heartbeat_interval) || 41_250);
        // The first beat is jittered (Discord: Gateway/Sending Heartbeats).
        this.heartbeatDue = now + Math.round(this.heartbeatEvery * this.random());
        this.due = now + ANSWER_DEADLINE_MS;
        if (this.sessionId !== null && this.seq !== null) {
          this.phase = "resuming";
          return [
            { kind: "send", frame: { op: 6, d: { token: this.token, session_id: this.sessionId, seq: this.seq } } },
          ];
        }
        this.phase = "identifying";
        return [
          {
            kind: "send",
            frame: {
              op: 2,
              d: {
                token: this.token,
                properties: { os: "web", browser: "Guildhall Web", device: "" },
                compress: false,
              },
            },
          },
        ];
      }
      case 11:
        this.awaitingAck = false;
        this.latency = now - this.heartbeatSentAt;
        return [];
      default:
        return [];
    }
  }

  private dispatched(frame: Frame): GatewayEffect[] {
    const effects: GatewayEffect[] = [];
    if (frame.t === "READY") {
      this.sessionId = String(frame.d?.session_id ?? "");
      effects.push({ kind: "fresh" });
      this.settled();
    } else if (frame.t === "RESUMED") {
      this.settled();
    } else if (this.phase === "resuming") {
      // Replayed events already flow; the answer is not overdue any more.
      this.due = null;
    }
    if (frame.t) effects.push({ kind: "dispatch", dispatch: { t: frame.t, d: frame.d } });
    return effects;
  }

  private settled(): void {
    this.phase = "ready";
    this.due = null;
    this.attempt = 0;
    this.everReady = true;
  }
}
