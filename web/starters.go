package web

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/firstline/firstline/internal/fault"
	"github.com/firstline/firstline/kb"
)

const (
	maxStarters  = 4
	startersFrom = 180 * 24 * time.Hour // how far back votes count for what is useful
)

// chatStarter is a question to begin a chat with: a heading of an article that asks, or its title.
type chatStarter struct {
	Text   string `json:"text"`
	Slug   string `json:"slug"`
	Locale string `json:"locale"`
}

// helpStarters says what a chat may begin with, as this reader may read it: of the article that they come from, or else of
// the articles that readers found most useful. Nothing is made up: each is a heading that asks, or the article's title.
func (s *Server) helpStarters(c *gin.Context) error {
	if !s.help.suggests.allow(sender(c.ClientIP())) {
		return fault.New(fault.RateLimited, "rate_limited", "Too many requests from your address. Please wait a minute.")
	}
	r, err := s.readerOf(c.Request)
	if err != nil {
		return err
	}
	ctx := c.Request.Context()
	all := []chatStarter{}
	if slug := c.Query("article"); slug != "" {
		p, err := s.findArticle(ctx, r, slug)
		if err != nil && !fault.Is(err, fault.NotFound) {
			return err
		}
		if err == nil && spoken(p.Version.Locale, r.Locale) {
			for _, q := range askedIn(p) {
				all = append(all, chatStarter{q, p.Article.Slug, p.Version.Locale})
			}
		}
	}
	if len(all) == 0 {
		if all, err = s.usefulStarters(ctx, r); err != nil {
			return err
		}
	}
	return ok(c, http.StatusOK, gin.H{"starters": all[:min(len(all), maxStarters)]})
}

// usefulStarters takes the titles of the most useful articles in the reader's own language.
func (s *Server) usefulStarters(ctx context.Context, r reader) ([]chatStarter, error) {
	contents, err := s.Articles.Contents(ctx, r.Market, r.Locale, r.Audience)
	if err != nil {
		return nil, err
	}
	votes, err := s.Articles.Votes(ctx, time.Now().Add(-startersFrom))
	if err != nil {
		return nil, err
	}
	contents = slices.DeleteFunc(contents, func(e kb.Entry) bool { return !spoken(e.Locale, r.Locale) })
	slices.SortStableFunc(contents, func(a, b kb.Entry) int { return votes[b.ArticleID] - votes[a.ArticleID] })
	all := []chatStarter{}
	shelves := map[string]int{} // where nobody has voted, every shelf has a say before one has two
	for most := 1; most <= maxStarters && len(all) < maxStarters; most++ {
		for _, e := range contents {
			if len(all) == maxStarters || shelves[e.Collection] >= most || slices.ContainsFunc(all, func(x chatStarter) bool { return x.Slug == e.Slug }) {
				continue
			}
			p, err := s.findArticle(ctx, r, e.Slug)
			if fault.Is(err, fault.NotFound) { // withdrawn meanwhile
				continue
			}
			if err != nil {
				return nil, err
			}
			shelves[e.Collection]++
			all = append(all, chatStarter{p.Version.Title, e.Slug, e.Locale}) // headings of many articles say nothing side by side
		}
	}
	return all, nil
}

// spoken reports whether a text in one locale is in the language of another.
func spoken(locale, reader string) bool {
	a, _, _ := strings.Cut(locale, "-")
	b, _, _ := strings.Cut(reader, "-")
	return a == b
}

// askedIn returns the questions that an article answers as a reader would put them, at least one: its headings that ask, and
// where there are none its title. What editors write down beside an article is how customers were heard to ask, not what to say
// to them.
func askedIn(p kb.Page) []string {
	var all []string
	_, toc := kb.RenderHTML(p.Version.Markdown, kb.RenderOptions{})
	for _, h := range toc {
		if q := strings.TrimSpace(h.Text); (strings.HasSuffix(q, "?") || strings.HasSuffix(q, "؟")) && len([]rune(q)) <= maxQuery && !slices.Contains(all, q) {
			all = append(all, q)
		}
	}
	if len(all) == 0 {
		all = append(all, p.Version.Title)
	}
	return all
}
