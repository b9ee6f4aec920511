// A customer is told of an answer by a push message. No push service can be reached here, so the browser's subscription is
// given an endpoint of this file's own, which decrypts what the program sends (RFC 8291); the plain text is then handed to
// the real service worker by the browser's own tools, and the click on the real notification is an event that this file
// makes, because nothing in a browser without a screen can be clicked.

import { createDecipheriv, createECDH, hkdfSync, randomBytes } from "node:crypto";
import { createServer } from "node:http";
import { askSomething, check, eventually, shot } from "../lib.mjs";

const browserKey = createECDH("prime256v1");
browserKey.generateKeys();
const auth = randomBytes(16);
const got = [];
const service = createServer((req, res) => {
  const parts = [];
  req.on("data", (b) => parts.push(b));
  req.on("end", () => {
    got.push({ headers: req.headers, text: decrypted(Buffer.concat(parts)) });
    res.writeHead(201).end();
  });
});
await new Promise((done) => service.listen(0, "127.0.0.1", done));
service.unref();
const endpoint = `http://127.0.0.1:${service.address().port}/push/1`;

/** Reads a message as the browser would that it is for. */
function decrypted(body) {
  const salt = body.subarray(0, 16);
  const end = 21 + body[20];
  const theirs = body.subarray(21, end);
  const secret = browserKey.computeSecret(theirs);
  const ikm = Buffer.from(hkdfSync("sha256", secret, auth, Buffer.concat([Buffer.from("WebPush: info\0"), browserKey.getPublicKey(), theirs]), 32));
  const key = Buffer.from(hkdfSync("sha256", ikm, salt, Buffer.from("Content-Encoding: aes128gcm\0"), 16));
  const nonce = Buffer.from(hkdfSync("sha256", ikm, salt, Buffer.from("Content-Encoding: nonce\0"), 12));
  const d = createDecipheriv("aes-128-gcm", key, nonce);
  d.setAuthTag(body.subarray(-16));
  const plain = Buffer.concat([d.update(body.subarray(end, -16)), d.final()]);
  return plain.subarray(0, plain.lastIndexOf(2)).toString("utf8"); // 2 ends the last record
}

export const options = { env: { FIRSTLINE_PUSH_AFTER: "300ms", FIRSTLINE_DELIVERY_ALLOW: "127.0.0.0/8" } };

const ask = async ({ server, mine }, id, text) => {
  const res = await fetch(`${server.base}/v1/conversations/${mine.id}/messages`, { method: "POST", headers: { "Content-Type": "application/json", Authorization: `Bearer ${mine.token}` }, body: JSON.stringify({ client_id: id, text }) });
  check(res.status === 202, `the question is taken: ${res.status}`);
};
const arrived = (n) => eventually(() => got.length >= n && got[n - 1], () => `push message ${n} arrives; there are ${got.length}`);
const shown = (worker) => worker.evaluate(async () => (await self.registration.getNotifications()).map((n) => ({ title: n.title, body: n.body, tag: n.tag, link: n.data?.link ?? "" })));
/**
 * Counts what the worker has had shown. A browser that is asked for its notifications forgets those that are written down but
 * not yet on the screen, so nobody asks before the showing is over.
 */
const countShown = (worker) =>
  worker.evaluate(() => {
    self.shown = 0;
    const show = self.registration.showNotification.bind(self.registration);
    self.registration.showNotification = async (...what) => {
      await show(...what);
      self.shown++;
    };
  });
const click = (worker, tag) =>
  worker.evaluate(async (tag) => {
    const [notification] = await self.registration.getNotifications({ tag });
    self.dispatchEvent(new NotificationEvent("notificationclick", { notification }));
  }, tag);

export const steps = [
  [
    "a customer has this device tell of answers",
    async (world) => {
      const { server, customer: { page, context } } = world;
      await context.grantPermissions(["notifications"], { origin: server.base });
      const keys = { p256dh: browserKey.getPublicKey().toString("base64url"), auth: auth.toString("base64url") };
      await context.addInitScript(([endpoint, keys]) => {
        PushManager.prototype.subscribe = async function (o) {
          window.asked = o;
          return { toJSON: () => ({ endpoint, keys }) };
        };
      }, [endpoint, keys]);
      await askSomething(server, page);
      world.mine = await page.evaluate(() => JSON.parse(localStorage.getItem("firstline.session")));
      await page.getByRole("button", { name: "More" }).click();
      await page.getByRole("menuitem", { name: "Tell me when there is an answer" }).click();
      await page.getByRole("button", { name: "Show a notification on this device" }).click();
      await page.getByText("This device shows a notification.").first().waitFor();
      check(await page.evaluate(() => window.asked.userVisibleOnly && window.asked.applicationServerKey.length === 87), "it is subscribed with the program's key, to be seen");
      world.worker = await eventually(() => context.serviceWorkers().find((w) => w.url() === `${server.base}/sw.js`), "the service worker runs");
      await countShown(world.worker);
      await shot(page, "push-dialog");
    },
  ],
  [
    "what is answered when the page is closed is pushed, without its text, and shown",
    async (world) => {
      const { server, customer: { page, context } } = world;
      await page.goto(`${server.base}/help?locale=en&market=gb`);
      await ask(world, "later", "Can I pause a payment?");
      const message = await arrived(1);
      check(message.headers["content-encoding"] === "aes128gcm" && message.headers.ttl === String(4 * 7 * 86_400) && /^vapid t=/.test(message.headers.authorization), `as push services want it: ${JSON.stringify(message.headers)}`);
      const said = JSON.parse(message.text);
      check(said.title === "Larkpay has answered" && said.text === "Open the chat to read it." && !/payment|pause/i.test(message.text), `it says nothing of the conversation: ${message.text}`);
      const tools = await context.newCDPSession(page);
      let registration;
      tools.on("ServiceWorker.workerRegistrationUpdated", ({ registrations }) => (registration = registrations.find((r) => r.scopeURL === `${server.base}/chat` && !r.isDeleted) ?? registration));
      await tools.send("ServiceWorker.enable");
      await eventually(() => registration, "the worker is registered for the chat");
      world.deliver = async (data) => {
        const before = await world.worker.evaluate(() => self.shown);
        await tools.send("ServiceWorker.deliverPushMessage", { origin: server.base, registrationId: registration.registrationId, data });
        await eventually(() => world.worker.evaluate((n) => self.shown > n, before), "a notification is shown");
      };
      await world.deliver(message.text);
      const all = await shown(world.worker);
      check(all.length === 1, `one is shown: ${JSON.stringify(all)}`);
      const [n] = all;
      check(n.title === said.title && n.body === said.text && n.tag === said.tag && n.link === said.link, `what it says: ${JSON.stringify(n)}`);
    },
  ],
  [
    "the next one takes its place",
    async (world) => {
      await ask(world, "again", "What is the late fee?");
      const message = await arrived(2);
      const said = (world.said = JSON.parse(message.text));
      await world.deliver(message.text);
      const all = await shown(world.worker);
      check(all.length === 1 && all[0].link === said.link, `the newer one alone: ${JSON.stringify(all)}`);
    },
  ],
  [
    "a click opens the thread, in a browser that had forgotten it",
    async (world) => {
      const { server, customer: { page }, worker, said } = world;
      await page.evaluate(() => localStorage.clear());
      await page.goto(`${server.base}/chat?locale=en&market=gb`);
      await page.getByRole("button", { name: "Start chat" }).waitFor();
      await click(worker, said.tag);
      await page.locator(".row-customer", { hasText: "Can I pause a payment?" }).waitFor();
      check((await page.evaluate(() => JSON.parse(localStorage.getItem("firstline.session")))).id === world.mine.id, "it is the same conversation");
      await eventually(async () => (await shown(worker)).length === 0, "the notification is gone");
      await shot(page, "push-opened");
    },
  ],
  [
    "what cannot be read is told of without words, and a link to elsewhere leads nowhere",
    async (world) => {
      const { server, customer: { page, context }, worker } = world;
      await page.goto(`${server.base}/help?locale=en&market=gb`);
      await world.deliver("{ no JSON");
      check((await shown(worker)).some((n) => n.title === "…" && n.body === ""), "browsers want to see something");
      await world.deliver(JSON.stringify({ title: "Elsewhere", text: "", tag: "elsewhere", link: "https://evil.example/chat#t=x" }));
      check((await shown(worker)).some((n) => n.tag === "elsewhere"), "it is shown");
      await page.goto(`${server.base}/chat?locale=en&market=gb`);
      await page.locator(".row-customer").first().waitFor();
      await page.evaluate(() => {
        window.heard = [];
        navigator.serviceWorker.addEventListener("message", (e) => window.heard.push(e.data));
      });
      await click(worker, "elsewhere");
      await eventually(async () => !(await shown(worker)).some((n) => n.tag === "elsewhere"), "the click was heard");
      // A message behind it: when that has arrived, the click's would have.
      await worker.evaluate(async () => (await self.clients.matchAll({ type: "window", includeUncontrolled: true })).forEach((c) => c.postMessage({ firstline: "behind" })));
      await page.waitForFunction(() => window.heard.some((m) => m.firstline === "behind"));
      check((await page.evaluate(() => window.heard.length)) === 1 && context.pages().length === 1, "nothing was opened");
    },
  ],
];
