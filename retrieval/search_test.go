package retrieval

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"go.uber.org/goleak"

	"github.com/firstline/firstline/internal/postgres/pgtest"
	"github.com/firstline/firstline/kb"
)

type bundle struct {
	ctx      context.Context
	pool     *pgxpool.Pool
	kb       *kb.Store
	searcher *Searcher
}

func setup(t testing.TB) *bundle {
	t.Helper()
	pool := pgtest.New(t)
	return &bundle{ctx: context.Background(), pool: pool, kb: kb.NewStore(pool), searcher: New(pool, nil, Options{})}
}

func (b *bundle) publish(t testing.TB, docs ...kb.Document) {
	t.Helper()
	for i := range docs {
		d := &docs[i]
		if d.Collection == "" {
			d.Collection = "help"
		}
		if d.Locale == "" {
			d.Locale = "en"
		}
		if d.Audience == "" {
			d.Audience = kb.Consumer
		}
		if d.Title == "" {
			d.Title = d.Slug
		}
	}
	if _, err := b.kb.Publish(b.ctx, docs, kb.PublishOptions{}); err != nil {
		t.Fatal(err)
	}
}

func (b *bundle) embed(t testing.TB) {
	t.Helper()
	if err := b.searcher.Embed(b.ctx); err != nil {
		t.Fatal(err)
	}
}

func (b *bundle) search(t testing.TB, q Query) Result {
	t.Helper()
	return search(t, b.searcher, q)
}

func search(t testing.TB, s *Searcher, q Query) Result {
	t.Helper()
	if q.Audience == "" {
		q.Audience = kb.Consumer
	}
	r, err := s.Search(context.Background(), q)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range r.Passages {
		for name, v := range map[string]float64{"score": p.Score, "lexical": p.Lexical, "dense": p.Dense} {
			if v < 0 || v > 1+1e-6 {
				t.Errorf("%s of %s is %v, not between 0 and 1", name, p.Slug, v)
			}
		}
	}
	return r
}

func slugs(r Result) []string {
	out := []string{}
	for _, a := range r.Articles {
		out = append(out, a.Slug+" "+a.Locale)
	}
	return out
}

func TestSearchFilters(t *testing.T) {
	t.Parallel()
	b := setup(t)
	now := time.Now().UTC().Truncate(time.Second)
	const body = "How a refund of a purchase is paid back."
	b.publish(t,
		kb.Document{Slug: "everywhere", Markdown: body},
		kb.Document{Slug: "sweden", Markdown: body, Markets: []string{"se"}},
		kb.Document{Slug: "merchants", Markdown: body, Audience: kb.Merchant},
		kb.Document{Slug: "people-only", Markdown: body, AIExcluded: true},
		kb.Document{Slug: "tomorrow", Markdown: body, ValidFrom: now.Add(24 * time.Hour)},
		kb.Document{Slug: "yesterday", Markdown: body, ValidTo: now.Add(-24 * time.Hour)},
		kb.Document{Slug: "current", Markdown: body, ValidFrom: now.Add(-time.Hour), ValidTo: now.Add(time.Hour)},
		kb.Document{Slug: "translated", Markdown: body},
		kb.Document{Slug: "translated", Locale: "de", Markdown: "Wie die Erstattung (refund) eines Kaufs ausgezahlt wird."},
		kb.Document{Slug: "spanish", Locale: "es", Markdown: "refund purchase"},
	)
	// The same with and without vectors, for the dense leg has its own way to passages.
	for _, leg := range []string{"lexical", "both"} {
		if leg == "both" {
			b.embed(t)
		}
		for _, tt := range []struct {
			name  string
			query Query
			want  []string
		}{
			{"consumer", Query{Market: "gb", Locale: "en"}, []string{"current en", "everywhere en", "translated en"}},
			{"no market", Query{Locale: "en"}, []string{"current en", "everywhere en", "translated en"}},
			{"market", Query{Market: "se", Locale: "en"}, []string{"current en", "everywhere en", "sweden en", "translated en"}},
			{"merchant", Query{Market: "gb", Locale: "en", Audience: kb.Merchant}, []string{"current en", "everywhere en", "merchants en", "translated en"}},
			{"reader", Query{Market: "gb", Locale: "en", Reader: true}, []string{"current en", "everywhere en", "people-only en", "translated en"}},
			{"translation in place of the source", Query{Market: "gb", Locale: "de-AT"}, []string{"current en", "everywhere en", "translated de"}},
			{"unknown locale falls back", Query{Market: "gb", Locale: "fi"}, []string{"current en", "everywhere en", "translated en"}},
		} {
			t.Run(leg+"/"+tt.name, func(t *testing.T) {
				tt.query.Text = "refund of a purchase"
				r := b.search(t, tt.query)
				got := slugs(r)
				sorted := cmp.Diff(tt.want, got, sortedStrings)
				if sorted != "" {
					t.Error(sorted)
				}
				if (r.Model != "") != (leg == "both") || (r.Degraded == "") != (leg == "both") {
					t.Errorf("model %q, degraded %q", r.Model, r.Degraded)
				}
			})
		}
		r := b.search(t, Query{Text: "refund of a purchase", Market: "gb", Locale: "en", Audience: kb.Merchant})
		if r.Articles[0].Slug != "merchants" {
			t.Errorf("%s: a merchant is shown %s first", leg, r.Articles[0].Slug)
		}
		if r = b.search(t, Query{Text: "refund Kauf", Market: "gb", Locale: "de"}); r.Articles[0].Locale != "de" || !r.Features.LocaleMatch {
			t.Errorf("%s: German comes after %+v", leg, r.Articles[0])
		}
	}
}

var sortedStrings = cmp.Transformer("sorted", func(in []string) map[string]int {
	m := map[string]int{}
	for _, s := range in {
		m[s]++
	}
	return m
})

// What is published by one process is found by another with its next search, without a wake-up, and what is taken down
// is not: the statement decides, whatever the index still holds.
func TestPublishAndUnpublishShowAtOnce(t *testing.T) {
	t.Parallel()
	b := setup(t)
	other := New(b.pool, nil, Options{})
	b.publish(t, kb.Document{Slug: "late-fees", Markdown: "A late fee is charged after the days of grace."})
	b.embed(t)
	q := Query{Text: "late fee", Market: "gb", Locale: "en"}
	for _, s := range []*Searcher{b.searcher, other} {
		if got := slugs(search(t, s, q)); len(got) != 1 {
			t.Fatalf("found %v", got)
		}
	}
	b.publish(t, kb.Document{Slug: "fee-waiver", Markdown: "When a late fee is waived."})
	r := search(t, other, q)
	if len(r.Articles) != 2 || r.Revision != 2 {
		t.Errorf("found %v at revision %d, want both articles at 2", slugs(r), r.Revision)
	}
	b.publish(t, kb.Document{Slug: "late-fees", Markdown: "Nothing is charged any more; chargebacks are something else."})
	if r = search(t, other, Query{Text: "chargebacks", Locale: "en"}); len(r.Passages) == 0 || r.Passages[0].Version != 2 {
		t.Errorf("the new version is not found: %+v", r.Passages)
	}
	if err := b.kb.Unpublish(b.ctx, "late-fees", "", "en"); err != nil {
		t.Fatal(err)
	}
	for _, s := range []*Searcher{other, b.searcher} {
		if got := slugs(search(t, s, q)); len(got) != 1 || got[0] != "fee-waiver en" {
			t.Errorf("after unpublishing: %v", got)
		}
	}
	// Without a trace in the revisions of versions, the count tells.
	if _, err := b.pool.Exec(b.ctx, `DELETE FROM articles`); err != nil {
		t.Fatal(err)
	}
	if _, err := b.pool.Exec(b.ctx, `UPDATE kb_revision SET revision = revision + 1`); err != nil {
		t.Fatal(err)
	}
	if r = search(t, other, q); len(r.Passages) != 0 {
		t.Errorf("deleted articles are found: %v", slugs(r))
	}
	if articles, _ := other.index.Load().size(); articles != 0 {
		t.Errorf("the index still holds %d articles", articles)
	}
}

// Unpublishing between the lexical leg and the statement must not show the article either.
func TestUnpublishDuringSearch(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.publish(t, kb.Document{Slug: "one", Markdown: "about refunds"}, kb.Document{Slug: "two", Markdown: "more about refunds"})
	b.embed(t)
	q := Query{Text: "refunds", Locale: "en", Audience: kb.Consumer, Limit: 6}
	x, err := b.searcher.loaded(b.ctx)
	if err != nil {
		t.Fatal(err)
	}
	if err := b.kb.Unpublish(b.ctx, "one", "", "en"); err != nil {
		t.Fatal(err)
	}
	r, revision, _, _, err := b.searcher.search(b.ctx, &q, b.searcher.scope(&q), x, nil)
	if err != nil {
		t.Fatal(err)
	}
	if got := slugs(r); len(got) != 1 || got[0] != "two en" {
		t.Errorf("found %v with an index that still knows both", got)
	}
	if revision <= x.at() {
		t.Errorf("revision %d does not tell that the index (%d) is behind", revision, x.at())
	}
}

func TestNothingFoundIsNoFailure(t *testing.T) {
	t.Parallel()
	b := setup(t)
	r := b.search(t, Query{Text: "anything", Locale: "en"})
	if len(r.Passages) != 0 || r.Features.Confidence() != 0 {
		t.Errorf("an empty help centre gave %+v", r)
	}
	b.pool.Close()
	if _, err := b.searcher.Search(b.ctx, Query{Text: "anything", Locale: "en"}); err == nil {
		t.Error("a database that is gone gave no error")
	}
}

// fake embeds like the built-in embedder and can be told to fail.
type fake struct {
	fail  atomic.Bool
	after atomic.Int64 // batches that still work, when fail is set
	calls atomic.Int64
	size  int
}

func (f *fake) Embed(_ context.Context, texts []string) ([][]float32, error) {
	f.calls.Add(1)
	if f.fail.Load() && f.after.Add(-1) < 0 {
		return nil, errors.New("quota spent")
	}
	out := make([][]float32, len(texts))
	for i, t := range texts {
		out[i] = builtinVector(t, f.size)
	}
	return out, nil
}

func TestDenseLegDown(t *testing.T) {
	t.Parallel()
	b := setup(t)
	model := &fake{size: 64}
	b.searcher = New(b.pool, model, Options{Model: "text-embedding-x"})
	b.publish(t, kb.Document{Slug: "refund", Markdown: "How a refund is paid back."})
	b.embed(t)
	if r := b.search(t, Query{Text: "refund", Locale: "en"}); r.Model != "text-embedding-x" || r.Degraded != "" || r.Features.DenseTop == 0 {
		t.Errorf("model %q, degraded %q, features %+v", r.Model, r.Degraded, r.Features)
	}
	model.fail.Store(true)
	r := b.search(t, Query{Text: "refund", Locale: "en"})
	if len(r.Passages) != 1 || r.Model != "" || !strings.Contains(r.Degraded, "quota spent") {
		t.Errorf("found %d, model %q, degraded %q", len(r.Passages), r.Model, r.Degraded)
	}
}

func (b *bundle) many(t testing.TB, n int) {
	t.Helper()
	docs := make([]kb.Document, n)
	for i := range docs {
		docs[i] = kb.Document{Slug: fmt.Sprintf("a-%d", i), Title: fmt.Sprintf("Topic %d", i), Markdown: fmt.Sprintf("Text %d about matter %d.", i, i*i)}
	}
	b.publish(t, docs...)
}

func (b *bundle) vectors(t testing.TB, model string) (n int) {
	t.Helper()
	if err := b.pool.QueryRow(b.ctx, `SELECT count(*) FROM embeddings WHERE model = $1`, model).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

func TestIndexerResumesAndReuses(t *testing.T) {
	t.Parallel()
	b := setup(t)
	model := &fake{size: 32}
	b.searcher = New(b.pool, model, Options{Model: "m", Dimensions: 32, Batch: 10})
	b.many(t, 45)
	model.fail.Store(true)
	model.after.Store(2)
	if err := b.searcher.Embed(b.ctx); err == nil {
		t.Fatal("a failing model gave no error")
	}
	if n := b.vectors(t, "m"); n != 20 {
		t.Errorf("%d vectors after two batches, want 20", n)
	}
	if r := b.search(t, Query{Text: "topic 3", Locale: "en"}); r.Degraded == "" || len(r.Passages) == 0 {
		t.Errorf("half-filled vectors are used: %+v", r)
	}
	model.fail.Store(false)
	before := model.calls.Load()
	b.embed(t)
	if n, calls := b.vectors(t, "m"), model.calls.Load()-before; n != 45 || calls != 3 {
		t.Errorf("%d vectors after %d more calls, want 45 after 3", n, calls)
	}
	before = model.calls.Load()
	b.embed(t)
	// The same words in another article: the vector is there.
	if _, err := b.pool.Exec(b.ctx, `
		INSERT INTO passages (version_id, ordinal, markdown, text, hash) SELECT version_id, 99, markdown, text, hash FROM passages LIMIT 1`); err != nil {
		t.Fatal(err)
	}
	if _, err := b.pool.Exec(b.ctx, `UPDATE kb_revision SET revision = revision + 1`); err != nil {
		t.Fatal(err)
	}
	b.embed(t)
	if calls := model.calls.Load() - before; calls != 0 || b.vectors(t, "m") != 46 || b.searcher.Progress().Reused != 1 {
		t.Errorf("%d calls, %d vectors, progress %+v", calls, b.vectors(t, "m"), b.searcher.Progress())
	}
}

func TestOneReplicaEmbeds(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.many(t, 3)
	conn, err := b.pool.Acquire(b.ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Release()
	if _, err := conn.Exec(b.ctx, `SELECT pg_advisory_lock($1)`, int64(indexerLock)); err != nil {
		t.Fatal(err)
	}
	b.embed(t)
	if n := b.vectors(t, BuiltinModel); n != 0 {
		t.Errorf("%d vectors although another replica holds the lock", n)
	}
	if p := b.searcher.Progress(); p.Pending != 3 || p.Active {
		t.Errorf("progress %+v", p)
	}
	if _, err := conn.Exec(b.ctx, `SELECT pg_advisory_unlock_all()`); err != nil {
		t.Fatal(err)
	}
	b.embed(t)
	if n := b.vectors(t, BuiltinModel); n != 3 {
		t.Errorf("%d vectors, want 3", n)
	}
}

func TestModelSwitchWhileServing(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.many(t, 20)
	b.embed(t)
	q := Query{Text: "topic 3", Locale: "en"}
	old := b.searcher
	next := &fake{size: 48}
	b.searcher = New(b.pool, next, Options{Model: "next", Batch: 5})
	next.fail.Store(true)
	next.after.Store(3) // one for the size, two batches
	if err := b.searcher.Embed(b.ctx); err == nil {
		t.Fatal("no error")
	}
	for _, s := range []*Searcher{old, b.searcher} {
		if r := search(t, s, q); r.Model != BuiltinModel {
			t.Errorf("while the next model is filled, %q is used (%s)", r.Model, r.Degraded)
		}
	}
	next.fail.Store(false)
	b.embed(t)
	if r := b.search(t, q); r.Model != "next" || r.Degraded != "" {
		t.Errorf("model %q (%s)", r.Model, r.Degraded)
	}
	// The process that knows only the old model goes on without vectors.
	if r := search(t, old, q); r.Model != "" || len(r.Passages) == 0 || !strings.Contains(r.Degraded, "next") {
		t.Errorf("old process: model %q (%s), %d passages", r.Model, r.Degraded, len(r.Passages))
	}
	if n := b.vectors(t, BuiltinModel); n != 20 {
		t.Errorf("the old vectors are gone at once: %d", n)
	}
	if _, err := b.pool.Exec(b.ctx, `UPDATE embedding_models SET retired_at = now() - interval '1 hour' WHERE NOT active`); err != nil {
		t.Fatal(err)
	}
	b.embed(t)
	if n := b.vectors(t, BuiltinModel); n != 0 {
		t.Errorf("%d old vectors stay for ever", n)
	}
}

func TestStartStop(t *testing.T) {
	b := setup(t)
	before := goleak.IgnoreCurrent()
	b.many(t, 5)
	if ready, why := b.searcher.Ready(); ready || why == "" {
		t.Errorf("ready before anything was loaded: %q", why)
	}
	for range 2 {
		if err := b.searcher.Start(b.ctx); err != nil {
			t.Fatal(err)
		}
	}
	waitFor(t, func() bool {
		ready, _ := b.searcher.Ready()
		return ready && b.searcher.Progress().Active
	})
	b.publish(t, kb.Document{Slug: "new", Markdown: "something new"})
	b.searcher.Refresh()
	waitFor(t, func() bool { return b.searcher.index.Load().at() == 2 && b.vectors(t, BuiltinModel) == 6 })
	b.searcher.Stop()
	b.searcher.Stop()
	if r := b.search(t, Query{Text: "new", Locale: "en"}); len(r.Passages) == 0 {
		t.Error("nothing is found after Stop")
	}
	b.pool.Close()
	goleak.VerifyNone(t, before)
}

func waitFor(t *testing.T, done func() bool) {
	t.Helper()
	for range 1000 {
		if done() {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatal("it never happened")
}

// fill enters n short passages with vectors, of which every hundredth is for market "li" only.
func fill(t testing.TB, b *bundle, n int) {
	t.Helper()
	words := strings.Fields("refund payment card declined account close address change shop order late fee reminder plan month interest login password code bank transfer dispute parcel return merchant limit date")
	docs := make([]kb.Document, n)
	for i := range docs {
		var text strings.Builder
		for j := range 12 {
			fmt.Fprintf(&text, "%s%d ", words[(i*7+j*j*3)%len(words)], (i+j*31)%50)
		}
		docs[i] = kb.Document{Slug: fmt.Sprintf("a-%d", i), Title: words[i%len(words)] + " " + words[i/len(words)%len(words)], Markdown: text.String()}
		if i%100 == 7 {
			docs[i].Markets = []string{"li"}
		} else {
			docs[i].Markets = []string{"gb"}
		}
	}
	b.publish(t, docs...)
	b.embed(t)
}

// The planner takes the vector index at default costs, for the plan of a prepared statement too, and reads no table from
// end to end that grows with the help centre.
func TestPlannerUsesTheIndex(t *testing.T) {
	t.Parallel()
	b := setup(t)
	fill(t, b, 10_000)
	conn, err := b.pool.Acquire(b.ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Release()
	sql := statement(BuiltinModel, BuiltinDimensions)
	if _, err := conn.Exec(b.ctx, `PREPARE search AS `+sql); err != nil {
		t.Fatal(err)
	}
	execute := fmt.Sprintf(`EXPLAIN EXECUTE search ('{1,2,3}', '{1,0.5,0.2}', '{en}', '{consumer}', 'gb', false, 6, '{1}', '{1}', array_fill(0.1::real, ARRAY[%d]), 40, 0.2, false)`, BuiltinDimensions)
	for _, mode := range []string{"force_custom_plan", "force_generic_plan"} {
		if _, err := conn.Exec(b.ctx, `SET plan_cache_mode = `+mode); err != nil {
			t.Fatal(err)
		}
		rows, err := conn.Query(b.ctx, execute, pgx.QueryExecModeSimpleProtocol)
		if err != nil {
			t.Fatal(err)
		}
		lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil {
			t.Fatal(err)
		}
		plan := strings.Join(lines, "\n")
		if !strings.Contains(plan, indexName(BuiltinModel)) {
			t.Errorf("%s does not use the vector index:\n%s", mode, plan)
		}
		for _, table := range []string{"embeddings", "passages", "article_versions", "articles"} {
			if strings.Contains(plan, "Seq Scan on "+table+" ") {
				t.Errorf("%s reads all of %s:\n%s", mode, table, plan)
			}
		}
	}

	// A market with one article in a hundred gets a full answer from both legs all the same.
	r := b.search(t, Query{Text: "refund for a declined payment by card", Market: "li", Locale: "en", Limit: 10})
	// All hundred are compared; what both legs find wholly unlike the question is no candidate.
	if len(r.Passages) != 10 || r.Features.Candidates <= candidateLimit {
		t.Errorf("%d passages from %d candidates, want 10 from nearly all 100", len(r.Passages), r.Features.Candidates)
	}
	for _, p := range r.Passages {
		if p.Cosine == 0 {
			t.Errorf("%s was not compared by its vector", p.Slug)
		}
	}
}

func BenchmarkSearch(b *testing.B) {
	x := setup(b)
	fill(b, x, 10_000)
	q := Query{Text: "why was my card payment declined and when do I get the refund", Market: "gb", Locale: "en", Audience: kb.Consumer}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := x.searcher.Search(x.ctx, q); err != nil {
			b.Fatal(err)
		}
	}
}
