package handoff

import (
	"context"
	"encoding/json"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/firstline/firstline/internal/fault"
	"github.com/firstline/firstline/internal/wake"
)

// Alert tells supervisors of something that somebody should look after.
type Alert struct {
	ID             uuid.UUID       `json:"id"`
	Kind           string          `json:"kind"` // sla_warning, sla_breach, nobody_left, agent_gone, delivery_dead
	Team           *string         `json:"team"`
	HandoffID      *uuid.UUID      `json:"handoff_id"`
	ConversationID *uuid.UUID      `json:"conversation_id"`
	AgentName      *string         `json:"agent_name"` // who has the conversation now
	Over           bool            `json:"over"`       // the handoff has ended, or its clock has stopped
	Detail         json.RawMessage `json:"detail"`
	MadeAt         time.Time       `json:"made_at"`
}

// alertsShown bounds the list: whoever has more than these has other worries.
const alertsShown = 200

// errNotALead is the answer to whoever leads nobody.
var errNotALead = fault.New(fault.Forbidden, "not_a_lead", "Only supervisors and admins may see and do this.")

// Alerts returns what no supervisor has seen to yet, the newest first. A warning counts until its
// clock stops or is late.
func (d *Desk) Alerts(ctx context.Context, a Agent) ([]Alert, error) {
	if !a.Supervises() {
		return nil, errNotALead
	}
	rows, err := d.pool.Query(ctx, `
		SELECT id, kind, team, handoff_id, conversation_id, agent_name, over, detail, made_at FROM (
			SELECT l.id, l.kind, l.team, l.handoff_id, h.conversation_id, a.name AS agent_name, l.detail, l.made_at,
				COALESCE(h.ended_at IS NOT NULL OR k.stopped_at IS NOT NULL, false) AS over,
				l.kind = 'sla_warning' AND (h.ended_at IS NOT NULL OR k.stopped_at IS NOT NULL OR k.breached_at IS NOT NULL) AS stale
			FROM alerts l LEFT JOIN handoffs h ON h.id = l.handoff_id LEFT JOIN agents a ON a.id = h.agent_id
			LEFT JOIN sla_clocks k ON k.handoff_id = l.handoff_id AND k.kind = l.detail->>'clock'
			WHERE l.seen_at IS NULL) x
		WHERE stale IS NOT TRUE
		ORDER BY made_at DESC, id LIMIT $1`, alertsShown)
	if err != nil {
		return nil, err
	}
	all, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Alert])
	return append([]Alert{}, all...), err
}

// Seen takes an alert off the list. Said twice, the first counts.
func (d *Desk) Seen(ctx context.Context, a Agent, id uuid.UUID) error {
	if !a.Supervises() {
		return errNotALead
	}
	tag, err := d.pool.Exec(ctx, `UPDATE alerts SET seen_by = COALESCE(seen_by, $2), seen_at = COALESCE(seen_at, now()) WHERE id = $1`, id, a.ID)
	if err != nil {
		return err
	}
	if tag.RowsAffected() == 0 {
		return fault.New(fault.NotFound, "alert_not_found", "There is no such alert.")
	}
	d.bus.Notify(wake.Queue, "")
	return nil
}
