// What was used last, up to a bound: the rest is forgotten, oldest first.

import type { RecordState } from "../shared/record.ts";
import type { AgentConversation } from "../shared/types.ts";

/** A conversation as it was when another one was opened. */
export interface Kept {
  conversation: AgentConversation;
  record: RecordState;
}

export class Recent<T> {
  private readonly limit: number;
  private readonly map = new Map<string, T>();

  constructor(limit: number) {
    this.limit = limit;
  }

  get(id: string): T | undefined {
    const found = this.map.get(id);
    if (found !== undefined) this.set(id, found);
    return found;
  }

  set(id: string, value: T): void {
    this.map.delete(id);
    this.map.set(id, value);
    const oldest = this.map.keys().next();
    if (this.map.size > this.limit && !oldest.done) this.map.delete(oldest.value);
  }

  delete(id: string): void {
    this.map.delete(id);
  }

  clear(): void {
    this.map.clear();
  }
}
