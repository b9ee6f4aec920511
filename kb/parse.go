package kb

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// fields are the keys that front matter may have, in canonical order.
var fields = []string{"slug", "variant", "collection", "locale", "markets", "audience", "title", "description",
	"review", "owner", "ai_excluded", "valid_from", "valid_to", "questions"}

// ParseFile reads a Markdown file with YAML front matter. The error is Problems: every mistake that the file has, each
// with its line, its field and the remedy. Nothing is guessed and nothing is dropped, so that
// ParseFile(Render(document)) is the document again.
func ParseFile(name string, data []byte) (Document, error) {
	if p, ok := unreadable(name, data); ok {
		return Document{}, Problems{p}
	}
	front, body, ok := splitFront(string(data))
	if !ok {
		p := Problem{File: name, Line: 1, Rule: "no_front_matter",
			Message: `has no front matter; the first line must be "---", then the fields such as "slug: late-fees", then "---"`}
		if strings.HasPrefix(string(data), "---\n") {
			p.Rule, p.Message = "front_matter_without_end", `front matter has no end; add a line "---" below the last field`
		}
		return Document{}, Problems{p}
	}
	d := Document{File: name, BodyLine: strings.Count(front, "\n") + 3, Markdown: body}
	r := frontReader{file: name, doc: &d, lines: map[string]int{"body": d.BodyLine}}
	r.read(front)
	if r.fatal {
		return Document{}, r.problems
	}
	ps := d.check(r.line)
	if r.lines["markets"] == 0 {
		ps = append(ps, Problem{File: name, Line: 1, Field: "markets", Rule: "missing_field",
			Message: `is missing; list the markets, such as "markets: [gb, us]", or write "markets: []" for every market`})
	}
	// A field that could not be read has had its say; that it is now empty is not a second mistake.
	ps = slices.DeleteFunc(ps, func(p Problem) bool {
		return slices.ContainsFunc(r.problems, func(q Problem) bool { return q.Field == p.Field })
	})
	ps = append(r.problems, ps...)
	if len(ps) > 0 {
		slices.SortStableFunc(ps, func(a, b Problem) int { return a.Line - b.Line })
		return Document{}, ps
	}
	return d, nil
}

// unreadable finds what makes a file's bytes unusable as a whole.
func unreadable(name string, data []byte) (Problem, bool) {
	p := Problem{File: name}
	at := func(i int) int { return bytes.Count(data[:i], []byte("\n")) + 1 }
	switch {
	case len(data) > maxFile:
		p.Rule, p.Message = "too_long", "is larger than 1 MiB; split the article"
	case bytes.HasPrefix(data, []byte("\xef\xbb\xbf")):
		p.Line, p.Rule, p.Message = 1, "byte_order_mark", "begins with a byte order mark; save it as UTF-8 without BOM"
	case !utf8.Valid(data):
		i := 0
		for i < len(data) {
			r, n := utf8.DecodeRune(data[i:])
			if r == utf8.RuneError && n == 1 {
				break
			}
			i += n
		}
		p.Line, p.Rule, p.Message = at(i), "not_utf8", fmt.Sprintf("byte 0x%02x is not UTF-8; save the file as UTF-8", data[i])
	case bytes.IndexByte(data, '\r') >= 0:
		p.Line, p.Rule, p.Message = at(bytes.IndexByte(data, '\r')), "carriage_return",
			"has a carriage return (Windows line ends); save the file with line feeds (LF) only"
	case bytes.IndexByte(data, 0) >= 0:
		p.Line, p.Rule, p.Message = at(bytes.IndexByte(data, 0)), "nul_byte", "has a NUL byte; remove it"
	default:
		return p, false
	}
	return p, true
}

// splitFront cuts a file into the lines between its first two "---" lines and what follows.
func splitFront(s string) (front, body string, ok bool) {
	rest, ok := strings.CutPrefix(s, "---\n")
	if !ok {
		return "", "", false
	}
	for i := 0; i < len(rest); {
		line, end := rest[i:], len(rest)
		if n := strings.IndexByte(line, '\n'); n >= 0 {
			line, end = line[:n], i+n+1
		}
		if line == "---" {
			return rest[:i], rest[end:], true
		}
		i = end
	}
	return "", "", false
}

// frontReader fills a document from front matter and collects what is wrong with it.
type frontReader struct {
	file     string
	doc      *Document
	lines    map[string]int // line of each key, and of "body"
	problems Problems
	fatal    bool // the YAML itself cannot be read
}

// line returns the line of a field, or the front matter's first line for one that is missing.
func (r *frontReader) line(field string) int {
	if n, ok := r.lines[field]; ok {
		return n
	}
	return 1
}

func (r *frontReader) add(line int, field, rule, format string, args ...any) {
	r.problems = append(r.problems, Problem{File: r.file, Line: line, Field: field, Rule: rule, Message: fmt.Sprintf(format, args...)})
}

func (r *frontReader) read(front string) {
	entries, ok := r.entries(front)
	if !ok {
		r.fatal = true
		return
	}
	for _, e := range entries {
		key := e.Key.GetToken().Value
		line := e.Key.GetToken().Position.Line + 1 // the front matter starts on line 2
		switch first, seen := r.lines[key]; {
		case !slices.Contains(fields, key):
			r.add(line, key, "unknown_field", "is not a known field%s; the fields are %s", didYouMean(key), strings.Join(fields, ", "))
		case seen:
			r.add(line, key, "duplicate_field", "stands twice, first on line %d; remove one", first)
		default:
			r.lines[key] = line
			r.set(key, line, e.Value)
		}
	}
}

// entries parses front matter as one YAML mapping.
func (r *frontReader) entries(front string) (entries []*ast.MappingValueNode, ok bool) {
	const remedy = `write one "field: value" on each line, and put values that contain ": " or " #" in double quotes`
	if len(front) > maxFront {
		r.add(2, "", "too_long", "front matter is larger than 32 KiB; the article belongs below it")
		return nil, false
	}
	f, err := parser.ParseBytes([]byte(front), 0, parser.AllowDuplicateMapKey())
	if err != nil {
		line, msg := 1, "it cannot be read"
		var ye yaml.Error
		if errors.As(err, &ye) {
			msg = ye.GetMessage()
			if t := ye.GetToken(); t != nil && t.Position != nil {
				line = t.Position.Line + 1
			}
		}
		r.add(line, "", "bad_front_matter", "front matter is not valid YAML: %s; %s", msg, remedy)
		return nil, false
	}
	if len(f.Docs) > 1 {
		r.add(1, "", "bad_front_matter", "front matter holds several YAML documents; %s", remedy)
		return nil, false
	}
	if len(f.Docs) == 0 || f.Docs[0].Body == nil {
		return nil, true
	}
	switch body := f.Docs[0].Body.(type) {
	case *ast.MappingNode:
		return body.Values, true
	case *ast.MappingValueNode:
		return []*ast.MappingValueNode{body}, true
	case *ast.CommentGroupNode:
		return nil, true
	}
	r.add(2, "", "bad_front_matter", "front matter is not a list of fields; %s", remedy)
	return nil, false
}

// set reads one value into the document.
func (r *frontReader) set(key string, line int, v ast.Node) {
	d := r.doc
	switch key {
	case "slug":
		d.Slug = r.text(key, line, v)
	case "variant":
		d.Variant = r.text(key, line, v)
	case "collection":
		d.Collection = r.text(key, line, v)
	case "locale":
		d.Locale = r.text(key, line, v)
	case "audience":
		d.Audience = r.text(key, line, v)
	case "title":
		d.Title = r.text(key, line, v)
	case "description":
		d.Description = r.text(key, line, v)
	case "owner":
		d.Owner = r.text(key, line, v)
	case "review":
		d.Review = r.time(key, line, v)
	case "valid_from":
		d.ValidFrom = r.time(key, line, v)
	case "valid_to":
		d.ValidTo = r.time(key, line, v)
	case "ai_excluded":
		b, ok := v.(*ast.BoolNode)
		if !ok {
			r.add(line, key, "bad_flag", "must be true or false")
			return
		}
		d.AIExcluded = b.Value
	case "questions":
		d.Questions = r.questions(line, v)
	case "markets":
		seq, ok := v.(*ast.SequenceNode)
		if !ok {
			r.add(line, key, "bad_market", `must be a list, such as "[gb, us]", or "[]" for every market`)
			return
		}
		for _, item := range seq.Values {
			if s := r.text(key, line, item); s != "" {
				d.Markets = append(d.Markets, s)
			}
		}
	}
}

// questions reads lists of questions by language.
func (r *frontReader) questions(line int, v ast.Node) map[string][]string {
	var entries []*ast.MappingValueNode
	switch v := v.(type) {
	case *ast.MappingNode:
		entries = v.Values
	case *ast.MappingValueNode:
		entries = []*ast.MappingValueNode{v}
	default:
		r.add(line, "questions", "bad_question", `must be lists of questions by language, such as "en:" with lines "- how late may I pay" below it`)
		return nil
	}
	out := map[string][]string{}
	for _, e := range entries {
		lang := e.Key.GetToken().Value
		at := e.Key.GetToken().Position.Line + 1
		seq, ok := e.Value.(*ast.SequenceNode)
		if _, twice := out[lang]; !ok || twice {
			r.add(at, "questions", "bad_question", "%s must stand once, with a list of questions", quote(lang))
			continue
		}
		out[lang] = []string{}
		for _, item := range seq.Values {
			if q := r.text("questions", at, item); q != "" {
				out[lang] = append(out[lang], q)
			}
		}
	}
	return out
}

// text reads a string. A value that YAML takes for a number, a flag or nothing is refused rather than guessed at.
func (r *frontReader) text(key string, line int, v ast.Node) string {
	switch v := v.(type) {
	case *ast.StringNode:
		if v.Value == "" {
			r.add(line, key, "missing_field", "is empty; write a value or remove the line")
		}
		return v.Value
	case *ast.NullNode:
		r.add(line, key, "missing_field", "is empty; write a value or remove the line")
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.InfinityNode, *ast.NanNode:
		r.add(line, key, "bad_text", "is read as a number or a flag; put it in double quotes")
	case *ast.LiteralNode:
		r.add(line, key, "bad_text", "must stand on the line of its field, without | or >")
	default:
		r.add(line, key, "bad_text", "must be plain text on one line; put it in double quotes")
	}
	return ""
}

// time reads a day, or an instant with a zone.
func (r *frontReader) time(key string, line int, v ast.Node) time.Time {
	if s, ok := v.(*ast.StringNode); ok {
		if t, err := time.Parse(time.DateOnly, s.Value); err == nil && !t.IsZero() {
			return t
		}
		if t, err := time.Parse(time.RFC3339, s.Value); err == nil && key != "review" && !t.IsZero() {
			return t.UTC()
		}
	}
	example := "a day such as 2027-03-01"
	if key != "review" {
		example += ", or an instant such as 2027-03-01T09:00:00Z"
	}
	r.add(line, key, "bad_date", "%s is not a date; write %s", quote(strings.TrimSpace(v.String())), example)
	return time.Time{}
}

// didYouMean names the field that an unknown key is a spelling of.
func didYouMean(key string) string {
	k := strings.ToLower(strings.NewReplacer("-", "_", " ", "_").Replace(key))
	for _, f := range fields {
		if k == f || k == f+"s" || k+"s" == f {
			return ` (did you mean "` + f + `"?)`
		}
	}
	return ""
}

func itoa(n int) string { return strconv.Itoa(n) }
