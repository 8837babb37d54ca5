// A person or a guild in a small shape: a colour of its own and initials.

import { Show } from "solid-js";

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

export function Avatar(props: { id: string; name: string; size?: number; status?: string | undefined }) {
  return (
    <span class="avatar" style={{ "--size": `${props.size ?? 36}px`, "--dye": dyeOf(props.id) }} data-initials={initials(props.name)} aria-hidden="true">
      <Show when={props.status}>
        <span class="dot" data-status={props.status} />
      </Show>
    </span>
  );
}
