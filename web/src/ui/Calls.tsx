// Calls in direct messages and groups: the card of one that comes in, and the line that a conversation keeps
// of each.

import { createEffect, createMemo, createUniqueId, For, on, onCleanup, Show } from "solid-js";
import { acceptCall, calls, declineCall, hall, settings } from "../app";
import type { Message } from "../api/types";
import { incoming, newsOf, type PrivateCall } from "../state/calls";
import { channelOf, displayName } from "../state/guilds";
import { en } from "../strings/en";
import { Ringer } from "../voice/ringer";
import { Avatar } from "./Avatar";
import { channelTitle } from "./ChatPane";
import { showNote } from "./desktop";
import { Icon } from "./icons";
import { go } from "./router";

/** Who is behind a call: whoever sits in it. */
function callerOf(call: PrivateCall): string {
  const recipients = channelOf(hall, call.channelId)?.recipients ?? [];
  return Object.keys(call.voice)[0] ?? recipients[0]?.id ?? call.channelId;
}

function textOf(call: PrivateCall): string {
  const channel = channelOf(hall, call.channelId);
  const caller = displayName(hall, callerOf(call), null);
  const isGroup = (channel?.recipients?.length ?? 0) > 1;
  return isGroup && channel ? en.calls.comesInGroup(caller, channelTitle(channel)) : en.calls.comesIn(caller);
}

function Card(props: { call: PrivateCall; onEnter: () => void }) {
  const id = createUniqueId();
  const accept = () => {
    go(`/channels/@me/${props.call.channelId}`);
    acceptCall(props.call.channelId);
    props.onEnter();
  };
  const decline = () => declineCall(props.call.channelId);
  return (
    <section
      class="incoming-call"
      role="group"
      aria-labelledby={id}
      data-testid="incoming-call"
      data-channel-id={props.call.channelId}
      onKeyDown={(event) => event.key === "Escape" && (event.stopPropagation(), decline())}
    >
      <span class="incoming-face"><Avatar id={callerOf(props.call)} name={displayName(hall, callerOf(props.call), null)} size={48} /></span>
      <p id={id}>{textOf(props.call)}</p>
      <div class="incoming-buttons">
        <button type="button" class="button" onClick={decline}><Icon.Leave /> {en.calls.decline}</button>
        <button type="button" class="button primary" onClick={accept}><Icon.Phone /> {en.calls.accept}</button>
      </div>
    </section>
  );
}

/** All that ring us. They take no focus: whoever writes goes on writing. */
export function IncomingCalls(props: { onEnter: () => void }) {
  const ringing = createMemo(() => incoming(calls, hall.me?.id ?? ""));
  const ids = createMemo(() => ringing().map((call) => call.channelId), [], { equals: (a, b) => a.join() === b.join() });
  const ringer = new Ringer();
  createEffect(() => (ids().length > 0 && settings.chimes ? ringer.start() : ringer.stop()));
  onCleanup(() => ringer.stop());
  createEffect(on(ids, (now, before) => {
    for (const call of ringing().filter((one) => now.includes(one.channelId) && !before?.includes(one.channelId))) {
      if (settings.notes) showNote({ title: textOf(call), body: "", path: `/channels/@me/${call.channelId}`, tag: call.channelId });
    }
  }));
  return (
    <div class="incoming-box" aria-live="assertive">
      <For each={ids()}>
        {(channelId) => <Show when={calls[channelId]}>{(call) => <Card call={call()} onEnter={props.onEnter} />}</Show>}
      </For>
    </div>
  );
}

/** What a conversation keeps of a call. */
export function CallLine(props: { message: Message }) {
  const news = () => newsOf(props.message, calls, hall.me?.id ?? "");
  const name = () => displayName(hall, props.message.author.id, null, props.message.author);
  const mine = () => !!calls[props.message.channel_id]?.voice[hall.me?.id ?? ""];
  return (
    <p class="system" classList={{ missed: news().kind === "missed" }} data-testid="call-message" data-kind={news().kind}>
      <Icon.Phone />
      <span>{en.calls.message[news().kind](name(), en.calls.length(news().seconds))}</span>
      <Show when={news().kind === "on" && !mine()}>
        <button type="button" class="linkish" onClick={() => acceptCall(props.message.channel_id)}>{en.calls.join}</button>
      </Show>
    </p>
  );
}
