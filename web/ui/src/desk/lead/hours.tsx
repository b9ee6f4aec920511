// When teams are there, what they promise, and closures that are announced over it. Supervisors see it and announce; admins
// change the rest.

import { useEffect, useState } from "preact/hooks";
import { call } from "../../shared/api.ts";
import { Icon } from "../../shared/icons.tsx";
import { useNow } from "../../shared/parts.tsx";
import { opening } from "../../shared/time.ts";
import { pages } from "../slots.tsx";
import * as s from "../store/index.ts";
import { leads } from "./analytics.tsx";

interface Schedule {
  time_zone: string;
  windows: { days: number[] | null; from: string; to: string }[] | null;
  holidays?: string[];
  special?: { date: string; from: string; to: string }[];
}

interface Rule {
  counts?: "" | "business" | "wall";
  first_reply_seconds?: number;
  next_reply_seconds?: number;
  resolve_seconds?: number;
  warn_percent?: number;
}

interface Team {
  key: string;
  name: string;
  hours: { always_open?: boolean; markets?: Record<string, Schedule> | null };
  fallback: string | null;
  rules: { clocks?: Record<string, Rule> | null };
  now: { market: string; open: boolean; changes_at: string | null }[];
  etag: string;
}

interface Closure {
  id: string;
  team: string | null;
  market: string | null;
  starts_at: string;
  ends_at: string;
  note: Record<string, string>;
}

const headers = { "X-Firstline": "1" };
const days = ["Mo", "Tu", "We", "Th", "Fr", "Sa", "Su"];
const dayNames = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];

function Hours() {
  const [teams, setTeams] = useState<Team[] | null>(null);
  const [markets, setMarkets] = useState<{ code: string; name: string }[]>([]);
  const [closures, setClosures] = useState<Closure[]>([]);
  const [wrong, setWrong] = useState("");
  const [open, setOpen] = useState<string | null>(null);
  const now = useNow(30_000);

  const load = async () => {
    try {
      const [t, c] = await Promise.all([
        call<{ teams: Team[]; markets: { code: string; name: string }[] }>("/v1/admin/teams", { headers }),
        call<{ closures: Closure[] }>("/v1/admin/closures", { headers }),
      ]);
      setTeams(t.teams);
      setMarkets(t.markets);
      setClosures(c.closures);
      setWrong("");
    } catch (err) {
      setWrong(s.words(err));
    }
  };
  useEffect(() => void load(), []);
  if (!teams) return wrong ? <p class="lead-wrong">{wrong}</p> : <p role="status">Loading…</p>;
  const name = (key: string | null) => (key === null ? "Every team" : (teams.find((t) => t.key === key)?.name ?? key));
  const when = (iso: string) => opening(Date.parse(iso), now, "en-GB");
  const admin = s.me.value?.role === "admin";
  return (
    <div class="lead">
      <section class="lead-section" aria-labelledby="closures-title">
        <h3 id="closures-title">Closures</h3>
        <p class="quiet-text">A closure is announced over the hours, also for a team that is always there. Conversations still come in and keep their place; customers are told.</p>
        {closures.length > 0 && (
          <ul class="closures" aria-label="Announced closures">
            {closures.map((c) => (
              <li key={c.id}>
                <Icon name="clock" size={20} />
                <p>
                  <b>{name(c.team)}</b>
                  {c.market && ` in ${markets.find((m) => m.code === c.market)?.name ?? c.market}`}: {when(c.starts_at)} to {when(c.ends_at)}
                  {c.note.en && <span class="quiet-text"> · {c.note.en}</span>}
                </p>
                <button
                  type="button"
                  class="button quiet"
                  onClick={() =>
                    void s.act("take back", async () => {
                      await call(`/v1/admin/closures/${c.id}`, { method: "DELETE", headers });
                      await load();
                      s.notice.value = { text: "The closure is taken back.", bad: false };
                    })
                  }
                >
                  Take back
                </button>
              </li>
            ))}
          </ul>
        )}
        <Announce teams={teams} markets={markets} done={load} />
      </section>
      <section class="lead-section" aria-labelledby="hours-title">
        <h3 id="hours-title">Teams</h3>
        <ul class="teams">
          {teams.map((t) => (
            <li key={t.key}>
              <div class="team-head">
                <h4>{t.name}</h4>
                <p class="team-now">
                  {t.hours.always_open && t.now.every((n) => n.open) ? (
                    <span class="open-chip open">Always there</span>
                  ) : (
                    t.now.map((n) => (
                      <span key={n.market} class={`open-chip ${n.open ? "open" : ""}`}>
                        {n.market.toUpperCase() || "Others"} {n.open ? "open" : "closed"}
                        {n.changes_at && ` until ${when(n.changes_at)}`}
                      </span>
                    ))
                  )}
                </p>
                <button type="button" class="button quiet" aria-expanded={open === t.key} onClick={() => setOpen(open === t.key ? null : t.key)}>
                  {admin ? "Change" : "Show"}
                  <span class="sr-only"> {t.name}</span>
                </button>
              </div>
              {open === t.key && (
                <Editor
                  key={t.etag}
                  team={t}
                  teams={teams}
                  markets={markets}
                  admin={admin}
                  saved={async () => {
                    setOpen(null);
                    await load();
                  }}
                />
              )}
            </li>
          ))}
        </ul>
      </section>
    </div>
  );
}

/** Local date and time, as the field for it wants them. */
function local(at: number): string {
  const d = new Date(at - new Date(at).getTimezoneOffset() * 60_000);
  return d.toISOString().slice(0, 16);
}

function Announce({ teams, markets, done }: { teams: Team[]; markets: { code: string; name: string }[]; done: () => Promise<void> }) {
  const [team, setTeam] = useState("");
  const [market, setMarket] = useState("");
  const [from, setFrom] = useState(local(Date.now()));
  const [to, setTo] = useState(local(Date.now() + 2 * 3_600_000));
  const [note, setNote] = useState("");
  const announce = () =>
    s.act("announce", async () => {
      const body = { team: team || null, market: market || null, starts_at: new Date(from).toISOString(), ends_at: new Date(to).toISOString(), note: note.trim() ? { en: note.trim() } : {} };
      await call("/v1/admin/closures", { body, headers });
      setNote("");
      await done();
      s.notice.value = { text: "The closure is announced.", bad: false };
    });
  return (
    <form
      class="lead-filter"
      aria-label="Announce a closure"
      onSubmit={(e) => {
        e.preventDefault();
        void announce();
      }}
    >
      <label>
        Team
        <select value={team} onChange={(e) => setTeam(e.currentTarget.value)}>
          <option value="">Every team</option>
          {teams.map((t) => (
            <option key={t.key} value={t.key}>
              {t.name}
            </option>
          ))}
        </select>
      </label>
      <label>
        Market
        <select value={market} onChange={(e) => setMarket(e.currentTarget.value)}>
          <option value="">Every market</option>
          {markets.map((m) => (
            <option key={m.code} value={m.code}>
              {m.name}
            </option>
          ))}
        </select>
      </label>
      <label>
        From
        <input type="datetime-local" required value={from} onInput={(e) => setFrom(e.currentTarget.value)} />
      </label>
      <label>
        To
        <input type="datetime-local" required value={to} min={from} onInput={(e) => setTo(e.currentTarget.value)} />
      </label>
      <label class="wide">
        What customers read (in English)
        <input type="text" maxLength={300} value={note} onInput={(e) => setNote(e.currentTarget.value)} />
      </label>
      <button type="submit" class="button" disabled={s.busy.value !== ""}>
        Announce
      </button>
    </form>
  );
}

interface EditorProps {
  team: Team;
  teams: Team[];
  markets: { code: string; name: string }[];
  admin: boolean;
  saved: () => Promise<void>;
}

function Editor({ team, teams, markets, admin, saved }: EditorProps) {
  const [t, setT] = useState<Team>(structuredClone(team));
  /** Changes a copy, so that what was loaded stays as it is until it is saved. */
  const change = (f: (t: Team) => void) => {
    const next = structuredClone(t);
    f(next);
    setT(next);
  };
  const schedules = Object.entries(t.hours.markets ?? {});
  const unused = [{ code: "", name: "Every other market" }, ...markets].filter((m) => !(t.hours.markets ?? {})[m.code]);
  const save = () =>
    s.act("save team", async () => {
      await call(`/v1/admin/teams/${encodeURIComponent(t.key)}`, { method: "PUT", headers: { ...headers, "If-Match": team.etag }, body: { name: t.name, hours: t.hours, fallback: t.fallback, rules: t.rules } });
      await saved();
      s.notice.value = { text: `${t.name} is saved.`, bad: false };
    });
  return (
    <form
      class="team-editor"
      aria-label={`Hours and promises of ${team.name}`}
      onSubmit={(e) => {
        e.preventDefault();
        void save();
      }}
    >
      <fieldset disabled={!admin}>
        <div class="lead-filter">
          <label>
            Name
            <input type="text" required maxLength={80} value={t.name} onInput={(e) => change((x) => (x.name = e.currentTarget.value))} />
          </label>
          <label>
            Who is asked when nobody takes it
            <select value={t.fallback ?? ""} onChange={(e) => change((x) => (x.fallback = e.currentTarget.value || null))}>
              <option value="">Nobody</option>
              {teams
                .filter((o) => o.key !== t.key)
                .map((o) => (
                  <option key={o.key} value={o.key}>
                    {o.name}
                  </option>
                ))}
            </select>
          </label>
          <label class="check">
            <input type="checkbox" checked={t.hours.always_open ?? false} onChange={(e) => change((x) => (x.hours.always_open = e.currentTarget.checked))} />
            Always there
          </label>
        </div>
        {!t.hours.always_open &&
          schedules.map(([market, sched]) => (
            <Week
              key={market}
              name={market ? (markets.find((m) => m.code === market)?.name ?? market) : "Every other market"}
              sched={sched}
              change={(f) => change((x) => f(x.hours.markets![market]!))}
              remove={() => change((x) => delete x.hours.markets![market])}
            />
          ))}
        {!t.hours.always_open && admin && unused.length > 0 && (
          <label class="add-market">
            Add the hours of
            <select
              value="none"
              onChange={(e) => {
                const code = e.currentTarget.value;
                if (code === "none") return;
                change((x) => (x.hours.markets = { ...x.hours.markets, [code]: { time_zone: schedules[0]?.[1].time_zone ?? "Europe/London", windows: [{ days: [1, 2, 3, 4, 5], from: "09:00", to: "17:00" }] } }));
              }}
            >
              <option value="none">a market…</option>
              {unused.map((m) => (
                <option key={m.code} value={m.code}>
                  {m.name}
                </option>
              ))}
            </select>
          </label>
        )}
        <Promises rules={t.rules.clocks ?? {}} admin={admin} change={(clocks) => change((x) => (x.rules.clocks = clocks))} />
        {admin && (
          <button type="submit" class="button" disabled={s.busy.value !== ""}>
            Save
          </button>
        )}
      </fieldset>
    </form>
  );
}

function Week({ name, sched, change, remove }: { name: string; sched: Schedule; change: (f: (s: Schedule) => void) => void; remove: () => void }) {
  const windows = sched.windows ?? [];
  const special = sched.special ?? [];
  return (
    <fieldset class="week">
      <legend>{name}</legend>
      <label>
        Time zone
        <input type="text" required value={sched.time_zone} onInput={(e) => change((x) => (x.time_zone = e.currentTarget.value.trim()))} />
      </label>
      {windows.map((w, i) => (
        <div key={i} class="window" role="group" aria-label={`${name}, hours ${i + 1}`}>
          {days.map((d, n) => {
            const on = (w.days ?? []).includes(n + 1);
            return (
              <label key={d} class="day">
                <input
                  class="sr-only"
                  type="checkbox"
                  checked={on}
                  onChange={() => change((x) => (x.windows![i]!.days = on ? (w.days ?? []).filter((y) => y !== n + 1) : [...(w.days ?? []), n + 1].sort()))}
                />
                <span aria-hidden="true">{d}</span>
                <span class="sr-only">{dayNames[n]}</span>
              </label>
            );
          })}
          <Times from={w.from} to={w.to} change={(k, v) => change((x) => (x.windows![i]![k] = v))} />
          <button type="button" class="icon-button" aria-label={`Remove hours ${i + 1} of ${name}`} onClick={() => change((x) => x.windows!.splice(i, 1))}>
            <Icon name="close" size={18} />
          </button>
        </div>
      ))}
      {special.map((d, i) => (
        <div key={`s${i}`} class="window" role="group" aria-label={`${name}, special day ${i + 1}`}>
          <label>
            <span class="sr-only">Date</span>
            <input type="date" required value={d.date} onInput={(e) => change((x) => (x.special![i]!.date = e.currentTarget.value))} />
          </label>
          <Times from={d.from} to={d.to} change={(k, v) => change((x) => (x.special![i]![k] = v))} />
          <button type="button" class="icon-button" aria-label={`Remove special day ${i + 1} of ${name}`} onClick={() => change((x) => x.special!.splice(i, 1))}>
            <Icon name="close" size={18} />
          </button>
        </div>
      ))}
      <div class="week-more">
        <button type="button" class="text-button" onClick={() => change((x) => (x.windows = [...windows, { days: [], from: "09:00", to: "17:00" }]))}>
          Add hours
        </button>
        <button type="button" class="text-button" onClick={() => change((x) => (x.special = [...special, { date: local(Date.now()).slice(0, 10), from: "09:00", to: "13:00" }]))}>
          Add a special day
        </button>
        <button type="button" class="text-button" onClick={remove}>
          Remove {name}
        </button>
      </div>
      <label>
        Holidays, one date a line
        <textarea
          rows={Math.min(8, (sched.holidays?.length ?? 0) + 1)}
          defaultValue={(sched.holidays ?? []).join("\n")}
          onChange={(e) =>
            change((x) => {
              x.holidays = e.currentTarget.value
                .split(/[\s,]+/)
                .filter(Boolean)
                .sort();
            })
          }
        />
      </label>
    </fieldset>
  );
}

function Times({ from, to, change }: { from: string; to: string; change: (which: "from" | "to", v: string) => void }) {
  return (
    <>
      <label>
        <span class="sr-only">From</span>
        <input type="text" inputMode="numeric" pattern="\d{1,2}:\d{2}" required size={5} value={from} onInput={(e) => change("from", e.currentTarget.value)} />
      </label>
      <span aria-hidden="true">–</span>
      <label>
        <span class="sr-only">To</span>
        <input type="text" inputMode="numeric" pattern="\d{1,2}:\d{2}" required size={5} value={to} onInput={(e) => change("to", e.currentTarget.value)} />
      </label>
    </>
  );
}

const clockFields: [keyof Rule & `${string}_seconds`, string][] = [
  ["first_reply_seconds", "First reply, minutes"],
  ["next_reply_seconds", "Each next, minutes"],
  ["resolve_seconds", "Resolved, minutes"],
];

function Promises({ rules, admin, change }: { rules: Record<string, Rule>; admin: boolean; change: (r: Record<string, Rule>) => void }) {
  const all = Object.entries(rules).sort(([a], [b]) => a.localeCompare(b));
  const [topic, setTopic] = useState("");
  const set = (key: string, r: Rule) => change({ ...rules, [key]: r });
  return (
    <fieldset class="week">
      <legend>Promises</legend>
      <p class="quiet-text">Empty fields stand for the topic's own time; nothing is promised about the end unless it is said here.</p>
      {all.map(([key, r]) => (
        <div key={key} class="lead-filter" role="group" aria-label={key ? `Promises on ${key}` : "Promises on every other topic"}>
          <b class="rule-topic">{key || "Every other topic"}</b>
          <label>
            Counts
            <select value={r.counts ?? ""} onChange={(e) => set(key, { ...r, counts: e.currentTarget.value as Rule["counts"] })}>
              <option value="">As the topic says</option>
              <option value="business">Only while the team is there</option>
              <option value="wall">All the time</option>
            </select>
          </label>
          {clockFields.map(([field, label]) => (
            <label key={field}>
              {label}
              <input type="number" min={0} max={129600} step="any" value={r[field] ? r[field]! / 60 : ""} onChange={(e) => set(key, { ...r, [field]: Math.round(Number(e.currentTarget.value) * 60) })} />
            </label>
          ))}
          <label>
            Warn after, %
            <input type="number" min={0} max={99} value={r.warn_percent || ""} placeholder="75" onChange={(e) => set(key, { ...r, warn_percent: Number(e.currentTarget.value) })} />
          </label>
          <button type="button" class="icon-button" aria-label={`Remove the promises on ${key || "every other topic"}`} onClick={() => change(Object.fromEntries(all.filter(([k]) => k !== key)))}>
            <Icon name="close" size={18} />
          </button>
        </div>
      ))}
      {admin && (
        <div class="lead-filter">
          <label>
            A topic's key; nothing for every other
            <input type="text" value={topic} onInput={(e) => setTopic(e.currentTarget.value)} />
          </label>
          <button
            type="button"
            class="button quiet"
            disabled={topic.trim() in rules}
            onClick={() => {
              set(topic.trim(), {});
              setTopic("");
            }}
          >
            Add promises
          </button>
        </div>
      )}
    </fieldset>
  );
}

pages.add({ id: "hours", title: "Hours", icon: "clock", order: 310, when: leads, component: Hours });
