package chat

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/firstline/firstline/internal/fault"
)

// Session is a conversation whose row is locked by an open transaction. What it is told to add becomes visible, in
// order, with the commit and not before. It serves everything but the common turn, which needs one statement only.
type Session struct {
	Conversation
	tx     pgx.Tx
	record *Record
	log    []Event
	after  []func()
	now    time.Time
}

// Do locks the conversation, calls f, and commits what f did; readers are told afterwards. When f fails, nothing
// happened. f may do more in the same transaction by Tx.
func (r *Record) Do(ctx context.Context, id uuid.UUID, f func(context.Context, *Session) error) error {
	var s *Session
	err := pgx.BeginFunc(ctx, r.pool, func(tx pgx.Tx) error {
		var err error
		if s, err = r.Lock(ctx, tx, id); err != nil {
			return err
		}
		return f(ctx, s)
	})
	if err != nil {
		return err
	}
	s.Published()
	return nil
}

// Lock opens a session inside a transaction of the caller's, who calls Published after the commit.
func (r *Record) Lock(ctx context.Context, tx pgx.Tx, id uuid.UUID) (*Session, error) {
	c, err := scanConversation(tx.QueryRow(ctx, `SELECT `+conversationColumns+` FROM conversations WHERE id = $1 FOR NO KEY UPDATE`, id))
	if err != nil {
		return nil, err
	}
	s := &Session{Conversation: c, tx: tx, record: r}
	return s, tx.QueryRow(ctx, `SELECT now()`).Scan(&s.now)
}

// Tx is the session's transaction.
func (s *Session) Tx() pgx.Tx { return s.tx }

// Now is the time of the transaction, by the database's clock.
func (s *Session) Now() time.Time { return s.now }

// Published tells readers what the session added. Call it after the commit, once.
func (s *Session) Published() {
	if len(s.log) > 0 {
		s.record.published(s.ID, s.log)
	}
	for _, f := range s.after {
		f()
	}
}

// AfterCommit has f called once the transaction has committed.
func (s *Session) AfterCommit(f func()) { s.after = append(s.after, f) }

// AddMessage appends a message; ID, Seq, CreatedAt and AI are filled in. It fails with a conflict when the author has used
// the client id before in this conversation.
func (s *Session) AddMessage(ctx context.Context, m *Message) error {
	m.ID, m.CreatedAt, m.AI = newID(), s.now, m.Author == Assistant
	if m.Visibility == "" {
		m.Visibility = "public"
	}
	if len(m.Named) > 0 {
		var err error
		if m.Attachments, err = listFiles(ctx, s.tx, s.ID, m.Author, m.ClientID, m.Named); err != nil {
			return err
		}
	}
	seq, err := s.next(ctx)
	if err != nil {
		return err
	}
	m.Seq = seq
	var agent *uuid.UUID
	if m.Agent != nil {
		agent = &m.Agent.ID
	}
	_, err = s.tx.Exec(ctx, `
		INSERT INTO messages (id, conversation_id, seq, author, agent_id, body, citations, attachments, client_id, visibility, turn_id, created_at, times, stopped)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, NULLIF($9, ''), $10, $11, $12, $13, $14)`,
		m.ID, s.ID, m.Seq, m.Author, agent, m.Text, nullCitations(m.Citations), m.Attachments, m.ClientID, m.Visibility, m.Turn, m.CreatedAt, m.Times, m.Stopped)
	if uniqueViolation(err) {
		return fault.New(fault.Conflict, "duplicate_client_id", "A message with this client_id was stored before.")
	}
	if err != nil {
		return fmt.Errorf("add message: %w", err)
	}
	if len(m.Named) > 0 {
		_, err := s.tx.Exec(ctx, `UPDATE attachments SET message_id = $2 WHERE conversation_id = $1 AND id = ANY ($3) AND message_id IS NULL`, s.ID, m.ID, m.Named)
		if err != nil {
			return fmt.Errorf("attach: %w", err)
		}
	}
	e, err := m.event()
	s.log = append(s.log, e)
	return err
}

// AddEvent appends an event for everyone, or for agents only.
func (s *Session) AddEvent(ctx context.Context, kind string, data any, internal bool) error {
	raw, err := json.Marshal(data)
	if err != nil {
		return err
	}
	seq, err := s.next(ctx)
	if err != nil {
		return err
	}
	_, err = s.tx.Exec(ctx, `INSERT INTO events (conversation_id, seq, kind, data, internal, created_at) VALUES ($1, $2, $3, $4, $5, $6)`,
		s.ID, seq, kind, raw, internal, s.now)
	if err != nil {
		return fmt.Errorf("add event: %w", err)
	}
	s.log = append(s.log, Event{Seq: seq, Kind: kind, Data: raw, Internal: internal, At: s.now})
	return nil
}

func (s *Session) next(ctx context.Context) (int64, error) {
	s.LastSeq++
	_, err := s.tx.Exec(ctx, `UPDATE conversations SET last_seq = $2, updated_at = now() WHERE id = $1`, s.ID, s.LastSeq)
	return s.LastSeq, err
}

// SetOwner changes who speaks: the epoch goes up, and whatever turn was live or waiting is cancelled, so that a turn
// which has passed its last check still cannot write. The events of both are appended.
func (s *Session) SetOwner(ctx context.Context, owner Owner, agent *AgentRef) error {
	if err := s.cancelTurns(ctx, Cancelled); err != nil {
		return err
	}
	var id *uuid.UUID
	if owner == OwnedByAgent {
		id = &agent.ID
	}
	_, err := s.tx.Exec(ctx, `UPDATE conversations SET owner = $2, agent_id = $3, owner_epoch = owner_epoch + 1 WHERE id = $1`, s.ID, owner, id)
	if err != nil {
		return fmt.Errorf("set owner: %w", err)
	}
	s.Owner, s.AgentID, s.Epoch = owner, id, s.Epoch+1
	return s.AddEvent(ctx, KindOwner, OwnerEvent{Owner: owner, Agent: agent}, false)
}

// cancelTurns ends the live and the waiting turn.
func (s *Session) cancelTurns(ctx context.Context, outcome Outcome) error {
	if s.TurnID == nil {
		return nil
	}
	for _, id := range []*uuid.UUID{s.TurnID, s.NextTurnID} {
		if id == nil {
			continue
		}
		// A turn that waited would have answered everything up to now; what it was told of as messages came may be less.
		tag, err := s.tx.Exec(ctx, `UPDATE turns SET to_seq = CASE WHEN state = 'waiting' THEN $3 ELSE to_seq END, state = 'done', outcome = $2,
				lease_owner = NULL, lease_until = NULL, ended_at = now()
			WHERE id = $1 AND state <> 'done'`, *id, outcome, s.CustomerSeq)
		if err != nil {
			return fmt.Errorf("cancel turn: %w", err)
		}
		if tag.RowsAffected() == 0 {
			continue
		}
		if err := s.AddEvent(ctx, KindTurn, TurnEvent{ID: *id, Outcome: outcome, Citations: []Citation{}}, false); err != nil {
			return err
		}
	}
	return s.clearTurns(ctx)
}

func (s *Session) clearTurns(ctx context.Context) error {
	_, err := s.tx.Exec(ctx, `UPDATE conversations SET turn_id = NULL, next_turn_id = NULL, turn_spoken = false WHERE id = $1`, s.ID)
	s.TurnID, s.NextTurnID, s.TurnSpoken = nil, nil, false
	return err
}

// EndTurn ends the claim's turn inside the session, before a change of owner or a message that only a human's queue needs.
// A waiting turn is ended with it, as superseded: what it would have answered is part of what the human gets. It fails with
// ErrLost when the turn may no longer speak.
func (s *Session) EndTurn(ctx context.Context, c *Claim, end Ending) error {
	if s.TurnID == nil || *s.TurnID != c.TurnID || s.TurnAttempt != c.Attempt || s.Epoch != c.Conversation.Epoch || s.Owner != OwnedByAssistant {
		return ErrLost
	}
	_, err := s.tx.Exec(ctx, `
		UPDATE turns SET state = 'done', outcome = $2, reason = NULLIF($3, ''), lease_owner = NULL, lease_until = NULL, decision = $4, timings = $5,
			model = NULLIF($6, ''), prompt_tokens = $7, completion_tokens = $8, cost = $9, ended_at = now()
		WHERE id = $1`, c.TurnID, end.Outcome, end.Reason, end.Record.Decision, end.Record.Timings, end.Record.Model, end.Record.PromptTokens,
		end.Record.CompletionTokens, end.Record.Cost)
	if err != nil {
		return fmt.Errorf("end turn: %w", err)
	}
	if end.Text != "" {
		m := Message{Author: Assistant, Text: end.Text, Citations: end.Citations, Turn: &c.TurnID}
		if err := s.AddMessage(ctx, &m); err != nil {
			return err
		}
	}
	event, err := c.turnEvent(end)
	if err != nil {
		return err
	}
	if err := s.AddEvent(ctx, KindTurn, event, false); err != nil {
		return err
	}
	if s.NextTurnID != nil {
		s.TurnID = s.NextTurnID
		s.NextTurnID = nil
		return s.cancelTurns(ctx, Superseded)
	}
	return s.clearTurns(ctx)
}

// Fence marks everything so far as settled: it no longer counts towards a new handoff.
func (s *Session) Fence(ctx context.Context) error {
	s.FenceSeq = s.LastSeq
	_, err := s.tx.Exec(ctx, `UPDATE conversations SET fence_seq = $2 WHERE id = $1`, s.ID, s.FenceSeq)
	return err
}

// SetStatus opens or closes the conversation; closing cancels its turns.
func (s *Session) SetStatus(ctx context.Context, status string) error {
	if s.Status == status {
		return nil
	}
	if status == "closed" {
		if err := s.cancelTurns(ctx, Cancelled); err != nil {
			return err
		}
	}
	if _, err := s.tx.Exec(ctx, `UPDATE conversations SET status = $2 WHERE id = $1`, s.ID, status); err != nil {
		return err
	}
	s.Status = status
	return s.AddEvent(ctx, KindStatus, map[string]string{"status": status}, false)
}

// SetInstruction keeps an agent's instruction for the assistant's next turns; "" removes it.
func (s *Session) SetInstruction(ctx context.Context, text string) error {
	s.Instruction = text
	_, err := s.tx.Exec(ctx, `UPDATE conversations SET instruction = $2 WHERE id = $1`, s.ID, text)
	return err
}

// FindByClientID returns the message that the author stored under this client id, and whether there is one.
func (s *Session) FindByClientID(ctx context.Context, author Author, clientID string) (Message, bool, error) {
	m, err := scanMessage(s.tx.QueryRow(ctx, `
		SELECT `+messageColumns+` FROM messages m LEFT JOIN agents a ON a.id = m.agent_id
		WHERE m.conversation_id = $1 AND m.author = $2 AND m.client_id = $3`, s.ID, author, clientID))
	if errors.Is(err, pgx.ErrNoRows) {
		return m, false, nil
	}
	return m, err == nil, err
}

// Judge stores the customer's verdict on one of the assistant's answers, and its event for agents.
func (s *Session) Judge(ctx context.Context, message uuid.UUID, helpful bool, comment string) error {
	return s.JudgeWhy(ctx, message, helpful, "", comment)
}

// FeedbackReasons are why an answer may not have helped.
var FeedbackReasons = []string{"wrong", "outdated", "unclear", "not_my_question", "other"}

// JudgeWhy is Judge with a reason of FeedbackReasons, or "" for none. What is said later replaces what was said before.
func (s *Session) JudgeWhy(ctx context.Context, message uuid.UUID, helpful bool, reason, comment string) error {
	tag, err := s.tx.Exec(ctx, `UPDATE messages SET helpful = $3, helpful_reason = NULLIF($4, ''), helpful_comment = $5, helpful_at = now()
		WHERE id = $2 AND conversation_id = $1 AND author = 'assistant' AND turn_id IS NOT NULL`, s.ID, message, helpful, reason, comment)
	if err != nil {
		return err
	}
	if tag.RowsAffected() == 0 {
		return fault.New(fault.NotFound, "message_not_found", "There is no such answer in this conversation.")
	}
	return s.AddEvent(ctx, KindRating, map[string]any{"message": message, "helpful": helpful, "reason": reason, "comment": comment}, true)
}
