package kb

import (
	"fmt"
	"testing"
	"time"

	"github.com/firstline/firstline/internal/fault"
	"github.com/firstline/firstline/internal/postgres/pgtest"
)

// TestContentsAreWhatFindOpens holds the lists against Find, for every kind of reader and article.
func TestContentsAreWhatFindOpens(t *testing.T) {
	ctx := t.Context()
	store := NewStore(pgtest.New(t))
	now := time.Now().UTC().Truncate(time.Second)
	doc := func(slug, variant, locale, audience string, markets []string, change func(*Document)) Document {
		d := Document{Slug: slug, Variant: variant, Collection: "paying", Locale: locale, Audience: audience, Markets: markets, Title: slug + " " + variant + " " + locale,
			Description: "About it.", Markdown: "Text.\n"}
		if change != nil {
			change(&d)
		}
		return d
	}
	docs := []Document{
		doc("everywhere", "", "en", Consumer, nil, nil), doc("everywhere", "", "de", Consumer, nil, nil),
		doc("countries", "", "en", Consumer, []string{"gb", "se"}, nil), doc("countries", "us", "en", Consumer, []string{"us"}, nil), doc("countries", "us", "es", Consumer, []string{"us"}, nil),
		doc("shops", "", "en", Merchant, nil, nil), doc("german", "", "de", Consumer, nil, nil),
		doc("expired", "", "en", Consumer, nil, func(d *Document) { d.ValidTo = now.Add(-time.Hour) }),
		doc("not-yet", "", "en", Consumer, nil, func(d *Document) { d.ValidFrom = now.Add(time.Hour) }),
		doc("half", "", "en", Consumer, nil, nil), doc("half", "", "de", Consumer, nil, func(d *Document) { d.ValidTo = now.Add(-time.Hour) }),
		doc("down", "", "en", Consumer, nil, nil),
	}
	if _, err := store.Publish(ctx, docs, PublishOptions{}); err != nil {
		t.Fatal(err)
	}
	if err := store.Archive(ctx, "down", ""); err != nil {
		t.Fatal(err)
	}
	opened := 0
	for _, market := range []string{"", "gb", "us", "se"} {
		for _, locale := range []string{"en", "de", "de-AT", "es"} {
			for _, audience := range []string{Consumer, Merchant} {
				contents, err := store.Contents(ctx, market, locale, audience)
				if err != nil {
					t.Fatal(err)
				}
				listed := map[string]Entry{}
				for _, e := range contents {
					listed[e.Slug] = e
				}
				for _, slug := range []string{"everywhere", "countries", "shops", "german", "expired", "not-yet", "half", "down"} {
					who := fmt.Sprintf("%s for %q %s %s", slug, market, locale, audience)
					page, err := store.Find(ctx, slug, market, locale, audience)
					if err != nil && !fault.Is(err, fault.NotFound) {
						t.Fatal(err)
					}
					e, has := listed[slug]
					if has != (err == nil) || has && (e.ArticleID != page.Article.ID || e.Locale != page.Version.Locale || e.Title != page.Version.Title) {
						t.Errorf("%s: Contents has %v (%+v), Find says %v", who, has, e, err)
					}
					live, liveErr := store.Live(ctx, slug)
					if liveErr != nil {
						t.Fatal(liveErr)
					}
					o, can := Opens(live, market, locale, audience)
					if can != (err == nil) || can && (o.ArticleID != page.Article.ID || o.Locale != page.Version.Locale) {
						t.Errorf("%s: Opens says %v (%+v), Find %v", who, can, o, err)
					}
					if can {
						opened++
					}
				}
			}
		}
	}
	if opened < 50 {
		t.Errorf("only %d pages were opened", opened)
	}
}
