// The chat on a page of another origin, with a policy that allows no more than it must.

import { createHmac } from "node:crypto";
import { createServer } from "node:http";
import { check, checkAxe, drawn, eventually, openWindow, question, shot, signIn } from "../lib.mjs";

const secret = "a secret of the company's own, for this story";
export const options = { env: { FIRSTLINE_CUSTOMER_KEY: secret, FIRSTLINE_MARKETS: "gb:United Kingdom:en+de+es+sv+fr+ar" } };

/** A token as the company's backend makes one. */
function token(sub, name, seconds = 600) {
  const part = (o) => Buffer.from(JSON.stringify(o)).toString("base64url");
  const signed = `${part({ alg: "HS256", typ: "JWT" })}.${part({ sub, name, exp: Math.floor(Date.now() / 1000) + seconds })}`;
  return `${signed}.${createHmac("sha256", secret).update(signed).digest("base64url")}`;
}

/** The company's page: its styles would spoil every button, and its policy names the one other origin. */
let base = "";
const shop = createServer((req, res) => {
  const url = new URL(req.url, "http://shop");
  if (url.pathname === "/page.js") {
    res.setHeader("Content-Type", "text/javascript");
    res.end('window.heard = []; window.Firstline = function () { (Firstline.q = Firstline.q || []).push(arguments); };\nfor (const e of ["ready","open","close","unread","message","handoff","ended","rated","token","error"]) Firstline("on", e, (d) => heard.push([e, d]));\nFirstline("setContext", { page: "Checkout", order: "A-1001" });');
    return;
  }
  if (url.pathname === "/page.css") {
    res.setHeader("Content-Type", "text/css");
    res.end("button { background: rgb(255, 0, 0) !important; font-size: 40px !important } body { font: 20px serif; color: #222; background: #fff } p { color: rgb(0, 100, 0) }");
    return;
  }
  const nonce = url.searchParams.has("nonce");
  const own = `http://${req.headers.host}`;
  res.setHeader("Content-Type", "text/html");
  res.setHeader("Content-Security-Policy", `default-src 'none'; script-src ${nonce ? "'nonce-abc' 'strict-dynamic'" : `${own} ${base}`}; style-src ${own}; connect-src ${base}; img-src ${base} blob:`);
  const n = nonce ? ' nonce="abc"' : "";
  res.end(`<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Shop</title><link rel="stylesheet" href="/page.css"><script${n} src="/page.js"></script><script${n} async src="${base}/widget.js" data-site="shop" data-locale="${url.searchParams.get("locale") ?? "en"}" data-market="gb"></script></head><body><main><h1>Shop</h1><p>Text of the page.</p><button type="button">Buy</button></main></body></html>`);
});
await new Promise((done) => shop.listen(0, "127.0.0.1", done));
shop.unref();
const page0 = `http://127.0.0.1:${shop.address().port}/`;

const call = (page, ...args) => page.evaluate((a) => window.Firstline(...a), args);
const heard = (page, event) => page.evaluate((e) => window.heard.filter((h) => h[0] === e).map((h) => h[1]), event);
const kept = (page) => page.evaluate(() => JSON.parse(localStorage.getItem("firstline.shop.session")));
const launcher = (page) => page.locator("firstline-chat .launch");
const box = (page) => page.locator("firstline-chat .box");

export const steps = [
  [
    "an admin names the page's origin",
    async ({ server, agent }) => {
      base = server.base;
      await signIn(server, agent.page, /admin/i);
      const status = await agent.page.evaluate(async (origin) => {
        const res = await fetch("/v1/admin/sites", { method: "POST", headers: { "Content-Type": "application/json", "X-Firstline": "1" }, body: JSON.stringify({ key: "shop", name: "Shop", origins: [origin], theme: {}, locales: [] }) });
        return `${res.status} ${res.ok ? "" : await res.text()}`;
      }, new URL(page0).origin);
      check(status.startsWith("201"), `the site is there: ${status}`);
    },
  ],
  [
    "the button opens the chat by keys, under the strict policy, and the styles of neither reach the other",
    async ({ customer: { page } }) => {
      await page.goto(page0);
      await launcher(page).waitFor();
      const look = await launcher(page).evaluate((b) => getComputedStyle(b).backgroundColor);
      check(look !== "rgb(255, 0, 0)", `the page's rule does not reach the button: ${look}`);
      await launcher(page).focus();
      await page.keyboard.press("Enter");
      await page.getByRole("button", { name: "Start chat" }).waitFor();
      check((await page.locator("body > main > p").evaluate((p) => getComputedStyle(p).color)) === "rgb(0, 100, 0)", "the page keeps its own look");
      await checkAxe(page, "the first page of the widget");
      await page.keyboard.press("Escape");
      await box(page).waitFor({ state: "hidden" });
      await eventually(() => page.evaluate(() => document.activeElement?.shadowRoot?.activeElement?.classList.contains("launch")), "the focus is back on the button");
      check((await heard(page, "open")).length === 1 && (await heard(page, "close")).length === 1, "the page heard of both");
    },
  ],
  [
    "a customer asks, closes, and reads on the button what came",
    async ({ customer: { page } }) => {
      await call(page, "open");
      await page.getByRole("button", { name: "Start chat" }).click();
      const field = page.getByLabel("Ask a question");
      await field.fill(question);
      await field.press("Enter");
      await page.locator(".row-assistant .source").first().waitFor();
      await eventually(async () => (await heard(page, "message")).some((m) => m.author === "assistant"), "the page hears that a message came");
      await checkAxe(page, "a conversation in the widget");
      await shot(page, "widget-answer");
      await call(page, "close");
      const s = await kept(page);
      await page.evaluate(([b, id, t]) => fetch(`${b}/v1/conversations/${id}/messages`, { method: "POST", headers: { "Content-Type": "application/json", Authorization: `Bearer ${t}` }, body: JSON.stringify({ client_id: "elsewhere", text: "What is the late fee?" }) }).then((r) => r.text()), [base, s.id, s.token]);
      await page.locator("firstline-chat .badge:not([hidden])").waitFor();
      check((await heard(page, "unread")).at(-1).count > 0, "the page hears how many");
      await shot(page, "widget-unread");
    },
  ],
  [
    "the conversation is there after a reload, in two tabs, and becomes the customer's in both",
    async (world) => {
      const { page } = world.customer;
      await page.reload();
      await page.locator("firstline-chat .badge:not([hidden])").waitFor(); // counted without the chat
      await call(page, "open");
      await page.locator(".row-customer", { hasText: question }).first().waitFor();
      const other = (world.other = await world.customer.context.newPage());
      await other.goto(page0);
      await call(other, "open");
      await other.locator(".row-customer", { hasText: question }).first().waitFor();
      const before = await kept(page);
      await call(page, "identify", token("c-1", "Kim Larsen", -3600));
      await eventually(async () => (await heard(page, "token")).length === 1, "the page is asked for another token");
      check((await kept(page)).token === before.token, "the conversation stays as it was");
      await call(page, "identify", token("c-1", "Kim Larsen"));
      await eventually(async () => (await kept(page)).token !== before.token, "the conversation has a token of the customer's");
      const field = other.getByLabel("Ask a question");
      await field.fill("Thank you from the other tab");
      await field.press("Enter");
      await page.locator(".row-customer", { hasText: "from the other tab" }).waitFor();
      check((await kept(page)).id === before.id, "it is the same conversation");
    },
  ],
  [
    "the desk shows who it is, and what the page said as not verified",
    async ({ customer: { page }, agent, server }) => {
      await page.getByRole("button", { name: "Talk to a person" }).click();
      await eventually(async () => (await heard(page, "handoff")).some((h) => h.owner === "queue"), "the page hears of the handoff");
      await agent.page.goto(`${server.base}/desk`);
      await agent.page.locator(".queue").getByText("Kim Larsen").last().click();
      const part = agent.page.locator(".part", { hasText: "From the page" });
      await part.waitFor();
      await part.getByText("Not verified").waitFor();
      await part.getByText("A-1001").waitFor();
      await agent.page.getByText("Confirmed by the company's own system").waitFor();
      await part.scrollIntoViewIfNeeded();
      await shot(agent.page, "widget-desk");
    },
  ],
  [
    "signing out leaves nothing in the browser, in either tab",
    async ({ customer: { page }, other }) => {
      await call(page, "identify", null);
      await page.getByRole("button", { name: "Start chat" }).waitFor();
      await other.getByRole("button", { name: "Start chat" }).waitFor();
      const left = await page.evaluate(() => Object.keys(localStorage).filter((k) => k.startsWith("firstline.")));
      check(left.length === 0, `nothing is left: ${left.join(", ")}`);
      await other.close();
    },
  ],
  [
    "with a nonce, in Arabic, at every width, light and dark",
    async ({ browser, problems }) => {
      for (const locale of ["en", "ar"]) {
        const { context, page } = await openWindow(browser, problems);
        await page.goto(`${page0}?nonce&locale=${locale}`);
        await launcher(page).waitFor();
        await call(page, "open");
        await page.locator("firstline-chat .start [type=submit]").waitFor();
        for (const colorScheme of ["light", "dark"]) {
          await page.emulateMedia({ colorScheme });
          for (const width of [320, 390, 1440]) {
            await page.setViewportSize({ width, height: width < 500 ? 844 : 900 });
            await drawn(page);
            const at = await box(page).boundingBox();
            check(at.x >= 0 && at.x + at.width <= width, `the chat is within ${width} px: ${JSON.stringify(at)}`);
            await shot(page, `widget-${locale}-${width}-${colorScheme}`);
          }
        }
        check((await page.locator("firstline-chat .fl-root").first().getAttribute("dir")) === (locale === "ar" ? "rtl" : "ltr"), "text runs as its language does");
        await checkAxe(page, `the widget in ${locale}`);
        await context.close();
      }
    },
  ],
];
