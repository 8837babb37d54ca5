// Chromium, unmodified, with a camera and a microphone that are made up, and none of what it does by
// itself in the background.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium } from "playwright-core";

const BASE = {
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  headless: false, // `--headless=new` below: playwright's own flag would choose the old one.
};
const FLAGS = [
  "--headless=new",
  "--no-sandbox",
  "--disable-gpu",
  "--use-fake-device-for-media-stream",
  "--use-fake-ui-for-media-stream",
  "--autoplay-policy=no-user-gesture-required",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

// A browser for several people, each in a context of their own.
export const launch = (args = []) => chromium.launch({ ...BASE, args: [...FLAGS, ...args] });

// A browser of one person whose microphone plays a WAV file, round and round: the moment at which it
// opens does not matter. What the page says goes to stderr. `options` are playwright's.
export async function person(speech, { args = [], ...options } = {}) {
  const profile = mkdtempSync(join(tmpdir(), "guildhall-chromium-"));
  const context = await chromium.launchPersistentContext(profile, {
    ...BASE,
    ...options,
    args: [...FLAGS, `--use-file-for-fake-audio-capture=${speech}`, ...args],
  });
  const page = context.pages()[0] ?? (await context.newPage());
  page.on("console", (message) => console.error(`console ${message.type()}: ${message.text()}`));
  page.on("pageerror", (error) => console.error(`page error: ${error.stack}`));
  const close = async () => {
    await context.close().catch(() => {});
    rmSync(profile, { recursive: true, force: true });
  };
  return { context, page, close };
}
