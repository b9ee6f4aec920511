// The times until which a conversation may sleep, in the agent's own time zone.

export interface Sleep {
  label: string;
  until: Date;
}

const morning = 9;

/** What is offered at this time of day; never the same time twice, the soonest first. */
export function sleeps(now: Date): Sleep[] {
  const on = (days: number, hour: number) => new Date(now.getFullYear(), now.getMonth(), now.getDate() + days, hour);
  const later = (hours: number) => new Date(Math.ceil((now.getTime() + hours * 3_600_000) / 300_000) * 300_000); // the next five minutes
  const toMonday = (8 - now.getDay()) % 7 || 7;
  const all: Sleep[] = [
    { label: "For an hour", until: later(1) },
    { label: "For three hours", until: later(3) },
    { label: "Tomorrow morning", until: on(1, morning) },
    { label: "Monday morning", until: on(toMonday, morning) },
  ];
  return all.filter((s, i) => all.findIndex((o) => o.until.getTime() === s.until.getTime()) === i).sort((a, b) => a.until.getTime() - b.until.getTime());
}

/** A time as a field of the browser writes it: local, to the minute. */
export function localValue(t: Date): string {
  const two = (n: number) => String(n).padStart(2, "0");
  return `${t.getFullYear()}-${two(t.getMonth() + 1)}-${two(t.getDate())}T${two(t.getHours())}:${two(t.getMinutes())}`;
}

/** The time that such a field says, or undefined when it says none. */
export function at(value: string): Date | undefined {
  const t = new Date(value);
  return value === "" || Number.isNaN(t.getTime()) ? undefined : t;
}
