// What an agent notices while looking elsewhere: notifications of the system, which say what happened and not what was
// written, and an offer that can be taken from any page.

import { askSomething, atReply, check, drawn, eventually, presence, shot, signIn } from "../lib.mjs";

const shown = (page) => page.evaluate(() => window.notified);
const write = async (page, text) => {
  await page.locator("#composer").fill(text);
  await page.locator("#composer").press("Enter");
};

export const steps = [
  [
    "notifications are off until somebody switches them on, and stay as they were chosen",
    async ({ agent: { page, context }, server }) => {
      await context.grantPermissions(["notifications"]);
      await context.addInitScript(() => {
        window.notified = [];
        const Real = window.Notification;
        window.Notification = class extends Real {
          constructor(title, options) {
            super(title, options);
            window.notified.push(`${title} | ${options.body}`);
          }
        };
      });
      await signIn(server, page);
      await page.getByRole("region", { name: "Queue" }).waitFor();
      await page.locator(".top-pages a", { hasText: "Settings" }).click();
      const box = page.getByRole("checkbox", { name: "Notifications of the system" });
      await box.waitFor();
      await drawn(page);
      check(!(await box.isChecked()), "off at first");
      await box.check();
      await page.reload();
      await box.waitFor();
      await eventually(() => box.isChecked(), "on after a reload");
      await page.getByRole("checkbox", { name: "Sound when a customer writes" }).check();
    },
  ],
  [
    "an offer reaches an agent on another page, who takes it there by a key",
    async ({ agent: { page }, customer, server }) => {
      await presence(page, "online");
      await askSomething(server, customer.page);
      await customer.page.getByRole("button", { name: "Talk to a person" }).click();
      await page.getByRole("region", { name: "Offered to you" }).waitFor();
      await page.locator(".top-pages .count", { hasText: "1" }).waitFor();
      await shot(page, "desk-offer-elsewhere");
      const all = await eventually(async () => (await shown(page)).length > 0 && shown(page), "it is notified");
      check(all.length === 1 && /^New offer: Asked for a person \| P3 Normal · General support$/.test(all[0]), `it is notified once: ${all}`);
      await page.keyboard.press("a");
      await atReply(page);
    },
  ],
  [
    "what a customer writes is notified when it is out of sight, never with their words",
    async ({ agent: { page }, customer }) => {
      const before = (await shown(page)).length;
      await write(customer.page, "You see this one.");
      await page.locator(".from-customer", { hasText: "You see this one." }).waitFor();
      await drawn(page);
      check((await shown(page)).length === before, "not while it is in front");
      await page.keyboard.press("Escape");
      await page.locator(".top-pages a", { hasText: "Settings" }).click();
      await write(customer.page, "My number is 4711.");
      await page.waitForFunction((n) => window.notified.length > n, before);
      const all = await shown(page);
      check(all.at(-1) === "A customer wrote | Asked for a person", `it says who and about what: ${all.at(-1)}`);
      check(!all.join().includes("4711"), "and not what");
      await page.getByRole("checkbox", { name: "Notifications of the system" }).uncheck();
      await page.locator(".top-pages a", { hasText: "Inbox" }).click();
      await page.locator(".from-customer", { hasText: "My number is 4711." }).waitFor();
      await page.locator(".top-pages a", { hasText: "Settings" }).click();
      const n = (await shown(page)).length;
      await write(customer.page, "Once more.");
      await page.locator(".top-pages a", { hasText: "Inbox" }).click();
      await page.locator(".from-customer", { hasText: "Once more." }).waitFor();
      await drawn(page);
      check((await shown(page)).length === n, "switched off, it is still");
    },
  ],
  [
    "keys with Alt work while something is written",
    async ({ agent: { page }, customer }) => {
      await page.getByLabel("Reply to the customer").fill("Half a");
      await page.keyboard.press("Alt+ArrowDown");
      await drawn(page);
      check((await page.getByLabel("Reply to the customer").inputValue()) === "Half a", "the only one stays open");
      await write(customer.page, "Hello?");
      await page.keyboard.press("Escape");
      await page.keyboard.press("Shift+?");
      await page.getByRole("dialog").getByText("Alt + ↓").first().waitFor(); // the list of keys says so
    },
  ],
];
