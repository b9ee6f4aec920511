package retrieval

import (
	"math"
	"slices"
)

// field is an inverted index over one field of the documents of one language: term -> postings, scored by BM25. A
// document is known by its slot, a small number that is used again after the document is gone.
//
// Documents come and go one at a time and every statistic is exact at every moment: a field that was changed a thousand
// times equals one that was built from what is left.
type field struct {
	k1, b  float64
	byTerm map[uint64]uint32 // hash of a term -> its list
	lists  []list
	length []float32 // by slot: how many tokens the document has here
	norm   []float32 // by slot: k1*(1-b+b*length/average), kept by settle
	idfs   []float32 // by list, kept by weigh
	total  float64   // sum of length
	docs   int       // documents of the whole language, whether or not they have anything here
}

// list is the postings of one term in the order of slots.
type list []posting

// posting packs a slot (24 bits) and how often the term occurs there (8 bits; more than 255 times counts as 255).
type posting uint32

const maxSlots = 1 << 24

func pack(slot uint32, times uint32) posting { return posting(slot<<8 | min(times, 255)) }
func (p posting) slot() uint32               { return uint32(p >> 8) }
func (p posting) times() float32             { return float32(p & 255) }

func newField(k1, b float64) *field {
	return &field{k1: k1, b: b, byTerm: map[uint64]uint32{}}
}

// counts collects the terms of a document before they are added.
type counts map[uint64]uint32

// add enters a document's terms and returns the numbers of their lists, in ascending order, for removing it again.
func (f *field) add(slot uint32, terms counts, length int) []uint32 {
	for int(slot) >= len(f.length) {
		f.length = append(f.length, 0)
		f.norm = append(f.norm, 0)
	}
	f.length[slot] = float32(length)
	f.total += float64(length)
	f.docs++
	entered := make([]uint32, 0, len(terms))
	for term, times := range terms {
		n, ok := f.byTerm[term]
		if !ok {
			n = uint32(len(f.lists))
			f.byTerm[term] = n
			f.lists = append(f.lists, nil)
		}
		l := f.lists[n]
		p := pack(slot, times)
		if len(l) == 0 || l[len(l)-1].slot() < slot { // the usual case: documents come in the order of slots
			f.lists[n] = append(l, p)
		} else {
			i, _ := slices.BinarySearchFunc(l, slot, func(p posting, s uint32) int { return int(p.slot()) - int(s) })
			f.lists[n] = slices.Insert(l, i, p)
		}
		entered = append(entered, n)
	}
	slices.Sort(entered)
	return entered
}

// remove takes out the document of a slot from the lists that add returned.
func (f *field) remove(slot uint32, entered []uint32) {
	for _, n := range entered {
		l := f.lists[n]
		i, ok := slices.BinarySearchFunc(l, slot, func(p posting, s uint32) int { return int(p.slot()) - int(s) })
		if ok {
			f.lists[n] = slices.Delete(l, i, i+1)
		}
	}
	f.total -= float64(f.length[slot])
	f.length[slot] = 0
	f.docs--
}

// settle brings the length norms up to date after documents were added or removed.
func (f *field) settle() {
	average := 1.0
	if f.docs > 0 && f.total > 0 {
		average = f.total / float64(f.docs)
	}
	for slot, length := range f.length {
		f.norm[slot] = float32(f.k1 * (1 - f.b + f.b*float64(length)/average))
	}
}

// weigh brings the idf of every list up to date after documents were added or removed.
func (f *field) weigh() {
	if len(f.idfs) < len(f.lists) {
		f.idfs = make([]float32, len(f.lists), len(f.lists)+len(f.lists)/8)
	}
	for n, l := range f.lists {
		f.idfs[n] = float32(f.idf(len(l)))
	}
}

// find returns the postings of a term.
func (f *field) find(term uint64) (number uint32, l list) {
	n, ok := f.byTerm[term]
	if !ok {
		return 0, nil
	}
	return n, f.lists[n]
}

// idf is the inverse document frequency of a term that occurs in so many of the documents: ln(1 + (N-n+.5)/(n+.5)), as
// Lucene has it, never negative.
func (f *field) idf(occurs int) float64 {
	return math.Log(1 + (float64(f.docs)-float64(occurs)+0.5)/(float64(occurs)+0.5))
}

// score adds weight * idf * tf/(tf+norm) to the sum of each document that has the term.
func (f *field) score(l list, weight float32, sums []float32) {
	norm := f.norm
	for _, p := range l {
		slot, times := p.slot(), p.times()
		sums[slot] += weight * times / (times + norm[slot])
	}
}
