// How the agent likes the desk, kept on the server so that another machine has it too. The browser keeps it as well: the
// desk starts with that at once, and goes on with it while the server cannot be reached.

import { effect, signal } from "@preact/signals";
import { chosen, setShortcuts, shortcuts, takeKeys } from "./commands.ts";
import * as s from "./store/index.ts";

export interface Preferences {
  undo_ms?: number;
  sound?: boolean;
  message_sound?: boolean;
  shortcuts?: boolean;
  keys?: Record<string, string>;
}

/** What counts until somebody chooses. */
export const usual: Required<Preferences> = { undo_ms: 5000, sound: false, message_sound: false, shortcuts: true, keys: {} };

/** The same preferences as the same text, whatever the order of the keys. */
export function asText(p: Preferences): string {
  const all = { ...usual, ...p };
  return JSON.stringify([all.undo_ms, all.sound, all.message_sound, all.shortcuts, Object.entries(all.keys).sort(([a], [b]) => (a < b ? -1 : 1))]);
}

/**
 * What counts when the desk opens: what this browser still owes the server if it is this agent's, or what the server
 * has. A browser that the agent has used before there was a server's copy gives its own.
 */
export function settle(here: Preferences, server: Preferences, owner: { agent: string; owes: boolean } | undefined, me: string): { use: Preferences; send: boolean } {
  const mine = owner === undefined || owner.agent === me;
  if (owner?.agent === me && owner.owes) return { use: here, send: true };
  if (mine && Object.keys(server).length === 0 && asText(here) !== asText({})) return { use: here, send: true };
  return { use: server, send: false };
}

const now = (): Preferences => ({ undo_ms: s.undoFor.value, sound: s.sound.value, message_sound: s.messageSound.value, shortcuts: shortcuts.value, keys: chosen.value });

/** The preferences that the server is known to have, as text; null before it was asked. */
const known = signal<string | null>(null);
let later: ReturnType<typeof setTimeout> | undefined;

function apply(p: Preferences): void {
  const all = { ...usual, ...p };
  if (s.undoFor.peek() !== all.undo_ms) s.setUndo(all.undo_ms);
  s.sound.value = all.sound; // without the tone that the switch plays
  s.store.set("sound", all.sound);
  s.messageSound.value = all.message_sound;
  s.store.set("message-sound", all.message_sound);
  if (shortcuts.peek() !== all.shortcuts) setShortcuts(all.shortcuts);
  takeKeys(all.keys);
}

const owe = (owes: boolean) => s.me.peek() && s.store.set("preferences", { agent: s.me.peek()?.id, owes });

async function load(): Promise<void> {
  const me = s.me.peek()?.id;
  if (!me) return;
  try {
    const { preferences } = await s.agentCall<{ preferences: Preferences }>("/preferences");
    if (s.me.peek()?.id !== me) return;
    const { use, send } = settle(now(), preferences, s.store.get("preferences"), me);
    apply(use);
    known.value = asText(preferences);
    if (send) void save();
    else owe(false);
  } catch {
    // what the browser has counts until the server answers
  }
}

async function save(): Promise<void> {
  const all = now();
  const text = asText(all);
  if (known.peek() === null || known.peek() === text) return;
  owe(true);
  try {
    await s.agentCall("/preferences", all, "PUT");
    known.value = text;
    if (asText(now()) === text) owe(false);
  } catch {
    // said again when the connection is back, or with the next change
  }
}

let whose = "";
s.me.subscribe((m) => {
  if ((m?.id ?? "") === whose) return;
  whose = m?.id ?? "";
  known.value = null;
  if (whose) queueMicrotask(() => void load());
});
s.link.subscribe((l) => {
  if (l === "open" && s.me.peek()) void (known.peek() === null ? load() : save());
});
effect(() => {
  const text = asText(now());
  if (known.value === null || known.value === text) return;
  owe(true);
  clearTimeout(later);
  later = setTimeout(() => void save(), 500);
});
