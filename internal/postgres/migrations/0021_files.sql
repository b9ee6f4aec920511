-- Files outside of the database, small pictures of pictures, and what a scanner said.
ALTER TABLE attachments ALTER COLUMN data DROP NOT NULL,
    ADD COLUMN store text NOT NULL DEFAULT 'db' CHECK (store IN ('db', 'disk', 's3')), ADD COLUMN key text NOT NULL DEFAULT '',
    ADD COLUMN thumb bytea, ADD COLUMN width integer, ADD COLUMN height integer,
    ADD COLUMN scan text NOT NULL DEFAULT 'none' CHECK (scan IN ('none', 'pending', 'clean', 'infected')), ADD COLUMN scanned_at timestamptz,
    ADD COLUMN scan_tries integer NOT NULL DEFAULT 0;
ALTER TABLE attachments ADD CONSTRAINT attachments_somewhere CHECK (scan = 'infected' OR (store = 'db') = (data IS NOT NULL));
CREATE INDEX attachments_scan ON attachments (created_at) WHERE scan = 'pending';
CREATE TABLE blob_deletions (store text NOT NULL, key text NOT NULL, due_at timestamptz NOT NULL DEFAULT now(),
    attempts integer NOT NULL DEFAULT 0, PRIMARY KEY (store, key));
CREATE INDEX blob_deletions_due ON blob_deletions (due_at);
-- Also when a conversation takes its files along: nothing stays outside.
CREATE FUNCTION attachment_gone() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO blob_deletions (store, key) VALUES (OLD.store, OLD.key) ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;
CREATE TRIGGER attachments_gone AFTER DELETE ON attachments FOR EACH ROW WHEN (OLD.store <> 'db') EXECUTE FUNCTION attachment_gone();
