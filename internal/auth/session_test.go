package auth

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
)

func TestSessions(t *testing.T) {
	b := setup(t)
	ctx := t.Context()
	a, o := b.add("ada@larkpay.example", "agent"), b.add("otto@larkpay.example", "agent")
	theirs := b.issued(o, "session")
	token := b.issued(a, "token")
	_, first, err := b.Redeem(ctx, b.issued(a, "link"), Device{"Firefox on Linux", "192.0.2.1"})
	wantCode(t, err, "")
	_, second, err := b.Redeem(ctx, b.issued(a, "link"), Device{strings.Repeat("ä", 500) + "\x00\xff", "192.0.2.2"})
	wantCode(t, err, "")
	_, me, err := b.Authenticate(ctx, first)
	wantCode(t, err, "")
	list, err := b.Sessions(ctx, a.ID, me.ID)
	if err != nil || len(list) != 3 {
		t.Fatalf("%d sessions, %v", len(list), err)
	}
	kinds := map[string]int{}
	var other Session
	for _, s := range list {
		kinds[s.Kind+" "+string(s.Via)]++
		if s.Current != (s.ID == me.ID) {
			t.Errorf("%s is current: %v", s.ID, s.Current)
		}
		if !s.Current && s.Kind == "session" {
			other = s
		}
		if s.Kind == "token" && s.SeenAt != nil {
			t.Error("the token was not used yet")
		}
	}
	if kinds["session link"] != 2 || kinds["token command"] != 1 {
		t.Errorf("kinds %v", kinds)
	}
	if n := len([]rune(other.Device)); n != 120 {
		t.Errorf("the device has %d characters", n)
	}
	// What is another's cannot be ended, and does not exist.
	_, hers, err := b.Authenticate(ctx, theirs)
	wantCode(t, err, "")
	wantCode(t, b.End(ctx, a.Actor(), a.ID, hers.ID), "no_such_session")
	wantCode(t, b.End(ctx, a.Actor(), a.ID, uuid.New()), "no_such_session")
	if _, err := b.Who(ctx, theirs); err != nil {
		t.Errorf("another's session: %v", err)
	}
	wantCode(t, b.End(ctx, a.Actor(), a.ID, other.ID), "")
	_, err = b.Who(ctx, second)
	wantCode(t, err, "not_signed_in")
	wantCode(t, b.End(ctx, a.Actor(), a.ID, other.ID), "no_such_session")
	link := b.issued(a, "link")
	if n, err := b.EndAll(ctx, a.Actor(), a.ID, me.ID); n < 2 || err != nil {
		t.Errorf("ended %d, %v", n, err)
	}
	for name, gone := range map[string]string{"token": token, "link": link} {
		_, err := b.Who(ctx, gone)
		wantCode(t, err, "not_signed_in")
		if _, _, err := b.Redeem(ctx, gone, Device{}); err == nil {
			t.Errorf("the %s still opens", name)
		}
	}
	if _, err := b.Who(ctx, first); err != nil {
		t.Errorf("the session that asked: %v", err)
	}
	if _, err := b.Who(ctx, theirs); err != nil {
		t.Errorf("another's session: %v", err)
	}
	wantCode(t, b.SignOut(ctx, first), "")
	wantCode(t, b.SignOut(ctx, first), "")
	_, err = b.Who(ctx, first)
	wantCode(t, err, "not_signed_in")
	if got := b.actions(a); got != "person_added signed_in signed_in session_ended sessions_ended signed_out" {
		t.Errorf("audit: %s", got)
	}
}

// TestWhoOpens: only a session or token that has not expired, of somebody who is not disabled, opens anything.
func TestWhoOpens(t *testing.T) {
	b := setup(t)
	ctx := t.Context()
	a := b.add("ada@larkpay.example", "agent")
	session := b.issued(a, "session")
	if _, err := b.Issue(ctx, a.ID, "master key"); err == nil {
		t.Error("there is a credential of any kind")
	}
	for name, secret := range map[string]string{"nothing": "", "a guess": "AAAA", "a link": b.issued(a, "link"), "the hash": string(hash(session))} {
		if _, err := b.Who(ctx, secret); !errors.Is(err, ErrSignedOut) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := b.Who(ctx, session); err != nil {
		t.Fatal(err)
	}
	b.exec(`UPDATE credentials SET expires_at = now() WHERE kind = 'session'`)
	if _, err := b.Who(ctx, session); !errors.Is(err, ErrSignedOut) {
		t.Errorf("expired: %v", err)
	}
	if list, err := b.Sessions(ctx, a.ID, uuid.Nil); len(list) != 0 || err != nil {
		t.Errorf("expired ones are listed: %v, %v", list, err)
	}
	b.exec(`UPDATE credentials SET expires_at = now() + interval '1 hour'`)
	b.exec(`UPDATE agents SET disabled_at = now()`) // by whatever way: the sessions need not have ended for it
	if _, err := b.Who(ctx, session); !errors.Is(err, ErrSignedOut) {
		t.Errorf("disabled: %v", err)
	}
	wantCode(t, errOf(b.Peek(ctx, b.linkOf(a))), "not_signed_in")
	_, _, err := b.Redeem(ctx, b.linkOf(a), Device{})
	wantCode(t, err, "link_used")
}

func errOf[T any](_ T, err error) error { return err }

// linkOf makes a link even for somebody who is disabled.
func (b *bundle) linkOf(a Agent) string {
	b.t.Helper()
	secret, err := newSecret()
	if err != nil {
		b.t.Fatal(err)
	}
	b.exec(`INSERT INTO credentials (hash, agent_id, kind, expires_at) VALUES ($1, $2, 'link', now() + interval '1 hour')`, hash(secret), a.ID)
	return secret
}

// TestSeen: a session knows when it was used last, and not every request writes.
func TestSeen(t *testing.T) {
	b := setup(t)
	ctx := t.Context()
	a := b.add("ada@larkpay.example", "agent")
	token := b.issued(a, "token")
	seen := func() *time.Time {
		return value[*time.Time](b, `SELECT seen_at FROM credentials WHERE hash = $1`, hash(token))
	}
	if seen() != nil {
		t.Fatal("it was not used")
	}
	if _, err := b.Who(ctx, token); err != nil {
		t.Fatal(err)
	}
	first := seen()
	if first == nil {
		t.Fatal("using it is not noted")
	}
	before := value[int64](b, `SELECT xmin::text::bigint FROM credentials`)
	for range 3 {
		if _, err := b.Who(ctx, token); err != nil {
			t.Fatal(err)
		}
	}
	if value[int64](b, `SELECT xmin::text::bigint FROM credentials`) != before {
		t.Error("a request within five minutes wrote")
	}
	b.exec(`UPDATE credentials SET seen_at = seen_at - interval '6 minutes'`)
	if _, err := b.Who(ctx, token); err != nil {
		t.Fatal(err)
	}
	if again := seen(); again == nil || again.Before(*first) {
		t.Errorf("seen at %v, before %v", again, first)
	}
	if n := len(b.trace.during(func() { _, _ = b.Who(ctx, token) })); n != 1 {
		t.Errorf("a request makes %d statements", n)
	}
}

func TestPrune(t *testing.T) {
	b := setup(t)
	a := b.add("ada@larkpay.example", "agent")
	keep := b.issued(a, "token")
	b.issued(a, "link")
	b.exec(`UPDATE credentials SET expires_at = now() - interval '1 second' WHERE kind = 'link'`)
	b.exec(`INSERT INTO oidc_logins (state, nonce, verifier, expires_at) VALUES ('\x01', '', '', now() - interval '1 second'), ('\x02', '', '', now() + interval '1 minute')`)
	b.exec(`INSERT INTO sign_in_failures (key, failures, blocked_until, at) VALUES ('\x01', 9, now() - interval '1 hour', now() - interval '25 hours'),
		('\x02', 9, now() + interval '1 hour', now() - interval '25 hours'), ('\x03', 9, '-infinity', now())`)
	if _, _, err := b.Redeem(t.Context(), b.issued(a, "link"), Device{}); err != nil {
		t.Fatal(err)
	}
	for sql, want := range map[string]int{`SELECT count(*) FROM credentials WHERE expires_at < now()`: 0, `SELECT count(*) FROM credentials WHERE kind = 'token'`: 1,
		`SELECT count(*) FROM oidc_logins`: 1, `SELECT count(*) FROM sign_in_failures`: 2} {
		if n := value[int](b, sql); n != want {
			t.Errorf("%s: %d, want %d", sql, n, want)
		}
	}
	if _, err := b.Who(t.Context(), keep); err != nil {
		t.Error(err)
	}
}

// TestLinkWorksOnce: of many who use one link at once, one gets in.
func TestLinkWorksOnce(t *testing.T) {
	b := setup(t)
	a := b.add("ada@larkpay.example", "agent")
	link := b.issued(a, "link")
	for range 3 {
		if got, err := b.Peek(t.Context(), link); err != nil || got.ID != a.ID {
			t.Fatalf("looking: %v", err)
		}
	}
	var all sync.WaitGroup
	var in atomic.Int32
	for range 20 {
		all.Go(func() {
			if _, _, err := b.Redeem(t.Context(), link, Device{}); err == nil {
				in.Add(1)
			} else {
				wantCode(t, err, "link_used")
			}
		})
	}
	all.Wait()
	if n := in.Load(); n != 1 {
		t.Errorf("%d got in", n)
	}
	if n := value[int](b, `SELECT count(*) FROM credentials WHERE kind = 'session'`); n != 1 {
		t.Errorf("%d sessions", n)
	}
	expired := b.issued(a, "link")
	b.exec(`UPDATE credentials SET expires_at = now() WHERE kind = 'link'`)
	_, _, err := b.Redeem(t.Context(), expired, Device{})
	wantCode(t, err, "link_used")
	// A session or a token is no link.
	for _, kind := range []string{"session", "token"} {
		_, _, err := b.Redeem(t.Context(), b.issued(a, kind), Device{})
		wantCode(t, err, "link_used")
	}
}

// TestLinkAfterNewAddress: a link that went to the old address opens nothing once there is a new one.
func TestLinkAfterNewAddress(t *testing.T) {
	b := setup(t)
	a := b.add("ada@larkpay.example", "agent")
	link, session := b.issued(a, "link"), b.issued(a, "session")
	name, mail := "Ada L.", "ada.l@larkpay.example"
	if _, err := b.Update(t.Context(), Command, a.ID, Change{Name: &name}); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Peek(t.Context(), link); err != nil {
		t.Errorf("after a new name: %v", err)
	}
	if _, err := b.Update(t.Context(), Command, a.ID, Change{Email: &mail}); err != nil {
		t.Fatal(err)
	}
	wantCode(t, errOf(b.Peek(t.Context(), link)), "not_signed_in")
	if _, err := b.Who(t.Context(), session); err != nil {
		t.Errorf("the session: %v", err)
	}
}

// box is a mail server that keeps everything.
type box struct {
	mu      sync.Mutex
	letters []letter
	sent    chan struct{}
	fail    error
}

type letter struct{ to, subject, text string }

func (x *box) Send(_ context.Context, to, subject, text string) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.letters = append(x.letters, letter{to, subject, text})
	x.sent <- struct{}{}
	return x.fail
}

// TestAskForLink: a letter goes to whoever has the address, and asking is the same for everybody: no statement is made
// before the answer.
func TestAskForLink(t *testing.T) {
	b := setup(t)
	a := b.add("ada@larkpay.example", "agent")
	gone := b.add("gone@larkpay.example", "agent")
	yes := true
	if _, err := b.Update(t.Context(), Command, gone.ID, Change{Disabled: &yes}); err != nil {
		t.Fatal(err)
	}
	mails := &box{sent: make(chan struct{}, 100)}
	l := NewLinks(b.Store, mails, "https://desk.larkpay.example/", "Larkpay", slog.New(slog.DiscardHandler))
	for _, email := range []string{"nobody@larkpay.example", "gone@larkpay.example", " Ada@Larkpay.example ", ""} {
		if sql := b.trace.during(func() { wantCode(t, l.Ask(email), "") }); len(sql) != 0 {
			t.Errorf("asking for %q makes statements: %v", email, sql)
		}
	}
	l.Start()
	l.Start()
	<-mails.sent
	l.Stop()
	l.Stop()
	if len(mails.letters) != 1 {
		t.Fatalf("%d letters", len(mails.letters))
	}
	got := mails.letters[0]
	if got.to != "ada@larkpay.example" || !strings.Contains(got.subject, "Larkpay") {
		t.Errorf("a letter to %s: %s", got.to, got.subject)
	}
	_, secret, found := strings.Cut(got.text, "https://desk.larkpay.example/signin?token=")
	secret, _, _ = strings.Cut(secret, "\n")
	if !found {
		t.Fatalf("no link in\n%s", got.text)
	}
	if left := time.Until(value[time.Time](b, `SELECT expires_at FROM credentials WHERE hash = $1`, hash(secret))); left > MailedLinkFor || left < MailedLinkFor-5*time.Minute {
		t.Errorf("the link works for %s", left)
	}
	in, _, err := b.Redeem(t.Context(), secret, Device{})
	if err != nil || in.ID != a.ID {
		t.Errorf("the link: %v", err)
	}
}

// TestLetterBoxes: nobody's letter box is filled, and a failing mail server ends nothing.
func TestLetterBoxes(t *testing.T) {
	b := setup(t)
	b.add("ada@larkpay.example", "agent")
	b.add("otto@larkpay.example", "agent")
	mails := &box{sent: make(chan struct{}, 100), fail: errors.New("no route to host")}
	l := NewLinks(b.Store, mails, "http://127.0.0.1", "Larkpay", slog.New(slog.DiscardHandler))
	for range 50 {
		wantCode(t, l.Ask("ada@larkpay.example"), "")
	}
	wantCode(t, l.Ask("otto@larkpay.example"), "") // the last: when it has come, everything was looked at
	l.Start()
	for range byLetter.free + 1 {
		<-mails.sent
	}
	l.Stop()
	if n := len(mails.letters); n != byLetter.free+1 || mails.letters[n-1].to != "otto@larkpay.example" {
		t.Errorf("%d letters", n)
	}
	full := NewLinks(b.Store, mails, "", "", slog.New(slog.DiscardHandler))
	var err error
	for range maxAsked + 1 {
		err = full.Ask("nobody@larkpay.example")
	}
	wantCode(t, err, "busy")
	full.Stop()
}
