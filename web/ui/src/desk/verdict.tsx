// Whether a handoff came to people as it should have: one key, and the assistant is measured by it.

import { useState } from "preact/hooks";
import { Icon } from "../shared/icons.tsx";
import type { AgentConversation, Verdict } from "../shared/types.ts";
import { ariaKeysFor, keyFor, register } from "./commands.ts";
import { readKeys } from "./keys.ts";
import { Part } from "./package.tsx";
import { inInbox } from "./pages.ts";
import { packageSections } from "./slots.tsx";
import * as s from "./store/index.ts";

const verdicts: [Verdict["verdict"], string][] = [
  ["right", "Right"],
  ["too_early", "Too early"],
  ["too_late", "Too late"],
  ["wrong_team", "Wrong team"],
];

/** One after the other, so that the last key counts. Nothing else waits for it, and it waits for nothing else. */
let before: Promise<void> = Promise.resolve();

function judge(v: Verdict): void {
  const c = s.open.peek();
  const handoff = c?.handoff?.id;
  if (!c || !handoff) return;
  const was = c.verdict ?? null;
  const show = (verdict: Verdict | null) => {
    const now = s.open.peek();
    if (now?.handoff?.id === handoff) s.open.value = { ...now, verdict };
  };
  show(v);
  before = before.then(async () => {
    try {
      await s.agentCall(`/handoffs/${handoff}/verdict`, v, "PUT");
      s.announcement.value = `Marked: ${verdicts.find(([k]) => k === v.verdict)?.[1] ?? ""}.`;
    } catch (err) {
      if (s.open.peek()?.verdict === v) show(was);
      s.notice.value = { text: s.words(err), bad: true };
    }
  });
}

register(
  ...verdicts.map(([key, title], i) => ({
    id: `verdict-${key}`,
    title: `This handoff: ${title.toLowerCase()}`,
    group: "Handoff",
    keys: String(i + 1),
    when: () => inInbox() && s.open.value?.handoff !== null && s.open.value?.handoff !== undefined,
    run: () => judge({ verdict: key }),
  })),
);

packageSections.add({ id: "verdict", order: 890, component: ({ conversation }) => (conversation.handoff ? <Section c={conversation} /> : null) });

function Section({ c }: { c: AgentConversation }) {
  const now = c.verdict;
  return (
    <Part title="Was this handoff right?">
      <div class="verdicts" role="group" aria-label="Was this handoff right?">
        {verdicts.map(([key, title]) => {
          const shortcut = keyFor(`verdict-${key}`);
          return (
            <button key={key} type="button" class="button quiet" aria-pressed={now?.verdict === key} aria-keyshortcuts={ariaKeysFor(`verdict-${key}`)} onClick={() => judge({ verdict: key })}>
              {now?.verdict === key && <Icon name="check" size={16} />}
              {title}
              {shortcut && <kbd aria-hidden="true">{readKeys(shortcut)}</kbd>}
            </button>
          );
        })}
      </div>
      {now?.verdict === "wrong_team" && <RightTeam key={c.handoff?.id} now={now} from={c.handoff?.team ?? ""} />}
    </Part>
  );
}

/** Which team it should have been, for whoever knows. */
function RightTeam({ now, from }: { now: Verdict; from: string }) {
  const [team, setTeam] = useState(now.team ?? "");
  return (
    <label class="field">
      <span>It belongs to</span>
      <select
        value={team}
        onChange={(e) => {
          setTeam(e.currentTarget.value);
          judge(e.currentTarget.value ? { verdict: "wrong_team", team: e.currentTarget.value } : { verdict: "wrong_team" });
        }}
      >
        <option value="">I do not know</option>
        {s.teams.value
          .filter((t) => t.key !== from)
          .map((t) => (
            <option key={t.key} value={t.key}>
              {t.name}
            </option>
          ))}
      </select>
    </label>
  );
}
