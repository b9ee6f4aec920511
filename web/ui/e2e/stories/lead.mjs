// What a lead sees beside the inbox: figures with a drawing, a table and a file, hours and a closure announced today, and alerts.

import { check, checkAxe, drawn, eventually, question, shot, signIn, startConversation } from "../lib.mjs";

const sizes = [
  [1440, 900],
  [1024, 800],
  [390, 844],
];

/** Pictures of the page at each width in both schemes, and axe at each. */
async function looks(page, name) {
  for (const [width, height] of sizes) {
    await page.setViewportSize({ width, height });
    for (const colorScheme of ["light", "dark"]) {
      await page.emulateMedia({ colorScheme });
      await shot(page, `lead-${name}-${width}-${colorScheme}`);
      await checkAxe(page, `${name} at ${width}, ${colorScheme}`);
    }
    await drawn(page);
    const wide = await page.locator(".page").evaluate((e) => e.scrollWidth - e.clientWidth);
    check(wide <= 0, `${name} at ${width} is not wider than its page (${wide})`);
  }
  await page.emulateMedia({ colorScheme: "light" });
  await page.setViewportSize({ width: 1440, height: 900 });
}

const goTo = (page, title) => page.locator(".top-pages a", { hasText: title }).click();

export const steps = [
  [
    "figures: a report by reason and by day, drawn, sorted, and saved",
    async ({ agent: { page }, server }) => {
      await startConversation(server, "en", "gb", ["There is a purchase on my account that I did not make, please help"]);
      await startConversation(server, "en", "gb", [question], true);
      await startConversation(server, "de", "de", [], true);
      await signIn(server, page, /admin/i);
      await goTo(page, "Figures");
      await page.getByRole("heading", { name: "Figures", level: 2 }).waitFor();
      const table = page.getByRole("region", { name: "Table of the figures" });
      await table.getByRole("row", { name: /asked for a person|customer request/i }).waitFor();
      await eventually(async () => (await table.locator("tfoot td").first().textContent()) === "3", "three handoffs are counted");
      await page.locator("label", { hasText: /^By/ }).locator("select").selectOption("day");
      await page.locator(".bars rect").first().waitFor();
      await eventually(async () => (await page.locator(".bars-label").count()) >= 7, "every day has its place in the drawing");
      await page.locator("label", { hasText: /^By/ }).locator("select").selectOption("team");
      await table.getByRole("button", { name: "P1 and P2" }).click();
      await eventually(async () => (await table.locator("tbody tr").first().textContent()).startsWith("Fraud"), "the team with the most urgent ones is first");
      const [file] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name: "Save as CSV" }).click()]);
      check(/^handoffs-by-team-.*\.csv$/.test(file.suggestedFilename()), `the file is called ${file.suggestedFilename()}`);
      const text = await (await file.createReadStream()).toArray().then((all) => Buffer.concat(all).toString());
      check(text.startsWith("team,label,n,") && text.includes("fraud,Fraud,1,1,"), `the table is saved: ${text.slice(0, 200)}`);
      await looks(page, "figures");
      for (const report of ["Waits and handling", "Promises and ratings", "Agents", "The assistant"]) {
        await page.getByRole("button", { name: report }).click();
        await page.locator(".lead-totals dt").first().waitFor();
        await checkAxe(page, report);
      }
      await page.getByRole("button", { name: "Handoffs" }).click();
    },
  ],
  [
    "hours: a closure is announced, customers read it, and it is taken back",
    async ({ agent: { page }, customer, server }) => {
      await goTo(page, "Hours");
      await page.getByRole("heading", { name: "Teams", level: 3 }).waitFor();
      await page.locator(".team-head", { hasText: "Fraud" }).locator(".open-chip", { hasText: "Always there" }).waitFor();
      const form = page.getByRole("form", { name: "Announce a closure" });
      await form.locator("label", { hasText: /^Team/ }).locator("select").selectOption("general");
      await form.getByLabel(/What customers read/).fill("Our building is being cleared.");
      await form.getByRole("button", { name: "Announce" }).click();
      await page.getByRole("list", { name: "Announced closures" }).getByText("Our building is being cleared.").waitFor();
      await customer.page.goto(`${server.base}/chat?locale=en&market=gb`);
      await customer.page.getByRole("button", { name: "Start chat" }).click();
      await customer.page.getByRole("button", { name: "Talk to a person" }).click();
      await customer.page.getByText(/Our building is being cleared\./).first().waitFor();
      await shot(customer.page, "lead-closed-customer");
      await page.getByRole("button", { name: "Change General support" }).click();
      await page.getByRole("form", { name: "Hours and promises of General support" }).waitFor();
      await looks(page, "hours");
      await page.getByRole("button", { name: "Take back" }).click();
      await page.getByText("The closure is taken back.").waitFor();
      await eventually(async () => (await page.getByRole("list", { name: "Announced closures" }).count()) === 0, "nothing is announced any more");
    },
  ],
  [
    "hours: an admin adds a special day and a promise, and closes Saturdays",
    async ({ agent: { page } }) => {
      const change = page.getByRole("button", { name: "Change General support" });
      if ((await change.getAttribute("aria-expanded")) !== "true") await change.click();
      const form = page.getByRole("form", { name: "Hours and promises of General support" });
      const gb = form.getByRole("group", { name: "United Kingdom", exact: true });
      await gb.getByRole("group", { name: "United Kingdom, hours 2" }).getByText("Sa", { exact: true }).click();
      await gb.getByRole("button", { name: "Add a special day" }).click();
      await form.getByRole("button", { name: "Add promises" }).click();
      await form.locator("label", { hasText: /^Counts/ }).locator("select").selectOption("wall");
      await form.getByLabel("First reply, minutes").fill("0.05");
      await form.getByRole("button", { name: "Save" }).click();
      await page.getByText("General support is saved.").waitFor();
      await change.click();
      await eventually(async () => (await form.getByLabel("First reply, minutes").inputValue()) === "0.05", "the promise is kept");
      await eventually(async () => !(await gb.getByRole("group", { name: "United Kingdom, hours 2" }).getByLabel("Saturday").isChecked()), "Saturday is off");
      await eventually(async () => (await gb.getByRole("group", { name: "United Kingdom, special day 1" }).count()) === 1, "the special day is there");
      await checkAxe(page, "the editor");
    },
  ],
  [
    "alerts: a promise that is broken shows up, opens its conversation, and is seen",
    async ({ agent: { page }, server }) => {
      await startConversation(server, "en", "gb", [], true);
      await goTo(page, "Alerts");
      const late = page.getByRole("list", { name: "Alerts" }).getByRole("listitem").filter({ hasText: "The first reply is late" });
      await late.first().waitFor();
      await looks(page, "alerts");
      await late.first().getByRole("button", { name: "Open" }).click();
      await page.locator(".transcript .entry").first().waitFor();
      await goTo(page, "Alerts");
      // Five more of the kind stand together.
      for (let i = 0; i < 5; i++) await startConversation(server, "en", "gb", [], true);
      const group = page.locator(".alert-group", { hasText: "The first reply is late" });
      await group.getByRole("button", { name: "Show all" }).click();
      await looks(page, "alerts-together");
      await group.locator("[data-alert]").first().getByRole("button", { name: "Assign" }).click();
      await page.getByRole("dialog", { name: "Assign to a colleague" }).getByText("is offered to them before everybody else").waitFor();
      await page.keyboard.press("Escape");
      await group.getByRole("button", { name: "All seen" }).click();
      await group.waitFor({ state: "detached" });
      for (let most = 20; most > 0 && (await page.locator(".alerts > li").count()) > 0; most--) { // others may come meanwhile
        const first = page.locator(".alerts > li").first();
        const id = await first.getAttribute("data-alert");
        await first.getByRole("button", { name: /^(Seen|All seen)$/ }).click();
        if (id) await page.locator(`[data-alert="${id}"]`).waitFor({ state: "detached" });
      }
      await page.getByText("Nothing needs looking after.").waitFor();
    },
  ],
];
