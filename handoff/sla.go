package handoff

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/firstline/firstline/internal/chat"
)

// The clocks of a handoff, as sla_clocks.kind has them.
const (
	firstReply = "first_reply"
	everyClock = "" // for stopClock
)

// startClocks sets the handoff's clocks to what it is now. It is called in the session that makes a handoff and in each that
// gives it another team, priority or deadline; a clock that has stopped stays so, and one that gets more time has not
// warned of the new deadline yet.
func (d *Desk) startClocks(ctx context.Context, s *chat.Session, h Handoff, team Team) error {
	if h.DueAt == nil || h.FirstReplyAt != nil {
		return nil
	}
	_, err := s.Tx().Exec(ctx, `
		INSERT INTO sla_clocks AS c (handoff_id, kind, counts, target_seconds, started_at, warn_at, due_at)
		VALUES ($1, $2, 'wall', greatest(1, extract(epoch FROM $4::timestamptz - $3::timestamptz)::int), $3, $4, $4)
		ON CONFLICT (handoff_id, kind) DO UPDATE SET target_seconds = EXCLUDED.target_seconds, warn_at = EXCLUDED.warn_at, due_at = EXCLUDED.due_at,
			warned_at = CASE WHEN EXCLUDED.due_at <= c.due_at THEN c.warned_at END, breached_at = CASE WHEN EXCLUDED.due_at <= c.due_at THEN c.breached_at END
		WHERE c.stopped_at IS NULL AND c.due_at <> EXCLUDED.due_at`, h.ID, firstReply, h.QueuedAt, *h.DueAt)
	return err
}

// stopClock stops one of the handoff's clocks, or everyClock that still runs. What has stopped keeps its time.
func (d *Desk) stopClock(ctx context.Context, tx pgx.Tx, h Handoff, kind string) error {
	_, err := tx.Exec(ctx, `UPDATE sla_clocks SET stopped_at = clock_timestamp() WHERE handoff_id = $1 AND ($2 = '' OR kind = $2) AND stopped_at IS NULL`,
		h.ID, kind)
	return err
}
