package retrieval

import (
	"slices"
	"strings"
	"unicode/utf8"
)

// An article that says in one sentence what the question says, in the same words side by side, is likelier to be the
// right one than an article that has the same words far apart. Sums over whole articles cannot see that, so the best of
// them are read again, sentence by sentence.

// running is a text as the index reads it again: the lists of its words in order, stop words left out, and fullStop after
// each sentence.
type running []uint32

const (
	fullStop = ^uint32(0)
	noList   = fullStop - 1 // of a word of the question that no article has

	// maxMatched is the number of terms of a question that are looked for in sentences, as many as fit a word of bits.
	maxMatched = 64
)

// sentences calls yield with each sentence of a text: what ends with a full stop, a question or exclamation mark, a
// semicolon or a line. A point inside of a word or number ends nothing.
func sentences(text string, yield func(string)) {
	start := 0
	for i, r := range text {
		end := i + utf8.RuneLen(r)
		switch r {
		case '\n', '。', '？', '！', '；', '।':
		case '.', '?', '!', ';':
			if end < len(text) && text[end] != ' ' && text[end] != '\n' {
				continue
			}
		default:
			continue
		}
		if s := text[start:end]; strings.TrimSpace(s) != "" {
			yield(s)
		}
		start = end
	}
	if strings.TrimSpace(text[start:]) != "" {
		yield(text[start:])
	}
}

// evidence says how nearly a passage says what the question says, by its best sentence. Titles and the questions of
// customers are sentences of each of their article's passages.
type evidence struct {
	sentence float32 // idf of the words that the question and the best sentence share, twice, over that of all words of both; 0..1
	covered  float32 // share of the question's idf that the sentence which has most of it has; 0..1
	phrase   float32 // share of the question's pairs of neighbouring words that are neighbours in the passage, by idf; 0..1
}

// matcher looks for a question in running texts of one partition. It belongs to a scratch and is used again.
type matcher struct {
	mark    []uint8 // by list: 1 + number of the question's term
	idf     []float32
	follows []uint64 // by term: which terms come next to it in the question
	seen    []uint64 // which of those were found
}

// aim prepares for a question. Release must follow.
func (m *matcher) aim(p *partition, q *query) {
	if len(m.mark) < len(p.words.lists) {
		m.mark = make([]uint8, len(p.words.lists)+len(p.words.lists)/4)
	}
	n := min(len(q.terms), maxMatched)
	m.idf, m.follows, m.seen = m.idf[:0], m.follows[:0], m.seen[:0]
	for i := range n {
		t := &q.terms[i]
		m.mark[t.list] = uint8(i + 1)
		m.idf = append(m.idf, t.idf*t.matches)
		m.follows, m.seen = append(m.follows, 0), append(m.seen, 0)
	}
	for i := 1; i < len(q.order); i++ {
		if a, b := q.order[i-1], q.order[i]; a != b && a != noList && b != noList {
			if a, b := m.mark[a], m.mark[b]; a > 0 && b > 0 {
				m.follows[a-1] |= 1 << (b - 1)
			}
		}
	}
}

// release forgets the question.
func (m *matcher) release(q *query) {
	for i := range min(len(q.terms), maxMatched) {
		m.mark[q.terms[i].list] = 0
	}
}

// read compares the question with a passage: what stands above it in its article, and its own text.
func (m *matcher) read(p *partition, q *query, lead, text running) evidence {
	var e evidence
	if len(m.idf) == 0 || q.matchable == 0 {
		return e
	}
	clear(m.seen)
	m.scan(p, q, lead, &e)
	m.scan(p, q, text, &e)
	if q.pairs > 0 {
		var found float32
		for a, bits := range m.seen {
			for b := 0; bits != 0; b, bits = b+1, bits>>1 {
				if bits&1 != 0 {
					found += p.words.idfs[q.terms[a].list] + p.words.idfs[q.terms[b].list]
				}
			}
		}
		e.phrase = min(found/q.pairs, 1)
	}
	return e
}

func (m *matcher) scan(p *partition, q *query, text running, e *evidence) {
	idfs := p.words.idfs
	var shared, all float32
	var has uint64
	previous := uint8(0)
	for _, list := range text {
		if list == fullStop {
			if shared > 0 {
				e.sentence = max(e.sentence, 2*shared/(all+q.matchable))
				e.covered = max(e.covered, shared/q.matchable)
			}
			shared, all, has, previous = 0, 0, 0, 0
			continue
		}
		all += idfs[list]
		n := m.mark[list]
		if n > 0 {
			if bit := uint64(1) << (n - 1); has&bit == 0 {
				has |= bit
				shared += m.idf[n-1]
			}
			if previous > 0 {
				m.seen[previous-1] |= m.follows[previous-1] & (1 << (n - 1))
			}
		}
		previous = n
	}
}

// read looks for the question in the candidates' sentences, adds what is found there to their scores, and ranks them anew.
// The best has the score 1 again.
func (w *scratch) read(found []candidate, queries []asked, t tuning) {
	m := &w.matcher
	for leg, a := range queries {
		m.aim(a.partition, a.query)
		for i := range found {
			c := &found[i]
			if c.leg != leg {
				continue
			}
			e := &a.partition.entries[c.slot]
			c.evidence = m.read(a.partition, a.query, e.lead, e.sections[c.section].text)
			c.score += w.factors[a.partition.kinds[c.slot]] * (float32(t.Sentence)*c.sentence + float32(t.Phrase)*c.phrase)
		}
		m.release(a.query)
	}
	slices.SortStableFunc(found, compareCandidates)
	best := found[0].score
	for i := range found {
		found[i].score /= best
	}
}
