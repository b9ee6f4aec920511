package ground

import (
	"slices"
	"strings"
	"unsafe"
)

// Disagreement is a pair of statements of two sources that cannot both hold.
type Disagreement struct {
	A, B string // the statements, as written
	Kind string // "number" or "negation"
}

// The measure of two statements being about the same thing, set on the written cases of the tests and held against every
// question of the demo, whose articles agree with one another.
const (
	alikeWords   = 3    // content words that both hold, at least
	alikeSmaller = 0.75 // share of the shorter one's words
	alikeBoth    = 0.5  // share of all the words of both
	alikeSigns   = 0.6  // likewise, where they differ by a "not" alone
)

// statement is a sentence, or a row of a table, by itself.
type statement struct {
	text     string
	words    []form
	facts    []fact
	numbered uint64 // numbers of names, as in "Pay in 4", as bits modulo 64
	names    map[uint64]bool
	negated  []form // the content words of its negated clauses
	clauses  int    // of these
	asks     bool
}

// Statements are a source's text, read once for several comparisons.
type Statements struct {
	lang lang
	all  []statement
	own  uint64 // numbers of names in the title
}

// Read prepares a source for Disagree. Lines that keep rejects are left out; nil keeps all.
func Read(s Source, keep func(line string) bool) *Statements {
	sc := scratches.Get().(*scratch)
	defer scratches.Put(sc)
	out := &Statements{}
	sc.toks = tokenize(sc.toks[:0], s.Title, &sc.buf)
	for i := range sc.toks {
		if sc.toks[i].kind == tNumber && named(sc.toks, i) {
			out.own |= 1 << (sc.toks[i].read[0] / 10000 % 64)
		}
	}
	sc.toks = tokenize(sc.toks[:0], s.Text, &sc.buf)
	toks := sc.toks
	out.lang = language(toks)
	for lo := 0; lo < len(toks); {
		hi := sentenceEnd(s.Text, toks, lo, out.lang)
		if hi > lo && toks[lo].kind != tLine {
			text := strings.TrimSpace(s.Text[toks[lo].start:toks[hi-1].end])
			if keep == nil || keep(text) {
				out.all = append(out.all, stated(text, s.Text, toks[lo:hi:hi], out.lang, sc))
			}
		}
		lo = max(hi, lo+1)
	}
	return out
}

// Bytes is about what the statements take in memory.
func (s *Statements) Bytes() int {
	n := int(unsafe.Sizeof(*s)) + cap(s.all)*int(unsafe.Sizeof(statement{}))
	for i := range s.all {
		x := &s.all[i]
		n += len(x.text) + (cap(x.words)+cap(x.negated))*int(unsafe.Sizeof(form{})) + cap(x.facts)*int(unsafe.Sizeof(fact{})) + 32*len(x.names)
	}
	return n
}

func stated(text, whole string, toks []tok, l lang, sc *scratch) statement {
	st := statement{text: text, asks: asks(toks), words: make([]form, 0, len(toks)/2)}
	sc.keys = slices.Grow(sc.keys[:0], len(toks))
	keys := sc.keys[:len(toks)] // of the content words
	clear(keys)
	first := true
	for i := range toks {
		t := &toks[i]
		switch {
		case t.kind == tNumber && named(toks, i):
			st.numbered |= 1 << (t.read[0] / 10000 % 64)
			continue
		case t.kind != tWord:
			first = first && t.kind == tSymbol
			continue
		}
		if !content(t, t.entry) {
			first = false
			continue
		}
		k := keyOf(t.form, t.entry, func() []byte {
			sc.buf = appendFolded(sc.buf[:0], whole[t.start:t.end])
			return sc.buf
		})
		keys[i] = k
		if !holds(st.words, &k) {
			st.words = append(st.words, k)
		}
		if t.caps || t.upper && !first && l != de {
			if st.names == nil {
				st.names = map[uint64]bool{}
			}
			st.names[k.stem] = true
		}
		first = false
	}
	clauses(toks, 0, len(toks), func(lo, hi int, neg bool) {
		if !neg {
			return
		}
		st.clauses++
		for _, k := range keys[lo:hi] {
			if k.hash != 0 {
				st.negated = append(st.negated, k)
			}
		}
	})
	sc.pFacts = facts(sc.pFacts[:0], toks, l)
	for _, f := range sc.pFacts {
		if f.class == cNone && f.weekday == 0 && (f.spelled || named(toks, f.tok)) || f.class == cTimes && f.read[0] == 10000 || f.tok == 0 && f.class == cNone {
			continue
		}
		f.mates(toks, whole)
		st.facts = append(st.facts, f)
	}
	return st
}

// same reports whether two words are one, or mean the same to a customer.
func same(a, b *form) bool { return a.stem == b.stem || a.concept != 0 && a.concept == b.concept }

// holds reports whether a word is among others.
func holds(words []form, w *form) bool {
	for i := range words {
		if same(&words[i], w) {
			return true
		}
	}
	return false
}

// Disagree looks for a statement of a and one of b that are about the same thing and say different values of it, or of
// which one denies what the other says. It compares sources of one language only. What it takes for the same thing is
// narrow: an editor who reads two articles for an alarm that was none will not read the next.
func Disagree(a, b *Statements) (Disagreement, bool) {
	if a.lang != b.lang {
		return Disagreement{}, false
	}
	for i := range a.all {
		for j := range b.all {
			x, y := &a.all[i], &b.all[j]
			if x.asks || y.asks || x.numbered|a.own != y.numbered|b.own {
				continue
			}
			if kind := x.against(y); kind != "" {
				return Disagreement{A: x.text, B: y.text, Kind: kind}, true
			}
		}
	}
	return Disagreement{}, false
}

// against returns in what two statements about the same thing differ; "" when they do not, or are about different things.
func (st *statement) against(o *statement) string {
	if (len(st.facts) == 0 || len(o.facts) == 0) && (st.clauses > 0) == (o.clauses > 0) {
		return "" // no values to differ in, and no "not" that only one has
	}
	shared := common(st.words, o.words)
	least, most := min(len(st.words), len(o.words)), max(len(st.words), len(o.words))
	all := len(st.words) + len(o.words) - shared
	if least == 0 || shared < min(alikeWords, most) || shared < 2 || float64(shared) < alikeSmaller*float64(least) || !sameNames(st.names, o.names) {
		return ""
	}
	both := float64(shared) / float64(all)
	numbers, differ := compareFacts(st.facts, o.facts)
	if differ {
		if both >= alikeBoth && (st.clauses > 0) == (o.clauses > 0) {
			return "number"
		}
		return ""
	}
	if numbers && both >= alikeSigns && (st.denies(o, shared) || o.denies(st, shared)) {
		return "negation"
	}
	return ""
}

// denies reports whether st says with one "not" what o says without any: the clause that is negated holds nearly all the
// words that they share.
func (st *statement) denies(o *statement, shared int) bool {
	return st.clauses == 1 && o.clauses == 0 && 4*common(st.negated, o.words) >= 3*shared
}

// common counts the words of a that b holds.
func common(a, b []form) int {
	n := 0
	for i := range a {
		if holds(b, &a[i]) {
			n++
		}
	}
	return n
}

func sameNames(a, b map[uint64]bool) bool {
	if len(a) != len(b) {
		return false
	}
	for k := range a {
		if !b[k] {
			return false
		}
	}
	return true
}

// compareFacts reports whether two statements hold the same numbers, and whether they hold different ones of one kind
// and agree in every other.
func compareFacts(a, b []fact) (equal, differ bool) {
	equal = len(a) == len(b)
	kinds, apart := 0, 0
	for i := range a {
		rivals, agrees := 0, false
		for j := range b {
			x, y := &a[i], &b[j]
			if x.equal(y) {
				agrees = true
			}
			if comparable(x, y) {
				rivals++
			}
		}
		equal = equal && agrees
		if rivals > 0 {
			kinds++
			if !agrees && !between(&a[i], b) {
				apart++
			}
		}
	}
	if kinds == 0 || apart == 0 || apart < kinds && !sameClasses(a, b) {
		return equal, false
	}
	for j := range b { // the other way round: 7 lies within 5 to 10
		if between(&b[j], a) {
			return equal, false
		}
	}
	return equal, true
}

// comparable reports whether two facts are values of one kind: durations, money of one currency, numbers of one thing.
func comparable(x, y *fact) bool {
	switch {
	case x.ordinals != y.ordinals || x.numbered != y.numbered:
		return false
	case x.class >= cMoney && y.class >= cMoney:
		return sameMoney(x.class, y.class)
	case x.class == cNone && x.weekday == 0:
		return y.class == cNone && y.weekday == 0 && x.next[0] != 0 && x.next[0] == y.next[0]
	}
	return x.rival(y)
}

// sameClasses reports whether two statements hold numbers of the same kinds in the same order.
func sameClasses(a, b []fact) bool {
	return len(a) == len(b) && slices.EqualFunc(a, b, func(x, y fact) bool { return comparable(&x, &y) })
}

// between reports whether a fact lies between two of the others, as 7 does in "5 to 10 days".
func between(x *fact, others []fact) bool {
	lo, hi := false, false
	for i := range others {
		if y := &others[i]; x.class == y.class && x.weekday == 0 {
			lo = lo || y.base[0] >= 0 && y.base[0] <= x.base[0]
			hi = hi || y.base[0] >= x.base[0]
		}
	}
	return lo && hi
}
