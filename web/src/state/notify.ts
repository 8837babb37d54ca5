// Which messages are worth disturbing somebody who looks elsewhere, and what is said of them. Pure;
// `desktop.ts` shows it.

import type { Dispatch, Message, Snowflake } from "../api/types";
import { CALL_MESSAGE } from "./calls";
import { channelOf, displayName, type HallState } from "./guilds";
import { speaksTo } from "./unread";

export interface Note {
  title: string;
  body: string;
  /** Where a click leads. */
  path: string;
  /** A newer note of the same conversation takes the place of the older. */
  tag: string;
}

/** Longest text shown; systems cut it anyway, and differently. */
const BODY = 160;

/** `preview` turns a message's Markdown into one line. */
export function noteOf(
  hall: HallState,
  { t, d }: Dispatch,
  me: Snowflake,
  myRoles: readonly Snowflake[],
  preview: (content: string, guildId: Snowflake | undefined) => string,
): Note | null {
  if (t !== "MESSAGE_CREATE") return null;
  const message = d as Message;
  // Of calls something else is shown, while they ring.
  if (message.type === CALL_MESSAGE) return null;
  if (message.author.id === me || !speaksTo(message, me, myRoles)) return null;
  const guild = message.guild_id ? hall.guilds[message.guild_id] : undefined;
  const channel = channelOf(hall, message.channel_id);
  const who = displayName(hall, message.author.id, guild, message.author);
  const text = preview(message.content, message.guild_id) || message.attachments[0]?.filename || "";
  return {
    title: guild ? `${who} · #${channel?.name ?? "…"}, ${guild.name}` : who,
    body: text.length > BODY ? `${text.slice(0, BODY - 1)}…` : text,
    path: `/channels/${message.guild_id ?? "@me"}/${message.channel_id}`,
    tag: message.channel_id,
  };
}
