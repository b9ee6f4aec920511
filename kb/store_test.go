package kb

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"pgregory.net/rapid"

	"github.com/firstline/firstline/internal/fault"
	"github.com/firstline/firstline/internal/postgres/pgtest"
)

// bundle is a store on a database of its own, at lintDay.
type bundle struct {
	*Store
	pool  *pgxpool.Pool
	woken int
}

func setup(t testing.TB) *bundle {
	t.Helper()
	b := &bundle{pool: pgtest.New(t)}
	b.Store = NewStore(b.pool)
	b.Now = func() time.Time { return lintDay }
	b.OnChange = func() { b.woken++ }
	return b
}

func (b *bundle) publish(t testing.TB, docs ...Document) Report {
	t.Helper()
	r, err := b.Publish(t.Context(), docs, PublishOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func (b *bundle) revision(t testing.TB) (n int64) {
	t.Helper()
	if err := b.pool.QueryRow(t.Context(), `SELECT revision FROM kb_revision`).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// strings returns the first column of a query as text.
func (b *bundle) strings(t testing.TB, sql string, args ...any) []string {
	t.Helper()
	rows, err := b.pool.Query(t.Context(), sql, args...)
	if err != nil {
		t.Fatal(err)
	}
	out, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// state shows every version as "slug.variant locale number state @revision, passages".
func (b *bundle) state(t testing.TB) []string {
	t.Helper()
	return b.strings(t, `
		SELECT format('%s%s %s %s %s @%s, %s', a.slug, CASE WHEN a.variant = '' THEN '' ELSE '.' || a.variant END, v.locale, v.number, v.state, v.revision,
			(SELECT count(*) FROM passages WHERE version_id = v.id))
		FROM articles a JOIN article_versions v ON v.article_id = a.id ORDER BY a.slug, a.variant, v.locale, v.number`)
}

func wantState(t *testing.T, b *bundle, want ...string) {
	t.Helper()
	if d := cmp.Diff(append([]string{}, want...), b.state(t)); d != "" {
		t.Error(d)
	}
}

func counts(r Report) string {
	return fmt.Sprintf("%d created %d updated %d unchanged %d archived, %d passages, revision %d", r.Created, r.Updated, r.Unchanged, r.Archived, r.Passages, r.Revision)
}

func wantCounts(t *testing.T, r Report, want string) {
	t.Helper()
	if got := counts(r); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func with(d Document, edits ...func(*Document)) Document {
	d.Markets = slices.Clone(d.Markets)
	for _, e := range edits {
		e(&d)
	}
	return d
}

func locale(l string) func(*Document)     { return func(d *Document) { d.Locale = l } }
func markets(m ...string) func(*Document) { return func(d *Document) { d.Markets = m } }
func variant(v string) func(*Document)    { return func(d *Document) { d.Variant = v } }
func valid(from, to time.Time) func(*Document) {
	return func(d *Document) { d.ValidFrom, d.ValidTo = from, to }
}

func TestPublish(t *testing.T) {
	t.Parallel()
	b := setup(t)
	a, de, c := article("a"), article("a", locale("de")), article("c", markets("us"))

	wantCounts(t, b.publish(t, a, de, c), "3 created 0 updated 0 unchanged 0 archived, 6 passages, revision 1")
	wantState(t, b, "a de 1 published @1, 2", "a en 1 published @1, 2", "c en 1 published @1, 2")

	r := b.publish(t, a, de, c)
	wantCounts(t, r, "0 created 0 updated 3 unchanged 0 archived, 0 passages, revision 0")
	if b.revision(t) != 1 || b.woken != 1 {
		t.Errorf("publishing nothing new: revision %d, woken %d times", b.revision(t), b.woken)
	}

	a2 := with(a, body("New text.\n"))
	r = b.publish(t, a2, de)
	wantCounts(t, r, "0 created 1 updated 1 unchanged 0 archived, 1 passages, revision 2")
	wantState(t, b, "a de 1 published @1, 2", "a en 1 archived @2, 0", "a en 2 published @2, 1", "c en 1 published @1, 2")
	if d := cmp.Diff([]Change{
		{File: "en/paying/a.md", Slug: "a", Locale: "en", Action: Updated, Number: 2},
		{File: "de/paying/a.md", Slug: "a", Locale: "de", Action: Unchanged, Number: 1},
	}, r.Changes); d != "" {
		t.Error(d)
	}
	if b.woken != 2 {
		t.Errorf("woken %d times, want 2", b.woken)
	}

	got := b.strings(t, `SELECT s.text FROM passages s JOIN article_versions v ON v.id = s.version_id JOIN articles a ON a.id = v.article_id WHERE a.slug = 'c' ORDER BY s.ordinal`)
	if d := cmp.Diff([]string{"Body of c.", "Text."}, got); d != "" {
		t.Error(d)
	}
}

func TestPublishChangesInPlace(t *testing.T) {
	t.Parallel()
	b := setup(t)
	a, de, c := article("a"), article("a", locale("de")), article("c")
	b.publish(t, a, de, c)
	before := b.strings(t, `SELECT encode(hash, 'hex') FROM passages ORDER BY id`)

	// The next review of one locale.
	de.Review = de.Review.AddDate(0, 1, 0)
	wantCounts(t, b.publish(t, a, de), "0 created 1 updated 1 unchanged 0 archived, 0 passages, revision 2")
	wantState(t, b, "a de 1 published @2, 2", "a en 1 published @1, 2", "c en 1 published @1, 2")

	// What all locales share, given with one of them: the other changes with it, and so does what is embedded.
	a.Collection, a.Markets, a.Owner = "account", []string{"us"}, "Accounts team"
	wantCounts(t, b.publish(t, a), "0 created 1 updated 0 unchanged 0 archived, 0 passages, revision 3")
	wantState(t, b, "a de 1 published @3, 2", "a en 1 published @3, 2", "c en 1 published @1, 2")
	p, err := b.Find(t.Context(), "a", "us", "de", Consumer)
	if err != nil || p.Article.Collection != "account" || p.Article.Owner != "Accounts team" || !p.Version.Review.Equal(de.Review) {
		t.Errorf("%v %+v", err, p)
	}
	after := b.strings(t, `SELECT encode(hash, 'hex') FROM passages ORDER BY id`)
	for i := range before {
		if moved := i < 4; (before[i] != after[i]) != moved {
			t.Errorf("hash %d: %s, then %s", i, before[i], after[i])
		}
	}
	if want := fmt.Sprintf("%x", Chunk(a)[1].Hash); !slices.Contains(after, want) {
		t.Error("the new hash is not that of a fresh chunk")
	}
	de.Collection, de.Markets, de.Owner = a.Collection, a.Markets, a.Owner
	wantCounts(t, b.publish(t, a, de, c), "0 created 0 updated 3 unchanged 0 archived, 0 passages, revision 0")
}

func TestPublishKeepsVectorsOfWhatReadsAsBefore(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.publish(t, article("a", body("Lead.\n\n## Same\n\nSame text.\n\n## Other\n\nOld text.\n")))
	exec := func(sql string) {
		t.Helper()
		if _, err := b.pool.Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
	exec(`INSERT INTO embedding_models (name, dimensions) VALUES ('m', 8), ('n', 8)`)
	exec(`INSERT INTO embeddings (passage_id, model, hash, embedding) SELECT id, m.name, hash, ('[1,2,3,4,5,6,7,' || ordinal || ']')::halfvec FROM passages, embedding_models m`)
	exec(`UPDATE embeddings SET hash = 'old' WHERE model = 'n'`) // made from another text: worth nothing
	b.publish(t, article("a", body("Lead.\n\n## Other\n\nNew text.\n\n## Same\n\nSame text.\n")))
	got := b.strings(t, `SELECT format('%s %s %s', s.text, e.model, e.embedding) FROM embeddings e JOIN passages s ON s.id = e.passage_id ORDER BY s.ordinal, e.model`)
	if d := cmp.Diff([]string{"Lead. m [1,2,3,4,5,6,7,0]", "Same text. m [1,2,3,4,5,6,7,1]"}, got); d != "" {
		t.Error(d)
	}
}

func TestPublishDryRun(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.publish(t, article("a"))
	r, err := b.Publish(t.Context(), []Document{article("b")}, PublishOptions{DryRun: true, ArchiveMissing: true})
	if err != nil {
		t.Fatal(err)
	}
	wantCounts(t, r, "1 created 0 updated 0 unchanged 1 archived, 2 passages, revision 2")
	wantState(t, b, "a en 1 published @1, 2")
	if b.revision(t) != 1 || b.woken != 1 {
		t.Errorf("revision %d, woken %d times", b.revision(t), b.woken)
	}
}

func TestPublishArchivesWhatIsMissingOnlyWhenAsked(t *testing.T) {
	t.Parallel()
	b := setup(t)
	a, de, c := article("a"), article("a", locale("de")), article("c")
	b.publish(t, a, de, c)
	wantCounts(t, b.publish(t, a), "0 created 0 updated 1 unchanged 0 archived, 0 passages, revision 0")
	r, err := b.Publish(t.Context(), []Document{a}, PublishOptions{ArchiveMissing: true})
	if err != nil {
		t.Fatal(err)
	}
	wantCounts(t, r, "0 created 0 updated 1 unchanged 2 archived, 0 passages, revision 2")
	wantState(t, b, "a de 1 archived @2, 0", "a en 1 published @1, 2", "c en 1 archived @2, 0")
	// Back again: the next number, and not an update, because nobody saw it meanwhile.
	wantCounts(t, b.publish(t, de), "1 created 0 updated 0 unchanged 0 archived, 2 passages, revision 3")
	wantState(t, b, "a de 1 archived @2, 0", "a de 2 published @3, 2", "a en 1 published @1, 2", "c en 1 archived @2, 0")
	if _, err := b.Publish(t.Context(), nil, PublishOptions{ArchiveMissing: true}); !fault.Is(err, fault.Invalid) {
		t.Errorf("an empty import that would archive everything gave %v", err)
	}
}

func TestPublishRefuses(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.publish(t, article("p", markets("gb", "se")), article("q"), article("gone"))
	if err := b.Unpublish(t.Context(), "gone", "", "en"); err != nil {
		t.Fatal(err)
	}
	state := b.state(t)
	file := func(name string) func(*Document) { return func(d *Document) { d.File = name } }
	for _, c := range []struct {
		name string
		docs []Document
		want string // in the error; "" when it is accepted
	}{
		{"malformed", []Document{article("B!")}, `en/paying/B!.md: slug: "B!" must be`},
		{"one page twice", []Document{article("b", file("x/1.md")), article("b", file("x/2.md"), body("y"))}, "x/2.md: slug: is the same page as x/1.md"},
		{"locales disagree on markets", []Document{article("b", file("1.md")), article("b", file("2.md"), locale("de"), markets("us"))}, "2.md: markets: markets of an article must be the same in all locales, but 1.md has another"},
		{"locales disagree on more", []Document{article("b"), article("b", locale("de"), func(d *Document) { d.Collection, d.Audience, d.Owner, d.AIExcluded = "x", Merchant, "o", true })}, "collection and audience and owner and ai_excluded of an article"},
		{"variants overlap", []Document{article("b", file("1.md"), markets("gb", "us")), article("b", file("2.md"), variant("us"), markets("us", "de"))}, "us is also in the markets of 2.md"},
		{"variant of an article for every market", []Document{article("b", file("1.md")), article("b", file("2.md"), variant("us"), markets("us"))}, "1.md: markets: us is also in the markets of 2.md"},
		{"overlap with what is published", []Document{article("p", file("2.md"), variant("n"), markets("se", "de"))}, "2.md: markets: se is also in the markets of en/paying/p.md (published already)"},
		{"both for every market", []Document{article("q", file("2.md"), variant("n"))}, "every market is also"},
		{"good and bad together", []Document{article("fine"), article("q", variant("n"))}, "every market is also"},
	} {
		_, err := b.Publish(t.Context(), c.docs, PublishOptions{})
		if err == nil || !strings.Contains(err.Error(), c.want) || !fault.Is(err, fault.Invalid) {
			t.Errorf("%s: got %v\nwant %s", c.name, err, c.want)
		}
	}
	wantState(t, b, state...)

	// Overlaps are judged by what would be live afterwards.
	wantCounts(t, b.publish(t, article("gone", variant("us"), markets("us"))), "1 created 0 updated 0 unchanged 0 archived, 2 passages, revision 3")
	r := b.publish(t, article("p", markets("gb")), article("p", variant("n"), markets("se")))
	wantCounts(t, r, "1 created 1 updated 0 unchanged 0 archived, 2 passages, revision 4")
	b.publish(t, article("same", markets("us", "gb")), article("same", locale("de"), markets("gb", "us"))) // a set has no order
}

func TestUnpublishAndArchive(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.publish(t, article("a"), article("a", locale("de")), article("c"))
	if err := b.Unpublish(t.Context(), "a", "", "de"); err != nil {
		t.Fatal(err)
	}
	wantState(t, b, "a de 1 archived @2, 0", "a en 1 published @1, 2", "c en 1 published @1, 2")
	for _, err := range []error{b.Unpublish(t.Context(), "a", "", "de"), b.Unpublish(t.Context(), "a", "us", "en"), b.Archive(t.Context(), "z", "")} {
		if !fault.Is(err, fault.NotFound) {
			t.Errorf("got %v, want not found", err)
		}
	}
	if b.revision(t) != 2 || b.woken != 2 {
		t.Errorf("revision %d, woken %d times", b.revision(t), b.woken)
	}
	if _, err := b.pool.Exec(t.Context(), `INSERT INTO article_versions (id, article_id, locale, number, state, title, markdown)
		SELECT $1, id, 'en', 2, 'draft', 'T', 'x' FROM articles WHERE slug = 'a'`, uuid.New()); err != nil {
		t.Fatal(err)
	}
	if err := b.Archive(t.Context(), "a", ""); err != nil {
		t.Fatal(err)
	}
	wantState(t, b, "a de 1 archived @2, 0", "a en 1 archived @3, 0", "a en 2 archived @3, 0", "c en 1 published @1, 2")
	wantCounts(t, b.publish(t, article("a")), "1 created 0 updated 0 unchanged 0 archived, 2 passages, revision 4")
	vs, err := b.Versions(t.Context(), "a", "", "en")
	if err != nil || len(vs) != 3 || vs[0].Number != 3 || vs[0].State != Published || vs[2].Markdown != article("a").Markdown {
		t.Errorf("%v %+v", err, vs)
	}
	if _, err := b.Versions(t.Context(), "a", "", "sv"); !fault.Is(err, fault.NotFound) {
		t.Errorf("got %v, want not found", err)
	}
	if p, err := b.Version(t.Context(), vs[1].ID); err != nil || p.Article.Slug != "a" || p.Version.Number != 2 {
		t.Errorf("%v %+v", err, p)
	}
	if _, err := b.Version(t.Context(), uuid.New()); !fault.Is(err, fault.NotFound) {
		t.Errorf("got %v, want not found", err)
	}
}

func TestFind(t *testing.T) {
	t.Parallel()
	b := setup(t)
	day := lintDay.Truncate(24 * time.Hour)
	b.publish(t,
		article("a", markets("gb", "de")), article("a", markets("gb", "de"), locale("de")), article("a", variant("us"), markets("us")),
		article("all"), article("all", locale("pt")), article("all", locale("pt-BR")),
		article("m", func(d *Document) { d.Audience = Merchant }),
		article("both", func(d *Document) { d.Audience = Merchant }, markets("us"), variant("m")), article("both", markets("gb")),
		article("old", valid(time.Time{}, lintDay)), article("new", valid(lintDay.Add(time.Second), time.Time{})),
		article("now", valid(day, lintDay.Add(time.Second))),
		article("hidden", func(d *Document) { d.AIExcluded = true }),
		article("draft"),
	)
	if _, err := b.pool.Exec(t.Context(), `UPDATE article_versions v SET state = 'draft' FROM articles a WHERE a.id = v.article_id AND a.slug = 'draft'`); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ slug, market, locale, audience, want string }{
		{"a", "gb", "en", Consumer, "a en"}, {"a", "de", "de", Consumer, "a de"}, {"a", "de", "sv", Consumer, "a en"},
		{"a", "us", "en", Consumer, "a.us en"}, {"a", "us", "de", Consumer, "a.us en"}, {"a", "se", "en", Consumer, ""}, {"a", "", "en", Consumer, ""},
		{"all", "se", "en", Consumer, "all en"}, {"all", "", "sv", Consumer, "all en"}, {"all", "us", "pt-BR", Consumer, "all pt-BR"},
		{"all", "us", "pt-PT", Consumer, "all pt"}, {"all", "us", "zh-Hant-TW", Consumer, "all en"},
		{"m", "us", "en", Merchant, "m en"}, {"m", "us", "en", Consumer, ""}, {"all", "us", "en", Merchant, "all en"},
		{"both", "us", "en", Merchant, "both.m en"}, {"both", "gb", "en", Merchant, "both en"}, {"both", "us", "en", Consumer, ""},
		{"old", "us", "en", Consumer, ""}, {"new", "us", "en", Consumer, ""}, {"now", "us", "en", Consumer, "now en"},
		{"hidden", "us", "en", Consumer, "hidden en"}, {"draft", "us", "en", Consumer, ""}, {"none", "us", "en", Consumer, ""},
	} {
		p, err := b.Find(t.Context(), c.slug, c.market, c.locale, c.audience)
		got := ""
		if err == nil {
			got = strings.TrimSuffix(p.Article.Slug+"."+p.Article.Variant, ".") + " " + p.Version.Locale
		} else if !fault.Is(err, fault.NotFound) {
			t.Fatal(err)
		}
		if got != c.want {
			t.Errorf("Find(%q, market %q, %q, %q) = %q, want %q", c.slug, c.market, c.locale, c.audience, got, c.want)
		}
	}
	cs, err := b.Collections(t.Context(), "us", "pt-BR", Consumer)
	if err != nil || !cmp.Equal(cs, []Collection{{"paying", 4}}) { // a.us, all, now, hidden
		t.Errorf("%v %+v", err, cs)
	}
}

func TestList(t *testing.T) {
	t.Parallel()
	b := setup(t)
	late := article("late", func(d *Document) {
		d.Collection, d.Review = "account", lintDay.AddDate(0, -1, 0).Truncate(24*time.Hour)
	})
	b.publish(t, article("a", markets("gb")), article("a", markets("gb"), locale("de")), article("a", variant("us"), markets("us")), late,
		article("old", valid(time.Time{}, lintDay)), article("m", func(d *Document) { d.Audience = Merchant }))
	if err := b.Unpublish(t.Context(), "a", "", "de"); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		f    Filter
		want string
	}{
		{Filter{}, "late/en a/de a/en a.us/en m/en old/en"},
		{Filter{Slug: "a"}, "a/de a/en a.us/en"},
		{Filter{Collection: "account"}, "late/en"},
		{Filter{Locale: "de"}, "a/de"},
		{Filter{Market: "us"}, "late/en a.us/en m/en old/en"},
		{Filter{Audience: Merchant}, "m/en"},
		{Filter{State: Archived}, "a/de"},
		{Filter{State: Published, Slug: "a"}, "a/en a.us/en"},
		{Filter{ReviewBefore: lintDay.Truncate(24 * time.Hour)}, "late/en"},
		{Filter{Live: true}, "late/en a/en a.us/en m/en"},
		{Filter{Limit: 2}, "late/en a/de"},
		{Filter{Slug: "none"}, ""},
	} {
		pages, err := b.List(t.Context(), c.f)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, p := range pages {
			got = append(got, strings.TrimSuffix(p.Article.Slug+"."+p.Article.Variant, ".")+"/"+p.Version.Locale)
		}
		if s := strings.Join(got, " "); s != c.want {
			t.Errorf("List(%+v) = %s, want %s", c.f, s, c.want)
		}
	}
}

// TestPublishersTakeTurns lets many publish at once: every revision is used once, and no page is live twice.
func TestPublishersTakeTurns(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.OnChange = nil
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			if _, err := b.Publish(t.Context(), []Document{article("a", body(fmt.Sprintf("Text %d.", i)))}, PublishOptions{}); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if b.revision(t) != 8 {
		t.Errorf("revision %d, want 8", b.revision(t))
	}
	vs, err := b.Versions(t.Context(), "a", "", "en")
	if err != nil || len(vs) != 8 || vs[0].State != Published || vs[0].Revision != 8 {
		t.Errorf("%v %d versions, newest %+v", err, len(vs), vs[0])
	}
}

func TestStoreSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := b.Publish(ctx, []Document{article("a")}, PublishOptions{}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want canceled", err)
	}
	b.pool.Close()
	if _, err := b.Find(t.Context(), "a", "us", "en", Consumer); !fault.Is(err, fault.Unavailable) {
		t.Errorf("got %v, want unavailable", err)
	}
}

// TestStoreKeepsDocuments publishes random documents and reads every one back as it was, in the order of an export.
func TestStoreKeepsDocuments(t *testing.T) {
	t.Parallel()
	b := setup(t)
	n := 0
	rapid.Check(t, func(rt *rapid.T) {
		var docs []Document
		for range rapid.IntRange(1, 4).Draw(rt, "documents") {
			n++
			d := documents().Draw(rt, "document")
			d.Slug = fmt.Sprintf("%s-%d", d.Slug, n)
			docs = append(docs, d)
			if rapid.Bool().Draw(rt, "translated") {
				other := documents().Draw(rt, "translation")
				other.Slug, other.Variant, other.Collection, other.Markets, other.Audience, other.Owner, other.AIExcluded = d.Slug, d.Variant, d.Collection, d.Markets, d.Audience, d.Owner, d.AIExcluded
				if other.Locale != d.Locale {
					docs = append(docs, other)
				}
			}
		}
		if _, err := b.Publish(t.Context(), docs, PublishOptions{ArchiveMissing: true}); err != nil {
			rt.Fatal(err)
		}
		got := map[documentKey]Document{}
		for d, err := range b.Export(t.Context()) {
			if err != nil {
				rt.Fatal(err)
			}
			got[d.key()] = d
		}
		if len(got) != len(docs) {
			rt.Fatalf("%d documents out, %d in", len(got), len(docs))
		}
		for _, d := range docs {
			if string(got[d.key()].Render()) != string(d.Render()) {
				rt.Fatalf("in  %s\nout %s", d.Render(), got[d.key()].Render())
			}
		}
		r, err := b.Publish(t.Context(), docs, PublishOptions{ArchiveMissing: true})
		if err != nil || r.Unchanged != len(docs) || r.Revision != 0 {
			rt.Fatalf("%v %+v", err, r)
		}
	})
}
