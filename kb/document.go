package kb

import (
	"bytes"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// Document is an article in one locale as a file holds it: front matter and Markdown.
type Document struct {
	// File names the document in messages, and BodyLine is the line that its Markdown starts on, from 1. Neither is
	// part of the content: Equal does not look at them.
	File     string
	BodyLine int

	Slug        string    // lower-case words joined by hyphens
	Variant     string    // "" for the base article
	Collection  string    // written like a slug
	Locale      string    // such as "en" or "pt-BR"
	Markets     []string  // two-letter market codes; empty means every market; a set, kept in the order written
	Audience    string    // Consumer or Merchant
	Title       string    // one line
	Description string    // one line; may be empty
	Review      time.Time // a day, midnight UTC; zero when not set
	Owner       string    // one line; may be empty
	AIExcluded  bool
	ValidFrom   time.Time // an instant with whole seconds, UTC; zero when not set
	ValidTo     time.Time // after ValidFrom; zero when not set
	Markdown    string    // everything after the front matter, byte for byte

	// Questions are how customers ask for this article, by language; one line each, with the section that answers it where
	// it is known (see SplitQuestion). Search reads them, readers do not.
	Questions map[string][]string
}

// The limits of a document. They keep a slip, such as a whole article in the title, out of the database.
const (
	maxFile        = 1 << 20 // bytes
	maxFront       = 1 << 15 // bytes
	maxQuestions   = 400     // in all languages together
	maxTitle       = 200     // characters
	maxDescription = 500     // characters
)

var (
	slugPattern   = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`) // as in the schema's CHECK
	localePattern = regexp.MustCompile(`^[a-z]{2,3}(-[A-Z][a-z]{3})?(-[A-Z]{2})?$`)
	marketPattern = regexp.MustCompile(`^[a-z]{2}$`)
)

// Equal reports whether two documents have the same content.
func (d Document) Equal(e Document) bool {
	return d.key() == e.key() && len(sharedDiff(d, e)) == 0 && d.sameText(e) && d.Review.Equal(e.Review) && sameQuestions(d.Questions, e.Questions)
}

// sameText reports whether two documents would be the same version: what a reader sees, and when.
func (d Document) sameText(e Document) bool {
	return d.Title == e.Title && d.Description == e.Description && d.Markdown == e.Markdown &&
		d.ValidFrom.Equal(e.ValidFrom) && d.ValidTo.Equal(e.ValidTo)
}

// sameQuestions reports whether two documents are asked for in the same words.
func sameQuestions(a, b map[string][]string) bool {
	return maps.EqualFunc(a, b, slices.Equal[[]string])
}

// sharedDiff names the fields that an article's locales share and in which two documents differ.
func sharedDiff(d, e Document) []string {
	var fields []string
	if d.Collection != e.Collection {
		fields = append(fields, "collection")
	}
	if !sameSet(d.Markets, e.Markets) {
		fields = append(fields, "markets")
	}
	if d.Audience != e.Audience {
		fields = append(fields, "audience")
	}
	if d.Owner != e.Owner {
		fields = append(fields, "owner")
	}
	if d.AIExcluded != e.AIExcluded {
		fields = append(fields, "ai_excluded")
	}
	return fields
}

func sameSet(a, b []string) bool {
	return slices.Equal(slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b)))
}

// articleKey names an article; documentKey names an article in a locale.
type (
	articleKey  struct{ slug, variant string }
	documentKey struct {
		articleKey
		locale string
	}
)

func (d Document) article() articleKey { return articleKey{d.Slug, d.Variant} }
func (d Document) key() documentKey    { return documentKey{d.article(), d.Locale} }

// Path returns where the document stands in an export: <locale>/<collection>/<slug>[.<variant>].md.
func (d Document) Path() string {
	name := d.Slug
	if d.Variant != "" {
		name += "." + d.Variant
	}
	return d.Locale + "/" + d.Collection + "/" + name + ".md"
}

// name returns how messages call the document.
func (d Document) name() string {
	if d.File != "" {
		return d.File
	}
	return d.Path()
}

// Check returns what ParseFile would say against a document that did not come from a file: Problems, or nil. Render
// of a document that passes can be parsed again.
func (d Document) Check() error {
	return d.check(func(string) int { return 0 }).orNil()
}

// check returns the document's mistakes; line gives the line of a front matter key.
func (d Document) check(line func(field string) int) Problems {
	var ps Problems
	bad := func(field, rule, message string) {
		ps = append(ps, Problem{File: d.name(), Line: line(field), Field: field, Rule: rule, Message: message})
	}
	for _, f := range []struct{ field, value, example string }{
		{"slug", d.Slug, "late-fees"}, {"variant", d.Variant, "us"}, {"collection", d.Collection, "paying"},
	} {
		switch {
		case f.value == "" && f.field != "variant":
			bad(f.field, "missing_field", `is missing; add a line such as "`+f.field+`: `+f.example+`"`)
		case f.value != "" && !slugPattern.MatchString(f.value):
			bad(f.field, "bad_"+f.field, quote(f.value)+` must be lower-case letters a-z and digits, with single hyphens between words, such as "`+f.example+`"`)
		}
	}
	switch {
	case d.Locale == "":
		bad("locale", "missing_field", `is missing; add a line such as "locale: en"`)
	case !localePattern.MatchString(d.Locale):
		bad("locale", "bad_locale", quote(d.Locale)+` must be a language code such as "en", or a language and a region such as "pt-BR"`)
	}
	for i, m := range d.Markets {
		if !marketPattern.MatchString(m) {
			bad("markets", "bad_market", quote(m)+` must be a code of two lower-case letters, such as "gb"`)
		} else if slices.Contains(d.Markets[:i], m) {
			bad("markets", "bad_market", quote(m)+" is listed twice; remove one")
		}
	}
	switch d.Audience {
	case Consumer, Merchant:
	case "":
		bad("audience", "missing_field", `is missing; write "consumer" or "merchant"`)
	default:
		bad("audience", "bad_audience", quote(d.Audience)+` must be "consumer" or "merchant"`)
	}
	for _, f := range []struct {
		field, value string
		most         int
	}{{"title", d.Title, maxTitle}, {"description", d.Description, maxDescription}, {"owner", d.Owner, maxTitle}} {
		switch {
		case f.value == "" && f.field == "title":
			bad("title", "missing_field", "is missing; add the heading that readers see")
		case utf8.RuneCountInString(f.value) > f.most:
			bad(f.field, "too_long", "is too long; shorten it to at most "+itoa(f.most)+" characters")
		case strings.TrimSpace(f.value) != f.value:
			bad(f.field, "bad_text", "begins or ends with a space; remove it")
		case strings.ContainsFunc(f.value, notOneLine) || !utf8.ValidString(f.value):
			bad(f.field, "bad_text", "has a line break or control character; write it on one line")
		}
	}
	n := 0
	for _, lang := range slices.Sorted(maps.Keys(d.Questions)) {
		if !localePattern.MatchString(lang) {
			bad("questions", "bad_locale", quote(lang)+` must be a language code such as "en"`)
		}
		if n += len(d.Questions[lang]); len(d.Questions[lang]) == 0 {
			bad("questions", "bad_question", "has no questions in "+quote(lang)+"; write some or remove the line")
		}
		for _, q := range d.Questions[lang] {
			if q == "" || strings.TrimSpace(q) != q || utf8.RuneCountInString(q) > maxTitle || strings.ContainsFunc(q, notOneLine) || !utf8.ValidString(q) {
				bad("questions", "bad_question", quote(q)+" must be one line of at most "+itoa(maxTitle)+" characters, without spaces around it")
			}
		}
	}
	if n > maxQuestions {
		bad("questions", "too_many", "has more than "+itoa(maxQuestions)+"; keep those that differ most")
	}
	for _, f := range []struct {
		field string
		at    time.Time
	}{{"review", d.Review}, {"valid_from", d.ValidFrom}, {"valid_to", d.ValidTo}} {
		if f.at.IsZero() {
			continue
		}
		if y := f.at.UTC().Year(); y < 1900 || y > 9999 || !f.at.Equal(f.at.Truncate(time.Second)) {
			bad(f.field, "bad_date", "must lie in the years 1900 to 9999 and have whole seconds")
		}
	}
	if !d.Review.IsZero() && !d.Review.Equal(d.Review.Truncate(24*time.Hour)) {
		bad("review", "bad_date", "must be a day without a time, such as 2027-03-01")
	}
	if !d.ValidTo.IsZero() && !d.ValidTo.After(d.ValidFrom) {
		bad("valid_to", "bad_date", "must be after valid_from; the article would never be shown")
	}
	switch {
	case strings.TrimSpace(d.Markdown) == "":
		bad("body", "empty_body", "is empty; write the article below the front matter")
	case len(d.Markdown) > maxFile:
		bad("body", "too_long", "is larger than 1 MiB; split the article")
	case strings.ContainsAny(d.Markdown, "\r\x00") || !utf8.ValidString(d.Markdown):
		bad("body", "bad_text", "must be UTF-8 text with line feeds only, without NUL bytes")
	}
	return ps
}

// notOneLine holds for characters that cannot stand in a one-line field: controls, line and paragraph separators, and
// the byte order mark.
func notOneLine(r rune) bool {
	return unicode.IsControl(r) || r == '\u2028' || r == '\u2029' || r == '\ufeff'
}

// Render returns the document in canonical form: the front matter's keys in their fixed order, without those that are
// not set, then the Markdown as it was. A file in canonical form is what Render makes of its own document.
func (d Document) Render() []byte {
	var b bytes.Buffer
	b.Grow(len(d.Markdown) + 512)
	line := func(key, value string) {
		if value != "" {
			b.WriteString(key + ": " + value + "\n")
		}
	}
	b.WriteString("---\n")
	line("slug", scalar(d.Slug))
	line("variant", scalar(d.Variant))
	line("collection", scalar(d.Collection))
	line("locale", scalar(d.Locale))
	markets := make([]string, len(d.Markets))
	for i, m := range d.Markets {
		markets[i] = scalar(m)
	}
	line("markets", "["+strings.Join(markets, ", ")+"]")
	line("audience", scalar(d.Audience))
	line("title", scalar(d.Title))
	line("description", scalar(d.Description))
	line("review", formatTime(d.Review))
	line("owner", scalar(d.Owner))
	if d.AIExcluded {
		line("ai_excluded", "true")
	}
	line("valid_from", formatTime(d.ValidFrom))
	line("valid_to", formatTime(d.ValidTo))
	if len(d.Questions) > 0 {
		b.WriteString("questions:\n")
		for _, lang := range slices.Sorted(maps.Keys(d.Questions)) {
			b.WriteString("  " + scalar(lang) + ":\n")
			for _, q := range d.Questions[lang] {
				b.WriteString("    - " + scalar(q) + "\n")
			}
		}
	}
	b.WriteString("---\n")
	b.WriteString(d.Markdown)
	return b.Bytes()
}

// formatTime writes midnight UTC as a day and any other instant as RFC 3339 in UTC; "" for the zero time.
func formatTime(t time.Time) string {
	switch t = t.UTC(); {
	case t.IsZero():
		return ""
	case t.Equal(t.Truncate(24 * time.Hour)):
		return t.Format(time.DateOnly)
	default:
		return t.Format(time.RFC3339)
	}
}

// scalar writes a one-line string as a YAML scalar: plain where YAML reads it back as the same string, in double
// quotes otherwise. The empty string stays empty.
func scalar(s string) string {
	if s == "" || plainScalar(s) {
		return s
	}
	return quote(s)
}

func plainScalar(s string) bool {
	if strings.ContainsFunc(s, notOneLine) || strings.Contains(s, ": ") || strings.Contains(s, " #") ||
		strings.HasSuffix(s, ":") || strings.TrimSpace(s) != s {
		return false
	}
	// The YAML reader has the last word: numbers, booleans, indicators at the start and the rest of the grammar.
	f, err := parser.ParseBytes([]byte("k: "+s+"\n"), 0)
	if err != nil || len(f.Docs) != 1 {
		return false
	}
	m, ok := f.Docs[0].Body.(*ast.MappingNode)
	if !ok || len(m.Values) != 1 {
		return false
	}
	v, ok := m.Values[0].Value.(*ast.StringNode)
	return ok && v.Value == s
}

// quote writes a string in YAML's double quotes.
func quote(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}
