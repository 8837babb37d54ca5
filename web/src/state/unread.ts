// What was read, per channel. The server's markers win where it keeps them; this browser keeps
// its own otherwise. Pure; `session.ts` stores it.

import { isNewer } from "../api/snowflake";
import type { Dispatch, Message, Ready, Snowflake } from "../api/types";

export interface UnreadState {
  /** Newest message read, per channel. */
  read: Record<Snowflake, Snowflake>;
  /** Unread messages that speak to us, per channel; direct messages always do. */
  mentions: Record<Snowflake, number>;
}

export function emptyUnread(read: Record<Snowflake, Snowflake> = {}): UnreadState {
  return { read, mentions: {} };
}

/** A channel never seen before starts as read: its past is history, not news. */
export function baseline(state: UnreadState, channelId: Snowflake, last: Snowflake | null | undefined): void {
  if (state.read[channelId] === undefined) state.read[channelId] = last ?? "0";
}

export function markRead(state: UnreadState, channelId: Snowflake, messageId: Snowflake | null | undefined): boolean {
  if (state.mentions[channelId]) delete state.mentions[channelId];
  if (!messageId || !isNewer(messageId, state.read[channelId])) return false;
  state.read[channelId] = messageId;
  return true;
}

export function isUnread(state: UnreadState, channelId: Snowflake, last: Snowflake | null | undefined): boolean {
  const read = state.read[channelId];
  return read !== undefined && isNewer(last, read);
}

/** Whether a message is meant for us: directly, by name, by a role of ours, or for everyone. */
export function speaksTo(message: Message, me: Snowflake, myRoles: readonly Snowflake[]): boolean {
  return (
    !message.guild_id ||
    message.mention_everyone === true ||
    (message.mentions ?? []).some((user) => user.id === me) ||
    (message.mention_roles ?? []).some((role) => myRoles.includes(role))
  );
}

export function applyUnreadDispatch(state: UnreadState, { t, d }: Dispatch, me: Snowflake, myRoles: readonly Snowflake[]): void {
  if (t === "READY") {
    const markers = (d as Ready).read_state;
    const entries = Array.isArray(markers) ? markers : (markers?.entries ?? []);
    for (const entry of entries) {
      if (isNewer(entry.last_message_id, state.read[entry.id])) state.read[entry.id] = entry.last_message_id!;
      if (entry.mention_count && entry.last_message_id === state.read[entry.id]) state.mentions[entry.id] = entry.mention_count;
    }
  } else if (t === "GUILD_CREATE") {
    for (const channel of d.channels ?? []) baseline(state, channel.id, channel.last_message_id);
  } else if (t === "MESSAGE_ACK") {
    if (d.manual) {
      // Marked as unread again, on another client.
      state.read[d.channel_id] = d.message_id;
      state.mentions[d.channel_id] = d.mention_count ?? 0;
    } else {
      markRead(state, d.channel_id, d.message_id);
    }
  } else if (t === "MESSAGE_CREATE") {
    const message = d as Message;
    if (message.author.id === me) {
      markRead(state, message.channel_id, message.id);
      return;
    }
    state.read[message.channel_id] ??= "0";
    if (speaksTo(message, me, myRoles)) state.mentions[message.channel_id] = (state.mentions[message.channel_id] ?? 0) + 1;
  }
}
