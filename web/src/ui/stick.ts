// Whether a timeline follows its end. Pure; `Timeline.tsx` scrolls.

/** Pixels from the end that count as being there: a wheel's last notch rarely hits it. */
const NEAR_END = 24;

export interface Scroll {
  /** Pixels above the window, and when a scroll was last seen. */
  top: number;
  before: number;
  /** Pixels below the window. */
  below: number;
}

/**
 * Whether it follows after a scroll. A person leaves the end by moving up; what grows while a
 * scroll is under way (a picture, a message after a message) only moves the end away, and is
 * followed.
 */
export function sticks(stuck: boolean, { top, before, below }: Scroll): boolean {
  if (below < NEAR_END) return true;
  return stuck && top >= before - 1;
}
