// Notes of the system, outside the page. A shell over the Notification interface, which browsers
// have on secure pages alone, and some phones not at all.

import type { Note } from "../state/notify";
import { go } from "./router";

export type NotePermission = "granted" | "denied" | "default" | "unsupported";

export function notePermission(): NotePermission {
  return typeof Notification === "undefined" || !isSecureContext ? "unsupported" : Notification.permission;
}

/** Asks the person; only from a click, or browsers do not ask. */
export async function askForNotes(): Promise<NotePermission> {
  if (notePermission() === "unsupported") return "unsupported";
  return Notification.requestPermission();
}

/** Shows it if the person looks elsewhere and allowed it. */
export function showNote(note: Note): void {
  if (notePermission() !== "granted" || document.hasFocus()) return;
  try {
    const shown = new Notification(note.title, { body: note.body, tag: note.tag, icon: "/favicon.svg" });
    shown.onclick = () => {
      window.focus();
      go(note.path);
      shown.close();
    };
  } catch {
    // Android's Chromium has the interface and throws: it wants a service worker.
  }
}
