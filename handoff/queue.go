package handoff

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/firstline/firstline/internal/auth"
	"github.com/firstline/firstline/internal/chat"
	"github.com/firstline/firstline/internal/fault"
	"github.com/firstline/firstline/internal/wake"
)

// Agent is somebody who works at the desk.
type Agent = auth.Agent

var errForbidden = fault.New(fault.Forbidden, "not_permitted", "You are not a member of the team that this conversation is with.")

// List returns handoffs that the agent may see: "queued" (waiting, in the order in which they are due to be taken),
// "mine" (accepted by the agent or offered to them), or "all" that are open.
func (d *Desk) List(ctx context.Context, a Agent, state string) ([]Handoff, error) {
	var where string
	switch state {
	case "queued":
		where = `h.state IN ('queued', 'offered', 'asynchronous')`
	case "mine":
		where = `h.ended_at IS NULL AND (h.agent_id = $1 OR h.state = 'accepted' AND h.wanted_agent = $1)`
	case "all":
		where = `h.ended_at IS NULL`
	case "ended":
		where = `h.ended_at > now() - interval '14 days'`
	default:
		return nil, fault.Field("state", "unknown_state", "Use queued, mine, all or ended.")
	}
	hs, err := listHandoffs(ctx, d.pool, where+` AND ($2 OR h.team = ANY ($3) OR h.agent_id = $1 OR h.wanted_agent = $1)
		ORDER BY h.ended_at DESC NULLS FIRST, h.rank, h.id LIMIT 500`, a.ID, a.Supervises(), a.Teams)
	if hs == nil {
		hs = []Handoff{}
	}
	return hs, err
}

// Accept gives the conversation to the agent. One agent wins, ever: the others get a conflict that names the winner.
func (d *Desk) Accept(ctx context.Context, id uuid.UUID, a Agent) (Handoff, error) {
	return d.act(ctx, id, a, func(ctx context.Context, s *chat.Session, h Handoff) error { return d.take(ctx, s, h, a) })
}

// take makes the agent the owner of the handoff and of its conversation.
func (d *Desk) take(ctx context.Context, s *chat.Session, h Handoff, a Agent) error {
	if h.State == Accepted && h.AgentID != nil && *h.AgentID == a.ID {
		return nil // said twice
	}
	team, err := teamFor(ctx, s.Tx(), h, a)
	if err != nil {
		return err
	}
	// Also what another agent has and keeps until this one takes it over: a warm transfer.
	var taken int
	err = s.Tx().QueryRow(ctx, `
		WITH taken AS (
			UPDATE handoffs SET state = 'accepted', agent_id = $2, team = $3, accepted_at = COALESCE(accepted_at, now()), owned_since = now(),
				from_agent = CASE WHEN state = 'accepted' THEN agent_id ELSE from_agent END, wanted_agent = NULL, wanted_until = NULL,
				snoozed_until = NULL, snoozed_seq = NULL
			WHERE id = $1 AND (state IN ('queued', 'asynchronous') OR (state = 'offered' AND agent_id = $2) OR (state = 'accepted' AND agent_id <> $2
				AND EXISTS (SELECT FROM offers o WHERE o.handoff_id = $1 AND o.agent_id = $2 AND o.outcome = 'open')))
			RETURNING id
		), offer AS (UPDATE offers o SET outcome = 'accepted', ended_at = now() FROM taken WHERE o.handoff_id = taken.id AND o.outcome = 'open'),
		agent AS (UPDATE agents SET lapses = 0 FROM taken WHERE agents.id = $2)
		SELECT count(*) FROM taken`, h.ID, a.ID, team).Scan(&taken)
	if err != nil {
		return err
	}
	if taken == 0 {
		// The router, which holds no conversation, may have offered it meanwhile.
		if h, err = findHandoff(ctx, s.Tx(), `h.id = $1`, h.ID); err != nil {
			return err
		}
		switch {
		case h.EndedAt != nil:
			return fault.New(fault.Conflict, "handoff_ended", "This conversation is closed already.")
		case h.State == Offered:
			return fault.New(fault.Conflict, "offered_to_other", "This conversation is being offered to %s.", named(h))
		}
		return fault.New(fault.Conflict, "already_accepted", "%s has taken this conversation.", named(h))
	}
	if err := d.served(ctx, s.Tx(), h); err != nil {
		return err
	}
	if err := s.SetOwner(ctx, chat.OwnedByAgent, a.Ref()); err != nil {
		return err
	}
	m := chat.Message{Author: chat.System, Text: line(h.Language, "joined", a.Name)}
	return s.AddMessage(ctx, &m)
}

func named(h Handoff) string {
	if h.AgentName != nil {
		return *h.AgentName
	}
	return "somebody else"
}

// Decline gives an offer back; it goes to the next agent at once, or stays with the one who has the conversation.
func (d *Desk) Decline(ctx context.Context, id uuid.UUID, a Agent) error {
	_, err := d.act(ctx, id, a, func(ctx context.Context, s *chat.Session, h Handoff) error {
		tag, err := s.Tx().Exec(ctx, `UPDATE offers SET outcome = 'declined', ended_at = now() WHERE handoff_id = $1 AND agent_id = $2 AND outcome = 'open'`, id, a.ID)
		if err != nil {
			return err
		}
		if tag.RowsAffected() == 0 {
			return fault.New(fault.Conflict, "no_open_offer", "This offer is not open any more.")
		}
		if h.State == Accepted {
			if err := d.whisper(ctx, s, a.Name+" declined; the conversation stays with "+named(h)+"."); err != nil {
				return err
			}
		}
		_, err = s.Tx().Exec(ctx, `UPDATE handoffs SET state = CASE WHEN state = 'offered' THEN 'queued' ELSE state END,
			agent_id = CASE WHEN state = 'offered' THEN NULL ELSE agent_id END,
			review_at = CASE WHEN state = 'offered' AND offers >= $3 THEN now() ELSE review_at END,
			wanted_until = CASE WHEN wanted_agent = $2 THEN NULL ELSE wanted_until END, wanted_agent = NULLIF(wanted_agent, $2)
			WHERE id = $1 AND (state = 'offered' AND agent_id = $2 OR state = 'accepted' AND wanted_agent = $2)`, id, a.ID, escalateAfter)
		return err
	})
	return err
}

// whisper leaves a notice of the desk that only agents see.
func (d *Desk) whisper(ctx context.Context, s *chat.Session, text string) error {
	return s.AddMessage(ctx, &chat.Message{Author: chat.System, Text: text, Visibility: "internal"})
}

// act runs one change of a handoff in a session of its conversation, with its event and its entry in the audit log.
func (d *Desk) act(ctx context.Context, id uuid.UUID, a Agent, f func(context.Context, *chat.Session, Handoff) error) (Handoff, error) {
	return d.step(ctx, id, a, "", nil, f)
}

// step is act with a name for the audit log, where the state that the handoff is in afterwards does not say what was done.
func (d *Desk) step(ctx context.Context, id uuid.UUID, a Agent, action string, detail map[string]any,
	f func(context.Context, *chat.Session, Handoff) error) (Handoff, error) {
	var conversation uuid.UUID
	err := d.pool.QueryRow(ctx, `SELECT conversation_id FROM handoffs WHERE id = $1`, id).Scan(&conversation)
	if errors.Is(err, pgx.ErrNoRows) {
		return Handoff{}, fault.New(fault.NotFound, "handoff_not_found", "There is no such handoff.")
	}
	if err != nil {
		return Handoff{}, err
	}
	var after Handoff
	err = d.record.Do(ctx, conversation, func(ctx context.Context, s *chat.Session) error {
		// Locked, because the router offers and takes back without the conversation's row.
		before, err := findHandoff(ctx, s.Tx(), `h.id = $1 FOR NO KEY UPDATE OF h`, id)
		if err != nil {
			return err
		}
		if !a.Sees(before.Team) && !is(before.AgentID, a) && !is(before.WantedAgent, a) {
			return errForbidden
		}
		if err := setActor(ctx, s.Tx(), a.ID.String()); err != nil {
			return err
		}
		if err := f(ctx, s, before); err != nil {
			return err
		}
		after, err = d.changed(ctx, s, before, a, action, detail)
		return err
	})
	return after, err
}

// is tells whether the id is the agent's.
func is(id *uuid.UUID, a Agent) bool { return id != nil && *id == a.ID }

// changed appends the event and the audit entry of a handoff that the agent has changed, and returns it as it is now. An
// action of "" is named by the state.
func (d *Desk) changed(ctx context.Context, s *chat.Session, before Handoff, a Agent, action string, detail map[string]any) (Handoff, error) {
	after, err := findHandoff(ctx, s.Tx(), `h.id = $1`, before.ID)
	if err != nil {
		return after, err
	}
	moved := after.State != before.State || after.Team != before.Team || after.Priority != before.Priority || !same(after.AgentID, before.AgentID)
	if !moved && same(after.WantedAgent, before.WantedAgent) && same(after.SnoozedUntil, before.SnoozedUntil) {
		return after, nil
	}
	if moved {
		if err := d.announce(ctx, s, after); err != nil {
			return after, err
		}
	}
	s.AfterCommit(func() { d.bus.Notify(wake.Queue, "") })
	entry := map[string]any{"from": before.State, "team": after.Team}
	if before.AgentID != nil && !is(before.AgentID, a) {
		entry["from_agent"] = *before.AgentID
	}
	maps.Copy(entry, detail)
	return after, audit(ctx, s.Tx(), a, "handoff."+cmp.Or(action, string(after.State)), after.ID, entry)
}

func same[T comparable](x, y *T) bool {
	return x == nil && y == nil || x != nil && y != nil && *x == *y
}

func audit(ctx context.Context, tx pgx.Tx, a Agent, action string, subject uuid.UUID, detail map[string]any) error {
	_, err := tx.Exec(ctx, `INSERT INTO audit (actor, action, subject, detail) VALUES ($1, $2, $3, $4)`, a.ID.String(), action, subject.String(), detail)
	return err
}

// own checks that the conversation is the agent's to speak in, and returns its open handoff.
func (d *Desk) own(ctx context.Context, s *chat.Session, a Agent) (Handoff, error) {
	h, err := findHandoff(ctx, s.Tx(), `h.conversation_id = $1 AND h.ended_at IS NULL`, s.ID)
	if fault.Is(err, fault.NotFound) {
		return h, fault.New(fault.Conflict, "not_with_an_agent", "This conversation is not with an agent; take it first.")
	}
	if err != nil {
		return h, err
	}
	if s.Owner != chat.OwnedByAgent || s.AgentID == nil || *s.AgentID != a.ID {
		return h, fault.New(fault.Conflict, "not_yours", "This conversation is not yours; take it first.")
	}
	return h, nil
}

// owns checks that the agent owns the conversation by this handoff, and not by a newer one.
func (d *Desk) owns(ctx context.Context, s *chat.Session, a Agent, h Handoff) error {
	open, err := d.own(ctx, s, a)
	if err == nil && open.ID != h.ID {
		err = fault.New(fault.Conflict, "handoff_changed", "This conversation was handed off again meanwhile; look again.")
	}
	return err
}

// governs checks that the agent may decide over an accepted handoff: its owner, or a supervisor.
func (d *Desk) governs(ctx context.Context, s *chat.Session, a Agent, h Handoff) error {
	if h.State == Accepted && a.Supervises() {
		return nil
	}
	return d.owns(ctx, s, a, h)
}

// Reply posts the agent's message to the customer, with files that were uploaded before. The same client id is stored once.
func (d *Desk) Reply(ctx context.Context, conversation uuid.UUID, a Agent, clientID, text string, files ...uuid.UUID) (chat.Message, error) {
	return d.post(ctx, conversation, a, clientID, text, "public", nil, files)
}

// Note posts a message that only agents see.
func (d *Desk) Note(ctx context.Context, conversation uuid.UUID, a Agent, clientID, text string, files ...uuid.UUID) (chat.Message, error) {
	return d.NoteTo(ctx, conversation, a, clientID, text, nil, files...)
}

// NoteTo posts a note that names colleagues, who are told of it.
func (d *Desk) NoteTo(ctx context.Context, conversation uuid.UUID, a Agent, clientID, text string, mentions []uuid.UUID, files ...uuid.UUID) (chat.Message, error) {
	return d.post(ctx, conversation, a, clientID, text, "internal", mentions, files)
}

func (d *Desk) post(ctx context.Context, conversation uuid.UUID, a Agent, clientID, text, visibility string, mentions, files []uuid.UUID) (chat.Message, error) {
	var m chat.Message
	err := d.record.Do(ctx, conversation, func(ctx context.Context, s *chat.Session) error {
		stored, found, err := s.FindByClientID(ctx, chat.Agent, clientID)
		if err != nil || found {
			m = stored
			return err
		}
		if visibility == "public" {
			h, err := d.own(ctx, s, a)
			if err != nil {
				return err
			}
			if h.FirstReplyAt == nil {
				if _, err := s.Tx().Exec(ctx, `UPDATE handoffs SET first_reply_at = now() WHERE id = $1`, h.ID); err != nil {
					return err
				}
				if err := d.stopClock(ctx, s.Tx(), h, firstReply); err != nil {
					return err
				}
				s.AfterCommit(func() { d.bus.Notify(wake.Queue, "") }) // the lists show that it was met
			} else if err := d.stopClock(ctx, s.Tx(), h, nextReply); err != nil {
				return err
			}
		} else if err := d.mayRead(ctx, s.Tx(), s.ID, a); err != nil {
			return err
		}
		m = chat.Message{Author: chat.Agent, Agent: a.Ref(), Text: text, ClientID: clientID, Visibility: visibility, Named: files}
		if err := s.AddMessage(ctx, &m); err != nil {
			return err
		}
		return d.mention(ctx, s, m, mentions)
	})
	return m, err
}

// MayRead checks that the agent may see the conversation: a member of a team that has or had it, or a supervisor.
func (d *Desk) MayRead(ctx context.Context, conversation uuid.UUID, a Agent) error {
	return d.mayRead(ctx, d.pool, conversation, a)
}

func (d *Desk) mayRead(ctx context.Context, q db, conversation uuid.UUID, a Agent) error {
	var ok bool
	err := q.QueryRow(ctx, `
		SELECT EXISTS (SELECT FROM conversations WHERE id = $1) AND ($2 OR EXISTS (
			SELECT FROM handoffs WHERE conversation_id = $1 AND (team = ANY ($3) OR agent_id = $4 OR wanted_agent = $4)))`,
		conversation, a.Supervises(), a.Teams, a.ID).Scan(&ok)
	if err == nil && !ok { // whether it exists is not for them to know
		return fault.New(fault.NotFound, "conversation_not_found", "There is no such conversation, or it is with a team that you are not in.")
	}
	return err
}

// Resolve ends the handoff and closes the conversation. What lies behind no longer counts towards a new handoff, and when
// the customer writes again the assistant answers. Seen is the number of the last entry of the log that the agent has seen,
// 0 when it is not known: what the customer wrote after it must not be swallowed, and is a conflict.
func (d *Desk) Resolve(ctx context.Context, conversation uuid.UUID, a Agent, seen int64) (Handoff, error) {
	return d.end(ctx, conversation, a, ending{to: Resolved, seen: seen})
}

// Return gives the conversation back to the assistant, with an instruction that it follows from now on. What the customer
// wrote and nobody answered is answered by a turn. Seen is as in Resolve.
func (d *Desk) Return(ctx context.Context, conversation uuid.UUID, a Agent, instruction string, seen int64) (Handoff, error) {
	return d.end(ctx, conversation, a, ending{to: Returned, instruction: instruction, seen: seen})
}

// ending is how a handoff ends.
type ending struct {
	to          State
	instruction string
	seen        int64
}

func (d *Desk) end(ctx context.Context, conversation uuid.UUID, a Agent, how ending) (Handoff, error) {
	h, err := findHandoff(ctx, d.pool, `h.conversation_id = $1 ORDER BY h.queued_at DESC, h.id DESC LIMIT 1`, conversation)
	if err != nil {
		return h, err
	}
	return d.endOne(ctx, h.ID, a, how)
}

func (d *Desk) endOne(ctx context.Context, id uuid.UUID, a Agent, how ending) (Handoff, error) {
	return d.act(ctx, id, a, func(ctx context.Context, s *chat.Session, h Handoff) error {
		if h.State == how.to && h.AgentID != nil && *h.AgentID == a.ID {
			return nil // said twice
		}
		if err := d.governs(ctx, s, a, h); err != nil {
			return err
		}
		if how.seen > 0 && s.CustomerSeq > how.seen {
			return errCustomerWrote
		}
		if _, err := s.Tx().Exec(ctx, `UPDATE handoffs SET state = $2, ended_at = now(), snoozed_until = NULL, snoozed_seq = NULL, wanted_agent = NULL, wanted_until = NULL
			WHERE id = $1 AND state = 'accepted'`, h.ID, how.to); err != nil {
			return err
		}
		if err := closeOffer(ctx, s, h.ID); err != nil {
			return err
		}
		if err := d.stopClock(ctx, s.Tx(), h, everyClock); err != nil {
			return err
		}
		key := "resolved"
		if how.to == Returned {
			key = "returned"
		}
		m := chat.Message{Author: chat.System, Text: line(h.Language, key, a.Name)}
		if err := s.AddMessage(ctx, &m); err != nil {
			return err
		}
		if err := s.SetOwner(ctx, chat.OwnedByAssistant, nil); err != nil {
			return err
		}
		if err := s.SetInstruction(ctx, how.instruction); err != nil {
			return err
		}
		if how.to == Returned {
			return s.Resume(ctx)
		}
		if err := s.SetStatus(ctx, "closed"); err != nil {
			return err
		}
		return s.Fence(ctx)
	})
}

// Pull takes a conversation from the assistant, in the middle of a turn if need be: the turn is cancelled by the change
// of owner and cannot write any more.
func (d *Desk) Pull(ctx context.Context, conversation uuid.UUID, a Agent) (Handoff, error) {
	var waiting *uuid.UUID
	var h Handoff
	err := d.record.Do(ctx, conversation, func(ctx context.Context, s *chat.Session) error {
		if !a.Supervises() {
			if err := d.mayRead(ctx, s.Tx(), conversation, a); err != nil {
				return err
			}
		}
		if s.Owner != chat.OwnedByAssistant {
			open, err := findHandoff(ctx, s.Tx(), `h.conversation_id = $1 AND h.ended_at IS NULL`, conversation)
			waiting = &open.ID
			return err
		}
		if err := s.SetStatus(ctx, "open"); err != nil { // whoever takes it up again is going to speak in it
			return err
		}
		if err := setActor(ctx, s.Tx(), a.ID.String()); err != nil {
			return err
		}
		made, err := d.HandOff(ctx, s, Request{Reason: agentPulled, Explanation: a.Name + " took this conversation from the assistant.", Priority: 3,
			Language: s.Locale, Sentiment: "calm"})
		if err != nil {
			return err
		}
		// In the same transaction, whatever its team: nobody else is offered it in between, and the customer never waits for
		// somebody who is there already.
		if err := d.take(ctx, s, made, a); err != nil {
			return err
		}
		h, err = d.changed(ctx, s, made, a, "", nil)
		return err
	})
	if err != nil || waiting == nil {
		return h, err
	}
	return d.Accept(ctx, *waiting, a)
}

// SetPresence says whether the agent takes offers: online, away or offline.
func (d *Desk) SetPresence(ctx context.Context, a Agent, state string) error {
	if !slices.Contains([]string{"online", "away", "offline"}, state) {
		return fault.Field("state", "unknown_state", "Use online, away or offline.")
	}
	_, err := d.pool.Exec(ctx, `UPDATE agents SET presence = $2, lapses = 0, connected_until = greatest(connected_until, now() + interval '30 seconds') WHERE id = $1`, a.ID, state)
	if err == nil {
		d.bus.Notify(wake.Queue, "")
	}
	return err
}

// Connected keeps the agent reachable for offers until the time given; the desk's open stream calls it again and again.
func (d *Desk) Connected(ctx context.Context, a Agent, until time.Time) error {
	_, err := d.pool.Exec(ctx, `UPDATE agents SET connected_until = greatest(connected_until, $2) WHERE id = $1`, a.ID, until)
	return err
}
