package handoff

import (
	"context"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/firstline/firstline/internal/auth"
	"github.com/firstline/firstline/internal/chat"
	"github.com/firstline/firstline/internal/fault"
)

// loadOf is what agent a has to do, in weights: what is offered to them, what they have and is not asleep, and what they
// are asked to take over. That counts asleep or not: it wakes under the lock of the one who has it.
const loadOf = `(SELECT COALESCE(sum(o.weight), 0)::int FROM handoffs o WHERE o.ended_at IS NULL
	AND (o.agent_id = a.id AND o.snoozed_until IS NULL OR o.wanted_agent = a.id AND o.state = 'accepted'))`

// target is an agent that something is meant for.
type target struct {
	Agent
	there bool // online and connected
	load  int
}

func (d *Desk) findTarget(ctx context.Context, tx pgx.Tx, id uuid.UUID) (target, error) {
	var t target
	// Behind the router, which may be offering them something at this moment.
	if _, err := tx.Exec(ctx, `SELECT FROM agents WHERE id = $1 FOR NO KEY UPDATE`, id); err != nil {
		return t, err
	}
	err := tx.QueryRow(ctx, `
		SELECT a.id, a.name, a.role, a.capacity, ARRAY(SELECT team FROM agent_teams WHERE agent_id = a.id ORDER BY team),
			a.presence = 'online' AND a.connected_until > now(), `+loadOf+`
		FROM agents a WHERE a.id = $1 AND a.role <> 'editor' AND a.disabled_at IS NULL AND `+auth.IsPerson, id).
		Scan(&t.ID, &t.Name, &t.Role, &t.Capacity, &t.Teams, &t.there, &t.load)
	if err == pgx.ErrNoRows { //nolint:errorlint // as pgx returns it from Scan
		return t, fault.Field("agent", "unknown_agent", "There is no such agent; choose one of the list.")
	}
	return t, err
}

// free checks that the agent can be asked now; the words say what to do instead.
func (t target) free(weight int) error {
	if !t.there {
		return fault.New(fault.Conflict, "agent_not_there", "%s is not there now; choose somebody else, or a team.", t.Name)
	}
	if !fits(t.load, weight, t.Capacity) {
		return fault.New(fault.Conflict, "agent_full", "%s has as much to do as they can take; choose somebody else, or a team.", t.Name)
	}
	return nil
}

// fits tells whether an agent with so much to do can take so much more. Whoever has nothing to do can take anything.
func fits(load, weight, capacity int) bool {
	return capacity > 0 && (load+weight <= capacity || load <= 0)
}

// teamFor is the team that a handoff belongs to when the agent has it: its own, unless they do not work in that one.
func teamFor(ctx context.Context, tx pgx.Tx, h Handoff, a Agent) (string, error) {
	if a.Sees(h.Team) {
		return h.Team, nil
	}
	if len(a.Teams) == 0 {
		return "", fault.Field("agent", "not_in_a_team", "%s works in no team; choose somebody else.", a.Name)
	}
	return a.Teams[0], nil
}

// Assign means a handoff for one agent: it is offered to them before everybody else. Supervisors assign whatever is open,
// and agents what they have.
func (d *Desk) Assign(ctx context.Context, id uuid.UUID, a Agent, agent uuid.UUID, note string) (Handoff, error) {
	if agent == a.ID && a.Supervises() {
		return d.step(ctx, id, a, "taken_over", nil, func(ctx context.Context, s *chat.Session, h Handoff) error { return d.takeOver(ctx, s, h, a, note) })
	}
	return d.step(ctx, id, a, "assigned", map[string]any{"to": agent}, func(ctx context.Context, s *chat.Session, h Handoff) error {
		return d.passTo(ctx, s, h, a, agent, note, false)
	})
}

// TransferTo passes an accepted conversation on to another agent. Warm, it stays with whoever has it until the other takes
// it, so that the customer is never without a person; cold, it goes back to the queue, where the other is asked first.
func (d *Desk) TransferTo(ctx context.Context, conversation uuid.UUID, a Agent, agent uuid.UUID, note string, warm bool) (Handoff, error) {
	h, err := d.openOf(ctx, conversation)
	if err != nil {
		return h, err
	}
	return d.step(ctx, h.ID, a, "transferred", map[string]any{"to": agent, "warm": warm}, func(ctx context.Context, s *chat.Session, h Handoff) error {
		if err := d.governs(ctx, s, a, h); err != nil {
			return err
		}
		return d.passTo(ctx, s, h, a, agent, note, warm)
	})
}

// openOf is the conversation's open handoff.
func (d *Desk) openOf(ctx context.Context, conversation uuid.UUID) (Handoff, error) {
	return findHandoff(ctx, d.pool, `h.conversation_id = $1 AND h.ended_at IS NULL`, conversation)
}

func (d *Desk) passTo(ctx context.Context, s *chat.Session, h Handoff, a Agent, agent uuid.UUID, note string, warm bool) error {
	switch {
	case h.EndedAt != nil:
		return errEnded
	case h.State == Accepted:
		if err := d.governs(ctx, s, a, h); err != nil {
			return err
		}
	case !a.Supervises():
		return fault.New(fault.Forbidden, "not_a_lead", "Only supervisors assign what nobody has taken; take it yourself, or leave it in the queue.")
	}
	if h.State == Accepted && h.AgentID != nil && *h.AgentID == agent {
		return fault.Field("agent", "has_it_already", "%s has this conversation already; choose somebody else.", named(h))
	}
	to, err := d.findTarget(ctx, s.Tx(), agent)
	if err != nil {
		return err
	}
	key, err := teamFor(ctx, s.Tx(), h, to.Agent)
	if err != nil {
		return err
	}
	if h.WantedAgent != nil && *h.WantedAgent == agent || h.State == Offered && h.AgentID != nil && *h.AgentID == agent {
		return nil // said twice, or they are being asked already
	}
	if err := to.free(h.Weight); err != nil {
		return err
	}
	if err := d.leaveNote(ctx, s, a, note); err != nil {
		return err
	}
	team, err := findTeam(ctx, s.Tx(), key)
	if err != nil {
		return err
	}
	if warm {
		return d.offerWarm(ctx, s, h, to, team)
	}
	if err := d.requeue(ctx, s, h, leaving{team: team, priority: h.Priority, wanted: &agent}); err != nil {
		return err
	}
	if h.State != Accepted {
		return nil
	}
	return s.AddMessage(ctx, &chat.Message{Author: chat.System, Text: line(h.Language, "passed_to", to.Name)})
}

var errEnded = fault.New(fault.Conflict, "handoff_ended", "This conversation is closed already.")

func (d *Desk) leaveNote(ctx context.Context, s *chat.Session, a Agent, note string) error {
	if note == "" {
		return nil
	}
	return s.AddMessage(ctx, &chat.Message{Author: chat.Agent, Agent: a.Ref(), Text: note, Visibility: "internal"})
}

// offerWarm asks the agent beside the one who has the conversation and keeps it.
func (d *Desk) offerWarm(ctx context.Context, s *chat.Session, h Handoff, to target, team Team) error {
	if err := withdraw(ctx, s, h.ID); err != nil { // whoever was asked before
		return err
	}
	until := s.Now().Add(seconds(team.Rules.Routing.Offer, d.opts.OfferFor))
	_, err := s.Tx().Exec(ctx, `
		WITH h AS (UPDATE handoffs SET wanted_agent = $2, wanted_until = $4 WHERE id = $1),
		     a AS (UPDATE agents SET last_offer_at = now() WHERE id = $2)
		INSERT INTO offers (id, handoff_id, agent_id, expires_at) VALUES ($3, $1, $2, $4)`, h.ID, to.ID, uuid.Must(uuid.NewV7()), until)
	return err
}

// leaving is how a handoff goes back to the queue.
type leaving struct {
	team     Team
	priority int
	wanted   *uuid.UUID // who is asked first
	boost    int        // seconds that it moves ahead
}

// requeue sends a handoff that is open to the queue of a team. It keeps its place by age, and whoever passed on it may be
// asked again. The deadline of the first answer is renewed where nobody has answered yet.
func (d *Desk) requeue(ctx context.Context, s *chat.Session, h Handoff, to leaving) error {
	due := h.DueAt
	if h.FirstReplyAt == nil && (to.team.Key != h.Team || to.priority != h.Priority) {
		t := d.deadline(to.team, s, deref(h.Topic), to.priority, h.Reason == customerRequest)
		due = &t
	}
	var wish *time.Time
	if to.wanted != nil {
		t := s.Now().Add(to.team.Rules.Routing.wish())
		wish = &t
	}
	tag, err := s.Tx().Exec(ctx, `
		UPDATE handoffs SET state = 'queued', from_agent = CASE WHEN state = 'accepted' THEN agent_id ELSE from_agent END, agent_id = NULL, owned_since = NULL,
			snoozed_until = NULL, snoozed_seq = NULL, team = $2, priority = $3, offers = 0, team_since = now(), due_at = $4, wanted_agent = $5, wanted_until = $6,
			boost = greatest(boost, $7), weight = $8, review_at = now() + $9 * interval '1 second', alerted_at = NULL,
			package = package || jsonb_build_object('priority', $3::int, 'due_at', $4::timestamptz)
		WHERE id = $1 AND ended_at IS NULL`, h.ID, to.team.Key, to.priority, due, to.wanted, wish, to.boost,
		to.team.Rules.Routing.weight(deref(h.Topic), to.priority), to.team.Rules.Routing.patience(to.priority).Seconds())
	if err != nil {
		return err
	}
	if tag.RowsAffected() == 0 {
		return errEnded
	}
	if err := withdraw(ctx, s, h.ID); err != nil {
		return err
	}
	h.Team, h.Priority, h.DueAt = to.team.Key, to.priority, due
	if err := d.startClocks(ctx, s, h, to.team); err != nil {
		return err
	}
	if s.Owner == chat.OwnedByQueue {
		return nil
	}
	return s.SetOwner(ctx, chat.OwnedByQueue, nil)
}

// Transfer sends a conversation to another team, where it keeps its place by age. The note is for its agents. Agents
// transfer what they have, and supervisors also what waits.
func (d *Desk) Transfer(ctx context.Context, conversation uuid.UUID, a Agent, team, note string) (Handoff, error) {
	return d.toTeam(ctx, conversation, a, "transferred", team, 0, note)
}

// Escalate sends a conversation to its team's fallback team, one priority higher.
func (d *Desk) Escalate(ctx context.Context, conversation uuid.UUID, a Agent, note string) (Handoff, error) {
	return d.toTeam(ctx, conversation, a, "escalated", "", 1, note)
}

func (d *Desk) toTeam(ctx context.Context, conversation uuid.UUID, a Agent, action, to string, raise int, note string) (Handoff, error) {
	h, err := d.openOf(ctx, conversation)
	if err != nil {
		return h, err
	}
	return d.step(ctx, h.ID, a, action, nil, func(ctx context.Context, s *chat.Session, h Handoff) error {
		waits := slices.Contains([]State{Queued, Offered, Asynchronous}, h.State) && a.Supervises()
		if !waits {
			if err := d.governs(ctx, s, a, h); err != nil {
				return err
			}
		}
		if to == "" {
			team, err := findTeam(ctx, s.Tx(), h.Team)
			if err != nil {
				return err
			}
			if to = h.Team; team.Fallback != nil {
				to = *team.Fallback
			}
		}
		team, err := findTeam(ctx, s.Tx(), to)
		if err != nil {
			return err
		}
		if team.Key != to {
			return fault.Field("team", "unknown_team", "There is no team %q.", to)
		}
		if err := d.requeue(ctx, s, h, leaving{team: team, priority: max(1, h.Priority-raise)}); err != nil {
			return err
		}
		if err := d.leaveNote(ctx, s, a, note); err != nil {
			return err
		}
		if waits && team.Key == h.Team {
			return nil
		}
		return s.AddMessage(ctx, &chat.Message{Author: chat.System, Text: line(h.Language, "transferred", team.Name)})
	})
}

// TakeOver makes a supervisor the owner of a conversation, whoever has it: a colleague, the queue, or the assistant.
func (d *Desk) TakeOver(ctx context.Context, conversation uuid.UUID, a Agent, note string) (Handoff, error) {
	if !a.Supervises() {
		return Handoff{}, errNotSupervisor
	}
	h, err := d.openOf(ctx, conversation)
	if fault.Is(err, fault.NotFound) {
		return d.Pull(ctx, conversation, a)
	}
	if err != nil {
		return h, err
	}
	return d.step(ctx, h.ID, a, "taken_over", nil, func(ctx context.Context, s *chat.Session, h Handoff) error { return d.takeOver(ctx, s, h, a, note) })
}

var errNotSupervisor = fault.New(fault.Forbidden, "not_a_lead", "Only supervisors and admins may see and do this.")

func (d *Desk) takeOver(ctx context.Context, s *chat.Session, h Handoff, a Agent, note string) error {
	if h.EndedAt != nil {
		return errEnded
	}
	if h.State == Accepted && is(h.AgentID, a) {
		return nil // said twice
	}
	_, err := s.Tx().Exec(ctx, `
		UPDATE handoffs SET state = 'accepted', from_agent = CASE WHEN state = 'accepted' THEN agent_id ELSE from_agent END, agent_id = $2, owned_since = now(),
			accepted_at = COALESCE(accepted_at, now()), wanted_agent = NULL, wanted_until = NULL, snoozed_until = NULL, snoozed_seq = NULL
		WHERE id = $1 AND ended_at IS NULL`, h.ID, a.ID)
	if err != nil {
		return err
	}
	// Behind the router, which may be offering them something.
	if _, err := s.Tx().Exec(ctx, `UPDATE agents SET lapses = 0 WHERE id = $1`, a.ID); err != nil {
		return err
	}
	if err := closeOffer(ctx, s, h.ID); err != nil {
		return err
	}
	if h.State == Accepted {
		err = d.whisper(ctx, s, a.Name+" took this over from "+named(h)+".")
	} else {
		err = d.served(ctx, s.Tx(), h)
	}
	if err != nil {
		return err
	}
	if err := d.leaveNote(ctx, s, a, note); err != nil {
		return err
	}
	if err := s.SetOwner(ctx, chat.OwnedByAgent, a.Ref()); err != nil {
		return err
	}
	return s.AddMessage(ctx, &chat.Message{Author: chat.System, Text: line(h.Language, "joined", a.Name)})
}
