// The eye: pictures of a page at every width by day and by night, axe on each, and what sticks out.
// It keeps the faults that are found, here and by others.
import { AxeBuilder } from "@axe-core/playwright";
import { mkdirSync } from "node:fs";
import { join } from "node:path";

const SIZES = { wide: [1440, 900], middling: [768, 1024], narrow: [390, 844] };
const SCHEMES = ["light", "dark"];

let folder = "target/look";

/** Where the pictures go. */
export function lookInto(path) {
  folder = path;
  mkdirSync(path, { recursive: true });
}

/** Everything that was wrong, in the order in which it was seen. */
export const faults = [];

export function fault(text) {
  faults.push(text);
  console.log(`FAULT ${text}`);
}

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
export async function look(page, name, { sizes = Object.keys(SIZES), prepare = async () => {} } = {}) {
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
      await page.screenshot({ path: join(folder, `${name}-${size}-${scheme}.png`) });
      await overflow(page, `${name} ${size}`);
      await judge(page, `${name} ${size} ${scheme}`);
    }
  }
  await page.setViewportSize({ width: 1440, height: 900 });
  await page.emulateMedia({ colorScheme: "light" });
  console.log(`seen  ${name}`);
}
