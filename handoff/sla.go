package handoff

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/firstline/firstline/internal/chat"
	"github.com/firstline/firstline/internal/wake"
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

// SLA is the clock of a handoff that is due first.
type SLA struct {
	Kind     string    `json:"kind"`   // first_reply, next_reply or resolve
	Counts   string    `json:"counts"` // business or wall
	DueAt    time.Time `json:"due_at"`
	WarnAt   time.Time `json:"warn_at"`
	Breached bool      `json:"breached"`
}

// slaColumn is the SLA of handoff h.
const slaColumn = `(SELECT jsonb_build_object('kind', k.kind, 'counts', k.counts, 'due_at', k.due_at, 'warn_at', k.warn_at,
	'breached', k.breached_at IS NOT NULL OR k.due_at <= now()) FROM sla_clocks k WHERE k.handoff_id = h.id AND k.stopped_at IS NULL ORDER BY k.due_at, k.kind LIMIT 1) AS sla`

// slaAtOnce bounds one look at the clocks; what is left is due at once, and the next look goes on.
const slaAtOnce = 64

// nextDue is when the first clock warns or breaches.
func (d *Desk) nextDue(ctx context.Context) (time.Time, error) {
	var next *time.Time
	err := d.pool.QueryRow(ctx, `SELECT least((SELECT min(warn_at) FROM sla_clocks WHERE stopped_at IS NULL AND warned_at IS NULL),
		(SELECT min(due_at) FROM sla_clocks WHERE stopped_at IS NULL AND breached_at IS NULL))`).Scan(&next)
	if err != nil || next == nil {
		return time.Time{}, err
	}
	return *next, nil
}

// watchClocks does what is due: a warning tells supervisors, and a breach tells them and makes the handoff more urgent by
// one, never the most urgent of all, which is for what it is about. It stays with its team. Whichever replica looks first
// does it; the row says that it was done.
func (d *Desk) watchClocks(ctx context.Context) error {
	_, err := d.pool.Exec(ctx, `
		WITH due AS (
			SELECT c.handoff_id, c.kind, c.due_at, c.due_at <= clock_timestamp() AND c.breached_at IS NULL AS breach, h.ended_at,
				h.team, h.topic, h.priority, h.state, h.agent_id, h.conversation_id
			FROM sla_clocks c JOIN handoffs h ON h.id = c.handoff_id
			WHERE (c.handoff_id, c.kind) IN (
				(SELECT handoff_id, kind FROM sla_clocks WHERE stopped_at IS NULL AND breached_at IS NULL AND due_at <= clock_timestamp() ORDER BY due_at LIMIT $1)
				UNION (SELECT handoff_id, kind FROM sla_clocks WHERE stopped_at IS NULL AND warned_at IS NULL AND warn_at <= clock_timestamp() ORDER BY warn_at LIMIT $1))
			-- Again by itself: this is what is asked of a row that another replica had while this one looked.
			AND c.stopped_at IS NULL AND (c.breached_at IS NULL AND c.due_at <= clock_timestamp() OR c.warned_at IS NULL AND c.warn_at <= clock_timestamp())
			FOR NO KEY UPDATE OF h, c SKIP LOCKED
		), marked AS (
			UPDATE sla_clocks c SET warned_at = COALESCE(c.warned_at, clock_timestamp()), stopped_at = due.ended_at,
				breached_at = CASE WHEN due.breach AND due.ended_at IS NULL THEN clock_timestamp() ELSE c.breached_at END
			FROM due WHERE c.handoff_id = due.handoff_id AND c.kind = due.kind
		), raised AS (
			UPDATE handoffs h SET priority = h.priority - 1 FROM (SELECT DISTINCT handoff_id FROM due WHERE breach AND ended_at IS NULL) b
			WHERE h.id = b.handoff_id AND h.priority > 2
		), told AS (
			INSERT INTO alerts (id, kind, team, handoff_id, subject, detail)
			SELECT gen_random_uuid(), CASE WHEN breach THEN 'sla_breach' ELSE 'sla_warning' END, team, handoff_id, handoff_id || ' ' || kind,
				jsonb_build_object('clock', kind, 'due_at', due_at, 'priority', priority, 'topic', topic, 'state', state, 'conversation_id', conversation_id)
			FROM due WHERE ended_at IS NULL ON CONFLICT DO NOTHING
		)
		INSERT INTO audit (actor, action, subject, detail)
		SELECT 'router', 'handoff.sla_breach', handoff_id::text, jsonb_build_object('clock', kind, 'due_at', due_at, 'priority', priority)
		FROM due WHERE breach AND ended_at IS NULL`, slaAtOnce)
	if err != nil {
		return fmt.Errorf("sla clocks: %w", err)
	}
	d.bus.Notify(wake.Queue, "")
	return nil
}

// awaiting are the conversations in which the customer wrote after the agent's last answer and no clock runs for the next:
// of one conversation, or of all. The first answer has a clock of its own.
const awaiting = `
	SELECT h.conversation_id FROM handoffs h JOIN conversations c ON c.id = h.conversation_id
	WHERE h.state = 'accepted' AND h.first_reply_at IS NOT NULL AND ($1::uuid IS NULL OR h.conversation_id = $1)
	  AND NOT EXISTS (SELECT FROM sla_clocks k WHERE k.handoff_id = h.id AND k.kind = '` + nextReply + `' AND k.stopped_at IS NULL)
	  AND c.customer_seq > COALESCE((SELECT m.seq FROM messages m WHERE m.conversation_id = c.id AND m.author = 'agent' AND m.visibility = 'public'
		ORDER BY m.seq DESC LIMIT 1), 0) LIMIT $2`

// customerAwaits starts the clock of the next reply, unless it runs already or the message was answered meanwhile.
func (d *Desk) customerAwaits(ctx context.Context, conversation uuid.UUID, _ int64) error {
	var found uuid.UUID
	err := d.pool.QueryRow(ctx, awaiting, conversation, 1).Scan(&found)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil
	}
	if err != nil {
		return err
	}
	return d.record.Do(ctx, conversation, func(ctx context.Context, s *chat.Session) error {
		// Again behind the lock: an agent may be answering at this moment.
		if err := s.Tx().QueryRow(ctx, awaiting, conversation, 1).Scan(&found); err != nil {
			if errors.Is(err, pgx.ErrNoRows) {
				return nil
			}
			return err
		}
		h, err := findHandoff(ctx, s.Tx(), `h.conversation_id = $1 AND h.ended_at IS NULL`, conversation)
		if err != nil {
			return err
		}
		team, err := findTeam(ctx, s.Tx(), h.Team)
		if err != nil {
			return err
		}
		r := d.clockRule(team, deref(h.Topic), h.Priority)
		due := r.due(team, h.Market, s.Now(), r.NextReply)
		_, err = s.Tx().Exec(ctx, `INSERT INTO sla_clocks (handoff_id, kind, counts, target_seconds, started_at, warn_at, due_at)
			VALUES ($1, $2, $3, $4, $5, $6, $7)
			ON CONFLICT (handoff_id, kind) DO UPDATE SET counts = EXCLUDED.counts, target_seconds = EXCLUDED.target_seconds, started_at = EXCLUDED.started_at,
				warn_at = EXCLUDED.warn_at, due_at = EXCLUDED.due_at, warned_at = NULL, breached_at = NULL, stopped_at = NULL`,
			h.ID, nextReply, r.Counts, r.NextReply, s.Now(), r.warning(team, h.Market, s.Now(), due), due)
		s.AfterCommit(func() { d.bus.Notify(wake.Queue, "") })
		return err
	})
}

// missedEvery is how often messages are looked for whose clock was never started, because the process that stored them
// ended before it told the desk.
const missedEvery = 10 * time.Second

// missed is the ticker that finds them. Every replica looks; the row's lock and the second look behind it keep them apart.
func (d *Desk) missed() Ticker {
	var next time.Time
	return Ticker{
		Name: "replies awaited",
		Next: func(ctx context.Context) (time.Time, error) {
			if !next.IsZero() {
				return next, nil
			}
			var err error
			next, err = d.clock(ctx)
			return next, err
		},
		Run: func(ctx context.Context) error {
			now, err := d.clock(ctx)
			if err != nil {
				return err
			}
			next = now.Add(missedEvery)
			rows, err := d.pool.Query(ctx, awaiting, nil, slaAtOnce)
			if err != nil {
				return err
			}
			all, err := pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
			if err != nil {
				return err
			}
			for _, id := range all {
				if err := d.customerAwaits(ctx, id, 0); err != nil {
					return err
				}
			}
			return nil
		},
	}
}
