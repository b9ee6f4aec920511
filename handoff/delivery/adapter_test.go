package delivery

import (
	"html"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/firstline/firstline/handoff"
	"github.com/firstline/firstline/internal/chat"
)

// connect makes a connection to the fake.
func (b *bundle) connect(t *testing.T, d *fakeDesk) Connection {
	t.Helper()
	c, secret := d.connection()
	c, err := b.s.AddConnection(t.Context(), b.boss, c, secret)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// hear takes requests of a desk's and does what is in them.
func (b *bundle) hear(t *testing.T, c Connection, requests ...Request) {
	t.Helper()
	for _, r := range requests {
		if _, err := b.s.Receive(t.Context(), c.ID, r); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := b.s.HandleReceived(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// echo lets the desk tell us of everything that it was told by us, and does what is in it.
func (b *bundle) echo(t *testing.T, c Connection, d *fakeDesk) {
	t.Helper()
	var all []Request
	d.set(func() { all = slices.Clone(d.emitted) })
	b.hear(t, c, all...)
}

// messages are those of the conversation by agents, as author: text, notes with a star.
func (b *bundle) messages(t *testing.T, id uuid.UUID) []string {
	t.Helper()
	all, err := b.rec.Messages(t.Context(), id, 0, 500, true)
	if err != nil {
		t.Fatal(err)
	}
	out := []string{}
	for _, m := range all {
		if m.Author == chat.Agent {
			star := ""
			if m.Visibility == "internal" {
				star = "*"
			}
			out = append(out, star+m.Agent.Name+": "+m.Text)
		}
	}
	return out
}

func (b *bundle) state(t *testing.T, id uuid.UUID) string {
	t.Helper()
	return b.texts(t, `SELECT state FROM handoffs WHERE conversation_id = $1 ORDER BY queued_at DESC, id DESC LIMIT 1`, id)[0]
}

// settleAll sends until nothing is pending.
func (b *bundle) settleAll(t *testing.T) {
	t.Helper()
	for range 30 {
		b.pump(t)
		if len(b.texts(t, `SELECT id::text FROM deliveries WHERE state = 'pending'`)) == 0 {
			break
		}
	}
	if left := b.texts(t, `SELECT state || ' ' || kind || ' ' || error FROM deliveries WHERE state <> 'done'`); len(left) > 0 {
		t.Fatalf("not delivered: %v", left)
	}
}

func eachDesk(t *testing.T, f func(t *testing.T, b *bundle, d *fakeDesk, c Connection)) {
	for name, make := range fakeDesks() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, Options{})
			d := make(t)
			f(t, b, d, b.connect(t, d))
		})
	}
}

// TestDesks takes a conversation out, its answers back in, and to its end, while every second answer of the desk is lost.
func TestDesks(t *testing.T) {
	t.Parallel()
	eachDesk(t, func(t *testing.T, b *bundle, d *fakeDesk, c Connection) {
		d.set(func() { d.flaky = true })
		h := b.talk(t, "The late fee is <wrong> & unfair")
		id := h.ConversationID
		b.settleAll(t)
		b.say(t, id, "2", "It is 7 euros, not 5")
		b.settleAll(t)
		convs := d.snapshot()
		if len(convs) != 1 {
			t.Fatalf("%d conversations at the desk", len(convs))
		}
		if diff := cmp.Diff([]string{"It is 7 euros, not 5"}, convs[0].texts("customer")); diff != "" {
			t.Errorf("customer's messages (-want +got):\n%s", diff)
		}
		opening := html.UnescapeString(strings.Join(convs[0].texts("note"), "\n"))
		for _, want := range []string{"low_confidence", "late fee", "Kim <kim@example.com>, verified", "P2", "team general", "Late fees (version 3)", "Promised", id.String()} {
			if !strings.Contains(opening, want) {
				t.Errorf("the opening lacks %q:\n%s", want, opening)
			}
		}
		if n := strings.Count(opening, "Handed over by the assistant"); n != 1 {
			t.Errorf("opened %d times", n)
		}
		b.exec(t, `DELETE FROM external_messages`) // the echo may come before we have written down what we sent
		b.echo(t, c, d)                            // nothing of ours comes back
		if got := b.messages(t, id); len(got) > 0 || b.state(t, id) != "queued" {
			t.Fatalf("an echo was taken for an answer: %v, %s", got, b.state(t, id))
		}

		ext := convs[0].id
		reply := d.reply(ext, "I have cancelled the fee. My card is 4242 4242 4242 4242")
		b.hear(t, c, reply, reply)
		b.hear(t, c, reply, d.note(ext, "A known problem"))
		want := []string{"Larkpay support: I have cancelled the fee. My card is [card ending 4242]"}
		got := b.messages(t, id)
		if len(got) != 2 || got[0] != want[0] || !strings.HasPrefix(got[1], "*Larkpay support: ") || !strings.HasSuffix(got[1], "A known problem") {
			t.Errorf("messages %q", got)
		}
		if b.state(t, id) != "accepted" {
			t.Errorf("state %s", b.state(t, id))
		}
		b.say(t, id, "3", "Thanks!")
		b.settleAll(t)
		b.echo(t, c, d)
		if got := b.messages(t, id); len(got) != 2 {
			t.Errorf("after the echo: %q", got)
		}
		if diff := cmp.Diff([]string{"It is 7 euros, not 5", "Thanks!"}, d.snapshot()[0].texts("customer")); diff != "" {
			t.Errorf("customer's messages (-want +got):\n%s", diff)
		}
		for _, n := range d.snapshot()[0].texts("note") {
			if strings.Contains(n, "cancelled the fee") || strings.Contains(n, "known problem") {
				t.Errorf("the desk is told what it said: %s", n)
			}
		}

		resolved := d.resolve(ext)
		b.hear(t, c, resolved, resolved)
		if b.state(t, id) != "resolved" {
			t.Errorf("state %s", b.state(t, id))
		}
		notes := len(d.snapshot()[0].texts("note"))
		b.settleAll(t)
		if n := len(d.snapshot()[0].texts("note")); n != notes {
			t.Error("the desk is told that it closed the conversation")
		}

		// The customer comes back: the same conversation there, and what was said of the former handoff does not end this one.
		b.say(t, id, "4", "It is there again")
		again := b.handOff(t, id)
		b.settleAll(t)
		if convs := d.snapshot(); len(convs) != 1 || !strings.Contains(strings.Join(convs[0].texts("note")[notes:], "\n"), "Handed over by the assistant") {
			t.Errorf("%d conversations", len(convs))
		}
		b.exec(t, `UPDATE inbound_events SET state = 'pending', attempts = 0, next_at = now(), happened_at = happened_at - interval '1 minute' WHERE kind = 'resolved'`)
		b.hear(t, c)
		if b.state(t, id) != "queued" || again.ConversationID != id {
			t.Errorf("an old word ended the new handoff: %s", b.state(t, id))
		}
	})
}

// TestOneSpeaker lets somebody here take the conversation: what is written at the other desk reaches them, and not the customer.
func TestOneSpeaker(t *testing.T) {
	t.Parallel()
	eachDesk(t, func(t *testing.T, b *bundle, d *fakeDesk, c Connection) {
		ada := b.agent(t, "ada", "agent", "general")
		h := b.talk(t, "Hello")
		b.settleAll(t)
		ext := d.snapshot()[0].id
		if _, err := b.desk.Accept(t.Context(), h.ID, ada); err != nil {
			t.Fatal(err)
		}
		b.hear(t, c, d.reply(ext, "From outside"), d.resolve(ext))
		if _, err := b.desk.Reply(t.Context(), h.ConversationID, ada, "r", "From here"); err != nil {
			t.Fatal(err)
		}
		for _, m := range b.messages(t, h.ConversationID) {
			if m[0] != '*' && m != "ada: From here" {
				t.Errorf("the customer reads %q", m)
			}
		}
		if got := strings.Join(b.messages(t, h.ConversationID), "\n"); !strings.Contains(got, "not sent to the customer") || !strings.Contains(got, "From outside") || !strings.Contains(got, "stays open") {
			t.Errorf("ada does not read it:\n%s", got)
		}
		if b.state(t, h.ConversationID) != "accepted" {
			t.Errorf("state %s", b.state(t, h.ConversationID))
		}
		if _, err := b.desk.Resolve(t.Context(), h.ConversationID, ada, 0); err != nil {
			t.Fatal(err)
		}
		b.settleAll(t)
		conv := d.snapshot()[0]
		notes := strings.Join(conv.texts("note"), "\n")
		for _, want := range []string{"ada has taken", "ada answered: From here", "ada has closed"} {
			if !strings.Contains(notes, want) {
				t.Errorf("the desk does not read %q:\n%s", want, notes)
			}
		}
		if len(conv.texts("agent")) > 0 {
			t.Errorf("the desk would mail the customer: %q", conv.texts("agent"))
		}
		if d.name != "slack" && conv.status == "open" {
			t.Error("it stays open there")
		}
		b.echo(t, c, d)
		// A word from outside after the end: a person speaks, so the conversation is theirs again.
		b.hear(t, c, d.reply(ext, "One more thing"))
		if got := b.messages(t, h.ConversationID); got[len(got)-1] != "Larkpay support: One more thing" || b.state(t, h.ConversationID) != "accepted" {
			t.Errorf("%q, %s", got, b.state(t, h.ConversationID))
		}
	})
}

// TestOfferedElsewhere has the conversation offered to somebody here, who does not answer, while it is answered outside.
func TestOfferedElsewhere(t *testing.T) {
	t.Parallel()
	b := setup(t, Options{})
	d := fakeZendesk(t)
	c := b.connect(t, d)
	ada := b.agent(t, "ada", "agent", "general")
	if err := b.desk.SetPresence(t.Context(), ada, "online"); err != nil {
		t.Fatal(err)
	}
	if err := b.desk.Connected(t.Context(), ada, time.Now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	h := b.talk(t, "Hello")
	b.settleAll(t)
	if err := b.desk.Route(t.Context()); err != nil {
		t.Fatal(err)
	}
	if b.state(t, h.ConversationID) != "offered" {
		t.Fatalf("state %s", b.state(t, h.ConversationID))
	}
	b.hear(t, c, d.reply(d.snapshot()[0].id, "Hello from outside"))
	if diff := cmp.Diff([]string{"Larkpay support: Hello from outside"}, b.messages(t, h.ConversationID)); diff != "" {
		t.Error(diff)
	}
	if open := b.texts(t, `SELECT id::text FROM offers WHERE outcome = 'open'`); len(open) > 0 {
		t.Error("the offer stays open")
	}
	// Nobody is ever offered a conversation as a desk.
	b.talk(t, "Hello again")
	if err := b.desk.Route(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := b.texts(t, `SELECT agent_id::text FROM offers WHERE agent_id = $1 AND outcome = 'open'`, c.ID); len(got) > 0 {
		t.Error("the desk was offered a conversation")
	}
}

// TestForgedRequests change nothing.
func TestForgedRequests(t *testing.T) {
	t.Parallel()
	eachDesk(t, func(t *testing.T, b *bundle, d *fakeDesk, c Connection) {
		h := b.talk(t, "Hello")
		b.settleAll(t)
		ext := d.snapshot()[0].id
		good := d.reply(ext, "Send me your password")
		late := d.reply(ext, "Late")
		late.Now = late.Now.Add(time.Hour)
		unsigned := d.reply(ext, "Unsigned")
		unsigned.Header = http.Header{}
		bad := map[string]Request{"altered": altered(good), "unsigned": unsigned}
		if d.name != "intercom" { // which sends no time
			bad["late"] = late
		} else {
			late.Now = late.Now.Add(keptFor) // and what was sent then is not known any more
			if _, err := b.s.Receive(t.Context(), c.ID, late); err != nil {
				t.Error(err)
			}
		}
		for name, r := range bad {
			if _, err := b.s.Receive(t.Context(), c.ID, r); err == nil {
				t.Errorf("%s was taken", name)
			} else {
				wantCode(t, err, "bad_signature")
			}
		}
		_, err := b.s.Receive(t.Context(), uuid.New(), good)
		wantCode(t, err, "bad_signature")
		b.hear(t, c)
		if got := b.messages(t, h.ConversationID); len(got) > 0 {
			t.Errorf("messages %q", got)
		}
		// A conversation of theirs that is none of ours is none of our business.
		b.hear(t, c, d.reply("999999", "Whose is this?"))
		if got := b.texts(t, `SELECT state FROM inbound_events`); len(got) != 1 || got[0] != "ignored" {
			t.Errorf("events %v", got)
		}
	})
}

// TestOrderIsKept lets a desk refuse: what comes later waits, is not lost, and goes out in order once the first one is sent again.
func TestOrderIsKept(t *testing.T) {
	t.Parallel()
	eachDesk(t, func(t *testing.T, b *bundle, d *fakeDesk, c Connection) {
		h := b.talk(t, "Hello")
		other := b.talk(t, "Another customer")
		d.set(func() { d.down = true })
		for i := range 3 {
			b.say(t, h.ConversationID, string(rune('a'+i)), "message "+string(rune('a'+i)))
		}
		b.pump(t)
		if got := b.texts(t, `SELECT kind FROM deliveries WHERE attempts > 0 ORDER BY id`); !slices.Equal(got, []string{HandoffCreated, HandoffCreated}) {
			t.Fatalf("tried: %v", got)
		}
		b.exec(t, `UPDATE deliveries SET state = 'dead' WHERE attempts > 0 AND conversation_id = $1`, h.ConversationID)
		d.set(func() { d.down = false })
		b.pump(t)
		if got := b.texts(t, `SELECT conversation_id::text FROM external_links`); len(got) != 1 || got[0] != other.ConversationID.String() {
			t.Errorf("delivered: %v", got)
		}
		dead, _, err := b.s.Deliveries(t.Context(), Filter{State: "dead"})
		if err != nil || len(dead) != 1 || dead[0].Behind != 3 {
			t.Fatalf("dead %+v, %v", dead, err)
		}
		if n, err := b.s.ReplayDead(t.Context(), b.boss, &c.ID); n != 1 || err != nil {
			t.Fatal(n, err)
		}
		b.settleAll(t)
		for _, conv := range d.snapshot() {
			if said := conv.texts("customer"); len(said) > 0 {
				if diff := cmp.Diff([]string{"message a", "message b", "message c"}, said); diff != "" {
					t.Error(diff)
				}
			}
		}
	})
}

// TestWrongToken is no reason to try for a day: somebody must mend it, and is told.
func TestWrongToken(t *testing.T) {
	t.Parallel()
	eachDesk(t, func(t *testing.T, b *bundle, d *fakeDesk, c Connection) {
		if o, err := b.s.TestConnection(t.Context(), c.ID); err != nil || !o.OK {
			t.Errorf("with the right token: %+v, %v", o, err)
		}
		if _, err := b.s.SetConnection(t.Context(), b.boss, c, Secrets{Token: "wrong"}); err != nil {
			t.Fatal(err)
		}
		if o, err := b.s.TestConnection(t.Context(), c.ID); err != nil || o.OK {
			t.Errorf("with a wrong token: %+v, %v", o, err)
		}
		b.talk(t, "Hello")
		b.pump(t)
		if diff := cmp.Diff([]string{"dead handoff.created 1"}, b.states(t)); diff != "" {
			t.Error(diff)
		}
		if got := b.texts(t, `SELECT subject FROM alerts WHERE kind = 'delivery_dead'`); len(got) != 1 || got[0] != c.ID.String() {
			t.Errorf("alerts %v", got)
		}
		if _, err := b.s.SetConnection(t.Context(), b.boss, c, Secrets{Token: "token"}); err != nil {
			t.Fatal(err)
		}
		if _, err := b.s.ReplayDead(t.Context(), b.boss, nil); err != nil {
			t.Fatal(err)
		}
		b.settleAll(t)
	})
}

// TestSwitchedOn opens the conversation first when a connection was off at its beginning.
func TestSwitchedOn(t *testing.T) {
	t.Parallel()
	eachDesk(t, func(t *testing.T, b *bundle, d *fakeDesk, c Connection) {
		off := c
		off.Enabled = false
		if _, err := b.s.SetConnection(t.Context(), b.boss, off, Secrets{}); err != nil {
			t.Fatal(err)
		}
		b.webhook(t, newReceiver(t).URL) // somebody is told meanwhile
		h := b.talk(t, "Hello")
		b.settleAll(t)
		if _, err := b.s.SetConnection(t.Context(), b.boss, c, Secrets{}); err != nil {
			t.Fatal(err)
		}
		b.say(t, h.ConversationID, "2", "Are you there?")
		d.set(func() { d.flaky = true })
		b.settleAll(t)
		convs := d.snapshot()
		if len(convs) != 1 || !strings.Contains(strings.Join(convs[0].texts("note"), ""), "Handed over by the assistant") || len(convs[0].texts("customer")) != 1 {
			t.Errorf("%+v", convs)
		}
	})
}

// TestTeams takes to a desk only what its teams have.
func TestTeams(t *testing.T) {
	t.Parallel()
	b := setup(t, Options{})
	d := fakeSlack(t)
	c := b.connect(t, d)
	c.Teams = []string{"b2b"}
	if _, err := b.s.SetConnection(t.Context(), b.boss, c, Secrets{}); err != nil {
		t.Fatal(err)
	}
	b.talk(t, "Hello")
	b.settleAll(t)
	if n := len(d.snapshot()); n != 0 {
		t.Errorf("%d conversations", n)
	}
}

// TestClosedTicket goes on in a ticket that follows the closed one.
func TestClosedTicket(t *testing.T) {
	t.Parallel()
	b := setup(t, Options{})
	d := fakeZendesk(t)
	c := b.connect(t, d)
	h := b.talk(t, "Hello")
	b.settleAll(t)
	d.set(func() { d.convs[0].status = "closed" })
	b.say(t, h.ConversationID, "2", "Still wrong")
	b.settleAll(t)
	b.say(t, h.ConversationID, "3", "Really")
	b.settleAll(t)
	convs := d.snapshot()
	if len(convs) != 2 {
		t.Fatalf("%d tickets", len(convs))
	}
	b.hear(t, c, d.reply(convs[1].id, "We are on it"))
	if diff := cmp.Diff([]string{"Larkpay support: We are on it"}, b.messages(t, h.ConversationID)); diff != "" {
		t.Error(diff)
	}
}

// TestSlackCommands are for colleagues; a word that looks like one never reaches the customer.
func TestSlackCommands(t *testing.T) {
	t.Parallel()
	b := setup(t, Options{})
	d := fakeSlack(t)
	c := b.connect(t, d)
	h := b.talk(t, "Hello")
	b.settleAll(t)
	ext := d.snapshot()[0].id
	b.hear(t, c, d.reply(ext, "See <https://example.com/a?b=1&amp;c=2|our page> &amp; write to <mailto:x@y.z|x@y.z>"))
	b.hear(t, c, d.reply(ext, "NOTE: secret"))
	b.hear(t, c, d.reply(ext, "!resolv"))
	got := b.messages(t, h.ConversationID)
	if len(got) != 3 || got[0] != "Larkpay support: See our page (https://example.com/a?b=1&c=2) & write to x@y.z" || got[1][0] != '*' || got[2][0] != '*' {
		t.Errorf("messages %q", got)
	}
	b.hear(t, c, d.reply(ext, "!return Offer the payment plan"))
	if got := b.texts(t, `SELECT instruction FROM conversations WHERE id = $1`, h.ConversationID); got[0] != "Offer the payment plan" || b.state(t, h.ConversationID) != string(handoff.Returned) {
		t.Errorf("instruction %q, %s", got, b.state(t, h.ConversationID))
	}
}

func TestPlain(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"just text": "just text", "<p>One</p><p>Two &amp; three</p>": "One\nTwo & three", "a<br>b": "a\nb", "<ul><li>x</li><li>y</li></ul>": "- x\n- y",
		"<script>alert(1)</script>hi": "hi", "1 < 2": "1 < 2", "<p>a</p>\n<p></p>\n<p></p>\n<p>b</p>": "a\n\nb",
	} {
		if got := plain(in); got != want {
			t.Errorf("plain(%q) = %q, want %q", in, got, want)
		}
	}
}

// TestDeskIsGone takes a conversation back from a desk that cannot be told any more what its customer writes: refusing, switched
// off, removed.
func TestDeskIsGone(t *testing.T) {
	t.Parallel()
	b := setup(t, Options{Schedule: []time.Duration{time.Second}})
	d := fakeSlack(t)
	c := b.connect(t, d)
	answered := func() uuid.UUID {
		t.Helper()
		h := b.talk(t, "Hello")
		b.settleAll(t)
		convs := d.snapshot()
		b.hear(t, c, d.reply(convs[len(convs)-1].id, "I am on it"))
		if b.state(t, h.ConversationID) != "accepted" {
			t.Fatalf("state %s", b.state(t, h.ConversationID))
		}
		b.settleAll(t)
		return h.ConversationID
	}
	refused, other := answered(), answered()
	d.set(func() { d.down = true })
	b.say(t, refused, "2", "Are you there?")
	for range 3 {
		b.pump(t)
	}
	if got := b.state(t, refused); got != "queued" {
		t.Errorf("its customer waits for nobody: %s", got)
	}
	if got := b.state(t, other); got != "accepted" {
		t.Errorf("what it can go on with: %s", got)
	}
	c.Enabled = false
	if _, err := b.s.SetConnection(t.Context(), b.boss, c, Secrets{}); err != nil {
		t.Fatal(err)
	}
	if got := b.state(t, other); got != "queued" {
		t.Errorf("switched off: %s", got)
	}
	c.Enabled = true
	if _, err := b.s.SetConnection(t.Context(), b.boss, c, Secrets{}); err != nil {
		t.Fatal(err)
	}
	d.set(func() { d.down = false })
	if _, err := b.s.ReplayDead(t.Context(), b.boss, nil); err != nil {
		t.Fatal(err)
	}
	last := answered()
	if err := b.s.RemoveConnection(t.Context(), b.boss, c.ID); err != nil {
		t.Fatal(err)
	}
	if got := b.state(t, last); got != "queued" {
		t.Errorf("removed: %s", got)
	}
}

// TestStandInsAreNoColleagues: the agent in whose name another desk replies is no colleague to pass something to or to name,
// and stands on the supervisors' board only with what the desk has.
func TestStandInsAreNoColleagues(t *testing.T) {
	t.Parallel()
	eachDesk(t, func(t *testing.T, b *bundle, d *fakeDesk, c Connection) {
		ctx := t.Context()
		ada := b.agent(t, "ada", "agent", "general")
		h := b.talk(t, "Hello")
		b.settleAll(t)
		shown := func() (colleague, supervised bool) {
			t.Helper()
			seat := b.desk.Live().Join(ada)
			defer seat.Leave()
			select {
			case <-seat.C():
			case <-time.After(time.Minute):
				t.Fatal("the desk was not read")
			}
			board, err := seat.Changes()
			if err != nil || board == nil || len(board.People) == 0 {
				t.Fatalf("%+v, %v", board, err)
			}
			s, err := b.desk.Supervision(ctx, b.boss)
			if err != nil {
				t.Fatal(err)
			}
			return slices.ContainsFunc(board.People, func(a handoff.Colleague) bool { return a.ID == c.ID }),
				slices.ContainsFunc(s.Agents, func(a handoff.AgentNow) bool { return a.ID == c.ID })
		}
		if colleague, supervised := shown(); colleague || supervised {
			t.Errorf("with nothing to do: colleague %v, supervised %v", colleague, supervised)
		}
		b.exec(t, `UPDATE agents SET capacity = 4 WHERE id = $1`, c.ID) // it is not for want of room
		_, err := b.desk.Assign(ctx, h.ID, b.boss, c.ID, "")
		wantCode(t, err, "unknown_agent")
		b.hear(t, c, d.reply(d.snapshot()[0].id, "From outside"))
		_, err = b.desk.NoteTo(ctx, h.ConversationID, b.boss, "n", "Look at this", []uuid.UUID{c.ID})
		wantCode(t, err, "cannot_read")
		if colleague, supervised := shown(); colleague || !supervised {
			t.Errorf("with a conversation: colleague %v, supervised %v", colleague, supervised)
		}
	})
}
