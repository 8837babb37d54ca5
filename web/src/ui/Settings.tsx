// Settings: oneself, the look, the sound.

import { createResource, createSignal, For, Show } from "solid-js";
import { changeSettings, errorText, hall, logout, patchMe, rest, settings } from "../app";
import { displayName } from "../state/guilds";
import type { Theme } from "../state/session";
import { en } from "../strings/en";
import { ApplicationSettings } from "./Applications";
import { Avatar } from "./Avatar";
import { askForNotes, notePermission } from "./desktop";
import { Field } from "./Entrance";
import { Dialog } from "./Overlay";
import { PictureField } from "./PictureField";
import { VoiceSettings } from "./VoiceSettings";

export function SettingsDialog(props: { onClose: () => void }) {
  const [name, setName] = createSignal(hall.me?.global_name ?? "");
  const [saved, setSaved] = createSignal(false);
  const [problem, setProblem] = createSignal<string | undefined>();
  const [instance] = createResource(() => rest.instance().catch(() => null));

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
  const [permission, setPermission] = createSignal(notePermission());
  const wantNotes = async (box: HTMLInputElement) => {
    const wanted = box.checked;
    if (wanted) setPermission(await askForNotes());
    changeSettings({ notes: wanted && permission() === "granted" });
    // A refusal leaves the store as it was, and the box must follow it.
    box.checked = settings.notes;
  };
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
        <h3>{en.settings.notes}</h3>
        <label class="switch">
          <input type="checkbox" role="switch" disabled={permission() === "unsupported" || permission() === "denied"} checked={settings.notes && permission() === "granted"} onChange={(event) => void wantNotes(event.currentTarget)} />
          <span>{en.settings.notesLabel}</span>
        </label>
        <Show when={permission() === "unsupported" || permission() === "denied"}>
          <p class="hint">{permission() === "denied" ? en.settings.notesDenied : en.settings.notesUnsupported}</p>
        </Show>
      </section>
      <VoiceSettings />
      <ApplicationSettings />
      <section class="settings-part row">
        <Show when={instance()}><span class="muted small">{en.settings.version(instance()!.name, instance()!.version)}</span></Show>
        <button type="button" class="button danger push" onClick={() => void logout()}>{en.auth.logout}</button>
      </section>
    </Dialog>
  );
}
