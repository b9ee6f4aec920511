-- How each agent likes the desk: which key does what, sounds, how long a reply is held. A small object, bounded here too, because it is read with every start of the page.
CREATE TABLE preferences (
    agent_id uuid PRIMARY KEY REFERENCES agents ON DELETE CASCADE,
    chosen jsonb NOT NULL CHECK (jsonb_typeof(chosen) = 'object' AND pg_column_size(chosen) <= 16384),
    updated_at timestamptz NOT NULL DEFAULT now());
