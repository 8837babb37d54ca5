// What this browser remembers between visits: who is logged in, drafts, read markers, volumes,
// devices, theme. Everything else comes from the server. A full or forbidden storage costs the
// memory, never the client.

import { DEFAULT_KEY, type PushKey } from "../voice/push";

const PREFIX = "guildhall.";

export function remember<T>(key: string, value: T | null): void {
  try {
    if (value === null) localStorage.removeItem(PREFIX + key);
    else localStorage.setItem(PREFIX + key, JSON.stringify(value));
  } catch {
    // Private windows and full disks: go on without.
  }
}

export function recall<T>(key: string, otherwise: T): T {
  try {
    const text = localStorage.getItem(PREFIX + key);
    return text === null ? otherwise : (JSON.parse(text) as T);
  } catch {
    return otherwise;
  }
}

export interface Account {
  token: string;
  userId: string;
}

export type Theme = "system" | "light" | "dark";

export interface Settings {
  theme: Theme;
  microphone: string;
  speaker: string;
  echoCancellation: boolean;
  noiseSuppression: boolean;
  autoGainControl: boolean;
  /** Whether the microphone is open by itself or while a key is held. */
  talk: "open" | "push";
  pushKey: PushKey;
  /** Notes when somebody comes into or leaves the call. */
  chimes: boolean;
  /** Notes of the system about messages that speak to us, while the page is out of sight. */
  notes: boolean;
  mute: boolean;
  deaf: boolean;
  showMembers: boolean;
}

export const DEFAULT_SETTINGS: Settings = {
  theme: "system",
  microphone: "",
  speaker: "",
  echoCancellation: true,
  noiseSuppression: true,
  autoGainControl: true,
  talk: "open",
  pushKey: DEFAULT_KEY,
  chimes: true,
  notes: false,
  mute: false,
  deaf: false,
  showMembers: true,
};
