// Views: filters over all conversations that the agent may see, kept under a name.

import { signal } from "@preact/signals";
import { useEffect, useState } from "preact/hooks";
import type { Handoff } from "../shared/types.ts";
import { addSource } from "./commands.ts";
import { go } from "./pages.ts";
import { Row } from "./queue.tsx";
import { pages } from "./slots.tsx";
import * as s from "./store/index.ts";
import { type Filter, query } from "./view-filter.ts";
import { languageName, priorityWords } from "./words.ts";

interface View {
  id: string;
  name: string;
  filter: Filter;
  shared: boolean;
  position?: number;
}

const views = signal<View[] | null>(null);
const filter = signal<Filter>({ state: "open" });
const chosen = signal<string | null>(null);

s.onSignedOut(() => {
  views.value = null;
  chosen.value = null;
  filter.value = { state: "open" };
});

async function load(): Promise<void> {
  const res = await s.agentCall<{ views: View[] }>("/views").catch(() => null);
  if (res) views.value = res.views;
}

function choose(v: View): void {
  chosen.value = v.id;
  filter.value = v.filter;
}

const states: [string, string][] = [
  ["open", "Open"],
  ["queued", "Waiting"],
  ["accepted", "In conversation"],
  ["mine", "Mine"],
  ["snoozed", "Asleep"],
  ["asynchronous", "Promised for later"],
  ["ended", "Ended"],
];

const languages = ["en", "de", "es", "sv", "fr"];

/** Opens the page with everything open of one team. */
export function showTeam(key: string): void {
  chosen.value = null;
  filter.value = { state: "open", teams: [key] };
  go("views");
}

function change(part: Partial<Filter>): void {
  filter.value = { ...filter.value, ...part };
}

/** Whether the filter is no longer what the view that was chosen lets through. */
const differs = (v: View) => query(v.filter) !== query(filter.value);

function Views() {
  const f = filter.value;
  useEffect(() => void load(), []);
  return (
    <div class="views">
      <div class="view-names" role="group" aria-label="Kept views">
        {views.value?.map((v) => (
          <button key={v.id} type="button" class="button quiet" aria-pressed={chosen.value === v.id && !differs(v)} onClick={() => choose(v)}>
            {v.name}
          </button>
        ))}
        {views.value?.length === 0 && <p class="quiet-text">No view is kept yet. Choose below what it lets through, and give it a name.</p>}
      </div>
      <div class="view-filter" role="group" aria-label="Filter">
        <label class="field">
          <span>State</span>
          <select value={f.state ?? "open"} onChange={(e) => change({ state: e.currentTarget.value })}>
            {states.map(([key, name]) => (
              <option key={key} value={key}>
                {name}
              </option>
            ))}
          </select>
        </label>
        <label class="field">
          <span>Team</span>
          <select value={f.teams?.[0] ?? ""} onChange={(e) => change({ teams: e.currentTarget.value ? [e.currentTarget.value] : undefined })}>
            <option value="">Every team</option>
            {s.teams.value.map((t) => (
              <option key={t.key} value={t.key}>
                {t.name}
              </option>
            ))}
          </select>
        </label>
        <label class="field">
          <span>Priority</span>
          <select value={f.priorities?.[0] ?? ""} onChange={(e) => change({ priorities: e.currentTarget.value ? [Number(e.currentTarget.value)] : undefined })}>
            <option value="">Every priority</option>
            {[1, 2, 3, 4].map((p) => (
              <option key={p} value={p}>
                {priorityWords(p)}
              </option>
            ))}
          </select>
        </label>
        <label class="field">
          <span>Language</span>
          <select value={f.languages?.[0] ?? ""} onChange={(e) => change({ languages: e.currentTarget.value ? [e.currentTarget.value] : undefined })}>
            <option value="">Every language</option>
            {languages.map((l) => (
              <option key={l} value={l}>
                {languageName(l)}
              </option>
            ))}
          </select>
        </label>
        <label class="check">
          <input type="checkbox" checked={f.unanswered ?? false} onChange={(e) => change({ unanswered: e.currentTarget.checked || undefined })} />
          Customer waits for an answer
        </label>
        <label class="check">
          <input type="checkbox" checked={f.breached ?? false} onChange={(e) => change({ breached: e.currentTarget.checked || undefined })} />
          Deadline passed
        </label>
      </div>
      <Keep key={chosen.value ?? ""} />
      <Found key={query(f)} f={f} />
    </div>
  );
}

/** Gives the filter a name; a view that was chosen can be changed, renamed, kept again under another name, and taken away. */
function Keep() {
  const v = views.value?.find((x) => x.id === chosen.value);
  const [name, setName] = useState(v?.name ?? "");
  const [shared, setShared] = useState(v?.shared ?? false);
  const leads = s.me.value?.role === "supervisor" || s.me.value?.role === "admin";
  const locked = v?.shared && !leads; // others' view: it can only be kept anew
  const named = name.trim();
  const save = async (id: string | null) => {
    const made = { view: undefined as View | undefined };
    const body = { name: named, filter: filter.value, ...(leads ? { shared } : {}) };
    const call = async () => (made.view = (await s.agentCall<{ view: View }>(id ? `/views/${id}` : "/views", id ? { ...body, position: v?.position ?? 0 } : body, id ? "PUT" : "POST")).view);
    if (named === "" || !(await s.act("view", call))) return;
    await load();
    if (!made.view) return;
    choose(made.view);
    s.notice.value = { text: id ? `The view “${named}” is saved.` : `The view “${named}” is kept.`, bad: false };
    if (!id) setName(named);
  };
  const changed = v !== undefined && (differs(v) || named !== v.name || shared !== v.shared);
  return (
    <form
      class="view-keep"
      onSubmit={(e) => {
        e.preventDefault();
        void save(v && !locked ? v.id : null);
      }}
    >
      <input class="input" type="text" aria-label="Name of the view" placeholder="Keep this filter as…" maxLength={80} value={name} onInput={(e) => setName(e.currentTarget.value)} />
      {leads && (
        <label class="check">
          <input type="checkbox" checked={shared} onChange={(e) => setShared(e.currentTarget.checked)} />
          For everybody
        </label>
      )}
      {(!v || locked) && (
        <button type="submit" class="button quiet" disabled={named === "" || s.busy.value !== ""}>
          Keep
        </button>
      )}
      {v && !locked && (
        <>
          <button type="submit" class="button" disabled={named === "" || !changed || s.busy.value !== ""}>
            Save changes
          </button>
          {changed && (
            <button type="button" class="button quiet" disabled={named === "" || s.busy.value !== ""} onClick={() => void save(null)}>
              Keep as a new view
            </button>
          )}
          <button
            type="button"
            class="text-button"
            disabled={s.busy.value !== ""}
            onClick={async () => {
              if (await s.act("view", () => s.agentCall(`/views/${v.id}`, undefined, "DELETE"))) {
                chosen.value = null;
                await load();
              }
            }}
          >
            Remove the view “{v.name}”{v.shared ? " for everybody" : ""}
          </button>
        </>
      )}
    </form>
  );
}

function Found({ f }: { f: Filter }) {
  const [all, setAll] = useState<Handoff[] | null>(null);
  const [next, setNext] = useState<string | null>(null);
  const [wrong, setWrong] = useState("");
  const more = async (cursor?: string) => {
    try {
      const page = await s.agentCall<{ handoffs: Handoff[]; next: string | null }>(`/conversations?${query(f, cursor)}`);
      setAll((before) => [...(cursor ? (before ?? []) : []), ...page.handoffs]);
      setNext(page.next);
      setWrong("");
    } catch (err) {
      setWrong(s.words(err));
    }
  };
  useEffect(() => void more(), []);
  return (
    <>
      {wrong && (
        <p class="wrong" role="alert">
          {wrong}
        </p>
      )}
      <p class="sr-only" role="status">
        {all ? `${all.length}${next ? " and more" : ""} found` : ""}
      </p>
      {all?.length === 0 && <p class="empty">Nothing is let through by this filter.</p>}
      <ul class="rows view-rows" role="list">
        {all?.map((h) => (
          <li key={h.id}>
            <Row h={h} waits={h.state !== "accepted"} />
          </li>
        ))}
      </ul>
      {next && (
        <button type="button" class="button quiet" onClick={() => void more(next)}>
          More
        </button>
      )}
    </>
  );
}

pages.add({ id: "views", title: "Views", icon: "star", order: 150, component: Views });
addSource(() =>
  (views.value ?? []).map((v) => ({
    id: `view ${v.id}`,
    title: `Show the view ${v.name}`,
    run: () => {
      choose(v);
      go("views");
    },
  })),
);
