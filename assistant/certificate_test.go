package assistant

import (
	"math/rand/v2"
	"slices"
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

// A certified threshold may be wrong about its bound one time in twenty, also where the labels that it was found on had been
// in sight while the rules were written, so that most of what is answered wrongly among them was mended for them alone.
func TestCertifiedThresholdsHold(t *testing.T) {
	t.Parallel()
	rnd := rand.New(rand.NewPCG(3, 4))
	truth := world(rnd, 30_000, HowTo, 0)
	fit := world(rnd, 300, HowTo, 0)
	const worlds = 150
	for _, mended := range []bool{false, true} {
		certified, broken, without := 0, 0, 0
		for range worlds {
			labels := world(rnd, 400, HowTo, 0)
			if mended {
				labels = slices.DeleteFunc(labels, func(l Labelled) bool { return !l.Right && rnd.Float64() < 0.7 })
			}
			c := Certify(fit, labels, world(rnd, 700, HowTo, 0), Basis{}, time.Time{})
			b := c.Groups[HowTo]
			answered, wrong := 0, 0
			for _, l := range truth {
				if c.Weights.P(l.X) >= b.Threshold {
					answered++
					if !l.Right {
						wrong++
					}
				}
			}
			over := float64(wrong) > b.Budget*float64(answered)
			if over && b.Answered > 0 && b.Upper <= b.Budget {
				without++
			}
			if b.Certified {
				certified++
				if over {
					broken++
				}
			}
		}
		t.Logf("mended %v: %d certified, %d broken; %d without those held back", mended, certified, broken, without)
		if broken > 13 { // one in twenty is 7.5; 13 is two standard deviations above
			t.Errorf("mended %v: %d of %d certificates were broken in %d worlds", mended, broken, certified, worlds)
		}
		if !mended && certified < worlds/10 {
			t.Errorf("certified only %d times of %d", certified, worlds)
		}
		if mended && without < worlds/4 {
			t.Errorf("only %d would be broken by the mended labels alone: this shows nothing", without)
		}
	}
}

// What was held back takes a certificate away, and never loosens or moves a threshold.
func TestHeldBackConfirms(t *testing.T) {
	t.Parallel()
	rnd := rand.New(rand.NewPCG(9, 10))
	fit := world(rnd, 300, HowTo, 1)
	certify := slices.DeleteFunc(world(rnd, 800, HowTo, 1), func(l Labelled) bool { return !l.Right }) // any bound is met
	none := Certify(fit, certify, nil, Basis{}, time.Time{})
	right, wrong := world(rnd, 800, HowTo, 1), world(rnd, 800, HowTo, 1)
	for i := range right {
		right[i].Right, wrong[i].Right = true, i%8 != 0
	}
	good, bad := Certify(fit, certify, right, Basis{}, time.Time{}), Certify(fit, certify, wrong, Basis{}, time.Time{})
	for _, g := range []string{HowTo, Pooled} {
		n, y, b := none.Groups[g], good.Groups[g], bad.Groups[g]
		if n.Upper > n.Budget || n.Certified || n.HeldUpper != 1 {
			t.Errorf("%s, nothing held back: %+v", g, n)
		}
		if !y.Certified || y.HeldWrong != 0 || y.Held == 0 || !strings.Contains(y.Why, "confirmed") {
			t.Errorf("%s, all held back are right: %+v", g, y)
		}
		if b.Certified || b.HeldWrong == 0 || b.HeldUpper <= b.Budget || !strings.Contains(b.Why, "held back") {
			t.Errorf("%s, one of eight held back is wrong: %+v", g, b)
		}
		if n.Threshold != y.Threshold || n.Threshold != b.Threshold {
			t.Errorf("%s: thresholds %v, %v and %v by what was held back", g, n.Threshold, y.Threshold, b.Threshold)
		}
	}
}

func TestTooFewLabels(t *testing.T) {
	t.Parallel()
	rnd := rand.New(rand.NewPCG(5, 6))
	c := Certify(world(rnd, 200, Money, 3), world(rnd, 100, Money, 3), nil, Basis{}, time.Time{})
	b := c.Groups[Money]
	if b.Certified || b.Threshold < prior(Money) || !strings.Contains(b.Why, "needs at least 299") {
		t.Errorf("%+v", b)
	}
	if n := c.Groups[Normal]; n.Certified || n.Threshold < prior(Normal) {
		t.Errorf("a group without a single label: %+v", n)
	}
	none := Certify(nil, nil, nil, Basis{}, time.Time{})
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
		c := Certify(world(rnd, 200, Money, 0), certify, world(rnd, 250, Money, 0), Basis{}, time.Time{})
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
		c := Certify(fit, nil, nil, Basis{}, time.Time{})
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
