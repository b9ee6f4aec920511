// What a search found: pure functions.

export interface Hit {
  kind: "message" | "summary" | "customer";
  conversation_id: string;
  seq: number;
  author: string;
  internal: boolean;
  snippet: string;
  /** From and to, in UTF-16 units. */
  marks: [number, number][];
  at: string;
  customer: string;
  status: "open" | "closed";
  owner: string;
  team: string | null;
  agent: string | null;
}

/** The hits by conversation, in the order in which the conversations come first. */
export function byConversation(hits: Hit[]): { id: string; hits: Hit[] }[] {
  const all = new Map<string, Hit[]>();
  for (const h of hits) all.set(h.conversation_id, [...(all.get(h.conversation_id) ?? []), h]);
  return [...all].map(([id, of]) => ({ id, hits: of }));
}

/** A text without the signs of Markdown, for one line of a list; the marks stay at their words. What a customer wrote has no signs. */
export function plain(text: string, marks: [number, number][]): { text: string; marks: [number, number][] } {
  const gone = new Array<boolean>(text.length).fill(false);
  const drop = (from: number, length: number) => gone.fill(true, from, from + length);
  for (const m of text.matchAll(/\*\*|`+|^#{1,6} |^[-*] (?=\S)/gm)) drop(m.index, m[0].length);
  // Of the lines of a table, which a snippet has behind each other, one stroke between two cells stays.
  for (const m of text.matchAll(/\|((?:\s*(?:\||:?-{2,}:?))+)/g)) drop(m.index + 1, m[1]!.length);
  for (const m of text.matchAll(/\*([^\s*](?:[^*\n]*[^\s*])?)\*/g)) {
    drop(m.index, 1);
    drop(m.index + m[0].length - 1, 1);
  }
  for (const m of text.matchAll(/\[([^\]\n]*)\]\([^)\s]*\)/g)) {
    drop(m.index, 1);
    drop(m.index + 1 + m[1]!.length, m[0].length - 1 - m[1]!.length);
  }
  const left = [0]; // how many are left before each place
  for (const g of gone) left.push(left.at(-1)! + (g ? 0 : 1));
  return {
    text: [...gone.keys()].map((i) => (gone[i] ? "" : text[i])).join(""),
    marks: marks.flatMap(([from, to]): [number, number][] => (to <= text.length && left[to]! > left[from]! ? [[left[from]!, left[to]!]] : [])),
  };
}

/** A text in pieces that are marked or not. Marks beyond the text are ignored. */
export function pieces(text: string, marks: [number, number][]): { text: string; marked: boolean }[] {
  const out: { text: string; marked: boolean }[] = [];
  let at = 0;
  for (const [from, to] of marks) {
    if (from < at || to <= from || to > text.length) continue;
    if (from > at) out.push({ text: text.slice(at, from), marked: false });
    out.push({ text: text.slice(from, to), marked: true });
    at = to;
  }
  if (at < text.length) out.push({ text: text.slice(at), marked: false });
  return out;
}

/** The colleagues whom a note names: the longest name counts, so that "@Ada Lovelace" is not "@Ada" too. */
export function named(text: string, colleagues: { id: string; name: string }[]): string[] {
  const ids = new Set<string>();
  let rest = text.toLocaleLowerCase();
  for (const c of [...colleagues].sort((a, b) => b.name.length - a.name.length)) {
    const name = `@${c.name.toLocaleLowerCase()}`;
    for (let at = rest.indexOf(name); at >= 0; at = rest.indexOf(name, at + 1)) {
      const before = rest[at - 1] ?? " ";
      const after = rest[at + name.length] ?? " ";
      if (/[\p{L}\p{N}]/u.test(before) || /[\p{L}\p{N}]/u.test(after)) continue;
      ids.add(c.id);
      rest = rest.slice(0, at) + " ".repeat(name.length) + rest.slice(at + name.length);
    }
  }
  return [...ids];
}

/** What is being written behind an @ at the end of a text; undefined when nothing is. */
export function naming(text: string): string | undefined {
  return /(?:^|[\s(])@([\p{L}\p{N} .'-]{0,40})$/u.exec(text)?.[1];
}
