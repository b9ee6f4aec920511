package measure

import (
	"math"
	"slices"
)

// Accuracy is the share of equal pairs, NaN without any. The slices have equal length.
func Accuracy(want, got []string) float64 {
	hit := 0
	for i := range want {
		if want[i] == got[i] {
			hit++
		}
	}
	return ratio(hit, len(want))
}

// MacroF1 is the plain mean of the F1 of every label that occurs in want or got, NaN without any.
func MacroF1(want, got []string) float64 {
	per := PerLabel(want, got)
	if len(per) == 0 {
		return math.NaN()
	}
	labels := make([]string, 0, len(per))
	for l := range per {
		labels = append(labels, l)
	}
	slices.Sort(labels) // a fixed order of summation
	sum := 0.0
	for _, l := range labels {
		sum += per[l].F1()
	}
	return sum / float64(len(per))
}

// PerLabel counts every label that occurs in want or got against all others.
func PerLabel(want, got []string) map[string]Counts {
	out := map[string]Counts{}
	for i := range want {
		if want[i] == got[i] {
			c := out[want[i]]
			c.TP++
			out[want[i]] = c
			continue
		}
		c := out[want[i]]
		c.FN++
		out[want[i]] = c
		c = out[got[i]]
		c.FP++
		out[got[i]] = c
	}
	for l, c := range out {
		c.TN = len(want) - c.TP - c.FP - c.FN
		out[l] = c
	}
	return out
}
