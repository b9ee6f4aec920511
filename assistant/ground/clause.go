package ground

import "strings"

// clauses calls f for each clause of toks[lo:hi], in order, with its sign. A clause without a predicate of its own takes
// the sign of the one before it; the negation of a condition stays within the condition, all its parts included; and what
// follows a parenthesis goes on where the text before it stopped.
func clauses(toks []tok, lo, hi int, f func(lo, hi int, neg bool)) {
	first, condition, before, outer := true, false, false, false
	for at := lo; at < hi; {
		end, neg := clauseEnd(toks, at, hi)
		switch {
		case first:
		case toks[at-1].kind == tSymbol && toks[at-1].sym == ')' && outer:
			neg = true
		case before && !condition && inherits(toks, at, end):
			neg = true
		}
		if last := &toks[end-1]; last.kind == tSymbol && last.sym == '(' {
			outer = neg
		} else if last.kind != tSymbol || last.sym != ')' {
			outer = false
		}
		f(at, end, neg)
		first, before, condition = false, neg, conditionalAt(toks[at]) || condition && joins(&toks[at])
		at = end
	}
}

// opposites are pairs of concepts: what says one of them says the contrary of what says the other, and the same as its
// negation. No fee is free.
var opposites [][2]uint64

// fillOpposites follows fillLexicon.
func fillOpposites() {
	for _, pair := range []string{"fee free", "pause continue", "accept reject", "open close"} {
		a, b, _ := strings.Cut(pair, " ")
		opposites = append(opposites, [2]uint64{conceptOf([]byte(a)), conceptOf([]byte(b))})
	}
}

// sides returns the bits for a concept that has an opposite: 1<<2k for the first of pair k, 2<<2k for the second.
func sides(concept uint64) (bits uint8) {
	if concept == 0 {
		return 0
	}
	for k, pair := range opposites {
		switch concept {
		case pair[0]:
			bits |= 1 << (2 * k)
		case pair[1]:
			bits |= 2 << (2 * k)
		}
	}
	return bits
}

// contrary returns the sides of a that stand against b: a has one side of a pair only, and b the other only.
func contrary(a, b uint8) (bits uint8) {
	for k := range opposites {
		x, y := a>>(2*k)&3, b>>(2*k)&3
		if x != 0 && y != 0 && x&y == 0 {
			bits |= x << (2 * k)
		}
	}
	return bits
}

// joins reports whether a token is an "and" or an "or".
func joins(t *tok) bool {
	return t.kind == tWord && t.entry != nil && t.entry.info.flags&wJoin != 0
}

// label reports whether what stands before a colon is a short name for what follows: no predicate, no other mark.
func label(toks []tok) bool {
	if len(toks) > 4 {
		return false
	}
	for i := range toks {
		if toks[i].kind == tSymbol && toks[i].sym != '-' && toks[i].sym != '•' {
			return false
		}
		if e := toks[i].entry; toks[i].kind == tWord && e != nil && e.info.flags&(wVerb|wSplit) != 0 {
			return false
		}
	}
	return true
}

// clauseEnd returns the end of the clause that begins at lo, and whether it holds a negation: "not", "no" and the like,
// undone by "without" ("without it we cannot").
func clauseEnd(toks []tok, lo, hi int) (end int, neg bool) {
	not, without := false, false
	conditional := toks[lo].kind == tWord && toks[lo].entry != nil && toks[lo].entry.info.flags&wSplit != 0
	for i := lo; i < hi; i++ {
		t := &toks[i]
		if t.kind == tSymbol {
			if t.sym == ':' && i > lo && i+1 < hi && label(toks[lo:i]) {
				continue // "Disputes: no report is open" speaks of disputes
			}
			if i > lo && strings.ContainsRune(",;:()|–—", t.sym) {
				return i + 1, not != without
			}
			continue
		}
		e := t.entry
		var next *entry
		if i+1 < hi && toks[i+1].kind == tWord {
			next = toks[i+1].entry
		}
		if t.kind != tWord {
			continue
		}
		if e == nil {
			// "Om du inte betalar i tid lägger vi ...": in Swedish no comma ends the condition, but the inversion does.
			if conditional && i > lo+2 && next != nil && next.info.langs&sv != 0 && next.info.flags&wVerb != 0 && svPronoun[toks[i+1].form] {
				return i, not != without
			}
			continue
		}
		f := e.info.flags
		if i > lo && (f&wSplit != 0 || f&(wJoin|wConj) != 0 && predicateAt(toks[i+1:min(i+4, hi)])) {
			return i, not != without
		}
		switch {
		case f&wWithout != 0:
			without = true
		case f&wNeg != 0 && !(next != nil && harmless[toks[i+1].form]):
			not = true
		}
	}
	return hi, not != without
}

// predicateAt reports whether a pronoun, an auxiliary or a negation is among the next words: what follows an "and" is
// then a clause of its own.
func predicateAt(toks []tok) bool {
	for i := range toks {
		if toks[i].kind == tSymbol {
			return false
		}
		if e := toks[i].entry; toks[i].kind == tWord && e != nil && e.info.flags&(wVerb|wNeg) != 0 {
			return true
		}
	}
	return false
}

// conditionalAt reports whether a clause that begins with t states a condition; its negation stays inside it.
func conditionalAt(t tok) bool {
	e := t.entry
	return t.kind == tWord && e != nil && e.info.flags&(wSplit|wConj) != 0
}

var svPronoun = map[uint64]bool{}

func init() {
	for _, w := range strings.Fields("vi du jag ni det") {
		svPronoun[hash([]byte(w))] = true
	}
}

// harmless words after a negation turn it into something else: not only, no later than, no more than.
var harmless = map[uint64]bool{}

func init() {
	for _, w := range strings.Fields("only later more less just nur solo bara endast mehr mas menos") {
		harmless[hash([]byte(w))] = true
	}
}

// soWords begin a consequence, a clause of its own even without a subject.
var soWords = wordSet("so also deshalb daher dann therefore then asi luego entonces sa darfor sedan")

// inherits reports whether a clause continues the one before it: it has no subject or auxiliary of its own.
func inherits(toks []tok, lo, hi int) bool {
	if toks[lo].kind == tWord && soWords[toks[lo].form] {
		return false
	}
	for i := lo; i < hi; i++ {
		if toks[i].kind == tNumber {
			return false // "the first costs nothing, the next 1.20": a quantity of its own makes a contrast
		}
		if e := toks[i].entry; toks[i].kind == tWord && e != nil && e.info.flags&(wVerb|wSplit|wConj) != 0 {
			return false
		}
	}
	return toks[lo].kind != tSymbol || toks[lo].sym != ';'
}
