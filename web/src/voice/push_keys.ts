// The shell around PushToTalk: the keys of the whole page, and the moment at which a key that was
// let go closes the microphone.

import { PushToTalk, type PushKey } from "./push";

export class PushKeys {
  private readonly talk = new PushToTalk();
  /** The key that is down: another may be chosen, or the call may end, before it is let go. */
  private pressed: PushKey | null = null;
  private timer: ReturnType<typeof setTimeout> | undefined;

  /** `key` tells the key that talks, or null while none does; `changed` is told when `open` may differ. */
  constructor(
    private readonly key: () => PushKey | null,
    private readonly changed: () => void,
  ) {
    // Before whatever has the focus: the key talks, whichever button was clicked last.
    addEventListener("keydown", (event) => this.down(event), { capture: true });
    addEventListener("keyup", (event) => this.up(event), { capture: true });
    addEventListener("blur", () => (this.talk.drop(), this.told()));
  }

  get open(): boolean {
    return this.talk.open(Date.now());
  }

  /** The button on the screen is held, or let go. */
  hold(down: boolean): void {
    this.talk.touch(Date.now(), down);
    this.told();
  }

  private down(event: KeyboardEvent): void {
    const key = this.key();
    if (!key) return;
    const target = event.target as HTMLElement | null;
    const writing = target?.matches?.("textarea, input, select, [contenteditable]") ?? false;
    // The modifier itself may be the key; beside another it makes a command of it.
    const beside = (held: boolean, name: string) => held && !event.code.startsWith(name);
    const command = beside(event.ctrlKey, "Control") || beside(event.metaKey, "Meta") || beside(event.altKey, "Alt");
    if (!this.talk.press(key, { code: event.code, key: event.key, writing, command })) return;
    this.pressed = key;
    event.preventDefault();
    if (!event.repeat) this.told();
  }

  private up(event: KeyboardEvent): void {
    if (!this.pressed || !this.talk.release(Date.now(), this.pressed, event.code)) return;
    this.pressed = null;
    event.preventDefault();
    this.told();
  }

  private told(): void {
    this.changed();
    clearTimeout(this.timer);
    const due = this.talk.deadline;
    if (due !== null && due > Date.now()) this.timer = setTimeout(() => this.told(), due - Date.now());
  }
}
