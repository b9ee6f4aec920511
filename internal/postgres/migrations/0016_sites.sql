-- Pages of other origins that may show the chat.
CREATE TABLE sites (
    key text PRIMARY KEY CHECK (key ~ '^[a-z0-9-]{1,40}$'), name text NOT NULL,
    origins text[] NOT NULL DEFAULT '{}',                                -- exact: scheme, host and port
    theme jsonb NOT NULL DEFAULT '{}', locales text[] NOT NULL DEFAULT '{}',
    created_at timestamptz NOT NULL DEFAULT now(), disabled_at timestamptz);
ALTER TABLE conversations ADD COLUMN site text REFERENCES sites ON DELETE SET NULL,
    ADD COLUMN context jsonb NOT NULL DEFAULT '{}';                       -- what the page around the chat says, unverified
CREATE INDEX conversations_site ON conversations (site) WHERE site IS NOT NULL;
