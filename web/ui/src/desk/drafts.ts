// What an agent is writing, kept per conversation, the reply apart from the note, until it is sent.

import { computed, signal } from "@preact/signals";
import type { Store } from "../shared/storage.ts";

export type Mode = "public" | "internal";

type Draft = { [mode in Mode]?: string };

interface Kept {
  agent: string;
  /** Oldest first. */
  drafts: [conversation: string, draft: Draft][];
}

/** More conversations than anybody writes in at once; the one that was written in longest ago makes room. */
const limit = 100;

export class Drafts {
  private readonly store: Store;
  private readonly state = signal<Kept>({ agent: "", drafts: [] });

  /** Which conversations have one. It does not change with every letter, so lists that show it rest. */
  private readonly ids = computed(() => this.state.value.drafts.map(([id]) => id).sort().join(" "));

  constructor(store: Store) {
    this.store = store;
  }

  /** Takes up what this agent left. Another agent's drafts in the same browser are removed. */
  of(agent: string): void {
    if (this.state.peek().agent === agent) return;
    const kept = this.store.get<Kept>("drafts");
    if (kept?.agent === agent && Array.isArray(kept.drafts)) this.state.value = kept;
    else {
      this.store.remove("drafts");
      this.state.value = { agent, drafts: [] };
    }
  }

  get(conversation: string, mode: Mode): string {
    return this.state.value.drafts.find(([id]) => id === conversation)?.[1][mode] ?? "";
  }

  has(conversation: string): boolean {
    return this.ids.value.split(" ").includes(conversation);
  }

  set(conversation: string, mode: Mode, text: string): void {
    const { agent, drafts } = this.state.peek();
    const draft: Draft = { ...drafts.find(([id]) => id === conversation)?.[1] };
    if (text === "") delete draft[mode];
    else draft[mode] = text;
    const others = drafts.filter(([id]) => id !== conversation);
    const all: Kept["drafts"] = Object.keys(draft).length === 0 ? others : [...others, [conversation, draft]];
    this.state.value = { agent, drafts: all.slice(-limit) };
    if (all.length === 0) this.store.remove("drafts");
    else this.store.set("drafts", this.state.value);
  }

  clear(conversation: string, mode: Mode): void {
    this.set(conversation, mode, "");
  }

  /** Removes everything, when an agent signs out. */
  forget(): void {
    this.store.remove("drafts");
    this.state.value = { agent: "", drafts: [] };
  }
}
