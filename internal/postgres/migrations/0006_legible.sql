-- What decides who may read a passage stands beside it, so that a search looks in one place for each candidate. These are
-- copies: triggers make them with the passage and keep them equal to the article and its version in every transaction, so
-- that nobody who writes has to think of them.
ALTER TABLE passages
    ADD COLUMN article_id  uuid,
    ADD COLUMN live        boolean,                       -- the version is published
    ADD COLUMN ai_excluded boolean,
    ADD COLUMN valid_from  timestamptz,
    ADD COLUMN valid_to    timestamptz,
    ADD COLUMN locale      text,
    ADD COLUMN audience    text,
    ADD COLUMN markets     text[];
UPDATE passages p SET article_id = a.id, live = v.state = 'published', ai_excluded = a.ai_excluded, valid_from = v.valid_from,
    valid_to = v.valid_to, locale = v.locale, audience = a.audience, markets = a.markets
FROM article_versions v JOIN articles a ON a.id = v.article_id WHERE v.id = p.version_id;
ALTER TABLE passages
    ALTER COLUMN article_id SET NOT NULL, ALTER COLUMN live SET NOT NULL, ALTER COLUMN ai_excluded SET NOT NULL,
    ALTER COLUMN locale SET NOT NULL, ALTER COLUMN audience SET NOT NULL, ALTER COLUMN markets SET NOT NULL;

CREATE FUNCTION passage_scope() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- FOR SHARE: a change of the article that is under way is waited for, not missed.
    SELECT a.id, v.state = 'published', a.ai_excluded, v.valid_from, v.valid_to, v.locale, a.audience, a.markets
    INTO NEW.article_id, NEW.live, NEW.ai_excluded, NEW.valid_from, NEW.valid_to, NEW.locale, NEW.audience, NEW.markets
    FROM article_versions v JOIN articles a ON a.id = v.article_id WHERE v.id = NEW.version_id FOR SHARE;
    RETURN NEW;
END $$;
CREATE TRIGGER passages_scope BEFORE INSERT OR UPDATE OF version_id ON passages FOR EACH ROW EXECUTE FUNCTION passage_scope();

CREATE FUNCTION version_scope() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE passages SET live = NEW.state = 'published', valid_from = NEW.valid_from, valid_to = NEW.valid_to, locale = NEW.locale
    WHERE version_id = NEW.id;
    RETURN NULL;
END $$;
CREATE TRIGGER article_versions_scope AFTER UPDATE OF state, valid_from, valid_to, locale ON article_versions FOR EACH ROW
    WHEN ((OLD.state, OLD.valid_from, OLD.valid_to, OLD.locale) IS DISTINCT FROM (NEW.state, NEW.valid_from, NEW.valid_to, NEW.locale))
    EXECUTE FUNCTION version_scope();

CREATE FUNCTION article_scope() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE passages p SET ai_excluded = NEW.ai_excluded, audience = NEW.audience, markets = NEW.markets
    FROM article_versions v WHERE v.article_id = NEW.id AND p.version_id = v.id;
    RETURN NULL;
END $$;
CREATE TRIGGER articles_scope AFTER UPDATE OF ai_excluded, audience, markets ON articles FOR EACH ROW
    WHEN ((OLD.ai_excluded, OLD.audience, OLD.markets) IS DISTINCT FROM (NEW.ai_excluded, NEW.audience, NEW.markets))
    EXECUTE FUNCTION article_scope();
