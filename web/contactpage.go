package web

import (
	"context"
	"net/http"
	"regexp"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/firstline/firstline/handoff"
	"github.com/firstline/firstline/internal/fault"
	"github.com/firstline/firstline/kb"
)

// contactView is how to reach help, as the pages show it.
type contactView struct {
	Chat   string // address of the chat
	Open   bool
	Team   string // "" where nobody knows
	Status string
	Wait   string // "" while it is closed
	Notice string
	Later  bool // closed: what is written now is answered later
	Ready  []string
	See    *kb.Heading // section of the article that says what to have ready
}

// contactOf is how a reader gets an answer that the article did not give; without an article, to any question. Teams and
// waits that cannot be read are left out: the page says then that the wait is not known.
func (p *pageServer) contactOf(c *gin.Context, r reader, page *kb.Page, toc []kb.Heading) *contactView {
	ctx := c.Request.Context()
	v := &contactView{Chat: r.Chat(""), Wait: helpText(r.Locale, "wait_unknown")}
	if page != nil {
		v.Chat = r.Chat(page.Article.Slug)
	}
	collection := ""
	if page != nil {
		collection = page.Article.Collection
		if len(toc) > 0 && aboutContact.MatchString(toc[len(toc)-1].Text) {
			v.See = &toc[len(toc)-1]
		}
	}
	ready, err := p.Desk.Ready(ctx, collection)
	if err != nil {
		_ = c.Error(err)
		return v
	}
	for _, field := range ready {
		v.Ready = append(v.Ready, helpText(r.Locale, "ready_"+field))
	}
	team, err := p.teamFor(ctx, r, page)
	if err != nil {
		_ = c.Error(err)
		return v
	}
	o, err := p.person(ctx, r, team)
	if err != nil {
		_ = c.Error(err)
		return v
	}
	v.Open, v.Team, v.Notice, v.Later = o.Open, o.Team, o.Notice, !o.Open
	v.Status, v.Wait = openText(r.Locale, o, time.Now()), ""
	if o.Open {
		v.Wait = waitText(r.Locale, o.Wait)
	}
	return v
}

// aboutContact matches the last section of an article where it says when to contact the company, and what with.
var aboutContact = regexp.MustCompile(`(?i)contact|kontakt|اتصل|تواصل`)

// teamFor is the team that a reader of the article would reach: the one that its title would be routed to if a customer
// wrote it, and otherwise the one for ordinary questions. nil is for no article.
func (s *Server) teamFor(ctx context.Context, r reader, page *kb.Page) (string, error) {
	if page != nil && s.Alarm != nil {
		if a, alarmed := s.Alarm(page.Version.Title, page.Version.Locale); alarmed && a.Topic != "" {
			team, err := s.teamOf(ctx, a.Topic)
			if !fault.Is(err, fault.Invalid) { // which is a topic that is gone
				return team, err
			}
		}
	}
	return ordinaryTeam[r.Audience], nil
}

// openText says whether people are there, and until when or from when on.
func openText(locale string, o contactOption, now time.Time) string {
	zone := ""
	if o.Hours != nil {
		zone = o.Hours.TimeZone
	}
	switch {
	case o.Open && o.AlwaysOpen:
		return helpText(locale, "open_always")
	case o.Open && o.ClosesAt != nil:
		return helpText(locale, "open_until", whenText(locale, *o.ClosesAt, now, zone))
	case o.Open:
		return helpText(locale, "open_now")
	case o.OpensAt != nil:
		return helpText(locale, "closed_until", whenText(locale, *o.OpensAt, now, zone))
	}
	return helpText(locale, "closed_now")
}

// waitText says how long one waits for a person: in whole minutes, rounded away from a promise, or that nobody knows.
func waitText(locale string, w *handoff.Wait) string {
	if w == nil {
		return helpText(locale, "wait_unknown")
	}
	low, high := max(1, w.LowSeconds/60), max(1, (w.HighSeconds+59)/60)
	switch {
	case high == 1:
		return helpText(locale, "wait_soon")
	case low >= high:
		return helpText(locale, "wait_about", high)
	}
	return helpText(locale, "wait_between", low, high)
}

// contactPage says how to reach help. With ?article=SLUG it is about what that article left open.
func (p *pageServer) contactPage(c *gin.Context) error {
	v := p.view(c)
	var page *kb.Page
	if slug := c.Query("article"); slug != "" {
		found, err := p.findArticle(c.Request.Context(), v.R, slug)
		if err == nil {
			page = &found
		} else if !fault.Is(err, fault.NotFound) {
			return err
		}
	}
	v.Title, v.Description, v.Path = helpText(v.R.Locale, "contact_page"), helpText(v.R.Locale, "contact_lead"), "/contact"
	v.Page = p.contactOf(c, v.R, page, nil)
	if page != nil {
		v.Slug = page.Article.Slug
	}
	p.findable(&v, v.Path, v.R, p.everyLocale(v.R, v.Path))
	p.write(c, http.StatusOK, "contact", v)
	return nil
}
