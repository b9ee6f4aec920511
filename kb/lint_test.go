package kb

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var lintDay = time.Date(2026, 11, 23, 15, 0, 0, 0, time.UTC)

// article returns a document without a fault, changed by edits.
func article(slug string, edits ...func(*Document)) Document {
	d := Document{
		Slug: slug, Collection: "paying", Locale: "en", Audience: Consumer, Title: "About " + slug,
		Description: "What " + slug + " is.", Review: lintDay.Truncate(24 * time.Hour), Markdown: "Body of " + slug + ".\n\n## Fees\n\nText.\n",
	}
	for _, e := range edits {
		e(&d)
	}
	return d
}

func body(md string) func(*Document) { return func(d *Document) { d.Markdown = md } }

// parsed sends documents through files, so that problems have lines.
func parsed(t *testing.T, docs ...Document) []Document {
	t.Helper()
	for i, d := range docs {
		var err error
		if docs[i], err = ParseFile(d.name(), d.Render()); err != nil {
			t.Fatal(err)
		}
	}
	return docs
}

func TestLint(t *testing.T) {
	for _, c := range []struct {
		name string
		docs []Document
		want []string // "rule" or "rule?" for a warning, with the line when it has one
	}{
		{"nothing wrong", []Document{article("a", body("[b](/help/b#fees) [c](#fees) [d](https://e.example) [e](mailto:a@e.example) ![f](/f.png) a<br>b\n\n## Fees\nx\n\n### Deep\nx\n\n## Up\nx")), article("b")}, nil},
		{"broken link", []Document{article("a", body("x\n\n[b](/help/c) [b](/help/b?x=1)")), article("b")}, []string{"broken_link:13"}},
		{"broken fragment", []Document{article("a", body("[b](/help/b#none)")), article("b")}, []string{"broken_link:11"}},
		{"broken fragment in itself", []Document{article("a", body("[b](#none)"))}, []string{"broken_link:11"}},
		{"fragment in the translation", []Document{article("a"), article("b"),
			article("a", func(d *Document) {
				d.Locale, d.Title, d.Markdown = "de", "A de", "[b](/help/b#fees) [a](/help/a#gebühren)\n\n## Gebühren\nx"
			})}, nil},
		{"relative link", []Document{article("a", body("[b](b.md)"))}, []string{"broken_link:11"}},
		{"unsafe link", []Document{article("a", body("[b](javascript:x) [c](//e.example)"))}, []string{"unsafe_link:11", "unsafe_link:11"}},
		{"other audience", []Document{article("a", body("[b](/help/b)")), article("b", func(d *Document) { d.Audience = Merchant })}, []string{"broken_link:11"}},
		{"merchants read consumers' articles", []Document{article("a"), article("b", func(d *Document) { d.Audience, d.Markdown = Merchant, "[a](/help/a)" })}, nil},
		{"other market", []Document{article("a", func(d *Document) { d.Markets, d.Markdown = []string{"us", "gb"}, "[b](/help/b)" }), article("b", func(d *Document) { d.Markets = []string{"gb"} })}, []string{"link_other_market?"}},
		{"link in a table", []Document{article("a", body("| a |\n|---|\n| x |\n| [b](/help/c) |"))}, []string{"broken_link:14"}},
		{"no review date", []Document{article("a", func(d *Document) { d.Review = time.Time{} })}, []string{"no_review_date"}},
		{"review overdue", []Document{article("a", func(d *Document) { d.Review = d.Review.AddDate(0, 0, -1) })}, []string{"review_overdue"}},
		{"one title twice", []Document{article("a"), article("b", func(d *Document) { d.Title = "ABOUT a" })}, []string{"duplicate_title"}},
		{"one title for variants and locales", []Document{article("a"), article("a", func(d *Document) { d.Variant = "us" }), article("a", func(d *Document) { d.Locale = "de" })}, nil},
		{"image without description", []Document{article("a", body("![](/a.png)"))}, []string{"image_without_description:11"}},
		{"image that is not shown", []Document{article("a", body("![a](http://e.example/a.png)"))}, []string{"unsafe_link:11"}},
		{"heading skips", []Document{article("a", body("x\n\n## A\nx\n\n#### B\nx"))}, []string{"heading_skips:16"}},
		{"first heading skips", []Document{article("a", body("### A\nx"))}, []string{"heading_skips:11"}},
		{"level 1", []Document{article("a", body("# A\nx"))}, []string{"level_1_heading:11"}},
		{"empty heading", []Document{article("a", body("x\n\n##\n\nx"))}, []string{"empty_heading:13"}},
		{"raw html", []Document{article("a", body("<div>x</div>\n\na <b>c</b>"))}, []string{"raw_html:11", "raw_html:13", "raw_html:13"}},
		{"no description", []Document{article("a", func(d *Document) { d.Description = "" })}, []string{"no_description?"}},
		{"long description", []Document{article("a", func(d *Document) { d.Description = strings.Repeat("ä", 161) })}, []string{"long_description?"}},
		{"misplaced", []Document{article("a", func(d *Document) { d.File = "en/fees/a.md" })}, []string{"misplaced_file?"}},
		{"translation alone", []Document{article("a", func(d *Document) { d.Locale = "de" })}, []string{"no_source?"}},
		{"markets in another order", []Document{article("a", func(d *Document) { d.Markets = []string{"us", "gb"} }), article("a", func(d *Document) { d.Locale, d.Markets = "de", []string{"gb", "us"} })}, []string{"markets_order?"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var got []string
			for _, p := range LintAt(parsed(t, c.docs...), lintDay) {
				s := p.Rule
				if p.Warning {
					s += "?"
				}
				if p.Line > 0 {
					s += fmt.Sprintf(":%d", p.Line)
				}
				if p.File == "" || p.Message == "" {
					t.Errorf("no file or message in %+v", p)
				}
				got = append(got, s)
			}
			if d := cmp.Diff(slices.Sorted(slices.Values(c.want)), slices.Sorted(slices.Values(got))); d != "" {
				t.Error(d)
			}
		})
	}
}
