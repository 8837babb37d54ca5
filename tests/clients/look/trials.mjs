// Trials on a page: what is done by hand and by key, and must come out as it should.
import { fault, look } from "./eye.mjs";

/** A private channel is out of sight of a member until their role is let in. */
export async function shutOut(owner, member, server, { token, guild, text }) {
  const seen = (state) => member.waitForSelector("a.channel:has-text('strings-only')", { state, timeout: 5_000 }).then(() => true, () => false);
  await owner.waitForTimeout(200);
  await owner.click("button[aria-label$=': menu']");
  await owner.click(".menu button:has-text('Create a channel')");
  await owner.fill("dialog input[name=name]", "strings-only");
  await owner.check("dialog .switch input");
  await owner.click("dialog button.primary");
  await owner.waitForSelector("a.channel[aria-current]:has-text('strings-only')");
  if (!(await seen("detached"))) fault("a private channel is seen by someone who was not let in");
  await owner.click("button[aria-label='Channel settings']");
  await look(owner, "private-channel", { sizes: ["wide", "narrow"] });
  await owner.check("dialog .switch:has-text('Conductor') input");
  await owner.click("dialog button.primary");
  if (!(await seen("attached"))) fault("a private channel is not seen by a role that was let in");
  const made = (await server.rest(token, "GET", `/guilds/${guild}/channels`)).find((channel) => channel.name === "strings-only");
  await server.rest(token, "DELETE", `/channels/${made.id}`);
  await owner.click(`a.channel[href$="${text}"]`);
}

/** Push to talk: silent until the key is held, silent again after it. */
export async function pushToTalk(listener, speaker, id) {
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
export async function moderate(page, target, id) {
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
export async function calm(page) {
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
export async function mutedTalk(speaker) {
  const hint = (state) => speaker.waitForSelector("[data-testid=unheard]", { state, timeout: 8_000 }).then(() => true, () => false);
  await speaker.click(".stage-foot button[aria-label='Mute']");
  if (!(await hint("visible"))) return fault("whoever talks while muted is not told");
  await look(speaker, "unheard", { sizes: ["wide", "narrow"] });
  await speaker.click("[data-testid=unheard] button");
  if (!(await hint("detached"))) fault("the hint of the muted stays after unmuting");
}

/** The bar moves with a voice; silence is told after a while. */
export async function microphoneTrial(silent) {
  await silent.click("button[aria-label='Settings']");
  await silent.click("[data-testid=microphone-trial] button");
  await silent.waitForSelector("[data-testid=microphone-trial] .hint.bad", { timeout: 10_000 }).catch(() => fault("a silent microphone is not told of"));
  await silent.keyboard.press("Escape");
}

/** A dialog by its button: seen, and closed by Escape. */
export async function dialog(page, name, opener, wait, item) {
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
export async function keyboard(page) {
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

/** A key for a program that streams: shown once with its address, listed, and taken back. */
export async function streamKey(page, server, { token, room }) {
  await page.click("button[aria-label='Channel settings']");
  await page.click(".streams summary");
  await page.click(".streams button:has-text('Key for OBS')");
  const value = (name) => page.inputValue(`[data-testid=${name}]`);
  await page.waitForSelector("[data-testid=stream-key]");
  if (!(await value("stream-address")).endsWith(`/whip/${room}`)) fault("the address to stream to is not that of the channel");
  if (!(await value("stream-key")).startsWith("stream.publish.")) fault("the key to stream with is not shown");
  await page.locator(".streams").scrollIntoViewIfNeeded();
  await look(page, "stream-key", { sizes: ["wide", "narrow"] });
  const keys = () => server.rest(token, "GET", `/channels/${room}/stream-keys`);
  if ((await keys()).length !== 1) fault("a stream key was not made, or twice");
  await page.click("[data-testid=stream-key-row] button");
  await page.waitForSelector("[data-testid=stream-key-row]", { state: "detached", timeout: 5_000 }).catch(() => fault("a stream key is not taken back"));
  if ((await keys()).length !== 0) fault("a stream key outlives being taken back");
  await page.keyboard.press("Escape");
}

/** An application asks for an account, and its bot to come into a guild. */
export async function consents(page, server, { token, guild }) {
  const app = await server.rest(token, "POST", "/applications", { name: "Ledger of the Lindenhof" });
  const back = "https://ledger.example/back";
  await server.rest(token, "PATCH", `/applications/${app.id}`, {
    redirect_uris: [back], description: "Keeps the books of every section, and reminds whoever still owes something.",
  });
  const asks = `${server.base}/api/oauth2/authorize?client_id=${app.id}`;
  const code = `&response_type=code&redirect_uri=${encodeURIComponent(back)}`;
  const shown = () => page.waitForSelector("[data-testid=consent-app]", { timeout: 10_000 });
  await page.goto(`${asks}&scope=identify%20guilds%20guilds.members.read%20role_connections.write${code}`);
  await shown();
  await look(page, "consent");
  await page.goto(`${asks}&scope=bot%20applications.commands&permissions=1099511704582&guild_id=${guild}`);
  await shown();
  await look(page, "consent-bot");
  await page.getByLabel("Kick members").press("Space");
  await page.getByRole("button", { name: "Allow", exact: true }).press("Enter");
  await page.waitForURL(/authorized$/, { timeout: 10_000 }).catch(() => fault("a bot is not allowed by the keyboard"));
  await look(page, "authorized", { sizes: ["narrow"] });
  const bot = await server.rest(token, "GET", `/guilds/${guild}/members/${app.id}`);
  const own = (await server.rest(token, "GET", `/guilds/${guild}/roles`)).find((role) => role.id === bot.roles[0]);
  if (BigInt(own.permissions) & 2n) fault("a right that was taken from a bot is granted");
  await page.goto(`${asks}&scope=rpc${code}`);
  await page.getByRole("link", { name: /Go back/ }).waitFor({ timeout: 10_000 });
  await look(page, "consent-refused", { sizes: ["wide", "narrow"] });
  await server.rest(token, "DELETE", `/guilds/${guild}/integrations/${app.id}`);
}
