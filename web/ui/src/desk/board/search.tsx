// Search over every conversation that the agent may see.

import { signal } from "@preact/signals";
import { useEffect, useRef, useState } from "preact/hooks";
import { Icon } from "../../shared/icons.tsx";
import { clock } from "../../shared/time.ts";
import { register } from "../commands.ts";
import { go } from "../pages.ts";
import { pages } from "../slots.tsx";
import * as s from "../store/index.ts";
import { every } from "../tick.ts";
import { byConversation, type Hit, pieces, plain } from "./found.ts";

const here = typeof navigator === "undefined" ? "en" : navigator.language;

/** What was asked and found; it is there still when the agent comes back from a conversation. */
const asked = signal({ q: "", team: "", author: "", status: "", days: "" });
const hits = signal<Hit[] | null>(null);
const next = signal<string | null>(null);
const failed = signal("");
const searching = signal(false);

let run = 0;

async function search(more: boolean): Promise<void> {
  const mine = ++run;
  const { q, team, author, status, days } = asked.value;
  if (q.trim() === "") {
    hits.value = null;
    next.value = null;
    failed.value = "";
    searching.value = false;
    return;
  }
  const params = new URLSearchParams({ q });
  for (const [name, value] of Object.entries({ team, author, status })) if (value) params.set(name, value);
  if (days) params.set("from", new Date(Date.now() - Number(days) * 86_400_000).toISOString());
  if (more && next.value) params.set("cursor", next.value);
  searching.value = true;
  try {
    const res = await s.agentCall<{ results: Hit[]; next: string | null }>(`/search?${params}`);
    if (mine !== run) return; // something else was asked meanwhile
    hits.value = more ? [...(hits.value ?? []), ...res.results] : res.results;
    next.value = res.next;
    failed.value = "";
    s.announcement.value = res.results.length === 0 ? "Nothing found." : `${byConversation(hits.value).length} conversations found${res.next ? " so far" : ""}.`;
  } catch (err) {
    if (mine === run) failed.value = s.words(err);
  } finally {
    if (mine === run) searching.value = false;
  }
}

s.onSignedOut(() => {
  run++;
  asked.value = { q: "", team: "", author: "", status: "", days: "" };
  hits.value = next.value = null;
});

let later: ReturnType<typeof setTimeout> | undefined;

function ask(part: Partial<typeof asked.value>, wait = 0): void {
  asked.value = { ...asked.value, ...part };
  clearTimeout(later);
  later = setTimeout(() => void search(false), wait);
}

function Choice(p: { label: string; name: keyof typeof asked.value; options: [string, string][] }) {
  return (
    <label class="field">
      <span>{p.label}</span>
      <select class="input" value={asked.value[p.name]} onChange={(e) => ask({ [p.name]: e.currentTarget.value })}>
        {p.options.map(([value, text]) => (
          <option key={value} value={value}>
            {text}
          </option>
        ))}
      </select>
    </label>
  );
}

function Search() {
  const field = useRef<HTMLInputElement>(null);
  const now = every(60_000).value;
  useEffect(() => field.current?.focus(), []);
  const found = hits.value && byConversation(hits.value);
  const [whole, setWhole] = useState<ReadonlySet<string>>(new Set());
  return (
    <div class="search" onKeyDown={between}>
      <form
        role="search"
        onSubmit={(e) => {
          e.preventDefault();
          ask({});
        }}
      >
        <label class="search-words">
          <span class="sr-only">Words to search for</span>
          <Icon name="search" />
          <input
            ref={field}
            class="input"
            type="search"
            autocomplete="off"
            placeholder={'Words, "a phrase", -without, a name or an address'}
            value={asked.value.q}
            onInput={(e) => ask({ q: e.currentTarget.value }, 250)}
          />
        </label>
        <div class="search-filters">
          <Choice label="Team" name="team" options={[["", "Every team"], ...s.teams.value.map((t): [string, string] => [t.key, t.name])]} />
          <Choice label="Written by" name="author" options={[["", "Anybody"], ["customer", "Customers"], ["agent", "Agents"], ["assistant", "The assistant"]]} />
          <Choice label="Conversation" name="status" options={[["", "Open or closed"], ["open", "Open"], ["closed", "Closed"]]} />
          <Choice label="When" name="days" options={[["", "At any time"], ["1", "The last day"], ["7", "The last week"], ["30", "The last month"], ["365", "The last year"]]} />
        </div>
      </form>
      {failed.value && (
        <p class="failed" role="alert">
          {failed.value}
        </p>
      )}
      {!found && !failed.value && <p class="empty">Finds messages, notes, summaries and customers. The last word may be only its beginning.</p>}
      {found && found.length === 0 && <p class="empty">Nothing found. Try fewer words or fewer filters.</p>}
      {found && found.length > 0 && (
        <ol class="search-found" role="list" aria-busy={searching.value}>
          {found.map((c) => (
            <li key={c.id}>
              <a
                class="found-open"
                href={`#c/${encodeURIComponent(c.id)}`}
                onClick={(e) => {
                  if (e.ctrlKey || e.metaKey || e.shiftKey) return;
                  e.preventDefault();
                  s.openMessage(c.id, c.hits.find((h) => h.kind === "message")?.seq ?? 0);
                }}
              >
                <span class="found-head">
                  <strong dir="auto">{c.hits[0]?.customer || "Anonymous customer"}</strong>
                  <span class="found-facts">
                    {c.hits[0]?.team && <span>{s.teamName(c.hits[0].team)}</span>}
                    {c.hits[0]?.agent && <span>{c.hits[0].agent}</span>}
                    <span>{c.hits[0]?.status === "closed" ? "Closed" : "Open"}</span>
                    <time dateTime={c.hits[0]?.at}>{clock(Date.parse(c.hits[0]?.at ?? ""), now, here)}</time>
                  </span>
                </span>
              </a>
              {c.hits.slice(0, whole.has(c.id) ? undefined : 3).map((h) => (
                  <button type="button" class={`found-text${h.internal && h.kind === "message" ? " note" : ""}`} key={`${h.kind} ${h.seq} ${h.at}`} onClick={() => s.openMessage(c.id, h.kind === "message" ? h.seq : 0)}>
                    <span class="found-who">{h.kind === "summary" ? "Summary" : h.kind === "customer" ? "Customer" : h.internal ? "Note" : (authors[h.author] ?? h.author)}</span>
                    <span dir="auto">
                      {shown(h).map((p, i) => (p.marked ? <mark key={i}>{p.text}</mark> : p.text))}
                    </span>
                  </button>
              ))}
              {c.hits.length > 3 && !whole.has(c.id) && (
                <button type="button" class="text-button found-more" onClick={() => setWhole(new Set([...whole, c.id]))}>
                  Show {c.hits.length - 3} more in this conversation
                </button>
              )}
            </li>
          ))}
        </ol>
      )}
      {next.value && (
        <button type="button" class="button quiet" disabled={searching.value} onClick={() => void search(true)}>
          Show older ones
        </button>
      )}
    </div>
  );
}

/** The arrow keys lead from the words past the filters to what was found, on through it, and back. */
function between(e: KeyboardEvent & { currentTarget: HTMLElement }): void {
  const step = { ArrowDown: 1, ArrowUp: -1 }[e.key];
  const t = e.target as HTMLElement;
  if (!step || e.ctrlKey || e.metaKey || e.altKey || e.shiftKey || e.isComposing || t.tagName === "SELECT") return;
  const stops = [...e.currentTarget.querySelectorAll<HTMLElement>(".search-words input, .search-found :is(a, button)")];
  const next = stops[stops.indexOf(t) + step];
  if (!stops.includes(t) || !next) return;
  e.preventDefault();
  next.focus();
}

/** A hit's text as it is read: the assistant and agents write Markdown, customers do not. */
function shown(h: Hit) {
  if (h.kind !== "message" || h.author === "customer") return pieces(h.snippet, h.marks);
  const { text, marks } = plain(h.snippet, h.marks);
  return pieces(text, marks);
}

const authors: Record<string, string> = { customer: "Customer", agent: "Agent", assistant: "Assistant", system: "Notice" };

pages.add({ id: "search", title: "Search", icon: "search", order: 100, component: Search });
register({ id: "search", title: "Search all conversations", group: "Pages", keys: "/", run: () => go("search") });
