package ground

import (
	"fmt"
	"math"
	"math/bits"
	"slices"
	"strings"
)

// maxWords is the number of content words that are checked together; a longer piece is checked in parts.
const maxWords = 60

// Check judges one sentence, as Splitter cuts it. A bare "Yes." or "No." is unsupported with ReasonYesNo: Splitter joins
// it to the sentence after it, with which it stands or falls, and at the end of an answer nothing supports it.
func (c *Checker) Check(sentence string) Verdict {
	c.scratch = scratches.Get().(*scratch)
	v := c.check(sentence)
	scratches.Put(c.scratch)
	c.scratch = nil
	return v
}

func (c *Checker) check(sentence string) Verdict {
	clean, cited := citations(sentence)
	v := Verdict{Cited: cited}
	var pool []int
	for _, n := range cited {
		i := slices.IndexFunc(c.sources, func(p source) bool { return p.n == n })
		if i < 0 {
			v.Reason, v.Missing = ReasonCitation, append(v.Missing, fmt.Sprintf("[%d]", n))
			continue
		}
		pool = append(pool, i)
	}
	if v.Reason != "" {
		return v
	}
	if bare(clean) {
		v.Reason = ReasonYesNo
		return v
	}
	s := c.read(clean)
	if r := c.quoteOf(clean, pool); r != nil {
		v.Supported, v.Support = true, 1
		if len(pool) == 0 {
			v.Attributed = r
		}
		return v
	}
	if s == nil { // too long
		half := strings.IndexByte(clean[len(clean)/2:], ' ')
		if half < 0 {
			v.Reason = ReasonWords
			return v
		}
		marks := ""
		for _, n := range cited {
			marks += fmt.Sprintf("[%d]", n)
		}
		a, b := c.check(clean[:len(clean)/2+half]+marks), c.check(clean[len(clean)/2+half:]+marks)
		if !a.Supported {
			a.Cited = cited
			return a
		}
		b.Cited, b.Support = cited, min(a.Support, b.Support)
		for _, n := range a.Attributed {
			b.Attributed = appendOnce(b.Attributed, n)
		}
		return b
	}
	if s.neutral {
		v.Supported, v.Neutral, v.Support = true, true, 1
		return v
	}
	c.match()
	if len(pool) > 0 {
		r := c.evaluate(s, pool)
		v.Supported, v.Support, v.Missing, v.Reason = r.ok, r.support, r.missing, r.reason
		if r.ok {
			return v
		}
	}
	r, by := c.attribute(s)
	if r.ok {
		v.Attributed = by
	}
	if len(pool) == 0 {
		v.Supported, v.Support, v.Missing, v.Reason = r.ok, r.support, r.missing, r.reason
	}
	return v
}

// quoteOf returns the number of the first source of the pool, or of all when it is empty, that holds the sentence word
// for word.
func (c *Checker) quoteOf(text string, pool []int) []int {
	c.seq = appendSeq(c.seq[:0], text, c.toks)
	for i := range c.sources {
		if (len(pool) == 0 || slices.Contains(pool, i)) && c.sources[i].quoted(c.seq) {
			return []int{c.sources[i].n}
		}
	}
	return nil
}

// sentence is what read finds.
type sentence struct {
	text    string
	lang    lang
	lead    bool // a heading, or ends with a colon
	neutral bool
}

// read tokenizes a sentence into c and sorts out its words. It returns nil when there are too many.
func (c *Checker) read(text string) *sentence {
	s := &sentence{text: text}
	c.toks = tokenize(c.toks[:0], text, &c.buf)
	s.lang = language(c.toks)
	c.sFacts = facts(c.sFacts[:0], c.toks, s.lang)
	c.words = c.words[:0]
	trimmed := strings.TrimSpace(text)
	s.lead = strings.HasPrefix(trimmed, "#") || strings.HasSuffix(strings.TrimRight(trimmed, "*_ "), ":")

	nouns := s.lang // in German every noun has a capital
	for i := 0; nouns == 0 && i < len(c.sources); i++ {
		nouns = c.sources[i].lang
	}
	talk, admit, negated, exact := true, false, false, false
	initial, phrase := true, 0
	for i := range c.toks {
		t := &c.toks[i]
		e := t.entry
		switch t.kind {
		case tLine:
			initial = true
			continue
		case tSymbol:
			initial = initial || strings.ContainsRune(".!?:¿¡", t.sym)
			continue
		case tExact:
			exact = true
		}
		if t.kind != tWord {
			initial = false
			continue
		}
		first := initial
		initial = false
		if e != nil {
			negated = negated || e.info.flags&wNeg != 0
			admit = admit || e.info.flags&wAdmit != 0
		}
		if !content(t, e) {
			continue
		}
		if e == nil || e.info.flags&(wTalk|wAdmit) == 0 {
			talk = false
		}
		if c.allow[t.form] {
			continue
		}
		if len(c.words) == maxWords {
			return nil // the tokens stay
		}
		w := wordAt{tok: i, key: keyOf(t.form, e, func() []byte {
			c.buf = appendFolded(c.buf[:0], text[t.start:t.end])
			return c.buf
		})}
		inSource, isName := c.find(t.form)
		small := e != nil && e.info.flags&(wTalk|wAdmit) != 0
		switch {
		case t.caps:
			w.name = !s.lead || inSource
		case t.upper && first:
			w.name = inSource && isName && !small
		case t.upper:
			w.name = nouns != de && !s.lead && !small || inSource && isName
		}
		w.name = w.name && (e == nil || e.weekday == 0)
		if w.binds = w.name && (!inSource || isName); w.binds {
			if n := len(c.words); n == 0 || !c.words[n-1].binds || c.words[n-1].tok != i-1 {
				phrase++
			}
			w.phrase = phrase
		}
		c.words = append(c.words, w)
	}
	s.neutral = len(c.sFacts) == 0 && !exact && (len(c.words) == 0 || talk) && (!negated || talk && admit)
	if s.neutral && len(c.words) == 0 && negated {
		s.neutral = false
	}
	if len(c.words) == 0 && len(c.sFacts) == 0 && !exact && !negated {
		s.neutral = true
	}
	return s
}

const tableSize = 128 // a power of two, a few times maxWords

// match finds, for each form, clause and segment of the sources, the words of the sentence that it holds, and weighs the
// words: the logarithm of how many clauses of the sources there are for each that holds the word.
func (c *Checker) match() {
	if cap(c.scratch.masks) < c.masks {
		c.scratch.masks = make([]uint64, c.masks)
	}
	rest := c.scratch.masks[:c.masks]
	clear(rest)
	take := func(n int) []uint64 {
		m := rest[:n:n]
		rest = rest[n:]
		return m
	}
	t := &c.table
	*t = [3][tableSize]uint64{}
	for i := range c.words {
		k := &c.words[i].key
		t[0][k.stem%tableSize] |= 1 << i
		t[2][k.prefix%tableSize] |= 1 << i
		if k.concept != 0 {
			t[1][k.concept%tableSize] |= 1 << i
		}
	}
	var df [64]int
	units := 0
	for n := range c.sources {
		s := &c.sources[n]
		s.strong, s.weak = take(len(s.forms)), take(len(s.forms))
		s.uStrong, s.uWeak = take(len(s.units)), take(len(s.units))
		s.sStrong, s.sWeak = take(len(s.segs)), take(len(s.segs))
		for f := range s.forms {
			x := &s.forms[f]
			for m := t[0][x.stem%tableSize] | t[1][x.concept%tableSize] | t[2][x.prefix%tableSize]; m != 0; m &= m - 1 {
				i := bits.TrailingZeros64(m)
				k := &c.words[i].key
				if x.stem == k.stem || x.concept != 0 && x.concept == k.concept {
					s.strong[f] |= 1 << i
				} else if x.prefix == k.prefix {
					s.weak[f] |= 1 << i
				}
			}
		}
		units += len(s.units)
		for u := range s.units {
			var strong, weak uint64
			for _, id := range s.ids[s.units[u].lo:s.units[u].hi] {
				strong |= s.strong[id]
				weak |= s.weak[id]
			}
			s.uStrong[u], s.uWeak[u] = strong, weak
			s.sStrong[s.units[u].seg] |= strong
			s.sWeak[s.units[u].seg] |= weak
			for m := strong; m != 0; m &= m - 1 {
				df[bits.TrailingZeros64(m)]++
			}
		}
	}
	for i := range c.words {
		c.w[i] = math.Log(1 + float64(units+1)/float64(1+df[i]))
	}
}

type result struct {
	ok      bool
	support float64
	missing []string
	reason  string
	fit     float64 // share of the words that the best single segment holds
	against bool    // the sources speak of this and say something else
}

func fail(reason string, support float64, missing ...string) result {
	return result{support: support, reason: reason, missing: missing}
}

// attribute finds the one or two sources that support the sentence.
func (c *Checker) attribute(s *sentence) (result, []int) {
	type scored struct {
		i int
		r result
	}
	all := make([]scored, 0, len(c.sources))
	every := make([]int, len(c.sources))
	for i := range every {
		every[i] = i
	}
	for i := range c.sources {
		r := c.evaluate(s, every[i:i+1])
		all = append(all, scored{i, r})
	}
	if len(all) == 0 {
		return fail(ReasonWords, 0), nil
	}
	slices.SortStableFunc(all, func(a, b scored) int {
		switch {
		case a.r.ok != b.r.ok:
			if a.r.ok {
				return -1
			}
			return 1
		case a.r.support > b.r.support:
			return -1
		case a.r.support < b.r.support:
			return 1
		}
		return 0
	})
	best := all[0]
	// A source that speaks of the matter and contradicts it outweighs one that merely shares words.
	for _, x := range all[1:] {
		if best.r.ok && !x.r.ok && x.r.against && (x.r.support > best.r.support+0.15 || x.r.fit > best.r.fit+0.1 && x.r.support >= best.r.support) {
			return x.r, nil
		}
	}
	if best.r.ok {
		return best.r, []int{c.sources[best.i].n}
	}
	for k := 1; k < len(all) && k < 3; k++ {
		if r := c.evaluate(s, []int{best.i, all[k].i}); r.ok {
			return r, []int{c.sources[best.i].n, c.sources[all[k].i].n}
		}
	}
	return best.r, nil
}

// evaluate judges the sentence against some of the sources.
func (c *Checker) evaluate(s *sentence, pool []int) result {
	r := c.judge(s, pool)
	r.fit = c.fitBest
	r.against = r.against || r.reason == ReasonNegation || r.reason == ReasonSense || r.reason == ReasonContext
	return r
}

func (c *Checker) judge(s *sentence, pool []int) result {
	total := 0.0
	for i := range c.words {
		total += c.w[i]
	}
	cross := s.lang != 0
	for _, i := range pool {
		if l := c.sources[i].lang; l == 0 || l == s.lang {
			cross = false
		}
	}
	support, allStrong, allWeak := c.coverage(pool, cross, total)

	// To the letter.
	for i := range c.toks {
		t := &c.toks[i]
		if t.kind == tExact && !c.hasExact(s.text, *t, pool) {
			return fail(ReasonExact, support, s.text[t.start:t.end])
		}
	}
	if r, bad := c.checkFacts(s, pool, support, cross); bad {
		return r
	}
	for i := range c.words {
		w := &c.words[i]
		if w.name && (allStrong|allWeak&boolMask(cross))&(1<<i) == 0 {
			t := c.toks[w.tok]
			return fail(ReasonName, support, s.text[t.start:t.end])
		}
	}
	if c.boundElsewhere(pool, cross) {
		return fail(ReasonName, support)
	}
	if c.opposed(pool, cross) {
		return fail(ReasonNegation, support)
	}
	if c.reversed(s, pool, cross) {
		return fail(ReasonSense, support)
	}
	// A fact that was found, and found in its place, is content too: it weighs as much as a word.
	if n := float64(len(c.sFacts)); total > 0 && n > 0 {
		average := total / float64(len(c.words))
		support = (support*total + n*average) / (total + n*average)
	}
	need := wordsSame
	switch {
	case s.lead && len(c.words) <= 5 && len(c.sFacts) == 0:
		need = wordsLead
	case cross:
		need = wordsCross
	}
	if len(c.words) > 0 && support < need {
		return fail(ReasonWords, support, c.unfound(s, allStrong|allWeak)...)
	}
	return result{ok: true, support: support}
}

func boolMask(b bool) uint64 {
	if b {
		return ^uint64(0)
	}
	return 0
}

func (c *Checker) unfound(s *sentence, found uint64) (out []string) {
	for i := range c.words {
		if found&(1<<i) == 0 && len(out) < 8 {
			t := c.toks[c.words[i].tok]
			out = append(out, s.text[t.start:t.end])
		}
	}
	return out
}

// context returns the words that a segment's title and heading hold.
func (s *source) context(seg int32) (strong, weak uint64) {
	strong, weak = s.sStrong[0], s.sWeak[0]
	if h := s.segs[seg].heading; h >= 0 {
		strong |= s.sStrong[h]
		weak |= s.sWeak[h]
	}
	return strong, weak
}

// coverage is the share of the words that the best two segments of the pool hold together with their headings. all is
// what the pool holds anywhere.
func (c *Checker) coverage(pool []int, cross bool, total float64) (support float64, allStrong, allWeak uint64) {
	c.fitBest = 1
	if total == 0 {
		return 1, 0, 0
	}
	var best mask
	bestW := -1.0
	masks := c.pairs[:0]
	for _, n := range pool {
		p := &c.sources[n]
		for seg := range p.segs {
			m := mask{p.sStrong[seg], p.sWeak[seg]}
			if m.s|m.w == 0 {
				continue
			}
			allStrong |= m.s
			allWeak |= m.w
			hs, hw := p.context(int32(seg))
			m.s, m.w = m.s|hs, m.w|hw
			masks = append(masks, m)
			if x := c.weigh(m.s, m.w, cross); x > bestW {
				best, bestW = m, x
			}
		}
	}
	c.pairs = masks
	top := max(bestW, 0)
	c.fitBest = top / total
	for _, m := range masks {
		if (m.s|m.w)&^(best.s|best.w) != 0 || m.s&^best.s != 0 {
			top = max(top, c.weigh(m.s|best.s, m.w|best.w, cross))
		}
	}
	return top / total, allStrong, allWeak
}

var bareWords = map[uint64]bool{}

func init() {
	for _, w := range strings.Fields("yes no ja nein doch si nej jo yep nope jawohl claro") {
		bareWords[hash([]byte(w))] = true
	}
}

// bare reports whether a sentence is only a yes or a no.
func bare(s string) bool {
	w := strings.Trim(s, " \t\r\n*_.!¡,-")
	return len(w) < 8 && w != "" && !strings.ContainsAny(w, " \n") && bareWords[hash([]byte(fold(w)))]
}
