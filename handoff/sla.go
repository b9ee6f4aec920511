package handoff

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/firstline/firstline/internal/chat"
)

// The clocks of a handoff, as sla_clocks.kind has them.
const (
	firstReply = "first_reply" // from the handoff to the first answer of a person
	nextReply  = "next_reply"  // from the customer's message to the agent's answer, after the first
	resolution = "resolve"     // from the handoff to its end
	everyClock = ""            // for stopClock
)

// What a clock counts, as sla_clocks.counts has it.
const (
	business = "business" // the time in which the team is there
	wall     = "wall"     // all of it
)

// Deadlines for the first human answer where no topic sets one, by priority.
var defaultSLA = map[int]time.Duration{1: 2 * time.Minute, 2: 15 * time.Minute, 3: 30 * time.Minute, 4: 4 * time.Hour}

// requestSLA is the deadline for somebody who asked for a person.
const requestSLA = 3 * time.Minute

// warnAt is the part of a clock's time after which it warns, in percent, where no rule says otherwise.
const warnAt = 75

// ClockRule is what a team promises on a topic. Times are in seconds; 0 stands for the default: the topic's own time for the
// first reply and for each that follows, and none for the end.
type ClockRule struct {
	Counts     string `json:"counts,omitempty" yaml:"counts"` // business or wall; "" is wall for topics around the clock, or else business
	FirstReply int    `json:"first_reply_seconds,omitempty" yaml:"first_reply_seconds"`
	NextReply  int    `json:"next_reply_seconds,omitempty" yaml:"next_reply_seconds"`
	Resolve    int    `json:"resolve_seconds,omitempty" yaml:"resolve_seconds"`
	Warn       int    `json:"warn_percent,omitempty" yaml:"warn_percent"` // of a clock's time; 75 unless told
}

// longestClock bounds what a rule may promise: what takes longer is no promise.
const longestClock = 90 * 24 * 60 * 60

func (r ClockRule) validate() error {
	if r.Counts != "" && r.Counts != business && r.Counts != wall {
		return fmt.Errorf("counts %q is neither business nor wall", r.Counts)
	}
	for name, s := range map[string]int{"first_reply_seconds": r.FirstReply, "next_reply_seconds": r.NextReply, "resolve_seconds": r.Resolve} {
		if s < 0 || s > longestClock {
			return fmt.Errorf("%s %d is not between 0 and %d", name, s, longestClock)
		}
	}
	if r.Warn < 0 || r.Warn > 99 {
		return fmt.Errorf("warn_percent %d is not between 1 and 99", r.Warn)
	}
	return nil
}

// clockRule is the rule for a handoff of the team, with the defaults filled in.
func (d *Desk) clockRule(team Team, topic string, priority int) ClockRule {
	r, set := team.Rules.Clocks[topic]
	if !set {
		r = team.Rules.Clocks[""]
	}
	sla := defaultSLA[priority]
	t, known := (*d.topics.Load())[topic]
	if known && t.SLA > 0 {
		sla = t.SLA
	}
	if r.FirstReply == 0 {
		r.FirstReply = int(sla.Seconds())
	}
	if r.NextReply == 0 {
		r.NextReply = r.FirstReply
	}
	if r.Counts == "" {
		r.Counts = business
		if known && t.AroundTheClock {
			r.Counts = wall
		}
	}
	if r.Warn == 0 {
		r.Warn = warnAt
	}
	return r
}

// due is when so many seconds have passed by the rule's way of counting.
func (r ClockRule) due(team Team, market string, from time.Time, seconds int) time.Time {
	d := time.Duration(seconds) * time.Second
	if r.Counts == wall {
		return from.Add(d)
	}
	return team.Hours.Add(market, from, d)
}

// warning is when a clock that runs from from to due warns.
func (r ClockRule) warning(team Team, market string, from, due time.Time) time.Time {
	if r.Counts == business {
		if open := team.Hours.Between(market, from, due); open > 0 {
			return team.Hours.Add(market, from, open*time.Duration(r.Warn)/100)
		}
	}
	return from.Add(due.Sub(from) * time.Duration(r.Warn) / 100)
}

// deadline is when the first human answer is due, from now. Asked says that the customer asked for a person, who is due
// soon while the team is there.
func (d *Desk) deadline(team Team, s *chat.Session, topic string, priority int, asked bool) time.Time {
	r := d.clockRule(team, topic, priority)
	seconds := r.FirstReply
	if open, _ := team.Hours.At(s.Market, s.Now()); asked && open {
		seconds = min(seconds, int(requestSLA.Seconds()))
	}
	return r.due(team, s.Market, s.Now(), seconds)
}

// startClocks sets the handoff's clocks to what it is now. It is called in the session that makes a handoff and in each that
// gives it another team, priority or deadline; a clock that has stopped stays so, and one that gets more time has not
// warned of the new deadline yet. The clock of the end is set once: no transfer takes time from the customer.
func (d *Desk) startClocks(ctx context.Context, s *chat.Session, h Handoff, team Team) error {
	r := d.clockRule(team, deref(h.Topic), h.Priority)
	if h.DueAt != nil && h.FirstReplyAt == nil {
		_, err := s.Tx().Exec(ctx, `
			INSERT INTO sla_clocks AS c (handoff_id, kind, counts, target_seconds, started_at, warn_at, due_at)
			VALUES ($1, $2, $3, greatest(1, extract(epoch FROM $5::timestamptz - $4::timestamptz)::int), $4, $6, $5)
			ON CONFLICT (handoff_id, kind) DO UPDATE SET counts = EXCLUDED.counts, target_seconds = EXCLUDED.target_seconds, warn_at = EXCLUDED.warn_at, due_at = EXCLUDED.due_at,
				warned_at = CASE WHEN EXCLUDED.due_at <= c.due_at THEN c.warned_at END, breached_at = CASE WHEN EXCLUDED.due_at <= c.due_at THEN c.breached_at END
			WHERE c.stopped_at IS NULL AND c.due_at <> EXCLUDED.due_at`,
			h.ID, firstReply, r.Counts, h.QueuedAt, *h.DueAt, r.warning(team, h.Market, s.Now(), *h.DueAt))
		if err != nil {
			return err
		}
	}
	if r.Resolve > 0 {
		due := r.due(team, h.Market, h.QueuedAt, r.Resolve)
		_, err := s.Tx().Exec(ctx, `INSERT INTO sla_clocks (handoff_id, kind, counts, target_seconds, started_at, warn_at, due_at)
			VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING`,
			h.ID, resolution, r.Counts, r.Resolve, h.QueuedAt, r.warning(team, h.Market, h.QueuedAt, due), due)
		return err
	}
	return nil
}

func deref(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// stopClock stops one of the handoff's clocks, or everyClock that still runs. What has stopped keeps its time.
func (d *Desk) stopClock(ctx context.Context, tx pgx.Tx, h Handoff, kind string) error {
	_, err := tx.Exec(ctx, `UPDATE sla_clocks SET stopped_at = clock_timestamp() WHERE handoff_id = $1 AND ($2 = '' OR kind = $2) AND stopped_at IS NULL`,
		h.ID, kind)
	return err
}
