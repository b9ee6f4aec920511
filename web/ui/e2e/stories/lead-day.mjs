// What a supervisor and an agent do all day: assigning from the board by keys, going to the very message that was found, a
// view that is changed and renamed, keys for giving back and going away, two keys in quick succession, and choices that
// another machine knows.

import { addPerson, check, checkAxe, openWindow, shot, signIn, signInBy, startConversation } from "../lib.mjs";

export const options = { env: { FIRSTLINE_OFFER_FOR: "60s" } };

const at = (page, title) => page.locator(".top-pages a", { hasText: title });
const mine = (page) => page.locator(".group", { hasText: "My conversations" });
const checked = (page, name) => page.getByRole("radio", { name }).and(page.locator(":checked")).waitFor({ state: "attached" });

export const steps = [
  [
    "keys set an agent online and away",
    async (world) => {
      const { server, browser, problems, agent } = world;
      await signIn(server, agent.page);
      world.ada = agent.page;
      await world.ada.getByRole("region", { name: "Queue" }).waitFor();
      await world.ada.keyboard.press("w");
      await checked(world.ada, "Away");
      for (const name of ["Cleo", "Dilan"]) {
        const { page, context } = await openWindow(browser, problems);
        await signInBy(await addPerson(server, { email: `${name.toLowerCase()}@larkpay.example`, name, teams: ["fraud"], languages: ["en"] }), page);
        await page.locator(".presence-away").click();
        await checked(page, "Away");
        await page.locator("body").press("o");
        await checked(page, "Online");
        world[name.toLowerCase()] = page;
        world[`${name.toLowerCase()}Context`] = context;
      }
    },
  ],
  [
    "a supervisor assigns who waits, and then what an agent has, from the board by keys alone",
    async (world) => {
      const { ada, cleo, dilan } = world;
      for (const n of ["zeppelin", "blimp", "glider"]) await startConversation(world.server, "en", "gb", [`Where is my ${n} voucher?`], true);
      await at(ada, "Board").click();
      const assign = async (row, name) => {
        await row.locator(".board-open").focus();
        await ada.keyboard.press("g");
        const dialog = ada.getByRole("dialog", { name: "Assign to a colleague" });
        await dialog.locator("select").focus();
        await ada.keyboard.type(name); // the list chooses by letters
        await ada.keyboard.press("Tab");
        await ada.keyboard.type("Yours, please");
        await ada.keyboard.press("Tab"); // Cancel
        await ada.keyboard.press("Tab");
        await ada.keyboard.press("Enter");
        await dialog.waitFor({ state: "detached" });
      };
      const line = ada.locator(".board-line li");
      await line.nth(2).waitFor();
      await checkAxe(ada, "the board with its line");
      await shot(ada, "lead-day-board");
      for (let i = 0; i < 2; i++) {
        await assign(line.first(), "Cleo");
        await cleo.locator(".offer").first().waitFor();
        await cleo.locator("body").press("a");
        await mine(cleo).locator("h2 .count", { hasText: String(i + 1) }).waitFor();
        await line.nth(2 - i).waitFor({ state: "detached" });
        await cleo.getByLabel("Reply to the customer").press("Escape");
      }
      await cleo.locator(".entry.note", { hasText: "Yours, please" }).waitFor();
      const hers = ada.locator(".board-person", { hasText: "Cleo" }).locator("ul > li");
      await hers.nth(1).waitFor();
      await assign(hers.first(), "Dilan");
      await dilan.locator(".offer").waitFor();
      await mine(cleo).locator("h2 .count", { hasText: "1" }).waitFor();
      await dilan.locator("body").press("a");
      await dilan.getByLabel("Reply to the customer").press("Escape");
    },
  ],
  [
    "while the server ends one conversation, the next is opened and stays open",
    async (world) => {
      const { cleo, ada } = world;
      await at(ada, "Board").click();
      await ada.locator(".board-line li .board-assign").first().click();
      await ada.getByRole("dialog").locator("select").selectOption({ label: await ada.getByRole("dialog").locator("option", { hasText: "Cleo" }).textContent() });
      await ada.getByRole("dialog").getByRole("button", { name: "Assign", exact: true }).click();
      await cleo.locator(".offer").waitFor();
      await cleo.locator("body").press("a");
      await mine(cleo).locator("h2 .count", { hasText: "2" }).waitFor();
      await cleo.getByLabel("Reply to the customer").waitFor();
      await cleo.keyboard.press("Escape");
      await mine(cleo).locator(".row-item").first().click();
      await cleo.getByLabel("Reply to the customer").fill("All is well now.");
      await cleo.getByLabel("Reply to the customer").press("Control+Enter");
      await cleo.getByRole("button", { name: "Send now" }).click();
      await cleo.locator(".entry.pending").waitFor({ state: "detached" });
      await cleo.keyboard.press("Escape");
      let go;
      const held = new Promise((done) => (go = done));
      await cleo.route("**/resolve", async (route) => {
        await held;
        await route.continue();
      });
      const before = cleo.url();
      const asked = cleo.waitForRequest("**/resolve");
      await cleo.locator("body").press("e");
      await asked;
      await cleo.keyboard.press("j");
      await cleo.waitForFunction((was) => location.href !== was, before);
      const after = cleo.url();
      await cleo.getByRole("main", { name: "Conversation" }).getByRole("tab", { name: /Note/ }).waitFor();
      await cleo.keyboard.press("b");
      await cleo.getByRole("dialog", { name: "Return to the assistant" }).waitFor();
      go();
      await cleo.locator(".notice", { hasText: "Resolved" }).waitFor();
      check(cleo.url() === after, "the agent stays where they went");
      check(await cleo.getByRole("dialog", { name: "Return to the assistant" }).isVisible(), "and in the dialog that they opened there");
      await cleo.keyboard.press("Escape");
      await mine(cleo).locator("h2 .count", { hasText: "1" }).waitFor();
    },
  ],
  [
    "a found message is brought into sight and marked, also one far above",
    async (world) => {
      const { ada, server } = world;
      const c = await startConversation(server, "en", "gb", ["The aardvark on my invoice is wrong"], true);
      for (let i = 0; i < 25; i++) await fetch(`${server.base}/v1/conversations/${c.id}/messages`, { method: "POST", headers: { "Content-Type": "application/json", Authorization: `Bearer ${c.token}` }, body: JSON.stringify({ client_id: `l${i}`, text: `Line ${i} of a long story that fills the page` }) });
      await at(ada, "Search").click();
      await ada.getByRole("searchbox").fill("aardvark invoice");
      const hit = ada.locator(".found-text", { has: ada.locator(".found-who", { hasText: /^Customer$/ }) }).first();
      await hit.waitFor();
      await checkAxe(ada, "what was found");
      await hit.focus();
      await ada.keyboard.press("Enter");
      const marked = ada.locator(".transcript li[aria-current]");
      await marked.waitFor();
      check((await marked.textContent()).includes("aardvark"), "the marked message is the one that was found");
      const box = await marked.boundingBox();
      const frame = await ada.locator(".transcript").boundingBox();
      check(box.y >= frame.y && box.y + box.height <= frame.y + frame.height, "it is in sight");
      await shot(ada, "lead-day-found");
      await checkAxe(ada, "the marked message");
    },
  ],
  [
    "a view is kept, changed and renamed",
    async (world) => {
      const { ada } = world;
      await at(ada, "Views").click();
      await ada.locator(".view-filter select").first().selectOption("queued");
      await ada.getByLabel("Name of the view").fill("Wating");
      await ada.getByRole("button", { name: "Keep" }).click();
      await ada.locator(".view-names .button[aria-pressed=true]", { hasText: "Wating" }).waitFor();
      await ada.getByLabel("Name of the view").fill("Waiting in English");
      await ada.locator(".view-filter select").nth(3).selectOption("en");
      await ada.getByRole("button", { name: "Save changes" }).click();
      await ada.locator(".view-names .button[aria-pressed=true]", { hasText: "Waiting in English" }).waitFor();
      await checkAxe(ada, "the views");
      await ada.reload();
      await ada.locator(".view-names .button", { hasText: "Waiting in English" }).click();
      check((await ada.locator(".view-filter select").nth(3).inputValue()) === "en", "the change was kept");
      check((await ada.locator(".view-names .button").count()) === 1, "there is one view, not two");
    },
  ],
  [
    "what an agent has chosen is there on another machine",
    async (world) => {
      const { cleo, browser, problems, server } = world;
      await cleo.goto(`${server.base}/desk#p/settings`);
      await cleo.reload();
      const put = cleo.waitForResponse((r) => r.url().endsWith("/v1/agent/preferences") && r.request().method() === "PUT");
      await cleo.getByLabel(/Wait 5 seconds/).uncheck();
      await cleo.getByRole("button", { name: "Change the key for Next in the queue" }).click();
      await cleo.keyboard.press("x");
      check((await put).ok(), "the server takes it");
      const { page, context } = await openWindow(browser, problems);
      await context.addCookies(await world.cleoContext.cookies());
      await page.waitForTimeout(800); // the pause before a change is sent
      await page.goto(`${server.base}/desk#p/settings`);
      await page.locator(".key-table tr", { hasText: "Next in the queue" }).locator("kbd", { hasText: "x" }).waitFor();
      check(!(await page.getByLabel(/Wait 5 seconds/).isChecked()), "replies are sent at once there too");
      await context.close();
    },
  ],
  [
    "on a phone one sees that a colleague is writing",
    async (world) => {
      const { ada, cleo } = world;
      await cleo.goto(`${world.server.base}/desk`);
      await cleo.reload();
      await mine(cleo).locator(".row-item").first().click();
      await cleo.getByLabel("Reply to the customer").waitFor();
      await ada.goto(cleo.url());
      await ada.reload();
      await ada.setViewportSize({ width: 390, height: 844 });
      await cleo.getByLabel("Reply to the customer").pressSequentially("I am looking");
      const others = ada.locator(".others.writing", { hasText: "Cleo is writing here" });
      await others.waitFor();
      const box = await others.boundingBox();
      check(box.height > 0 && box.x >= 0 && box.x + box.width <= 390 && box.y + box.height < 844, "it is in sight and not wider than the phone");
      await checkAxe(ada, "a colleague who writes, on a phone");
      await shot(ada, "lead-day-writing-390");
    },
  ],
];
