import { describe, expect, it } from "vitest";
import { daysBetween, duration, filled, show, sorted, top, type Row } from "../src/desk/lead/figures.ts";

const row = (key: string, n: number | null): Row => ({ key, label: key, values: { n } });

describe("figures", () => {
  it("are said in words that fit their unit", () => {
    expect([show(null, "count"), show(undefined, "share"), show(1234, "count"), show(0.055, "share"), show(0.91, "share"), show(0, "share"), show(3.46, "score")]).toEqual(["–", "–", "1,234", "5.5 %", "91 %", "0 %", "3.5"]);
    expect([0, 59.6, 60, 200, 3599.9, 7500].map(duration)).toEqual(["0 s", "1 min", "1 min", "3 min 20 s", "1 h 00 min", "2 h 05 min"]);
  });

  it("fill the days between, over a change of month and of the clocks", () => {
    expect(daysBetween("2027-02-27", "2027-03-01")).toEqual(["2027-02-27", "2027-02-28", "2027-03-01"]);
    expect(daysBetween("2027-03-27", "2027-03-29")).toHaveLength(3);
    expect(daysBetween("2027-03-02", "2027-03-01")).toEqual([]);
    expect(daysBetween("2027-01-01", "2037-01-01")).toHaveLength(400);
    expect(filled([row("2027-03-02", 5)], "day", "2027-03-01", "2027-03-03").map((r) => r.values.n ?? null)).toEqual([null, 5, null]);
    expect(filled([row("09", 5)], "hour", "", "")).toHaveLength(24);
    expect(filled([row("stuck", 5)], "reason", "2027-03-01", "2027-03-03")).toHaveLength(1);
  });

  it("have a round number at the top of the axis", () => {
    expect([top(0, "count"), top(7, "count"), top(10, "count"), top(11, "count"), top(0.2, "share"), top(95, "seconds"), top(200_000, "seconds")]).toEqual([1, 10, 10, 20, 1, 120, 259_200]);
  });

  it("are sorted with the unknown last, whichever way", () => {
    const rows = [row("b", 1), row("a", null), row("c", 3), row("d", 1)];
    expect(sorted(rows, "n", true).map((r) => r.key)).toEqual(["c", "b", "d", "a"]);
    expect(sorted(rows, "n", false).map((r) => r.key)).toEqual(["b", "d", "c", "a"]);
  });
});
