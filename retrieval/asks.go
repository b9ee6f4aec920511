package retrieval

import (
	"math"
	"slices"
	"strings"

	"github.com/firstline/firstline/kb"
)

// asks holds how customers ask, one by one: a question that is nearly one of them is about the same section, however
// few of the section's own words it has. Each is known by the words and n-grams that the partition's fields count.
type asks struct {
	all   []ask
	free  []uint32
	words [][]uint32 // by list of the words field: asks that have the term
	grams [][]uint32 // by list of the grams field
	docs  int        // documents of the language when the weights were last worked out
	fresh bool       // there are asks whose weights are not worked out
}

// ask is one way to ask for a section.
type ask struct {
	slot         uint32 // of the document; noSlot where the place is not in use
	section      int32  // of the document, -1 for the article as a whole
	words, grams []uint32
	wordTotal    float32 // sum of the idf of its words
	gramTotal    float32
}

const noSlot = math.MaxUint32

// questionsOf are the texts of the questions, a line each, by the passage that they are asked of; those of the article as
// a whole come last.
func questionsOf(passages []section, questions []string) []string {
	of := make([]strings.Builder, len(passages)+1)
	for _, q := range questions {
		text, anchor, marked := kb.SplitQuestion(q)
		b := &of[len(passages)]
		if i := passageOf(passages, anchor); marked && i >= 0 {
			b = &of[i]
		}
		b.WriteString(text)
		b.WriteByte('\n')
	}
	texts := make([]string, len(of))
	for i := range of {
		texts[i] = of[i].String()
	}
	return texts
}

// passageOf returns the number of the first passage with an anchor, or -1.
func passageOf(passages []section, anchor string) int {
	return slices.IndexFunc(passages, func(s section) bool { return s.Anchor == anchor })
}

// addAsks enters the questions of a document under its slot and returns their places. The words must have been entered
// into the fields before.
func (p *partition) addAsks(slot uint32, passages []section, questions []string) []uint32 {
	places := make([]uint32, 0, len(questions))
	for _, q := range questions {
		text, anchor, marked := kb.SplitQuestion(q)
		a := ask{slot: slot, section: -1}
		if marked {
			a.section = int32(passageOf(passages, anchor))
		}
		seen := newAnalysed()
		p.count(seen, text, nil, nil)
		for term := range seen.words {
			if n, ok := p.words.byTerm[term]; ok {
				a.words = append(a.words, n)
			}
		}
		for gram := range seen.grams {
			if n, ok := p.grams.byTerm[gram]; ok {
				a.grams = append(a.grams, n)
			}
		}
		slices.Sort(a.words) // so that sums come out the same every time
		slices.Sort(a.grams)
		places = append(places, p.ways.add(a))
	}
	return places
}

func (x *asks) add(a ask) uint32 {
	var n uint32
	if last := len(x.free) - 1; last >= 0 {
		n, x.free = x.free[last], x.free[:last]
		x.all[n] = a
	} else {
		n = uint32(len(x.all))
		x.all = append(x.all, a)
	}
	post := func(lists *[][]uint32, terms []uint32) {
		for _, t := range terms {
			for int(t) >= len(*lists) {
				*lists = append(*lists, nil)
			}
			(*lists)[t] = append((*lists)[t], n)
		}
	}
	post(&x.words, a.words)
	post(&x.grams, a.grams)
	x.fresh = true
	return n
}

func (x *asks) remove(places []uint32) {
	for _, n := range places {
		a := &x.all[n]
		drop := func(lists [][]uint32, terms []uint32) {
			for _, t := range terms {
				l := lists[t]
				for i := range l {
					if l[i] == n {
						l[i] = l[len(l)-1]
						lists[t] = l[:len(l)-1]
						break
					}
				}
			}
		}
		drop(x.words, a.words)
		drop(x.grams, a.grams)
		*a = ask{slot: noSlot}
		x.free = append(x.free, n)
	}
}

// exactAsks is the number of questions up to which their weights are worked out anew after every change, in a few
// milliseconds. Beyond it they are when the language has grown or shrunk by a tenth: terms weigh by how rare they are,
// which changes slowly.
const exactAsks = 20_000

// settleAsks works out the weights of the questions.
func (p *partition) settleAsks() {
	x := &p.ways
	anew := len(x.all) <= exactAsks || 10*abs(p.words.docs-x.docs) > x.docs
	if !anew && !x.fresh {
		return
	}
	x.fresh = false
	if len(x.all) == 0 {
		return
	}
	words := weights(p.words, func(list) bool { return true })
	grams := weights(p.grams, func(l list) bool { return !p.common(l) })
	for i := range x.all {
		a := &x.all[i]
		if a.slot == noSlot || a.wordTotal > 0 && !anew {
			continue
		}
		a.wordTotal, a.gramTotal = 0, 0
		for _, n := range a.words {
			a.wordTotal += words[n]
		}
		for _, n := range a.grams {
			a.gramTotal += grams[n]
		}
	}
	if anew {
		x.docs = p.words.docs
	}
}

// weights returns the idf of each list of a field, 0 for what does not count.
func weights(f *field, counts func(list) bool) []float32 {
	w := make([]float32, len(f.lists))
	for n, l := range f.lists {
		if counts(l) {
			w[n] = float32(f.idf(len(l)))
		}
	}
	return w
}

func abs(n int) int {
	if n < 0 {
		return -n
	}
	return n
}

// common tells whether an n-gram stands in so many articles that it is left out.
func (p *partition) common(l list) bool {
	return len(l) > commonGram && float64(len(l)) > commonShare*float64(p.grams.docs)
}

// likeness is how near a question comes to those that customers ask: by slot the nearest of the article, 0 to 1.
type likeness struct {
	of   []float32 // by ask
	best []float32 // by slot
}

// match compares a question with every ask: twice what they share over what both have, of words and of n-grams, each
// weighed by its idf (Dice's coefficient). w lends the memory.
func (p *partition) match(q *query, w *scratch, slots int) likeness {
	x := &p.ways
	l := likeness{of: w.floats(len(x.all)), best: w.floats(slots)}
	grams := w.floats(len(x.all))
	share := float32(p.tuning.GramWeight)
	for i := range q.terms {
		t := &q.terms[i]
		if int(t.list) < len(x.words) && t.covers > 0 {
			weight := t.idf * float32(t.covers)
			for _, n := range x.words[t.list] {
				l.of[n] += weight
			}
		}
	}
	for i := range q.grams {
		t := &q.grams[i]
		if int(t.list) < len(x.grams) && t.covers > 0 {
			for _, n := range x.grams[t.list] {
				grams[n] += t.idf
			}
		}
	}
	words, all := float32(q.total), float32(q.totalG)
	for i := range x.all {
		if l.of[i] == 0 && grams[i] == 0 {
			continue
		}
		a := &x.all[i]
		var like float32
		if both := words + a.wordTotal; both > 0 {
			like += (1 - share) * 2 * l.of[i] / both
		}
		if both := all + a.gramTotal; both > 0 {
			like += share * 2 * grams[i] / both
		}
		like = min(like, 1)
		l.of[i] = like
		l.best[a.slot] = max(l.best[a.slot], like)
	}
	return l
}

// section returns how near the question comes to one that is asked of a section of the document in a slot; a question of
// the article as a whole counts for none.
func (p *partition) section(l likeness, e *entry, section int) float32 {
	best := float32(0)
	for _, n := range e.asks {
		if a := &p.ways.all[n]; int(a.section) == section {
			best = max(best, l.of[n])
		}
	}
	return best
}
