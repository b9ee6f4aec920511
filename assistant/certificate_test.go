package assistant

import (
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/firstline/firstline/internal/measure"
	"github.com/firstline/firstline/retrieval"
)

// world makes labelled questions: the first inputs are as in a decision, and an answer is right with a probability that
// rises with them.
func world(rnd *rand.Rand, n int, group string, shift float64) []Labelled {
	truth := make(measure.Logistic, len(generalPrior))
	copy(truth, measure.Logistic{shift, 0.4, 2.5})
	out := make([]Labelled, n)
	for i := range out {
		x := make([]float64, len(generalPrior))
		copy(x, []float64{1, rnd.NormFloat64(), rnd.NormFloat64() * 1.5, rnd.Float64(), 1})
		out[i] = Labelled{Group: group, X: x, Right: rnd.Float64() < truth.P(x)}
		out[i].Among = out[i].Right || rnd.Float64() < 0.5
	}
	return out
}

// A certified threshold may be wrong about its bound one time in twenty. In a thousand worlds the true share of wrong
// answers is above the budget in at most about fifty.
func TestCertifiedThresholdsHold(t *testing.T) {
	t.Parallel()
	rnd := rand.New(rand.NewPCG(3, 4))
	truth := world(rnd, 60_000, HowTo, 0)
	fit := world(rnd, 300, HowTo, 0)
	certified, broken := 0, 0
	for range 1000 {
		c := Certify(fit, world(rnd, 400, HowTo, 0), Basis{}, time.Time{})
		b := c.Groups[HowTo]
		if !b.Certified {
			continue
		}
		certified++
		answered, wrong := 0, 0
		for _, l := range truth[rnd.IntN(30_000):][:30_000] {
			if c.Weights.P(l.X) >= b.Threshold {
				answered++
				if !l.Right {
					wrong++
				}
			}
		}
		if float64(wrong) > Budgets[HowTo]*float64(answered) {
			broken++
		}
	}
	if certified < 500 {
		t.Errorf("certified only %d times of 1000", certified)
	}
	if broken > 65 { // 50 expected at most; 65 is two standard deviations above
		t.Errorf("%d of %d certificates were broken", broken, certified)
	}
	t.Logf("%d certified, %d broken", certified, broken)
}

func TestTooFewLabels(t *testing.T) {
	t.Parallel()
	rnd := rand.New(rand.NewPCG(5, 6))
	c := Certify(world(rnd, 200, Money, 3), world(rnd, 100, Money, 3), Basis{}, time.Time{})
	b := c.Groups[Money]
	if b.Certified || b.Threshold < prior(Money) || !strings.Contains(b.Why, "needs at least 299") {
		t.Errorf("%+v", b)
	}
	if n := c.Groups[Normal]; n.Certified || n.Threshold < prior(Normal) {
		t.Errorf("a group without a single label: %+v", n)
	}
	none := Certify(nil, nil, Basis{}, time.Time{})
	for _, g := range Groups {
		if b := none.Groups[g]; b.Certified || b.Threshold < prior(g) {
			t.Errorf("no labels at all, %s: %+v", g, b)
		}
	}
}

// Without a certificate the labelled questions must not have been answered wrongly more often than the budget allows.
func TestUncertifiedStaysWithinTheBudget(t *testing.T) {
	t.Parallel()
	rnd := rand.New(rand.NewPCG(7, 8))
	for range 50 {
		certify := world(rnd, 250, Money, 0)
		c := Certify(world(rnd, 200, Money, 0), certify, Basis{}, time.Time{})
		b := c.Groups[Money]
		answered, wrong := 0, 0
		for _, l := range certify {
			if c.Weights.P(l.X) >= b.Threshold {
				answered++
				if !l.Right {
					wrong++
				}
			}
		}
		if b.Certified || answered != b.Answered || wrong != b.Wrong || float64(wrong) > Budgets[Money]*float64(answered) || b.Threshold < prior(Money) {
			t.Fatalf("%+v answers %d, %d wrong", b, answered, wrong)
		}
	}
}

func TestCertificateIsVoid(t *testing.T) {
	t.Parallel()
	was := Basis{Decision: "1", Retrieval: "r", Embedding: "builtin", Model: "m", Prompt: "p", Labels: "l"}
	c := Certificate{Basis: was, Weights: generalPrior, Among: amongPrior}
	if why := c.Void(was); why != "" {
		t.Error(why)
	}
	for what, change := range map[string]func(*Basis){
		"the rules":     func(b *Basis) { b.Decision = "2" },
		"retrieval":     func(b *Basis) { b.Retrieval = "s" },
		"the embedding": func(b *Basis) { b.Embedding = "big" },
		"the model":     func(b *Basis) { b.Model = "" },
		"the prompt":    func(b *Basis) { b.Prompt = "q" },
	} {
		now := was
		change(&now)
		if why := c.Void(now); !strings.Contains(why, what) {
			t.Errorf("%s: %q", what, why)
		}
	}
}

// Other inputs than the ones that the weights were fitted on make them meaningless.
func TestCertificateOfOtherInputs(t *testing.T) {
	t.Parallel()
	c := Certificate{Weights: generalPrior[1:], Among: amongPrior}
	if why := c.Void(Basis{}); !strings.Contains(why, "inputs") {
		t.Errorf("%q", why)
	}
}

// A handful of right answers makes nobody bold: the probability stays the general one.
func TestFewLabelsMoveNothing(t *testing.T) {
	t.Parallel()
	d := undecided(retrieval.Features{Share: 0.7, Words: 2, Grams: 0.6, Coverage: 0.4, Margin: 0.1})
	d.Decide()
	general := d.PCorrect
	for _, n := range []int{0, 3, 20, fewestFit - 1} {
		var fit []Labelled
		for range n {
			fit = append(fit, Labelled{Group: Normal, X: d.Inputs(), Right: true, Among: true})
		}
		c := Certify(fit, nil, Basis{}, time.Time{})
		d.Policy = c.Policy()
		d.Decide()
		if d.PCorrect > general+0.001 || d.PCorrect < general-0.001 {
			t.Errorf("%d labels, all right: %.3f, and %.3f without", n, d.PCorrect, general)
		}
	}
}

func TestPolicyOverridden(t *testing.T) {
	t.Parallel()
	p := Policy{Bars: map[string]float64{Money: 0.9, Normal: 0.8}, Certified: map[string]bool{Money: true, Normal: true}}
	q := p.overridden(map[string]float64{Money: 0.95, Normal: 0.5, HowTo: 0.4})
	if q.Bars[Money] != 0.95 || !q.Certified[Money] || q.Bars[Normal] != 0.5 || q.Certified[Normal] || q.Certified[HowTo] {
		t.Errorf("%+v", q)
	}
	if p.Bars[Money] != 0.9 || !p.Certified[Normal] {
		t.Errorf("the certificate's own policy changed: %+v", p)
	}
}
