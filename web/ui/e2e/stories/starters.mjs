// The first page offers questions that the articles answer; one of them begins the chat and is answered. By keys, in the
// reader's language and for the article that they come from, and right to left on a phone.

import { check, checkAxe, openWindow, shot } from "../lib.mjs";

const offered = (page) => page.locator(".starters button");

export const options = { env: { FIRSTLINE_MARKETS: "gb:United Kingdom:en+de+es+sv+fr+ar" } };

export const steps = [
  [
    "the first page offers questions, and one of them begins the chat and is answered",
    async ({ server, customer: { page } }) => {
      await page.goto(`${server.base}/chat?locale=en&market=gb`);
      await offered(page).first().waitFor();
      check((await offered(page).count()) === 4, "four questions are offered");
      await checkAxe(page, "the first page with questions");
      await shot(page, "starters-start");
      const text = (await offered(page).filter({ hasText: "app crashes" }).innerText()).trim();
      await offered(page).filter({ hasText: "app crashes" }).focus();
      await page.keyboard.press("Enter");
      await page.locator(".bubble", { hasText: text }).first().waitFor();
      await page.locator(".cite").first().waitFor();
      await shot(page, "starters-answered");
    },
  ],
  [
    "from an article they are the article's own, and in another language none is in English",
    async ({ server, browser, problems, windows }) => {
      const one = await openWindow(browser, problems, { viewport: { width: 390, height: 844 }, colorScheme: "dark" });
      windows.push(one);
      await one.page.goto(`${server.base}/chat?locale=en&market=gb&article=late-fees`);
      await offered(one.page).first().waitFor();
      const own = await offered(one.page).allInnerTexts();
      await shot(one.page, "starters-article-phone-dark");
      await one.page.goto(`${server.base}/chat?locale=de&market=gb`);
      await one.page.locator('.starters button[lang^="de"]').first().waitFor();
      check((await one.page.locator('.starters button:not([lang^="de"])').count()) === 0, "only German ones");
      check(!(await offered(one.page).allInnerTexts()).some((t) => own.includes(t)), "they are others");
      await shot(one.page, "starters-de-phone-dark");
    },
  ],
];
