-- The desk. Skills (agents.languages, agents.markets), lapse counts (agents.lapses), hours and holidays (teams.hours), notes
-- (messages.visibility) and the index messages_words are there since 0001. Only additions: a program of 0009 still works on it.
ALTER TABLE teams ADD COLUMN rules jsonb NOT NULL DEFAULT '{}';        -- see handoff.Rules: offer, patience, weights, clocks; {} = defaults
CREATE TABLE closures (                                                -- announced, over the hours; also for a team that is always open
    id uuid PRIMARY KEY, team text REFERENCES teams ON DELETE CASCADE, -- NULL: every team
    market text, starts_at timestamptz NOT NULL, ends_at timestamptz NOT NULL CHECK (ends_at > starts_at),   -- market NULL: every market
    note jsonb NOT NULL DEFAULT '{}', made_by uuid REFERENCES agents, created_at timestamptz NOT NULL DEFAULT now()); -- note: by locale
CREATE INDEX closures_end ON closures (ends_at);

ALTER TABLE handoffs
    ADD COLUMN weight smallint NOT NULL DEFAULT 1 CHECK (weight BETWEEN 0 AND 100), -- of the agent's capacity
    ADD COLUMN boost integer NOT NULL DEFAULT 0,                       -- seconds moved ahead: taken back from an agent who is gone
    ADD COLUMN wanted_agent uuid REFERENCES agents,                    -- assigned, or handed over warmly: only they are offered it ...
    ADD COLUMN wanted_until timestamptz,                               -- ... until then
    ADD COLUMN from_agent uuid REFERENCES agents,                      -- who had it last
    ADD COLUMN snoozed_until timestamptz,                              -- counts nothing towards capacity until then ...
    ADD COLUMN snoozed_seq bigint,                                     -- ... or until the customer writes behind this number
    ADD COLUMN alerted_at timestamptz,                                 -- supervisors were told that nobody is left
    ADD COLUMN intake jsonb, ADD COLUMN intake_at timestamptz,         -- asked once; what was given
    ADD COLUMN summary_by text NOT NULL DEFAULT 'record' CHECK (summary_by IN ('record', 'model', 'customer')),
    ADD COLUMN out_seq bigint NOT NULL DEFAULT 0,                      -- the log up to here has its deliveries
    ADD CHECK ((snoozed_until IS NULL) = (snoozed_seq IS NULL)), ADD CHECK (snoozed_until IS NULL OR state = 'accepted');
-- The queue's order. Ageing in a straight line never changes who of two comes first, so the order is a number that is stored once:
-- the time of queueing, later by what a lower priority has to wait longer. P1 does not age against the others: it is before all.
ALTER TABLE handoffs ADD COLUMN rank double precision NOT NULL GENERATED ALWAYS AS (
    extract(epoch FROM queued_at - timestamptz '2020-01-01 00:00:00+00')::float8 - boost
    + CASE priority WHEN 1 THEN -1e10 WHEN 2 THEN 0 WHEN 3 THEN 1800 ELSE 7200 END) STORED;
CREATE INDEX handoffs_rank ON handoffs (team, rank, id) WHERE state IN ('queued', 'offered', 'asynchronous');
CREATE INDEX handoffs_snoozed ON handoffs (snoozed_until) WHERE snoozed_until IS NOT NULL;
CREATE INDEX handoffs_queued_at ON handoffs (queued_at);               -- analytics by day
CREATE INDEX handoffs_words ON handoffs USING gin (to_tsvector('simple', summary));
CREATE INDEX conversations_words ON conversations USING gin (to_tsvector('simple', COALESCE(customer->>'name', '') || ' ' || COALESCE(customer->>'email', '')));
CREATE INDEX conversations_person ON conversations ((customer->>'id'), created_at) WHERE customer ? 'id';
ALTER TABLE offers ADD COLUMN ended_at timestamptz;                    -- when the outcome became known

-- Every step of a handoff, written by the database itself, with who did it (SET LOCAL firstline.actor) for analytics and the proof.
CREATE TABLE handoff_steps (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, handoff_id uuid NOT NULL REFERENCES handoffs ON DELETE CASCADE,
    at timestamptz NOT NULL DEFAULT clock_timestamp(), state text NOT NULL, team text NOT NULL, priority integer NOT NULL, agent_id uuid,
        actor text NOT NULL);
CREATE INDEX handoff_steps_handoff ON handoff_steps (handoff_id, id);
CREATE INDEX handoff_steps_at ON handoff_steps (at);
CREATE FUNCTION handoff_step() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND OLD.ended_at IS NOT NULL AND NEW.ended_at IS NULL THEN
        RAISE EXCEPTION 'handoff % has ended', NEW.id USING ERRCODE = 'check_violation';
    END IF;
    INSERT INTO handoff_steps (handoff_id, state, team, priority, agent_id, actor)
    VALUES (NEW.id, NEW.state, NEW.team, NEW.priority, NEW.agent_id, COALESCE(NULLIF(current_setting('firstline.actor', true), ''), 'router'));
    RETURN NULL;
END $$;
CREATE TRIGGER handoffs_step_made AFTER INSERT ON handoffs FOR EACH ROW EXECUTE FUNCTION handoff_step();
CREATE TRIGGER handoffs_step AFTER UPDATE OF state, team, priority, agent_id ON handoffs FOR EACH ROW
    WHEN ((OLD.state, OLD.team, OLD.priority, OLD.agent_id) IS DISTINCT FROM (NEW.state, NEW.team, NEW.priority, NEW.agent_id)) EXECUTE FUNCTION handoff_step();

-- Clocks run in the database: whoever looks first after the time warns or escalates. handoffs.due_at stays the first answer's.
CREATE TABLE sla_clocks (
    handoff_id uuid NOT NULL REFERENCES handoffs ON DELETE CASCADE, kind text NOT NULL CHECK (kind IN ('first_reply', 'next_reply', 'resolve')),
    counts text NOT NULL CHECK (counts IN ('business', 'wall')), target_seconds integer NOT NULL CHECK (target_seconds > 0),
    started_at timestamptz NOT NULL, warn_at timestamptz NOT NULL, due_at timestamptz NOT NULL,
    warned_at timestamptz, breached_at timestamptz, stopped_at timestamptz, PRIMARY KEY (handoff_id, kind));
CREATE INDEX sla_clocks_warn ON sla_clocks (warn_at) WHERE stopped_at IS NULL AND warned_at IS NULL;
CREATE INDEX sla_clocks_due ON sla_clocks (due_at) WHERE stopped_at IS NULL AND breached_at IS NULL;
INSERT INTO sla_clocks (handoff_id, kind, counts, target_seconds, started_at, warn_at, due_at)
    SELECT id, 'first_reply', 'wall', greatest(1, extract(epoch FROM due_at - queued_at)::int), queued_at, due_at, due_at
    FROM handoffs WHERE ended_at IS NULL AND first_reply_at IS NULL AND due_at IS NOT NULL;
CREATE TABLE alerts (                                                  -- for supervisors' boards
    id uuid PRIMARY KEY, kind text NOT NULL CHECK (kind IN ('sla_warning', 'sla_breach', 'nobody_left', 'agent_gone', 'delivery_dead')),
    team text REFERENCES teams ON DELETE CASCADE, handoff_id uuid REFERENCES handoffs ON DELETE CASCADE, subject text NOT NULL DEFAULT '',
    detail jsonb NOT NULL DEFAULT '{}', made_at timestamptz NOT NULL DEFAULT now(), seen_by uuid REFERENCES agents, seen_at timestamptz);
CREATE INDEX alerts_handoff ON alerts (handoff_id);                   -- for the cascade
CREATE UNIQUE INDEX alerts_once ON alerts (kind, subject) WHERE seen_at IS NULL;  -- subject: what it is about, such as handoff and clock
CREATE TABLE wait_samples (                                            -- what was shown, and how long it was: the estimate corrects itself by these
    handoff_id uuid PRIMARY KEY REFERENCES handoffs ON DELETE CASCADE, team text NOT NULL, made_at timestamptz NOT NULL DEFAULT now(),
    position integer NOT NULL,
    base_seconds real, low_seconds integer, high_seconds integer, waited_seconds real);    -- base, low and high NULL: "unknown" was shown
CREATE INDEX wait_samples_team ON wait_samples (team, made_at) WHERE waited_seconds IS NOT NULL;

-- Working in a conversation
ALTER TABLE conversations ADD COLUMN customer_read bigint NOT NULL DEFAULT 0, ADD COLUMN agent_read bigint NOT NULL DEFAULT 0;
CREATE TABLE reads (conversation_id uuid REFERENCES conversations ON DELETE CASCADE, agent_id uuid REFERENCES agents ON DELETE CASCADE,
    seq bigint NOT NULL, at timestamptz NOT NULL DEFAULT now(), PRIMARY KEY (conversation_id, agent_id));
CREATE UNLOGGED TABLE viewers (conversation_id uuid NOT NULL, agent_id uuid NOT NULL, writing boolean NOT NULL, until timestamptz NOT NULL,
    PRIMARY KEY (conversation_id, agent_id));
CREATE TABLE mentions (message_id uuid REFERENCES messages ON DELETE CASCADE, agent_id uuid REFERENCES agents ON DELETE CASCADE,
    conversation_id uuid NOT NULL REFERENCES conversations ON DELETE CASCADE, seen_at timestamptz, PRIMARY KEY (message_id, agent_id));
CREATE INDEX mentions_unseen ON mentions (agent_id) WHERE seen_at IS NULL;
CREATE TABLE attachments (                                             -- type by content; shown only with the conversation's token or by its agents
    id uuid PRIMARY KEY, conversation_id uuid NOT NULL REFERENCES conversations ON DELETE CASCADE,
    message_id uuid REFERENCES messages ON DELETE CASCADE,
    author text NOT NULL CHECK (author IN ('customer', 'agent')), name text NOT NULL, media_type text NOT NULL,
    size integer NOT NULL CHECK (size BETWEEN 1 AND 10485760), sha256 bytea NOT NULL, data bytea NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now());
ALTER TABLE attachments ALTER COLUMN data SET STORAGE EXTERNAL;        -- pictures do not compress
CREATE INDEX attachments_conversation ON attachments (conversation_id);
CREATE INDEX attachments_message ON attachments (message_id);          -- for the message and for the cascade
-- agent NULL: everyone's
CREATE TABLE views (id uuid PRIMARY KEY, agent_id uuid REFERENCES agents ON DELETE CASCADE, name text NOT NULL, filter jsonb NOT NULL,
    position integer NOT NULL DEFAULT 0);
CREATE TABLE macros (
    id uuid PRIMARY KEY, team text REFERENCES teams ON DELETE CASCADE, agent_id uuid REFERENCES agents ON DELETE CASCADE, name text NOT NULL,
    shortcut text NOT NULL CHECK (shortcut ~ '^[a-z0-9-]+$'), body jsonb NOT NULL, actions jsonb NOT NULL DEFAULT '[]',
    uses integer NOT NULL DEFAULT 0,
    updated_at timestamptz NOT NULL DEFAULT now(), UNIQUE NULLS NOT DISTINCT (team, agent_id, shortcut));   -- body: by locale
CREATE TABLE drafts (                                                  -- the copilot's, and what became of them
    id uuid PRIMARY KEY, conversation_id uuid NOT NULL REFERENCES conversations ON DELETE CASCADE,
    agent_id uuid NOT NULL REFERENCES agents, seq bigint NOT NULL,
    body text NOT NULL, citations jsonb NOT NULL DEFAULT '[]', model text, took_ms real, outcome text NOT NULL DEFAULT 'open'
        CHECK (outcome IN ('open', 'inserted', 'edited', 'discarded')), kept real, message_id uuid REFERENCES messages,
    created_at timestamptz NOT NULL DEFAULT now(), decided_at timestamptz);
CREATE INDEX drafts_conversation ON drafts (conversation_id);
CREATE TABLE translations (message_id uuid REFERENCES messages ON DELETE CASCADE, locale text, body text NOT NULL, model text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(), PRIMARY KEY (message_id, locale));
CREATE TABLE article_drafts (                                          -- "save as article draft": for editors; no version of an article yet
    id uuid PRIMARY KEY, conversation_id uuid REFERENCES conversations ON DELETE SET NULL, agent_id uuid NOT NULL REFERENCES agents,
    locale text NOT NULL,
    market text NOT NULL, audience text NOT NULL, title text NOT NULL, markdown text NOT NULL,
    state text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'taken', 'dropped')),
    created_at timestamptz NOT NULL DEFAULT now());
CREATE TABLE handoff_verdicts (handoff_id uuid REFERENCES handoffs ON DELETE CASCADE, agent_id uuid REFERENCES agents ON DELETE CASCADE,
    verdict text NOT NULL CHECK (verdict IN ('right', 'too_early', 'too_late', 'wrong_team')), team text REFERENCES teams,
    at timestamptz NOT NULL DEFAULT now(), PRIMARY KEY (handoff_id, agent_id));
CREATE TABLE ratings (                                                 -- beside the rating event, for analytics; the newest counts
    id uuid PRIMARY KEY, conversation_id uuid NOT NULL REFERENCES conversations ON DELETE CASCADE,
    handoff_id uuid REFERENCES handoffs ON DELETE CASCADE,
    agent_id uuid REFERENCES agents, score smallint NOT NULL CHECK (score BETWEEN 1 AND 5), comment text NOT NULL DEFAULT '',
    at timestamptz NOT NULL DEFAULT now(),
    UNIQUE NULLS NOT DISTINCT (conversation_id, handoff_id));

-- People
ALTER TABLE agents ADD COLUMN password_hash text, ADD COLUMN password_at timestamptz, ADD COLUMN disabled_at timestamptz,
    ADD COLUMN settings jsonb NOT NULL DEFAULT '{}', ADD COLUMN presence_at timestamptz NOT NULL DEFAULT now();     -- settings: keys, sound
ALTER TABLE credentials ADD COLUMN id uuid NOT NULL DEFAULT gen_random_uuid() UNIQUE,
    ADD COLUMN via text NOT NULL DEFAULT 'link' CHECK (via IN ('link', 'password', 'oidc', 'command')),
    ADD COLUMN device text NOT NULL DEFAULT '', ADD COLUMN address text NOT NULL DEFAULT '', ADD COLUMN seen_at timestamptz;
UPDATE credentials SET via = 'command' WHERE kind <> 'session';
CREATE TABLE identities (issuer text, subject text, agent_id uuid NOT NULL REFERENCES agents ON DELETE CASCADE,
    at timestamptz NOT NULL DEFAULT now(), PRIMARY KEY (issuer, subject));
CREATE TABLE oidc_logins (state bytea PRIMARY KEY, nonce text NOT NULL, verifier text NOT NULL, go_to text NOT NULL DEFAULT '',
    expires_at timestamptz NOT NULL);
-- SHA-256 of the address typed, or of the network
CREATE TABLE sign_in_failures (key bytea PRIMARY KEY, failures integer NOT NULL, blocked_until timestamptz NOT NULL,
    at timestamptz NOT NULL DEFAULT now());
CREATE TABLE presence_spans (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    agent_id uuid NOT NULL REFERENCES agents ON DELETE CASCADE, state text NOT NULL, began_at timestamptz NOT NULL, ended_at timestamptz);
CREATE UNIQUE INDEX presence_spans_open ON presence_spans (agent_id) WHERE ended_at IS NULL;
CREATE INDEX audit_subject ON audit (subject, id);
CREATE INDEX audit_at ON audit (at);

-- Delivery outside. The log is the outbox: handoffs.out_seq says how far it has been turned into deliveries.
CREATE TABLE webhooks (id uuid PRIMARY KEY, url text NOT NULL, description text NOT NULL DEFAULT '', kinds text[] NOT NULL DEFAULT '{}',
    secret text NOT NULL, former_secret text,
    former_until timestamptz, disabled_at timestamptz, created_at timestamptz NOT NULL DEFAULT now());              -- kinds {}: every kind
CREATE TABLE connections (id uuid PRIMARY KEY, kind text NOT NULL CHECK (kind IN ('zendesk', 'intercom', 'chatwoot', 'slack', 'email')),
    name text NOT NULL,
    -- teams {}: every team
    config jsonb NOT NULL, secret text NOT NULL, teams text[] NOT NULL DEFAULT '{}', disabled_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT now());
CREATE TABLE deliveries (
    id uuid PRIMARY KEY, webhook_id uuid REFERENCES webhooks ON DELETE CASCADE, connection_id uuid REFERENCES connections ON DELETE CASCADE,
    handoff_id uuid REFERENCES handoffs ON DELETE CASCADE, conversation_id uuid NOT NULL REFERENCES conversations ON DELETE CASCADE,
    seq bigint NOT NULL, kind text NOT NULL, payload jsonb NOT NULL,
    state text NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'done', 'dead', 'dropped')), attempts integer NOT NULL DEFAULT 0,
    next_at timestamptz NOT NULL DEFAULT now(),
    lease_until timestamptz, status integer, error text NOT NULL DEFAULT '', created_at timestamptz NOT NULL DEFAULT now(), done_at timestamptz,
    CHECK ((webhook_id IS NULL) <> (connection_id IS NULL)), UNIQUE NULLS NOT DISTINCT (webhook_id, connection_id, conversation_id, seq, kind));
CREATE INDEX deliveries_due ON deliveries (next_at) WHERE state = 'pending';
CREATE INDEX deliveries_conversation ON deliveries (conversation_id, seq); -- of one conversation in its order
CREATE INDEX deliveries_handoff ON deliveries (handoff_id);           -- for the cascade
CREATE INDEX deliveries_dead ON deliveries (created_at) WHERE state = 'dead';
CREATE TABLE delivery_attempts (delivery_id uuid REFERENCES deliveries ON DELETE CASCADE, n integer, at timestamptz NOT NULL DEFAULT now(),
    status integer, took_ms real NOT NULL, error text NOT NULL DEFAULT '', PRIMARY KEY (delivery_id, n));
CREATE TABLE external_links (connection_id uuid REFERENCES connections ON DELETE CASCADE,
    conversation_id uuid REFERENCES conversations ON DELETE CASCADE, external_id text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(), PRIMARY KEY (connection_id, conversation_id), UNIQUE (connection_id, external_id));
CREATE TABLE external_messages (connection_id uuid REFERENCES connections ON DELETE CASCADE, external_id text, inward boolean NOT NULL,
    message_id uuid, at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (connection_id, inward, external_id));                 -- what came or went once; also ids of events that are no messages
CREATE TABLE subscriptions (conversation_id uuid REFERENCES conversations ON DELETE CASCADE, kind text CHECK (kind IN ('email', 'push')),
    address text, data jsonb NOT NULL DEFAULT '{}',
    told_seq bigint NOT NULL DEFAULT 0, created_at timestamptz NOT NULL DEFAULT now(), PRIMARY KEY (conversation_id, kind, address));
