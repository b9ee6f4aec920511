// The pages of macros, and of what agents kept for the editors.

import { signal } from "@preact/signals";
import { useEffect, useState } from "preact/hooks";
import { call, Problem } from "../shared/api.ts";
import { Growing } from "../shared/parts.tsx";
import { loadMacros, macros, variables } from "./copilot.tsx";
import { actionText, type Macro, type MacroAction } from "./copilot-state.ts";
import { pages } from "./slots.tsx";
import * as s from "./store/index.ts";
import { languageName } from "./words.ts";

const supervises = () => s.me.value?.role === "supervisor" || s.me.value?.role === "admin";

/** The macro in the form; undefined shows the list, and one without an id is new. */
const edited = signal<Partial<Macro> | undefined>(undefined);

function Macros() {
  useEffect(() => {
    loadMacros().catch((err) => (s.notice.value = { text: s.words(err), bad: true }));
    return () => (edited.value = undefined);
  }, []);
  if (edited.value) return <Edit key={edited.value.id ?? "new"} m={edited.value} />;
  return (
    <div class="macros">
      <p class="page-lead">
        Texts that you need often. Type <kbd>/</kbd> in a reply to insert one; its variables are filled in for the customer.
      </p>
      <p>
        <button type="button" class="button" onClick={() => (edited.value = {})}>
          New macro
        </button>
      </p>
      {macros.value.length === 0 ? (
        <p class="empty">There are no macros yet.</p>
      ) : (
        <div class="table-scroll scroll" tabIndex={0} role="region" aria-label="Macros">
          <table class="macro-table stacks" role="table">
            <thead role="rowgroup">
              <tr role="row">
                {columns.map((name) => (
                  <th key={name} scope="col" role="columnheader" class={name === "Used" ? "num" : undefined}>
                    {name}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody role="rowgroup">
              {macros.value.map((m) => (
                <tr key={m.id} role="row">
                  <td role="cell" data-label={columns[0]}>
                    <code>/{m.shortcut}</code>
                  </td>
                  <th scope="row" role="rowheader">{m.name}</th>
                  <td role="cell" data-label={columns[2]}>{m.agent ? "Me" : m.team ? s.teamName(m.team) : "Everyone"}</td>
                  <td role="cell" data-label={columns[3]}>{Object.keys(m.body).sort().join(", ")}</td>
                  <td role="cell" data-label={columns[4]}>{m.actions.map((a) => actionText(a, s.teamName)).join(", ")}</td>
                  <td role="cell" data-label={columns[5]} class="num">{m.uses}</td>
                  <td role="cell" data-label={columns[6]}>
                    {(m.agent || supervises()) && (
                      <button type="button" class="text-button" aria-label={`Edit ${m.name}`} onClick={() => (edited.value = m)}>
                        Edit
                      </button>
                    )}
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      {supervises() && <Use />}
    </div>
  );
}

/** The columns of the table of macros. */
const columns = ["Shortcut", "Name", "For", "Languages", "Then", "Used", "Change"];

type Audience = "me" | "all" | string;

function Edit({ m }: { m: Partial<Macro> }) {
  const [name, setName] = useState(m.name ?? "");
  const [shortcut, setShortcut] = useState(m.shortcut ?? "");
  const [body, setBody] = useState<[string, string][]>(Object.entries(m.body ?? { en: "" }));
  const [audience, setAudience] = useState<Audience>(m.id ? (m.agent ? "me" : (m.team ?? "all")) : supervises() ? "all" : "me");
  const [actions, setActions] = useState<MacroAction[]>(m.actions ?? []);
  const [locale, setLocale] = useState("");
  const [wrong, setWrong] = useState("");
  const [sure, setSure] = useState(false);
  const known = ["en", "de", "es", "sv", "fr"].filter((l) => !body.some(([b]) => b === l));
  const save = async () => {
    setWrong("");
    const input = {
      name,
      shortcut,
      body: Object.fromEntries(body.filter(([, text]) => text.trim() !== "")),
      actions,
      own: audience === "me",
      ...(audience !== "me" && audience !== "all" ? { team: audience } : {}),
      ...(m.id ? { updated_at: m.updated_at } : {}),
    };
    try {
      await s.agentCall(m.id ? `/macros/${m.id}` : "/macros", input, m.id ? "PUT" : "POST");
      await loadMacros();
      edited.value = undefined;
    } catch (err) {
      setWrong(s.words(err));
    }
  };
  const remove = async () => {
    if (!sure) return setSure(true);
    try {
      await s.agentCall(`/macros/${m.id}`, undefined, "DELETE");
      await loadMacros();
      edited.value = undefined;
    } catch (err) {
      setWrong(s.words(err));
    }
  };
  return (
    <form
      class="macro-form"
      onSubmit={(e) => {
        e.preventDefault();
        void save();
      }}
    >
      <h3>{m.id ? "Change a macro" : "New macro"}</h3>
      <div class="macro-row">
        <label class="field">
          <span>Name</span>
          <input class="input" type="text" required maxLength={100} autoFocus value={name} onInput={(e) => setName(e.currentTarget.value)} />
        </label>
        <label class="field">
          <span>Shortcut, behind the slash</span>
          <input class="input" type="text" required maxLength={40} pattern="[a-z0-9]+(-[a-z0-9]+)*" title="Letters a to z and digits, with single hyphens between them" value={shortcut} onInput={(e) => setShortcut(e.currentTarget.value.toLowerCase())} />
        </label>
        <label class="field">
          <span>For</span>
          <select class="input" value={audience} disabled={!supervises()} onChange={(e) => setAudience(e.currentTarget.value)}>
            <option value="me">Me</option>
            {supervises() && <option value="all">Everyone</option>}
            {supervises() &&
              s.teams.value.map((t) => (
                <option key={t.key} value={t.key}>
                  {t.name}
                </option>
              ))}
          </select>
        </label>
      </div>
      {body.map(([l, text]) => (
        <div class="field" key={l}>
          <span>Text in {languageName(l)}</span>
          <Growing class="textarea" rows={4} label={`Text in ${languageName(l)}`} maxLength={8000} value={text} onValue={(v) => setBody(body.map((x) => (x[0] === l ? [l, v] : x)))} describedBy="macro-variables" />
        </div>
      ))}
      <div class="macro-row">
        <label class="field">
          <span>Another language</span>
          <select class="input" value={locale} onChange={(e) => setLocale(e.currentTarget.value)}>
            <option value="">Choose</option>
            {known.map((l) => (
              <option key={l} value={l}>
                {languageName(l)}
              </option>
            ))}
          </select>
        </label>
        <button
          type="button"
          class="button quiet"
          disabled={locale === ""}
          onClick={() => {
            setBody([...body, [locale, ""]]);
            setLocale("");
          }}
        >
          Add
        </button>
      </div>
      <details id="macro-variables" class="macro-variables">
        <summary>Variables that are filled in</summary>
        <dl>
          {Object.entries(variables.value)
            .sort()
            .map(([v, what]) => (
              <div key={v}>
                <dt>
                  <code>{`{{${v}}}`}</code>
                </dt>
                <dd>{what}</dd>
              </div>
            ))}
        </dl>
        <p class="quiet-text">
          <code>{"{{customer.first_name|there}}"}</code> writes "there" when the name is not known.
        </p>
      </details>
      <Actions actions={actions} set={setActions} />
      {wrong && (
        <p class="wrong" role="alert">
          {wrong}
        </p>
      )}
      <div class="dialog-actions">
        {m.id && (
          <button type="button" class="text-button danger" onClick={() => void remove()}>
            {sure ? "Delete it for good" : "Delete"}
          </button>
        )}
        <button type="button" class="button quiet" onClick={() => (edited.value = undefined)}>
          Cancel
        </button>
        <button type="submit" class="button">
          Save
        </button>
      </div>
    </form>
  );
}

const kinds: [MacroAction["do"], string][] = [
  ["resolve", "Resolve"],
  ["return", "Return to the assistant"],
  ["transfer", "Transfer to a team"],
  ["snooze", "Snooze"],
  ["note", "Add a note"],
];

function Actions({ actions, set }: { actions: MacroAction[]; set: (all: MacroAction[]) => void }) {
  const change = (i: number, a: MacroAction) => set(actions.map((x, j) => (j === i ? a : x)));
  const fresh = (kind: MacroAction["do"]): MacroAction =>
    kind === "transfer" ? { do: kind, team: s.teams.value[0]?.key ?? "" } : kind === "snooze" ? { do: kind, hours: 24 } : kind === "note" ? { do: kind, text: "" } : { do: kind };
  return (
    <fieldset class="macro-actions">
      <legend>Proposed when the text has been sent</legend>
      {actions.map((a, i) => (
        <div class="macro-row" key={i}>
          <label class="field">
            <span>Step {i + 1}</span>
            <select class="input" value={a.do} onChange={(e) => change(i, fresh(e.currentTarget.value as MacroAction["do"]))}>
              {kinds.map(([k, what]) => (
                <option key={k} value={k}>
                  {what}
                </option>
              ))}
            </select>
          </label>
          {a.do === "transfer" && (
            <label class="field">
              <span>Team</span>
              <select class="input" value={a.team} onChange={(e) => change(i, { do: "transfer", team: e.currentTarget.value })}>
                {s.teams.value.map((t) => (
                  <option key={t.key} value={t.key}>
                    {t.name}
                  </option>
                ))}
              </select>
            </label>
          )}
          {a.do === "snooze" && (
            <label class="field">
              <span>Hours</span>
              <input class="input" type="number" min={1} max={720} value={a.hours} onInput={(e) => change(i, { do: "snooze", hours: Number(e.currentTarget.value) })} />
            </label>
          )}
          {(a.do === "note" || a.do === "return") && (
            <label class="field">
              <span>{a.do === "note" ? "Note" : "Instruction (optional)"}</span>
              <input class="input" type="text" maxLength={1000} value={a.text ?? ""} onInput={(e) => change(i, e.currentTarget.value || a.do === "note" ? { do: a.do, text: e.currentTarget.value } : { do: a.do })} />
            </label>
          )}
          <button type="button" class="text-button" aria-label={`Remove step ${i + 1}`} onClick={() => set(actions.filter((_, j) => j !== i))}>
            Remove
          </button>
        </div>
      ))}
      {actions.length < 5 && (
        <button type="button" class="text-button" onClick={() => set([...actions, { do: "resolve" }])}>
          Add a step
        </button>
      )}
    </fieldset>
  );
}

interface UseRow {
  agent: string | null;
  name: string;
  drafts: number;
  inserted: number;
  edited: number;
  discarded: number;
  ignored: number;
  kept: number | null;
  took_ms: number | null;
}

/** What became of the copilot's drafts. */
function Use() {
  const [rows, setRows] = useState<UseRow[]>([]);
  useEffect(() => {
    s.agentCall<{ rows: UseRow[] }>("/copilot/use").then((r) => setRows(r.rows), () => {});
  }, []);
  if ((rows[0]?.drafts ?? 0) === 0) return null;
  const share = (x: number | null) => (x === null ? "–" : `${Math.round(100 * x)} %`);
  return (
    <section class="use" aria-labelledby="use-title">
      <h3 id="use-title">Drafts of the last 30 days</h3>
      <div class="table-scroll scroll" tabIndex={0} role="region" aria-label="What became of drafts">
        <table class="macro-table">
          <thead>
            <tr>
              <th scope="col">Agent</th>
              {["Drafts", "As they were", "Edited", "Discarded", "Ignored", "Words kept", "Seconds"].map((h) => (
                <th scope="col" class="num" key={h}>
                  {h}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {rows.map((r) => (
              <tr key={r.agent ?? "all"}>
                <th scope="row">{r.agent ? r.name : "All"}</th>
                <td class="num">{r.drafts}</td>
                <td class="num">{r.inserted}</td>
                <td class="num">{r.edited}</td>
                <td class="num">{r.discarded}</td>
                <td class="num">{r.ignored}</td>
                <td class="num">{share(r.kept)}</td>
                <td class="num">{r.took_ms === null ? "–" : (r.took_ms / 1000).toFixed(1)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}

pages.add({ id: "macros", title: "Macros", icon: "book", order: 400, component: Macros });

interface KeptText {
  id: string;
  agent: string;
  locale: string;
  market: string;
  title: string;
  markdown: string;
  state: "open" | "taken" | "dropped";
  created_at: string;
}

const verdicts = { taken: "Taken", dropped: "Drop", open: "Open again" };

/** What agents kept for the editors. Editors have no desk; here supervisors and admins look after it. */
function ArticleDrafts() {
  const [state, setState] = useState<KeptText["state"]>("open");
  const [all, setAll] = useState<KeptText[] | undefined>(undefined);
  const [wrong, setWrong] = useState("");
  const load = () => {
    setWrong("");
    call<{ drafts: KeptText[] }>(`/v1/kb/article-drafts?state=${state}`).then(
      (r) => setAll(r.drafts),
      (err) => setWrong(err instanceof Problem ? s.words(err) : String(err)),
    );
  };
  useEffect(load, [state]);
  const judge = (d: KeptText, to: KeptText["state"]) =>
    s.act("article-draft", async () => {
      await call(`/v1/kb/article-drafts/${d.id}`, { method: "PUT", body: { state: to }, headers: { "X-Firstline": "1" } });
      load();
    });
  return (
    <div class="article-drafts">
      <label class="field">
        <span>Show</span>
        <select class="input" value={state} onChange={(e) => setState(e.currentTarget.value as KeptText["state"])}>
          <option value="open">Open</option>
          <option value="taken">Taken</option>
          <option value="dropped">Dropped</option>
        </select>
      </label>
      {wrong && (
        <p class="wrong" role="alert">
          {wrong}
        </p>
      )}
      {all?.length === 0 && <p class="empty">Nothing here. Agents save texts from the palette: "Save as a draft of an article".</p>}
      <ul class="draft-list">
        {all?.map((d) => (
          <li key={d.id}>
            <h3 dir="auto">{d.title}</h3>
            <p class="quiet-text">
              {d.agent}, {languageName(d.locale)}, {d.market.toUpperCase()}, <time dateTime={d.created_at}>{new Date(d.created_at).toLocaleDateString()}</time>
            </p>
            <p class="verbatim" dir="auto">
              {d.markdown}
            </p>
            <p class="draft-actions">
              <a class="text-button" href={`/v1/kb/article-drafts/${d.id}?format=markdown`} download>
                Download for import
              </a>
              {(["taken", "dropped", "open"] as const)
                .filter((to) => to !== d.state)
                .map((to) => (
                  <button key={to} type="button" class="text-button" aria-label={`${verdicts[to]}: ${d.title}`} onClick={() => void judge(d, to)}>
                    {verdicts[to]}
                  </button>
                ))}
            </p>
          </li>
        ))}
      </ul>
    </div>
  );
}

pages.add({ id: "article-drafts", title: "Article drafts", icon: "note", order: 410, when: supervises, component: ArticleDrafts });
