package assistant

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/firstline/firstline/internal/chat"
	"github.com/firstline/firstline/internal/wake"
)

// Runner runs turns in the background of the requests that brought them, renews their leases, and takes over those whose
// process is gone. A turn belongs to the record, not to a connection: a customer who leaves still gets the answer.
type Runner struct {
	assistant *Assistant
	record    *chat.Record
	log       *slog.Logger

	mu      sync.Mutex
	running map[uuid.UUID]work // by conversation: no more than one turn of each runs here
	closed  bool
	turns   sync.WaitGroup
	ctx     context.Context
	cancel  context.CancelFunc
	loops   sync.WaitGroup
	kick    chan struct{}
}

// work is a turn under way.
type work struct {
	turn   uuid.UUID
	cancel context.CancelCauseFunc
}

// errSuperseded ends the work on a turn whose conversation has a newer one: nobody will hear it, and a model costs money.
var errSuperseded = errors.New("superseded")

// NewRunner returns a runner; the bus tells it of turns given up by other replicas.
func NewRunner(a *Assistant, record *chat.Record, bus *wake.Bus, log *slog.Logger) *Runner {
	r := &Runner{assistant: a, record: record, log: log, running: map[uuid.UUID]work{}, kick: make(chan struct{}, 1)}
	r.ctx, r.cancel = context.WithCancel(context.Background())
	bus.Subscribe(wake.Turns, func(string) {
		select {
		case r.kick <- struct{}{}:
		default:
		}
	})
	return r
}

// Start begins to renew leases and to look for turns to take over.
func (r *Runner) Start() {
	r.loops.Add(2)
	go func() { defer r.loops.Done(); r.renew() }()
	go func() { defer r.loops.Done(); r.sweep() }()
}

// Run runs a claimed turn, and those that waited for it, in the background. After Stop it does nothing: the lease ends
// and another replica runs the turn.
func (r *Runner) Run(c *chat.Claim) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed || c == nil {
		return
	}
	if former, busy := r.running[c.Conversation.ID]; busy {
		former.cancel(errSuperseded)
	}
	ctx, cancel := context.WithCancelCause(r.ctx)
	r.running[c.Conversation.ID] = work{c.TurnID, cancel}
	r.turns.Go(func() { r.run(ctx, c) })
}

func (r *Runner) run(ctx context.Context, c *chat.Claim) {
	id := c.TurnID
	next, err := r.turn(ctx, c)
	r.mu.Lock()
	if w := r.running[c.Conversation.ID]; w.turn == id {
		w.cancel(nil)
		delete(r.running, c.Conversation.ID)
	}
	r.mu.Unlock()
	switch {
	case err == nil:
		r.Run(next)
	case errors.Is(context.Cause(ctx), errSuperseded):
	case r.ctx.Err() != nil: // this process ends: another one need not wait for the lease
		rctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
		defer cancel()
		if err := r.record.Release(rctx, []uuid.UUID{id}); err != nil {
			r.log.Warn("turn not released", "turn", id, "error", err)
		}
	default: // the next attempt comes when the lease ends, so that what always fails does not spin
		r.log.Error("turn not ended here", "turn", id, "attempt", c.Attempt, "conversation", c.Conversation.ID, "error", err)
	}
}

// Drop ends the work on a turn that was stopped, if it runs here: nobody will hear it, and a model costs money.
func (r *Runner) Drop(conversation, turn uuid.UUID) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if w, here := r.running[conversation]; here && w.turn == turn {
		w.cancel(errSuperseded)
	}
}

// turn runs one turn; a panic in it is an error of that turn alone.
func (r *Runner) turn(ctx context.Context, c *chat.Claim) (next *chat.Claim, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	return r.assistant.Turn(ctx, c)
}

// Running is the number of turns under way.
func (r *Runner) Running() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.running)
}

func (r *Runner) renew() {
	tick := time.NewTicker(r.record.Lease() / 3)
	defer tick.Stop()
	for {
		select {
		case <-r.ctx.Done():
			return
		case <-tick.C:
		}
		ids := r.ids()
		if len(ids) == 0 {
			continue
		}
		ctx, cancel := context.WithTimeout(r.ctx, r.record.Lease()/3)
		if err := r.record.Renew(ctx, ids); err != nil && r.ctx.Err() == nil {
			r.log.Warn("leases not renewed", "turns", len(ids), "error", err)
		}
		cancel()
	}
}

func (r *Runner) ids() []uuid.UUID {
	r.mu.Lock()
	defer r.mu.Unlock()
	ids := make([]uuid.UUID, 0, len(r.running))
	for _, w := range r.running {
		ids = append(ids, w.turn)
	}
	return ids
}

// takeOverAtOnce bounds what one replica takes over in one look, so that several share the load.
const takeOverAtOnce = 8

func (r *Runner) sweep() {
	tick := time.NewTicker(r.record.Lease() / 5)
	defer tick.Stop()
	for {
		select {
		case <-r.ctx.Done():
			return
		case <-tick.C:
		case <-r.kick:
		}
		claims, err := r.record.TakeOver(r.ctx, takeOverAtOnce)
		if err != nil && r.ctx.Err() == nil {
			r.log.Warn("could not look for abandoned turns", "error", err)
		}
		for _, c := range claims {
			r.log.Info("taking a turn over", "turn", c.TurnID, "attempt", c.Attempt)
			r.Run(c)
		}
	}
}

// Stop lets turns finish until the context ends, then gives the rest up to other replicas. It is idempotent.
func (r *Runner) Stop(ctx context.Context) {
	r.mu.Lock()
	r.closed = true
	r.mu.Unlock()
	done := make(chan struct{})
	go func() { r.turns.Wait(); close(done) }()
	select {
	case <-done:
	case <-ctx.Done():
	}
	r.cancel()
	r.loops.Wait()
	<-done
	if ids := r.ids(); len(ids) > 0 {
		rctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
		defer cancel()
		if err := r.record.Release(rctx, ids); err != nil {
			r.log.Warn("turns not released", "turns", len(ids), "error", err)
		}
	}
}
