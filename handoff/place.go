package handoff

import (
	"cmp"
	"context"
	"time"

	"github.com/google/uuid"
)

// Wait is an honest range; it is absent where the desk's own data are too thin to say anything.
type Wait struct {
	LowSeconds  int `json:"low_seconds"`
	HighSeconds int `json:"high_seconds"`
}

// Place is where a handoff stands: its position among those of its team, the wait, and the opening hours.
type Place struct {
	Position int        `json:"position"` // 1 is next; 0 when it is not waiting
	Wait     *Wait      `json:"wait"`     // nil: unknown
	Open     bool       `json:"open"`
	OpensAt  *time.Time `json:"opens_at"`
	First    bool       `json:"-"` // comes before everybody else: a person is called at once, and there is no number to tell
	Advice   string     `json:"-"` // what to do meanwhile, in the customer's language; for who is First
	Zone     string     `json:"-"`
	Base     float64    `json:"-"` // seconds that Wait was made of; 0 where it is nil
	TeamName string     `json:"team"`
	note     map[string]string
}

// Event is the data of a handoff event, as the wire gives it.
type Event struct {
	ID       uuid.UUID  `json:"id"`
	State    State      `json:"state"`
	Reason   string     `json:"reason"`
	Position int        `json:"position"`
	Wait     *Wait      `json:"wait"`
	Open     bool       `json:"open"`
	OpensAt  *time.Time `json:"opens_at"`
	First    bool       `json:"first"`     // comes before everybody else, has no position, and is told no wait
	Advice   string     `json:"advice"`    // what to do until the person is there; "" for nothing
	AnswerBy *time.Time `json:"answer_by"` // when an answer is promised; nil where nobody is asked to come back later
	Team     string     `json:"team"`
	Summary  string     `json:"summary"` // in the customer's language

	Intake *IntakeAsked `json:"intake"` // what to ask the customer for; nil for nothing
}

func (p Place) event(h Handoff) Event {
	e := Event{ID: h.ID, State: h.State, Reason: h.Reason, Position: p.Position, Wait: p.Wait, Open: p.Open, OpensAt: p.OpensAt, First: p.First, Advice: p.Advice,
		Team: p.TeamName, Summary: h.CustomerSummary, Intake: h.Intake.asked()}
	if p.First {
		e.Position, e.Wait = 0, nil
	}
	if h.State == Asynchronous {
		e.AnswerBy = h.DueAt
	}
	return e
}

// mostUrgent is the priority that goes before everything else and does not age.
const mostUrgent = 1

// advice is the fixed text of the handoff's topic, in its language or in English, for somebody in danger and for whom it was
// said to: where it is not certain what somebody means, they are passed on without being told that they were robbed.
func (d *Desk) advice(ctx context.Context, q db, h Handoff) (string, error) {
	texts := (*d.topics.Load())[deref(h.Topic)].SafeText
	text := cmp.Or(texts[h.Language], texts[languages[0]])
	if text == "" || h.Reason == vulnerability {
		return text, nil
	}
	var said bool
	err := q.QueryRow(ctx, `SELECT EXISTS (SELECT FROM messages m JOIN conversations c ON c.id = m.conversation_id
		WHERE c.id = $1 AND m.seq > c.fence_seq AND m.author IN ('system', 'assistant') AND m.visibility = 'public' AND m.body = $2)`, h.ConversationID, text).Scan(&said)
	if err != nil || !said {
		return "", err
	}
	return text, nil
}

// zoneFor is the time zone for what is written to the team's customers in a market: the team's, or else the one that most
// teams are there in; "" where nobody knows.
func (t Team) zoneFor(ctx context.Context, q db, market string) (name string, err error) {
	if name = t.Hours.Zone(market); name != "" {
		return name, nil
	}
	err = q.QueryRow(ctx, `SELECT COALESCE((SELECT z FROM teams t CROSS JOIN LATERAL (VALUES (0, t.hours->'markets'->$1::text->>'time_zone'), (1, t.hours->'markets'->''->>'time_zone')) m(other, z)
		WHERE z IS NOT NULL GROUP BY other, z ORDER BY other, count(*) DESC, z LIMIT 1), '')`, market).Scan(&name)
	return name, err
}

// NewEvent is the handoff's event at its present place.
func NewEvent(h Handoff, p Place) Event { return p.event(h) }
