// The shapes of the wire, as the server gives them. Times are RFC 3339 in UTC. Nothing here is code.

export type Author = "customer" | "assistant" | "agent" | "system";
export type Owner = "assistant" | "queue" | "agent";
export type Outcome = "answered" | "clarified" | "offered_human" | "handed_off" | "superseded" | "cancelled";

export interface AgentRef {
  id: string;
  name: string;
}

export interface Citation {
  n: number;
  article: string;
  version: number;
  title: string;
  url: string;
  anchor: string;
  quote: string;
  locale: string;
}

export type FeedbackReason = "wrong" | "outdated" | "unclear" | "not_my_question" | "other";

export interface Attachment {
  id: string;
  name: string;
  media_type: string;
  size: number;
  /** Of pictures: pixels as they are shown, and whether the server has a small copy. */
  width?: number;
  height?: number;
  thumbnail?: boolean;
  /** It held a virus, and nothing is left of it. */
  removed?: boolean;
}

export interface Message {
  id: string;
  seq: number;
  author: Author;
  agent?: AgentRef;
  text: string;
  citations?: Citation[];
  attachments?: Attachment[] | null;
  client_id?: string;
  turn?: string;
  ai: boolean;
  visibility: "public" | "internal";
  helpful?: boolean;
  helpful_reason?: FeedbackReason;
  /** The customer stopped the answer; this is what had been said. */
  stopped?: boolean;
  created_at: string;
  /** Times that the text names, in a time zone that it names as well. */
  times?: Moment[];
}

/** A time that a message names: the part of its text that says it, and when it is. */
export interface Moment {
  text: string;
  at: string;
}

export interface Delta {
  turn: string;
  attempt: number;
  text: string;
  citations?: Citation[];
}

export interface TurnEnd {
  id: string;
  outcome: Outcome;
  reason?: string;
  topic?: string;
  priority?: number;
  confidence?: number;
  threshold?: number;
  citations?: Citation[];
}

export interface Wait {
  low_seconds: number;
  high_seconds: number;
}

/** A handoff as its customer sees it: position 1 is next, 0 is no longer waiting; wait is null when it is not known. */
export interface HandoffPlace {
  id: string;
  state: string;
  reason: string;
  position: number;
  wait: Wait | null;
  open: boolean;
  opens_at: string | null;
  /** It comes before everybody else: a person is called at once, and there is no number and no wait to tell. */
  first?: boolean;
  /** What to do until the person is there. */
  advice?: string;
  /** When an answer is promised to somebody who need not wait. */
  answer_by?: string | null;
  team: string;
  summary: string;
  /** What to ask the customer for while they wait; given: it was answered, be it with nothing. */
  intake?: { wanted: IntakeField[]; given: boolean } | null;
}

export type IntakeField = "email" | "purchase" | "reference";

export interface OfficeHours {
  open: boolean;
  opens_at?: string | null;
}

export interface Config {
  company: string;
  markets: { code: string; name: string; locales: string[] }[];
  locales: string[];
  model: boolean;
}

export interface Conversation {
  id: string;
  market: string;
  locale: string;
  audience: string;
  owner: Owner;
  agent?: AgentRef | null;
  status: "open" | "closed";
  last_seq: number;
  handoff?: HandoffPlace | null;
  customer?: Person | null;
}

export interface Person {
  id?: string;
  account?: Record<string, string | number | boolean | null>;
  name?: string;
  email?: string;
  verified?: boolean;
}

export interface Article {
  slug: string;
  title: string;
  description: string;
  html: string;
  locale: string;
  collection: string;
  version: number;
  updated_at: string;
  toc: { id: string; text: string; level: number }[];
}

/** A promise that runs: business time counts only while the team is there. */
export interface SLA {
  kind: "first_reply" | "next_reply" | "resolve";
  counts: "business" | "wall";
  due_at: string;
  warn_at: string;
  breached: boolean;
}

/** A handoff as an agent sees it, a row of the queue. priority is 1 (most urgent) to 4. */
export interface Handoff {
  id: string;
  conversation_id: string;
  reason: string;
  explanation: string;
  topic: string | null;
  priority: number;
  team: string;
  language: string;
  market: string;
  state: string;
  agent_id: string | null;
  agent_name: string | null;
  weight: number;
  wanted_agent: string | null;
  from_agent: string | null;
  snoozed_until: string | null;
  summary: string;
  queued_at: string;
  due_at: string | null;
  accepted_at: string | null;
  first_reply_at: string | null;
  ended_at: string | null;
  offer_expires_at: string | null;
  customer: Person | null;
  last_message: string;
  last_author: string;
  last_at: string;
  last_seq: number;
  /** The queue's order: the lowest is next, and the id decides between equals. */
  rank: number;
  /** The clock that is due first; null where none runs. */
  sla: SLA | null;
}

export interface Me {
  id: string;
  name: string;
  email: string;
  role: string;
  teams: string[];
  presence: string;
  capacity: number;
}

export interface QueueSnapshot {
  handoffs: Handoff[];
  mine: Handoff[];
  me?: Partial<Me>;
  agents?: Colleague[];
  /** How many wait, also those that are not listed. */
  waiting?: number;
}

export interface Colleague {
  id: string;
  name: string;
  presence: string;
  load: number;
  capacity: number;
}

/** What is different in the lists since the event before. */
export interface BoardChange {
  handoffs: Handoff[];
  gone: string[];
  agents: Colleague[];
  left: string[];
  waiting: number;
}

/** An agent who has a conversation open. */
export interface Viewer {
  id: string;
  name: string;
  writing: boolean;
}

/** The decision as it was stored with the turn: what was seen and why it was chosen. Every field may be absent. */
export interface Decision {
  question?: string;
  context?: string;
  language?: string;
  topics?: { topic?: string; p?: number; Topic?: string; P?: number }[];
  topic_policy?: { key: string; p: number; priority: number; ai: string } | null;
  p_correct?: number;
  threshold?: number;
  p_stuck?: number;
  stuck?: Record<string, number | boolean>;
  features?: Record<string, number>;
  candidates?: { article: string; anchor?: string; score: number; lexical: number; dense: number }[];
  action?: string;
  reason?: string;
  explanation?: string;
  model?: string;
  degraded?: string;
}

export interface Package {
  summary?: { wants?: string; tried?: string; open_question?: string };
  corrected?: string;
  reason: string;
  explanation: string;
  topic?: string;
  priority: number;
  language: string;
  sentiment?: string;
  market: string;
  audience?: string;
  channel?: string;
  customer?: Person | null;
  note?: string;
  tried?: { article: string; version: number; title: string; steps: { step: string; answer: string }[]; at?: string } | null;
  articles?: Citation[];
  attachments?: Attachment[];
  intake?: { wanted: IntakeField[]; given: Partial<Record<IntakeField, string>>; at?: string } | null;
  promises?: { text: string; by: string }[];
  due_at?: string;
  earlier_handoffs?: number | { id?: string; reason?: string; ended_at?: string }[];
  trace?: ({ by?: string; decision?: Decision } & Decision) | null;
}

export interface AgentConversation {
  conversation: Conversation;
  messages: Message[];
  handoff?: Handoff | null;
  package?: Package | null;
  /** Where it was begun, and what the page there said of itself and the customer; nobody has verified it. */
  page?: { site: string; context: Record<string, string | number | boolean> } | null;
  verdict?: Verdict | null;
  /** Up to which number it was read. */
  read?: { customer: number; agent: number; me: number };
}

/** What an agent says of a handoff. */
export interface Verdict {
  verdict: "right" | "too_early" | "too_late" | "wrong_team";
  team?: string;
}

/** Another conversation of the same customer. */
export interface PastConversation {
  id: string;
  started_at: string;
  status: string;
  topic: string | null;
  team: string | null;
  state: string | null;
  handoffs: number;
  messages: number;
  summary: string;
  score: number | null;
}
