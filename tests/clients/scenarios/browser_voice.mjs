// Chromium with the server's own web client: registers by invite, joins the hall, speaks from a
// file and records by WebAudio what it hears. Orders as in the other voice scenarios.
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { person } from "./chromium.mjs";
import { tell } from "./report.mjs";
import { writeWav } from "./wav.mjs";

const { WEB, INVITE, SPEECH, WEB_DIST, NETWORK } = process.env;
const { page, close } = await person(SPEECH, {
  ignoreHTTPSErrors: true,
  // The capture worklet below comes from a blob, which the page's policy rightly forbids.
  bypassCSP: true,
  args: [
    // As a network does that blocks UDP.
    ...(NETWORK === "tcp" ? ["--webrtc-ip-handling-policy=disable_non_proxied_udp"] : []),
    // For TLS that is not the page's own, too.
    ...(NETWORK === "tls" ? ["--ignore-certificate-errors"] : []),
  ],
});
// Of sockets the operations alone: what they carry are tokens and texts.
page.on("websocket", (socket) => {
  const note = (way) => (frame) => {
    if (typeof frame.payload !== "string") return;
    const { op, t, d } = JSON.parse(frame.payload);
    console.error(`socket ${way} op ${op} ${t ?? ""} ${op === 5 ? JSON.stringify(d) : ""}`);
  };
  socket.on("framesent", note(">>"));
  socket.on("framereceived", note("<<"));
  socket.on("close", () => console.error("socket closed"));
});
page.on("requestfailed", (request) => console.error(`failed: ${request.url()} ${request.failure()?.errorText}`));

// Echo cancellation and noise suppression change the waveform on purpose; it is compared here.
await page.addInitScript(() => {
  const raw = { echoCancellation: false, noiseSuppression: false, autoGainControl: false };
  if (!localStorage.getItem("guildhall.settings")) localStorage.setItem("guildhall.settings", JSON.stringify(raw));
});

// Which peer connections there are; in a network that lets nothing but TLS through they have relays only.
await page.addInitScript((network) => {
  const Plain = window.RTCPeerConnection;
  window.__peers = [];
  window.RTCPeerConnection = class extends Plain {
    constructor(configuration) {
      super(network === "tls" ? { ...configuration, iceTransportPolicy: "relay" } : configuration);
      window.__peers.push(this);
    }
  };
}, NETWORK);

// WEB_DIST: the program of another build of the client than the server's own. The page itself
// stays the server's, or Chromium takes it for one from outside and refuses it local sockets.
if (WEB_DIST) {
  const assets = join(WEB_DIST, "assets");
  const program = readdirSync(assets).find((name) => name.endsWith(".js"));
  await page.route(`${WEB}/assets/*.js`, (route) => route.fulfill({ path: join(assets, program) }));
}

const orders = {
  async register({ username, password }) {
    await page.goto(`${WEB}/invite/${INVITE}`);
    await page.fill("input[name=username]", username, { timeout: 15_000 });
    await page.fill("input[name=password]", password);
    await page.click("form button.primary");
    await page.waitForFunction(() => window.__guildhall.gateway.state === "ready", null, { timeout: 20_000 });
    const account = await page.evaluate(() => JSON.parse(localStorage.getItem("guildhall.account")));
    return { ready: account.userId };
  },
  async join({ name }) {
    await page.click(`.voice-card button.channel:has(.channel-name:text-is("${name}"))`, { timeout: 15_000 });
    try {
      await page.waitForFunction(() => window.__guildhall.voice.state === "connected", null, { timeout: 25_000 });
    } catch (error) {
      const { state, failure } = await page.evaluate(() => ({
        state: window.__guildhall.voice.state,
        failure: window.__guildhall.voice.failure,
      }));
      throw new Error(`voice is ${state}, failure ${failure}: ${error.message}`);
    }
    return { joined: name, mode: "webrtc" };
  },
  /** Begins at once, or as soon as the client hears of the speaker: bots say so when they begin. */
  async record({ user }) {
    await page.evaluate(async (id) => {
      const audio = new AudioContext({ sampleRate: 48_000 });
      const code = `registerProcessor("tape", class extends AudioWorkletProcessor {
        process([input]) { if (input[0]) this.port.postMessage(input[0].slice()); return true; }
      })`;
      await audio.audioWorklet.addModule(URL.createObjectURL(new Blob([code], { type: "text/javascript" })));
      const tape = { audio, chunks: [], stream: null };
      const node = new AudioWorkletNode(audio, "tape", { numberOfOutputs: 0 });
      node.port.onmessage = ({ data }) => tape.chunks.push(data);
      tape.timer = setInterval(() => {
        const stream = window.__guildhall.voice.remoteStream(id);
        if (!stream || stream === tape.stream) return;
        tape.source?.disconnect();
        tape.source = audio.createMediaStreamSource((tape.stream = stream));
        tape.source.connect(node);
      }, 10);
      await audio.resume();
      window.__tape = tape;
    }, user);
    return { recording: true };
  },
  async stop({ file }) {
    const text = await page.evaluate(async () => {
      const { audio, chunks, timer } = window.__tape;
      clearInterval(timer);
      await audio.close();
      const samples = new Int16Array(chunks.reduce((sum, chunk) => sum + chunk.length, 0));
      let at = 0;
      for (const chunk of chunks)
        for (const value of chunk) samples[at++] = Math.max(-1, Math.min(1, value)) * 32_767;
      const bytes = new Uint8Array(samples.buffer);
      let binary = "";
      for (let start = 0; start < bytes.length; start += 32_768)
        binary += String.fromCharCode(...bytes.subarray(start, start + 32_768));
      return btoa(binary);
    });
    const pcm = Buffer.from(text, "base64");
    writeWav(file, pcm, 1);
    return { recorded: { seconds: pcm.length / 96_000 } };
  },
  async state() {
    return {
      state: await page.evaluate(async () => ({
        gateway: window.__guildhall.gateway.state,
        voice: window.__guildhall.voice.state,
        failure: window.__guildhall.voice.failure,
        speaking: window.__guildhall.voice.speaking,
        stats: await window.__guildhall.voice.stats(),
      })),
    };
  },
  /** As if the machine had been offline: ICE begins anew. */
  async renew() {
    const now = () => page.evaluate(() => ({
      peers: window.__peers.length,
      theirs: /a=ice-ufrag:(\S+)/.exec(window.__peers.at(-1).remoteDescription.sdp)[1],
    }));
    const before = await now();
    await page.evaluate(() => window.dispatchEvent(new Event("online")));
    await page.waitForFunction(
      (former) => !window.__peers.at(-1).remoteDescription.sdp.includes(`a=ice-ufrag:${former}`),
      before.theirs,
      { timeout: 15_000 },
    );
    await page.waitForFunction(() => window.__guildhall.voice.state === "connected", null, { timeout: 15_000 });
    return { renewed: { before, after: await now() } };
  },
  async picture({ file }) {
    await page.screenshot({ path: file });
    return { picture: file };
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
