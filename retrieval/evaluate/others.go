package evaluate

import (
	"math"

	"github.com/firstline/firstline/internal/measure"
	"github.com/firstline/firstline/internal/report"
)

// fewestSets is how many sets a run needs before one of them can be calibrated on the others: one other set alone would
// tell how much two sets differ, not whether the confidence carries over.
const fewestSets = 3

// calibrateOnOthers adds top1_ece_others to each entry: the calibration error of its confidence after a logistic map that
// was fitted on the cases of all other entries. It is what a company may expect that has no labels of its own. With fewer
// sets than fewestSets it adds nothing.
func calibrateOnOthers(entries []report.Entry) {
	if len(entries) < fewestSets {
		return
	}
	for i, e := range entries {
		var scores []float64
		var right []bool
		for j, other := range entries {
			if j == i {
				continue
			}
			for _, c := range other.Cases {
				scores, right = append(scores, logit(c.P)), append(right, c.Outcome)
			}
		}
		m := measure.FitPlatt(scores, right)
		p, outcome := make([]float64, len(e.Cases)), make([]bool, len(e.Cases))
		for k, c := range e.Cases {
			p[k], outcome[k] = m.P(logit(c.P)), c.Outcome
		}
		e.Figures["top1_ece_others"] = finite(measure.ECE(p, outcome, 10))
	}
}

// logit is the log odds of a probability, which a logistic map leaves as it is when it was honest already. Certainty,
// which has no odds, counts as one in a million.
func logit(p float64) float64 {
	const edge = 1e-6
	p = min(max(p, edge), 1-edge)
	return math.Log(p / (1 - p))
}
