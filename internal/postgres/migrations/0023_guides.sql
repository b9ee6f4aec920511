-- Where a customer is in a guide stands in the decision of the last turn that said a step of it. The next turn finds that one
-- without reading the conversation's other turns; those that say no step are not in this index.
CREATE INDEX turns_guide ON turns (conversation_id, from_seq) WHERE reason = 'guide_step';
