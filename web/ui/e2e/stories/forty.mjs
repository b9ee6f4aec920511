// Forty open chats and a long queue on one desk: every switch shows the right conversation, one connection carries all,
// and only what is in sight is drawn. What it takes is printed, not judged: machines differ.

import { check, eventually, presence, signIn, startConversation } from "../lib.mjs";

const chats = 40;
const queue = 120;

export const options = { env: { FIRSTLINE_LIMIT: "0" } };

const mine = (page) => page.locator(".group", { hasText: "My conversations" });
const waiting = (page) => page.locator(".group", { hasText: "Waiting" });

/** Several at a time, so that the program is busy but not drowned. */
async function some(n, f) {
  let next = 0;
  await Promise.all(
    Array.from({ length: 8 }, async () => {
      for (let i = next++; i < n; i = next++) await f(i);
    }),
  );
}

function quantiles(ms) {
  const s = [...ms].sort((a, b) => a - b);
  const at = (q) => s[Math.min(s.length - 1, Math.floor(q * s.length))].toFixed(0);
  return `p50 ${at(0.5)} ms, p95 ${at(0.95)} ms, slowest ${at(1)} ms`;
}

/** Opens the first of the agent's chats. */
async function toTop(page) {
  await page.locator(".queue .scroll").evaluate((e) => (e.scrollTop = 0));
  await mine(page).locator('li[aria-posinset="1"] .row-item').click();
}

/** Goes through all chats by the key j; how long each took from the key to the frame that shows its own words. */
async function round(page, names) {
  await page.keyboard.press("Escape");
  await toTop(page);
  await page.locator(".transcript", { hasText: names[0] }).waitFor();
  const took = [];
  for (const name of names.slice(1)) {
    took.push(
      await page.evaluate(async (words) => {
        const began = performance.now();
        document.body.dispatchEvent(new KeyboardEvent("keydown", { key: "j", code: "KeyJ", bubbles: true }));
        for (const end = began + 60_000; performance.now() < end; ) {
          await new Promise((done) => requestAnimationFrame(done));
          if (document.querySelector(".transcript")?.textContent.includes(words)) return performance.now() - began;
        }
        throw new Error(`never showed ${words}`);
      }, name),
    );
  }
  return took;
}

export const steps = [
  [
    `${chats} customers talk to one agent`,
    async (world) => {
      const { server, agent } = world;
      await signIn(server, agent.page);
      world.streams = 0; // at a time: one that broke may come again
      const open = new Set();
      const isStream = (r) => /\/events$/.test(r.url());
      agent.page.on("request", (r) => isStream(r) && (open.add(r), (world.streams = Math.max(world.streams, open.size))));
      for (const end of ["requestfinished", "requestfailed"]) agent.page.on(end, (r) => open.delete(r));
      await agent.page.reload(); // so that the first is seen
      await presence(agent.page, "away");
      world.customers = [];
      await some(chats, async (i) => {
        const c = await startConversation(server, "en", "gb", [`Purchase number ${1000 + i} is wrong`], true);
        world.customers.push({ ...c, words: `number ${1000 + i} ` });
      });
      const taken = await agent.page.evaluate(async () => {
        const headers = { "X-Firstline": "1", "Content-Type": "application/json" };
        const { handoffs } = await (await fetch("/v1/agent/handoffs?state=queued")).json();
        const all = await Promise.all(handoffs.map((h) => fetch(`/v1/agent/handoffs/${h.id}/accept`, { method: "POST", headers, body: "{}" })));
        return all.filter((r) => r.ok).length;
      });
      check(taken === chats, `${chats} were taken: ${taken}`);
      await mine(agent.page).locator("h2 .count", { hasText: String(chats) }).waitFor();
    },
  ],
  [
    `${queue} more wait, and the page draws only what is in sight`,
    async (world) => {
      const { page } = world.agent;
      await some(queue, () => startConversation(world.server, "en", "gb", [], true));
      await waiting(page).locator("h2 .count", { hasText: String(queue) }).waitFor();
      let drawn;
      await eventually(async () => (drawn = await page.locator(".row-item").count()) >= 8 && drawn < 60, () => `few rows of ${chats + queue} are in the page: ${drawn}`);
      const places = () => page.locator(".rows li").evaluateAll((all) => all.map((e) => `${e.ariaPosInSet} of ${e.ariaSetSize}`));
      await eventually(async () => (await places()).includes(`1 of ${chats}`), "each row says its place in the whole list");
      await page.locator(".queue .scroll").evaluate((e) => (e.scrollTop = e.scrollHeight));
      await page.locator(`.rows li[aria-posinset="${queue}"]`).waitFor();
      await eventually(async () => (await page.locator(".row-item").count()) < 60, "also at the end");
      const seen = () => page.locator(`.rows li[aria-posinset="${queue}"]`).evaluate((e) => e.getBoundingClientRect().bottom <= innerHeight);
      await eventually(seen, "the last row can be reached");
      await page.locator(".queue .scroll").evaluate((e) => (e.scrollTop = 0));
    },
  ],
  [
    "every chat is reached by the key, is in sight in the list, and shows its own words",
    async (world) => {
      const { page } = world.agent;
      const order = [];
      const first = await page.evaluate(async () => (await (await fetch("/v1/agent/handoffs?state=mine")).json()).handoffs.map((h) => h.conversation_id));
      for (const id of first) order.push(world.customers.find((c) => c.id === id).words);
      world.names = order;
      console.log(`      first time: ${quantiles(await round(page, order))}`);
      const current = page.locator(".row-item[aria-current]");
      await eventually(() => current.evaluate((e) => e.getBoundingClientRect().bottom <= innerHeight && e.getBoundingClientRect().top >= 0), "the open row is in sight");
      console.log(`      again:      ${quantiles(await round(page, order))}`);
      check(world.streams === 1, `one stream for everything, not ${world.streams}`);
    },
  ],
  [
    "while all forty write, the agent types: every letter arrives, and each list entry says what is new",
    async (world) => {
      const { page } = world.agent;
      await toTop(page);
      await page.getByLabel("Reply to the customer").click();
      await page.evaluate(() => {
        window.took = [];
        window.long = 0;
        document.addEventListener("keydown", () => {
          const began = performance.now();
          requestAnimationFrame(() => setTimeout(() => window.took.push(performance.now() - began)));
        });
        new PerformanceObserver((l) => (window.long += l.getEntries().length)).observe({ type: "longtask" });
      });
      const text = "I am looking into your purchase and shall be back within the hour with what the shop says about it.";
      const writing = some(chats, (i) => {
        const c = world.customers[i];
        return fetch(`${world.server.base}/v1/conversations/${c.id}/messages`, { method: "POST", headers: { "Content-Type": "application/json", Authorization: `Bearer ${c.token}` }, body: JSON.stringify({ client_id: "more", text: `Any news about ${c.words}?` }) }).then((r) => check(r.ok, `the customer's message is taken: ${r.status}`));
      });
      await page.keyboard.type(text, { delay: 15 });
      await writing;
      await eventually(async () => (await page.getByLabel("Reply to the customer").inputValue()) === text, "every letter arrived");
      const { took, long } = await page.evaluate(() => ({ took: window.took, long: window.long }));
      console.log(`      from key to frame: ${quantiles(took)}; tasks over 50 ms: ${long}`);
      await page.locator(".tag", { hasText: "New message" }).nth(5).waitFor();
      const open = world.customers.find((c) => c.words === world.names[0]);
      await page.locator(".from-customer", { hasText: `Any news about ${open.words}` }).waitFor();
      check((await page.locator(".row-item[aria-current] .tag", { hasText: "New message" }).count()) === 0, "what is open is not new");
      await page.keyboard.press("Escape");
      await page.keyboard.press("u");
      await page.locator(".transcript", { hasText: world.names[1] }).waitFor();
    },
  ],
];
