package kb

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/yuin/goldmark/ast"
)

// A guide leads a reader through steps by what they answer. It stands in an article's Markdown as a block fenced with ```guide
// and written in YAML, so that it is versioned, reviewed, imported and exported byte for byte as the rest of the text is:
//
//	start: plug
//	steps:
//	  plug:
//	    say: Close the app and open it again.
//	    check: Does it open now?
//	    options:
//	      - {label: "It opens", done: "Good. Nothing more is needed."}
//	      - {label: "It closes again", to: update}
//	  update: ...
//
// Every option leads to another step (to), to an end that says something (done), or to a person (contact).
type Guide struct {
	Start string               `yaml:"start"`
	Steps map[string]GuideStep `yaml:"steps"`
}

// GuideStep is one step: what to do, and what came of it.
type GuideStep struct {
	Say     string        `yaml:"say"`
	Check   string        `yaml:"check"` // the question whose answers the options are; may be empty
	Options []GuideOption `yaml:"options"`
}

// GuideOption is an answer and where it leads: exactly one of To, Done and Contact is set.
type GuideOption struct {
	Label   string        `yaml:"label"`
	To      string        `yaml:"to"`
	Done    string        `yaml:"done"`
	Contact *GuideContact `yaml:"contact"`
}

// GuideContact is the end at a person.
type GuideContact struct {
	Topic string   `yaml:"topic"` // of the desk; may be empty
	Ready []string `yaml:"ready"` // what to have at hand
}

// The limits of a guide. They keep a walk short, and a step fit for a chat.
const (
	guideSteps   = 40
	guideOptions = 8
	guideText    = 300 // characters of a text
	guideLabel   = 80  // characters of a label
	guideReady   = 5
)

// guideInfo is what the block's fence says.
const guideInfo = "guide"

// guideFence finds texts that may hold a guide; most do not, and need not be parsed for it.
var guideFence = regexp.MustCompile("(?m)^ {0,3}(?:```+|~~~+)[ \\t]*guide\\b")

var guideID = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)

// ParseGuide reads the YAML of a guide. A guide that it accepts can be walked: every step can be reached, and from every step
// an end can.
func ParseGuide(source string) (*Guide, error) {
	var g Guide
	if len(source) > maxFront {
		return nil, errors.New("is larger than 32 KiB; split it into several articles")
	}
	if err := yaml.UnmarshalWithOptions([]byte(source), &g, yaml.Strict()); err != nil {
		msg := err.Error()
		var ye yaml.Error
		if errors.As(err, &ye) {
			msg = ye.GetMessage()
			if t := ye.GetToken(); t != nil && t.Position != nil {
				msg = fmt.Sprintf("line %d of the block: %s", t.Position.Line, msg)
			}
		}
		return nil, fmt.Errorf("cannot be read: %s; put texts with \": \" or \" #\" in double quotes", strings.Join(strings.Fields(msg), " "))
	}
	if err := g.check(); err != nil {
		return nil, err
	}
	return &g, nil
}

func (g *Guide) check() error {
	if len(g.Steps) == 0 {
		return errors.New("has no steps; write them below \"steps:\"")
	}
	if len(g.Steps) > guideSteps {
		return fmt.Errorf("has %d steps; at most %d are allowed, split it into several articles", len(g.Steps), guideSteps)
	}
	if _, ok := g.Steps[g.Start]; !ok {
		return fmt.Errorf("starts at %s, which is no step; name one of its steps in \"start:\"", quote(g.Start))
	}
	for _, id := range slices.Sorted(maps.Keys(g.Steps)) {
		if err := g.checkStep(id, g.Steps[id]); err != nil {
			return err
		}
	}
	order := g.Order()
	for _, id := range slices.Sorted(maps.Keys(g.Steps)) {
		if !slices.Contains(order, id) {
			return fmt.Errorf("step %s is never reached; lead an option to it or remove it", quote(id))
		}
	}
	ends := map[string]bool{} // steps from which an end can be reached
	for grown := true; grown; {
		grown = false
		for id, s := range g.Steps {
			if !ends[id] && slices.ContainsFunc(s.Options, func(o GuideOption) bool { return o.To == "" || ends[o.To] }) {
				ends[id], grown = true, true
			}
		}
	}
	for _, id := range order {
		if !ends[id] {
			return fmt.Errorf("step %s leads round in a circle; give it or a step after it an option with \"done\" or \"contact\"", quote(id))
		}
	}
	return nil
}

func (g *Guide) checkStep(id string, s GuideStep) error {
	at := "step " + quote(id)
	if !guideID.MatchString(id) || len(id) > 40 {
		return fmt.Errorf("%s has a name that cannot stand in an address; use lower-case letters, digits and hyphens", at)
	}
	if err := guideWords(at+", say", s.Say, guideText, true); err != nil {
		return err
	}
	if err := guideWords(at+", check", s.Check, guideText, false); err != nil {
		return err
	}
	if len(s.Options) == 0 {
		return fmt.Errorf("%s has no options; a step without one leads nowhere", at)
	}
	if len(s.Options) > guideOptions {
		return fmt.Errorf("%s has %d options; at most %d are allowed", at, len(s.Options), guideOptions)
	}
	seen := map[string]bool{}
	for _, o := range s.Options {
		in := at + ", option " + quote(o.Label)
		if err := guideWords(in+", label", o.Label, guideLabel, true); err != nil {
			return err
		}
		if seen[GuideAnswer(o.Label)] {
			return fmt.Errorf("%s stands twice; give every answer words of its own", in)
		}
		seen[GuideAnswer(o.Label)] = true
		n := 0
		for _, set := range []bool{o.To != "", o.Done != "", o.Contact != nil} {
			if set {
				n++
			}
		}
		if n != 1 {
			return fmt.Errorf("%s must have exactly one of to, done and contact", in)
		}
		if _, ok := g.Steps[o.To]; o.To != "" && !ok {
			return fmt.Errorf("%s leads to %s, which is no step", in, quote(o.To))
		}
		if err := guideWords(in+", done", o.Done, guideText, false); err != nil {
			return err
		}
		if c := o.Contact; c != nil {
			if len(c.Ready) > guideReady {
				return fmt.Errorf("%s asks for %d things to have ready; at most %d are allowed", in, len(c.Ready), guideReady)
			}
			for _, r := range c.Ready {
				if err := guideWords(in+", ready", r, guideLabel, true); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// guideWords checks a text: one line, of a bounded length, with something in it.
func guideWords(what, s string, most int, needed bool) error {
	switch {
	case needed && GuideAnswer(s) == "":
		return fmt.Errorf("%s has no words; write what the reader reads", what)
	case utf8.RuneCountInString(s) > most:
		return fmt.Errorf("%s has %d characters; at most %d are allowed", what, utf8.RuneCountInString(s), most)
	case strings.ContainsFunc(s, unicode.IsControl):
		return fmt.Errorf("%s must stand on one line", what)
	}
	return nil
}

// GuideAnswer is an answer as it is compared: letters and digits alone, in lower case.
func GuideAnswer(s string) string {
	return strings.Join(strings.FieldsFunc(strings.ToLower(s), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !unicode.IsMark(r) }), " ")
}

// Order returns the steps that can be reached, in the order in which a reader first may: the start, then what each leads to.
func (g *Guide) Order() []string {
	order := []string{g.Start}
	for i := 0; i < len(order); i++ {
		for _, o := range g.Steps[order[i]].Options {
			if o.To != "" && !slices.Contains(order, o.To) {
				order = append(order, o.To)
			}
		}
	}
	return order
}

// guideBlocks returns the guide blocks of a parsed article.
func guideBlocks(root ast.Node, src []byte) []*ast.FencedCodeBlock {
	var out []*ast.FencedCodeBlock
	for n := root.FirstChild(); n != nil; n = n.NextSibling() {
		if isGuide(n, src) {
			out = append(out, n.(*ast.FencedCodeBlock))
		}
	}
	return out
}

// isGuide reports whether a block is fenced as a guide.
func isGuide(n ast.Node, src []byte) bool {
	b, ok := n.(*ast.FencedCodeBlock)
	return ok && string(b.Language(src)) == guideInfo
}

func codeOf(n *ast.FencedCodeBlock, src []byte) string {
	var b strings.Builder
	for i := range n.Lines().Len() {
		seg := n.Lines().At(i)
		b.Write(seg.Value(src))
	}
	return b.String()
}

// GuideIn returns the guide of an article's Markdown, or of a part of it; nil where there is none that can be walked.
func GuideIn(md string) *Guide {
	if !guideFence.MatchString(md) {
		return nil
	}
	src := []byte(md)
	for _, b := range guideBlocks(parseMarkdown(src), src) {
		if g, err := ParseGuide(codeOf(b, src)); err == nil {
			return g
		}
	}
	return nil
}

// HasGuide reports whether Markdown may hold a guide.
func HasGuide(md string) bool { return guideFence.MatchString(md) }

// GuideProse returns Markdown in which guides are ordered lists, for whoever reads the article as it is. Other Markdown comes
// back unchanged, to the byte.
func GuideProse(md string) string {
	if !guideFence.MatchString(md) {
		return md
	}
	src := []byte(md)
	root := parseMarkdown(src)
	c := chunker{src: src}
	var b strings.Builder
	last := 0
	for _, n := range guideBlocks(root, src) {
		g, err := ParseGuide(codeOf(n, src))
		if err != nil {
			continue // shown as the code that it is
		}
		start, end := c.lineStart(n), len(src)
		if next := n.NextSibling(); next != nil {
			end = c.lineStart(next)
		}
		b.WriteString(md[last:start])
		b.WriteString(g.prose())
		b.WriteString("\n")
		last = end
	}
	b.WriteString(md[last:])
	return b.String()
}

// prose is the guide as an ordered list in Markdown: one item a step, its answers below it.
func (g *Guide) prose() string {
	order := g.Order()
	var b strings.Builder
	for i, id := range order {
		s := g.Steps[id]
		fmt.Fprintf(&b, "%d. %s\n", i+1, guideInline(strings.TrimSpace(s.Say+" "+s.Check)))
		for _, o := range s.Options {
			fmt.Fprintf(&b, "    - **%s** → ", guideInline(o.Label))
			switch {
			case o.To != "":
				fmt.Fprintf(&b, "%d\n", slices.Index(order, o.To)+1)
			case o.Done != "":
				fmt.Fprintf(&b, "%s\n", guideInline(o.Done))
			default:
				fmt.Fprintf(&b, "[/chat](/chat)%s\n", guideReadyList(o.Contact))
			}
		}
	}
	return b.String()
}

func guideReadyList(c *GuideContact) string {
	if len(c.Ready) == 0 {
		return ""
	}
	var all []string
	for _, r := range c.Ready {
		all = append(all, guideInline(r))
	}
	return " (" + strings.Join(all, ", ") + ")"
}

// guideInline escapes a text so that it says in Markdown what it says in the guide.
func guideInline(s string) string {
	var b strings.Builder
	for _, r := range s {
		if r < utf8.RuneSelf && unicode.IsPunct(r) || strings.ContainsRune("<>|`~$+^=", r) {
			b.WriteByte('\\')
		}
		b.WriteRune(r)
	}
	return b.String()
}

// guideLines are the words of a guide for search: a line for each step, with its question and answers.
func (g *Guide) lines() []string {
	var out []string
	for _, id := range g.Order() {
		s := g.Steps[id]
		line := strings.TrimSpace(s.Say + " " + s.Check)
		for _, o := range s.Options {
			line += " " + strings.TrimSpace(o.Label+". "+o.Done)
		}
		out = append(out, line)
	}
	return out
}

// lintGuides reports guides that cannot be walked, and those beyond the first, which nobody would be led through.
func (l *linter) lintGuides(d Document, root ast.Node, src []byte, line func(ast.Node) int) {
	for i, b := range guideBlocks(root, src) {
		if _, err := ParseGuide(codeOf(b, src)); err != nil {
			l.add(d, line(b), "body", "bad_guide", "guide %s", err)
		} else if i > 0 {
			l.add(d, line(b), "body", "second_guide", "is a second guide; an article has one, write another article for it")
		}
	}
}
