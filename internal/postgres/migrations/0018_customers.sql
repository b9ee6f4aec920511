-- Customers whom the company's backend vouches for, and what they may ask for.
CREATE TABLE customers (
    id uuid PRIMARY KEY, subject text NOT NULL UNIQUE, name text NOT NULL DEFAULT '', email text NOT NULL DEFAULT '',
    created_at timestamptz NOT NULL DEFAULT now(), seen_at timestamptz NOT NULL DEFAULT now());
CREATE TABLE customer_sessions (                                         -- hash: SHA-256 of the secret
    hash bytea PRIMARY KEY, customer_id uuid NOT NULL REFERENCES customers ON DELETE CASCADE,
    created_at timestamptz NOT NULL DEFAULT now(), expires_at timestamptz NOT NULL);
CREATE INDEX customer_sessions_customer ON customer_sessions (customer_id);
CREATE INDEX customer_sessions_expires ON customer_sessions (expires_at);
CREATE TABLE identity_uses (                                             -- tokens that count once, by their jti; bound: what they were used for
    token_hash bytea PRIMARY KEY, bound text NOT NULL, expires_at timestamptz NOT NULL);
CREATE INDEX identity_uses_expires ON identity_uses (expires_at);
ALTER TABLE conversations ADD COLUMN customer_id uuid REFERENCES customers ON DELETE SET NULL,
    ADD COLUMN token_gen integer NOT NULL DEFAULT 0;                      -- rises when it is merged: tokens of before open nothing
CREATE INDEX conversations_customer ON conversations (customer_id) WHERE customer_id IS NOT NULL;
CREATE TABLE otp (                                                       -- one-time codes by e-mail
    id uuid PRIMARY KEY, conversation_id uuid NOT NULL REFERENCES conversations ON DELETE CASCADE, purpose text NOT NULL,
    address_hash bytea NOT NULL, code_hash bytea NOT NULL, tries smallint NOT NULL DEFAULT 0, used_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(), expires_at timestamptz NOT NULL);
CREATE INDEX otp_conversation ON otp (conversation_id);
CREATE INDEX otp_address ON otp (address_hash, created_at);
CREATE TABLE erasures (                                                  -- counts and a signed receipt, never what was erased
    id uuid PRIMARY KEY, customer_hash bytea NOT NULL, asked_at timestamptz NOT NULL DEFAULT now(), done_at timestamptz,
    counts jsonb NOT NULL DEFAULT '{}', receipt text NOT NULL DEFAULT '');
