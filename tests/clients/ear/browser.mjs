// Chromium in the server's web client as a mouth or an ear: registers by invite, joins the hall, and
// records on order its own microphone or what it hears of somebody, with the time of the first sample.
import { writeFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { person } from "../scenarios/chromium.mjs";

const { WEB, INVITE, NAME, SPEECH } = process.env;
const tell = (report) => console.log(JSON.stringify(report));
// The worklet below comes from a blob, which the page's policy rightly forbids.
const { page, close } = await person(SPEECH, { bypassCSP: true });

await page.addInitScript(() => {
  // What is sent shall be what is said.
  const raw = { echoCancellation: false, noiseSuppression: false, autoGainControl: false };
  if (!localStorage.getItem("guildhall.settings")) localStorage.setItem("guildhall.settings", JSON.stringify(raw));
  const devices = navigator.mediaDevices;
  if (devices) {
    const plain = devices.getUserMedia.bind(devices);
    devices.getUserMedia = async (wanted) => (window.__microphone = await plain(wanted));
  }
  const Plain = window.RTCPeerConnection;
  window.RTCPeerConnection = class extends Plain {
    constructor(...settings) {
      super(...settings);
      window.__pc = this;
    }
  };
  // Seconds that samples waited in the jitter buffer, and how many did, so far; the way there and back.
  window.__stats = async () => {
    const sums = { waited: 0, samples: 0, trip: null };
    (await window.__pc.getStats()).forEach((entry) => {
      if (entry.type === "inbound-rtp") {
        sums.waited += entry.jitterBufferDelay ?? 0;
        sums.samples += entry.jitterBufferEmittedCount ?? 0;
      }
      if (entry.type === "candidate-pair" && entry.nominated) sums.trip = entry.currentRoundTripTime ?? null;
    });
    return sums;
  };
  // Records a stream. The time of its first sample is that by the message that was under way
  // shortest; what remains of the way is the same in every page.
  window.__record = async (stream, seconds) => {
    const audio = new AudioContext({ sampleRate: 48_000 });
    const code = `registerProcessor("tape", class extends AudioWorkletProcessor {
      process([input]) { if (input[0]) this.port.postMessage([currentFrame, input[0].slice()]); return true; }
    })`;
    await audio.audioWorklet.addModule(URL.createObjectURL(new Blob([code], { type: "text/javascript" })));
    const node = new AudioWorkletNode(audio, "tape", { numberOfOutputs: 0 });
    const chunks = [];
    let began = Infinity;
    node.port.onmessage = ({ data: [frame, samples] }) => {
      const now = performance.timeOrigin + performance.now();
      chunks.push([frame, samples]);
      began = Math.min(began, now - (frame + samples.length - chunks[0][0]) / 48);
    };
    const before = await window.__stats();
    audio.createMediaStreamSource(stream).connect(node);
    await audio.resume();
    await new Promise((done) => setTimeout(done, seconds * 1_000));
    const after = await window.__stats();
    await audio.close();
    // Each chunk where it belongs: a pause of the graph is silence, not less time.
    const [first] = chunks[0];
    const [last, tail] = chunks[chunks.length - 1];
    const samples = new Int16Array(last - first + tail.length);
    for (const [frame, values] of chunks)
      values.forEach((value, at) => (samples[frame - first + at] = Math.max(-1, Math.min(1, value)) * 32_767));
    const bytes = new Uint8Array(samples.buffer);
    let binary = "";
    for (let start = 0; start < bytes.length; start += 32_768)
      binary += String.fromCharCode(...bytes.subarray(start, start + 32_768));
    const emitted = after.samples - before.samples;
    const waited = emitted > 0 ? ((after.waited - before.waited) / emitted) * 1_000 : null;
    return { began, waited, trip: after.trip === null ? null : after.trip * 1_000, pcm: btoa(binary) };
  };
});

const orders = {
  async enter() {
    await page.goto(`${WEB}/invite/${INVITE}`);
    await page.fill("input[name=username]", NAME, { timeout: 30_000 });
    await page.fill("input[name=password]", "correct horse battery");
    await page.click("form button.primary");
    await page.waitForFunction(() => window.__guildhall?.gateway.state === "ready", null, { timeout: 30_000 });
    await page.click(`.voice-card button.channel:has(.channel-name:text-is("Hall"))`, { timeout: 15_000 });
    await page.waitForFunction(() => window.__guildhall.voice.state === "connected", null, { timeout: 30_000 });
    const account = await page.evaluate(() => JSON.parse(localStorage.getItem("guildhall.account")));
    return { entered: account.userId };
  },
  /** Of `user`, or of the own microphone when nobody is named; raw samples go to `file`. */
  async record({ user, seconds, file }) {
    if (user) {
      const heard = (id) => Boolean(window.__guildhall.voice.remoteStream(id));
      await page.waitForFunction(heard, user, { timeout: 20_000 });
    }
    const { pcm, ...times } = await page.evaluate(
      ([id, length]) =>
        window.__record(id ? window.__guildhall.voice.remoteStream(id) : window.__microphone, length),
      [user ?? null, seconds],
    );
    writeFileSync(file, Buffer.from(pcm, "base64"));
    return { recorded: times };
  },
};

tell({ started: true });
for await (const line of createInterface({ input: process.stdin })) {
  const { order, ...rest } = JSON.parse(line);
  try {
    tell(await orders[order](rest));
  } catch (error) {
    tell({ error: `${order}: ${error.stack}` });
  }
}
await close();
process.exit(0);
