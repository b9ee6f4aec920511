package kb

import (
	"bytes"
	"strings"

	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/text"
	"github.com/yuin/goldmark/util"
)

// RenderOptions change how RenderHTML writes an article.
type RenderOptions struct {
	// HelpBase goes in front of links to other articles: "" keeps "/help/late-fees" as it is.
	HelpBase string
}

// RenderHTML returns Markdown as HTML that is safe to put into a page, and the article's headings. Raw HTML never
// passes, except that <br> stays a line break. Links survive when they are https, http, mailto, tel or without scheme
// and host; otherwise only their words do. Images survive when they are https or without scheme and host; otherwise
// only their description does. Links to other hosts get rel="noopener noreferrer". Heading ids are those of Anchors.
func RenderHTML(md string, opts RenderOptions) (html string, toc []Heading) {
	src := []byte(GuideProse(md)) // a guide is an ordered list to whoever reads the page
	root := parseMarkdown(src)
	toc = anchors(root, src, func(n *ast.Heading, h Heading) { n.SetAttributeString("id", []byte(h.Anchor)) })
	sanitize(root, src, opts)
	var b bytes.Buffer
	if err := markdown.Renderer().Render(&b, src, root); err != nil {
		panic("kb: rendering to memory failed: " + err.Error()) // a bytes.Buffer returns no errors
	}
	return b.String(), toc
}

// sanitize removes from the tree what must not reach a page.
func sanitize(n ast.Node, src []byte, opts RenderOptions) {
	for c := n.FirstChild(); c != nil; {
		next := c.NextSibling()
		switch c := c.(type) {
		case *ast.HTMLBlock:
			n.RemoveChild(n, c)
		case *ast.RawHTML:
			if lineBreak.Match(rawHTML(c, src)) {
				br := ast.NewTextSegment(text.NewSegment(0, 0))
				br.SetHardLineBreak(true)
				n.ReplaceChild(n, c, br)
			} else {
				n.RemoveChild(n, c)
			}
		case *ast.Link:
			sanitize(c, src, opts)
			switch dest := destination(c.Destination); linkKind(dest) {
			case linkUnsafe:
				unwrap(n, c)
			case linkExternal:
				c.SetAttributeString("rel", []byte("noopener noreferrer"))
			default:
				if strings.HasPrefix(dest, "/help/") {
					c.Destination = append([]byte(opts.HelpBase), c.Destination...)
				}
			}
		case *ast.AutoLink:
			switch {
			case c.AutoLinkType == ast.AutoLinkEmail:
			case linkKind(string(c.URL(src))) == linkUnsafe:
				n.ReplaceChild(n, c, plain(c.Label(src)))
			default:
				c.SetAttributeString("rel", []byte("noopener noreferrer"))
			}
		case *ast.Image:
			dest := destination(c.Destination)
			if kind := linkKind(dest); kind == linkUnsafe || kind == linkContact || kind == linkExternal && !strings.HasPrefix(strings.ToLower(dest), "https:") {
				n.ReplaceChild(n, c, plain([]byte(inlineText(c, src))))
				break
			}
			c.SetAttributeString("loading", []byte("lazy"))
			c.SetAttributeString("referrerpolicy", []byte("no-referrer"))
		default:
			sanitize(c, src, opts)
		}
		c = next
	}
}

// unwrap puts a node's children in its place.
func unwrap(parent, n ast.Node) {
	for c := n.FirstChild(); c != nil; c = n.FirstChild() {
		n.RemoveChild(n, c)
		parent.InsertBefore(parent, n, c)
	}
	parent.RemoveChild(parent, n)
}

// plain returns a node of words without markup.
func plain(words []byte) ast.Node {
	s := ast.NewString(words)
	s.SetRaw(true) // escaped, and otherwise as it is
	return s
}

// destination returns where a link leads: the parser leaves escapes and entities in, the renderer resolves them.
func destination(raw []byte) string {
	return string(util.ResolveEntityNames(util.ResolveNumericReferences(util.UnescapePunctuations(raw))))
}

type kindOfLink int

const (
	linkLocal    kindOfLink = iota // no scheme, no host
	linkExternal                   // http or https
	linkContact                    // mailto or tel
	linkUnsafe                     // anything else
)

// linkKind classifies a link by its scheme, as a browser would read it: what stands before the first colon that no
// slash, question mark or hash precedes. Only known schemes are safe; a control character or a backslash, which
// browsers drop or turn into a slash, makes any link unsafe.
func linkKind(dest string) kindOfLink {
	if strings.HasPrefix(dest, "//") || strings.ContainsFunc(dest, func(r rune) bool { return r < ' ' || r == '\\' || r == 0x7f }) {
		return linkUnsafe
	}
	i := strings.IndexAny(dest, ":/?#")
	if i < 0 || dest[i] != ':' {
		return linkLocal
	}
	switch strings.ToLower(dest[:i]) {
	case "http", "https":
		return linkExternal
	case "mailto", "tel":
		return linkContact
	}
	return linkUnsafe
}
