// A shift with two agents and a supervisor: an offer that nobody took, a reply taken back, a transfer, a return to the
// assistant, and a conversation that the supervisor takes over.

import { addPerson, askSomething, atReply, check, eventually, focused, holdReplies, openWindow, presence, question, run, shot, signIn, signInBy, told, typeUntil } from "../lib.mjs";

// Long enough for every offer of the story that is to be taken, on a machine with much else to do; one of them runs out.
export const options = { env: { FIRSTLINE_OFFER_FOR: "20s" } };

const group = (page, title) => page.locator(".group", { has: page.getByRole("heading", { name: title }) });
const reply = (page) => page.getByLabel("Reply to the customer");

/** Leaves the text field, so that single keys are commands again. */
const leave = (page) => page.keyboard.press("Escape");

export const steps = [
  [
    "two agents of one team come, and a supervisor looks on",
    async (world) => {
      const { server, browser, problems, agent } = world;
      await signIn(server, agent.page);
      world.ada = agent.page;
      await presence(world.ada, "away");
      for (const name of ["Cleo", "Dilan"]) {
        const { page } = await openWindow(browser, problems);
        await signInBy(await addPerson(server, { email: `${name.toLowerCase()}@larkpay.example`, name, teams: ["general"], languages: ["en"] }), page);
        await holdReplies(page);
        await presence(page, "online");
        world[name.toLowerCase()] = page;
      }
    },
  ],
  [
    "an offer that nobody takes goes to the other agent, with a countdown of its own",
    async (world) => {
      await askSomething(world.server, world.customer.page);
      await world.customer.page.getByRole("button", { name: "Talk to a person" }).click();
      const at = (page) => page.locator(".offer").waitFor().then(() => page);
      world.first = await Promise.race([at(world.cleo), at(world.dilan)]);
      world.second = world.first === world.cleo ? world.dilan : world.cleo;
      await group(world.second, /Waiting/).locator(".row-item").first().waitFor(); // it has heard of it too
      check((await world.second.locator(".offer").count()) === 0, "it is offered to one of them only");
      await at(world.second);
      await world.first.locator(".offer").waitFor({ state: "detached" }); // and then to the other only
      await shot(world.second, "shift-offer");
    },
  ],
  [
    "the second takes it by a key; the first sees who has it, and both see that they look at the same",
    async (world) => {
      const { first, second } = world;
      world.name = await second.evaluate(async () => (await (await fetch("/v1/agent/me")).json()).name);
      await second.keyboard.press("a");
      await atReply(second);
      world.id = await second.evaluate(() => location.hash.slice(3));
      await world.customer.page.locator(".system", { hasText: `${world.name} from our team has joined` }).waitFor();
      await first.goto(`${world.server.base}/desk#c/${world.id}`);
      await first.reload();
      await first.getByText(`${world.name} has this conversation.`).waitFor();
      await second.locator(".others", { hasText: "looks at this too" }).waitFor();
      await typeUntil(reply(second), "Hello, ", first.locator(".others.writing", { hasText: `${world.name} is writing here` }));
      await shot(first, "shift-collision");
    },
  ],
  [
    "a reply can be taken back: the customer never sees it, and it stands in the field again",
    async (world) => {
      const { second, customer } = world;
      await reply(second).pressSequentially("this goes to the wrong person.");
      await reply(second).press("Control+Enter");
      await second.locator(".entry.pending", { hasText: "Is sent in" }).waitFor();
      await shot(second, "shift-undo");
      await reply(second).press("Control+z");
      await second.locator(".entry.pending").waitFor({ state: "detached" });
      await eventually(async () => (await reply(second).inputValue()) === "Hello, this goes to the wrong person.", "what was written is back");
      await reply(second).fill("Hello, I am looking into it.");
      await reply(second).press("Control+Enter");
      await second.getByRole("button", { name: "Send now" }).click();
      await customer.page.locator(".row-agent", { hasText: "I am looking into it." }).waitFor();
      check(!(await customer.page.locator("body").innerText()).includes("wrong person"), "the customer saw only the second one");
    },
  ],
  [
    "a reply that is still held goes out when its window is closed",
    async (world) => {
      const { second, customer } = world;
      await reply(second).fill("One moment, I ask a colleague.");
      await reply(second).press("Control+Enter");
      await second.locator(".entry.pending", { hasText: "Is sent in" }).waitFor();
      await second.reload();
      await customer.page.locator(".row-agent", { hasText: "One moment, I ask a colleague." }).waitFor();
      await second.locator(".entry.from-agent:not(.pending)", { hasText: "One moment" }).waitFor();
      await eventually(async () => (await second.locator(".entry.from-agent", { hasText: "One moment" }).count()) === 1, "once");
      await customer.page.reload();
      await customer.page.locator(".row-agent", { hasText: "One moment" }).waitFor();
      check((await customer.page.locator(".row-agent", { hasText: "One moment" }).count()) === 1, "and once for the customer");
    },
  ],
  [
    "passed on warmly to the colleague, it stays until they take it",
    async (world) => {
      const { first, second } = world;
      await leave(second);
      await second.keyboard.press("t");
      const dialog = second.getByRole("dialog", { name: "Transfer" });
      await dialog.getByText("To a colleague").click();
      const other = await first.evaluate(async () => (await (await fetch("/v1/agent/me")).json()).name);
      const online = dialog.locator("option", { hasText: `${other} (online` });
      await online.waitFor({ state: "attached" });
      await dialog.getByRole("combobox").selectOption({ label: await online.innerText() });
      await dialog.getByRole("textbox").fill("You know this better than me.");
      await shot(second, "shift-warm");
      await dialog.getByRole("button", { name: "Transfer" }).click();
      await second.locator(".notice", { hasText: `${other} is asked` }).waitFor();
      await first.locator(".offer .tag", { hasText: `From ${world.name}` }).waitFor();
      check((await reply(second).count()) === 1, "until then it is still answered here");
      await shot(first, "shift-asked");
      await first.keyboard.press("a");
      await atReply(first);
      await first.locator(".entry.note", { hasText: "better than me" }).waitFor();
      await second.getByText(`${other} has this conversation.`).waitFor();
      await world.customer.page.locator(".system", { hasText: `${other} from our team has joined` }).waitFor();
      [world.first, world.second, world.name] = [second, first, other];
    },
  ],
  [
    "what sleeps makes room, and wakes when the customer writes",
    async (world) => {
      const { second, customer } = world;
      await leave(second);
      await second.keyboard.press("s");
      const dialog = second.getByRole("dialog", { name: "Snooze" });
      await dialog.waitFor();
      await shot(second, "shift-snooze");
      await focused(second, "dialog button.quiet"); // the first choice
      await second.keyboard.press("Enter");
      await group(second, /Asleep/).locator(".row-item .tag", { hasText: "Until" }).waitFor();
      await second.getByText("No conversation open").waitFor();
      await customer.page.locator("#composer").fill("One more thing!");
      await customer.page.locator("#composer").press("Enter");
      await group(second, /My conversations/).locator(".row-item .tag", { hasText: "New message" }).waitFor();
      await eventually(async () => (await group(second, /Asleep/).count()) === 0, "nothing sleeps any more");
      await second.keyboard.press("u");
      await second.locator(".from-customer", { hasText: "One more thing!" }).waitFor();
    },
  ],
  [
    "the supervisor takes it over from the agent, and gives it back by assigning it",
    async (world) => {
      const { second, ada, name } = world;
      await ada.goto(`${world.server.base}/desk#c/${world.id}`);
      await ada.reload();
      await ada.getByText(`${name} has this conversation.`).waitFor();
      await ada.getByRole("button", { name: "Take over" }).click();
      await atReply(ada);
      await second.getByText("Ada has this conversation.").waitFor();
      await leave(ada);
      await ada.getByRole("button", { name: "More to do with this conversation" }).click();
      await ada.getByRole("menuitem", { name: "Assign to a colleague" }).click();
      const dialog = ada.getByRole("dialog");
      const option = dialog.locator("option", { hasText: `${name} (online` });
      await option.waitFor({ state: "attached" });
      await dialog.getByRole("combobox").selectOption({ label: await option.innerText() });
      await dialog.getByRole("button", { name: "Assign" }).click();
      await second.locator(".offer").waitFor();
      await second.keyboard.press("a");
      await atReply(second);
      await ada.getByText(`${name} has this conversation.`).waitFor();
    },
  ],
  [
    "transferred to another team with a note, it reaches the supervisor, who reads the note and the customer does not",
    async (world) => {
      const { second, ada, customer } = world;
      await leave(second);
      await second.getByRole("button", { name: "Transfer" }).click();
      const dialog = second.getByRole("dialog");
      await dialog.getByRole("combobox").selectOption({ label: "Fraud" });
      await dialog.getByRole("textbox").fill("Looks like an account that somebody else opened.");
      await dialog.getByRole("button", { name: "Transfer" }).click();
      await second.locator(".notice", { hasText: "Transferred to Fraud" }).waitFor();
      await presence(ada, "online");
      await ada.locator(".offer").waitFor();
      const joined = customer.page.locator(".system", { hasText: "Ada from our team has joined" });
      const before = await joined.count();
      await ada.keyboard.press("a");
      await atReply(ada);
      await ada.locator(".entry.note", { hasText: "somebody else opened" }).waitFor();
      await joined.nth(before).waitFor(); // which comes behind the note
      check(!(await customer.page.locator("body").innerText()).includes("somebody else opened"), "the note stays inside");
      await shot(ada, "shift-transferred");
    },
  ],
  [
    "returned to the assistant with an instruction, the customer is told, and the assistant answers again",
    async (world) => {
      const { ada, customer } = world;
      await leave(ada);
      await ada.getByRole("button", { name: /^Return/ }).click();
      const dialog = ada.getByRole("dialog");
      await dialog.getByRole("textbox").fill("Explain the late fee.");
      await dialog.getByRole("button", { name: "Return" }).click();
      await ada.locator(".notice", { hasText: "Returned to the assistant." }).waitFor();
      const sources = await customer.page.locator(".row-assistant .source").count();
      await customer.page.locator("#composer").fill(question);
      await customer.page.locator("#composer").press("Enter");
      await customer.page.locator(".row-assistant .source").nth(sources).waitFor();
    },
  ],
  [
    "the supervisor takes over from the assistant, from the palette, and resolves by a key",
    async (world) => {
      const { ada, customer } = world;
      await ada.goto(`${world.server.base}/desk#c/${world.id}`);
      await ada.reload();
      await ada.getByRole("button", { name: "Take over from the assistant" }).waitFor();
      await shot(ada, "shift-takeover");
      const joined = customer.page.locator(".system", { hasText: "Ada from our team has joined" });
      const before = await joined.count();
      await run(ada, "take over", "Take over from the assistant");
      await atReply(ada);
      await joined.nth(before).waitFor();
      await reply(ada).fill("The fee is gone. All the best!");
      await reply(ada).press("Control+Enter");
      await leave(ada);
      await ada.keyboard.press("e");
      await ada.locator(".notice", { hasText: "Resolved." }).waitFor();
      await customer.page.locator(".row-agent", { hasText: "The fee is gone." }).waitFor();
      await customer.page.locator("form.rating").waitFor();
      await eventually(async () => (await group(ada, /My conversations/).locator(".row-item").count()) === 0, "nothing is left");
    },
  ],
  [
    "a team that is closed for the day: the handoff exists all the same, the customer is told until when, and the desk shows it",
    async (world) => {
      const { server, browser, problems, ada } = world;
      for (const p of [ada, world.first, world.second]) await presence(p, "away");
      const admin = await openWindow(browser, problems);
      await signInBy(await addPerson(server, { email: "olga@larkpay.example", name: "Olga", role: "admin" }), admin.page);
      const closed = await admin.page.evaluate(async () => {
        const ends_at = new Date(Date.now() + 5 * 3_600_000).toISOString();
        const res = await fetch("/v1/admin/closures", { method: "POST", headers: { "X-Firstline": "1", "Content-Type": "application/json" }, body: JSON.stringify({ team: "general", ends_at, note: { en: "We are moving house." } }) });
        return { status: res.status, closure: (await res.json()).closure };
      });
      check(closed.status === 201, `the closure is announced: ${closed.status}`);
      const { page, context } = await openWindow(browser, problems, { viewport: { width: 1024, height: 800 } });
      await askSomething(server, page);
      await page.getByRole("button", { name: "Talk to a person" }).click();
      const card = page.locator(".handoff");
      await card.getByText(/closed/i).first().waitFor();
      await shot(page, "shift-closed-customer");
      await group(ada, /Waiting/).locator(".row-item").first().waitFor();
      await shot(ada, "shift-closed-desk");
      const gone = await admin.page.evaluate(async (id) => (await fetch(`/v1/admin/closures/${id}`, { method: "DELETE", headers: { "X-Firstline": "1" } })).status, closed.closure.id);
      check(gone === 204, "the closure is taken back");
      await presence(world.second, "online");
      await world.second.locator(".offer").waitFor();
      await world.second.keyboard.press("a");
      await atReply(world.second);
      await page.locator(".system", { hasText: "has joined" }).waitFor();
      await context.close();
      await admin.context.close();
    },
  ],
];
