// The help centre: read without script, searched while one types by keys alone, judged with and without script, printed,
// and left for the chat with the article in hand.

import { check, checkAxe, eventually, focused, openWindow } from "../lib.mjs";

const reader = "locale=en&market=gb";

export const steps = [
  [
    "without script everything is read, searched and judged",
    async ({ server, browser, problems }) => {
      const { context, page } = await openWindow(browser, problems, { javaScriptEnabled: false, viewport: { width: 320, height: 700 } });
      await page.goto(`${server.base}/help?${reader}`);
      await page.locator("#q").fill("late fee");
      await page.locator("#q").press("Enter");
      await page.getByRole("heading", { name: /Results for/ }).waitFor();
      await page.locator(".results h2 a").first().click();
      await page.locator("article.prose h2").first().waitFor();
      check((await page.locator("article.prose").innerText()).includes("days of grace"), "the article is there");
      await page.goto(`${server.base}/help/late-fees?${reader}`);
      await page.getByRole("button", { name: "No", exact: true }).click();
      await page.getByRole("heading", { name: "What was the problem?" }).waitFor();
      await page.getByLabel("It is out of date").check();
      await page.getByRole("button", { name: "Send", exact: true }).click();
      await page.getByText("The people who write these articles will read it.").waitFor();
      await page.locator("details.where summary").click();
      await page.locator("select[name=locale]").selectOption("de");
      await page.locator("details.where button").click();
      check((await page.locator("html").getAttribute("lang")) === "de", "the language changes");
      await context.close();
    },
  ],
  [
    "search suggests while one types, by keys alone, misspelt words too",
    async ({ server, customer: { page } }) => {
      await page.goto(`${server.base}/help?${reader}`);
      const field = page.locator("#q");
      await field.focus();
      await page.keyboard.type("refnd");
      const list = page.getByRole("listbox", { name: "Suggestions" });
      await list.waitFor();
      check((await field.getAttribute("aria-expanded")) === "true", "the field says that a list is open");
      await eventually(async () => /suggestions\. Use the arrow keys/.test(await page.locator(".search [role=status]").textContent()), "how many there are is said");
      await page.keyboard.press("ArrowDown");
      const first = list.getByRole("option").first();
      check((await first.getAttribute("aria-selected")) === "true" && (await field.getAttribute("aria-activedescendant")) === (await first.getAttribute("id")), "the first is chosen, the field keeps the focus");
      check(/refund/i.test(await first.innerText()), `it is about refunds: ${await first.innerText()}`);
      await checkAxe(page, "suggestions");
      await page.keyboard.press("Escape");
      await list.waitFor({ state: "hidden" });
      check((await field.inputValue()) === "refnd", "what was typed stays");
      await page.keyboard.press("ArrowDown");
      await list.waitFor();
      await page.keyboard.press("ArrowUp"); // the last: all results
      await page.keyboard.press("Enter");
      await page.getByRole("heading", { name: "Results for “refnd”" }).waitFor();
      await page.locator("#q").fill("");
      await page.locator("#q").pressSequentially("late paym");
      await list.waitFor();
      await page.keyboard.press("ArrowDown");
      await page.keyboard.press("Enter");
      await page.locator("article.prose").waitFor();
      await checkAxe(page, "an article");
    },
  ],
  [
    "a server that is not there leaves the field as it is",
    async ({ server, customer: { page } }) => {
      await page.goto(`${server.base}/help?${reader}`);
      await page.route("**/v1/help/suggest*", (r) => r.abort());
      const asked = page.waitForRequest("**/v1/help/suggest*");
      await page.locator("#q").pressSequentially("refund");
      await asked;
      check(await page.locator(".suggest").isHidden(), "no list opens");
      await page.keyboard.press("Enter");
      await page.getByRole("heading", { name: /Results for/ }).waitFor();
      await page.unroute("**/v1/help/suggest*");
    },
  ],
  [
    "an article is judged where it stands, and the focus stays with the answer",
    async ({ server, customer: { page } }) => {
      await page.goto(`${server.base}/help/late-fees?${reader}`);
      const at = page.url();
      await page.route("**/feedback?*", (r) => r.abort());
      await page.getByRole("button", { name: "No", exact: true }).click();
      await page.getByRole("alert").filter({ hasText: "could not be saved" }).waitFor();
      await page.unroute("**/feedback?*");
      await page.getByRole("button", { name: "No", exact: true }).focus();
      await page.keyboard.press("Enter");
      await page.getByRole("heading", { name: "What was the problem?" }).waitFor();
      await focused(page, "#helpful-title");
      await page.getByLabel("I do not understand it").check();
      await page.getByLabel("What should we change?").fill("My card is 4111 1111 1111 1111");
      await page.getByRole("button", { name: "Send", exact: true }).click();
      await page.getByRole("heading", { name: /will read it/ }).waitFor();
      check(page.url() === at, "it is the same page");
      await checkAxe(page, "an article that was judged");
    },
  ],
  [
    "what was said stands on the admins' page, masked",
    async ({ server, agent: { page } }) => {
      const link = server.links.find((l) => /admin/i.test(l.line)) ?? server.links[0];
      await page.goto(link.url);
      await page.getByRole("button", { name: /sign in/i }).click();
      await page.waitForURL(/\/desk/);
      await page.goto(`${server.base}/admin/help`);
      const row = page.getByRole("row", { name: /What a late payment costs/ });
      await row.waitFor();
      const text = await row.innerText();
      check(/I do not understand it: 1/.test(text) && /out of date: 1/.test(text) && !text.includes("4111 1111"), `reasons and words: ${text}`);
      await checkAxe(page, "the admins' page of votes");
    },
  ],
  [
    "an article leads to the chat, which knows it, and to people",
    async ({ server, customer: { page } }) => {
      await page.goto(`${server.base}/help/late-fees?${reader}`);
      await page.getByRole("heading", { name: "Still need help?" }).waitFor();
      await page.getByRole("heading", { name: "Have this ready" }).waitFor();
      const started = page.waitForRequest((r) => r.method() === "POST" && r.url().endsWith("/v1/conversations"));
      await page.locator(".contact").getByRole("link", { name: "Open the chat" }).click();
      await page.getByRole("button", { name: "Start chat" }).click();
      check((await started).postDataJSON().article === "late-fees", "the conversation begins with the article");
    },
  ],
  [
    "nothing is wider than the screen, light or dark, and paper has the article alone",
    async ({ server, browser, problems }) => {
      for (const colorScheme of ["light", "dark"]) {
        for (const width of [320, 768]) {
          const { context, page } = await openWindow(browser, problems, { viewport: { width, height: 800 }, colorScheme });
          for (const path of [`/help?${reader}`, `/help/c/paying?locale=de&market=de`, `/help/late-fees?locale=de&market=de`, `/contact?locale=sv&market=se`, `/help/search?q=late+fee&${reader}`]) {
            await page.goto(server.base + path);
            const over = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
            check(over <= 0, `${path} at ${width} is ${over} px too wide`);
          }
          if (width === 320 && colorScheme === "dark") await checkAxe(page, "the search in the dark");
          if (width === 768 && colorScheme === "light") {
            await page.goto(`${server.base}/help/late-fees?${reader}`);
            await page.emulateMedia({ media: "print" });
            for (const gone of [".top", ".bottom", ".toc", ".after", ".search", ".anchor"]) check(await page.locator(gone).first().isHidden(), `${gone} is not printed`);
            check(await page.locator("article.prose").isVisible(), "the article is printed");
          }
          await context.close();
        }
      }
    },
  ],
];
