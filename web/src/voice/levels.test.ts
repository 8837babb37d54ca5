// When a level counts as speech.

import { expect, it } from "vitest";
import { loudness, rms, SpeakingDetector } from "./levels";

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
