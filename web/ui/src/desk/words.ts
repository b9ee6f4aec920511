// What the desk calls things. Keys that the server may add later are shown as readable words.

/** "refund_not_credited" becomes "Refund not credited". */
export function readable(key: string | null | undefined): string {
  if (!key) return "";
  const s = key.replace(/[_-]+/g, " ").trim();
  return s.charAt(0).toUpperCase() + s.slice(1);
}

const reasons: Record<string, string> = {
  customer_request: "The customer asked for a person",
  priority_topic: "The topic is for people",
  low_confidence: "The assistant was not sure enough",
  no_article: "No article covers it",
  conflicting_articles: "Articles contradict each other",
  stuck: "The customer was not getting further",
  vulnerability: "The customer may be in danger or distress",
  complaint_or_legal: "A complaint or legal matter",
  needs_account_action: "It needs an action in the account",
  model_unavailable: "The model was not available",
  retrieval_failed: "The help centre could not be searched",
  agent_pulled: "An agent took it over",
};

const shortReasons: Record<string, string> = {
  customer_request: "Asked for a person",
  low_confidence: "Assistant not sure",
  conflicting_articles: "Articles disagree",
  stuck: "Getting no further",
  vulnerability: "In distress",
  complaint_or_legal: "Complaint or legal",
  needs_account_action: "Needs an action",
  model_unavailable: "Model not available",
  retrieval_failed: "Search failed",
  agent_pulled: "Taken over",
};

/** The same where there is little room. */
export const shortReason = (key: string): string => shortReasons[key] ?? reasonWords(key);

export const reasonWords = (key: string): string => reasons[key] ?? readable(key);

const urgency: Record<number, string> = { 1: "Critical", 2: "Urgent", 3: "Normal", 4: "Low" };

export const priorityWords = (p: number): string => `P${p} ${urgency[p] ?? ""}`.trim();

const states: Record<string, string> = {
  queued: "Waiting",
  offered: "Offered",
  accepted: "In conversation",
  asynchronous: "Promised for later",
  resolved: "Resolved",
  returned_to_assistant: "Returned to the assistant",
};

export const stateWords = (s: string): string => states[s] ?? readable(s);

const actions: Record<string, string> = { answer: "Answer", clarify: "Ask back", offer: "Offer a person", handoff: "Hand off", hand_off: "Hand off", reply: "Reply" };

export const actionWords = (a: string): string => actions[a] ?? readable(a);

export function languageName(code: string): string {
  try {
    return new Intl.DisplayNames(["en"], { type: "language" }).of(code) ?? code;
  } catch {
    return code;
  }
}

export function countryName(code: string): string {
  try {
    return /^[a-z]{2}$/i.test(code) ? (new Intl.DisplayNames(["en"], { type: "region" }).of(code.toUpperCase()) ?? code) : code;
  } catch {
    return code;
  }
}

export function percent(p: number | undefined): string {
  return p === undefined || !Number.isFinite(p) ? "–" : `${Math.round(p * 100)} %`;
}
