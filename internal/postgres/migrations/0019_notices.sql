-- What tells customers that somebody has answered while they were away.
ALTER TABLE subscriptions ADD COLUMN id uuid NOT NULL DEFAULT gen_random_uuid() UNIQUE,
    ADD COLUMN confirmed_at timestamptz, ADD COLUMN unsubscribed_at timestamptz;
UPDATE subscriptions SET confirmed_at = created_at;

CREATE TABLE notices (                                                   -- one for each who is to be told of a conversation
    conversation_id uuid NOT NULL REFERENCES conversations ON DELETE CASCADE,
    subscription_id uuid NOT NULL REFERENCES subscriptions (id) ON DELETE CASCADE,
    upto_seq bigint NOT NULL,                                            -- the latest message that is to be told of
    sending_seq bigint NOT NULL DEFAULT 0,                               -- what is being sent goes up to here, also when it is sent again
    since timestamptz NOT NULL DEFAULT now(), last_at timestamptz NOT NULL DEFAULT now(), -- the first and the latest of those messages
    state text NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'done', 'dropped', 'dead')),
    next_at timestamptz NOT NULL DEFAULT now(), attempts integer NOT NULL DEFAULT 0, lease_until timestamptz, error text NOT NULL DEFAULT '',
    PRIMARY KEY (conversation_id, subscription_id));
CREATE INDEX notices_pending ON notices (last_at) WHERE state = 'pending'; -- a few minutes' worth, looked through every few seconds
CREATE INDEX notices_subscription ON notices (subscription_id);

CREATE TABLE notice_mails (                                              -- how much an address was sent lately
    address_hash bytea NOT NULL, purpose text NOT NULL CHECK (purpose IN ('confirm', 'answer')), at timestamptz NOT NULL DEFAULT now());
CREATE INDEX notice_mails_address ON notice_mails (address_hash, at);
CREATE INDEX notice_mails_at ON notice_mails (at);

CREATE TABLE chat_links (                                                -- links into conversations: one use, one conversation; hash: SHA-256 of the secret
    hash bytea PRIMARY KEY, conversation_id uuid NOT NULL REFERENCES conversations ON DELETE CASCADE,
    expires_at timestamptz NOT NULL, used_at timestamptz);
CREATE INDEX chat_links_conversation ON chat_links (conversation_id);
CREATE INDEX chat_links_expires ON chat_links (expires_at);

-- A message that is not the customer's is due to whoever asked to be told, in the very statement that stores it: whatever
-- writes messages, and wherever its process ends, none is forgotten. The row of a subscription is locked, so that one which
-- is deleted at the same moment does not make the message fail.
CREATE FUNCTION notice_of_message() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO notices (conversation_id, subscription_id, upto_seq)
    SELECT NEW.conversation_id, u.id, NEW.seq FROM subscriptions u
    WHERE u.conversation_id = NEW.conversation_id AND u.confirmed_at IS NOT NULL AND u.unsubscribed_at IS NULL FOR KEY SHARE OF u
    ON CONFLICT (conversation_id, subscription_id) DO UPDATE SET upto_seq = EXCLUDED.upto_seq, last_at = now(), state = 'pending',
        since = CASE WHEN notices.state = 'pending' THEN notices.since ELSE now() END,
        next_at = CASE WHEN notices.state = 'pending' THEN notices.next_at ELSE now() END,
        attempts = CASE WHEN notices.state = 'pending' THEN notices.attempts ELSE 0 END;
    RETURN NULL;
END $$;
CREATE TRIGGER messages_notice AFTER INSERT ON messages FOR EACH ROW
    WHEN (NEW.visibility = 'public' AND NEW.author <> 'customer') EXECUTE FUNCTION notice_of_message();
