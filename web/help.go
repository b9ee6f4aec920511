package web

import (
	"context"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/gin-gonic/gin"

	"github.com/firstline/firstline/internal/fault"
	"github.com/firstline/firstline/internal/mask"
	"github.com/firstline/firstline/kb"
	"github.com/firstline/firstline/retrieval"
)

// Limits of a search in the help centre.
const (
	maxQuery       = 200 // characters that are searched for
	maxPassages    = 24  // passages asked for
	maxFound       = 10  // articles shown
	maxSections    = 2   // sections shown of one article
	snippetRunes   = 220
	snippetBefore  = 60 // characters kept before the first match
	searchDeadline = 5 * time.Second
)

// cleanQuery makes a question fit for searching: one line of valid text without control characters, with numbers of cards
// and the like masked, and cut to maxQuery. It is cut last: half a number is not seen as one.
func cleanQuery(q string) string {
	q = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(q, " "))
	q = strings.Join(strings.Fields(q), " ")
	q, _ = mask.Mask(q)
	if runes := []rune(q); len(runes) > maxQuery {
		q = strings.TrimSpace(string(runes[:maxQuery]))
	}
	return q
}

// found is an article that a search found, with its best sections.
type found struct {
	Slug, Title, Description, Collection, Locale string
	Sections                                     []foundSection // best first, at least one
}

// foundSection is a section of a found article.
type foundSection struct {
	Anchor, Heading string
	Snippet         []snippetPart
}

// searchHelp searches as a reader. Nothing found is an empty list; an error means that the search failed.
func (s *Server) searchHelp(ctx context.Context, r reader, q string) ([]found, error) {
	if q == "" {
		return nil, nil
	}
	ctx, cancel := context.WithTimeout(ctx, searchDeadline)
	defer cancel()
	result, err := s.Searcher.Search(ctx, retrieval.Query{Text: q, Market: r.Market, Locale: r.Locale, Audience: r.Audience, Limit: maxPassages, Reader: true})
	if err != nil {
		return nil, fault.Wrap(err, fault.Unavailable, "search_failed", "The search is not working at the moment. Please try again soon.")
	}
	if hopeless(result) {
		return nil, nil
	}
	terms := queryTerms(q)
	var all []found
	place := map[string]int{}
	for _, p := range result.Passages {
		if p.Lexical == 0 && p.Cosine < minCosine {
			continue
		}
		i, seen := place[p.Slug]
		if !seen && len(all) == maxFound {
			continue
		}
		if !seen {
			i = len(all)
			place[p.Slug] = i
			all = append(all, found{Slug: p.Slug, Title: p.Title, Description: p.Description, Collection: p.Collection, Locale: p.Locale})
		}
		if f := &all[i]; len(f.Sections) < maxSections {
			section := foundSection{Anchor: p.Anchor, Snippet: snippet(p.Text, terms)}
			if len(p.Headings) > 0 {
				section.Heading = p.Headings[len(p.Headings)-1]
			}
			f.Sections = append(f.Sections, section)
		}
	}
	return all, nil
}

// minCosine is what a passage without a word of the question must reach to be shown: every vector has a nearest neighbour,
// also one that has nothing to do with it.
const minCosine = 0.3

// hopeless reports whether a result is no more than its question's letters: the best passage has no word of it, not even a
// corrected one, what is alike in spelling is faint, and no model found anything near. The assistant weighs this finely; a
// reader is better served with an honest "nothing found".
func hopeless(r retrieval.Result) bool {
	near := r.Features.DenseTop >= minCosine && r.Model != retrieval.BuiltinModel // whose vectors are made of letters as well
	return r.Features.Coverage == 0 && r.Features.LexTop < faint && !near
}

// faint is the likeness in spelling below which it says nothing. In the demo, compounds such as giftcard reach 0.055 and words
// that have nothing to do with any article 0.005 to 0.026.
const faint = 0.04

// snippetPart is a piece of a snippet, marked where it matches the question.
type snippetPart struct {
	Text string
	Mark bool
}

// plainSnippet is a snippet without its marks.
func plainSnippet(parts []snippetPart) string {
	var sb strings.Builder
	for _, p := range parts {
		sb.WriteString(p.Text)
	}
	return sb.String()
}

// word matches what counts as a word in questions and texts.
var word = regexp.MustCompile(`[\p{L}\p{N}]+`)

// unmarked are the words of three letters that hold sentences together, in the pages' languages.
var unmarked = strings.Fields("the and for you are can not how why who was has had but its our out any " +
	"der die das und ich wie ist für mit den dem ein was wer von auf bei zum zur mir " +
	"que los las por con del una mis sus muy más sin son como och att det som för med mig jag hur var kan ska har inte min")

// queryTerms are the words of a question that are worth marking, in lower case.
func queryTerms(q string) []string {
	var terms []string
	for _, w := range word.FindAllString(strings.ToLower(q), -1) {
		if n := utf8.RuneCountInString(w); n > 2 && !slices.Contains(unmarked, w) || n > 1 && unicode.IsDigit([]rune(w)[0]) {
			terms = append(terms, w)
		}
	}
	return terms
}

// matchesTerm reports whether a word of a text is one of the terms, or an inflection of it as far as its beginning tells: the
// two share all but two letters of the longer one, and three at least.
func matchesTerm(w string, terms []string) bool {
	w = strings.ToLower(w)
	for _, t := range terms {
		a, b := []rune(w), []rune(t)
		n := 0
		for n < len(a) && n < len(b) && a[n] == b[n] {
			n++
		}
		if longer := max(len(a), len(b)); n == longer || n >= 3 && n >= longer-2 {
			return true
		}
	}
	return false
}

// snippet cuts the piece of a text around the first word that matches, with every match in it marked.
func snippet(text string, terms []string) []snippetPart {
	text = strings.Join(strings.Fields(text), " ")
	start := 0
	for _, m := range word.FindAllStringIndex(text, -1) {
		if matchesTerm(text[m[0]:m[1]], terms) {
			start = m[0]
			break
		}
	}
	before := []rune(text[:start])
	lead := ""
	if len(before) > snippetBefore {
		cut := string(before[len(before)-snippetBefore:])
		if _, rest, ok := strings.Cut(cut, " "); ok {
			cut = rest
		}
		start, lead = start-len(cut), "… "
	} else {
		start = 0
	}
	text = text[start:]
	tail := ""
	if runes := []rune(text); len(runes) > snippetRunes {
		text = string(runes[:snippetRunes])
		if i := strings.LastIndexByte(text, ' '); i > 0 {
			text = text[:i]
		}
		tail = " …"
	}
	var parts []snippetPart
	add := func(s string, mark bool) {
		if s != "" {
			parts = append(parts, snippetPart{s, mark})
		}
	}
	add(lead, false)
	at := 0
	for _, m := range word.FindAllStringIndex(text, -1) {
		if matchesTerm(text[m[0]:m[1]], terms) {
			add(text[at:m[0]], false)
			add(text[m[0]:m[1]], true)
			at = m[1]
		}
	}
	add(text[at:], false)
	add(tail, false)
	return parts
}

// helpResult is a found article on the wire, at its best section.
type helpResult struct {
	Slug        string `json:"slug"`
	Title       string `json:"title"`
	Description string `json:"description"`
	Collection  string `json:"collection"`
	Locale      string `json:"locale"`
	Anchor      string `json:"anchor"`
	Heading     string `json:"heading"`
	Snippet     string `json:"snippet"`
	URL         string `json:"url"`
}

func (s *Server) helpSearch(c *gin.Context) error {
	r, err := s.readerOf(c.Request)
	if err != nil {
		return err
	}
	q := cleanQuery(c.Query("q"))
	if q == "" {
		return fault.Field("q", "required", "Say what to search for.")
	}
	all, err := s.searchHelp(c.Request.Context(), r, q)
	if err != nil {
		return err
	}
	results := make([]helpResult, len(all))
	for i, f := range all {
		best := f.Sections[0]
		results[i] = helpResult{Slug: f.Slug, Title: f.Title, Description: f.Description, Collection: f.Collection, Locale: f.Locale,
			Anchor: best.Anchor, Heading: best.Heading, Snippet: plainSnippet(best.Snippet), URL: r.Article(f.Slug, best.Anchor)}
	}
	return ok(c, http.StatusOK, gin.H{"results": results})
}

// helpHeading is an entry of an article's table of contents.
type helpHeading struct {
	ID    string `json:"id"`
	Text  string `json:"text"`
	Level int    `json:"level"`
}

func (s *Server) helpArticle(c *gin.Context) error {
	r, err := s.readerOf(c.Request)
	if err != nil {
		return err
	}
	p, err := s.findArticle(c.Request.Context(), r, c.Param("slug"))
	if err != nil {
		return err
	}
	html, toc := r.render(p)
	headings := make([]helpHeading, len(toc))
	for i, h := range toc {
		headings[i] = helpHeading{h.Anchor, h.Text, h.Level}
	}
	return ok(c, http.StatusOK, gin.H{
		"slug": p.Article.Slug, "title": p.Version.Title, "description": p.Version.Description, "html": html, "locale": p.Version.Locale,
		"collection": p.Article.Collection, "version": p.Version.Number, "updated_at": p.Version.PublishedAt, "toc": headings,
	})
}

// slugPattern is what a slug looks like, as in the schema's CHECK.
var slugPattern = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)

// findArticle is Articles.Find; what cannot be a slug is not looked up. Why an article is not served is told to nobody.
func (s *Server) findArticle(ctx context.Context, r reader, slug string) (kb.Page, error) {
	if !slugPattern.MatchString(slug) {
		return kb.Page{}, fault.New(fault.NotFound, "article_not_found", "There is no such article.")
	}
	return s.Articles.Find(ctx, slug, r.Market, r.Locale, r.Audience)
}

// helpLink matches a link to another article in what RenderHTML wrote, where quotes within texts are escaped.
var helpLink = regexp.MustCompile(`href="(/help/[a-z0-9-]+)(#[^"?]*)?"`)

// render is an article's text as HTML that is safe in a page. Links to other articles stay with the reader's language,
// country and audience.
func (r reader) render(p kb.Page) (string, []kb.Heading) {
	html, toc := kb.RenderHTML(p.Version.Markdown, kb.RenderOptions{})
	query := "?" + strings.ReplaceAll(r.values().Encode(), "&", "&amp;")
	return helpLink.ReplaceAllString(html, `href="${1}`+query+`${2}"`), toc
}
