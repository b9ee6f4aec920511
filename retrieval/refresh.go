package retrieval

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// Start loads the index and keeps it and the vectors up to date until Stop. It returns at once; Ready tells when the
// searcher has caught up. Calling it again does nothing.
func (s *Searcher) Start(ctx context.Context) error {
	s.startMu.Lock()
	defer s.startMu.Unlock()
	if s.cancel != nil {
		return nil
	}
	// Start's context carries values only: what runs in the background ends with Stop.
	run, cancel := context.WithCancel(context.WithoutCancel(ctx))
	s.cancel = cancel
	s.done.Add(2)
	go func() {
		defer s.done.Done()
		s.keepFresh(run)
	}()
	go func() {
		defer s.done.Done()
		s.keepEmbedded(run)
	}()
	return nil
}

// Stop ends what Start began and waits for it. Searches still work afterwards.
func (s *Searcher) Stop() {
	s.startMu.Lock()
	defer s.startMu.Unlock()
	if s.cancel == nil {
		return
	}
	s.cancel()
	s.done.Wait()
	s.cancel = nil
}

// Refresh says that something was published or unpublished. It returns at once; a searcher that is not told finds out
// with the next search or, at the latest, after Options.Interval.
func (s *Searcher) Refresh() {
	for _, kick := range []chan struct{}{s.kickIndex, s.kickIndexer} {
		select {
		case kick <- struct{}{}:
		default: // it will look anyway
		}
	}
}

// Ready reports whether the index is loaded, and why not. Missing vectors do not make a searcher unready: until they
// are there the lexical leg answers. Progress tells about them.
func (s *Searcher) Ready() (bool, string) {
	if s.index.Load() == nil {
		if p := s.loadError.Load(); p != nil {
			return false, "the lexical index could not be loaded: " + *p
		}
		return false, "the lexical index is being loaded"
	}
	return true, ""
}

// keepFresh refreshes the index when told to, and from time to time.
func (s *Searcher) keepFresh(ctx context.Context) {
	ticker := time.NewTicker(s.opts.Interval)
	defer ticker.Stop()
	wait := time.Second
	for {
		err := s.refresh(ctx)
		if ctx.Err() != nil {
			return
		}
		var retry <-chan time.Time
		if err != nil {
			s.log.Warn("refreshing the lexical index failed", "error", err)
			text := err.Error()
			s.loadError.Store(&text)
			retry = time.After(wait)
			wait = min(2*wait, s.opts.Interval)
		} else {
			wait = time.Second
		}
		select {
		case <-ctx.Done():
			return
		case <-retry:
		case <-s.kickIndex:
		case <-ticker.C:
		}
	}
}

// refresh brings the index to the newest revision and notices a change of the active model. When several searches find
// the index behind, one reads and the others wait for it.
func (s *Searcher) refresh(ctx context.Context) error {
	select {
	case s.refreshing <- struct{}{}:
		defer func() { <-s.refreshing }()
	case <-ctx.Done():
		return ctx.Err()
	}
	tx, err := s.pool.BeginTx(ctx, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly})
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback(ctx) }() // read-only: nothing to lose
	if err := s.readModel(ctx, tx); err != nil {
		return fmt.Errorf("active model: %w", err)
	}
	var revision int64
	if err := tx.QueryRow(ctx, `SELECT revision FROM kb_revision`).Scan(&revision); err != nil {
		return fmt.Errorf("revision: %w", err)
	}
	x := s.index.Load()
	if x != nil && x.at() == revision {
		return nil
	}
	if x != nil {
		whole, err := s.catchUp(ctx, tx, x, revision)
		if err != nil || whole {
			return err
		}
		// Something went without a trace, such as an article's row: only a fresh look helps.
	}
	x = newIndex(s.tuning)
	docs, _, err := readDocuments(ctx, tx, -1)
	if err != nil {
		return err
	}
	if err := x.apply(docs, nil, revision); err != nil {
		return err
	}
	s.index.Store(x)
	return nil
}

// catchUp applies what changed since the index was at its revision, and reports whether the index now holds as many
// versions as are published.
func (s *Searcher) catchUp(ctx context.Context, tx pgx.Tx, x *index, revision int64) (whole bool, err error) {
	docs, gone, err := readDocuments(ctx, tx, x.at())
	if err != nil {
		return false, err
	}
	if err := x.apply(docs, gone, revision); err != nil {
		return false, err
	}
	var published int
	err = tx.QueryRow(ctx, `
		SELECT count(*) FROM article_versions v
		WHERE v.state = 'published' AND EXISTS (SELECT FROM passages p WHERE p.version_id = v.id)`).Scan(&published)
	articles, _ := x.size()
	return published == articles, err
}

// readDocuments returns the published versions that changed after a revision, and the versions that were published and
// changed to another state since. With -1 it returns everything published.
func readDocuments(ctx context.Context, tx pgx.Tx, after int64) (docs []document, gone []uuid.UUID, err error) {
	rows, err := tx.Query(ctx, `
		SELECT v.id, v.article_id, v.state = 'published', v.locale, a.audience, a.markets, a.ai_excluded, v.title, v.description, v.questions
		FROM article_versions v JOIN articles a ON a.id = v.article_id
		WHERE v.revision > $1 AND (v.state = 'published' OR $1 >= 0)
		ORDER BY v.id`, after)
	if err != nil {
		return nil, nil, err
	}
	at := map[uuid.UUID]int{}
	var ids []uuid.UUID
	for rows.Next() {
		var d document
		var published bool
		if err := rows.Scan(&d.Version, &d.Article, &published, &d.Locale, &d.Audience, &d.Markets, &d.Excluded, &d.Title, &d.Description, &d.Questions); err != nil {
			rows.Close()
			return nil, nil, err
		}
		if !published {
			gone = append(gone, d.Version)
			continue
		}
		at[d.Version] = len(docs)
		ids = append(ids, d.Version)
		docs = append(docs, d)
	}
	if err := rows.Err(); err != nil {
		return nil, nil, err
	}
	if len(docs) == 0 {
		return nil, gone, nil
	}
	rows, err = tx.Query(ctx, `
		SELECT p.version_id, p.id, p.headings, p.anchor, p.text FROM passages p
		WHERE p.version_id = ANY($1) ORDER BY p.version_id, p.ordinal`, ids)
	if err != nil {
		return nil, nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var version uuid.UUID
		var p section
		if err := rows.Scan(&version, &p.ID, &p.Headings, &p.Anchor, &p.Text); err != nil {
			return nil, nil, err
		}
		d := &docs[at[version]]
		d.Passages = append(d.Passages, p)
	}
	return docs, gone, rows.Err()
}

// readModel notes which embedding model searches use.
func (s *Searcher) readModel(ctx context.Context, tx pgx.Tx) error {
	var m activeModel
	err := tx.QueryRow(ctx, `SELECT name, dimensions FROM embedding_models WHERE active`).Scan(&m.name, &m.dimensions)
	if err != nil && err != pgx.ErrNoRows {
		return err
	}
	if now := s.active.Load(); now.name == m.name && now.dimensions == m.dimensions {
		return nil
	}
	m.without = statement("", 0)
	if m.name != "" {
		m.withDense = statement(m.name, m.dimensions)
		m.embedder, m.builtin = s.embedderOf(m.name), m.name == BuiltinModel
	}
	s.active.Store(&m)
	return nil
}

// embedderOf returns the embedder of a model, or nil when this process has none.
func (s *Searcher) embedderOf(model string) Embedder {
	switch {
	case model == s.opts.Model:
		return s.embedder
	case model == BuiltinModel:
		return Builtin{}
	case s.opts.Former != nil:
		return s.opts.Former(model)
	}
	return nil
}
