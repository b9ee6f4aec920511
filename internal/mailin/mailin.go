// Package mailin takes e-mail in: what customers answer to an address for replies, and what begins a conversation at the
// company's own address. A mail server of the company's hands mails over by LMTP or SMTP and keeps each until it is told
// that it was stored, so none is lost; each has an id of its own, so none is stored twice.
//
// The proof in an address says which conversation a mail belongs to, and nothing that a mail says of its sender opens one.
// What machines wrote is left unanswered. Who is asked for an answer, and what a person is told at once, is not decided
// here: a mail becomes a message of the customer's like one that was typed.
package mailin

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/firstline/firstline/internal/chat"
	"github.com/firstline/firstline/internal/fault"
	"github.com/firstline/firstline/internal/mail"
)

// Chat stores a message of the customer's and has it answered, as one that came by the page. It may be called again with the
// same client id, then it does what was left undone.
type Chat interface {
	Receive(ctx context.Context, conversation uuid.UUID, in chat.Inbound) (chat.Receipt, error)
}

// Sender sends e-mail.
type Sender interface {
	Send(ctx context.Context, m mail.Message) error
}

// Inbox is an address that begins conversations.
type Inbox struct {
	Address string // in lower case
	Market  string
	Locale  string
}

// Options say what is taken and from whom.
type Options struct {
	Company     string
	Inboxes     []Inbox
	Own         string // our own sender's address: what comes from it is a loop
	ReplyDomain string // domain of addresses for replies; "" for none
	Trusted     string // name that a mail server writes into Authentication-Results; "" trusts none
	Locales     []string
	// Language tells what language a text is in, where it is not the hint; nil takes the inbox's.
	Language func(text, hint string) string
	TLS      *tls.Config   // offers STARTTLS
	Domain   string        // what the server calls itself
	Patience time.Duration // for a whole mail to arrive; 2 min
	Settle   time.Duration // how long an answer waits for what belongs to it; 3 s
	Tick     time.Duration // how often answers are looked for; 2 s
	Hourly   int           // mails an hour from one address; 20
}

// Service takes mail in and sends the answers to conversations that are held by mail. It is safe for concurrent use.
type Service struct {
	pool   *pgxpool.Pool
	record *chat.Record
	chat   Chat
	mail   Sender // nil: nothing is sent
	log    *slog.Logger
	opts   Options
	slots  chan struct{}

	mu     sync.Mutex
	cancel context.CancelFunc
	done   chan struct{}
	tidied time.Time
}

// atOnce is how many mails are worked on at once: each is in memory while it is.
const atOnce = 8

// New returns a service. Nothing runs yet.
func New(pool *pgxpool.Pool, record *chat.Record, c Chat, sender Sender, log *slog.Logger, opts Options) *Service {
	if opts.Patience <= 0 {
		opts.Patience = 2 * time.Minute
	}
	if opts.Settle <= 0 {
		opts.Settle = 3 * time.Second
	}
	if opts.Tick <= 0 {
		opts.Tick = 2 * time.Second
	}
	if opts.Hourly <= 0 {
		opts.Hourly = 20
	}
	if opts.Domain == "" {
		opts.Domain = "localhost"
	}
	opts.ReplyDomain, opts.Own = strings.ToLower(opts.ReplyDomain), strings.ToLower(opts.Own)
	return &Service{pool: pool, record: record, chat: c, mail: sender, log: log, opts: opts, slots: make(chan struct{}, atOnce)}
}

// target is what an address of ours stands for: a conversation, or an inbox.
type target struct {
	conversation uuid.UUID
	old          bool // its proof is of before proofs had a key of their own: who had the first token can make it
	inbox        *Inbox
}

// name is what is kept of it.
func (t target) name() string {
	if t.inbox != nil {
		return t.inbox.Address
	}
	return "reply"
}

// find returns what an address stands for; false for one that is not ours.
func (s *Service) find(rcpt string) (target, bool) {
	local, domain, ok := address(rcpt)
	if !ok {
		return target{}, false
	}
	if s.opts.ReplyDomain != "" && domain == s.opts.ReplyDomain {
		if t, right := s.named(local); right {
			return t, true
		}
	}
	i := slices.IndexFunc(s.opts.Inboxes, func(in Inbox) bool { return in.Address == local+"@"+domain })
	if i < 0 {
		return target{}, false
	}
	return target{inbox: &s.opts.Inboxes[i]}, true
}

// named returns the conversation that the local part of an address for replies names. Addresses that were given out before
// their proofs had a key of their own still lead where they led.
func (s *Service) named(local string) (target, bool) {
	if id, right := mail.ReplyTarget(local, func(id uuid.UUID) []byte { return s.record.Derive(mail.ReplyPurpose, id) }); right {
		return target{conversation: id}, true
	}
	id, right := mail.ReplyTarget(local, func(id uuid.UUID) []byte { return []byte(s.record.Token(id)) })
	return target{conversation: id, old: true}, right
}

// own tells whether an address is one that we send from or take mail at.
func (s *Service) own(addr string) bool {
	if addr == s.opts.Own && addr != "" {
		return true
	}
	local, domain, _ := strings.Cut(addr, "@")
	if mail.IsReply(local) && domain == s.opts.ReplyDomain {
		return true
	}
	return slices.ContainsFunc(s.opts.Inboxes, func(in Inbox) bool { return in.Address == addr })
}

func hash(parts ...string) []byte {
	h := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return h[:]
}

// Verdicts on a mail.
const (
	Taken   = "taken"   // a message of its conversation
	Started = "started" // the first message of one
	Noted   = "noted"   // a note to agents: it came from somebody who is not known there
	Refused = "refused" // and its sender was told
	Ignored = "ignored" // no person wrote it, or it came twice
)

// Entry is what is kept of a mail that came in.
type Entry struct {
	ID           uuid.UUID  `json:"id"`
	At           time.Time  `json:"at"`
	Verdict      string     `json:"verdict"`
	Reason       string     `json:"reason"`
	Domain       string     `json:"sender_domain"`
	Recipient    string     `json:"recipient"`
	Size         int        `json:"size"`
	Conversation *uuid.UUID `json:"conversation,omitempty"`
}

// Entries lists mails by what became of them, newest first, those before a time; the zero time is now. "" lists what was
// refused and what was ignored.
func (s *Service) Entries(ctx context.Context, verdict string, before time.Time, limit int) ([]Entry, error) {
	verdicts := []string{Refused, Ignored}
	if verdict != "" {
		if !slices.Contains([]string{Taken, Started, Noted, Refused, Ignored}, verdict) {
			return nil, fault.Field("verdict", "unknown_verdict", "Use taken, started, noted, refused or ignored.")
		}
		verdicts = []string{verdict}
	}
	if before.IsZero() {
		before = time.Now().Add(time.Hour)
	}
	rows, err := s.pool.Query(ctx, `SELECT id, received_at, verdict, reason, sender_domain, recipient, size, conversation_id FROM inbound_mail
		WHERE verdict = ANY ($1) AND received_at < $2 ORDER BY received_at DESC, id DESC LIMIT $3`, verdicts, before, limit)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	out := []Entry{}
	for rows.Next() {
		var e Entry
		if err := rows.Scan(&e.ID, &e.At, &e.Verdict, &e.Reason, &e.Domain, &e.Recipient, &e.Size, &e.Conversation); err != nil {
			return nil, err
		}
		out = append(out, e)
	}
	return out, rows.Err()
}

// Original is a mail of a conversation as it came, where something was cut from it.
type Original struct {
	Message *uuid.UUID `json:"message,omitempty"` // that it became
	At      time.Time  `json:"at"`
	Text    string     `json:"text"`
}

// Originals are the mails of a conversation from which something was cut, oldest first. They are for agents.
func (s *Service) Originals(ctx context.Context, conversation uuid.UUID) ([]Original, error) {
	rows, err := s.pool.Query(ctx, `SELECT message_id, received_at, original FROM inbound_mail WHERE conversation_id = $1 AND original IS NOT NULL
		ORDER BY received_at, id LIMIT 200`, conversation)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	out := []Original{}
	for rows.Next() {
		var o Original
		if err := rows.Scan(&o.Message, &o.At, &o.Text); err != nil {
			return nil, err
		}
		out = append(out, o)
	}
	return out, rows.Err()
}
