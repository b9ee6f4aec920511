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
