-- What customers were told, and what became of offers.
ALTER TABLE messages ADD COLUMN times jsonb;                 -- the moments that stand in the body, for readers in other time zones
ALTER TABLE handoffs ADD COLUMN told_open boolean;           -- whether the team was there when the customer was last told; NULL: they were told nothing
ALTER TABLE offers ADD COLUMN forgotten_at timestamptz;      -- since when it does not keep the agent from being asked again; what became of it stays
-- Who was told otherwise than it is now; looked at several times a second.
CREATE INDEX handoffs_told ON handoffs (team, told_open) WHERE state IN ('queued', 'offered', 'asynchronous');
