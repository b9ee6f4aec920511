package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/firstline/firstline/internal/chat"
)

// state is one conversation as the database holds it.
type state struct {
	Owner       chat.Owner
	Epoch       int64
	AgentID     *uuid.UUID
	Status      string
	LastSeq     int64
	CustomerSeq int64
	TurnID      *uuid.UUID
	TurnAttempt int
	TurnSpoken  bool
	NextTurnID  *uuid.UUID

	log      []entry
	turns    []simTurn
	handoffs []simHandoff
	offers   []simOffer
}

// entry is a message or an event of the log.
type entry struct {
	Seq        int64
	Kind       string
	Author     string
	ID         *uuid.UUID // of a message
	ClientID   *string
	Body       string
	TurnID     *uuid.UUID
	AgentID    *uuid.UUID
	Visibility string
	Data       json.RawMessage
	At         time.Time
}

func (e entry) String() string {
	s := fmt.Sprintf("%d:%s", e.Seq, e.Kind)
	switch e.Kind {
	case chat.KindMessage:
		s += "(" + e.Author + ")"
	case chat.KindOwner, chat.KindTurn:
		var d struct{ Owner, Outcome string }
		_ = json.Unmarshal(e.Data, &d)
		s += "(" + d.Owner + d.Outcome + ")"
	}
	return s
}

type simTurn struct {
	ID       uuid.UUID
	From, To int64
	State    string
	Outcome  *chat.Outcome
	Attempt  int
}

type simHandoff struct {
	ID             uuid.UUID
	ConversationID uuid.UUID
	TurnID         *uuid.UUID
	State          string
	AgentID        *uuid.UUID
	Team           string
	Priority       int
	Language       string
	Market         string
	QueuedAt       time.Time
	Boost          time.Duration
	Waited         float64 // seconds
	EndedAt        *time.Time
	Wanted, From   *uuid.UUID
	WishOver       bool
	Asleep         bool
}

type simOffer struct {
	ID, HandoffID, AgentID uuid.UUID
	Outcome                string
	Expired                bool
}

const simHandoffColumns = `id, conversation_id, turn_id, state, agent_id, team, priority, language, market, queued_at, boost * 1000000000::bigint, extract(epoch FROM now() - team_since)::float8, ended_at,
	wanted_agent, from_agent, COALESCE(wanted_until <= now(), false), snoozed_until IS NOT NULL`

// simOfferColumns are of offers o; what was forgotten keeps nobody from being asked again, whatever became of it.
const simOfferColumns = `o.id, o.handoff_id, o.agent_id, CASE WHEN o.forgotten_at IS NULL THEN o.outcome ELSE 'forgotten' END, o.expires_at <= now()`

// load reads the conversation. Nothing else runs meanwhile, except within a race, where only its first part is used.
func (w *world) load(c *talk) state {
	var st state
	b := &pgx.Batch{}
	b.Queue(`SELECT owner, owner_epoch, agent_id, status, last_seq, customer_seq, turn_id, turn_attempt, turn_spoken, next_turn_id FROM conversations WHERE id = $1`, c.id).
		QueryRow(func(row pgx.Row) error {
			return row.Scan(&st.Owner, &st.Epoch, &st.AgentID, &st.Status, &st.LastSeq, &st.CustomerSeq, &st.TurnID, &st.TurnAttempt, &st.TurnSpoken, &st.NextTurnID)
		})
	collect(b, &st.log, `
		SELECT seq, 'message', author, id, client_id, body, turn_id, agent_id, visibility, NULL::jsonb, created_at FROM messages WHERE conversation_id = $1
		UNION ALL SELECT seq, kind, '', NULL, NULL, '', NULL, NULL, CASE WHEN internal THEN 'internal' ELSE 'public' END, data, created_at FROM events WHERE conversation_id = $1
		ORDER BY seq`, c.id)
	collect(b, &st.turns, `SELECT id, from_seq, to_seq, state, outcome, attempt FROM turns WHERE conversation_id = $1 ORDER BY created_at, id`, c.id)
	collect(b, &st.handoffs, `SELECT `+simHandoffColumns+` FROM handoffs WHERE conversation_id = $1 ORDER BY queued_at, id`, c.id)
	collect(b, &st.offers, `SELECT `+simOfferColumns+` FROM offers o JOIN handoffs h ON h.id = o.handoff_id WHERE h.conversation_id = $1`, c.id)
	if err := w.nodes[0].pool.SendBatch(w.t.Context(), b).Close(); err != nil {
		panic(err)
	}
	return st
}

// collect queues a query whose rows are read by position.
func collect[T any](b *pgx.Batch, into *[]T, sql string, args ...any) {
	b.Queue(sql, args...).Query(func(rows pgx.Rows) (err error) {
		*into, err = pgx.CollectRows(rows, pgx.RowToStructByPos[T])
		return err
	})
}

// ownerEvent is a change of owner in the log.
type ownerEvent struct {
	seq   int64
	owner chat.Owner
	agent *uuid.UUID
}

// check holds the conversation against the promises. The first violation counts.
func (w *world) check(c *talk) {
	st := w.load(c)
	w.checkLog(c, st)
	owners := w.checkOwners(c, st)
	w.checkTurns(c, st, owners)
	w.checkHandoffs(c, st)
	w.checkReaders(c, st)
}

// Promises 1 and 11: numbers without gaps or doubles, and every acknowledged message once.
func (w *world) checkLog(c *talk, st state) {
	for i, e := range st.log {
		if e.Seq != int64(i+1) {
			w.violate(c, "promise 11: entry %d of the log has the number %d", i+1, e.Seq)
			return
		}
	}
	if int64(len(st.log)) != st.LastSeq {
		w.violate(c, "promise 11: %d entries, last number %d", len(st.log), st.LastSeq)
	}
	stored := map[string]uuid.UUID{}
	for _, e := range st.log {
		if e.Kind != chat.KindMessage || e.Author != string(chat.Customer) {
			continue
		}
		if _, twice := stored[*e.ClientID]; twice {
			w.violate(c, "promise 1: %s is stored twice", *e.ClientID)
		}
		stored[*e.ClientID] = *e.ID
		if e.Body != c.text[*e.ClientID] {
			w.violate(c, "promise 1: %s is stored as %q", *e.ClientID, e.Body)
		}
	}
	if d := cmp.Diff(c.acked, stored); d != "" {
		w.violate(c, "promise 1: acknowledged (-) and stored (+) differ:\n%s", d)
	}
}

// Promise 3: who speaks owns the conversation at that moment.
func (w *world) checkOwners(c *talk, st state) []ownerEvent {
	now := ownerEvent{owner: chat.OwnedByAssistant}
	owners := []ownerEvent{now}
	spokenBy := map[uuid.UUID]int{} // highest attempt heard, by turn
	for _, e := range st.log {
		switch {
		case e.Kind == chat.KindOwner:
			var d chat.OwnerEvent
			if err := json.Unmarshal(e.Data, &d); err != nil {
				panic(err)
			}
			now = ownerEvent{seq: e.Seq, owner: d.Owner}
			if d.Agent != nil {
				now.agent = &d.Agent.ID
			}
			owners = append(owners, now)
		case e.Kind == chat.KindMessage && e.Author == string(chat.Assistant) && now.owner != chat.OwnedByAssistant:
			w.violate(c, "promise 3: the assistant's message %d was posted while the owner was %s", e.Seq, now.owner)
		case e.Kind == chat.KindDelta:
			if now.owner != chat.OwnedByAssistant {
				w.violate(c, "promise 3: the assistant's delta %d was shown while the owner was %s", e.Seq, now.owner)
			}
			var d chat.DeltaEvent
			if err := json.Unmarshal(e.Data, &d); err != nil {
				panic(err)
			}
			if d.Attempt < spokenBy[d.Turn] {
				w.violate(c, "promise 3: attempt %d of turn %s speaks after attempt %d", d.Attempt, short(d.Turn), spokenBy[d.Turn])
			}
			spokenBy[d.Turn] = d.Attempt
		case e.Kind == chat.KindMessage && e.Author == string(chat.Agent) && e.Visibility == "public":
			if now.owner != chat.OwnedByAgent || *now.agent != *e.AgentID {
				w.violate(c, "promise 3: message %d is by an agent who does not own the conversation", e.Seq)
			}
		}
	}
	if now.owner != st.Owner || int64(len(owners)-1) != st.Epoch || !sameID(now.agent, st.AgentID) {
		w.violate(c, "promise 3: the log says %s after %d changes, the conversation %s after %d", now.owner, len(owners)-1, st.Owner, st.Epoch)
	}
	return owners
}

func sameID(a, b *uuid.UUID) bool { return a == b || a != nil && b != nil && *a == *b }

// ownerAt is the owner just before the entry with this number, and the number of the next change (0 for none).
func ownerAt(owners []ownerEvent, seq int64) (owner chat.Owner, next int64) {
	for _, o := range owners {
		if o.seq > seq {
			return owner, o.seq
		}
		owner = o.owner
	}
	return owner, 0
}

// Promise 2: every turn ends once, with one event; every message is answered once, or is a human's.
func (w *world) checkTurns(c *talk, st state, owners []ownerEvent) {
	type end struct {
		seq     int64
		outcome chat.Outcome
	}
	ends := map[uuid.UUID][]end{}
	said := map[uuid.UUID][]int64{}
	for _, e := range st.log {
		switch {
		case e.Kind == chat.KindTurn:
			var d chat.TurnEvent
			if err := json.Unmarshal(e.Data, &d); err != nil {
				panic(err)
			}
			ends[d.ID] = append(ends[d.ID], end{e.Seq, d.Outcome})
		case e.Kind == chat.KindDelta:
			var d chat.DeltaEvent
			if err := json.Unmarshal(e.Data, &d); err != nil {
				panic(err)
			}
			if len(ends[d.Turn]) > 0 {
				w.violate(c, "promise 3: delta %d after the end of its turn %s", e.Seq, short(d.Turn))
			}
		case e.Author == string(chat.Assistant) && e.TurnID != nil:
			said[*e.TurnID] = append(said[*e.TurnID], e.Seq)
		}
	}
	for _, t := range st.turns {
		of := ends[t.ID]
		if t.State != "done" {
			if len(of) > 0 {
				w.violate(c, "promise 2: turn %s is %s and has an end in the log", short(t.ID), t.State)
			}
			if t.State == "running" && (st.TurnID == nil || *st.TurnID != t.ID || st.TurnAttempt != t.Attempt) ||
				t.State == "waiting" && (st.NextTurnID == nil || *st.NextTurnID != t.ID) {
				w.violate(c, "promise 2: turn %s is %s, and the conversation does not know it", short(t.ID), t.State)
			}
			continue
		}
		if len(of) != 1 || of[0].outcome != *t.Outcome {
			w.violate(c, "promise 2: turn %s ended as %s; the log says %v", short(t.ID), *t.Outcome, of)
			continue
		}
		silent := *t.Outcome == chat.Superseded || *t.Outcome == chat.Cancelled
		if n := len(said[t.ID]); silent && n > 0 || !silent && n != 1 {
			w.violate(c, "promise 2: turn %s ended as %s with %d messages", short(t.ID), *t.Outcome, n)
		}
		for _, seq := range said[t.ID] {
			if seq > of[0].seq {
				w.violate(c, "promise 3: message %d after the end of its turn %s", seq, short(t.ID))
			}
		}
	}
	live := func(id *uuid.UUID) bool {
		return id == nil || slices.ContainsFunc(st.turns, func(t simTurn) bool { return t.ID == *id && t.State != "done" })
	}
	if !live(st.TurnID) || !live(st.NextTurnID) {
		w.violate(c, "promise 2: the conversation's live turn has ended, so it will never answer")
	}
	for _, e := range st.log {
		if e.Kind != chat.KindMessage || e.Author != string(chat.Customer) {
			continue
		}
		covered, cancelled := 0, 0
		for _, t := range st.turns {
			if t.Outcome != nil && *t.Outcome == chat.Cancelled { // a human read it; given back unanswered, it gets another turn
				if t.From <= e.Seq && e.Seq <= t.To {
					cancelled++
				}
				continue
			}
			// What waits answers everything to the moment at which it begins.
			if (t.Outcome == nil || *t.Outcome != chat.Superseded) && t.From <= e.Seq && (e.Seq <= t.To || t.State == "waiting") {
				covered++
			}
		}
		owner, next := ownerAt(owners, e.Seq)
		switch {
		case covered == 1, covered == 0 && cancelled > 0:
		case covered > 1:
			w.violate(c, "promise 2: message %d is answered by %d turns", e.Seq, covered)
		case owner != chat.OwnedByAssistant: // a human reads it
		case next > 0 && !slices.ContainsFunc(st.turns, func(t simTurn) bool { return t.From > e.Seq && t.From < next }):
			// It waited for a turn that handed off: the human gets it.
		default:
			w.violate(c, "promise 2: nobody answers message %d", e.Seq)
		}
	}
}

// Promise 4: the handoff, the customer's line and the change of owner are one; ownership is the handoff's state.
func (w *world) checkHandoffs(c *talk, st state) {
	first := map[uuid.UUID]int{}
	for i, e := range st.log {
		if e.Kind == chat.KindHandoff {
			var d struct{ ID uuid.UUID }
			if err := json.Unmarshal(e.Data, &d); err != nil {
				panic(err)
			}
			if _, ok := first[d.ID]; !ok {
				first[d.ID] = i
			}
		}
	}
	var open *simHandoff
	byTurn := map[uuid.UUID]int{}
	for i, h := range st.handoffs {
		if h.EndedAt == nil {
			if open != nil {
				w.violate(c, "promise 4: two open handoffs")
			}
			open = &st.handoffs[i]
		}
		if h.TurnID != nil {
			byTurn[*h.TurnID]++
		}
		at, ok := first[h.ID]
		if !ok || at < 2 {
			w.violate(c, "promise 4: handoff %s has no event", short(h.ID))
			continue
		}
		owner, line, event := st.log[at-2], st.log[at-1], st.log[at]
		if owner.Kind != chat.KindOwner || line.Kind != chat.KindMessage || line.Author != string(chat.System) || line.Body == "" ||
			!owner.At.Equal(event.At) || !line.At.Equal(event.At) {
			w.violate(c, "promise 4: handoff %s does not follow the change of owner and the customer's line in one transaction: %v", short(h.ID), st.log[at-2:at+1])
		}
		open := 0
		for _, o := range st.offers {
			if o.HandoffID == h.ID && o.Outcome == "open" {
				open++
				asked := h.AgentID
				if h.State == "accepted" { // somebody is asked to take it over
					asked = h.Wanted
				}
				if asked == nil || o.AgentID != *asked {
					w.violate(c, "promise 5: the open offer of %s is another agent's", short(h.ID))
				}
			}
		}
		if (h.State == "offered") != (open == 1) && (h.State != "accepted" || h.Wanted == nil) || open > 1 {
			w.violate(c, "promise 5: handoff %s is %s with %d open offers", short(h.ID), h.State, open)
		}
		if h.Asleep && h.State != "accepted" {
			w.violate(c, "promise 4: handoff %s is %s and sleeps, so nobody hears the customer", short(h.ID), h.State)
		}
	}
	for _, t := range st.turns {
		want := 0
		if t.Outcome != nil && *t.Outcome == chat.HandedOff {
			want = 1
		}
		if byTurn[t.ID] != want {
			w.violate(c, "promise 4: turn %s has %d handoffs, wants %d", short(t.ID), byTurn[t.ID], want)
		}
	}
	want := chat.OwnedByAssistant
	if open != nil {
		want = chat.OwnedByQueue
		if open.State == "accepted" {
			want = chat.OwnedByAgent
			if !sameID(open.AgentID, st.AgentID) {
				w.violate(c, "promise 4: the handoff is one agent's and the conversation another's")
			}
		}
	}
	if st.Owner != want {
		w.violate(c, "promise 4: owned by %s, and the handoff says %s", st.Owner, want)
	}
}

// Promise 11: readers on both replicas get exactly the log, also when they come back to another place of it.
func (w *world) checkReaders(c *talk, st state) {
	for i, f := range c.readers {
		switch w.rng.IntN(8) {
		case 0, 1, 2: // falls behind
			continue
		case 3: // comes back on either replica, somewhere
			f.watch.Close()
			f.watch = w.nodes[w.rng.IntN(2)].record.Watch(c.id)
			f.watch.Stale()
			f.pos = w.rng.Int64N(st.LastSeq + 1)
		}
		for f.pos < st.LastSeq {
			evs, err := f.watch.Next(w.t.Context(), f.pos, time.Millisecond)
			if err != nil || len(evs) == 0 {
				w.violate(c, "promise 11: reader %d at %d of %d gets %d entries, %v", i, f.pos, st.LastSeq, len(evs), err)
				return
			}
			for _, e := range evs {
				if e.Seq != f.pos+1 || e.Seq > st.LastSeq {
					w.violate(c, "promise 11: reader %d gets %d after %d", i, e.Seq, f.pos)
					return
				}
				f.pos = e.Seq
				if why := differs(e, st.log[e.Seq-1]); why != "" {
					w.violate(c, "promise 11: reader %d gets another entry %d than is stored: %s", i, e.Seq, why)
				}
			}
		}
	}
}

// differs compares what a reader got with what is stored.
func differs(got chat.Event, stored entry) string {
	if got.Kind != stored.Kind || got.Internal != (stored.Visibility == "internal") {
		return fmt.Sprintf("%s and %s", got.Kind, stored.Kind)
	}
	if !got.At.Equal(stored.At) {
		return fmt.Sprintf("at %s and %s", got.At, stored.At)
	}
	if got.Kind == chat.KindMessage {
		var m chat.Message
		if err := json.Unmarshal(got.Data, &m); err != nil {
			return err.Error()
		}
		e := entry{Seq: m.Seq, Kind: got.Kind, Author: string(m.Author), ID: &m.ID, Body: m.Text, TurnID: m.Turn, Visibility: m.Visibility, At: m.CreatedAt}
		if m.ClientID != "" {
			e.ClientID = &m.ClientID
		}
		if m.Agent != nil {
			e.AgentID = &m.Agent.ID
		}
		return cmp.Diff(stored, e)
	}
	var a, b any
	if err := json.Unmarshal(got.Data, &a); err != nil {
		return err.Error()
	}
	if err := json.Unmarshal(stored.Data, &b); err != nil {
		return err.Error()
	}
	return cmp.Diff(a, b)
}
