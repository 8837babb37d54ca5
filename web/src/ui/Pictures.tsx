// The cameras and screens of the call: all side by side, or one large and the others in a strip. What is
// on the screen is what the server is asked for, and as well as it is shown.

import { createEffect, createMemo, createSignal, For, onCleanup, onMount, Show } from "solid-js";
import { hall, pictures, speaking, voice } from "../app";
import { displayName, type Guild } from "../state/guilds";
import { en } from "../strings/en";
import { columnsFor, wantsFor } from "../voice/wants";
import type { Picture } from "../voice/shows";
import { Icon } from "./icons";

function Tile(props: { picture: Picture; guild: Guild | null; large: boolean; onFocus: () => void }) {
  let video!: HTMLVideoElement;
  const what = () => {
    const { own, shown, userId } = props.picture;
    if (own) return shown === "screen" ? en.voice.ownScreen : en.voice.ownCamera;
    const name = displayName(hall, userId, props.guild);
    return shown === "screen" ? en.voice.screenOf(name) : en.voice.cameraOf(name);
  };
  createEffect(() => {
    video.srcObject = props.picture.stream;
    void video.play().catch(() => {});
  });
  onCleanup(() => (video.srcObject = null));
  const label = () => (props.large ? en.voice.reduce(what()) : en.voice.enlarge(what()));
  return (
    <li
      class="show"
      classList={{
        mirror: props.picture.own && props.picture.shown === "video",
        speaking: props.picture.shown === "video" && speaking[props.picture.userId] === true,
      }}
      data-testid="picture"
      data-user-id={props.picture.userId}
      data-shown={props.picture.shown}
      data-own={props.picture.own}
    >
      {/* Sound comes by the playback, with everybody's volume. */}
      <video ref={video} autoplay muted playsinline aria-label={what()} onDblClick={() => void video.requestFullscreen?.()} />
      <span class="show-label" aria-hidden="true">{what()}</span>
      <span class="show-tools">
        <button type="button" aria-label={label()} title={label()} aria-pressed={props.large} onClick={() => props.onFocus()}>
          {props.large ? <Icon.Close /> : <Icon.Up />}
        </button>
        <button type="button" aria-label={en.voice.fullScreen(what())} title={en.voice.fullScreen(what())} onClick={() => void video.requestFullscreen?.()}>
          <Icon.Enlarge />
        </button>
      </span>
    </li>
  );
}

export function Pictures(props: { guild: Guild | null }) {
  const [chosen, setChosen] = createSignal<string | null>(null);
  const [visible, setVisible] = createSignal(document.visibilityState !== "hidden");
  const focused = createMemo(() => pictures().find((picture) => picture.key === chosen()));
  const large = createMemo(() => pictures().filter((picture) => !focused() || picture === focused()));
  const small = createMemo(() => pictures().filter((picture) => focused() && picture !== focused()));
  const columns = () => columnsFor(large().length, size());
  const [size, setSize] = createSignal({ width: 16, height: 9 });
  let grid!: HTMLUListElement;
  const look = () => setVisible(document.visibilityState !== "hidden");
  const measured = new ResizeObserver(([entry]) => entry && setSize(entry.contentRect));
  onMount(() => {
    document.addEventListener("visibilitychange", look);
    measured.observe(grid);
  });
  onCleanup(() => {
    document.removeEventListener("visibilitychange", look);
    measured.disconnect();
    voice.want({});
  });
  // Somebody else's new screen is what everybody is to look at.
  createEffect((before: string[]) => {
    const screens = pictures().filter((picture) => picture.shown === "screen" && !picture.own).map((picture) => picture.key);
    const fresh = screens.find((key) => !before.includes(key));
    if (fresh) setChosen(fresh);
    return screens;
  }, []);
  createEffect(() => voice.want(visible() ? wantsFor(pictures(), focused()?.key ?? null) : {}));
  const tile = (picture: Picture) => (
    <Tile picture={picture} guild={props.guild} large={picture.key === focused()?.key} onFocus={() => setChosen(picture.key === focused()?.key ? null : picture.key)} />
  );
  return (
    <div class="shows" classList={{ focused: !!focused() }} role="group" aria-label={en.voice.pictures}>
      <ul ref={grid} class="shows-grid" style={{ "--columns": columns() }}>
        <For each={large()}>{tile}</For>
      </ul>
      <Show when={small().length}>
        {/* Scrolls where many stand in it, so the keyboard must reach it. */}
        <ul class="shows-strip" tabindex="0" aria-label={en.voice.smallPictures}><For each={small()}>{tile}</For></ul>
      </Show>
    </div>
  );
}
