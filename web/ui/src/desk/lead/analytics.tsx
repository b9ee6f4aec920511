// The page of figures: one report at a time, as a drawing and as a table, and as a file.

import { useEffect, useState } from "preact/hooks";
import { call, download, Problem } from "../../shared/api.ts";
import { Icon } from "../../shared/icons.tsx";
import { pages } from "../slots.tsx";
import * as s from "../store/index.ts";
import { readable, reasonWords } from "../words.ts";
import { Bars, Meter } from "./chart.tsx";
import { dimensionName, filled, heading, reports, show, sorted, type Figures, type Row } from "./figures.ts";

export const leads = (): boolean => s.me.value?.role === "supervisor" || s.me.value?.role === "admin";

const headers = { "X-Firstline": "1" };
const here = Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC";

/** The local day, so many days ago. */
function day(ago: number): string {
  const d = new Date(Date.now() - ago * 86_400_000);
  return `${d.getFullYear()}-${String(d.getMonth() + 1).padStart(2, "0")}-${String(d.getDate()).padStart(2, "0")}`;
}

const spans: [string, number][] = [
  ["Today", 0],
  ["7 days", 6],
  ["30 days", 29],
  ["90 days", 89],
];

function Analytics() {
  const [report, setReport] = useState(reports[0]!);
  const [by, setBy] = useState(report.by[0]!);
  const [from, setFrom] = useState(day(6));
  const [to, setTo] = useState(day(0));
  const [team, setTeam] = useState("");
  const [figures, setFigures] = useState<Figures | null>(null);
  const [wrong, setWrong] = useState("");
  const [column, setColumn] = useState(report.draw);
  const [down, setDown] = useState(true);
  const [order, setOrder] = useState("");

  const query = new URLSearchParams({ by, from, to, zone: here });
  if (team && report.id !== "assistant") query.set("team", team);
  const path = `/v1/analytics/${report.id}?${query}`;

  useEffect(() => {
    const stop = new AbortController();
    setWrong("");
    call<Figures>(path, { headers, signal: stop.signal }).then(setFigures, (err: unknown) => {
      if (stop.signal.aborted) return;
      if (err instanceof Problem && err.status === 401) s.signedOut();
      setWrong(s.words(err));
    });
    return () => stop.abort();
  }, [path]);

  const choose = (id: string) => {
    const r = reports.find((x) => x.id === id) ?? reports[0]!;
    setReport(r);
    setBy(r.by.includes(by) ? by : r.by[0]!);
    setColumn(r.draw);
    setOrder("");
  };
  const save = async () => {
    try {
      const url = URL.createObjectURL(await download(path, "text/csv", headers));
      const a = document.createElement("a");
      a.href = url;
      a.download = `${report.id}-by-${by}-${from}-${to}.csv`;
      a.click();
      URL.revokeObjectURL(url);
    } catch (err) {
      setWrong(s.words(err));
    }
  };

  const current = figures?.report === report.id && figures.by === by ? figures : null;
  return (
    <div class="lead">
      <div class="lead-tabs" role="group" aria-label="Report">
        {reports.map((r) => (
          <button key={r.id} type="button" class="lead-tab" aria-pressed={r.id === report.id} onClick={() => choose(r.id)}>
            {r.title}
          </button>
        ))}
      </div>
      <form class="lead-filter" onSubmit={(e) => e.preventDefault()}>
        <label>
          From
          <input type="date" value={from} max={to} onChange={(e) => e.currentTarget.value && setFrom(e.currentTarget.value)} />
        </label>
        <label>
          To
          <input type="date" value={to} min={from} onChange={(e) => e.currentTarget.value && setTo(e.currentTarget.value)} />
        </label>
        <div class="lead-spans" role="group" aria-label="The last days">
          {spans.map(([name, ago]) => (
            <button
              key={name}
              type="button"
              class="lead-tab"
              aria-pressed={from === day(ago) && to === day(0)}
              onClick={() => {
                setFrom(day(ago));
                setTo(day(0));
              }}
            >
              {name}
            </button>
          ))}
        </div>
        {report.by.length > 1 && (
          <label>
            By
            <select value={by} onChange={(e) => setBy(e.currentTarget.value)}>
              {report.by.map((b) => (
                <option key={b} value={b}>
                  {dimensionName(b)}
                </option>
              ))}
            </select>
          </label>
        )}
        {report.id !== "assistant" && (
          <label>
            Team
            <select value={team} onChange={(e) => setTeam(e.currentTarget.value)}>
              <option value="">All teams</option>
              {s.teams.value.map((t) => (
                <option key={t.key} value={t.key}>
                  {t.name}
                </option>
              ))}
            </select>
          </label>
        )}
        <button type="button" class="button quiet" onClick={() => void save()} disabled={!current}>
          <Icon name="file" size={18} />
          Save as CSV
        </button>
      </form>
      <div role="alert">{wrong && <p class="lead-wrong">{wrong}</p>}</div>
      {current ? (
        <Shown
          figures={current}
          from={from}
          to={to}
          column={current.columns.some((c) => c.key === column) ? column : report.draw}
          setColumn={setColumn}
          order={order}
          down={down}
          sort={(key) => {
            setDown(order === key ? !down : true);
            setOrder(key);
          }}
        />
      ) : (
        !wrong && <p role="status">Counting…</p>
      )}
    </div>
  );
}

/** A row's name for people: reasons and topics have words of their own. */
function nameOf(f: Figures, r: Row): string {
  if (f.by === "reason") return reasonWords(r.key);
  if (f.by === "topic" && r.label === r.key) return readable(r.key) || r.key;
  return r.label || "None";
}

interface ShownProps {
  figures: Figures;
  from: string;
  to: string;
  column: string;
  setColumn: (key: string) => void;
  order: string;
  down: boolean;
  sort: (key: string) => void;
}

function Shown({ figures: f, from, to, column, setColumn, order, down, sort }: ShownProps) {
  const drawn = f.columns.find((c) => c.key === column)!;
  const inTime = ["day", "hour", "weekday"].includes(f.by);
  const rows = order ? sorted(f.rows, order, down) : inTime ? f.rows : sorted(f.rows, f.columns[0]!.key, true);
  const max = Math.max(0, ...f.rows.map((r) => r.values[column] ?? 0));
  const name = (key: string) => heading(f.report, key);
  return (
    <>
      <dl class="lead-totals">
        {f.columns.map((c) => (
          <div key={c.key}>
            <dt>{name(c.key)}</dt>
            <dd>{show(f.total.values[c.key], c.unit)}</dd>
          </div>
        ))}
      </dl>
      <section class={inTime ? "lead-chart" : undefined} aria-label={`${name(column)} by ${dimensionName(f.by).toLowerCase()}`}>
        <label class="lead-draw">
          Drawn
          <select value={column} onChange={(e) => setColumn(e.currentTarget.value)}>
            {f.columns.map((c) => (
              <option key={c.key} value={c.key}>
                {name(c.key)}
              </option>
            ))}
          </select>
        </label>
        {inTime && <Bars rows={filled(f.rows, f.by, from, to)} column={column} unit={drawn.unit} title={name(column)} />}
      </section>
      {f.rows.length === 0 ? (
        <p class="quiet-text">Nothing in these days.</p>
      ) : (
        <div class="lead-table scroll" tabIndex={0} role="region" aria-label="Table of the figures">
          <table>
            <thead>
              <tr>
                <th scope="col">{dimensionName(f.by)}</th>
                {f.columns.map((c) => (
                  <th key={c.key} scope="col" aria-sort={order === c.key ? (down ? "descending" : "ascending") : undefined}>
                    <button type="button" class="text-button" onClick={() => sort(c.key)}>
                      {name(c.key)}
                      {order === c.key && <span aria-hidden="true">{down ? " ↓" : " ↑"}</span>}
                    </button>
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {rows.map((r) => (
                <tr key={r.key}>
                  <th scope="row">
                    {nameOf(f, r)}
                    {!inTime && <Meter value={r.values[column]} max={drawn.unit === "share" ? 1 : max} />}
                  </th>
                  {f.columns.map((c) => (
                    <td key={c.key}>{show(r.values[c.key], c.unit)}</td>
                  ))}
                </tr>
              ))}
            </tbody>
            <tfoot>
              <tr>
                <th scope="row">All</th>
                {f.columns.map((c) => (
                  <td key={c.key}>{show(f.total.values[c.key], c.unit)}</td>
                ))}
              </tr>
            </tfoot>
          </table>
        </div>
      )}
      <p class="quiet-text">Days and hours are those of {f.zone}. A dash is for what nobody knows.</p>
    </>
  );
}

pages.add({ id: "figures", title: "Figures", icon: "chart", order: 300, when: leads, component: Analytics });
