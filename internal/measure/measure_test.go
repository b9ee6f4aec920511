package measure

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func near(t *testing.T, what string, got, want, tolerance float64) {
	t.Helper()
	if math.IsNaN(want) != math.IsNaN(got) || math.Abs(got-want) > tolerance {
		t.Errorf("%s = %v, want %v", what, got, want)
	}
}

func TestAUROC(t *testing.T) {
	cases := []struct {
		name   string
		scores []float64
		pos    []bool
		want   float64
	}{
		{"perfect", []float64{.1, .2, .8, .9}, []bool{false, false, true, true}, 1},
		{"reversed", []float64{.9, .8, .2, .1}, []bool{false, false, true, true}, 0},
		{"all tied", []float64{.5, .5, .5}, []bool{true, false, true}, .5},
		{"one tie of four pairs", []float64{1, 2, 2, 3}, []bool{false, false, true, true}, 3.5 / 4},
		{"textbook", []float64{.1, .4, .35, .8}, []bool{false, false, true, true}, .75},
		{"one class", []float64{.1, .2}, []bool{true, true}, math.NaN()},
		{"empty", nil, nil, math.NaN()},
	}
	for _, c := range cases {
		near(t, c.name, AUROC(c.scores, c.pos), c.want, 1e-12)
	}
}

func TestThresholds(t *testing.T) {
	s := []float64{.1, .2, .3, .4, .5, .6, .7, .8, .9, 1}
	y := []bool{false, false, false, true, false, true, false, true, true, true}
	near(t, "TPR 1", ThresholdAtTPR(s, y, 1), .4, 0)
	near(t, "FPR at TPR 1", FPRAtTPR(s, y, 1), .4, 1e-12)
	near(t, "TPR .6", ThresholdAtTPR(s, y, .6), .8, 0)
	near(t, "FPR at TPR .6", FPRAtTPR(s, y, .6), 0, 0)
	near(t, "FPR 0", ThresholdAtFPR(s, y, 0), .8, 0)
	near(t, "FPR .2", ThresholdAtFPR(s, y, .2), .6, 0)
	near(t, "FPR 1", ThresholdAtFPR(s, y, 1), .1, 0)
	if th := ThresholdAtFPR([]float64{.5, .9}, []bool{true, false}, 0); th <= .9 {
		t.Errorf("a threshold of %v raises the negative", th)
	}
	near(t, "best F1", ThresholdBestF1(s, y), .4, 0)
	near(t, "no scores", ThresholdBestF1(nil, nil), math.NaN(), 0)
	near(t, "no negatives", ThresholdAtFPR([]float64{1}, []bool{true}, .1), math.NaN(), 0)
	c := At(s, y, .6)
	if c != (Counts{TP: 4, FP: 1, TN: 4, FN: 1}) {
		t.Errorf("counts %+v", c)
	}
	near(t, "precision", c.Precision(), .8, 1e-12)
	near(t, "recall", c.Recall(), .8, 1e-12)
	near(t, "fpr", c.FPR(), .2, 1e-12)
	near(t, "f1", c.F1(), .8, 1e-12)
	near(t, "accuracy", c.Accuracy(), .8, 1e-12)
	near(t, "empty precision", Counts{}.Precision(), math.NaN(), 0)
}

func TestPR(t *testing.T) {
	got := PR([]float64{.9, .8, .8, .1}, []bool{true, false, true, false})
	want := []PRPoint{{.9, 1, .5}, {.8, 2.0 / 3, 1}, {.1, .5, 1}}
	if !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if PR([]float64{1}, []bool{false}) != nil {
		t.Error("a curve without positives")
	}
}

func TestMulti(t *testing.T) {
	want, got := []string{"a", "a", "b", "b", "c"}, []string{"a", "b", "b", "b", "d"}
	near(t, "accuracy", Accuracy(want, got), .6, 1e-12)
	// F1: a 2/3, b 4/5, c 0, d 0
	near(t, "macro F1", MacroF1(want, got), (2.0/3+.8)/4, 1e-12)
	if c := PerLabel(want, got)["b"]; c != (Counts{TP: 2, FP: 1, TN: 2, FN: 0}) {
		t.Errorf("b: %+v", c)
	}
	near(t, "none", MacroF1(nil, nil), math.NaN(), 0)
}

func TestBrierAndECE(t *testing.T) {
	p, y := []float64{.9, .9, .1, .6}, []bool{true, false, false, true}
	near(t, "Brier", Brier(p, y), (.01+.81+.01+.16)/4, 1e-12)
	// bins of ten: .9 twice with one hit (|1.8-1|), .1 (|.1-0|), .6 (|.6-1|)
	near(t, "ECE", ECE(p, y, 10), (.8+.1+.4)/4, 1e-12)
	near(t, "ECE at the ends", ECE([]float64{0, 1}, []bool{false, true}, 10), 0, 0)
}

func TestPlatt(t *testing.T) {
	// scores drawn evenly, outcomes with the shares of a known curve
	var s []float64
	var y []bool
	for i := -40; i <= 40; i++ {
		x := float64(i) / 10
		hits := int(math.Round(1000 * sigmoid(1.7*x-.6)))
		for k := range 1000 {
			s, y = append(s, x), append(y, k < hits)
		}
	}
	m := FitPlatt(s, y)
	near(t, "A", m.A, 1.7, .02)
	near(t, "B", m.B, -.6, .02)
	sep := FitPlatt([]float64{0, 0, 1, 1}, []bool{false, false, true, true})
	if p := sep.P(1); p < .6 || p > .9 {
		t.Errorf("separable data give %v at the positives, want a softened probability", p)
	}
	near(t, "no data", FitPlatt(nil, nil).P(3), .5, 1e-9)
	near(t, "far", Platt{A: 1}.P(-1e6), 0, 0)
}

func TestIsotonic(t *testing.T) {
	m := FitIsotonic([]float64{1, 2, 3, 4, 5}, []bool{false, true, false, true, true})
	for x, want := range map[float64]float64{0: 0, 1: 0, 1.5: .5, 2: .5, 3: .5, 4: 1, 9: 1} {
		near(t, "isotonic", m.P(x), want, 1e-12)
	}
	near(t, "zero value", Isotonic{}.P(1), .5, 0)
}

func TestClopperPearson(t *testing.T) {
	// published values: 10 of 20; the rule of three exactly, 1-0.05^(1/n); all hits
	low, high := ClopperPearson(10, 20, .95)
	near(t, "low", low, .27196, 1e-5)
	near(t, "high", high, .72804, 1e-5)
	near(t, "none of 30", UpperBound(0, 30, .95), 1-math.Pow(.05, 1.0/30), 1e-10)
	near(t, "all of 30", LowerBound(30, 30, .95), math.Pow(.05, 1.0/30), 1e-10)
	low, high = ClopperPearson(0, 0, .95)
	if low != 0 || high != 1 {
		t.Errorf("nothing seen gives [%v, %v]", low, high)
	}
}

func TestRanking(t *testing.T) {
	grade := map[string]float64{"a": 3, "b": 2, "c": 1}
	near(t, "ideal", NDCG([]string{"a", "b", "c"}, grade, 10), 1, 1e-12)
	dcg := 2/math.Log2(2) + 3/math.Log2(4)
	near(t, "nDCG@3", NDCG([]string{"b", "x", "a"}, grade, 3), dcg/(3+2/math.Log2(3)+1/math.Log2(4)), 1e-12)
	near(t, "repeats count once", NDCG([]string{"a", "a"}, map[string]float64{"a": 1}, 2), 1, 1e-12)
	near(t, "nothing relevant", NDCG([]string{"a"}, nil, 10), 0, 0)
	near(t, "recall", RecallAt([]string{"b", "x", "a"}, grade, 2), 1.0/3, 1e-12)
	near(t, "recall of repeats", RecallAt([]string{"b", "b"}, grade, 2), 1.0/3, 1e-12)
	near(t, "MRR", MRR([]string{"x", "y", "c"}, grade, 10), 1.0/3, 1e-12)
	near(t, "MRR cut", MRR([]string{"x", "y", "c"}, grade, 2), 0, 0)
}

func TestProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(2, 60).Draw(t, "n")
		s, y := make([]float64, n), make([]bool, n)
		flipped := make([]float64, n)
		var pairs, wins float64
		for i := range n {
			s[i] = float64(rapid.IntRange(0, 12).Draw(t, "score")) / 12
			y[i] = rapid.Bool().Draw(t, "outcome")
			flipped[i] = -s[i]
		}
		y[0], y[1] = true, false
		for i := range n {
			for j := range n {
				if y[i] && !y[j] {
					pairs++
					if s[i] > s[j] {
						wins++
					} else if s[i] == s[j] {
						wins += .5
					}
				}
			}
		}
		a := AUROC(s, y)
		if math.Abs(a-wins/pairs) > 1e-9 || math.Abs(a+AUROC(flipped, y)-1) > 1e-9 {
			t.Fatalf("AUROC %v, by pairs %v, reversed %v", a, wins/pairs, AUROC(flipped, y))
		}
		fpr := float64(rapid.IntRange(0, 20).Draw(t, "fpr")) / 20
		th := ThresholdAtFPR(s, y, fpr)
		at := At(s, y, th)
		if at.FPR() > fpr+1e-12 {
			t.Fatalf("threshold %v has a false-positive rate of %v, %v was allowed", th, at.FPR(), fpr)
		}
		for _, lower := range s { // no lower threshold may do as well
			if lower < th && At(s, y, lower).FPR() <= fpr+1e-12 && At(s, y, lower).Recall() > at.Recall() {
				t.Fatalf("threshold %v would have found more than %v", lower, th)
			}
		}
		best := At(s, y, ThresholdBestF1(s, y)).F1()
		for _, x := range s {
			if At(s, y, x).F1() > best+1e-12 {
				t.Fatalf("threshold %v has a better F1 than %v", x, best)
			}
		}
		m := FitIsotonic(s, y)
		if m.P(.2) > m.P(.8) || m.P(0) < 0 || m.P(1) > 1 {
			t.Fatalf("isotonic is not rising")
		}
		hits := rapid.IntRange(0, n).Draw(t, "hits")
		low, high := ClopperPearson(hits, n, .95)
		if share := float64(hits) / float64(n); low > share || high < share || low < 0 || high > 1 {
			t.Fatalf("%d of %d gives [%v, %v]", hits, n, low, high)
		}
	})
}

// A score that is not a number must not hang what ranks by it.
func TestNotANumberEnds(t *testing.T) {
	t.Parallel()
	scores := []float64{0.1, math.NaN(), 0.9, math.NaN()}
	outcome := []bool{false, true, true, false}
	_ = AUROC(scores, outcome)
	_ = FitIsotonic(scores, outcome).P(0.5)
}

// Outcomes drawn with the very probabilities have the error that chance is said to make.
func TestECEByChance(t *testing.T) {
	t.Parallel()
	rnd := rand.New(rand.NewPCG(21, 22))
	for _, n := range []int{150, 400, 2000} {
		p := make([]float64, n)
		for i := range p {
			p[i] = rnd.Float64()
		}
		const draws = 400
		seen := 0.0
		outcome := make([]bool, n)
		for range draws {
			for i := range outcome {
				outcome[i] = rnd.Float64() < p[i]
			}
			seen += ECE(p, outcome, 10) / draws
		}
		if said := ECEByChance(p, 10); math.Abs(said-seen) > 0.05*seen {
			t.Errorf("%d exact probabilities: %.4f on average, said to be %.4f", n, seen, said)
		}
	}
	if v := ECEByChance([]float64{0, 1, 1}, 10); v != 0 {
		t.Errorf("certainties scatter by %v", v)
	}
}
