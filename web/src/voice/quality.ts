// From the numbers of a call to a word and a piece of advice. Pure.

import type { LinkStats } from "./peer";

export type Quality = "good" | "fair" | "poor";
/** What is wrong with it most; each has a sentence that says what helps. */
export type Trouble = "loss_in" | "loss_out" | "delay" | "jitter";

export interface Verdict {
  quality: Quality;
  trouble: Trouble | null;
}

/**
 * Where a number stops being good and where it becomes poor. Round trips are twice ITU-T G.114's
 * 150 and 400 ms one way. Opus hides single losses by its in-band correction; beyond a twentieth
 * words go missing. Jitter is what the browser's buffer hides by adding delay.
 */
const BOUNDS: Record<Trouble, readonly [fair: number, poor: number]> = {
  loss_in: [0.02, 0.05],
  loss_out: [0.02, 0.05],
  delay: [300, 800],
  jitter: [40, 100],
};

/** Null until something was measured. */
export function verdict(stats: LinkStats | null): Verdict | null {
  if (!stats) return null;
  const measured: [Trouble, number | null][] = [
    ["loss_out", stats.lossOut],
    ["loss_in", stats.lossIn],
    ["delay", stats.rtt],
    ["jitter", stats.jitter],
  ];
  if (measured.every(([, value]) => value === null)) return null;
  let worst: Verdict = { quality: "good", trouble: null };
  for (const [trouble, value] of measured) {
    if (value === null) continue;
    const [fair, poor] = BOUNDS[trouble];
    const quality = value >= poor ? "poor" : value >= fair ? "fair" : "good";
    if (rank(quality) > rank(worst.quality)) worst = { quality, trouble };
  }
  return worst;
}

const rank = (quality: Quality) => ["good", "fair", "poor"].indexOf(quality);
