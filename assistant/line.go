package assistant

import (
	"context"
	"errors"
	"time"
)

// The bound on calls of the model that are under way at once. A provider that is slow would otherwise gather turns, each
// with its memory and its connection, until the process fails; a customer who waits longer than this for a place is
// better served with a quotation.
const (
	defaultModelCalls = 64
	defaultModelWait  = 2 * time.Second
)

// errBusy: as many calls of the model as may be are under way, and none ended in time.
var errBusy = errors.New("the model is busy")

// line waits for a place among the calls of the model and returns what gives it back. The wait stands in the timings.
func (a *Assistant) line(ctx context.Context, t *turn) (free func(), err error) {
	if a.places == nil {
		return func() {}, nil
	}
	free = func() { <-a.places }
	select {
	case a.places <- struct{}{}:
		return free, nil
	default:
	}
	defer t.mark("model_wait")
	timer := time.NewTimer(a.cfg.ModelWait)
	defer timer.Stop()
	select {
	case a.places <- struct{}{}:
		return free, nil
	case <-timer.C:
		return nil, errBusy
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}
