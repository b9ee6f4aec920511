package analysis

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestWords(t *testing.T) {
	for _, tt := range []struct{ name, locale, text, want string }{
		{"stems and stop words", "en", "Why were my payments declined?", "payment declin"},
		{"region shares the language", "en-GB", "payments", "payment"},
		{"contractions are stop words", "en", "I don't, I’m, can't they've", ""},
		{"possessive", "en", "the shop's refund", "shop refund"},
		{"compounds give parts and whole", "en", "e-mail log-in", "e mail email log login"},
		{"thousands and decimals", "en", "1,500.00 and 1.500,00 and 2.5", "1500.00 1500.00 2.5"},
		{"full-width letters", "en", "ＲＥＦＵＮＤ", "refund"},
		{"German", "de", "Wann werden die Zahlungen zurückgebucht?", "zahlung zuruckgebucht"},
		{"German without umlauts reads as with them", "de", "Kundigung Kündigung", "kundig kundig"},
		{"Swedish", "sv", "Var är mina återbetalningar?", "aterbetalning"},
		{"Spanish", "es", "¿Cuándo llegan los reembolsos?", "lleg reembols"},
		{"French elision", "fr", "l'argent d’aujourd'hui", "argent aujourd hui"},
		{"Norwegians share a language", "nb", "betalinger", "betaling"},
		{"Chinese pairs", "zh", "退款到账", "退款 款到 到账"},
		{"Japanese pairs", "ja", "返金は？", "返金 金は"},
		{"Korean pairs", "ko", "환불", "환불"},
		{"one character alone", "zh", "钱 a", "钱 a"},
		{"Hindi keeps its vowels", "hi", "मेरा भुगतान कब होगा", "मेरा भुगतान होगा"},
		{"Thai pairs keep marks with their letters", "th", "เงินคืน", "เงิ งิน นคื คืน"},
		{"unknown language", "xx", "Refunds", "refunds"},
		{"nothing", "en", " ?! — ", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var got []string
			For(tt.locale).Words(tt.text, func(w Word) {
				if w.Stem != "" {
					got = append(got, w.Stem)
				}
			})
			if diff := cmp.Diff(tt.want, strings.Join(got, " ")); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestClassicIsLucene(t *testing.T) {
	var got []string
	Classic().Words("What articles exist which deal with the generalized systems", func(w Word) {
		if w.Stem != "" {
			got = append(got, w.Stem)
		}
	})
	if diff := cmp.Diff("what articl exist which deal gener system", strings.Join(got, " ")); diff != "" {
		t.Error(diff)
	}
}

// What was analysed once means the same when it is analysed again: the vocabulary keeps surfaces and trusts that.
func TestTokensAreStable(t *testing.T) {
	for _, locale := range []string{"en", "de", "fr", "zh", "th", "hi"} {
		a := For(locale)
		rapid.Check(t, func(t *rapid.T) {
			text := rapid.StringOf(rapid.OneOf(rapid.RuneFrom([]rune("abE Z'’-.,19 éßÄøकाखिเงิน退款はİǅ")), rapid.Rune())).Draw(t, "text")
			a.Tokens(text, func(surface string, pair bool) {
				if surface == "" {
					t.Fatal("empty token")
				}
				if folded := Fold(surface); Fold(folded) != folded {
					t.Fatalf("folding %q again changes %q to %q", surface, folded, Fold(folded))
				}
				if stem, again := a.Stem(surface, pair), a.Stem(surface, pair); stem != again {
					t.Fatalf("%q has two stems, %q and %q", surface, stem, again)
				}
				first := true
				if strings.ContainsAny(surface, ".,'") {
					return // a numeral's decimal point may be read with other digits beside it
				}
				a.Tokens(surface, func(again string, pairAgain bool) {
					if first && (Fold(again) != Fold(surface) || pairAgain != pair) {
						t.Fatalf("%q (pair %t) became %q (pair %t)", surface, pair, again, pairAgain)
					}
					first = false
				})
			})
		})
	}
}

func TestGrams(t *testing.T) {
	grams := func(s string, pair bool) map[uint64]bool {
		m := map[uint64]bool{}
		Grams(s, pair, func(g uint64) { m[g] = true })
		return m
	}
	if got, want := len(grams("ab", false)), 3; got != want { // " ab", "ab ", " ab "
		t.Errorf("ab has %d n-grams, want %d", got, want)
	}
	shared := 0
	right, wrong := grams("refund", false), grams("refudn", false)
	for g := range wrong {
		if right[g] {
			shared++
		}
	}
	if shared < 5 {
		t.Errorf("a misspelling shares %d n-grams with the word, want 5 or more", shared)
	}
	if !grams("退款", true)[Hash("款")] {
		t.Error("a pair does not give its characters")
	}
	Grams(strings.Repeat("é", 500), false, func(uint64) {}) // cut, not out of range
}

func TestDetect(t *testing.T) {
	for want, text := range map[string]string{
		"en": "The refund is booked within two days after the shop has confirmed it.",
		"de": "Die Erstattung wird gebucht, nachdem der Händler sie bestätigt hat, und ist dann in der App zu sehen.",
		"es": "El reembolso se registra cuando la tienda lo confirma y después se ve en la aplicación.",
		"sv": "Återbetalningen bokas när butiken har bekräftat den och syns sedan i appen.",
		"fr": "Le remboursement est enregistré dès que le magasin l'a confirmé, et il est visible dans l'application.",
		"zh": "商店确认后两天内退款。", "ja": "返金はお店の確認後です。", "ko": "환불은 이틀 안에", "th": "เงินคืนภายในสองวัน",
		"hi": "भुगतान दो दिन में वापस", "ru": "Возврат денег", "": "12345",
	} {
		if got := Detect(text); got != want {
			t.Errorf("Detect(%q) = %q, want %q", text, got, want)
		}
	}
}

func BenchmarkWords(b *testing.B) {
	a := For("en")
	text := "Larkpay books your refund within 2 working days after the shop confirms it; the money you've already paid is back on your card in 3-5 working days."
	b.ReportAllocs()
	for b.Loop() {
		a.Words(text, func(Word) {})
	}
}
