// Package handoff makes handoffs and gets them to people: the queue, its order, offers to agents, opening hours, honest
// waits, and the package that saves the customer from saying everything again. It writes conversations only through the
// record, and it never speaks for the assistant: its lines to customers are notices of the desk.
package handoff

import (
	"cmp"
	"context"
	"encoding/json"
	"log/slog"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/firstline/firstline/handoff/triage"
	"github.com/firstline/firstline/internal/chat"
	"github.com/firstline/firstline/internal/fault"
	"github.com/firstline/firstline/internal/wake"
)

// State is a handoff's state; every arrow between two of them is guarded in SQL.
type State string

// The states of handoffs.
const (
	Queued       State = "queued"
	Offered      State = "offered"
	Accepted     State = "accepted"
	Asynchronous State = "asynchronous" // nobody took it in time: promised for later, still in the queue
	Resolved     State = "resolved"
	Returned     State = "returned_to_assistant"
)

// Request is what whoever hands off knows.
type Request struct {
	TurnID      *uuid.UUID
	Reason      string
	Explanation string
	Topic       string // "" for none
	Priority    int    // 1 to 4
	Language    string
	Sentiment   string
	Asked       bool            // the customer asked for a person, whatever the reason says
	Note        string          // the customer's own words with the request; "" for none
	Articles    []chat.Citation // cited or found
	Trace       json.RawMessage // the decision
}

// Handoff is a row of the queue.
type Handoff struct {
	ID             uuid.UUID       `json:"id"`
	ConversationID uuid.UUID       `json:"conversation_id"`
	Reason         string          `json:"reason"`
	Explanation    string          `json:"explanation"`
	Topic          *string         `json:"topic"`
	Priority       int             `json:"priority"`
	Team           string          `json:"team"`
	Language       string          `json:"language"`
	Market         string          `json:"market"`
	State          State           `json:"state"`
	AgentID        *uuid.UUID      `json:"agent_id"`
	AgentName      *string         `json:"agent_name"`
	Weight         int             `json:"weight"`        // of an agent's capacity
	WantedAgent    *uuid.UUID      `json:"wanted_agent"`  // only they are offered it for now
	FromAgent      *uuid.UUID      `json:"from_agent"`    // who had it before
	SnoozedUntil   *time.Time      `json:"snoozed_until"` // or until the customer writes
	Summary        string          `json:"summary"`
	QueuedAt       time.Time       `json:"queued_at"`
	DueAt          *time.Time      `json:"due_at"`
	AcceptedAt     *time.Time      `json:"accepted_at"`
	FirstReplyAt   *time.Time      `json:"first_reply_at"`
	EndedAt        *time.Time      `json:"ended_at"`
	OfferExpires   *time.Time      `json:"offer_expires_at"`
	Customer       json.RawMessage `json:"customer"`
	LastMessage    string          `json:"last_message"`
	LastAuthor     string          `json:"last_author"`
	LastAt         time.Time       `json:"last_at"`
	LastSeq        int64           `json:"last_seq"`
	Rank           float64         `json:"rank"` // the queue's order: the lowest is next, and the id decides between equals
	SLA            *SLA            `json:"sla"`  // the clock that is due first; nil where none runs

	CustomerSummary string  `json:"-"` // Summary in the customer's language
	Intake          *Intake `json:"-"`
}

// Options tune a Desk. The zero value is fit for production.
type Options struct {
	OfferFor time.Duration // how long an agent has to take an offer; 20 s
	Tick     time.Duration // the router looks at least this often; 500 ms, so that P1 is offered within a second even where a wake-up is lost
	Language string        // the language that agents read, such as "en", which it is when empty
	Grace    time.Duration // the router must have looked for this long before it takes a late connection for gone; 30 s
}

// Desk is the queue and the people behind it. It is safe for concurrent use.
type Desk struct {
	pool   *pgxpool.Pool
	record *chat.Record
	bus    *wake.Bus
	log    *slog.Logger
	opts   Options
	topics atomic.Pointer[map[string]triage.Topic]
	lately sync.Map // of lately by team

	tickers  []Ticker
	lastLook atomic.Pointer[time.Time] // of the router
	looking  atomic.Pointer[time.Time] // without a break since
	busy     atomic.Bool               // another replica was routing when this one wanted to
	follow   chan struct{}             // there may be something to say after a look
	wrote    []func(ctx context.Context, conversation uuid.UUID, seq int64) error

	unwritten chan struct{} // a handoff was made here, and its summary may be written

	kick   chan struct{}
	cancel context.CancelFunc
	done   chan struct{}
}

// NewDesk returns a desk. Call SetTopics before the first handoff.
func NewDesk(pool *pgxpool.Pool, record *chat.Record, bus *wake.Bus, log *slog.Logger, opts Options) *Desk {
	if opts.OfferFor <= 0 {
		opts.OfferFor = 20 * time.Second
	}
	if opts.Tick <= 0 {
		opts.Tick = 500 * time.Millisecond
	}
	if opts.Language == "" {
		opts.Language = languages[0]
	}
	d := &Desk{pool: pool, record: record, bus: bus, log: log, opts: opts, kick: make(chan struct{}, 1), unwritten: make(chan struct{}, 1),
		follow: make(chan struct{}, 1)}
	if d.opts.Grace <= 0 {
		d.opts.Grace = connectionGrace
	}
	d.Register(d.sleepers())
	d.OnCustomerWrote(d.customerWakes)
	d.topics.Store(&map[string]triage.Topic{})
	d.Register(Ticker{Name: "sla", Next: d.nextDue, Run: d.watchClocks})
	d.Register(d.missed())
	d.OnCustomerWrote(d.customerAwaits)
	bus.Subscribe(wake.Queue, func(string) { d.poke() })
	d.OnCustomerWrote(func(_ context.Context, conversation uuid.UUID, _ int64) error {
		bus.Notify(wake.Desk, conversation.String()) // lists show the last message
		return nil
	})
	return d
}

func (d *Desk) poke() {
	select {
	case d.kick <- struct{}{}:
	default:
	}
}

// SetTopics replaces the topics that decide on teams and deadlines.
func (d *Desk) SetTopics(topics map[string]triage.Topic) { d.topics.Store(&topics) }

// The teams for what has no topic of its own.
const (
	generalTeam  = "general"
	merchantTeam = "b2b"
)

// HandOff makes a handoff inside the session: the row, the customer's line, the change of owner and the events commit
// together with whatever else the session does.
func (d *Desk) HandOff(ctx context.Context, s *chat.Session, req Request) (Handoff, error) {
	h := Handoff{ID: uuid.Must(uuid.NewV7()), ConversationID: s.ID, Reason: req.Reason, Explanation: req.Explanation, Priority: req.Priority,
		Language: req.Language, Market: s.Market, State: Queued, QueuedAt: s.Now()}
	if h.Priority < 1 || h.Priority > 4 {
		h.Priority = 4
	}
	if req.Topic != "" {
		h.Topic = &req.Topic
	}
	team, closed, err := d.teamNow(ctx, s, d.teamOf(req.Topic, s.Audience), h.Priority)
	if err != nil {
		return h, err
	}
	h.Team, h.Weight = team.Key, team.Rules.Routing.weight(req.Topic, h.Priority)
	due := d.deadline(team, s, req.Topic, h.Priority, req.Asked || req.Reason == customerRequest)
	h.DueAt = &due

	pkg, err := d.buildPackage(ctx, s, req, &h)
	if err != nil {
		return h, err
	}
	if req.TurnID != nil {
		if err := setActor(ctx, s.Tx(), byAssistant); err != nil {
			return h, err
		}
	}
	_, err = s.Tx().Exec(ctx, `
		INSERT INTO handoffs (id, conversation_id, turn_id, reason, explanation, topic, priority, team, language, market, state, package, summary,
			queued_at, team_since, due_at, customer_summary, intake, weight, review_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 'queued', $11, $12, $13, $13, $14, NULLIF($15, $12), $16, $17, $18)`,
		h.ID, s.ID, req.TurnID, h.Reason, h.Explanation, h.Topic, h.Priority, h.Team, h.Language, h.Market, pkg, h.Summary, h.QueuedAt, h.DueAt, h.CustomerSummary, h.Intake,
		h.Weight, h.QueuedAt.Add(team.patience(h.Priority, h.Market, s.Now())))
	if err != nil {
		return h, err
	}
	if err := passedOver(ctx, s, h, closed); err != nil {
		return h, err
	}
	if err := d.startClocks(ctx, s, h, team); err != nil {
		return h, err
	}
	if err := s.SetOwner(ctx, chat.OwnedByQueue, nil); err != nil {
		return h, err
	}
	place, err := d.place(ctx, s.Tx(), h, team, s.Now())
	if err != nil {
		return h, err
	}
	if err := d.sample(ctx, s.Tx(), h, place); err != nil {
		return h, err
	}
	if _, err := s.Tx().Exec(ctx, `UPDATE handoffs SET told_position = $2, told_open = $3 WHERE id = $1`, h.ID, place.Position, place.Open); err != nil {
		return h, err
	}
	line := place.line(h.Language)
	if err := s.AddMessage(ctx, &line); err != nil {
		return h, err
	}
	if err := s.AddEvent(ctx, chat.KindHandoff, place.event(h), false); err != nil {
		return h, err
	}
	s.AfterCommit(func() {
		d.bus.Notify(wake.Queue, "")
		select { // for this replica's summariser; another one finds it by looking
		case d.unwritten <- struct{}{}:
		default:
		}
	})
	return h, nil
}

// customerRequest is the reason of a handoff that the customer asked for.
const customerRequest = "customer_request"

// teamOf is the key of the team for a topic, or for what has none.
func (d *Desk) teamOf(topic, audience string) string {
	if t, known := (*d.topics.Load())[topic]; known {
		return t.Team
	}
	if audience == "merchant" {
		return merchantTeam
	}
	return generalTeam
}

// Ask hands the conversation off because the customer pressed the button. What they wrote since the last handoff, answered
// or not, decides on topic and priority as it would have in a turn, because the turn that would have read it is cancelled.
// Where a handoff is open already, it is returned as it is, unless the note is an alarm.
func (d *Desk) Ask(ctx context.Context, conversation uuid.UUID, note string, ear Ear) (Handoff, Place, error) {
	var h Handoff
	var p Place
	err := d.record.Do(ctx, conversation, func(ctx context.Context, s *chat.Session) error {
		if err := d.ask(ctx, s, note, ear); err != nil {
			return err
		}
		var err error
		h, p, err = d.current(ctx, s.Tx(), conversation)
		return err
	})
	return h, p, err
}

func (d *Desk) ask(ctx context.Context, s *chat.Session, note string, ear Ear) error {
	if err := setActor(ctx, s.Tx(), byCustomer); err != nil {
		return err
	}
	if s.Owner != chat.OwnedByAssistant {
		if note == "" || ear == nil {
			return nil
		}
		if a, ok := ear(note, s.Locale); ok {
			return d.raise(ctx, s, a)
		}
		return nil
	}
	if err := s.SetStatus(ctx, "open"); err != nil {
		return err
	}
	a, alarmed, err := d.hear(ctx, s, ear, note)
	if err != nil {
		return err
	}
	req := Request{Reason: customerRequest, Explanation: "The customer pressed “talk to a person”.", Topic: a.Topic, Priority: min(a.Priority, 3),
		Language: cmp.Or(a.Language, s.Locale), Sentiment: cmp.Or(a.Sentiment, "calm"), Asked: true, Note: note}
	if alarmed {
		req.Reason, req.Explanation = a.Reason, req.Explanation+" "+a.Explanation
		if err := d.sayOnce(ctx, s, chat.Message{Author: chat.System, Text: a.Fixed}); err != nil {
			return err
		}
	}
	_, err = d.HandOff(ctx, s, req)
	return err
}

// Current returns the conversation's open handoff and its place in the queue.
func (d *Desk) Current(ctx context.Context, conversation uuid.UUID) (Handoff, Place, error) {
	return d.current(ctx, d.pool, conversation)
}

func (d *Desk) current(ctx context.Context, db db, conversation uuid.UUID) (Handoff, Place, error) {
	h, err := findHandoff(ctx, db, `h.conversation_id = $1 AND h.ended_at IS NULL`, conversation)
	if err != nil {
		return h, Place{}, err
	}
	team, err := findTeam(ctx, db, h.Team)
	if err != nil {
		return h, Place{}, err
	}
	p, err := d.place(ctx, db, h, team, time.Now())
	return h, p, err
}

// db is met by a pool and by a transaction.
type db interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}

const handoffColumns = `h.id, h.conversation_id, h.reason, h.explanation, h.topic, h.priority, h.team, h.language, h.market, h.state,
	h.agent_id, a.name AS agent_name, h.weight, h.wanted_agent, h.from_agent, h.snoozed_until, h.summary, h.queued_at, h.due_at, h.accepted_at, h.first_reply_at, h.ended_at,
	(SELECT o.expires_at FROM offers o WHERE o.handoff_id = h.id AND o.outcome = 'open') AS offer_expires,
	c.customer, COALESCE(m.body, '') AS last_message, COALESCE(m.author, '') AS last_author, COALESCE(m.created_at, c.created_at) AS last_at,
	c.last_seq, h.rank, ` + slaColumn + `, COALESCE(h.customer_summary, h.summary), h.intake`

const handoffFrom = ` FROM handoffs h JOIN conversations c ON c.id = h.conversation_id LEFT JOIN agents a ON a.id = h.agent_id
	LEFT JOIN LATERAL (SELECT COALESCE(NULLIF(left(body, 200), ''), attachments->0->>'name', '') AS body, author, created_at FROM messages
		WHERE conversation_id = h.conversation_id AND visibility = 'public' AND author <> 'system' ORDER BY seq DESC LIMIT 1) m ON true WHERE `

func findHandoff(ctx context.Context, q db, where string, args ...any) (Handoff, error) {
	hs, err := listHandoffs(ctx, q, where, args...)
	if err == nil && len(hs) == 0 {
		return Handoff{}, fault.New(fault.NotFound, "handoff_not_found", "There is no such handoff.")
	}
	if err != nil {
		return Handoff{}, err
	}
	return hs[0], nil
}

func listHandoffs(ctx context.Context, q db, where string, args ...any) ([]Handoff, error) {
	rows, err := q.Query(ctx, `SELECT `+handoffColumns+handoffFrom+where, args...)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[Handoff])
}

// jitter spreads what several replicas do at the same interval.
func jitter(d time.Duration) time.Duration { return d - d/8 + rand.N(d/4+1) }
