// The foot of the left side: the call, when there is one, and oneself.

import { createSignal, Match, Show, Switch, type JSX } from "solid-js";
import { call, changeSettings, hall, link, settings, speaking, toggleCamera, toggleDeaf, toggleMute, toggleScreen, voice } from "../app";
import { Permission, permissionsIn } from "../state/permissions";
import { channelOf, displayName } from "../state/guilds";
import { en } from "../strings/en";
import { verdict } from "../voice/quality";
import { Avatar } from "./Avatar";
import { channelTitle } from "./ChatPane";
import { Icon } from "./icons";
import { PopoverButton } from "./Overlay";
import { go, route } from "./router";
import { SettingsDialog } from "./Settings";

export function callPath(): string {
  const place = call.place;
  return place ? `/channels/${place.guildId ?? "@me"}/${place.channelId}` : "/";
}

export function phaseText(): string {
  if (call.established && call.phase !== "connected" && call.phase !== "failed") return en.voice.repairing;
  return en.voice.phase[call.phase] ?? "";
}

function number(value: number | null | undefined, unit: string, digits = 0): string {
  return value === null || value === undefined ? "–" : `${value.toFixed(digits)} ${unit}`;
}

function ConnectionDetails() {
  const stats = () => call.stats;
  const percent = (part: number | null | undefined) => (part === null || part === undefined ? "–" : `${(part * 100).toFixed(1)} %`);
  const judged = () => verdict(stats());
  const rows = (): [string, JSX.Element][] => [
    [en.voice.rtt, number(stats()?.rtt ?? call.socketLatency, "ms")],
    [en.voice.jitter, number(stats()?.jitter, "ms", 1)],
    [en.voice.loss, `${percent(stats()?.lossIn)} / ${percent(stats()?.lossOut)}`],
    [en.voice.codec, stats()?.codec ?? "–"],
    [en.voice.bitrate, `${number(stats()?.kbitIn, "kbit/s")} / ${number(stats()?.kbitOut, "kbit/s")}`],
    [en.voice.packets, stats() ? `${stats()!.packetsReceived} / ${stats()!.packetsSent}` : "–"],
    [en.voice.transport, stats()?.remote ? `WebRTC, ${stats()!.remote}` : en.voice.measuring],
    [en.voice.server, call.endpoint ?? "–"],
  ];
  return (
    <div class="connection" data-testid="connection-details">
      <h2>{call.phase === "connected" && judged() ? en.voice.quality[judged()!.quality] : phaseText()}</h2>
      <Show when={call.phase === "connected" && judged()?.trouble}>
        {(trouble) => <p class="small">{en.voice.trouble[trouble()]}</p>}
      </Show>
      <dl>
        {rows().map(([term, value]) => (
          <><dt>{term}</dt><dd>{value}</dd></>
        ))}
      </dl>
    </div>
  );
}

/** Push to talk for those without a keyboard; a key held on it does as well. */
function HoldButton() {
  const label = () => en.voice.hold(settings.pushKey.label === " " ? en.settings.space : settings.pushKey.label);
  const key = (down: boolean) => (event: KeyboardEvent) => {
    if (event.key !== " " && event.key !== "Enter") return;
    event.preventDefault();
    if (!event.repeat) voice.hold(down);
  };
  return (
    <button
      type="button"
      class="control hold"
      classList={{ on: call.pushed }}
      aria-label={label()}
      aria-pressed={call.pushed}
      title={label()}
      onPointerDown={(event) => (event.currentTarget.setPointerCapture(event.pointerId), voice.hold(true))}
      onPointerUp={() => voice.hold(false)}
      onPointerCancel={() => voice.hold(false)}
      onContextMenu={(event) => event.preventDefault()}
      onKeyDown={key(true)}
      onKeyUp={key(false)}
      onBlur={() => voice.hold(false)}
    >
      <Icon.Voice />
    </button>
  );
}

/** Camera and screen, where the server takes them, we may show them, and the browser can. */
function ShowControls() {
  const may = () => {
    // In a private call there is nobody to forbid it.
    if (call.place && !call.place.guildId) return true;
    const guild = call.place?.guildId ? hall.guilds[call.place.guildId] : undefined;
    const channel = call.place && guild?.channels[call.place.channelId];
    return !!guild && !!channel && (permissionsIn(guild, hall.me?.id ?? "", channel) & Permission.Stream) !== 0n;
  };
  const camera = () => (call.camera ? en.voice.cameraOff : en.voice.cameraOn);
  const screen = () => (call.screen ? en.voice.stopScreen : en.voice.shareScreen);
  return (
    <Show when={(call.canShow && may()) || call.camera || call.screen}>
      <button type="button" class="control" classList={{ on: call.camera }} aria-pressed={call.camera} aria-label={camera()} title={camera()} onClick={() => void toggleCamera()}>
        {call.camera ? <Icon.Camera /> : <Icon.CameraOff />}
      </button>
      {/* Telephones share no screens. */}
      <Show when={"getDisplayMedia" in (navigator.mediaDevices ?? {})}>
        <button type="button" class="control" classList={{ on: call.screen }} aria-pressed={call.screen} aria-label={screen()} title={screen()} onClick={() => void toggleScreen()}>
          <Icon.Screen />
        </button>
      </Show>
    </Show>
  );
}

export function CallControls(props: { large?: boolean }) {
  const muted = () => settings.mute || settings.deaf;
  // An open microphone must not be shown where there is none.
  const noMicrophone = () => call.place !== null && call.microphoneProblem !== null;
  return (
    <div class="call-controls" classList={{ large: props.large === true }} role="group" aria-label={en.voice.controls}>
      <Show
        when={noMicrophone()}
        fallback={
          <button type="button" class="control" classList={{ off: muted() }} aria-pressed={muted()} aria-label={muted() ? en.voice.unmute : en.voice.mute} title={muted() ? en.voice.unmute : en.voice.mute} onClick={toggleMute}>
            {muted() ? <Icon.MicOff /> : <Icon.Mic />}
          </button>
        }
      >
        <button type="button" class="control off" aria-label={en.voice.microphoneAgain} title={en.voice.microphoneAgain} onClick={() => void voice.renewMicrophone()}>
          <Icon.MicOff />
        </button>
      </Show>
      <button type="button" class="control" classList={{ off: settings.deaf }} aria-pressed={settings.deaf} aria-label={settings.deaf ? en.voice.undeafen : en.voice.deafen} title={settings.deaf ? en.voice.undeafen : en.voice.deafen} onClick={toggleDeaf}>
        {settings.deaf ? <Icon.EarOff /> : <Icon.Ear />}
      </button>
      <Show when={props.large}><ShowControls /></Show>
      <Show when={call.place && !noMicrophone() && settings.talk === "push"}>
        <HoldButton />
      </Show>
      <Show when={call.place}>
        <button type="button" class="control leave" aria-label={en.voice.leave} title={en.voice.leave} onClick={() => voice.leave()}>
          <Icon.Leave />
        </button>
      </Show>
    </div>
  );
}

/** What stands between the person and a good call, and the way out. */
export function CallProblems() {
  return (
    <>
      <Show when={call.phase === "failed" && call.failure}>
        <div class="call-problem" role="alert" data-testid="voice-failure">
          <p>{en.voice.failure[call.failure!]}</p>
          <div class="row">
            <button type="button" class="button primary small" onClick={() => voice.retry()}>{en.voice.retry}</button>
            <button type="button" class="button small" onClick={() => voice.leave()}>{en.voice.dismiss}</button>
          </div>
        </div>
      </Show>
      <Show when={call.place && call.phase !== "failed" && call.microphoneProblem}>
        <div class="call-problem mild" role="alert" data-testid="microphone-problem">
          <p>{en.voice.microphone[call.microphoneProblem!]}</p>
          <Show when={call.microphoneProblem !== "insecure"}>
            <button type="button" class="button small" onClick={() => void voice.renewMicrophone()}>{en.voice.microphoneAgain}</button>
          </Show>
        </div>
      </Show>
      <Show when={call.phase === "connected" && call.unheard && settings.mute}>
        <div class="call-problem mild" role="status" data-testid="unheard">
          <p>{en.voice.unheard}</p>
          <button type="button" class="button primary small" onClick={toggleMute}>{en.voice.unmute}</button>
        </div>
      </Show>
      <Show when={call.phase === "connected" && call.silentByBrowser}>
        <div class="call-problem mild" role="alert">
          <p>{en.voice.clickToHear}</p>
          <button type="button" class="button primary small" onClick={() => voice.resumeSound()}>{en.voice.hear}</button>
        </div>
      </Show>
    </>
  );
}

export function Dock(props: { onEnter: () => void }) {
  const [open, setOpen] = createSignal(false);
  const channel = () => (call.place ? channelOf(hall, call.place.channelId) : undefined);
  const guild = () => (call.place?.guildId ? hall.guilds[call.place.guildId] : undefined);
  const me = () => hall.me;
  const viewing = () => {
    const at = route();
    return (at.page === "guild" || at.page === "home") && at.channel === call.place?.channelId;
  };
  return (
    <div class="dock">
      <Show when={call.place}>
        <section class="call-bar" aria-label={en.nav.call} classList={{ elsewhere: !viewing() }} data-testid="call-bar" data-phase={call.phase}>
          {/* Where the call itself is on screen, its problems are told there. */}
          <Show when={!viewing()}><CallProblems /></Show>
          <Show when={call.phase !== "failed" || viewing()}>
            <div class="call-line">
              <button type="button" class="plain call-where" onClick={() => (go(callPath()), props.onEnter())}>
                <span class="call-state" role="status" data-testid="voice-state">{phaseText()}</span>
                <span class="call-channel">{channel() ? channelTitle(channel()!) : en.nav.call}<Show when={guild()}> · {guild()!.name}</Show></span>
              </button>
              <PopoverButton label={en.voice.details} class="quiet" icon={<Icon.Signal class={call.phase === "connected" ? (verdict(call.stats)?.quality ?? "good") : "wait"} />}>
                {() => <ConnectionDetails />}
              </PopoverButton>
              <CallControls />
            </div>
          </Show>
        </section>
      </Show>
      <section class="self" aria-label={en.nav.you}>
        <Show when={me()}>
          {(user) => (
            <>
              <span class="self-face" classList={{ speaking: speaking[user().id] === true }}>
                <Avatar id={user().id} name={displayName(hall, user().id)} size={36} status={link() === "ready" ? "online" : "offline"} />
              </span>
              <span class="self-name">
                <b data-testid="own-name">{displayName(hall, user().id)}</b>
                <small>@{user().username}</small>
              </span>
            </>
          )}
        </Show>
        <Switch>
          <Match when={!call.place}>
            <button type="button" class="quiet" classList={{ bad: settings.mute }} aria-pressed={settings.mute} aria-label={settings.mute ? en.voice.unmute : en.voice.mute} title={settings.mute ? en.voice.unmute : en.voice.mute} onClick={() => changeSettings({ mute: !settings.mute })}>
              {settings.mute ? <Icon.MicOff /> : <Icon.Mic />}
            </button>
          </Match>
        </Switch>
        <button type="button" class="quiet" aria-label={en.nav.settings} title={en.nav.settings} onClick={() => setOpen(true)}><Icon.Gear /></button>
      </section>
      <Show when={open()}><SettingsDialog onClose={() => setOpen(false)} /></Show>
    </div>
  );
}
