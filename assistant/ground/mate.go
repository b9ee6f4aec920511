package ground

import "slices"

// mates notes what stands with a fact in its clause: ordinals ("the second reminder costs 1.20") and numbers that are
// part of a name ("Pay in 4"). A clause without either takes those of the run of words without a predicate before it, as
// in "With Pay in 4, you can ..." and in a table row.
func (f *fact) mates(toks []tok, text string) {
	f.ordinals, f.numbered = 0, 0
	edge := func(i int) bool {
		t := &toks[i]
		switch {
		case t.kind == tLine:
			return true
		case t.kind == tSymbol:
			return t.sym == ',' || t.sym == ';' || t.sym == '(' || t.sym == ')' || t.sym == '|' || t.sym == '.' || t.sym == '!' || t.sym == '?'
		}
		return t.kind == tWord && t.entry != nil && t.entry.info.flags&wSplit != 0
	}
	lo, hi := f.tok, f.tok+1
	for lo > 0 && !edge(lo-1) {
		lo--
	}
	for hi < len(toks) && !edge(hi) {
		hi++
	}
	for {
		for i := lo; i < hi; i++ {
			t := &toks[i]
			switch {
			case i == f.tok:
			case t.kind == tWord && t.entry != nil && t.entry.ordinal != 0:
				f.ordinals |= 1 << t.entry.ordinal
			case t.kind == tNumber && !t.time && t.sym == 0 && t.read[1] < 0 && named(toks, i):
				f.numbered |= 1 << (t.read[0] / 10000 % 64)
			}
		}
		if f.ordinals|f.numbered != 0 || lo == 0 {
			break
		}
		// Further to the left, while nothing is stated there.
		hi = lo - 1
		if toks[hi].kind == tLine || toks[hi].kind == tSymbol && (toks[hi].sym == '.' || toks[hi].sym == '!' || toks[hi].sym == '?') {
			break
		}
		lo = hi
		for lo > 0 && !edge(lo-1) {
			lo--
		}
		if hi-lo > 1 && predicateAt(toks[lo:hi]) || slices.ContainsFunc(toks[lo:hi], func(t tok) bool { return t.kind == tNumber && t.time }) {
			break
		}
	}
	// What a bare number counts: the two words after it.
	f.next = [2]uint64{}
	if f.class != cNone || f.weekday != 0 || f.spelled || toks[f.tok].kind != tNumber || named(toks, f.tok) {
		return
	}
	for k := 0; k < 2 && f.tok+1+k < len(toks); k++ {
		t := &toks[f.tok+1+k]
		if t.kind != tWord || !content(t, t.entry) {
			break
		}
		f.next[k] = t.form
	}
}

// named reports whether the number at i is part of a name: a capital just before it, or one word further.
func named(toks []tok, i int) bool {
	for k := i - 1; k >= 0 && k >= i-2; k-- {
		t := &toks[k]
		if t.kind != tWord {
			return false
		}
		if t.upper && content(t, t.entry) {
			return true
		}
		if t.entry == nil || t.entry.info.flags&wStop == 0 || t.entry.info.flags&wVerb != 0 { // "Der Code ist 10 Minuten"
			return false
		}
	}
	return false
}

// share compares the mates of two facts: 1 when they have one in common, -1 when both have some of a kind and none in
// common, and 0 when there is nothing to compare.
func (f *fact) share(g *fact) int {
	switch {
	case f.class == cNone:
		return 0
	case f.ordinals&g.ordinals != 0, f.numbered&g.numbered != 0:
		return 1
	case f.ordinals != 0 && g.ordinals != 0, f.numbered != 0 && g.numbered != 0:
		return -1
	}
	return 0
}

// counted returns the words of the sentence that a bare number counts; 0 when that is not known.
func (c *Checker) counted(a *fact) (words uint64) {
	for i := range c.words {
		if k := c.words[i].tok - a.tok; k >= 1 && k <= 2 && a.next[k-1] != 0 {
			words |= 1 << i
		}
	}
	return words
}

// counts reports whether a fact of the passage counts one of these words too: it stands within the three words after it
// or before it, or nothing is counted there.
func (s *source) counts(b *fact, words uint64) bool {
	var near uint64
	for _, id := range b.near {
		near |= s.strong[id] | s.weak[id]
	}
	return near&words != 0
}

// frequency reports whether a word for "once" at i is a count and not a conjunction or "again": it ends its clause, or a
// period follows.
func frequency(toks []tok, i int) bool {
	if i > 0 && toks[i-1].kind == tWord && toks[i-1].form == hNoch {
		return false
	}
	if i+1 >= len(toks) || toks[i+1].kind != tWord {
		return true
	}
	return perWords[toks[i+1].form]
}

var hNoch = hash([]byte("noch"))

// perWords may follow a frequency.
var perWords = wordSet("per a for each every in within pro im je por al cada om i varje var vart")
