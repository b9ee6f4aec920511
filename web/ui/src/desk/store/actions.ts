// What an agent does with a conversation: take it, end it, give it away.

import { computed, signal } from "@preact/signals";
import type { Handoff } from "../../shared/types.ts";
import { closeConversation, drafts, handoff, isFree, isMine, isOffer, mode, open, openConversation, openId, outgoing, record, refreshConversation, settleAll, settled, wakeOutboxes, write } from "./conversation.ts";
import { withoutMine } from "./changes.ts";
import { link } from "./live.ts";
import { queue, split } from "./queue.ts";
import { act, agentCall, dialog, me, notice, onSignedOut, signedOut, teamName, view } from "./session.ts";

link.subscribe((l) => {
  if (l === "open") wakeOutboxes();
});

/** What Accept means now: the conversation that is open if it can be accepted, or else the oldest offer, which does not wait for long. */
export const toAccept = computed<Handoff | undefined>(() => (handoff.value && (isOffer.value || isFree.value) ? handoff.value : split.value.offers[0]));

export async function accept(h: Handoff): Promise<void> {
  openConversation(h.conversation_id);
  if (await act("accept", () => agentCall(`/handoffs/${h.id}/accept`, {}), h.conversation_id)) {
    if (openId.value !== h.conversation_id) return; // the agent has gone on
    mode.value = "public";
    refreshConversation(h.conversation_id);
    write("public");
  }
}

export async function decline(h: Handoff): Promise<void> {
  if (await act("decline", () => agentCall(`/handoffs/${h.id}/decline`, {}), h.conversation_id)) {
    if (openId.value === h.conversation_id) {
      closeConversation();
      view.value = "queue";
    }
  }
}

/** Whether the assistant has the open conversation, so that a person may step in. */
export const canPull = computed(() => open.value !== null && record.value.owner === "assistant" && !isMine.value);

/** Takes the open conversation from the assistant, in the middle of its answer if need be. */
export async function pull(): Promise<void> {
  const id = openId.value;
  if (id && (await act("pull", () => agentCall(`/conversations/${id}/pull`, {}), id)) && openId.value === id) {
    refreshConversation(id);
    write("public");
  }
}

/** What the agent had seen when the dialog opened: what arrives behind it is not read yet. */
let seen = 0;
dialog.subscribe((d) => {
  if (d) seen = record.peek().seq;
});

/** Ends the agent's part with the number of the last thing seen; the server refuses when the customer has written since. */
async function end(name: string, body: Record<string, unknown>, done: string): Promise<boolean> {
  const good = await finish(name, { ...body, seq: dialog.value ? seen : record.value.seq }, done);
  if (!good) seen = record.value.seq;
  return good;
}

async function finish(name: string, body: unknown, done: string): Promise<boolean> {
  const id = openId.value;
  if (!id) return false;
  const ended = handoff.value?.id;
  // A reply that is still held goes first: it belongs to the conversation that ends here.
  if (!(await settled(id))) {
    notice.value = { text: "Your last reply has not arrived yet. Look at it first.", bad: true };
    return false;
  }
  const good = await act(name, () => agentCall(`/conversations/${id}/${name}`, body), id);
  if (good) {
    notice.value = { text: done, bad: false };
    // Its row goes with these words, not only with the stream's next change. What sleeps stays the agent's.
    if (queue.value && me.value && ended && name !== "snooze") queue.value = withoutMine(queue.value, ended, me.value.id);
    if (openId.value !== id) return true; // whoever has gone on meanwhile stays where they are
    dialog.value = null;
    const next = split.value.mine.find((h) => h.conversation_id !== id);
    closeConversation();
    if (next) openConversation(next.conversation_id);
    else view.value = "queue";
  }
  return good;
}

export const resolve = () => end("resolve", {}, "Resolved.");
export const giveBack = (instruction: string) => end("return", instruction ? { instruction } : {}, "Returned to the assistant.");
export const transfer = (team: string, note: string) => finish("transfer", note ? { team, note } : { team }, `Transferred to ${teamName(team)}.`);

/** Passes the conversation on to a colleague, who is asked first; warm, it stays here until they take it. */
export async function transferTo(agent: { id: string; name: string }, note: string, warm: boolean): Promise<void> {
  const body = { agent: agent.id, warm, ...(note ? { note } : {}) };
  if (!warm) return void (await finish("transfer", body, `Transferred to ${agent.name}.`));
  const id = openId.value;
  if (id && (await act("transfer", () => agentCall(`/conversations/${id}/transfer`, body), id))) {
    dialog.value = null;
    notice.value = { text: `${agent.name} is asked. It stays with you until they take it.`, bad: false };
  }
}

/** What can be meant for somebody, as the board or the queue knows it. */
export interface Assignable {
  handoff: string;
  conversation: string;
  /** Who has it now. */
  agent?: string | null;
  customer: string;
}

/** What the dialog for assigning is about when it was not asked for in the open conversation. */
export const assigning = signal<Assignable | null>(null);
/** The row of the board that has the focus: what the key for assigning means there. */
export const boardRow = signal<Assignable | null>(null);
onSignedOut(() => {
  assigning.value = boardRow.value = null;
});
dialog.subscribe((d) => {
  if (d !== "assign") assigning.value = null;
});

export function wantAssign(what: Assignable | null): void {
  assigning.value = what;
  dialog.value = "assign";
}

/** Means a handoff for a colleague, who is offered it before everybody else. */
export async function assign(h: Assignable, agent: { id: string; name: string }, note: string): Promise<void> {
  if (await act("assign", () => agentCall(`/handoffs/${h.handoff}/assign`, { agent: agent.id, ...(note ? { note } : {}) }), h.conversation)) {
    dialog.value = null;
    notice.value = { text: `Assigned to ${agent.name}.`, bad: false };
  }
}

/** Lets the conversation sleep; it comes back by itself at that time, or when the customer writes. */
export const snooze = (until: Date, when: string) => end("snooze", { until: until.toISOString() }, `Sleeps until ${when}, or until the customer writes.`);

export async function wakeUp(): Promise<void> {
  const id = openId.value;
  if (id && (await act("wake", () => agentCall(`/conversations/${id}/wake`, {}), id))) notice.value = { text: "Awake again.", bad: false };
}

const supervises = computed(() => ["supervisor", "admin"].includes(me.value?.role ?? ""));

/** Whether a supervisor may take the open conversation from a colleague. */
export const canTakeOver = computed(() => supervises.value && !isMine.value && !isOffer.value && ["accepted", "offered"].includes(handoff.value?.state ?? ""));

/** Whether the open conversation can be meant for somebody. */
export const canAssign = computed(() => supervises.value && handoff.value !== null && handoff.value.ended_at === null);

export async function takeOver(): Promise<void> {
  const id = openId.value;
  if (id && (await act("takeover", () => agentCall(`/conversations/${id}/takeover`, {}), id)) && openId.value === id) {
    refreshConversation(id);
    write("public");
  }
}

/** Moves it up a priority and to the team that helps out; the note is for that team. */
export const escalate = (note: string) => finish("escalate", note ? { note } : {}, "Escalated.");

/** Resolves at once when the customer had an answer, or gets one that is still held, and asks first when not. */
export function wantResolve(): void {
  if (!isMine.value) return;
  const replied = outgoing.value.some((m) => m.kind !== "internal") || handoff.value?.first_reply_at || record.value.messages.some((m) => m.author === "agent" && m.visibility === "public");
  if (replied) void resolve();
  else dialog.value = "resolve";
}

/** Ends the session. Unlike a session that ran out, this leaves nothing of what was being written. */
export async function signOut(): Promise<void> {
  await settleAll();
  if (await act("signout", () => agentCall("/signout", {}))) {
    drafts.forget();
    signedOut();
  }
}
