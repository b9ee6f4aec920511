// The page as a whole: header, the first page or the conversation, and the panel with a source beside it.

import type { ComponentType } from "preact";
import { useEffect, useState } from "preact/hooks";
import { Avatar, Dialog, Menu, type MenuItem } from "../shared/parts.tsx";
import { host } from "../shared/host.ts";
import { Icon } from "../shared/icons.tsx";
import { Composer } from "./composer.tsx";
import { Conversation } from "./conversation.tsx";
import { telling, tellLabel } from "./notices.ts";
import { rights, rightsLabel } from "./rights.ts";
import { Start } from "./start.tsx";
import { saveTranscript } from "./thread.ts";
import { direction } from "./words.ts";
import { announcement, asking, askForPerson, config, endConversation, leave, link, locale, missed, notice, panel, record, session, words } from "./session.ts";

export function App() {
  const w = words.value;
  const company = config.value?.company ?? "";
  useEffect(() => {
    const element = host.element ?? document.documentElement;
    element.lang = locale.value;
    element.dir = direction(locale.value);
    const title = company ? `${company} · ${w.conversation}` : w.conversation;
    if (!host.root) document.title = missed.value > 0 ? `(${missed.value}) ${title}` : title;
  }, [locale.value, company, missed.value]);
  return (
    <div class={`page ${panel.value ? "with-panel" : ""}`}>
      <div class="chat" inert={host.root !== undefined && panel.value !== null}>
        <Header />
        <LinkState />
        {session.value ? (
          <>
            <Conversation key={`conversation ${session.value.id}`} />
            <Composer key={session.value.id} />
          </>
        ) : (
          <Start />
        )}
        <div class="sr-only" aria-live="polite" role="status">
          {announcement.value}
        </div>
      </div>
      {panel.value && <Panel />}
      {telling.value && session.value && <Telling />}
      {rights.value && <Rights />}
    </div>
  );
}

/** The dialog's code comes when it is opened. */
function Telling() {
  const [Loaded, setLoaded] = useState<{ it: ComponentType } | null>(null);
  useEffect(() => {
    import("./notices.tsx").then(
      (m) => setLoaded({ it: m.Notices }),
      () => {
        telling.value = false;
        notice.value = "failed";
      },
    );
  }, []);
  return Loaded ? <Loaded.it /> : null;
}

/** What a customer may know of their data and ask for; the code comes when it is opened. */
function Rights() {
  const [Loaded, setLoaded] = useState<{ it: ComponentType } | null>(null);
  useEffect(() => {
    import("./rights.tsx").then(
      (m) => setLoaded({ it: m.Rights }),
      () => {
        rights.value = undefined;
        notice.value = "failed";
      },
    );
  }, []);
  return Loaded ? <Loaded.it /> : null;
}

/** The panel's code comes when the first source is opened. */
function Panel() {
  const [Loaded, setLoaded] = useState<{ it: ComponentType } | null>(null);
  useEffect(() => {
    import("./panel.tsx").then(
      (m) => setLoaded({ it: m.ArticlePanel }),
      () => {
        panel.value = null;
        notice.value = "failed";
      },
    );
  }, []);
  const p = panel.value;
  return Loaded && p ? <Loaded.it key={`${p.slug} ${p.locale}`} /> : null;
}

function Header() {
  const w = words.value;
  const r = record.value;
  const s = session.value;
  const [confirm, setConfirm] = useState<"new" | "end" | null>(null);
  const human = s !== null && r.owner === "agent";
  const who = human ? (r.agent?.name ?? w.team) : s !== null && r.owner === "queue" ? w.inLine : w.assistant;
  const items: MenuItem[] = [{ label: w.newChat, onSelect: () => setConfirm("new") }, { label: w.asText, onSelect: () => void saveTranscript("text") }, { label: w.asPage, onSelect: () => void saveTranscript("html") }, { label: w.asData, onSelect: () => void saveTranscript("json") }];
  items.push({ label: tellLabel(locale.value), onSelect: () => (telling.value = true) });
  items.push({ label: rightsLabel(locale.value), onSelect: () => (rights.value = { of: s }) });
  if (r.status === "open" && r.owner === "assistant") items.push({ label: w.end, onSelect: () => setConfirm("end") });
  return (
    <header class="header">
      <Avatar ai={!human && r.owner !== "queue"} name={human ? who : undefined} />
      <div class="header-who">
        <h1>{config.value?.company ?? "\u00a0"}</h1>
        <p>{who}</p>
      </div>
      {(!s || r.owner === "assistant") && (
        <button type="button" class="button quiet talk" onClick={() => void askForPerson()} disabled={asking.value} aria-busy={asking.value}>
          <Icon name="person" size={18} />
          <span>{w.talk}</span>
        </button>
      )}
      {s && <Menu label={w.more} icon="menu" items={items} />}
      {host.close && (
        <button type="button" class="icon-button" aria-label={w.close} title={w.close} onClick={host.close}>
          <Icon name="close" />
        </button>
      )}
      {confirm && (
        <Dialog title={confirm === "new" ? w.newTitle : w.endTitle} closeLabel={w.close} onClose={() => setConfirm(null)}>
          <p>{confirm === "new" ? w.newText : w.endText}</p>
          <div class="dialog-actions">
            <button type="button" class="button quiet" onClick={() => setConfirm(null)}>
              {w.cancel}
            </button>
            <button
              type="button"
              class="button"
              onClick={() => {
                setConfirm(null);
                if (confirm === "new") leave();
                else void endConversation();
              }}
            >
              {confirm === "new" ? w.newChat : w.end}
            </button>
          </div>
        </Dialog>
      )}
    </header>
  );
}

/** Says quietly that the connection is gone, and what did not work. Short breaks are not worth a word. */
function LinkState() {
  const w = words.value;
  const [late, setLate] = useState(false);
  const broken = session.value !== null && link.value !== "open" && link.value !== "stopped";
  const offline = session.value !== null && link.value === "offline";
  useEffect(() => {
    setLate(false);
    if (!broken) return;
    const t = setTimeout(() => setLate(true), 1500);
    return () => clearTimeout(t);
  }, [broken]);
  const text = offline ? w.offline : broken && late ? w.reconnecting : "";
  const wrong = notice.value && session.value ? w[notice.value] : "";
  return (
    <div class="bars">
      <div role="status">{text && <p class="bar">{text}</p>}</div>
      <div role="alert">
        {wrong && (
          <p class="bar bar-wrong">
            <span>{wrong}</span>
            <button type="button" class="icon-button small" aria-label={w.close} onClick={() => (notice.value = "")}>
              <Icon name="close" size={16} />
            </button>
          </p>
        )}
      </div>
    </div>
  );
}
