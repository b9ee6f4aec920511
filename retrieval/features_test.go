package retrieval

import (
	"math"
	"testing"
)

func TestShare(t *testing.T) {
	one := []ArticleScore{{Score: 0.7}}
	two := []ArticleScore{{Score: 0.7}, {Score: 0.7 - shareTemperature}}
	if got := share(one); got != 1 {
		t.Errorf("the only article has the share %v", got)
	}
	if got, want := share(two), 1/(1+math.Exp(-1)); math.Abs(got-want) > 1e-12 {
		t.Errorf("share %v, want %v", got, want)
	}
}

// Each feature moves its probability the way that its name says.
func TestProbabilitiesFollowTheirFeatures(t *testing.T) {
	base := Features{Candidates: 5, Share: 0.5, SentenceMargin: 0.1, PhraseMargin: 0.1, Title: 0.2, Words: 3, Grams: 0.3}
	for name, change := range map[string]func(*Features){
		"share":           func(f *Features) { f.Share += 0.2 },
		"sentence margin": func(f *Features) { f.SentenceMargin += 0.2 },
		"phrase margin":   func(f *Features) { f.PhraseMargin += 0.2 },
		"title":           func(f *Features) { f.Title += 0.2 },
	} {
		f := base
		if change(&f); f.Confidence() <= base.Confidence() || f.Answerable() != base.Answerable() {
			t.Errorf("%s: confidence %v, was %v", name, f.Confidence(), base.Confidence())
		}
	}
	for name, change := range map[string]func(*Features){
		"words": func(f *Features) { f.Words++ },
		"grams": func(f *Features) { f.Grams += 0.2 },
	} {
		f := base
		if change(&f); f.Answerable() <= base.Answerable() || f.Confidence() != base.Confidence() {
			t.Errorf("%s: answerable %v, was %v", name, f.Answerable(), base.Answerable())
		}
	}
	for _, p := range []float64{(Features{}).Confidence(), (Features{}).Answerable()} {
		if p != 0 {
			t.Errorf("nothing found has the probability %v", p)
		}
	}
	// The best there is and the worst that can be found.
	most := Features{Candidates: 9, Share: 1, SentenceMargin: 1, PhraseMargin: 1, Title: 1, Words: 60, Grams: 1}
	least := Features{Candidates: 9, Share: 0.1, SentenceMargin: -1, PhraseMargin: -1}
	if most.Confidence() < 0.99 || most.Answerable() < 0.95 || least.Confidence() > 0.05 || least.Answerable() > 0.2 {
		t.Errorf("ends: %v %v, %v %v", most.Confidence(), most.Answerable(), least.Confidence(), least.Answerable())
	}
}

// Decisions that were recorded before the present features are explained by the numbers of then.
func TestFormerFeatures(t *testing.T) {
	f := Features{Candidates: 8, Margin: 0.25, Coverage: 0.8, Agreement: 0.6, LexTop: 0.5, UnknownTerms: 0.1}
	if got, want := f.Confidence(), 0.8320; math.Abs(got-want) > 5e-5 {
		t.Errorf("confidence %.6f, want %v", got, want)
	}
	if got, want := f.Answerable(), 0.8499; math.Abs(got-want) > 5e-5 {
		t.Errorf("answerable %.6f, want %v", got, want)
	}
}
