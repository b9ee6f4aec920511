-- What leads ask of the past.
-- Whether a matter came again, and everything else that is asked by conversation, also of handoffs that have ended.
CREATE INDEX handoffs_conversation ON handoffs (conversation_id, queued_at);
CREATE INDEX ratings_handoff ON ratings (handoff_id) WHERE handoff_id IS NOT NULL;
CREATE INDEX conversations_created ON conversations (created_at);
CREATE INDEX presence_spans_began ON presence_spans (began_at);
CREATE INDEX offers_made ON offers (made_at);
