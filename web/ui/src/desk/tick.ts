// One clock for the whole desk. A component that reads it is drawn anew when it ticks, and nothing else is.

import { signal, type ReadonlySignal } from "@preact/signals";

const clocks = new Map<number, ReadonlySignal<number>>();

/** The time, renewed every so many milliseconds while the page can be seen. */
export function every(ms: number): ReadonlySignal<number> {
  const known = clocks.get(ms);
  if (known) return known;
  const now = signal(Date.now());
  clocks.set(ms, now);
  const renew = () => {
    if (typeof document === "undefined" || document.visibilityState === "visible") now.value = Date.now();
  };
  setInterval(renew, ms);
  if (typeof document !== "undefined") document.addEventListener("visibilitychange", renew);
  return now;
}
