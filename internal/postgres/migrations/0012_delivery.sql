-- What other desks send is written down before it is acknowledged, and done afterwards, once each and in order.
CREATE TABLE inbound_events (
    id uuid PRIMARY KEY, connection_id uuid NOT NULL REFERENCES connections ON DELETE CASCADE,
    external_id text NOT NULL,                                         -- the desk's own id of the event; sent twice, it is stored once
    external_conversation text NOT NULL, kind text NOT NULL CHECK (kind IN ('reply', 'note', 'resolved', 'returned')),
    author text NOT NULL DEFAULT '', body text NOT NULL DEFAULT '', happened_at timestamptz NOT NULL,
    state text NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'done', 'ignored', 'dead')), attempts integer NOT NULL DEFAULT 0,
    next_at timestamptz NOT NULL DEFAULT now(), lease_until timestamptz, error text NOT NULL DEFAULT '',
    received_at timestamptz NOT NULL DEFAULT now(), done_at timestamptz, UNIQUE (connection_id, external_id));
CREATE INDEX inbound_events_due ON inbound_events (next_at) WHERE state = 'pending';
CREATE INDEX inbound_events_before ON inbound_events (connection_id, external_conversation, id) WHERE state = 'pending';

-- Answers by e-mail to customers go to no webhook and no connection.
ALTER TABLE deliveries DROP CONSTRAINT deliveries_check;
ALTER TABLE deliveries ADD CONSTRAINT deliveries_target CHECK ((webhook_id IS NOT NULL)::int + (connection_id IS NOT NULL)::int = (kind <> 'answer.created')::int);
-- One conversation's deliveries to a desk go out in the order of the log: the next one is looked for behind what is not done.
CREATE INDEX deliveries_before ON deliveries (connection_id, conversation_id, seq) WHERE state IN ('pending', 'dead') AND connection_id IS NOT NULL;
-- The handoffs that still have something to deliver; the number is that of a log which was read to its end.
CREATE INDEX handoffs_out ON handoffs (queued_at) WHERE out_seq < 9223372036854775807;
