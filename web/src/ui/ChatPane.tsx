// A conversation: its messages, who is typing, and the place to write.

import { createEffect, createMemo, createSignal, on, Show } from "solid-js";
import { hall, now, texts } from "../app";
import type { Channel, Message } from "../api/types";
import { displayName, type Guild } from "../state/guilds";
import { typingIn } from "../state/messages";
import { Permission, permissionsIn } from "../state/permissions";
import { en } from "../strings/en";
import { Composer } from "./Composer";
import { Screening } from "./Screening";
import { lastOwn, Timeline } from "./Timeline";

/** What a channel is called: `#name` in a guild, the other person's name in a direct message. */
export function channelTitle(channel: Channel): string {
  if (channel.guild_id) return channel.name ?? "…";
  if (channel.name) return channel.name;
  const names = (channel.recipients ?? []).map((user) => displayName(hall, user.id, null, user));
  return names.join(", ") || "…";
}

export function ChatPane(props: { channel: Channel; guild: Guild | null }) {
  const [replyTo, setReplyTo] = createSignal<Message | null>(null);
  const [editing, setEditing] = createSignal<string | null>(null);
  createEffect(on(() => props.channel.id, () => (setReplyTo(null), setEditing(null))));

  const name = () => (props.channel.guild_id ? `#${channelTitle(props.channel)}` : channelTitle(props.channel));
  const people = createMemo(() =>
    props.guild ? Object.keys(props.guild.members) : (props.channel.recipients ?? []).map((user) => user.id),
  );
  const rights = createMemo(() => {
    if (!props.guild || !hall.me) return { send: true, react: true, manage: false };
    const bits = permissionsIn(props.guild, hall.me.id, props.channel);
    return {
      send: (bits & Permission.SendMessages) !== 0n,
      react: (bits & Permission.AddReactions) !== 0n,
      manage: (bits & Permission.ManageMessages) !== 0n,
    };
  });
  const pending = () => (props.guild && hall.me && props.guild.members[hall.me.id]?.pending ? props.guild : null);
  const typists = createMemo(() =>
    typingIn(texts, props.channel.id, now()).map((id) => displayName(hall, id, props.guild)),
  );

  return (
    <div class="chat">
      <Timeline
        channelId={props.channel.id}
        name={name()}
        guild={props.guild}
        rights={rights()}
        editing={editing()}
        onEdit={setEditing}
        onReply={setReplyTo}
      />
      <div class="chat-foot">
        <Show
          when={rights().send}
          fallback={
            <Show when={pending()} fallback={<p class="no-send">{en.chat.noSend}</p>}>
              {(guild) => <Screening guild={guild()} />}
            </Show>
          }
        >
          <Composer
            channelId={props.channel.id}
            name={name()}
            guild={props.guild}
            people={people()}
            replyTo={replyTo()}
            onReplyDone={() => setReplyTo(null)}
            onEditLast={() => setEditing(lastOwn(props.channel.id)?.id ?? null)}
          />
        </Show>
        <p class="typing" role="status" data-testid="typing">{typists().length ? en.chat.typing(typists()) : ""}</p>
      </div>
    </div>
  );
}
