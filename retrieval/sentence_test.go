package retrieval

import (
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestSentences(t *testing.T) {
	for _, tt := range []struct{ text, want string }{
		{"One. Two? Three! Four; five", "One.| Two?| Three!| Four;| five"},
		{"3.5 percent of 1.000, see larkpay.com. Next", "3.5 percent of 1.000, see larkpay.com.| Next"},
		{"a line\nanother\n\n", "a line\n|another\n"},
		{"退款到账。什么时候？", "退款到账。|什么时候？"},
		{" \n.", "."},
		{"", ""},
	} {
		var got []string
		sentences(tt.text, func(s string) { got = append(got, s) })
		if diff := cmp.Diff(tt.want, strings.Join(got, "|")); diff != "" {
			t.Errorf("%q: %s", tt.text, diff)
		}
	}
}

// Cutting a text into sentences must not change what is counted: the cuts lie where tokens end anyway.
func TestSentencesLoseNoWord(t *testing.T) {
	p := helpCentre(t).partitions["en"]
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringOf(rapid.OneOf(rapid.RuneFrom([]rune("ab 1.,?!;\n-'。款")), rapid.Rune())).Draw(t, "text")
		var whole, cut []string
		p.analyzer.Tokens(text, func(s string, _ bool) { whole = append(whole, s) })
		sentences(text, func(part string) {
			p.analyzer.Tokens(part, func(s string, _ bool) { cut = append(cut, s) })
		})
		if !slices.Equal(whole, cut) {
			t.Fatalf("%q gives %q in one piece and %q in sentences", text, whole, cut)
		}
	})
}

// The articles have the same words, as often and in texts as long; only how they stand together differs, and the later
// article would come second.
func TestWordsThatStandTogether(t *testing.T) {
	for _, tt := range []struct{ name, apart, together string }{
		{"in one sentence", "Refund shop. Late card. Fee parcel. Bank.", "Refund shop late card fee. Parcel bank."},
		{"side by side", "Late card parcel fee bank refund shop.", "Card shop bank parcel refund late fee."},
	} {
		t.Run(tt.name, func(t *testing.T) {
			x := newIndex(serving)
			mustApply(t, x, []document{testDocument(1, "Help", tt.apart), testDocument(2, "Help", tt.together)})
			r := x.lexical("refund late fee", "", everyone)
			if len(r.candidates) != 2 || r.candidates[0].passage != 200 || r.candidates[0].score != 1 || r.candidates[1].score >= 1 {
				t.Fatalf("got %+v", r.candidates)
			}
		})
	}
}

func TestExamine(t *testing.T) {
	x := newIndex(serving)
	mustApply(t, x, []document{
		testDocument(1, "Late fees", "The fee is charged once. A refund of the late fee is possible."),
		testDocument(2, "Parcels", "A parcel may be late."),
	})
	r := x.lexical("refund late fee zebra", "", everyone)
	idf := func(term string) float64 {
		p := x.partitions["en"]
		if w := p.vocabulary.words[term]; w != nil {
			_, l := p.words.find(w.term)
			return p.words.idf(len(l))
		}
		return p.words.idf(0)
	}
	known, all := idf("refund")+idf("late")+idf("fee"), idf("refund")+idf("late")+idf("fee")+idf("zebra")
	got := x.examine(100, r.queries)
	near := func(name string, got, want float64) {
		t.Helper()
		if math.Abs(got-want) > 1e-5 {
			t.Errorf("%s is %v, want %v", name, got, want)
		}
	}
	near("coverage", got.coverage, known/all)
	near("share of the best sentence", float64(got.covered), known/all)
	near("title", got.title, 2*(idf("late")+idf("fee"))/(idf("late")+idf("fee")+all))
	// The sentence has "possible" besides, and the question "zebra".
	near("sentence", float64(got.sentence), 2*known/(known+idf("possible")+all))
	// Of "refund late", "late fee" and "fee zebra" the article has the first two.
	pairs := idf("refund") + 2*idf("late") + 2*idf("fee") + idf("zebra")
	near("phrase", float64(got.phrase), (idf("refund")+2*idf("late")+idf("fee"))/pairs)

	if got := x.examine(999, r.queries); got != (examined{}) {
		t.Errorf("a passage that is not there: %+v", got)
	}
	// What was looked for must not be left in the memory that searches share.
	if other := x.lexical("possible", "", everyone); x.examine(200, other.queries) != (examined{}) {
		t.Errorf("the question before shows: %+v", x.examine(200, other.queries))
	}
}

// Words of the context count, but less than the question's own.
func TestContextInSentences(t *testing.T) {
	x := newIndex(serving)
	mustApply(t, x, []document{testDocument(1, "Help", "Refund when the parcel is late.", "Unrelated words."), testDocument(2, "Other", "Parcel.")})
	question := x.lexical("refund late", "", everyone)
	context := x.lexical("refund", "late", everyone)
	none := x.lexical("refund", "zebra", everyone)
	whole, part, least := x.examine(100, question.queries), x.examine(100, context.queries), x.examine(100, none.queries)
	if !(whole.sentence > part.sentence && part.sentence > least.sentence && least.sentence > 0) {
		t.Errorf("sentence %v for a question, %v with its second word in the context, %v without", whole.sentence, part.sentence, least.sentence)
	}
}

// More terms than there are bits: the rest is left out, nothing breaks.
func TestLongQuestions(t *testing.T) {
	var words []string
	for i := range 3 * maxMatched {
		words = append(words, "word"+string(rune('a'+i/26))+string(rune('a'+i%26)))
	}
	text := strings.Join(words, " ")
	x := newIndex(serving)
	mustApply(t, x, []document{testDocument(1, "Help", text), testDocument(2, "Other", "else")})
	r := x.lexical(text, "", everyone)
	if e := x.examine(100, r.queries); e.coverage < 0.999 || e.covered <= 0.3 || e.covered >= 0.4 || e.phrase <= 0.3 || e.phrase >= 0.4 {
		t.Errorf("%+v", e)
	}
}
