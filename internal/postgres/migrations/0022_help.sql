-- Whether articles helped, without who said so.
CREATE TABLE article_feedback (
    id uuid PRIMARY KEY, article_id uuid NOT NULL REFERENCES articles ON DELETE CASCADE, version integer NOT NULL, locale text NOT NULL,
    market text NOT NULL, helpful boolean NOT NULL,
    reason text CHECK (reason IN ('wrong', 'outdated', 'unclear', 'not_my_question', 'other')), comment text NOT NULL DEFAULT '',
    at timestamptz NOT NULL DEFAULT now());
CREATE INDEX article_feedback_article ON article_feedback (article_id, at);
