package copilot

import (
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"
	"golang.org/x/text/language"
	"pgregory.net/rapid"
)

func TestKept(t *testing.T) {
	tests := []struct {
		draft, sent string
		want        float64
	}{
		{"one two three four", "one two three four", 1},
		{"one two three four", "Hello! one two three four. Bye", 0.75},
		{"one two three four", "four three two one", 0.25},
		{"one two three four", "one four", 0.5},
		{"one two three four", "", 0},
		{"", "one", 0},
		{"a a a a", "a", 0.25},
	}
	for _, tt := range tests {
		if got := Kept(tt.draft, tt.sent); math.Abs(got-tt.want) > 1e-9 {
			t.Errorf("Kept(%q, %q) = %v, want %v", tt.draft, tt.sent, got, tt.want)
		}
	}
}

// TestKeptOfAnything: between 0 and 1, 1 for the draft itself with anything around it, and never more for less of it.
func TestKeptOfAnything(t *testing.T) {
	word := rapid.SampledFrom(strings.Fields("a b c d refund fee"))
	rapid.Check(t, func(t *rapid.T) {
		draft := rapid.SliceOfN(word, 1, 12).Draw(t, "draft")
		around := rapid.SliceOfN(word, 0, 12).Draw(t, "around")
		whole := strings.Join(draft, " ")
		if k := Kept(whole, strings.Join(slices.Concat(around, draft, around), " ")); k != 1 {
			t.Fatalf("with more around it: %v", k)
		}
		cut := rapid.IntRange(0, len(draft)-1).Draw(t, "cut")
		less := strings.Join(slices.Delete(slices.Clone(draft), cut, cut+1), " ")
		if k, want := Kept(whole, less), float64(len(draft)-1)/float64(len(draft)); math.Abs(k-want) > 1e-9 {
			t.Fatalf("without one word: %v, want %v", k, want)
		}
		if k := Kept(whole, strings.Join(around, " ")); k < 0 || k > 1 {
			t.Fatalf("of something else: %v", k)
		}
	})
}

func TestPlain(t *testing.T) {
	tests := []struct{ text, want string }{
		{"The fee is £6 [1]. It is waived [2][3].", "The fee is £6. It is waived."},
		{"First part.\n\n[1]\n\n**Head**\n\nMore. [12]", "First part.\n\n**Head**\n\nMore."},
		{"A [link](/help/x) and [card number] stay", "A [link](/help/x) and [card number] stay"},
	}
	for _, tt := range tests {
		if got := Plain(tt.text); got != tt.want {
			t.Errorf("Plain(%q) = %q, want %q", tt.text, got, tt.want)
		}
	}
}

func TestDoubts(t *testing.T) {
	tests := []struct {
		name, original, text string
		want                 []string
	}{
		{"the same", "Pay 20 EUR by 3 May.", "Zahlen Sie 20 EUR bis 3. Mai.", nil},
		{"set in another way", "1,200.50 kr", "1 200,50 kr", nil},
		{"and with a narrow space", "1,200.50 kr", "1\u202f200,50 kr", nil},
		{"another amount", "Pay 20 EUR", "Zahlen Sie 200 EUR", []string{"20", "200"}},
		{"left out", "Call 08 123 or write to a.b@larkpay.example", "Rufen Sie an", []string{"08 123", "a.b@larkpay.example"}},
		{"added", "Soon", "In 5 Tagen", []string{"5"}},
		{"an address that was changed", "See https://larkpay.example/a", "Siehe https://larkpay.example/b", []string{"https://larkpay.example/a", "https://larkpay.example/b"}},
		{"a full stop behind a number", "It was 30.", "Es waren 30", nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := compared(tt.original, tt.text, language.German, "en").Doubts
			if !slices.Equal(got, tt.want) {
				t.Errorf("doubts %q, want %q", got, tt.want)
			}
		})
	}
}

func TestSlug(t *testing.T) {
	id := uuid.MustParse("00000000-0000-7000-8000-0123456789ab")
	tests := []struct{ title, want string }{
		{"What does a reminder cost?", "what-does-a-reminder-cost"},
		{"Was kostet eine Mahnung für Ärzte", "was-kostet-eine-mahnung-fur-arzte"},
		{"請求書", "draft-0123456789ab"},
		{"?!", "draft-0123456789ab"},
		{strings.Repeat("word ", 40), strings.TrimSuffix(strings.Repeat("word-", 12), "-")},
	}
	for _, tt := range tests {
		d := ArticleDraft{ID: id, Title: tt.title, Locale: "en", Market: "gb", Audience: "consumer", Markdown: "x", Agent: "Sam"}
		if d.Title = strings.TrimSpace(tt.title); d.Document().Slug != tt.want {
			t.Errorf("slug of %q is %q, want %q", tt.title, d.Document().Slug, tt.want)
		}
		if err := d.Document().Check(); err != nil {
			t.Errorf("%q cannot be imported: %v", tt.title, err)
		}
	}
}
