package assistant

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/firstline/firstline/internal/chat"
	"github.com/firstline/firstline/retrieval"
	"github.com/firstline/firstline/retrieval/analysis"
)

// The measure of a quotation, set by eye: a chat window shows some 900 characters without scrolling, and a table of six
// rows is taken in at a glance.
const (
	quoteMost      = 900             // characters; steps may take more, because half of them are worth nothing
	quoteWhole     = quoteMost + 100 // cutting less than this off a section saves nobody anything
	quoteShortMost = 450             // characters of what an article says in short, above its first heading
	quoteLeadMost  = 300             // characters of a first paragraph that is kept whatever else is left out
	quoteRowsMost  = 6               // rows of a table above which only those that the question is about are shown
)

// quotation is what is quoted of a passage.
type quotation struct {
	markdown string
	text     string // the same without marks, for the citation
	part     bool   // something of the section was left out
}

// quote answers with the best section of the best article, in the language that it is written in: what of it is for
// this customer's market and this question, and never half of a list of steps. What the article says in short before its
// first heading comes first: it answers most questions by itself, and tells at once whether the article is the right one.
func (a *Assistant) quote(t *turn) {
	d := t.decision
	found := askedFirst(t.passages, d.Question)
	p := found[0]
	q := quoteSection(p, d.Question, t.Conversation.Market)
	c := citation(1, p, t.Conversation)
	c.Quote = shorten(q.text)
	lead := leadOf(p)
	short := quoteSection(lead, d.Question, t.Conversation.Market)
	if short.text == "" || utf8.RuneCountInString(short.text) > quoteShortMost || strings.Contains(q.text, short.text) {
		t.answer.text = q.around(p, c.URL, d.Language) + neighbours(found, t.Conversation.Market, d.Language)
		t.answer.citations = []chat.Citation{c}
		return
	}
	first := citation(1, lead, t.Conversation)
	first.Quote = shorten(short.text)
	c.N = 2
	t.answer.text = q.after(short, p, c.URL, d.Language) + neighbours(found, t.Conversation.Market, d.Language)
	t.answer.citations = []chat.Citation{first, c}
}

// askedFirst returns the passages with the section first whose own heading is what was asked, word for word but for words
// without a meaning, where the best article has such a section: a section below it, which inherits the heading, is found
// as easily. The passages themselves stay in their order.
func askedFirst(found []retrieval.Passage, question string) []retrieval.Passage {
	locale := found[0].Locale
	asked := questionTerms(question, locale)
	said := words(question)
	best, most := 0, 0.0
	for i, p := range found {
		if p.VersionID != found[0].VersionID || len(p.Headings) == 0 {
			continue
		}
		own := p.Headings[len(p.Headings)-1]
		if len(asked) == 0 || !maps.Equal(asked, questionTerms(own, locale)) {
			continue
		}
		if o := overlap(said, words(own)); o > most { // "until when" and "how" are without a meaning to a search
			best, most = i, o
		}
	}
	if best == 0 {
		return found
	}
	return slices.Concat(found[best:best+1], found[:best], found[best+1:])
}

// neighboursMost is how many other sections of the quoted article are named.
const neighboursMost = 3

// neighbours names the other sections of the quoted article that were found, with the way to each: the article is right
// more often than the section.
func neighbours(found []retrieval.Passage, market, language string) string {
	var links []string
	for _, p := range found[1:] {
		if p.VersionID == found[0].VersionID && p.Anchor != "" && p.Anchor != found[0].Anchor && len(p.Headings) > 0 && len(links) < neighboursMost {
			links = append(links, fmt.Sprintf("- [%s](%s)", p.Headings[len(p.Headings)-1], helpURL(p.Slug, p.Anchor, p, market)))
		}
	}
	if len(links) == 0 {
		return ""
	}
	return "\n\n" + text(language, "also_here") + "\n" + strings.Join(links, "\n")
}

// leadOf is what stands above the first heading of a passage's article; without a word where there is nothing or the
// passage is that.
func leadOf(p retrieval.Passage) retrieval.Passage {
	p.Markdown, p.Text, p.Lead, p.Headings, p.Anchor = p.Lead, p.Lead, "", nil, ""
	return p
}

// after puts a quotation behind what its article says in short.
func (q quotation) after(short quotation, p retrieval.Passage, url, language string) string {
	whole := quotation{markdown: short.markdown}
	head := p
	head.Headings = nil
	quoted := whole.around(head, url, language) + "\n\n**" + strings.Join(p.Headings, " › ") + "**\n\n" + q.markdown
	return q.ending(quoted, url, language, 2)
}

// ending adds the way to the whole section, where something was left out, and the number of the citation.
func (q quotation) ending(quoted, url, language string, n int) string {
	if q.part {
		quoted += fmt.Sprintf("\n\n[%s](%s)", text(language, "whole_section"), url)
	}
	return fmt.Sprintf("%s\n\n[%d]", quoted, n)
}

// around puts a quotation between the article's name and the way to the whole section.
func (q quotation) around(p retrieval.Passage, url, language string) string {
	title := p.Title
	if len(p.Headings) > 0 {
		title += " › " + strings.Join(p.Headings, " › ")
	}
	var sb strings.Builder
	fmt.Fprintf(&sb, text(language, "from_article"), title)
	if written := analysis.Language(p.Locale); written != analysis.Language(language) {
		note := "other_language"
		if written != "en" {
			note = "not_in_language"
		}
		sb.WriteString(" " + text(language, note))
	}
	sb.WriteString("\n\n" + q.markdown)
	return q.ending(sb.String(), url, language, 1)
}

// helpURL is the address of an article as a customer of the market reads it.
func helpURL(slug, anchor string, p retrieval.Passage, market string) string {
	url := "/help/" + slug + "?locale=" + p.Locale + "&market=" + market
	if p.Audience != "consumer" && p.Audience != "" {
		url += "&audience=" + p.Audience
	}
	if anchor != "" {
		url += "#" + anchor
	}
	return url
}

// quoteSection chooses what of a passage to quote. Columns and rows of a table that are for other markets go, unless the
// question names the market. What is too long is cut between blocks: the part that holds most of the question's words
// stays, with what introduces it and as many neighbours as fit. A numbered list stays whole.
func quoteSection(p retrieval.Passage, question, market string) quotation {
	var q quotation
	var groups [][]block
	var definitions []block
	terms := questionTerms(question, p.Locale)
	special := maps.Clone(terms) // without what the whole section is about, which sets no row apart
	for about := range questionTerms(p.Title+"\n"+strings.Join(p.Headings, "\n"), p.Locale) {
		delete(special, about)
	}
	named := countriesIn(question)
	for _, b := range blocksOf(p.Markdown) {
		switch b.kind {
		case definition:
			definitions = append(definitions, b)
			continue
		case table:
			if tells(b, named) { // else the reader sees in the whole table that the country is not in it
				var part bool
				b, part = forMarkets(b, append(named, market))
				q.part = q.part || part
			}
		}
		if n := len(groups); n > 0 && belongs(groups[n-1], b) {
			groups[n-1] = append(groups[n-1], b)
			continue
		}
		groups = append(groups, []block{b})
	}
	groups = joinSteps(groups)
	long := size(slices.Concat(groups...)) > quoteWhole
	for _, g := range groups {
		for i, b := range g {
			if b.kind == table && (len(b.lines)-2 > quoteRowsMost || long && size(g[i:i+1]) > quoteMost/2) {
				var part bool
				g[i], part = aboutTerms(b, special, p.Locale)
				q.part = q.part || part
			}
		}
	}
	kept := chooseGroups(groups, terms, p.Locale)
	last := -1
	var out, plain []string
	for _, k := range kept {
		if k > last+1 {
			q.part = true
			if last >= 0 {
				out = append(out, "…")
			}
		}
		for _, b := range groups[k] {
			out = append(out, linked(b, p, market))
			plain = append(plain, b.plainText())
		}
		last = k
	}
	q.part = q.part || last < len(groups)-1
	for _, b := range definitions {
		out = append(out, linked(b, p, market))
	}
	q.markdown, q.text = strings.Join(out, "\n\n"), strings.Join(plain, "\n")
	return q
}

func size(bs []block) int {
	n := 0
	for _, b := range bs {
		n += utf8.RuneCountInString(b.markdown()) + 2
	}
	return n
}

// belongs reports whether a block must stand with the ones before it: a list with the sentence that introduces it, and
// whatever follows a heading or a colon.
func belongs(g []block, b block) bool {
	before := g[len(g)-1]
	return before.leads() || before.kind == paragraph && (b.kind == stepList || b.kind == bulletList)
}

// joinSteps puts steps that a remark interrupts back together: a list that does not begin with 1 goes on.
func joinSteps(groups [][]block) [][]block {
	var out [][]block
	for _, g := range groups {
		out = append(out, g)
		at := slices.IndexFunc(g, func(b block) bool { return b.kind == stepList })
		if at < 0 || aStep.FindStringSubmatch(g[at].lines[0])[1] == "1" {
			continue
		}
		for from := len(out) - 2; from >= 0; from-- {
			if slices.ContainsFunc(out[from], func(b block) bool { return b.kind == stepList }) {
				out = append(out[:from], slices.Concat(out[from:]...))
				break
			}
		}
	}
	return out
}

// tells reports whether a table says something of every country that was named, or nothing of any.
func tells(b block, named []string) bool {
	told := map[string]bool{}
	for _, c := range append(cells(b.lines[0]), marketColumn(b)...) {
		for _, m := range marketsIn(c) {
			told[m] = true
		}
	}
	return len(told) == 0 || !slices.ContainsFunc(named, func(m string) bool { return !told[m] })
}

// forMarkets leaves of a table the columns and rows that are for one of the markets or for none in particular, and
// reports whether it left anything out. A table that has nothing for them stays whole: the reader sees that.
func forMarkets(b block, markets []string) (block, bool) {
	ours := func(of []string) bool {
		return slices.ContainsFunc(of, func(m string) bool { return slices.Contains(markets, m) })
	}
	// keep reports which cells stay, where some are for these markets and others are for others only.
	keep := func(cells []string) []bool {
		kept, some := make([]bool, len(cells)), false
		for i, c := range cells {
			of := marketsIn(c)
			kept[i] = len(of) == 0 || ours(of)
			some = some || ours(of)
		}
		if !some {
			for i := range kept {
				kept[i] = true
			}
		}
		return kept
	}
	columns := keep(cells(b.lines[0]))
	rows := keep(marketColumn(b))
	if !slices.Contains(columns, false) && !slices.Contains(rows, false) {
		return b, false
	}
	out := block{kind: table}
	for i, l := range b.lines {
		if i >= 2 && !rows[i-2] {
			continue
		}
		var left []string
		blank := true
		for k, c := range cells(l) {
			if k >= len(columns) || columns[k] {
				left = append(left, c)
				blank = blank && (k == 0 || c == "")
			}
		}
		if i >= 2 && blank && len(left) > 1 { // a row of which only its label is left says nothing here
			continue
		}
		out.lines = append(out.lines, row(left))
	}
	if len(out.lines) == 2 {
		return b, false
	}
	return out, true
}

// marketColumn returns the cells that say which markets the rows of a table are for: the column that says so most often,
// in at least half of the rows, or else the first.
func marketColumn(b block) []string {
	body := make([][]string, len(b.lines)-2)
	for i, l := range b.lines[2:] {
		body[i] = cells(l)
	}
	column := func(k int) (out []string, named int) {
		for _, r := range body {
			c := ""
			if k < len(r) {
				c = r[k]
			}
			if len(marketsIn(c)) > 0 {
				named++
			}
			out = append(out, c)
		}
		return out, named
	}
	best, most := column(0)
	for k := 1; k < len(cells(b.lines[0])); k++ {
		if c, n := column(k); n > most && 2*n >= len(body) {
			best, most = c, n
		}
	}
	return best
}

// aboutTerms leaves of a long table the rows that the question is about, and reports whether it left any out. A term
// counts the more the fewer rows have it, and twice in the row's label. Where no row stands out, the table stays whole.
func aboutTerms(b block, terms map[string]bool, locale string) (block, bool) {
	body := b.lines[2:]
	has := make([]map[string]int, len(body))
	in := map[string]int{}
	for i, l := range body {
		has[i] = map[string]int{}
		for k, c := range cells(l) {
			weight := 1
			if k == 0 {
				weight = 2
			}
			for s := range questionTerms(c, locale) {
				if terms[s] {
					has[i][s] = max(has[i][s], weight)
				}
			}
		}
		for s := range has[i] {
			in[s]++
		}
	}
	scores, best := make([]float64, len(body)), 0.0
	for i := range has {
		for s, weight := range has[i] {
			if in[s] <= (len(body)+1)/2 {
				scores[i] += float64(weight) / float64(in[s])
			}
		}
		best = max(best, scores[i])
	}
	out := block{kind: table, lines: slices.Clone(b.lines[:2])}
	for i, l := range body {
		if scores[i] >= best/2 {
			out.lines = append(out.lines, l)
		}
	}
	return out, len(out.lines) < len(b.lines)
}

// chooseGroups returns which groups are quoted, ascending.
func chooseGroups(groups [][]block, terms map[string]bool, locale string) []int {
	if size(slices.Concat(groups...)) <= quoteWhole {
		kept := make([]int, len(groups))
		for i := range kept {
			kept[i] = i
		}
		return kept
	}
	best, most := 0, 0
	for i, g := range groups {
		held := map[string]bool{}
		for _, b := range g {
			for s := range questionTerms(b.plainText(), locale) {
				if terms[s] {
					held[s] = true
				}
			}
		}
		if len(held) > most {
			best, most = i, len(held)
		}
	}
	kept, used := []int{best}, size(groups[best])
	if n := size(groups[0]); best > 0 && n <= quoteLeadMost {
		kept, used = append(kept, 0), used+n
	}
	for lo, hi := best-1, best+1; lo >= 0 || hi < len(groups); {
		switch { // what follows explains more often than what stands before
		case hi < len(groups) && used+size(groups[hi]) <= quoteMost:
			kept, used, hi = append(kept, hi), used+size(groups[hi]), hi+1
		case lo >= 0 && slices.Contains(kept, lo):
			lo--
		case lo >= 0 && used+size(groups[lo]) <= quoteMost:
			kept, used, lo = append(kept, lo), used+size(groups[lo]), lo-1
		default:
			lo, hi = -1, len(groups)
		}
	}
	slices.Sort(kept)
	return kept
}

// questionTerms returns the stems of a text's words, without stop words.
func questionTerms(s, locale string) map[string]bool {
	terms := map[string]bool{}
	analysis.For(locale).Words(s, func(w analysis.Word) {
		if w.Stem != "" {
			terms[w.Stem] = true
		}
	})
	return terms
}

// helpLink is a link to an article in Markdown, inline or in a definition, that says neither language nor market.
var helpLink = regexp.MustCompile(`(\]\(|\]:\s+)/help/([a-z0-9-]+)(#[^)\s"]*)?([)\s"]|$)`)

// linked is a block with its links to articles leading where the customer may read them.
func linked(b block, p retrieval.Passage, market string) string {
	if b.kind == code {
		return b.markdown()
	}
	return helpLink.ReplaceAllStringFunc(b.markdown(), func(s string) string {
		m := helpLink.FindStringSubmatch(s)
		return m[1] + helpURL(m[2], strings.TrimPrefix(m[3], "#"), p, market) + m[4]
	})
}

// shorten cuts a text to what a citation shows.
func shorten(s string) string {
	quote := []rune(s)
	if len(quote) > quoteRunes {
		quote = append(quote[:quoteRunes], '…')
	}
	return string(quote)
}
