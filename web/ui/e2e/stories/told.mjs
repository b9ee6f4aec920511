// A customer who leaves is told of the answer by e-mail, comes back by its link, and ends the e-mails. The mail server is a
// few lines of SMTP of this file's own.

import { createServer } from "node:net";
import { askSomething, check, checkAxe, eventually, openWindow, shot } from "../lib.mjs";

const mails = [];
const smtp = createServer((socket) => {
  let text = "";
  let data = false;
  socket.write("220 here\r\n");
  socket.on("error", () => {});
  socket.on("data", (b) => {
    text += b;
    for (let end; (end = text.indexOf(data ? "\r\n.\r\n" : "\r\n")) >= 0; ) {
      const piece = text.slice(0, end);
      text = text.slice(end + (data ? 5 : 2));
      if (data) {
        mails.push(decoded(piece));
        data = false;
        socket.write("250 taken\r\n");
      } else if (/^DATA/i.test(piece)) {
        data = true;
        socket.write("354 go on\r\n");
      } else if (/^QUIT/i.test(piece)) socket.end("221 bye\r\n");
      else socket.write("250 ok\r\n");
    }
  });
});
await new Promise((done) => smtp.listen(0, "127.0.0.1", done));
smtp.unref();

/** A mail with its text as people read it. */
function decoded(raw) {
  const [head, ...body] = raw.split("\r\n\r\n");
  const bytes = body.join("\r\n\r\n").replace(/=\r\n/g, "").replace(/=([0-9A-F]{2})/g, (_, hex) => String.fromCharCode(parseInt(hex, 16)));
  return { head: head.replace(/\r\n[ \t]+/g, " "), text: Buffer.from(bytes, "latin1").toString("utf8") };
}

export const options = {
  env: { FIRSTLINE_SMTP_URL: `smtp+plain://127.0.0.1:${smtp.address().port}`, FIRSTLINE_MAIL_FROM: "Larkpay <support@larkpay.example>", FIRSTLINE_MAIL_AFTER: "1s", FIRSTLINE_PUSH_AFTER: "500ms" },
};

const arrived = (n) => eventually(() => mails.length >= n && mails[n - 1], () => `mail ${n} arrives; there are ${mails.length}`);
const linkIn = (mail, path) => new RegExp(`http://\\S*${path}\\S*`).exec(mail.text)[0];

export const steps = [
  [
    "a customer leaves an address, which is asked first",
    async (world) => {
      const { server, customer, browser, problems } = world;
      const page = customer.page;
      await askSomething(server, page);
      await page.getByRole("button", { name: "More" }).click();
      await page.getByRole("menuitem", { name: "Tell me when there is an answer" }).click();
      await page.getByLabel("Your e-mail address").fill("kim@example.com");
      await checkAxe(page, "dialog of notices");
      await shot(page, "told-dialog");
      await page.getByRole("button", { name: "Tell me by e-mail" }).click();
      await page.getByText("We have written to kim@example.com").waitFor();
      await page.getByText("k…@example.com has not agreed yet.").waitFor();
      const asked = await arrived(1);
      check(!asked.text.includes("late fee"), "the mail that asks says nothing of the conversation");
      world.other = await openWindow(browser, problems, { viewport: { width: 390, height: 800 } });
      await world.other.page.goto(linkIn(asked, "/notices/confirm"));
      await checkAxe(world.other.page, "page that confirms");
      await shot(world.other.page, "told-confirm");
      await world.other.page.getByRole("button", { name: "Tell me of answers here" }).click();
      await world.other.page.getByText("You will be told of answers").waitFor();
    },
  ],
  [
    "the answer that comes when the page is closed arrives by e-mail, and its link opens the conversation, once",
    async (world) => {
      const { server, customer, browser, problems, other } = world;
      const key = JSON.parse(await customer.page.evaluate(() => localStorage.getItem("firstline.session")));
      await customer.page.goto("about:blank");
      const post = await fetch(`${server.base}/v1/conversations/${key.id}/messages`, { method: "POST", headers: { "Content-Type": "application/json", Authorization: `Bearer ${key.token}` }, body: JSON.stringify({ client_id: "later", text: "Can I pause a payment?" }) });
      check(post.status === 202, `the question is taken, ${post.status}`);
      const mail = await arrived(2);
      check(/^To: <kim@example\.com>/m.test(mail.head) && /^List-Unsubscribe: /m.test(mail.head), `to whom and how it ends: ${mail.head}`);
      check(mail.text.includes("The AI assistant of Larkpay:") && !mail.text.includes("late fee"), `only what is new: ${mail.text}`);
      const link = linkIn(mail, "/chat#t=");
      await other.page.goto(link);
      await other.page.getByText("Can I pause a payment?").waitFor();
      check(!other.page.url().includes("t="), "the key does not stay in the address");
      await shot(other.page, "told-back");
      const third = await openWindow(browser, problems);
      await third.page.goto(link);
      await third.page.getByText(/no longer available/).waitFor();
      await third.context.close();
      world.end = linkIn(mail, "/notices/unsubscribe");
    },
  ],
  [
    "the e-mails end at one request",
    async ({ other, end }) => {
      await other.page.goto(end);
      await other.page.getByRole("heading", { name: "Send no more e-mails" }).waitFor();
      const res = await fetch(end, { method: "POST", headers: { "Content-Type": "application/x-www-form-urlencoded" }, body: "List-Unsubscribe=One-Click" });
      check(res.status === 200, `one request is enough, ${res.status}`);
      await other.page.reload();
      await other.page.getByText("You will get no more of these e-mails").waitFor();
      await other.context.close();
    },
  ],
];
