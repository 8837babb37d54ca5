// What goes into a VoiceSession and what comes out of it, and how patient it is. Types and
// constants only.

import type { Snowflake } from "../api/types";

export interface Place {
  /** null for a call in a direct message. */
  guildId: Snowflake | null;
  channelId: Snowflake;
}

/** Why there is no call; each has a text that says what to do. */
export type VoiceFailure =
  | "no_answer"
  | "socket_blocked"
  | "not_accepted"
  | "no_description"
  | "udp_blocked"
  | "browser_failed"
  | "disconnected"
  | "taken_over"
  | "server_gone";

export type VoicePhase =
  | "idle"
  /** op 4 sent; waiting for our voice state and the voice server. */
  | "asking"
  /** Voice socket opening, up to Ready. */
  | "greeting"
  /** Peer connection made; waiting for its offer and the Session Description. */
  | "negotiating"
  /** Description applied; ICE and DTLS under way. */
  | "linking"
  | "connected"
  /** Between two attempts. */
  | "waiting"
  | "failed";

/** What we show. */
export interface Showing {
  camera: boolean;
  screen: boolean;
}

export interface Wanted {
  video: number;
  screen: number;
}

/** One stream that a person shows. */
export interface RemoteStream {
  shown: "video" | "screen" | "sound";
  ssrc: number;
  rtx: number | undefined;
}

/** Our streams, counted from the SSRC of our audio; the server counts the same way. */
export const VIDEO_NUMBER = 1;
export const SCREEN_NUMBER = 3;

/** A TURN server, which is the server itself: for networks that let nothing but TLS through. */
export interface Relay {
  urls: string[];
  username: string;
  credential: string;
}

export interface VoiceFrame {
  op: number;
  d?: any;
  seq?: number;
}

export type VoiceInput =
  | { kind: "join"; place: Place }
  | { kind: "leave" }
  | { kind: "retry" }
  | { kind: "flags"; mute: boolean; deaf: boolean }
  /** Whether the main gateway has an identified session; `fresh` when it is a new one. */
  | { kind: "gateway"; up: boolean; fresh: boolean }
  | { kind: "own_state"; guildId: Snowflake | null; channelId: Snowflake | null; sessionId: string }
  | { kind: "server"; guildId: Snowflake | null; token: string; endpoint: string | null }
  | { kind: "socket_frame"; frame: VoiceFrame }
  | { kind: "socket_closed"; code: number }
  | { kind: "offer"; data: string; payloadType: number; connectionId: string }
  | { kind: "peer"; state: "connected" | "shaky" | "failed" }
  /** What we show from now on. */
  | { kind: "showing"; showing: Showing }
  /** What we want to see: qualities of 1 to 100 by SSRC. */
  | { kind: "wants"; wants: Record<number, number> }
  /** The main gateway says that somebody left our channel. */
  | { kind: "left"; userId: Snowflake }
  /** The browser could not make or apply a description. */
  | { kind: "peer_broken" }
  /** The machine has a network again, perhaps another. */
  | { kind: "online" }
  | { kind: "tick" };

export type VoiceEffect =
  | { kind: "ask"; guildId: Snowflake | null; channelId: Snowflake | null; mute: boolean; deaf: boolean; video: boolean }
  | { kind: "open_socket"; endpoint: string }
  | { kind: "close_socket"; code: number }
  | { kind: "send"; frame: VoiceFrame }
  /** Make a new peer connection (replacing any) and come back with `offer`. */
  | { kind: "make_peer"; relays?: Relay[] | undefined }
  /** Begin ICE anew on the peer connection that is there and come back with `offer`. */
  | { kind: "restart_ice"; relays?: Relay[] | undefined }
  | { kind: "describe"; fragment: string }
  | { kind: "drop_peer" }
  | { kind: "heard"; userId: Snowflake; ssrc: number; speaking: boolean | null }
  /** Somebody speaks with priority from now on, or no longer. */
  | { kind: "priority"; userId: Snowflake; on: boolean }
  /** Everything that a person shows from now on. */
  | { kind: "shows"; userId: Snowflake; streams: RemoteStream[] }
  /** How well anybody wants what we show, 0 to 100. */
  | { kind: "wanted"; wanted: Wanted }
  | { kind: "gone"; userId: Snowflake }
  /** The call ended without our wish. */
  | { kind: "ended"; why: VoiceFailure };

/** An attempt, from asking to hearing, must finish within this. */
export const ATTEMPT_DEADLINE_MS = 10_000;
/** ICE gets at least this much of it, however slow the steps before were. */
export const LINK_MINIMUM_MS = 5_000;
/** How long UDP and plain TCP may take before TLS is tried. Sooner costs the server a handshake of everybody. */
export const RELAY_AFTER_MS = 3_000;
/** ICE "disconnected" may yet be a hiccup, though browsers say so only after seconds; after this it begins anew,
 * by which nothing is lost: the way that we had holds until another is better. */
export const SHAKY_GRACE_MS = 500;
/** While ICE begins anew, how long the socket may take to show that it lives: it takes the same network. */
export const PROBE_MS = 3_000;
/** After a kick-or-move close, how long the new voice server may take to arrive. */
export const MOVE_GRACE_MS = 3_000;
/** Failed attempts in a row before a call that once worked is given up. */
export const MAX_ATTEMPTS = 8;
/** How long the main gateway may be gone before the call is given up. */
export const GATEWAY_PATIENCE_MS = 120_000;
