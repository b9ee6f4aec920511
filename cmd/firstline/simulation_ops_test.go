package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/firstline/firstline/handoff"
	"github.com/firstline/firstline/internal/auth"
	"github.com/firstline/firstline/internal/chat"
	"github.com/firstline/firstline/internal/fault"
)

// Everything random about a step is drawn before it runs, so that the seed alone decides what is tried.

// draw picks something for one customer, turn, agent or router to do: mostly what fits who owns the conversation, and now
// and then what does not.
func (w *world) draw(c *talk) op {
	n := w.rng.IntN(100)
	if w.load(c).Owner == chat.OwnedByAssistant {
		switch {
		case n < 26:
			return w.opSay(c, false)
		case n < 30:
			return w.opSay(c, true)
		case n < 46:
			return w.opSpeak(c)
		case n < 62:
			return w.opFinish(c)
		case n < 72:
			return w.opHandOff(c)
		case n < 74:
			return w.opExpire(c)
		case n < 81:
			return w.opTakeOver(c)
		case n < 84:
			return w.opRoute(c)
		}
		return w.drawDesk(c)
	}
	switch {
	case n < 8:
		return w.opSay(c, n < 2)
	case n < 11:
		return w.opSpeak(c)
	case n < 14:
		return w.opFinish(c)
	case n < 16:
		return w.opHandOff(c)
	case n < 36:
		return w.opRoute(c)
	case n < 41:
		return w.opLapse(c)
	case n < 46:
		return w.opAge(c)
	case n < 54:
		return w.opPresence(c)
	case n < 66:
		return w.opAccept(c)
	}
	return w.drawDesk(c)
}

func (w *world) drawDesk(c *talk) op {
	switch w.rng.IntN(18) {
	case 12:
		return w.opPass(c, "assign")
	case 13:
		return w.opPass(c, "pass on")
	case 14, 15:
		return w.opPass(c, "ask to take over")
	case 16:
		return w.opSnooze(c)
	case 17:
		return w.opSupervise(c)
	case 0:
		return w.opDecline(c)
	case 1, 2:
		return w.opReply(c, true)
	case 3:
		return w.opReply(c, false)
	case 4:
		return w.opOwned(c, "resolve")
	case 5:
		return w.opOwned(c, "return")
	case 6:
		return w.opOwned(c, "transfer")
	case 7:
		return w.opOwned(c, "escalate")
	case 8:
		return w.opPull(c)
	case 9:
		return w.opAsk(c)
	case 10:
		return w.opStatus(c, "closed")
	default:
		return w.opStatus(c, "open")
	}
}

// drawRacing picks what is worth doing at once.
func (w *world) drawRacing(c *talk) op {
	switch n := w.rng.IntN(20); {
	case n < 6:
		return w.opSay(c, w.rng.IntN(4) == 0)
	case n < 8:
		return w.opSpeak(c)
	case n < 11:
		return w.opFinish(c)
	case n < 12:
		return w.opHandOff(c)
	case n < 13:
		return w.opTakeOver(c)
	case n < 15:
		return w.opAccept(c)
	case n < 17:
		return w.opRoute(c)
	default:
		return w.drawDesk(c)
	}
}

func (w *world) node() *node { return w.nodes[w.rng.IntN(2)] }

// opSay sends a message, a new one or one that was sent before.
func (w *world) opSay(c *talk, again bool) op {
	n := w.node()
	client := fmt.Sprintf("%s-%d", c.name, len(c.sent)+1)
	if again && len(c.sent) > 0 {
		client = pick(w.rng, c.sent)
	} else {
		c.sent = append(c.sent, client)
		c.text[client] = fmt.Sprintf("message %s: where is my refund?", client)
	}
	text := c.text[client]
	return op{"say", func(alone bool) (string, error) {
		var before state
		if alone {
			before = w.load(c)
		}
		r, err := n.record.Receive(w.t.Context(), c.id, chat.Inbound{ClientID: client, Text: text})
		if err != nil {
			return "", err
		}
		if r.Claim == nil && r.TurnID == nil && !r.Duplicate { // people read it
			if err := n.desk.CustomerWrote(w.t.Context(), c.id, r.Message.Seq); err != nil {
				return "", err
			}
			if h, ok := w.open(c); alone && ok && h.Asleep {
				w.violate(c, "the customer wrote, and the conversation sleeps on")
			}
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		was, known := c.acked[client]
		if known && was != r.Message.ID {
			w.violate(c, "promise 1: %s was acknowledged as message %s and as %s", client, short(was), short(r.Message.ID))
		}
		c.acked[client] = r.Message.ID
		w.keep(c, r.Claim)
		if alone {
			if r.Duplicate != known {
				w.violate(c, "promise 1: duplicate is %v, sent before is %v", r.Duplicate, known)
			}
			mayClaim := !known && before.Owner == chat.OwnedByAssistant && (before.TurnID == nil || !before.TurnSpoken)
			if (r.Claim != nil) != mayClaim {
				w.violate(c, "promise 2: claimed is %v, should be %v", r.Claim != nil, mayClaim)
			}
		}
		switch {
		case r.Duplicate:
			return "duplicate", nil
		case r.Claim == nil && r.TurnID != nil:
			return "waits", nil
		case r.Claim != nil && r.Claim.FromSeq < r.Claim.ToSeq:
			return "superseded", nil
		}
		return "", nil
	}}
}

// keep remembers a claim; c.mu is held.
func (w *world) keep(c *talk, cl *chat.Claim) {
	if cl == nil {
		return
	}
	c.claims = append(c.claims, cl)
	if len(cl.Messages) == 0 {
		w.violate(c, "promise 2: turn %s was claimed without a message", short(cl.TurnID))
	}
	for _, m := range cl.Messages {
		if m.Author != chat.Customer {
			w.violate(c, "turn %s answers a message of the %s", short(cl.TurnID), m.Author)
		}
	}
}

// claim picks the newest claim most of the time, else the one before it, which is that of a process that was taken over
// from and does not know it yet, or any.
func (w *world) claim(c *talk) *chat.Claim {
	n, i := w.rng.IntN(10), w.rng.IntN(1<<20)
	switch k := len(c.claims); {
	case k == 0:
		return nil
	case n < 2 && k > 1:
		return c.claims[k-2]
	case n < 3:
		return c.claims[i%k]
	default:
		return c.claims[k-1]
	}
}

// entitled says, from the turns' own table, whether the claim is still the speaker's.
func (w *world) entitled(c *talk, cl *chat.Claim) bool {
	st := w.load(c)
	for _, t := range st.turns {
		if t.ID == cl.TurnID {
			return t.State == "running" && t.Attempt == cl.Attempt && st.Owner == chat.OwnedByAssistant
		}
	}
	return false
}

// write runs one of the ways in which a turn speaks, and holds its success against what it was entitled to.
func (w *world) write(c *talk, cl *chat.Claim, alone bool, f func() error) error {
	if cl == nil {
		return chat.ErrLost
	}
	entitled := alone && w.entitled(c, cl)
	err := f()
	if alone && (err == nil) != entitled && (err == nil || errors.Is(err, chat.ErrLost)) {
		w.violate(c, "promise 3: turn %s attempt %d wrote: %v; was entitled: %v", short(cl.TurnID), cl.Attempt, err == nil, entitled)
	}
	return err
}

func (w *world) opSpeak(c *talk) op {
	n, cl := w.node(), w.claim(c)
	return op{"speak", func(alone bool) (string, error) {
		return "", w.write(c, cl, alone, func() error { return n.record.Speak(w.t.Context(), cl, chat.DeltaEvent{Text: "A refund "}) })
	}}
}

func (w *world) opFinish(c *talk) op {
	n, cl := w.node(), w.claim(c)
	outcome := pick(w.rng, []chat.Outcome{chat.Answered, chat.Answered, chat.Clarified, chat.OfferedHuman})
	return op{"finish", func(alone bool) (string, error) {
		var next *chat.Claim
		err := w.write(c, cl, alone, func() (err error) {
			next, err = n.record.Finish(w.t.Context(), cl, chat.Ending{Outcome: outcome, Text: "A refund takes 5 days."})
			return err
		})
		c.mu.Lock()
		defer c.mu.Unlock()
		w.keep(c, next)
		if next != nil {
			return "next", err
		}
		return "", err
	}}
}

func (w *world) opHandOff(c *talk) op {
	n, cl := w.node(), w.claim(c)
	topic := pick(w.rng, []string{"pay", "pay", "theft", "other", ""})
	reason := pick(w.rng, []string{"low_confidence", "no_article", "customer_request", "retrieval_failed"})
	return op{"hand off", func(alone bool) (string, error) {
		return "", w.write(c, cl, alone, func() error {
			return n.record.Do(w.t.Context(), c.id, func(ctx context.Context, s *chat.Session) error {
				end := chat.Ending{Outcome: chat.HandedOff, Reason: reason, Text: "I don't know, and I won't guess."}
				if err := s.EndTurn(ctx, cl, end); err != nil {
					return err
				}
				p := 4
				if topic != "" {
					p = simTopics[topic].Priority
				}
				_, err := n.desk.HandOff(ctx, s, handoff.Request{TurnID: &cl.TurnID, Reason: reason, Explanation: "Because.", Topic: topic, Priority: p,
					Language: s.Locale, Sentiment: "calm"})
				return err
			})
		})
	}}
}

// opExpire lets the lease of the conversation's live turn end, as when its process dies.
func (w *world) opExpire(c *talk) op {
	return op{"lease ends", func(bool) (string, error) {
		_, err := w.nodes[0].pool.Exec(w.t.Context(), `UPDATE turns SET lease_until = now() - interval '1 second' WHERE conversation_id = $1 AND state = 'running'`, c.id)
		return "", err
	}}
}

func (w *world) opTakeOver(c *talk) op {
	n, expire := w.node(), w.rng.IntN(4) > 0
	zombie := w.rng.IntN(2) == 0
	return op{"take over", func(alone bool) (string, error) {
		if expire {
			if _, err := w.opExpire(c).run(false); err != nil {
				return "", err
			}
		}
		claims, err := n.record.TakeOver(w.t.Context(), 8)
		for _, cl := range claims {
			if o := w.byID(cl.Conversation.ID); o != nil {
				o.mu.Lock()
				w.keep(o, cl)
				o.mu.Unlock()
				if alone && zombie {
					w.returns(o, cl)
				}
			}
		}
		return "", err
	}}
}

// returns lets the process that a turn was taken over from finish it after all, which it may not.
func (w *world) returns(c *talk, taken *chat.Claim) {
	for _, old := range c.claims {
		if old.TurnID != taken.TurnID || old.Attempt >= taken.Attempt {
			continue
		}
		if _, err := w.nodes[0].record.Finish(w.t.Context(), old, chat.Ending{Outcome: chat.Answered, Text: "Late."}); !errors.Is(err, chat.ErrLost) {
			w.violate(c, "promise 3: attempt %d of turn %s finished after attempt %d had begun: %v", old.Attempt, short(old.TurnID), taken.Attempt, err)
		}
	}
}

// opLapse lets every open offer's time run out.
func (w *world) opLapse(c *talk) op {
	return op{"desk: offers run out", func(bool) (string, error) {
		_, err := w.nodes[0].pool.Exec(w.t.Context(), `UPDATE offers SET expires_at = now() - interval '1 second' WHERE outcome = 'open'`)
		return "", err
	}}
}

// opAge makes everything that waits older, past the times at which skills are dropped or the team is given up.
func (w *world) opAge(c *talk) op {
	by := pick(w.rng, []int{45, 90, 700, 700})
	return op{fmt.Sprintf("desk: %d s go by", by), func(bool) (string, error) {
		_, err := w.nodes[0].pool.Exec(w.t.Context(), `
			WITH o AS (UPDATE offers SET made_at = made_at - $1 * interval '1 second')
			UPDATE handoffs SET queued_at = queued_at - $1 * interval '1 second', team_since = team_since - $1 * interval '1 second', review_at = review_at - $1 * interval '1 second'`, by)
		return "aged", err
	}}
}

func (w *world) opPresence(c *talk) op {
	n, a := w.node(), pick(w.rng, w.agents)
	what := pick(w.rng, []string{"online", "online", "online", "away", "offline", "cut off"})
	return op{fmt.Sprintf("desk: %s is %s", a.Name, what), func(bool) (string, error) {
		if what == "cut off" {
			_, err := n.pool.Exec(w.t.Context(), `UPDATE agents SET connected_until = now() - interval '1 second' WHERE id = $1`, a.ID)
			return "", err
		}
		if err := n.desk.SetPresence(w.t.Context(), a, what); err != nil || what != "online" {
			return "", err
		}
		_, err := n.pool.Exec(w.t.Context(), `UPDATE agents SET connected_until = now() + interval '1 hour' WHERE id = $1`, a.ID)
		return "", err
	}}
}

func (w *world) opAccept(c *talk) op {
	n, a := w.node(), pick(w.rng, w.agents)
	toOffered := w.rng.IntN(2) == 0
	return op{"accept by " + a.Name, func(alone bool) (string, error) {
		h, ok := w.open(c)
		if !ok {
			return "nothing", nil
		}
		who := a
		to := askedOf(h)
		if toOffered && to != nil {
			who = w.agent(*to)
		}
		st := w.load(c)
		theirs := is(h.AgentID, who) || st.offeredTo(h.ID, who.ID)
		may := (who.Sees(h.Team) || is(h.AgentID, who) || is(h.Wanted, who)) && (h.State == "queued" || h.State == "asynchronous" || theirs)
		_, err := n.desk.Accept(w.t.Context(), h.ID, who)
		if alone && (err == nil) != may {
			w.violate(c, "promise 5: %s accepted %s handoff of %s: %v; might: %v", who.Name, h.State, h.Team, err, may)
		}
		return "", err
	}}
}

func (w *world) opDecline(c *talk) op {
	n := w.node()
	return op{"decline", func(bool) (string, error) {
		h, ok := w.open(c)
		if !ok || askedOf(h) == nil {
			return "nothing", nil
		}
		return "", n.desk.Decline(w.t.Context(), h.ID, w.agent(*askedOf(h)))
	}}
}

func (w *world) opReply(c *talk, public bool) op {
	n, a := w.node(), pick(w.rng, w.agents)
	owner := w.rng.IntN(3) > 0
	client := fmt.Sprint("a", w.rng.IntN(1<<30))
	return op{"reply by " + a.Name, func(alone bool) (string, error) {
		st := w.load(c)
		who := a
		if owner && st.AgentID != nil {
			who = w.agent(*st.AgentID)
		}
		if !public {
			_, err := n.desk.Note(w.t.Context(), c.id, who, client, "Looks like a late fee.")
			return "note", err
		}
		may := st.AgentID != nil && *st.AgentID == who.ID
		m, err := n.desk.Reply(w.t.Context(), c.id, who, client, "I have waived the fee.")
		if err == nil {
			var again chat.Message
			if again, err = n.desk.Reply(w.t.Context(), c.id, who, client, "I have waived the fee."); err == nil && again.ID != m.ID {
				w.violate(c, "promise 1: an agent's reply was stored twice")
			}
		}
		if alone && (err == nil) != may {
			w.violate(c, "promise 3: %s replied: %v; might: %v", who.Name, err, may)
		}
		return "", err
	}}
}

// opOwned does what only the owning agent may do.
func (w *world) opOwned(c *talk, what string) op {
	n, other := w.node(), pick(w.rng, w.agents)
	owner := w.rng.IntN(5) > 0
	team := pick(w.rng, []string{"general", "payments", "fraud"})
	return op{what, func(alone bool) (string, error) {
		st := w.load(c)
		who := other
		if owner && st.AgentID != nil {
			who = w.agent(*st.AgentID)
		}
		var err error
		switch what {
		case "resolve":
			_, err = n.desk.Resolve(w.t.Context(), c.id, who, 0)
		case "return":
			_, err = n.desk.Return(w.t.Context(), c.id, who, "Be brief.", 0)
		case "transfer":
			_, err = n.desk.Transfer(w.t.Context(), c.id, who, team, "Please take it.")
		case "escalate":
			_, err = n.desk.Escalate(w.t.Context(), c.id, who, "")
		}
		mine := st.AgentID != nil && (*st.AgentID == who.ID || who.Supervises())
		if alone && mine && err != nil {
			w.violate(c, "%s by its owner %s failed: %v", what, who.Name, err)
		}
		if alone && !mine && err == nil && w.load(c).Epoch != st.Epoch {
			w.violate(c, "promise 3: %s by %s, who does not own the conversation, changed its owner", what, who.Name)
		}
		return "", err
	}}
}

// opPass means the conversation for one agent: assigned from the queue, passed on, or asked for while its owner keeps it.
func (w *world) opPass(c *talk, what string) op {
	n, other, to := w.node(), pick(w.rng, w.agents), pick(w.rng, w.agents)
	owner := w.rng.IntN(4) > 0
	return op{what, func(alone bool) (string, error) {
		st := w.load(c)
		h, ok := w.open(c)
		if !ok {
			return "nothing", nil
		}
		who := other
		if owner && h.State == "accepted" {
			who = w.agent(*h.AgentID)
		}
		desk := w.loadDesk()
		room := desk.agent(to.ID)
		may := who.Supervises() && (h.State == "accepted" || what == "assign") || h.State == "accepted" && is(h.AgentID, who)
		switch {
		case what == "assign" && who.ID == to.ID && who.Supervises(): // they take it over, however much they have
		case h.State == "accepted" && is(h.AgentID, to):
			may = false
		case !is(h.Wanted, to) && !(h.State == "offered" && is(h.AgentID, to)):
			may = may && room.Presence == "online" && room.Connected && room.Load < room.Capacity
		}
		var err error
		if what == "assign" {
			_, err = n.desk.Assign(w.t.Context(), h.ID, who, to.ID, "For you.")
		} else {
			_, err = n.desk.TransferTo(w.t.Context(), c.id, who, to.ID, "For you.", what == "ask to take over")
		}
		if alone && (err == nil) != may {
			w.violate(c, "%s by %s to %s (%+v): %v; might: %v; %+v", what, who.Name, to.Name, *room, err, may, h)
		}
		if after := w.load(c); alone && what == "ask to take over" && h.State == "accepted" && (after.Owner != st.Owner || !sameID(after.AgentID, st.AgentID)) {
			w.violate(c, "promise 3: %s was asked to take over, and the owner changed", to.Name)
		}
		return "", err
	}}
}

// opSnooze lets the conversation sleep, or wakes it.
func (w *world) opSnooze(c *talk) op {
	n, other := w.node(), pick(w.rng, w.agents)
	owner, wake := w.rng.IntN(4) > 0, w.rng.IntN(3) == 0
	name := "snooze"
	if wake {
		name = "wake"
	}
	return op{name, func(alone bool) (string, error) {
		h, ok := w.open(c)
		if !ok {
			return "nothing", nil
		}
		who := other
		if owner && h.AgentID != nil {
			who = w.agent(*h.AgentID)
		}
		may := h.State == "accepted" && (is(h.AgentID, who) || who.Supervises())
		var err error
		if wake {
			_, err = n.desk.Wake(w.t.Context(), c.id, who)
		} else {
			_, err = n.desk.Snooze(w.t.Context(), c.id, who, time.Now().Add(time.Hour), 0)
		}
		if alone && (err == nil) != may {
			w.violate(c, "%s by %s: %v; might: %v", name, who.Name, err, may)
		}
		if after, ok := w.open(c); alone && err == nil && (!ok || after.Asleep == wake) {
			w.violate(c, "%s by %s did nothing", name, who.Name)
		}
		return "", err
	}}
}

// opSupervise takes the conversation over from whoever has it, which only supervisors may.
func (w *world) opSupervise(c *talk) op {
	n, who := w.node(), pick(w.rng, w.agents)
	if w.rng.IntN(3) > 0 {
		who = w.agents[len(w.agents)-1]
	}
	return op{"supervise by " + who.Name, func(alone bool) (string, error) {
		before := w.load(c)
		_, err := n.desk.TakeOver(w.t.Context(), c.id, who, "")
		after := w.load(c)
		if alone && who.Supervises() && (err != nil || after.Owner != chat.OwnedByAgent || !is(after.AgentID, who)) {
			w.violate(c, "supervisor %s took over: %v, and it is owned by %s", who.Name, err, after.Owner)
		}
		if alone && !who.Supervises() && (err == nil || after.Epoch != before.Epoch) {
			w.violate(c, "promise 3: %s took over: %v", who.Name, err)
		}
		return "", err
	}}
}

// is tells whether the id is the agent's.
func is(id *uuid.UUID, a auth.Agent) bool { return id != nil && *id == a.ID }

// askedOf is who is asked to take the handoff, or has it.
func askedOf(h simHandoff) *uuid.UUID {
	if h.State == "accepted" && h.Wanted != nil {
		return h.Wanted
	}
	return h.AgentID
}

// offeredTo tells whether the handoff is offered to the agent now.
func (st *state) offeredTo(handoff, agent uuid.UUID) bool {
	return slices.ContainsFunc(st.offers, func(o simOffer) bool {
		return o.HandoffID == handoff && o.AgentID == agent && o.Outcome == "open"
	})
}

func (w *world) opPull(c *talk) op {
	n, a := w.node(), pick(w.rng, w.agents)
	return op{"pull by " + a.Name, func(alone bool) (string, error) {
		before := w.load(c)
		_, err := n.desk.Pull(w.t.Context(), c.id, a)
		if alone && err != nil && w.load(c).Epoch != before.Epoch {
			w.violate(c, "%s could not take the conversation (%v), and yet it changed its owner", a.Name, err)
		}
		return "", err
	}}
}

func (w *world) opAsk(c *talk) op {
	n := w.node()
	return op{"ask", func(bool) (string, error) {
		_, _, err := n.desk.Ask(w.t.Context(), c.id, "please", nil)
		return "", err
	}}
}

// opStatus closes or reopens, by the rule of the wire: what is with a person stays open.
func (w *world) opStatus(c *talk, status string) op {
	n := w.node()
	name := map[string]string{"open": "reopen", "closed": "close"}[status]
	return op{name, func(bool) (string, error) {
		return "", n.record.Do(w.t.Context(), c.id, func(ctx context.Context, s *chat.Session) error {
			if status == "closed" && s.Owner != chat.OwnedByAssistant {
				return fault.New(fault.Conflict, "with_an_agent", "It stays open.")
			}
			return s.SetStatus(ctx, status)
		})
	}}
}

// opRoute runs the router on one replica, or on both at once.
func (w *world) opRoute(c *talk) op {
	n, both := w.node(), w.rng.IntN(4) == 0
	return op{"desk: route", func(alone bool) (string, error) {
		if !alone {
			return "", n.desk.Route(w.t.Context())
		}
		before := w.loadDesk()
		var err error
		if both {
			other := make(chan error)
			go func() { other <- w.nodes[1].desk.Route(w.t.Context()) }()
			err = errors.Join(w.nodes[0].desk.Route(w.t.Context()), <-other)
		} else {
			err = n.desk.Route(w.t.Context())
		}
		if err != nil {
			return "", err
		}
		w.checkRouting(c, before, w.loadDesk(), both)
		return "", nil
	}}
}

func (w *world) agent(id uuid.UUID) auth.Agent {
	for _, a := range w.agents {
		if a.ID == id {
			return a
		}
	}
	w.t.Fatalf("no agent %s", id)
	return auth.Agent{}
}

func (w *world) open(c *talk) (simHandoff, bool) {
	for _, h := range w.load(c).handoffs {
		if h.EndedAt == nil {
			return h, true
		}
	}
	return simHandoff{}, false
}
