package notify

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/firstline/firstline/internal/chat"
	"github.com/firstline/firstline/internal/fault"
	"github.com/firstline/firstline/internal/mail"
	"github.com/firstline/firstline/internal/mail/mailtest"
	"github.com/firstline/firstline/internal/postgres/pgtest"
	"github.com/firstline/firstline/internal/wake"
)

var quiet = slog.New(slog.DiscardHandler)

// here lets tests reach their own servers.
var here = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}

// bundle is a service over a database and a mail server of its own. Nothing runs in the background.
type bundle struct {
	t    *testing.T
	pool *pgxpool.Pool
	rec  *chat.Record
	s    *Service
	srv  *mailtest.Server
	ada  chat.AgentRef
}

func setup(t *testing.T, opts Options) *bundle {
	t.Helper()
	pool := pgtest.New(t)
	rec, err := chat.Open(t.Context(), pool, wake.New(pool, quiet), quiet, chat.Options{})
	if err != nil {
		t.Fatal(err)
	}
	b := &bundle{t: t, pool: pool, rec: rec, srv: mailtest.Start(t, true), ada: chat.AgentRef{ID: uuid.New(), Name: "Ada"}}
	b.exec(`INSERT INTO agents (id, email, name, role) VALUES ($1, 'ada@larkpay.example', 'Ada', 'agent')`, b.ada.ID)
	sender, err := mail.New(mail.Config{URL: "smtp+plain://" + b.srv.Addr, From: "Larkpay <support@larkpay.example>"})
	if err != nil {
		t.Fatal(err)
	}
	if opts.Company == "" {
		opts.Company = "Larkpay"
	}
	if opts.Mail == nil {
		opts.Mail = sender
	}
	opts.ReplyDomain, opts.Answers = "reply.larkpay.example", true
	b.s = b.another(opts)
	return b
}

// another is a replica of the service.
func (b *bundle) another(opts Options) *Service {
	b.t.Helper()
	s, err := Open(b.t.Context(), b.pool, b.rec, quiet, opts)
	if err != nil {
		b.t.Fatal(err)
	}
	s.LinkTo("https://chat.larkpay.example/")
	return s
}

// kim is a customer whom the company's backend vouches for.
var kim = chat.Person{ID: "c-1", Name: "Kim", Email: "kim@example.com", Verified: true}

func (b *bundle) conversation(p chat.Person, locale string) uuid.UUID {
	b.t.Helper()
	c, err := b.rec.Start(b.t.Context(), chat.NewConversation{Channel: "web", Market: "gb", Locale: locale, Audience: "consumer", Customer: p, Greeting: "Hello, I am an AI."})
	if err != nil {
		b.t.Fatal(err)
	}
	return c.ID
}

// says adds a message of somebody's.
func (b *bundle) says(id uuid.UUID, author chat.Author, text string) (seq int64) {
	b.t.Helper()
	err := b.rec.Do(b.t.Context(), id, func(ctx context.Context, s *chat.Session) error {
		m := chat.Message{Author: author, Text: text}
		if author == "note" {
			m.Author, m.Visibility = chat.Agent, "internal"
		}
		if m.Author == chat.Agent {
			m.Agent = &b.ada
		}
		err := s.AddMessage(ctx, &m)
		seq = m.Seq
		return err
	})
	if err != nil {
		b.t.Fatal(err)
	}
	return seq
}

func (b *bundle) writes(id uuid.UUID, text string) {
	b.t.Helper()
	if _, err := b.rec.Receive(b.t.Context(), id, chat.Inbound{ClientID: uuid.NewString(), Text: text}); err != nil {
		b.t.Fatal(err)
	}
}

func (b *bundle) read(id uuid.UUID, seq int64) {
	b.exec(`UPDATE conversations SET customer_read = $2 WHERE id = $1`, id, seq)
}

func (b *bundle) exec(sql string, args ...any) {
	b.t.Helper()
	if _, err := b.pool.Exec(b.t.Context(), sql, args...); err != nil {
		b.t.Fatal(err)
	}
}

// after lets time pass for everything that waits.
func (b *bundle) after(d time.Duration) {
	b.exec(`UPDATE notices SET since = since - $1 * interval '1 second', last_at = last_at - $1 * interval '1 second', next_at = next_at - $1 * interval '1 second',
		lease_until = lease_until - $1 * interval '1 second'`, d.Seconds())
}

func (b *bundle) send() int {
	b.t.Helper()
	n, err := b.s.Send(b.t.Context())
	if err != nil {
		b.t.Fatal(err)
	}
	return n
}

func (b *bundle) subscribe(id uuid.UUID, address string) bool {
	b.t.Helper()
	yes, err := b.s.SubscribeEmail(b.t.Context(), id, address)
	if err != nil {
		b.t.Fatal(err)
	}
	return yes
}

func (b *bundle) states() string {
	b.t.Helper()
	rows, err := b.pool.Query(b.t.Context(), `SELECT state FROM notices ORDER BY since, upto_seq`)
	if err != nil {
		b.t.Fatal(err)
	}
	all, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		b.t.Fatal(err)
	}
	return strings.Join(all, " ")
}

var linkPattern = regexp.MustCompile(`https://chat\.larkpay\.example(/chat#t=|/notices/[a-z]+\?k=)([A-Za-z0-9_-]+)`)

// links are the secrets in a mail by the path that they belong to.
func links(text string) map[string]string {
	out := map[string]string{}
	for _, m := range linkPattern.FindAllStringSubmatch(text, -1) {
		out[m[1]] = m[2]
	}
	return out
}

// TestUnread sends one e-mail of everything that anybody has said and that is unread after two minutes, and nothing else.
func TestUnread(t *testing.T) {
	t.Parallel()
	b := setup(t, Options{})
	id, other := b.conversation(kim, "en"), b.conversation(kim, "en")
	if !b.subscribe(id, "Kim@example.com") {
		t.Fatal("the address of a verified customer is asked first")
	}
	if n := b.send(); n != 0 {
		t.Errorf("%d notices of nothing new", n)
	}
	b.writes(id, "Where is my money?")
	b.says(id, chat.Assistant, "It is on its way.")
	b.says(id, "note", "A secret")
	b.says(other, chat.Agent, "Somebody else's")
	b.after(110 * time.Second)
	b.says(id, chat.Agent, "Hello, this is Ada. Your card 4111 1111 1111 1111 is fine.")
	b.after(110 * time.Second)
	if n := b.send(); n != 0 {
		t.Errorf("%d were sent while more was being said", n)
	}
	for range 5 { // whoever goes on and on does not put it off for ever
		b.says(id, chat.Agent, "And another thing.")
	}
	b.after(25 * time.Second)
	if n := b.send(); n != 1 {
		t.Fatalf("%d notices are due", n)
	}
	mails := b.srv.Mails()
	if len(mails) != 1 || mails[0].To[0] != "Kim@example.com" {
		t.Fatalf("%d mails", len(mails))
	}
	m := mails[0]
	text := m.Text
	for _, want := range []string{"The AI assistant of Larkpay:\nIt is on its way.\n", "Ada (Larkpay):\nHello, this is Ada.", "Open the conversation:\nhttps://chat.larkpay.example/chat#t=", "Or answer this e-mail."} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is missing in\n%s", want, text)
		}
	}
	if strings.Count(text, "And another thing.") != 5 {
		t.Errorf("not all of it:\n%s", text)
	}
	for _, bad := range []string{"secret", "Somebody else", "4111 1111 1111 1111", id.String(), b.rec.Token(id)} {
		if strings.Contains(text, bad) || strings.Contains(fmt.Sprint(m.Header), bad) {
			t.Errorf("%q is in the mail", bad)
		}
	}
	local := mail.ReplyLocal(id, b.rec.Derive(mail.ReplyPurpose, id))
	for header, want := range map[string]string{"Subject": "An answer from Larkpay", "Reply-To": "<" + local + "@reply.larkpay.example>", "References": "<" + local + "@larkpay.example>",
		"Auto-Submitted": "auto-generated", "List-Unsubscribe-Post": "List-Unsubscribe=One-Click", "List-Unsubscribe": "<https://chat.larkpay.example/notices/unsubscribe?k=" + links(text)["/notices/unsubscribe?k="] + ">"} {
		if got := m.Header.Get(header); got != want {
			t.Errorf("%s is %q, want %q", header, got, want)
		}
	}
	if b.after(time.Hour); b.send() != 0 || b.states() != "done" {
		t.Errorf("it is sent again; %s", b.states())
	}
	// The next one alone. What was read or answered is not told of.
	b.says(id, chat.Agent, "Are you there?")
	if b.after(3 * time.Minute); b.send() != 1 || len(b.srv.Mails()) != 2 || strings.Contains(b.srv.Mails()[1].Text, "another thing") {
		t.Errorf("the next answer: %d mails", len(b.srv.Mails()))
	}
	b.read(id, b.says(id, chat.Assistant, "Read"))
	b.after(3 * time.Minute)
	b.send()
	b.says(id, chat.Agent, "Answered")
	b.writes(id, "Thanks")
	b.after(3 * time.Minute)
	if b.send(); len(b.srv.Mails()) != 2 || b.states() != "dropped" {
		t.Errorf("%d mails, %s", len(b.srv.Mails()), b.states())
	}
}

// TestLink opens one conversation, once, for seven days.
func TestLink(t *testing.T) {
	t.Parallel()
	b := setup(t, Options{})
	ctx := t.Context()
	id := b.conversation(kim, "de")
	b.subscribe(id, "kim@example.com")
	b.says(id, chat.Agent, "Hallo")
	b.after(3 * time.Minute)
	b.send()
	if got := b.srv.Mails(); len(got) != 1 || !strings.Contains(got[0].Text, "Der Link öffnet es einmal") {
		t.Fatalf("%d mails", len(got))
	}
	secret := links(b.srv.Mails()[0].Text)["/chat#t="]
	var kept int
	if err := b.pool.QueryRow(ctx, `SELECT count(*) FROM chat_links WHERE encode(hash, 'base64') LIKE $1 || '%'`, secret[:20]).Scan(&kept); err != nil || kept != 0 {
		t.Errorf("the secret is kept: %d, %v", kept, err)
	}
	var wins sync.Map
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			if c, err := b.s.Redeem(ctx, secret); err == nil {
				wins.Store(i, c.ID)
			} else if !fault.Is(err, fault.NotFound) {
				t.Error(err)
			}
		})
	}
	all.Wait()
	n := 0
	wins.Range(func(_, v any) bool { n++; return v == id || !t.Failed() })
	if n != 1 {
		t.Errorf("it opened %d times", n)
	}
	link, err := b.s.link(ctx, id)
	if err != nil {
		t.Fatal(err)
	}
	late := links(link)["/chat#t="]
	b.exec(`UPDATE chat_links SET expires_at = now() - interval '1 second' WHERE used_at IS NULL`)
	for _, s := range []string{late, "", "x", strings.Repeat("A", 43), b.s.sign(purposeEnd, id, time.Time{}), b.rec.Token(id)} {
		if _, err := b.s.Redeem(ctx, s); !fault.Is(err, fault.NotFound) {
			t.Errorf("%q opens: %v", s, err)
		}
	}
}

// TestConfirm writes nothing of a conversation to an address that has not agreed.
func TestConfirm(t *testing.T) {
	t.Parallel()
	b := setup(t, Options{})
	ctx := t.Context()
	id := b.conversation(chat.Person{Name: "Mallory", Email: "kim@example.com"}, "en") // says so, and nobody vouches for it
	b.says(id, chat.Agent, "Said before")
	if b.subscribe(id, "kim@example.com") {
		t.Fatal("anybody's address is told")
	}
	if b.send() != 1 {
		t.Fatal("nobody asks")
	}
	asked := b.srv.Mails()
	if len(asked) != 1 || strings.Contains(asked[0].Text, "Mallory") || strings.Contains(asked[0].Text, "chat#t") || strings.Contains(asked[0].Text, "Said before") {
		t.Fatalf("%d mails", len(asked))
	}
	b.says(id, chat.Agent, "A private answer")
	b.after(time.Hour)
	b.send()
	if n := len(b.srv.Mails()); n != 1 {
		t.Fatalf("%d mails to an address that has not agreed", n)
	}
	key := links(asked[0].Text)["/notices/confirm?k="]
	if told, err := b.s.PeekConfirm(ctx, key); err != nil || told.Done || told.Address != "k…@example.com" {
		t.Errorf("%+v, %v", told, err)
	}
	if b.after(time.Hour); b.send() != 0 {
		t.Error("looking at the link confirms it")
	}
	// A key is for one thing and one address, and nobody makes one up.
	flipped := []byte(key)
	flipped[10] ^= 1
	for name, k := range map[string]string{"changed": string(flipped), "short": key[:20], "another purpose": b.s.sign(purposeEnd, uuid.New(), time.Time{}),
		"late": b.s.sign(purposeConfirm, uuid.New(), time.Now().Add(-time.Minute)), "nobody's": b.s.sign(purposeConfirm, uuid.New(), time.Now().Add(time.Minute))} {
		if err := b.s.Confirm(ctx, k); !fault.Is(err, fault.NotFound) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := b.s.End(ctx, key); !fault.Is(err, fault.NotFound) {
		t.Errorf("a confirming key ends: %v", err)
	}
	for range 2 {
		if err := b.s.Confirm(ctx, key); err != nil {
			t.Fatal(err)
		}
	}
	b.after(3 * time.Minute)
	b.send()
	got := b.srv.Mails()
	if len(got) != 2 || !strings.Contains(got[1].Text, "A private answer") || strings.Contains(got[1].Text, "Said before") {
		t.Fatalf("%d mails", len(got))
	}
	// Another address counts once it agrees, and then alone.
	b.subscribe(id, "new@example.com")
	b.send()
	b.says(id, chat.Agent, "To the old one")
	b.after(3 * time.Minute)
	b.send()
	got = b.srv.Mails()
	if len(got) != 4 || got[3].To[0] != "kim@example.com" {
		t.Fatalf("%d mails", len(got))
	}
	if err := b.s.Confirm(ctx, links(got[2].Text)["/notices/confirm?k="]); err != nil {
		t.Fatal(err)
	}
	b.says(id, chat.Agent, "To the new one")
	b.after(3 * time.Minute)
	b.send()
	if got = b.srv.Mails(); len(got) != 5 || got[4].To[0] != "new@example.com" {
		t.Fatalf("%d mails, the last to %v", len(got), got[len(got)-1].To)
	}
	// What ends it needs no more than its link; a key that had confirmed does not begin it again.
	end := links(got[4].Text)["/notices/unsubscribe?k="]
	if _, err := b.s.PeekEnd(ctx, end); err != nil {
		t.Fatal(err)
	}
	b.says(id, chat.Agent, "While it is ended")
	for range 2 {
		if err := b.s.End(ctx, end); err != nil {
			t.Fatal(err)
		}
	}
	b.says(id, chat.Agent, "Afterwards")
	b.after(3 * time.Minute)
	if b.send(); len(b.srv.Mails()) != 5 {
		t.Errorf("%d mails after the end", len(b.srv.Mails()))
	}
	if err := b.s.Confirm(ctx, links(got[2].Text)["/notices/confirm?k="]); !fault.Is(err, fault.NotFound) {
		t.Errorf("an old link begins it again: %v", err)
	}
	if list, err := b.s.Subscriptions(ctx, id); err != nil || len(list) != 0 {
		t.Errorf("%+v, %v", list, err)
	}
}

// TestCaps keeps anybody from filling somebody else's mailbox.
func TestCaps(t *testing.T) {
	t.Parallel()
	b := setup(t, Options{})
	for i := range 10 {
		id := b.conversation(chat.Person{}, "en")
		b.subscribe(id, []string{"victim@example.com", "Victim@Example.com"}[i%2])
		b.send()
	}
	if n := len(b.srv.Mails()); n != confirmsAnHour {
		t.Errorf("%d mails ask in an hour", n)
	}
	b.exec(`UPDATE notice_mails SET at = at - interval '2 hours'`)
	for range 10 {
		id := b.conversation(chat.Person{}, "en")
		b.subscribe(id, "victim@example.com")
		b.send()
	}
	b.exec(`UPDATE notice_mails SET at = at - interval '2 hours'`)
	b.subscribe(b.conversation(chat.Person{}, "en"), "victim@example.com")
	b.send()
	if n := len(b.srv.Mails()); n != confirmsADay {
		t.Errorf("%d mails ask in a day", n)
	}
	// One conversation does not wait for many addresses.
	id := b.conversation(chat.Person{}, "en")
	for i := range maxUnconfirmed {
		b.subscribe(id, fmt.Sprintf("a%d@example.com", i))
	}
	if _, err := b.s.SubscribeEmail(t.Context(), id, "more@example.com"); !fault.Is(err, fault.RateLimited) {
		t.Errorf("one more address: %v", err)
	}
	b.send()
	// Answers are put off, not lost.
	id = b.conversation(kim, "en")
	b.subscribe(id, "kim@example.com")
	before := len(b.srv.Mails())
	for i := range answersAnHour + 3 {
		b.says(id, chat.Agent, fmt.Sprintf("Answer %d.", i))
		b.after(5 * time.Minute)
		b.send()
	}
	if n := len(b.srv.Mails()) - before; n != answersAnHour {
		t.Errorf("%d mails in an hour", n)
	}
	b.exec(`UPDATE notice_mails SET at = at - interval '2 hours'`)
	b.after(20 * time.Minute)
	b.send()
	last := b.srv.Mails()[len(b.srv.Mails())-1].Text
	for i := answersAnHour; i < answersAnHour+3; i++ {
		if !strings.Contains(last, fmt.Sprintf("Answer %d.", i)) {
			t.Errorf("answer %d is lost", i)
		}
	}
}

// failing loses its connection after the server has the mail, as often as it is told.
type failing struct {
	Sender
	mu    sync.Mutex
	times int
	err   error
	ids   []string
}

func (f *failing) Send(ctx context.Context, m mail.Message) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.ids = append(f.ids, m.ID)
	if f.times > 0 {
		f.times--
		return f.err
	}
	return nil
}

// TestAgain sends what did not arrive again, as the same mail, and gives up what will never arrive.
func TestAgain(t *testing.T) {
	t.Parallel()
	f := &failing{times: 2, err: errors.New("451 later, kim@example.com")}
	b := setup(t, Options{Mail: f})
	id := b.conversation(kim, "en")
	b.subscribe(id, "kim@example.com")
	b.says(id, chat.Agent, "One")
	b.after(3 * time.Minute)
	b.send()
	b.says(id, chat.Agent, "Two") // belongs to the next one: what was sent may have arrived
	for range 2 {
		b.after(10 * time.Minute)
		b.send()
	}
	if len(f.ids) != 3 || f.ids[0] != f.ids[1] || f.ids[1] != f.ids[2] {
		t.Errorf("it is another mail each time: %v", f.ids)
	}
	b.after(10 * time.Minute)
	if b.send(); len(f.ids) != 4 || f.ids[3] == f.ids[2] || b.states() != "done" {
		t.Errorf("%v %s", f.ids, b.states())
	}
	// The reason is kept without the address.
	f.times, f.err = 1, fmt.Errorf("%w: 550 no kim@example.com here", mail.ErrPermanent)
	b.says(id, chat.Agent, "Three")
	b.after(10 * time.Minute)
	b.send()
	var text string
	if err := b.pool.QueryRow(t.Context(), `SELECT error FROM notices`).Scan(&text); err != nil || b.states() != "dead" || !strings.Contains(text, "550") || strings.Contains(text, "kim@") {
		t.Errorf("%s %q %v", b.states(), text, err)
	}
	f.times, f.err = 100, errors.New("451 later")
	b.says(id, chat.Agent, "Four")
	for range 30 {
		b.exec(`DELETE FROM notice_mails`) // they are counted, too
		b.after(24 * time.Hour)
		b.send()
	}
	if b.states() != "dead" || len(f.ids) != 5+len(schedule)+1 {
		t.Errorf("%s after %d attempts", b.states(), len(f.ids)-5)
	}
}

// TestPutOff leaves what may have arrived the same mail also where its address had enough in between.
func TestPutOff(t *testing.T) {
	t.Parallel()
	f := &failing{times: 1, err: errors.New("the connection ended")}
	b := setup(t, Options{Mail: f})
	id := b.conversation(kim, "en")
	b.subscribe(id, "kim@example.com")
	b.says(id, chat.Agent, "One")
	b.after(3 * time.Minute)
	b.send()
	b.exec(`INSERT INTO notice_mails (address_hash, purpose) SELECT $1, 'answer' FROM generate_series(1, $2)`, addressHash("kim@example.com"), answersAnHour)
	b.says(id, chat.Agent, "Two")
	b.after(time.Hour)
	if b.send() != 1 || len(f.ids) != 1 {
		t.Fatalf("%d mails, want it put off", len(f.ids))
	}
	b.exec(`DELETE FROM notice_mails`)
	b.after(time.Hour)
	b.send()
	if len(f.ids) != 2 || f.ids[0] != f.ids[1] {
		t.Errorf("it is another mail: %v", f.ids)
	}
}

// TestObserved counts every attempt once, by what became of it, and how long an answer waited that was told.
func TestObserved(t *testing.T) {
	t.Parallel()
	f := &failing{err: errors.New("451 later")}
	var got []string
	var mu sync.Mutex
	b := setup(t, Options{Mail: f, Allow: here, Observe: func(kind, outcome string, delay time.Duration) {
		mu.Lock()
		defer mu.Unlock()
		got = append(got, kind+" "+outcome)
		if outcome == Sent && kind != "confirm" && (delay < 2*time.Minute || delay > 2*time.Hour) {
			t.Errorf("%s after %s", kind, delay)
		}
	}})
	id := b.conversation(chat.Person{}, "en")
	tell := func() int64 {
		t.Helper()
		seq := b.says(id, chat.Agent, "Hello")
		b.after(time.Hour)
		return seq
	}
	b.subscribe(id, "kim@example.com")
	b.send() // asks
	b.exec(`UPDATE subscriptions SET confirmed_at = now()`)
	tell()
	b.send() // tells
	b.read(id, tell())
	b.send() // was read
	f.times = 1
	tell()
	b.send() // fails
	b.exec(`INSERT INTO notice_mails (address_hash, purpose) SELECT $1, 'answer' FROM generate_series(1, $2)`, addressHash("kim@example.com"), answersAnHour)
	b.after(time.Hour)
	b.send() // has had enough
	b.exec(`DELETE FROM notice_mails`)
	b.after(time.Hour)
	f.times, f.err = 1, fmt.Errorf("%w: 550", mail.ErrPermanent)
	b.send() // is given up
	b.exec(`DELETE FROM subscriptions`)
	r := newReceiver(t, b.s.PushKey())
	if _, err := b.s.SubscribePush(t.Context(), id, r.browser("/1", false)); err != nil {
		t.Fatal(err)
	}
	tell()
	b.send()
	r.mu.Lock()
	r.status = http.StatusGone
	r.mu.Unlock()
	tell()
	b.send()
	if want := []string{"confirm sent", "email sent", "email dropped", "email failed", "email put_off", "email dead", "push sent", "push gone"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

// TestReplicas send each notice once, however many look at the same time, and one that was claimed by a process that ended
// is sent by another.
func TestReplicas(t *testing.T) {
	t.Parallel()
	f := &failing{}
	b := setup(t, Options{Mail: f})
	var ids []uuid.UUID
	for range 40 {
		id := b.conversation(kim, "en")
		b.subscribe(id, "kim@example.com")
		b.exec(`UPDATE subscriptions SET address = $2 WHERE conversation_id = $1`, id, id.String()+"@example.com")
		b.says(id, chat.Assistant, "Done")
		ids = append(ids, id)
	}
	b.after(3 * time.Minute)
	var all sync.WaitGroup
	for range 4 {
		s := b.another(b.s.opts)
		all.Go(func() {
			for range 10 {
				if _, err := s.Send(t.Context()); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	seen := map[string]int{}
	for _, id := range f.ids {
		seen[id]++
	}
	if len(f.ids) != len(ids) || len(seen) != len(ids) {
		t.Errorf("%d mails, %d different, for %d", len(f.ids), len(seen), len(ids))
	}
	// As a process leaves it that is killed while it sends.
	b.says(ids[0], chat.Agent, "Last")
	b.after(3 * time.Minute)
	b.exec(`UPDATE notices SET attempts = 1, sending_seq = upto_seq, lease_until = now() + interval '50 seconds' WHERE state = 'pending'`)
	if n := b.send(); n != 0 {
		t.Errorf("%d are sent by two", n)
	}
	if b.after(time.Minute); b.send() != 1 || len(f.ids) != len(ids)+1 {
		t.Error("it is forgotten")
	}
}

// TestHeldByMail leaves conversations alone whose answers are mailed as they are given.
func TestHeldByMail(t *testing.T) {
	t.Parallel()
	b := setup(t, Options{})
	id := b.conversation(kim, "en")
	b.subscribe(id, "kim@example.com")
	b.exec(`INSERT INTO mail_threads (conversation_id, address) VALUES ($1, 'kim@example.com')`, id)
	b.says(id, chat.Agent, "Hello")
	b.after(3 * time.Minute)
	if b.send(); len(b.srv.Mails()) != 0 || b.states() != "dropped" {
		t.Errorf("%d mails, %s", len(b.srv.Mails()), b.states())
	}
}

// TestForgotten stores messages also while subscriptions are deleted.
func TestForgotten(t *testing.T) {
	t.Parallel()
	b := setup(t, Options{})
	id := b.conversation(kim, "en")
	var all sync.WaitGroup
	for range 3 {
		all.Go(func() {
			for range 30 {
				if _, err := b.s.SubscribeEmail(t.Context(), id, "kim@example.com"); err != nil {
					t.Error(err)
				}
				if err := b.s.Unsubscribe(t.Context(), id); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for range 3 {
		all.Go(func() {
			for range 30 {
				b.says(id, chat.Agent, "Hello")
				if _, err := b.s.Send(t.Context()); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
}

// TestLanguages has every phrase in every language, with the same places for names.
func TestLanguages(t *testing.T) {
	t.Parallel()
	for language, p := range spoken {
		for i, texts := range [][2]string{{p.subject, spoken["en"].subject}, {p.ai, spoken["en"].ai}, {p.person, spoken["en"].person}, {p.file, spoken["en"].file}, {p.open, spoken["en"].open},
			{p.once, spoken["en"].once}, {p.reply, spoken["en"].reply}, {p.foot, spoken["en"].foot}, {p.end, spoken["en"].end}, {p.confirmSubject, spoken["en"].confirmSubject},
			{p.confirm, spoken["en"].confirm}, {p.confirmFoot, spoken["en"].confirmFoot}, {p.pushTitle, spoken["en"].pushTitle}, {p.pushText, spoken["en"].pushText}} {
			if texts[0] == "" || strings.Count(texts[0], "%s") != strings.Count(texts[1], "%s") {
				t.Errorf("%s: phrase %d is %q", language, i, texts[0])
			}
		}
	}
	if len(spoken) != 6 {
		t.Errorf("%d languages", len(spoken))
	}
}
