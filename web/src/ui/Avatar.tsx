// A person or a guild in a small shape: their picture, and until it is there, or when it cannot be
// had, a colour of their own and initials.

import { createEffect, createSignal, Show, type JSX } from "solid-js";
import { hall, link } from "../app";
import type { User } from "../api/types";
import { avatarPath, iconPath } from "./picture";

/** Muted dyes, all dark enough for white letters. */
const DYES = ["#9b4a2f", "#7a5c1e", "#4f6b3a", "#2f6b66", "#3d5f8a", "#62518c", "#8a4568", "#6b5548"];

/** A colour for an id, always the same one. */
export function dyeOf(id: string): string {
  // FNV-1a, then a finalizer: ids that differ in their last digit must differ in every bit.
  let sum = 0x811c9dc5;
  for (let at = 0; at < id.length; at += 1) sum = Math.imul(sum ^ id.charCodeAt(at), 0x01000193);
  sum = Math.imul(sum ^ (sum >>> 16), 0x85ebca6b);
  sum = Math.imul(sum ^ (sum >>> 13), 0xc2b2ae35);
  return DYES[(sum >>> 16) % DYES.length]!;
}

/** One or two letters that stand for a name. */
export function initials(name: string): string {
  const words = name.trim().split(/[\s._-]+/u).filter(Boolean);
  const letters = words.length > 1 ? [words[0], words[1]] : [words[0]];
  return letters.map((word) => [...(word ?? "?")][0]?.toUpperCase() ?? "").join("");
}

/** The shape itself; `children` lie on top. Decoration: whoever shows it says the name beside it. */
function Face(props: { class: string; id: string; name: string; path: string | null; size?: number; children?: JSX.Element }) {
  const [shown, setShown] = createSignal<string | null>(null);
  const [failed, setFailed] = createSignal<string | null>(null);
  // What could not be fetched while the server was gone is asked for again.
  createEffect(() => link() === "ready" && setFailed(null));
  const covered = () => props.path !== null && shown() === props.path && failed() !== props.path;
  return (
    <span
      class={props.class}
      style={{ ...(props.size ? { "--size": `${props.size}px` } : {}), "--dye": dyeOf(props.id) }}
      data-initials={covered() ? undefined : initials(props.name)}
      data-picture={covered() ? "" : undefined}
      aria-hidden="true"
    >
      <Show when={failed() !== props.path && props.path} keyed>
        {(path) => (
          <img
            src={path}
            alt=""
            decoding="async"
            draggable={false}
            onLoad={() => setShown(path)}
            onError={() => setFailed(path)}
          />
        )}
      </Show>
      {props.children}
    </span>
  );
}

/** `user`: what is known of the person where the hall does not know them, as an author who left. */
export function Avatar(props: { id: string; name: string; size?: number; status?: string | undefined; user?: User | undefined }) {
  const hash = () => (hall.users[props.id] ?? props.user)?.avatar;
  return (
    <Face class="avatar" id={props.id} name={props.name} path={avatarPath(props.id, hash())} size={props.size ?? 36}>
      <Show when={props.status}>
        <span class="dot" data-status={props.status} />
      </Show>
    </Face>
  );
}

/** A guild's icon, in the arch of its door. */
export function GuildFace(props: { id: string; name: string; icon: string | null | undefined }) {
  return <Face class="door-face" id={props.id} name={props.name} path={iconPath(props.id, props.icon)} />;
}
