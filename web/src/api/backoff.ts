// How long to wait before trying again. Pure: the random number is an argument.

/**
 * Delay in milliseconds before attempt `attempt` (0 = the first retry).
 *
 * Grows by 1.6 from 500 ms to 10 s: gently, because a restarting server is back in seconds.
 * `random` (0..1) spreads it over the upper half, so that a hall full of people does not come
 * back in the same instant.
 */
export function backoff(attempt: number, random: number): number {
  const ceiling = Math.min(10_000, 500 * 1.6 ** Math.min(attempt, 10));
  return Math.round(ceiling / 2 + (ceiling / 2) * random);
}
