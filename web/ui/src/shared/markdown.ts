// Reads the small part of Markdown that answers are written in, into a tree of plain objects: paragraphs, headings,
// lists, tables, quotes, code, bold, italics, links and the numbers of citations. Everything else stays text, HTML above
// all. It never makes markup; whoever draws the tree makes nodes from it. It takes any text, and time in proportion to it.

export type Inline =
  | { kind: "text"; text: string }
  | { kind: "strong" | "em"; children: Inline[] }
  | { kind: "code"; text: string }
  | { kind: "link"; href: string; children: Inline[] }
  | { kind: "cite"; n: number }
  | { kind: "break" };

export type Align = "start" | "center" | "end" | undefined;

export type Block =
  | { kind: "paragraph"; children: Inline[] }
  | { kind: "heading"; level: number; children: Inline[] }
  | { kind: "list"; ordered: boolean; start: number; items: Block[][] }
  | { kind: "quote"; children: Block[] }
  | { kind: "code"; text: string }
  | { kind: "table"; head: Inline[][]; rows: Inline[][][]; align: Align[] }
  | { kind: "rule" };

/** How deep lists and quotes may nest; what lies deeper becomes a paragraph. */
const deepest = 6;

const item = /^( {0,3})([-*+]|\d{1,9}[.)])(?:[ \t]+(.*)|)$/;
const fence = /^ {0,3}(```+|~~~+)\s*[^`]*$/;
const heading = /^ {0,3}(#{1,6})(?:[ \t]+(.*?))?(?:[ \t]+#+)?[ \t]*$/;
const rule = /^ {0,3}(?:(?:\*[ \t]*){3,}|(?:-[ \t]*){3,}|(?:_[ \t]*){3,})$/;
const delimiterRow = /^ {0,3}\|?[ \t]*:?-+:?[ \t]*(?:\|[ \t]*:?-+:?[ \t]*)*\|?[ \t]*$/;

export function parseMarkdown(text: string): Block[] {
  return blocks(text.replace(/\r\n?/g, "\n").replace(/\t/g, "    ").split("\n"), 0);
}

function blocks(lines: string[], depth: number): Block[] {
  const out: Block[] = [];
  let i = 0;
  while (i < lines.length) {
    const line = lines[i] ?? "";
    if (line.trim() === "") {
      i++;
      continue;
    }
    const f = fence.exec(line);
    if (f) {
      const marks = f[1] ?? "```";
      const body: string[] = [];
      i++;
      while (i < lines.length && !closes(lines[i] ?? "", marks)) body.push(lines[i++] ?? "");
      i++;
      out.push({ kind: "code", text: body.join("\n") });
      continue;
    }
    const h = heading.exec(line);
    if (h) {
      out.push({ kind: "heading", level: (h[1] ?? "#").length, children: inline(h[2] ?? "") });
      i++;
      continue;
    }
    if (rule.test(line)) {
      out.push({ kind: "rule" });
      i++;
      continue;
    }
    if (depth < deepest && /^ {0,3}>/.test(line)) {
      const body: string[] = [];
      while (i < lines.length && /^ {0,3}>/.test(lines[i] ?? "")) body.push((lines[i++] ?? "").replace(/^ {0,3}> ?/, ""));
      out.push({ kind: "quote", children: blocks(body, depth + 1) });
      continue;
    }
    if (line.includes("|") && delimiterRow.test(lines[i + 1] ?? "") && cells(line).length === cells(lines[i + 1] ?? "").length) {
      i = table(lines, i, out);
      continue;
    }
    if (depth < deepest && item.test(line)) {
      i = list(lines, i, depth, out);
      continue;
    }
    const body: string[] = [];
    while (i < lines.length) {
      const l = lines[i] ?? "";
      if (l.trim() === "" || (body.length > 0 && begins(l, depth))) break;
      body.push(l.replace(/^ +/, ""));
      i++;
    }
    out.push({ kind: "paragraph", children: inline(body.join("\n")) });
  }
  return out;
}

function closes(line: string, marks: string): boolean {
  const t = line.trim();
  return t.length >= marks.length && t.split("").every((c) => c === marks[0]);
}

/** Says whether a line begins another block and so ends a paragraph. */
function begins(line: string, depth: number): boolean {
  return fence.test(line) || heading.test(line) || rule.test(line) || (depth < deepest && (/^ {0,3}>/.test(line) || item.test(line)));
}

function list(lines: string[], from: number, depth: number, out: Block[]): number {
  const first = item.exec(lines[from] ?? "");
  const marker = first?.[2] ?? "-";
  const ordered = /\d/.test(marker);
  const items: Block[][] = [];
  let i = from;
  while (i < lines.length) {
    const m = item.exec(lines[i] ?? "");
    if (!m || /\d/.test(m[2] ?? "") !== ordered || rule.test(lines[i] ?? "")) break;
    const indent = (m[1] ?? "").length + (m[2] ?? "").length + 1;
    const body = [m[3] ?? ""];
    i++;
    while (i < lines.length) {
      const l = lines[i] ?? "";
      if (l.trim() === "") {
        // a blank line belongs to the item when what follows is indented below it
        const next = lines.slice(i + 1, i + 3).find((x) => x.trim() !== "");
        if (next === undefined || leading(next) < Math.min(indent, 2)) break;
        body.push("");
        i++;
        continue;
      }
      if (leading(l) >= Math.min(indent, 2)) {
        body.push(l.slice(Math.min(leading(l), indent)));
        i++;
        continue;
      }
      if (begins(l, 0) || lines[i - 1]?.trim() === "") break;
      body.push(l); // a lazy continuation line
      i++;
    }
    items.push(blocks(body, depth + 1));
    // one blank line between items keeps the list together
    if ((lines[i] ?? "x").trim() === "" && item.test(lines[i + 1] ?? "")) i++;
  }
  out.push({ kind: "list", ordered, start: ordered ? parseInt(marker, 10) : 1, items });
  return i;
}

function leading(line: string): number {
  return line.length - line.trimStart().length;
}

function table(lines: string[], from: number, out: Block[]): number {
  const head = cells(lines[from] ?? "");
  const align = cells(lines[from + 1] ?? "").map((c): Align => {
    const start = c.startsWith(":");
    const end = c.endsWith(":");
    return start && end ? "center" : end ? "end" : start ? "start" : undefined;
  });
  const rows: Inline[][][] = [];
  let i = from + 2;
  while (i < lines.length && (lines[i] ?? "").trim() !== "" && (lines[i] ?? "").includes("|")) {
    const row = cells(lines[i] ?? "");
    rows.push(head.map((_, c) => inline(row[c] ?? "")));
    i++;
  }
  out.push({ kind: "table", head: head.map((c) => inline(c)), rows, align });
  return i;
}

function cells(line: string): string[] {
  const t = line.trim().replace(/^\|/, "").replace(/(^|[^\\])\|$/, "$1");
  return t.split(/(?<!\\)\|/).map((c) => c.trim().replace(/\\\|/g, "|"));
}

const punctuation = /[!-/:-@[-`{-~]/;

/** How deep bold, italics and links may nest. */
const deepestInline = 5;

export function inline(text: string, depth = 0): Inline[] {
  const out: Inline[] = [];
  let plain = "";
  const flush = () => {
    if (plain !== "") out.push({ kind: "text", text: plain });
    plain = "";
  };
  const push = (n: Inline) => {
    flush();
    out.push(n);
  };
  // Each kind of mark that was looked for and not found is not looked for again: time stays in proportion to the text.
  const missing = new Set<string>();
  const find = (mark: string, at: number): number => {
    if (missing.has(mark)) return -1;
    const p = text.indexOf(mark, at);
    if (p < 0) missing.add(mark);
    return p;
  };
  let i = 0;
  while (i < text.length) {
    const c = text[i] ?? "";
    if (c === "\\" && i + 1 < text.length) {
      const next = text[i + 1] ?? "";
      if (next === "\n") push({ kind: "break" });
      else if (punctuation.test(next)) plain += next;
      else plain += c + next;
      i += 2;
      continue;
    }
    if (c === "\n") {
      if (plain.endsWith("  ")) {
        plain = plain.trimEnd();
        push({ kind: "break" });
      } else plain += "\n";
      i++;
      continue;
    }
    if (c === "`") {
      const marks = /^`+/.exec(text.slice(i, i + 16))?.[0] ?? "`";
      const end = find(marks, i + marks.length);
      if (end > 0) {
        push({ kind: "code", text: text.slice(i + marks.length, end).replace(/\n/g, " ").trim() });
        i = end + marks.length;
      } else {
        plain += marks;
        i += marks.length;
      }
      continue;
    }
    if (c === "[") {
      const cite = /^\[(\d{1,2})\](?!\()/.exec(text.slice(i, i + 6));
      if (cite) {
        push({ kind: "cite", n: Number(cite[1]) });
        i += cite[0].length;
        continue;
      }
      const l = depth < deepestInline ? link(text, i) : undefined;
      if (l) {
        const children = inline(l.label, depth + 1).filter((n) => n.kind !== "cite");
        if (l.href !== undefined) push({ kind: "link", href: l.href, children });
        else {
          flush();
          out.push(...children); // only the words of a link that must not be followed
        }
        i = l.end;
        continue;
      }
    }
    if ((c === "*" || c === "_") && depth < deepestInline) {
      const double = text[i + 1] === c;
      const mark = double ? c + c : c;
      const after = text[i + mark.length] ?? " ";
      const insideWord = c === "_" && /[\p{L}\p{N}]/u.test(text[i - 1] ?? " ");
      if (!/\s/.test(after) && !insideWord) {
        const end = closing(text, mark, i + mark.length, find);
        if (end > 0) {
          push({ kind: double ? "strong" : "em", children: inline(text.slice(i + mark.length, end), depth + 1) });
          i = end + mark.length;
          continue;
        }
      }
      plain += mark;
      i += mark.length;
      continue;
    }
    if (c === "<") {
      const auto = /^<((?:https?:\/\/|mailto:)[^\s<>]{1,500})>/i.exec(text.slice(i, i + 520));
      const href = auto ? safeHref(auto[1] ?? "") : undefined;
      if (auto && href) {
        push({ kind: "link", href, children: [{ kind: "text", text: auto[1] ?? "" }] });
        i += auto[0].length;
        continue;
      }
      const br = /^<br\s*\/?>/i.exec(text.slice(i, i + 8));
      if (br) {
        push({ kind: "break" });
        i += br[0].length;
        continue;
      }
    }
    if ((c === "h" || c === "H") && !/[\p{L}\p{N}]/u.test(text[i - 1] ?? " ")) {
      const bare = /^https?:\/\/[^\s<>"'`*[\]{}|\\^]{3,500}/i.exec(text.slice(i, i + 520));
      const shown = bare?.[0].replace(/[.,;:!?)]+$/, "");
      const href = shown ? safeHref(shown) : undefined;
      if (shown && href) {
        push({ kind: "link", href, children: [{ kind: "text", text: shown }] });
        i += shown.length;
        continue;
      }
    }
    plain += c;
    i++;
  }
  flush();
  return out;
}

/** Finds the mark that closes bold or italics: not after a space, not the half of a longer mark. */
function closing(text: string, mark: string, from: number, find: (mark: string, at: number) => number): number {
  for (let tries = 0, at = from; tries < 20; tries++) {
    const p = find(mark, at);
    if (p < 0) return -1;
    const c = mark[0];
    const half = mark.length === 1 && (text[p + 1] === c || text[p - 1] === c);
    const inWord = c === "_" && /[\p{L}\p{N}]/u.test(text[p + mark.length] ?? " ");
    if (p > from && !/\s/.test(text[p - 1] ?? " ") && text[p - 1] !== "\\" && !half && !inWord) return p;
    at = p + mark.length;
  }
  return -1;
}

/** The longest label and the longest address of a link. */
const labelLimit = 400;
const hrefLimit = 1000;

/** Reads [label](address) at i; href is undefined when the address must not be followed. */
function link(text: string, i: number): { label: string; href: string | undefined; end: number } | undefined {
  const image = text[i - 1] === "!";
  let depth = 0;
  let close = -1;
  for (let j = i; j < text.length && j < i + labelLimit; j++) {
    const c = text[j];
    if (c === "\\") j++;
    else if (c === "[") depth++;
    else if (c === "]" && --depth === 0) {
      close = j;
      break;
    }
  }
  if (close < 0 || text[close + 1] !== "(") return undefined;
  const rest = text.slice(close + 2, close + 2 + hrefLimit);
  const m = /^\s*(?:<([^<>\n]*)>|((?:[^\s()]|\([^\s()]*\))*))(?:\s+(?:"[^"]*"|'[^']*'))?\s*\)/.exec(rest);
  if (!m) return undefined;
  const href = image ? undefined : safeHref(m[1] ?? m[2] ?? "");
  return { label: text.slice(i + 1, close), href, end: close + 2 + m[0].length };
}

/**
 * The address when a customer may follow it, else undefined: http, https, mailto, tel, a path from this site's root, or a
 * place within the text. Control characters, spaces and backslashes, which browsers drop or turn into slashes, make any address unsafe.
 */
export function safeHref(raw: string): string | undefined {
  const href = raw.trim();
  if (href === "" || /[\u0000-\u0020\u007f\\]/.test(href) || href.startsWith("//")) return undefined;
  return /^(?:https?:\/\/|mailto:|tel:|\/|#)/i.test(href) ? href : undefined;
}

/** The words of a text without its marks, for a screen reader's announcement. */
export function plainText(blocks: Block[]): string {
  const words = (ns: Inline[]): string =>
    ns.map((n) => (n.kind === "text" || n.kind === "code" ? n.text : n.kind === "break" ? "\n" : n.kind === "cite" ? "" : words(n.children))).join("");
  const each = (b: Block): string => {
    switch (b.kind) {
      case "paragraph":
      case "heading":
        return words(b.children);
      case "list":
        return b.items.map((x) => plainText(x)).join("\n");
      case "quote":
        return plainText(b.children);
      case "code":
        return b.text;
      case "table":
        return [b.head, ...b.rows].map((r) => r.map(words).join(", ")).join("\n");
      case "rule":
        return "";
    }
  };
  return blocks
    .map(each)
    .filter((t) => t.trim() !== "")
    .join("\n");
}

/**
 * Puts the numbers of citations that stand in a paragraph of their own at the end behind the text that they belong to.
 * Behind a table, code or a list they stay where they are.
 */
export function joinNumbers(text: string): string {
  const m = /^([\s\S]*\S)\s*\n\s*((?:\[\d{1,2}\]\s*)+)$/.exec(text);
  const before = m?.[1] ?? "";
  const line = before.slice(before.lastIndexOf("\n") + 1);
  return m && !/[|`~]$/.test(line) && !item.test(line) ? `${before} ${(m[2] ?? "").trim()}` : text;
}
