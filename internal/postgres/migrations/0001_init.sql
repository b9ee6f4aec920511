-- The record, the knowledge base and the queue. States are CHECK constraints; what must never happen is forbidden here,
-- not only in Go. Identifiers that leave the system are UUIDv7 made by the program.

CREATE EXTENSION IF NOT EXISTS vector;

-- One row of secrets and marks that belong to the installation, such as the key that conversation tokens are derived from.
CREATE TABLE settings (
    key        text PRIMARY KEY,
    value      text NOT NULL,
    updated_at timestamptz NOT NULL DEFAULT now()
);

-- ---------------------------------------------------------------------------------------------------------------------
-- Knowledge base

-- The revision of everything that retrieval may see. Whatever publishes or unpublishes adds one in its own transaction,
-- so that a process with an older lexical index notices in the very statement that reads passages.
CREATE TABLE kb_revision (
    one      boolean PRIMARY KEY DEFAULT true CHECK (one),
    revision bigint NOT NULL DEFAULT 0
);
INSERT INTO kb_revision DEFAULT VALUES;

CREATE TABLE articles (
    id            uuid PRIMARY KEY,
    slug          text NOT NULL CHECK (slug ~ '^[a-z0-9]+(-[a-z0-9]+)*$'),
    variant       text NOT NULL DEFAULT '',               -- '' is the base article; otherwise a market variant's name
    collection    text NOT NULL,
    audience      text NOT NULL CHECK (audience IN ('consumer', 'merchant')),
    markets       text[] NOT NULL DEFAULT '{}',           -- empty: every market
    owner         text NOT NULL DEFAULT '',
    review_on     date,
    ai_excluded   boolean NOT NULL DEFAULT false,          -- readable in the help centre, never quoted by the assistant
    created_at    timestamptz NOT NULL DEFAULT now(),
    updated_at    timestamptz NOT NULL DEFAULT now(),
    UNIQUE (slug, variant)
);

CREATE TABLE article_versions (
    id           uuid PRIMARY KEY,
    article_id   uuid NOT NULL REFERENCES articles ON DELETE CASCADE,
    locale       text NOT NULL,
    number       integer NOT NULL CHECK (number > 0),
    state        text NOT NULL CHECK (state IN ('draft', 'in_review', 'published', 'archived')),
    title        text NOT NULL,
    description  text NOT NULL DEFAULT '',
    markdown     text NOT NULL,
    valid_from   timestamptz,
    valid_to     timestamptz CHECK (valid_to > valid_from),
    revision     bigint NOT NULL DEFAULT 0,               -- kb_revision at which the state last changed
    published_at timestamptz,
    created_at   timestamptz NOT NULL DEFAULT now(),
    UNIQUE (article_id, locale, number)
);
-- At most one version of an article is live in a locale.
CREATE UNIQUE INDEX article_versions_live ON article_versions (article_id, locale) WHERE state = 'published';
-- What changed since a process last looked.
CREATE INDEX article_versions_revision ON article_versions (revision);

-- A passage is a section of a published version: what is retrieved, quoted and cited.
CREATE TABLE passages (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    version_id uuid NOT NULL REFERENCES article_versions ON DELETE CASCADE,
    ordinal    integer NOT NULL,                          -- position in the article, from 0
    headings   text[] NOT NULL DEFAULT '{}',              -- heading path below the title
    anchor     text NOT NULL DEFAULT '',                  -- fragment of the section on the article's page
    markdown   text NOT NULL,                             -- the section as written, without its heading line
    text       text NOT NULL,                             -- the same as plain words, for analysis and embedding
    hash       bytea NOT NULL,                            -- SHA-256 of what is embedded
    UNIQUE (version_id, ordinal)
);

-- The embedding models in use. One is active; another may be filled beside it and switched to.
CREATE TABLE embedding_models (
    name       text PRIMARY KEY,
    dimensions integer NOT NULL CHECK (dimensions BETWEEN 8 AND 4000),   -- halfvec under HNSW ends at 4,000
    active     boolean NOT NULL DEFAULT false,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX embedding_models_active ON embedding_models (active) WHERE active;

-- One vector for each passage and model. The HNSW index is partial by model and made by the program when a model is
-- first used, because its expression names the dimensions.
CREATE TABLE embeddings (
    passage_id bigint NOT NULL REFERENCES passages ON DELETE CASCADE,
    model      text NOT NULL REFERENCES embedding_models ON DELETE CASCADE,
    hash       bytea NOT NULL,
    embedding  halfvec NOT NULL,
    PRIMARY KEY (passage_id, model)
);
-- Vectors stay in the row: out of line, the planner reckons a sequential scan of a small main table cheap and never
-- takes the HNSW index.
ALTER TABLE embeddings ALTER COLUMN embedding SET STORAGE PLAIN;

-- ---------------------------------------------------------------------------------------------------------------------
-- People and teams

CREATE TABLE teams (
    key      text PRIMARY KEY,
    name     text NOT NULL,
    hours    jsonb NOT NULL,                              -- see handoff.Hours
    fallback text REFERENCES teams
);

CREATE TABLE topics (
    key      text PRIMARY KEY,
    position integer NOT NULL,
    data     jsonb NOT NULL                               -- see triage.Topic
);

CREATE TABLE agents (
    id              uuid PRIMARY KEY,
    email           text NOT NULL UNIQUE CHECK (email = lower(email)),
    name            text NOT NULL,
    role            text NOT NULL CHECK (role IN ('agent', 'supervisor', 'editor', 'admin')),
    languages       text[] NOT NULL DEFAULT '{}',         -- empty: every language
    markets         text[] NOT NULL DEFAULT '{}',         -- empty: every market
    capacity        integer NOT NULL DEFAULT 4 CHECK (capacity >= 0),
    presence        text NOT NULL DEFAULT 'offline' CHECK (presence IN ('online', 'away', 'offline')),
    connected_until timestamptz NOT NULL DEFAULT '-infinity',   -- kept ahead of now by the desk's open stream
    lapses          integer NOT NULL DEFAULT 0,           -- offers let lapse in a row
    last_offer_at   timestamptz NOT NULL DEFAULT '-infinity',
    created_at      timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE agent_teams (
    agent_id uuid NOT NULL REFERENCES agents ON DELETE CASCADE,
    team     text NOT NULL REFERENCES teams ON DELETE CASCADE,
    PRIMARY KEY (agent_id, team)
);
-- Sessions, bearer tokens and one-time sign-in links; only SHA-256 hashes are kept.
CREATE TABLE credentials (
    hash       bytea PRIMARY KEY,
    agent_id   uuid NOT NULL REFERENCES agents ON DELETE CASCADE,
    kind       text NOT NULL CHECK (kind IN ('session', 'token', 'link')),
    expires_at timestamptz NOT NULL,
    used_at    timestamptz,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX credentials_agent ON credentials (agent_id);

CREATE TABLE audit (
    id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at      timestamptz NOT NULL DEFAULT now(),
    actor   text NOT NULL,
    action  text NOT NULL,
    subject text NOT NULL,
    detail  jsonb NOT NULL DEFAULT '{}'
);

-- ---------------------------------------------------------------------------------------------------------------------
-- The record

-- A conversation's row is its lock: whoever speaks updates it, and the row says who may. The live turn stands here, so
-- that "nobody else took over and nothing newer was said" is part of the one statement that writes an answer.
CREATE TABLE conversations (
    id              uuid PRIMARY KEY,
    channel         text NOT NULL DEFAULT 'web',
    market          text NOT NULL,
    locale          text NOT NULL,
    audience        text NOT NULL CHECK (audience IN ('consumer', 'merchant')),
    customer        jsonb NOT NULL DEFAULT '{}',          -- id, name, e-mail, whether verified
    owner           text NOT NULL DEFAULT 'assistant' CHECK (owner IN ('assistant', 'queue', 'agent')),
    owner_epoch     bigint NOT NULL DEFAULT 0,            -- one more at every change of owner
    agent_id        uuid REFERENCES agents,
    status          text NOT NULL DEFAULT 'open' CHECK (status IN ('open', 'closed')),
    last_seq        bigint NOT NULL DEFAULT 0,            -- of messages and events together
    customer_seq    bigint NOT NULL DEFAULT 0,            -- the customer's newest message
    fence_seq       bigint NOT NULL DEFAULT 0,            -- what lies before it no longer counts towards a handoff
    turn_id         uuid,                                 -- the live turn
    turn_attempt    integer NOT NULL DEFAULT 0,           -- of the live turn; a process that was taken over from has an older one
    turn_spoken     boolean NOT NULL DEFAULT false,       -- the live turn has shown text
    next_turn_id    uuid,                                 -- waits for the live turn to end
    superseded_turn uuid,                                 -- set by the statement that replaced a turn, for its own use
    idempotency_key bytea UNIQUE,                         -- hash of the creating request's key
    instruction     text NOT NULL DEFAULT '',             -- an agent's, for the assistant, on giving back
    created_at      timestamptz NOT NULL DEFAULT now(),
    updated_at      timestamptz NOT NULL DEFAULT now(),
    CHECK ((owner = 'agent') = (agent_id IS NOT NULL)),
    CHECK (owner = 'assistant' OR (turn_id IS NULL AND next_turn_id IS NULL)),
    CHECK (next_turn_id IS NULL OR turn_id IS NOT NULL)
) WITH (fillfactor = 70);                                 -- room for updates that touch no index

-- Messages are events too: the log of a conversation is messages and events by their shared number.
CREATE TABLE messages (
    id              uuid PRIMARY KEY,
    conversation_id uuid NOT NULL REFERENCES conversations ON DELETE CASCADE,
    seq             bigint NOT NULL,
    author          text NOT NULL CHECK (author IN ('customer', 'assistant', 'agent', 'system')),
    agent_id        uuid REFERENCES agents,
    body            text NOT NULL,
    citations       jsonb,
    attachments     jsonb,
    client_id       text,
    visibility      text NOT NULL DEFAULT 'public' CHECK (visibility IN ('public', 'internal')),
    turn_id         uuid,
    helpful         boolean,                              -- the customer's verdict
    created_at      timestamptz NOT NULL DEFAULT now(),
    UNIQUE (conversation_id, seq),
    CHECK ((author = 'agent') = (agent_id IS NOT NULL)),
    CHECK (visibility = 'public' OR author IN ('agent', 'system'))
);
-- Sent again with the same client id, stored once.
CREATE UNIQUE INDEX messages_client ON messages (conversation_id, author, client_id) WHERE client_id IS NOT NULL;

CREATE TABLE events (
    conversation_id uuid NOT NULL REFERENCES conversations ON DELETE CASCADE,
    seq             bigint NOT NULL,
    kind            text NOT NULL,
    data            jsonb NOT NULL,
    internal        boolean NOT NULL DEFAULT false,       -- not for customers
    created_at      timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (conversation_id, seq)
);

CREATE TABLE turns (
    id              uuid PRIMARY KEY,
    conversation_id uuid NOT NULL REFERENCES conversations ON DELETE CASCADE,
    from_seq        bigint NOT NULL,
    to_seq          bigint NOT NULL,
    state           text NOT NULL CHECK (state IN ('waiting', 'running', 'done')),
    outcome         text CHECK (outcome IN ('answered', 'clarified', 'offered_human', 'handed_off', 'superseded', 'cancelled')),
    reason          text,
    attempt         integer NOT NULL DEFAULT 1,
    lease_owner     uuid,
    lease_until     timestamptz,
    epoch           bigint NOT NULL,
    decision        jsonb,                                -- everything that the decision was made from
    timings         jsonb,                                -- milliseconds by stage
    model           text,
    prompt_tokens   integer,
    completion_tokens integer,
    cost            numeric(12, 6),
    created_at      timestamptz NOT NULL DEFAULT now(),
    ended_at        timestamptz,
    CHECK ((state = 'done') = (outcome IS NOT NULL)),
    CHECK ((state = 'running') = (lease_owner IS NOT NULL))
) WITH (fillfactor = 80);
-- One live and one waiting turn at most. The first also fails a statement that waited for the conversation's row and
-- therefore saw an older state of its turns; the program then runs that statement again.
CREATE UNIQUE INDEX turns_running ON turns (conversation_id) WHERE state = 'running';
CREATE UNIQUE INDEX turns_waiting ON turns (conversation_id) WHERE state = 'waiting';
-- For the sweeper, which looks for leases that ended.
CREATE INDEX turns_lease ON turns (lease_until) WHERE state = 'running';
CREATE INDEX turns_conversation ON turns (conversation_id, from_seq);

-- ---------------------------------------------------------------------------------------------------------------------
-- Handoffs

CREATE TABLE handoffs (
    id              uuid PRIMARY KEY,
    conversation_id uuid NOT NULL REFERENCES conversations ON DELETE CASCADE,
    turn_id         uuid REFERENCES turns ON DELETE SET NULL,
    reason          text NOT NULL CHECK (reason IN ('customer_request', 'priority_topic', 'low_confidence', 'no_article',
                        'conflicting_articles', 'stuck', 'vulnerability', 'complaint_or_legal', 'needs_account_action',
                        'model_unavailable', 'retrieval_failed', 'agent_pulled')),
    explanation     text NOT NULL,                        -- one sentence for the agent
    topic           text,
    priority        integer NOT NULL CHECK (priority BETWEEN 1 AND 4),
    team            text NOT NULL REFERENCES teams,
    language        text NOT NULL,
    market          text NOT NULL,
    state           text NOT NULL CHECK (state IN ('queued', 'offered', 'accepted', 'asynchronous', 'resolved', 'returned_to_assistant')),
    agent_id        uuid REFERENCES agents,
    package         jsonb NOT NULL,
    summary         text NOT NULL,                        -- the customer can correct it
    offers          integer NOT NULL DEFAULT 0,           -- made so far in this team
    queued_at       timestamptz NOT NULL DEFAULT now(),   -- kept through transfers: the place in the queue is the customer's
    due_at          timestamptz,                          -- first human answer is due
    accepted_at     timestamptz,
    first_reply_at  timestamptz,
    ended_at        timestamptz,
    CHECK ((state IN ('offered', 'accepted')) <= (agent_id IS NOT NULL)),
    CHECK (state NOT IN ('queued', 'asynchronous') OR agent_id IS NULL),
    CHECK ((state IN ('resolved', 'returned_to_assistant')) = (ended_at IS NOT NULL))
);
-- A conversation waits in one place only.
CREATE UNIQUE INDEX handoffs_open ON handoffs (conversation_id) WHERE ended_at IS NULL;
-- The queue's order: most urgent, then oldest.
CREATE INDEX handoffs_queue ON handoffs (priority, queued_at) WHERE state IN ('queued', 'asynchronous');
CREATE INDEX handoffs_agent ON handoffs (agent_id) WHERE ended_at IS NULL;
-- For waits and handling times.
CREATE INDEX handoffs_team ON handoffs (team, accepted_at);

CREATE TABLE offers (
    id         uuid PRIMARY KEY,
    handoff_id uuid NOT NULL REFERENCES handoffs ON DELETE CASCADE,
    agent_id   uuid NOT NULL REFERENCES agents ON DELETE CASCADE,
    made_at    timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL,
    outcome    text NOT NULL DEFAULT 'open' CHECK (outcome IN ('open', 'accepted', 'declined', 'lapsed', 'withdrawn'))
);
-- One offer at a time for a handoff.
CREATE UNIQUE INDEX offers_open ON offers (handoff_id) WHERE outcome = 'open';
CREATE INDEX offers_expiry ON offers (expires_at) WHERE outcome = 'open';
CREATE INDEX offers_agent ON offers (agent_id, outcome);

-- Full text over all messages, for agents; no language's stemming, because conversations mix them.
CREATE INDEX messages_words ON messages USING gin (to_tsvector('simple', body));
