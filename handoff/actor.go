package handoff

import (
	"context"

	"github.com/jackc/pgx/v5"
)

// Who takes a step, where it is no agent; agents are written by their id. What nobody has said is the router's.
const (
	byAssistant = "assistant"
	byCustomer  = "customer"
)

// setActor says who takes the steps of this transaction from now on; the database writes it into handoff_steps.
func setActor(ctx context.Context, tx pgx.Tx, who string) error {
	_, err := tx.Exec(ctx, `SELECT set_config('firstline.actor', $1, true)`, who)
	return err
}
