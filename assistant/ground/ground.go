// Package ground decides whether a sentence of a generated answer is supported by the passages that it was generated
// from, fast enough to stand between the model and the customer: some tens of microseconds a sentence, no model, no
// database. It also cuts the model's stream into those sentences.
//
// What it checks, within the cited passages or, without citations, within the one or two that fit best:
//
//   - Numbers, amounts, percentages, durations, dates, weekdays, times, e-mail and web addresses, telephone numbers and
//     codes occur, with the same unit, and each in surroundings that fit the sentence better than those of any other
//     quantity of its kind: the fee of another market is not support.
//   - Names occur, and what is said of a name is not said of another name only.
//   - A clause is negated where the clause that it takes its words from is, and the other way round; what is free costs
//     nothing, and what is paused does not go on.
//   - Who acts, what comes before what and what is more than what, whether it must be done or may, whether it is free or
//     costs, and whether a number is the most or the least, are those of the clause that speaks of the same.
//   - The share of content words found, weighted by rarity, is high enough in one or two sentences of the passages.
//
// Across languages (a German answer from an English passage) words are compared through a table of some hundred desk
// terms in English, German, Spanish and Swedish, and through common beginnings ("Kontakt", "contact"). Numbers, dates,
// weekdays, amounts, names and addresses are checked as strictly as within a language. What that cannot catch: an
// invented statement without any number or name, made of words that the passage holds in other places; a negation in
// a clause of which too few words can be matched; a wrong verb among right nouns ("open" for "close" when neither is in
// the table). A sentence that stands in a passage word for word always passes. Prepared passages are kept between answers,
// within a fixed number. The package never repairs a sentence, and it does not know whether a passage is true.
package ground

import (
	"math/bits"
	"slices"
	"strings"
	"sync"
)

// Source is a passage that the model was given.
type Source struct {
	N           int // the number used in the prompt, as in [1]
	Title, Text string
}

// Verdict is the result for one sentence.
type Verdict struct {
	Supported  bool
	Neutral    bool     // nothing to support: a greeting, an offer, a lead-in
	Cited      []int    // citations in the sentence, in order, each once
	Attributed []int    // sources that support a sentence without citations, or with wrong ones; best first
	Support    float64  // share of the content words found, 0 to 1; 1 when neutral
	Missing    []string // what was not found: numbers, names, addresses, "[9]", or the rarest words
	Reason     string   // empty when supported; one of the Reason constants
}

// Reasons for a sentence to be unsupported.
const (
	ReasonCitation = "citation"  // cites a source that does not exist
	ReasonNumber   = "number"    // a number, amount, date or time is not in the source
	ReasonContext  = "context"   // the number is in the source, but said of something else
	ReasonExact    = "address"   // an address, telephone number or code is not in the source
	ReasonName     = "name"      // a name is not in the source, or something else is said of it
	ReasonNegation = "negation"  // the source says the opposite
	ReasonSense    = "sense"     // the source says the reverse with the same words: who, when, must or may, free or not
	ReasonWords    = "words"     // too few of the words are in the source
	ReasonYesNo    = "yes_or_no" // a bare yes or no, which only the sentence after it can support
)

// Thresholds of Support, set on the written cases of the tests: within a language and across languages. Lead-ins such
// as "To change the date:" say nothing by themselves and need less.
const (
	wordsSame  = 0.58
	wordsCross = 0.40
	wordsLead  = 0.30
)

// source is a passage within one answer.
type source struct {
	*passage
	n          int
	named      []bool // by form: a name in all the sources together
	unitNamed  []bool // by unit: it holds one; made when first needed
	folded     string // for addresses; made when first needed
	exactPhone map[string]bool

	// Of the sentence under way: which of its words the forms, clauses and segments hold.
	strong, weak   []uint64
	uStrong, uWeak []uint64
	sStrong, sWeak []uint64
}

// Checker holds the sources of one answer, prepared. It is not safe for concurrent use.
type Checker struct {
	sources []source
	allow   map[uint64]bool
	masks   int // how many masks a sentence needs
	*scratch
}

// scratch is the working memory of a Check.
type scratch struct {
	toks   []tok
	buf    []byte
	keys   []form // of a statement's tokens
	sFacts []fact
	w      [64]float64
	words  []wordAt
	masks  []uint64
	pairs  []mask
	fit    []segFit
	seq    []uint32
	pFacts []fact // of a passage that is being prepared
	// Share of the words that the best segment held in the last coverage.
	fitBest float64
	table   [3][tableSize]uint64 // the words of the sentence by stem, concept and beginning
}

type mask struct{ s, w uint64 }

var scratches = sync.Pool{New: func() any { return &scratch{} }}

// wordAt is a content word of the sentence.
type wordAt struct {
	tok    int
	name   bool // must occur
	binds  bool // and is a name in the sources too, not only a word that happens to have a capital here
	phrase int  // binding words of one name share it; 0 for none
	key    form
}

// NewChecker prepares sources for Check.
func NewChecker(sources []Source) *Checker {
	c := &Checker{sources: make([]source, len(sources))}
	forms := 0
	for i, s := range sources {
		p := prepared(s.Title, s.Text)
		c.sources[i] = source{passage: p, n: s.N}
		forms += len(p.forms)
		c.masks += 2 * (len(p.forms) + len(p.units) + len(p.segs))
	}
	named := make([]bool, forms)
	for i := range c.sources {
		n := len(c.sources[i].forms)
		c.sources[i].named, named = named[:n:n], named[n:]
	}
	// A name in one passage is a name in all, unless one of them writes it without a capital.
	for i := range c.sources {
	names:
		for _, id := range c.sources[i].names {
			h := c.sources[i].forms[id].hash
			for j := range c.sources {
				if x, ok := c.sources[j].find(h); ok && c.sources[j].forms[x].lower {
					continue names
				}
			}
			for j := range c.sources {
				if x, ok := c.sources[j].find(h); ok {
					c.sources[j].named[x] = true
				}
			}
		}
	}
	return c
}

// find reports whether a form occurs in the sources, and whether it is a name there.
func (c *Checker) find(h uint64) (known, name bool) {
	for i := range c.sources {
		if id, ok := c.sources[i].find(h); ok {
			return true, c.sources[i].named[id]
		}
	}
	return false, false
}

// Allow names words that need no source, such as the company's own name.
func (c *Checker) Allow(names ...string) {
	if c.allow == nil {
		c.allow = map[uint64]bool{}
	}
	for _, n := range names {
		for _, w := range strings.Fields(n) {
			c.allow[hash([]byte(fold(w)))] = true
		}
	}
}

// content reports whether a token is a word that needs support.
func content(t *tok, e *entry) bool {
	if t.kind != tWord {
		return false
	}
	if e == nil {
		return t.end-t.start > 2 || t.caps
	}
	return e.info.flags&wStop == 0 && (e.unit.class == cNone || e.unit.class == cTimes) && e.times == 0 && e.month == 0 && e.numeral == 0 && e.pm == 0 && !e.biz
}

// surroundings returns the tokens that fact k is said of: its segment, cut at the last separator between it and its
// neighbours that are quantities of the same kind.
func surroundings(fs []fact, k int, toks []tok) (from, to int) {
	cut := func(a, b *fact) int {
		if !a.rival(b) || b.tok-a.tok <= 2 {
			return -1
		}
		for i := b.tok - 1; i > a.tok; i-- {
			t := &toks[i]
			if t.kind == tSymbol && strings.ContainsRune(",;|()/", t.sym) {
				return i
			}
			if e := t.entry; t.kind == tWord && e != nil && e.info.flags&(wJoin|wSplit) != 0 {
				return i
			}
		}
		return -1
	}
	from, to = 0, len(toks)
	for j := k - 1; j >= 0; j-- {
		if at := cut(&fs[j], &fs[k]); at >= 0 {
			from = at
			break
		}
	}
	for j := k + 1; j < len(fs); j++ {
		if at := cut(&fs[k], &fs[j]); at >= 0 {
			to = at
			break
		}
	}
	return from, to
}

// sentenceEnd returns the end of the sentence or line that begins at lo.
func sentenceEnd(text string, toks []tok, lo int, l lang) int {
	for i := lo; i < len(toks); i++ {
		t := &toks[i]
		if t.kind == tLine {
			return max(i, lo+1)
		}
		if t.kind != tSymbol || !strings.ContainsRune(".!?。！？؟", t.sym) {
			continue
		}
		if t.end >= len(text) || strings.IndexByte(" \n\t*\"')", text[t.end]) < 0 && t.sym < 0x600 {
			continue
		}
		if t.sym == '.' && i > lo {
			prev := &toks[i-1]
			if prev.kind == tWord && (prev.end-prev.start == 1 || shortForms[prev.form]) {
				continue
			}
			if prev.kind == tNumber && prev.end-prev.start <= 2 && i+1 < len(toks) && toks[i+1].kind == tWord {
				if e := toks[i+1].entry; l == de || e != nil && e.month != 0 {
					continue
				}
			}
		}
		return i + 1
	}
	return len(toks)
}

var shortForms = map[uint64]bool{}

func init() {
	for w := range abbreviations {
		for _, part := range strings.Split(w, ".") {
			shortForms[hash([]byte(fold(part)))] = true
		}
	}
}

// language guesses the language of a text from its function words; 0 when there are too few.
func language(toks []tok) lang {
	var n [4]int
	for i := range toks {
		if toks[i].kind != tWord {
			continue
		}
		if e := toks[i].entry; e != nil && e.info.flags&wStop != 0 {
			for k := range n {
				n[k] += int(e.info.langs>>k) & 1
			}
		}
	}
	best := 0
	for k := range n {
		if n[k] > n[best] {
			best = k
		}
	}
	second := 0
	for k := range n {
		if k != best {
			second = max(second, n[k])
		}
	}
	if n[best] < 2 || n[best] == second {
		return 0
	}
	return 1 << best
}

// weigh sums the weights of words found well and found by their beginning only.
func (c *Checker) weigh(strong, weak uint64, cross bool) float64 {
	partial := 0.6
	if cross {
		partial = 0.9
	}
	sum := 0.0
	for m := strong; m != 0; m &= m - 1 {
		sum += c.w[bits.TrailingZeros64(m)]
	}
	for m := weak &^ strong; m != 0; m &= m - 1 {
		sum += partial * c.w[bits.TrailingZeros64(m)]
	}
	return sum
}

// citations takes the markers out of a sentence.
func citations(s string) (clean string, cited []int) {
	if strings.IndexByte(s, '[') < 0 {
		return s, nil
	}
	var b strings.Builder
	for i := 0; i < len(s); {
		if s[i] == '[' {
			if n, ok := marker(s[i:]); ok && n > 0 && (i+n >= len(s) || s[i+n] != '(') {
				inside, last, dash := s[i+1:i+n-1], -1, false
				for k := 0; k < len(inside); {
					switch ch := inside[k]; {
					case ch >= '0' && ch <= '9':
						j := k
						for j < len(inside) && inside[j] >= '0' && inside[j] <= '9' {
							j++
						}
						v := int(atoi(inside[k:min(j, k+6)]))
						for m := last + 1; dash && last >= 0 && m < v && m < last+20; m++ {
							cited = appendOnce(cited, m)
						}
						cited, last, dash = appendOnce(cited, v), v, false
						k = j
						continue
					case ch == '-':
						dash = true
					}
					k++
				}
				b.WriteByte(' ')
				i += n
				continue
			}
		}
		b.WriteByte(s[i])
		i++
	}
	return b.String(), cited
}

func appendOnce(s []int, v int) []int {
	if slices.Contains(s, v) {
		return s
	}
	return append(s, v)
}
