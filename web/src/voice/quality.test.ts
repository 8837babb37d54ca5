// Which numbers make a call good, fair or poor.

import { expect, it } from "vitest";
import type { LinkStats } from "./peer";
import { verdict } from "./quality";

const stats = (changes: Partial<LinkStats>): LinkStats => ({
  rtt: 20, jitter: 3, lossIn: 0, lossOut: 0, packetsReceived: 1, packetsSent: 1, remote: null, codec: null, kbitIn: null, kbitOut: null,
  ...changes,
});

it("says nothing before anything was measured", () => {
  expect(verdict(null)).toBeNull();
  expect(verdict(stats({ rtt: null, jitter: null, lossIn: null, lossOut: null }))).toBeNull();
});

it("is good when nothing is bad, also when some of it is not known", () => {
  expect(verdict(stats({}))).toEqual({ quality: "good", trouble: null });
  expect(verdict(stats({ lossOut: null }))).toEqual({ quality: "good", trouble: null });
});

it("names the worst of several troubles", () => {
  expect(verdict(stats({ rtt: 350 }))).toEqual({ quality: "fair", trouble: "delay" });
  expect(verdict(stats({ rtt: 350, lossIn: 0.08 }))).toEqual({ quality: "poor", trouble: "loss_in" });
  expect(verdict(stats({ lossOut: 0.03 }))).toEqual({ quality: "fair", trouble: "loss_out" });
  expect(verdict(stats({ jitter: 100 }))).toEqual({ quality: "poor", trouble: "jitter" });
});
