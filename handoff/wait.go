package handoff

import (
	"context"

	"github.com/jackc/pgx/v5"
)

// served notes how long the customer of a handoff waited for the person who takes it now, beside what they were shown.
// What was pulled waited for nobody and teaches nothing; of what comes back, the first wait counts.
func (d *Desk) served(ctx context.Context, tx pgx.Tx, h Handoff) error {
	_, err := tx.Exec(ctx, `UPDATE wait_samples SET waited_seconds = extract(epoch FROM clock_timestamp() - made_at)
		WHERE handoff_id = $1 AND waited_seconds IS NULL AND $2 <> 'agent_pulled'`, h.ID, h.Reason)
	return err
}
