// Two Chromiums with the server's own web client: one turns its camera on and shares its screen, the
// other sees both. That pictures arrive is told by the frames that it decoded, and by what is on its
// screen: the fake camera is green with a moving disc, and black would be nothing.
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { launch } from "./chromium.mjs";
import { broken, check, demand, step } from "./report.mjs";

const { WEB, INVITE, HALL, PICTURES = "." } = process.env;
mkdirSync(PICTURES, { recursive: true });

// The page's own tab is shared: a headless browser has no screen.
const browser = await launch(["--auto-select-tab-capture-source-by-title=Guildhall"]);

async function person(name, viewport, codec = null) {
  const context = await browser.newContext({ viewport, permissions: ["camera", "microphone"] });
  // A headless browser has a fake screen, which makes no sound: here it hums. What sound the page
  // asked for is kept.
  await context.addInitScript(() => {
    const devices = navigator.mediaDevices;
    const real = devices.getDisplayMedia.bind(devices);
    devices.getDisplayMedia = async (wishes) => {
      window.__wishes = wishes;
      const stream = await real({ video: wishes.video });
      const audio = new AudioContext();
      const [hum, out] = [audio.createOscillator(), audio.createMediaStreamDestination()];
      hum.frequency.value = 440;
      hum.connect(out);
      hum.start();
      stream.addTrack(out.stream.getAudioTracks()[0]);
      return stream;
    };
  });
  // A browser that likes another codec better, as others than Chromium do.
  await context.addInitScript((liked) => {
    if (!liked) return;
    const add = RTCPeerConnection.prototype.addTransceiver;
    RTCPeerConnection.prototype.addTransceiver = function (kind, how) {
      const transceiver = add.call(this, kind, how);
      if (kind === "video" && how.direction === "sendonly") {
        const { codecs } = RTCRtpSender.getCapabilities("video");
        const first = (codec) => (codec.mimeType === `video/${liked}` ? 0 : 1);
        transceiver.setCodecPreferences([...codecs].sort((a, b) => first(a) - first(b)));
      }
      return transceiver;
    };
  }, codec);
  const page = await context.newPage();
  page.on("console", (message) => console.error(`${name} console ${message.type()}: ${message.text()}`));
  page.on("pageerror", (error) => console.error(`${name} page error: ${error.stack}`));
  await page.goto(`${WEB}/invite/${INVITE}`);
  await page.fill("input[name=username]", name, { timeout: 15_000 });
  await page.fill("input[name=password]", "correct horse battery");
  await page.click("form button.primary");
  await page.waitForFunction(() => window.__guildhall.gateway.state === "ready", null, { timeout: 20_000 });
  return page;
}

async function joins(page) {
  await page.click('.voice-card button.channel:has(.channel-name:text-is("Hall"))', { timeout: 15_000 });
  await page.waitForFunction(() => window.__guildhall.voice.state === "connected", null, { timeout: 25_000 });
}

/** Waits until a picture is seen; its size, and how it looks. */
async function sees(page, shown, own = false) {
  const selector = `[data-testid=picture][data-shown=${shown}][data-own=${own}] video`;
  const arrives = (of) => {
    const video = document.querySelector(of);
    return video && video.videoWidth > 0 && video.currentTime > 0.5;
  };
  await page.waitForFunction(arrives, selector, { timeout: 60_000 }).catch(async () => {
    const state = await page.evaluate(async () => ({
      pictures: [...document.querySelectorAll("[data-testid=picture]")].map((tile) => {
        const video = tile.querySelector("video");
        return { ...tile.dataset, width: video.videoWidth, at: video.currentTime, track: video.srcObject?.getVideoTracks()[0]?.muted };
      }),
      stats: await window.__guildhall.voice.pictureStats(),
    }));
    throw new Error(`no ${shown} within a minute: ${JSON.stringify(state)}`);
  });
  return page.evaluate(async (of) => {
    const video = document.querySelector(of);
    const look = () => {
      const canvas = new OffscreenCanvas(64, 36);
      const context = canvas.getContext("2d");
      context.drawImage(video, 0, 0, 64, 36);
      return context.getImageData(0, 0, 64, 36).data;
    };
    const before = look();
    const at = video.currentTime;
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    const after = look();
    let [light, changed] = [0, 0];
    for (let place = 0; place < after.length; place += 4) {
      light += Math.max(after[place], after[place + 1], after[place + 2]);
      if (Math.abs(after[place + 1] - before[place + 1]) > 12) changed += 1;
    }
    return {
      width: video.videoWidth,
      height: video.videoHeight,
      advanced: video.currentTime - at,
      light: light / (after.length / 4),
      changed,
    };
  }, selector);
}

const decoded = (page) =>
  page.evaluate(async () => {
    const stats = await window.__guildhall.voice.pictureStats();
    return { frames: Object.values(stats.received), heights: Object.values(stats.height), sent: stats.sent };
  });

let [ana, ben] = [null, null];
await step("two people join by the web client", async () => {
  ana = await person("camana", { width: 1440, height: 900 });
  ben = await person("camben", { width: 1440, height: 900 });
  await joins(ana);
  await joins(ben);
});

await step("a camera is seen by the other", async () => {
  await ana.click("button[aria-label='Turn camera on']");
  const own = await sees(ana, "video", true);
  const seen = await sees(ben, "video");
  demand(seen.light > 30, `black: ${JSON.stringify(seen)}`);
  demand(seen.advanced > 0.5 && seen.changed > 0, `it stands still: ${JSON.stringify(seen)}`);
  const first = await decoded(ben);
  await ben.waitForTimeout(1_000);
  const later = await decoded(ben);
  const frames = Math.max(...later.frames) - Math.max(...first.frames);
  demand(frames > 5, `only ${frames} frames in a second`);
  return `${own.width}x${own.height} filmed, ${seen.width}x${seen.height} seen, ${frames} frames decoded in a second`;
});

await step("the best of three layers reaches a good line", async () => {
  await ben.waitForFunction(
    async () => Math.max(...Object.values((await window.__guildhall.voice.pictureStats()).height)) >= 480,
    null,
    { timeout: 40_000, polling: 500 },
  );
  const { sent, heights } = await decoded(ana).then(async (own) => ({ sent: own.sent, heights: (await decoded(ben)).heights }));
  const layers = Object.entries(sent).filter(([, frames]) => frames > 0).map(([name]) => name);
  demand(layers.length === 3, `layers sent: ${JSON.stringify(sent)}`);
  return `layers ${layers.join(", ")} sent, height ${Math.max(...heights)} seen`;
});

await step("the roster says who has a camera on", async () => {
  await ben.waitForSelector("[data-testid=seat] [aria-label='camera on']", { timeout: 5_000 });
});

await step("a shared screen is seen by the other, large", async () => {
  await ana.click("button[aria-label='Share screen']");
  const seen = await sees(ben, "screen");
  demand(seen.light > 10, `black: ${JSON.stringify(seen)}`);
  await ben.waitForSelector("[data-testid=seat] [aria-label='shares a screen']", { timeout: 5_000 });
  await ben.waitForSelector(".shows.focused", { timeout: 5_000 });
  return `${seen.width}x${seen.height}`;
});

await step("the screen's sound comes with it, by itself and untouched", async () => {
  const { id, audio } = await ana.evaluate(() => ({
    id: JSON.parse(localStorage.getItem("guildhall.account")).userId,
    audio: window.__wishes.audio,
  }));
  for (const process of ["echoCancellation", "noiseSuppression", "autoGainControl"]) {
    demand(audio[process] === false, `${process} is on`);
  }
  const level = await ben.evaluate(async (of) => {
    const stream = window.__guildhall.voice.remoteStream(of);
    if (!stream) return -1;
    const audio = new AudioContext();
    await audio.resume();
    const analyser = audio.createAnalyser();
    audio.createMediaStreamSource(stream).connect(analyser);
    const samples = new Float32Array(analyser.fftSize);
    let loudest = 0;
    for (let turn = 0; turn < 30; turn += 1) {
      await new Promise((resolve) => setTimeout(resolve, 50));
      analyser.getFloatTimeDomainData(samples);
      loudest = Math.max(loudest, Math.hypot(...samples) / Math.sqrt(samples.length));
    }
    await audio.close();
    return loudest;
  }, `sound-${id}`);
  demand(level > 0.2, `level ${level}`);
  return `level ${level.toFixed(3)}`;
});

for (const [name, width, height] of [["wide", 1440, 900], ["narrow", 390, 844]]) {
  if (broken) break;
  await ben.setViewportSize({ width, height });
  await ben.waitForTimeout(700);
  await ben.screenshot({ path: join(PICTURES, `pictures-focus-${name}.png`) });
}
await step("all pictures stand side by side again", async () => {
  await ben.setViewportSize({ width: 1440, height: 900 });
  await ben.click(".shows.focused [aria-label^='Back to all: Screen']");
  await ben.waitForSelector(".shows:not(.focused) [data-shown=video]", { timeout: 5_000 });
  await ben.waitForTimeout(700);
  await ben.screenshot({ path: join(PICTURES, "pictures-grid-wide.png") });
  await ben.setViewportSize({ width: 390, height: 844 });
  await ben.waitForTimeout(700);
  await ben.screenshot({ path: join(PICTURES, "pictures-grid-narrow.png") });
  await ana.screenshot({ path: join(PICTURES, "pictures-own-wide.png") });
});

await step("nothing is sent to whoever looks elsewhere", async () => {
  await ben.setViewportSize({ width: 1440, height: 900 });
  await ben.click("a.channel:has(.channel-name:text-is('tavern'))");
  await ben.waitForTimeout(1_500);
  const first = await decoded(ben);
  await ben.waitForTimeout(2_000);
  const later = await decoded(ben);
  const more = later.frames.reduce((sum, frames, at) => sum + frames - first.frames[at], 0);
  demand(more === 0, `${more} frames came`);
  // Nobody wants it, so nothing is encoded either.
  const before = await decoded(ana);
  await ana.waitForTimeout(2_000);
  const after = await decoded(ana);
  const sent = (of) => Object.entries(of.sent).filter(([name]) => name.startsWith("1 ")).reduce((sum, [, frames]) => sum + frames, 0);
  demand(sent(after) - sent(before) <= 2, `${sent(after) - sent(before)} frames of the camera were sent`);
});

await step("the camera is seen again on the way back", async () => {
  await ben.click('.voice-card button.channel:has(.channel-name:text-is("Hall"))');
  const seen = await sees(ben, "video");
  demand(seen.advanced > 0.5 && seen.changed > 0, `it stands still: ${JSON.stringify(seen)}`);
});

await step("what is turned off is gone for all", async () => {
  await ana.click("button[aria-label='Turn camera off']");
  await ana.click("button[aria-label='Stop sharing']");
  for (const page of [ana, ben]) {
    await page.waitForFunction(() => document.querySelectorAll("[data-testid=picture]").length === 0, null, { timeout: 5_000 });
  }
});

await step("a camera that is turned on again is seen again", async () => {
  await ana.click("button[aria-label='Turn camera on']");
  const seen = await sees(ben, "video");
  demand(seen.advanced > 0.5 && seen.changed > 0, `it stands still: ${JSON.stringify(seen)}`);
});

let cai = null;
await step("who comes later sees it too", async () => {
  cai = await person("camcai", { width: 1440, height: 900 });
  await joins(cai);
  const seen = await sees(cai, "video");
  demand(seen.advanced > 0.5 && seen.changed > 0, `it stands still: ${JSON.stringify(seen)}`);
});

await step("leaving ends what one showed", async () => {
  await ana.click(".stage button[aria-label='Leave call']");
  await ben.waitForFunction(() => document.querySelectorAll("[data-testid=picture]").length === 0, null, { timeout: 8_000 });
});

await step("another's camera is seen where one was before", async () => {
  await cai.click("button[aria-label='Turn camera on']");
  const seen = await sees(ben, "video");
  demand(seen.advanced > 0.5 && seen.changed > 0, `it stands still: ${JSON.stringify(seen)}`);
});

for (const codec of ["VP9", "H264"]) {
  await step(`a camera in ${codec} is seen`, async () => {
    const knows = await ben.evaluate((of) => RTCRtpSender.getCapabilities("video").codecs.some(({ mimeType }) => mimeType === `video/${of}`), codec);
    if (!knows) return "this Chromium does not know it";
    await cai.click(".stage button[aria-label='Leave call']");
    await ben.waitForFunction(() => document.querySelectorAll("[data-testid=picture]").length === 0, null, { timeout: 8_000 });
    cai = await person(`cam${codec.toLowerCase()}`, { width: 1440, height: 900 }, codec);
    await joins(cai);
    await cai.click("button[aria-label='Turn camera on']");
    const seen = await sees(ben, "video");
    demand(seen.advanced > 0.5 && seen.changed > 0, `it stands still: ${JSON.stringify(seen)}`);
    const { codecs } = await ben.evaluate(() => window.__guildhall.voice.pictureStats());
    demand(codecs.includes(`video/${codec}`), `it came in ${codecs.join(", ")}`);
    return `${seen.width}x${seen.height}`;
  });
}

// A plain page does as OBS: one bundle of sound and a picture, whose packets do not name their line.
await step("what a program publishes by WHIP is seen as a screen", async () => {
  await cai.click(".stage button[aria-label='Leave call']");
  await ben.waitForFunction(() => document.querySelectorAll("[data-testid=picture]").length === 0, null, { timeout: 8_000 });
  const context = await browser.newContext({ permissions: ["camera", "microphone"] });
  const page = await context.newPage();
  await page.goto(`${WEB}/invite/${INVITE}`);
  const answer = await page.evaluate(
    async ([invite, channel]) => {
      const person = JSON.stringify({ username: "camobs", password: "correct horse battery", invite });
      const json = { "content-type": "application/json" };
      const registered = await fetch("/api/v10/auth/register", { method: "POST", headers: json, body: person });
      const { token } = await registered.json();
      const pc = new RTCPeerConnection();
      const stream = await navigator.mediaDevices.getUserMedia({ audio: true, video: { width: 1280, height: 720 } });
      for (const track of stream.getTracks()) pc.addTransceiver(track, { direction: "sendonly" });
      await pc.setLocalDescription();
      const body = pc.localDescription.sdp.replace(/a=extmap:\d+ urn:ietf:params:rtp-hdrext:sdes:.*\r\n/g, "");
      const headers = { authorization: `Bearer ${token}`, "content-type": "application/sdp" };
      const told = await fetch(`/whip/${channel}`, { method: "POST", headers, body });
      const sdp = await told.text();
      if (told.status !== 201) throw new Error(`${told.status} ${sdp}`);
      await pc.setRemoteDescription({ type: "answer", sdp });
      const location = told.headers.get("location");
      window.publication = { pc, end: () => fetch(location, { method: "DELETE", headers }) };
      return sdp;
    },
    [INVITE, HALL],
  );
  demand(!answer.includes("sdes:mid") && !answer.includes("m=video 0"), answer);
  const seen = await sees(ben, "screen");
  demand(seen.advanced > 0.5 && seen.changed > 0, `it stands still: ${JSON.stringify(seen)}`);
  demand(seen.light > 30, `black: ${JSON.stringify(seen)}`);
  await ben.waitForSelector("[data-testid=seat] [aria-label='shares a screen']", { timeout: 5_000 });
  await page.evaluate(() => window.publication.end());
  await ben.waitForFunction(() => document.querySelectorAll("[data-testid=picture]").length === 0, null, { timeout: 8_000 });
  return `${seen.width}x${seen.height}`;
});

check("ends", true);
await browser.close();
process.exit(0);
