package retrieval

import (
	"math"

	"github.com/firstline/firstline/retrieval/analysis"
)

// queryTerm is a term of the question in one partition.
type queryTerm struct {
	list    uint32 // of the words field
	weight  float32
	idf     float32
	covers  float64 // 1 for a term of the question, less for one in place of a misspelt term, 0 for one of the context
	matches float32 // the same, but for a term of the context what those count
}

// query is a question as one partition understands it.
type query struct {
	terms     []queryTerm
	titles    []queryTerm // the same terms in the titles field
	grams     []queryTerm
	tgrams    []queryTerm
	ideal     float64 // what an article could reach in the words leg
	idealG    float64 // and in the n-gram leg
	distinct  int
	total     float64  // sum of the idf of the question's terms
	totalG    float64  // and of its n-grams
	order     []uint32 // lists of the question's terms as they were asked; noList for one that no article has
	matchable float32  // total, with the context's terms as they count
	pairs     float32  // sum of the idf of the question's pairs of neighbours
	unknown   float64
}

// reach turns raw sums of an article into the share of what the question could reach.
func (q *query) reach(s sum, gramWeight float64) float64 {
	var w, g float64
	if q.ideal > 0 {
		w = min(float64(s.words)/q.ideal, 1)
	}
	if q.idealG > 0 {
		g = min(float64(s.grams)/q.idealG, 1)
	}
	return (1-gramWeight)*w + gramWeight*g
}

func countTerms(a *analysis.Analyzer, text string) int {
	seen := map[string]struct{}{}
	a.Words(text, func(w analysis.Word) {
		if w.Stem != "" {
			seen[w.Stem] = struct{}{}
		}
	})
	return len(seen)
}

// query analyses a question. A term counts 1+ln(times) for its times in the question, a term of the context less. A
// word that no article has is accompanied by the known words that it may be a misspelling of.
func (p *partition) query(question, context string, w *scratch) *query {
	q := &query{}
	words, grams := &w.words, &w.grams
	words.reset()
	grams.reset()
	var order []uint64
	collect := func(text string, isContext bool) {
		p.analyzer.Tokens(text, func(surface string, pair bool) {
			w, known := p.vocabulary.words[surface]
			if !known {
				w = p.vocabulary.analyse(p.analyzer, surface, pair)
			}
			if w.term == 0 {
				return
			}
			for _, g := range w.grams {
				grams.add(g, 1, isContext)
			}
			if _, l := p.words.find(w.term); len(l) == 0 && !isContext {
				if near := p.vocabulary.correct(surface, 2); len(near) > 0 {
					for _, c := range near {
						words.add(c.term, p.tuning.Correction, isContext)
					}
					order = append(order, near[0].term)
					return
				}
			}
			words.add(w.term, 1, isContext)
			if !isContext {
				order = append(order, w.term)
			}
		})
	}
	collect(question, false)
	if context != "" {
		collect(context, true)
	}
	var known float64
	q.terms, q.titles = make([]queryTerm, 0, len(words.terms)), make([]queryTerm, 0, len(words.terms))
	q.grams, q.tgrams = make([]queryTerm, 0, len(grams.terms)), make([]queryTerm, 0, len(grams.terms))
	for i := range words.terms {
		t := &words.terms[i]
		n, l := p.words.find(t.hash)
		idf := p.words.idf(len(l))
		weight, covers := t.weight(p.tuning.ContextWeight), 0.0
		if !t.context {
			q.distinct++
			q.total += idf
			q.ideal += weight * idf
			covers = min(t.times, 1)
			if len(l) > 0 {
				known += idf * covers
			}
		}
		matches := covers
		if t.context {
			matches = min(weight, 1)
		}
		if !t.context {
			q.matchable += float32(idf)
		} else if len(l) > 0 {
			q.matchable += float32(idf * matches)
		}
		if len(l) > 0 {
			q.terms = append(q.terms, queryTerm{list: n, weight: float32(weight), idf: float32(idf), covers: covers, matches: float32(matches)})
		}
		if n, l := p.titles.find(t.hash); len(l) > 0 {
			q.titles = append(q.titles, queryTerm{list: n, weight: float32(weight), idf: float32(p.titles.idf(len(l)))})
		}
	}
	if q.total > 0 {
		q.unknown = 1 - known/q.total
	}
	q.inOrder(p, order)
	for i := range grams.terms {
		t := &grams.terms[i]
		weight := t.weight(p.tuning.ContextWeight)
		n, l := p.grams.find(t.hash)
		if p.common(l) {
			continue
		}
		idf, covers := p.grams.idf(len(l)), 0.0
		if !t.context {
			q.idealG += weight * idf
			q.totalG += idf
			covers = 1
		}
		if len(l) > 0 {
			q.grams = append(q.grams, queryTerm{list: n, weight: float32(weight), idf: float32(idf), covers: covers})
		}
		if n, l := p.titleGrams.find(t.hash); len(l) > 0 {
			q.tgrams = append(q.tgrams, queryTerm{list: n, weight: float32(weight), idf: float32(p.titleGrams.idf(len(l)))})
		}
	}
	return q
}

// inOrder notes the question's terms as they were asked.
func (q *query) inOrder(p *partition, terms []uint64) {
	q.order = make([]uint32, len(terms))
	previous := float32(0)
	for i, term := range terms {
		n, l := p.words.find(term)
		if len(l) == 0 {
			n = noList
		}
		q.order[i] = n
		idf := float32(p.words.idf(len(l)))
		if i > 0 && term != terms[i-1] {
			q.pairs += previous + idf
		}
		previous = idf
	}
}

// tally counts terms in the order in which they first came.
type tally struct {
	at    map[uint64]int
	terms []tallied
}

type tallied struct {
	hash    uint64
	times   float64
	context bool // stands in the context only
}

func (t *tally) reset() {
	if t.at == nil {
		t.at = make(map[uint64]int, 256)
	}
	clear(t.at)
	t.terms = t.terms[:0]
}

func (t *tally) add(hash uint64, times float64, context bool) {
	i, ok := t.at[hash]
	if !ok {
		i = len(t.terms)
		t.at[hash] = i
		t.terms = append(t.terms, tallied{hash: hash, context: context})
	}
	if t.terms[i].context == context { // what the question says, its context need not say again
		t.terms[i].times += times
	}
}

func (t *tallied) weight(ofContext float64) float64 {
	w := t.times
	if w > 1 {
		w = 1 + math.Log(w)
	}
	if t.context {
		w *= ofContext
	}
	return w
}
