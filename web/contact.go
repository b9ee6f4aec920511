package web

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/jackc/pgx/v5"

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
	AlwaysOpen bool              `json:"always_open"`
	Hours      *handoff.Schedule `json:"hours"` // in this market; nil where it is always open or has none
	Wait       *handoff.Wait     `json:"wait"`  // nil: nobody waits here, or too few did lately to say
}

// What is said about waits comes from those that people had: of handoffs accepted by the team in the last 12 hours, from the
// quarter that waited least to the tenth that waited most, and nothing at all of fewer than five.
const recentWaits = `
	SELECT count(*), COALESCE(percentile_cont(0.25) WITHIN GROUP (ORDER BY w), 0)::float8, COALESCE(percentile_cont(0.9) WITHIN GROUP (ORDER BY w), 0)::float8
	FROM (SELECT extract(epoch FROM accepted_at - queued_at) AS w FROM handoffs WHERE team = $1 AND accepted_at > now() - interval '12 hours') recent`

// fewWaits is how few waits say nothing.
const fewWaits = 5

// The teams that an ordinary question reaches, by audience; as package handoff has them.
var ordinaryTeam = map[string]string{kb.Consumer: "general", kb.Merchant: "b2b"}

// contactOptions says how to reach help, when people are there, and how long others waited.
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
	person, err := s.person(ctx, r, team)
	if err != nil {
		return err
	}
	return ok(c, http.StatusOK, gin.H{"market": r.Market, "locale": r.Locale, "topic": topic, "channels": []contactOption{
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
	var hours handoff.Hours
	// A team that nobody has set up is stood in for by the general one, as at a handoff.
	err := s.Pool.QueryRow(ctx, `SELECT key, name, hours FROM teams WHERE key IN ($1, $2) ORDER BY key = $1 DESC LIMIT 1`, team, ordinaryTeam[kb.Consumer]).
		Scan(&team, &o.Team, &hours)
	if errors.Is(err, pgx.ErrNoRows) { // no teams at all: nobody is there
		return o, nil
	}
	if err != nil {
		return o, err
	}
	var opens time.Time
	if o.Open, opens = hours.At(r.Market, time.Now()); !o.Open && !opens.IsZero() {
		o.OpensAt = &opens
	}
	if o.AlwaysOpen = hours.AlwaysOpen; !o.AlwaysOpen {
		for _, key := range []string{r.Market, ""} {
			if sched, has := hours.Markets[key]; has {
				o.Hours = &sched
				break
			}
		}
	}
	var n int
	var low, high float64
	if err := s.Pool.QueryRow(ctx, recentWaits, team).Scan(&n, &low, &high); err != nil {
		return o, err
	}
	if o.Open && n >= fewWaits {
		o.Wait = &handoff.Wait{LowSeconds: halfMinutes(low), HighSeconds: max(halfMinutes(high), 30)}
	}
	return o, nil
}

// halfMinutes rounds seconds up to half minutes.
func halfMinutes(s float64) int { return (int(s) + 29) / 30 * 30 }
