-- The article from which a customer opened the chat: what a first short question leans on.
ALTER TABLE conversations ADD COLUMN article text NOT NULL DEFAULT '';

-- The position that the customer was told last, so that they are told when it changes and only then.
ALTER TABLE handoffs ADD COLUMN told_position integer NOT NULL DEFAULT 0;
