package retrieval

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/firstline/firstline/kb"
)

// goldenFeatures is what Version 6 finds for a fixed little help centre and questions. When this test is red, retrieval
// behaves differently: raise Version, which voids the certificates that were made before, and write the new digest here.
const goldenFeatures = "5519a983b193"

func TestVersionFollowsBehaviour(t *testing.T) {
	t.Parallel()
	b := setup(t)
	var long strings.Builder // cut into several passages
	for i := range 60 {
		fmt.Fprintf(&long, "Step %d of the return: pack item %d and write its number on the parcel.\n\n", i, i%7)
	}
	b.publish(t,
		kb.Document{Slug: "refund", Title: "When a refund arrives", Markdown: "The shop confirms the return first. Then the refund is paid out within 5 working days.\n\n## Still no refund\nAsk the shop whether it has confirmed the return of the parcel.",
			Questions: map[string][]string{"en": {"where is my money {#still-no-refund}", "refund not there"}}},
		kb.Document{Slug: "returns", Title: "Return a parcel", Markdown: long.String()},
		kb.Document{Slug: "late", Title: "Late fees", Markdown: "A late fee is charged once. It is never more than 6 pounds.\n\n| days | fee |\n|---|---|\n| 7 | 3 |\n| 14 | 6 |"},
		kb.Document{Slug: "late", Locale: "de", Title: "Mahngebühren", Markdown: "Eine Mahngebühr wird einmal berechnet, nie mehr als 6 Euro."},
		kb.Document{Slug: "close", Title: "Close the account", Markdown: "Pay what is open and choose Close in the profile."},
		kb.Document{Slug: "tuikuan", Locale: "zh", Title: "退款到账", Markdown: "商店确认后两天内退款。"},
	)
	b.embed(t)
	var found strings.Builder
	for _, q := range []Query{
		{Text: "When does my refund arrive?"}, {Text: "where's my mony", Locale: "en"}, {Text: "what if it is late", Context: "fee account"},
		{Text: "Wie hoch ist die Mahngebühr?", Locale: "de"}, {Text: "close profile", Locale: "de"}, {Text: "退款什么时候到", Locale: "zh"},
		{Text: "zorbic flumquartz"}, {Text: "item 3 parcel number step 12"},
	} {
		r := b.search(t, q)
		raw, err := json.Marshal(r.Features)
		if err != nil {
			t.Fatal(err)
		}
		var features map[string]any
		if err := json.Unmarshal(raw, &features); err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&found, "%s %.4f %.4f\n", q.Text, r.Features.Confidence(), r.Features.Answerable())
		for _, name := range slices.Sorted(maps.Keys(features)) {
			// Rounded, because processors differ in the last digits.
			if x, ok := features[name].(float64); ok {
				fmt.Fprintf(&found, "  %s %.3f\n", name, x)
			}
		}
		for _, p := range r.Passages {
			fmt.Fprintf(&found, "  %s %s %d %.3f\n", p.Slug, p.Anchor, len(p.Text), p.Score)
		}
	}
	if got := digest("%s", found.String()); got != goldenFeatures {
		t.Errorf("version %d gives %s, not %s:\n%s", Version, got, goldenFeatures, found.String())
	}
}

func TestFingerprint(t *testing.T) {
	plain := New(nil, nil, Options{})
	seen := map[string]string{Fingerprint(): "the package"}
	for name, s := range map[string]*Searcher{
		"built in":       plain,
		"another weight": New(nil, nil, Options{Weight: 0.3}),
		"a model":        New(nil, Builtin{}, Options{Model: "m"}),
		"its size":       New(nil, Builtin{}, Options{Model: "m", Dimensions: 8}),
	} {
		f := s.Fingerprint()
		if other, twice := seen[f]; twice || len(f) != 12 {
			t.Errorf("%s has the fingerprint %q of %s", name, f, other)
		}
		seen[f] = name
	}
	if plain.Fingerprint() != New(nil, nil, Options{}).Fingerprint() {
		t.Error("equal searchers have different fingerprints")
	}
}
