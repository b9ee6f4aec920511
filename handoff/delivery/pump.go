package delivery

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/firstline/firstline/internal/mask"
	"github.com/firstline/firstline/internal/wake"
)

// job is a delivery that this process has claimed.
type job struct {
	ID             uuid.UUID
	WebhookID      *uuid.UUID
	ConnectionID   *uuid.UUID
	ConversationID uuid.UUID
	Seq            int64
	Kind           string
	Payload        string
	Attempts       int // this one included
}

func (j job) target() uuid.UUID {
	switch {
	case j.WebhookID != nil:
		return *j.WebhookID
	case j.ConnectionID != nil:
		return *j.ConnectionID
	}
	return uuid.Nil // the customers' own mailboxes, all together
}

// claim takes up to n deliveries that are due. What goes to a desk goes in the order of the log: behind one that is not done
// yet, or dead, the later ones of the same conversation wait. The attempt is counted before it is made, so that one who comes
// after a crash knows that it may have arrived.
// Only names the target that is meant; without it targets that are busy are left out.
func (s *Service) claim(ctx context.Context, n int, only *uuid.UUID) ([]job, error) {
	busy := s.busy()
	if only != nil {
		busy = []uuid.UUID{}
	}
	lease := s.opts.Timeout + 30*time.Second
	rows, err := s.pool.Query(ctx, `
		WITH due AS (
			SELECT d.id, d.next_at, COALESCE(d.webhook_id, d.connection_id, $4) AS target FROM deliveries d
			WHERE d.state = 'pending' AND d.next_at <= now() AND (d.lease_until IS NULL OR d.lease_until < now())
			  AND COALESCE(d.webhook_id, d.connection_id, $4) <> ALL ($2) AND ($6::uuid IS NULL OR COALESCE(d.webhook_id, d.connection_id, $4) = $6)
			  AND (d.webhook_id IS NULL OR EXISTS (SELECT FROM webhooks w WHERE w.id = d.webhook_id AND w.disabled_at IS NULL))
			  AND (d.connection_id IS NULL OR (EXISTS (SELECT FROM connections c WHERE c.id = d.connection_id AND c.disabled_at IS NULL)
				AND NOT EXISTS (SELECT FROM deliveries b WHERE b.connection_id = d.connection_id AND b.conversation_id = d.conversation_id AND b.seq < d.seq
					AND b.state IN ('pending', 'dead'))))
			ORDER BY d.next_at, d.id LIMIT 200
		), fair AS (
			SELECT id, next_at, row_number() OVER (PARTITION BY target ORDER BY next_at, id) AS n FROM due
		), mine AS (
			SELECT d.id FROM deliveries d WHERE d.id IN (SELECT id FROM fair WHERE n <= $5 ORDER BY n, next_at LIMIT $1)
			  AND d.state = 'pending' AND (d.lease_until IS NULL OR d.lease_until < now()) FOR UPDATE SKIP LOCKED
		)
		UPDATE deliveries d SET attempts = attempts + 1, lease_until = now() + $3 * interval '1 second' FROM mine WHERE d.id = mine.id
		RETURNING d.id, d.webhook_id, d.connection_id, d.conversation_id, d.seq, d.kind, d.payload::text, d.attempts`,
		n, busy, lease.Seconds(), uuid.Nil, maxPerTarget, only)
	if err != nil {
		return nil, err
	}
	jobs, err := pgx.CollectRows(rows, pgx.RowToStructByPos[job])
	slices.SortFunc(jobs, func(a, b job) int { return bytes.Compare(a.ID[:], b.ID[:]) }) // in the order in which they were made, as far as there is one
	return jobs, err
}

// begin starts what is due and what has come in, as far as there are places free, and returns how many that were.
func (s *Service) begin(ctx, work context.Context) (int, error) {
	handled, err := s.handleReceived(ctx)
	if err != nil {
		return 0, err
	}
	if err := s.tidy(ctx); err != nil {
		return handled, err
	}
	free := cap(s.slots) - len(s.slots)
	if free == 0 {
		return handled, nil
	}
	jobs, err := s.claim(ctx, free, nil)
	if err != nil {
		return handled, err
	}
	for _, j := range jobs {
		s.slots <- struct{}{} // only this goroutine takes places, so one is free
		s.enter(j.target())
		s.working.Go(func() {
			defer func() { s.leave(j.target()); <-s.slots; s.poke() }()
			s.attempt(work, j)
			s.goOn(ctx, work, j.target())
		})
	}
	return handled + len(jobs), nil
}

// inARow is how many deliveries to one target follow each other before the others are looked at again.
const inARow = 100

// goOn sends what else is due to the target, so that a long list does not wait for the next look.
func (s *Service) goOn(ctx, work context.Context, target uuid.UUID) {
	for range inARow {
		jobs, err := s.claim(ctx, 1, &target)
		if err != nil || len(jobs) == 0 {
			return // the next look finds what is left
		}
		s.attempt(work, jobs[0])
	}
}

// Deliver does everything that is due now, one after the other, and returns how many attempts that were.
func (s *Service) Deliver(ctx context.Context) (int, error) {
	total := 0
	for range 1000 { // a bound
		jobs, err := s.claim(ctx, maxInFlight, nil)
		if err != nil || len(jobs) == 0 {
			return total, err
		}
		for _, j := range jobs {
			s.attempt(ctx, j)
			total++
		}
	}
	return total, nil
}

// refusal is what another server answered instead of taking what it was sent.
type refusal struct {
	Status    int
	After     time.Duration // it asked for this much time
	Permanent bool          // no later attempt will do better
	Gone      bool          // it wants nothing more, ever
	Text      string
}

func (r *refusal) Error() string {
	if r.Status == 0 {
		return r.Text
	}
	return strings.TrimSpace(fmt.Sprintf("status %d %s", r.Status, r.Text))
}

// errStale is for what need not be delivered any more.
var errStale = errors.New("it is of no use any more")

// attempt makes one attempt and writes down what became of it.
func (s *Service) attempt(ctx context.Context, j job) {
	began := time.Now()
	actx, cancel := context.WithTimeout(ctx, 2*s.opts.Timeout) // a desk may need two or three requests
	status, err := s.send(actx, j)
	cancel()
	// Its outcome is written down also when the service is being stopped.
	sctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	if serr := s.settle(sctx, j, status, time.Since(began), err); serr != nil {
		s.log.Warn("the outcome of a delivery was not stored; it is repeated after its lease", "delivery", j.ID, "error", serr)
	}
}

func (s *Service) send(ctx context.Context, j job) (int, error) {
	switch {
	case j.WebhookID != nil:
		w, err := s.findWebhook(ctx, *j.WebhookID)
		if err != nil {
			return 0, err
		}
		return s.post(ctx, w, j.ID.String(), []byte(j.Payload))
	case j.ConnectionID != nil:
		return 0, s.sendToDesk(ctx, j)
	}
	return 0, s.sendAnswer(ctx, j)
}

// settle stores the outcome of an attempt, unless somebody else has claimed the delivery meanwhile.
func (s *Service) settle(ctx context.Context, j job, status int, took time.Duration, failure error) error {
	var r *refusal
	errors.As(failure, &r)
	if r != nil {
		status = r.Status
	}
	state, text, pause := "done", "", time.Duration(0)
	switch {
	case failure == nil:
	case errors.Is(failure, errStale):
		state = "dropped"
	default:
		text = clip(failure.Error(), 500)
		text, _ = mask.Mask(text)
		if state = "pending"; j.Attempts > len(s.opts.Schedule) || r != nil && r.Permanent {
			state = "dead"
		} else {
			pause = s.opts.Schedule[j.Attempts-1]
			pause = pause/2 + rand.N(pause+1) // half to one and a half times, so that those who failed together do not come back together
			if r != nil {
				pause = max(pause, min(r.After, 24*time.Hour))
			}
		}
	}
	dead := false
	err := pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, `
			UPDATE deliveries SET state = $3, status = NULLIF($4, 0), error = $5, lease_until = NULL, next_at = now() + $6 * interval '1 second',
				done_at = CASE WHEN $3 IN ('done', 'dropped') THEN now() END
			WHERE id = $1 AND attempts = $2 AND state = 'pending'`, j.ID, j.Attempts, state, status, text, pause.Seconds())
		if err != nil || tag.RowsAffected() == 0 {
			return err
		}
		dead = state == "dead"
		_, err = tx.Exec(ctx, `INSERT INTO delivery_attempts (delivery_id, n, status, took_ms, error) VALUES ($1, $2, NULLIF($3, 0), $4, $5) ON CONFLICT DO NOTHING`,
			j.ID, j.Attempts, status, float64(took.Microseconds())/1000, text)
		if err != nil {
			return err
		}
		if r != nil && r.Gone && j.WebhookID != nil {
			if _, err := tx.Exec(ctx, `UPDATE webhooks SET disabled_at = now() WHERE id = $1 AND disabled_at IS NULL`, *j.WebhookID); err != nil {
				return err
			}
		}
		if !dead {
			return nil
		}
		// One alert for a target, not one for each of its deliveries.
		detail, err := json.Marshal(map[string]any{"delivery": j.ID, "error": text})
		if err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `INSERT INTO alerts (id, kind, subject, detail) VALUES ($1, 'delivery_dead', $2, $3) ON CONFLICT DO NOTHING`,
			uuid.Must(uuid.NewV7()), j.target().String(), detail)
		return err
	})
	if err == nil && failure != nil && state != "dropped" {
		s.log.Warn("delivery failed", "delivery", j.ID, "target", j.target(), "attempt", j.Attempts, "state", state, "status", status)
	}
	if err != nil || !dead {
		return err
	}
	s.bus.Notify(wake.Queue, "")
	if j.ConnectionID != nil {
		// Who cannot be told what the customer writes cannot have the conversation: somebody here takes it.
		return s.desk.GiveBack(ctx, j.ConversationID, *j.ConnectionID, "delivery")
	}
	return nil
}

// kept is how long deliveries that are done, and what was received, are kept: long enough to look something up, and to know
// what is sent again.
const (
	kept    = "30 days"
	keptFor = 30 * 24 * time.Hour
)

// tidy deletes what is older, a little at a time.
func (s *Service) tidy(ctx context.Context) error {
	s.mu.Lock()
	due := time.Since(s.tidied) > time.Hour
	if due {
		s.tidied = time.Now()
	}
	s.mu.Unlock()
	if !due {
		return nil
	}
	for _, sql := range []string{
		`DELETE FROM deliveries WHERE id IN (SELECT id FROM deliveries WHERE state IN ('done', 'dropped') AND done_at < now() - interval '` + kept + `' LIMIT 5000)`,
		`DELETE FROM inbound_events WHERE id IN (SELECT id FROM inbound_events WHERE state IN ('done', 'ignored') AND done_at < now() - interval '` + kept + `' LIMIT 5000)`,
	} {
		if _, err := s.pool.Exec(ctx, sql); err != nil {
			return err
		}
	}
	return nil
}

// clip shortens a text to n bytes without cutting a letter.
func clip(text string, n int) string {
	text = strings.ToValidUTF8(strings.ReplaceAll(text, "\x00", ""), "")
	if len(text) <= n {
		return text
	}
	for n > 0 && !utf8.RuneStart(text[n]) {
		n--
	}
	return text[:n] + "…"
}
