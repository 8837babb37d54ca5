// Settings of a channel, for those who may manage it: name, topic or room size and bitrate, who may
// see it, programs that stream into it, its end.

import { createSignal, For, Show } from "solid-js";
import { errorText, hall, rest, tell } from "../app";
import { ChannelType, type Channel, type Overwrite } from "../api/types";
import { admits, isPrivate, withPrivate, withRole } from "../state/access";
import type { Guild } from "../state/guilds";
import { Permission, permissionsIn, rolesInOrder } from "../state/permissions";
import { en } from "../strings/en";
import { Field } from "./Entrance";
import { Confirm, Dialog } from "./Overlay";
import { StreamKeys } from "./StreamKeys";

/** Offered bitrates in bits per second; Opus speech gains little above the third. */
const BITRATES = [32_000, 64_000, 96_000, 128_000, 256_000];

/** Who may see the channel; for those who may change rights in it. */
function Access(props: { guild: Guild; overwrites: Overwrite[]; onChange: (overwrites: Overwrite[]) => void }) {
  const me = () => hall.me?.id ?? "";
  const shut = () => isPrivate(props.overwrites, props.guild.id);
  const roles = () => rolesInOrder(props.guild).filter((role) => role.id !== props.guild.id);
  return (
    <fieldset class="rights">
      <legend>{en.access.title}</legend>
      <label class="switch">
        <input type="checkbox" role="switch" checked={shut()} onChange={(event) => props.onChange(withPrivate(props.overwrites, props.guild.id, me(), event.currentTarget.checked))} />
        <span>{en.access.shut}</span>
      </label>
      <Show when={shut()}>
        <For each={roles()} fallback={<p class="hint">{en.access.noRoles}</p>}>
          {(role) => (
            <label class="switch">
              <input type="checkbox" role="switch" checked={admits(props.overwrites, role.id)} onChange={(event) => props.onChange(withRole(props.overwrites, role.id, event.currentTarget.checked))} />
              <span>{en.access.role(role.name)}</span>
            </label>
          )}
        </For>
      </Show>
    </fieldset>
  );
}

export function ChannelSettings(props: { guild: Guild; channel: Channel; onClose: () => void }) {
  const voice = () => props.channel.type === ChannelType.Voice || props.channel.type === ChannelType.Stage;
  const [name, setName] = createSignal(props.channel.name ?? "");
  const [topic, setTopic] = createSignal(props.channel.topic ?? "");
  const [limit, setLimit] = createSignal(String(props.channel.user_limit ?? 0));
  const [bitrate, setBitrate] = createSignal(props.channel.bitrate ?? 64_000);
  const [overwrites, setOverwrites] = createSignal<Overwrite[]>(props.channel.permission_overwrites ?? []);
  const [shutChanged, setShutChanged] = createSignal(false);
  const mayShut = () => (permissionsIn(props.guild, hall.me?.id ?? "", props.channel) & Permission.ManageRoles) !== 0n;
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
        // Only when they were changed: somebody else may be changing others of them.
        ...(shutChanged() ? { permission_overwrites: overwrites() } : {}),
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
          <Show when={mayShut()}>
            <Access guild={props.guild} overwrites={overwrites()} onChange={(changed) => (setOverwrites(changed), setShutChanged(true))} />
          </Show>
          <div class="row">
            <button type="button" class="button danger" onClick={() => setEnding(true)}>{en.channelSettings.end}</button>
            <button class="button primary push" disabled={busy()}>{en.settings.save}</button>
          </div>
        </form>
        <Show when={voice()}><StreamKeys channel={props.channel} /></Show>
      </Dialog>
    </Show>
  );
}
