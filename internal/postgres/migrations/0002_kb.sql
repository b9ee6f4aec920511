-- A translation is reviewed on its own day: the date belongs to the version, not to the article.
ALTER TABLE article_versions ADD COLUMN review_on date;
UPDATE article_versions v SET review_on = a.review_on FROM articles a WHERE a.id = v.article_id;
ALTER TABLE articles DROP COLUMN review_on;
