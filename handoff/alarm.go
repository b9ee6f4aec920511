package handoff

import (
	"context"
	"fmt"
	"strings"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/firstline/firstline/internal/chat"
	"github.com/firstline/firstline/internal/wake"
)

// Alarm is what a message says by itself when no turn answers it: one that arrives while people own the conversation, or
// what was written before the customer asked for a person.
type Alarm struct {
	Topic       string // "" for none
	Priority    int    // 1 to 4
	Reason      string // of a handoff; "" for none
	Fixed       string // what the customer must read at once; "" for nothing
	Language    string
	Sentiment   string
	Explanation string // one sentence for the agent
}

// Ear reads a text and reports what it must not wait for; the locale is the conversation's. What it finds counts for the
// team and the priority of a new handoff also where it reports false. nil hears nothing.
type Ear func(text, locale string) (Alarm, bool)

// The topic and the reason of danger to life, as the rules name them.
const (
	distressTopic = "medical_emergency_or_distress"
	vulnerability = "vulnerability"
)

// danger reports whether the customer themselves may be in danger.
func (a Alarm) danger() bool {
	return a.Priority == 1 && (a.Reason == vulnerability || a.Topic == distressTopic)
}

// outranks reports whether the alarm is more urgent than what the handoff is known to be about. Among equals, danger to a
// person comes before everything else.
func (a Alarm) outranks(h Handoff) bool {
	if a.Priority != h.Priority {
		return a.Priority < h.Priority
	}
	known := h.Reason == vulnerability || h.Topic != nil && *h.Topic == distressTopic
	return a.danger() && !known
}

// Raise does what a message calls for that arrived while people own the conversation: what waits becomes more urgent and
// goes to the team that it is about, an agent who has it is told, and the customer reads at once what must not wait. It
// may be called again for the same message. It returns the number of the last entry that it added to the log, 0 for none.
func (d *Desk) Raise(ctx context.Context, conversation uuid.UUID, a Alarm) (int64, error) {
	var last int64
	err := d.record.Do(ctx, conversation, func(ctx context.Context, s *chat.Session) error {
		before := s.LastSeq
		if err := d.raise(ctx, s, a); err != nil {
			return err
		}
		if s.LastSeq > before {
			last = s.LastSeq
		}
		return nil
	})
	return last, err
}

func (d *Desk) raise(ctx context.Context, s *chat.Session, a Alarm) error {
	if s.Owner == chat.OwnedByAssistant {
		return nil // given back meanwhile; a turn reads the message
	}
	if err := setActor(ctx, s.Tx(), byCustomer); err != nil {
		return err
	}
	// Locked, because the router offers and takes back without the conversation's row.
	if _, err := s.Tx().Exec(ctx, `SELECT FROM handoffs WHERE conversation_id = $1 AND ended_at IS NULL FOR NO KEY UPDATE`, s.ID); err != nil {
		return err
	}
	h, err := findHandoff(ctx, s.Tx(), `h.conversation_id = $1 AND h.ended_at IS NULL`, s.ID)
	if err != nil {
		return err
	}
	urgent := a.outranks(h)
	if h.State == Accepted {
		return d.tell(ctx, s, h, a, urgent)
	}
	if err := d.sayOnce(ctx, s, chat.Message{Author: chat.System, Text: a.Fixed}); err != nil || !urgent {
		return err
	}
	return d.move(ctx, s, h, a)
}

// Unread listens, inside the session of a handoff just made, to what the customer wrote after the last message that the
// turn has read: it waited for that turn, and no other turn will read it.
func (d *Desk) Unread(ctx context.Context, s *chat.Session, read int64, ear Ear) error {
	if ear == nil || s.CustomerSeq <= read {
		return nil
	}
	rows, err := s.Tx().Query(ctx, `SELECT body FROM messages WHERE conversation_id = $1 AND author = 'customer' AND seq > $2 ORDER BY seq LIMIT $3`,
		s.ID, read, heardAtMost)
	if err != nil {
		return err
	}
	texts, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return err
	}
	for _, t := range texts {
		if a, alarmed := ear(t, s.Locale); alarmed {
			if err := d.raise(ctx, s, a); err != nil {
				return err
			}
		}
	}
	return nil
}

// move makes a waiting handoff what the alarm says: its topic, and the team, the deadline and the place that come with it.
// Nobody has passed on it yet as what it is now.
func (d *Desk) move(ctx context.Context, s *chat.Session, h Handoff, a Alarm) error {
	team, closed, err := d.teamNow(ctx, s, d.teamOf(a.Topic, s.Audience), a.Priority)
	if err != nil {
		return err
	}
	due := d.deadline(team, s, a.Topic, a.Priority, false)
	if h.DueAt != nil && h.DueAt.Before(due) {
		due = *h.DueAt
	}
	if a.Reason == "" {
		a.Reason, a.Explanation = h.Reason, h.Explanation
	}
	_, err = s.Tx().Exec(ctx, `
		UPDATE handoffs SET state = 'queued', agent_id = NULL, topic = NULLIF($2, ''), priority = $3, team = $4, due_at = $5, reason = $6,
			explanation = $7, offers = 0, team_since = now(), review_at = now() + $9 * interval '1 second', alerted_at = NULL,
			wanted_agent = NULL, wanted_until = NULL, weight = $10, package = package || jsonb_build_object('topic', $2::text, 'priority', $3::int,
				'reason', $6::text, 'explanation', $7::text, 'sentiment', COALESCE(NULLIF($8, ''), package->>'sentiment'), 'due_at', $5::timestamptz)
		WHERE id = $1 AND state IN ('queued', 'offered', 'asynchronous')`, h.ID, a.Topic, a.Priority, team.Key, due, a.Reason, a.Explanation, a.Sentiment,
		team.patience(a.Priority, h.Market, s.Now()).Seconds(), team.Rules.Routing.weight(a.Topic, a.Priority))
	if err != nil {
		return err
	}
	if team.Key != h.Team {
		if err := passedOver(ctx, s, Handoff{ID: h.ID, Team: team.Key}, closed); err != nil {
			return err
		}
	}
	if err := withdraw(ctx, s, h.ID); err != nil {
		return err
	}
	if team.Key != h.Team && a.Fixed == "" {
		m := chat.Message{Author: chat.System, Text: line(h.Language, "transferred", team.Name)}
		if err := s.AddMessage(ctx, &m); err != nil {
			return err
		}
	}
	if h, err = findHandoff(ctx, s.Tx(), `h.id = $1`, h.ID); err != nil {
		return err
	}
	if err := d.startClocks(ctx, s, h, team); err != nil {
		return err
	}
	if open, _ := team.Hours.At(h.Market, s.Now()); open && a.Fixed != "" { // the fixed words say who is there
		if _, err := s.Tx().Exec(ctx, `UPDATE handoffs SET told_open = true WHERE id = $1`, h.ID); err != nil {
			return err
		}
	}
	s.AfterCommit(func() { d.bus.Notify(wake.Queue, "") })
	return d.announce(ctx, s, h)
}

// tell lets the agent who has the conversation know. Customers in danger also read what to do, because an agent may be
// away from the screen for longer than they have.
func (d *Desk) tell(ctx context.Context, s *chat.Session, h Handoff, a Alarm, urgent bool) error {
	if !urgent && !a.danger() {
		return nil
	}
	if _, err := s.Tx().Exec(ctx, `UPDATE handoffs SET priority = least(priority, $2) WHERE id = $1`, h.ID, a.Priority); err != nil {
		return err
	}
	note := fmt.Sprintf("The customer's message is urgent (priority %d): %s", a.Priority, a.Explanation)
	if a.danger() {
		note = "The customer's message suggests danger: " + a.Explanation
		if err := d.sayOnce(ctx, s, chat.Message{Author: chat.System, Text: a.Fixed}); err != nil {
			return err
		}
	}
	s.AfterCommit(func() { d.bus.Notify(wake.Queue, "") })
	return d.sayOnce(ctx, s, chat.Message{Author: chat.System, Text: strings.TrimSpace(note), Visibility: "internal"})
}

// sayOnce adds a notice unless it is empty or was said within the last hour, be it by the assistant.
func (d *Desk) sayOnce(ctx context.Context, s *chat.Session, m chat.Message) error {
	if m.Text == "" {
		return nil
	}
	var said bool
	err := s.Tx().QueryRow(ctx, `SELECT EXISTS (SELECT FROM messages WHERE conversation_id = $1 AND author IN ('system', 'assistant') AND body = $2
		AND created_at > now() - interval '1 hour')`, s.ID, m.Text).Scan(&said)
	if err != nil || said {
		return err
	}
	return s.AddMessage(ctx, &m)
}

// closeOffer withdraws the offer of a handoff that is open now, if there is one; what became of the others stays known.
func closeOffer(ctx context.Context, s *chat.Session, handoff uuid.UUID) error {
	_, err := s.Tx().Exec(ctx, `UPDATE offers SET outcome = 'withdrawn', ended_at = now() WHERE handoff_id = $1 AND outcome = 'open'`, handoff)
	return err
}

// withdraw forgets the offers of a handoff that was not taken: whoever passed on it may be asked again. What became of each
// stays on record.
func withdraw(ctx context.Context, s *chat.Session, handoff uuid.UUID) error {
	if err := closeOffer(ctx, s, handoff); err != nil {
		return err
	}
	_, err := s.Tx().Exec(ctx, `UPDATE offers SET forgotten_at = now() WHERE handoff_id = $1 AND outcome IN ('lapsed', 'declined') AND forgotten_at IS NULL`, handoff)
	return err
}

// heardAtMost bounds how many of the customer's messages are read again when they ask for a person.
const heardAtMost = 50

// Urgent reports, inside a session, whether something that the customer wrote since the fence must not wait.
func (d *Desk) Urgent(ctx context.Context, s *chat.Session, ear Ear) (bool, error) {
	_, urgent, err := d.hear(ctx, s, ear, "")
	return urgent, err
}

// hear reads what the customer wrote since the fence, one by one and together, and the note that came with the wish for a
// person. It returns the most urgent of what was found.
func (d *Desk) hear(ctx context.Context, s *chat.Session, ear Ear, note string) (best Alarm, alarmed bool, err error) {
	best = Alarm{Priority: 4}
	if ear == nil {
		return best, false, nil
	}
	var texts []string
	err = s.Tx().QueryRow(ctx, `SELECT COALESCE(array_agg(body ORDER BY seq), '{}') FROM (
		SELECT seq, body FROM messages WHERE conversation_id = $1 AND author = 'customer' AND seq > $2 ORDER BY seq DESC LIMIT $3) m`,
		s.ID, s.FenceSeq, heardAtMost).Scan(&texts)
	if err != nil {
		return best, false, err
	}
	if note != "" {
		texts = append(texts, note)
	}
	if len(texts) > 1 { // a thought may be spread over several; the latest stand together
		texts = append(texts, strings.Join(texts[max(0, len(texts)-3):], "\n"))
	}
	for _, t := range texts {
		a, ok := ear(t, s.Locale)
		if a.Priority < 1 || a.Priority > 4 {
			a.Priority = 4
		}
		switch {
		case ok != alarmed:
			if !ok {
				continue
			}
		case a.Priority != best.Priority:
			if a.Priority > best.Priority {
				continue
			}
		case best.danger() && !a.danger(): // the latest of equals, but danger to a person first
			continue
		}
		best, alarmed = a, ok
	}
	return best, alarmed, nil
}
