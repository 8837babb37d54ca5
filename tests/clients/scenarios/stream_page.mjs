// Chromium with a plain page of another origin: it listens by WHEP and publishes by WHIP with nothing
// but the browser's own RTCPeerConnection and fetch. Orders as in the other voice scenarios.
import { createServer } from "node:http";
import { createInterface } from "node:readline";
import { person } from "./chromium.mjs";
import { tell } from "./report.mjs";
import { writeWav } from "./wav.mjs";

const { WEB, SPEECH } = process.env;

// The whole page; docs/streaming.md shows the half of it that listens. It trickles: the offer goes out
// before the browser has gathered candidates, and each follows by a PATCH of its own.
const PAGE = `<!doctype html><meta charset="utf-8"><title>A page</title><audio autoplay></audio><script>
async function whep(url, token) {
  const pc = new RTCPeerConnection();
  pc.addTransceiver("audio", { direction: "recvonly" });
  pc.addTransceiver("video", { direction: "recvonly" });
  pc.ontrack = ({ track }) => {
    if (track.kind === "audio") document.querySelector("audio").srcObject = new MediaStream([track]);
  };
  return { pc, ...(await negotiate(pc, url, token)) };
}
async function whip(url, token) {
  const pc = new RTCPeerConnection();
  const audio = { echoCancellation: false, noiseSuppression: false, autoGainControl: false };
  const stream = await navigator.mediaDevices.getUserMedia({ audio, video: true });
  for (const track of stream.getTracks()) pc.addTransceiver(track, { direction: "sendonly" });
  return { pc, ...(await negotiate(pc, url, token)) };
}
async function negotiate(pc, url, token) {
  const candidates = [];
  const gathered = new Promise((resolve) => {
    pc.onicecandidate = ({ candidate }) => (candidate?.candidate ? candidates.push(candidate) : resolve());
  });
  await pc.setLocalDescription();
  if (candidates.length) throw new Error("nothing is left to trickle");
  const headers = { authorization: "Bearer " + token, "content-type": "application/sdp" };
  const answer = await fetch(url, { method: "POST", headers, body: pc.localDescription.sdp });
  if (answer.status !== 201) throw new Error(answer.status + " " + (await answer.text()));
  await pc.setRemoteDescription({ type: "answer", sdp: await answer.text() });
  const location = new URL(answer.headers.get("location"), url).href, tag = answer.headers.get("etag");
  await gathered;
  const ice = pc.localDescription.sdp.match(/a=ice-(ufrag|pwd):.*/g).slice(0, 2).join("\\r\\n");
  const trickled = [];
  for (const { candidate, sdpMid } of candidates) {
    const body = ice + "\\r\\nm=audio 9 UDP/TLS/RTP/SAVPF 0\\r\\na=mid:" + sdpMid + "\\r\\na=" + candidate + "\\r\\n";
    const patch = { ...headers, "content-type": "application/trickle-ice-sdpfrag", "if-match": tag };
    trickled.push((await fetch(location, { method: "PATCH", headers: patch, body })).status);
  }
  return { location, tag, trickled };
}
</script>`;
const server = createServer((_, response) => response.setHeader("content-type", "text/html").end(PAGE));
await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));

const { page, close } = await person(SPEECH);
page.on("requestfailed", (request) => console.error(`failed: ${request.url()} ${request.failure()?.errorText}`));
await page.goto(`http://localhost:${server.address().port}/`);

const begin = async (kind, channel, token) =>
  await page.evaluate(
    async ([kind, url, token]) => {
      const session = await (kind === "whep" ? whep : whip)(url, token);
      (window.sessions ??= {})[kind] = { ...session, token };
      const { pc } = session;
      while (pc.connectionState !== "connected") {
        if (pc.connectionState === "failed") throw new Error("the connection failed");
        await new Promise((resolve) => pc.addEventListener("connectionstatechange", resolve, { once: true }));
      }
      const directions = pc.getTransceivers().map((one) => one.currentDirection ?? "none");
      return { url: session.location, tag: session.tag, trickled: session.trickled, directions };
    },
    [kind, `${WEB}/${kind}/${channel}`, token],
  );

const orders = {
  listen: async ({ channel, token }) => ({ listening: await begin("whep", channel, token) }),
  publish: async ({ channel, token }) => ({ publishing: await begin("whip", channel, token) }),
  async record() {
    await page.evaluate(async () => {
      const audio = new AudioContext({ sampleRate: 48_000 });
      const code = `registerProcessor("tape", class extends AudioWorkletProcessor {
        process([input]) { if (input[0]) this.port.postMessage(input[0].slice()); return true; }
      })`;
      await audio.audioWorklet.addModule(URL.createObjectURL(new Blob([code], { type: "text/javascript" })));
      const chunks = [];
      const node = new AudioWorkletNode(audio, "tape", { numberOfOutputs: 0 });
      node.port.onmessage = ({ data }) => chunks.push(data);
      audio.createMediaStreamSource(document.querySelector("audio").srcObject).connect(node);
      await audio.resume();
      window.tape = { audio, chunks };
    });
    return { recording: true };
  },
  async stop({ file }) {
    const text = await page.evaluate(async () => {
      const { audio, chunks } = window.tape;
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
  async end({ which }) {
    const ended = await page.evaluate(async (kind) => {
      const { pc, location, token } = window.sessions[kind];
      const answer = await fetch(location, { method: "DELETE", headers: { authorization: `Bearer ${token}` } });
      pc.close();
      return answer.status;
    }, which === "listen" ? "whep" : "whip");
    return { ended };
  },
};

tell({ ready: true });
for await (const line of createInterface({ input: process.stdin })) {
  const { order, ...rest } = JSON.parse(line);
  try {
    tell(await orders[order](rest));
  } catch (error) {
    tell({ error: `${order}: ${error.stack}` });
  }
}
await close();
server.close();
process.exit(0);
