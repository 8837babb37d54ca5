// The sound of a call that comes in: the same soft notes as everywhere, now and then, until somebody stops
// it. A shell over WebAudio; where the browser allows no sound yet, the card on the screen has to do.

import { chime } from "./chime";

/** From one ring to the next: often enough to be noticed, seldom enough to think in between. */
const EVERY_MS = 2_800;

export class Ringer {
  private context: AudioContext | null = null;
  private timer: ReturnType<typeof setInterval> | undefined;

  get rings(): boolean {
    return this.context !== null;
  }

  start(): void {
    if (this.context || typeof AudioContext === "undefined") return;
    const context = new AudioContext();
    this.context = context;
    const ring = () => chime(context, context.destination, "ring");
    void context.resume().then(ring, () => {});
    this.timer = setInterval(ring, EVERY_MS);
  }

  stop(): void {
    clearInterval(this.timer);
    void this.context?.close().catch(() => {});
    this.context = null;
  }
}
