// Push to talk as a machine: keys and presses in, whether the microphone is open out. Pure.

/** How long the microphone stays open after the key is let go: people let go on their last syllable. */
export const RELEASE_MS = 200;

/** A key by its place on the keyboard, and what is printed on it where the person chose it. */
export interface PushKey {
  code: string;
  label: string;
}

export const DEFAULT_KEY: PushKey = { code: "Backquote", label: "`" };

export interface KeyPress {
  code: string;
  /** What it types: longer than one letter for keys that type nothing. */
  key: string;
  /** Whether a field that takes text has the focus. */
  writing: boolean;
  /** Control, Alt or Meta beside it: a command, not speech. */
  command: boolean;
}

export class PushToTalk {
  private down = false;
  private touched = false;
  private releasedAt: number | null = null;

  /** Whether the microphone is open at `now` (ms). */
  open(now: number): boolean {
    return this.down || this.touched || (this.releasedAt !== null && now - this.releasedAt < RELEASE_MS);
  }

  /** When `open` will change by itself; null when it will not. */
  get deadline(): number | null {
    return this.down || this.touched || this.releasedAt === null ? null : this.releasedAt + RELEASE_MS;
  }

  /** A key went down; whether it was ours, and nothing else should come of it. */
  press(key: PushKey, press: KeyPress): boolean {
    // While somebody writes, a key that types writes.
    if (press.code !== key.code || press.command || (press.writing && press.key.length === 1)) return false;
    this.down = true;
    return true;
  }

  release(now: number, key: PushKey, code: string): boolean {
    if (code !== key.code || !this.down) return false;
    this.down = false;
    this.releasedAt = now;
    return true;
  }

  /** The button on the screen, for those without a keyboard. */
  touch(now: number, down: boolean): void {
    if (this.touched && !down) this.releasedAt = now;
    this.touched = down;
  }

  /** The window lost the focus: its keys are let go elsewhere, unseen. */
  drop(): void {
    this.down = this.touched = false;
    this.releasedAt = null;
  }
}
