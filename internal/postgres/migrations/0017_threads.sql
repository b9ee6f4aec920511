-- What customers say about single messages, and answers that they stopped.
ALTER TABLE messages ADD COLUMN stopped boolean NOT NULL DEFAULT false,  -- the customer stopped it; what had been said stays
    ADD COLUMN helpful_reason text CHECK (helpful_reason IN ('wrong', 'outdated', 'unclear', 'not_my_question', 'other')),
    ADD COLUMN helpful_comment text NOT NULL DEFAULT '', ADD COLUMN helpful_at timestamptz;
ALTER TABLE ratings ADD COLUMN reasons text[] NOT NULL DEFAULT '{}';
