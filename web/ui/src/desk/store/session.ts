// Who sits at the desk, what the page as a whole shows, and how the server is asked.

import { signal } from "@preact/signals";
import { call, Problem } from "../../shared/api.ts";
import { browserStore } from "../../shared/storage.ts";
import type { Me } from "../../shared/types.ts";
import { chime } from "../sound.ts";

/** What the desk keeps in this browser. */
export const store = browserStore("firstline.desk.");

/** undefined while it is asked for; null when nobody is signed in. */
export const me = signal<Me | null | undefined>(undefined);
export const unreachable = signal(false);
export const teams = signal<{ key: string; name: string }[]>([]);
export const company = signal("");
/** The part of the inbox that a narrow screen shows. */
export const view = signal<"queue" | "conversation" | "package">("queue");
/** The page that is shown: "inbox", or the id of one in the slot `pages`. */
export const page = signal("inbox");
export const notice = signal<{ text: string; bad: boolean } | null>(null);
/** The dialog that is open: "palette", "shortcuts", or the id of one in the slot `dialogs`. */
export const dialog = signal<string | null>(null);
/** The action that is under way, or "". */
export const busy = signal("");
export const sound = signal(store.get<boolean>("sound") ?? false);
/** What is read out to those who do not see the page. */
export const announcement = signal("");

export const teamName = (key: string) => teams.value.find((t) => t.key === key)?.name ?? key;

const endings = new Set<() => void>();

/** Runs f whenever the session ends. Other parts of the store clean up with it. */
export function onSignedOut(f: () => void): void {
  endings.add(f);
}

export function signedOut(): void {
  for (const f of endings) f();
  dialog.value = null;
  me.value = null;
}

const agentHeaders = { "X-Firstline": "1" };

/** Calls as the agent who is signed in. With keepalive the call outlives the page. */
export async function agentCall<T>(path: string, body?: unknown, method?: string, keepalive?: boolean): Promise<T> {
  try {
    return await call<T>(`/v1/agent${path}`, { body, method: method ?? (body === undefined ? "GET" : "POST"), headers: agentHeaders, keepalive });
  } catch (err) {
    if (err instanceof Problem && err.status === 401) signedOut();
    throw err;
  }
}

export function words(err: unknown): string {
  if (err instanceof Problem && err.status !== 0) return err.message;
  return "The server could not be reached. Please try again.";
}

/** The actions that were asked for and are not done, in that order: each with the thing that it is about. */
const underWay = new Map<string, { name: string; about: string; done: Promise<boolean> }>();

/** More than anybody asks for while one answer is on its way. */
const mostUnderWay = 50;

/**
 * Runs an action and says what went wrong, in the server's words: a conflict names who was faster. Actions about the same
 * thing run one after the other, those about different things beside each other, so that whoever works fast loses no key.
 * The same action asked for again while it is under way is not run twice: it is false.
 */
export async function act(name: string, f: () => Promise<unknown>, about = ""): Promise<boolean> {
  const key = `${about} ${name}`;
  if (underWay.has(key) || underWay.size >= mostUnderWay) return false;
  const before = [...underWay.values()].findLast((o) => o.about === about)?.done;
  const run = async (): Promise<boolean> => {
    if (before) await before;
    notice.value = null;
    try {
      await f();
      return true;
    } catch (err) {
      notice.value = { text: words(err), bad: true };
      return false;
    } finally {
      underWay.delete(key);
      busy.value = [...underWay.values()][0]?.name ?? "";
    }
  };
  const done = new Promise<boolean>((resolve) => queueMicrotask(() => resolve(run())));
  underWay.set(key, { name, about, done });
  busy.value ||= name;
  return done;
}

/** A sound when a customer of mine writes in a conversation that is not in front. */
export const messageSound = signal(store.get<boolean>("message-sound") ?? false);

export function setMessageSound(on: boolean): void {
  messageSound.value = on;
  store.set("message-sound", on);
  if (on) chime("message");
}

export function setSound(on: boolean): void {
  sound.value = on;
  store.set("sound", on);
  if (on) chime();
}
