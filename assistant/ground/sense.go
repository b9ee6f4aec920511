package ground

import (
	"bytes"
	"strings"
)

// This file tells a statement from its reverse where both are made of the same words: who does what, what comes before
// what, what must be done and what may, what is free and what costs.

// party is who acts in a clause.
type party uint8

const (
	nobody party = iota
	we
	you
	theShop
)

// sense is what a clause says beyond its content words.
type sense struct {
	agent  party
	must   bool // demanded
	may    bool // allowed
	free   bool // said to cost nothing
	costs  bool // said to cost something
	always bool
	only   bool // only under a condition
}

var (
	subjects  = map[uint64]party{}             // pronouns that act
	objects   = wordSet("us uns nosotros oss") // who act after a "by"
	byWords   = wordSet("by von vom por av")
	obliques  = wordSet("to from with of at for as an mit fur bei beim zum zur dem den a al con de del para en till fran med hos at")
	articles  = wordSet("the a an der die das ein eine la el los las un una den det en ett any your each")
	mustWords = wordSet("must muss mussen musst musse debe debes deben debera maste have has tienes tiene behover brauchen brauchst braucht need needs hace")
	mayWords  = wordSet("can could may might kann konnen kannst darf durfen darfst puede puedes pueden podra podras kan far moglich")
	// these two demand something only with the word after them: "have to", "tienes que", "hace falta"
	mustLeads  = wordSet("have has tienes tiene hace")
	mustTails  = wordSet("to que falta")
	alwaysWord = wordSet("always immer siempre alltid jederzeit")
	onlyWord   = wordSet("only nur solo bara endast")
	ifWord     = wordSet("if wenn falls si om ifall when sofern")
	costWords  = wordSet("cost costs costing kostet kosten cuesta cuestan kostar")
	nothing    = wordSet("nothing nichts nada ingenting inget")
	beforeWord = wordSet("before bevor ehe antes innan")
	afterWord  = wordSet("after nachdem despues tras efter")
	thanWord   = wordSet("than an als que")
	moreWord   = wordSet("mas menos")
	leastWords = wordSet("least mindestens menos minimo minst minimum")
	mostWords  = wordSet("most up hochstens maximal bis hasta maximo hogst upp maximum within innerhalb inom")
	shopIDs    [2]uint64
	freeID     uint64
)

// fillSenses follows fillLexicon.
func fillSenses() {
	for p, list := range map[party]string{we: "we wir nosotros nosotras vi", you: "you sie du tu usted ustedes ihr ni"} {
		for _, w := range strings.Fields(list) {
			subjects[hash([]byte(w))] = p
		}
	}
	shopIDs = [2]uint64{conceptOf([]byte("shop")), conceptOf([]byte("merchant"))}
	freeID = conceptOf([]byte("free"))
}

// partyAt returns who a token names as acting; nobody for possessives and objects.
func partyAt(t *tok, concept uint64, text string, l lang) party {
	if t.kind != tWord {
		return nobody
	}
	if p := subjects[t.form]; p != nobody {
		switch w := text[t.start:t.end]; {
		case l == de && (w == "sie" || w == "ihr" || w == "Ihr"): // they, or her
			return nobody
		case l == es && strings.EqualFold(w, "tu"), l == en && p == you && strings.EqualFold(w, "ni"): // your
			return nobody
		case l == de && w == "du", l == de && w == "Sie", l != de && w != "Sie":
			return p
		case l == de:
			return p
		}
		return nobody
	}
	if concept != 0 && (concept == shopIDs[0] || concept == shopIDs[1]) {
		return theShop
	}
	return nobody
}

// conceptAt returns the concept of a word that carries content, or 0.
func conceptAt(t *tok, text string) uint64 {
	var storage [40]byte
	if t.kind != tWord || t.end-t.start <= 3 || t.end-t.start > len(storage) || t.entry != nil && t.entry.info.flags&wStop != 0 {
		return 0
	}
	return conceptOf(appendFolded(storage[:0], text[t.start:t.end]))
}

// senseOf reads the clause toks[lo:hi]. That it holds under a condition only may stand in the clause after it.
func senseOf(toks []tok, lo, hi int, text string, l lang) (s sense) {
	after := hi < len(toks) && toks[hi].kind == tWord && ifWord[toks[hi].form]
	toks = toks[lo:hi]
	var by party
	for i := range toks {
		t := &toks[i]
		if t.kind == tSymbol && (t.sym == '€' || t.sym == '£' || t.sym == '$') {
			s.costs = true
		}
		if t.kind != tWord {
			continue
		}
		next := func(k int) uint64 {
			if i+k >= 0 && i+k < len(toks) && toks[i+k].kind == tWord {
				return toks[i+k].form
			}
			return 0
		}
		if objects[t.form] && byWords[next(-1)] {
			by = we
		}
		concept := conceptAt(t, text)
		if p := partyAt(t, concept, text, l); p != nobody {
			before := next(-1)
			if articles[before] {
				if two := next(-2); byWords[two] || obliques[two] {
					before = two
				}
			}
			switch {
			case byWords[before]:
				by = p
			case obliques[before] && (p == theShop || l != de):
			case s.agent == nobody:
				s.agent = p
			}
		}
		e := t.entry
		if e != nil && e.unit.class >= cMoney {
			s.costs = true
		}
		switch {
		case mustWords[t.form]:
			s.must = s.must || !mustLeads[t.form] || mustTails[next(1)]
		case mayWords[t.form] && (e == nil || e.month == 0):
			s.may = true
		case alwaysWord[t.form]:
			s.always = true
		case onlyWord[t.form]:
			s.only = s.only || after
			for k := 1; k < 12; k++ {
				s.only = s.only || ifWord[next(k)]
			}
		case costWords[t.form]:
			s.costs = true
			for k := -3; k <= 3; k++ {
				s.free = s.free || nothing[next(k)]
			}
		default:
			s.free = s.free || concept != 0 && concept == freeID
		}
	}
	s.costs = s.costs && !s.free
	if by != nobody {
		s.agent = by
	}
	return s
}

// Kinds of order.
const (
	isBefore uint8 = iota + 1
	isAfter
	isMore
)

// order is a relation between what stands on its left and on its right: one before, after or more than the other. The
// ends are indexes of tokens.
type order struct {
	kind                  uint8
	left, leftEnd, right  int
	rightEnd              int
	leftForms, rightForms []uint16 // in a passage
	leftMask, rightMask   uint64   // in a sentence
}

// orders calls f for the orders of toks[lo:hi], a sentence.
func orders(toks []tok, lo, hi int, l lang, f func(o order)) {
	isEnd := func(i int) bool {
		return toks[i].kind == tSymbol && (toks[i].sym == ',' || toks[i].sym == ';' || toks[i].sym == ':' || toks[i].sym == '.')
	}
	for m := lo; m < hi; m++ {
		t := &toks[m]
		if t.kind != tWord {
			continue
		}
		o := order{}
		switch {
		case beforeWord[t.form]:
			o.kind = isBefore
		case afterWord[t.form]:
			o.kind = isAfter
		case thanWord[t.form] && compares(toks[lo:m], l):
			o.kind = isMore
		default:
			continue
		}
		end := m + 1
		for end < hi && !isEnd(end) {
			end++
		}
		o.right, o.rightEnd = m+1, end
		if m == lo || isEnd(m-1) && m-lo < 3 { // "Before you send it, report it."
			if end == hi {
				continue
			}
			o.left, o.leftEnd = end+1, hi
		} else {
			start := m
			for start > lo && !(toks[start-1].kind == tSymbol && toks[start-1].sym == ';') {
				start--
			}
			o.left, o.leftEnd = start, m
		}
		f(o)
	}
}

// compares reports whether a comparative stands just before: "longer (than)", "länger (als)", "más tiempo (que)", "längre (än)".
func compares(before []tok, l lang) bool {
	n := len(before)
	for k := 1; k <= 3 && k <= n; k++ {
		t := &before[n-k]
		if t.kind != tWord {
			return false
		}
		if moreWord[t.form] {
			return l == es
		}
	}
	return l != es && n > 0 && before[n-1].kind == tWord
}

// reversed reports whether the pool states the reverse of a part of the sentence, and nowhere that part itself.
func (c *Checker) reversed(s *sentence, pool []int, cross bool) bool {
	return c.swapped(s, pool, cross) || c.clausesReversed(s, pool, cross)
}

// swapped compares the orders of the sentence with those of the pool.
func (c *Checker) swapped(s *sentence, pool []int, cross bool) bool {
	found := false
	l := s.lang
	for i := 0; l == 0 && i < len(pool); i++ {
		l = c.sources[pool[i]].lang
	}
	orders(c.toks, 0, len(c.toks), l, func(o order) {
		for i := range c.words {
			switch at := c.words[i].tok; {
			case at >= o.left && at < o.leftEnd:
				o.leftMask |= 1 << i
			case at >= o.right && at < o.rightEnd:
				o.rightMask |= 1 << i
			}
		}
		if o.leftMask == 0 || o.rightMask == 0 {
			return
		}
		total, holds, denies := c.weigh(o.leftMask|o.rightMask, 0, cross), 0.0, 0.0
		for _, n := range pool {
			src := &c.sources[n]
			for k := range src.orders {
				p := &src.orders[k]
				if (p.kind == isMore) != (o.kind == isMore) {
					continue
				}
				lm, rm := src.held(p.leftForms), src.held(p.rightForms)
				straight := c.weigh(lm&o.leftMask, 0, cross) + c.weigh(rm&o.rightMask, 0, cross)
				crossed := c.weigh(lm&o.rightMask, 0, cross) + c.weigh(rm&o.leftMask, 0, cross)
				if p.kind != o.kind {
					straight, crossed = crossed, straight
				}
				if max(straight, crossed) < 0.5*total {
					continue
				}
				if o.kind == isMore && lm&o.rightMask != 0 && rm&o.leftMask != 0 && rm&o.rightMask == 0 {
					straight, crossed = 0, total // what stays on the left is what both are compared in
				}
				holds, denies = max(holds, straight-crossed), max(denies, crossed-straight)
			}
		}
		found = found || denies > 0 && denies > holds
	})
	return found
}

// held are the words of the sentence that forms hold.
func (s *source) held(forms []uint16) (m uint64) {
	for _, id := range forms {
		m |= s.strong[id] | s.weak[id]
	}
	return m
}

// The shares of a clause's words that another must hold: to speak of the same, and to speak of the same deed. Who may ask
// for a call and who makes it are two parties in clauses that share most words.
const (
	nearlyAll = 0.75
	sameDeed  = 0.9
)

// clausesReversed compares the clauses of the sentence with those of the pool that speak of the same.
func (c *Checker) clausesReversed(s *sentence, pool []int, cross bool) bool {
	l := s.lang
	for i := 0; l == 0 && i < len(pool); i++ {
		l = c.sources[pool[i]].lang
	}
	found := false
	clauses(c.toks, 0, len(c.toks), func(lo, hi int, neg bool) {
		if found {
			return
		}
		mine := senseOf(c.toks, lo, hi, s.text, l)
		var mask, priced uint64 // without the parties; and without what says that it costs or not
		for i := range c.words {
			w := &c.words[i]
			if w.tok < lo || w.tok >= hi || w.key.concept != 0 && (w.key.concept == shopIDs[0] || w.key.concept == shopIDs[1]) {
				continue
			}
			form := c.toks[w.tok].form
			if alwaysWord[form] {
				continue
			}
			mask |= 1 << i
			if w.key.concept != freeID && !costWords[form] {
				priced |= 1 << i
			}
		}
		if mask == 0 {
			return
		}
		few := mask&(mask-1) == 0
		whole, pricedWhole := c.weigh(mask, 0, cross), c.weigh(priced, 0, cross)
		var agent, force, price, always [2]bool // agrees, differs
		for _, n := range pool {
			src := &c.sources[n]
			for u := range src.units {
				unit := &src.units[u]
				held := src.uStrong[u]
				if cross {
					held |= src.uWeak[u]
				}
				its := &unit.sense
				note := func(x *[2]bool, agrees, differs bool) {
					x[0], x[1] = x[0] || agrees, x[1] || differs
				}
				if pricedWhole > 0 && (mine.free || mine.costs) && !neg && !unit.neg && c.weigh(held&priced, 0, cross) >= nearlyAll*pricedWhole {
					note(&price, its.free && mine.free || its.costs && mine.costs, its.free && mine.costs || its.costs && mine.free)
				}
				if c.weigh(held&mask, 0, cross) < nearlyAll*whole {
					if x := src.sStrong[unit.seg] | src.sWeak[unit.seg]; mine.always && its.only && c.weigh(x&mask, 0, cross) >= nearlyAll*whole {
						note(&always, false, true)
					}
					continue
				}
				if mine.agent != nobody && its.agent != nobody && !few && c.weigh(held&mask, 0, cross) >= sameDeed*whole {
					note(&agent, its.agent == mine.agent, its.agent != mine.agent)
				}
				if mine.must && !neg {
					note(&force, its.must && !unit.neg || !its.may && !its.must, its.may && !its.must || its.must && unit.neg)
				}
				if mine.always && !neg {
					note(&always, its.always, its.only)
				}
			}
		}
		for _, x := range [][2]bool{agent, force, price, always} {
			found = found || x[1] && !x[0]
		}
	})
	return found
}

// bound is -1 for a number that is said to be the most, 1 for one that is the least, and 0 for neither.
func bound(toks []tok, at int) int {
	for i := max(0, at-2); i < min(len(toks), at+5); i++ {
		t := &toks[i]
		if t.kind == tLine || t.kind == tSymbol && i > at && (t.sym == ',' || t.sym == ';' || t.sym == '.') {
			break
		}
		if t.kind != tWord {
			continue
		}
		switch {
		case leastWords[t.form]:
			return 1
		case mostWords[t.form]:
			return -1
		}
	}
	return 0
}

// separable are the prefixes of German verbs that take their "zu" inside: "anzurufen" is "anrufen".
var separable = [...]string{"zuruck", "weiter", "herunter", "hinzu", "an", "auf", "aus", "ab", "ein", "mit", "nach", "vor", "um", "fest", "frei"}

// plainForm brings the forms of a folded verb together that stem does not: the German infinitive with its "zu" inside, and
// the Spanish one with a pronoun at its end.
func plainForm(w []byte) []byte {
	for _, p := range separable {
		if rest, ok := bytes.CutPrefix(w, []byte(p+"zu")); ok && len(rest) > 4 && bytes.HasSuffix(rest, []byte("en")) {
			return append([]byte(p), rest...)
		}
	}
	for _, end := range [...]string{"nos", "los", "las", "les", "me", "te", "lo", "la", "le", "se"} {
		if base, ok := bytes.CutSuffix(w, []byte(end)); ok && len(base) > 4 && base[len(base)-1] == 'r' && bytes.IndexByte([]byte("aei"), base[len(base)-2]) >= 0 {
			return base
		}
	}
	return w
}
