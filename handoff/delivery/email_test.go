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

// TestAnswersOfBefore sends what a program of before has left to be sent, and nothing that was read or told of meanwhile.
func TestAnswersOfBefore(t *testing.T) {
	t.Parallel()
	b, srv := withMail(t)
	ada := b.agent(t, "ada", "agent", "general")
	left := func(address string, read bool) uuid.UUID {
		t.Helper()
		h := b.talk(t, "Hello")
		id := h.ConversationID
		if address != "" {
			b.exec(t, `INSERT INTO subscriptions (conversation_id, kind, address, told_seq, confirmed_at) SELECT id, 'email', $2, last_seq, now() FROM conversations WHERE id = $1`, id, address)
		}
		if _, err := b.desk.Accept(t.Context(), h.ID, ada); err != nil {
			t.Fatal(err)
		}
		for i, text := range []string{"First", "Second"} {
			m, err := b.desk.Reply(t.Context(), id, ada, string(rune('a'+i)), text)
			if err != nil {
				t.Fatal(err)
			}
			b.exec(t, `INSERT INTO deliveries (id, handoff_id, conversation_id, seq, kind, payload, next_at) VALUES ($1, $2, $3, $4, 'answer.created', '{}', now() - interval '1 second')`,
				uuid.Must(uuid.NewV7()), h.ID, id, m.Seq)
		}
		if read {
			b.say(t, id, "thanks", "Thanks")
		}
		return id
	}
	gone := left("kim@example.com", false)
	left("reader@example.com", true)
	left("", false)
	if _, err := b.s.Deliver(t.Context()); err != nil {
		t.Fatal(err)
	}
	mails := srv.Mails()
	if len(mails) != 1 || mails[0].To[0] != "kim@example.com" {
		t.Fatalf("%d mails", len(mails))
	}
	if m := mails[0]; !strings.HasPrefix(m.Text, "ada:\nFirst\n\nada:\nSecond\n\nYou can go on in the chat") || m.Header.Get("Subject") != "An answer from Larkpay" {
		t.Errorf("%s\n%s", m.Header.Get("Subject"), m.Text)
	}
	if got := b.texts(t, `SELECT state FROM deliveries ORDER BY state`); strings.Join(got, " ") != "done dropped dropped dropped dropped dropped" {
		t.Errorf("states %v", got)
	}
	// Whoever tells of answers since then sees that these are told of, and none is made here any more.
	if got := b.texts(t, `SELECT (n.upto_seq <= u.told_seq)::text FROM notices n JOIN subscriptions u ON u.id = n.subscription_id WHERE n.conversation_id = $1`, gone); len(got) != 1 || got[0] != "true" {
		t.Errorf("told of %v", got)
	}
	b.fan(t)
	if got := b.texts(t, `SELECT id::text FROM deliveries`); len(got) != 6 {
		t.Errorf("%d deliveries", len(got))
	}
}
