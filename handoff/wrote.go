package handoff

import (
	"context"

	"github.com/google/uuid"
)

// OnCustomerWrote has f called after a customer's message is stored in a conversation that people own: to end a snooze, to
// start a clock. Call it before messages arrive. f may be called again for the same message, and is not called when the
// process ends in between; what must not be missed is also looked for by a Ticker, in conversations.customer_seq.
func (d *Desk) OnCustomerWrote(f func(ctx context.Context, conversation uuid.UUID, seq int64) error) {
	d.wrote = append(d.wrote, f)
}

// CustomerWrote tells the desk of a customer's message, by its number, that is stored and that no turn reads.
func (d *Desk) CustomerWrote(ctx context.Context, conversation uuid.UUID, seq int64) error {
	for _, f := range d.wrote {
		if err := f(ctx, conversation, seq); err != nil {
			return err
		}
	}
	return nil
}
