import { describe, expect, it } from "vitest";
import { choose, direction, en, others, type Words } from "../src/chat/words.ts";
import { ownTimes } from "../src/shared/moments.ts";
import { clock, dayName, opening, relative, ticking, waitWords } from "../src/shared/time.ts";
import { deadline, newOffers, sections, step } from "../src/desk/queue-state.ts";
import { reasonWords, readable } from "../src/desk/words.ts";
import type { Handoff, QueueSnapshot } from "../src/shared/types.ts";

const at = (s: string) => Date.parse(s);
const now = at("2026-03-10T12:00:00");

/** Every text of an entry: some are lists or have texts by name. */
const texts = (v: unknown): string[] => (typeof v === "string" ? [v] : Object.values(v as object).flatMap(texts));
const shape = (v: unknown): unknown => (typeof v === "object" && v !== null ? Object.fromEntries(Object.entries(v).map(([k, x]) => [k, shape(x)])) : typeof v);

describe("the dictionary", () => {
  it("has every text in every language, none of them left in English by mistake", async () => {
    for (const [language, load] of Object.entries(others)) {
      const { words } = await load();
      expect(Object.keys(words).sort()).toEqual(Object.keys(en).sort());
      for (const key of Object.keys(en) as (keyof Words)[]) {
        const value = words[key];
        for (const text of texts(typeof value === "function" ? (value as (...a: unknown[]) => string)(7, "x") : value)) expect(text.trim(), `${language}.${key}`).not.toBe("");
        expect(shape(value), `${language}.${key}`).toEqual(shape(en[key]));
      }
      const same = (Object.keys(en) as (keyof Words)[]).filter((k) => typeof en[k] === "string" && en[k] === words[k]);
      expect(same.length, `${language}: ${same.join(", ")}`).toBeLessThan(3);
    }
  });

  it("takes the same things in every language, and sets them apart where the script runs from the right", async () => {
    const given = (n: number) => Array.from({ length: n }, (_, i) => String(7 + i));
    for (const [language, load] of Object.entries(others)) {
      const { words } = await load();
      for (const key of Object.keys(en) as (keyof Words)[]) {
        const [mine, english] = [words[key], en[key]];
        expect(typeof mine, `${language}.${key}`).toBe(typeof english);
        if (typeof english !== "function" || typeof mine !== "function") continue;
        const args = given(english.length);
        const say = (f: unknown) => (f as (...a: unknown[]) => string)(...args);
        const text = say(mine);
        for (const a of args.filter((x) => say(english).includes(x))) {
          expect(text, `${language}.${key}`).toContain(a);
          if (direction(language) === "rtl" && key !== "wait") expect(text, `${language}.${key}`).toContain(`\u2068${a}\u2069`);
        }
      }
    }
    expect(Object.keys(others).sort()).toEqual(["ar", "de", "es", "fr", "sv"]);
  });

  it("knows which scripts run from right to left", () => expect(["ar", "he-IL", "de", "sv-SE"].map(direction)).toEqual(["rtl", "rtl", "ltr", "ltr"]));
});

describe("choose", () => {
  const markets = [
    { code: "gb", locales: ["en"] },
    { code: "de", locales: ["de", "en"] },
    { code: "se", locales: ["sv", "en"] },
  ];
  const locales = ["en", "de", "es", "sv"];
  it.each([
    ["the address first", { locale: "es", market: "SE" }, ["de-DE"], { market: "se", locale: "es" }],
    ["the browser's language and region", {}, ["de-DE", "en"], { market: "de", locale: "de" }],
    ["the market of the language when there is no region", {}, ["sv"], { market: "se", locale: "sv" }],
    ["a language served later in the list", {}, ["fi-FI", "es-MX"], { market: "gb", locale: "es" }],
    ["the first market's own language at last", { locale: "xx", market: "zz" }, ["ja"], { market: "gb", locale: "en" }],
    ["a region with a script before it", {}, ["zh-Hant-DE"], { market: "de", locale: "de" }],
  ])("takes %s", (_n, asked, languages, want) => expect(choose(markets, locales, asked, languages)).toEqual(want));

  it("survives a server without markets", () => expect(choose([], [], {}, ["de"])).toEqual({ market: "", locale: "en" }));
});

describe("waits in words", () => {
  it.each([
    [30, 60, "less than 1 minute"],
    [0, 290, "less than 5 minutes"],
    [120, 300, "2 to 5 minutes"],
    [90, 200, "1 to 4 minutes"],
    [300, 300, "about 5 minutes"],
    [300, 120, "2 to 5 minutes"],
    [3600, 3 * 3600, "1 to 3 hours"],
    [60, 2 * 3600, "less than 2 hours"],
  ])("%i to %i seconds: %s", (low, high, want) => expect(waitWords(low, high, "en", en)).toBe(want));

  it("speaks the reader's language", async () => {
    const { words } = await others.de!();
    expect(waitWords(120, 300, "de", words)).toBe("2 bis 5 Minuten");
    expect(waitWords(0, 30, "de", words)).toBe("weniger als 1 Minute");
  });
});

describe("times", () => {
  it.each([
    [5, "0:05"],
    [65.9, "1:05"],
    [3600 + 62, "1:01:02"],
    [-3, "0:00"],
    [3 * 86_400, "3 d"],
  ])("%d seconds tick as %s", (s, want) => expect(ticking(s)).toBe(want));

  it("says how far away", () => {
    expect(relative(now + 125_000, now, "en")).toBe("in 2 minutes");
    expect(relative(now - 26 * 3_600_000, now, "en")).toBe("yesterday");
    expect(relative(now, now, "en")).toBe("now");
  });

  it("names days", () => {
    expect(dayName(at("2026-03-10T00:01:00"), now, "en")).toBe("Today");
    expect(dayName(at("2026-03-09T23:59:00"), now, "de")).toBe("Gestern");
    expect(dayName(at("2026-03-01T10:00:00"), now, "en-GB")).toContain("Sunday");
  });

  it("gives the day only where it is another", () => {
    expect(clock(at("2026-03-10T08:05:00"), now, "de")).toBe("08:05");
    expect(clock(at("2026-03-09T08:05:00"), now, "de")).toBe("Mo 08:05");
    expect(clock(at("2026-01-09T08:05:00"), now, "de")).toBe("9. Jan. 08:05");
    expect(opening(at("2026-03-12T08:00:00"), now, "en-GB")).toBe("Thursday 08:00");
    expect(opening(at("2026-03-10T18:00:00"), now, "en-GB")).toBe("today 18:00");
    expect(opening(at("2026-03-11T00:00:00"), at("2026-03-10T23:59:00"), "en-GB")).toBe("tomorrow 00:00");
    expect(opening(at("2026-03-29T09:00:00"), at("2026-03-28T23:00:00"), "de")).toBe("morgen 09:00");
    expect(opening(at("2026-03-16T09:00:00"), now, "sv")).toBe("måndag 09:00");
    expect(opening(at("2026-03-17T09:00:00"), now, "en-GB")).toBe("17 March 09:00");
    expect(opening(at("2026-03-09T18:00:00"), now, "es")).toBe("ayer 18:00");
  });

  it("puts the times of a message in the reader's own zone and words", () => {
    const times = [{ text: "zum 2026-03-11 um 22:12 Uhr (Europe/London)", at: "2026-03-11T22:12:00Z" }];
    const here = opening(at("2026-03-11T22:12:00Z"), now, "de");
    expect(ownTimes(`Ein Mensch antwortet bis ${times[0]?.text}; $& bis dann.`, times, now, "de")).toBe(`Ein Mensch antwortet bis ${here}; $& bis dann.`);
    expect(here).toMatch(/^(morgen|Donnerstag) \d\d:\d\d$/);
    expect(ownTimes("No time here.", times, now, "en")).toBe("No time here.");
    expect(ownTimes("by then", [{ text: "then", at: "nonsense" }], now, "en")).toBe("by then");
    expect(ownTimes("by then", undefined, now, "en")).toBe("by then");
  });
});

const h = (part: Partial<Handoff>): Handoff =>
  ({ id: "h", conversation_id: "c", state: "queued", agent_id: null, queued_at: "2026-03-10T11:50:00", due_at: "2026-03-10T12:10:00", first_reply_at: null, offer_expires_at: null, ...part }) as Handoff;

describe("the queue", () => {
  it("keeps the server's order and shows each handoff once", () => {
    const q: QueueSnapshot = {
      handoffs: [h({ id: "w2" }), h({ id: "o1", state: "offered", agent_id: "me" }), h({ id: "o2", state: "offered", agent_id: "you" }), h({ id: "w1", state: "asynchronous" })],
      mine: [h({ id: "m1", state: "accepted", agent_id: "me" }), h({ id: "o1", state: "offered", agent_id: "me" })],
    };
    const s = sections(q, "me");
    expect([s.offers, s.mine, s.waiting].map((x) => x.map((y) => y.id))).toEqual([["o1"], ["m1"], ["w2", "o2", "w1"]]);
    expect(sections(null, "me")).toEqual({ offers: [], mine: [], sleeping: [], waiting: [] });
  });

  it.each([
    ["far", {}, at("2026-03-10T11:52:00"), { kind: "due", seconds: 1080 }],
    ["soon", {}, at("2026-03-10T12:07:00"), { kind: "soon", seconds: 180 }],
    ["over", {}, at("2026-03-10T12:10:05"), { kind: "overdue", seconds: 5 }],
    ["answered", { first_reply_at: "2026-03-10T12:00:00" }, at("2026-03-10T13:00:00"), { kind: "met" }],
    ["no deadline", { due_at: null }, now, { kind: "none" }],
  ] as [string, Partial<Handoff>, number, unknown][])("tells a deadline that is %s", (_n, part, when, want) => expect(deadline(h(part), when)).toEqual(want));

  it("rings for an offer once, and again when the same conversation is offered anew", () => {
    const a = h({ offer_expires_at: "1" });
    expect(newOffers([], [a])).toEqual([a]);
    expect(newOffers([a], [a])).toEqual([]);
    expect(newOffers([a], [h({ offer_expires_at: "2" })])).toHaveLength(1);
  });

  it("moves within bounds", () => {
    expect([step([1, 2, 3], undefined, 1), step([1, 2, 3], 3, 1), step([1, 2, 3], 2, -1), step([1, 2, 3], undefined, -1), step([], 1, 1)]).toEqual([1, 3, 1, 3, undefined]);
  });

  it("has words for reasons, also for those to come", () => {
    expect(reasonWords("no_article")).toBe("No article covers it");
    expect(reasonWords("brand_new_reason")).toBe("Brand new reason");
    expect(readable(null)).toBe("");
  });
});
