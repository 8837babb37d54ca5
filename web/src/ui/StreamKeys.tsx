// Streaming into a voice channel, or listening to it, with a program: makes keys for one channel, shows
// the address and the key once, lists keys to be taken back. docs/streaming.md says what they open.

import { createResource, createSignal, For, Show } from "solid-js";
import { errorText, hall, rest, tell } from "../app";
import type { Channel, StreamKey } from "../api/types";
import { en } from "../strings/en";
import { copy } from "./copy";

const day = new Intl.DateTimeFormat(undefined, { dateStyle: "medium" });

/** A line to be copied into another program. */
function CopyLine(props: { label: string; value: string; testid: string }) {
  let field!: HTMLInputElement;
  const [copied, setCopied] = createSignal(false);
  return (
    <label class="field">
      <span class="label">{props.label}</span>
      <div class="copy-line">
        <input ref={field} readonly data-testid={props.testid} value={props.value} onFocus={(event) => event.currentTarget.select()} />
        <button type="button" class="button" onClick={async () => setCopied(await copy(props.value, field))}>
          {copied() ? en.invite.copied : en.streams.copy}
        </button>
      </div>
    </label>
  );
}

export function StreamKeys(props: { channel: Channel }) {
  const [keys, { mutate }] = createResource(() => rest.streamKeys(props.channel.id));
  const [made, setMade] = createSignal<StreamKey | null>(null);
  const [busy, setBusy] = createSignal(false);
  const make = async (way: StreamKey["way"]) => {
    setBusy(true);
    try {
      const key = await rest.createStreamKey(props.channel.id, { way, name: en.streams.names[way] });
      setMade(key);
      mutate((all) => [...(all ?? []), key]);
    } catch (error) {
      tell(errorText(error));
    } finally {
      setBusy(false);
    }
  };
  const revoke = async (key: StreamKey) => {
    try {
      await rest.revokeStreamKey(props.channel.id, key.id);
      mutate((all) => all?.filter((one) => one.id !== key.id));
      if (made()?.id === key.id) setMade(null);
    } catch (error) {
      tell(errorText(error));
    }
  };
  return (
    <details class="streams">
      <summary>{en.streams.title}</summary>
      <div class="form">
      <p class="muted small">{en.streams.lead}</p>
      <div class="row">
        <button type="button" class="button" disabled={busy()} onClick={() => void make("publish")}>{en.streams.publish}</button>
        <button type="button" class="button" disabled={busy()} onClick={() => void make("listen")}>{en.streams.listen}</button>
      </div>
      <Show when={made()} keyed>
        {(key) => (
          <div class="form" role="status">
            <CopyLine label={en.streams.address[key.way]} testid="stream-address" value={location.origin + key.path} />
            <CopyLine label={en.streams.key} testid="stream-key" value={key.key ?? ""} />
            <p class="muted small">{en.streams.once}</p>
          </div>
        )}
      </Show>
      <Show when={!keys.error} fallback={<p class="form-problem" role="alert">{errorText(keys.error)}</p>}>
        <ul class="door-list" aria-busy={keys.loading}>
          <For each={keys()}>
            {(key) => (
              <li data-testid="stream-key-row">
                <div>
                  <b>{key.name}</b>
                  <p class="muted small">{en.streams.row(key.way, day.format(new Date(key.created_at)), key.user_id === hall.me?.id)}</p>
                </div>
                <button type="button" class="button small push" onClick={() => void revoke(key)}>{en.doors.revoke}</button>
              </li>
            )}
          </For>
        </ul>
      </Show>
      </div>
    </details>
  );
}
