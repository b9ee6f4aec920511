package handoff

import (
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
	Team     string     `json:"team"`
	Summary  string     `json:"summary"` // in the customer's language

	Intake *IntakeAsked `json:"intake"` // what to ask the customer for; nil for nothing
}

func (p Place) event(h Handoff) Event {
	return Event{ID: h.ID, State: h.State, Reason: h.Reason, Position: p.Position, Wait: p.Wait, Open: p.Open, OpensAt: p.OpensAt, Team: p.TeamName, Summary: h.CustomerSummary, Intake: h.Intake.asked()}
}

// NewEvent is the handoff's event at its present place.
func NewEvent(h Handoff, p Place) Event { return p.event(h) }
