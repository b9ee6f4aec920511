-- Where a customer is in a troubleshooting guide.
CREATE TABLE guide_walks (
    conversation_id uuid PRIMARY KEY REFERENCES conversations ON DELETE CASCADE,
    article_id uuid NOT NULL REFERENCES articles ON DELETE CASCADE, version integer NOT NULL, locale text NOT NULL,
    step text NOT NULL, trail jsonb NOT NULL DEFAULT '[]',               -- what was answered at each step, in order
    state text NOT NULL DEFAULT 'active' CHECK (state IN ('active', 'done', 'left')),
    updated_seq bigint NOT NULL DEFAULT 0, updated_at timestamptz NOT NULL DEFAULT now());
CREATE INDEX guide_walks_article ON guide_walks (article_id);
