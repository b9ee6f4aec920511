package report

import (
	"cmp"
	"math"
	"slices"

	"github.com/firstline/firstline/internal/measure"
)

// AddConfidence adds what is known of P as a claim about Outcome: brier, fpr_at_95tpr, and coverage_at_risk_2, _5 and
// _10, the greatest share of the cases that could be answered, surest first, with at most that percentage of them wrong.
// What is undefined, as where every outcome is the same, is left out.
func AddConfidence(figures map[string]float64, cases []Case) {
	p, outcome := claims(cases)
	found := map[string]float64{"brier": measure.Brier(p, outcome), "fpr_at_95tpr": measure.FPRAtTPR(p, outcome, 0.95)}
	if len(cases) > 0 {
		curve := riskCoverage(p, outcome)
		found["coverage_at_risk_2"] = coverageAt(curve, 0.02)
		found["coverage_at_risk_5"] = coverageAt(curve, 0.05)
		found["coverage_at_risk_10"] = coverageAt(curve, 0.10)
	}
	for name, v := range found {
		if !math.IsNaN(v) {
			figures[name] = v
		}
	}
}

// claims takes cases apart into what was claimed and what came true. A claim that is no number, which no order has a
// place for, counts as 0.
func claims(cases []Case) (p []float64, outcome []bool) {
	for _, c := range finiteCases(cases) {
		p, outcome = append(p, c.P), append(outcome, c.Outcome)
	}
	return p, outcome
}

// point is one point of a curve. Both coordinates are shares.
type point struct{ x, y float64 }

// surestFirst calls f with the numbers of right and wrong outcomes among those that are at least as sure as each
// distinct probability, the highest first: equal ones cannot be told apart by any threshold.
func surestFirst(p []float64, outcome []bool, f func(right, wrong int)) {
	order := make([]int, len(p))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(p[b], p[a]) })
	right, wrong := 0, 0
	for i, k := range order {
		if outcome[k] {
			right++
		} else {
			wrong++
		}
		if i+1 == len(order) || p[order[i+1]] != p[k] {
			f(right, wrong)
		}
	}
}

// riskCoverage is the share of wrong ones (y) among the share of all that are surest (x), one point per distinct
// probability.
func riskCoverage(p []float64, outcome []bool) []point {
	var curve []point
	surestFirst(p, outcome, func(right, wrong int) {
		curve = append(curve, point{float64(right+wrong) / float64(len(p)), float64(wrong) / float64(right+wrong)})
	})
	return curve
}

// coverageAt is the greatest coverage at which the risk is no greater than allowed, 0 when there is none.
func coverageAt(curve []point, risk float64) float64 {
	best := 0.0
	for _, c := range curve {
		if c.y <= risk {
			best = max(best, c.x)
		}
	}
	return best
}

// roc is the share of the positives found (y) over the share of false alarms (x), from nothing raised to everything. Nil
// when either class is absent.
func roc(p []float64, outcome []bool) []point {
	positives := 0
	for _, o := range outcome {
		if o {
			positives++
		}
	}
	negatives := len(outcome) - positives
	if positives == 0 || negatives == 0 {
		return nil
	}
	curve := []point{{0, 0}}
	surestFirst(p, outcome, func(right, wrong int) {
		curve = append(curve, point{float64(wrong) / float64(negatives), float64(right) / float64(positives)})
	})
	return curve
}

// bin is one column of a reliability diagram.
type bin struct {
	n, hits   int
	mean      float64 // of the probabilities in it
	share     float64 // of outcomes
	low, high float64 // the share's exact 95 % interval
}

// reliability sorts cases into bins of equal width by probability, those of measure.ECE.
func reliability(p []float64, outcome []bool, bins int) []bin {
	out := make([]bin, bins)
	for i, x := range p {
		b := &out[min(max(int(x*float64(bins)), 0), bins-1)]
		b.n++
		b.mean += x
		if outcome[i] {
			b.hits++
		}
	}
	for i := range out {
		if b := &out[i]; b.n > 0 {
			b.mean /= float64(b.n)
			b.share = float64(b.hits) / float64(b.n)
			b.low, b.high = measure.ClopperPearson(b.hits, b.n, 0.95)
		}
	}
	return out
}
