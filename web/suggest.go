package web

import (
	"cmp"
	"context"
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/gin-gonic/gin"
	"golang.org/x/text/unicode/norm"

	"github.com/firstline/firstline/internal/fault"
	"github.com/firstline/firstline/kb"
	"github.com/firstline/firstline/retrieval"
)

// Limits of suggestions. They come while somebody types, so they are short, quick and ask no model.
const (
	maxSuggestions     = 8
	maxByTitle         = 5 // of which by the beginnings of a title's words
	minSuggested       = 2 // characters below which nothing is suggested
	suggestDeadline    = 2 * time.Second
	suggestsPerMinute  = 600 // that one address may ask for, where there are limits at all: offices share one
	judgementsOfMinute = 20  // the same for judging articles
)

// helpLimits bound what one address may ask of the help centre.
type helpLimits struct {
	suggests, lists, judgements *limiter
}

func newHelpLimits(limit int) helpLimits {
	on := min(limit, 1)
	return helpLimits{newLimiter(on * suggestsPerMinute), newLimiter(on * listsPerMinute), newLimiter(on * judgementsOfMinute)}
}

// helpRoutes registers what the help centre's pages and others ask for.
func (s *Server) helpRoutes(g groups) {
	g.v1.GET("/help/suggest", handle(s.helpSuggest))
	g.v1.GET("/help/starters", handle(s.helpStarters))
	g.v1.POST("/help/articles/:slug/feedback", handle(s.judgeArticle))
	g.admin.GET("/help/feedback", handle(s.judgedArticles))
}

// suggestion is an article that somebody may mean, at the section that fits best.
type suggestion struct {
	Slug           string `json:"slug"`
	Title          string `json:"title"`
	Locale         string `json:"locale"`
	Collection     string `json:"collection"`
	CollectionName string `json:"collection_name"`
	Anchor         string `json:"anchor"`
	Heading        string `json:"heading"`
	URL            string `json:"url"`
}

func (s *Server) helpSuggest(c *gin.Context) error {
	if !s.help.suggests.allow(sender(c.ClientIP())) {
		return fault.New(fault.RateLimited, "rate_limited", "Too many requests from your address. Please wait a minute.")
	}
	r, err := s.readerOf(c.Request)
	if err != nil {
		return err
	}
	all, err := s.suggest(c.Request.Context(), r, cleanQuery(c.Query("q")))
	if err != nil {
		return err
	}
	return ok(c, http.StatusOK, gin.H{"suggestions": all})
}

// suggest lists articles for what was typed so far: first those with titles whose words begin so, then what a search by
// words finds, misspelt ones included. Both read what the reader may read, at this moment.
func (s *Server) suggest(ctx context.Context, r reader, q string) ([]suggestion, error) {
	all := []suggestion{}
	if utf8.RuneCountInString(q) < minSuggested {
		return all, nil
	}
	ctx, cancel := context.WithTimeout(ctx, suggestDeadline)
	defer cancel()
	contents, err := s.Articles.Contents(ctx, r.Market, r.Locale, r.Audience)
	if err != nil {
		return nil, err
	}
	add := func(slug, title, locale, collection, anchor, heading string) {
		if len(all) < maxSuggestions && !slices.ContainsFunc(all, func(x suggestion) bool { return x.Slug == slug }) {
			all = append(all, suggestion{slug, title, locale, collection, collectionName(r.Locale, collection), anchor, heading, r.Article(slug, anchor)})
		}
	}
	for _, e := range byTitle(contents, q, r.Locale) {
		add(e.Slug, e.Title, e.Locale, e.Collection, "", "")
	}
	result, err := s.Searcher.Search(ctx, retrieval.Query{Text: q, Market: r.Market, Locale: r.Locale, Audience: r.Audience, Limit: 2 * maxSuggestions, Reader: true, Words: true})
	if err != nil {
		return nil, fault.Wrap(err, fault.Unavailable, "search_failed", "The search is not working at the moment. Please try again soon.")
	}
	if hopeless(result) {
		return all, nil
	}
	for _, p := range result.Passages {
		if p.Lexical < leastSuggested {
			continue
		}
		heading := ""
		if len(p.Headings) > 0 {
			heading = p.Headings[len(p.Headings)-1]
		}
		add(p.Slug, p.Title, p.Locale, p.Collection, p.Anchor, heading)
	}
	return all, nil
}

// leastSuggested is the share of the best passage's score below which a passage is no suggestion any more.
const leastSuggested = 0.35

// byTitle returns the entries with titles that have every word of q, the last of which may be unfinished: those in the
// reader's own language first, then those where it begins earlier, then short ones.
func byTitle(entries []kb.Entry, q, locale string) []kb.Entry {
	asked := foldedWords(q)
	if len(asked) == 0 {
		return nil
	}
	type hit struct {
		kb.Entry
		other, at int
	}
	var hits []hit
	for _, e := range entries {
		title := foldedWords(e.Title)
		first := -1
		matches := func(i int, w string) bool {
			at := slices.IndexFunc(title, func(t string) bool { return t == w || i == len(asked)-1 && strings.HasPrefix(t, w) })
			if i == 0 {
				first = at
			}
			return at >= 0
		}
		all := true
		for i, w := range asked {
			all = all && matches(i, w)
		}
		if all {
			h := hit{Entry: e, at: first}
			if e.Locale != locale {
				h.other = 1
			}
			hits = append(hits, h)
		}
	}
	slices.SortStableFunc(hits, func(a, b hit) int {
		return cmp.Or(cmp.Compare(a.other, b.other), cmp.Compare(a.at, b.at), cmp.Compare(len(a.Title), len(b.Title)))
	})
	out := make([]kb.Entry, 0, maxByTitle)
	for _, h := range hits[:min(len(hits), maxByTitle)] {
		out = append(out, h.Entry)
	}
	return out
}

// foldedWords are a text's words in lower case and without accents, as hurried people type them.
func foldedWords(s string) []string {
	s = strings.Map(func(r rune) rune {
		if unicode.Is(unicode.Mn, r) {
			return -1
		}
		return unicode.ToLower(r)
	}, norm.NFD.String(s))
	return word.FindAllString(s, -1)
}
