// Places in the desk that other parts fill: they add a component under an id, and the place shows it where its order says.

import { signal } from "@preact/signals";
import type { ComponentType } from "preact";
import type { IconName } from "../shared/icons.tsx";
import type { AgentConversation, Message, Package } from "../shared/types.ts";
import type { Mode } from "./drafts.ts";

export interface Entry<P> {
  id: string;
  /** Lower comes first; 500 when nothing is said. */
  order?: number;
  /** Reads signals; without it the entry is always shown. */
  when?: () => boolean;
  component: ComponentType<P>;
}

export class Slot<P extends object, E extends Entry<P> = Entry<P>> {
  private readonly name: string;
  private readonly entries = signal<E[]>([]);

  constructor(name: string) {
    this.name = name;
  }

  /** Adds an entry and returns what removes it again. */
  add(entry: E): () => void {
    const all = this.entries.peek();
    if (all.some((e) => e.id === entry.id)) throw new Error(`${this.name} has an entry ${entry.id} already`);
    this.entries.value = [...all, entry].sort((a, b) => (a.order ?? 500) - (b.order ?? 500));
    return () => (this.entries.value = this.entries.peek().filter((e) => e !== entry));
  }

  /** The entries to show now, in order. */
  get shown(): E[] {
    return this.entries.value.filter((e) => e.when?.() ?? true);
  }
}

/** Shows what a slot holds. */
export function Fill<P extends object>({ slot, give }: { slot: Slot<P>; give: P }) {
  return (
    <>
      {slot.shown.map((e) => (
        <e.component key={e.id} {...give} />
      ))}
    </>
  );
}

/** The composer, as its tools see it. It is there while the agent may write what `mode` says. */
export interface Composer {
  conversation: string;
  mode: Mode;
  text: string;
  /** Writes over everything that stands there, and puts the cursor behind it. */
  replace: (text: string) => void;
  /** Writes where the cursor is, over what is selected. */
  insert: (text: string) => void;
}

/** Buttons in the composer's last line, beside the one that sends: copilot, macros, attachments. */
export const composerTools = new Slot<Composer>("the composer's toolbar");

/** Blocks between the tabs and the text: suggestions, files that go with the message. */
export const composerPanels = new Slot<Composer>("the composer's panels");

/** Blocks below a message of the transcript: its translation. */
export const messageParts = new Slot<{ message: Message }>("the messages");

/** Sections of the third column. The package is null for a conversation that never came to people. */
export const packageSections = new Slot<{ conversation: AgentConversation; package: Package | null }>("the package");

/** Dialogs: the one whose id stands in `dialog` is shown. */
export const dialogs = new Slot<object>("the dialogs");

export interface Page extends Entry<object> {
  title: string;
  icon: IconName;
}

/** Pages beside the inbox, as entries of the bar and of the palette. */
export const pages = new Slot<object, Page>("the pages");
