package retrieval

import (
	"testing"

	"github.com/firstline/firstline/kb"
)

// A question that is nearly one of those that customers ask finds the section that the question is asked of, whatever
// that section's own words are, also where the article is not translated; unpublishing it ends that.
func TestAQuestionLeadsToItsSection(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.publish(t,
		kb.Document{Slug: "grace", Title: "Days of grace", Markdown: "We wait a while.\n\n## How long is it?\nSeven calendar days are granted, counted from midnight, in every country that we serve today.\n\n## What follows then?\nA penalty of six pounds is added to the balance, and the account is held back from new orders.",
			Questions: map[string][]string{"en": {"am i in trouble if my wages come friday {#how-long-is-it}", "what happens when i ignore you"}, "sv": {"får jag böter om lönen kommer på fredag {#what-follows-then}"}}},
		kb.Document{Slug: "wages", Title: "Wages and trouble", Markdown: "Paying out of your wages on a friday is no trouble: choose the day that your wages come, and the trouble is over."},
	)
	b.embed(t)
	r := b.search(t, Query{Text: "Am I in trouble if my wages come on Friday?", Locale: "en"})
	if len(r.Passages) == 0 || r.Passages[0].Anchor != "how-long-is-it" {
		t.Fatalf("%+v", r.Passages)
	}
	if f := r.Features; f.Ask < 0.8 || f.AskSection != f.Ask || f.AskMargin != f.Ask {
		t.Errorf("%+v", f)
	}
	r = b.search(t, Query{Text: "blir det böter om lönen kommer på fredag", Locale: "sv"})
	if len(r.Passages) == 0 || r.Passages[0].Anchor != "what-follows-then" {
		t.Fatalf("%+v", r.Passages)
	}
	if r = b.search(t, Query{Text: "what happens if I ignore you", Locale: "en"}); r.Passages[0].Slug != "grace" || r.Features.Ask < 0.6 || r.Features.AskSection != 0 {
		t.Errorf("asked of no section: %s, %+v", r.Passages[0].Slug, r.Features)
	}
	if _, err := b.pool.Exec(b.ctx, `UPDATE article_versions SET state = 'archived', revision = (SELECT revision FROM kb_revision) + 1 WHERE article_id = (SELECT id FROM articles WHERE slug = 'grace')`); err != nil {
		t.Fatal(err)
	}
	if _, err := b.pool.Exec(b.ctx, `UPDATE kb_revision SET revision = revision + 1`); err != nil {
		t.Fatal(err)
	}
	r = b.search(t, Query{Text: "Am I in trouble if my wages come on Friday?", Locale: "en"})
	if len(r.Passages) == 0 || r.Passages[0].Slug != "wages" || r.Features.Ask != 0 {
		t.Errorf("after unpublishing: %+v", r.Features)
	}
}

// What an editor has written down for an article that the assistant must not quote is known, and is nothing to quote: for
// the readers of that article only, and as long as it is published.
func TestAQuestionThatNoArticleAnswers(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.publish(t,
		kb.Document{Slug: "points", Title: "What we do not offer", Markdown: "No points, no miles.", AIExcluded: true, Markets: []string{"gb"},
			Questions: map[string][]string{"en": {"do I collect points when I pay with you"}, "sv": {"får jag poäng när jag betalar"}}},
		kb.Document{Slug: "pay", Title: "When you pay with us", Markdown: "You pay later, when you collect the goods."},
	)
	b.embed(t)
	for _, c := range []struct {
		q      Query
		closed bool
	}{
		{Query{Text: "Do I collect points when I pay with you?", Market: "gb", Locale: "en"}, true},
		{Query{Text: "får jag poäng när jag betalar?", Market: "gb", Locale: "sv"}, true},
		{Query{Text: "Do I collect points when I pay with you?", Market: "us", Locale: "en"}, false},
		{Query{Text: "Do I collect points when I pay with you?", Market: "gb", Locale: "en", Reader: true}, false},
		{Query{Text: "when do I collect the goods", Market: "gb", Locale: "en"}, false},
	} {
		r := b.search(t, c.q)
		if c.closed != (r.Features.Outside > 0.9) && r.Features.Candidates > 0 {
			t.Errorf("%+v: %+v", c.q, r.Features)
		}
		for _, p := range r.Passages {
			if !c.q.Reader && p.Slug == "points" {
				t.Errorf("%+v quotes what must not be quoted", c.q)
			}
		}
	}
}
