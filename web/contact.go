package web

import (
	"context"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/firstline/firstline/handoff"
	"github.com/firstline/firstline/handoff/triage"
	"github.com/firstline/firstline/internal/fault"
	"github.com/firstline/firstline/kb"
)

// contactOption is one way to get an answer.
type contactOption struct {
	Channel    string            `json:"channel"` // help_centre | chat
	With       string            `json:"with"`    // articles | assistant | person
	URL        string            `json:"url"`
	Team       string            `json:"team,omitempty"`
	Open       bool              `json:"open"`
	OpensAt    *time.Time        `json:"opens_at"`
	ClosesAt   *time.Time        `json:"closes_at"` // nil where it is closed, or open for longer than a month
	Notice     string            `json:"notice"`    // why it is closed although its hours say otherwise; "" for nothing to say
	AlwaysOpen bool              `json:"always_open"`
	Hours      *handoff.Schedule `json:"hours"` // in this market; nil where it is always open or has none
	Wait       *handoff.Wait     `json:"wait"`  // nil: nobody waits here, or the data are too thin to say
}

// The teams that an ordinary question reaches, by audience; as package handoff has them.
var ordinaryTeam = map[string]string{kb.Consumer: "general", kb.Merchant: "b2b"}

// contactOptions says how to reach help, when people are there, and how long one would wait.
func (s *Server) contactOptions(c *gin.Context) error {
	r, err := s.readerOf(c.Request)
	if err != nil {
		return err
	}
	ctx := c.Request.Context()
	team := ordinaryTeam[r.Audience]
	topic := c.Query("topic")
	if topic != "" {
		if team, err = s.teamOf(ctx, topic); err != nil {
			return err
		}
	}
	var article kb.Page
	if slug := c.Query("article"); slug != "" {
		if article, err = s.findArticle(ctx, r, slug); fault.Is(err, fault.NotFound) {
			return fault.Field("article", "unknown_article", "There is no such article for this reader; leave the parameter out.")
		}
		if err == nil && topic == "" {
			team, err = s.teamFor(ctx, r, &article)
		}
		if err != nil {
			return err
		}
	}
	ready, err := s.Desk.Ready(ctx, article.Article.Collection)
	if err != nil {
		return err
	}
	person, err := s.person(ctx, r, team)
	if err != nil {
		return err
	}
	return ok(c, http.StatusOK, gin.H{"market": r.Market, "locale": r.Locale, "topic": topic, "ready": ready, "channels": []contactOption{
		{Channel: "help_centre", With: "articles", URL: r.Link("/help"), Open: true, AlwaysOpen: true},
		{Channel: "chat", With: "assistant", URL: r.Chat(""), Open: true, AlwaysOpen: true},
		person,
	}})
}

func (s *Server) teamOf(ctx context.Context, topic string) (string, error) {
	topics, _, err := s.Desk.Topics(ctx)
	if err != nil {
		return "", err
	}
	for _, t := range topics {
		if t.Key == topic && t.Key != triage.None {
			return t.Team, nil
		}
	}
	return "", fault.Field("topic", "unknown_topic", "There is no such topic.")
}

// person is the way to a team's people.
func (s *Server) person(ctx context.Context, r reader, team string) (contactOption, error) {
	o := contactOption{Channel: "chat", With: "person", URL: r.Chat("")}
	t, place, err := s.Desk.Outlook(ctx, team, r.Market)
	if fault.Is(err, fault.Internal) { // no teams at all: nobody is there
		return o, nil
	}
	if err != nil {
		return o, err
	}
	o.Team, o.Open, o.OpensAt, o.Wait, o.Notice = t.Name, place.Open, place.OpensAt, place.Wait, place.Notice(r.Locale)
	if closes := t.Hours.Closes(r.Market, time.Now()); !closes.IsZero() {
		o.ClosesAt = &closes
	}
	if o.AlwaysOpen = t.Hours.AlwaysOpen; !o.AlwaysOpen {
		for _, key := range []string{r.Market, ""} {
			if sched, has := t.Hours.Markets[key]; has {
				o.Hours = &sched
				break
			}
		}
	}
	return o, nil
}
