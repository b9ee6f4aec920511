package handoff

import (
	"context"
	"regexp"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/firstline/firstline/internal/chat"
	"github.com/firstline/firstline/internal/fault"
)

// What a person who takes over may need beside the conversation, in the order in which it is asked for.
const (
	IntakeEmail     = "email"     // of the customer's account
	IntakePurchase  = "purchase"  // which one it is about
	IntakeReference = "reference" // of a case or an order
)

// Intake is what the customer is asked for while they wait: once, and only what is missing. Nothing waits for it.
type Intake struct {
	Wanted []string          `json:"wanted"`       // not known when the handoff was made
	Given  map[string]string `json:"given"`        // answered now, or found in what was written before
	At     *time.Time        `json:"at,omitempty"` // when the customer answered, be it with nothing
}

// asked is the intake as the customer's page needs it.
func (i *Intake) asked() *IntakeAsked {
	if i == nil || len(i.Wanted) == 0 {
		return nil
	}
	return &IntakeAsked{Wanted: i.Wanted, Given: i.At != nil}
}

// IntakeAsked tells the customer's page what to ask for. What was answered stays with the desk.
type IntakeAsked struct {
	Wanted []string `json:"wanted"`
	Given  bool     `json:"given"` // answered, be it with nothing: do not ask again
}

var (
	emailPattern = regexp.MustCompile(`[A-Za-z0-9._%+\-]+@[A-Za-z0-9\-]+(\.[A-Za-z0-9\-]+)*\.[A-Za-z]{2,}`)
	// referencePattern finds codes such as LP-48213 and AB12345: capitals, then four digits or more.
	referencePattern = regexp.MustCompile(`\b[A-Z]{2,6}-?[0-9]{4,12}\b`)
)

// askFor decides what to ask for. In danger nothing is asked, nor where the agent is there already, and never what was
// asked in this conversation before: what was given then goes along.
func (d *Desk) askFor(ctx context.Context, s *chat.Session, req Request, h Handoff, said []string) (*Intake, error) {
	i := Intake{Wanted: []string{}, Given: map[string]string{}}
	var asked []string
	rows, err := s.Tx().Query(ctx, `SELECT intake FROM handoffs WHERE conversation_id = $1 AND intake IS NOT NULL ORDER BY queued_at, id`, s.ID)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var before Intake
		if err := rows.Scan(&before); err != nil {
			return nil, err
		}
		asked = append(asked, before.Wanted...)
		for k, v := range before.Given {
			i.Given[k] = v
		}
	}
	if err := rows.Err(); err != nil {
		return nil, err
	}
	for _, text := range append(slices.Clone(said), req.Note) {
		if found := emailPattern.FindString(text); found != "" {
			i.Given[IntakeEmail] = found
		}
		if found := referencePattern.FindString(text); found != "" {
			i.Given[IntakeReference] = found
		}
	}
	if s.Customer.Email != "" {
		delete(i.Given, IntakeEmail) // known, and from a better source where it is verified
	}
	if h.Priority > 1 && req.Reason != vulnerability && req.Reason != agentPulled {
		for _, field := range d.needs(req.Topic) {
			if i.Given[field] == "" && !slices.Contains(asked, field) && (field != IntakeEmail || s.Customer.Email == "") {
				i.Wanted = append(i.Wanted, field)
			}
		}
	}
	if len(i.Wanted) == 0 && len(i.Given) == 0 {
		return nil, nil
	}
	return &i, nil
}

// needs is what a person needs to know for a topic: the account always, a purchase where money is at stake.
func (d *Desk) needs(topic string) []string {
	if t, known := (*d.topics.Load())[topic]; known && t.Group == "money" {
		return []string{IntakeEmail, IntakePurchase, IntakeReference}
	}
	return []string{IntakeEmail, IntakeReference}
}

// GiveIntake keeps what the customer answered; fields that are empty are not given, and giving nothing says not to ask again.
// It may be said again, also to mend a slip, as long as the handoff is open. The values are clean already.
func (d *Desk) GiveIntake(ctx context.Context, conversation uuid.UUID, given map[string]string) error {
	return d.record.Do(ctx, conversation, func(ctx context.Context, s *chat.Session) error {
		if err := setActor(ctx, s.Tx(), byCustomer); err != nil {
			return err
		}
		h, err := findHandoff(ctx, s.Tx(), `h.conversation_id = $1 AND h.ended_at IS NULL`, s.ID)
		if fault.Is(err, fault.NotFound) {
			return fault.New(fault.Conflict, "no_open_handoff", "Nobody is waiting for this any more.")
		}
		if err != nil {
			return err
		}
		i := h.Intake
		if i == nil {
			i = &Intake{Wanted: []string{}}
		}
		if i.Given == nil {
			i.Given = map[string]string{}
		}
		same := i.At != nil
		for k, v := range given {
			if v != "" && i.Given[k] != v {
				i.Given[k], same = v, false
			}
		}
		if same {
			return nil // said twice
		}
		now := s.Now()
		i.At = &now
		if _, err := s.Tx().Exec(ctx, `UPDATE handoffs SET intake = $2, intake_at = $3 WHERE id = $1`, h.ID, i, now); err != nil {
			return err
		}
		if email := given[IntakeEmail]; email != "" && !s.Customer.Verified { // for the desk's search and for answers by e-mail
			_, err := s.Tx().Exec(ctx, `UPDATE conversations SET customer = customer || jsonb_build_object('email', $2::text) WHERE id = $1`, s.ID, email)
			if err != nil {
				return err
			}
		}
		return d.announceOpen(ctx, s)
	})
}
