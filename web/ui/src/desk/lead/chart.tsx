// Bars, drawn by hand. The table beside them says the same in words, so the drawing has one sentence for those who do not see it.

import { show, top, type Row, type Unit } from "./figures.ts";

const width = 720;
const height = 200;
const left = 58;
const bottom = 24;

/** Bars in the order of time. */
export function Bars({ rows, column, unit, title }: { rows: Row[]; column: string; unit: Unit; title: string }) {
  const values = rows.map((r) => r.values[column] ?? null);
  const known = values.filter((v): v is number => v !== null);
  const max = top(Math.max(0, ...known), unit);
  const step = (width - left) / Math.max(1, rows.length);
  const bar = Math.min(44, step * 0.7);
  const y = (v: number) => (height - bottom) * (1 - v / max) + 8;
  const every = Math.ceil(rows.length / 12);
  return (
    <svg class="bars" viewBox={`0 0 ${width} ${height + 8}`} role="img" aria-label={`${title}: ${known.length} of ${rows.length} have a value, at most ${show(known.length ? Math.max(...known) : null, unit)}`}>
      {[0, 0.5, 1].map((f) => (
        <g key={f}>
          <line class="bars-grid" x1={left} x2={width} y1={y(max * f)} y2={y(max * f)} />
          <text class="bars-label" x={left - 8} y={y(max * f) + 4} text-anchor="end">
            {show(max * f, unit)}
          </text>
        </g>
      ))}
      {rows.map((r, i) => {
        const v = values[i];
        const x = left + step * i + (step - bar) / 2;
        return (
          <g key={r.key}>
            {v !== null && v !== undefined && (
              <rect class="bars-bar" x={x} width={bar} y={y(v)} height={Math.max(1, y(0) - y(v))} rx={Math.min(3, bar / 4)}>
                <title>{`${r.label}: ${show(v, unit)}`}</title>
              </rect>
            )}
            {i % every === 0 && (
              <text class="bars-label" x={x + bar / 2} y={height + 4} text-anchor="middle">
                {r.label.replace(/^\d{4}-/, "")}
              </text>
            )}
          </g>
        );
      })}
    </svg>
  );
}

/** A share of the largest, inside a table's cell. */
export function Meter({ value, max }: { value: number | null | undefined; max: number }) {
  const share = value === null || value === undefined || max <= 0 ? 0 : Math.max(0, Math.min(1, value / max));
  return (
    <svg class="meter" viewBox="0 0 100 6" preserveAspectRatio="none" aria-hidden="true">
      <rect class="meter-back" width="100" height="6" rx="2" />
      <rect class="bars-bar" width={share * 100} height="6" rx="2" />
    </svg>
  );
}
