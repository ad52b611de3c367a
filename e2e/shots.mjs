// Opens pages in a real browser as a stranger would, saves pictures, and fails when a page is not clean.
//
//   node shots.mjs --out DIR [--resolve RULES] [PAGES.json]      (without a file: the list on standard input)
//
// PAGES is a list of { name, url, … }:
//   cookie  "name=value" to send, or [{ name, value }]           status  expected status, else 200
//   wait    a CSS selector that must appear first                settle  milliseconds to wait before the picture
//   noscript  true: one more picture without JavaScript          print   true: one more picture as on paper
//   fill    { selector: text } typed in before the picture       hold    a pattern of addresses that are not gone on to
//   strict  true: every finding of axe-core counts              agent   a user agent of its own
// RULES is Chromium's --host-resolver-rules, for example "MAP *.test 127.0.0.1".
//
// A page fails on: another status; anything in the console's error stream; a violation of its content security
// policy; any request to a host other than its own; an uncaught exception; a missing language, title or single
// h1; sideways scrolling; a serious finding of axe-core. Exit status: 0 clean, 1 failures, 2 wrong usage.

import { readFileSync, mkdirSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { chromium } from "playwright-core";

const BROWSER = process.env.CHROMIUM ?? "/usr/bin/chromium";
const FLAGS = [
  "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
  "--disable-background-networking", "--disable-component-update", "--disable-sync",
];
const WIDTHS = { desktop: { width: 1280, height: 800 }, phone: { width: 390, height: 844 } };
const SCHEMES = ["light", "dark"];
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

const { pages, out, resolve } = usage();
mkdirSync(out, { recursive: true });
// A fresh profile in a temporary folder, removed at the end, comes with every launch.
const browser = await chromium.launch({
  executablePath: BROWSER,
  headless: true,
  args: resolve ? [...FLAGS, `--host-resolver-rules=${resolve}`] : FLAGS,
});
const failures = [];
try {
  for (const page of pages) for (const variant of variantsOf(page)) failures.push(...(await shoot(page, variant)));
} finally {
  await browser.close();
}
for (const failure of failures) console.error(`not clean: ${failure}`);
process.exit(failures.length ? 1 : 0);

function usage() {
  try {
    const { values, positionals } = parseArgs({
      options: { out: { type: "string" }, resolve: { type: "string" } },
      allowPositionals: true,
    });
    const pages = JSON.parse(readFileSync(positionals[0] ?? 0, "utf8"));
    if (!values.out) throw new Error("--out DIR is missing");
    if (!Array.isArray(pages) || !pages.every((page) => /^[\w-]+$/.test(page.name) && URL.canParse(page.url)))
      throw new Error("the pages must be a list of { name, url }; a name has letters, digits, _ and -");
    return { pages, out: values.out, resolve: values.resolve };
  } catch (problem) {
    console.error(`shots: ${problem.message}\nusage: node shots.mjs --out DIR [--resolve RULES] [PAGES.json]`);
    process.exit(2);
  }
}

function variantsOf(page) {
  const variants = Object.keys(WIDTHS).flatMap((width) => SCHEMES.map((scheme) => ({ width, scheme })));
  if (page.noscript) variants.push({ width: "desktop", scheme: "light", noscript: true });
  if (page.print) variants.push({ width: "desktop", scheme: "light", print: true });
  return variants;
}

async function shoot(wanted, variant) {
  const label = [wanted.name, variant.width, variant.scheme, variant.noscript && "noscript", variant.print && "print"]
    .filter(Boolean)
    .join("-");
  const found = [];
  const context = await browser.newContext({
    viewport: WIDTHS[variant.width],
    deviceScaleFactor: variant.width === "phone" ? 2 : 1,
    colorScheme: variant.scheme,
    javaScriptEnabled: !variant.noscript,
    userAgent: wanted.agent,
    ignoreHTTPSErrors: true,
    reducedMotion: "reduce",
    locale: "en-GB",
    timezoneId: "Europe/Vienna",
  });
  await context.addCookies(cookiesOf(wanted));
  const page = await context.newPage();
  const bytes = await watch(page, wanted, found);
  // A page that leads on by itself stays, so that it can be looked at.
  if (wanted.hold) await page.route(new RegExp(wanted.hold), (route) => route.abort("aborted"));
  try {
    const answer = await page.goto(wanted.url, { waitUntil: "load", timeout: 20_000 });
    const status = answer?.status() || 200;
    if (status !== (wanted.status ?? 200)) found.push(`status ${status}, expected ${wanted.status ?? 200}`);
    if (wanted.wait && !variant.noscript) await page.waitForSelector(wanted.wait, { timeout: 10_000 });
    for (const [selector, text] of Object.entries(wanted.fill ?? {})) await page.fill(selector, text);
    if (wanted.settle) await page.waitForTimeout(wanted.settle);
    if (variant.print) await page.emulateMedia({ media: "print", colorScheme: "light" });
    if (!variant.noscript) found.push(...(await examine(page, wanted.strict)));
    await page.screenshot({ path: join(out, `${label}.png`), fullPage: true });
    console.log(`${label}.png  status ${status}, ${bytes.count} requests, ${(bytes.sum / 1024).toFixed(1)} KB`);
  } catch (problem) {
    found.push(problem.message.split("\n")[0]);
  }
  await context.close();
  return found.map((what) => `${label}: ${what}`);
}

function cookiesOf({ cookie, url }) {
  const list = typeof cookie === "string" ? [cookie] : (cookie ?? []);
  return list.map((item) => {
    const [name, ...value] = typeof item === "string" ? item.split("=") : [item.name, item.value];
    // For the whole site, not only for the page's folder.
    return { name, value: value.join("="), url: new URL("/", url).href };
  });
}

// Collects whatever a clean page does not do; returns what it loaded.
async function watch(page, wanted, found) {
  const bytes = { count: 0, sum: 0 };
  const own = new URL(wanted.url).host;
  page.on("request", (request) => {
    const url = new URL(request.url());
    if (url.protocol !== "data:" && url.host !== own) found.push(`request to a foreign host: ${request.url()}`);
  });
  page.on("requestfinished", async (request) => {
    const sizes = await request.sizes().catch(() => null);
    bytes.count += 1;
    bytes.sum += sizes ? sizes.responseBodySize + sizes.responseHeadersSize : 0;
  });
  page.on("pageerror", (error) => found.push(`exception: ${error.message}`));
  page.on("console", (message) => {
    // The browser itself complains about the status of the page it was sent to; that status is checked above.
    const ownStatus = message.location().url === wanted.url && message.text().includes(`status of ${wanted.status}`);
    if (message.type() === "error" && !ownStatus) found.push(`console: ${message.text()} (${message.location().url})`);
  });
  await page.addInitScript(() =>
    addEventListener("securitypolicyviolation", (e) =>
      console.error(`content security policy: ${e.violatedDirective} forbids ${e.blockedURI}`)));
  return bytes;
}

async function examine(page, strict) {
  const found = await page.evaluate(() => {
    const wrong = [];
    if (!document.documentElement.lang) wrong.push("no language");
    if (!document.title.trim()) wrong.push("no title");
    if (document.querySelectorAll("h1").length !== 1) wrong.push("not exactly one h1");
    if (document.documentElement.scrollWidth > innerWidth) wrong.push("scrolls sideways");
    return wrong;
  });
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() => window.axe.run({ resultTypes: ["violations"] }));
  for (const { id, impact, nodes } of violations)
    if (strict || ["serious", "critical"].includes(impact)) found.push(`axe ${id}: ${nodes[0].html.slice(0, 160)}`);
  return found;
}
