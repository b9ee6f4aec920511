package mailin

import (
	"io"
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// maxQuoteDepth bounds how deep a quote is marked; deeper ones are marked as this deep.
const maxQuoteDepth = 8

// maxPlain bounds the text that HTML gives, in bytes.
const maxPlain = 1 << 20

// htmlText is what a person reads of an HTML mail, with quotes marked by ">" as in plain ones. It reads tag by tag and keeps
// no tree, so that no nesting costs anything; nothing is fetched.
func htmlText(r io.Reader) string {
	z := html.NewTokenizer(r)
	z.SetMaxBuf(maxPlain)
	w := &writer{}
	hidden, depth, pre := 0, 0, 0
	var opened []bool // of the open block quotes: whether they count
	for w.b.Len() < maxPlain {
		switch z.Next() {
		case html.ErrorToken:
			return w.String()
		case html.TextToken:
			if hidden == 0 {
				w.text(string(z.Text()), pre > 0)
			}
		case html.StartTagToken, html.SelfClosingTagToken:
			t := z.Token()
			switch t.DataAtom {
			case atom.Script, atom.Style, atom.Head, atom.Title, atom.Noscript, atom.Template:
				if t.Type == html.StartTagToken {
					hidden++
				}
			case atom.Br:
				w.newline()
			case atom.P, atom.H1, atom.H2, atom.H3, atom.H4, atom.H5, atom.H6, atom.Table, atom.Ul, atom.Ol:
				w.block(2)
			case atom.Hr:
				w.block(1)
				w.text(strings.Repeat("_", 32), true)
				w.block(1)
			case atom.Div, atom.Tr, atom.Section, atom.Article, atom.Header, atom.Footer, atom.Address, atom.Dt, atom.Dd:
				w.block(1)
			case atom.Td, atom.Th:
				w.space()
			case atom.Li:
				w.block(1)
				w.text("- ", true)
			case atom.Pre:
				w.block(1)
				pre++
			case atom.Blockquote:
				w.block(1)
				// Only what a mail program marks is a quote of a mail; an indented paragraph is the sender's own.
				counts := attr(t, "type") == "cite" || strings.Contains(attr(t, "class"), "gmail_quote") || strings.Contains(attr(t, "class"), "quote") || attr(t, "cite") != ""
				if len(opened) < 1000 {
					opened = append(opened, counts)
					if counts {
						depth++
					}
				}
				w.quote = min(depth, maxQuoteDepth)
			}
		case html.EndTagToken:
			t := z.Token()
			switch t.DataAtom {
			case atom.Script, atom.Style, atom.Head, atom.Title, atom.Noscript, atom.Template:
				hidden = max(0, hidden-1)
			case atom.P, atom.H1, atom.H2, atom.H3, atom.H4, atom.H5, atom.H6, atom.Table, atom.Ul, atom.Ol:
				w.block(2)
			case atom.Div, atom.Tr, atom.Section, atom.Article, atom.Header, atom.Footer, atom.Address, atom.Li:
				w.block(1)
			case atom.Body: // what stands in the head never ends it twice
				hidden = 0
			case atom.Pre:
				pre = max(0, pre-1)
				w.block(1)
			case atom.Blockquote:
				if n := len(opened); n > 0 {
					if opened[n-1] {
						depth--
					}
					opened = opened[:n-1]
				}
				w.block(1)
				w.quote = min(depth, maxQuoteDepth)
			}
		}
	}
	return w.String()
}

func attr(t html.Token, key string) string {
	for _, a := range t.Attr {
		if a.Key == key {
			return strings.ToLower(a.Val)
		}
	}
	return ""
}

// writer puts text into lines: blanks run together, and blocks stand on lines of their own.
type writer struct {
	b     strings.Builder
	line  strings.Builder
	empty int // empty lines that end what was written
	want  int // lines that a block wants before what comes
	quote int
}

func (w *writer) text(s string, kept bool) {
	if kept {
		for i, l := range strings.Split(s, "\n") {
			if i > 0 {
				w.newline()
			}
			if l != "" {
				w.begin()
				w.line.WriteString(l)
			}
		}
		return
	}
	fields := strings.FieldsFunc(s, func(r rune) bool { return r == ' ' || r == '\t' || r == '\n' || r == '\r' || r == '\f' })
	if len(fields) == 0 {
		if s != "" {
			w.space()
		}
		return
	}
	if strings.ContainsAny(s[:1], " \t\r\n\f") {
		w.space()
	}
	w.begin()
	w.line.WriteString(strings.Join(fields, " "))
	if strings.ContainsAny(s[len(s)-1:], " \t\r\n\f") {
		w.space()
	}
}

func (w *writer) space() {
	if s := w.line.String(); s != "" && !strings.HasSuffix(s, " ") {
		w.line.WriteByte(' ')
	}
}

// begin writes the empty lines that a block wanted, now that something follows.
func (w *writer) begin() {
	if w.line.Len() > 0 {
		return
	}
	for w.b.Len() > 0 && w.empty < w.want-1 {
		w.flush()
	}
	w.want = 0
}

func (w *writer) newline() {
	w.want = 0
	w.flush()
}

func (w *writer) block(lines int) {
	if w.line.Len() > 0 {
		w.flush()
	}
	w.want = max(w.want, lines)
}

func (w *writer) flush() {
	s := strings.TrimRight(w.line.String(), " ")
	if s == "" {
		w.empty++
	} else {
		w.empty = 0
	}
	if w.quote > 0 {
		s = strings.TrimRight(strings.Repeat(">", w.quote)+" "+s, " ")
	}
	w.b.WriteString(s)
	w.b.WriteByte('\n')
	w.line.Reset()
}

func (w *writer) String() string {
	if w.line.Len() > 0 {
		w.flush()
	}
	return w.b.String()
}
