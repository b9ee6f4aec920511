// The desk's stream from the server: one connection, and whoever wants to hear an event of it.

import { signal } from "@preact/signals";
import { call, Problem } from "../../shared/api.ts";
import { follow, type Link } from "../../shared/sse.ts";
import type { Me, QueueSnapshot } from "../../shared/types.ts";
import { openConversation } from "./conversation.ts";
import { takeQueue } from "./queue.ts";
import { agentCall, company, me, onSignedOut, page, signedOut, teams, unreachable } from "./session.ts";

export const link = signal<Link>("connecting");

const listeners = new Map<string, ((data: unknown) => void)[]>();

/** Calls f with the data of every event of this name. Events that nobody asked for are dropped. */
export function onDeskEvent<T>(event: string, f: (data: T) => void): void {
  listeners.set(event, [...(listeners.get(event) ?? []), f as (data: unknown) => void]);
}

onDeskEvent<QueueSnapshot>("queue", takeQueue);

let stop: (() => void) | undefined;
onSignedOut(() => stop?.());

export async function boot(): Promise<void> {
  unreachable.value = false;
  try {
    me.value = await agentCall<Me>("/me");
  } catch (err) {
    if (err instanceof Problem && (err.status === 401 || err.status === 403)) me.value = null;
    else unreachable.value = true;
    return;
  }
  agentCall<{ teams: { key: string; name: string }[] }>("/teams").then((t) => (teams.value = t.teams), () => {});
  call<{ company: string }>("/v1/config").then((c) => (company.value = c.company), () => {});
  stop?.();
  stop = follow({
    url: "/v1/agent/events",
    onLink: (l) => (link.value = l),
    onRefused: signedOut,
    onEvent: (e) => {
      const all = listeners.get(e.event);
      if (!all) return;
      const data: unknown = JSON.parse(e.data);
      for (const f of all) f(data);
    },
  });
  page.value = /^#p\/([\w-]+)$/.exec(location.hash)?.[1] ?? "inbox";
  const asked = /^#c\/(.+)$/.exec(location.hash)?.[1];
  if (asked) openConversation(decodeURIComponent(asked));
}
