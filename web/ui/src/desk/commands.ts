// Everything that can be done by its name or by a key. The shortcuts, the list behind "?", the palette and the settings are
// made of this; whoever adds a command adds it to all of them.

import { computed, signal } from "@preact/signals";
import { fuzzy } from "./fuzzy.ts";
import { ariaKeys, isCharacter } from "./keys.ts";
import { store } from "./store/session.ts";

export interface Command {
  /** Stays the same for ever: what people have remapped is stored under it. */
  id: string;
  title: string;
  /** The heading it stands under. */
  group?: string;
  /** The key when nobody has chosen another: see keys.ts. */
  keys?: string;
  /** A second key that always works, also while something is being written. */
  also?: string;
  /** It also stands in the menu of the open conversation. */
  menu?: boolean;
  /** Whether it makes sense now; without it, always. It reads signals. */
  when?: () => boolean;
  run: () => void;
}

const registry = signal<Command[]>([]);

/** All commands, in the order in which they were added. */
export const commands = computed(() => registry.value);

/** Adds commands and returns what removes them again. */
export function register(...added: Command[]): () => void {
  for (const [i, c] of added.entries()) {
    if ([...registry.peek(), ...added.slice(0, i)].some((o) => o.id === c.id)) throw new Error(`there is a command ${c.id} already`);
  }
  registry.value = [...registry.peek(), ...added];
  return () => (registry.value = registry.peek().filter((c) => !added.includes(c)));
}

/** Whether keys that write a character are shortcuts. Those with Ctrl, ⌘ or Alt always are. */
export const shortcuts = signal(store.get<boolean>("shortcuts") ?? true);

export function setShortcuts(on: boolean): void {
  shortcuts.value = on;
  store.set("shortcuts", on);
}

/** The keys that this person has chosen; "" is no key. */
export const chosen = signal<Record<string, string>>(kept());

function kept(): Record<string, string> {
  const all = store.get<unknown>("keys");
  if (typeof all !== "object" || all === null) return {};
  return Object.fromEntries(Object.entries(all).filter((e): e is [string, string] => typeof e[1] === "string"));
}

/** The key that a command has, switched off or not. */
export const bound = (c: Command): string => chosen.value[c.id] ?? c.keys ?? "";

/** The key that works for a command now, or "". */
export function keyFor(id: string): string {
  const c = commands.value.find((o) => o.id === id);
  const key = c ? bound(c) : "";
  return isCharacter(key) && !shortcuts.value ? "" : key;
}

/** The same for aria-keyshortcuts. */
export const ariaKeysFor = (id: string): string | undefined => ariaKeys(keyFor(id));

/** Gives a command another key, "" for none, or undefined for its own again. */
export function setKeys(id: string, keys: string | undefined): void {
  const { [id]: _, ...others } = chosen.peek();
  chosen.value = keys === undefined ? others : { ...others, [id]: keys };
  store.set("keys", chosen.value);
}

/** Takes over keys that were chosen elsewhere. */
export function takeKeys(all: Record<string, string>): void {
  chosen.value = all;
  store.set("keys", all);
}

export function resetKeys(): void {
  chosen.value = {};
  store.remove("keys");
}

export const remapped = computed(() => Object.keys(chosen.value).length > 0);

/** The other commands with the same key. */
export function clashes(c: Command): Command[] {
  const key = bound(c);
  return key === "" ? [] : commands.value.filter((o) => o.id !== c.id && bound(o) === key);
}

/** The command that a key means now; inText when a text field has the focus, where characters are written. */
export function commandFor(chord: string, inText: boolean): Command | undefined {
  if (chord === "" || (isCharacter(chord) && (inText || !shortcuts.value))) return undefined;
  const now = commands.value.filter((c) => c.when?.() ?? true);
  // A key that somebody chose comes before one that was there.
  return now.find((c) => bound(c) === chord) ?? now.find((c) => c.also === chord);
}

const sources = new Set<(query: string) => Command[]>();

/** Adds things to the palette that are found rather than known: conversations, articles, people. f is asked at each letter and must be quick. */
export function addSource(f: (query: string) => Command[]): () => void {
  sources.add(f);
  return () => sources.delete(f);
}

export interface Hit {
  command: Command;
  at: number[];
}

/** The longest list that the palette shows. */
const most = 50;

/** What the palette shows for a query: what can be done now, the best first. */
export function find(query: string): Hit[] {
  const all = commands.value.filter((c) => c.id !== "palette" && (c.when?.() ?? true));
  if (query.trim() === "") return all.slice(0, most).map((command) => ({ command, at: [] }));
  return [...all, ...[...sources].flatMap((f) => f(query))]
    .flatMap((command) => {
      const found = fuzzy(query, command.title);
      return found ? [{ command, ...found }] : [];
    })
    .sort((a, b) => b.score - a.score)
    .slice(0, most)
    .map(({ command, at }) => ({ command, at }));
}
