// Notifications of the system, for an agent who looks elsewhere. They name what happened and never what was written: they
// stand on locked screens and in lists that others see.

import { signal } from "@preact/signals";
import { inInbox } from "./pages.ts";
import { newMessages, newOffers, sections } from "./queue-state.ts";
import { chime } from "./sound.ts";
import * as s from "./store/index.ts";
import { priorityWords, readable, shortReason } from "./words.ts";

type Permission = NotificationPermission | "unsupported";

const now = (): Permission => (typeof Notification === "undefined" ? "unsupported" : Notification.permission);

/** What the browser allows. */
export const permission = signal<Permission>(now());

const asked = signal(s.store.get<boolean>("notify") ?? false);

/** Whether notifications are shown: wished for here, and allowed by the browser. */
export const notifies = () => asked.value && permission.value === "granted";

/** Switches them on or off, and asks the browser for permission where nobody has decided yet. */
export async function setNotify(on: boolean): Promise<void> {
  asked.value = on;
  s.store.set("notify", on);
  if (on && now() === "default") await Notification.requestPermission().catch(() => {});
  permission.value = now();
}

const away = () => document.visibilityState !== "visible" || !document.hasFocus();

function show(title: string, body: string, conversation: string, tag: string): void {
  if (!notifies()) return;
  try {
    const n = new Notification(title, { body, tag, lang: "en" });
    n.onclick = () => {
      window.focus();
      s.openConversation(conversation);
      n.close();
    };
  } catch {
    // some phones allow them only to service workers; the page itself shows everything
  }
}

let before: ReturnType<typeof sections> | undefined;

s.split.subscribe((after) => {
  const known = before;
  before = s.queue.peek() ? after : undefined;
  if (!known) return; // what was there when the desk opened is no news
  for (const h of newOffers(known.offers, after.offers)) {
    if (away() || !inInbox()) show(`New offer: ${readable(h.topic) || shortReason(h.reason)}`, `${priorityWords(h.priority)} · ${s.teamName(h.team)}`, h.conversation_id, `offer ${h.id}`);
  }
  const wrote = newMessages(known.mine, after.mine).filter((h) => away() || !inInbox() || h.conversation_id !== s.openId.peek());
  if (wrote.length > 0 && s.messageSound.peek()) chime("message");
  for (const h of wrote) {
    const who = h.customer?.name || "A customer";
    show(`${who} wrote`, readable(h.topic) || shortReason(h.reason), h.conversation_id, `message ${h.conversation_id}`);
  }
});
