package chat

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/firstline/firstline/internal/fault"
	"github.com/firstline/firstline/internal/wake"
)

// StoppedByCustomer is the reason of a cancelled turn that the customer wanted to hear no more of.
const StoppedByCustomer = "stopped_by_customer"

// Stop ends a turn because the customer wants to hear no more of it, and reports whether it was still to end. What it has
// said stays, as a message that is marked as stopped; a turn that has not spoken ends in silence. A message that waited for
// it gets its own turn, which any replica begins at once. A turn that has ended stays as it is. It fails with not_found when
// the conversation has no such turn.
func (s *Session) Stop(ctx context.Context, turn uuid.UUID) (bool, error) {
	var attempt int
	var done bool
	err := s.tx.QueryRow(ctx, `SELECT attempt, state = 'done' FROM turns WHERE id = $1 AND conversation_id = $2`, turn, s.ID).Scan(&attempt, &done)
	if errors.Is(err, pgx.ErrNoRows) {
		return false, fault.New(fault.NotFound, "turn_not_found", "There is no such turn in this conversation.")
	}
	live := s.TurnID != nil && *s.TurnID == turn
	waits := s.NextTurnID != nil && *s.NextTurnID == turn
	if err != nil || done || !live && !waits {
		return false, err
	}
	_, err = s.tx.Exec(ctx, `UPDATE turns SET to_seq = CASE WHEN state = 'waiting' THEN $4 ELSE to_seq END, state = 'done', outcome = $2, reason = $3,
			lease_owner = NULL, lease_until = NULL, ended_at = now() WHERE id = $1`, turn, Cancelled, StoppedByCustomer, s.CustomerSeq)
	if err != nil {
		return false, fmt.Errorf("stop turn: %w", err)
	}
	cited := []Citation{}
	if live && s.TurnSpoken {
		said, err := s.said(ctx, turn, s.TurnAttempt)
		if err != nil {
			return false, err
		}
		if said.Text != "" {
			m := Message{Author: Assistant, Text: said.Text, Citations: said.Citations, Turn: &turn, Stopped: true}
			if err := s.AddMessage(ctx, &m); err != nil {
				return false, err
			}
			cited = append(cited, said.Citations...)
		}
	}
	event := TurnEvent{ID: turn, Outcome: Cancelled, Reason: StoppedByCustomer, Citations: cited}
	if err := s.AddEvent(ctx, KindTurn, event, false); err != nil {
		return false, err
	}
	if waits {
		s.NextTurnID = nil
	} else {
		s.TurnID, s.NextTurnID, s.TurnAttempt, s.TurnSpoken = s.NextTurnID, nil, 1, false
	}
	_, err = s.tx.Exec(ctx, `UPDATE conversations SET turn_id = $2, next_turn_id = $3, turn_attempt = $4, turn_spoken = $5 WHERE id = $1`,
		s.ID, s.TurnID, s.NextTurnID, s.TurnAttempt, s.TurnSpoken)
	if err != nil {
		return false, fmt.Errorf("stop turn: %w", err)
	}
	if s.TurnID != nil { // it waited, and whoever looks first begins it
		s.AfterCommit(func() { s.record.bus.Notify(wake.Turns, "") })
	}
	return true, nil
}

// said is what the attempt of a turn has shown so far, with the sources that its text names.
func (s *Session) said(ctx context.Context, turn uuid.UUID, attempt int) (DeltaEvent, error) {
	out := DeltaEvent{Turn: turn, Attempt: attempt}
	rows, err := s.tx.Query(ctx, `SELECT data FROM events WHERE conversation_id = $1 AND kind = 'delta' AND data->>'turn' = $2 ORDER BY seq`, s.ID, turn.String())
	if err != nil {
		return out, fmt.Errorf("what was said: %w", err)
	}
	pieces, err := pgx.CollectRows(rows, pgx.RowTo[json.RawMessage])
	if err != nil {
		return out, fmt.Errorf("what was said: %w", err)
	}
	seen := map[int]bool{}
	for _, raw := range pieces {
		var d DeltaEvent
		if err := json.Unmarshal(raw, &d); err != nil {
			return out, fmt.Errorf("what was said: %w", err)
		}
		if d.Attempt != attempt {
			continue // of a process that is gone: the page has dropped it as well
		}
		out.Text += d.Text
		for _, c := range d.Citations {
			if !seen[c.N] {
				seen[c.N] = true
				out.Citations = append(out.Citations, c)
			}
		}
	}
	out.Text = strings.TrimSpace(out.Text)
	return out, nil
}
