package assistant

import (
	"slices"
	"strings"
	"unicode"

	"github.com/firstline/firstline/internal/chat"
	"github.com/firstline/firstline/retrieval/analysis"
)

// tie is how a message hangs together with what was said before it.
type tie int

const (
	stands   tie = iota // says all that it means
	leans               // says something, and the rest was said before
	bare                // says nothing without what was said before, or which side of it is asked for
	corrects            // takes back a part of what was said
	returns             // comes back to what was said before the last subject
)

// reading is a message as it is understood where it was said.
type reading struct {
	remark
	tongue   *tongue
	tie      tie
	question string // that it asks; the message itself where it stands alone
	context  string // the terms that it leans on, which count less in a search than its own; "" where it stands alone
}

// read reads a message in the light of the conversation.
//
// A message that is about nothing by itself ("and how?", "and what does it cost?") takes over the question that it leans on, and so does what is
// left of a correction: then those terms are as good as its own, and how sure an answer is rests on them, too.
func read(c *chat.Claim, message, language string) reading {
	l := tongueOf(language)
	r := reading{remark: remarked(message, l), tongue: l, question: message}
	t, asked := followed(c, l)
	if t.base.text == "" {
		if c.Conversation.Article == "" {
			return r
		}
		t.base = remarked(strings.ReplaceAll(c.Conversation.Article, "-", " "), l) // that the chat was opened from
	}
	if r.tie = t.hear(l, r.remark, asked); r.tie == stands {
		return r
	}
	r.context = joined(t.base.text, t.last(&r.remark))
	switch r.tie {
	case bare:
		r.question = joined(message, r.context)
	case corrects:
		r.question = joined(r.without(l.negated(&r.remark)).text, t.base.text)
	}
	return r
}

// followed follows a conversation up to the message that is answered now; asked: a question was asked back last.
func followed(c *chat.Claim, l *tongue) (t thread, asked bool) {
	var options []string
	for _, m := range c.History {
		if m.Seq <= c.Conversation.FenceSeq {
			continue
		}
		switch m.Author {
		case chat.Customer:
			if o := pick(options, m.Text); o != "" {
				t = thread{base: remarked(o, l), older: t.earlier()}
				continue
			}
			t.hear(l, remarked(m.Text, l), len(options) > 0)
		case chat.Assistant:
			options = offered(&m)
		}
	}
	return t, len(options) > 0
}

func joined(parts ...string) string {
	return strings.Join(slices.DeleteFunc(parts, func(s string) bool { return s == "" }), "\n")
}

// thread is what a conversation is about.
type thread struct {
	base  remark   // the last message that stood alone
	more  []remark // what was added to it since
	older []remark // those that stood alone before it, the latest first
}

// earlier returns the subjects before the next one.
func (t *thread) earlier() []remark {
	if t.base.text == "" {
		return t.older
	}
	return append([]remark{t.base}, t.older...)
}

// hear follows the conversation by one message of the customer.
func (t *thread) hear(l *tongue, r remark, answer bool) tie {
	kind := stands
	if t.base.text != "" {
		kind = l.tie(&r, answer)
	}
	switch kind {
	case stands:
		if len(r.stems) > 0 { // a greeting is no subject
			t.base, t.more, t.older = r, nil, t.earlier()
		}
		return kind
	case corrects:
		gone := l.negated(&r)
		t.drop(func(old *remark) []string { return append(old.replaced(&r, true), gone...) })
		r = r.without(gone)
	case returns:
		t.comeBack(&r)
	default:
		t.drop(func(old *remark) []string { return old.replaced(&r, false) })
	}
	if len(r.stems) > 0 {
		t.more = append(t.more, r)
	}
	return kind
}

// drop leaves out of what was said the stems that gone names.
func (t *thread) drop(gone func(*remark) []string) {
	t.base = t.base.without(gone(&t.base))
	for i := range t.more {
		t.more[i] = t.more[i].without(gone(&t.more[i]))
	}
}

// comeBack makes the earlier subject that a message names the present one: the one that shares most with it, the latest
// among equals. Where it names none, the one before the present is meant.
func (t *thread) comeBack(r *remark) {
	best, most := -1, t.base.about(r.stems)
	for i := range t.older {
		if n := t.older[i].about(r.stems); n > most {
			best, most = i, n
		}
	}
	if most == 0 && len(t.older) > 0 {
		best = 0
	}
	if best >= 0 {
		back := t.older[best]
		t.older = append([]remark{t.base}, slices.Delete(slices.Clone(t.older), best, best+1)...)
		t.base, t.more = back, nil
	}
}

// last returns what was added to the subject before this message, if it can matter to it: of two that go on from the same
// question ("and on Saturdays?", "and on holidays?"), the second does not lean on the first.
func (t *thread) last(now *remark) string {
	before := t.more
	if len(now.stems) > 0 && len(before) > 0 { // hear has added the message itself
		before = before[:len(before)-1]
	}
	if len(before) == 0 {
		return ""
	}
	last := before[len(before)-1]
	if now.opens && last.opens && len(now.stems) > 0 {
		return ""
	}
	return last.text
}

// remark is a message taken apart.
type remark struct {
	text    string
	clauses [][]string // its words in lower case, by the punctuation between them
	content []string   // its words that are about something, in order
	stems   []string   // their stems, in the same order
	opens   bool       // begins as a message that goes on
	asks    bool       // has a question word
}

// remarked takes a message apart, as the language has it.
func remarked(text string, l *tongue) remark {
	r := remark{text: strings.TrimSpace(text)}
	for _, c := range strings.FieldsFunc(strings.ToLower(text), func(r rune) bool { return strings.ContainsRune(".,;:!?¡¿()–—\n\"„“”«»", r) }) {
		if w := strings.FieldsFunc(c, func(r rune) bool { return !isWordRune(r) }); len(w) > 0 {
			r.clauses = append(r.clauses, w)
		}
	}
	begun := false // what only receives the message before is no part of it
	analysis.For(l.code).Words(text, func(w analysis.Word) {
		if begun = begun || !l.acks[w.Surface]; !begun {
			return
		}
		if w.Stem != "" && !carriers[w.Surface] && !l.small[w.Surface] {
			r.content, r.stems = append(r.content, w.Surface), append(r.stems, w.Stem)
		}
	})
	r.opens = startsWith(l.unacknowledged(r.words()), l.onward)
	r.asks = slices.ContainsFunc(r.words(), func(w string) bool { return questionWords[w] })
	return r
}

// words returns all words in order.
func (r *remark) words() []string { return slices.Concat(r.clauses...) }

// about returns how many of the stems the message has.
func (r *remark) about(stems []string) int {
	n := 0
	for _, s := range stems {
		if slices.Contains(r.stems, s) {
			n++
		}
	}
	return n
}

// without returns the message without the words that have one of the stems, and then also without those that are about
// nothing; the message itself where it has none of them.
func (r *remark) without(stems []string) remark {
	if r.about(stems) == 0 {
		return *r
	}
	left := remark{clauses: r.clauses, opens: r.opens, asks: r.asks}
	for i, s := range r.stems {
		if !slices.Contains(stems, s) {
			left.content, left.stems = append(left.content, r.content[i]), append(left.stems, s)
		}
	}
	left.text = strings.Join(left.content, " ")
	return left
}

// replaced returns the stems of an earlier message in whose place a later one puts something else: a number after the
// same word ("pay in 30", "and pay in 3?"), and in a correction what stood right before a word that both share ("my
// e-mail address", "I meant the address where I live").
func (r *remark) replaced(by *remark, correction bool) []string {
	was, now := r.words(), by.words()
	var gone []string
	for i := 1; i < len(was); i++ {
		for j := 1; j < len(now); j++ {
			if isNumber(was[i]) && isNumber(now[j]) && was[i-1] == now[j-1] && !slices.Contains(now, was[i]) {
				gone = append(gone, r.stemsOf(was[i])...)
			}
		}
	}
	if !correction {
		return gone
	}
	for i, w := range was {
		if !slices.Contains(now, w) || by.about(r.stemsOf(w)) == 0 {
			continue
		}
		for j := i - 1; j >= max(0, i-2); j-- { // a compound with a hyphen is two words
			before := r.stemsOf(was[j])
			if len(before) == 0 || slices.Contains(now, was[j]) {
				break
			}
			gone = append(gone, before...)
		}
	}
	return gone
}

// stemsOf returns the stems of a word, and of the whole compound that it is a part of, which follows its parts.
func (r *remark) stemsOf(word string) []string {
	var stems []string
	for i, c := range r.content {
		if c != word {
			continue
		}
		stems = append(stems, r.stems[i])
		for k := i + 1; k < min(i+3, len(r.content)); k++ {
			if r.content[k] == word {
				break
			}
			if strings.HasPrefix(r.content[k], word) || strings.HasSuffix(r.content[k], word) {
				stems = append(stems, r.stems[k])
			}
		}
	}
	return stems
}

// repeats reports whether a message says again what an earlier one said, in three words or more. One term in another's
// place makes it another question, and so does another thing that it leans on: a message that says
// nothing by itself, goes on or points back repeats only the one just before it.
func (r *reading) repeats(earlier string, justBefore bool) bool {
	now := words(r.text)
	if len(now) < 3 || overlap(now, words(earlier)) < 0.7 {
		return false
	}
	if !justBefore && (len(r.stems) == 0 || r.opens || r.tongue.pointsBack(r.words(), &r.remark)) {
		return false
	}
	old := remarked(earlier, r.tongue)
	return r.about(old.stems) == len(old.stems) || old.about(r.stems) == len(r.stems)
}

func isNumber(w string) bool {
	return strings.IndexFunc(w, func(r rune) bool { return !unicode.IsDigit(r) }) < 0
}
