// Files of a message: pictures, sound and film in place, everything else to download.

import { createSignal, For, Match, Show, Switch } from "solid-js";
import type { Attachment } from "../api/types";
import { en } from "../strings/en";
import { Icon } from "./icons";
import { Dialog } from "./Overlay";

export function sizeText(bytes: number): string {
  if (bytes < 1024) return `${bytes} B`;
  if (bytes < 1024 * 1024) return `${(bytes / 1024).toFixed(0)} KiB`;
  return `${(bytes / 1024 / 1024).toFixed(1)} MiB`;
}

/** Same-origin form of an attachment's address: the page may load from nowhere else. */
export function localUrl(url: string): string {
  try {
    const parsed = new URL(url, location.href);
    return parsed.pathname.startsWith("/attachments/") ? parsed.pathname + parsed.search : url;
  } catch {
    return url;
  }
}

/** Pictures are shown at most this large; the space is reserved before they arrive. */
const MAX_WIDTH = 420;
const MAX_HEIGHT = 320;

function Picture(props: { file: Attachment }) {
  const [open, setOpen] = createSignal(false);
  const scale = () => Math.min(1, MAX_WIDTH / (props.file.width || MAX_WIDTH), MAX_HEIGHT / (props.file.height || MAX_HEIGHT));
  const known = () => !!props.file.width && !!props.file.height;
  return (
    <>
      <button type="button" class="picture" aria-label={props.file.description ?? props.file.filename} onClick={() => setOpen(true)}>
        <img
          src={localUrl(props.file.url)}
          alt={props.file.description ?? props.file.filename}
          width={known() ? Math.round(props.file.width! * scale()) : undefined}
          height={known() ? Math.round(props.file.height! * scale()) : undefined}
          loading="lazy"
        />
      </button>
      <Show when={open()}>
        <Dialog title={props.file.filename} wide onClose={() => setOpen(false)}>
          <img class="picture-large" src={localUrl(props.file.url)} alt={props.file.description ?? props.file.filename} />
          <div class="row end">
            <a class="button" href={localUrl(props.file.url)} download={props.file.filename}>{en.chat.download(sizeText(props.file.size))}</a>
          </div>
        </Dialog>
      </Show>
    </>
  );
}

const isType = (file: Attachment, pattern: RegExp) => pattern.test(file.content_type ?? "");

export function Attachments(props: { files: Attachment[] }) {
  return (
    <div class="attachments" data-testid="attachments">
      <For each={props.files}>
        {(file) => (
          <Switch
            fallback={
              <a class="file" href={localUrl(file.url)} download={file.filename} aria-label={en.chat.download(file.filename)}>
                <Icon.File />
                <span class="file-name">
                  {file.filename}
                  <small>{sizeText(file.size)}</small>
                </span>
                <Icon.Download />
              </a>
            }
          >
            <Match when={isType(file, /^image\/(png|jpe?g|gif|webp|avif)\b/)}>
              <Picture file={file} />
            </Match>
            <Match when={isType(file, /^audio\//)}>
              <figure class="player">
                <figcaption>{file.filename}</figcaption>
                <audio controls preload="metadata" src={localUrl(file.url)} />
              </figure>
            </Match>
            <Match when={isType(file, /^video\//)}>
              <figure class="player">
                <video controls preload="metadata" src={localUrl(file.url)} />
              </figure>
            </Match>
          </Switch>
        )}
      </For>
    </div>
  );
}
