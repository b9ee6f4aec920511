// Times and waits in the reader's words. Intl does the grammar; nothing here knows a language.

const units: [Intl.RelativeTimeFormatUnit, number][] = [
  ["day", 86_400],
  ["hour", 3_600],
  ["minute", 60],
  ["second", 1],
];

/** "5 minutes ago", "in 2 hours": the largest unit that fits, rounded towards now. */
export function relative(at: number, now: number, locale: string): string {
  const s = Math.trunc((at - now) / 1000);
  const format = new Intl.RelativeTimeFormat(locale, { numeric: "auto", style: "long" });
  for (const [unit, size] of units) {
    if (Math.abs(s) >= size) return format.format(Math.trunc(s / size), unit);
  }
  return format.format(0, "second");
}

/** A span as a clock that ticks: "0:07", "12:40", "1:02:03", and from two days on "3 d". */
export function ticking(seconds: number): string {
  const s = Math.max(0, Math.floor(seconds));
  if (s >= 2 * 86_400) return `${Math.floor(s / 86_400)} d`;
  const h = Math.floor(s / 3600);
  const m = Math.floor((s % 3600) / 60);
  const two = (n: number) => String(n).padStart(2, "0");
  return h > 0 ? `${h}:${two(m)}:${two(s % 60)}` : `${m}:${two(s % 60)}`;
}

/** "14:05" today, "Mon 14:05" within a week, otherwise with the date. */
export function clock(at: number, now: number, locale: string): string {
  const time = new Intl.DateTimeFormat(locale, { hour: "2-digit", minute: "2-digit" });
  const a = new Date(at);
  const b = new Date(now);
  if (a.toDateString() === b.toDateString()) return time.format(a);
  const near = Math.abs(at - now) < 6.5 * 86_400_000;
  const day = new Intl.DateTimeFormat(locale, near ? { weekday: "short" } : { day: "numeric", month: "short" });
  return `${day.format(a)} ${time.format(a)}`;
}

/** The day that a group of messages belongs to: "Today", "Yesterday", or the date. */
export function dayName(at: number, now: number, locale: string): string {
  const start = (t: number) => new Date(t).setHours(0, 0, 0, 0);
  const days = Math.round((start(at) - start(now)) / 86_400_000);
  if (days === 0 || days === -1) {
    const word = new Intl.RelativeTimeFormat(locale, { numeric: "auto" }).format(days, "day");
    return word.charAt(0).toLocaleUpperCase(locale) + word.slice(1);
  }
  return new Intl.DateTimeFormat(locale, { weekday: "long", day: "numeric", month: "long" }).format(new Date(at));
}

/** A moment to come, in the reader's own time zone: "today 22:12", "tomorrow 09:00", "Monday 08:00", and further away with the date. */
export function opening(at: number, now: number, locale: string): string {
  const start = (t: number) => new Date(t).setHours(0, 0, 0, 0);
  const days = Math.round((start(at) - start(now)) / 86_400_000);
  const time = new Intl.DateTimeFormat(locale, { hour: "2-digit", minute: "2-digit" }).format(new Date(at));
  if (Math.abs(days) <= 1) return `${new Intl.RelativeTimeFormat(locale, { numeric: "auto" }).format(days, "day")} ${time}`;
  const day = new Intl.DateTimeFormat(locale, days > 1 && days < 7 ? { weekday: "long" } : { day: "numeric", month: "long" });
  return `${day.format(new Date(at))} ${time}`;
}

export interface WaitWords {
  under: (n: string) => string; // "less than {1 minute}"
  range: (low: string, high: string) => string; // "{2} to {5 minutes}"
  about: (n: string) => string; // "about {5 minutes}"
}

/** A wait in words: minutes up to an hour and a half, hours beyond; never more exact than the estimate is. */
export function waitWords(lowSeconds: number, highSeconds: number, locale: string, words: WaitWords): string {
  const low = Math.max(0, Math.min(lowSeconds, highSeconds));
  const high = Math.max(lowSeconds, highSeconds, 0);
  const unit = high > 90 * 60 ? "hour" : "minute";
  const size = unit === "hour" ? 3600 : 60;
  const named = (n: number) => new Intl.NumberFormat(locale, { style: "unit", unit, unitDisplay: "long" }).format(n);
  const a = Math.floor(low / size);
  const b = Math.ceil(high / size);
  if (b <= 1) return words.under(named(1));
  if (a < 1) return words.under(named(b));
  if (a === b) return words.about(named(a));
  return words.range(new Intl.NumberFormat(locale).format(a), named(b));
}
