package delivery

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/firstline/firstline/handoff"
	"github.com/firstline/firstline/internal/auth"
	"github.com/firstline/firstline/internal/chat"
	"github.com/firstline/firstline/internal/fault"
	"github.com/firstline/firstline/internal/postgres/pgtest"
	"github.com/firstline/firstline/internal/wake"
)

var quiet = slog.New(slog.DiscardHandler)

// bundle is a desk with deliveries over a database of its own. Nothing runs in the background.
type bundle struct {
	pool  *pgxpool.Pool
	rec   *chat.Record
	desk  *handoff.Desk
	s     *Service
	staff *auth.Store
	boss  handoff.Agent
}

// here lets tests reach their own servers.
var here = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}

func setup(t *testing.T, opts Options) *bundle {
	t.Helper()
	pool := pgtest.New(t)
	bus := wake.New(pool, quiet)
	rec, err := chat.Open(t.Context(), pool, bus, quiet, chat.Options{})
	if err != nil {
		t.Fatal(err)
	}
	b := &bundle{pool: pool, rec: rec, desk: handoff.NewDesk(pool, rec, bus, quiet, handoff.Options{OfferFor: time.Hour}), staff: auth.NewStore(pool)}
	always := handoff.Hours{AlwaysOpen: true}
	if err := b.desk.SaveTeams(t.Context(), []handoff.TeamSeed{{Key: "general", Name: "General support", Hours: always}, {Key: "b2b", Name: "Merchants", Hours: always}}); err != nil {
		t.Fatal(err)
	}
	if opts.Allow == nil {
		opts.Allow = here
	}
	if opts.Company == "" {
		opts.Company = "Larkpay"
	}
	b.s = New(pool, rec, b.desk, bus, quiet, opts)
	b.boss = b.agent(t, "boss", "admin")
	return b
}

func (b *bundle) agent(t *testing.T, name, role string, teams ...string) handoff.Agent {
	t.Helper()
	a, err := b.staff.Save(t.Context(), handoff.Agent{Email: name + "@larkpay.example", Name: name, Role: role, Capacity: 4, Teams: teams})
	if err != nil {
		t.Fatal(err)
	}
	a.Teams = teams
	return a
}

// talk starts a conversation in which the customer has written the messages, and hands it over.
func (b *bundle) talk(t *testing.T, messages ...string) handoff.Handoff {
	t.Helper()
	c, err := b.rec.Start(t.Context(), chat.NewConversation{Channel: "web", Market: "gb", Locale: "en", Audience: "consumer",
		Customer: chat.Person{ID: "c-1", Name: "Kim", Email: "kim@example.com", Verified: true}, Greeting: "Hello, I am an AI."})
	if err != nil {
		t.Fatal(err)
	}
	for i, m := range messages {
		b.say(t, c.ID, fmt.Sprint("before ", i), m)
	}
	return b.handOff(t, c.ID)
}

func (b *bundle) handOff(t *testing.T, id uuid.UUID) (h handoff.Handoff) {
	t.Helper()
	err := b.rec.Do(t.Context(), id, func(ctx context.Context, s *chat.Session) (err error) {
		h, err = b.desk.HandOff(ctx, s, handoff.Request{Reason: "low_confidence", Explanation: "Unsure.", Priority: 2, Language: s.Locale, Sentiment: "calm",
			Articles: []chat.Citation{{N: 1, Article: "late-fees", Version: 3, Title: "Late fees", URL: "/help/late-fees"}}, Trace: json.RawMessage(`{"a":1}`)})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func (b *bundle) say(t *testing.T, id uuid.UUID, client, text string) {
	t.Helper()
	if _, err := b.rec.Receive(t.Context(), id, chat.Inbound{ClientID: client, Text: text}); err != nil {
		t.Fatal(err)
	}
}

func (b *bundle) exec(t *testing.T, sql string, args ...any) {
	t.Helper()
	if _, err := b.pool.Exec(t.Context(), sql, args...); err != nil {
		t.Fatal(err)
	}
}

func (b *bundle) texts(t *testing.T, sql string, args ...any) []string {
	t.Helper()
	rows, err := b.pool.Query(t.Context(), sql, args...)
	if err != nil {
		t.Fatal(err)
	}
	out, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// pump makes deliveries of what is new, lets every pause be over, and sends what is due, once each.
func (b *bundle) pump(t *testing.T) {
	t.Helper()
	b.exec(t, `UPDATE deliveries SET next_at = now() - interval '1 second' WHERE state = 'pending'`)
	b.fan(t)
	if _, err := b.s.Deliver(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func (b *bundle) fan(t *testing.T) {
	t.Helper()
	for range 100 {
		n, err := b.s.FanOut(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if n == 0 {
			return
		}
	}
	t.Fatal("there is always something new")
}

func (b *bundle) webhook(t *testing.T, url string, kinds ...string) (Webhook, string) {
	t.Helper()
	w, secret, err := b.s.AddWebhook(t.Context(), b.boss, Webhook{URL: url, Kinds: kinds, Enabled: true})
	if err != nil {
		t.Fatal(err)
	}
	return w, secret
}

// states counts deliveries by state and kind.
func (b *bundle) states(t *testing.T) []string {
	t.Helper()
	return b.texts(t, `SELECT state || ' ' || kind || ' ' || attempts FROM deliveries ORDER BY seq, kind`)
}

// post is a request that a fake server got.
type post struct {
	header http.Header
	body   string
	event  Event
}

// receiver is a fake endpoint of webhooks.
type receiver struct {
	*httptest.Server
	mu     sync.Mutex
	posts  []post
	answer func(n int, w http.ResponseWriter, r *http.Request)
}

func newReceiver(t *testing.T) *receiver {
	t.Helper()
	r := &receiver{}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		body, _ := io.ReadAll(req.Body)
		p := post{header: req.Header.Clone(), body: string(body)}
		_ = json.Unmarshal(body, &p.event)
		r.mu.Lock()
		r.posts = append(r.posts, p)
		n, answer := len(r.posts), r.answer
		r.mu.Unlock()
		if answer != nil {
			answer(n, w, req)
		}
	}))
	t.Cleanup(r.Close)
	return r
}

func (r *receiver) got() []post {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.posts)
}

func types(posts []post) (out []string) {
	for _, p := range posts {
		out = append(out, p.event.Type)
	}
	return out
}

func wantCode(t *testing.T, err error, code string) {
	t.Helper()
	var f *fault.Error
	if !errors.As(err, &f) || f.Code != code {
		t.Errorf("got %v, want %s", err, code)
	}
}

// TestNotesLeaveOnRequest: a webhook that names no kinds is told of everything but what is for colleagues.
func TestNotesLeaveOnRequest(t *testing.T) {
	t.Parallel()
	b := setup(t, Options{})
	all, notes := newReceiver(t), newReceiver(t)
	b.webhook(t, all.URL)
	b.webhook(t, notes.URL, NoteCreated)
	ada := b.agent(t, "ada", "agent", "general")
	h := b.talk(t, "Hello")
	if _, err := b.desk.Accept(t.Context(), h.ID, ada); err != nil {
		t.Fatal(err)
	}
	if _, err := b.desk.Note(t.Context(), h.ConversationID, ada, "n", "Looks mauve to me"); err != nil {
		t.Fatal(err)
	}
	if _, err := b.desk.Resolve(t.Context(), h.ConversationID, ada, 0); err != nil {
		t.Fatal(err)
	}
	b.pump(t)
	for _, p := range all.got() {
		if p.event.Type == NoteCreated || strings.Contains(p.body, "mauve") {
			t.Errorf("%s: %s", p.event.Type, p.body)
		}
	}
	if got := types(all.got()); len(got) < 3 || got[len(got)-1] != HandoffEnded {
		t.Errorf("everything else: %v", got)
	}
	if got := types(notes.got()); len(got) != 1 || got[0] != NoteCreated {
		t.Errorf("what was asked for: %v", got)
	}
}

// TestWebhook takes a handoff through its whole life and checks every message with the specification's own library.
func TestWebhook(t *testing.T) {
	t.Parallel()
	b := setup(t, Options{})
	r := newReceiver(t)
	_, secret := b.webhook(t, r.URL, Kinds...)
	kim := b.agent(t, "ada", "agent", "general")
	h := b.talk(t, "My card is 4242 4242 4242 4242 and the fee is wrong")
	b.pump(t)
	if _, err := b.desk.Accept(t.Context(), h.ID, kim); err != nil {
		t.Fatal(err)
	}
	if _, err := b.desk.Note(t.Context(), h.ConversationID, kim, "n", "Looks like our mistake"); err != nil {
		t.Fatal(err)
	}
	b.pump(t)
	if _, err := b.desk.Reply(t.Context(), h.ConversationID, kim, "r", "The fee is cancelled."); err != nil {
		t.Fatal(err)
	}
	b.say(t, h.ConversationID, "thanks", "Thank you")
	if _, err := b.desk.Resolve(t.Context(), h.ConversationID, kim, 0); err != nil {
		t.Fatal(err)
	}
	b.pump(t)
	b.say(t, h.ConversationID, "later", "Something that only the assistant reads")
	b.pump(t)

	posts := r.got()
	want := []string{HandoffCreated, MessageCreated /* Ada joined */, HandoffUpdated, NoteCreated, MessageCreated, MessageCreated, MessageCreated, HandoffEnded}
	if diff := cmp.Diff(want, types(posts)); diff != "" {
		t.Fatalf("events (-want +got):\n%s", diff)
	}
	check, err := standardwebhooks.NewWebhook(secret)
	if err != nil {
		t.Fatal(err)
	}
	other, err := newSecret()
	if err != nil {
		t.Fatal(err)
	}
	wrong, err := standardwebhooks.NewWebhook(other)
	if err != nil {
		t.Fatal(err)
	}
	ids := map[string]bool{}
	last := int64(0)
	for _, p := range posts {
		if err := check.Verify([]byte(p.body), p.header); err != nil {
			t.Errorf("%s: %v", p.event.Type, err)
		}
		if wrong.Verify([]byte(p.body), p.header) == nil || check.Verify([]byte(p.body+" "), p.header) == nil {
			t.Errorf("%s: anything is verified", p.event.Type)
		}
		ids[p.header.Get("webhook-id")] = true
		if p.event.Data.Seq <= last {
			t.Errorf("number %d after %d", p.event.Data.Seq, last)
		}
		last = p.event.Data.Seq
		if p.event.Data.Conversation.ID != h.ConversationID || p.event.Data.Handoff.ID != h.ID {
			t.Errorf("%s is about something else: %s", p.event.Type, p.body)
		}
	}
	if len(ids) != len(posts) {
		t.Errorf("%d ids for %d events", len(ids), len(posts))
	}
	var pkg handoff.Package
	if err := json.Unmarshal(posts[0].event.Data.Package, &pkg); err != nil || pkg.Reason != "low_confidence" || len(pkg.Transcript) == 0 || len(pkg.Articles) != 1 {
		t.Errorf("package %s: %v", posts[0].event.Data.Package, err)
	}
	ended := posts[len(posts)-1].event.Data.Handoff
	if ended.State != "resolved" || ended.Agent == nil || ended.Agent.ID != kim.ID {
		t.Errorf("ended as %+v", ended)
	}
	if m := posts[4].event.Data.Message; m == nil || m.Text != "The fee is cancelled." || m.Agent == nil || m.Agent.Name != "ada" {
		t.Errorf("reply %+v", m)
	}
	for _, s := range b.states(t) {
		if s[:4] != "done" {
			t.Errorf("left: %s", s)
		}
	}
}

// TestLateTargets are told of nothing that began before them, and only of the kinds they asked for.
func TestLateTargets(t *testing.T) {
	t.Parallel()
	b := setup(t, Options{})
	b.webhook(t, newReceiver(t).URL) // which is told of everything
	early := b.talk(t, "Hello")
	r := newReceiver(t)
	b.webhook(t, r.URL, HandoffCreated)
	b.say(t, early.ConversationID, "more", "Are you there?")
	h := b.talk(t, "Hello")
	b.say(t, h.ConversationID, "more", "Are you there?")
	b.pump(t)
	posts := r.got()
	if len(posts) != 1 || posts[0].event.Type != HandoffCreated || posts[0].event.Data.Handoff.ID != h.ID {
		t.Errorf("got %v", types(posts))
	}
}

// TestLongLogs are read page by page, without a gap and without a double.
func TestLongLogs(t *testing.T) {
	t.Parallel()
	b := setup(t, Options{})
	r := newReceiver(t)
	b.webhook(t, r.URL, MessageCreated)
	ada := b.agent(t, "ada", "agent", "general")
	h := b.talk(t, "Hello")
	if _, err := b.desk.Accept(t.Context(), h.ID, ada); err != nil {
		t.Fatal(err)
	}
	const n = logPage + 30
	for i := range n {
		if _, err := b.desk.Reply(t.Context(), h.ConversationID, ada, fmt.Sprint(i), fmt.Sprintf("Message %d", i)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := b.desk.Resolve(t.Context(), h.ConversationID, ada, 0); err != nil {
		t.Fatal(err)
	}
	b.fan(t)
	var got []string
	for _, m := range b.texts(t, `SELECT payload->'data'->'message'->>'text' FROM deliveries ORDER BY seq`) {
		if m[:7] == "Message" {
			got = append(got, m)
		}
	}
	var want []string
	for i := range n {
		want = append(want, fmt.Sprintf("Message %d", i))
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("messages (-want +got):\n%s", diff)
	}
	if left := b.texts(t, `SELECT id::text FROM handoffs WHERE out_seq <> $1`, outOfLog); len(left) > 0 {
		t.Error("an ended handoff is looked at for ever")
	}
}

// TestReplicasDeliverOnce lets many replicas make deliveries of the same handoffs and send them, all at once.
func TestReplicasDeliverOnce(t *testing.T) {
	t.Parallel()
	b := setup(t, Options{})
	r := newReceiver(t)
	b.webhook(t, r.URL)
	for range 8 {
		h := b.talk(t, "Hello")
		b.say(t, h.ConversationID, "more", "Are you there?")
	}
	var wg sync.WaitGroup
	for range 6 {
		wg.Go(func() {
			for range 20 {
				if _, err := b.s.FanOut(t.Context()); err != nil {
					t.Error(err)
				}
				if _, err := b.s.Deliver(t.Context()); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	seen := map[string]int{}
	for _, p := range r.got() {
		seen[p.event.Data.Conversation.ID.String()+p.event.Type+fmt.Sprint(p.event.Data.Seq)]++
	}
	if len(seen) != 16 {
		t.Errorf("%d events", len(seen))
	}
	for k, n := range seen {
		if n != 1 {
			t.Errorf("%s was sent %d times", k, n)
		}
	}
}

// TestRetries lets an endpoint refuse, in ways that are worth another attempt and in ways that are not.
func TestRetries(t *testing.T) {
	t.Parallel()
	b := setup(t, Options{Schedule: []time.Duration{time.Minute, time.Hour}})
	r := newReceiver(t)
	w, secret := b.webhook(t, r.URL, HandoffCreated)
	r.answer = func(_ int, w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "out of order, card 4242 4242 4242 4242", 500)
	}
	b.talk(t, "Hello")
	pause := func() float64 {
		t.Helper()
		var seconds float64
		if err := b.pool.QueryRow(t.Context(), `SELECT extract(epoch FROM next_at - now())::float8 FROM deliveries`).Scan(&seconds); err != nil {
			t.Fatal(err)
		}
		return seconds
	}
	b.pump(t)
	if diff := cmp.Diff([]string{"pending handoff.created 1"}, b.states(t)); diff != "" {
		t.Fatal(diff)
	}
	if s := pause(); s < 25 || s > 91 {
		t.Errorf("the first pause is %v s", s)
	}
	if n, err := b.s.Deliver(t.Context()); n != 0 || err != nil {
		t.Errorf("sent again before its time: %d, %v", n, err)
	}
	r.mu.Lock()
	r.answer = func(_ int, w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "7200")
		w.WriteHeader(http.StatusTooManyRequests)
	}
	r.mu.Unlock()
	b.pump(t)
	if s := pause(); s < 7100 || s > 7201 {
		t.Errorf("the pause that it asked for is %v s", s)
	}
	b.pump(t)
	if diff := cmp.Diff([]string{"dead handoff.created 3"}, b.states(t)); diff != "" {
		t.Fatal(diff)
	}
	if got := b.texts(t, `SELECT kind || ' ' || subject FROM alerts`); len(got) != 1 || got[0] != "delivery_dead "+w.ID.String() {
		t.Errorf("alerts %v", got)
	}
	posts := r.got()
	for _, p := range posts[1:] {
		if p.header.Get("webhook-id") != posts[0].header.Get("webhook-id") || p.body != posts[0].body {
			t.Error("another attempt is another message")
		}
	}
	// What is dead can be looked at and sent again.
	dead, _, err := b.s.Deliveries(t.Context(), Filter{State: "dead"})
	if err != nil || len(dead) != 1 {
		t.Fatalf("%d dead, %v", len(dead), err)
	}
	letter, err := b.s.Letter(t.Context(), dead[0].ID)
	if err != nil {
		t.Fatal(err)
	}
	if len(letter.History) != 3 || *letter.History[0].Status != 500 || letter.History[0].Error != "status 500 out of order, card [card ending 4242]" {
		t.Errorf("history %+v", letter.History)
	}
	r.mu.Lock()
	r.answer = nil
	r.mu.Unlock()
	if err := b.s.Replay(t.Context(), b.boss, dead[0].ID); err != nil {
		t.Fatal(err)
	}
	wantCode(t, b.s.Replay(t.Context(), b.boss, dead[0].ID), "not_possible")
	wantCode(t, b.s.Replay(t.Context(), b.boss, uuid.New()), "delivery_not_found")
	b.pump(t)
	if diff := cmp.Diff([]string{"done handoff.created 4"}, b.states(t)); diff != "" {
		t.Error(diff)
	}
	posts = r.got()
	check, err := standardwebhooks.NewWebhook(secret)
	if err != nil {
		t.Fatal(err)
	}
	if err := check.Verify([]byte(posts[3].body), posts[3].header); err != nil {
		t.Error(err)
	}
	// Gone is for good.
	r.mu.Lock()
	r.answer = func(_ int, w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusGone) }
	r.mu.Unlock()
	b.talk(t, "Hello")
	b.pump(t)
	if w, err := b.s.Webhook(t.Context(), w.ID); err != nil || w.Enabled {
		t.Errorf("enabled %v, %v", w.Enabled, err)
	}
}

// TestRotation lets receivers change over: for a day both secrets sign.
func TestRotation(t *testing.T) {
	t.Parallel()
	b := setup(t, Options{})
	r := newReceiver(t)
	w, old := b.webhook(t, r.URL)
	_, fresh, err := b.s.RotateSecret(t.Context(), b.boss, w.ID)
	if err != nil {
		t.Fatal(err)
	}
	verify := func(secret string) error {
		t.Helper()
		if o, err := b.s.TestWebhook(t.Context(), w.ID); err != nil || !o.OK || o.Status != 200 {
			t.Fatalf("%+v, %v", o, err)
		}
		check, err := standardwebhooks.NewWebhook(secret)
		if err != nil {
			t.Fatal(err)
		}
		posts := r.got()
		p := posts[len(posts)-1]
		return check.Verify([]byte(p.body), p.header)
	}
	if err := errors.Join(verify(old), verify(fresh)); err != nil {
		t.Error(err)
	}
	b.exec(t, `UPDATE webhooks SET former_until = now() - interval '1 second'`)
	if err := verify(fresh); err != nil {
		t.Error(err)
	}
	if verify(old) == nil {
		t.Error("the former secret signs for ever")
	}
}

// TestLostOutcome has a process end between sending and writing that down: the delivery is claimed again after its lease,
// and the receiver knows it by its id.
func TestLostOutcome(t *testing.T) {
	t.Parallel()
	b := setup(t, Options{})
	r := newReceiver(t)
	w, _ := b.webhook(t, r.URL, HandoffCreated)
	b.talk(t, "Hello")
	b.fan(t)
	jobs, err := b.s.claim(t.Context(), 1, nil)
	if err != nil || len(jobs) != 1 {
		t.Fatal(jobs, err)
	}
	if _, err := b.s.send(t.Context(), jobs[0]); err != nil {
		t.Fatal(err)
	}
	if n, err := b.s.Deliver(t.Context()); n != 0 || err != nil {
		t.Errorf("%d claimed by two at once, %v", n, err)
	}
	b.exec(t, `UPDATE deliveries SET lease_until = now() - interval '1 second'`)
	if n, err := b.s.Deliver(t.Context()); n != 1 || err != nil {
		t.Errorf("%d after the lease, %v", n, err)
	}
	// Whoever was slow writes nothing over what came after it.
	if err := b.s.settle(t.Context(), jobs[0], 500, 0, &refusal{Status: 500}); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"done handoff.created 2"}, b.states(t)); diff != "" {
		t.Error(diff)
	}
	posts := r.got()
	if len(posts) != 2 || posts[0].header.Get("webhook-id") != posts[1].header.Get("webhook-id") {
		t.Errorf("%d posts", len(posts))
	}
	_ = w
}

// TestInternalAddresses types addresses that lead inside, and one that redirects there.
func TestInternalAddresses(t *testing.T) {
	t.Parallel()
	b := setup(t, Options{Allow: []netip.Prefix{netip.MustParsePrefix("198.51.100.0/24")}})
	r := newReceiver(t)
	for _, url := range []string{r.URL, "http://169.254.169.254/latest/meta-data", "http://[::1]:1/", "http://localhost:1/"} {
		w, _ := b.webhook(t, url)
		o, err := b.s.TestWebhook(t.Context(), w.ID)
		if err != nil || o.OK {
			t.Errorf("%s: %+v, %v", url, o, err)
		}
	}
	b.talk(t, "Hello")
	b.pump(t)
	if n := len(r.got()); n > 0 {
		t.Errorf("%d requests came through", n)
	}
	if got := b.texts(t, `SELECT DISTINCT error FROM deliveries WHERE error NOT LIKE '%not a public one%'`); len(got) > 0 {
		t.Errorf("other reasons: %v", got)
	}
	secret := newReceiver(t)
	front := newReceiver(t)
	front.answer = func(_ int, w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, secret.URL, http.StatusPermanentRedirect)
	}
	c := setup(t, Options{})
	w, _ := c.webhook(t, front.URL)
	if o, err := c.s.TestWebhook(t.Context(), w.ID); err != nil || o.OK || o.Status != http.StatusPermanentRedirect || len(secret.got()) > 0 {
		t.Errorf("a redirect gave %+v, %v, %d requests", o, err, len(secret.got()))
	}
	for url, code := range map[string]string{"ftp://example.com": "not_a_url", "https://u:p@example.com": "password_in_url", "": "not_a_url", "https:///x": "not_a_url"} {
		_, _, err := b.s.AddWebhook(t.Context(), b.boss, Webhook{URL: url})
		wantCode(t, err, code)
	}
	strict := setup(t, Options{Allow: []netip.Prefix{}})
	_, _, err := strict.s.AddWebhook(t.Context(), strict.boss, Webhook{URL: "http://example.com"})
	wantCode(t, err, "not_https")
}

// TestRunning starts the service and lets it find everything by itself.
func TestRunning(t *testing.T) {
	t.Parallel()
	b := setup(t, Options{Tick: 20 * time.Millisecond})
	r := newReceiver(t)
	arrived := make(chan struct{}, 100)
	r.answer = func(int, http.ResponseWriter, *http.Request) { arrived <- struct{}{} }
	b.webhook(t, r.URL, HandoffCreated, MessageCreated)
	b.s.Start()
	defer b.s.Stop()
	h := b.talk(t, "Hello")
	b.say(t, h.ConversationID, "more", "Are you there?")
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for range 2 {
		select {
		case <-arrived:
		case <-ctx.Done():
			t.Fatal("nothing arrives")
		}
	}
	b.s.Stop()
	b.s.Stop()
	if got := b.texts(t, `SELECT kind FROM deliveries WHERE state <> 'done'`); len(got) > 0 {
		t.Errorf("left: %v", got)
	}
}

// TestWhyThereIsNoAnswer: whoever types a name learns that it leads nowhere, and nothing of the network here.
func TestWhyThereIsNoAnswer(t *testing.T) {
	t.Parallel()
	for _, err := range []error{
		&net.DNSError{Err: "no such host", Name: "x", Server: "10.9.8.7:53", IsNotFound: true},
		&net.DNSError{Err: "server misbehaving", Name: "x", Server: "10.9.8.7:53"},
		&net.OpError{Op: "dial", Err: &net.DNSError{Err: "i/o timeout", Name: "x", Server: "10.9.8.7:53", IsTimeout: true}},
	} {
		got := unreachable(&url.Error{Op: "Post", URL: "https://x", Err: err}).Error()
		if !strings.Contains(got, "name") || strings.Contains(got, "10.9.8.7") {
			t.Errorf("%v: %s", err, got)
		}
	}
}
