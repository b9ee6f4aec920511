package chat

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/firstline/firstline/internal/fault"
)

// Ended is a turn that ended with a decision, together with the claim that it ran on.
//
// The claim is put together again from the log as it was when the turn was claimed, and nothing of it is from later: the
// messages before it, the turns before it and how they ended, the verdicts that the customer had given by then, and the
// fence of that time. Of the conversation, status and numbers are those at which the turn's last message came. An agent's
// instruction is there only while it is still the one in force, because former ones are not kept.
type Ended struct {
	Claim    *Claim
	Outcome  Outcome
	Reason   string
	Decision json.RawMessage    // as stored
	Timings  map[string]float64 // milliseconds by stage
	Model    string             // "" when no model was heard
	Answer   *Message           // nil when the turn said nothing of its own
	At       time.Time          // when it ended
}

// Span is a time in which turns began, from From on and before Until; zero values leave it open. It is told by the turns'
// ids, which begin with the milliseconds of their making, so that no other index is needed.
type Span struct{ From, Until time.Time }

// ids are the bounds of the span: the first id within it, and the first behind it.
func (s Span) ids() (from, until uuid.UUID) {
	until = uuid.Max
	if !s.From.IsZero() {
		from = firstID(s.From)
	}
	if !s.Until.IsZero() {
		until = firstID(s.Until)
	}
	return from, until
}

// firstID is the smallest id that can be made at a time (RFC 9562, section 5.7: the first 48 bits are milliseconds).
func firstID(at time.Time) (id uuid.UUID) {
	ms := max(at.UnixMilli(), 0)
	for i := range 6 {
		id[i] = byte(ms >> (8 * (5 - i)))
	}
	return id
}

// CountEnded counts the turns of the span that ended with a decision.
func (r *Record) CountEnded(ctx context.Context, s Span) (n int, err error) {
	from, until := s.ids()
	err = r.pool.QueryRow(ctx, `SELECT count(*) FROM turns WHERE id >= $1 AND id < $2 AND state = 'done' AND decision IS NOT NULL`, from, until).Scan(&n)
	return n, err
}

// EndedBefore returns up to limit turns of the span that ended with a decision, the newest first, beginning below the
// given id; uuid.Max for the first page, then the last id of the page before. A page takes six statements, however long
// it is, and holds as much in memory as its claims do.
func (r *Record) EndedBefore(ctx context.Context, s Span, before uuid.UUID, limit int) ([]Ended, error) {
	from, until := s.ids()
	if bytes.Compare(before[:], until[:]) < 0 {
		until = before
	}
	return r.ended(ctx, `t.id >= $1 AND t.id < $2 AND t.state = 'done' AND t.decision IS NOT NULL ORDER BY t.id DESC LIMIT $3`, from, until, limit)
}

// FindEnded returns the turn of this id, or the last one with a decision of the conversation of this id.
func (r *Record) FindEnded(ctx context.Context, id uuid.UUID) (Ended, error) {
	for _, where := range []string{
		`t.id = $1 AND t.state = 'done' AND t.decision IS NOT NULL`,
		`t.conversation_id = $1 AND t.state = 'done' AND t.decision IS NOT NULL ORDER BY t.from_seq DESC, t.to_seq DESC, t.id DESC LIMIT 1`,
	} {
		found, err := r.ended(ctx, where, id)
		if err != nil {
			return Ended{}, err
		}
		if len(found) == 1 {
			return found[0], nil
		}
	}
	var outcome *Outcome
	err := r.pool.QueryRow(ctx, `SELECT outcome FROM turns WHERE id = $1`, id).Scan(&outcome)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		if _, err := r.Find(ctx, id); err == nil {
			return Ended{}, fault.New(fault.NotFound, "no_decision", "No turn of this conversation has ended with a decision.")
		}
		return Ended{}, fault.New(fault.NotFound, "turn_not_found", "There is no such turn, and no such conversation.")
	case err != nil:
		return Ended{}, err
	case outcome == nil:
		return Ended{}, fault.New(fault.Conflict, "turn_running", "This turn has not ended yet.")
	}
	return Ended{}, fault.New(fault.NotFound, "no_decision", "This turn was %s, so that nothing was decided.", *outcome)
}

// past is a turn while its claim is being put together.
type past struct {
	Ended
	id, conversation uuid.UUID
	from, to         int64
	attempt          int
	epoch            int64
	began            time.Time
	messages         []Message
}

// ended reads turns and puts their claims together.
func (r *Record) ended(ctx context.Context, where string, args ...any) ([]Ended, error) {
	rows, err := r.pool.Query(ctx, `
		SELECT t.id, t.conversation_id, t.from_seq, t.to_seq, t.attempt, t.epoch, t.created_at, t.outcome, COALESCE(t.reason, ''), t.decision, t.timings,
			COALESCE(t.model, ''), t.ended_at
		FROM turns t WHERE `+where, args...)
	if err != nil {
		return nil, fmt.Errorf("past turns: %w", err)
	}
	turns, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (*past, error) {
		t := &past{}
		return t, row.Scan(&t.id, &t.conversation, &t.from, &t.to, &t.attempt, &t.epoch, &t.began, &t.Outcome, &t.Reason, &t.Decision, &t.Timings, &t.Model, &t.At)
	})
	if err != nil || len(turns) == 0 {
		return nil, err
	}
	for _, step := range []func(context.Context, []*past) error{r.pastMessages, r.pastAnswers, r.pastConversations, r.pastLog, r.pastTurns} {
		if err := step(ctx, turns); err != nil {
			return nil, fmt.Errorf("past turns: %w", err)
		}
	}
	out := make([]Ended, len(turns))
	for i, t := range turns {
		t.Claim.ReceivedAt = t.began
		out[i] = t.Ended
	}
	return out, nil
}

// columns returns what the statements below join with: positions, conversations, and the turns' numbers.
func columns(turns []*past) (conversations []uuid.UUID, from, to []int64) {
	for _, t := range turns {
		conversations, from, to = append(conversations, t.conversation), append(from, t.from), append(to, t.to)
	}
	return conversations, from, to
}

// pastMessages reads as many messages as load does: those of the turn and HistoryLimit or more before them.
func (r *Record) pastMessages(ctx context.Context, turns []*past) error {
	conversations, from, to := columns(turns)
	var i int
	rows, err := r.pool.Query(ctx, `
		SELECT k.i, x.* FROM unnest($1::uuid[], $2::bigint[], $3::bigint[]) WITH ORDINALITY k (conversation, first, last, i), LATERAL (
			SELECT `+messageColumns+` FROM messages m LEFT JOIN agents a ON a.id = m.agent_id
			WHERE m.conversation_id = k.conversation AND m.seq <= k.last AND m.visibility = 'public'
			ORDER BY m.seq DESC LIMIT $4 + k.last - k.first + 1) x
		ORDER BY k.i, x.seq DESC`, conversations, from, to, HistoryLimit)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		m, err := scanMessage(numbered{rows, &i})
		if err != nil {
			return err
		}
		turns[i-1].messages = append(turns[i-1].messages, m)
	}
	return rows.Err()
}

// numbered scans a row whose first column is i.
type numbered struct {
	pgx.Rows
	i *int
}

// Scan implements pgx.Row for the columns behind the first.
func (n numbered) Scan(dest ...any) error { return n.Rows.Scan(append([]any{n.i}, dest...)...) }

// pastAnswers reads what the turns said themselves.
func (r *Record) pastAnswers(ctx context.Context, turns []*past) error {
	conversations, _, to := columns(turns)
	ids := make([]uuid.UUID, len(turns))
	for i, t := range turns {
		ids[i] = t.id
	}
	var i int
	rows, err := r.pool.Query(ctx, `
		SELECT k.i, x.* FROM unnest($1::uuid[], $2::uuid[], $3::bigint[]) WITH ORDINALITY k (conversation, turn, last, i), LATERAL (
			SELECT `+messageColumns+` FROM messages m LEFT JOIN agents a ON a.id = m.agent_id
			WHERE m.conversation_id = k.conversation AND m.seq > k.last AND m.turn_id = k.turn AND m.author = 'assistant' ORDER BY m.seq LIMIT 1) x`,
		conversations, ids, to)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		m, err := scanMessage(numbered{rows, &i})
		if err != nil {
			return err
		}
		turns[i-1].Answer = &m
	}
	return rows.Err()
}

// pastConversations makes the claims, with what never changes of the conversations and what they were at the turn.
func (r *Record) pastConversations(ctx context.Context, turns []*past) error {
	ids, _, _ := columns(turns)
	rows, err := r.pool.Query(ctx, `SELECT `+conversationColumns+` FROM conversations WHERE id = ANY ($1)`, ids)
	if err != nil {
		return err
	}
	byID := map[uuid.UUID]Conversation{}
	for rows.Next() {
		c, err := scanConversation(rows)
		if err != nil {
			rows.Close()
			return err
		}
		byID[c.ID] = c
	}
	if err := rows.Err(); err != nil {
		return err
	}
	for _, t := range turns {
		c := byID[t.conversation]
		if t.epoch == 0 {
			c.Instruction = "" // it came with a later change of owner
		}
		c.Owner, c.AgentID, c.Epoch, c.Status = OwnedByAssistant, nil, t.epoch, "open"
		c.LastSeq, c.CustomerSeq, c.FenceSeq = t.to, t.to, 0
		c.TurnID, c.TurnAttempt, c.TurnSpoken, c.NextTurnID = &t.id, t.attempt, false, nil
		t.Claim = newClaim(t.id, t.attempt, c, t.from, t.to, reversed(t.messages))
		t.messages = nil
	}
	return nil
}

// entry is an entry of the log that tells what was true before it.
type entry struct {
	seq     int64
	kind    string
	at      time.Time
	owner   Owner
	turn    string
	message uuid.UUID
	helpful bool
}

// pastLog finds the fences of turns in conversations that people had owned, and takes back verdicts given later.
func (r *Record) pastLog(ctx context.Context, turns []*past) error {
	var ids []uuid.UUID
	for _, t := range turns {
		if t.epoch > 0 || slices.ContainsFunc(t.Claim.History, func(m Message) bool { return m.Helpful != nil }) {
			ids = append(ids, t.conversation)
		}
	}
	if len(ids) == 0 {
		return nil
	}
	rows, err := r.pool.Query(ctx, `
		SELECT conversation_id, seq, kind, created_at, COALESCE(data->>'owner', ''), COALESCE(data->>'id', ''),
			COALESCE((data->>'message')::uuid, '00000000-0000-0000-0000-000000000000'), COALESCE((data->>'helpful')::boolean, false)
		FROM events WHERE conversation_id = ANY ($1) AND kind IN ('owner', 'status', 'turn', 'rating') ORDER BY conversation_id, seq`, ids)
	if err != nil {
		return err
	}
	log := map[uuid.UUID][]entry{}
	for rows.Next() {
		var id uuid.UUID
		var e entry
		if err := rows.Scan(&id, &e.seq, &e.kind, &e.at, &e.owner, &e.turn, &e.message, &e.helpful); err != nil {
			rows.Close()
			return err
		}
		log[id] = append(log[id], e)
	}
	if err := rows.Err(); err != nil {
		return err
	}
	resumed, err := r.begun(ctx, ids)
	if err != nil {
		return err
	}
	for _, t := range turns {
		if entries, ok := log[t.conversation]; ok {
			t.fence(entries, resumed[t.conversation])
			t.verdicts(entries)
		}
	}
	return nil
}

// begun tells where the turns of conversations begin, by the time of the transaction that made them.
func (r *Record) begun(ctx context.Context, conversations []uuid.UUID) (map[uuid.UUID]map[time.Time]int64, error) {
	rows, err := r.pool.Query(ctx, `SELECT conversation_id, created_at, from_seq FROM turns WHERE conversation_id = ANY ($1)`, conversations)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	out := map[uuid.UUID]map[time.Time]int64{}
	for rows.Next() {
		var id uuid.UUID
		var at time.Time
		var from int64
		if err := rows.Scan(&id, &at, &from); err != nil {
			return nil, err
		}
		if out[id] == nil {
			out[id] = map[time.Time]int64{}
		}
		out[id][at.UTC()] = from
	}
	return out, rows.Err()
}

// fence finds the fence of the turn's time. The owner changes with the epoch, one entry each, and the assistant gets a
// conversation back only with a new fence, in the same transaction: before the turn that Resume makes, or else at the
// last entry of that transaction, which is this one or the closing behind it.
func (t *past) fence(entries []entry, begun map[time.Time]int64) {
	c := &t.Claim.Conversation
	changes := int64(0)
	for i, e := range entries {
		if e.kind != KindOwner {
			continue
		}
		if changes++; e.owner != OwnedByAssistant {
			continue
		}
		if changes > t.epoch {
			c.Instruction = "" // that of the turn's time is not kept
			return
		}
		if from, ok := begun[e.at.UTC()]; ok {
			c.FenceSeq = from - 1
			continue
		}
		c.FenceSeq = e.seq
		if next := i + 1; next < len(entries) && entries[next].seq == e.seq+1 && entries[next].kind == KindStatus && entries[next].at.Equal(e.at) {
			c.FenceSeq = e.seq + 1
		}
	}
}

// verdicts makes the history hold the customer's verdicts as they were when the turn was claimed. A turn is claimed with
// its message; one that waited, when the turn before it ends; one that was given back, with the change of owner; and one
// that was taken over from a process that ended, some time later, which only its timings tell.
func (t *past) verdicts(entries []entry) {
	end, claimed := int64(0), t.to
	for _, e := range entries {
		if e.kind == KindTurn && e.turn == t.id.String() {
			end = e.seq
		}
	}
	started := t.At.Add(-time.Duration(t.Timings["total"] * float64(time.Millisecond)))
	for _, e := range entries {
		if e.seq < end && e.kind != KindRating || t.attempt > 1 && e.at.Before(started) {
			claimed = max(claimed, e.seq)
		}
	}
	given := map[uuid.UUID]*bool{}
	for _, e := range entries {
		if e.kind == KindRating && e.seq <= claimed {
			given[e.message] = &e.helpful
		}
	}
	for i := range t.Claim.History {
		t.Claim.History[i].Helpful = given[t.Claim.History[i].ID]
	}
}

// pastTurns reads the turns before, as load does.
func (r *Record) pastTurns(ctx context.Context, turns []*past) error {
	conversations, from, _ := columns(turns)
	fences := make([]int64, len(turns))
	for i, t := range turns {
		fences[i] = t.Claim.Conversation.FenceSeq
	}
	rows, err := r.pool.Query(ctx, `
		SELECT k.i, x.outcome, x.reason, COALESCE(x."from", 0), COALESCE(x."to", 0) FROM unnest($1::uuid[], $2::bigint[], $3::bigint[]) WITH ORDINALITY k (conversation, fence, first, i), LATERAL (
			SELECT outcome, COALESCE(reason, '') AS reason, from_seq, to_seq, id, `+stoppedSpan+` FROM turns
			WHERE conversation_id = k.conversation AND state = 'done' AND from_seq > k.fence AND from_seq < k.first
			ORDER BY from_seq DESC, to_seq DESC, id DESC LIMIT $4) x
		ORDER BY k.i, x.from_seq DESC, x.to_seq DESC, x.id DESC`, conversations, fences, from, HistoryLimit)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var i int
		var p PastTurn
		if err := rows.Scan(&i, &p.Outcome, &p.Reason, &p.From, &p.To); err != nil {
			return err
		}
		turns[i-1].Claim.Past = append(turns[i-1].Claim.Past, p)
	}
	return rows.Err()
}
