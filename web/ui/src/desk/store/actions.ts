// What an agent does with a conversation: take it, end it, give it away.

import type { Handoff } from "../../shared/types.ts";
import { closeConversation, drafts, handoff, isMine, mode, openConversation, openId, record, refreshConversation, write } from "./conversation.ts";
import { split } from "./queue.ts";
import { act, agentCall, dialog, notice, signedOut, teamName, view } from "./session.ts";

export async function accept(h: Handoff): Promise<void> {
  openConversation(h.conversation_id);
  if (await act("accept", () => agentCall(`/handoffs/${h.id}/accept`, {}))) {
    mode.value = "public";
    refreshConversation(h.conversation_id);
    write("public");
  }
}

export async function decline(h: Handoff): Promise<void> {
  if (await act("decline", () => agentCall(`/handoffs/${h.id}/decline`, {}))) {
    if (openId.value === h.conversation_id) {
      closeConversation();
      view.value = "queue";
    }
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
  const good = await act(name, () => agentCall(`/conversations/${id}/${name}`, body));
  if (good) {
    dialog.value = null;
    notice.value = { text: done, bad: false };
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

/** Resolves at once when the customer had an answer, and asks first when not. */
export function wantResolve(): void {
  if (!isMine.value) return;
  const replied = handoff.value?.first_reply_at || record.value.messages.some((m) => m.author === "agent" && m.visibility === "public");
  if (replied) void resolve();
  else dialog.value = "resolve";
}

/** Ends the session. Unlike a session that ran out, this leaves nothing of what was being written. */
export async function signOut(): Promise<void> {
  if (await act("signout", () => agentCall("/signout", {}))) {
    drafts.forget();
    signedOut();
  }
}
