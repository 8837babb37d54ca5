// The page of the API in Chromium, as people read it: by the keyboard, on a phone, by day and by night.
import { join } from "node:path";
import { AxeBuilder } from "@axe-core/playwright";
import { launch } from "./chromium.mjs";
import { attempt, check, demand } from "./report.mjs";

const { WEB, PICTURES } = process.env;
const browser = await launch();
const context = await browser.newContext({ viewport: { width: 1280, height: 900 } });
const page = await context.newPage();
const asked = [];
const said = [];
page.on("request", (request) => asked.push(request.url()));
page.on("console", (message) => message.type() === "error" && said.push(message.text()));
page.on("pageerror", (error) => said.push(error.stack));

const document = await (await fetch(`${WEB}/api/openapi.json`)).json();
const operations = Object.values(document.paths).flatMap((methods) => Object.values(methods));
const shown = () => page.locator("#operations details.one:not([hidden])").count();

await attempt("docs: every operation is on the page", async () => {
  await page.goto(`${WEB}/api/docs`);
  await page.waitForSelector("#operations details.one");
  demand((await shown()) === operations.length, `${await shown()} of ${operations.length}`);
});
await attempt("docs: an operation is found and read by the keyboard alone", async () => {
  await page.keyboard.press("/");
  await page.keyboard.type("post bulk-ban");
  demand((await shown()) === 1, `${await shown()} are found`);
  demand((await page.locator("#found").textContent()) === "1 operation", await page.locator("#found").textContent());
  // Past the families, which are one, to the operation.
  for (let turn = 0; turn < 5; turn += 1) {
    await page.keyboard.press("Tab");
    if (await page.evaluate(() => window.document.activeElement.closest(".one"))) break;
  }
  await page.keyboard.press("Enter");
  const inside = await page.locator("#operations details[open] .inside").textContent();
  for (const word of ["delete_message_seconds", "BulkBan", "401", "429"]) demand(inside.includes(word), `no ${word}: ${inside}`);
  demand(page.url().endsWith("#operation-bans.ban_many"), page.url());
});
await attempt("docs: what an answer names is a step away", async () => {
  await page.click("#operations details[open] a[href='#object-BulkBan']");
  const fields = await page.locator("#object-BulkBan .fields").textContent();
  demand(fields.includes("banned_users"), fields);
  await page.goto("about:blank");
  await page.goto(`${WEB}/api/docs#operation-guilds.show`);
  await page.waitForSelector("#operation-guilds\\.show[open] .inside");
});
for (const [size, width, height] of [["wide", 1280, 900], ["phone", 390, 844]]) {
  for (const colorScheme of ["light", "dark"]) {
    await attempt(`docs: ${size}, ${colorScheme}: fits, and axe finds nothing`, async () => {
      await page.setViewportSize({ width, height });
      await page.emulateMedia({ colorScheme });
      await page.goto("about:blank");
      await page.goto(`${WEB}/api/docs#operation-messages.create.create`);
      await page.waitForSelector("#operation-messages\\.create\\.create[open] .inside");
      await page.screenshot({ path: join(PICTURES, `docs-${size}-${colorScheme}-open.png`) });
      await page.evaluate(() => scrollTo(0, 0));
      await page.screenshot({ path: join(PICTURES, `docs-${size}-${colorScheme}.png`) });
      const wide = await page.evaluate(() => window.document.documentElement.scrollWidth - innerWidth);
      demand(wide <= 0, `${wide} pixels stick out`);
      const { violations } = await new AxeBuilder({ page }).setLegacyMode().analyze();
      demand(!violations.length, violations.map((one) => `${one.id}: ${one.nodes[0].target}`).join("; "));
    });
  }
}
await attempt("docs: nothing is asked of anybody else", async () => {
  const others = asked.filter((url) => !url.startsWith(`${WEB}/`) && url !== "about:blank");
  demand(!others.length, others.join(" "));
  demand(!said.length, said.join("\n"));
  return `${asked.length} requests`;
});
await browser.close();
check("ends", true);
