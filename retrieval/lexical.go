package retrieval

import (
	"cmp"
	"math"
	"slices"
	"sync"

	"github.com/firstline/firstline/retrieval/analysis"
	"github.com/google/uuid"
)

const (
	candidateArticles = 20 // articles that the lexical leg hands on, each with its best passage
	candidateSections = 3  // passages of each, at most
	candidateLimit    = 24 // passages in all

	// commonGram is the number of articles from which an n-gram is left out that more than commonShare of all articles
	// have: it says next to nothing and its list is the longest to read.
	commonGram  = 200
	commonShare = 0.5
)

// lexicalResult is what the lexical leg found.
type lexicalResult struct {
	revision   int64
	candidates []candidate // by score, descending
	top        float64     // of the best article: its score as a share of what an article with every term could reach, 0..1
	terms      int         // distinct terms of the question, stop words aside
	unknown    float64     // idf-weighted share of them that no article has
	words      float64     // of the same: what the question's words add up to, in terms that one article has
	grams      float64     // of the same: the n-gram leg as a share of what it could reach, 0..1
	queries    []asked     // the question as each partition understands it

	asks    map[uuid.UUID]float32 // of the candidates' articles: the nearest question that customers ask it with
	outside float32               // the nearest question of an article that must not be quoted
}

// asked is a question in one partition.
type asked struct {
	partition *partition
	query     *query
	likeness  likeness
}

// candidate is a passage with its lexical score, which is 1 for the best passage of the best article.
type candidate struct {
	passage int64
	article uuid.UUID
	score   float32
	ask     float32 // the nearest question that customers ask of this passage
	evidence

	leg, section int // where the passage stands: in which partition's entry
	slot         uint32
}

// scratch is the memory of one search, used again.
type scratch struct {
	sums         []sum
	factors      []float32
	closed       []bool // by kind: articles that this scope could read, if the assistant were allowed to quote them
	heap         []ranked
	words, grams tally
	scores       []float32 // of the sections of an article
	matcher      matcher
	memory       []float32 // lent by floats
	lent         int
}

// floats lends memory for n numbers, all 0, until the search ends.
func (w *scratch) floats(n int) []float32 {
	if w.lent+n > len(w.memory) {
		w.memory, w.lent = make([]float32, 2*(w.lent+n)), 0 // what was lent before stays with who has it
	}
	f := w.memory[w.lent : w.lent+n : w.lent+n]
	w.lent += n
	clear(f)
	return f
}

// sum is what both legs have added up for one slot.
type sum struct{ words, grams float32 }

// ranked is a slot of the leg that it was found in.
type ranked struct {
	leg   int
	slot  uint32
	score float32
	base  float32 // the score without what customers ask
}

var scratches = sync.Pool{New: func() any { return new(scratch) }}

// lexical ranks the passages that a scope may read.
func (x *index) lexical(question, context string, s *scope) lexicalResult {
	x.mu.RLock()
	defer x.mu.RUnlock()
	w := scratches.Get().(*scratch)
	defer scratches.Put(w)
	w.factors, w.closed = x.factors(s, w.factors), x.closed(s, w.closed)
	w.heap, w.lent = w.heap[:0], 0

	r := lexicalResult{revision: x.revision}
	languages := s.languages()
	size := 0
	for _, language := range languages {
		if p := x.partitions[language]; p != nil {
			size += len(p.kinds)
		}
	}
	if cap(w.sums) < size {
		w.sums = make([]sum, size+size/4)
	}
	w.sums = w.sums[:size]
	clear(w.sums)
	type leg struct {
		asked
		sums []sum
	}
	var legs []leg
	var maxWords, maxGrams float32
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
		l := leg{asked{partition: p, query: p.query(question, context, w)}, w.sums[from : from+len(p.kinds)]}
		l.likeness = p.match(l.query, w, len(p.kinds))
		from += len(p.kinds)
		if i == 0 || r.terms == 0 {
			r.terms, r.unknown = l.query.distinct, l.query.unknown
		}
		p.score(l.query, l.sums)
		for slot, kind := range p.kinds {
			f := w.factors[kind]
			maxWords = max(maxWords, f*l.sums[slot].words)
			maxGrams = max(maxGrams, f*l.sums[slot].grams)
			if w.closed[kind] {
				r.outside = max(r.outside, l.likeness.best[slot])
			}
		}
		legs = append(legs, l)
		r.queries = append(r.queries, l.asked)
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
	ask := float32(x.tuning.AskWeight)
	for i, l := range legs {
		least := w.least()
		for slot, kind := range l.partition.kinds {
			base := w.factors[kind] * (byWords*l.sums[slot].words + byGrams*l.sums[slot].grams)
			like := l.likeness.best[slot]
			score := base + w.factors[kind]*ask*like*like // half alike is hardly alike
			if score > least {
				w.push(ranked{leg: i, slot: uint32(slot), score: score, base: base})
				least = w.least()
			}
		}
	}
	if len(w.heap) == 0 {
		return r
	}
	slices.SortFunc(w.heap, compareRanked)
	best := w.heap[0]
	l := legs[best.leg]
	r.top = float64(best.base) / float64(w.factors[l.partition.kinds[best.slot]]) * l.query.reach(l.sums[best.slot], x.tuning.GramWeight)
	r.words = float64(l.sums[best.slot].words) / l.partition.words.idf(1)
	r.grams = l.query.reach(l.sums[best.slot], 1)
	r.candidates = w.sections(r.queries, x.tuning)
	w.read(r.candidates, r.queries, x.tuning)
	r.asks = make(map[uuid.UUID]float32, len(w.heap))
	for _, h := range w.heap {
		l := legs[h.leg]
		article := l.partition.entries[h.slot].article
		r.asks[article] = max(r.asks[article], l.likeness.best[h.slot])
	}
	if len(legs) > 1 { // an article may be found in its own language and by questions in another
		r.candidates = firstOfEach(r.candidates)
	}
	return r
}

// compareRanked orders by score, descending; among equals the order of slots decides, so that the outcome is one.
func compareRanked(a, b ranked) int {
	switch {
	case a.score > b.score:
		return -1
	case a.score < b.score:
		return 1
	}
	return cmp.Or(a.leg-b.leg, int(a.slot)-int(b.slot))
}

// least is the score above which another article is among the best, as long as slots come in ascending order.
func (w *scratch) least() float32 {
	if len(w.heap) < candidateArticles {
		return 0
	}
	return w.heap[0].score
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

// sections picks the passages of the ranked articles: of each the best one, then the best of the others up to
// candidateLimit. The best passage of an article has the article's score; the others have less, by how much less they
// answer: by their own words, and by how nearly their heading asks the same. The words of an article's subject stand in
// all of its sections; a heading that asks for something else besides gives the section away.
func (w *scratch) sections(queries []asked, t tuning) []candidate {
	best := w.heap[0].score
	firsts := make([]candidate, 0, candidateLimit)
	var others []candidate
	var own []candidate
	for _, r := range w.heap {
		p, q := queries[r.leg].partition, queries[r.leg].query
		e := &p.entries[r.slot]
		own = own[:0]
		most := float32(0)
		w.scores = e.scores(q.terms, w.scores)
		for i := range e.sections {
			own = append(own, candidate{passage: e.sections[i].id, article: e.article, score: w.scores[i], leg: r.leg, section: i, slot: r.slot})
			most = max(most, own[i].score)
		}
		if most > 0 {
			for i := range own {
				asks := p.asks(e.sections[i].heading, q)
				own[i].score = float32(1-t.HeadingWeight)*own[i].score/most + float32(t.HeadingWeight)*asks
			}
		}
		if len(e.asks) > 0 {
			for i := range own {
				own[i].ask = p.section(queries[r.leg].likeness, e, i)
				own[i].score += float32(t.AskSection) * own[i].ask
			}
		}
		slices.SortStableFunc(own, compareCandidates)
		most = own[0].score
		for i, c := range own[:min(candidateSections, len(own))] {
			share := float32(1)
			if most > 0 {
				share = c.score / most
			}
			c.score = r.score / best * (1 - float32(t.SectionWeight)*(1-share))
			if i == 0 {
				firsts = append(firsts, c)
			} else {
				others = append(others, c)
			}
		}
	}
	slices.SortStableFunc(others, compareCandidates)
	found := append(firsts, others[:min(len(others), candidateLimit-len(firsts))]...)
	slices.SortStableFunc(found, compareCandidates)
	return found
}

// scores adds up for each section of an article the idf of the words that it has, or that customers ask it with. How
// often it has them and how long it is hardly counts: among sections of one article that speaks for neither. What does is
// in how few of them a word is: the words of the article's subject are in all.
func (e *entry) scores(terms []queryTerm, into []float32) []float32 {
	const half = 0.5 // as often as that, a word counts half
	n := len(e.sections)
	into = append(into[:0], make([]float32, 2*n)...)
	into, has := into[:n], into[n:]
	for _, q := range terms {
		in := 0
		for i := range e.sections {
			if has[i] = times(e.sections[i].wide, q.list); has[i] > 0 {
				in++
			}
		}
		if in == 0 {
			continue
		}
		weight := q.weight * q.idf * float32(math.Log1p(float64(n)/float64(in))/math.Log1p(float64(n)))
		for i, t := range has {
			if t > 0 {
				into[i] += weight * t / (t + half)
			}
		}
	}
	return into
}

// asks returns how nearly a heading asks what the question asks, 0 to 1: the idf of the words that they share, twice, over
// that of all words of both.
func (p *partition) asks(heading []uint32, q *query) float32 {
	var shared, both float64
	for _, list := range heading {
		idf := p.words.idf(len(p.words.lists[list]))
		both += idf
		for i := range q.terms {
			if q.terms[i].list == list {
				shared += idf * q.terms[i].covers
				break
			}
		}
	}
	if shared == 0 {
		return 0
	}
	return float32(2 * shared / (both + q.total))
}

// compareCandidates orders by score, descending.
func compareCandidates(a, b candidate) int {
	switch {
	case a.score > b.score:
		return -1
	case a.score < b.score:
		return 1
	}
	return 0
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

// score adds up both legs for every document of the partition.
func (p *partition) score(q *query, sums []sum) {
	title := float32(p.tuning.TitleWeight)
	for _, t := range q.terms {
		scoreWords(p.words, t, 1, sums)
	}
	for _, t := range q.titles {
		scoreWords(p.titles, t, title, sums)
	}
	for _, t := range q.grams {
		scoreGrams(p.grams, t, 1, sums)
	}
	for _, t := range q.tgrams {
		scoreGrams(p.titleGrams, t, title, sums)
	}
}

// scoreWords adds weight * idf * tf/(tf+norm) to each document that has the term, and scoreGrams does the same for the
// other leg: two loops, because they are most of what a search costs.
func scoreWords(f *field, t queryTerm, share float32, sums []sum) {
	weight, norm := share*t.weight*t.idf, f.norm
	for _, p := range f.lists[t.list] {
		slot, times := p.slot(), p.times()
		sums[slot].words += weight * times / (times + norm[slot])
	}
}

func scoreGrams(f *field, t queryTerm, share float32, sums []sum) {
	weight, norm := share*t.weight*t.idf, f.norm
	for _, p := range f.lists[t.list] {
		slot, times := p.slot(), p.times()
		sums[slot].grams += weight * times / (times + norm[slot])
	}
}
