package delivery

import (
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/firstline/firstline/internal/mail"
	"github.com/firstline/firstline/internal/mail/mailtest"
)

func withMail(t *testing.T) (*bundle, *mailtest.Server) {
	t.Helper()
	srv := mailtest.Start(t, false)
	m, err := mail.New(mail.Config{URL: "smtp://firstline:a%20password@" + srv.Addr, From: "Larkpay <support@larkpay.example>", TLS: srv.TLS})
	if err != nil {
		t.Fatal(err)
	}
	return setup(t, Options{Mail: m, ReplyDomain: "reply.larkpay.example"}), srv
}

// TestEmail writes one thread to every mailbox, and writes nothing twice where the server has it.
func TestEmail(t *testing.T) {
	t.Parallel()
	b, srv := withMail(t)
	c, err := b.s.AddConnection(t.Context(), b.boss, Connection{Kind: "email", Name: "Support", Settings: Settings{To: []string{"team@larkpay.example", "lead@larkpay.example"}}, Enabled: true}, Secrets{})
	if err != nil {
		t.Fatal(err)
	}
	if o, err := b.s.TestConnection(t.Context(), c.ID); err != nil || !o.OK {
		t.Errorf("%+v, %v", o, err)
	}
	h := b.talk(t, "The late fee is wrong")
	srv.Refuse(func(string) error { return mailtest.Refusal(451, "later") })
	b.pump(t)
	if n := len(srv.Mails()); n != 0 {
		t.Fatalf("%d mails", n)
	}
	srv.Refuse(nil)
	b.settleAll(t)
	b.say(t, h.ConversationID, "2", "Are you there?")
	b.settleAll(t)
	mails := srv.Mails()
	if len(mails) != 4 {
		t.Fatalf("%d mails", len(mails))
	}
	id := h.ConversationID.String()
	thread := "<conversation-" + id + "@larkpay.example>"
	reply := mails[0].Header.Get("Reply-To")
	if !strings.HasPrefix(reply, "<reply+"+strings.ReplaceAll(id, "-", "")+".") || !strings.HasSuffix(reply, "@reply.larkpay.example>") {
		t.Errorf("replies go to %q", reply)
	}
	for i, m := range mails {
		if m.To[0] != []string{"team@larkpay.example", "lead@larkpay.example"}[i%2] || m.Header.Get("Reply-To") != reply {
			t.Errorf("mail %d to %v", i, m.To)
		}
		if i < 2 && (m.Header.Get("Message-Id") != thread || !strings.Contains(m.Text, "Handed over by the assistant") || !strings.Contains(m.Header.Get("Subject"), "[general P2] The late fee is wrong")) {
			t.Errorf("mail %d: %v\n%s", i, m.Header, m.Text)
		}
		if i >= 2 && (m.Header.Get("In-Reply-To") != thread || !strings.Contains(m.Text, "Are you there?")) {
			t.Errorf("mail %d: %v\n%s", i, m.Header, m.Text)
		}
	}
	if one, other := uuid.New(), uuid.New(); b.s.replyAddress(one) == b.s.replyAddress(other) {
		t.Error("every conversation has the same address")
	}
	// A mailbox that does not exist is no reason to try for a day.
	srv.Refuse(func(string) error { return mailtest.Refusal(550, "no such user") })
	b.talk(t, "Hello")
	b.pump(t)
	if dead, _, err := b.s.Deliveries(t.Context(), Filter{State: "dead"}); err != nil || len(dead) != 1 || dead[0].Target != "email" {
		t.Errorf("%+v, %v", dead, err)
	}
}

// TestAnswersByEmail tells a customer who is gone, and nobody who has read the answer.
func TestAnswersByEmail(t *testing.T) {
	t.Parallel()
	b, srv := withMail(t)
	ada := b.agent(t, "ada", "agent", "general")
	answered := func(read bool, address string) uuid.UUID {
		t.Helper()
		h := b.talk(t, "Hello")
		id := h.ConversationID
		if address != "" {
			if err := b.s.Subscribe(t.Context(), id, "old@example.com"); err != nil {
				t.Fatal(err)
			}
			if err := b.s.Subscribe(t.Context(), id, address); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := b.desk.Accept(t.Context(), h.ID, ada); err != nil {
			t.Fatal(err)
		}
		for i, text := range []string{"First", "Second"} {
			if _, err := b.desk.Reply(t.Context(), id, ada, string(rune('a'+i)), text); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := b.desk.Note(t.Context(), id, ada, "n", "A secret"); err != nil {
			t.Fatal(err)
		}
		if read {
			b.say(t, id, "thanks", "Thanks")
		}
		return id
	}
	gone := answered(false, "kim@example.com")
	answered(true, "reader@example.com")
	answered(false, "")
	b.fan(t)
	if n, err := b.s.Deliver(t.Context()); n != 0 || err != nil {
		t.Errorf("%d were sent at once, %v", n, err)
	}
	var wait float64
	if err := b.pool.QueryRow(t.Context(), `SELECT extract(epoch FROM min(next_at - created_at))::float8 FROM deliveries`).Scan(&wait); err != nil || wait < answerAfter.Seconds()-5 {
		t.Errorf("they wait for %v s, %v", wait, err)
	}
	b.pump(t)
	mails := srv.Mails()
	if len(mails) != 1 || mails[0].To[0] != "kim@example.com" {
		t.Fatalf("%d mails", len(mails))
	}
	if m := mails[0]; !strings.HasPrefix(m.Text, "ada:\nFirst\n\nada:\nSecond\n\nYou can go on in the chat") || strings.Contains(m.Text, "secret") || m.Header.Get("Subject") != "An answer from Larkpay" {
		t.Errorf("%s\n%s", m.Header.Get("Subject"), m.Text)
	}
	if got := b.texts(t, `SELECT DISTINCT state FROM deliveries WHERE state <> 'dropped'`); len(got) != 1 || got[0] != "done" {
		t.Errorf("states %v", got)
	}
	// The next answer alone; read by its number, it is not sent either.
	if _, err := b.desk.Reply(t.Context(), gone, ada, "c", "Third"); err != nil {
		t.Fatal(err)
	}
	b.fan(t)
	b.pump(t)
	if mails := srv.Mails(); len(mails) != 2 || strings.Contains(mails[1].Text, "Second") || !strings.Contains(mails[1].Text, "Third") {
		t.Errorf("%d mails", len(mails))
	}
	m, err := b.desk.Reply(t.Context(), gone, ada, "d", "Fourth")
	if err != nil {
		t.Fatal(err)
	}
	b.exec(t, `INSERT INTO events (conversation_id, seq, kind, data, internal, created_at) SELECT id, last_seq + 1, 'read', jsonb_build_object('author', 'customer', 'seq', $2::bigint), true, now()
		FROM conversations WHERE id = $1`, gone, m.Seq)
	b.exec(t, `UPDATE conversations SET last_seq = last_seq + 1 WHERE id = $1`, gone)
	if _, err := b.desk.Reply(t.Context(), gone, ada, "d2", "Just now"); err != nil {
		t.Fatal(err)
	}
	b.fan(t)
	b.exec(t, `UPDATE deliveries SET next_at = now() - interval '1 second' WHERE seq = $1`, m.Seq) // its time has come, and not that of the newer one
	if n, err := b.s.Deliver(t.Context()); n != 1 || err != nil {
		t.Errorf("%d attempts, %v", n, err)
	}
	if err := b.s.Unsubscribe(t.Context(), gone); err != nil {
		t.Fatal(err)
	}
	if _, err := b.desk.Reply(t.Context(), gone, ada, "e", "Fifth"); err != nil {
		t.Fatal(err)
	}
	b.fan(t)
	b.pump(t)
	if mails := srv.Mails(); len(mails) != 2 {
		t.Errorf("%d mails", len(mails))
	}
}
