// When a level counts as speech.

import { expect, it } from "vitest";
import { loudness, rms, SpeakingDetector, UnheardDetector } from "./levels";

it("measures the root mean square", () => {
  expect(rms(new Float32Array([0.5, -0.5]))).toBeCloseTo(0.5);
  expect(rms(new Float32Array(0))).toBe(0);
});

it("shows loudness in decibels, never outside the meter", () => {
  expect(loudness(1)).toBe(1);
  expect(loudness(0.001)).toBeCloseTo(0);
  expect(loudness(0.0316)).toBeCloseTo(0.5);
  for (const level of [0, 1e-9, 4, Number.NaN]) expect([0, 1]).toContain(loudness(level));
});

it("lights up at once, outlasts a pause between words, and goes dark after it", () => {
  const detector = new SpeakingDetector();

  expect(detector.feed(0, 0.1)).toBe(true);
  expect(detector.feed(300, 0)).toBe(true);
  expect(detector.feed(360, 0)).toBe(false);
});

it("does not light up on breathing, nor flicker around its threshold", () => {
  const detector = new SpeakingDetector();

  expect(detector.feed(0, 0.004)).toBe(false);
  detector.feed(100, 0.006);
  for (let t = 200; t < 2_000; t += 100) expect(detector.feed(t, 0.004)).toBe(true);
});

it("tells whoever talks while muted, not whoever coughs, and not for ever", () => {
  const detector = new UnheardDetector();
  expect([0, 100, 800].map((now) => detector.feed(now, now < 200 ? 0.1 : 0))).toEqual([false, false, false]);

  const talk = [2_000, 2_300, 2_600, 2_900, 3_200].map((now) => detector.feed(now, 0.1));
  expect(talk).toEqual([false, false, false, false, true]);
  expect(detector.feed(6_000, 0)).toBe(true);
  expect(detector.feed(8_600, 0)).toBe(false);

  detector.feed(9_000, 0.1);
  expect(detector.feed(10_500, 0.1)).toBe(true);
  detector.reset();
  expect(detector.unheard).toBe(false);
});
