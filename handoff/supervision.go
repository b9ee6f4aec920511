package handoff

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/firstline/firstline/internal/auth"
)

// Supervision is the desk as those who lead it see it: every team's queue and what everybody is doing.
type Supervision struct {
	Teams  []TeamNow  `json:"teams"`
	Agents []AgentNow `json:"agents"`
	At     time.Time  `json:"at"`
}

// TeamNow is a team at this moment.
type TeamNow struct {
	Key          string     `json:"key"`
	Name         string     `json:"name"`
	Open         bool       `json:"open"`
	OpensAt      *time.Time `json:"opens_at"`
	Waiting      int        `json:"waiting"`      // in the queue or being offered
	Asynchronous int        `json:"asynchronous"` // promised for later
	ByPriority   [4]int     `json:"by_priority"`  // of those that wait
	Oldest       *time.Time `json:"oldest"`       // since when the one waits who waits longest
	InHand       int        `json:"in_hand"`      // with agents
	Unanswered   int        `json:"unanswered"`   // with agents, whose customer wrote last
	Online       int        `json:"online"`       // agents who take offers
	Free         int        `json:"free"`         // places that these have left
	Wait         *Wait      `json:"wait"`         // for who comes now; nil: unknown
	SLA          SLANow     `json:"sla"`
}

// SLANow counts the clocks of open handoffs.
type SLANow struct {
	Running  int `json:"running"`  // in time
	Warned   int `json:"warned"`   // of these, nearly out of time
	Breached int `json:"breached"` // out of time and running still
}

// AgentNow is an agent at this moment.
type AgentNow struct {
	Colleague
	Since         time.Time  `json:"since"` // in this presence
	Teams         []string   `json:"teams"`
	Conversations []WorkItem `json:"conversations"`
}

// WorkItem is a conversation that an agent has or is offered.
type WorkItem struct {
	Conversation uuid.UUID  `json:"conversation"`
	Handoff      uuid.UUID  `json:"handoff"`
	State        State      `json:"state"`
	Team         string     `json:"team"`
	Priority     int        `json:"priority"`
	Customer     string     `json:"customer"`
	Since        time.Time  `json:"since"`    // accepted or, for an offer, queued
	Awaiting     *time.Time `json:"awaiting"` // since when the customer waits for an answer; nil when they do not
	Snoozed      *time.Time `json:"snoozed_until"`
	Due          *time.Time `json:"due"` // the clock that ends first
	Breached     bool       `json:"breached"`
}

// Supervision reads the desk at this moment, for supervisors.
func (d *Desk) Supervision(ctx context.Context, a Agent) (Supervision, error) {
	var s Supervision
	if !a.Supervises() {
		return s, errNotALead
	}
	type item struct {
		agent uuid.UUID
		WorkItem
	}
	var items []item
	var b pgx.Batch
	// Who waits, by team. "Unanswered" and what agents have comes from the second statement, which reads those only.
	b.Queue(`SELECT now(), t.key, t.name, COALESCE(q.waiting, 0), COALESCE(q.later, 0), q.oldest,
			COALESCE(q.p1, 0), COALESCE(q.p2, 0), COALESCE(q.p3, 0), COALESCE(q.p4, 0), COALESCE(q.running, 0), COALESCE(q.warned, 0), COALESCE(q.breached, 0),
			COALESCE(p.online, 0), COALESCE(p.free, 0)
		FROM teams t
		LEFT JOIN (
			SELECT h.team, count(*) FILTER (WHERE waits) AS waiting, count(*) FILTER (WHERE state = 'asynchronous') AS later, min(queued_at) FILTER (WHERE waits) AS oldest,
				count(*) FILTER (WHERE waits AND priority = 1) AS p1, count(*) FILTER (WHERE waits AND priority = 2) AS p2,
				count(*) FILTER (WHERE waits AND priority = 3) AS p3, count(*) FILTER (WHERE waits AND priority = 4) AS p4,
				sum(k.running)::int AS running, sum(k.warned)::int AS warned, sum(k.breached)::int AS breached
			FROM (SELECT *, state IN ('queued', 'offered') AS waits FROM handoffs WHERE ended_at IS NULL) h
			LEFT JOIN LATERAL (SELECT count(*) FILTER (WHERE breached_at IS NULL) AS running, count(*) FILTER (WHERE warned_at IS NOT NULL AND breached_at IS NULL) AS warned,
				count(*) FILTER (WHERE breached_at IS NOT NULL) AS breached FROM sla_clocks WHERE handoff_id = h.id AND stopped_at IS NULL) k ON true
			GROUP BY h.team) q ON q.team = t.key
		LEFT JOIN (
			SELECT m.team, count(*) AS online, sum(greatest(a.capacity - COALESCE(l.load, 0), 0))::int AS free
			FROM agent_teams m JOIN agents a ON a.id = m.agent_id
			LEFT JOIN LATERAL (SELECT sum(weight)::int AS load FROM handoffs WHERE agent_id = a.id AND ended_at IS NULL AND snoozed_until IS NULL) l ON true
			WHERE a.presence = 'online' AND a.connected_until > now() AND a.capacity > 0 AND a.role <> 'editor' AND a.disabled_at IS NULL
			GROUP BY m.team) p ON p.team = t.key
		ORDER BY t.name, t.key`).Query(func(rows pgx.Rows) error {
		var t TeamNow
		p := &t.ByPriority
		_, err := pgx.ForEachRow(rows, []any{&s.At, &t.Key, &t.Name, &t.Waiting, &t.Asynchronous, &t.Oldest, &p[0], &p[1], &p[2], &p[3],
			&t.SLA.Running, &t.SLA.Warned, &t.SLA.Breached, &t.Online, &t.Free}, func() error {
			s.Teams = append(s.Teams, t)
			return nil
		})
		return err
	})
	b.Queue(`SELECT h.agent_id, h.conversation_id, h.id, h.state, h.team, h.priority, COALESCE(NULLIF(c.customer->>'name', ''), c.customer->>'email', ''),
			COALESCE(h.accepted_at, h.queued_at), CASE WHEN h.state = 'accepted' THEN (SELECT min(created_at) FROM messages
				WHERE conversation_id = h.conversation_id AND author = 'customer' AND seq > COALESCE((SELECT max(seq) FROM messages
					WHERE conversation_id = h.conversation_id AND author = 'agent' AND visibility = 'public'), 0)) END,
			h.snoozed_until, (SELECT min(due_at) FROM sla_clocks WHERE handoff_id = h.id AND stopped_at IS NULL),
			EXISTS (SELECT FROM sla_clocks WHERE handoff_id = h.id AND stopped_at IS NULL AND breached_at IS NOT NULL)
		FROM handoffs h JOIN conversations c ON c.id = h.conversation_id
		WHERE h.ended_at IS NULL AND h.agent_id IS NOT NULL ORDER BY COALESCE(h.accepted_at, h.queued_at), h.id`).Query(func(rows pgx.Rows) error {
		var x item
		_, err := pgx.ForEachRow(rows, []any{&x.agent, &x.Conversation, &x.Handoff, &x.State, &x.Team, &x.Priority, &x.Customer, &x.Since, &x.Awaiting, &x.Snoozed,
			&x.Due, &x.Breached}, func() error {
			items = append(items, x)
			return nil
		})
		return err
	})
	// Another desk stands here only with the conversations that it has: somebody must be able to take them over.
	b.Queue(`SELECT x.*, a.presence_at, ARRAY(SELECT team FROM agent_teams WHERE agent_id = x.id ORDER BY team)
		FROM (` + colleague + `(` + auth.IsPerson + ` OR EXISTS (SELECT FROM handoffs WHERE agent_id = a.id AND ended_at IS NULL))) x (id, name, presence, load, capacity) JOIN agents a ON a.id = x.id ORDER BY x.name, x.id`).Query(func(rows pgx.Rows) error {
		var n AgentNow
		_, err := pgx.ForEachRow(rows, []any{&n.ID, &n.Name, &n.Presence, &n.Load, &n.Capacity, &n.Since, &n.Teams}, func() error {
			n.Conversations = []WorkItem{}
			s.Agents = append(s.Agents, n)
			return nil
		})
		return err
	})
	if err := d.pool.SendBatch(ctx, &b).Close(); err != nil {
		return s, err
	}
	people := make(map[uuid.UUID]int, len(s.Agents))
	for i := range s.Agents {
		people[s.Agents[i].ID] = i
	}
	teams := make(map[string]int, len(s.Teams))
	for i := range s.Teams {
		teams[s.Teams[i].Key] = i
	}
	for _, x := range items {
		if i, known := people[x.agent]; known {
			s.Agents[i].Conversations = append(s.Agents[i].Conversations, x.WorkItem)
		}
		if i, known := teams[x.Team]; known && x.State == Accepted {
			s.Teams[i].InHand++
			if x.Awaiting != nil {
				s.Teams[i].Unanswered++
			}
		}
	}
	for i := range s.Teams {
		if err := d.outlookNow(ctx, &s.Teams[i]); err != nil {
			return s, err
		}
	}
	return s, nil
}

// outlookNow says whether the team is there for any of its markets, when it is next, and how long the wait is where it is.
func (d *Desk) outlookNow(ctx context.Context, t *TeamNow) error {
	team, p, err := d.Outlook(ctx, t.Key, "")
	if err != nil {
		return err
	}
	for _, market := range slices.Sorted(maps.Keys(team.Hours.Markets)) {
		if p.Open {
			break
		}
		open, opens := team.Hours.At(market, time.Now())
		if open {
			if _, p, err = d.Outlook(ctx, t.Key, market); err != nil {
				return err
			}
		} else if !opens.IsZero() && (p.OpensAt == nil || opens.Before(*p.OpensAt)) {
			p.OpensAt = &opens
		}
	}
	t.Open, t.Wait = p.Open, p.Wait
	if !p.Open {
		t.OpensAt = p.OpensAt
	}
	return nil
}
