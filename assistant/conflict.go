package assistant

import (
	"fmt"
	"strings"

	"github.com/firstline/firstline/assistant/ground"
	"github.com/firstline/firstline/internal/recent"
	"github.com/firstline/firstline/retrieval"
	"github.com/firstline/firstline/retrieval/analysis"
)

// conflictNear is the share of the best passage's score from which on another one counts as an answer too. What lies
// below would not have been quoted, whatever it says.
const conflictNear = 0.5

// conflictsIn looks for an article among those found that contradicts the one that would be quoted: another value of the
// same thing, or "not" where the other has none. It returns what disagrees, for the agent; "" for nothing. Passages of one
// article do not contradict each other here, and what is said of other markets counts for nothing.
func conflictsIn(passages []retrieval.Passage, market string) string {
	if len(passages) < 2 {
		return ""
	}
	best := &passages[0]
	var own []*ground.Statements
	for i := range passages {
		p := &passages[i]
		switch {
		case p.ArticleID == best.ArticleID && p.Slug == best.Slug && p.Variant == best.Variant:
			if i == 0 { // what is quoted; the other sections are not at stake
				own = append(own, statements(p, market))
			}
			continue
		case p.Audience != best.Audience, analysis.Language(p.Locale) != analysis.Language(best.Locale), p.Score < conflictNear*best.Score:
			continue
		}
		theirs := statements(p, market)
		for _, s := range own {
			if c, ok := ground.Disagree(s, theirs); ok {
				return fmt.Sprintf("%s says “%s”, and %s says “%s”.", best.Slug, clipped(c.A), p.Slug, clipped(c.B))
			}
		}
	}
	return ""
}

// readKey names what statements were read from: the text itself, so that another version is another entry.
type readKey struct{ title, headings, markdown, market string }

// readings keeps statements between turns, some thousands of passages': the same few hundred answer most questions, and
// reading one takes longer than comparing two.
var readings = recent.New[readKey, *ground.Statements](16 << 20)

// statements returns what a passage says for a market.
func statements(p *retrieval.Passage, market string) *ground.Statements {
	key := readKey{p.Title, strings.Join(p.Headings, " "), p.Markdown, market}
	s, ok := readings.Get(key)
	if !ok {
		s = readStatements(p, market)
		readings.Put(key, s, s.Bytes()+len(key.title)+len(key.headings)+len(key.markdown))
	}
	return s
}

// readStatements reads a passage: its tables for the market only, and no sentence that is about another one.
func readStatements(p *retrieval.Passage, market string) *ground.Statements {
	markets := []string{market}
	var text []string
	for _, b := range blocksOf(p.Markdown) {
		switch b.kind {
		case code, heading, definition:
			continue
		case table:
			b, _ = forMarkets(b, markets)
		case paragraph:
			text = append(text, b.plainText(), "")
			continue
		}
		text = append(text, b.plainText())
	}
	return ground.Read(ground.Source{Title: p.Title + " " + strings.Join(p.Headings, " "), Text: strings.Join(text, "\n")}, func(line string) bool {
		of := marketsIn(line)
		return len(of) == 0 || len(of) == 1 && of[0] == market
	})
}

// clipped is a statement short enough to stand in an explanation.
func clipped(s string) string {
	const most = 160
	s = strings.TrimRight(strings.TrimSpace(s), ".")
	if r := []rune(s); len(r) > most {
		return string(r[:most]) + "…"
	}
	return s
}
