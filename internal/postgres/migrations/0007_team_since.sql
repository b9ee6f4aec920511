-- When the handoff came to its present team. A team's patience counts from here; queued_at is the customer's and is kept
-- through transfers.
ALTER TABLE handoffs ADD COLUMN team_since timestamptz NOT NULL DEFAULT now();
UPDATE handoffs SET team_since = queued_at;
