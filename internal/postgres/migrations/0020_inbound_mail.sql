-- E-mail that came in, each once: what became of it, and for agents what was cut from it. Addresses are kept as hashes and
-- by their domain only.
CREATE TABLE inbound_mail (
    id uuid PRIMARY KEY, message_hash bytea NOT NULL UNIQUE,             -- SHA-256 of the Message-ID, the sender and the recipient
    conversation_id uuid REFERENCES conversations ON DELETE CASCADE, message_id uuid, -- what it became; no reference, it may be a note
    sender_hash bytea NOT NULL, sender_domain text NOT NULL DEFAULT '', recipient text NOT NULL DEFAULT '', size integer NOT NULL DEFAULT 0,
    verdict text NOT NULL CHECK (verdict IN ('taken', 'started', 'noted', 'refused', 'ignored')), reason text NOT NULL DEFAULT '',
    original text,                                                       -- for agents, where something was cut from it
    received_at timestamptz NOT NULL DEFAULT now());
CREATE INDEX inbound_mail_received ON inbound_mail (received_at);
CREATE INDEX inbound_mail_conversation ON inbound_mail (conversation_id);
CREATE TABLE mail_senders (address_hash bytea NOT NULL, hour timestamptz NOT NULL, n integer NOT NULL DEFAULT 0, PRIMARY KEY (address_hash, hour));

-- Conversations that are held by e-mail: where answers go, and how far they went.
CREATE TABLE mail_threads (
    conversation_id uuid PRIMARY KEY REFERENCES conversations ON DELETE CASCADE,
    address text NOT NULL, subject text NOT NULL DEFAULT '',
    answers text NOT NULL DEFAULT '',                                    -- Message-ID of the customer's latest mail
    told_seq bigint NOT NULL DEFAULT 0,                                  -- everything up to here was sent or is the customer's own
    upto_seq bigint NOT NULL DEFAULT 0,                                  -- what is being sent goes up to here, also when it is sent again
    attempts integer NOT NULL DEFAULT 0, next_at timestamptz NOT NULL DEFAULT now(), lease_until timestamptz, error text NOT NULL DEFAULT '',
    written_at timestamptz NOT NULL DEFAULT now());                      -- when the customer last wrote
CREATE INDEX mail_threads_written ON mail_threads (written_at);
