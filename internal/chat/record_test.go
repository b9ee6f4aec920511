package chat_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/firstline/firstline/internal/chat"
	"github.com/firstline/firstline/internal/fault"
	"github.com/firstline/firstline/internal/postgres/pgtest"
	"github.com/firstline/firstline/internal/wake"
)

type bundle struct {
	pool *pgxpool.Pool
	bus  *wake.Bus
	rec  *chat.Record
}

func setup(t *testing.T, opts chat.Options) *bundle {
	t.Helper()
	return replica(t, pgtest.New(t), opts)
}

func replica(t *testing.T, pool *pgxpool.Pool, opts chat.Options) *bundle {
	t.Helper()
	bus := wake.New(pool, slog.New(slog.DiscardHandler))
	rec, err := chat.Open(t.Context(), pool, bus, slog.New(slog.DiscardHandler), opts)
	if err != nil {
		t.Fatal(err)
	}
	bus.Start(context.Background())
	t.Cleanup(bus.Stop)
	return &bundle{pool: pool, bus: bus, rec: rec}
}

func (b *bundle) start(t *testing.T) uuid.UUID {
	t.Helper()
	c, err := b.rec.Start(t.Context(), chat.NewConversation{Channel: "web", Market: "gb", Locale: "en", Audience: "consumer", Greeting: "Hello, I am an AI."})
	if err != nil {
		t.Fatal(err)
	}
	return c.ID
}

func (b *bundle) say(t *testing.T, id uuid.UUID, client, text string) chat.Receipt {
	t.Helper()
	r, err := b.rec.Receive(t.Context(), id, chat.Inbound{ClientID: client, Text: text})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// log reads everything that a reader gets from the given number on.
func (b *bundle) log(t *testing.T, id uuid.UUID, after int64) []chat.Event {
	t.Helper()
	w := b.rec.Watch(id)
	defer w.Close()
	w.Stale()
	var all []chat.Event
	for {
		evs, err := w.Next(t.Context(), after, time.Millisecond)
		if err != nil {
			t.Fatal(err)
		}
		if len(evs) == 0 {
			return all
		}
		all = append(all, evs...)
		after = evs[len(evs)-1].Seq
	}
}

func kinds(evs []chat.Event) string {
	s := ""
	for _, e := range evs {
		s += fmt.Sprintf("%d:%s ", e.Seq, e.Kind)
	}
	return s
}

func TestTurnAnswered(t *testing.T) {
	t.Parallel()
	b := setup(t, chat.Options{})
	id := b.start(t)
	r := b.say(t, id, "1", "What is the late fee?")
	if r.Claim == nil || r.Duplicate || r.Message.Seq != 2 {
		t.Fatalf("receipt %+v", r)
	}
	if len(r.Claim.History) != 1 || !r.Claim.History[0].AI || r.Claim.Text() != "What is the late fee?" {
		t.Errorf("claim %+v", r.Claim)
	}
	if err := b.rec.Speak(t.Context(), r.Claim, chat.DeltaEvent{Text: "It is "}); err != nil {
		t.Fatal(err)
	}
	next, err := b.rec.Finish(t.Context(), r.Claim, chat.Ending{Outcome: chat.Answered, Text: "It is 6.", Citations: []chat.Citation{{N: 1, Article: "late-fees"}}})
	if err != nil || next != nil {
		t.Fatal(next, err)
	}
	if got, want := kinds(b.log(t, id, 0)), "1:message 2:message 3:delta 4:message 5:turn "; got != want {
		t.Errorf("log %s, want %s", got, want)
	}
	if _, err := b.rec.Finish(t.Context(), r.Claim, chat.Ending{Outcome: chat.Answered, Text: "again"}); !errors.Is(err, chat.ErrLost) {
		t.Errorf("a second end: %v", err)
	}
	if r := b.say(t, id, "2", "and after that?"); len(r.Claim.Past) != 1 || r.Claim.Past[0].Outcome != chat.Answered || len(r.Claim.History) != 3 {
		t.Errorf("second claim %+v", r.Claim)
	}
}

// Promise 1: the same client id from many connections at once is stored once, and everyone gets the same message.
func TestSameClientIDAtOnce(t *testing.T) {
	t.Parallel()
	b := setup(t, chat.Options{})
	id := b.start(t)
	const n = 24
	ids := make([]uuid.UUID, n)
	claims := make([]*chat.Claim, n)
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			r, err := b.rec.Receive(context.Background(), id, chat.Inbound{ClientID: "same", Text: "Help"})
			if err != nil {
				t.Error(err)
				return
			}
			ids[i], claims[i] = r.Message.ID, r.Claim
		})
	}
	wg.Wait()
	claimed := 0
	for i := range n {
		if ids[i] != ids[0] {
			t.Errorf("message %s and %s", ids[i], ids[0])
		}
		if claims[i] != nil {
			claimed++
		}
	}
	if claimed != 1 {
		t.Errorf("%d claims", claimed)
	}
	if got := len(b.log(t, id, 1)); got != 1 {
		t.Errorf("%d entries after the greeting, want one message", got)
	}
}

// Promise 2: a burst gets one turn that covers all of it, whatever the interleaving; each turn ends once.
func TestBurst(t *testing.T) {
	t.Parallel()
	b := setup(t, chat.Options{})
	id := b.start(t)
	const n = 20
	var mu sync.Mutex
	var claims []*chat.Claim
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			r, err := b.rec.Receive(context.Background(), id, chat.Inbound{ClientID: fmt.Sprint(i), Text: fmt.Sprint("part ", i)})
			if err != nil {
				t.Error(err)
				return
			}
			mu.Lock()
			defer mu.Unlock()
			if r.Claim != nil {
				claims = append(claims, r.Claim)
			}
		})
	}
	wg.Wait()
	answered := 0
	for _, c := range claims {
		_, err := b.rec.Finish(t.Context(), c, chat.Ending{Outcome: chat.Answered, Text: "done"})
		switch {
		case err == nil:
			answered++
			if len(c.Messages) != n {
				t.Errorf("the answering turn covers %d messages, want %d", len(c.Messages), n)
			}
		case !errors.Is(err, chat.ErrLost):
			t.Error(err)
		}
	}
	if answered != 1 {
		t.Errorf("%d answers to one burst", answered)
	}
	var open, running int
	if err := b.pool.QueryRow(t.Context(), `SELECT count(*) FILTER (WHERE state <> 'done'), count(*) FROM turns`).Scan(&open, &running); err != nil {
		t.Fatal(err)
	}
	if open != 0 || running != n {
		t.Errorf("%d of %d turns not ended", open, running)
	}
}

// A message that comes while the answer is being spoken waits for it, and the next turn answers all that waited.
func TestWaitsForSpokenTurn(t *testing.T) {
	t.Parallel()
	b := setup(t, chat.Options{})
	id := b.start(t)
	first := b.say(t, id, "1", "one").Claim
	if err := b.rec.Speak(t.Context(), first, chat.DeltaEvent{Text: "a"}); err != nil {
		t.Fatal(err)
	}
	two, three := b.say(t, id, "2", "two"), b.say(t, id, "3", "three")
	if two.Claim != nil || three.Claim != nil || *two.TurnID != *three.TurnID {
		t.Fatalf("claimed although a turn speaks: %+v %+v", two, three)
	}
	next, err := b.rec.Finish(t.Context(), first, chat.Ending{Outcome: chat.Answered, Text: "a b"})
	if err != nil || next == nil || next.Text() != "two\nthree" {
		t.Fatalf("next %+v, %v", next, err)
	}
	if _, err := b.rec.Finish(t.Context(), next, chat.Ending{Outcome: chat.Answered, Text: "c"}); err != nil {
		t.Fatal(err)
	}
}

// Promise 3: a change of owner between a turn's last check and its write silences it.
func TestTakeoverSilencesTurn(t *testing.T) {
	t.Parallel()
	b := setup(t, chat.Options{})
	id := b.start(t)
	c := b.say(t, id, "1", "one").Claim
	err := b.rec.Do(t.Context(), id, func(ctx context.Context, s *chat.Session) error { return s.SetOwner(ctx, chat.OwnedByQueue, nil) })
	if err != nil {
		t.Fatal(err)
	}
	if err := b.rec.Speak(t.Context(), c, chat.DeltaEvent{Text: "x"}); !errors.Is(err, chat.ErrLost) {
		t.Errorf("spoke after the takeover: %v", err)
	}
	if _, err := b.rec.Finish(t.Context(), c, chat.Ending{Outcome: chat.Answered, Text: "x"}); !errors.Is(err, chat.ErrLost) {
		t.Errorf("answered after the takeover: %v", err)
	}
	if r := b.say(t, id, "2", "two"); r.Claim != nil || r.TurnID != nil {
		t.Errorf("a turn although a human owns the conversation: %+v", r)
	}
	if got, want := kinds(b.log(t, id, 1)), "2:message 3:turn 4:owner 5:message "; got != want {
		t.Errorf("log %s, want %s", got, want)
	}
}

// A turn whose process is gone is taken over once, by one replica, and the former process can no longer speak.
func TestTakeOver(t *testing.T) {
	t.Parallel()
	b := setup(t, chat.Options{Lease: 20 * time.Millisecond})
	other := replica(t, b.pool, chat.Options{Lease: 20 * time.Millisecond})
	id := b.start(t)
	c := b.say(t, id, "1", "one").Claim
	if err := b.rec.Release(t.Context(), []uuid.UUID{c.TurnID}); err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	var taken []*chat.Claim
	var wg sync.WaitGroup
	for range 4 {
		for _, r := range []*bundle{b, other} {
			wg.Go(func() {
				// The lease of a taken turn is kept alive, so that only the first one gets it.
				cs, err := r.rec.TakeOver(context.Background(), 8)
				if err != nil {
					t.Error(err)
				}
				for _, c := range cs {
					if err := r.rec.Renew(context.Background(), []uuid.UUID{c.TurnID}); err != nil {
						t.Error(err)
					}
				}
				mu.Lock()
				defer mu.Unlock()
				taken = append(taken, cs...)
			})
		}
	}
	wg.Wait()
	if len(taken) == 0 {
		t.Fatal("not taken over")
	}
	last := taken[0]
	for _, c := range taken {
		if c.Attempt > last.Attempt {
			last = c
		}
	}
	for _, old := range append(taken, c) {
		if old.Attempt == last.Attempt {
			continue
		}
		if err := b.rec.Speak(t.Context(), old, chat.DeltaEvent{Text: "old"}); !errors.Is(err, chat.ErrLost) {
			t.Errorf("attempt %d of %d speaks: %v", old.Attempt, last.Attempt, err)
		}
	}
	if _, err := other.rec.Finish(t.Context(), last, chat.Ending{Outcome: chat.Answered, Text: "answer"}); err != nil {
		t.Fatal(err)
	}
}

// Promise 11: readers on two replicas, starting anywhere, see every number once and in order while others write.
func TestReadersMissNothing(t *testing.T) {
	t.Parallel()
	b := setup(t, chat.Options{})
	other := replica(t, b.pool, chat.Options{})
	id := b.start(t)
	const n = 60
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var wg sync.WaitGroup
	for i := range 6 {
		r := []*bundle{b, other}[i%2]
		wg.Go(func() {
			w := r.rec.Watch(id)
			w.Stale()
			var last int64
			for last < n+1 {
				evs, err := w.Next(ctx, last, 5*time.Second)
				if err != nil {
					t.Errorf("reader %d at %d: %v", i, last, err)
					return
				}
				for _, e := range evs {
					if e.Seq != last+1 {
						t.Errorf("reader %d: %d after %d", i, e.Seq, last)
						return
					}
					last = e.Seq
				}
				if i >= 4 && last%7 == 0 { // stalls and resumes elsewhere
					w.Close()
					w = []*bundle{b, other}[int(last)%2].rec.Watch(id)
					w.Stale()
				}
			}
			w.Close()
		})
	}
	if err := b.rec.Do(ctx, id, func(ctx context.Context, s *chat.Session) error { return s.SetStatus(ctx, "open") }); err != nil {
		t.Fatal(err)
	}
	for i := range n {
		r := []*bundle{b, other}[i%2]
		err := r.rec.Do(ctx, id, func(ctx context.Context, s *chat.Session) error {
			if i%3 == 0 {
				return s.AddEvent(ctx, chat.KindTyping, map[string]int{"i": i}, false)
			}
			m := chat.Message{Author: chat.System, Text: fmt.Sprint(i)}
			return s.AddMessage(ctx, &m)
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	wg.Wait()
}

func TestTokenOpensOneConversation(t *testing.T) {
	t.Parallel()
	b := setup(t, chat.Options{})
	one, two := b.start(t), b.start(t)
	gen := func(id uuid.UUID, token string) int {
		n, ok := b.rec.Generation(id, token)
		if !ok {
			return -1
		}
		return n
	}
	if gen(one, b.rec.Token(one)) != 0 || gen(two, b.rec.Token(one)) != -1 || gen(one, "") != -1 || gen(one, b.rec.TokenOf(one, 3)) != 3 || gen(two, b.rec.TokenOf(one, 3)) != -1 {
		t.Error("a token opens something else than its own conversation")
	}
	if n, ok := replica(t, b.pool, chat.Options{}).rec.Generation(one, b.rec.TokenOf(one, 1)); !ok || n != 1 {
		t.Error("another replica does not know the token")
	}
	_, mac, _ := strings.Cut(b.rec.TokenOf(one, 2), ".")
	for _, forged := range []string{"0." + b.rec.Token(one), "1." + b.rec.Token(one), "3." + mac, "02." + mac, "+2." + mac, "-2." + mac, " 2." + mac, mac, "." + mac, "2.." + mac} {
		if n := gen(one, forged); n != -1 {
			t.Errorf("%q passes for a token of generation %d", forged, n)
		}
	}
}

// TestRevokedTokens: a message that comes with a token of before is not stored, nor told to be there already.
func TestRevokedTokens(t *testing.T) {
	t.Parallel()
	b := setup(t, chat.Options{})
	id, zero, one := b.start(t), 0, 1
	in := chat.Inbound{ClientID: "a", Text: "hello", Token: &zero}
	if _, err := b.rec.Receive(t.Context(), id, in); err != nil {
		t.Fatal(err)
	}
	if err := b.rec.Do(t.Context(), id, func(ctx context.Context, s *chat.Session) error { return s.Revoke(ctx) }); err != nil {
		t.Fatal(err)
	}
	for _, client := range []string{"a", "b"} {
		in.ClientID = client
		if rec, err := b.rec.Receive(t.Context(), id, in); !fault.Is(err, fault.NotFound) || rec.Message.Text != "" {
			t.Errorf("%s: %+v, %v", client, rec.Message, err)
		}
	}
	in.Token = &one
	if rec, err := b.rec.Receive(t.Context(), id, in); err != nil || rec.Duplicate {
		t.Errorf("the present token: %+v, %v", rec, err)
	}
	if old, err := b.rec.Opens(t.Context(), id, 0); old || err != nil {
		t.Errorf("the former generation opens it: %v", err)
	}
	if now, err := b.rec.Opens(t.Context(), id, 1); !now || err != nil {
		t.Errorf("the present one does not: %v", err)
	}
}

func TestStartIsIdempotent(t *testing.T) {
	t.Parallel()
	b := setup(t, chat.Options{})
	n := chat.NewConversation{Market: "gb", Locale: "en", Audience: "consumer", IdempotencyKey: "k"}
	var wg sync.WaitGroup
	ids := make([]uuid.UUID, 8)
	for i := range ids {
		wg.Go(func() {
			c, err := b.rec.Start(context.Background(), n)
			if err != nil {
				t.Error(err)
			}
			ids[i] = c.ID
		})
	}
	wg.Wait()
	for _, id := range ids {
		if id != ids[0] {
			t.Fatalf("two conversations for one key: %v", ids)
		}
	}
}
