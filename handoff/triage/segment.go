package triage

import "slices"

// Credible is the probability from which a topic of a priority counts as one of a message's topics. A message without a
// credible topic should be treated as having none. The bar is lower for priorities 1 and 2, because overlooking one
// costs more than an agent's glance: on the demo's labelled questions .35 finds .89 of the messages that only people may
// handle by their topic alone (.3: .90, .5: .82) and takes .11 of ordinary questions for one (.3: .13, .5: .08); the cues
// of the rules find others besides.
func Credible(priority int) float64 {
	if priority == 1 || priority == 2 {
		return 0.35
	}
	return 0.5
}

// connectors begin a new matter in the middle of a sentence, in the languages of the demo.
var connectors = map[string]bool{
	"but": true, "also": true, "plus": true, "besides": true, "btw": true, "anyway": true, "because": true, "however": true,
	"aber": true, "ausserdem": true, "zudem": true, "ubrigens": true, "weil": true,
	"pero": true, "ademas": true, "tambien": true, "porque": true,
	"men": true, "dessutom": true, "ocksa": true, "forresten": true,
	"mais": true, "aussi": true,
	"and": true, "und": true, "y": true, "och": true, "et": true,
}

// minClause is the least number of words on either side of a cut at a comma or connector.
const minClause = 4

// clauses cuts tokens into sentences, and sentences into clauses. It returns index ranges [from,to) of sentences and of
// those clauses that are not a whole sentence.
func clauses(toks []token) [][2]int {
	var out [][2]int
	for from := 0; from < len(toks); {
		to := from + 1
		for to < len(toks) && toks[to].before != hardPause {
			to++
		}
		out = append(out, [2]int{from, to})
		start := from
		for i := from + minClause; i+minClause <= to; i++ {
			if i-start >= minClause && (toks[i].before == softPause || connectors[toks[i].text]) {
				out = append(out, [2]int{start, i})
				start = i
			}
		}
		if start > from {
			out = append(out, [2]int{start, to})
		}
		from = to
	}
	return out
}

// maxClauses bounds the parts of one message that are scored; the last ones are kept because trouble often comes last.
const maxClauses = 40

// Segments classifies a message by its parts: the whole, every sentence and every clause. A topic's probability is the
// greatest that any part gives it. None gets the probability that the message is about nothing else: that of its least
// ordinary part. Topics that are Credible come first, the most urgent of them before the rest and then by
// probability; so the first score is the topic that counts, or None. Start and End tell which part said so. A text that
// says nothing about any matter ("and now?") is None with certainty, and such a part says nothing.
func (c *Classifier) Segments(text string) []Score {
	toks := tokenize(text)
	s := c.scratch.Get().(*scratch)
	defer c.scratch.Put(s)
	out := make([]Score, len(c.labels))
	for i, l := range c.labels {
		out[i] = Score{Topic: l, Priority: c.priority[i], End: len(text)}
	}
	noneAt := slices.Index(c.labels, None)
	if isHollow(toks) {
		if noneAt >= 0 {
			out[noneAt].P = 1
		}
		slices.SortStableFunc(out, bySegment)
		return out
	}
	parts := clauses(toks)
	if len(parts) > maxClauses {
		parts = parts[len(parts)-maxClauses:]
	}
	whole := 1.0
	switch long := len(text) >= longText; {
	case speaksOfSelf(toks):
		if long {
			whole = max(1, float64(len(parts))/fewParts)
		}
	case long:
		whole = ofOthers
	case len(toks) >= fewWords:
		whole = ofNobody
	}
	for i, p := range c.probabilities(s, text, toks) {
		if i != noneAt && c.priority[i] <= 2 {
			p = amongParts(p, whole)
		}
		out[i].P = p
	}
	for _, part := range parts {
		in := toks[part[0]:part[1]]
		if len(in) == len(toks) || len(in) < 2 || isHollow(in) {
			continue
		}
		start, end := in[0].start, in[len(in)-1].end
		chances := max(1, float64(len(parts))/fewParts)
		if len(text) >= longText && !speaksOfSelf(in) {
			chances = float64(len(parts) * ofOthers)
		}
		chances = max(chances, whole)
		for i, p := range c.probabilities(s, text, in) {
			if i != noneAt {
				p = amongParts(p, chances)
			}
			if i == noneAt && p < out[i].P || i != noneAt && p > out[i].P {
				out[i].P, out[i].Start, out[i].End = p, start, end
			}
		}
	}
	slices.SortStableFunc(out, bySegment)
	return out
}

// speaksOfSelf tells whether somebody speaks of themselves, outside of what they quote.
func speaksOfSelf(toks []token) bool {
	return slices.ContainsFunc(toks, func(t token) bool { return selves[t.text] && !t.quoted })
}

// ofNobody is how much less a message of at least fewWords says about trouble that speaks of nobody in particular: most
// such are questions on how something works. Shorter ones ("account hacked") leave the writer out.
const (
	ofNobody = 4
	fewWords = 6
)

// ofOthers is how much less a part of a long text says that does not speak of the writer: it is rather a tale or an
// article than a trouble. What is said plainly is still heard ("somebody hacked the account").
const ofOthers = 10

// fewParts is how many parts a message may have before each of them says less.
const fewParts = 8

// amongParts is the probability of a topic by a part of a message, its odds divided by the chances that the message has to
// be taken for a topic by one of its parts. Over public messages that are no desk's matter this halves the false alarms of
// long ones; trouble at the end of a polite message is heard as before.
func amongParts(p, chances float64) float64 { return p / (p + chances*(1-p)) }

// bySegment orders credible topics by urgency, then everything by probability.
func bySegment(a, b Score) int {
	ca, cb := a.P >= Credible(a.Priority) && a.Topic != None, b.P >= Credible(b.Priority) && b.Topic != None
	switch {
	case ca != cb && ca:
		return -1
	case ca != cb:
		return 1
	case ca && a.Priority != b.Priority:
		return a.Priority - b.Priority
	}
	return byProbability(a, b)
}
