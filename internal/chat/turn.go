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
	"github.com/firstline/firstline/internal/wake"
)

// Inbound is a message of the customer, already validated and masked.
type Inbound struct {
	ClientID string // unique in the conversation; the same one is stored once
	Text     string
	Files    []uuid.UUID // uploaded before
	Token    *int        // generation of the token that it came with, which must be the conversation's; nil: who calls has asked
}

// Receipt tells what became of an inbound message.
type Receipt struct {
	Message   Message
	TurnID    *uuid.UUID // the turn that will answer it; nil when a human owns the conversation
	Claim     *Claim     // not nil when this process is to run the turn now
	Duplicate bool       // the client id was stored before
	Owner     Owner
}

// storeTries bounds how often a statement is run again that met rows which it could not see, because it had waited for the
// conversation's row. Each further try sees a newer state; more than two are needed only under fierce contention.
const storeTries = 8

// Receive stores a customer's message and claims the turn that answers it, in one statement. A live turn that has not
// spoken yet is superseded and its messages join the new turn; one that has spoken goes on, and the message waits for it.
// A closed conversation is opened again.
func (r *Record) Receive(ctx context.Context, id uuid.UUID, in Inbound) (Receipt, error) {
	for try := 1; ; try++ {
		rec, err := r.receive(ctx, id, in)
		if (uniqueViolation(err) || unseenTurn(err)) && try < storeTries {
			continue
		}
		return rec, err
	}
}

// receiveSQL. Every decision is made from the conversation's own row, in the UPDATE that locks it; the rest follows.
// $1 conversation $2 client id $3 text $4 attachments $5 message id $6 turn id $7 replica $8 lease seconds $9 history limit $10 generation of the token
const (
	receiveSQL      = receiveWrites + receiveReads
	receiveFilesSQL = receiveWrites + receiveFiles + receiveReads // for a message with files alone: the others do not pay for them
)

const receiveWrites = `
	WITH c AS (
		UPDATE conversations SET
			last_seq        = last_seq + 1 + CASE WHEN turn_id IS NOT NULL AND NOT turn_spoken THEN 1 ELSE 0 END,
			customer_seq    = last_seq + 1,
			superseded_turn = CASE WHEN NOT turn_spoken THEN turn_id END,
			turn_id         = CASE WHEN owner = 'assistant' AND (turn_id IS NULL OR NOT turn_spoken) THEN $6 ELSE turn_id END,
			turn_attempt    = CASE WHEN owner = 'assistant' AND (turn_id IS NULL OR NOT turn_spoken) THEN 1 ELSE turn_attempt END,
			next_turn_id    = CASE WHEN turn_id IS NOT NULL AND turn_spoken THEN COALESCE(next_turn_id, $6) ELSE next_turn_id END,
			turn_spoken     = turn_id IS NOT NULL AND turn_spoken,
			status          = 'open',
			updated_at      = now()
		WHERE id = $1 AND ($10::integer IS NULL OR token_gen = $10)
		  AND NOT EXISTS (SELECT FROM messages WHERE conversation_id = $1 AND author = 'customer' AND client_id = $2)
		RETURNING *
	), m AS (
		INSERT INTO messages (id, conversation_id, seq, author, body, attachments, client_id, turn_id)
		SELECT $5, c.id, c.customer_seq, 'customer', $3, $4, $2, COALESCE(c.next_turn_id, c.turn_id) FROM c
		RETURNING created_at
	), s AS (
		UPDATE turns SET state = 'done', outcome = 'superseded', lease_owner = NULL, lease_until = NULL, ended_at = now()
		FROM c WHERE turns.id = c.superseded_turn AND turns.state <> 'done'
		RETURNING turns.id, turns.from_seq
	), e AS (
		INSERT INTO events (conversation_id, seq, kind, data)
		SELECT c.id, c.customer_seq + 1, 'turn', jsonb_build_object('id', c.superseded_turn, 'outcome', 'superseded',
			'confidence', 0, 'threshold', 0, 'citations', '[]'::jsonb)
		FROM c WHERE c.superseded_turn IS NOT NULL
		RETURNING data
	), t AS (
		INSERT INTO turns (id, conversation_id, from_seq, to_seq, state, lease_owner, lease_until, epoch)
		-- A superseded turn that this statement began too early to see would be left behind with its messages: divide by zero
		-- and run again. No index can refuse that, because the turn may not have begun to run.
		SELECT $6, c.id, COALESCE(s.from_seq, c.customer_seq / CASE WHEN c.superseded_turn IS NULL THEN 1 ELSE 0 END), c.customer_seq, v.state,
			CASE WHEN v.state = 'running' THEN $7::uuid END, CASE WHEN v.state = 'running' THEN now() + $8 * interval '1 second' END, c.owner_epoch
		FROM c LEFT JOIN s ON true, LATERAL (SELECT CASE WHEN c.turn_id = $6 THEN 'running' ELSE 'waiting' END AS state) v
		WHERE $6 IN (c.turn_id, c.next_turn_id)
		RETURNING from_seq
	), w AS (
		UPDATE turns SET to_seq = c.customer_seq FROM c WHERE turns.id = c.next_turn_id AND c.next_turn_id <> $6
	)`

// receiveFiles makes the files the message's own. $11 files
const receiveFiles = `, f AS (
		UPDATE attachments SET message_id = $5 FROM c WHERE attachments.conversation_id = c.id AND attachments.id = ANY ($11) AND message_id IS NULL
	)`

// stoppedSpan are the messages of a turn that was stopped, as from and to.
const stoppedSpan = `CASE WHEN reason = '` + StoppedByCustomer + `' THEN from_seq END AS "from", CASE WHEN reason = '` + StoppedByCustomer + `' THEN to_seq END AS "to"`

const receiveReads = `
	SELECT c.market, c.locale, c.audience, c.customer, c.owner, c.owner_epoch, c.fence_seq, c.customer_seq, c.turn_id, c.next_turn_id,
		c.superseded_turn, c.instruction, c.article, c.channel, c.created_at,
		(SELECT created_at FROM m), (SELECT from_seq FROM t), (SELECT data FROM e),
		(SELECT jsonb_agg(h) FROM (
			SELECT id, seq, author, body AS text, citations, turn_id AS turn, visibility, helpful, created_at, stopped FROM messages
			WHERE conversation_id = $1 AND visibility = 'public' ORDER BY seq DESC LIMIT $9) h),
		(SELECT jsonb_agg(p) FROM (
			SELECT outcome, COALESCE(reason, '') AS reason, ` + stoppedSpan + ` FROM turns
			WHERE conversation_id = $1 AND state = 'done' AND from_seq > c.fence_seq ORDER BY from_seq DESC, to_seq DESC, id DESC LIMIT $9) p)
	FROM c`

func (r *Record) receive(ctx context.Context, id uuid.UUID, in Inbound) (Receipt, error) {
	turn := newID()
	msg := Message{ID: newID(), Author: Customer, Text: in.Text, ClientID: in.ClientID, Visibility: "public"}
	sql, args := receiveSQL, []any{id, in.ClientID, in.Text, nil, msg.ID, turn, r.replica, r.lease.Seconds(), HistoryLimit, in.Token}
	if len(in.Files) > 0 {
		list, err := listFiles(ctx, r.pool, id, Customer, in.ClientID, in.Files)
		if err != nil {
			return Receipt{}, err
		}
		msg.Attachments, args[3] = list, list
		sql, args = receiveFilesSQL, append(args, in.Files)
	}
	conv := Conversation{ID: id, Status: "open"}
	var fromSeq *int64
	var superseded *uuid.UUID
	var supersededEvent json.RawMessage
	var history []Message
	var past []PastTurn
	err := r.pool.QueryRow(ctx, sql, args...).
		Scan(&conv.Market, &conv.Locale, &conv.Audience, &conv.Customer, &conv.Owner, &conv.Epoch, &conv.FenceSeq, &msg.Seq, &conv.TurnID,
			&conv.NextTurnID, &superseded, &conv.Instruction, &conv.Article, &conv.Channel, &conv.CreatedAt, &msg.CreatedAt, &fromSeq, &supersededEvent, &history, &past)
	if errors.Is(err, pgx.ErrNoRows) {
		return r.received(ctx, id, in)
	}
	if err != nil {
		return Receipt{}, fmt.Errorf("store message: %w", err)
	}
	rec := Receipt{Owner: conv.Owner, TurnID: conv.TurnID}
	if conv.NextTurnID != nil {
		rec.TurnID = conv.NextTurnID
	}
	msg.Turn = rec.TurnID
	rec.Message = msg
	e, err := msg.event()
	if err != nil {
		return Receipt{}, err
	}
	log := []Event{e}
	if supersededEvent != nil {
		log = append(log, Event{Seq: msg.Seq + 1, Kind: KindTurn, Data: supersededEvent, At: msg.CreatedAt})
	}
	r.published(id, log)
	if fromSeq != nil && conv.TurnID != nil && *conv.TurnID == turn {
		if *fromSeq < msg.Seq {
			// It took over the messages of turns that it superseded; what this statement saw of them may be old or too little.
			rec.Claim, err = r.load(ctx, turn)
			return rec, err
		}
		conv.LastSeq, conv.CustomerSeq, conv.TurnAttempt = log[len(log)-1].Seq, msg.Seq, 1
		rec.Claim = newClaim(turn, 1, conv, *fromSeq, msg.Seq, append(reversed(history), msg))
		rec.Claim.Past = past
	}
	return rec, nil
}

// received answers a message that was not stored: it was stored before, or there is no such conversation.
func (r *Record) received(ctx context.Context, id uuid.UUID, in Inbound) (Receipt, error) {
	msg, err := scanMessage(r.pool.QueryRow(ctx, `
		SELECT `+messageColumns+` FROM messages m LEFT JOIN agents a ON a.id = m.agent_id
		WHERE m.conversation_id = $1 AND m.author = 'customer' AND m.client_id = $2
		  AND ($3::integer IS NULL OR EXISTS (SELECT FROM conversations WHERE id = $1 AND token_gen = $3))`, id, in.ClientID, in.Token))
	if errors.Is(err, pgx.ErrNoRows) {
		return Receipt{}, notFound()
	}
	if err != nil {
		return Receipt{}, fmt.Errorf("find message: %w", err)
	}
	if msg.Text != in.Text || !msg.sameFiles(in.Files) { // storing nothing and saying so is better than a 2xx for what was not stored
		return Receipt{}, fault.New(fault.Conflict, "client_id_reused", "Another message has this client_id; give every message one of its own.")
	}
	return Receipt{Message: msg, TurnID: msg.Turn, Duplicate: true}, nil
}

// newClaim splits what was read into the turn's own messages and the history before them.
func newClaim(turn uuid.UUID, attempt int, conv Conversation, from, to int64, messages []Message) *Claim {
	c := &Claim{TurnID: turn, Attempt: attempt, Conversation: conv, FromSeq: from, ToSeq: to, ReceivedAt: time.Now()}
	for _, m := range messages {
		switch {
		case m.Seq >= from && m.Seq <= to && m.Author == Customer:
			c.Messages = append(c.Messages, m)
		case m.Seq < from:
			m.AI = m.Author == Assistant
			c.History = append(c.History, m)
		}
	}
	return c
}

func reversed(ms []Message) []Message {
	for i, j := 0, len(ms)-1; i < j; i, j = i+1, j-1 {
		ms[i], ms[j] = ms[j], ms[i]
	}
	return ms
}

// published tells local readers and, by wake-up, those of other replicas.
func (r *Record) published(id uuid.UUID, events []Event) {
	r.hub.publish(id, events)
	r.bus.NotifyOthers(wake.Conversation, id.String())
}

// Speak shows a piece of supported text. It fails with ErrLost when the turn may no longer speak.
func (r *Record) Speak(ctx context.Context, c *Claim, d DeltaEvent) error {
	d.Turn, d.Attempt = c.TurnID, c.Attempt
	data, err := json.Marshal(d)
	if err != nil {
		return err
	}
	e := Event{Kind: KindDelta, Data: data}
	err = r.pool.QueryRow(ctx, `
		WITH c AS (
			UPDATE conversations SET last_seq = last_seq + 1, turn_spoken = true
			WHERE id = $1 AND turn_id = $2 AND turn_attempt = $3 AND owner = 'assistant' AND owner_epoch = $4
			RETURNING id, last_seq
		)
		INSERT INTO events (conversation_id, seq, kind, data) SELECT id, last_seq, 'delta', $5 FROM c RETURNING seq, created_at`,
		c.Conversation.ID, c.TurnID, c.Attempt, c.Conversation.Epoch, data).Scan(&e.Seq, &e.At)
	if errors.Is(err, pgx.ErrNoRows) {
		return ErrLost
	}
	if err != nil {
		return fmt.Errorf("speak: %w", err)
	}
	r.published(c.Conversation.ID, []Event{e})
	return nil
}

// Ending is how a turn ends without a change of owner.
type Ending struct {
	Outcome   Outcome
	Reason    string
	Text      string // the assistant's message; "" for none
	Citations []Citation
	Event     TurnEvent // ID, Outcome and Reason are filled in
	Record    TurnRecord
}

// TurnRecord is what is kept of a turn beside its messages.
type TurnRecord struct {
	Decision         json.RawMessage // everything that the decision was made from
	Timings          map[string]float64
	Model            string
	PromptTokens     int
	CompletionTokens int
	Cost             float64
}

// Finish ends a turn: owner and epoch unchanged, nothing newer said before it spoke, then the message, the decision and
// the event, in one statement. It returns the turn that waited for this one, claimed for this process, or nil. It fails
// with ErrLost, having written nothing, when the turn may no longer speak.
func (r *Record) Finish(ctx context.Context, c *Claim, end Ending) (*Claim, error) {
	msg := Message{ID: newID(), Author: Assistant, Text: end.Text, Citations: end.Citations, Turn: &c.TurnID, Visibility: "public", AI: true}
	event, err := c.turnEvent(end)
	if err != nil {
		return nil, err
	}
	said := 0
	if end.Text != "" {
		said = 1
	}
	var last int64
	var at time.Time
	var next *uuid.UUID
	var begun bool
	err = r.pool.QueryRow(ctx, `
		WITH c AS (
			UPDATE conversations SET last_seq = last_seq + 1 + $5::int, turn_id = next_turn_id, next_turn_id = NULL, turn_spoken = false,
				turn_attempt = 1, updated_at = now()
			WHERE id = $1 AND turn_id = $2 AND turn_attempt = $3 AND owner = 'assistant' AND owner_epoch = $4
			RETURNING id, last_seq, turn_id, customer_seq
		), m AS (
			INSERT INTO messages (id, conversation_id, seq, author, body, citations, turn_id)
			SELECT $6, c.id, c.last_seq - 1, 'assistant', $7, $8, $2 FROM c WHERE $5::int = 1
		), e AS (
			INSERT INTO events (conversation_id, seq, kind, data) SELECT c.id, c.last_seq, 'turn', $9 FROM c RETURNING created_at
		), t AS (
			UPDATE turns SET state = 'done', outcome = $10, reason = NULLIF($11, ''), lease_owner = NULL, lease_until = NULL, decision = $12,
				timings = $13, model = NULLIF($14, ''), prompt_tokens = $15, completion_tokens = $16, cost = $17, ended_at = now()
			FROM c WHERE turns.id = $2
			RETURNING turns.id
		), n AS ( -- joins t, so that the one live turn is ended before the next one begins
			UPDATE turns SET state = 'running', lease_owner = $18, lease_until = now() + $19 * interval '1 second', epoch = $4,
				to_seq = c.customer_seq
			FROM c, t WHERE turns.id = c.turn_id
			RETURNING turns.id
		)
		SELECT c.last_seq, c.turn_id, e.created_at, EXISTS (SELECT FROM n) FROM c, e`,
		c.Conversation.ID, c.TurnID, c.Attempt, c.Conversation.Epoch, said, msg.ID, msg.Text, nullCitations(msg.Citations), event,
		end.Outcome, end.Reason, end.Record.Decision, end.Record.Timings, end.Record.Model, end.Record.PromptTokens, end.Record.CompletionTokens,
		end.Record.Cost, r.replica, r.lease.Seconds()).Scan(&last, &next, &at, &begun)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, ErrLost
	}
	if err != nil {
		return nil, fmt.Errorf("finish turn: %w", err)
	}
	log := make([]Event, 0, 2)
	if said == 1 {
		msg.Seq, msg.CreatedAt = last-1, at
		e, err := msg.event()
		if err != nil {
			return nil, err
		}
		log = append(log, e)
	}
	r.published(c.Conversation.ID, append(log, Event{Seq: last, Kind: KindTurn, Data: event, At: at}))
	if next == nil {
		return nil, nil
	}
	if !begun { // it was stored while this statement waited for the conversation's row
		if begun, err = r.begin(ctx, *next); err != nil || !begun {
			return nil, err
		}
	}
	return r.load(ctx, *next)
}

// begin claims a waiting turn that its conversation already names as the live one.
func (r *Record) begin(ctx context.Context, turn uuid.UUID) (bool, error) {
	tag, err := r.pool.Exec(ctx, `
		UPDATE turns SET state = 'running', lease_owner = $2, lease_until = now() + $3 * interval '1 second', epoch = c.owner_epoch,
			to_seq = c.customer_seq
		FROM conversations c WHERE turns.id = $1 AND turns.state = 'waiting' AND c.id = turns.conversation_id AND c.turn_id = turns.id`,
		turn, r.replica, r.lease.Seconds())
	if uniqueViolation(err) { // a message superseded it meanwhile
		return false, nil
	}
	return err == nil && tag.RowsAffected() == 1, err
}

func (c *Claim) turnEvent(end Ending) (json.RawMessage, error) {
	ev := end.Event
	ev.ID, ev.Outcome, ev.Reason = c.TurnID, end.Outcome, end.Reason
	if ev.Citations = end.Citations; ev.Citations == nil {
		ev.Citations = []Citation{}
	}
	return json.Marshal(ev)
}

func nullCitations(cs []Citation) any {
	if len(cs) == 0 {
		return nil
	}
	return cs
}

// load reads a claimed turn with its messages and history.
func (r *Record) load(ctx context.Context, turn uuid.UUID) (*Claim, error) {
	var conv uuid.UUID
	var from, to int64
	var attempt int
	err := r.pool.QueryRow(ctx, `SELECT conversation_id, from_seq, to_seq, attempt FROM turns WHERE id = $1`, turn).Scan(&conv, &from, &to, &attempt)
	if err != nil {
		return nil, fmt.Errorf("load turn: %w", err)
	}
	c, err := r.Find(ctx, conv)
	if err != nil {
		return nil, err
	}
	rows, err := r.pool.Query(ctx, `
		SELECT `+messageColumns+` FROM messages m LEFT JOIN agents a ON a.id = m.agent_id
		WHERE m.conversation_id = $1 AND m.seq <= $2 AND m.visibility = 'public' ORDER BY m.seq DESC LIMIT $3`,
		conv, to, HistoryLimit+int(to-from)+1)
	if err != nil {
		return nil, err
	}
	messages, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (Message, error) { return scanMessage(row) })
	if err != nil {
		return nil, err
	}
	claim := newClaim(turn, attempt, c, from, to, reversed(messages))
	err = r.pool.QueryRow(ctx, `
		SELECT jsonb_agg(p) FROM (
			SELECT outcome, COALESCE(reason, '') AS reason, `+stoppedSpan+` FROM turns
			WHERE conversation_id = $1 AND state = 'done' AND from_seq > $2 AND from_seq < $3 ORDER BY from_seq DESC, to_seq DESC, id DESC LIMIT $4) p`,
		conv, c.FenceSeq, from, HistoryLimit).Scan(&claim.Past)
	return claim, err
}

// Renew extends the leases of turns that this process is running.
func (r *Record) Renew(ctx context.Context, turns []uuid.UUID) error {
	_, err := r.pool.Exec(ctx, `UPDATE turns SET lease_until = now() + $3 * interval '1 second'
		WHERE id = ANY ($1) AND lease_owner = $2 AND state = 'running'`, turns, r.replica, r.lease.Seconds())
	return err
}

// Release gives up turns that this process will not finish, so that another one takes them over at once.
func (r *Record) Release(ctx context.Context, turns []uuid.UUID) error {
	_, err := r.pool.Exec(ctx, `UPDATE turns SET lease_until = now() WHERE id = ANY ($1) AND lease_owner = $2 AND state = 'running'`, turns, r.replica)
	r.bus.Notify(wake.Turns, "")
	return err
}

// TakeOver claims up to limit turns whose lease has ended, the oldest first. The attempt goes up by one, which silences
// the process that had the turn, should it still live.
func (r *Record) TakeOver(ctx context.Context, limit int) ([]*Claim, error) {
	rows, err := r.pool.Query(ctx, `SELECT id, conversation_id FROM turns WHERE state = 'running' AND lease_until < now() ORDER BY lease_until LIMIT $1`, limit)
	if err != nil {
		return nil, err
	}
	type ended struct{ ID, ConversationID uuid.UUID }
	turns, err := pgx.CollectRows(rows, pgx.RowToStructByPos[ended])
	if err != nil {
		return nil, err
	}
	// And those that became live in the moment in which their process ended, before it could begin them.
	rows, err = r.pool.Query(ctx, `SELECT t.id, t.conversation_id FROM turns t JOIN conversations c ON c.turn_id = t.id WHERE t.state = 'waiting' LIMIT $1`, limit)
	if err != nil {
		return nil, err
	}
	unbegun, err := pgx.CollectRows(rows, pgx.RowToStructByPos[ended])
	if err != nil {
		return nil, err
	}
	var claims []*Claim
	for i, t := range append(turns, unbegun...) {
		var taken bool
		var err error
		if i < len(turns) {
			taken, err = r.takeOver(ctx, t.ID, t.ConversationID)
		} else {
			taken, err = r.begin(ctx, t.ID)
		}
		if err != nil {
			return claims, err
		}
		if !taken {
			continue
		}
		c, err := r.load(ctx, t.ID)
		if err != nil {
			return claims, err
		}
		claims = append(claims, c)
	}
	return claims, nil
}

func (r *Record) takeOver(ctx context.Context, turn, conversation uuid.UUID) (taken bool, err error) {
	err = pgx.BeginFunc(ctx, r.pool, func(tx pgx.Tx) error {
		// The conversation's row first, as everywhere, so that no two writers wait for each other.
		tag, err := tx.Exec(ctx, `UPDATE conversations SET turn_attempt = turn_attempt + 1 WHERE id = $1 AND turn_id = $2`, conversation, turn)
		if err != nil {
			return err
		}
		if tag.RowsAffected() == 0 {
			return nil // it ended meanwhile
		}
		// A turn that fails again and again is tried less and less often.
		tag, err = tx.Exec(ctx, `UPDATE turns SET attempt = attempt + 1, lease_owner = $2,
				lease_until = now() + least(attempt, 30) * $3 * interval '1 second'
			WHERE id = $1 AND state = 'running' AND lease_until < now()`, turn, r.replica, r.lease.Seconds())
		if err != nil {
			return err
		}
		if tag.RowsAffected() == 0 {
			return errQuicker
		}
		taken = true
		return nil
	})
	if errors.Is(err, errQuicker) {
		return false, nil
	}
	return taken && err == nil, err
}

// errQuicker undoes a take-over that another replica made first.
var errQuicker = errors.New("taken over by another replica")

// FindTurn returns the stored decision of a turn.
func (r *Record) FindTurn(ctx context.Context, id uuid.UUID) (decision json.RawMessage, outcome *Outcome, err error) {
	err = r.pool.QueryRow(ctx, `SELECT decision, outcome FROM turns WHERE id = $1`, id).Scan(&decision, &outcome)
	if errors.Is(err, pgx.ErrNoRows) {
		err = fault.New(fault.NotFound, "turn_not_found", "There is no such turn.")
	}
	return decision, outcome, err
}
