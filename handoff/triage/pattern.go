package triage

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// A pattern is a sequence of elements over folded tokens. The rule files write one a line:
//
//	word          that word
//	word*         any word that begins so
//	a|b|@name     one of them; @name stands for a list defined by "@name = a|b|c"
//	elem?         may be left out
//	~3            up to three words in between, none of which is a negation, and no sentence's end among them
//	^  ^^         at the beginning of a clause, of the message
//	$  $$         at the end of a clause, of the message
//	!             (first) the guard against negation does not apply: the pattern holds its own negation
//	= 0.7         (last) the probability of the cue when it matches; 0.95 otherwise
//
// A section "[kind]" says what cue the following patterns are. An element never reaches past a sentence's end.
type pattern struct {
	kind    string
	p       float64
	own     bool // holds its own negation
	elems   []element
	startAt anchor
}

type anchor uint8

const (
	anywhere anchor = iota
	clauseStart
	messageStart
)

type elemKind uint8

const (
	elemWords elemKind = iota
	elemGap
	elemClauseEnd
	elemMessageEnd
)

type element struct {
	kind     elemKind
	gap      int
	optional bool
	exact    map[string]bool
	prefixes []string
}

func (e *element) matches(w string) bool {
	if e.exact[w] {
		return true
	}
	for _, p := range e.prefixes {
		if strings.HasPrefix(w, p) {
			return true
		}
	}
	return false
}

// ruleset holds compiled patterns, found by the word that a match begins with.
type ruleset struct {
	patterns []pattern
	byWord   map[string][]int32
	byPrefix map[string][]int32
	shortest int // of the prefixes, in bytes
	lists    map[string][]string
}

// compileRules reads rule files. It panics on a malformed one: they are part of the program.
func compileRules(files ...string) *ruleset {
	rs := &ruleset{byWord: map[string][]int32{}, byPrefix: map[string][]int32{}, shortest: 100, lists: map[string][]string{}}
	kind := ""
	for _, file := range files {
		for line := range strings.Lines(file) {
			line = strings.TrimSpace(line)
			switch {
			case line == "" || line[0] == '#':
			case line[0] == '[':
				kind = strings.Trim(line, "[]")
			case line[0] == '@' && strings.Contains(line, " = "):
				name, words, _ := strings.Cut(line, " = ")
				rs.lists[name] = append(rs.lists[name], rs.expand(words)...)
			default:
				rs.add(kind, line)
			}
		}
	}
	return rs
}

func (rs *ruleset) expand(alternatives string) []string {
	var out []string
	for a := range strings.SplitSeq(strings.TrimSpace(alternatives), "|") {
		if a[0] == '@' {
			list, ok := rs.lists[a]
			if !ok {
				panic(fmt.Sprintf("triage: rules use %s before it is defined", a))
			}
			out = append(out, list...)
			continue
		}
		out = append(out, arabicForms(a)...)
	}
	return out
}

func (rs *ruleset) add(kind, line string) {
	p := pattern{kind: kind, p: 0.95}
	if body, value, ok := strings.Cut(line, " = "); ok {
		v, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
		if err != nil {
			panic(fmt.Sprintf("triage: rule %q: %v", line, err))
		}
		line, p.p = body, v
	}
	for _, f := range strings.Fields(line) {
		switch {
		case f == "!":
			p.own = true
		case f == "^":
			p.startAt = clauseStart
		case f == "^^":
			p.startAt = messageStart
		case f == "$":
			p.elems = append(p.elems, element{kind: elemClauseEnd})
		case f == "$$":
			p.elems = append(p.elems, element{kind: elemMessageEnd})
		case f[0] == '~':
			n, err := strconv.Atoi(f[1:])
			if err != nil {
				panic(fmt.Sprintf("triage: rule %q: %v", line, err))
			}
			p.elems = append(p.elems, element{kind: elemGap, gap: n})
		default:
			e := element{exact: map[string]bool{}}
			f, e.optional = strings.CutSuffix(f, "?")
			for _, w := range rs.expand(f) {
				if pre, ok := strings.CutSuffix(w, "*"); ok {
					e.prefixes = append(e.prefixes, pre)
				} else {
					e.exact[w] = true
				}
			}
			p.elems = append(p.elems, e)
		}
	}
	id := int32(len(rs.patterns))
	rs.patterns = append(rs.patterns, p)
	indexed := false
	for _, e := range p.elems { // every element that a match can begin with
		if e.kind != elemWords {
			break
		}
		for w := range e.exact {
			if !slices.Contains(rs.byWord[w], id) {
				rs.byWord[w] = append(rs.byWord[w], id)
			}
		}
		for _, pre := range e.prefixes {
			rs.byPrefix[pre] = append(rs.byPrefix[pre], id)
			rs.shortest = min(rs.shortest, len(pre))
		}
		if !e.optional {
			indexed = true
			break
		}
	}
	if !indexed {
		panic(fmt.Sprintf("triage: rule %q must begin with a word", line))
	}
}

// hit is one match: the pattern, and the tokens [from,to).
type hit struct {
	pattern  *pattern
	from, to int
}

// find calls yield for every pattern that matches at some token, in the order of tokens, then of rules.
func (rs *ruleset) find(toks []token, yield func(hit)) {
	var ids []int32
	for i := range toks {
		w := toks[i].text
		ids = append(ids[:0], rs.byWord[w]...)
		for n := rs.shortest; n <= min(len(w), 16); n++ {
			ids = append(ids, rs.byPrefix[w[:n]]...)
		}
		if len(ids) == 0 {
			continue
		}
		slices.Sort(ids)
		for k, id := range ids {
			if k > 0 && ids[k-1] == id {
				continue
			}
			p := &rs.patterns[id]
			if p.startAt == clauseStart && toks[i].before == noPause || p.startAt == messageStart && i != 0 {
				continue
			}
			if end := match(p.elems, toks, i, i); end > i {
				yield(hit{p, i, end})
			}
		}
	}
}

// match returns the end of the match of elems from token at on, or -1. first is where the whole match begins.
func match(elems []element, toks []token, at, first int) int {
	if len(elems) == 0 {
		return at
	}
	e := &elems[0]
	switch e.kind {
	case elemClauseEnd:
		if at == len(toks) || toks[at].before != noPause {
			return match(elems[1:], toks, at, first)
		}
		return -1
	case elemMessageEnd:
		if at == len(toks) {
			return match(elems[1:], toks, at, first)
		}
		return -1
	case elemGap:
		for n := 0; ; n++ {
			if end := match(elems[1:], toks, at+n, first); end >= 0 {
				return end
			}
			if n == e.gap || at+n >= len(toks) || at+n > first && toks[at+n].before == hardPause || negators[toks[at+n].text] {
				return -1
			}
		}
	}
	if at < len(toks) && (at == first || toks[at].before != hardPause) && e.matches(toks[at].text) {
		if end := match(elems[1:], toks, at+1, first); end >= 0 {
			return end
		}
	}
	if e.optional {
		return match(elems[1:], toks, at, first)
	}
	return -1
}
