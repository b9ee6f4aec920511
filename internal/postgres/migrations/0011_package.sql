-- What the package needs beside 0010: the summary that the customer reads, where it is not the agents' own, and the lease of
-- whoever writes one with the model. A process that ends in between leaves a lease that ends by itself.
ALTER TABLE handoffs
    ADD COLUMN customer_summary text,                                  -- in the customer's language; NULL: the same as summary
    ADD COLUMN summary_tries smallint NOT NULL DEFAULT 0,
    ADD COLUMN summary_until timestamptz;                              -- being written until then
CREATE INDEX handoffs_unwritten ON handoffs (queued_at) WHERE ended_at IS NULL AND summary_by = 'record' AND summary_tries < 3;
-- Files that were sent and belong to no message are found by their age, to be deleted.
CREATE INDEX attachments_loose ON attachments (created_at) WHERE message_id IS NULL;
