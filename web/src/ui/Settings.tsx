// Settings: oneself, the look, the sound.

import { createResource, createSignal, For, onCleanup, Show } from "solid-js";
import { changeSettings, errorText, hall, logout, patchMe, rest, settings } from "../app";
import { displayName } from "../state/guilds";
import type { Theme } from "../state/session";
import { en } from "../strings/en";
import { Avatar } from "./Avatar";
import { Field } from "./Entrance";
import { Dialog } from "./Overlay";
import { PictureField } from "./PictureField";

export function SettingsDialog(props: { onClose: () => void }) {
  const [name, setName] = createSignal(hall.me?.global_name ?? "");
  const [saved, setSaved] = createSignal(false);
  const [problem, setProblem] = createSignal<string | undefined>();
  const [devices, { refetch }] = createResource(() => navigator.mediaDevices?.enumerateDevices?.().catch(() => []) ?? []);
  const [instance] = createResource(() => rest.instance().catch(() => null));
  const again = () => void refetch();
  navigator.mediaDevices?.addEventListener?.("devicechange", again);
  onCleanup(() => navigator.mediaDevices?.removeEventListener?.("devicechange", again));

  const save = async (event: SubmitEvent) => {
    event.preventDefault();
    setProblem(undefined);
    try {
      patchMe(await rest.updateMe({ global_name: name().trim() || null }));
      setSaved(true);
    } catch (error) {
      setProblem(errorText(error));
    }
  };
  const ofKind = (kind: MediaDeviceKind) =>
    (devices() ?? []).filter((device) => device.kind === kind && device.deviceId !== "" && device.deviceId !== "default");
  const Switch = (option: { label: string; key: "echoCancellation" | "noiseSuppression" | "autoGainControl" }) => (
    <label class="switch">
      <input type="checkbox" role="switch" checked={settings[option.key]} onChange={(event) => changeSettings({ [option.key]: event.currentTarget.checked })} />
      <span>{option.label}</span>
    </label>
  );
  return (
    <Dialog title={en.settings.title} wide onClose={props.onClose}>
      <section class="settings-part">
        <h3>{en.settings.account}</h3>
        <Show when={hall.me}>
          {(me) => (
            <PictureField
              label={en.settings.picture}
              face={<Avatar id={me().id} name={displayName(hall, me().id)} size={72} />}
              has={!!me().avatar}
              onPick={async (avatar) => patchMe(await rest.updateMe({ avatar }))}
            />
          )}
        </Show>
        <form class="form inline" onSubmit={save}>
          <Field label={en.settings.displayName} name="global_name" maxLength={32} value={name()} error={problem()} onInput={(value) => (setName(value), setSaved(false))} />
          <button class="button">{saved() ? en.settings.saved : en.settings.save}</button>
        </form>
      </section>
      <section class="settings-part">
        <h3>{en.settings.look}</h3>
        <div class="segments" role="radiogroup" aria-label={en.settings.theme}>
          <For each={["system", "light", "dark"] as Theme[]}>
            {(theme) => (
              <label>
                <input type="radio" name="theme" checked={settings.theme === theme} onChange={() => changeSettings({ theme })} />
                <span>{en.settings.themes[theme]}</span>
              </label>
            )}
          </For>
        </div>
      </section>
      <section class="settings-part">
        <h3>{en.settings.sound}</h3>
        <div class="pair">
          <label>{en.settings.microphone}
            <select value={settings.microphone} onChange={(event) => changeSettings({ microphone: event.currentTarget.value })}>
              <option value="">{en.settings.standard}</option>
              <For each={ofKind("audioinput")}>{(device) => <option value={device.deviceId}>{device.label || en.settings.microphone}</option>}</For>
            </select>
          </label>
          <label>{en.settings.speaker}
            <select value={settings.speaker} onChange={(event) => changeSettings({ speaker: event.currentTarget.value })}>
              <option value="">{en.settings.standard}</option>
              <For each={ofKind("audiooutput")}>{(device) => <option value={device.deviceId}>{device.label || en.settings.speaker}</option>}</For>
            </select>
          </label>
        </div>
        <Switch label={en.settings.echo} key="echoCancellation" />
        <Switch label={en.settings.noise} key="noiseSuppression" />
        <Switch label={en.settings.gain} key="autoGainControl" />
      </section>
      <section class="settings-part row">
        <Show when={instance()}><span class="muted small">{en.settings.version(instance()!.name, instance()!.version)}</span></Show>
        <button type="button" class="button danger push" onClick={() => void logout()}>{en.auth.logout}</button>
      </section>
    </Dialog>
  );
}
