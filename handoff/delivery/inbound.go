package delivery

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/firstline/firstline/handoff"
	"github.com/firstline/firstline/internal/fault"
	"github.com/firstline/firstline/internal/mask"
)

// Receive takes a request of a desk's: it checks the signature, writes down what is in it, and returns what the desk wants to
// read. What was written down is done afterwards, also when this process ends; sent again, it is stored once.
func (s *Service) Receive(ctx context.Context, connection uuid.UUID, r Request) ([]byte, error) {
	c, err := s.Connection(ctx, connection)
	if fault.Is(err, fault.NotFound) || err == nil && !c.Enabled {
		return nil, errSignature // whether there is one is nobody's business without its secret
	}
	if err != nil {
		return nil, err
	}
	got, err := s.adapter(c).Receive(r)
	if err != nil {
		return nil, err
	}
	for _, in := range got.Events {
		if in.At.IsZero() {
			in.At = r.Now
		}
		if r.Now.Sub(in.At) > keptFor {
			continue // whether it was done before is forgotten; no desk takes so long, only somebody who repeats what was signed once
		}
		text, _ := mask.Mask(clip(in.Text, 200_000))
		_, err := s.pool.Exec(ctx, `
			INSERT INTO inbound_events (id, connection_id, external_id, external_conversation, kind, author, body, happened_at)
			SELECT $1, $2, $3, $4, $5, $6, $7, $8
			WHERE NOT EXISTS (SELECT FROM external_messages WHERE connection_id = $2 AND external_id = $3 AND NOT inward)
			ON CONFLICT DO NOTHING`,
			uuid.Must(uuid.NewV7()), c.ID, clip(in.ID, 300), in.External, in.Kind, clip(in.Author, 200), text, in.At)
		if err != nil {
			return nil, err
		}
	}
	if len(got.Events) > 0 {
		s.poke()
	}
	return got.Answer, nil
}

// received is something that a desk sent, claimed by this process.
type received struct {
	ID           uuid.UUID
	ConnectionID uuid.UUID
	External     string
	Kind         string
	Author       string
	Text         string
	At           time.Time
	Attempts     int
}

// inboundSchedule is how long something received waits between attempts: what stands in its way at the desk is over soon.
var inboundSchedule = []time.Duration{time.Second, 2 * time.Second, 5 * time.Second, 10 * time.Second, 30 * time.Second, time.Minute, 5 * time.Minute, 15 * time.Minute, time.Hour}

// HandleReceived does everything received that is due, and returns how much that was.
func (s *Service) HandleReceived(ctx context.Context) (int, error) { return s.handleReceived(ctx) }

func (s *Service) handleReceived(ctx context.Context) (int, error) {
	total := 0
	for range 100 { // a bound
		rows, err := s.pool.Query(ctx, `
			WITH due AS (
				SELECT i.id FROM inbound_events i WHERE i.state = 'pending' AND i.next_at <= now() AND (i.lease_until IS NULL OR i.lease_until < now())
				  AND EXISTS (SELECT FROM connections c WHERE c.id = i.connection_id AND c.disabled_at IS NULL)
				  AND NOT EXISTS (SELECT FROM inbound_events b WHERE b.connection_id = i.connection_id AND b.external_conversation = i.external_conversation
					AND b.id < i.id AND b.state = 'pending')
				ORDER BY i.next_at, i.id LIMIT 16 FOR UPDATE SKIP LOCKED
			)
			UPDATE inbound_events i SET attempts = attempts + 1, lease_until = now() + interval '30 seconds' FROM due WHERE i.id = due.id
			RETURNING i.id, i.connection_id, i.external_conversation, i.kind, i.author, i.body, i.happened_at, i.attempts`)
		if err != nil {
			return total, err
		}
		batch, err := pgx.CollectRows(rows, pgx.RowToStructByPos[received])
		if err != nil || len(batch) == 0 {
			return total, err
		}
		for _, in := range batch {
			actx, cancel := context.WithTimeout(ctx, 20*time.Second)
			failure := s.apply(actx, in)
			cancel()
			if ctx.Err() != nil {
				return total, ctx.Err() // the lease ends by itself
			}
			if err := s.settleReceived(ctx, in, failure); err != nil {
				return total, err
			}
			total++
		}
	}
	return total, nil
}

func (s *Service) settleReceived(ctx context.Context, in received, failure error) error {
	state, text, pause := "done", "", time.Duration(0)
	switch {
	case failure == nil:
	case errors.Is(failure, errStale):
		state = "ignored"
	default:
		text = clip(failure.Error(), 500)
		if state = "dead"; in.Attempts <= len(inboundSchedule) {
			state, pause = "pending", inboundSchedule[in.Attempts-1]
		}
		s.log.Warn("something received from another desk was not done", "event", in.ID, "connection", in.ConnectionID, "attempt", in.Attempts, "state", state)
	}
	_, err := s.pool.Exec(ctx, `UPDATE inbound_events SET state = $3, error = $4, lease_until = NULL, next_at = now() + $5 * interval '1 second',
		done_at = CASE WHEN $3 IN ('done', 'ignored') THEN now() END WHERE id = $1 AND attempts = $2 AND state = 'pending'`, in.ID, in.Attempts, state, text, pause.Seconds())
	return err
}

// apply does at our desk what was done at the other one. It may be called again for the same event: messages carry its id.
func (s *Service) apply(ctx context.Context, in received) error {
	var conversation uuid.UUID
	err := s.pool.QueryRow(ctx, `SELECT conversation_id FROM external_links WHERE connection_id = $1 AND external_id = $2`, in.ConnectionID, in.External).Scan(&conversation)
	if errors.Is(err, pgx.ErrNoRows) {
		return errStale // a conversation of theirs that is none of ours
	}
	if err != nil {
		return err
	}
	c, err := s.Connection(ctx, in.ConnectionID)
	if err != nil {
		return err
	}
	// It stands for the desk, whose own people and rights are the desk's to know; here it may do what it takes part in.
	agent := handoff.Agent{ID: c.ID, Name: c.Name, Role: "supervisor"}
	h, _, err := s.desk.Current(ctx, conversation)
	open := err == nil
	if err != nil && !fault.Is(err, fault.NotFound) {
		return err
	}
	theirs := open && h.State == handoff.Accepted && h.AgentID != nil && *h.AgentID != c.ID
	key := "in-" + in.ID.String()
	switch in.Kind {
	case Note:
		_, err = s.desk.Note(ctx, conversation, agent, key, signedBy(in, c.Name)+in.Text)
		return err
	case Reply:
		if theirs { // one speaker: the customer hears whoever has taken the conversation here
			_, err = s.desk.Note(ctx, conversation, agent, key, "Written at "+c.Name+" and not sent to the customer, because this conversation is with somebody here. "+
				signedBy(in, c.Name)+in.Text)
			return err
		}
		if !open || h.State != handoff.Accepted {
			if _, err := s.desk.TakeFor(ctx, conversation, agent); err != nil {
				return err
			}
		}
		_, err = s.desk.Reply(ctx, conversation, agent, key, in.Text)
		return err
	}
	if !open || in.At.Before(h.QueuedAt) {
		return errStale // over already, or said of an earlier handoff
	}
	if theirs {
		_, err = s.desk.Note(ctx, conversation, agent, key, "Closed at "+c.Name+". This conversation is with somebody here and stays open.")
		return err
	}
	if h.State != handoff.Accepted {
		if _, err := s.desk.TakeFor(ctx, conversation, agent); err != nil {
			return err
		}
	}
	if in.Kind == Returned {
		_, err = s.desk.Return(ctx, conversation, agent, in.Text, 0)
	} else {
		_, err = s.desk.Resolve(ctx, conversation, agent, 0)
	}
	return err
}

// signedBy names the person at the other desk, for colleagues.
func signedBy(in received, desk string) string {
	if in.Author == "" || strings.EqualFold(in.Author, desk) {
		return ""
	}
	return in.Author + " (" + desk + "): "
}
