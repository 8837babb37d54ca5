// What is wanted follows what is on the screen.

import { expect, it } from "vitest";
import type { Picture } from "./shows";
import { columnsFor, wantsFor } from "./wants";

const picture = (ssrc: number, own = false): Picture => ({
  key: `video-${ssrc}`, userId: String(ssrc), shown: "video", own, ssrc, stream: {} as MediaStream,
});

it("wants few pictures well and many of them small, and never our own", () => {
  expect(wantsFor([picture(0, true), picture(65)], null)).toEqual({ 65: 100 });
  expect(wantsFor([1, 2, 3].map((ssrc) => picture(ssrc)), null)).toEqual({ 1: 60, 2: 60, 3: 60 });
  expect(Object.values(wantsFor([1, 2, 3, 4, 5, 6, 7].map((ssrc) => picture(ssrc)), null))).toEqual(Array(7).fill(30));
});

it("wants what is enlarged best and the strip beside it small", () => {
  expect(wantsFor([picture(1), picture(2)], "video-2")).toEqual({ 1: 30, 2: 100 });
});

it("puts pictures into as many columns as make them largest", () => {
  const columns = (width: number, height: number) => [1, 2, 4, 9].map((count) => columnsFor(count, { width, height }));

  expect(columns(1600, 900)).toEqual([1, 2, 2, 3]);
  expect(columns(390, 700)).toEqual([1, 1, 1, 2]);
  expect(columns(1600, 300)).toEqual([1, 2, 4, 5]);
  expect(columnsFor(3, { width: 0, height: 0 })).toBeGreaterThan(0);
});
