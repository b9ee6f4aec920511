// The key of a command, shown beside what does the same.

import { keyFor } from "./commands.ts";
import { readKeys } from "./keys.ts";

/** The key that does the same, for those who look for it. */
export function KeyOf({ id }: { id: string }) {
  const key = keyFor(id);
  return key ? <kbd aria-hidden="true">{readKeys(key)}</kbd> : null;
}
