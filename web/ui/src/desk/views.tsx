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
  chosen.value = null;
}

function Views() {
  const f = filter.value;
  useEffect(() => void load(), []);
  return (
    <div class="views">
      <div class="view-names" role="group" aria-label="Kept views">
        {views.value?.map((v) => (
          <button key={v.id} type="button" class="button quiet" aria-pressed={chosen.value === v.id} onClick={() => choose(v)}>
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
      <Keep />
      <Found key={query(f)} f={f} />
    </div>
  );
}

/** Gives the filter a name, or takes a view away. */
function Keep() {
  const [name, setName] = useState("");
  const [shared, setShared] = useState(false);
  const leads = s.me.value?.role === "supervisor" || s.me.value?.role === "admin";
  const v = views.value?.find((x) => x.id === chosen.value);
  if (v) {
    if (v.shared && !leads) return null;
    return (
      <p>
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
      </p>
    );
  }
  return (
    <form
      class="view-keep"
      onSubmit={async (e) => {
        e.preventDefault();
        if (name.trim() === "") return;
        const made = { view: undefined as View | undefined };
        if (await s.act("view", async () => (made.view = (await s.agentCall<{ view: View }>("/views", { name: name.trim(), filter: filter.value, ...(shared ? { shared } : {}) })).view))) {
          setName("");
          await load();
          if (made.view) choose(made.view);
        }
      }}
    >
      <input class="input" type="text" aria-label="Name of the view" placeholder="Keep this filter as…" maxLength={80} value={name} onInput={(e) => setName(e.currentTarget.value)} />
      {leads && (
        <label class="check">
          <input type="checkbox" checked={shared} onChange={(e) => setShared(e.currentTarget.checked)} />
          For everybody
        </label>
      )}
      <button type="submit" class="button quiet" disabled={name.trim() === "" || s.busy.value !== ""}>
        Keep
      </button>
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
