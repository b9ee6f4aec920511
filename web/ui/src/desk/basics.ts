// The desk's own commands.

import type { Handoff } from "../shared/types.ts";
import { commands, register, addSource, setShortcuts, shortcuts } from "./commands.ts";
import { notifies, permission, setNotify } from "./notify.ts";
import { go, inInbox } from "./pages.ts";
import { offeredTo } from "./queue-state.ts";
import { pages } from "./slots.tsx";
import * as s from "./store/index.ts";
import { readable, reasonWords } from "./words.ts";

/** What Decline means now; never an offer beside a conversation that Accept would take. */
function toDecline() {
  const h = toAccept();
  return h && offeredTo(h, s.me.value?.id ?? "") ? h : undefined;
}

const toAccept = () => s.toAccept.value;

const here = (f: () => boolean) => () => inInbox() && f();
// An offer can be taken on any page: it does not wait until somebody has looked.
const anywhere = (f: () => unknown) => () => (inInbox() ? f() !== undefined : s.split.value.offers.length > 0);
const offered = (f: () => Handoff | undefined) => (inInbox() ? f : () => s.split.value.offers[0]);
const mine = here(() => s.isMine.value);

register(
  { id: "next", title: "Next in the queue", group: "Queue", keys: "j", also: "alt+arrowdown", when: inInbox, run: () => s.move(1) },
  { id: "previous", title: "Previous in the queue", group: "Queue", keys: "k", also: "alt+arrowup", when: inInbox, run: () => s.move(-1) },
  { id: "accept", title: "Accept", group: "Queue", keys: "a", also: "alt+o", when: anywhere(toAccept), run: () => void withOne(offered(toAccept), s.accept) },
  { id: "decline", title: "Decline an offer", group: "Queue", keys: "d", when: anywhere(toDecline), run: () => void withOne(offered(toDecline), s.decline) },
  { id: "reply", title: "Write a reply", group: "Conversation", keys: "r", when: mine, run: () => s.write("public") },
  { id: "note", title: "Write a note for the team", group: "Conversation", keys: "n", when: here(() => s.openId.value !== null), run: () => s.write("internal") },
  { id: "resolve", title: "Resolve", group: "Conversation", keys: "e", when: mine, run: s.wantResolve },
  { id: "return", title: "Return to the assistant", group: "Conversation", keys: "b", when: mine, run: () => (s.dialog.value = "return") },
  { id: "next-unanswered", title: "Next customer who waits for my answer", group: "Queue", keys: "u", also: "alt+u", when: inInbox, run: s.nextUnanswered },
  { id: "undo-send", title: "Undo sending", group: "Conversation", keys: "z", when: here(() => s.held.value !== undefined), run: () => s.undoSend() },
  { id: "pull", title: "Take over from the assistant", group: "Conversation", when: here(() => s.canPull.value), run: () => void s.pull() },
  { id: "escalate", title: "Escalate: more urgent, to the fallback team", group: "Conversation", menu: true, when: mine, run: () => (s.dialog.value = "escalate") },
  { id: "palette", title: "Find a command", group: "Desk", keys: "mod+k", run: () => (s.dialog.value = "palette") },
  { id: "shortcuts", title: "Show keyboard shortcuts", group: "Desk", keys: "?", run: () => (s.dialog.value = "shortcuts") },
  { id: "inbox", title: "Go to the inbox", group: "Desk", when: () => !inInbox(), run: () => go("inbox") },
  { id: "online", title: "Go online", group: "Desk", keys: "o", when: () => s.presence.value !== "online", run: () => void s.setPresence("online") },
  { id: "away", title: "Go away: no more offers", group: "Desk", keys: "w", when: () => s.presence.value === "online", run: () => void s.setPresence("away") },
  { id: "sound", title: "Switch the sound for new offers on or off", group: "Desk", run: () => s.setSound(!s.sound.value) },
  { id: "message-sound", title: "Switch the sound for customers' messages on or off", group: "Desk", run: () => s.setMessageSound(!s.messageSound.value) },
  { id: "notify", title: "Switch notifications of the system on or off", group: "Desk", when: () => permission.value !== "unsupported", run: () => void setNotify(!notifies()) },
  { id: "character-keys", title: "Switch shortcuts of a single key on or off", group: "Desk", run: () => setShortcuts(!shortcuts.value) },
  { id: "sign-out", title: "Sign out", group: "Desk", run: () => void s.signOut() },
);

function withOne<T>(which: () => T | undefined, f: (one: T) => Promise<void>): void {
  const one = which();
  if (one !== undefined) void f(one);
}

addSource(() =>
  s.inOrder.value.map((h) => ({
    id: `open ${h.conversation_id}`,
    title: `Open ${h.customer?.name || h.customer?.email || "Anonymous"}: ${readable(h.topic) || reasonWords(h.reason)}`,
    run: () => s.openConversation(h.conversation_id),
  })),
);

addSource(() => pages.shown.filter((p) => p.id !== s.page.value && !commands.value.some((c) => c.id === p.id)).map((p) => ({ id: `page ${p.id}`, title: `Go to ${p.title}`, run: () => go(p.id) })));
