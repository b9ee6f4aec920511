// Being told of answers while away: the link that leads back into a conversation, and the door to the dialog, whose code
// comes when it is opened.

import { signal } from "@preact/signals";
import { call } from "../shared/api.ts";
import { adopt, notice, session, type Session } from "./session.ts";
import { languageOf } from "./words.ts";

/** The dialog is open. */
export const telling = signal(false);

const labels: Record<string, string> = {
  en: "Tell me when there is an answer",
  de: "Bei einer Antwort benachrichtigen",
  es: "Avisarme cuando haya respuesta",
  sv: "Meddela mig när det finns ett svar",
  fr: "M'avertir quand il y a une réponse",
  ar: "أبلغني عند وصول رد",
};

/** What the door to the dialog says. */
export const tellLabel = (locale: string) => labels[languageOf(locale)] ?? labels.en ?? "";

/** The secret of a link in an e-mail: #t=…, which no server and no log sees. It is taken out of the address at once. */
export function takeKey(): string {
  const hash = new URLSearchParams(location.hash.slice(1));
  const key = hash.get("t") ?? "";
  if (key) {
    hash.delete("t");
    const rest = hash.toString();
    history.replaceState(null, "", location.pathname + location.search + (rest ? `#${rest}` : ""));
  }
  return key;
}

/** Opens the conversation that a link leads to. A link works once; where its conversation is open already, nothing is missing. */
export async function openLink(key: string): Promise<void> {
  try {
    const s = await call<Pick<Session, "id" | "token" | "market" | "locale" | "disclosure">>("/v1/links", { body: { key } });
    adopt({ ...s, greeting: "", told: true });
  } catch {
    if (!session.value) notice.value = "expired";
  }
}

/** Takes up links: the one in the address, and those of push messages that are pressed while the page is open. */
export function followLinks(): void {
  const key = takeKey();
  if (key) void openLink(key);
  addEventListener("hashchange", () => {
    const next = takeKey();
    if (next) void openLink(next);
  });
  navigator.serviceWorker?.addEventListener("message", (e) => {
    const m = e.data as { firstline?: string; key?: string } | null;
    if (m?.firstline === "open" && m.key) void openLink(m.key);
  });
}
