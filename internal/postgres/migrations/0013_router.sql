-- What the router needs beside 0010.
ALTER TABLE handoffs
    ADD COLUMN owned_since timestamptz,                                -- since when agent_id has it; NULL when nobody does
    ADD COLUMN review_at timestamptz DEFAULT now() + interval '10 minutes'; -- the team's time is up then: somebody else is asked; NULL: nobody is left to ask
UPDATE handoffs SET owned_since = accepted_at WHERE state = 'accepted';
UPDATE handoffs SET review_at = team_since + interval '10 minutes';
CREATE INDEX handoffs_review ON handoffs (review_at) WHERE state = 'queued';
CREATE INDEX handoffs_wanted ON handoffs (wanted_agent) WHERE wanted_agent IS NOT NULL AND ended_at IS NULL;
CREATE INDEX offers_handoff ON offers (handoff_id);                    -- who has passed on it; also for the cascade
DROP INDEX handoffs_queue;                                             -- the queue's order is rank, by handoffs_rank

-- Presence is written in one column and known over time: since when, and every span.
CREATE FUNCTION presence_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.presence_at := clock_timestamp();
    UPDATE presence_spans SET ended_at = NEW.presence_at WHERE agent_id = NEW.id AND ended_at IS NULL;
    INSERT INTO presence_spans (agent_id, state, began_at) VALUES (NEW.id, NEW.presence, NEW.presence_at);
    RETURN NEW;
END $$;
CREATE TRIGGER agents_presence BEFORE UPDATE OF presence ON agents FOR EACH ROW
    WHEN (OLD.presence IS DISTINCT FROM NEW.presence) EXECUTE FUNCTION presence_changed();
