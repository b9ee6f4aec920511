package web

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestSnippet(t *testing.T) {
	long := strings.Repeat("filler words that say nothing ", 20)
	tests := []struct {
		name, text, q, want string // marks as [..]
	}{
		{"marks what was asked for", "A late fee is charged once.", "late fee", "A [late] [fee] is charged once."},
		{"marks inflections", "Two fees were charged.", "fee charge", "Two [fees] were [charged]."},
		{"not every word with the same beginning", "Late purchases and laterality.", "late", "[Late] purchases and laterality."},
		{"not the words between", "The fee and the rest of it.", "what is the fee and", "The [fee] and the rest of it."},
		{"case and umlauts", "Die GEBÜHR beträgt 2 Euro.", "gebühr", "Die [GEBÜHR] beträgt 2 Euro."},
		{"numbers", "Within 14 days, not 140.", "14", "Within [14] days, not 140."},
		{"begins near the match", long + "the refund comes", "refund", "… words that say nothing filler words that say nothing the [refund] comes"},
		{"ends at a word", "refund " + long, "refund", "[refund] " + strings.TrimSpace(strings.Repeat("filler words that say nothing ", 7)) + " …"},
		{"no match", "Nothing here.", "zebra", "Nothing here."},
		{"no text", "", "zebra", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var sb strings.Builder
			for _, p := range snippet(tt.text, queryTerms(tt.q)) {
				if p.Mark {
					sb.WriteString("[" + p.Text + "]")
				} else {
					sb.WriteString(p.Text)
				}
			}
			if diff := cmp.Diff(tt.want, sb.String()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestSnippetOfAnything: a snippet is a piece of its text, of bounded length, whatever the text and the question are.
func TestSnippetOfAnything(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.String().Draw(t, "text")
		q := rapid.OneOf(rapid.String(), rapid.StringMatching(`[a-zäß0-9 ]{0,20}`)).Draw(t, "q")
		got := plainSnippet(snippet(text, queryTerms(cleanQuery(q))))
		if n := len([]rune(got)); n > snippetRunes+10 {
			t.Fatalf("a snippet of %d characters", n)
		}
		inner := strings.TrimSuffix(strings.TrimPrefix(got, "… "), " …")
		if !strings.Contains(strings.Join(strings.Fields(text), " "), inner) {
			t.Fatalf("%q is not in the text", inner)
		}
	})
}

func TestCleanQuery(t *testing.T) {
	for in, want := range map[string]string{
		"  late \n fee\x00 ":            "late fee",
		"bad \xff bytes":                "bad bytes",
		strings.Repeat("ä", 300):        strings.Repeat("ä", maxQuery),
		"paid with 4111 1111 1111 1111": "paid with [card number ending 1111]",
	} {
		got := cleanQuery(in)
		if strings.Contains(in, "4111") {
			if strings.Contains(got, "4111 1111") {
				t.Errorf("the card number was kept: %q", got)
			}
			continue
		}
		if got != want {
			t.Errorf("cleanQuery(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestReader(t *testing.T) {
	s := &Server{Deps: Deps{Site: demoSite}}
	none := &Server{}
	tests := []struct {
		name, query, accept string
		server              *Server
		want                reader
		field               string // that is refused
	}{
		{"nothing is said", "", "", s, reader{"en", "gb", "consumer"}, ""},
		{"everything is said", "?locale=es&market=us&audience=merchant", "de", s, reader{"es", "us", "merchant"}, ""},
		{"the browser's language", "", "sv;q=0.8,fr", s, reader{"sv", "se", "consumer"}, ""},
		{"the browser's region", "", "en-US,en;q=0.9", s, reader{"en", "us", "consumer"}, ""},
		{"the browser's region, and another language in the address", "?locale=de", "en-GB", s, reader{"de", "gb", "consumer"}, ""},
		{"a locale's own market", "?locale=es", "", s, reader{"es", "es", "consumer"}, ""},
		{"an unknown locale", "?locale=tlh", "", s, reader{"en", "gb", "consumer"}, "locale"},
		{"an unknown market", "?market=xx&locale=de", "", s, reader{"de", "de", "consumer"}, "market"},
		{"an unknown audience", "?audience=all", "", s, reader{"en", "gb", "consumer"}, "audience"},
		{"a header that is none", "", ";;;q=,,", s, reader{"en", "gb", "consumer"}, ""},
		{"a site without markets", "", "de-DE", none, reader{"en", "", "consumer"}, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			req, err := http.NewRequestWithContext(t.Context(), "GET", "/help"+tt.query, nil)
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Accept-Language", tt.accept)
			got, err := tt.server.readerOf(req)
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
			if field := ""; err != nil || tt.field != "" {
				if err != nil {
					field = problemOf(err).Field
				}
				if field != tt.field {
					t.Errorf("refused %q, want %q", field, tt.field)
				}
			}
		})
	}
}
