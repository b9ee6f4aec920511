// What leaves the house: an admin adds a webhook on the page, tries it, sees what it missed, and sends it again.

import { createHmac } from "node:crypto";
import { createServer } from "node:http";
import { check, checkAxe, eventually, openWindow, shot, startConversation } from "../lib.mjs";

export const options = { env: { FIRSTLINE_DELIVERY_ALLOW: "127.0.0.0/8" } };

const got = [];
let status = 200;
let receiver;

/** Waits until the receiver has what fits, and returns it. */
const received = (fits, what) => eventually(() => got.find(fits), () => `${what} arrives; there is ${got.map((g) => g.event.type).join(", ")}`);

/** Loads the page again until it shows the text. */
const shows = (page, text) =>
  eventually(async () => (await page.getByText(text).first().isVisible()) || (await page.reload(), false), `the page shows ${text}`);

export const steps = [
  [
    "an admin adds a webhook and sends it a ping, signed with the secret that is shown once",
    async (world) => {
      const { server, agent } = world;
      const page = (world.admin = agent).page;
      receiver = createServer((req, res) => {
        let body = "";
        req.on("data", (b) => (body += b));
        req.on("end", () => {
          got.push({ headers: req.headers, body, event: JSON.parse(body), status });
          res.writeHead(status).end("out of order");
        });
      });
      await new Promise((done) => receiver.listen(0, "127.0.0.1", done));
      receiver.unref();
      await page.goto(server.links.find((l) => /admin/.test(l.line)).url);
      await page.getByRole("button", { name: /sign in/i }).click();
      await page.waitForURL(/\/(desk|admin|account)/);
      await page.goto(`${server.base}/admin`);
      await page.getByRole("link", { name: "Delivery" }).click();
      await page.getByLabel("Address", { exact: true }).fill(`http://127.0.0.1:${receiver.address().port}/hooks`);
      await page.getByLabel("What it is for").fill("Our data warehouse");
      await page.getByRole("button", { name: "Add" }).first().click();
      const notice = await page.getByText(/The secret of the webhook/).innerText();
      world.secret = /whsec_\S+/.exec(notice)[0];
      await page.getByRole("button", { name: "Send a ping" }).click();
      await page.getByText("It answered with status 200").waitFor();
      check(!(await page.content()).includes("whsec_"), "the secret is shown once");
      const ping = await received((g) => g.event.type === "ping", "the ping");
      const key = Buffer.from(world.secret.replace("whsec_", ""), "base64");
      const signature = createHmac("sha256", key).update(`${ping.headers["webhook-id"]}.${ping.headers["webhook-timestamp"]}.${ping.body}`).digest("base64");
      check(ping.headers["webhook-signature"] === `v1,${signature}`, "the signature holds");
    },
  ],
  [
    "a handoff arrives with its package",
    async ({ server }) => {
      await startConversation(server, "en", "gb", ["What is the late fee?"], true);
      const made = await received((g) => g.event.type === "handoff.created", "the handoff");
      check(made.event.data.package.transcript.some((l) => l.text === "What is the late fee?"), "the package has what the customer wrote");
    },
  ],
  [
    "what is refused stays on the list, says why, and is sent again with the same id",
    async ({ server, admin: { page } }) => {
      status = 503;
      await startConversation(server, "en", "gb", ["What is the late fee?"], true);
      const missed = await received((g) => g.status === 503 && g.event.type === "handoff.created", "the second handoff");
      await page.goto(`${server.base}/admin/delivery?state=pending`);
      await shows(page, "status 503");
      await page.getByRole("link", { name: "handoff.created" }).first().click();
      await page.getByText("out of order").waitFor();
      await page.getByRole("button", { name: "Give up" }).click();
      await page.getByText("It was given up").waitFor();
      status = 200;
      await page.getByRole("button", { name: "Send again" }).click();
      await page.getByText("It is sent again").waitFor();
      const again = await received((g) => g.status === 200 && g.headers["webhook-id"] === missed.headers["webhook-id"], "the delivery");
      check(again.body === missed.body, "it is the same message");
      await shows(page, "taken");
    },
  ],
  [
    "other desks are added on the same page; a wrong entry is said in words",
    async ({ server, admin: { page } }) => {
      await page.goto(`${server.base}/admin/delivery`);
      await page.getByText("Add Chatwoot").click();
      const form = page.locator("details", { hasText: "Add Chatwoot" });
      await form.getByLabel("Name that customers read").fill("Larkpay support");
      await form.getByLabel("Address of the desk").fill(`http://127.0.0.1:${receiver.address().port}`);
      await form.getByLabel("Account").fill("3");
      await form.getByLabel("Inbox, of the kind API").fill("6");
      await form.getByLabel("Token").fill("a token");
      await form.getByLabel("Signing secret").fill("a secret");
      await form.getByRole("button", { name: "Add" }).click();
      await page.getByText("It was added.").waitFor();
      await page.getByText(/\/v1\/inbound\//).waitFor();
      await page.getByText("Add mailboxes").waitFor({ state: "detached" });
      await page.getByText("FIRSTLINE_SMTP_URL").waitFor();
      await page.getByText("Add Slack").click();
      const slack = page.locator("details", { hasText: "Add Slack" });
      for (const name of ["Name that customers read", "Channel (its id)", "Token", "Signing secret"]) await slack.getByLabel(name).fill(" ");
      await slack.getByRole("button", { name: "Add" }).click();
      await page.getByRole("alert").waitFor();
    },
  ],
  [
    "axe finds nothing on its pages",
    async ({ browser, problems, server, admin }) => {
      const letter = await (async () => {
        await admin.page.goto(`${server.base}/admin/delivery?state=done`);
        return admin.page.getByRole("link", { name: "handoff.created" }).first().getAttribute("href");
      })();
      for (const [size, viewport] of [
        ["wide", { width: 1440, height: 900 }],
        ["phone", { width: 390, height: 844 }],
      ]) {
        const { page, context } = await openWindow(browser, problems, { viewport, storageState: await admin.context.storageState() });
        for (const path of ["/admin/delivery?state=done", letter]) {
          await page.goto(server.base + path);
          for (const d of await page.locator("details").all()) await d.evaluate((e) => (e.open = true));
          for (const colorScheme of ["light", "dark"]) {
            await page.emulateMedia({ colorScheme });
            await checkAxe(page, `${path.split("?")[0]}, ${size}, ${colorScheme}`);
            check((await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)) <= 0, `${path} fits, ${size}`);
            await shot(page, `delivery-${path === letter ? "letter" : "page"}-${size}-${colorScheme}`);
          }
        }
        await context.close();
      }
      receiver.close();
    },
  ],
];
