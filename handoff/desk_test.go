package handoff

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/firstline/firstline/handoff/triage"
	"github.com/firstline/firstline/internal/auth"
	"github.com/firstline/firstline/internal/chat"
	"github.com/firstline/firstline/internal/fault"
	"github.com/firstline/firstline/internal/postgres/pgtest"
	"github.com/firstline/firstline/internal/wake"
)

// bundle is a desk over a database of its own, with four teams.
type bundle struct {
	pool  *pgxpool.Pool
	rec   *chat.Record
	desk  *Desk
	staff *auth.Store
}

var testTopics = map[string]triage.Topic{
	"theft":  {Key: "theft", Priority: 1, Team: "fraud", SLA: 2 * time.Minute},
	"pay":    {Key: "pay", Priority: 3, Team: "payments", SLA: 30 * time.Minute},
	"money":  {Key: "money", Priority: 3, Team: "payments", SLA: 30 * time.Minute, Group: "money"},
	"late":   {Key: "late", Priority: 4, Team: "night", SLA: time.Hour},
	"lonely": {Key: "lonely", Priority: 3, Team: "nobody", SLA: time.Hour},
}

func setup(t *testing.T) *bundle {
	t.Helper()
	pool := pgtest.New(t)
	quiet := slog.New(slog.DiscardHandler)
	bus := wake.New(pool, quiet)
	rec, err := chat.Open(t.Context(), pool, bus, quiet, chat.Options{})
	if err != nil {
		t.Fatal(err)
	}
	b := &bundle{pool: pool, rec: rec, desk: NewDesk(pool, rec, bus, quiet, Options{OfferFor: time.Hour}), staff: auth.NewStore(pool)}
	b.desk.SetTopics(testTopics)
	always := Hours{AlwaysOpen: true}
	never := Hours{Markets: map[string]Schedule{"": {TimeZone: "Europe/Berlin"}}}
	if err := b.desk.SaveTeams(t.Context(), []TeamSeed{
		{Key: "general", Name: "General support", Hours: always},
		{Key: "payments", Name: "Payments", Hours: always, Fallback: "general"},
		{Key: "fraud", Name: "Fraud", Hours: always},
		{Key: "b2b", Name: "Merchants", Hours: always},
		{Key: "night", Name: "Night", Hours: never},
	}); err != nil {
		t.Fatal(err)
	}
	return b
}

// agent saves somebody who is online and connected.
func (b *bundle) agent(t *testing.T, a Agent) Agent {
	t.Helper()
	teams := a.Teams
	a.Email = strings.ToLower(a.Name) + "@larkpay.example"
	if a.Role == "" {
		a.Role = "agent"
	}
	if a.Capacity == 0 {
		a.Capacity = 4
	}
	a, err := b.staff.Save(t.Context(), a)
	if err != nil {
		t.Fatal(err)
	}
	a.Teams = teams
	b.present(t, a)
	return a
}

func (b *bundle) present(t *testing.T, a Agent) {
	t.Helper()
	if err := b.desk.SetPresence(t.Context(), a, "online"); err != nil {
		t.Fatal(err)
	}
	if err := b.desk.Connected(t.Context(), a, time.Now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
}

// talk starts a conversation in which the customer has written the messages.
func (b *bundle) talk(t *testing.T, market, locale string, messages ...string) uuid.UUID {
	t.Helper()
	c, err := b.rec.Start(t.Context(), chat.NewConversation{Channel: "web", Market: market, Locale: locale, Audience: "consumer",
		Customer: chat.Person{ID: "c-1", Name: "Kim", Verified: true}, Greeting: "Hello, I am an AI."})
	if err != nil {
		t.Fatal(err)
	}
	for i, m := range messages {
		b.say(t, c.ID, fmt.Sprint(i), m)
	}
	return c.ID
}

func (b *bundle) say(t *testing.T, id uuid.UUID, client, text string) chat.Receipt {
	t.Helper()
	r, err := b.rec.Receive(t.Context(), id, chat.Inbound{ClientID: client, Text: text})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// handOff makes a handoff on a topic ("" for none) in a session of its own.
func (b *bundle) handOff(t *testing.T, id uuid.UUID, topic string) Handoff {
	t.Helper()
	var h Handoff
	err := b.rec.Do(t.Context(), id, func(ctx context.Context, s *chat.Session) (err error) {
		p := 4
		if topic != "" {
			p = testTopics[topic].Priority
		}
		h, err = b.desk.HandOff(ctx, s, Request{Reason: "low_confidence", Explanation: "Unsure.", Topic: topic, Priority: p, Language: s.Locale, Sentiment: "calm"})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func (b *bundle) route(t *testing.T) {
	t.Helper()
	if err := b.desk.Route(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func (b *bundle) exec(t *testing.T, sql string, args ...any) {
	t.Helper()
	if _, err := b.pool.Exec(t.Context(), sql, args...); err != nil {
		t.Fatal(err)
	}
}

// expire lets every open offer's time run out.
func (b *bundle) expire(t *testing.T) {
	t.Helper()
	b.exec(t, `UPDATE offers SET expires_at = now() - interval '1 second' WHERE outcome = 'open'`)
}

// handoff reads a handoff again.
func (b *bundle) handoff(t *testing.T, id uuid.UUID) Handoff {
	t.Helper()
	h, err := findHandoff(t.Context(), b.pool, `h.id = $1`, id)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// lines are the desk's notices to the customer.
func (b *bundle) lines(t *testing.T, id uuid.UUID) []string {
	t.Helper()
	ms, err := b.rec.Messages(t.Context(), id, 0, 500, false)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, m := range ms {
		if m.Author == chat.System {
			out = append(out, m.Text)
		}
	}
	return out
}

func code(err error) string {
	var f *fault.Error
	if errors.As(err, &f) {
		return f.Code
	}
	return fmt.Sprint(err)
}

func wantCode(t *testing.T, err error, codes ...string) {
	t.Helper()
	if !slices.Contains(codes, code(err)) {
		t.Errorf("got %v, want %v", err, codes)
	}
}

// waiting returns once n statements wait for locks.
func (b *bundle) waiting(t *testing.T, n int) {
	t.Helper()
	for got := 0; got < n; time.Sleep(time.Millisecond) {
		err := b.pool.QueryRow(t.Context(), `SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`).Scan(&got)
		if err != nil {
			t.Fatal(err)
		}
	}
}
