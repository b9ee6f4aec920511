// What the browser tests stand on: the program on a free port with a data folder of its own, and a browser.

import { spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";

export const here = dirname(fileURLToPath(import.meta.url));
export const shots = join(here, "shots");
const root = resolve(here, "../../..");

/** A port that was free a moment ago. */
function freePort() {
  return new Promise((done, failed) => {
    const s = createServer();
    s.on("error", failed);
    s.listen(0, "127.0.0.1", () => {
      const { port } = s.address();
      s.close(() => done(port));
    });
  });
}

/** Starts the program, waits until it is ready, and reads the sign-in links that it prints. */
export async function startServer({ binary = process.env.FIRSTLINE_BIN ?? join(root, "bin/firstline"), readyMs = 120_000 } = {}) {
  if (!existsSync(binary)) throw new Error(`${binary} is missing; build it first, or name it in FIRSTLINE_BIN`);
  const data = mkdtempSync(join(tmpdir(), "firstline-e2e-"));
  const port = await freePort();
  const base = `http://127.0.0.1:${port}`;
  const child = spawn(binary, ["serve", "--demo", "--addr", `127.0.0.1:${port}`, "--data", join(data, "data")], { stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  child.stdout.on("data", (b) => (output += b));
  child.stderr.on("data", (b) => (output += b));
  let exited = false;
  child.on("exit", () => (exited = true));
  const stop = async () => {
    if (!exited) {
      child.kill("SIGTERM");
      for (let i = 0; i < 150 && !exited; i++) await sleep(100);
      if (!exited) child.kill("SIGKILL");
    }
    rmSync(data, { recursive: true, force: true });
  };
  try {
    for (const end = Date.now() + readyMs; ; ) {
      if (exited) throw new Error(`the program ended:\n${output}`);
      if (Date.now() > end) throw new Error(`the program is not ready:\n${output}`);
      const ok = await fetch(`${base}/v1/config`).then((r) => r.ok, () => false);
      if (ok && linksIn(output).length > 0) break;
      await sleep(200);
    }
  } catch (err) {
    await stop();
    throw err;
  }
  return { base, links: linksIn(output), stop, output: () => output };
}

/** The sign-in links in the program's output, each with the words of its line. */
function linksIn(output) {
  return output
    .split("\n")
    .map((line) => ({ line, url: /https?:\/\/\S*\/signin\?token=\S+/.exec(line)?.[0] }))
    .filter((l) => l.url);
}

export const sleep = (ms) => new Promise((r) => setTimeout(r, ms));

export async function startBrowser() {
  const executablePath = process.env.FIRSTLINE_CHROMIUM ?? "/usr/bin/chromium";
  return chromium.launch({
    executablePath,
    headless: true,
    args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
  });
}

/** A window of its own; every error of its pages ends in problems. */
export async function openWindow(browser, problems, options = {}) {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, locale: "en-GB", timezoneId: "Europe/Berlin", reducedMotion: "reduce", ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(20_000);
  page.on("pageerror", (e) => problems.push(`page error: ${e.message}`));
  page.on("console", (m) => {
    // A request that the tests break on purpose is reported by the browser too; only scripts and the policy count here.
    if (m.type() === "error" && !/Failed to load resource|net::ERR_/.test(m.text())) problems.push(`console: ${m.text()}`);
  });
  return { context, page };
}

/** Takes a picture into a folder that git ignores. */
export async function shot(page, name) {
  mkdirSync(shots, { recursive: true });
  await page.screenshot({ path: join(shots, `${name}.png`) });
}

export function check(ok, what) {
  if (!ok) throw new Error(`not so: ${what}`);
}
