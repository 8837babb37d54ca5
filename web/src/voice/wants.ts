// How well each picture on the screen is wanted, and how pictures stand side by side. Pure.

import type { Picture } from "./shows";

/** The server gives the best layer, the middle one, or the lowest one for these. */
const BEST = 100;
const MIDDLE = 60;
const LOWEST = 30;

/** Qualities by SSRC. What is enlarged comes first; of many small pictures none needs to be sharp. */
export function wantsFor(pictures: readonly Picture[], focused: string | null): Record<number, number> {
  const others = pictures.filter((picture) => !picture.own);
  const together = pictures.length <= 2 ? BEST : pictures.length <= 6 ? MIDDLE : LOWEST;
  const wants: Record<number, number> = {};
  for (const { key, ssrc } of others) wants[ssrc] = focused === null ? together : key === focused ? BEST : LOWEST;
  return wants;
}

/** The number of columns in which so many pictures of 16 to 9 are largest within a space. */
export function columnsFor(count: number, space: { width: number; height: number }): number {
  const rows = (columns: number) => Math.ceil(count / columns);
  const widthIn = (columns: number) => Math.min(space.width / columns, ((space.height / rows(columns)) * 16) / 9);
  let best = 1;
  for (let columns = 2; columns <= count; columns += 1) {
    // Where it makes no difference, side by side.
    const gain = widthIn(columns) - widthIn(best);
    if (gain > 0 || (gain === 0 && rows(columns) < rows(best))) best = columns;
  }
  return best;
}
