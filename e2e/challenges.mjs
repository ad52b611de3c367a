// Goes the ways of challenges in a real browser, as visitors of several kinds do.
//
//   node challenges.mjs [--resolve RULES] WAYS.json
//
// WAYS is a list of { name, url, … }:
//   scripts   false: JavaScript is switched off                  cookies  false: the browser keeps none
//   click     links to follow by hand, in this order, where the page shows them (part of their address)
//   pages     how many pages at most until the way has ended     limit    milliseconds for all of it, else 30,000
//   until     part of the heading that ends the way
// RULES is Chromium's --host-resolver-rules.
//
// Prints a list of { name, pages: [{ status, path, heading }], cookies: [names], again: status }: every page that was
// shown on the way, the cookies that are kept at its end, and what a second visit of the url gets. Exit status: 0 when
// each way ended as `until` says within `pages`, 1 when one did not, 2 wrong usage.

import { mkdtempSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { chromium } from "playwright-core";

const BROWSER = process.env.CHROMIUM ?? "/usr/bin/chromium";
const FLAGS = [
  "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
  "--disable-background-networking", "--disable-component-update", "--disable-sync",
];
const { values, positionals } = parseArgs({ options: { resolve: { type: "string" } }, allowPositionals: true });
if (positionals.length !== 1) {
  console.error("usage: node challenges.mjs [--resolve RULES] WAYS.json");
  process.exit(2);
}

const ways = JSON.parse(readFileSync(positionals[0], "utf8"));
const browser = await chromium.launch({ executablePath: BROWSER, headless: true, args: flags() });
let told;
try {
  told = await Promise.all(ways.map((way) => (way.cookies === false ? withoutCookies(way) : withCookies(way))));
} finally {
  await browser.close();
}
console.log(JSON.stringify(told));
const failed = told.filter((way) => !way.ended);
for (const { name, pages } of failed) console.error(`${name} did not end: ${JSON.stringify(pages)}`);
process.exit(failed.length ? 1 : 0);

function flags() {
  return values.resolve ? [...FLAGS, `--host-resolver-rules=${values.resolve}`] : FLAGS;
}

async function withCookies(way) {
  const context = await browser.newContext({ javaScriptEnabled: way.scripts !== false, locale: "en-GB" });
  try {
    return await go(context, way);
  } finally {
    await context.close();
  }
}

// Whether cookies are kept is a setting of the profile: 2 blocks them, as a person does.
async function withoutCookies(way) {
  const folder = mkdtempSync(join(tmpdir(), "challenges-"));
  mkdirSync(join(folder, "Default"));
  const settings = { profile: { default_content_setting_values: { cookies: 2 } } };
  writeFileSync(join(folder, "Default", "Preferences"), JSON.stringify(settings));
  const options = { executablePath: BROWSER, headless: true, args: flags(), locale: "en-GB" };
  const context = await chromium.launchPersistentContext(folder, { ...options, javaScriptEnabled: way.scripts !== false });
  try {
    return await go(context, way);
  } finally {
    await context.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function go(context, { name, url, click = [], pages: most = 2, until, limit = 30_000 }) {
  const page = context.pages()[0] ?? (await context.newPage());
  const pages = [];
  page.on("response", (answer) => {
    const request = answer.request();
    const isShown = request.isNavigationRequest() && request.frame() === page.mainFrame();
    // What only leads on shows nothing.
    if (isShown && ![301, 302, 303, 307].includes(answer.status()))
      pages.push({ status: answer.status(), path: new URL(answer.url()).pathname });
  });
  const left = [...click];
  const end = Date.now() + limit;
  await page.goto(url);
  let ended = false;
  while (!ended && pages.length <= most && Date.now() < end) {
    // The page may be on its way to another one in this very moment.
    const heading = (await page.locator("h1").textContent({ timeout: 1000 }).catch(() => "")) ?? "";
    if (heading) pages.at(-1).heading = heading;
    ended = heading.includes(until);
    const link = page.locator(`a[href*="${left[0]}"]`);
    if (left.length && (await link.isVisible().catch(() => false))) {
      left.shift();
      await Promise.all([page.waitForEvent("load", { timeout: 10_000 }), link.click()]).catch(() => {});
    } else if (!ended) {
      await page.waitForTimeout(50);
    }
  }
  ended = ended && left.length === 0 && pages.length <= most;
  const cookies = (await context.cookies()).map((cookie) => cookie.name);
  const shown = pages.slice(0, most + 1);
  const again = ended ? (await page.goto(url)).status() : null;
  return { name, ended, pages: shown, cookies, again };
}
