// The browser's store for this site, or a map in memory where the browser refuses one (private windows, full disks).

export interface Store {
  get<T>(key: string): T | undefined;
  set(key: string, value: unknown): void;
  remove(key: string): void;
}

/** Keeps JSON under prefix + key, where the prefix may be known only later. Values that cannot be read count as absent. */
export function browserStore(prefix: string | (() => string), area: Storage | undefined = safeArea()): Store {
  const memory = new Map<string, string>();
  const named = (key: string) => (typeof prefix === "string" ? prefix : prefix()) + key;
  const read = (k: string): string | null => {
    try {
      return area ? area.getItem(k) : (memory.get(k) ?? null);
    } catch {
      return memory.get(k) ?? null;
    }
  };
  return {
    get<T>(key: string) {
      const raw = read(named(key));
      if (raw === null) return undefined;
      try {
        return JSON.parse(raw) as T;
      } catch {
        return undefined;
      }
    },
    set(key, value) {
      const raw = JSON.stringify(value);
      memory.set(named(key), raw);
      try {
        area?.setItem(named(key), raw);
      } catch {
        // kept in memory at least
      }
    },
    remove(key) {
      memory.delete(named(key));
      try {
        area?.removeItem(named(key));
      } catch {
        // nothing to remove then
      }
    },
  };
}

/** What the browser keeps for this tab only: it outlives a reload, and ends with the tab. */
export function sessionArea(): Storage | undefined {
  try {
    return typeof sessionStorage === "undefined" ? undefined : sessionStorage;
  } catch {
    return undefined;
  }
}

function safeArea(): Storage | undefined {
  try {
    return typeof localStorage === "undefined" ? undefined : localStorage;
  } catch {
    return undefined;
  }
}
