package measure

import (
	"cmp"
	"math"
	"slices"
)

// AUROC is the probability that a positive scores above a negative, ties counting half (the Mann-Whitney statistic).
// It is NaN when either class is absent. The slices have equal length.
func AUROC(scores []float64, positive []bool) float64 {
	order := ascending(scores)
	var pos, neg, rankSum float64
	for i := 0; i < len(order); {
		j := i + 1 // at least one, also where a score is not a number and equals nothing
		for j < len(order) && scores[order[j]] == scores[order[i]] {
			j++
		}
		rank := float64(i+j+1) / 2 // mean of the ranks i+1..j
		for _, k := range order[i:j] {
			if positive[k] {
				pos++
				rankSum += rank
			} else {
				neg++
			}
		}
		i = j
	}
	if pos == 0 || neg == 0 {
		return math.NaN()
	}
	return (rankSum - pos*(pos+1)/2) / (pos * neg)
}

// FPRAtTPR is the least false-positive rate of any threshold that reaches the true-positive rate tpr, 0 < tpr <= 1.
// NaN when either class is absent.
func FPRAtTPR(scores []float64, positive []bool, tpr float64) float64 {
	t := ThresholdAtTPR(scores, positive, tpr)
	if math.IsNaN(t) {
		return t
	}
	return At(scores, positive, t).FPR()
}

// ThresholdAtTPR is the highest threshold t such that "score >= t" finds at least the share tpr of the positives. NaN
// when either class is absent.
func ThresholdAtTPR(scores []float64, positive []bool, tpr float64) float64 {
	var pos []float64
	for i, s := range scores {
		if positive[i] {
			pos = append(pos, s)
		}
	}
	if len(pos) == 0 || len(pos) == len(scores) {
		return math.NaN()
	}
	slices.Sort(pos)
	need := int(math.Ceil(tpr*float64(len(pos)) - 1e-9))
	return pos[len(pos)-min(max(need, 1), len(pos))]
}

// ThresholdAtFPR is the lowest threshold among the scores at which "score >= t" raises at most the share fpr of the
// negatives; just above the greatest score when none does. NaN when there are no negatives.
func ThresholdAtFPR(scores []float64, positive []bool, fpr float64) float64 {
	var neg []float64
	top := math.Inf(-1)
	for i, s := range scores {
		if !positive[i] {
			neg = append(neg, s)
		}
		top = max(top, s)
	}
	if len(neg) == 0 {
		return math.NaN()
	}
	slices.Sort(neg)
	allowed := int(math.Floor(fpr*float64(len(neg)) + 1e-9))
	if allowed >= len(neg) {
		return min(neg[0], slices.Min(scores))
	}
	barrier := neg[len(neg)-1-allowed] // the first negative that must stay below
	best := math.Inf(1)
	for _, s := range scores {
		if s > barrier {
			best = min(best, s)
		}
	}
	if math.IsInf(best, 1) {
		return math.Nextafter(top, math.Inf(1))
	}
	return best
}

// ThresholdBestF1 is the threshold among the scores with the greatest F1, the highest of several. NaN without scores.
func ThresholdBestF1(scores []float64, positive []bool) float64 {
	if len(scores) == 0 {
		return math.NaN()
	}
	order := ascending(scores)
	slices.Reverse(order)
	total := 0
	for _, p := range positive {
		if p {
			total++
		}
	}
	best, at := -1.0, scores[order[0]]
	tp := 0
	for i, k := range order {
		if positive[k] {
			tp++
		}
		if i+1 < len(order) && scores[order[i+1]] == scores[k] {
			continue
		}
		if f := 2 * float64(tp) / float64(i+1+total); f > best {
			best, at = f, scores[k]
		}
	}
	return at
}

// Counts is a confusion table of two classes.
type Counts struct{ TP, FP, TN, FN int }

// At counts what the rule "score >= threshold" gets right and wrong.
func At(scores []float64, positive []bool, threshold float64) Counts {
	var c Counts
	for i, s := range scores {
		switch {
		case s >= threshold && positive[i]:
			c.TP++
		case s >= threshold:
			c.FP++
		case positive[i]:
			c.FN++
		default:
			c.TN++
		}
	}
	return c
}

func ratio(a, b int) float64 {
	if b == 0 {
		return math.NaN()
	}
	return float64(a) / float64(b)
}

// Precision is TP/(TP+FP), NaN when nothing was raised.
func (c Counts) Precision() float64 { return ratio(c.TP, c.TP+c.FP) }

// Recall is TP/(TP+FN), NaN when there are no positives.
func (c Counts) Recall() float64 { return ratio(c.TP, c.TP+c.FN) }

// FPR is FP/(FP+TN), NaN when there are no negatives.
func (c Counts) FPR() float64 { return ratio(c.FP, c.FP+c.TN) }

// F1 is 2TP/(2TP+FP+FN), NaN when there are neither positives nor alarms.
func (c Counts) F1() float64 { return ratio(2*c.TP, 2*c.TP+c.FP+c.FN) }

// Accuracy is the share of right answers, NaN when there are none.
func (c Counts) Accuracy() float64 { return ratio(c.TP+c.TN, c.TP+c.TN+c.FP+c.FN) }

// PRPoint is one point of a precision-recall curve.
type PRPoint struct{ Threshold, Precision, Recall float64 }

// PR is the precision-recall curve, one point per distinct score, thresholds descending. Nil without positives.
func PR(scores []float64, positive []bool) []PRPoint {
	total := 0
	for _, p := range positive {
		if p {
			total++
		}
	}
	if total == 0 {
		return nil
	}
	order := ascending(scores)
	slices.Reverse(order)
	var out []PRPoint
	tp := 0
	for i, k := range order {
		if positive[k] {
			tp++
		}
		if i+1 < len(order) && scores[order[i+1]] == scores[k] {
			continue
		}
		out = append(out, PRPoint{scores[k], float64(tp) / float64(i+1), float64(tp) / float64(total)})
	}
	return out
}

// ascending returns the indices of scores, least first, stable.
func ascending(scores []float64) []int {
	order := make([]int, len(scores))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(scores[a], scores[b]) })
	return order
}
