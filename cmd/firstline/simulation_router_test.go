package main

import (
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// desk is the queue and the people as the database holds them.
type deskState struct {
	agents   []simAgent
	handoffs []simHandoff // open ones
	offers   []simOffer   // in the order in which they were made
}

type simAgent struct {
	ID                 uuid.UUID
	Teams              []string
	Languages, Markets []string
	Capacity, Load     int
	Presence           string
	Connected          bool
	Lapses             int
}

func (w *world) loadDesk() deskState {
	var d deskState
	b := &pgx.Batch{}
	collect(b, &d.agents, `
		SELECT a.id, ARRAY(SELECT team FROM agent_teams WHERE agent_id = a.id), languages, markets, capacity,
			(SELECT count(*) FROM handoffs WHERE agent_id = a.id AND ended_at IS NULL AND snoozed_until IS NULL)::int
				+ (SELECT count(*) FROM handoffs WHERE wanted_agent = a.id AND state = 'accepted')::int, presence, connected_until > now(), lapses
		FROM agents a ORDER BY a.id`)
	collect(b, &d.handoffs, `SELECT `+simHandoffColumns+` FROM handoffs WHERE ended_at IS NULL ORDER BY id`)
	collect(b, &d.offers, `SELECT `+simOfferColumns+` FROM offers o ORDER BY o.id`)
	if err := w.nodes[0].pool.SendBatch(w.t.Context(), b).Close(); err != nil {
		panic(err)
	}
	return d
}

func (d *deskState) agent(id uuid.UUID) *simAgent {
	i := slices.IndexFunc(d.agents, func(a simAgent) bool { return a.ID == id })
	return &d.agents[i]
}

func (d *deskState) handoff(id uuid.UUID) *simHandoff {
	i := slices.IndexFunc(d.handoffs, func(h simHandoff) bool { return h.ID == id })
	if i < 0 {
		return nil
	}
	return &d.handoffs[i]
}

// passed tells that the agent let an offer of the handoff lapse, or declined it.
func (d *deskState) passed(h, a uuid.UUID) bool {
	return slices.ContainsFunc(d.offers, func(o simOffer) bool {
		return o.HandoffID == h && o.AgentID == a && (o.Outcome == "lapsed" || o.Outcome == "declined")
	})
}

// shown tells whether one more offer may be shown to the agent: one at a time, and P1 beside one that is not P1.
func (d *deskState) shown(h *simHandoff, a *simAgent) bool {
	for _, o := range d.offers {
		if o.AgentID != a.ID || o.Outcome != "open" {
			continue
		}
		if beside := d.handoff(o.HandoffID); h.Priority != 1 || beside == nil || beside.Priority == 1 {
			return false
		}
	}
	return true
}

// mayTake says whether the handoff may be offered to the agent.
func (d *deskState) mayTake(h *simHandoff, a *simAgent) bool {
	return a.Presence == "online" && a.Connected && slices.Contains(a.Teams, h.Team) && a.Load < a.Capacity && d.shown(h, a) &&
		(h.Waited > 30 || len(a.Markets) == 0 || slices.Contains(a.Markets, h.Market)) &&
		(h.Waited > 60 || len(a.Languages) == 0 || slices.Contains(a.Languages, h.Language)) &&
		(h.Wanted == nil || *h.Wanted == a.ID) && (h.From == nil || *h.From != a.ID || h.Waited > 60) && !d.passed(h.ID, a.ID)
}

// asked tells that the agent is asked to take over what another one has.
func (d *deskState) asked(a uuid.UUID) bool {
	return slices.ContainsFunc(d.handoffs, func(h simHandoff) bool { return h.State == "accepted" && h.Wanted != nil && *h.Wanted == a })
}

// lapse does to the model what the router does first: open offers that ran out, or whose agent is gone, are taken back.
func (d *deskState) lapse() (n int) {
	gone := map[uuid.UUID]bool{}
	for i := range d.offers {
		o := &d.offers[i]
		a := d.agent(o.AgentID)
		if o.Outcome != "open" || !o.Expired && a.Presence == "online" && a.Connected {
			continue
		}
		n++
		o.Outcome = "withdrawn" // they were not there to take it
		if o.Expired {
			o.Outcome = "lapsed"
			gone[a.ID] = true
		}
		if h := d.handoff(o.HandoffID); h != nil && h.State == "offered" {
			h.State, h.AgentID = "queued", nil
			if h.Wanted != nil && *h.Wanted == a.ID {
				h.Wanted = nil
			}
			a.Load--
		}
	}
	for i := range d.handoffs { // a wish for somebody who is not there is void
		if h := &d.handoffs[i]; h.Wanted != nil && h.State != "accepted" {
			if a := d.agent(*h.Wanted); h.WishOver || a.Presence != "online" || !a.Connected {
				h.Wanted = nil
			}
		}
	}
	for id := range gone {
		if a := d.agent(id); a.Presence == "online" {
			if a.Lapses++; a.Lapses >= 2 {
				a.Presence = "away"
			}
		}
	}
	return n
}

// Promise 5: checkRouting follows the router's run with a model of it, offer by offer.
func (w *world) checkRouting(c *talk, before, after deskState, both bool) {
	for range before.lapse() {
		w.count("lapse")
	}
	known := map[uuid.UUID]bool{}
	for _, o := range before.offers {
		known[o.ID] = true
	}
	// Wishes to take over that nobody fulfilled are cleared behind the offers of a run, and before those of the other one.
	unsure := map[uuid.UUID]bool{}
	for i := range before.agents {
		id := before.agents[i].ID
		unsure[id] = before.asked(id) && !after.asked(id)
	}
	var last *simHandoff
	for _, o := range after.offers {
		if known[o.ID] {
			continue
		}
		w.count("offer")
		h, a := before.handoff(o.HandoffID), before.agent(o.AgentID)
		if both && h != nil { // the second run may offer what the first gave to another team, or promised for later
			h.Team = after.handoff(o.HandoffID).Team
			for _, o := range after.offers {
				if i := slices.IndexFunc(before.offers, func(b simOffer) bool { return b.ID == o.ID }); i >= 0 && o.Outcome == "withdrawn" {
					before.offers[i].Outcome = o.Outcome
				}
			}
		}
		if h == nil || h.State != "queued" && h.State != "asynchronous" {
			w.violate(c, "promise 5: offer of a handoff that does not wait")
			return
		}
		if !before.mayTake(h, a) && !(both && unsure[a.ID]) {
			w.violate(c, "promise 5: offered to an agent who may not take it: %+v, %+v", *h, *a)
		}
		if last != nil && !both && before.ahead(h, last) {
			w.violate(c, "promise 5: offered %+v after %+v", *h, *last)
		}
		for i := range before.agents {
			if x := &before.agents[i]; before.mayTake(h, x) && !(both && unsure[a.ID]) && float64(x.Load)/float64(x.Capacity) < float64(a.Load)/float64(a.Capacity) {
				w.violate(c, "promise 5: offered to %+v although %+v has less to do", *a, *x)
			}
		}
		a.Load++
		h.State, last = "offered", h
		before.offers = append(before.offers, simOffer{ID: o.ID, HandoffID: h.ID, AgentID: a.ID, Outcome: "open"})
	}
	for i := range after.handoffs {
		h := &after.handoffs[i]
		was := before.handoff(h.ID)
		if h.Team != was.Team {
			w.count("fallback")
		}
		if h.State == "asynchronous" && was.State == "queued" {
			w.count("asynchronous")
		}
		if h.State != was.State && was.State != "offered" || h.Team != was.Team || both {
			continue // given up in this run: the next one offers it in its new place
		}
		if h.State != "queued" && h.State != "asynchronous" {
			continue
		}
		for j := range after.agents {
			if a := &after.agents[j]; after.mayTake(h, a) && !unsure[a.ID] {
				w.violate(c, "promise 5: %+v waits although %+v could take it", *h, *a)
			}
		}
	}
}

// headStart is how much longer the less urgent wait than P2 before they are level with it.
var headStart = map[int]time.Duration{2: 0, 3: 30 * time.Minute, 4: 2 * time.Hour}

// ahead is the queue's order: P1 before all; the others age side by side, each with a head start over the less urgent.
func (d *deskState) ahead(a, b *simHandoff) bool {
	if (a.Priority == 1) != (b.Priority == 1) {
		return a.Priority == 1
	}
	return a.turn().Before(b.turn())
}

func (h *simHandoff) turn() time.Time { return h.QueuedAt.Add(headStart[h.Priority] - h.Boost) }
