// The calls in direct messages and groups, as the gateway tells of them: who is in them and whom they ring.
// A pure reducer of dispatches; our own connection to one is in `voice/`.

import type { CallInfo, Dispatch, Message, Snowflake, VoiceState } from "../api/types";
import { compareIds } from "../api/snowflake";

export interface PrivateCall {
  channelId: Snowflake;
  /** The message that tells of it. */
  messageId: Snowflake;
  ringing: Snowflake[];
  voice: Record<Snowflake, VoiceState>;
}

/** By channel; a call that is not here does not go on. */
export type Calls = Record<Snowflake, PrivateCall>;

/** Discord: Message Types, CALL. */
export const CALL_MESSAGE = 3;

export function applyCallDispatch(calls: Calls, { t, d }: Dispatch): void {
  switch (t) {
    case "READY":
      // Those that go on are told behind it.
      for (const id of Object.keys(calls)) delete calls[id];
      return;
    case "CALL_CREATE": {
      const voice = (d.voice_states ?? []) as VoiceState[];
      calls[d.channel_id] = callFrom(d, Object.fromEntries(voice.map((state) => [state.user_id, state])));
      return;
    }
    case "CALL_UPDATE":
      calls[d.channel_id] = callFrom(d, calls[d.channel_id]?.voice ?? {});
      return;
    case "CALL_DELETE":
      delete calls[d.channel_id];
      return;
    case "CHANNEL_DELETE":
      delete calls[d.id];
      return;
    case "VOICE_STATE_UPDATE": {
      const state = d as VoiceState;
      if (state.guild_id) return;
      for (const call of Object.values(calls)) {
        if (call.channelId === state.channel_id) call.voice[state.user_id] = state;
        else delete call.voice[state.user_id];
      }
      return;
    }
    default:
      return;
  }
}

function callFrom(d: any, voice: Record<Snowflake, VoiceState>): PrivateCall {
  return { channelId: d.channel_id, messageId: d.message_id, ringing: [...(d.ringing ?? [])], voice };
}

// -- reading ---------------------------------------------------------------------------------

/** The calls that ring somebody, the oldest first. */
export function incoming(calls: Calls, me: Snowflake): PrivateCall[] {
  return Object.values(calls)
    .filter((call) => call.ringing.includes(me) && !call.voice[me])
    .sort((a, b) => compareIds(a.messageId, b.messageId));
}

/** Who is seated in a call, and after them whom it rings; in the order of their ids. */
export function seats(call: PrivateCall | undefined): { userId: Snowflake; rings: boolean }[] {
  if (!call) return [];
  const here = Object.keys(call.voice).sort(compareIds);
  const rung = call.ringing.filter((userId) => !call.voice[userId]).sort(compareIds);
  return [...here.map((userId) => ({ userId, rings: false })), ...rung.map((userId) => ({ userId, rings: true }))];
}

/** What the message of a call tells: of one that goes on, of one that was, of one that was missed. */
export interface CallNews {
  kind: "on" | "over" | "missed";
  /** How long it was, in seconds, when that is known. */
  seconds: number | null;
}

export function newsOf(message: Message, calls: Calls, me: Snowflake): CallNews {
  const told: CallInfo | undefined = message.call;
  if (calls[message.channel_id]?.messageId === message.id) return { kind: "on", seconds: null };
  const ended = told?.ended_timestamp ? Date.parse(told.ended_timestamp) : NaN;
  const seconds = Math.max(0, Math.round((ended - Date.parse(message.timestamp)) / 1_000));
  const was = message.author.id === me || told?.participants.includes(me) !== false;
  return { kind: was ? "over" : "missed", seconds: Number.isNaN(seconds) ? null : seconds };
}
