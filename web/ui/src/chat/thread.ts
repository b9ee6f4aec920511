// What a customer does within a conversation beside writing: stopping an answer, judging it, taking a copy along.

import { signal } from "@preact/signals";
import { call, download, Problem } from "../shared/api.ts";
import type { FeedbackReason } from "../shared/types.ts";
import { auth, notice, path, session } from "./session.ts";

/** Hears no more of an answer. What it has said stays; the stream tells how it ended. */
export async function stop(turn: string): Promise<void> {
  const s = session.value;
  if (!s) return;
  try {
    await call(path(s, `/turns/${encodeURIComponent(turn)}/stop`), { method: "POST", body: {}, headers: auth(s) });
  } catch (err) {
    if (!(err instanceof Problem) || err.code !== "being_answered") notice.value = "failed"; // help goes on, and shows by itself
  }
}

export interface Verdict {
  helpful: boolean;
  reason?: FeedbackReason;
  comment?: string;
}

/** What the customer said of answers while this page is open; older verdicts stand with the messages. */
export const feedback = signal<Record<string, Verdict>>({});

/** Says whether an answer helped, and why not. Each word replaces the one before. */
export async function judge(message: string, v: Verdict): Promise<boolean> {
  const s = session.value;
  if (!s) return false;
  const before = feedback.value;
  feedback.value = { ...before, [message]: v };
  try {
    await call(path(s, `/messages/${encodeURIComponent(message)}/feedback`), { body: { ...v, comment: v.comment ?? "" }, headers: auth(s) });
    return true;
  } catch {
    if (feedback.value[message] === v) feedback.value = before;
    notice.value = "failed";
    return false;
  }
}

const kinds = { text: ["text/plain", "txt"], html: ["text/html", "html"], json: ["application/json", "json"] } as const;

/** Saves the written record as a file. */
export async function saveTranscript(format: keyof typeof kinds): Promise<void> {
  const s = session.value;
  if (!s) return;
  const [type, ending] = kinds[format];
  try {
    const blob = await download(path(s, `/transcript?format=${format}`), type, auth(s));
    const a = document.createElement("a");
    a.href = URL.createObjectURL(blob);
    a.download = `conversation-${new Date().toISOString().slice(0, 10)}.${ending}`;
    a.click();
    setTimeout(() => URL.revokeObjectURL(a.href), 10_000);
  } catch {
    notice.value = "failed";
  }
}
