// The shell around GatewaySession: one WebSocket, one timer, the browser's online/visible hints.

import { GatewaySession, type Frame, type GatewayEffect, type GatewayInput, type GatewayState } from "./gateway_session";
import type { Dispatch } from "./types";

/** `ws:` beside a plain page (loopback only), `wss:` otherwise. */
export function socketScheme(): "ws:" | "wss:" {
  return location.protocol === "http:" ? "ws:" : "wss:";
}

export class Gateway {
  private readonly session = new GatewaySession(Math.random);
  private socket: WebSocket | null = null;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private lastState: GatewayState = "offline";

  onDispatch: (dispatch: Dispatch) => void = () => {};
  onState: (state: GatewayState) => void = () => {};
  /** A new gateway session begins: what was known before may have gaps. */
  onFresh: () => void = () => {};

  constructor() {
    addEventListener("online", () => this.feed({ kind: "hurry" }));
    document.addEventListener("visibilitychange", () => {
      if (document.visibilityState === "visible") this.feed({ kind: "hurry" });
    });
  }

  get state(): GatewayState {
    return this.session.state;
  }

  /** Round trip of the last heartbeat in milliseconds. */
  get latency(): number | null {
    return this.session.latency;
  }

  start(token: string): void {
    this.feed({ kind: "start", token });
  }

  stop(): void {
    this.feed({ kind: "stop" });
  }

  /** Sends an event such as op 4; false when there is no identified session to take it. */
  send(op: number, d: unknown): boolean {
    if (this.session.state !== "ready" || this.socket?.readyState !== WebSocket.OPEN) return false;
    this.socket.send(JSON.stringify({ op, d }));
    return true;
  }

  private feed(input: GatewayInput): void {
    for (const effect of this.session.handle(Date.now(), input)) this.act(effect);
    this.arm();
    const state = this.session.state;
    if (state !== this.lastState) {
      this.lastState = state;
      this.onState(state);
    }
  }

  private act(effect: GatewayEffect): void {
    switch (effect.kind) {
      case "open":
        this.open();
        break;
      case "close":
        this.drop(effect.code);
        break;
      case "send":
        this.transmit(effect.frame);
        break;
      case "fresh":
        this.onFresh();
        break;
      case "dispatch":
        this.onDispatch(effect.dispatch);
        break;
    }
  }

  private open(): void {
    this.drop(4900);
    // Always the page's own origin: a resume address under another name would need a certificate
    // and a content policy of its own.
    const socket = new WebSocket(`${socketScheme()}//${location.host}/?v=10&encoding=json`);
    this.socket = socket;
    // Events of a socket that was replaced meanwhile are not ours any more.
    socket.onopen = () => this.socket === socket && this.feed({ kind: "opened" });
    socket.onmessage = (event) => {
      if (this.socket !== socket || typeof event.data !== "string") return;
      let frame: Frame;
      try {
        frame = JSON.parse(event.data) as Frame;
      } catch {
        return;
      }
      this.feed({ kind: "frame", frame });
    };
    socket.onclose = (event) => {
      if (this.socket !== socket) return;
      this.socket = null;
      this.feed({ kind: "closed", code: event.code });
    };
  }

  private drop(code: number): void {
    const socket = this.socket;
    this.socket = null;
    if (!socket) return;
    socket.onopen = socket.onmessage = socket.onclose = null;
    socket.close(code);
  }

  private transmit(frame: Frame): void {
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify(frame));
  }

  private arm(): void {
    clearTimeout(this.timer);
    const due = this.session.deadline;
    if (due === null) return;
    this.timer = setTimeout(() => this.feed({ kind: "tick" }), Math.max(0, due - Date.now()));
  }
}
