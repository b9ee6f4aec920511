package measure

import (
	"math"
	"slices"
)

// NDCG is the normalised discounted cumulative gain of the first k results, with linear gains (as trec_eval counts
// them) and discount log2(rank+1). ranked holds ids, best first; grade holds the relevance of the relevant ids, above
// 0. An id counts once. 0 when nothing is relevant.
func NDCG(ranked []string, grade map[string]float64, k int) float64 {
	dcg := 0.0
	seen := map[string]bool{}
	for i, id := range ranked[:min(k, len(ranked))] {
		if !seen[id] {
			seen[id] = true
			dcg += max(grade[id], 0) / math.Log2(float64(i+2))
		}
	}
	ideal := make([]float64, 0, len(grade))
	for _, g := range grade {
		ideal = append(ideal, max(g, 0))
	}
	slices.Sort(ideal)
	slices.Reverse(ideal)
	best := 0.0
	for i, g := range ideal[:min(k, len(ideal))] {
		best += g / math.Log2(float64(i+2))
	}
	if best == 0 {
		return 0
	}
	return dcg / best
}

// RecallAt is the share of relevant ids among the first k results. 0 when nothing is relevant.
func RecallAt(ranked []string, grade map[string]float64, k int) float64 {
	relevant := 0
	for _, g := range grade {
		if g > 0 {
			relevant++
		}
	}
	if relevant == 0 {
		return 0
	}
	found := map[string]bool{}
	for _, id := range ranked[:min(k, len(ranked))] {
		if grade[id] > 0 {
			found[id] = true
		}
	}
	return float64(len(found)) / float64(relevant)
}

// MRR is one over the rank of the first relevant result among the first k, 0 when there is none: the reciprocal rank of
// one query, to be averaged over queries.
func MRR(ranked []string, grade map[string]float64, k int) float64 {
	for i, id := range ranked[:min(k, len(ranked))] {
		if grade[id] > 0 {
			return 1 / float64(i+1)
		}
	}
	return 0
}
