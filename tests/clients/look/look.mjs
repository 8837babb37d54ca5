// Looks at the web client as people do: every page, wide, middling and narrow, by day and by night,
// as pictures in a folder; axe judges each, and the keyboard alone goes through the dialogs.
//
//   node tests/clients/look/look.mjs --binary target/debug/guildhall
//
// Pictures go to target/look; with --docs, those that the documentation shows go to docs/screenshots
// too. Prints one line for each fault; ends with 1 when there is one.
import { AxeBuilder } from "@axe-core/playwright";
import { copyFileSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { chromium } from "playwright-core";
import { writeWav } from "../scenarios/wav.mjs";
import { Server } from "./server.mjs";
import { badge, converse, dataUri, hum, landscape } from "./things.mjs";

const { values: options } = parseArgs({
  options: {
    binary: { type: "string", default: "target/debug/guildhall" },
    out: { type: "string", default: "target/look" },
    docs: { type: "boolean", default: false },
  },
});

const SIZES = { wide: [1440, 900], middling: [768, 1024], narrow: [390, 844] };
const SCHEMES = ["light", "dark"];
/** Those that docs/client.md and the README show. */
const DOCS = ["chat-wide-light", "voice-wide-dark", "chat-narrow-light", "voice-narrow-dark"];
const PASSWORD = "correct horse battery";

const faults = [];
const fault = (text) => {
  faults.push(text);
  console.log(`FAULT ${text}`);
};

mkdirSync(options.out, { recursive: true });
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

/** Nothing may stick out of the window sideways; nothing may be cut off that one must read. */
async function overflow(page, name) {
  const wide = await page.evaluate(() => {
    const found = [];
    const scrolls = (element) => {
      for (let at = element; at; at = at.parentElement) {
        const style = getComputedStyle(at);
        if (/auto|scroll|hidden|clip/.test(style.overflowX)) return true;
      }
      return false;
    };
    for (const element of document.querySelectorAll("body *")) {
      const box = element.getBoundingClientRect();
      if (box.width && box.height && box.right > innerWidth + 1 && getComputedStyle(element).visibility !== "hidden" && !scrolls(element.parentElement)) {
        found.push(`${element.tagName.toLowerCase()}.${element.className} to ${Math.round(box.right)} of ${innerWidth}`);
      }
    }
    // What scrolls sideways inside a dialog hides its end as well.
    for (const element of document.querySelectorAll("dialog[open], dialog[open] *, :popover-open, :popover-open *")) {
      const { overflowX } = getComputedStyle(element);
      if (/auto|scroll|hidden/.test(overflowX) && element.scrollWidth > element.clientWidth + 1 && !element.matches("input, textarea, select, .visually-hidden, [class*=name] *, b, code")) {
        found.push(`${element.tagName.toLowerCase()}.${element.className} scrolls sideways, ${element.scrollWidth} in ${element.clientWidth}`);
      }
    }
    return found.slice(0, 3);
  });
  for (const one of wide) fault(`${name}: sticks out: ${one}`);
}

async function judge(page, name) {
  const { violations } = await new AxeBuilder({ page }).setLegacyMode().analyze();
  for (const violation of violations) {
    const where = violation.nodes.slice(0, 3).map((node) => `${node.target.join(" ")} (${(node.any[0] ?? node.all[0] ?? node.none[0])?.message ?? ""})`);
    const text = `${name}: axe ${violation.impact} ${violation.id}: ${where.join("; ")}`;
    if (violation.impact === "serious" || violation.impact === "critical") fault(text);
    else console.log(`note  ${text}`);
  }
}

/** Pictures of what is on screen now. `prepare(size)` brings a narrow page to the right pane. */
async function look(page, name, { sizes = Object.keys(SIZES), prepare = async () => {} } = {}) {
  for (const size of sizes) {
    const [width, height] = SIZES[size];
    await page.setViewportSize({ width, height });
    await prepare(size);
    for (const scheme of SCHEMES) {
      await page.emulateMedia({ colorScheme: scheme });
      // Fonts, pictures and the last transition are there.
      await page.evaluate(async () => {
        await document.fonts.ready;
        await Promise.all(document.getAnimations().filter((one) => one.effect?.getTiming().iterations === 1).map((one) => one.finished.catch(() => {})));
      });
      await page.screenshot({ path: join(options.out, `${name}-${size}-${scheme}.png`) });
      await overflow(page, `${name} ${size}`);
      await judge(page, `${name} ${size} ${scheme}`);
    }
  }
  await page.setViewportSize({ width: 1440, height: 900 });
  await page.emulateMedia({ colorScheme: "light" });
  console.log(`seen  ${name}`);
}

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

  // -- invited -------------------------------------------------------------------------------
  const guest = await open(mine);
  await guest.goto(`${server.base}/invite/${code}`);
  await guest.waitForSelector("input[name=username]");
  await look(guest, "invited");
  await guest.close();

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
  await dialog(page, "channel-settings", "button[aria-label='Channel settings']");
  await keyboard(page);

  // -- in voice ------------------------------------------------------------------------------
  for (const one of [page, ben]) {
    await one.click(`.voice-card button.channel:has(.channel-name:text-is("General"))`);
    await one.waitForFunction(() => window.__guildhall.voice.state === "connected", null, { timeout: 25_000 });
  }
  await page.waitForSelector(`.seat[data-user-id="${people.ben.id}"][data-speaking=true]`, { timeout: 20_000 });
  await look(page, "voice");
  await page.click(`.seat[data-user-id="${people.ben.id}"] .seat-person`);
  await page.waitForSelector(".moderation");
  await look(page, "moderation", { sizes: ["wide", "narrow"] });
  await page.click(".moderation button:has-text('Ban')");
  await page.waitForSelector("dialog[open]");
  await look(page, "ban", { sizes: ["wide"] });
  await page.keyboard.press("Escape");
  await moderate(page, ben, people.ben.id);
  await dialog(page, "voice-channel-settings", "button[aria-label='Channel settings']");
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

/** Push to talk: silent until the key is held, silent again after it. */
async function pushToTalk(listener, speaker, id) {
  const speaks = (is) =>
    listener
      .waitForFunction(([who, wanted]) => window.__guildhall.voice.speaking.includes(who) === wanted, [id, is], { timeout: 10_000 })
      .catch(() => fault(`push to talk: ${is ? "not heard while the key is held" : "heard while it is not"}`));
  await speaker.click("button[aria-label='Settings']");
  await speaker.click("text=Push to talk");
  await look(speaker, "push-to-talk", { sizes: ["wide"] });
  await speaker.keyboard.press("Escape");
  await speaks(false);
  await speaker.focus("[data-testid=composer]");
  await speaker.keyboard.type("`");
  if ((await speaker.inputValue("[data-testid=composer]")) !== "`") fault("push to talk: the key does not write where one writes");
  await speaker.fill("[data-testid=composer]", "");
  await speaker.evaluate(() => document.activeElement.blur());
  await speaker.keyboard.down("Backquote");
  await speaks(true);
  await speaker.keyboard.up("Backquote");
  await speaks(false);
  await speaker.click("button[aria-label='Settings']");
  await speaker.click("text=Open microphone");
  await speaker.keyboard.press("Escape");
  await speaks(true);
}

/** Mute for all is heard at once; let speak again as well. */
async function moderate(page, target, id) {
  const speaks = (is) =>
    page
      .waitForFunction(([who, wanted]) => window.__guildhall.voice.speaking.includes(who) === wanted, [id, is], { timeout: 10_000 })
      .catch(() => fault(`moderation: ${is ? "not heard after" : "heard while"} muted for all`));
  await page.click(`.seat[data-user-id="${id}"] .seat-person`);
  await page.click(".moderation button:has-text('Mute for all')");
  await speaks(false);
  await page.click(".moderation button:has-text('Let speak')");
  await speaks(true);
  await page.keyboard.press("Escape");
  const still = await target.evaluate(() => window.__guildhall.voice.state);
  if (still !== "connected") fault(`moderation: muting ended the call of the muted (${still})`);
}

/** Whoever wants less motion gets none that lasts. */
async function calm(page) {
  await page.emulateMedia({ reducedMotion: "reduce" });
  // What began before goes on to its end.
  await page.waitForTimeout(400);
  const moving = await page.evaluate(() => {
    // Something that breathes for ever is put into the page, whatever it shows just now.
    const probe = document.createElement("p");
    probe.className = "stage-state";
    document.body.append(probe);
    const found = document.getAnimations().filter((one) => {
      const { duration, iterations } = one.effect.getComputedTiming();
      return one.playState === "running" && (duration > 10 || iterations > 1);
    });
    const told = found.map((one) => `${one.animationName ?? one.transitionProperty} of ${one.effect.target?.className}`);
    probe.remove();
    return told;
  });
  if (moving.length) fault(`goes on although less motion is wanted: ${moving.join(", ")}`);
  await page.emulateMedia({ reducedMotion: "no-preference" });
}

/** Whoever talks while muted is told; unmuting takes the hint away. */
async function mutedTalk(speaker) {
  const hint = (state) => speaker.waitForSelector("[data-testid=unheard]", { state, timeout: 8_000 }).then(() => true, () => false);
  await speaker.click(".stage-foot button[aria-label='Mute']");
  if (!(await hint("visible"))) return fault("whoever talks while muted is not told");
  await look(speaker, "unheard", { sizes: ["wide", "narrow"] });
  await speaker.click("[data-testid=unheard] button");
  if (!(await hint("detached"))) fault("the hint of the muted stays after unmuting");
}

/** The bar moves with a voice; silence is told after a while. */
async function microphoneTrial(silent) {
  await silent.click("button[aria-label='Settings']");
  await silent.click("[data-testid=microphone-trial] button");
  await silent.waitForSelector("[data-testid=microphone-trial] .hint.bad", { timeout: 10_000 }).catch(() => fault("a silent microphone is not told of"));
  await silent.keyboard.press("Escape");
}

/** A dialog by its button: seen, and closed by Escape with the focus back where it came from. */
async function dialog(page, name, opener, wait, item) {
  // A press right after the one that closed a popover would be taken for the same.
  await page.waitForTimeout(200);
  await page.click(opener);
  if (item) await page.click(`.menu button:has-text('${item}')`);
  await page.waitForSelector("dialog[open]");
  if (wait) await page.waitForSelector(wait, { timeout: 5_000 }).catch(() => {});
  await look(page, name);
  await page.keyboard.press("Escape");
  await page.waitForSelector("dialog[open]", { state: "detached", timeout: 2_000 }).catch(() => fault(`${name}: Escape does not close it`));
}

/** Without a mouse: every stop shows where it is, and a dialog keeps the focus until it closes. */
async function keyboard(page) {
  await page.evaluate(() => document.activeElement?.blur());
  const stops = new Set();
  for (let press = 0; press < 90; press += 1) {
    await page.keyboard.press("Tab");
    const stop = await page.evaluate(() => {
      const at = document.activeElement;
      if (!at || at === document.body) return null;
      // The ring is its own, or that of the field or the choice that it stands in.
      const rings = [at, at.closest(".composer"), at.closest(".kind"), at.nextElementSibling].filter(Boolean).map((one) => getComputedStyle(one));
      const gold = getComputedStyle(document.querySelector(".composer:focus-within") ?? document.body).borderTopColor;
      const outlined = rings.some((style) => style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0) || (!!at.closest(".composer") && gold === "rgb(201, 138, 22)");
      const box = at.getBoundingClientRect();
      return { name: at.getAttribute("aria-label") ?? at.textContent?.trim().slice(0, 30) ?? "", outlined, seen: box.width > 0 && box.bottom > 0 && box.top < innerHeight };
    });
    if (!stop) continue;
    stops.add(stop.name);
    if (!stop.outlined) fault(`keyboard: "${stop.name}" does not show its focus`);
    if (!stop.seen) fault(`keyboard: "${stop.name}" has the focus out of sight`);
  }
  for (const needed of ["Settings", "Create a guild", "Invite people"]) {
    if (!stops.has(needed)) fault(`keyboard: "${needed}" was not reached in 90 steps (${[...stops].join(" | ")})`);
  }
  await page.focus("button[aria-label='Settings']");
  await page.keyboard.press("Enter");
  await page.waitForSelector("dialog[open]");
  for (let press = 0; press < 40; press += 1) {
    await page.keyboard.press("Tab");
    const inside = await page.evaluate(() => document.activeElement === document.body || !!document.activeElement?.closest("dialog"));
    if (!inside) return fault("keyboard: the focus left an open dialog");
  }
  await page.keyboard.press("Escape");
  const returned = await page.evaluate(() => document.activeElement?.getAttribute("aria-label"));
  if (returned !== "Settings") fault(`keyboard: after the dialog the focus is at "${returned}"`);
}
