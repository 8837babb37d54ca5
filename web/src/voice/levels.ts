// From samples to "is speaking". Pure; whoever has the samples calls it about twelve times a second.

/** Root mean square of samples in -1..1. */
export function rms(samples: Float32Array): number {
  let sum = 0;
  for (const sample of samples) sum += sample * sample;
  return samples.length ? Math.sqrt(sum / samples.length) : 0;
}

/** The level as people hear it, for a meter: 0 at -60 dBFS and below, 1 at full scale. */
export function loudness(level: number): number {
  return level > 0 ? Math.min(1, Math.max(0, 1 + (20 * Math.log10(level)) / 60)) : 0;
}

/** Level above which silence turns into speech: about -46 dBFS. Lower lights up on breathing. */
const RISE = 0.005;
/** Level below which speech may turn into silence; the gap keeps the ring from flickering. */
const FALL = 0.003;
/** How long speech outlasts its last loud moment: pauses between words are not silence. */
const HANG_MS = 350;

export class SpeakingDetector {
  private lastLoud = -Infinity;
  speaking = false;

  /** Takes one level measured at `now` (ms); says whether the person is speaking. */
  feed(now: number, level: number): boolean {
    if (level >= (this.speaking ? FALL : RISE)) {
      this.lastLoud = now;
      this.speaking = true;
    } else if (this.speaking && now - this.lastLoud > HANG_MS) {
      this.speaking = false;
    }
    return this.speaking;
  }
}

/** How long somebody who is muted must talk before it counts: a cough is not a sentence. */
const UNHEARD_MS = 1_200;
/** How long the hint stays after they stopped: long enough to be read. */
const HINT_MS = 5_000;

/** Tells that somebody talks into a microphone that is muted. Fed with 0 while it is not. */
export class UnheardDetector {
  private readonly detector = new SpeakingDetector();
  private since: number | null = null;
  private until = -Infinity;
  unheard = false;

  feed(now: number, level: number): boolean {
    if (!this.detector.feed(now, level)) this.since = null;
    else this.since ??= now;
    if (this.since !== null && now - this.since >= UNHEARD_MS) this.until = now + HINT_MS;
    this.unheard = now < this.until;
    return this.unheard;
  }

  /** The microphone is open again: there is nothing to tell. */
  reset(): void {
    this.since = null;
    this.until = -Infinity;
    this.unheard = false;
  }
}
