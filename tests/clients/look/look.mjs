// Looks at the web client as people do: every page, wide, middling and narrow, by day and by night,
// as pictures in a folder; axe judges each, and the keyboard alone goes through the dialogs.
//
//   node tests/clients/look/look.mjs --binary target/debug/guildhall
//
// Pictures go to target/look; with --docs, those that the documentation shows go to docs/screenshots
// too. Prints one line for each fault; ends with 1 when there is one.
import { copyFileSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { chromium } from "playwright-core";
import { writeWav } from "../scenarios/wav.mjs";
import { fault, faults, look, lookInto } from "./eye.mjs";
import { Server } from "./server.mjs";
import { badge, converse, dataUri, hum, landscape } from "./things.mjs";
import { calm, consents, dialog, keyboard, microphoneTrial, moderate, mutedTalk, pushToTalk, shutOut, streamKey } from "./trials.mjs";

const { values: options } = parseArgs({
  options: {
    binary: { type: "string", default: "target/debug/guildhall" },
    out: { type: "string", default: "target/look" },
    docs: { type: "boolean", default: false },
  },
});

/** Those that docs/client.md and the README show. */
const DOCS = ["chat-wide-light", "voice-wide-dark", "chat-narrow-light", "voice-narrow-dark"];
const PASSWORD = "correct horse battery";

lookInto(options.out);
const scratch = mkdtempSync(join(tmpdir(), "guildhall-look-"));
const server = await Server.start(options.binary);
const browsers = [];

/** A browser whose microphone plays a file; two of them are two people. */
async function browser(name, loud) {
  const file = join(scratch, `${name}.wav`);
  writeWav(file, hum(4, loud), 1);
  const launched = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    headless: true,
    args: [
      "--no-sandbox",
      "--disable-gpu",
      "--use-fake-device-for-media-stream",
      "--use-fake-ui-for-media-stream",
      `--use-file-for-fake-audio-capture=${file}`,
      "--autoplay-policy=no-user-gesture-required",
    ],
  });
  browsers.push(launched);
  return launched;
}

async function open(from, { account, quiet, script } = {}) {
  const context = await from.newContext({ viewport: { width: 1440, height: 900 }, locale: "en-GB" });
  if (account) {
    // Noise suppression would take a steady hum for noise.
    await context.addInitScript((kept) => {
      if (localStorage.getItem("guildhall.account")) return;
      localStorage.setItem("guildhall.account", JSON.stringify(kept));
      const raw = { echoCancellation: false, noiseSuppression: false, autoGainControl: false };
      localStorage.setItem("guildhall.settings", JSON.stringify(raw));
    }, account);
  }
  if (script) await context.addInitScript(script);
  const page = await context.newPage();
  page.on("pageerror", (error) => fault(`the page threw: ${error.message}`));
  page.on("console", (message) => {
    // What the browser itself says of requests that fail is expected while the server is gone.
    if (message.type() === "error" && !quiet?.() && !/ERR_CONNECTION|WebSocket|40[0-9]/.test(message.text())) fault(`console: ${message.text()}`);
  });
  return page;
}

const ready = (page) => page.waitForFunction(() => window.__guildhall.gateway.state === "ready", null, { timeout: 20_000 });

async function finish() {
  for (const launched of browsers) await launched.close().catch(() => {});
  await server.end();
  rmSync(scratch, { recursive: true, force: true });
}

try {
  await walk();
} catch (error) {
  fault(`the walk ended early: ${error.stack}`);
}
await finish();
if (options.docs && !faults.length) {
  mkdirSync("docs/screenshots", { recursive: true });
  for (const name of DOCS) copyFileSync(join(options.out, `${name}.png`), join("docs/screenshots", `${name}.png`));
}
console.log(`${faults.length} faults`);
process.exit(faults.length ? 1 : 0);

async function walk() {
  const mine = await browser("ana", false);

  // -- at the door ---------------------------------------------------------------------------
  const page = await open(mine, { quiet: () => gone });
  let gone = false;
  await page.goto(server.base);
  await page.waitForSelector("input[name=username]");
  await look(page, "login");
  await page.goto(`${server.base}/invite/${server.ownerInvite}`);
  await page.waitForSelector("input[name=username]");
  await look(page, "register-owner");
  await page.fill("input[name=username]", "ana");
  await page.fill("input[name=global_name]", "Ana Lindqvist");
  await page.fill("input[name=password]", PASSWORD);
  await page.click("form button.primary");
  await ready(page);
  await page.waitForSelector("[data-testid=composer]");
  await look(page, "empty-guild");

  // -- furnished -----------------------------------------------------------------------------
  const { token, userId } = await page.evaluate(() => JSON.parse(localStorage.getItem("guildhall.account")));
  const people = { ana: { token, id: userId } };
  const [{ id: guild }] = await server.rest(token, "GET", "/users/@me/guilds");
  const channels = await server.rest(token, "GET", `/guilds/${guild}/channels`);
  const text = channels.find((channel) => channel.type === 0).id;
  const room = channels.find((channel) => channel.type === 2).id;
  await server.rest(token, "PATCH", `/guilds/${guild}`, { name: "Lindenhof Chamber Orchestra", icon: dataUri(badge([122, 92, 30], [248, 226, 170])) });
  await server.rest(token, "PATCH", `/channels/${text}`, { topic: "Everything that concerns all of us. Rehearsals are in their own channel." });
  const parents = Object.fromEntries(channels.filter((channel) => channel.type === 4).map((channel) => [channel.name, channel.id]));
  const [forText, forVoice] = Object.values(parents);
  await server.rest(token, "POST", `/guilds/${guild}/channels`, { name: "rehearsal-plans-and-changes-of-rooms", type: 0, parent_id: forText });
  await server.rest(token, "POST", `/guilds/${guild}/channels`, { name: "Green room", type: 2, parent_id: forVoice, user_limit: 4 });
  const { code } = await server.rest(token, "POST", `/channels/${text}/invites`, { max_age: 0, max_uses: 0 });
  for (const [username, global_name] of [["ben", "Ben"], ["cai", "Cai Achterberg-Montgomery"], ["dag", "Dag"]]) {
    const made = await server.rest(null, "POST", "/auth/register", { username, global_name, password: PASSWORD, invite: code });
    people[username] = { token: made.token, id: made.user_id };
  }
  await server.rest(people.ben.token, "PATCH", "/users/@me", { avatar: dataUri(badge([61, 95, 138], [240, 232, 218])) });
  await server.rest(people.cai.token, "PATCH", "/users/@me", { avatar: dataUri(badge([138, 69, 104], [250, 214, 190])) });
  const eve = await server.rest(null, "POST", "/auth/register", { username: "eve", global_name: "Eve", password: PASSWORD, invite: code });
  await server.rest(token, "PUT", `/guilds/${guild}/bans/${eve.user_id}`, { delete_message_seconds: 86_400 });
  await server.rest(token, "POST", `/guilds/${guild}/roles`, { name: "Conductor", color: 0xa1412a, hoist: true });
  await converse(
    async (who, said, file) => {
      const body = typeof said === "string" ? { content: said } : said;
      if (!file) return server.rest(people[who].token, "POST", `/channels/${text}/messages`, body);
      const form = new FormData();
      form.append("payload_json", JSON.stringify({ ...body, attachments: [{ id: "0", filename: "hall.png" }] }));
      form.append("files[0]", new Blob([file], { type: "image/png" }), "hall.png");
      return server.rest(people[who].token, "POST", `/channels/${text}/messages`, form);
    },
    (who, message, emoji) => server.rest(people[who].token, "PUT", `/channels/${text}/messages/${message.id}/reactions/${encodeURIComponent(emoji)}/@me`),
  );

  // Ana has looked on all the while.
  await page.waitForSelector("[data-testid=message]:has-text('doors open')");
  await page.waitForSelector("[data-testid=message] .picture img");
  await page.waitForTimeout(500);
  const below = await page.evaluate(() => {
    const { scrollTop, scrollHeight, clientHeight } = document.querySelector(".timeline");
    return scrollHeight - scrollTop - clientHeight;
  });
  if (below > 24) fault(`the conversation was not followed to its end: ${below} pixels are below`);

  // -- invited -------------------------------------------------------------------------------
  const guest = await open(mine);
  await guest.goto(`${server.base}/invite/${code}`);
  await guest.waitForSelector("input[name=username]");
  await look(guest, "invited");
  await guest.close();

  // -- asked by an application ---------------------------------------------------------------
  const asked = await open(mine, { account: { token, userId } });
  await consents(asked, server, { token, guild });
  await asked.context().close();

  // -- inside --------------------------------------------------------------------------------
  const theirs = await browser("ben", true);
  const ben = await open(theirs, { account: { token: people.ben.token, userId: people.ben.id }, quiet: () => gone });
  await ben.goto(`${server.base}/channels/${guild}/${text}`);
  await ready(ben);
  await page.goto(`${server.base}/channels/${guild}/${text}`);
  await ready(page);
  await page.waitForSelector(".avatar[data-picture]");
  await page.waitForSelector(".picture img");
  // Every message of the conversation is there, those above the window too.
  await page.waitForFunction(() => document.querySelectorAll("[data-testid=message]").length > 9);
  await look(page, "chat");
  await page.evaluate(() => (document.querySelector(".timeline").scrollTop = 0));
  await look(page, "chat-top", { sizes: ["wide", "narrow"] });
  await page.evaluate(() => document.querySelector(".timeline").scrollTo(0, 1e6));
  await look(page, "channels", {
    sizes: ["narrow"],
    prepare: () => page.click("header .narrow-only[aria-label='Back to channels']"),
  });
  await page.click(`a.channel[href$="${text}"]`);
  await look(page, "members", {
    sizes: ["middling", "narrow"],
    prepare: async () => {
      const button = page.locator("header .narrow-only[aria-label='Show members']");
      if (await button.isVisible()) await button.click();
    },
  });
  const back = page.locator(".members-pane .narrow-only button");
  await page.setViewportSize({ width: 390, height: 844 });
  if (await back.isVisible()) await back.click();
  await page.setViewportSize({ width: 1440, height: 900 });

  await page.click(".message-head button.author >> nth=-1");
  await page.waitForSelector(".person-card");
  await page.selectOption(".person-card select[aria-label='Give a role…']", { label: "Conductor" });
  await page.waitForSelector(".person-card .roles li:has-text('Conductor')", { timeout: 5_000 }).catch(() => fault("a role that was given is not shown"));
  await look(page, "person", { sizes: ["wide", "narrow"] });
  await page.keyboard.press("Escape");

  // One's own picture goes up, and everyone sees it.
  await page.click("button[aria-label='Settings']");
  await page.setInputFiles("[data-testid=picture-input]", { name: "me.png", mimeType: "image/png", buffer: landscape(900, 600) });
  for (const [one, place] of [[page, ".self"], [ben, `[data-testid=member][data-user-id="${people.ana.id}"]`]]) {
    await one.waitForSelector(`${place} .avatar[data-picture]`, { timeout: 10_000 }).catch(() => fault(`the picture is not shown at ${place}`));
  }
  await page.setInputFiles("[data-testid=picture-input]", { name: "no.png", mimeType: "image/png", buffer: Buffer.from("<svg/>") });
  await page.waitForSelector(".picture-field [role=alert]", { timeout: 5_000 }).catch(() => fault("a file that is no picture is not refused in words"));
  await page.keyboard.press("Escape");
  await dialog(page, "settings", "button[aria-label='Settings']");
  await dialog(page, "invite", ".side-head button[aria-label='Invite people']", "[data-testid=invite-link][value^=http]");
  await page.click("button[aria-label$=': menu']");
  await look(page, "guild-menu", { sizes: ["wide"] });
  await page.keyboard.press("Escape");
  await dialog(page, "guild-settings", "button[aria-label$=': menu']", null, "Guild settings");
  await page.waitForTimeout(200);
  await page.click("button[aria-label$=': menu']");
  await page.click(".menu button:has-text('Guild settings')");
  await page.click("[role=tab]:has-text('Roles')");
  await page.click(".role-line:has-text('Conductor') button:has-text('Edit')");
  await look(page, "roles");
  await page.check(".role-editor .switch:has-text('Kick') input");
  await page.click(".role-editor button.primary");
  await page.waitForSelector(".role-editor", { state: "detached" });
  const conductor = (await server.rest(token, "GET", `/guilds/${guild}/roles`)).find((role) => role.name === "Conductor");
  if ((BigInt(conductor.permissions) & 2n) === 0n) fault("a right that was given to a role is not stored");
  await page.keyboard.press("ArrowRight");
  await page.click("[role=tab]:has-text('Invitations')");
  await page.waitForSelector(".door-list code");
  await look(page, "invitations", { sizes: ["wide", "narrow"] });
  await page.click("[role=tab]:has-text('Bans')");
  await page.waitForSelector(".door-list li:has-text('Eve')");
  await look(page, "bans", { sizes: ["wide", "narrow"] });
  await page.click(".door-list button:has-text('Lift ban')");
  await page.waitForSelector(".door-list li:has-text('Nobody is banned')", { timeout: 5_000 }).catch(() => fault("a ban is not lifted"));
  await page.keyboard.press("Escape");
  await dialog(page, "new-channel", "button[aria-label$=': menu']", null, "Create a channel");
  await shutOut(page, ben, server, { token, guild, text });
  await dialog(page, "channel-settings", "button[aria-label='Channel settings']");
  await keyboard(page);

  // -- in voice ------------------------------------------------------------------------------
  for (const one of [page, ben]) {
    await one.click(`.voice-card button.channel:has(.channel-name:text-is("General"))`);
    await one.waitForFunction(() => window.__guildhall.voice.state === "connected", null, { timeout: 25_000 });
  }
  await page.waitForSelector(`.seat[data-user-id="${people.ben.id}"][data-speaking=true]`, { timeout: 20_000 });
  await look(page, "voice");
  // A camera of each: side by side, then one large.
  for (const one of [page, ben]) await one.click(".stage button[aria-label='Turn camera on']");
  const seen = "[data-testid=picture][data-own=false] video";
  await page.waitForFunction((of) => document.querySelector(of)?.currentTime > 0.5, seen, { timeout: 20_000 });
  await look(page, "cameras");
  await page.click("[data-testid=picture][data-own=false] button[aria-label^=Enlarge]");
  await look(page, "camera-large", { sizes: ["wide", "narrow"] });
  for (const one of [page, ben]) await one.click(".stage button[aria-label='Turn camera off']");
  await page.waitForSelector("[data-testid=picture]", { state: "detached" });
  await page.click(`.seat[data-user-id="${people.ben.id}"] .seat-person`);
  await page.waitForSelector(".moderation");
  await look(page, "moderation", { sizes: ["wide", "narrow"] });
  await page.click(".moderation button:has-text('Ban')");
  await page.waitForSelector("dialog[open]");
  await look(page, "ban", { sizes: ["wide"] });
  await page.keyboard.press("Escape");
  await moderate(page, ben, people.ben.id);
  await dialog(page, "voice-channel-settings", "button[aria-label='Channel settings']");
  await streamKey(page, server, { token, room });
  await calm(page);
  await mutedTalk(ben);
  await pushToTalk(page, ben, people.ben.id);
  await microphoneTrial(page);
  await page.click(".call-line button[aria-label='Connection details']");
  await page.waitForTimeout(4_500);
  await look(page, "connection", { sizes: ["wide", "middling"] });
  await page.keyboard.press("Escape");
  await page.click(`a.channel[href$="${text}"]`);
  await look(page, "chat-in-call", { sizes: ["wide", "narrow"] });

  // -- what stands in the way ----------------------------------------------------------------
  const dag = { account: { token: people.dag.token, userId: people.dag.id } };
  const refused = await open(mine, {
    ...dag,
    script: () => {
      navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException("no", "NotAllowedError"));
    },
  });
  await refused.goto(`${server.base}/channels/${guild}/${room}`);
  await ready(refused);
  await refused.click(".stage-foot .button.primary");
  await refused.waitForSelector("[data-testid=microphone-problem]", { timeout: 20_000 });
  await look(refused, "microphone-refused", { sizes: ["wide", "narrow"] });
  await refused.context().close();
  const blocked = await open(mine, {
    ...dag,
    // No candidate of the server's: as in a network that lets no UDP through.
    script: () => {
      const set = RTCPeerConnection.prototype.setRemoteDescription;
      RTCPeerConnection.prototype.setRemoteDescription = function (description) {
        return set.call(this, { type: description.type, sdp: description.sdp.replace(/a=candidate:.*\r\n/g, "") });
      };
    },
  });
  await blocked.goto(`${server.base}/channels/${guild}/${room}`);
  await ready(blocked);
  await blocked.click(".stage-foot .button.primary");
  await blocked.waitForSelector("[data-testid=voice-failure]", { timeout: 30_000 });
  await look(blocked, "voice-blocked", { sizes: ["wide", "narrow"] });
  await blocked.context().close();

  // -- the server is gone --------------------------------------------------------------------
  gone = true;
  await server.pause();
  await page.waitForSelector("[data-testid=link-state]", { timeout: 20_000 });
  await page.fill("[data-testid=composer]", "Can you hear me?");
  await page.keyboard.press("Enter");
  await page.waitForSelector(".message.failed", { timeout: 20_000 });
  await look(page, "reconnecting");
  await server.resume();
  await ready(page);
  await page.click(".message.failed button:has-text('Send again')");
  await page.waitForSelector("[data-testid=pending-message]", { state: "detached" });
  const said = await server.rest(token, "GET", `/channels/${text}/messages?limit=5`);
  if (said.filter((message) => message.content === "Can you hear me?").length !== 1) fault("a message was sent twice, or not at all");
  await page.waitForFunction(() => window.__guildhall.voice.state === "connected", null, { timeout: 40_000 }).catch(() => fault("the call did not come back"));
}
