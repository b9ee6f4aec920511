// The queue: what the server last said about who waits, who is offered, and who is mine.

import { computed, signal } from "@preact/signals";
import type { QueueSnapshot } from "../../shared/types.ts";
import { newOffers, sections } from "../queue-state.ts";
import { chime } from "../sound.ts";
import { act, agentCall, announcement, me, sound } from "./session.ts";

export const queue = signal<QueueSnapshot | null>(null);
export const split = computed(() => sections(queue.value, me.value?.id ?? ""));
export const inOrder = computed(() => [...split.value.offers, ...split.value.mine, ...split.value.sleeping, ...split.value.waiting]);

/** The presence that counts: the server may have set an agent away who let offers lapse. */
export const presence = computed(() => queue.value?.me?.presence ?? me.value?.presence ?? "offline");

/** Takes the server's newest view of the queue. A new offer is worth a sound. */
export function takeQueue(q: QueueSnapshot): void {
  const before = split.value.offers;
  queue.value = q;
  const fresh = newOffers(before, split.value.offers);
  if (fresh.length > 0) {
    if (sound.value) chime();
    announcement.value = `New offer: ${fresh[0]?.summary ?? ""}`;
  }
}

export async function setPresence(state: "online" | "away"): Promise<void> {
  const m = me.value;
  if (!m) return;
  me.value = { ...m, presence: state };
  if (!(await act("presence", () => agentCall("/presence", { state }, "PUT"), "presence"))) me.value = m;
}
