package handoff

import (
	"context"
	"math"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// Wait is an honest range; it is absent where the desk's own data are too thin to say anything.
type Wait struct {
	LowSeconds  int `json:"low_seconds"`
	HighSeconds int `json:"high_seconds"`
}

// Place is where a handoff stands: its position among those of its team, the wait, and the opening hours.
type Place struct {
	Position int        `json:"position"` // 1 is next; 0 when it is not waiting
	Wait     *Wait      `json:"wait"`     // nil: unknown
	Open     bool       `json:"open"`
	OpensAt  *time.Time `json:"opens_at"`
	Zone     string     `json:"-"`
	Base     float64    `json:"-"` // seconds that Wait was made of; 0 where it is nil
	TeamName string     `json:"team"`
}

// Event is the data of a handoff event, as the wire gives it.
type Event struct {
	ID       uuid.UUID  `json:"id"`
	State    State      `json:"state"`
	Reason   string     `json:"reason"`
	Position int        `json:"position"`
	Wait     *Wait      `json:"wait"`
	Open     bool       `json:"open"`
	OpensAt  *time.Time `json:"opens_at"`
	Team     string     `json:"team"`
	Summary  string     `json:"summary"` // in the customer's language

	Intake *IntakeAsked `json:"intake"` // what to ask the customer for; nil for nothing
}

func (p Place) event(h Handoff) Event {
	return Event{ID: h.ID, State: h.State, Reason: h.Reason, Position: p.Position, Wait: p.Wait, Open: p.Open, OpensAt: p.OpensAt, Team: p.TeamName, Summary: h.CustomerSummary, Intake: h.Intake.asked()}
}

// NewEvent is the handoff's event at its present place.
func NewEvent(h Handoff, p Place) Event { return p.event(h) }

// thin is how few people served lately make every estimate a guess.
const thin = 5

// recent is how far back the desk's own data count.
const recent = "12 hours"

// place counts who is ahead and estimates the wait as the larger of queue length times recent handling time over agents
// at work, and the wait of the last one to enter service (the latter is the better predictor when load changes; Ibrahim
// and Whitt, "Real-time delay estimation based on delay history", 2009).
func (d *Desk) place(ctx context.Context, q db, h Handoff, team Team, now time.Time) (Place, error) {
	open, opens := team.Hours.At(h.Market, now)
	p := Place{Open: open, Zone: team.Hours.Zone(h.Market)}
	if !open && !opens.IsZero() {
		p.OpensAt = &opens
	}
	var agents, served int
	var handling, last float64
	err := q.QueryRow(ctx, `
		SELECT
			(SELECT name FROM teams WHERE key = $1),
			CASE WHEN $3 IN ('queued', 'offered', 'asynchronous') THEN 1 + (SELECT count(*) FROM handoffs o
				WHERE o.team = $1 AND o.state IN ('queued', 'offered', 'asynchronous') AND o.id <> $2 AND (o.rank, o.id) < (SELECT me.rank, me.id FROM handoffs me WHERE me.id = $2))
				ELSE 0 END,
			(SELECT count(*) FROM agents a JOIN agent_teams t ON t.agent_id = a.id
				WHERE t.team = $1 AND a.presence = 'online' AND a.connected_until > now() AND a.capacity > 0),
			count(*), COALESCE(avg(extract(epoch FROM COALESCE(ended_at, now()) - accepted_at)), 0)::float8,
			COALESCE((array_agg(extract(epoch FROM accepted_at - queued_at) ORDER BY accepted_at DESC))[1], 0)::float8
		FROM handoffs WHERE team = $1 AND accepted_at > now() - interval '`+recent+`'`,
		h.Team, h.ID, h.State).Scan(&p.TeamName, &p.Position, &agents, &served, &handling, &last)
	if err != nil {
		return p, err
	}
	if open && p.Position > 0 && agents > 0 && served >= thin {
		s := math.Max(float64(p.Position)*handling/float64(agents), last)
		p.Base = s
		p.Wait = &Wait{LowSeconds: roundUp(s * 0.5), HighSeconds: roundUp(s * 1.8)}
	}
	return p, nil
}

// sample keeps what a customer was shown when the handoff was made, so that it can be held against how long it took.
func (d *Desk) sample(ctx context.Context, tx pgx.Tx, h Handoff, p Place) error {
	var base *float64
	var low, high *int
	if p.Wait != nil {
		base, low, high = &p.Base, &p.Wait.LowSeconds, &p.Wait.HighSeconds
	}
	_, err := tx.Exec(ctx, `INSERT INTO wait_samples (handoff_id, team, position, base_seconds, low_seconds, high_seconds) VALUES ($1, $2, $3, $4, $5, $6)
		ON CONFLICT (handoff_id) DO NOTHING`, h.ID, h.Team, p.Position, base, low, high)
	return err
}

// roundUp rounds seconds up to what people say: half minutes below five minutes, whole minutes above.
func roundUp(s float64) int {
	step := 30.0
	if s > 300 {
		step = 60
	}
	return int(math.Max(step, math.Ceil(s/step)*step))
}
