// The messages this client holds, per channel: a pure reducer of gateway dispatches, REST answers
// and what the person is sending. At most a window of each channel is kept; the rest is a request
// away. Ids order messages, so nothing here is ever shown twice or out of place.

import { compareIds } from "../api/snowflake";
import type { Dispatch, Emoji, Message, Reaction, Snowflake } from "../api/types";

/** A message on its way: shown at once, replaced by the stored one with the same nonce. */
export interface Pending {
  nonce: string;
  content: string;
  /** Unix milliseconds. */
  at: number;
  replyTo: Message | null;
  files: File[];
  /** Upload progress, 0..1. */
  progress: number;
  /** Why it was not sent; null while it still may be. */
  error: string | null;
}

export interface Timeline {
  /** Ascending by id, without gaps. */
  items: Message[];
  pending: Pending[];
  hasOlder: boolean;
  /** The window was moved into the past: newer messages exist that are not held. */
  hasNewer: boolean;
  loaded: boolean;
  /** A new gateway session began: events may have been missed. */
  stale: boolean;
}

export interface MessagesState {
  timelines: Record<Snowflake, Timeline>;
  /** Channel -> user -> Unix ms at which "is typing" expires. */
  typing: Record<Snowflake, Record<Snowflake, number>>;
}

/** Messages a request asks for. */
export const PAGE = 50;
/** Most messages held per channel; more costs memory and layout, fewer means refetching. */
export const WINDOW = 400;
/** Discord's clients show a typing event for ten seconds. */
export const TYPING_MS = 10_000;

export function emptyMessages(): MessagesState {
  return { timelines: {}, typing: {} };
}

export function timelineOf(state: MessagesState, channelId: Snowflake): Timeline {
  return (state.timelines[channelId] ??= {
    items: [],
    pending: [],
    hasOlder: true,
    hasNewer: false,
    loaded: false,
    stale: false,
  });
}

export function applyMessageDispatch(state: MessagesState, { t, d }: Dispatch, me: Snowflake, now: number): void {
  switch (t) {
    case "MESSAGE_CREATE":
      return created(state, d as Message);
    case "MESSAGE_UPDATE": {
      const timeline = state.timelines[d.channel_id];
      const message = timeline?.items.find((item) => item.id === d.id);
      if (message) {
        // Updates may be partial, and never carry our own reaction flags.
        const { reactions: _reactions, ...changes } = d as Partial<Message>;
        Object.assign(message, changes);
      }
      return;
    }
    case "MESSAGE_DELETE":
      return forget(state, d.channel_id, [d.id]);
    case "MESSAGE_DELETE_BULK":
      return forget(state, d.channel_id, d.ids as Snowflake[]);
    case "MESSAGE_REACTION_ADD":
      return react(state, d, d.user_id === me, 1);
    case "MESSAGE_REACTION_REMOVE":
      return react(state, d, d.user_id === me, -1);
    case "MESSAGE_REACTION_REMOVE_ALL": {
      const message = find(state, d.channel_id, d.message_id);
      if (message) message.reactions = [];
      return;
    }
    case "MESSAGE_REACTION_REMOVE_EMOJI": {
      const message = find(state, d.channel_id, d.message_id);
      if (message) message.reactions = (message.reactions ?? []).filter((r) => !sameEmoji(r.emoji, d.emoji));
      return;
    }
    case "TYPING_START":
      if (d.user_id !== me) (state.typing[d.channel_id] ??= {})[d.user_id] = now + TYPING_MS;
      return;
    case "CHANNEL_DELETE":
      delete state.timelines[d.id];
      return;
    default:
      return;
  }
}

function created(state: MessagesState, message: Message): void {
  delete state.typing[message.channel_id]?.[message.author.id];
  const timeline = state.timelines[message.channel_id];
  if (!timeline) return;
  settle(timeline, message);
  if (timeline.loaded && !timeline.hasNewer) insert(timeline, message);
  if (timeline.items.length > WINDOW + PAGE) {
    timeline.items.splice(0, timeline.items.length - WINDOW);
    timeline.hasOlder = true;
  }
}

/** Removes the pending message that `message` is the stored form of. */
function settle(timeline: Timeline, message: Message): void {
  if (message.nonce === undefined || message.nonce === null) return;
  const index = timeline.pending.findIndex((pending) => pending.nonce === String(message.nonce));
  if (index >= 0) timeline.pending.splice(index, 1);
}

function insert(timeline: Timeline, message: Message): void {
  const items = timeline.items;
  let at = items.length;
  while (at > 0 && compareIds(items[at - 1]!.id, message.id) > 0) at -= 1;
  if (at > 0 && items[at - 1]!.id === message.id) return;
  items.splice(at, 0, message);
}

function forget(state: MessagesState, channelId: Snowflake, ids: Snowflake[]): void {
  const timeline = state.timelines[channelId];
  if (!timeline) return;
  const gone = new Set(ids);
  timeline.items = timeline.items.filter((item) => !gone.has(item.id));
  for (const item of timeline.items) {
    if (item.referenced_message && gone.has(item.referenced_message.id)) item.referenced_message = null;
  }
}

function find(state: MessagesState, channelId: Snowflake, id: Snowflake): Message | undefined {
  return state.timelines[channelId]?.items.find((item) => item.id === id);
}

export function sameEmoji(a: Emoji, b: Emoji): boolean {
  return a.id || b.id ? a.id === b.id : a.name === b.name;
}

/**
 * Counts a reaction up or down. Our own are shown before the server confirms them; the event that
 * follows then changes nothing.
 */
export function react(
  state: MessagesState,
  d: { channel_id: Snowflake; message_id: Snowflake; emoji: Emoji },
  mine: boolean,
  by: 1 | -1,
): void {
  const message = find(state, d.channel_id, d.message_id);
  if (!message) return;
  const reactions: Reaction[] = (message.reactions ??= []);
  const index = reactions.findIndex((reaction) => sameEmoji(reaction.emoji, d.emoji));
  const known = reactions[index];
  if (!known) {
    if (by > 0) reactions.push({ emoji: { id: d.emoji.id, name: d.emoji.name }, count: 1, me: mine });
    return;
  }
  if (mine && known.me === by > 0) return;
  known.count += by;
  if (mine) known.me = by > 0;
  if (known.count <= 0) reactions.splice(index, 1);
}

// -- what REST answers ------------------------------------------------------------------------

/** Takes the newest page (any order). Joins it to what is held when they overlap, else replaces. */
export function takeLatest(state: MessagesState, channelId: Snowflake, page: Message[]): void {
  const timeline = timelineOf(state, channelId);
  const sorted = [...page].sort((a, b) => compareIds(a.id, b.id));
  const oldest = sorted[0];
  const newestHeld = timeline.items.at(-1);
  const overlaps =
    timeline.loaded && !timeline.hasNewer && oldest && newestHeld && compareIds(newestHeld.id, oldest.id) >= 0;
  if (overlaps) {
    // Within the page's span the server is right: what it lacks was deleted meanwhile.
    const before = timeline.items.filter((item) => compareIds(item.id, oldest.id) < 0);
    timeline.items = [...before, ...sorted];
  } else {
    timeline.items = sorted;
    timeline.hasOlder = page.length >= PAGE;
  }
  for (const message of sorted) settle(timeline, message);
  timeline.hasNewer = false;
  timeline.loaded = true;
  timeline.stale = false;
}

/** Takes the page before the oldest held message. */
export function takeOlder(state: MessagesState, channelId: Snowflake, page: Message[]): void {
  const timeline = timelineOf(state, channelId);
  for (const message of page) insert(timeline, message);
  timeline.hasOlder = page.length >= PAGE;
  if (timeline.items.length > WINDOW) {
    timeline.items.splice(WINDOW);
    timeline.hasNewer = true;
  }
}

/** Takes the page after the newest held message, when the window is in the past. */
export function takeNewer(state: MessagesState, channelId: Snowflake, page: Message[]): void {
  const timeline = timelineOf(state, channelId);
  for (const message of page) insert(timeline, message);
  timeline.hasNewer = page.length >= PAGE;
  if (timeline.items.length > WINDOW) {
    timeline.items.splice(0, timeline.items.length - WINDOW);
    timeline.hasOlder = true;
  }
}

export function markStale(state: MessagesState): void {
  for (const timeline of Object.values(state.timelines)) timeline.stale = true;
}

// -- sending ----------------------------------------------------------------------------------

export function startSending(state: MessagesState, channelId: Snowflake, pending: Pending): void {
  const timeline = timelineOf(state, channelId);
  const index = timeline.pending.findIndex((item) => item.nonce === pending.nonce);
  if (index >= 0) timeline.pending[index] = pending;
  else timeline.pending.push(pending);
}

/** The server stored it; its gateway event may have come before or may follow. */
export function sent(state: MessagesState, channelId: Snowflake, nonce: string, message: Message): void {
  const timeline = timelineOf(state, channelId);
  timeline.pending = timeline.pending.filter((item) => item.nonce !== nonce);
  if (timeline.loaded && !timeline.hasNewer) insert(timeline, message);
}

export function notSent(state: MessagesState, channelId: Snowflake, nonce: string, error: string): void {
  const pending = timelineOf(state, channelId).pending.find((item) => item.nonce === nonce);
  if (pending) pending.error = error;
}

export function discard(state: MessagesState, channelId: Snowflake, nonce: string): void {
  const timeline = timelineOf(state, channelId);
  timeline.pending = timeline.pending.filter((item) => item.nonce !== nonce);
}

/** Who types in a channel at `now`, longest first. */
export function typingIn(state: MessagesState, channelId: Snowflake, now: number): Snowflake[] {
  return Object.entries(state.typing[channelId] ?? {})
    .filter(([, until]) => until > now)
    .sort(([, a], [, b]) => a - b)
    .map(([user]) => user);
}
