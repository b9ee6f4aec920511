// A customer goes through a guide: in the help centre by links alone and by keys alone, and in the chat to a person, who sees
// what was tried.

import { atReply, check, checkAxe, eventually, openWindow, presence, shot, signIn } from "../lib.mjs";

const path = "/help/app-crashes/guide?locale=en&market=gb";

/** Goes to the last step, and says how each is chosen. */
async function walk(page, choose) {
  await page.getByRole("heading", { name: "Step 1", exact: false }).first().waitFor();
  for (const n of [2, 3, 4]) {
    await choose(page.getByRole("link", { name: "It still crashes" }));
    await page.getByText(`Step ${n}`, { exact: false }).first().waitFor();
  }
}

export const steps = [
  [
    "without script the guide goes on by links, back, and to a person",
    async ({ server, browser, problems, windows }) => {
      const plain = await openWindow(browser, problems, { viewport: { width: 390, height: 844 }, javaScriptEnabled: false });
      windows.push(plain);
      const { page } = plain;
      await page.goto(`${server.base}/help/app-crashes?locale=en&market=gb`);
      await page.getByRole("link", { name: "Go through it step by step" }).click();
      await shot(page, "guide-phone");
      await walk(page, (a) => a.click());
      await page.getByText("about 500 MB", { exact: false }).first().waitFor();
      await page.getByRole("link", { name: "One step back" }).click();
      await page.getByText("switch off a VPN", { exact: false }).first().waitFor();
      await page.getByRole("link", { name: "It still crashes" }).click();
      await page.getByRole("link", { name: "It still crashes" }).click();
      await page.getByText("A person can go on from here").waitFor();
      await page.getByText("model of the phone").waitFor();
      await shot(page, "guide-phone-person");
    },
  ],
  [
    "with script it is the same, by keys alone, and in German",
    async ({ server, customer: { page } }) => {
      await page.setViewportSize({ width: 1280, height: 900 });
      await page.goto(`${server.base}${path}`);
      await checkAxe(page, "a step of a guide");
      await shot(page, "guide-desktop");
      await walk(page, async (a) => {
        const href = await a.getAttribute("href");
        await eventually(async () => {
          await page.keyboard.press("Tab");
          return page.evaluate((h) => document.activeElement?.getAttribute("href") === h, href);
        }, "the tab key reaches the answer");
        await page.keyboard.press("Enter");
      });
      await page.getByRole("link", { name: "It works" }).click();
      await page.getByText("Nothing is lost").waitFor();
      await checkAxe(page, "the end of a guide");
      await page.goto(`${server.base}/help/payment-failed/guide?locale=de&market=de`);
      await page.getByRole("link", { name: "Von der Bank abgelehnt" }).click();
      await page.getByRole("link", { name: "Drei Versuche sind gescheitert" }).click();
      await page.getByText("Referenzcode").waitFor();
      await checkAxe(page, "a guide that ends at a person");
    },
  ],
  [
    "in the chat it leads to a person, who sees what was tried",
    async ({ server, customer, agent }) => {
      await signIn(server, agent.page);
      await presence(agent.page, "online");
      const { page } = customer;
      await page.goto(`${server.base}/chat?locale=en&market=gb`);
      await page.getByRole("button", { name: "Start chat" }).click();
      await page.locator(".row-assistant").first().waitFor();
      await page.locator("#composer").fill("Walk me through fixing the app");
      await page.locator("#composer").press("Enter");
      for (const said of ["swipe it away", "Update the app in the app store", "switch off a VPN", "about 500 MB"]) {
        await page.locator(".row-assistant", { hasText: said }).last().waitFor();
        await checkAxe(page, "a step in the chat");
        const answer = page.getByRole("button", { name: "It still crashes" }).last();
        await answer.focus();
        if (said.startsWith("about")) await shot(page, "guide-chat");
        await page.keyboard.press("Enter");
      }
      await page.locator(".row-assistant", { hasText: "They see what you have tried" }).waitFor();
      await agent.page.getByRole("region", { name: "Offered to you" }).waitFor();
      await agent.page.getByRole("button", { name: /^Accept/ }).first().click();
      await atReply(agent.page);
      const tried = agent.page.getByText("Tried: The app crashes or does not open");
      await tried.first().waitFor();
      check((await agent.page.getByText("It still crashes").count()) > 0, "the answers are listed");
      await shot(agent.page, "guide-desk");
    },
  ],
];
