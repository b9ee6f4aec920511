package llm

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/sony/gobreaker/v2"
)

// Constants of the retry rules.
const (
	backoffBase    = 250 * time.Millisecond // the first wait is up to this, and doubles
	backoffCap     = 4 * time.Second
	breakerTrip    = 5 // consecutive failures that open a breaker
	breakerTimeout = 15 * time.Second
)

type breaker = gobreaker.CircuitBreaker[struct{}]

func (c *Client) newBreaker(model string) *breaker {
	return gobreaker.NewCircuitBreaker[struct{}](gobreaker.Settings{
		Name:        model,
		MaxRequests: 1,
		Timeout:     breakerTimeout,
		ReadyToTrip: func(n gobreaker.Counts) bool { return n.ConsecutiveFailures >= breakerTrip },
		IsExcluded: func(err error) bool {
			var f *failure
			return errors.As(err, &f) && !f.counts
		},
		OnStateChange: func(name string, _, to gobreaker.State) {
			c.opts.Logger.Warn("language model breaker", "model", name, "state", to.String())
			c.opts.Observe(Event{Kind: EventBreaker, Model: name, State: to.String()})
		},
	})
}

// try is one attempt's surroundings.
type try struct {
	model string
	last  bool // no other attempt with this model, and no other model, is to come
	more  bool // another model is to come
	start time.Time
}

// call runs attempts until one succeeds: the models in order, each with its retries, all within ctx. The attempt
// classifies its own error as a *failure. The error returned wraps one of the exported sentinels, or is
// context.Canceled when the caller went away.
func (c *Client) call(ctx context.Context, op Op, models []string, attempt func(try) error) error {
	start := c.opts.Now()
	var last *failure
	for i, model := range models {
		more := i < len(models)-1
		for n := 1; n <= c.cfg.MaxRetries+1; n++ {
			f := c.once(ctx, model, try{model: model, last: !more && n > c.cfg.MaxRetries, more: more, start: start}, attempt)
			if f == nil {
				return nil
			}
			c.opts.Observe(Event{Kind: EventFault, Op: op, Model: model, Fault: f.fault, Attempt: n, Elapsed: c.opts.Now().Sub(start)})
			c.opts.Logger.Debug("language model fault", "op", op, "model", model, "attempt", n, "fault", f.fault, "error", f.err)
			if f.fault == FaultCancelled {
				return fmt.Errorf("llm %s: %w", op, context.Canceled)
			}
			// A model that is not tried, or is slow, must not hide what an earlier one said of the request.
			if last == nil || f.fault != FaultOpen {
				last = f
			}
			if f.do == giveUp {
				return c.final(op, last)
			}
			if f.do == nextOnly && (more || f.fault != FaultSlow) {
				break
			}
			if n > c.cfg.MaxRetries {
				break
			}
			wait := max(f.retryAfter, c.backoff(n))
			if deadline, ok := ctx.Deadline(); ok && !c.opts.Now().Add(wait).Before(deadline) {
				break // it would come too late; the next model may not
			}
			if err := c.opts.Sleep(ctx, wait); err != nil {
				if errors.Is(err, context.Canceled) && errors.Is(ctx.Err(), context.Canceled) {
					return fmt.Errorf("llm %s: %w", op, context.Canceled)
				}
				return c.final(op, last)
			}
		}
	}
	return c.final(op, last)
}

// once runs one attempt behind the model's breaker.
func (c *Client) once(ctx context.Context, model string, t try, attempt func(try) error) *failure {
	began := c.opts.Now()
	_, err := c.breakers[model].Execute(func() (struct{}, error) {
		err := attempt(t)
		var f *failure
		if errors.As(err, &f) && f.fault == FaultSlow {
			// A short deadline of the caller's says nothing of the provider: it is to blame once it has had half of
			// the usual patience.
			f.counts = c.opts.Now().Sub(began) >= c.cfg.FirstTokenTimeout/2
		}
		return struct{}{}, err
	})
	var f *failure
	switch {
	case err == nil:
		return nil
	case errors.Is(err, gobreaker.ErrOpenState), errors.Is(err, gobreaker.ErrTooManyRequests):
		return &failure{fault: FaultOpen, do: nextOnly, err: err}
	case errors.As(err, &f):
		return f
	}
	return &failure{fault: FaultConnect, do: giveUp, err: err}
}

func (c *Client) final(op Op, f *failure) error {
	return fmt.Errorf("llm %s: %w: %w", op, f.sentinel(), f)
}

// backoff is exponential with full jitter: uniform in [0, min(cap, base * 2^(n-1))).
func (c *Client) backoff(n int) time.Duration {
	return time.Duration(c.opts.Rand() * float64(min(backoffCap, backoffBase<<min(n-1, 10))))
}

// patience is how long one attempt may take: limit, but no more than half of what is left of ctx while another attempt
// could still use the rest.
func (c *Client) patience(ctx context.Context, limit time.Duration, share bool) time.Duration {
	deadline, ok := ctx.Deadline()
	if !ok {
		return limit
	}
	left := deadline.Sub(c.opts.Now())
	if share {
		left /= 2
	}
	return max(min(limit, left), time.Millisecond)
}
