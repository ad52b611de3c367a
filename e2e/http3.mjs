// Opens a page in a real browser that is told to use QUIC, and says by which protocol it came.
//
//   node http3.mjs HOST PORT PATH…
//
// HOST is reached on 127.0.0.1. Prints a list of { path, status, protocol, text }: the first path is opened as a page,
// the others are fetched by it. Exit status: 0 when all were answered, 2 wrong usage.

import { createHash } from "node:crypto";
import { connect } from "node:tls";
import { chromium } from "playwright-core";

const BROWSER = process.env.CHROMIUM ?? "/usr/bin/chromium";
const [host, port, page, ...others] = process.argv.slice(2);
if (!page) {
  console.error("usage: node http3.mjs HOST PORT PATH…");
  process.exit(2);
}

const browser = await chromium.launch({
  executablePath: BROWSER,
  headless: true,
  args: [
    "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-component-update",
    "--enable-quic", `--origin-to-force-quic-on=${host}:${port}`, `--host-resolver-rules=MAP ${host} 127.0.0.1`,
    // QUIC takes no certificate of a private authority, but one whose key is named.
    `--ignore-certificate-errors-spki-list=${await keyOf(host, port)}`,
  ],
});
try {
  const tab = await browser.newPage();
  const origin = `https://${host}:${port}`;
  const answer = await tab.goto(origin + page);
  const first = { path: page, status: answer.status(), text: await answer.text() };
  const told = await tab.evaluate(async ({ first, others }) => {
    const byName = (name) => performance.getEntriesByName(name).at(-1)?.nextHopProtocol ?? "";
    const all = [{ ...first, protocol: performance.getEntriesByType("navigation")[0].nextHopProtocol }];
    for (const path of others) {
      const answer = await fetch(path);
      const text = await answer.text();
      all.push({ path, status: answer.status, protocol: byName(answer.url), text });
    }
    return all;
  }, { first, others });
  console.log(JSON.stringify(told));
} finally {
  await browser.close();
}

/** The hash of the public key that the host shows over TCP. */
function keyOf(host, port) {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: "127.0.0.1", port, servername: host, rejectUnauthorized: false }, () => {
      const key = socket.getPeerX509Certificate().publicKey.export({ type: "spki", format: "der" });
      socket.destroy();
      resolve(createHash("sha256").update(key).digest("base64"));
    });
    socket.on("error", reject);
  });
}
