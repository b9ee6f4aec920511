package assistant

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"time"

	"github.com/firstline/firstline/internal/fault"
	"github.com/firstline/firstline/internal/measure"
)

// confidenceLevel is how sure a certificate is of its bounds: one time in twenty a bound is too low by chance.
const confidenceLevel = 0.95

// Budgets are the shares of wrong answers among those given that a certificate allows, by topic group. Pooled is that of
// all groups together.
var Budgets = map[string]float64{Money: 0.01, Normal: 0.02, HowTo: 0.05, Pooled: 0.02}

// Pooled names all groups together in a certificate.
const Pooled = "all"

// Labelled is a question with a known answer, as the assistant would answer it if no threshold held it back.
type Labelled struct {
	Group string
	X     []float64 // inputs of the probabilities
	Right bool      // what would be said is right
	Among bool      // something right is among the options
}

// Basis is what a certificate holds for. It is void when any of it changes.
type Basis struct {
	Decision  string `json:"decision"`  // version of the rules and costs
	Retrieval string `json:"retrieval"` // fingerprint of the analysis, the index and its weights
	Embedding string `json:"embedding"` // model
	Model     string `json:"model"`     // that writes answers; "" for quoting
	Prompt    string `json:"prompt"`    // its version; "" for quoting
	Labels    string `json:"labels"`    // hash of the labelled questions
}

// Bound is what a certificate says of a group.
type Bound struct {
	Threshold float64 `json:"threshold"`
	Certified bool    `json:"certified"`
	Budget    float64 `json:"budget"`
	Cases     int     `json:"cases"`    // labelled questions of the group that the bound rests on
	Answered  int     `json:"answered"` // of them at the threshold
	Wrong     int     `json:"wrong"`    // of those
	Upper     float64 `json:"upper"`    // Clopper-Pearson bound on the share of wrong answers
	Why       string  `json:"why"`      // in words

	// What the questions say that had no part in choosing the threshold: a share of wrong answers that is a fair estimate.
	Held      int     `json:"held"`       // of those held back: answered at the threshold
	HeldWrong int     `json:"held_wrong"` // of those
	HeldUpper float64 `json:"held_upper"` // Clopper-Pearson bound on the share of wrong answers
}

// Certificate says from which probability on the assistant may answer, and on which labels that rests.
type Certificate struct {
	Made    time.Time        `json:"made"`
	Basis   Basis            `json:"basis"`
	Fitted  int              `json:"fitted"` // labelled questions that the weights were fitted on
	Weights measure.Logistic `json:"weights"`
	Among   measure.Logistic `json:"among"`
	Groups  map[string]Bound `json:"groups"`
}

// Certify fits the probabilities on the first labels, finds the thresholds on the second and confirms them on the third: all
// must be of different conversations. The threshold of a group is the loosest whose Clopper-Pearson bound on the share of wrong answers stays
// within the budget, by testing thresholds in a fixed order from the strictest down and stopping at the first that
// fails (fixed-sequence testing: Angelopoulos et al., "Learn then Test", 2021), so that the level holds for the one that
// is chosen. That level counts on labels that nobody looked at while rules and articles were written, and labels that serve
// again and again do not stay so: therefore a threshold is certified only where the bound is within the budget on the labels
// that were held back, too. They choose nothing and each threshold is held against them once, so a promise that is too low
// passes one time in twenty at most, whatever happened to the other labels. The order begins where, by the probabilities alone and before any label is looked at, the bound is most likely to be
// within the budget. A group with too few labels, or with too many wrong answers, gets no certificate: its threshold is then at
// least the prior and the pooled one, and high enough that of its labelled questions no more than the budget are answered
// wrongly. A threshold that is not confirmed stays as strict as it was found.
func Certify(fit, certify, held []Labelled, basis Basis, now time.Time) Certificate {
	c := Certificate{Made: now.UTC().Truncate(time.Second), Basis: basis, Fitted: len(fit), Groups: map[string]Bound{}}
	rows := make([][]float64, len(fit))
	right, among := make([]bool, len(fit)), make([]bool, len(fit))
	for i, l := range fit {
		rows[i], right[i], among[i] = l.X, l.Right, l.Among
	}
	c.Weights, c.Among = generalPrior, amongPrior
	if len(fit) >= fewestFit {
		c.Weights = measure.FitLogistic(rows, right, generalPrior, ridge)
		c.Among = measure.FitLogistic(rows, among, amongPrior, ridge)
	}

	all, by := c.score(certify)
	heldAll, heldBy := c.score(held)
	pooled := bound(all, Budgets[Pooled])
	common := pooled.Certified // whether there is a threshold for all, confirmed or not
	if !common {
		pooled.Threshold = 1
	}
	pooled.confirm(heldAll)
	c.Groups[Pooled] = pooled
	for _, g := range Groups {
		b := bound(by[g], Budgets[g])
		if !b.Certified {
			least := prior(g)
			if common {
				least = max(least, pooled.Threshold)
			}
			why := b.Why
			b = within(by[g], least, Budgets[g])
			b.Why = why
		} else if common && b.Threshold < pooled.Threshold { // all answers together have a budget too
			b.Threshold = pooled.Threshold
			b.Why += fmt.Sprintf("; answered from %.2f on, where all groups together stay within %.0f %%", b.Threshold, 100*pooled.Budget)
		}
		b.confirm(heldBy[g])
		c.Groups[g] = b
	}
	return c
}

// score returns the labels with their probabilities, all and by group.
func (c *Certificate) score(labels []Labelled) (all []scored, by map[string][]scored) {
	all, by = make([]scored, len(labels)), map[string][]scored{}
	for i, l := range labels {
		all[i] = scored{c.Weights.P(l.X), l.Right}
		by[l.Group] = append(by[l.Group], all[i])
	}
	return all, by
}

// confirm holds a bound against labels that it was not chosen on, and takes the certificate back where they do not bear it out.
func (b *Bound) confirm(held []scored) {
	b.Held, b.HeldWrong = at(held, b.Threshold)
	b.HeldUpper = measure.UpperBound(b.HeldWrong, b.Held, confidenceLevel)
	if !b.Certified {
		return
	}
	seen := fmt.Sprintf("of %d answers to questions held back %d are wrong, so that at 95 %% confidence up to %.1f %% could be", b.Held, b.HeldWrong, 100*b.HeldUpper)
	if b.HeldUpper <= b.Budget {
		b.Why += "; confirmed: " + seen
		return
	}
	b.Certified = false
	b.Why = fmt.Sprintf("not certified: %s; the budget is %.0f %% (%d of %d were wrong where the threshold was found)", seen, 100*b.Budget, b.Wrong, b.Answered)
}

// fewestFit is the number of labels below which the weights stay the general ones: a handful of right answers would make
// the assistant bold about questions that are unlike them.
const fewestFit = 60

// ridge pulls the weights of few labels towards the prior: as strong as a handful of them.
const ridge = 2

// scored is a labelled question with its probability.
type scored struct {
	p     float64
	right bool
}

// steps are the thresholds that are tested, from the strictest down. They are fixed beforehand.
func steps(yield func(float64) bool) {
	for i := 398; i >= 120; i-- { // 0.995 down to 0.3
		if !yield(float64(i) / 400) {
			return
		}
	}
}

// at counts what is answered from a threshold on, and what is wrong of it.
func at(cases []scored, threshold float64) (answered, wrong int) {
	for _, c := range cases {
		if c.p >= threshold {
			answered++
			if !c.right {
				wrong++
			}
		}
	}
	return answered, wrong
}

// bound finds the loosest certified threshold.
func bound(cases []scored, budget float64) Bound {
	b := Bound{Budget: budget, Cases: len(cases), Threshold: 1, Upper: 1}
	need := int(math.Ceil(math.Log(1-confidenceLevel) / math.Log(1-budget))) // answers, none of them wrong, for the bound to fit
	first := likeliest(cases, budget, need)
	for threshold := range steps {
		if threshold > first {
			continue
		}
		answered, wrong := at(cases, threshold)
		upper := measure.UpperBound(wrong, answered, confidenceLevel)
		if upper > budget {
			if !b.Certified {
				b.Answered, b.Wrong, b.Upper = answered, wrong, upper
				b.Why = fmt.Sprintf("not certified: of the %d surest answers %d are wrong, so that at 95 %% confidence up to %.1f %% could be; the budget is %.0f %%", answered, wrong, 100*upper, 100*budget)
			}
			return b
		}
		b.Certified, b.Threshold, b.Answered, b.Wrong, b.Upper = true, threshold, answered, wrong, upper
		b.Why = fmt.Sprintf("certified: %d of %d answers wrong, at 95 %% confidence at most %.1f %%", wrong, answered, 100*upper)
	}
	if !b.Certified {
		b.Why = fmt.Sprintf("not certified: a budget of %.0f %% needs at least %d answered questions, and there are %d labelled ones", 100*budget, need, len(cases))
	}
	return b
}

// likeliest is the threshold at which the bound is most likely to be within the budget, by the probabilities alone: no
// label is looked at. The strictest where several are. 0 where fewer questions than needed are above any. Wrong answers are
// counted as a Poisson variable; no probability is trusted beyond one wrong in two hundred, which labels themselves are.
func likeliest(cases []scored, budget float64, need int) float64 {
	const labelNoise = 0.005
	best, first := -1.0, 0.0
	for threshold := range steps {
		n, expected := 0, 0.0
		for _, c := range cases {
			if c.p >= threshold {
				n++
				expected += max(1-c.p, labelNoise)
			}
		}
		if n < need {
			continue
		}
		chance, term := 0.0, math.Exp(-expected)
		for wrong := 0; measure.UpperBound(wrong, n, confidenceLevel) <= budget; wrong++ {
			chance += term
			term *= expected / float64(wrong+1)
		}
		if chance > best {
			best, first = chance, threshold
		}
	}
	return first
}

// within is the loosest threshold, at least as high as given, at which the share of wrong answers among the labelled ones
// would be within the budget with one more of them, without a guarantee: what is seen of the loosest of many thresholds is
// luck in part. 1, so that nothing is answered, where there is none.
func within(cases []scored, least, budget float64) Bound {
	b := Bound{Budget: budget, Cases: len(cases), Threshold: 1}
	for threshold := range steps {
		if threshold < least {
			break
		}
		if answered, wrong := at(cases, threshold); float64(wrong+1) <= budget*float64(answered) {
			b.Threshold, b.Answered, b.Wrong = threshold, answered, wrong
		}
	}
	b.Upper = measure.UpperBound(b.Wrong, b.Answered, confidenceLevel)
	return b
}

// Policy is what the certificate makes of the thresholds and weights.
func (c *Certificate) Policy() Policy {
	p := Policy{Bars: map[string]float64{}, Certified: map[string]bool{}, Weights: c.Weights, Among: c.Among, Certificate: c.Name()}
	for _, g := range Groups {
		if b, ok := c.Groups[g]; ok {
			p.Bars[g] = b.Threshold
			if b.Certified {
				p.Certified[g] = true
			}
		}
	}
	return p
}

// DecisionVersion names the logic and the constants of the decision, for the basis of a certificate.
const DecisionVersion = decisionVersion

// PromptVersion names the prompt, for the basis of a certificate.
const PromptVersion = promptVersion

// ReadCertificate reads a certificate from JSON; nil from none at all.
func ReadCertificate(data []byte) (*Certificate, error) {
	if len(bytes.TrimSpace(data)) == 0 {
		return nil, nil
	}
	var c Certificate
	if err := json.Unmarshal(data, &c); err != nil {
		return nil, fault.Wrap(err, fault.Invalid, "certificate_malformed", "This is no certificate.")
	}
	return &c, nil
}

// Name is a short hash of the certificate.
func (c *Certificate) Name() string {
	raw, err := json.Marshal(c)
	if err != nil {
		return "" // numbers and strings only
	}
	sum := sha256.Sum256(raw)
	return hex.EncodeToString(sum[:6])
}

// Void returns why the certificate does not hold for what runs now, or "". The labels do not count: they are known only
// where they are measured.
func (c *Certificate) Void(now Basis) string {
	was := c.Basis
	if n := len(generalPrior); len(c.Weights) != n || len(c.Among) != n {
		return fmt.Sprintf("the probabilities rest on %d inputs now, and on %d then", n, len(c.Weights))
	}
	for _, x := range []struct{ what, was, now string }{
		{"the rules of the decision", was.Decision, now.Decision},
		{"retrieval or its index", was.Retrieval, now.Retrieval},
		{"the embedding model", was.Embedding, now.Embedding},
		{"the model", was.Model, now.Model},
		{"the prompt", was.Prompt, now.Prompt},
	} {
		if x.was != x.now {
			return fmt.Sprintf("%s changed from %q to %q", x.what, x.was, x.now)
		}
	}
	return ""
}

// overridden puts an admin's own thresholds in place of the others; nobody has certified them.
func (p Policy) overridden(bars map[string]float64) Policy {
	if len(bars) == 0 {
		return p
	}
	p.Bars, p.Certified = maps.Clone(p.Bars), maps.Clone(p.Certified)
	if p.Bars == nil {
		p.Bars = map[string]float64{}
	}
	for _, g := range slices.Sorted(maps.Keys(bars)) {
		if old, ok := p.Bars[g]; !ok || bars[g] < old {
			delete(p.Certified, g) // a stricter one is certified with it
		}
		p.Bars[g] = bars[g]
	}
	return p
}
