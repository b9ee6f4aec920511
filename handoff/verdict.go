package handoff

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/firstline/firstline/internal/fault"
)

// Verdict is what an agent says of a handoff: whether it came to people as it should have.
type Verdict struct {
	Verdict string  `json:"verdict"`        // one of Verdicts
	Team    *string `json:"team,omitempty"` // the right one, for wrong_team
}

// Verdicts are what can be said of a handoff, in the order of their keys at the desk.
var Verdicts = []string{"right", "too_early", "too_late", "wrong_team"}

// Judge keeps the agent's verdict; each agent has one, and the newest counts.
func (d *Desk) Judge(ctx context.Context, handoff uuid.UUID, a Agent, v Verdict) error {
	if !slices.Contains(Verdicts, v.Verdict) {
		return fault.Field("verdict", "unknown_verdict", "Use right, too_early, too_late or wrong_team.")
	}
	if v.Team != nil && v.Verdict != "wrong_team" {
		return fault.Field("team", "not_here", "Name a team only where it came to the wrong one.")
	}
	var conversation uuid.UUID
	err := d.pool.QueryRow(ctx, `SELECT conversation_id FROM handoffs WHERE id = $1`, handoff).Scan(&conversation)
	if errors.Is(err, pgx.ErrNoRows) {
		return fault.New(fault.NotFound, "handoff_not_found", "There is no such handoff.")
	}
	if err == nil {
		err = d.MayRead(ctx, conversation, a)
	}
	if err != nil {
		return err
	}
	tag, err := d.pool.Exec(ctx, `
		INSERT INTO handoff_verdicts (handoff_id, agent_id, verdict, team)
		SELECT $1, $2, $3, $4 WHERE $4::text IS NULL OR EXISTS (SELECT FROM teams WHERE key = $4)
		ON CONFLICT (handoff_id, agent_id) DO UPDATE SET verdict = EXCLUDED.verdict, team = EXCLUDED.team, at = now()`, handoff, a.ID, v.Verdict, v.Team)
	if err == nil && tag.RowsAffected() == 0 {
		err = fault.Field("team", "unknown_team", "There is no team %q.", *v.Team)
	}
	return err
}

// VerdictOf returns the agent's verdict on a handoff, or nil.
func (d *Desk) VerdictOf(ctx context.Context, handoff uuid.UUID, a Agent) (*Verdict, error) {
	var v Verdict
	err := d.pool.QueryRow(ctx, `SELECT verdict, team FROM handoff_verdicts WHERE handoff_id = $1 AND agent_id = $2`, handoff, a.ID).Scan(&v.Verdict, &v.Team)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil
	}
	return &v, err
}

// Judged is a handoff with a verdict, and the decision that it was made by.
type Judged struct {
	Handoff  uuid.UUID
	Reason   string
	Topic    string // "" for none
	Team     string // where it came to first
	Verdict  string
	Right    string     // the right team, where the agent named one
	Turn     *uuid.UUID // that decided; nil where a person did
	Before   *uuid.UUID // the turn before it in the conversation; nil for none
	Audience string
	At       time.Time // of the verdict
}

// TeamFor is the key of the team that a handoff on a topic comes to now; "" is for none.
func (d *Desk) TeamFor(topic, audience string) string { return d.teamOf(topic, audience) }

// Judgements returns handoffs with their newest verdicts, oldest first, those of one handoff by several agents each.
func (d *Desk) Judgements(ctx context.Context) ([]Judged, error) {
	rows, err := d.pool.Query(ctx, `
		SELECT h.id, h.reason, COALESCE(h.topic, ''), COALESCE((SELECT team FROM handoff_steps WHERE handoff_id = h.id ORDER BY id LIMIT 1), h.team),
			v.verdict, COALESCE(v.team, ''), t.id, (SELECT b.id FROM turns b WHERE b.conversation_id = t.conversation_id AND b.from_seq < t.from_seq
				AND b.state = 'done' AND b.decision IS NOT NULL ORDER BY b.from_seq DESC, b.to_seq DESC LIMIT 1), c.audience, v.at
		FROM handoff_verdicts v JOIN handoffs h ON h.id = v.handoff_id JOIN conversations c ON c.id = h.conversation_id
		LEFT JOIN turns t ON t.id = h.turn_id ORDER BY v.at, h.id, v.agent_id`)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[Judged])
}
