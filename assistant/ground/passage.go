package ground

import (
	"bytes"
	"math"
	"strings"
	"sync/atomic"
	"unsafe"

	"github.com/firstline/firstline/internal/recent"
)

// form is a distinct word of a passage.
type form struct {
	hash                  uint64 // of the word as written, folded
	stem, concept, prefix uint64
	name                  bool // seen with a capital where none was due, and never without
	lower                 bool
	sides                 uint8
}

type segment struct {
	heading        int32 // a segment, or -1
	answered       bool  // a title that asks, followed by a yes or a no: with it, it states something
	asks           bool  // a question, which states nothing
	seqLo, seqHi   int32 // into passage.seq
	unitLo, unitHi int32
}

type clause struct {
	seg    int32
	lo, hi int32 // into passage.ids
	neg    bool
	sides  uint8 // of the words that have an opposite
	sense  sense
}

// passage is a source, prepared: cut into segments (sentences, lines) and these into clauses of words. It does not change
// once it is made, and checkers share it.
type passage struct {
	text   string // title and text
	title  int    // length of the title
	lang   lang
	forms  []form
	slots  []uint16  // open addressing: a form's hash to its place in forms, plus 1; a power of two long
	names  []uint16  // forms that are names
	segs   []segment // the first is the title
	units  []clause
	ids    []uint16 // forms of the units' content words
	facts  []fact
	orders []order
	seq    []uint32 // all words and numbers in order, hashed
}

// cached is what the prepared passages that are kept between answers may take: some thousands of them, and the same few
// hundred answer most questions.
const cached = 20 << 20

var cache = recent.New[[2]string, *passage](cached)

// prepared returns the passage of a title and a text, from the cache or made.
func prepared(title, text string) *passage {
	p, ok := cache.Get([2]string{title, text})
	if !ok {
		p = prepare(title, text)
		// The key is cut from its own text, so that the cache holds on to no other.
		cache.Put([2]string{p.text[:p.title], p.text[p.title+1:]}, p, p.bytes())
	}
	return p
}

// bytes is about what the passage takes in memory.
func (p *passage) bytes() int {
	n := int(unsafe.Sizeof(*p)) + len(p.text) + cap(p.forms)*int(unsafe.Sizeof(form{})) + 2*(cap(p.slots)+cap(p.names)+cap(p.ids)) +
		cap(p.segs)*int(unsafe.Sizeof(segment{})) + cap(p.units)*int(unsafe.Sizeof(clause{})) + cap(p.facts)*int(unsafe.Sizeof(fact{})) +
		cap(p.orders)*int(unsafe.Sizeof(order{})) + 4*cap(p.seq)
	for i := range p.facts {
		n += 2 * (len(p.facts[i].ids) + len(p.facts[i].near))
	}
	for i := range p.orders {
		n += 2 * (cap(p.orders[i].leftForms) + cap(p.orders[i].rightForms))
	}
	return n
}

// find returns the place of a form.
func (p *passage) find(h uint64) (uint16, bool) {
	last := len(p.slots) - 1
	for at := int(h^h>>29) & last; ; at = (at + 1) & last {
		id := p.slots[at]
		if id == 0 {
			return 0, false
		}
		if p.forms[id-1].hash == h {
			return id - 1, true
		}
	}
}

// enter adds a form that find does not know.
func (p *passage) enter(f form) uint16 {
	id := uint16(len(p.forms))
	p.forms = append(p.forms, f)
	if 2*len(p.forms) > len(p.slots) {
		p.slots = make([]uint16, 2*len(p.slots))
		for i := range p.forms {
			p.slot(uint16(i))
		}
	} else {
		p.slot(id)
	}
	return id
}

func (p *passage) slot(id uint16) {
	h, last := p.forms[id].hash, len(p.slots)-1
	at := int(h^h>>29) & last
	for p.slots[at] != 0 {
		at = (at + 1) & last
	}
	p.slots[at] = id + 1
}

// keys remembers what keyOf made of the words that occur most; a word that shares a place with another replaces it.
var keys [1 << 14]atomic.Pointer[form]

// keyOf returns a word's form by the hash of how it is written, folded; fold is asked for the letters of one that is not
// remembered.
func keyOf(h uint64, e *entry, fold func() []byte) form {
	place := &keys[(h^h>>29)%uint64(len(keys))]
	if f := place.Load(); f != nil && f.hash == h {
		return *f
	}
	f := formOf(fold(), h, e)
	place.Store(&f)
	return f
}

func formOf(folded []byte, h uint64, e *entry) form {
	f := form{hash: h, stem: hash(stem(plainForm(folded))), concept: conceptOf(folded), prefix: hash(folded[:min(5, len(folded))])}
	if e != nil && e.weekday != 0 {
		f.concept = 0xDA1<<32 | uint64(e.weekday)
	}
	if !bytes.HasPrefix(folded, []byte("charge")) { // which stands beside "free" as well
		f.sides = sides(f.concept)
	}
	return f
}

// maxForms bounds the distinct words of a passage; what comes after them is not looked at.
const maxForms = math.MaxUint16 / 2

func prepare(title, text string) *passage {
	sc := scratches.Get().(*scratch)
	defer scratches.Put(sc)
	n := len(title) + len(text)
	p := &passage{text: title + "\n" + text, title: len(title), forms: make([]form, 0, n/12+8), segs: make([]segment, 0, n/60+4),
		units: make([]clause, 0, n/32+8), ids: make([]uint16, 0, n/9+8)}
	size := 64
	for size < n/5 {
		size *= 2
	}
	p.slots = make([]uint16, size)
	sc.toks = tokenize(sc.toks[:0], p.text, &sc.buf)
	toks := sc.toks
	p.lang = language(toks)
	p.facts, p.seq = sc.pFacts[:0], sc.seq[:0] // grown in scratch memory, and copied at their size below
	heading := int32(-1)
	for lo := 0; lo < len(toks); {
		hi := sentenceEnd(p.text, toks, lo, p.lang)
		if hi > lo && toks[lo].kind != tLine {
			seg := int32(len(p.segs))
			p.segs = append(p.segs, segment{heading: heading, unitLo: int32(len(p.units)), seqLo: int32(len(p.seq))})
			p.seq = appendSeq(p.seq, p.text, toks[lo:hi])
			p.segs[seg].seqHi = int32(len(p.seq))
			p.segs[seg].asks = asks(toks[lo:hi])
			p.addSegment(sc, lo, hi, seg)
			p.segs[seg].unitHi = int32(len(p.units))
			if toks[lo].kind == tSymbol && toks[lo].sym == '#' {
				heading = seg
			}
		} else if len(p.segs) == 0 { // no title: an empty segment stands for it
			p.segs = append(p.segs, segment{heading: -1})
		}
		lo = max(hi, lo+1)
	}
	sc.pFacts, sc.seq = p.facts, p.seq
	p.facts, p.seq = append([]fact(nil), p.facts...), append([]uint32(nil), p.seq...)
	clear(sc.pFacts) // they hold on to the passage's words
	p.answer()
	for i := range p.forms {
		if p.forms[i].name {
			p.names = append(p.names, uint16(i))
		}
	}
	return p
}

// answer makes a statement of a title that is a question where the text begins with yes or no.
func (p *passage) answer() {
	t := &p.segs[0]
	if !t.asks || t.unitHi == t.unitLo {
		return
	}
	word, _, _ := strings.Cut(strings.TrimLeft(p.text[p.title+1:], " \n*"), " ")
	word = fold(strings.Trim(word, ".,!:;* \n"))
	if no := noWords[hash([]byte(word))]; no || bareWords[hash([]byte(word))] {
		t.answered = true
		p.units[t.unitHi-1].neg = no
	}
}

var noWords = wordSet("no nein nej not nicht nope")

func (p *passage) addSegment(sc *scratch, lo, hi int, seg int32) {
	toks := sc.toks
	factsFrom := len(p.facts)
	p.facts = facts(p.facts, toks[lo:hi], p.lang)
	clauses(toks, lo, hi, func(lo2, hi2 int, neg bool) {
		u := clause{seg: seg, lo: int32(len(p.ids)), neg: neg, sense: senseOf(toks, lo2, hi2, p.text, p.lang)}
		for i := lo2; i < hi2; i++ {
			t := &toks[i]
			e := t.entry
			if !content(t, e) {
				continue
			}
			id, ok := p.find(t.form)
			if !ok {
				if len(p.forms) == maxForms {
					continue
				}
				id = p.enter(keyOf(t.form, e, func() []byte {
					sc.buf = appendFolded(sc.buf[:0], p.text[t.start:t.end])
					return sc.buf
				}))
			}
			if t.caps || t.upper && i > lo && p.lang != de && toks[i-1].kind == tWord && (e == nil || e.weekday == 0) {
				p.forms[id].name = !p.forms[id].lower
			} else if !t.upper {
				p.forms[id].name, p.forms[id].lower = false, true
			}
			p.ids = append(p.ids, id)
		}
		u.hi = int32(len(p.ids))
		for _, id := range p.ids[u.lo:u.hi] {
			u.sides |= p.forms[id].sides
		}
		p.units = append(p.units, u)
	})
	orders(toks, lo, hi, p.lang, func(o order) {
		o.leftForms, o.rightForms = p.formsOf(toks[o.left:o.leftEnd]), p.formsOf(toks[o.right:o.rightEnd])
		if len(o.leftForms) > 0 && len(o.rightForms) > 0 {
			p.orders = append(p.orders, o)
		}
	})
	// The words around each fact of this segment.
	fs := p.facts[factsFrom:]
	if len(fs) == 0 {
		return
	}
	const none = math.MaxUint16
	var storage [128]uint16
	ids := storage[:0] // by token
	for i := lo; i < hi; i++ {
		id, ok := uint16(none), false
		if toks[i].kind == tWord {
			if id, ok = p.find(toks[i].form); !ok {
				id = none
			}
		}
		ids = append(ids, id)
	}
	around := make([]uint16, 0, len(fs)*min(hi-lo, 16))
	for k := range fs {
		f := &fs[k]
		f.seg = seg
		f.bound = bound(toks[lo:hi], f.tok)
		f.mates(toks[lo:hi], p.text)
		from, to := surroundings(fs, k, toks[lo:hi])
		mark := len(around)
		head := fs[0].tok
		for i, id := range ids {
			if inside := i >= from && i < to; id != none && (inside || i < head && !p.forms[id].name) {
				around = append(around, id)
			}
		}
		f.ids = around[mark:len(around):len(around)]
		mark = len(around)
		for i := max(f.tok-3, 0); i < min(f.tok+4, len(ids)); i++ {
			if f.class == cNone && ids[i] != none {
				around = append(around, ids[i])
			}
		}
		f.near = around[mark:len(around):len(around)]
	}
}

// formsOf returns the content words of tokens.
func (p *passage) formsOf(toks []tok) (ids []uint16) {
	for i := range toks {
		if content(&toks[i], toks[i].entry) {
			if id, ok := p.find(toks[i].form); ok {
				ids = append(ids, id)
			}
		}
	}
	return ids
}
