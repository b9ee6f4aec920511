-- How customers ask for an article, by language: words that the article itself does not use. Search reads them, people
-- do not; an article that is not translated is found through them in the languages that it has questions in.
ALTER TABLE article_versions ADD COLUMN questions jsonb NOT NULL DEFAULT '{}';
