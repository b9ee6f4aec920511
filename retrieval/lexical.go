package retrieval

import (
	"math"
	"slices"
	"sync"

	"github.com/firstline/firstline/retrieval/analysis"
	"github.com/google/uuid"
)

const (
	candidateArticles = 24 // articles that the lexical leg hands on
	candidateSections = 3  // passages of each, at most
	candidateLimit    = 32

	// commonGram is the number of articles from which an n-gram that more than half of all articles have is left out: it
	// says next to nothing and its list is the longest to read.
	commonGram = 200
)

// lexicalResult is what the lexical leg found.
type lexicalResult struct {
	revision   int64
	candidates []candidate // by score, descending
	top        float64     // of the best article: its score as a share of what an article with every term could reach, 0..1
	terms      int         // distinct terms of the question, stop words aside
	unknown    float64     // idf-weighted share of them that no article has
}

// candidate is a passage with its lexical score, which is 1 for the best passage of the best article.
type candidate struct {
	passage int64
	article uuid.UUID
	score   float32
}

// scratch is the memory of one search, used again.
type scratch struct {
	words, grams []float32
	factors      []float32
	heap         []ranked
}

type ranked struct {
	partition *partition
	terms     []queryTerm
	slot      uint32
	score     float32
}

var scratches = sync.Pool{New: func() any { return new(scratch) }}

// queryTerm is a term of the question in one partition.
type queryTerm struct {
	list   uint32 // of the words field
	weight float32
	idf    float32
	covers float64 // 1 for a term of the question, less for one in place of a misspelt term, 0 for one of the context
}

// lexical ranks the passages that a scope may read.
func (x *index) lexical(question, context string, s *scope) lexicalResult {
	x.mu.RLock()
	defer x.mu.RUnlock()
	w := scratches.Get().(*scratch)
	defer scratches.Put(w)
	w.factors = x.factors(s, w.factors)
	w.heap = w.heap[:0]

	r := lexicalResult{revision: x.revision}
	type leg struct {
		p     *partition
		q     *query
		words []float32
		grams []float32
	}
	var legs []leg
	var maxWords, maxGrams float32
	languages := s.languages()
	size := 0
	for _, language := range languages {
		if p := x.partitions[language]; p != nil {
			size += len(p.entries)
		}
	}
	w.words, w.grams = zeroed(w.words, size), zeroed(w.grams, size)
	from := 0
	for i, language := range languages {
		p := x.partitions[language]
		if p == nil || p.words.docs == 0 {
			if i == 0 { // the question's terms are counted in the customer's language all the same
				if r.terms = countTerms(analysis.For(language), question); r.terms > 0 {
					r.unknown = 1
				}
			}
			continue
		}
		to := from + len(p.entries)
		q := p.query(question, context)
		l := leg{p: p, q: q, words: w.words[from:to], grams: w.grams[from:to]}
		from = to
		if i == 0 || r.terms == 0 {
			r.terms, r.unknown = q.distinct, q.unknown
		}
		p.score(q, l.words, l.grams)
		for slot := range p.entries {
			e := &p.entries[slot]
			if e.sections == nil {
				continue
			}
			if f := w.factors[e.kind]; f > 0 {
				maxWords = max(maxWords, f*l.words[slot])
				maxGrams = max(maxGrams, f*l.grams[slot])
			}
		}
		legs = append(legs, l)
	}
	if maxWords == 0 && maxGrams == 0 {
		return r
	}
	byWords, byGrams := float32(0), float32(0)
	if maxWords > 0 {
		byWords = float32(1-x.tuning.GramWeight) / maxWords
	}
	if maxGrams > 0 {
		byGrams = float32(x.tuning.GramWeight) / maxGrams
	}
	for _, l := range legs {
		for slot := range l.p.entries {
			e := &l.p.entries[slot]
			if e.sections == nil {
				continue
			}
			f := w.factors[e.kind]
			if f == 0 {
				continue
			}
			score := f * (byWords*l.words[slot] + byGrams*l.grams[slot])
			if score > 0 {
				w.push(ranked{partition: l.p, terms: l.q.terms, slot: uint32(slot), score: score})
			}
		}
	}
	if len(w.heap) == 0 {
		return r
	}
	slices.SortFunc(w.heap, compareRanked)
	best := w.heap[0]
	for _, l := range legs {
		if l.p == best.partition {
			r.top = float64(best.score) / float64(w.factors[best.partition.entries[best.slot].kind])
			r.top *= l.q.reach(l.words[best.slot], l.grams[best.slot], x.tuning.GramWeight)
		}
	}
	r.candidates = w.sections(x.tuning)
	if len(legs) > 1 { // an article may be found in its own language and by questions in another
		r.candidates = firstOfEach(r.candidates)
	}
	return r
}

func zeroed(s []float32, n int) []float32 {
	if cap(s) < n {
		return make([]float32, n, n+n/4)
	}
	s = s[:n]
	clear(s)
	return s
}

// compareRanked orders by score, descending; among equals the order of slots decides, so that the outcome is one.
func compareRanked(a, b ranked) int {
	switch {
	case a.score > b.score:
		return -1
	case a.score < b.score:
		return 1
	}
	return int(a.slot) - int(b.slot)
}

// push keeps the best candidateArticles in a heap with the worst on top.
func (w *scratch) push(r ranked) {
	h := w.heap
	if len(h) < candidateArticles {
		h = append(h, r)
		for i := len(h) - 1; i > 0; {
			parent := (i - 1) / 2
			if compareRanked(h[i], h[parent]) <= 0 {
				break
			}
			h[i], h[parent] = h[parent], h[i]
			i = parent
		}
		w.heap = h
		return
	}
	if compareRanked(r, h[0]) >= 0 {
		return
	}
	h[0] = r
	for i := 0; ; {
		worst := i
		for _, c := range [2]int{2*i + 1, 2*i + 2} {
			if c < len(h) && compareRanked(h[c], h[worst]) > 0 {
				worst = c
			}
		}
		if worst == i {
			return
		}
		h[i], h[worst] = h[worst], h[i]
		i = worst
	}
}

// sections picks the passages of the ranked articles. The best passage of an article has the article's score; the
// others have less, by how much less of the question their own words hold.
func (w *scratch) sections(t tuning) []candidate {
	best := w.heap[0].score
	found := make([]candidate, 0, min(candidateLimit, len(w.heap)*candidateSections))
	type scored struct {
		i     int
		score float32
	}
	var own []scored
	for _, r := range w.heap {
		e := &r.partition.entries[r.slot]
		own = own[:0]
		average := float32(1)
		if r.partition.sections > 0 {
			average = float32(r.partition.tokens / float64(r.partition.sections))
		}
		for i := range e.sections {
			s := &e.sections[i]
			sum := float32(0)
			norm := float32(t.K1) * (1 - float32(t.B) + float32(t.B)*s.length/max(average, 1))
			for _, q := range r.terms {
				if times := s.times(q.list); times > 0 {
					sum += q.weight * q.idf * times / (times + norm)
				}
			}
			own = append(own, scored{i, sum})
		}
		slices.SortStableFunc(own, func(a, b scored) int {
			switch {
			case a.score > b.score:
				return -1
			case a.score < b.score:
				return 1
			}
			return 0
		})
		for i, o := range own {
			if i == candidateSections || len(found) == candidateLimit {
				break
			}
			share := float32(1)
			if own[0].score > 0 {
				share = o.score / own[0].score
			}
			score := r.score / best * (1 - float32(t.SectionWeight)*(1-share))
			found = append(found, candidate{passage: e.sections[o.i].id, article: e.article, score: score})
		}
	}
	slices.SortStableFunc(found, func(a, b candidate) int {
		switch {
		case a.score > b.score:
			return -1
		case a.score < b.score:
			return 1
		}
		return 0
	})
	return found
}

// firstOfEach leaves of each passage the candidate with the highest score.
func firstOfEach(found []candidate) []candidate {
	seen := make(map[int64]struct{}, len(found))
	return slices.DeleteFunc(found, func(c candidate) bool {
		_, twice := seen[c.passage]
		seen[c.passage] = struct{}{}
		return twice
	})
}

// query is a question as one partition understands it.
type query struct {
	terms    []queryTerm
	titles   []queryTerm // the same terms in the titles field
	grams    []queryTerm
	tgrams   []queryTerm
	ideal    float64 // what an article could reach in the words leg
	idealG   float64 // and in the n-gram leg
	distinct int
	total    float64 // sum of the idf of the question's terms
	unknown  float64
}

// reach turns raw sums of an article into the share of what the question could reach.
func (q *query) reach(words, grams float32, gramWeight float64) float64 {
	var w, g float64
	if q.ideal > 0 {
		w = min(float64(words)/q.ideal, 1)
	}
	if q.idealG > 0 {
		g = min(float64(grams)/q.idealG, 1)
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
func (p *partition) query(question, context string) *query {
	q := &query{}
	words, grams := newTally(), newTally()
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
					return
				}
			}
			words.add(w.term, 1, isContext)
		})
	}
	collect(question, false)
	if context != "" {
		collect(context, true)
	}
	var known float64
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
		if len(l) > 0 {
			q.terms = append(q.terms, queryTerm{list: n, weight: float32(weight), idf: float32(idf), covers: covers})
		}
		if n, l := p.titles.find(t.hash); len(l) > 0 {
			q.titles = append(q.titles, queryTerm{list: n, weight: float32(weight), idf: float32(p.titles.idf(len(l)))})
		}
	}
	if q.total > 0 {
		q.unknown = 1 - known/q.total
	}
	for i := range grams.terms {
		t := &grams.terms[i]
		weight := t.weight(p.tuning.ContextWeight)
		n, l := p.grams.find(t.hash)
		idf := p.grams.idf(len(l))
		if !t.context {
			q.idealG += weight * idf
		}
		if len(l) > 0 && (len(l) < commonGram || len(l) <= p.grams.docs/2) {
			q.grams = append(q.grams, queryTerm{list: n, weight: float32(weight), idf: float32(idf)})
		}
		if n, l := p.titleGrams.find(t.hash); len(l) > 0 {
			q.tgrams = append(q.tgrams, queryTerm{list: n, weight: float32(weight), idf: float32(p.titleGrams.idf(len(l)))})
		}
	}
	return q
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

func newTally() *tally { return &tally{at: make(map[uint64]int, 64)} }

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

// score adds up both legs for every document of the partition.
func (p *partition) score(q *query, words, grams []float32) {
	title := float32(p.tuning.TitleWeight)
	for _, t := range q.terms {
		p.words.score(p.words.lists[t.list], t.weight*t.idf, words)
	}
	for _, t := range q.titles {
		p.titles.score(p.titles.lists[t.list], title*t.weight*t.idf, words)
	}
	for _, t := range q.grams {
		p.grams.score(p.grams.lists[t.list], t.weight*t.idf, grams)
	}
	for _, t := range q.tgrams {
		p.titleGrams.score(p.titleGrams.lists[t.list], title*t.weight*t.idf, grams)
	}
}
