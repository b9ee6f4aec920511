package delivery

import (
	"encoding/json"
	"time"

	"github.com/google/uuid"

	"github.com/firstline/firstline/internal/chat"
)

// The kinds of events that are delivered.
const (
	HandoffCreated = "handoff.created" // with the package
	HandoffUpdated = "handoff.updated" // state or team
	HandoffEnded   = "handoff.ended"   // resolved, or returned to the assistant
	MessageCreated = "message.created" // public, of anyone
	NoteCreated    = "note.created"    // for agents only
	Ping           = "ping"            // a test that somebody asked for
	AnswerCreated  = "answer.created"  // of a person, to a customer who left an address; never to webhooks
)

// Kinds are those that a webhook can ask for.
var Kinds = []string{HandoffCreated, HandoffUpdated, HandoffEnded, MessageCreated, NoteCreated}

// Event is what a webhook receives, as Standard Webhooks shapes it.
type Event struct {
	Type      string    `json:"type"`
	Timestamp time.Time `json:"timestamp"` // when it happened, in UTC
	Data      Data      `json:"data"`
}

// Data is what the event is about.
type Data struct {
	Conversation Conversation    `json:"conversation"`
	Handoff      Handoff         `json:"handoff"`
	Seq          int64           `json:"seq"` // of the conversation's log: the order of events, which may arrive in another one
	Message      *chat.Message   `json:"message,omitempty"`
	Package      json.RawMessage `json:"package,omitempty"`
	To           string          `json:"to,omitempty"` // of an answer by e-mail; no event of a webhook has it
}

// Conversation is what others need to know of it.
type Conversation struct {
	ID       uuid.UUID   `json:"id"`
	Channel  string      `json:"channel"`
	Market   string      `json:"market"`
	Locale   string      `json:"locale"`
	Audience string      `json:"audience"`
	Customer chat.Person `json:"customer"`
}

// Handoff is the handoff at the time of the event.
type Handoff struct {
	ID          uuid.UUID      `json:"id"`
	Reason      string         `json:"reason"`
	Explanation string         `json:"explanation"`
	Topic       *string        `json:"topic"`
	Priority    int            `json:"priority"`
	Team        string         `json:"team"`
	Language    string         `json:"language"`
	State       string         `json:"state"`
	Agent       *chat.AgentRef `json:"agent"`
	Summary     string         `json:"summary"`
	QueuedAt    time.Time      `json:"queued_at"`
	DueAt       *time.Time     `json:"due_at"`
}
