package retrieval

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"pgregory.net/rapid"
)

var everyone = &scope{market: "gb", locales: []string{"en"}, audiences: []string{"consumer"}}

func testDocument(n int, title string, passages ...string) document {
	d := document{Locale: "en", Audience: "consumer", Title: title}
	d.Version[0], d.Version[15] = byte(n), byte(n>>8)
	d.Article = d.Version
	for i, text := range passages {
		d.Passages = append(d.Passages, section{ID: int64(n*100 + i), Text: text})
	}
	return d
}

func mustApply(t testing.TB, x *index, entered []document, removed ...uuid.UUID) {
	t.Helper()
	if err := x.apply(entered, removed, x.revision+1); err != nil {
		t.Fatal(err)
	}
}

func helpCentre(t testing.TB) *index {
	x := newIndex(serving)
	mustApply(t, x, []document{
		testDocument(1, "When your refund arrives", "The shop confirms the return first.", "Money is back on your card in five working days."),
		testDocument(2, "Change your address", "Open the profile and enter the new address."),
		testDocument(3, "Why a payment is declined", "The card has expired or has no funds.", "Each purchase is assessed by itself."),
		testDocument(4, "Close your account", "Pay what is open, then close the account in the profile."),
	})
	return x
}

func TestLexicalFinds(t *testing.T) {
	x := helpCentre(t)
	for _, tt := range []struct {
		name, question, context string
		want                    int64 // best passage
	}{
		{"title", "refund", "", 100},
		{"the section that says it", "refund money on my card working days", "", 101},
		{"stem", "declining payments", "", 300},
		{"misspelt", "my refnud", "", 100},
		{"badly misspelt", "adresss chagne", "", 200},
		{"compound", "e-mail accountclosing", "", 400},
		{"context settles it", "how do I do that?", "close account", 400},
		{"question before context", "change address", "refund", 200},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := x.lexical(tt.question, tt.context, everyone)
			if len(r.candidates) == 0 || r.candidates[0].passage != tt.want {
				t.Fatalf("got %+v, want passage %d first", r.candidates, tt.want)
			}
			if r.candidates[0].score != 1 {
				t.Errorf("the best candidate has score %v, want 1", r.candidates[0].score)
			}
		})
	}
	for _, question := range []string{"", "what is the", "zzz qqq", "?!"} {
		if r := x.lexical(question, "", everyone); len(r.candidates) != 0 || r.top != 0 {
			t.Errorf("%q found %+v", question, r.candidates)
		}
	}
	if r := x.lexical("zzzzzz refund", "", everyone); r.unknown <= 0.3 || r.unknown >= 0.9 || r.terms != 2 {
		t.Errorf("unknown share %v of %d terms, want about half of 2", r.unknown, r.terms)
	}
}

func TestLexicalScope(t *testing.T) {
	x := newIndex(serving)
	german, merchant, swedish, excluded := testDocument(1, "Refund", "Erstattung"), testDocument(2, "Refund", "for merchants"),
		testDocument(3, "Refund", "in Sweden only"), testDocument(4, "Refund", "internal")
	german.Locale, merchant.Audience, swedish.Markets, excluded.Excluded = "de", "merchant", []string{"se"}, true
	plain := testDocument(5, "Refund", "for everyone")
	mustApply(t, x, []document{german, merchant, swedish, excluded, plain})
	for _, tt := range []struct {
		name  string
		scope scope
		want  []int64
	}{
		{"consumer", scope{market: "gb", locales: []string{"en"}, audiences: []string{"consumer"}}, []int64{500}},
		{"no market", scope{locales: []string{"en"}, audiences: []string{"consumer"}}, []int64{500}},
		{"market", scope{market: "se", locales: []string{"en"}, audiences: []string{"consumer"}}, []int64{300, 500}},
		{"own language first", scope{market: "gb", locales: []string{"de", "en"}, audiences: []string{"consumer"}}, []int64{100, 500}},
		{"merchants first", scope{market: "gb", locales: []string{"en"}, audiences: []string{"merchant", "consumer"}}, []int64{200, 500}},
		{"reader", scope{market: "gb", locales: []string{"en"}, audiences: []string{"consumer"}, excluded: true}, []int64{400, 500}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var got []int64
			for _, c := range x.lexical("refund", "", &tt.scope).candidates {
				got = append(got, c.passage)
			}
			ordered := strings.Contains(tt.name, "first")
			if !ordered {
				slices.Sort(got)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestQuestionsOfCustomers(t *testing.T) {
	x := helpCentre(t)
	asked := testDocument(9, "Late fees", "What is charged after the days of grace.")
	asked.Questions = map[string][]string{"en": {"how much extra do you slap on"}, "de": {"was kostet eine Mahnung"}}
	mustApply(t, x, []document{asked})
	for _, tt := range []struct {
		question string
		locales  []string
	}{
		{"slap on extra", []string{"en"}},
		{"Kosten der Mahnungen", []string{"de", "en"}},
		{"Mahnungen fees", []string{"de", "en"}},
	} {
		r := x.lexical(tt.question, "", &scope{market: "gb", locales: tt.locales, audiences: []string{"consumer"}})
		if len(r.candidates) == 0 || r.candidates[0].passage != 900 {
			t.Errorf("%q: %+v", tt.question, r.candidates)
		}
		if len(r.candidates) > 1 && r.candidates[1].passage == 900 {
			t.Errorf("%q: the same passage twice", tt.question)
		}
	}
	mustApply(t, x, nil, asked.Version)
	if r := x.lexical("Mahnung", "", &scope{market: "gb", locales: []string{"de", "en"}, audiences: []string{"consumer"}}); slices.ContainsFunc(r.candidates, func(c candidate) bool { return c.passage == 900 }) {
		t.Errorf("found after it was removed: %+v", r.candidates)
	}
}

func TestScriptsWithoutSpaces(t *testing.T) {
	for _, tt := range []struct{ locale, want, other, question string }{
		{"zh", "退款会在两个工作日内到账", "更改您的地址", "什么时候能收到退款？"},
		{"ja", "返金は二日以内に行われます", "住所を変更する", "返金はいつですか"},
		{"th", "เงินคืนจะเข้าบัญชีภายในสองวัน", "เปลี่ยนที่อยู่ของคุณ", "ได้เงินคืนเมื่อไหร่"},
		{"hi", "भुगतान दो दिन में वापस आता है", "अपना पता बदलें", "मेरा भुगतान वापस कब आएगा"},
		{"ko", "환불은 이틀 안에 처리됩니다", "주소를 변경하세요", "환불 언제 되나요"},
	} {
		x := newIndex(serving)
		right, wrong := testDocument(1, "", tt.want), testDocument(2, "", tt.other)
		right.Locale, wrong.Locale = tt.locale, tt.locale
		mustApply(t, x, []document{wrong, right})
		r := x.lexical(tt.question, "", &scope{locales: []string{tt.locale}, audiences: []string{"consumer"}})
		if len(r.candidates) == 0 || r.candidates[0].passage != 100 {
			t.Errorf("%s: %+v", tt.locale, r.candidates)
		}
	}
}

// An index that documents were entered into, replaced in and removed from at random answers like one that was built
// from what is left.
func TestIncrementalEqualsRebuilt(t *testing.T) {
	words := []string{"refund", "refunds", "payment", "card", "declined", "the", "account", "close", "e-mail", "退款", "kündigung", "10", "x"}
	text := rapid.Custom(func(t *rapid.T) string {
		return strings.Join(rapid.SliceOfN(rapid.SampledFrom(words), 0, 8).Draw(t, "words"), " ")
	})
	rapid.Check(t, func(t *rapid.T) {
		x := newIndex(serving)
		left := map[uuid.UUID]document{}
		for range rapid.IntRange(1, 12).Draw(t, "changes") {
			var entered []document
			var removed []uuid.UUID
			for range rapid.IntRange(0, 3).Draw(t, "entered") {
				d := testDocument(rapid.IntRange(1, 6).Draw(t, "n"), text.Draw(t, "title"), rapid.SliceOfN(text, 0, 3).Draw(t, "passages")...)
				d.Locale = rapid.SampledFrom([]string{"en", "de"}).Draw(t, "locale")
				for _, language := range []string{"en", "de", "sv"} {
					if rapid.Bool().Draw(t, "has questions") {
						if d.Questions == nil {
							d.Questions = map[string][]string{}
						}
						d.Questions[language] = []string{text.Draw(t, "asked")}
					}
				}
				if slices.ContainsFunc(entered, func(o document) bool { return o.Version == d.Version }) {
					continue
				}
				entered = append(entered, d)
			}
			for range rapid.IntRange(0, 2).Draw(t, "removed") {
				d := testDocument(rapid.IntRange(1, 6).Draw(t, "n"), "")
				removed = append(removed, d.Version)
			}
			if err := x.apply(entered, removed, x.revision+1); err != nil {
				t.Fatal(err)
			}
			for _, v := range removed {
				delete(left, v)
			}
			for _, d := range entered {
				if left[d.Version] = d; len(d.Passages) == 0 {
					delete(left, d.Version)
				}
			}
		}
		rebuilt := newIndex(serving)
		var all []document
		for _, d := range left {
			all = append(all, d)
		}
		slices.SortFunc(all, func(a, b document) int { return slices.Compare(a.Version[:], b.Version[:]) })
		if err := rebuilt.apply(all, nil, 1); err != nil {
			t.Fatal(err)
		}
		sc := &scope{locales: []string{"de", "en", "sv"}, audiences: []string{"consumer"}}
		question := text.Draw(t, "question") + " " + rapid.SampledFrom([]string{"", "refnud", "paymet"}).Draw(t, "typo")
		a, b := summary(x.lexical(question, "", sc)), summary(rebuilt.lexical(question, "", sc))
		if diff := cmp.Diff(b, a); diff != "" {
			t.Fatalf("%q: (-rebuilt +incremental)\n%s", question, diff)
		}
	})
}

// summary rounds scores, whose sums may have been added in another order, and orders equals.
func summary(r lexicalResult) []string {
	out := []string{fmt.Sprintf("top %.4f terms %d unknown %.4f", r.top, r.terms, r.unknown)}
	for _, c := range r.candidates {
		out = append(out, fmt.Sprintf("%.4f %d", c.score, c.passage))
	}
	slices.Sort(out[1:])
	return out
}

func TestBaselineOrder(t *testing.T) {
	b := NewBaseline([]string{"refund refund refund", "refund of a payment by card", "nothing here"})
	found, ideal := b.Search("the refunds", 10)
	if len(found) != 2 || found[0].Text != 0 || found[0].Score <= found[1].Score || ideal <= found[0].Score {
		t.Errorf("got %+v of %v", found, ideal)
	}
	// ln(1 + (3-2+.5)/(2+.5)) * 3/(3 + .9*(.6+.4*3/3)), by hand: six tokens of 3+3+2 in three texts.
	average := 8.0 / 3
	want := math.Log(1+1.5/2.5) * 3 / (3 + 0.9*(0.6+0.4*3/average))
	if math.Abs(found[0].Score-want) > 1e-6 {
		t.Errorf("score %v, want %v", found[0].Score, want)
	}
}

func TestBuiltinVectors(t *testing.T) {
	vector := func(s string) []float32 { return builtinVector(s, BuiltinDimensions) }
	cosine := func(a, b string) (sum float64) {
		x, y := vector(a), vector(b)
		for i := range x {
			sum += float64(x[i]) * float64(y[i])
		}
		return sum
	}
	if c := cosine("refund my payment", "refund my payment"); math.Abs(c-1) > 1e-5 {
		t.Errorf("a text and itself: %v", c)
	}
	if near, far := cosine("where is my refund", "where is my refnud"), cosine("where is my refund", "change the address"); near < far+0.3 {
		t.Errorf("misspelt %v, unrelated %v", near, far)
	}
	rapid.Check(t, func(t *rapid.T) {
		v := vector(rapid.String().Draw(t, "text"))
		var square float64
		for _, x := range v {
			square += float64(x) * float64(x)
		}
		if math.Abs(square-1) > 1e-4 {
			t.Fatalf("length %v", math.Sqrt(square))
		}
	})
}

func BenchmarkLexical(b *testing.B) {
	x := newIndex(serving)
	words := strings.Fields("refund payment card declined account close address change shop order late fee reminder plan month interest app login password code bank transfer dispute parcel return merchant purchase limit date move pay")
	docs := make([]document, 10_000)
	for i := range docs {
		var t strings.Builder
		for j := range 60 {
			fmt.Fprintf(&t, "%s%d ", words[(i*7+j*j*3)%len(words)], (i+j*31)%50)
		}
		docs[i] = testDocument(i+1, words[i%len(words)]+" "+words[i/len(words)%len(words)], t.String())
		docs[i].Version[8] = byte(i >> 16)
	}
	mustApply(b, x, docs)
	b.ReportAllocs()
	for b.Loop() {
		x.lexical("why was my card payment declined and when do I get the refund", "", everyone)
	}
}
