-- What the assistant may answer by: certificates made from labelled questions (the newest counts, where it still fits
-- what runs), and the topic group of each collection of articles, because how much a wrong answer costs depends on what
-- is quoted, too.
CREATE TABLE certificates (
	id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	made_at timestamptz NOT NULL,
	data    jsonb NOT NULL
);

CREATE TABLE shelves (
	collection  text PRIMARY KEY,
	topic_group text NOT NULL CHECK (topic_group IN ('money', 'normal', 'howto'))
);
