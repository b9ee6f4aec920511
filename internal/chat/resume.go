package chat

import (
	"context"
	"fmt"

	"github.com/firstline/firstline/internal/wake"
)

// Resume lets the assistant go on where people have left off, after SetOwner gave it the conversation back. What the
// customer wrote since the last answer of a person or of the assistant, and what no handoff was made of, gets a turn of its
// own that any replica begins at once. Everything before it is settled, as with Fence.
func (s *Session) Resume(ctx context.Context) error {
	if s.Owner != OwnedByAssistant {
		return fmt.Errorf("resume: the %s owns the conversation", s.Owner)
	}
	var from *int64
	err := s.tx.QueryRow(ctx, `
		SELECT min(m.seq) FROM messages m WHERE m.conversation_id = $1 AND m.author = 'customer' AND m.seq > $2
		  AND m.seq > (SELECT COALESCE(max(seq), 0) FROM messages
			WHERE conversation_id = $1 AND author IN ('agent', 'assistant') AND visibility = 'public')
		  AND NOT EXISTS (SELECT FROM turns t
			WHERE t.conversation_id = $1 AND t.outcome = 'handed_off' AND m.seq BETWEEN t.from_seq AND t.to_seq)`, s.ID, s.FenceSeq).Scan(&from)
	if err != nil {
		return fmt.Errorf("resume: %w", err)
	}
	if from == nil || s.TurnID != nil {
		return s.Fence(ctx)
	}
	turn := newID()
	s.FenceSeq, s.TurnID, s.TurnAttempt, s.TurnSpoken = *from-1, &turn, 1, false
	_, err = s.tx.Exec(ctx, `UPDATE conversations SET fence_seq = $2, turn_id = $3, turn_attempt = 1, turn_spoken = false WHERE id = $1`, s.ID, s.FenceSeq, turn)
	if err != nil {
		return fmt.Errorf("resume: %w", err)
	}
	// Claimed with a lease that has ended: whoever looks first takes it over, as from a process that ended.
	_, err = s.tx.Exec(ctx, `INSERT INTO turns (id, conversation_id, from_seq, to_seq, state, attempt, lease_owner, lease_until, epoch)
		VALUES ($1, $2, $3, $4, 'running', 1, $5, now() - interval '1 second', $6)`, turn, s.ID, *from, s.CustomerSeq, s.record.replica, s.Epoch)
	if err != nil {
		return fmt.Errorf("resume: %w", err)
	}
	s.AfterCommit(func() { s.record.bus.Notify(wake.Turns, "") })
	return nil
}
