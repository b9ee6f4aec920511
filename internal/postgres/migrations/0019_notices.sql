-- What tells customers that somebody has answered while they were away.
ALTER TABLE subscriptions ADD COLUMN id uuid NOT NULL DEFAULT gen_random_uuid() UNIQUE, ADD COLUMN locale text NOT NULL DEFAULT '',
    ADD COLUMN confirmed_at timestamptz, ADD COLUMN unsubscribed_at timestamptz;
UPDATE subscriptions SET confirmed_at = created_at;
CREATE TABLE notices (                                                   -- one for each who is to be told of a conversation
    conversation_id uuid NOT NULL REFERENCES conversations ON DELETE CASCADE,
    subscription_id uuid NOT NULL REFERENCES subscriptions (id) ON DELETE CASCADE,
    upto_seq bigint NOT NULL, since timestamptz NOT NULL DEFAULT now(), due_at timestamptz NOT NULL,
    state text NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'done', 'dropped', 'dead')),
    attempts integer NOT NULL DEFAULT 0, lease_until timestamptz, error text NOT NULL DEFAULT '',
    PRIMARY KEY (conversation_id, subscription_id));
CREATE INDEX notices_due ON notices (due_at) WHERE state = 'pending';
CREATE INDEX notices_subscription ON notices (subscription_id);
CREATE TABLE chat_links (                                                -- links in e-mails: one use, one conversation; hash: SHA-256 of the secret
    hash bytea PRIMARY KEY, conversation_id uuid NOT NULL REFERENCES conversations ON DELETE CASCADE,
    expires_at timestamptz NOT NULL, used_at timestamptz);
CREATE INDEX chat_links_conversation ON chat_links (conversation_id);
CREATE INDEX chat_links_expires ON chat_links (expires_at);
