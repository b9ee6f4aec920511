// Package chat is the written record: conversations, their messages, their numbered events, and the turns that answer
// them. Everyone writes through it, and it knows nobody: neither models nor agents' queues nor HTTP.
//
// A conversation's row is its lock and its truth about who may speak: its owner, the owner's epoch, and the live turn
// with its attempt. Whatever speaks changes that row in the same statement that writes, so "still the speaker, nothing
// newer said" holds at the moment of the commit and not merely before it.
//
// Messages and events share one sequence per conversation; together they are its log. The row lock is held until the
// commit, so numbers become visible in order and a reader that asks for "everything after n" misses nothing.
package chat

import (
	"encoding/json"
	"errors"
	"time"

	"github.com/google/uuid"
)

// Owner says who speaks to the customer.
type Owner string

// The owners of a conversation.
const (
	OwnedByAssistant Owner = "assistant"
	OwnedByQueue     Owner = "queue" // waits for a human
	OwnedByAgent     Owner = "agent"
)

// Author says who wrote a message.
type Author string

// The authors of messages.
const (
	Customer  Author = "customer"
	Assistant Author = "assistant"
	Agent     Author = "agent"
	System    Author = "system" // fixed notices, such as "Ada joined"
)

// Outcome says how a turn ended; every turn ends exactly once.
type Outcome string

// The outcomes of turns.
const (
	Answered     Outcome = "answered"
	Clarified    Outcome = "clarified"
	OfferedHuman Outcome = "offered_human"
	HandedOff    Outcome = "handed_off"
	Superseded   Outcome = "superseded" // a newer message of the customer came before the turn had spoken
	Cancelled    Outcome = "cancelled"  // a human took over, or the customer closed the conversation
)

// ErrLost is returned to a turn that may no longer speak: it was superseded, cancelled, or taken over.
var ErrLost = errors.New("the turn is no longer the conversation's speaker")

// Person is what is known of the customer. Verified means that the company's own backend vouched for it.
type Person struct {
	ID       string          `json:"id,omitempty"`
	Name     string          `json:"name,omitempty"`
	Email    string          `json:"email,omitempty"`
	Verified bool            `json:"verified"`
	Proved   bool            `json:"email_verified,omitempty"` // who writes has read mail at Email: a code was sent there; this says nothing of ID
	Account  json.RawMessage `json:"account,omitempty"`        // what the backend says of the account: an object of names and plain values
}

// Conversation is a conversation's row.
type Conversation struct {
	ID          uuid.UUID
	Channel     string
	Market      string // lower-case country code
	Locale      string // BCP 47, such as "en" or "de"
	Audience    string // consumer | merchant
	Customer    Person
	Owner       Owner
	Epoch       int64
	AgentID     *uuid.UUID
	Status      string // open | closed
	LastSeq     int64
	CustomerSeq int64
	FenceSeq    int64
	TurnID      *uuid.UUID
	TurnAttempt int
	TurnSpoken  bool
	NextTurnID  *uuid.UUID
	Instruction string
	Article     string // slug of the article that the chat was opened from; "" for none
	CreatedAt   time.Time
	TokenGen    int        // generation of the tokens that open it
	CustomerID  *uuid.UUID // the customer whom the company vouched for; nil for an anonymous one
}

// Citation points at the section of an article that a sentence rests on.
type Citation struct {
	N       int    `json:"n"`       // the number in the text, as in [1]
	Article string `json:"article"` // slug
	Version int    `json:"version"`
	Title   string `json:"title"`
	URL     string `json:"url"`
	Anchor  string `json:"anchor"`
	Quote   string `json:"quote"`
	Locale  string `json:"locale"`
}

// AgentRef names an agent to others.
type AgentRef struct {
	ID   uuid.UUID `json:"id"`
	Name string    `json:"name"`
}

// Message is one message of anyone. AI marks what no human wrote.
type Message struct {
	ID          uuid.UUID       `json:"id"`
	Seq         int64           `json:"seq"`
	Author      Author          `json:"author"`
	Agent       *AgentRef       `json:"agent,omitempty"`
	Text        string          `json:"text"`
	Citations   []Citation      `json:"citations,omitempty"`
	Attachments json.RawMessage `json:"attachments,omitempty"`
	ClientID    string          `json:"client_id,omitempty"`
	Turn        *uuid.UUID      `json:"turn,omitempty"`
	AI          bool            `json:"ai"`
	Visibility  string          `json:"visibility"` // public | internal
	Helpful     *bool           `json:"helpful,omitempty"`
	Reason      string          `json:"helpful_reason,omitempty"` // why it did not help, in one of FeedbackReasons
	Stopped     bool            `json:"stopped,omitempty"`        // the customer stopped the answer; this is what had been said
	CreatedAt   time.Time       `json:"created_at"`
	Times       []Moment        `json:"times,omitempty"` // that the text names
	Named       []uuid.UUID     `json:"-"`               // files that AddMessage makes its own; Attachments lists them then
}

// Moment is a time that stands in a message's text, so that a page can show it in the reader's own time zone. The text alone
// names a time zone, for whoever reads it elsewhere.
type Moment struct {
	Text string    `json:"text"` // the part of the message's text that says it
	At   time.Time `json:"at"`
}

// Kinds of events, beside the messages themselves.
const (
	KindMessage = "message"
	KindDelta   = "delta"
	KindTurn    = "turn"
	KindOwner   = "owner"
	KindHandoff = "handoff"
	KindTyping  = "typing"
	KindRead    = "read"
	KindRating  = "rating"
	KindStatus  = "status"
	KindArrived = "delivered" // what the customer wrote is on the screen of the agent who has the conversation
	KindToken   = "token"     // the tokens of before open nothing any more
)

// Event is one entry of a conversation's log. For KindMessage Data is a Message. Internal entries are for agents only.
type Event struct {
	Seq      int64
	Kind     string
	Data     json.RawMessage
	Internal bool
	At       time.Time
}

// Claim is the right to run a turn: it names the attempt and the epoch that every write of the turn is checked against.
type Claim struct {
	TurnID       uuid.UUID
	Attempt      int
	Conversation Conversation
	FromSeq      int64 // the messages that the turn answers
	ToSeq        int64
	Messages     []Message  // those messages, oldest first
	History      []Message  // up to HistoryLimit public messages before them, oldest first
	Past         []PastTurn // up to HistoryLimit turns before this one and behind the fence, newest first
	ReceivedAt   time.Time
}

// PastTurn is what a later turn needs to know of an earlier one.
type PastTurn struct {
	Outcome Outcome `json:"outcome"`
	Reason  string  `json:"reason"`
	From    int64   `json:"from,omitempty"` // the customer's messages of a turn that they stopped; 0 of others
	To      int64   `json:"to,omitempty"`
}

// Stopped reports whether the customer wanted to hear no more of the turn.
func (p PastTurn) Stopped() bool { return p.Outcome == Cancelled && p.Reason == StoppedByCustomer }

// Holds reports whether a message is one of those that a stopped turn was to answer.
func (p PastTurn) Holds(seq int64) bool { return p.Stopped() && seq >= p.From && seq <= p.To }

// HistoryLimit is how many earlier messages and turns a claim brings along.
const HistoryLimit = 12

// Text joins the customer's messages of the turn, one a line.
func (c *Claim) Text() string {
	var s string
	for i, m := range c.Messages {
		if i > 0 {
			s += "\n"
		}
		s += m.Text
	}
	return s
}

// TurnEvent is the data of a KindTurn event, as the wire gives it.
type TurnEvent struct {
	ID         uuid.UUID  `json:"id"`
	Outcome    Outcome    `json:"outcome"`
	Reason     string     `json:"reason,omitempty"`
	Topic      string     `json:"topic,omitempty"`
	Priority   int        `json:"priority,omitempty"`
	Confidence float64    `json:"confidence"`
	Threshold  float64    `json:"threshold"`
	Citations  []Citation `json:"citations"`
}

// DeltaEvent is the data of a KindDelta event: supported text of a turn's answer. Texts of one attempt are joined as they
// are; a higher attempt starts again, because the process that made the former one is gone.
type DeltaEvent struct {
	Turn      uuid.UUID  `json:"turn"`
	Attempt   int        `json:"attempt"`
	Text      string     `json:"text"`
	Citations []Citation `json:"citations,omitempty"`
}

// OwnerEvent is the data of a KindOwner event.
type OwnerEvent struct {
	Owner Owner     `json:"owner"`
	Agent *AgentRef `json:"agent,omitempty"`
}
