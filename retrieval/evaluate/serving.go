package evaluate

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/firstline/firstline/kb"
	"github.com/firstline/firstline/retrieval"
)

// serving answers with the product's own retrieval.
func serving(ctx context.Context, pool *pgxpool.Pool, s *Set, opts Options) ([]asked, error) {
	ids, err := load(ctx, pool, s)
	if err != nil {
		return nil, fmt.Errorf("load: %w", err)
	}
	searcher := retrieval.New(pool, opts.Embedder, retrieval.Options{Model: opts.Model, Dimensions: opts.Size, EmbedTimeout: 30 * time.Second})
	if err := searcher.Embed(ctx); err != nil {
		return nil, fmt.Errorf("embed: %w", err)
	}
	answers := make([]asked, len(s.Questions))
	done, stop := opts.count(s.Name, len(s.Questions))
	defer stop()
	return answers, inParallel(ctx, len(s.Questions), func(ctx context.Context, i int) error {
		q := s.Questions[i]
		r, err := searcher.Search(ctx, retrieval.Query{Text: Misspell(q.Text, opts.Typos, q.ID), Locale: s.Locale, Audience: kb.Consumer})
		if err != nil {
			return fmt.Errorf("question %s: %w", q.ID, err)
		}
		if r.Degraded != "" {
			return fmt.Errorf("question %s: %s", q.ID, r.Degraded)
		}
		a := asked{confidence: r.Features.Confidence(), took: r.Took}
		for _, article := range r.Articles {
			a.ranked = append(a.ranked, ids[article.ID])
		}
		answers[i] = a
		done()
		return nil
	})
}

// load replaces what the database holds by the set, each document a published article, and returns the documents' ids by
// those of the articles.
func load(ctx context.Context, pool *pgxpool.Pool, s *Set) (map[uuid.UUID]string, error) {
	ids := make(map[uuid.UUID]string, len(s.Documents))
	var articles, versions, passages [][]any
	now := time.Now()
	return ids, pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
		var revision int64
		if err := tx.QueryRow(ctx, `UPDATE kb_revision SET revision = revision + 1 RETURNING revision`).Scan(&revision); err != nil {
			return err
		}
		// Vectors are made anew, and into a table without an index, as at a first start.
		if err := dropIndexes(ctx, tx); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `TRUNCATE articles, embedding_models CASCADE`); err != nil {
			return err
		}
		for i, d := range s.Documents {
			article, version := uuid.New(), uuid.New()
			ids[article] = d.ID
			doc := kb.Document{Locale: s.Locale, Audience: kb.Consumer, Title: d.Title, Markdown: escape(d.Text)}
			articles = append(articles, []any{article, fmt.Sprintf("document-%d", i), "", kb.Consumer})
			versions = append(versions, []any{version, article, s.Locale, 1, string(kb.Published), d.Title, doc.Markdown, revision, now})
			for _, p := range kb.Chunk(doc) {
				passages = append(passages, []any{version, p.Ordinal, append([]string{}, p.Headings...), p.Anchor, p.Markdown, p.Text, p.Hash})
			}
		}
		for _, t := range []struct {
			table   string
			columns []string
			rows    [][]any
		}{
			{"articles", []string{"id", "slug", "collection", "audience"}, articles},
			{"article_versions", []string{"id", "article_id", "locale", "number", "state", "title", "markdown", "revision", "published_at"}, versions},
			{"passages", []string{"version_id", "ordinal", "headings", "anchor", "markdown", "text", "hash"}, passages},
		} {
			if _, err := tx.CopyFrom(ctx, pgx.Identifier{t.table}, t.columns, pgx.CopyFromRows(t.rows)); err != nil {
				return fmt.Errorf("%s: %w", t.table, err)
			}
		}
		return nil
	})
}

func dropIndexes(ctx context.Context, tx pgx.Tx) error {
	rows, err := tx.Query(ctx, `
		SELECT c.oid::regclass::text FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_am m ON m.oid = c.relam
		WHERE i.indrelid = 'embeddings'::regclass AND m.amname = 'hnsw'`)
	if err != nil {
		return err
	}
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return err
	}
	for _, name := range names {
		if _, err := tx.Exec(ctx, `DROP INDEX `+name); err != nil {
			return err
		}
	}
	return nil
}

// escape writes plain text as Markdown that reads the same: punctuation means itself, lines do not begin with spaces.
func escape(text string) string {
	var b strings.Builder
	for i, line := range strings.Split(text, "\n") {
		if i > 0 {
			b.WriteByte('\n')
		}
		for _, r := range strings.TrimSpace(line) {
			if r > ' ' && r < 0x7f && !(r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z') {
				b.WriteByte('\\')
			}
			b.WriteRune(r)
		}
	}
	return b.String()
}
