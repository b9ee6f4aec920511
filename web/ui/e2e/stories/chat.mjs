// A customer alone with the assistant.

import { check, drawn, eventually, focused, openWindow, question, shot } from "../lib.mjs";

const session = (page) => page.evaluate(() => JSON.parse(localStorage.getItem("firstline.session")));
const customerRows = (page) => page.locator(".row-customer .bubble");

export const steps = [
  [
    "the first page says that an AI answers, before the first word",
    async ({ customer: { page }, server }) => {
      await page.goto(`${server.base}/chat?locale=en&market=gb`);
      await page.getByRole("button", { name: "Start chat" }).waitFor();
      await page.locator(".disclosure", { hasText: "AI assistant" }).waitFor(); // on the first page
      await page.getByRole("button", { name: "Talk to a person" }).waitFor();
      await shot(page, "chat-start");
    },
  ],
  [
    "a customer asks and reads an answer with its source",
    async ({ customer: { page } }) => {
      await page.getByRole("button", { name: "Start chat" }).click();
      await page.locator(".row-assistant").first().waitFor();
      await eventually(async () => (await page.locator(".row-assistant .ai-mark").first().innerText()) === "AI", "the greeting is marked as AI");
      const field = page.getByLabel("Ask a question");
      await field.fill(question);
      await field.press("Enter");
      await page.locator(".row-customer", { hasText: question }).waitFor();
      await page.locator(".row-assistant .source").first().waitFor();
      const unmarked = () => page.evaluate(() => document.querySelectorAll(".row-assistant .ai-mark").length - document.querySelectorAll(".row-assistant").length);
      await eventually(async () => (await unmarked()) === 0, "every message of the assistant carries its mark");
      await page.waitForFunction(() => document.querySelector('.sr-only[aria-live="polite"]')?.textContent?.startsWith("AI assistant: "));
      await page.locator(".dots-row").waitFor({ state: "detached" }); // nothing is being written any more
      await shot(page, "chat-answer");
    },
  ],
  [
    "the source opens beside the conversation, at the section",
    async ({ customer: { page } }) => {
      await page.locator(".row-assistant .cite").last().click();
      await page.locator(".panel .prose").waitFor();
      await eventually(async () => (await page.locator(".panel .prose > *").count()) > 1, "the article is there");
      await eventually(async () => (await page.locator(".panel .cited").count()) === 1, "the cited section is marked");
      const visible = () =>
        page.evaluate(() => {
          const box = document.querySelector(".panel-scroll").getBoundingClientRect();
          const at = document.querySelector(".panel .cited").getBoundingClientRect();
          return at.top >= box.top - 1 && at.bottom <= box.bottom + 1;
        });
      await eventually(visible, "the cited section is in view");
      const href = await page.getByRole("link", { name: "Open in help centre" }).getAttribute("href");
      check(/^\/help\/[\w-]+\?locale=en/.test(href), `the link leads to the help centre: ${href}`);
      await shot(page, "chat-source");
      await page.keyboard.press("Escape");
      await page.locator(".panel").waitFor({ state: "detached" });
      await focused(page, ".cite"); // it is back on the number
    },
  ],
  [
    "an article with hostile markup does nothing",
    async ({ customer: { page }, problems }) => {
      const html = `<h2 id="composer">Hi</h2><script>window.hacked=1</script><img src=x onerror="window.hacked=2"><img src="https://evil.example/p.png">
        <a href="javascript:window.hacked=3">a</a><a href="java&#10;script:window.hacked=3">b</a><svg><script>window.hacked=4</script><a href="javascript:1">c</a></svg>
        <iframe srcdoc="<script>parent.hacked=5</script>"></iframe><form action="https://evil.example"><button>go</button></form><p style="position:fixed" onclick="window.hacked=6">text</p>
        <math><mtext><table><mglyph><style><!--</style><img title="--&gt;&lt;img src=1 onerror=window.hacked=7&gt;"></table></math>`;
      await page.route("**/v1/help/articles/**", (r) => r.fulfill({ json: { slug: "x", title: "Hostile", description: "", html, locale: "en", collection: "c", version: 1, updated_at: "2026-01-01T00:00:00Z", toc: [] } }));
      const asked = [];
      page.on("request", (r) => asked.push(r.url()));
      await page.locator(".row-assistant .cite").first().click();
      await page.locator(".panel h2", { hasText: "Hostile" }).waitFor();
      await page.locator(".panel .prose p").click();
      // What the article began to load before this has failed when this has.
      await page.evaluate(() => new Promise((done) => Object.assign(new Image(), { onload: done, onerror: done, src: "/x?behind" })));
      await drawn(page);
      const found = await page.evaluate(() => ({
        hacked: window.hacked,
        bad: document.querySelectorAll(".prose script, .prose svg, .prose iframe, .prose form, .prose math, .prose style, .prose img, .prose [onclick], .prose [style], .prose [href^=java i]").length,
        ids: document.querySelectorAll("#composer").length,
      }));
      check(found.hacked === undefined && found.bad === 0, `nothing ran and nothing hostile is in the page: ${JSON.stringify(found)}`);
      check(found.ids === 1, "the article took no name of the page");
      check(!asked.some((u) => u.includes("evil.example")), "nothing was loaded from elsewhere");
      await page.unroute("**/v1/help/articles/**");
      await page.keyboard.press("Escape");
      // The parser's own document is under the page's policy, which says that it forbids what is hostile in it.
      const others = problems.splice(0).filter((p) => !/violates the following Content Security Policy/.test(p));
      problems.push(...others);
    },
  ],
  [
    "an answer can be judged",
    async ({ customer: { page } }) => {
      const sent = page.waitForResponse((r) => r.url().includes("/feedback"));
      await page.locator(".helpful").last().getByRole("button", { name: "Yes" }).click();
      check((await sent).ok(), "the server took it");
      await eventually(async () => (await page.locator(".helpful [aria-pressed=true]").count()) === 1, "the button shows it");
    },
  ],
  [
    "a reload brings everything back, once",
    async ({ customer: { page } }) => {
      const before = await page.locator(".row").count();
      const id = (await session(page)).id;
      await page.getByLabel("Ask a question").fill("half a thought");
      await page.reload();
      await page.locator(".row-assistant .source").first().waitFor();
      check((await session(page)).id === id, "the same conversation");
      await eventually(async () => (await page.locator(".row").count()) === before, "the same messages");
      await eventually(async () => (await page.getByLabel("Ask a question").inputValue()) === "half a thought", "what was being written is there");
      check((await page.locator('.sr-only[aria-live="polite"]').first().textContent()) === "", "nothing old is read out");
      await page.getByLabel("Ask a question").fill("");
    },
  ],
  [
    "offline: what is written waits, survives a reload of the tab, and is stored once",
    async ({ customer: { page, context } }) => {
      await context.setOffline(true);
      await page.locator(".bar", { hasText: "You are offline" }).waitFor();
      const field = page.getByLabel("Ask a question");
      await field.fill("How do I change my phone number?");
      await field.press("Enter");
      await page.locator(".row-customer .meta", { hasText: "Will be sent when you are connected" }).waitFor();
      await shot(page, "chat-offline");
      await eventually(() => page.evaluate(() => JSON.parse(localStorage.getItem("firstline.outbox")).length === 1), "it is kept in the browser");
      await page.route("**/messages", (r) => (r.request().method() === "POST" ? r.abort() : r.continue()));
      await context.setOffline(false);
      await page.locator(".bar").waitFor({ state: "detached" });
      await page.reload();
      await page.locator(".row-customer .meta", { hasText: /Will be sent|Not sent/ }).waitFor();
      await page.unroute("**/messages");
      await page.waitForFunction(() => JSON.parse(localStorage.getItem("firstline.outbox")).length === 0);
      await page.waitForFunction(() => !document.querySelector(".dots-row") && document.querySelector(".row:last-child")?.matches(".row-assistant, .row-system"));
      await eventually(async () => (await customerRows(page).filter({ hasText: "How do I change my phone number?" }).count()) === 1, "it is there once");
    },
  ],
  [
    "a message whose answer is lost is sent again and stored once; one that the server refuses can be deleted",
    async ({ customer: { page } }) => {
      let lost = 0;
      await page.route("**/messages", async (r) => {
        if (r.request().method() === "POST" && lost++ === 0) {
          await r.fetch(); // it arrives, but the answer does not
          return r.abort();
        }
        return r.continue();
      });
      const field = page.getByLabel("Ask a question");
      await field.fill("Thank you");
      await field.press("Enter");
      await page.waitForFunction(() => JSON.parse(localStorage.getItem("firstline.outbox")).length === 0);
      await eventually(async () => (await customerRows(page).filter({ hasText: /^You: Thank you/ }).count()) === 1, "it is there once");
      await page.unroute("**/messages");

      await page.route("**/messages", (r) => (r.request().method() === "POST" ? r.fulfill({ status: 422, contentType: "application/problem+json", json: { status: 422, code: "too_long", detail: "Please split it." } }) : r.continue()));
      await field.fill("refused");
      await field.press("Enter");
      await page.locator(".meta .wrong", { hasText: "Please split it." }).waitFor();
      await page.getByRole("button", { name: "Delete" }).click();
      await customerRows(page).filter({ hasText: "refused" }).waitFor({ state: "detached" });
      await page.unroute("**/messages");
    },
  ],
  [
    "Shift+Enter makes a line, an input method's Enter sends nothing, the counter warns near the end",
    async ({ customer: { page } }) => {
      const field = page.locator("#composer");
      const before = await customerRows(page).count();
      await field.fill("a");
      await field.press("Shift+Enter");
      await field.pressSequentially("b");
      await eventually(async () => (await field.inputValue()) === "a\nb", "there are two lines");
      await field.evaluate((e) => e.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", isComposing: true, bubbles: true, cancelable: true })));
      await drawn(page);
      check((await field.inputValue()) === "a\nb" && (await customerRows(page).count()) === before, "nothing was sent");
      await field.fill("x".repeat(3990));
      await eventually(async () => (await page.locator("#counter").innerText()) === "10 characters left", "the counter counts");
      await field.fill("x".repeat(4001));
      await eventually(() => page.getByRole("button", { name: "Send" }).isDisabled(), "too much cannot be sent");
      await field.fill("");
    },
  ],
  [
    "the page speaks the customer's language",
    async ({ browser, server, problems }) => {
      for (const [locale, market, words] of [
        ["de", "de", ["Chat starten", "Mit einem Menschen sprechen"]],
        ["es", "es", ["Empezar el chat", "Hablar con una persona"]],
        ["sv", "se", ["Starta chatten", "Prata med en människa"]],
      ]) {
        const { page, context } = await openWindow(browser, problems, { locale: `${locale}-${market.toUpperCase()}`, viewport: { width: 390, height: 844 } });
        await page.goto(`${server.base}/chat`);
        await page.getByRole("button", { name: words[0] }).waitFor();
        await page.getByRole("button", { name: words[1] }).waitFor();
        await eventually(async () => (await page.locator("html").getAttribute("lang")) === locale, `the page says that it is in ${locale}`);
        await eventually(async () => (await page.locator("select").nth(1).inputValue()) === market, `the country is ${market}`);
        const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
        check(wide <= 0, "nothing sticks out on a phone");
        await context.close();
      }
    },
  ],
];
