// Chromium in the server's web client under measure: registers by invite, joins so many times, stays,
// and notes when packets come. Reports and ends as `bot.py`.
import { person } from "../scenarios/chromium.mjs";

const { WEB, INVITE, SPEECH, JOINS = "1", MICROPHONE = "on" } = process.env;
const tell = (report) => console.log(JSON.stringify(report));
const { page, close } = await person(SPEECH, { ignoreHTTPSErrors: true, args: ["--ignore-certificate-errors"] });

// When the answer is there, when the connection is, and when packets come.
await page.addInitScript(() => {
  const Plain = window.RTCPeerConnection;
  window.__watch = { pc: null, arrivals: {}, states: [] };
  window.RTCPeerConnection = class extends Plain {
    constructor(...settings) {
      super(...settings);
      window.__watch.pc = this;
      this.addEventListener("iceconnectionstatechange", () => {
        window.__watch.states.push([this.iceConnectionState, Date.now() / 1000]);
        if (["connected", "completed"].includes(this.iceConnectionState)) this.pathAt ??= Date.now();
      });
      this.addEventListener("connectionstatechange", () => {
        if (this.connectionState === "connected") this.connectedAt ??= Date.now();
        if (this.connectionState === "failed") window.__watch.failed = true;
      });
    }
    async setRemoteDescription(description) {
      this.answeredAt ??= Date.now();
      return super.setRemoteDescription(description);
    }
  };
  // By what its media goes, such as `udp` or `tls relay`.
  window.__way = async () => {
    const report = await window.__watch.pc.getStats();
    let way = "nothing";
    report.forEach((entry) => {
      if (entry.type !== "transport") return;
      const pair = report.get(entry.selectedCandidatePairId);
      const [local, remote] = [report.get(pair?.localCandidateId), report.get(pair?.remoteCandidateId)];
      if (pair) way = local?.candidateType === "relay" ? `${local.relayProtocol} relay` : (remote?.protocol ?? "?");
    });
    return way;
  };
  // Of each speaker, by SSRC.
  window.__inbound = async () => {
    const speakers = {};
    const report = await window.__watch.pc.getStats();
    report.forEach((entry) => {
      if (entry.type !== "inbound-rtp") return;
      speakers[entry.ssrc] = {
        packets: entry.packetsReceived ?? 0,
        samples: entry.totalSamplesReceived ?? 0,
        concealed: entry.concealedSamples ?? 0,
      };
    });
    return speakers;
  };
});

if (MICROPHONE === "none") {
  await page.addInitScript(() => {
    const refuse = () => Promise.reject(new DOMException("the person said no", "NotAllowedError"));
    MediaDevices.prototype.getUserMedia = refuse;
  });
}

async function enter() {
  await page.click(`.voice-card button.channel:has(.channel-name:text-is("Hall"))`, { timeout: 60_000 });
  await page.waitForFunction(() => window.__watch.pc?.connectedAt, null, { timeout: 60_000, polling: 20 });
  return page.evaluate(() => {
    const { answeredAt, pathAt, connectedAt } = window.__watch.pc;
    return { media: connectedAt - answeredAt, path: pathAt - answeredAt };
  });
}

try {
  await page.goto(`${WEB}/invite/${INVITE}`, { timeout: 120_000 });
  await page.fill("input[name=username]", "bea", { timeout: 60_000 });
  await page.fill("input[name=password]", "correct horse battery");
  await page.click("form button.primary");
  await page.waitForFunction(() => window.__guildhall?.gateway.state === "ready", null, { timeout: 60_000 });
  for (let again = Number(JOINS) - 1; again >= 0; again -= 1) {
    const began = Date.now();
    const parts = await enter();
    tell({ joined: Date.now() - began, ...parts });
    if (again > 0) {
      await page.reload({ timeout: 120_000 });
      await page.waitForFunction(() => window.__guildhall?.gateway.state === "ready", null, { timeout: 60_000 });
    }
  }
  if (MICROPHONE === "muted") await page.click('button[aria-label="Mute"]', { timeout: 60_000 });
  // Speakers become known, and their lines negotiated.
  await page.waitForTimeout(3_000);
  const before = await page.evaluate(() => {
    const last = {};
    const look = async () => {
      for (const [ssrc, { packets }] of Object.entries(await window.__inbound())) {
        if (packets !== last[ssrc]) (window.__watch.arrivals[ssrc] ??= []).push([packets, Date.now() / 1000]);
        last[ssrc] = packets;
      }
      setTimeout(look, 10);
    };
    void look();
    return window.__inbound();
  });
  tell({ steady: true });
  for await (const _ of process.stdin);
  const after = await page.evaluate(() => window.__inbound());
  const watch = await page.evaluate(() => ({
    arrivals: window.__watch.arrivals,
    states: window.__watch.states,
    failed: Boolean(window.__watch.failed),
    state: window.__watch.pc.connectionState,
  }));
  const way = await page.evaluate(() => window.__way());
  tell({ before, after, way, ...watch, thrown_out: watch.failed || watch.state !== "connected" });
} catch (error) {
  tell({ error: String(error.stack ?? error) });
} finally {
  await close();
}
process.exit(0);
