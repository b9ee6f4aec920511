package kb

import (
	"regexp"
	"strconv"
	"strings"
	"unicode"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	extast "github.com/yuin/goldmark/extension/ast"
	"github.com/yuin/goldmark/text"
	"github.com/yuin/goldmark/util"
)

// Heading is a heading of an article.
type Heading struct {
	Level  int    // 1 to 6
	Text   string // plain words
	Anchor string // the id of the heading on the rendered page, unique in the article
}

// markdown is GitHub Flavored Markdown. Column alignment is an attribute because a strict content security policy
// refuses style attributes.
var markdown = goldmark.New(goldmark.WithExtensions(
	extension.Strikethrough, extension.Linkify, extension.TaskList,
	extension.NewTable(extension.WithTableCellAlignMethod(extension.TableCellAlignAttribute)),
))

func parseMarkdown(src []byte) ast.Node { return markdown.Parser().Parse(text.NewReader(src)) }

// Anchors returns the headings of a Markdown text in order. The same anchors are the ids of RenderHTML's headings and
// the fragments of Chunk's passages.
func Anchors(md string) []Heading {
	src := []byte(md)
	return anchors(parseMarkdown(src), src, nil)
}

// anchors names every heading below n, and reports each to visit when that is not nil.
func anchors(n ast.Node, src []byte, visit func(*ast.Heading, Heading)) []Heading {
	var all []Heading
	used := map[string]bool{}
	_ = ast.Walk(n, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		h, ok := n.(*ast.Heading)
		if !ok || !entering {
			return ast.WalkContinue, nil
		}
		words := inlineText(h, src)
		head := Heading{Level: h.Level, Text: words, Anchor: uniqueAnchor(words, used)}
		all = append(all, head)
		if visit != nil {
			visit(h, head)
		}
		return ast.WalkContinue, nil
	})
	return all
}

// uniqueAnchor makes an anchor as GitHub does: lower case, letters, marks, digits, "_" and "-" kept in any script,
// spaces turned into "-", "-1", "-2" and so on added to one that is taken.
func uniqueAnchor(words string, used map[string]bool) string {
	base := strings.Map(func(r rune) rune {
		switch {
		case r == ' ':
			return '-'
		case r == '-' || r == '_' || unicode.IsLetter(r) || unicode.IsMark(r) || unicode.IsNumber(r):
			return unicode.ToLower(r)
		}
		return -1
	}, words)
	if base == "" {
		base = "section"
	}
	anchor := base
	for i := 1; used[anchor]; i++ {
		anchor = base + "-" + strconv.Itoa(i)
	}
	used[anchor] = true
	return anchor
}

// inlineText returns the words of a block's inline content on one line: link texts and image descriptions without
// their addresses, code without its ticks, no raw HTML.
func inlineText(n ast.Node, src []byte) string {
	var b strings.Builder
	writeInline(&b, n, src)
	return strings.Join(strings.Fields(b.String()), " ")
}

var lineBreak = regexp.MustCompile(`(?i)^<br\s*/?>$`)

func writeInline(b *strings.Builder, n ast.Node, src []byte) {
	for c := n.FirstChild(); c != nil; c = c.NextSibling() {
		switch c := c.(type) {
		case *ast.Text:
			v := c.Segment.Value(src)
			if _, code := n.(*ast.CodeSpan); !code && !c.IsRaw() {
				v = util.ResolveEntityNames(util.ResolveNumericReferences(util.UnescapePunctuations(v)))
			}
			b.Write(v)
			if c.SoftLineBreak() || c.HardLineBreak() {
				b.WriteByte(' ')
			}
		case *ast.String:
			b.Write(c.Value)
		case *ast.AutoLink:
			b.Write(c.Label(src))
		case *ast.RawHTML:
			if lineBreak.Match(rawHTML(c, src)) {
				b.WriteByte(' ')
			}
		case *extast.TaskCheckBox:
		default:
			writeInline(b, c, src)
		}
	}
}

func rawHTML(n *ast.RawHTML, src []byte) []byte {
	var v []byte
	for i := range n.Segments.Len() {
		seg := n.Segments.At(i)
		v = append(v, seg.Value(src)...)
	}
	return v
}

// blockText returns the words of a block as lines: one for each paragraph, heading, list item and table row, and those
// of code as they are. Raw HTML blocks and link definitions have none.
func blockText(n ast.Node, src []byte) []string {
	switch n := n.(type) {
	case *ast.Paragraph, *ast.TextBlock, *ast.Heading:
		if s := inlineText(n, src); s != "" {
			return []string{s}
		}
		return nil
	case *ast.CodeBlock, *ast.FencedCodeBlock:
		var out []string
		if b, ok := n.(*ast.FencedCodeBlock); ok && isGuide(b, src) {
			if g, err := ParseGuide(codeOf(b, src)); err == nil {
				return g.lines()
			}
		}
		for i := range n.Lines().Len() {
			seg := n.Lines().At(i)
			if s := strings.Join(strings.Fields(string(seg.Value(src))), " "); s != "" {
				out = append(out, s)
			}
		}
		return out
	case *ast.HTMLBlock, *ast.LinkReferenceDefinition, *ast.ThematicBreak:
		return nil
	case *extast.Table:
		return tableText(n, src)
	case *ast.List:
		var out []string
		for i, c := 0, n.FirstChild(); c != nil; i, c = i+1, c.NextSibling() {
			out = append(out, itemText(n, i, c, src)...)
		}
		return out
	}
	var out []string
	for c := n.FirstChild(); c != nil; c = c.NextSibling() {
		out = append(out, blockText(c, src)...)
	}
	return out
}

// itemText returns a list item's lines; steps keep their numbers.
func itemText(list *ast.List, i int, item ast.Node, src []byte) []string {
	var out []string
	for c := item.FirstChild(); c != nil; c = c.NextSibling() {
		out = append(out, blockText(c, src)...)
	}
	if list.IsOrdered() && len(out) > 0 {
		out[0] = strconv.Itoa(list.Start+i) + ". " + out[0]
	}
	return out
}

// tableText returns a line for each row that stands alone: "column: value; column: value".
func tableText(t *extast.Table, src []byte) []string {
	var header, out []string
	for row := t.FirstChild(); row != nil; row = row.NextSibling() {
		cells := cellTexts(row, src)
		if _, ok := row.(*extast.TableHeader); ok {
			header = cells
			continue
		}
		if s := rowText(header, cells); s != "" {
			out = append(out, s)
		}
	}
	if len(out) == 0 {
		if s := rowText(nil, header); s != "" {
			out = append(out, s)
		}
	}
	return out
}

func cellTexts(row ast.Node, src []byte) []string {
	var cells []string
	for c := row.FirstChild(); c != nil; c = c.NextSibling() {
		cells = append(cells, inlineText(c, src))
	}
	return cells
}

func rowText(header, cells []string) string {
	var parts []string
	for i, cell := range cells {
		if cell == "" {
			continue
		}
		if i < len(header) && header[i] != "" {
			cell = header[i] + ": " + cell
		}
		parts = append(parts, cell)
	}
	return strings.Join(parts, "; ")
}
