package retrieval

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/firstline/firstline/kb"
)

// indexerLock is the advisory lock of the one replica that embeds. The number has no meaning.
const indexerLock = 0x6672_7374_656d_6264

// formerFor is how long vectors of a model are kept after another became active, so that replicas that have not noticed
// yet still find them.
const formerFor = 10 * time.Minute

// Progress says how far the vectors of the configured model are.
type Progress struct {
	Model    string
	Active   bool  // searches use this model
	Pending  int64 // passages without a vector, when last counted
	Embedded int64 // passages that this process has embedded since it started
	Reused   int64 // passages that got the vector of an equal one
	Failures int64 // batches that failed since it started
	Error    string
	At       time.Time // of the last look
}

// Progress returns how far the vectors are, as last seen by this process.
func (s *Searcher) Progress() Progress { return *s.progress.Load() }

func (s *Searcher) report(change func(*Progress)) {
	for {
		old := s.progress.Load()
		p := *old
		p.Model, p.At = s.opts.Model, time.Now()
		change(&p)
		if s.progress.CompareAndSwap(old, &p) {
			return
		}
	}
}

// keepEmbedded embeds what has no vector yet, when told to and from time to time. After a failure it waits longer each
// time, up to five minutes, unless something is published meanwhile.
func (s *Searcher) keepEmbedded(ctx context.Context) {
	ticker := time.NewTicker(s.opts.Interval)
	defer ticker.Stop()
	wait := time.Second
	for {
		err := s.Embed(ctx)
		if ctx.Err() != nil {
			return
		}
		var look <-chan time.Time = ticker.C
		if err != nil {
			s.log.Warn("embedding passages failed", "model", s.opts.Model, "error", err, "again_in", wait)
			s.report(func(p *Progress) { p.Error, p.Failures = err.Error(), p.Failures+1 })
			look = time.After(wait)
			wait = min(2*wait, 5*time.Minute)
		} else {
			wait = time.Second
			s.report(func(p *Progress) { p.Error = "" })
		}
		select {
		case <-ctx.Done():
			return
		case <-look:
		case <-s.kickIndexer:
		}
	}
}

// Embed gives every published passage a vector of the configured model, builds the model's index, makes the model the
// active one, and drops what is left of former models. It does only what is missing, may be interrupted at any point and
// run on every replica: one works and the others return at once. The first run of a model embeds into a table without
// an index and builds that afterwards, which is many times faster.
func (s *Searcher) Embed(ctx context.Context) error {
	conn, err := s.pool.Acquire(ctx)
	if err != nil {
		return err
	}
	defer conn.Release()
	revision, idle, err := s.idle(ctx, conn)
	if err != nil || idle {
		return err
	}
	var mine bool
	if err := conn.QueryRow(ctx, `SELECT pg_try_advisory_lock($1)`, int64(indexerLock)).Scan(&mine); err != nil {
		return err
	}
	if !mine {
		return s.noticeOthers(ctx)
	}
	defer func() {
		// The lock belongs to the connection: if it cannot be given back, the connection goes.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		if _, err := conn.Exec(ctx, `SELECT pg_advisory_unlock($1)`, int64(indexerLock)); err != nil {
			_ = conn.Conn().Close(ctx) // whatever its error, it is not used again
		}
	}()
	dimensions, err := s.register(ctx, conn)
	if err != nil {
		return err
	}
	if err := s.fill(ctx, conn, dimensions); err != nil {
		return err
	}
	if err := s.buildIndex(ctx, conn, dimensions); err != nil {
		return err
	}
	if err := s.activate(ctx, conn); err != nil {
		return err
	}
	if err := s.clean(ctx, conn); err != nil {
		return err
	}
	s.embeddedAt.Store(&revision)
	return nil
}

// idle reports whether nothing was published since everything had a vector of the active model, and the revision that
// this was seen at. It is what an idle searcher asks instead of looking through all passages.
func (s *Searcher) idle(ctx context.Context, db querier) (revision int64, idle bool, err error) {
	var active, retired bool
	err = db.QueryRow(ctx, `
		SELECT revision, EXISTS (SELECT FROM embedding_models WHERE name = $1 AND active),
			EXISTS (SELECT FROM embedding_models WHERE name <> $1 AND retired_at < now() - $2::interval)
		FROM kb_revision`, s.opts.Model, formerFor).Scan(&revision, &active, &retired)
	at := s.embeddedAt.Load()
	return revision, err == nil && at != nil && *at == revision && active && !retired, err
}

// noticeOthers keeps Progress honest on replicas that do not embed.
func (s *Searcher) noticeOthers(ctx context.Context) error {
	pending, active, err := s.pending(ctx, s.pool)
	if err != nil {
		return err
	}
	s.report(func(p *Progress) { p.Pending, p.Active = pending, active })
	return nil
}

type querier interface {
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}

func (s *Searcher) pending(ctx context.Context, db querier) (pending int64, active bool, err error) {
	err = db.QueryRow(ctx, `
		SELECT count(*), EXISTS (SELECT FROM embedding_models WHERE name = $1 AND active)
		FROM passages p JOIN article_versions v ON v.id = p.version_id
		WHERE v.state = 'published' AND NOT EXISTS (
			SELECT FROM embeddings e WHERE e.passage_id = p.id AND e.model = $1 AND e.hash = p.hash)`, s.opts.Model).Scan(&pending, &active)
	return pending, active, err
}

// register enters the model and returns the size of its vectors. A model whose size is another than before, under the
// same name, starts anew: its old vectors cannot be compared with new ones.
func (s *Searcher) register(ctx context.Context, conn *pgxpool.Conn) (int, error) {
	if s.opts.Model == "" {
		return 0, errors.New("the embedder's model has no name")
	}
	var known int
	err := conn.QueryRow(ctx, `SELECT dimensions FROM embedding_models WHERE name = $1`, s.opts.Model).Scan(&known)
	if err != nil && !errors.Is(err, pgx.ErrNoRows) {
		return 0, err
	}
	dimensions := s.opts.Dimensions
	if dimensions == 0 {
		dimensions = known
	}
	if dimensions == 0 {
		vectors, err := s.embedder.Embed(ctx, []string{"help"})
		if err != nil {
			return 0, fmt.Errorf("ask for the size of vectors: %w", err)
		}
		if len(vectors) != 1 || len(vectors[0]) == 0 {
			return 0, fmt.Errorf("the embedding model %q returned no vector", s.opts.Model)
		}
		dimensions = len(vectors[0])
	}
	if known == dimensions {
		return dimensions, nil
	}
	if known != 0 {
		if err := s.drop(ctx, conn, s.opts.Model); err != nil {
			return 0, err
		}
	}
	_, err = conn.Exec(ctx, `INSERT INTO embedding_models (name, dimensions) VALUES ($1, $2)`, s.opts.Model, dimensions)
	return dimensions, err
}

// fill embeds until nothing is missing. No transaction is open while the model works.
func (s *Searcher) fill(ctx context.Context, conn *pgxpool.Conn, dimensions int) error {
	tag, err := conn.Exec(ctx, `
		INSERT INTO embeddings (passage_id, model, hash, embedding)
		SELECT DISTINCT ON (p.id) p.id, e.model, e.hash, e.embedding
		FROM passages p JOIN article_versions v ON v.id = p.version_id
		JOIN embeddings e ON e.model = $1 AND e.hash = p.hash
		WHERE v.state = 'published' AND NOT EXISTS (
			SELECT FROM embeddings o WHERE o.passage_id = p.id AND o.model = $1 AND o.hash = p.hash)
		ON CONFLICT (passage_id, model) DO UPDATE SET hash = excluded.hash, embedding = excluded.embedding`, s.opts.Model)
	if gone(err) {
		return nil // a passage went between reading and writing; the next look sees the rest
	}
	if err != nil {
		return fmt.Errorf("reuse vectors: %w", err)
	}
	pending, active, err := s.pending(ctx, conn)
	if err != nil {
		return err
	}
	s.report(func(p *Progress) { p.Pending, p.Active, p.Reused = pending, active, p.Reused+tag.RowsAffected() })
	for after := int64(0); pending > 0; {
		n, last, err := s.batch(ctx, conn, dimensions, after)
		if err != nil {
			return err
		}
		if n == 0 {
			return nil
		}
		after = last
		s.report(func(p *Progress) { p.Pending, p.Embedded = max(0, p.Pending-int64(n)), p.Embedded+int64(n) })
	}
	return nil
}

// batch embeds the next passages after an id and returns how many, and the last id.
func (s *Searcher) batch(ctx context.Context, conn *pgxpool.Conn, dimensions int, after int64) (int, int64, error) {
	rows, err := conn.Query(ctx, `
		SELECT p.id, p.hash, a.collection, v.title, p.headings, p.text
		FROM passages p JOIN article_versions v ON v.id = p.version_id JOIN articles a ON a.id = v.article_id
		WHERE p.id > $2 AND v.state = 'published' AND NOT EXISTS (
			SELECT FROM embeddings e WHERE e.passage_id = p.id AND e.model = $1 AND e.hash = p.hash)
		ORDER BY p.id LIMIT $3`, s.opts.Model, after, s.opts.Batch)
	if err != nil {
		return 0, 0, err
	}
	var ids []int64
	var hashes [][]byte
	var texts []string
	for rows.Next() {
		var id int64
		var hash []byte
		var collection, title, text string
		var headings []string
		if err := rows.Scan(&id, &hash, &collection, &title, &headings, &text); err != nil {
			rows.Close()
			return 0, 0, err
		}
		ids, hashes = append(ids, id), append(hashes, hash)
		texts = append(texts, kb.EmbeddingText(collection, title, headings, text))
	}
	if err := rows.Err(); err != nil || len(ids) == 0 {
		return 0, 0, err
	}
	vectors, err := s.embedder.Embed(ctx, texts)
	if err != nil {
		return 0, 0, fmt.Errorf("embed %d passages: %w", len(texts), err)
	}
	if len(vectors) != len(texts) {
		return 0, 0, fmt.Errorf("the embedding model %q returned %d vectors for %d texts", s.opts.Model, len(vectors), len(texts))
	}
	write := &pgx.Batch{}
	for i, v := range vectors {
		if len(v) != dimensions {
			return 0, 0, fmt.Errorf("the embedding model %q returned a vector of %d numbers; its vectors have %d", s.opts.Model, len(v), dimensions)
		}
		// The passage may have gone or changed while the model worked; then its vector is dropped.
		write.Queue(`
			INSERT INTO embeddings (passage_id, model, hash, embedding)
			SELECT p.id, $2, p.hash, $4::real[]::halfvec FROM passages p WHERE p.id = $1 AND p.hash = $3 FOR KEY SHARE
			ON CONFLICT (passage_id, model) DO UPDATE SET hash = excluded.hash, embedding = excluded.embedding`,
			ids[i], s.opts.Model, hashes[i], v)
	}
	if err := conn.SendBatch(ctx, write).Close(); err != nil {
		return 0, 0, fmt.Errorf("store vectors: %w", err)
	}
	return len(ids), ids[len(ids)-1], nil
}

// gone reports whether a row that was referred to was deleted meanwhile.
func gone(err error) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && pg.Code == "23503"
}

// indexName returns the name of a model's vector index: readable, and different for different models even where
// letters were left out.
func indexName(model string) string {
	var b strings.Builder
	for _, r := range strings.ToLower(model) {
		switch {
		case r >= 'a' && r <= 'z' || r >= '0' && r <= '9':
			b.WriteRune(r)
		case b.Len() > 0:
			b.WriteByte('_')
		}
		if b.Len() == 32 {
			break
		}
	}
	h := fnv.New32a()
	_, _ = h.Write([]byte(model)) // never fails
	return fmt.Sprintf("embeddings_%s_%08x_hnsw", b.String(), h.Sum32())
}

// buildIndex makes the model's vector index unless it is there. An index that a crash left unfinished is made again.
func (s *Searcher) buildIndex(ctx context.Context, conn *pgxpool.Conn, dimensions int) error {
	name := indexName(s.opts.Model)
	var valid bool
	err := conn.QueryRow(ctx, `
		SELECT i.indisvalid FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
		WHERE c.relname = $1 AND i.indrelid = 'embeddings'::regclass`, name).Scan(&valid)
	if err != nil && !errors.Is(err, pgx.ErrNoRows) {
		return err
	}
	if valid {
		return nil
	}
	// Both last as long as they take, and neither blocks readers or writers. The graph is built in memory: beyond
	// maintenance_work_mem it takes many times longer.
	defer func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		if _, err := conn.Exec(ctx, `RESET statement_timeout; RESET maintenance_work_mem`); err != nil {
			_ = conn.Conn().Close(ctx) // its settings are not what others expect
		}
	}()
	for _, sql := range []string{
		`SET statement_timeout = 0`,
		`SET maintenance_work_mem = '256MB'`,
		`DROP INDEX CONCURRENTLY IF EXISTS ` + name,
		fmt.Sprintf(`CREATE INDEX CONCURRENTLY %s ON embeddings USING hnsw ((embedding::halfvec(%d)) halfvec_cosine_ops) WHERE model = '%s'`,
			name, dimensions, strings.ReplaceAll(s.opts.Model, "'", "''")),
		`ANALYZE embeddings`,
	} {
		if _, err := conn.Exec(ctx, sql); err != nil {
			return fmt.Errorf("build the vector index: %w", err)
		}
	}
	return nil
}

// activate makes the model the one that searches use.
func (s *Searcher) activate(ctx context.Context, conn *pgxpool.Conn) error {
	var active bool
	if err := conn.QueryRow(ctx, `SELECT active FROM embedding_models WHERE name = $1`, s.opts.Model).Scan(&active); err != nil {
		return err
	}
	if !active {
		err := pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
			if _, err := tx.Exec(ctx, `UPDATE embedding_models SET active = false, retired_at = now() WHERE active`); err != nil {
				return err
			}
			_, err := tx.Exec(ctx, `UPDATE embedding_models SET active = true, retired_at = NULL WHERE name = $1`, s.opts.Model)
			return err
		})
		if err != nil {
			return fmt.Errorf("activate the model: %w", err)
		}
	}
	s.report(func(p *Progress) { p.Active = true })
	if s.active.Load().name != s.opts.Model {
		return s.refresh(ctx)
	}
	return nil
}

// clean drops the vectors of models that were replaced some time ago, and the passages of versions that are archived:
// nothing can retrieve them, and the vector index is faster without them.
func (s *Searcher) clean(ctx context.Context, conn *pgxpool.Conn) error {
	if _, err := conn.Exec(ctx, `
		DELETE FROM passages p USING article_versions v WHERE v.id = p.version_id AND v.state = 'archived'`); err != nil {
		return fmt.Errorf("drop archived passages: %w", err)
	}
	rows, err := conn.Query(ctx, `
		SELECT name FROM embedding_models WHERE name <> $1 AND retired_at < now() - $2::interval`,
		s.opts.Model, formerFor)
	if err != nil {
		return err
	}
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return err
	}
	for _, name := range names {
		if err := s.drop(ctx, conn, name); err != nil {
			return err
		}
	}
	return nil
}

// drop removes a model with its vectors and its index.
func (s *Searcher) drop(ctx context.Context, conn *pgxpool.Conn, model string) error {
	if _, err := conn.Exec(ctx, `DROP INDEX CONCURRENTLY IF EXISTS `+indexName(model)); err != nil {
		return fmt.Errorf("drop the index of model %q: %w", model, err)
	}
	if _, err := conn.Exec(ctx, `DELETE FROM embedding_models WHERE name = $1`, model); err != nil {
		return fmt.Errorf("drop the vectors of model %q: %w", model, err)
	}
	return nil
}
