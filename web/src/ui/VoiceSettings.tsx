// The sound part of the settings: devices and a trial of them, how to talk, processing.

import { createResource, createSignal, For, onCleanup, Show } from "solid-js";
import { changeSettings, settings } from "../app";
import { en } from "../strings/en";
import { loudness } from "../voice/levels";
import type { MicrophoneProblem } from "../voice/microphone";
import { MicrophoneTrial, playNotes } from "../voice/trial";

/** How long silence is nobody's fault, in ms. */
const SILENCE_MS = 4_000;
/** Loudness under which it counts as silence: a room without a voice is below it. */
const SILENCE = 0.2;

function Meter() {
  const [trial, setTrial] = createSignal<MicrophoneTrial | null>(null);
  const [problem, setProblem] = createSignal<MicrophoneProblem | null>(null);
  const [level, setLevel] = createSignal(0);
  const [silent, setSilent] = createSignal(false);
  let timer: ReturnType<typeof setInterval> | undefined;
  let turn = 0;
  const stop = () => {
    turn += 1;
    clearInterval(timer);
    trial()?.close();
    setTrial(null);
    setLevel(0);
    setSilent(false);
  };
  const start = async () => {
    const mine = ++turn;
    setProblem(null);
    const opened = await MicrophoneTrial.open({ ...settings });
    if (typeof opened === "string") return void setProblem(opened);
    // Closed, or started again, while the browser was asking.
    if (mine !== turn) return opened.close();
    setTrial(opened);
    let heardAt = Date.now();
    timer = setInterval(() => {
      const now = loudness(opened.level());
      // Up at once, down gently: a meter that twitches says nothing.
      setLevel((before) => Math.max(now, before * 0.85));
      if (now > SILENCE) heardAt = Date.now();
      setSilent(Date.now() - heardAt > SILENCE_MS);
    }, 50);
  };
  onCleanup(stop);
  return (
    <div class="trial" data-testid="microphone-trial">
      <div class="row">
        <button type="button" class="button small" onClick={() => (trial() ? stop() : void start())}>
          {trial() ? en.settings.trialStop : en.settings.trial}
        </button>
        <meter class="level" min="0" max="1" value={level()} aria-label={en.settings.level} />
      </div>
      <p class="hint" classList={{ bad: problem() !== null || silent() }} role="status">
        {problem() ? en.settings.trialProblem[problem()!] : silent() ? en.settings.trialSilent : trial() ? en.settings.trialSpeak(trial()!.label) : ""}
      </p>
    </div>
  );
}

function KeyChooser() {
  const [waiting, setWaiting] = createSignal(false);
  return (
    <div class="row">
      <span class="small">{en.settings.pushKey}</span>
      <button
        type="button"
        class="button small key"
        aria-live="polite"
        onClick={() => setWaiting(true)}
        onBlur={() => setWaiting(false)}
        onKeyDown={(event) => {
          if (!waiting() || event.key === "Tab") return;
          event.preventDefault();
          event.stopPropagation();
          setWaiting(false);
          if (event.key !== "Escape") changeSettings({ pushKey: { code: event.code, label: event.key.length === 1 ? event.key.toUpperCase() : event.code } });
        }}
      >
        {waiting() ? en.settings.pressKey : settings.pushKey.label === " " ? en.settings.space : settings.pushKey.label}
      </button>
    </div>
  );
}

export function VoiceSettings() {
  const [devices, { refetch }] = createResource(() => navigator.mediaDevices?.enumerateDevices?.().catch(() => []) ?? []);
  const [playing, setPlaying] = createSignal(false);
  const again = () => void refetch();
  navigator.mediaDevices?.addEventListener?.("devicechange", again);
  onCleanup(() => navigator.mediaDevices?.removeEventListener?.("devicechange", again));
  const ofKind = (kind: MediaDeviceKind) =>
    (devices() ?? []).filter((device) => device.kind === kind && device.deviceId !== "" && device.deviceId !== "default");
  const play = async () => {
    setPlaying(true);
    await playNotes(settings.speaker).catch(() => {});
    setPlaying(false);
  };
  const Switch = (option: { label: string; key: "echoCancellation" | "noiseSuppression" | "autoGainControl" | "chimes" }) => (
    <label class="switch">
      <input type="checkbox" role="switch" checked={settings[option.key]} onChange={(event) => changeSettings({ [option.key]: event.currentTarget.checked })} />
      <span>{option.label}</span>
    </label>
  );
  return (
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
      <div class="pair">
        {/* Another microphone, or other processing, is another trial. */}
        <Show when={[settings.microphone, settings.echoCancellation, settings.noiseSuppression, settings.autoGainControl].join()} keyed>
          {(_wishes) => <Meter />}
        </Show>
        <div>
          <button type="button" class="button small" disabled={playing()} onClick={() => void play()}>{playing() ? en.settings.playing : en.settings.play}</button>
        </div>
      </div>
      <div class="segments" role="radiogroup" aria-label={en.settings.talk}>
        <For each={["open", "push"] as const}>
          {(talk) => (
            <label>
              <input type="radio" name="talk" checked={settings.talk === talk} onChange={() => changeSettings({ talk })} />
              <span>{en.settings.talks[talk]}</span>
            </label>
          )}
        </For>
      </div>
      <Show when={settings.talk === "push"}>
        <KeyChooser />
        <p class="hint">{en.settings.pushHint}</p>
      </Show>
      <Switch label={en.settings.echo} key="echoCancellation" />
      <Switch label={en.settings.noise} key="noiseSuppression" />
      <Switch label={en.settings.gain} key="autoGainControl" />
      <Switch label={en.settings.chimes} key="chimes" />
    </section>
  );
}
