// Pictures of both pages at a phone's, a tablet's and a desk's width, light and dark, for people to look at.

import { check, drawn, openWindow, presence, question, shot, signIn, startConversation } from "../lib.mjs";

const sizes = [
  [390, 844],
  [1024, 768],
  [1440, 900],
];
const schemes = ["light", "dark"];

async function noOverflow(page, what) {
  await drawn(page);
  const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  check(wide <= 0, `nothing sticks out: ${what}`);
}

/** Only when it is asked for: it takes minutes. */
export const onRequest = true;

export const steps = [
  [
    "pictures: the queue fills with people of several kinds",
    async (world) => {
      const start = (...what) => startConversation(world.server, ...what);
      await start("en", "gb", ["There is a purchase on my account that I did not make, please help"]);
      await start("de", "de", ["Ich habe meine Arbeit verloren und kann die nächste Rate nicht zahlen"]);
      await start("sv", "se", ["Hur ändrar jag min betalningsdag?"], true);
      await start("en", "us", ["How do I return something?", "The shop says the refund was sent, but my balance is the same"], true);
    },
  ],
  [
    "pictures: the chat",
    async ({ browser, server, problems }) => {
      for (const [width, height] of sizes) {
        for (const scheme of schemes) {
          const { page, context } = await openWindow(browser, problems, { viewport: { width, height }, colorScheme: scheme });
          const name = (what) => `${what}-${width}-${scheme}`;
          await page.goto(`${server.base}/chat?locale=en&market=gb`);
          await page.getByRole("button", { name: "Start chat" }).waitFor();
          await shot(page, name("chat-start"));
          await page.getByRole("button", { name: "Start chat" }).click();
          await page.locator(".row-assistant").first().waitFor();
          await page.locator("#composer").fill(question);
          await page.locator("#composer").press("Enter");
          await page.locator(".source").first().waitFor();
          await noOverflow(page, name("chat"));
          await shot(page, name("chat-answer"));
          await page.locator(".source").first().click();
          await page.locator(".panel .prose").waitFor();
          await noOverflow(page, name("source"));
          await shot(page, name("chat-source"));
          await page.keyboard.press("Escape");
          if (width === 390) {
            await page.getByRole("button", { name: "Talk to a person" }).click();
            await page.locator(".handoff").waitFor();
            await shot(page, name("chat-in-line"));
          }
          await context.close();
        }
      }
      const { page, context } = await openWindow(browser, problems, { viewport: { width: 320, height: 640 } });
      await page.goto(`${server.base}/chat?locale=de&market=de`);
      await page.getByRole("button", { name: "Chat starten" }).click();
      await page.locator(".row-assistant").first().waitFor();
      await page.locator("#composer").fill("Kann ich bei einem US-Shop einkaufen?");
      await page.locator("#composer").press("Enter");
      await page.locator(".source").first().waitFor();
      await noOverflow(page, "320");
      await shot(page, "chat-answer-320");
      await page.evaluate(() => (document.documentElement.dir = "rtl"));
      await page.setViewportSize({ width: 1024, height: 768 });
      await noOverflow(page, "right to left");
      await shot(page, "chat-rtl");
      await context.close();
    },
  ],
  [
    "pictures: the desk",
    async ({ agent: { page }, server }) => {
      await signIn(server, page);
      await presence(page, "away");
      for (const scheme of schemes) {
        await page.emulateMedia({ colorScheme: scheme });
        for (const [width, height] of sizes) {
          await page.setViewportSize({ width, height });
          if (width < 760) await page.getByRole("button", { name: /^Queue/ }).click();
          await page.locator(".row-item").first().waitFor();
          await shot(page, `desk-queue-${width}-${scheme}`);
          await page.locator(".row-item").first().click();
          await page.locator(".transcript .entry").first().waitFor();
          await noOverflow(page, `desk ${width}`);
          await page.locator(".trace > summary").evaluate((e) => (e.parentElement.open = true)).catch(() => {});
          await shot(page, `desk-conversation-${width}-${scheme}`);
          if (width < 760) {
            await page.getByRole("button", { name: "Package" }).last().click();
            await noOverflow(page, `package ${width}`);
            await shot(page, `desk-package-${width}-${scheme}`);
            await page.getByRole("button", { name: "Conversation" }).last().click();
          } else if (width < 1240) {
            await page.locator(".head-package").click();
            await shot(page, `desk-package-${width}-${scheme}`);
            await page.locator(".head-package").click();
          }
        }
      }
      // The package with its trace, at full height.
      await page.setViewportSize({ width: 1440, height: 1500 });
      await page.locator(".row-item", { hasText: "Income loss" }).first().click();
      await page.locator(".package .why-reason").waitFor();
      await page.locator(".trace").evaluate((e) => (e.open = true));
      await page.locator(".package .scroll").evaluate((e) => (e.scrollTop = e.scrollHeight));
      await shot(page, "desk-trace");
    },
  ],
  [
    "pictures: what leads look at",
    async ({ agent: { page } }) => {
      await page.setViewportSize({ width: 1440, height: 900 });
      for (const what of ["Board", "Alerts", "Figures", "Macros"]) {
        await page.locator(".top-pages a", { hasText: what }).click();
        for (const scheme of schemes) {
          await page.emulateMedia({ colorScheme: scheme });
          for (const [width, height] of sizes) {
            await page.setViewportSize({ width, height });
            await noOverflow(page, `${what} ${width}`);
            await shot(page, `desk-${what.toLowerCase()}-${width}-${scheme}`);
          }
        }
        await page.setViewportSize({ width: 1440, height: 900 });
      }
    },
  ],
];
