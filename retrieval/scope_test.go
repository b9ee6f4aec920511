package retrieval

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/firstline/firstline/kb"
)

// What decides who may read a passage is copied beside it. Whatever changes the article or its version, the copy is equal
// at the end of the same statement, and searches follow.
func TestWhoMayReadFollowsTheArticle(t *testing.T) {
	t.Parallel()
	b := setup(t)
	doc := kb.Document{Slug: "refund", Markdown: "How a refund is paid back.\n\n## Time\n\nA refund takes five days."}
	b.publish(t, doc, kb.Document{Slug: "other", Markdown: "Another text about a refund."})
	b.embed(t)
	published := func(change func(*kb.Document)) func() {
		return func() {
			changed := doc
			change(&changed)
			b.publish(t, changed)
		}
	}
	direct := func(sql string) func() {
		return func() {
			if _, err := b.pool.Exec(b.ctx, sql); err != nil {
				t.Fatal(err)
			}
		}
	}
	both, one := []string{"other en", "refund en"}, []string{"other en"}
	for _, tt := range []struct {
		name   string
		change func()
		want   []string
	}{
		{"published", func() {}, both},
		{"another market", published(func(d *kb.Document) { d.Markets = []string{"se"} }), one},
		{"every market again", published(func(*kb.Document) {}), both},
		{"for merchants", published(func(d *kb.Document) { d.Audience = kb.Merchant }), one},
		{"kept from the assistant", published(func(d *kb.Document) { d.AIExcluded = true }), one},
		{"no longer valid", published(func(d *kb.Document) { d.ValidTo = time.Now().UTC().Truncate(time.Second).Add(-time.Hour) }), one},
		{"valid again", published(func(*kb.Document) {}), both},
		{"dates set by hand", direct(`UPDATE article_versions v SET valid_from = now() + interval '1 day' FROM articles a
			WHERE a.id = v.article_id AND a.slug = 'refund' AND v.state = 'published'`), one},
		{"and taken back", direct(`UPDATE article_versions SET valid_from = NULL`), both},
		{"market set by hand", direct(`UPDATE articles SET markets = '{li}' WHERE slug = 'refund'`), one},
		{"and taken back too", direct(`UPDATE articles SET markets = '{}'`), both},
		{"a draft again", direct(`UPDATE article_versions v SET state = 'draft' FROM articles a
			WHERE a.id = v.article_id AND a.slug = 'refund' AND v.state = 'published'`), one},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.change()
			var passages, different int
			err := b.pool.QueryRow(b.ctx, `
				SELECT count(*), count(*) FILTER (WHERE (p.article_id, p.live, p.ai_excluded, p.valid_from, p.valid_to, p.locale, p.audience, p.markets)
					IS DISTINCT FROM (a.id, v.state = 'published', a.ai_excluded, v.valid_from, v.valid_to, v.locale, a.audience, a.markets))
				FROM passages p JOIN article_versions v ON v.id = p.version_id JOIN articles a ON a.id = v.article_id`).Scan(&passages, &different)
			if err != nil || passages < 3 || different > 0 {
				t.Fatalf("%d of %d copies differ (%v)", different, passages, err)
			}
			if diff := cmp.Diff(tt.want, slugs(b.search(t, Query{Text: "refund", Market: "gb", Locale: "en"})), sortedStrings); diff != "" {
				t.Error(diff)
			}
		})
	}
}
