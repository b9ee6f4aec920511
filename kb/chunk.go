package kb

import (
	"bytes"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/yuin/goldmark/ast"
	extast "github.com/yuin/goldmark/extension/ast"
)

// The sizes of passages, in characters of plain text. A passage must fit into the window of a small embedding model
// (512 tokens, about 1,800 characters of English) and must be worth quoting by itself.
const (
	passageMost  = 1800
	passageLeast = 80
)

// Chunk cuts a document into passages: one for the lead above the first heading and one for each section under a
// heading of level 1 to 3; deeper headings stay within their section. Sections longer than passageMost are cut between
// blocks, and where a single list or table is longer than that, between its items or rows, with the table's header
// repeated. A short subsection joins its neighbour under the same heading, and a short introduction joins the
// subsection below it. Every word of the article is in one passage only, as text or as a heading of its path; raw HTML
// is kept in a passage's Markdown and has no words.
func Chunk(d Document) []Passage {
	src := []byte(d.Markdown)
	c := chunker{src: src}
	root := parseMarkdown(src)
	c.collect(root)
	var passages []Passage
	for _, s := range joinSmall(c.sections) {
		for _, units := range pack(s.units) {
			p := Passage{Ordinal: len(passages), Headings: s.path, Anchor: s.anchor, Text: unitsText(units), Markdown: c.markdown(units)}
			if p.Text == "" && len(p.Headings) == 0 {
				continue // an article without a word
			}
			p.Hash = embeddingHash(d.Collection, d.Title, p.Headings, p.Text)
			passages = append(passages, p)
		}
	}
	return passages
}

// unit is what a passage is made of: a block, or one item or row of a long list or table.
type unit struct {
	markdown string
	lines    []string // plain text
	header   string   // the table header in Markdown, for a row that does not stand below it
	leads    bool     // introduces what follows: a heading, or a paragraph that ends with a colon
}

func (u unit) size() int { return linesSize(u.lines) }

func linesSize(lines []string) int {
	n := 0
	for _, l := range lines {
		n += utf8.RuneCountInString(l) + 1
	}
	return n
}

func unitsSize(units []unit) int {
	n := 0
	for _, u := range units {
		n += u.size()
	}
	return n
}

func unitsText(units []unit) string {
	var lines []string
	for _, u := range units {
		lines = append(lines, u.lines...)
	}
	return strings.Join(lines, "\n")
}

// section is a heading with the blocks below it.
type section struct {
	path     []string // headings from the outermost
	anchor   string
	headings []unit // the heading's own line, for when the section joins another, after those of empty sections above
	units    []unit
}

func (s section) parent() []string { return s.path[:max(0, len(s.path)-1)] }

type chunker struct {
	src         []byte
	sections    []section
	definitions []definition
}

// definition is a link reference definition, which a passage elsewhere may need.
type definition struct{ label, markdown string }

// collect cuts the document into sections.
func (c *chunker) collect(root ast.Node) {
	names := map[*ast.Heading]Heading{}
	anchors(root, c.src, func(n *ast.Heading, h Heading) { names[n] = h })
	type level struct {
		level int
		text  string
	}
	var stack []level
	c.sections = []section{{}}
	for n := root.FirstChild(); n != nil; n = n.NextSibling() {
		start, end := c.lineStart(n), len(c.src)
		if n.PreviousSibling() == nil {
			start = 0
		}
		if next := n.NextSibling(); next != nil {
			end = c.lineStart(next)
		}
		h, ok := n.(*ast.Heading)
		if !ok || h.Level > 3 {
			cur := &c.sections[len(c.sections)-1]
			cur.units = append(cur.units, c.units(n, start, end)...)
			continue
		}
		for len(stack) > 0 && stack[len(stack)-1].level >= h.Level {
			stack = stack[:len(stack)-1]
		}
		stack = append(stack, level{h.Level, names[h].Text})
		s := section{anchor: names[h].Anchor, headings: []unit{{markdown: string(c.src[start:end]), lines: blockText(h, c.src), leads: true}}}
		for _, l := range stack {
			s.path = append(s.path, l.text)
		}
		c.sections = append(c.sections, s)
	}
}

// lineStart returns where the first line of a top-level block, or of a child of one, starts.
func (c *chunker) lineStart(n ast.Node) int {
	for n.Pos() < 0 { // a block without a place of its own counts to the next
		if n = n.NextSibling(); n == nil {
			return len(c.src)
		}
	}
	return bytes.LastIndexByte(c.src[:n.Pos()], '\n') + 1
}

// units returns a block as one unit, or the parts of a list or table that is too long to stand whole.
func (c *chunker) units(n ast.Node, start, end int) []unit {
	whole := unit{markdown: string(c.src[start:end]), lines: blockText(n, c.src)}
	switch n := n.(type) {
	case *ast.Heading:
		whole.leads = true
	case *ast.Paragraph:
		whole.leads = len(whole.lines) > 0 && strings.HasSuffix(whole.lines[0], ":")
	case *ast.LinkReferenceDefinition:
		c.definitions = append(c.definitions, definition{strings.ToLower(string(n.Label)), strings.TrimSpace(whole.markdown)})
	case *ast.List:
		if whole.size() > passageMost {
			i := -1
			return c.parts(n, n.FirstChild(), start, end, func(item ast.Node) unit {
				i++
				return unit{lines: itemText(n, i, item, c.src)}
			})
		}
	case *extast.Table:
		if whole.size() > passageMost && n.ChildCount() > 2 {
			first := n.FirstChild().NextSibling()
			columns := cellTexts(n.FirstChild(), c.src)
			header := string(c.src[start:c.lineStart(first)])
			return c.parts(n, first, start, end, func(row ast.Node) unit {
				u := unit{header: header}
				if s := rowText(columns, cellTexts(row, c.src)); s != "" {
					u.lines = []string{s}
				}
				return u
			})
		}
	}
	return []unit{whole}
}

// parts cuts the block n, at [start, end) in the source, in front of each child after first.
func (c *chunker) parts(n, first ast.Node, start, end int, part func(ast.Node) unit) []unit {
	var units []unit
	for child := first; child != nil; child = child.NextSibling() {
		stop := end
		if next := child.NextSibling(); next != nil {
			stop = c.lineStart(next)
		}
		u := part(child)
		u.markdown = string(c.src[start:stop])
		if child == first {
			u.header = "" // it stands below the header already
		}
		units, start = append(units, u), stop
	}
	return units
}

// joinSmall joins sections that are too short to stand alone with a neighbour they belong to.
func joinSmall(sections []section) []section {
	var out []section
	for i, s := range sections {
		if len(s.path) == 0 && len(s.units) == 0 {
			continue
		}
		size := unitsSize(s.units)
		followed := i+1 < len(sections) && len(sections[i+1].path) > len(s.path) // by a subsection of its own
		if len(out) > 0 {
			last := &out[len(out)-1]
			lastSize := unitsSize(last.units)
			introduces := len(last.path) > 0 && slices.Equal(last.path, s.parent())
			sibling := len(s.path) > 1 && len(last.path) > 0 && slices.Equal(last.parent(), s.parent())
			switch {
			case lastSize == 0 && introduces:
				s.headings = slices.Concat(last.headings, s.headings)
				s.units = slices.Concat(last.units, s.units)
				*last = s
				continue
			case lastSize == 0: // a heading without text, or markup without words, goes with what follows
				s.units = slices.Concat(last.headings, last.units, s.units)
				*last = s
				continue
			case introduces && lastSize < passageLeast:
				s.units = slices.Concat(last.units, s.units)
				*last = s
				continue
			case followed:
			case size == 0, size < passageLeast && (introduces || sibling) && lastSize+size <= passageMost:
				last.units = slices.Concat(last.units, s.headings, s.units)
				continue
			}
		}
		out = append(out, s)
	}
	return out
}

// pack spreads units over passages of at most passageMost characters, as long as each unit is not longer by itself.
func pack(units []unit) [][]unit {
	var out [][]unit
	var cur []unit
	for i, u := range units {
		rest := unitsSize(units[i:])
		if size := unitsSize(cur); size > 0 && size+u.size() > passageMost && rest >= passageLeast {
			// What introduces the next unit goes with it.
			cut := len(cur)
			for cut > 0 && cur[cut-1].leads {
				cut--
			}
			if cut > 0 {
				out = append(out, cur[:cut:cut])
				cur = slices.Clone(cur[cut:])
			}
		}
		cur = append(cur, u)
	}
	if len(cur) > 0 {
		out = append(out, cur)
	}
	if len(out) == 0 {
		out = append(out, nil)
	}
	return out
}

// markdown returns the source of a passage's units, with the table header that its first row needs and the link
// definitions that it names but does not hold.
func (c *chunker) markdown(units []unit) string {
	var b strings.Builder
	for i, u := range units {
		if i == 0 {
			b.WriteString(u.header)
		}
		b.WriteString(u.markdown)
		if !strings.HasSuffix(u.markdown, "\n") {
			b.WriteByte('\n')
		}
	}
	md := trimBlankLines(b.String())
	lower := strings.ToLower(md)
	for _, d := range c.definitions {
		if strings.Contains(lower, "["+d.label+"]") && !strings.Contains(md, d.markdown) {
			md += "\n\n" + d.markdown
		}
	}
	return md
}

// trimBlankLines removes blank lines at both ends, but not the indentation of the first line with text.
func trimBlankLines(s string) string {
	for {
		line, rest, ok := strings.Cut(s, "\n")
		if !ok || strings.TrimSpace(line) != "" {
			break
		}
		s = rest
	}
	return strings.TrimRight(s, " \t\n")
}
