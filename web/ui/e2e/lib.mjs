// What the browser tests stand on: the program on a free port with a data folder of its own, and a browser.

import { execFile, spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import axe from "axe-core";
import { chromium } from "playwright-core";

export const here = dirname(fileURLToPath(import.meta.url));
export const shots = join(here, "shots");
const root = resolve(here, "../../..");

/** How long anything may take before a story fails: a laptop needs a second, a build machine with much else to do a minute. */
export const patience = 60_000;

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

/** Starts the program, with settings of the story's own in env, waits until it is ready, and reads the sign-in links that it prints. An offer does not run out on a slow machine, unless env says how long it is one. */
export async function startServer({ binary = process.env.FIRSTLINE_BIN ?? join(root, "bin/firstline"), env = {}, readyMs = 120_000 } = {}) {
  if (!existsSync(binary)) throw new Error(`${binary} is missing; build it first, or name it in FIRSTLINE_BIN`);
  const data = mkdtempSync(join(tmpdir(), "firstline-e2e-"));
  const port = await freePort();
  const base = `http://127.0.0.1:${port}`;
  const child = spawn(binary, ["serve", "--demo", "--addr", `127.0.0.1:${port}`, "--data", join(data, "data")], { stdio: ["ignore", "pipe", "pipe"], env: { FIRSTLINE_OFFER_FOR: "10m", ...process.env, ...env } });
  let output = "";
  child.stdout.on("data", (b) => (output += b));
  child.stderr.on("data", (b) => (output += b));
  let exited = false;
  child.on("exit", () => (exited = true));
  child.on("error", (err) => {
    // It could not be started: there is no exit to wait for.
    output += `${err}\n`;
    exited = true;
  });
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
      // Ready to answer: before the index is loaded a question would go to a person.
      const ok = await fetch(`${base}/readyz`).then((r) => r.ok, () => false);
      if (ok && linksIn(output).length > 0) break;
      await sleep(200);
    }
  } catch (err) {
    await stop();
    throw err;
  }
  // Read anew each time: the lines come one after the other, and the first is there before the last.
  const links = () => linksIn(output);
  return { base, get links() { return links(); }, stop, output: () => output, binary, data: join(data, "data") };
}

/** Adds a person with the program's own command, as whoever runs it would, and returns their sign-in link. */
export function addPerson(server, { email, name, role = "agent", teams = [], languages = [] }) {
  const args = ["user", "add", "--data", server.data, "--email", email, "--name", name, "--role", role, "--url", server.base];
  for (const t of teams) args.push("--team", t);
  for (const l of languages) args.push("--language", l);
  return new Promise((done, failed) =>
    execFile(server.binary, args, (err, stdout, stderr) => {
      const url = /https?:\/\/\S*\/signin\?token=\S+/.exec(stdout)?.[0];
      if (err || !url) failed(new Error(`firstline user add: ${err ?? "no link"}\n${stdout}${stderr}`));
      else done(url);
    }),
  );
}

/** Opens the desk with a sign-in link of one's own. */
export async function signInBy(link, page) {
  await page.goto(link);
  await page.getByRole("button", { name: /sign in/i }).click();
  await page.waitForURL(/\/desk/);
  await page.getByRole("region", { name: "Queue" }).waitFor();
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
  page.setDefaultTimeout(patience);
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

/** A question that the demo's articles answer. */
export const question = "What is the late fee?";

/** A customer at the page, who has asked and was answered. */
export async function askSomething(server, page) {
  await page.goto(`${server.base}/chat?locale=en&market=gb`);
  await page.getByRole("button", { name: "Start chat" }).click();
  await page.locator(".row-assistant").first().waitFor();
  await page.locator("#composer").fill(question);
  await page.locator("#composer").press("Enter");
  await page.locator(".row-assistant .source").first().waitFor();
}

/** A conversation without a page: what a customer writes, each answered before the next, and then perhaps the wish for a person. */
export async function startConversation(server, locale, market, texts, handoff) {
  const post = (path, body, token, accept = "application/json") =>
    fetch(`${server.base}${path}`, { method: "POST", headers: { "Content-Type": "application/json", Accept: accept, ...(token ? { Authorization: `Bearer ${token}` } : {}) }, body: JSON.stringify(body) });
  const c = await post("/v1/conversations", { market, locale }).then((r) => r.json());
  for (const [i, text] of texts.entries()) {
    await post(`/v1/conversations/${c.id}/messages`, { client_id: `p${i}`, text }, c.token, "text/event-stream").then((r) => r.text());
  }
  if (handoff) await post(`/v1/conversations/${c.id}/handoff`, {}, c.token).then((r) => r.text());
  return c;
}

/** Opens the desk as somebody whose sign-in link says so: supervisor unless told. A link works once, so later windows get the session of the first. */
export async function signIn(server, page, who = /supervisor|admin/i) {
  server.sessions ??= new Map();
  const link = (server.links.find((l) => who.test(l.line)) ?? server.links[0]).url;
  const session = server.sessions.get(link);
  if (session) {
    await page.context().addCookies(session);
    await page.goto(`${server.base}/desk`);
    await page.getByRole("region", { name: "Queue" }).waitFor();
    return;
  }
  await page.goto(link);
  await page.getByRole("button", { name: /sign in/i }).click();
  await page.waitForURL(/\/desk/);
  server.sessions.set(link, await page.context().cookies());
  await page.getByRole("region", { name: "Queue" }).waitFor();
}

/** The rules of WCAG 2.2, levels A and AA, as axe knows them. */
const wcag = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22a", "wcag22aa"];

/** Fails when axe finds anything on the page that breaks WCAG 2.2 AA, and names every place. */
export async function checkAxe(page, name) {
  // Evaluated by the browser itself, because the pages' policy allows no script from elsewhere.
  if (!(await page.evaluate(() => "axe" in window))) await page.evaluate(axe.source);
  const { violations, passes } = await page.evaluate((tags) => window.axe.run(document, { runOnly: { type: "tag", values: tags }, resultTypes: ["violations"] }), wcag);
  check(passes.length > 5, `axe looked at ${name}`);
  const said = violations.flatMap((v) => v.nodes.map((n) => `${v.id} (${v.help})\n        ${n.target.join(" ")}: ${n.html.slice(0, 160)}\n        ${n.failureSummary?.replace(/\s+/g, " ")}`));
  check(said.length === 0, `${name} has no violation of WCAG 2.2 AA:\n      ${said.join("\n      ")}`);
}

/** Fails unless it is so now. What a page reaches only after a moment is for eventually. */
export function check(ok, what) {
  if (!ok) throw new Error(`not so: ${what}`);
}

/** Waits until fn says so, and returns what it said. What fn throws counts as no: the page may be between two states. what may be a function, so that it can name what was there instead. */
export async function eventually(fn, what, ms = patience) {
  let threw;
  for (const end = Date.now() + ms; ; await sleep(50)) {
    threw = undefined;
    const said = await Promise.resolve()
      .then(fn)
      .catch((err) => void (threw = err));
    if (said) return said;
    if (Date.now() > end) break;
  }
  throw new Error(`not so within ${ms / 1000} s: ${typeof what === "function" ? await what() : what}`, { cause: threw });
}

/** Lets the page draw what it has heard of: before one says that something did not happen. */
export const drawn = (page) => page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(done)))));

/** Waits until what fits this selector has the focus. */
export const focused = (page, selector) => page.waitForFunction((s) => document.activeElement?.matches(s), selector);

/** Waits for the reply's field with the cursor in it: who takes a conversation gets it, and only then is the taking over. */
export async function atReply(page) {
  await page.getByLabel("Reply to the customer").waitFor();
  await focused(page, "#reply");
}

/** Does something that ends in a request to the server, and waits until the server and then the page have done it. */
export async function told(page, end, f) {
  const [res] = await Promise.all([page.waitForResponse((r) => new URL(r.url()).pathname.endsWith(end) && r.request().method() !== "GET"), f()]);
  check(res.ok(), `the server does ${end}: ${res.status()}`);
  await res.finished();
  await drawn(page);
  return res;
}

/** Sets an agent online or away, and waits until the server knows. */
export async function presence(page, state) {
  const radio = page.getByRole("radio", { name: state === "online" ? "Online" : "Away" });
  await radio.waitFor({ state: "attached" });
  if (!(await radio.isChecked())) await told(page, "/presence", () => page.locator(`.presence-${state}`).click());
  await eventually(() => radio.isChecked(), `the agent is ${state}`);
}

/** Holds replies so long that no machine is too slow to take one back. Pages that are open load again. */
export async function holdReplies(page) {
  await page.evaluate(() => localStorage.setItem("firstline.desk.undo", "600000"));
  await page.reload();
  await page.getByRole("region", { name: "Queue" }).waitFor();
}

/** Types until somebody else's page shows that something is being written: the sign lasts but a few seconds. */
export async function typeUntil(field, text, sign) {
  await field.pressSequentially(text);
  await eventually(async () => {
    if (await sign.waitFor({ timeout: 1000 }).then(() => true, () => false)) return true;
    await field.press("x");
    await field.press("Backspace");
    return false;
  }, "others see that something is being written");
}

export const palette = (page) => page.getByRole("dialog", { name: "Find a command" });

/** Types into the palette and takes the first hit, which is the one of this title. */
export async function run(page, letters, title) {
  await page.keyboard.press("Control+k");
  await palette(page).waitFor();
  await focused(page, ".palette input");
  await page.keyboard.type(letters);
  await palette(page).locator("[aria-selected=true]", { hasText: title }).waitFor();
  await page.keyboard.press("Enter");
  await palette(page).waitFor({ state: "detached" });
}
