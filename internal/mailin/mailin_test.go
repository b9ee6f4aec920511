package mailin

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-smtp"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/firstline/firstline/internal/chat"
	"github.com/firstline/firstline/internal/mail"
	"github.com/firstline/firstline/internal/postgres/pgtest"
	"github.com/firstline/firstline/internal/wake"
)

const inbox, replies, ours = "support@larkpay.example", "reply.larkpay.example", "noreply@larkpay.example"

// door stores messages and leaves turns to nobody; it remembers what was said while no turn reads it.
type door struct {
	record *chat.Record
	mu     sync.Mutex
	heard  []string
	fail   error // returned after the message was stored
}

func (d *door) Receive(ctx context.Context, id uuid.UUID, in chat.Inbound) (chat.Receipt, error) {
	rec, err := d.record.Receive(ctx, id, in)
	if err != nil {
		return rec, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if rec.TurnID == nil {
		d.heard = append(d.heard, rec.Message.Text)
	}
	return rec, d.fail
}

// outbox is a mail server that takes everything.
type outbox struct {
	mu   sync.Mutex
	sent []mail.Message
	fail error
}

func (o *outbox) Send(_ context.Context, m mail.Message) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.fail != nil {
		return o.fail
	}
	o.sent = append(o.sent, m)
	return nil
}

func (o *outbox) mails() []mail.Message {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.Clone(o.sent)
}

type bundle struct {
	t      *testing.T
	pool   *pgxpool.Pool
	record *chat.Record
	door   *door
	out    *outbox
	*Service
}

func setup(t *testing.T, options ...func(*Options)) *bundle {
	t.Helper()
	return on(t, pgtest.New(t), options...)
}

// on is a service on a database, as one of several replicas may be.
func on(t *testing.T, pool *pgxpool.Pool, options ...func(*Options)) *bundle {
	t.Helper()
	log := slog.New(slog.DiscardHandler)
	record, err := chat.Open(t.Context(), pool, wake.New(pool, log), log, chat.Options{})
	if err != nil {
		t.Fatal(err)
	}
	opts := Options{Company: "Larkpay", Inboxes: []Inbox{{inbox, "gb", "en"}, {"hilfe@larkpay.example", "de", "de"}}, Own: ours, ReplyDomain: replies,
		Trusted: "mx.larkpay.example", Locales: []string{"en", "de"}, Settle: time.Millisecond, Hourly: 1000,
		Language: func(text, hint string) string {
			if strings.Contains(text, "Guten Tag") {
				return "de"
			}
			return hint
		}}
	for _, o := range options {
		o(&opts)
	}
	b := &bundle{t: t, pool: pool, record: record, door: &door{record: record}, out: &outbox{}}
	b.Service = New(pool, record, b.door, b.out, log, opts)
	return b
}

// conversation is one of a page's, whose customer left an address.
func (b *bundle) conversation(address string) chat.Conversation {
	b.t.Helper()
	c, err := b.record.Start(b.t.Context(), chat.NewConversation{Channel: "web", Market: "gb", Locale: "en", Audience: "consumer", Greeting: "Hello"})
	if err != nil {
		b.t.Fatal(err)
	}
	if address != "" {
		b.exec(`INSERT INTO subscriptions (conversation_id, kind, address) VALUES ($1, 'email', $2)`, c.ID, address)
	}
	return c
}

func (b *bundle) exec(sql string, args ...any) {
	b.t.Helper()
	if _, err := b.pool.Exec(b.t.Context(), sql, args...); err != nil {
		b.t.Fatal(err)
	}
}

func (b *bundle) count(sql string, args ...any) (n int) {
	b.t.Helper()
	if err := b.pool.QueryRow(b.t.Context(), sql, args...).Scan(&n); err != nil {
		b.t.Fatal(err)
	}
	return n
}

func (b *bundle) messages(id uuid.UUID) (out []chat.Message) {
	b.t.Helper()
	out, err := b.record.Messages(b.t.Context(), id, 0, 200, true)
	if err != nil {
		b.t.Fatal(err)
	}
	return out
}

// said are the customer's messages of all conversations.
func (b *bundle) said() (out []string) {
	b.t.Helper()
	if err := b.pool.QueryRow(b.t.Context(), `SELECT COALESCE(array_agg(body ORDER BY created_at, seq), '{}') FROM messages WHERE author = 'customer'`).Scan(&out); err != nil {
		b.t.Fatal(err)
	}
	return out
}

func (b *bundle) replyTo(id uuid.UUID) string {
	return mail.ReplyLocal(id, b.record.Derive(mail.ReplyPurpose, id)) + "@" + replies
}

// verdicts are what became of the mails, oldest first.
func (b *bundle) verdicts() (out []string) {
	b.t.Helper()
	err := b.pool.QueryRow(b.t.Context(), `SELECT COALESCE(array_agg(trim(verdict || ' ' || reason) ORDER BY received_at, id), '{}') FROM inbound_mail`).Scan(&out)
	if err != nil {
		b.t.Fatal(err)
	}
	return out
}

var letters = struct {
	sync.Mutex
	n int
}{}

// write makes a mail of headers and a body; what is not given is as a person's mail program writes it.
func write(headers, body string) []byte {
	letters.Lock()
	letters.n++
	n := letters.n
	letters.Unlock()
	var b strings.Builder
	for _, d := range [][2]string{{"From", "Kim Larsson <kim@example.com>"}, {"To", inbox}, {"Subject", "Hello"}, {"Message-ID", fmt.Sprintf("<letter-%d@example.com>", n)},
		{"Date", "Mon, 23 Nov 2026 14:05:00 +0000"}} {
		if !strings.Contains("\n"+strings.ToLower(headers), "\n"+strings.ToLower(d[0])+":") {
			fmt.Fprintf(&b, "%s: %s\n", d[0], d[1])
		}
	}
	if headers != "" {
		b.WriteString(strings.TrimSuffix(headers, "\n") + "\n")
	}
	b.WriteString("\n" + body)
	return []byte(strings.ReplaceAll(b.String(), "\n", "\r\n"))
}

// hand delivers a mail as a mail server would and returns its answer's code; 250 when it was taken over.
func (b *bundle) hand(to string, raw []byte) int {
	b.t.Helper()
	return b.handFrom("kim@example.com", to, raw)
}

func (b *bundle) handFrom(envelope, to string, raw []byte) int {
	b.t.Helper()
	s := &session{s: b.Service}
	_ = s.Mail(envelope, nil)
	err := s.Rcpt(to, nil)
	if err == nil {
		err = s.Data(bytes.NewReader(raw))
	}
	return code(b.t, err)
}

func code(t *testing.T, err error) int {
	t.Helper()
	var e *smtp.SMTPError
	switch {
	case err == nil:
		return 250
	case errors.As(err, &e):
		return e.Code
	}
	t.Fatalf("no answer to a mail server: %v", err)
	return 0
}

func want[T comparable](t *testing.T, what string, got, want T) {
	t.Helper()
	if got != want {
		t.Errorf("%s is %v, want %v", what, got, want)
	}
}

func TestBegins(t *testing.T) {
	t.Parallel()
	b := setup(t)
	raw := write("Subject: Charged twice", "Order 5512 was charged twice.\n\n-- \nKim\nTel. 020 7946 0000")
	want(t, "the answer", b.hand(inbox, raw), 250)
	var id uuid.UUID
	var market, locale, channel, email string
	var verified bool
	err := b.pool.QueryRow(t.Context(), `SELECT id, market, locale, channel, customer->>'email', (customer->>'verified')::boolean FROM conversations`).Scan(&id, &market, &locale, &channel, &email, &verified)
	if err != nil {
		t.Fatal(err)
	}
	want(t, "market", market+locale+channel+email, "gbenemailkim@example.com")
	want(t, "verified", verified, false)
	want(t, "text", b.said()[0], "Charged twice\n\nOrder 5512 was charged twice.")
	want(t, "a turn", b.count(`SELECT count(*) FROM turns WHERE state = 'running'`), 1)
	originals, err := b.Originals(t.Context(), id)
	if err != nil || len(originals) != 1 || !strings.Contains(originals[0].Text, "Tel. 020") || *originals[0].Message != b.messages(id)[0].ID {
		t.Errorf("originals %+v, %v", originals, err)
	}
	// The same again, ten times, is the same.
	for range 10 {
		want(t, "the answer to a duplicate", b.hand(inbox, raw), 250)
	}
	want(t, "conversations", b.count(`SELECT count(*) FROM conversations`), 1)
	want(t, "messages", len(b.said()), 1)
	// The market is the address's, the language the text's where it is served.
	want(t, "the answer", b.hand("Hilfe@Larkpay.example", write("From: a@example.org\nSubject: Frage", "Guten Tag, was kostet das?")), 250)
	want(t, "markets", b.count(`SELECT count(*) FROM conversations WHERE market = 'de' AND locale = 'de'`), 1)
	want(t, "nobody", b.hand("somebody@larkpay.example", raw), 550)
	want(t, "no address", b.hand("", raw), 550)
}

func TestReply(t *testing.T) {
	t.Parallel()
	b := setup(t)
	c := b.conversation("Kim@Example.com")
	want(t, "the answer", b.hand(b.replyTo(c.ID), write("Subject: Re: An answer from Larkpay", "Thanks, but it is still broken.\n\nOn Mon, 23 Nov 2026 at 14:05, Larkpay <support@larkpay.example> wrote:\n> Please restart.")), 250)
	if m := b.messages(c.ID); len(m) != 2 || m[1].Text != "Thanks, but it is still broken." || m[1].Author != chat.Customer {
		t.Fatalf("messages %+v", m)
	}
	want(t, "a turn", b.count(`SELECT count(*) FROM turns WHERE conversation_id = $1 AND state = 'running'`, c.ID), 1)
	// A closed conversation is opened again, by an address in capitals, too.
	b.exec(`UPDATE turns SET state = 'done', outcome = 'answered', lease_owner = NULL, lease_until = NULL`)
	b.exec(`UPDATE conversations SET turn_id = NULL, status = 'closed'`)
	want(t, "the answer", b.hand(strings.ToUpper(b.replyTo(c.ID)), write("", "One more thing.")), 250)
	want(t, "open", b.count(`SELECT count(*) FROM conversations WHERE status = 'open'`), 1)
	// While people have it, no turn reads it, and whoever listens hears it.
	b.exec(`UPDATE turns SET state = 'done', outcome = 'answered', lease_owner = NULL, lease_until = NULL`)
	b.exec(`UPDATE conversations SET turn_id = NULL, owner = 'queue'`)
	want(t, "the answer", b.hand(b.replyTo(c.ID), write("", "I cannot go on.")), 250)
	want(t, "turns", b.count(`SELECT count(*) FROM turns WHERE state = 'running'`), 0)
	if len(b.door.heard) != 1 || b.door.heard[0] != "I cannot go on." {
		t.Errorf("heard %q", b.door.heard)
	}
	want(t, "conversations", b.count(`SELECT count(*) FROM conversations`), 1)
}

// An address for replies is proven by a key that no customer has. One of before that leads where it led, until its
// conversation was made somebody's: whoever had the first token could have made it.
func TestOldAddress(t *testing.T) {
	t.Parallel()
	b := setup(t)
	c := b.conversation("kim@example.com")
	local, _, _ := strings.Cut(b.replyTo(c.ID), "@")
	if _, right := mail.ReplyTarget(local, func(id uuid.UUID) []byte { return []byte(b.record.Token(id)) }); right {
		t.Error("who has the token can make the address")
	}
	old := mail.ReplyLocal(c.ID, []byte(b.record.Token(c.ID))) + "@" + replies
	later := mail.ReplyLocal(c.ID, []byte(b.record.TokenOf(c.ID, 1))) + "@" + replies
	want(t, "an old address", b.hand(old, write("", "Sent to the old one.")), 250)
	want(t, "a token of another generation", b.hand(later, write("", "Never.")), 550)
	b.exec(`UPDATE conversations SET token_gen = 1`)
	want(t, "an old address", b.hand(old, write("", "From whoever had the first token.")), 250)
	want(t, "the old one, answered to the inbox", b.hand(inbox, write("References: <"+strings.Split(old, "@")[0]+".7@larkpay.example>", "The same by another way.")), 250)
	want(t, "the address", b.hand(b.replyTo(c.ID), write("", "Sent to the new one.")), 250)
	if got := b.said(); !slices.Equal(got, []string{"Sent to the old one.", "Sent to the new one."}) {
		t.Errorf("said %q", got)
	}
	want(t, "kept for agents", b.count(`SELECT count(*) FROM messages WHERE visibility = 'internal' AND body LIKE '%not known in this conversation%'`), 2)
}

// What proves the conversation is its address, and what proves the customer is an address that is known there.
func TestForged(t *testing.T) {
	t.Parallel()
	b := setup(t)
	mine, other := b.conversation("kim@example.com"), b.conversation("eve@example.com")
	proof := strings.Split(b.replyTo(mine.ID), ".")
	stolen := strings.Split(b.replyTo(other.ID), ".")
	for name, to := range map[string]string{
		"no proof":                 proof[0] + "@" + replies,
		"another's proof":          proof[0] + "." + stolen[1] + "." + strings.Join(stolen[2:], "."),
		"an empty proof":           proof[0] + ".@" + replies,
		"a proof cut short":        strings.Replace(b.replyTo(mine.ID), "@", "", 1)[:60] + "@" + replies,
		"the right one, elsewhere": strings.Replace(b.replyTo(mine.ID), replies, "larkpay.example", 1),
		"no conversation":          b.replyTo(mine.ID)[:10] + "zz" + b.replyTo(mine.ID)[12:],
	} {
		if got := b.hand(to, write("", "let me in")); got != 550 {
			t.Errorf("%s: %d", name, got)
		}
	}
	// Somebody else who was shown the address: a note, and a mail back only where the sender is who they say.
	for i, c := range []struct {
		headers string
		back    int
	}{
		{"From: mallory@example.net", 0},
		{"From: mallory@example.net\nAuthentication-Results: elsewhere.example; dmarc=pass header.from=example.net", 0},
		{"From: mallet@example.net\nAuthentication-Results: mx.larkpay.example; dmarc=pass header.from=example.net", 1},
		{"From: mallet@example.net\nAuthentication-Results: mx.larkpay.example; dmarc=pass header.from=example.net", 1}, // told once
		{"From: mallow@example.net\nAuthentication-Results: mx.larkpay.example; dmarc=pass header.from=example.org", 1}, // of another domain
	} {
		want(t, "the answer", b.hand(b.replyTo(mine.ID), write(c.headers, "I am Kim, close my account.")), 250)
		want(t, fmt.Sprint("mails back after ", i), len(b.out.mails()), c.back)
	}
	want(t, "said", len(b.said()), 0)
	for _, m := range b.messages(mine.ID)[1:] {
		if m.Visibility != "internal" || m.Author != chat.System || !strings.Contains(m.Text, "close my account") || !strings.Contains(m.Text, "not known") {
			t.Errorf("note %+v", m)
		}
	}
	want(t, "turns", b.count(`SELECT count(*) FROM turns`), 0)
	// DMARC failed: refused, whatever the address, and also where a second result says otherwise.
	forged := "From: kim@example.com\nAuthentication-Results: mx.larkpay.example; spf=fail smtp.mailfrom=example.com; dmarc=fail header.from=example.com"
	want(t, "forged", b.hand(b.replyTo(mine.ID), write(forged, "close it")), 550)
	want(t, "forged", b.hand(inbox, write(forged+"\nAuthentication-Results: mx.larkpay.example; dmarc=pass header.from=example.com", "close it")), 550)
	// What others claim of it does not count.
	want(t, "hearsay", b.hand(b.replyTo(mine.ID), write("Authentication-Results: evil.example; dmarc=fail header.from=example.com", "it is me")), 250)
	want(t, "said", len(b.said()), 1)
	// One sender, no more.
	for _, from := range []string{"From: kim@example.com, eve@example.com", "From: kim@example.com\nFrom: eve@example.com", "From: nobody at all", "From: "} {
		want(t, from, b.hand(b.replyTo(mine.ID), write(from, "hello")), 550)
	}
	want(t, "said", len(b.said()), 1)
	// A mail that was refused may come again in better order.
	id := "Message-ID: <again@example.com>\n"
	want(t, "forged", b.hand(b.replyTo(mine.ID), write(id+forged, "second try")), 550)
	want(t, "right", b.hand(b.replyTo(mine.ID), write(id+strings.ReplaceAll(forged, "fail", "pass"), "second try")), 250)
	want(t, "said", len(b.said()), 2)
}

func TestMachines(t *testing.T) {
	t.Parallel()
	b := setup(t)
	c := b.conversation("kim@example.com")
	hops := strings.Repeat("Received: from a.example by b.example; Mon, 23 Nov 2026 14:05:00 +0000\n", 51)
	for _, x := range []struct{ envelope, headers, reason string }{
		{"k", "Auto-Submitted: auto-replied", "auto_submitted"},
		{"k", "Auto-Submitted: auto-generated (rejected)", "auto_submitted"},
		{"k", "Precedence: bulk", "list_or_bulk"},
		{"k", "Precedence: list\nList-Id: <all.example.com>", "list_or_bulk"},
		{"k", "Precedence: junk", "list_or_bulk"},
		{"k", "X-Autoreply: yes", "auto_reply"},
		{"k", "X-Autoresponder: vacation", "auto_reply"},
		{"k", "Subject: Automatic reply: An answer from Larkpay", "auto_reply"},
		{"k", "Subject: Abwesenheitsnotiz: Re: Ihre Anfrage", "auto_reply"},
		{"k", "Subject: =?utf-8?Q?R=C3=A9ponse_automatique_:_vacances?=", "auto_reply"},
		{"k", "Subject: =?utf-8?B?2LHYryDYqtmE2YLYp9im2Yo6INmF2LHYrdio2Kc=?=", "auto_reply"},
		{"", "", "bounce"},
		{"<>", "", "bounce"},
		{"k", "From: MAILER-DAEMON@mx.example.com", "bounce"},
		{"k", "Return-Path: <>", "bounce"},
		{"k", "Content-Type: multipart/report; report-type=delivery-status; boundary=x", "bounce"},
		{"k", "X-Firstline-Loop: 1", "own_mail"},
		{"k", "From: Larkpay <NoReply@larkpay.example>", "own_mail"},
		{"k", "From: " + inbox, "own_mail"},
		{"k", "From: " + b.replyTo(c.ID), "own_mail"},
		{"k", hops, "too_many_hops"},
	} {
		for _, to := range []string{inbox, b.replyTo(c.ID)} {
			envelope := x.envelope
			if envelope == "k" {
				envelope = "kim@example.com"
			}
			want(t, x.headers, b.handFrom(envelope, to, write(x.headers, "I am away.")), 250)
			got := b.verdicts()
			want(t, x.headers+" to "+to, got[len(got)-1], "ignored "+x.reason)
		}
	}
	want(t, "said", len(b.said()), 0)
	want(t, "mails back", len(b.out.mails()), 0)
	// What only looks a little like it is a person's.
	for _, headers := range []string{"Auto-Submitted: no", "Subject: Re: Automatic reply: your answer", "Subject: Your automatic reply is wrong", "Precedence: first-class", "From: postmaster.kim@example.com",
		strings.Repeat("Received: from a.example by b.example; Mon, 23 Nov 2026 14:05:00 +0000\n", 50)} {
		want(t, headers, b.hand(inbox, write(headers, "A person's words")), 250)
	}
	want(t, "said", len(b.said()), 6)
	for _, v := range b.verdicts() {
		if strings.HasPrefix(v, "refused") {
			t.Error(v) // a refusal makes a bounce, and that the next round
		}
	}
}

// An autoresponder that answers everything at once, a hundred times, gets one answer when it says what it is, and as many as
// it takes to be known for one when it does not.
func TestPingPong(t *testing.T) {
	t.Parallel()
	for _, polite := range []bool{true, false} {
		b := setup(t)
		headers := func(ref string) string {
			h := "From: kim@example.com\nSubject: Hello\nReferences: <" + ref + ">"
			if polite && ref != "" {
				h += "\nAuto-Submitted: auto-replied"
			}
			return h
		}
		want(t, "the answer", b.hand(inbox, write(headers(""), "Where is my money?")), 250)
		var id uuid.UUID
		if err := b.pool.QueryRow(t.Context(), `SELECT id FROM conversations`).Scan(&id); err != nil {
			t.Fatal(err)
		}
		answered := 0
		for range 100 {
			b.answers(id, "Here it is.")
			if n, err := b.Answer(t.Context(), true); err != nil {
				t.Fatal(err)
			} else if n == 0 {
				break
			}
			answered++
			m := b.out.mails()
			last := m[len(m)-1]
			want(t, "the answer", b.hand(last.ReplyTo, write(headers(last.ID+"@larkpay.example"), "I am on holiday until Monday.")), 250)
		}
		most := 1
		if !polite {
			most = 1 + sameAgain
		}
		if answered > most {
			t.Errorf("polite %v: %d answers to an autoresponder", polite, answered)
		}
		want(t, "conversations", b.count(`SELECT count(*) FROM conversations`), 1)
	}
}

// answers has the assistant say something, where there is a turn.
func (b *bundle) answers(id uuid.UUID, text string) {
	b.t.Helper()
	err := b.record.Do(b.t.Context(), id, func(ctx context.Context, c *chat.Session) error {
		if c.TurnID == nil {
			return nil
		}
		_, err := c.Tx().Exec(ctx, `UPDATE turns SET state = 'done', outcome = 'answered', lease_owner = NULL, lease_until = NULL WHERE conversation_id = $1`, id)
		if err == nil {
			_, err = c.Tx().Exec(ctx, `UPDATE conversations SET turn_id = NULL WHERE id = $1`, id)
		}
		if err != nil {
			return err
		}
		return c.AddMessage(ctx, &chat.Message{Author: chat.Assistant, Text: text, Citations: []chat.Citation{{N: 1, Title: "Refunds", URL: "https://help.larkpay.example/help/refunds"}}})
	})
	if err != nil {
		b.t.Fatal(err)
	}
	time.Sleep(2 * time.Millisecond) // longer than answers settle here
}

func TestAnswer(t *testing.T) {
	t.Parallel()
	b := setup(t)
	want(t, "the answer", b.hand(inbox, write("Subject: Charged twice\nMessage-ID: <first@example.com>", "Order 5512")), 250)
	var id uuid.UUID
	if err := b.pool.QueryRow(t.Context(), `SELECT id FROM conversations`).Scan(&id); err != nil {
		t.Fatal(err)
	}
	send := func(want int) {
		t.Helper()
		if n, err := b.Answer(t.Context(), false); err != nil || n != want {
			t.Fatalf("sent %d, want %d, %v", n, want, err)
		}
	}
	send(0) // nothing was said, and a turn is under way
	b.answers(id, "It is back on Monday.")
	// A mail server that is away loses nothing.
	b.out.fail = errors.New("away")
	send(1)
	send(0) // it pauses
	b.exec(`UPDATE mail_threads SET next_at = now()`)
	if err := b.record.Do(t.Context(), id, func(ctx context.Context, c *chat.Session) error {
		return c.AddMessage(ctx, &chat.Message{Author: chat.System, Text: "A person joins."})
	}); err != nil {
		t.Fatal(err)
	}
	b.out.fail = nil
	time.Sleep(2 * time.Millisecond)
	send(1) // what it was about to say, as it was
	m := b.out.mails()[0]
	if m.To != "kim@example.com" || m.Subject != "Re: Charged twice" || m.Answers != "first@example.com" || m.ReplyTo != b.replyTo(id) ||
		!strings.Contains(m.Text, "It is back on Monday.\n[1] Refunds: https://help.larkpay.example/help/refunds") || !strings.Contains(m.Text, "AI assistant of Larkpay") || strings.Contains(m.Text, "joins") {
		t.Errorf("mail %+v", m)
	}
	send(1) // and what came since
	if m := b.out.mails()[1]; !strings.Contains(m.Text, "A person joins.") || strings.Contains(m.Text, "Monday") || strings.Contains(m.Text, "AI assistant") {
		t.Errorf("mail %+v", m)
	}
	if a, c := b.out.mails()[0].ID, b.out.mails()[1].ID; a == c {
		t.Error("two mails with one id")
	}
	send(0)
	// Notes are for agents.
	if err := b.record.Do(t.Context(), id, func(ctx context.Context, c *chat.Session) error {
		return c.AddMessage(ctx, &chat.Message{Author: chat.System, Text: "secret", Visibility: "internal"})
	}); err != nil {
		t.Fatal(err)
	}
	time.Sleep(2 * time.Millisecond)
	send(0)
	// The customer answers the answer, at the wrong address: by what it answers it is known.
	want(t, "the answer", b.hand(inbox, write("In-Reply-To: <"+m.ID+"@larkpay.example>", "No, it is not.")), 250)
	want(t, "conversations", b.count(`SELECT count(*) FROM conversations`), 1)
	// With both addresses on it, it is taken once.
	both := write("To: "+m.ReplyTo+"\nCc: "+inbox, "Both of you.")
	want(t, "the answer", b.hand(m.ReplyTo, both), 250)
	want(t, "the answer", b.hand(inbox, both), 250)
	want(t, "said", len(b.said()), 3)
	// A proof that is wrong answers nothing.
	want(t, "the answer", b.hand(inbox, write("From: eve@example.com\nIn-Reply-To: <"+m.ID[:len(m.ID)-6]+"aaaa.2@larkpay.example>", "Whose is it?")), 250)
	want(t, "conversations", b.count(`SELECT count(*) FROM conversations`), 2)
}

// Two processes that get the same mail at the same time store it once.
func TestReplicas(t *testing.T) {
	t.Parallel()
	url := pgtest.URL(t)
	replicas := []*bundle{on(t, pgtest.Open(t, url)), on(t, pgtest.Open(t, url))}
	c := replicas[0].conversation("kim@example.com")
	body := "--b\nContent-Type: text/plain\n\nThe same.\n--b\nContent-Type: text/plain\nContent-Disposition: attachment; filename=a.txt\n\nfile\n--b--\n"
	for range 5 {
		for _, to := range []string{inbox, replicas[0].replyTo(c.ID)} {
			raw := write("Content-Type: multipart/mixed; boundary=b\nSubject: Again "+fmt.Sprint(letters.n), body+fmt.Sprint(letters.n))
			var work sync.WaitGroup
			codes := make(chan int, 8)
			for i := range 8 {
				work.Go(func() { codes <- replicas[i%2].hand(to, raw) })
			}
			work.Wait()
			close(codes)
			for c := range codes {
				want(t, "an answer", c, 250)
			}
		}
	}
	b := replicas[0]
	want(t, "conversations", b.count(`SELECT count(*) FROM conversations`), 6)
	want(t, "said", len(b.said()), 5+2) // the reply says the same again and again, and is no longer heard
	want(t, "files", b.count(`SELECT count(*) FROM attachments WHERE message_id IS NOT NULL`), 5+2)
	want(t, "mails", b.count(`SELECT count(*) FROM inbound_mail`), 10)
}

// What fails behind the message is done when the mail comes again.
func TestUndone(t *testing.T) {
	t.Parallel()
	b := setup(t)
	c := b.conversation("kim@example.com")
	b.exec(`UPDATE conversations SET owner = 'queue'`)
	raw := write("Content-Type: multipart/mixed; boundary=b", "--b\n\nHelp me\n--b\nContent-Disposition: attachment; filename=a.txt\n\nfile\n--b--\n")
	b.door.fail = errors.New("the database is away")
	want(t, "the answer", b.hand(b.replyTo(c.ID), raw), 451)
	b.door.fail = nil
	want(t, "the answer", b.hand(b.replyTo(c.ID), raw), 250)
	want(t, "said", len(b.said()), 1)
	want(t, "heard", len(b.door.heard), 2)
	want(t, "files", b.count(`SELECT count(*) FROM attachments`), 1)
	// Without its database nothing is taken over.
	b.pool.Close()
	want(t, "the answer", b.hand(b.replyTo(c.ID), write("", "more")), 451)
}

func TestTooMany(t *testing.T) {
	t.Parallel()
	b := setup(t, func(o *Options) { o.Hourly = 3 })
	for i := range 5 {
		code := 250
		if i >= 3 {
			code = 451
		}
		want(t, fmt.Sprint("mail ", i), b.hand(inbox, write("", fmt.Sprint("number ", i))), code)
	}
	want(t, "another's", b.hand(inbox, write("From: eve@example.com", "me, too")), 250)
	want(t, "said", len(b.said()), 4)
}

// serve listens on the loopback.
func (b *bundle) serve(lmtp bool) string {
	b.t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.t.Fatal(err)
	}
	srv := b.Serve(ln, lmtp)
	b.t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		srv.Stop(ctx)
	})
	return ln.Addr().String()
}

func TestWire(t *testing.T) {
	t.Parallel()
	cert, roots := certificate(t)
	b := setup(t, func(o *Options) { o.TLS = &tls.Config{Certificates: []tls.Certificate{cert}} })
	c := b.conversation("kim@example.com")
	// SMTP, with TLS.
	client, err := smtp.DialStartTLS(b.serve(false), &tls.Config{RootCAs: roots, ServerName: "localhost"})
	if err != nil {
		t.Fatal(err)
	}
	if err := client.SendMail("kim@example.com", []string{inbox, b.replyTo(c.ID)}, bytes.NewReader(write("", "By SMTP.\n.\n.."))); err != nil {
		t.Fatal(err)
	}
	_ = client.Quit()
	got := b.said()
	want(t, "said", len(got), 2)
	if !strings.HasSuffix(got[0], "By SMTP.\n.\n..") {
		t.Errorf("said %q", got[0])
	}
	// LMTP answers for each recipient.
	conn, err := net.Dial("tcp", b.serve(true))
	if err != nil {
		t.Fatal(err)
	}
	lmtp := smtp.NewClientLMTP(conn)
	defer lmtp.Close()
	if err := lmtp.Mail("kim@example.com", nil); err != nil {
		t.Fatal(err)
	}
	for to, ok := range map[string]bool{inbox: true, "hilfe@larkpay.example": true, "nobody@larkpay.example": false, "root@elsewhere.example": false} {
		if err := lmtp.Rcpt(to, nil); (err == nil) != ok {
			t.Errorf("%s: %v", to, err)
		}
	}
	w, err := lmtp.Data()
	if err != nil {
		t.Fatal(err)
	}
	_, _ = w.Write(write("Subject: By LMTP", "Hello"))
	if err := w.Close(); err != nil {
		t.Error(err)
	}
	want(t, "said", len(b.said()), 4)
	// 30 MB are refused, and the connection says so while it lasts.
	client, err = smtp.Dial(b.serve(false))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	err = client.SendMail("kim@example.com", []string{inbox}, io.LimitReader(endless{}, 30<<20))
	var refused *smtp.SMTPError
	if !errors.As(err, &refused) || refused.Code != 552 {
		t.Errorf("30 MB: %v", err)
	}
	want(t, "said", len(b.said()), 4)
}

// endless is a mail that never ends.
type endless struct{}

func (endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'a'
		if i%70 == 68 {
			p[i] = '\r'
		} else if i%70 == 69 {
			p[i] = '\n'
		}
	}
	return len(p), nil
}

// A client that sends a letter now and then, or nothing, is left; others are served meanwhile.
func TestSlow(t *testing.T) {
	t.Parallel()
	b := setup(t, func(o *Options) { o.Patience = 300 * time.Millisecond })
	addr := b.serve(false)
	var work sync.WaitGroup
	for i := range 10 {
		work.Go(func() {
			conn, err := net.Dial("tcp", addr)
			if err != nil {
				t.Error(err)
				return
			}
			defer conn.Close()
			if i%2 == 0 {
				fmt.Fprintf(conn, "EHLO x\r\nMAIL FROM:<kim@example.com>\r\nRCPT TO:<%s>\r\nDATA\r\n", inbox)
			}
			left := make(chan struct{})
			go func() { defer close(left); _, _ = io.Copy(io.Discard, conn) }()
			for range 600 { // a bound far behind its patience
				select {
				case <-left:
					return
				case <-time.After(50 * time.Millisecond):
					_, _ = conn.Write([]byte("x"))
				}
			}
			t.Error("it is still there")
		})
	}
	client, err := smtp.Dial(addr)
	if err != nil {
		t.Fatal(err)
	}
	if err := client.SendMail("kim@example.com", []string{inbox}, bytes.NewReader(write("", "quick"))); err != nil {
		t.Error(err)
	}
	work.Wait()
	want(t, "said", len(b.said()), 1)
}

// Connections are few at once, and a place that is left is free.
func TestConnections(t *testing.T) {
	t.Parallel()
	b := setup(t)
	addr := b.serve(false)
	greeting := func() (net.Conn, string) {
		conn, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		buf := make([]byte, 3)
		_, _ = io.ReadFull(conn, buf)
		return conn, string(buf)
	}
	var open []net.Conn
	for range maxConnections {
		conn, said := greeting()
		want(t, "greeting", said, "220")
		open = append(open, conn)
	}
	conn, said := greeting()
	want(t, "greeting of one too many", said, "421")
	conn.Close()
	open[0].Close()
	for range 100 {
		if conn, said = greeting(); said == "220" {
			break
		}
		conn.Close()
		time.Sleep(20 * time.Millisecond)
	}
	want(t, "greeting when one has left", said, "220")
	conn.Close()
	for _, c := range open {
		c.Close()
	}
}
