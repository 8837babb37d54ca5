// Calls in direct messages by the server's own web client: Ana at a desk, Ben with a telephone and a
// second window. The card of an incoming call is answered, declined and missed; that the two hear each
// other is told by the rings around them.
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { launch } from "./chromium.mjs";
import { check, demand, step } from "./report.mjs";

const { WEB, INVITE, PICTURES = "." } = process.env;
mkdirSync(PICTURES, { recursive: true });

const browser = await launch();
const WIDE = { width: 1280, height: 800 };
const NARROW = { width: 390, height: 844 };

async function open(name, viewport, account) {
  const context = await browser.newContext({ viewport, permissions: ["microphone"] });
  if (account) await context.addInitScript((text) => localStorage.setItem("guildhall.account", text), account);
  const page = await context.newPage();
  page.on("console", (message) => console.error(`${name} console ${message.type()}: ${message.text()}`));
  page.on("pageerror", (error) => console.error(`${name} page error: ${error.stack}`));
  return page;
}

const ready = (page) => page.waitForFunction(() => window.__guildhall.gateway.state === "ready", null, { timeout: 20_000 });

async function person(name, viewport) {
  const page = await open(name, viewport);
  await page.goto(`${WEB}/invite/${INVITE}`);
  await page.fill("input[name=username]", name, { timeout: 15_000 });
  await page.fill("input[name=password]", "correct horse battery");
  await page.click("form button.primary");
  await ready(page);
  const account = await page.evaluate(() => localStorage.getItem("guildhall.account"));
  return { page, account, id: JSON.parse(account).userId, token: JSON.parse(account).token };
}

async function rest(token, method, path, body) {
  const answer = await fetch(`${WEB}/api/v10${path}`, {
    method,
    headers: { Authorization: token, "Content-Type": "application/json" },
    body: JSON.stringify(body),
  });
  if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`);
  return answer.json();
}

const CARD = "[data-testid=incoming-call]";
const card = (page, state) => page.waitForSelector(CARD, { state, timeout: 10_000 });
const connected = (page) => page.waitForFunction(() => window.__guildhall.voice.state === "connected", null, { timeout: 25_000 });
const hears = (page, id) => page.waitForFunction((who) => window.__guildhall.voice.speaking.includes(who), id, { timeout: 15_000 });
const line = (page, kind) => page.waitForSelector(`[data-testid=call-message][data-kind=${kind}]`, { timeout: 10_000 });
const picture = (page, name) => page.screenshot({ path: join(PICTURES, `${name}.png`), animations: "disabled" });

/** Nothing sticks out of the window, and what is to be pressed is large enough for a finger. */
async function fits(page, where) {
  const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  demand(wide <= 0, `${where}: ${wide} px stick out`);
  const small = await page.evaluate((selector) => {
    const buttons = [...document.querySelectorAll(`${selector} button, .private-view .stage button.control`)];
    return buttons.filter((button) => button.getBoundingClientRect().height < 44).map((button) => button.outerHTML.slice(0, 80));
  }, CARD);
  demand(small.length === 0, `${where}: too small for a finger: ${small}`);
}

let [ana, ben, second, dm] = [null, null, null, null];
await step("two people have a conversation, one of them in two windows", async () => {
  ana = await person("callana", WIDE);
  ben = await person("callben", NARROW);
  dm = (await rest(ana.token, "POST", "/users/@me/channels", { recipient_id: ben.id })).id;
  second = await open("second window", WIDE, ben.account);
  await second.goto(WEB);
  await ready(second);
  await ana.page.goto(`${WEB}/channels/@me/${dm}`);
  await ready(ana.page);
  await ana.page.waitForSelector("[data-testid=call-start]", { timeout: 10_000 });
});

await step("a call rings the other in every window", async () => {
  await ana.page.click("[data-testid=call-start]");
  await card(ben.page, "visible");
  await card(second, "visible");
  const said = await ben.page.textContent(CARD);
  demand(said.includes("callana is calling you"), said);
  await ana.page.waitForSelector(`[data-testid=seat][data-user-id="${ben.id}"][data-rings=true]`, { timeout: 10_000 });
  await connected(ana.page);
  await fits(ben.page, "the card");
  await picture(ben.page, "calls-incoming-narrow");
  await picture(second, "calls-incoming-wide");
  await picture(ana.page, "calls-outgoing-wide");
});

await step("it is answered by the keyboard, and both hear each other", async () => {
  await ben.page.focus(`${CARD} button.primary`);
  await ben.page.keyboard.press("Enter");
  await connected(ben.page);
  await hears(ana.page, ben.id);
  await hears(ben.page, ana.id);
  await fits(ben.page, "the call");
  await picture(ben.page, "calls-narrow");
  await picture(ana.page, "calls-wide");
});

await step("the ring stops where nobody answered", async () => {
  await card(ben.page, "detached");
  await card(second, "detached");
  demand((await second.evaluate(() => window.__guildhall.voice.state)) === "idle", "the second window joined as well");
});

await step("who hangs up is gone, and the call ends with the last", async () => {
  await ana.page.click(".stage button[aria-label='Leave call']");
  await ben.page.waitForSelector(`[data-testid=seat][data-user-id="${ana.id}"]`, { state: "detached", timeout: 10_000 });
  demand((await ben.page.evaluate(() => window.__guildhall.voice.state)) === "connected", "the other was thrown out");
  await ben.page.click(".stage button[aria-label='Leave call']");
  await line(ana.page, "over");
  const said = await ana.page.textContent("[data-testid=call-message]");
  demand(/callana started a call that lasted \d+ (second|minute)/.test(said), said);
  await ana.page.waitForSelector("[data-testid=stage]", { state: "detached", timeout: 5_000 });
  return said.trim();
});

await step("a call is declined by Escape, and the caller may ring again", async () => {
  await ana.page.click("[data-testid=call-start]");
  await card(ben.page, "visible");
  await ben.page.focus(`${CARD} button`);
  await ben.page.keyboard.press("Escape");
  await card(ben.page, "detached");
  await card(second, "detached");
  await ana.page.click("button:has-text('Ring again')", { timeout: 15_000 });
  await card(second, "visible");
});

await step("who hangs up unanswered leaves a missed call", async () => {
  await ana.page.click(".stage button[aria-label='Leave call']");
  await card(ben.page, "detached");
  await card(second, "detached");
  await ben.page.goto(`${WEB}/channels/@me/${dm}`);
  await line(ben.page, "missed");
  await picture(ben.page, "calls-missed-narrow");
});

await step("a call outlives a page that is loaded anew, which joins it from the conversation", async () => {
  await ana.page.click("[data-testid=call-start]");
  await card(ben.page, "visible");
  await ben.page.reload();
  await ready(ben.page);
  await card(ben.page, "visible");
  await ben.page.click("[data-testid=call-message][data-kind=on] button");
  await connected(ben.page);
  await hears(ana.page, ben.id);
  await card(second, "detached");
});

check("ends", true);
await browser.close();
process.exit(0);
