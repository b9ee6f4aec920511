package retrieval

import (
	"slices"

	"github.com/firstline/firstline/retrieval/analysis"
)

// Baseline is plain BM25 over one field as in published comparisons: k1 0.9 and b 0.4, Porter stems, Lucene's stop words.
// It shows that the index counts right; serving uses more than this. The zero value is not usable.
type Baseline struct {
	analyzer *analysis.Analyzer
	field    *field
}

// NewBaseline indexes texts; a text is known by its position.
func NewBaseline(texts []string) *Baseline {
	b := &Baseline{analyzer: analysis.Classic(), field: newField(0.9, 0.4)}
	for i, text := range texts {
		terms, length := counts{}, 0
		b.analyzer.Words(text, func(w analysis.Word) {
			if w.Stem != "" {
				terms[analysis.Hash(w.Stem)]++
				length++
			}
		})
		b.field.add(uint32(i), terms, length)
	}
	b.field.settle()
	return b
}

// Scored is a text with its score.
type Scored struct {
	Text  int
	Score float64
}

// Search returns the best texts, at most depth of them, descending; equal scores in the order of texts. Score is a sum
// of idf-weighted terms and has no upper bound. Ideal is the sum that a text could reach.
func (b *Baseline) Search(question string, depth int) (found []Scored, ideal float64) {
	times := map[uint64]float64{}
	var order []uint64
	b.analyzer.Words(question, func(w analysis.Word) {
		if w.Stem == "" {
			return
		}
		h := analysis.Hash(w.Stem)
		if times[h] == 0 {
			order = append(order, h)
		}
		times[h]++
	})
	sums := make([]float32, len(b.field.length))
	for _, term := range order {
		_, l := b.field.find(term)
		weight := times[term] * b.field.idf(len(l))
		ideal += weight
		b.field.score(l, float32(weight), sums)
	}
	for i, s := range sums {
		if s > 0 {
			found = append(found, Scored{i, float64(s)})
		}
	}
	slices.SortStableFunc(found, func(a, b Scored) int {
		switch {
		case a.Score > b.Score:
			return -1
		case a.Score < b.Score:
			return 1
		}
		return 0
	})
	return found[:min(depth, len(found))], ideal
}
