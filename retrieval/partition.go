package retrieval

import (
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/firstline/firstline/retrieval/analysis"
	"github.com/google/uuid"
)

// document is what the lexical index knows of a published version of an article.
type document struct {
	Version, Article uuid.UUID
	Revision         int64
	Locale, Audience string
	Markets          []string // none: every market
	Excluded         bool     // not for the assistant
	ValidTo          *time.Time
	Title            string
	Description      string
	Questions        map[string][]string // how customers ask for it, by language
	Passages         []section
}

// section is a passage of a document.
type section struct {
	ID       int64
	Headings []string
	Anchor   string
	Text     string
}

// partition is the lexical index of one language: four fields over whole articles, and for each passage the words it
// has, because an article is found by all that it says and then quoted by the section that says it best.
type partition struct {
	analyzer   *analysis.Analyzer
	tuning     tuning
	words      *field // everything that the article says, title included
	titles     *field
	grams      *field // character n-grams of the same
	titleGrams *field
	entries    []entry  // by slot
	kinds      []uint32 // by slot, see kind; noKind where a slot is not in use. Beside the entries because a search reads them all
	free       []uint32
	vocabulary vocabulary
	ways       asks
}

// entry is a document in the index. A slot that is not in use has no sections.
type entry struct {
	version, article uuid.UUID
	sections         []indexedSection
	entered          [4][]uint32 // the lists that the document stands in, for each field
	title            []uint32    // lists of the words field that the title's words have
	lead             running     // title, description and questions
	surfaces         []string    // distinct words as written, for the vocabulary
	asks             []uint32    // places of the questions that customers ask it with
}

// indexedSection is a passage by its words: numbers of lists of the words field, ascending, with how often each occurs.
type indexedSection struct {
	id      int64
	terms   []sectionTerm
	text    running  // heading and text
	heading []uint32 // lists of the heading's distinct words; of the title's for what stands before the first heading

	wide []sectionTerm // terms, and the words of the questions that customers ask of this section
}

type sectionTerm struct {
	list  uint32
	times float32
}

func newPartition(a *analysis.Analyzer, t tuning) *partition {
	return &partition{
		analyzer: a, tuning: t,
		words: newField(t.K1, t.B), titles: newField(t.K1, t.B),
		grams: newField(t.K1, t.B), titleGrams: newField(t.K1, t.B),
		vocabulary: newVocabulary(),
	}
}

// analysed is a text as the four fields count it.
type analysed struct {
	words, grams     counts
	length, gramSize int
}

func newAnalysed() *analysed { return &analysed{words: counts{}, grams: counts{}} }

// count analyses a text into a, and hands each counted term to each.
func (p *partition) count(a *analysed, text string, surfaces map[string]struct{}, each func(term uint64)) {
	p.analyzer.Tokens(text, func(surface string, pair bool) {
		w, known := p.vocabulary.words[surface]
		if !known {
			w = p.vocabulary.analyse(p.analyzer, surface, pair)
		}
		if w.term == 0 {
			return
		}
		if surfaces != nil {
			if _, ok := surfaces[surface]; !ok {
				surface = strings.Clone(surface) // not a part of the whole text, which would then stay in memory
				surfaces[surface] = struct{}{}
				p.vocabulary.add(surface, w)
			}
		}
		a.words[w.term]++
		a.length++
		for _, g := range w.grams {
			a.grams[g]++
		}
		a.gramSize += len(w.grams)
		if each != nil {
			each(w.term)
		}
	})
}

// countSentences counts a text sentence by sentence and adds to order the terms that it counted, 0 after each sentence.
func (p *partition) countSentences(a *analysed, text string, surfaces map[string]struct{}, order []uint64, each func(term uint64)) []uint64 {
	sentences(text, func(s string) {
		before := len(order)
		p.count(a, s, surfaces, func(term uint64) {
			order = append(order, term)
			if each != nil {
				each(term)
			}
		})
		if len(order) > before {
			order = append(order, 0)
		}
	})
	return order
}

// running returns terms that were entered as their lists. They are as many as the terms, so that nothing is left over.
func (p *partition) running(order []uint64) running {
	text := make(running, len(order))
	for i, term := range order {
		text[i] = fullStop
		if term != 0 {
			text[i], _ = p.words.find(term)
		}
	}
	return text
}

// slot returns a slot that is free.
func (p *partition) slot() uint32 {
	if n := len(p.free); n > 0 {
		slot := p.free[n-1]
		p.free = p.free[:n-1]
		return slot
	}
	p.entries, p.kinds = append(p.entries, entry{}), append(p.kinds, noKind)
	return uint32(len(p.entries) - 1)
}

// enter puts analysed text into the four fields under a slot.
func (p *partition) enter(slot uint32, e *entry, title, whole *analysed, surfaces map[string]struct{}) {
	e.entered[0] = p.words.add(slot, whole.words, whole.length)
	e.entered[1] = p.titles.add(slot, title.words, title.length)
	e.entered[2] = p.grams.add(slot, whole.grams, whole.gramSize)
	e.entered[3] = p.titleGrams.add(slot, title.grams, title.gramSize)
	e.surfaces = make([]string, 0, len(surfaces))
	for s := range surfaces {
		e.surfaces = append(e.surfaces, s)
	}
}

// addQuestions enters a document of another language by the questions that it has in this one, and returns its slot.
// Its passages have no words here: which of them comes first is left to the vectors.
func (p *partition) addQuestions(d *document, questions []string, kind uint32) uint32 {
	slot := p.slot()
	e := entry{version: d.Version, article: d.Article, sections: make([]indexedSection, len(d.Passages))}
	for i, s := range d.Passages {
		e.sections[i].id = s.ID
	}
	surfaces := map[string]struct{}{}
	whole := newAnalysed()
	of, wide, texts := questionsOf(d.Passages, questions), make([]counts, len(d.Passages)), make([][]uint64, len(d.Passages))
	lead := p.countSentences(whole, of[len(d.Passages)], surfaces, nil, nil)
	for i := range d.Passages {
		wide[i] = counts{}
		texts[i] = p.countSentences(whole, of[i], surfaces, nil, func(term uint64) { wide[i][term]++ })
	}
	p.enter(slot, &e, newAnalysed(), whole, surfaces)
	for i := range e.sections {
		e.sections[i].wide, e.sections[i].text = p.sectionTerms(wide[i]), p.running(texts[i])
	}
	e.asks, e.lead = p.addAsks(slot, d.Passages, questions), p.running(lead)
	p.entries[slot], p.kinds[slot] = e, kind
	return slot
}

// add enters a document under a kind and returns its slot.
func (p *partition) add(d *document, kind uint32) uint32 {
	slot := p.slot()
	e := entry{version: d.Version, article: d.Article}

	surfaces := map[string]struct{}{}
	title, whole := newAnalysed(), newAnalysed()
	lead := p.countSentences(title, d.Title, surfaces, nil, nil)
	for term, n := range title.words {
		whole.words[term] += n
	}
	for gram, n := range title.grams {
		whole.grams[gram] += n
	}
	whole.length, whole.gramSize = title.length, title.gramSize
	lead = p.countSentences(whole, d.Description, surfaces, lead, nil)
	var questions []string
	for _, locale := range slices.Sorted(maps.Keys(d.Questions)) {
		if analysis.Language(locale) == analysis.Language(d.Locale) {
			questions = append(questions, d.Questions[locale]...)
		}
	}
	of := questionsOf(d.Passages, questions)
	lead = p.countSentences(whole, of[len(d.Passages)], surfaces, lead, nil)
	texts := make([][]uint64, len(d.Passages))
	perSection, headings := make([]counts, len(d.Passages)), make([]*analysed, len(d.Passages))
	wide := make([]counts, len(d.Passages))
	heading := ""
	for i, s := range d.Passages {
		c := counts{}
		perSection[i] = c
		own := ""
		if n := len(s.Headings); n > 0 {
			own = s.Headings[n-1]
		}
		headings[i] = title
		if own == "" { // what comes before the first heading stands under the title
			for term := range title.words {
				c[term] += 2
			}
		}
		if own != "" { // a heading speaks for its section twice; for the article once, however long sections are split
			into := whole
			if own == heading {
				into = newAnalysed()
			}
			headings[i] = newAnalysed()
			texts[i] = p.countSentences(into, own, surfaces, nil, func(term uint64) {
				c[term] += 2
				headings[i].words[term]++
			})
		}
		heading = own
		texts[i] = p.countSentences(whole, s.Text, surfaces, texts[i], func(term uint64) { c[term]++ })
		wide[i] = maps.Clone(c)
		texts[i] = p.countSentences(whole, of[i], surfaces, texts[i], func(term uint64) { wide[i][term]++ })
	}

	p.enter(slot, &e, title, whole, surfaces)
	e.asks = p.addAsks(slot, d.Passages, questions)
	for term := range title.words {
		n, _ := p.words.find(term)
		e.title = append(e.title, n)
	}
	e.lead = p.running(lead)
	e.sections = make([]indexedSection, len(d.Passages))
	for i, s := range d.Passages {
		x := indexedSection{id: s.ID, text: p.running(texts[i]), terms: p.sectionTerms(perSection[i])}
		x.wide = x.terms
		if len(of[i]) > 0 {
			x.wide = p.sectionTerms(wide[i])
		}
		for term := range headings[i].words {
			list, _ := p.words.find(term)
			x.heading = append(x.heading, list)
		}
		slices.Sort(x.heading)
		e.sections[i] = x
	}
	p.entries[slot], p.kinds[slot] = e, kind
	return slot
}

// sectionTerms are the terms of a section by their lists, ascending.
func (p *partition) sectionTerms(c counts) []sectionTerm {
	terms := make([]sectionTerm, 0, len(c))
	for term, n := range c {
		list, _ := p.words.find(term)
		terms = append(terms, sectionTerm{list: list, times: float32(n)})
	}
	slices.SortFunc(terms, func(a, b sectionTerm) int { return int(a.list) - int(b.list) })
	return terms
}

// remove takes the document of a slot out of everything.
func (p *partition) remove(slot uint32) {
	e := &p.entries[slot]
	for i, f := range [...]*field{p.words, p.titles, p.grams, p.titleGrams} {
		f.remove(slot, e.entered[i])
	}
	for _, s := range e.surfaces {
		p.vocabulary.remove(s)
	}
	p.ways.remove(e.asks)
	p.entries[slot], p.kinds[slot] = entry{}, noKind
	p.free = append(p.free, slot)
}

// settle makes the partition ready for searching after changes.
func (p *partition) settle() {
	for _, f := range [...]*field{p.words, p.titles, p.grams, p.titleGrams} {
		f.settle()
	}
	p.words.weigh()
	p.settleAsks()
}

// times returns how often a section has the term of a list of the words field.
func (s *indexedSection) times(list uint32) float32 { return times(s.terms, list) }

func times(terms []sectionTerm, list uint32) float32 {
	i, ok := slices.BinarySearchFunc(terms, list, func(t sectionTerm, n uint32) int { return int(t.list) - int(n) })
	if !ok {
		return 0
	}
	return terms[i].times
}
