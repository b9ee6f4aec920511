// The help with writing: drafts, articles that fit, macros by a slash, translations beside their originals. Nothing of it
// is sent by itself.

import { computed, effect, signal } from "@preact/signals";
import { useEffect, useRef, useState } from "preact/hooks";
import { call, newId, Problem } from "../shared/api.ts";
import { Icon } from "../shared/icons.tsx";
import { Markdown } from "../shared/markdown-view.tsx";
import { joinNumbers } from "../shared/markdown.ts";
import { Dialog, Growing } from "../shared/parts.tsx";
import type { Citation, Me, Message } from "../shared/types.ts";
import { addSource, ariaKeysFor, keyFor, register } from "./commands.ts";
import { actionText, macrosFor, originalFor, slashAt, unfilled, type Draft, type Macro, type MacroAction, type Original, type Rendered, type Translation } from "./copilot-state.ts";
import { KeyOf } from "./keycap.tsx";
import { readKeys } from "./keys.ts";
import { Part } from "./package.tsx";
import { inInbox } from "./pages.ts";
import { composerPanels, composerTools, dialogs, messageParts, packageSections, type Composer } from "./slots.tsx";
import * as s from "./store/index.ts";
import { languageName } from "./words.ts";

/** Whether a language model is there at all; translations need one. */
const model = signal(false);
export const macros = signal<Macro[]>([]);

/** Reads the macros anew. */
export async function loadMacros(): Promise<void> {
  const res = await s.agentCall<{ macros: Macro[]; variables: Record<string, string> }>("/macros");
  macros.value = res.macros;
  variables.value = res.variables;
}

/** The names that may stand in a macro, and what each is. */
export const variables = signal<Record<string, string>>({});

let whose = "";
s.me.subscribe((m) => {
  if (!m || m.id === whose) return;
  whose = m.id;
  loadMacros().catch(() => {});
  call<{ model: boolean }>("/v1/config").then((c) => (model.value = c.model), () => {});
});
s.onSignedOut(() => {
  whose = "";
  macros.value = [];
  drafted.value = {};
  translations.value = new Map();
  s.store.remove("originals");
  s.store.remove("drafted");
});

const writing = () => inInbox() && s.isMine.value;

// ---- Drafts

interface Drafted {
  state: "asking" | "there" | "failed" | "used";
  draft?: Draft;
  wrong?: string;
}

/** What was drafted, by conversation. A draft that was used stays until the reply is sent, so that it can be measured. */
const drafted = signal<Record<string, Drafted>>(kept());

function kept(): Record<string, Drafted> {
  const all = s.store.get<Record<string, Drafted>>("drafted");
  return typeof all === "object" && all !== null ? all : {};
}

function setDrafted(id: string, d: Drafted | undefined): void {
  const { [id]: _, ...others } = drafted.peek();
  drafted.value = d ? { ...others, [id]: d } : others;
  s.store.set("drafted", Object.fromEntries(Object.entries(drafted.value).filter(([, x]) => x.state === "used")));
}

const decide = (draft: Draft | undefined, outcome: "inserted" | "discarded", message?: string) =>
  draft ? s.agentCall(`/drafts/${draft.id}`, message ? { outcome, message } : { outcome }, "PUT").catch(() => {}) : undefined;

/** Asks for a draft of the reply, with a few words of what it is to say, or none. */
async function ask(id: string, instruction = ""): Promise<void> {
  const before = drafted.peek()[id];
  if (before?.state === "asking") return;
  if (before?.state === "there") void decide(before.draft, "discarded");
  setDrafted(id, { state: "asking" });
  try {
    const { draft } = await s.agentCall<{ draft: Draft }>(`/conversations/${id}/draft`, instruction ? { instruction } : {});
    setDrafted(id, { state: "there", draft });
    s.announcement.value = "A draft is there.";
  } catch (err) {
    setDrafted(id, { state: "failed", wrong: s.words(err) });
  }
}

/** Throws a draft away. */
function discard(id: string): void {
  void decide(drafted.peek()[id]?.draft, "discarded");
  setDrafted(id, undefined);
}

/** The last message of the conversation that is open by the agent, to customers. */
const lastReply = computed(() => s.record.value.messages.findLast((m) => m.author === "agent" && m.visibility === "public" && m.agent?.id === s.me.value?.id));

// What was sent in place of a draft is told as soon as the server has it.
effect(() => {
  const id = s.openId.value;
  const sent = lastReply.value;
  const d = id ? drafted.value[id] : undefined;
  if (!id || !sent || d?.state !== "used" || !d.draft || sent.seq <= d.draft.seq) return;
  void decide(d.draft, "inserted", sent.id);
  setDrafted(id, undefined);
});

register({
  id: "draft",
  title: "Draft a reply from the articles",
  group: "Conversation",
  keys: "alt+c",
  when: writing,
  run: () => {
    s.mode.value = "public";
    if (s.openId.value) void ask(s.openId.value);
  },
});

composerTools.add({ id: "draft", order: 100, component: ({ conversation, mode }) => (mode === "public" ? <Tool command="draft" icon="spark" label="Draft" run={() => void ask(conversation)} /> : null) });

function Tool({ command, icon, label, run, pressed }: { command: string; icon: Parameters<typeof Icon>[0]["name"]; label: string; run: () => void; pressed?: boolean }) {
  const key = keyFor(command);
  return (
    <button type="button" class="tool" aria-pressed={pressed} aria-keyshortcuts={ariaKeysFor(command)} title={key ? `${label} (${readKeys(key)})` : label} onClick={run}>
      <Icon name={icon} size={18} />
      <span>{label}</span>
    </button>
  );
}

composerPanels.add({ id: "draft", order: 200, component: DraftPanel });

/** Puts a draft into the reply that is shown; set while one can be. */
const insertDraft = signal<(() => void) | null>(null);

register(
  { id: "draft-insert", title: "Insert the draft into the reply", group: "Conversation", keys: "alt+i", when: () => writing() && insertDraft.value !== null, run: () => insertDraft.value?.() },
  {
    id: "draft-discard",
    title: "Discard the draft",
    group: "Conversation",
    keys: "alt+x",
    when: () => writing() && s.openId.value !== null && ["there", "failed"].includes(drafted.value[s.openId.value]?.state ?? ""),
    run: () => {
      if (!s.openId.value) return;
      discard(s.openId.value);
      s.announcement.value = "The draft is discarded.";
      s.write("public");
    },
  },
);

function DraftPanel(c: Composer) {
  const d = drafted.value[c.conversation];
  const [instruction, setInstruction] = useState("");
  const shown = d !== undefined && d.state !== "used" && c.mode === "public";
  const draft = shown ? d.draft : undefined;
  const insert = (text: string) => {
    if (c.text.trim() === "") c.replace(text);
    else c.insert(text);
  };
  const use = () => {
    if (!draft) return;
    insert(draft.reply);
    void decide(draft, "inserted");
    setDrafted(c.conversation, { state: "used", draft });
  };
  // The key does what the button does, with what stands in the reply when it is pressed.
  const latest = useRef(use);
  latest.current = use;
  useEffect(() => {
    insertDraft.value = draft ? () => latest.current() : null;
    return () => (insertDraft.value = null);
  }, [draft]);
  if (!shown) return null;
  const again = () => void ask(c.conversation, instruction.trim());
  return (
    <section class="draft" aria-label="Draft of a reply">
      <p class="draft-head">
        <Icon name="spark" size={16} />
        <b>Draft</b>
        {d.draft && <span class="quiet-text">{d.draft.model ? `Written by ${d.draft.model}` : "Quoted from an article"}</span>}
        {d.draft && d.draft.confidence < 0.5 && <span class="draft-doubt">May not fit</span>}
        <button type="button" class="icon-button small" aria-label="Discard the draft" aria-keyshortcuts={ariaKeysFor("draft-discard")} title={keyFor("draft-discard") ? `Discard (${readKeys(keyFor("draft-discard"))})` : "Discard"} onClick={() => discard(c.conversation)}>
          <Icon name="close" size={16} />
        </button>
      </p>
      <div role="status" class="draft-status">
        {d.state === "asking" && <p class="quiet-text">Reading the articles…</p>}
        {d.state === "failed" && <p>{d.wrong}</p>}
      </div>
      {d.draft && (
        <div class="draft-text scroll" dir="auto" tabIndex={0} role="region" aria-label="Text of the draft">
          <Markdown text={joinNumbers(d.draft.text)} cite={(n) => <Source c={d.draft?.citations.find((x) => x.n === n)} n={n} />} />
        </div>
      )}
      {d.draft && d.draft.left_out.length > 0 && (
        <div class="left-out">
          <p>Left out, because neither an article nor you say so:</p>
          <ul>
            {d.draft.left_out.map((t) => (
              <li key={t}>
                <span dir="auto">{t}</span>
                <button type="button" class="text-button" aria-label={`Add: ${t}`} onClick={() => insert(t)}>
                  Add
                </button>
              </li>
            ))}
          </ul>
        </div>
      )}
      <div class="draft-foot">
        <input
          class="input"
          type="text"
          maxLength={1000}
          aria-label="What the reply is to say"
          placeholder="What should it say? (optional)"
          value={instruction}
          onInput={(e) => setInstruction(e.currentTarget.value)}
          onKeyDown={(e) => {
            if (e.key !== "Enter" || e.isComposing) return;
            e.preventDefault(); // the form around it sends the reply
            if (!e.ctrlKey && !e.metaKey) again();
          }}
        />
        <button type="button" class="button quiet" disabled={d.state === "asking"} onClick={again}>
          {d.draft ? "Draft again" : "Draft"}
        </button>
        {d.draft && (
          <button type="button" class="button" aria-keyshortcuts={ariaKeysFor("draft-insert")} onClick={use}>
            Insert <KeyOf id="draft-insert" />
          </button>
        )}
      </div>
    </section>
  );
}

function Source({ c, n }: { c: Citation | undefined; n: number }) {
  if (!c) return <>[{n}]</>;
  return (
    <a href={c.url} target="_blank" rel="noopener" title={`${c.title}: ${c.quote}`}>
      [{n}]
    </a>
  );
}

// ---- Articles that fit

const suggested = signal<{ conversation: string; articles: Citation[]; confidence: number } | null>(null);
const lastAsked = computed(() => s.record.value.messages.findLast((m) => m.author === "customer")?.seq ?? 0);
let asking: ReturnType<typeof setTimeout> | undefined;
effect(() => {
  const id = s.openId.value;
  const seq = lastAsked.value;
  clearTimeout(asking);
  if (suggested.peek()?.conversation !== id) suggested.value = null;
  if (!id || seq === 0 || !s.me.value) return;
  // A burst of messages, or of conversations that are only passed on the way, is asked for once.
  asking = setTimeout(() => {
    s.agentCall<{ articles: Citation[]; confidence: number }>(`/conversations/${id}/suggestions`).then(
      (r) => s.openId.peek() === id && (suggested.value = { conversation: id, ...r }),
      () => {},
    );
  }, 400);
});

packageSections.add({
  id: "suggested",
  order: 250,
  when: () => (suggested.value?.articles.length ?? 0) > 0,
  component: () => (
    <Part title="Articles for the last message">
      <ul class="articles suggested">
        {suggested.value?.articles.map((a) => (
          <li key={a.url}>
            <a href={a.url} target="_blank" rel="noopener">
              {a.title}
            </a>
            <p class="quote">{a.quote}</p>
            {s.isMine.value && (
              <button type="button" class="text-button" aria-label={`Insert link to ${a.title}`} onClick={() => addToReply(`[${a.title.replace(/[[\]]/g, "")}](${new URL(a.url, location.origin).href})`)}>
                Insert link
              </button>
            )}
          </li>
        ))}
      </ul>
    </Part>
  ),
});

/** Writes behind what stands in the reply already. */
function addToReply(text: string): void {
  const id = s.openId.value;
  if (!id) return;
  const before = s.drafts.get(id, "public");
  s.drafts.set(id, "public", before === "" || /\s$/.test(before) ? before + text : `${before} ${text}`);
  s.view.value = "conversation";
  s.write("public");
}

// ---- Macros

/** What a macro proposes to do when its text has been sent, by conversation. */
const proposed = signal<{ conversation: string; actions: MacroAction[]; after: number } | null>(null);

async function insertMacro(m: Macro, put: (text: string) => void): Promise<void> {
  const id = s.openId.peek();
  if (!id) return;
  try {
    const r = await s.agentCall<Rendered>(`/macros/${m.id}/render`, { conversation: id });
    if (s.openId.peek() !== id) return;
    put(r.text);
    proposed.value = r.actions.length > 0 ? { conversation: id, actions: r.actions, after: s.record.peek().seq } : null;
    if (r.missing.length > 0) s.announcement.value = `Not known, please fill in: ${r.missing.join(", ")}`;
    requestAnimationFrame(() => {
      const field = document.getElementById("reply") as HTMLTextAreaElement | null;
      const gap = field ? unfilled(field.value) : undefined;
      if (gap) field?.setSelectionRange(...gap);
    });
  } catch (err) {
    s.notice.value = { text: s.words(err), bad: true };
  }
}

register({ id: "macros", title: "Insert a macro", group: "Conversation", keys: "m", when: () => inInbox() && s.openId.value !== null && (s.isMine.value || s.mode.value === "internal"), run: openMacros });

/** Opens the list of macros where the cursor is. */
function openMacros(): void {
  const id = s.openId.value;
  if (!id) return;
  const mode = s.mode.value;
  const field = document.getElementById("reply") as HTMLTextAreaElement | null;
  const text = s.drafts.get(id, mode);
  const at = field?.selectionStart ?? text.length;
  const gap = at === 0 || /\s$/.test(text.slice(0, at)) ? "" : " ";
  s.drafts.set(id, mode, `${text.slice(0, at)}${gap}/${text.slice(at)}`);
  requestAnimationFrame(() => {
    const f = document.getElementById("reply") as HTMLTextAreaElement | null;
    f?.focus();
    f?.setSelectionRange(at + gap.length + 1, at + gap.length + 1);
  });
}

composerTools.add({ id: "macros", order: 200, component: () => <Tool command="macros" icon="book" label="Macros" run={openMacros} /> });

addSource((query) =>
  writing() && query.trim().length > 1
    ? macros.value.map((m) => ({ id: `macro ${m.id}`, title: `Insert macro: ${m.name}`, run: () => (s.write("public"), void insertMacro(m, addToReply)) }))
    : [],
);

composerPanels.add({ id: "macros", order: 900, component: MacroList });

/** The cursor moves without the text: this counts how often. */
const moved = signal(0);
if (typeof document !== "undefined") document.addEventListener("selectionchange", () => document.activeElement?.id === "reply" && moved.value++);

function MacroList(c: Composer) {
  void moved.value;
  const field = document.getElementById("reply") as HTMLTextAreaElement | null;
  const focused = field !== null && document.activeElement === field;
  const slash = focused && field.selectionStart === field.selectionEnd && field.value === c.text ? slashAt(c.text, field.selectionStart) : undefined;
  const [at, setAt] = useState(0);
  const [closed, setClosed] = useState<number | null>(null);
  const found = slash && slash.from !== closed ? macrosFor(macros.value, slash.query) : [];
  const here = Math.min(at, found.length - 1);
  const open = found.length > 0;
  useEffect(() => setAt(0), [slash?.query]);
  useEffect(() => {
    if (!slash) setClosed(null);
  }, [slash === undefined]);
  useEffect(() => document.getElementById(`macro-${here}`)?.scrollIntoView({ block: "nearest" }), [here]);
  const take = (m: Macro | undefined) => {
    if (!m || !slash) return;
    const { from } = slash;
    const end = from + 1 + slash.query.length;
    setClosed(from);
    void insertMacro(m, (text) => c.replace(c.text.slice(0, from) + text + c.text.slice(end)));
  };
  useEffect(() => {
    if (!field || !open) return;
    field.setAttribute("aria-controls", "macro-list");
    field.setAttribute("aria-activedescendant", `macro-${here}`);
    field.setAttribute("aria-autocomplete", "list");
    // Before the field's own keys: here Enter takes a macro, and Escape closes the list alone.
    const onKey = (e: KeyboardEvent) => {
      if (e.isComposing || e.ctrlKey || e.metaKey || e.altKey) return;
      const to = { ArrowDown: here + 1, ArrowUp: here - 1 + found.length }[e.key];
      if (to !== undefined) setAt(to % found.length);
      else if (e.key === "Enter" || e.key === "Tab") take(found[here]);
      else if (e.key === "Escape") setClosed(slash?.from ?? null);
      else return;
      e.preventDefault();
      e.stopImmediatePropagation();
    };
    field.addEventListener("keydown", onKey, true);
    return () => {
      field.removeEventListener("keydown", onKey, true);
      for (const a of ["aria-controls", "aria-activedescendant", "aria-autocomplete"]) field.removeAttribute(a);
    };
  });
  return (
    <>
      {open && (
        <div id="macro-list" class="macro-list" role="listbox" aria-label="Macros">
          {found.map((m, i) => (
            <div
              key={m.id}
              id={`macro-${i}`}
              role="option"
              aria-selected={i === here}
              onPointerMove={() => setAt(i)}
              onPointerDown={(e) => e.preventDefault()} // the text field keeps the focus
              onClick={() => take(m)}
            >
              <code>/{m.shortcut}</code>
              <b>{m.name}</b>
              <span>{preview(m)}</span>
            </div>
          ))}
        </div>
      )}
      <p class="sr-only" role="status">
        {open ? `${found.length} ${found.length === 1 ? "macro" : "macros"}` : ""}
      </p>
    </>
  );
}

const preview = (m: Macro): string => (m.body["en"] ?? Object.values(m.body)[0] ?? "").replace(/\s+/g, " ").slice(0, 120);

composerPanels.add({ id: "then", order: 100, component: Then });

/** What the macro proposes, once its text has been sent. */
function Then(c: Composer) {
  const p = proposed.value;
  if (!p || p.conversation !== c.conversation || (lastReply.value?.seq ?? 0) <= p.after) return null;
  const done = (a: MacroAction) => {
    const rest = p.actions.filter((x) => x !== a);
    proposed.value = rest.length > 0 ? { ...p, actions: rest } : null;
  };
  return (
    <div class="then" role="group" aria-label="What the macro proposes next">
      <span>Next:</span>
      {p.actions.map((a, i) => (
        <button key={i} type="button" class="button quiet" disabled={s.busy.value !== ""} onClick={() => void carryOut(a).then((good) => good && done(a))}>
          {actionText(a, s.teamName)}
        </button>
      ))}
      <button type="button" class="text-button" onClick={() => (proposed.value = null)}>
        Not now
      </button>
    </div>
  );
}

async function carryOut(a: MacroAction): Promise<boolean> {
  const id = s.openId.peek();
  if (!id) return false;
  switch (a.do) {
    case "resolve":
      return s.resolve();
    case "return":
      return s.giveBack(a.text ?? "");
    case "transfer":
      return s.transfer(a.team ?? "", "");
    case "snooze":
      return s.act("snooze", () => s.agentCall(`/conversations/${id}/snooze`, { until: new Date(Date.now() + (a.hours ?? 1) * 3_600_000).toISOString() }));
    case "note":
      return s.act("note", () => s.agentCall(`/conversations/${id}/messages`, { client_id: newId(), text: a.text, visibility: "internal" }));
  }
}

// ---- Translations

/** The language that the agent reads: their first one, or else the browser's. */
const mine = computed(() => (s.me.value as (Me & { languages?: string[] }) | null | undefined)?.languages?.[0] ?? (typeof navigator === "undefined" ? "en" : navigator.language.split("-")[0]) ?? "en");
const theirs = computed(() => s.handoff.value?.language || s.open.value?.conversation.locale || "");
const base = (locale: string) => locale.split("-")[0];
const foreign = computed(() => model.value && theirs.value !== "" && base(theirs.value) !== base(mine.value));

/** The conversations that are read in translation. */
const translated = signal<string[]>(s.store.get<string[]>("translated") ?? []);
const translations = signal<ReadonlyMap<string, Translation>>(new Map());
const untranslatable = signal("");
const isTranslated = computed(() => foreign.value && translated.value.includes(s.openId.value ?? ""));

function setTranslated(id: string, on: boolean): void {
  translated.value = [...translated.peek().filter((x) => x !== id), ...(on ? [id] : [])].slice(-200);
  s.store.set("translated", translated.value);
  untranslatable.value = "";
}

/** As many messages are translated backwards from the last as anybody reads. */
const translateBack = 40;
let translating = "";

effect(() => {
  const id = s.openId.value;
  const messages = s.record.value.messages;
  if (!id || !isTranslated.value || messages.length === 0) return;
  void translateAll(id, messages);
});

async function translateAll(id: string, messages: Message[]): Promise<void> {
  const wanted = () => messages.slice(-translateBack).filter((m) => (m.author === "customer" || m.author === "assistant") && m.text && !translations.peek().has(m.id));
  if (translating === id || untranslatable.peek() || messages.every((m) => translations.peek().has(m.id))) return;
  translating = id;
  const add = (all: Translation[]) => {
    const next = new Map(translations.peek());
    for (const t of all) if (t.message) next.set(t.message, t);
    translations.value = next;
  };
  try {
    if (wanted().length > 0) add((await s.agentCall<{ translations: Translation[] }>(`/conversations/${id}/translations?to=${mine.peek()}`)).translations);
    // One after the other, the newest first: that is the one the agent waits for.
    for (const m of wanted().reverse()) {
      if (s.openId.peek() !== id || !isTranslated.peek()) break;
      add([await s.agentCall<Translation>(`/conversations/${id}/translate`, { message: m.id, to: mine.peek() })]);
    }
  } catch (err) {
    untranslatable.value = s.words(err);
  } finally {
    translating = "";
  }
  // What came meanwhile.
  const now = s.record.peek().messages;
  if (s.openId.peek() === id && isTranslated.peek() && now.length > messages.length) void translateAll(id, now);
}

composerPanels.add({
  id: "language",
  order: 50,
  when: () => foreign.value,
  component: ({ conversation, mode }) =>
    mode === "public" ? (
      <p class="language">
        <Icon name="chat" size={16} />
        <span>
          The customer writes {languageName(theirs.value)}.{untranslatable.value && isTranslated.value ? ` ${untranslatable.value}` : ""}
        </span>
        {untranslatable.value && isTranslated.value && (
          <button type="button" class="text-button" onClick={() => (untranslatable.value = "")}>
            Try again
          </button>
        )}
        <button type="button" class="text-button" onClick={() => setTranslated(conversation, !isTranslated.value)}>
          {isTranslated.value ? "Show only the originals" : `Translate into ${languageName(mine.value)}`}
        </button>
      </p>
    ) : null,
});

messageParts.add({ id: "translation", when: () => isTranslated.value, component: ({ message }) => <Beside m={message} /> });

/** A message's translation below it; below one's own that was translated, what one wrote. */
function Beside({ m }: { m: Message }) {
  const t = translations.value.get(m.id);
  if (!t || t.text === m.text || m.visibility === "internal") return null;
  return (
    <div class="translation" lang={t.to} dir="auto">
      <p class="quiet-text">
        {m.author === "agent" ? "Written as" : `In ${languageName(t.to)}, translated by ${t.model}`}
        {t.doubts.length > 0 && <span class="draft-doubt">Compare: {t.doubts.join(", ")}</span>}
      </p>
      {m.author === "customer" ? <p class="verbatim">{t.text}</p> : <Markdown text={joinNumbers(t.text)} />}
    </div>
  );
}

const originals = (): Original[] => s.store.get<Original[]>("originals") ?? [];
const keepOriginals = (all: Original[]) => s.store.set("originals", all.slice(-100));
const doubtful = signal<{ conversation: string; doubts: string[] } | null>(null);

/** Puts the translation of the reply in its place; what was written goes along when it is sent, and can come back before. */
async function translateReply(c: Composer): Promise<void> {
  const text = c.text.trim();
  if (text === "") return;
  await s.act("translate", async () => {
    const t = await s.agentCall<Translation>(`/conversations/${c.conversation}/translate`, { text, to: theirs.peek() });
    if (s.drafts.get(c.conversation, "public").trim() !== text) throw new Problem(409, "changed", "The reply has changed meanwhile; translate it again.");
    c.replace(t.text);
    doubtful.value = { conversation: c.conversation, doubts: t.doubts };
    keepOriginals([...originals().filter((o) => o.clientId !== undefined || o.conversation !== c.conversation), { conversation: c.conversation, translated: t.text, text, locale: mine.peek(), model: t.model }]);
    pending.value++;
  });
}

/** Counts changes of the originals, which are kept in the browser's store. */
const pending = signal(0);

composerTools.add({
  id: "translate",
  order: 300,
  when: () => foreign.value,
  component: (c) => (c.mode === "public" ? <Tool command="translate" icon="chat" label={`To ${languageName(theirs.value)}`} run={() => void translateReply(c)} /> : null),
});
register({
  id: "translate",
  title: "Read this conversation in translation, or not",
  group: "Conversation",
  when: () => inInbox() && foreign.value && s.openId.value !== null,
  run: () => s.openId.value && setTranslated(s.openId.value, !isTranslated.value),
});

composerPanels.add({
  id: "original",
  order: 60,
  when: () => foreign.value,
  component: (c) => {
    void pending.value;
    const o = originals().find((x) => x.conversation === c.conversation && x.clientId === undefined);
    if (!o || c.mode !== "public" || c.text === "") return null;
    const doubts = doubtful.value?.conversation === c.conversation ? doubtful.value.doubts : [];
    return (
      <p class="language" role="status">
        <span>
          Translated. {doubts.length > 0 ? `Compare: ${doubts.join(", ")}.` : ""} You wrote: <i dir="auto">{o.text.length > 140 ? `${o.text.slice(0, 140)}…` : o.text}</i>
        </span>
        <button
          type="button"
          class="text-button"
          onClick={() => {
            keepOriginals(originals().filter((x) => x.clientId !== undefined || x.conversation !== c.conversation));
            pending.value++;
            c.replace(o.text);
          }}
        >
          Back to mine
        </button>
      </p>
    );
  },
});

// The original goes to the server with the message that is its translation, also when that is sent again later.
s.alongside.push((m) => {
  if (m.kind === "internal") return {};
  const all = originals();
  const o = originalFor(all, m);
  if (!o) return {};
  if (o.clientId === undefined) {
    keepOriginals(all.map((x) => (x === o ? { ...x, clientId: m.clientId } : x)));
    pending.value++;
  }
  return { original: { text: o.text, locale: o.locale, model: o.model } };
});

// ---- Drafts of articles

register({ id: "article-draft", title: "Save as a draft of an article", group: "Conversation", when: () => inInbox() && s.openId.value !== null, run: () => (s.dialog.value = "article-draft") });
dialogs.add({ id: "article-draft", component: ArticleDraft });

function ArticleDraft() {
  const asked = s.open.value?.package?.summary?.wants || s.record.value.messages.find((m) => m.author === "customer")?.text || "";
  const [title, setTitle] = useState(asked.split("\n")[0]?.slice(0, 200) ?? "");
  const [text, setText] = useState(() =>
    s.record.value.messages
      .filter((m) => m.author === "agent" && m.visibility === "public")
      .map((m) => m.text)
      .join("\n\n"),
  );
  const [wrong, setWrong] = useState("");
  const close = () => (s.dialog.value = null);
  const save = async () => {
    setWrong("");
    try {
      await s.agentCall(`/conversations/${s.openId.value}/article-draft`, { title: title.trim(), markdown: text });
      close();
      s.notice.value = { text: "Saved for the editors.", bad: false };
    } catch (err) {
      setWrong(s.words(err));
    }
  };
  return (
    <Dialog title="Save as a draft of an article" closeLabel="Close" onClose={close}>
      <form
        class="dialog-form"
        onSubmit={(e) => {
          e.preventDefault();
          void save();
        }}
      >
        <p>An editor sees this text, but not the conversation. Take out what is about this customer only.</p>
        <label class="field">
          <span>Title</span>
          <input class="input" type="text" maxLength={200} autoFocus value={title} onInput={(e) => setTitle(e.currentTarget.value)} />
        </label>
        <label class="field">
          <span>Text</span>
          <Growing class="textarea" rows={8} label="Text" value={text} onValue={setText} maxLength={40_000} />
        </label>
        {wrong && (
          <p class="wrong" role="alert">
            {wrong}
          </p>
        )}
        <div class="dialog-actions">
          <button type="button" class="button quiet" onClick={close}>
            Cancel
          </button>
          <button type="submit" class="button" disabled={title.trim() === "" || text.trim() === ""}>
            Save for the editors
          </button>
        </div>
      </form>
    </Dialog>
  );
}
