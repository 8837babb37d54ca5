// Settings of a channel, for those who may manage it: name, topic or room size and bitrate, its end.

import { createSignal, For, Show } from "solid-js";
import { errorText, rest, tell } from "../app";
import { ChannelType, type Channel } from "../api/types";
import { en } from "../strings/en";
import { Field } from "./Entrance";
import { Confirm, Dialog } from "./Overlay";

/** Offered bitrates in bits per second; Opus speech gains little above the third. */
const BITRATES = [32_000, 64_000, 96_000, 128_000, 256_000];

export function ChannelSettings(props: { channel: Channel; onClose: () => void }) {
  const voice = () => props.channel.type === ChannelType.Voice || props.channel.type === ChannelType.Stage;
  const [name, setName] = createSignal(props.channel.name ?? "");
  const [topic, setTopic] = createSignal(props.channel.topic ?? "");
  const [limit, setLimit] = createSignal(String(props.channel.user_limit ?? 0));
  const [bitrate, setBitrate] = createSignal(props.channel.bitrate ?? 64_000);
  const [busy, setBusy] = createSignal(false);
  const [problem, setProblem] = createSignal<string | undefined>();
  const [ending, setEnding] = createSignal(false);
  const save = async (event: SubmitEvent) => {
    event.preventDefault();
    setBusy(true);
    setProblem(undefined);
    try {
      await rest.updateChannel(props.channel.id, {
        name: name().trim(),
        ...(voice() ? { user_limit: Number(limit()) || 0, bitrate: bitrate() } : { topic: topic().trim() || null }),
      });
      props.onClose();
    } catch (error) {
      setProblem(errorText(error));
      setBusy(false);
    }
  };
  return (
    <Show
      when={!ending()}
      fallback={
        <Confirm
          title={en.channelSettings.endTitle(props.channel.name ?? "")}
          text={en.channelSettings.endText}
          action={en.channelSettings.end}
          onYes={() => void rest.deleteChannel(props.channel.id).catch((error: unknown) => tell(errorText(error)))}
          onClose={props.onClose}
        />
      }
    >
      <Dialog title={en.channelSettings.title} onClose={() => !ending() && props.onClose()}>
        <form class="form" onSubmit={save}>
          <Field label={en.make.channelName} name="name" required maxLength={100} value={name()} error={problem()} onInput={setName} />
          <Show when={!voice()}>
            <label class="field">
              <span class="label">{en.channelSettings.topic}</span>
              <textarea rows="3" maxLength={1024} value={topic()} onInput={(event) => setTopic(event.currentTarget.value)} />
            </label>
          </Show>
          <Show when={voice()}>
            <div class="pair">
              <label>{en.channelSettings.limit}
                <input type="number" min="0" max="99" value={limit()} onInput={(event) => setLimit(event.currentTarget.value)} />
              </label>
              <label>{en.channelSettings.bitrate}
                <select value={String(bitrate())} onChange={(event) => setBitrate(Number(event.currentTarget.value))}>
                  <For each={BITRATES.includes(bitrate()) ? BITRATES : [...BITRATES, bitrate()].sort((a, b) => a - b)}>
                    {(bits) => <option value={String(bits)}>{en.channelSettings.kbits(bits / 1000)}</option>}
                  </For>
                </select>
              </label>
            </div>
          </Show>
          <div class="row">
            <button type="button" class="button danger" onClick={() => setEnding(true)}>{en.channelSettings.end}</button>
            <button class="button primary push" disabled={busy()}>{en.settings.save}</button>
          </div>
        </form>
      </Dialog>
    </Show>
  );
}
