package ground_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/firstline/firstline/assistant/ground"
)

func split(locale string, chunks ...string) []string {
	sp := ground.NewSplitter(locale)
	var out []string
	for _, c := range chunks {
		out = append(out, sp.Push(c)...)
	}
	return append(out, sp.Flush()...)
}

func TestSplitter(t *testing.T) {
	for _, tc := range []struct {
		locale string
		want   []string
	}{
		{"en", []string{"Refunds take 5 days. ", "Then you get a mail."}},
		{"en", []string{"Refunds take 5 days [1]. ", "Then you get a mail.[2][3] ", "Done! "}},
		{"en", []string{"Refunds take 5 days. [1][2] ", "Then more? ", "Yes. It is so. ", "End"}},
		{"en", []string{"Refunds take 5 days.\n[1]\n", "More.\n", "[1] A list\n", "[2] of sources"}},
		{"en", []string{"The fee is 1.5% or GBP 6.00, e.g. for cards. ", "See https://help.larkpay.example/a.b?c=1. ", "Mr. Smith asked."}},
		{"en", []string{"1. Open the app.\n", "2. Tap Payments. ", "It opens.\n", "\n- first\n", "- second\n"}[0:3]},
		{"en", []string{"## Fees\n\n", "| Market | Fee |\n", "|---|---|\n", "| UK | £6.00 |\n"}},
		{"en", []string{"He said \"Stop.\" ", "Then (really!) he left. ", "Wait... ", "What?! ", "OK"}},
		{"en", []string{"No. You cannot do that. ", "Fine."}},
		{"en", []string{"It came into force on 1. March this year. ", "It costs 5. ", "That is all."}},
		{"de", []string{"Das gilt ab dem 1. März 2025. ", "Es kostet z. B. 6,00 EUR bzw. mehr. ", "Die 2. Rate ist am 3. Juni fällig. ", "Ende."}},
		{"es", []string{"¿Cuándo llega? ", "Tarda 5 días, p. ej. con tarjeta. ", "¡Listo!"}},
		{"sv", []string{"Det kostar t.ex. 60 kr. ", "Det tar 3 dagar, bl.a. vid helg. ", "Klart."}},
		{"ja", []string{"返金は五日かかります。", "次にメールが届きます。[1]", "完了！"}},
		{"ar", []string{"هل وصل المبلغ؟ ", "نعم وصل."}},
		{"en", []string{"**Bold.** ", "Next one."}},
		{"en", []string{"   \n"}},
	} {
		text := strings.Join(tc.want, "")
		if diff := cmp.Diff(tc.want, split(tc.locale, text)); diff != "" {
			t.Errorf("%q (-want +got):\n%s", text, diff)
		}
		if diff := cmp.Diff(tc.want, split(tc.locale, strings.Split(text, "")...)); diff != "" {
			t.Errorf("%q by character (-want +got):\n%s", text, diff)
		}
	}
}

var fragments = []string{"Refunds", " ", " ", "take", "5", ".", ". ", "! ", "? ", "\n", "[1]", "[2, 3]", "[", "]", "e.g.", "z. B.", "1.", "1.5", " 1. März", "£6.00", "https://x.example/a.b", "。", "？", "؟", "\"", "”", ")", "…", "Yes.", "- ", "# ", "| a |", "é", "\xe2\x80", "ü", "**", "lower", "Upper"}

func TestSplitterKeepsEverything(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := strings.Join(rapid.SliceOfN(rapid.OneOf(rapid.SampledFrom(fragments), rapid.String()), 0, 30).Draw(t, "fragments"), "")
		locale := rapid.SampledFrom([]string{"en", "de", "es", "sv", ""}).Draw(t, "locale")
		whole := split(locale, text)
		if got := strings.Join(whole, ""); got != text {
			t.Fatalf("%q became %q", text, got)
		}
		var chunks []string
		for rest := text; rest != ""; {
			n := min(rapid.IntRange(1, 6).Draw(t, "n"), len(rest))
			chunks, rest = append(chunks, rest[:n]), rest[n:]
		}
		if diff := cmp.Diff(whole, split(locale, chunks...)); diff != "" {
			t.Fatalf("%q: the chunks matter (-whole +chunked):\n%s", text, diff)
		}
		for _, p := range whole {
			if p == "" {
				t.Fatal("an empty piece")
			}
		}
	})
}

func TestSplitterBounded(t *testing.T) {
	sp := ground.NewSplitter("en")
	longest, held, total := 0, 0, 0
	for range 10_000 {
		held += len("word ")
		for _, p := range sp.Push("word ") {
			longest, held, total = max(longest, len(p)), held-len(p), total+len(p)
		}
		if held > 8000 {
			t.Fatal("holds", held)
		}
	}
	if longest == 0 || total+held != 50_000 {
		t.Error(longest, total, held)
	}
}
