-- A wait is estimated from a team's latest ends and arrivals. However many handoffs a desk has behind it, these touch only
-- the rows that they ask for: without an index in their order they read every handoff of the last hours.
CREATE INDEX handoffs_ends ON handoffs (team, ended_at DESC) WHERE accepted_at IS NOT NULL AND ended_at IS NOT NULL;
CREATE INDEX handoffs_arrivals ON handoffs (team, priority, queued_at DESC) WHERE reason <> 'agent_pulled';
