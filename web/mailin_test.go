package web

import (
	"crypto/sha256"
	"fmt"
	"log/slog"
	"testing"

	"github.com/firstline/firstline/internal/mailin"
)

// What came in by e-mail is for admins, a conversation's own mails are for the agents who may read it, and customers get
// neither.
func TestMailAPI(t *testing.T) {
	t.Parallel()
	b := setup(t, func(d *Deps) {
		d.Mailin = mailin.New(d.Pool, d.Record, nil, nil, slog.New(slog.DiscardHandler), mailin.Options{})
	})
	admin := []string{"Authorization", "Bearer " + b.person("eva@larkpay.example", "admin", "token")}
	agent := []string{"Authorization", "Bearer " + b.person("ann@larkpay.example", "agent", "token", "general")}
	id, token := b.conversation("gb", "en")
	other, _ := b.conversation("gb", "en")
	if a := b.do("POST", "/v1/conversations/"+id+"/handoff", "{}", "Authorization", "Bearer "+token); a.status != 202 {
		t.Fatalf("%d %s", a.status, a.body)
	}
	for i, m := range []struct {
		conversation *string
		verdict      string
		reason       string
		original     *string
	}{
		{nil, "refused", "forged_sender", nil}, {nil, "ignored", "auto_submitted", nil}, {&id, "taken", "", ptr("Hello\n\n> quoted-marker")}, {&other, "taken", "", ptr("other-marker")},
	} {
		h := sha256.Sum256(fmt.Append(nil, i))
		_, err := b.pool.Exec(t.Context(), `INSERT INTO inbound_mail (id, message_hash, conversation_id, sender_hash, sender_domain, recipient, size, verdict, reason, original, received_at)
			VALUES (gen_random_uuid(), $1, $2, $1, '<b>evil.example', 'reply', 7, $3, $4, $5, now() - $6 * interval '1 minute')`, h[:], m.conversation, m.verdict, m.reason, m.original, i)
		if err != nil {
			t.Fatal(err)
		}
	}
	customer := []string{"Authorization", "Bearer " + token}
	cookie := []string{"Cookie", sessionCookie + "=" + b.person("root@larkpay.example", "admin", "session")}
	own, others := "/v1/agent/conversations/"+id+"/mail", "/v1/agent/conversations/"+other+"/mail"
	b.run([]scenario{
		{name: "nobody", path: "/v1/admin/mail", status: 401},
		{name: "a customer", path: "/v1/admin/mail", headers: customer, status: 401},
		{name: "an agent", path: "/v1/admin/mail", headers: agent, status: 403},
		{name: "an admin", path: "/v1/admin/mail", headers: admin, status: 200, want: []string{"forged_sender", "auto_submitted", `"next":null`}, never: []string{"marker", `"taken"`}},
		{name: "by verdict", path: "/v1/admin/mail?verdict=taken", headers: admin, status: 200, want: []string{id, other}, never: []string{"marker", "forged"}},
		{name: "a page of it", path: "/v1/admin/mail?limit=1", headers: admin, status: 200, want: []string{"forged_sender", `"next":"20`}, never: []string{"auto_submitted"}},
		{name: "an earlier time", path: "/v1/admin/mail?before=2020-01-01T00:00:00Z", headers: admin, status: 200, want: []string{`"mails":[]`}},
		{name: "no number", path: "/v1/admin/mail?limit=0", headers: admin, status: 422, want: []string{`"field":"limit"`}},
		{name: "no time", path: "/v1/admin/mail?before=yesterday", headers: admin, status: 422, want: []string{`"field":"before"`}},
		{name: "nobody's mails", path: own, status: 401},
		{name: "the customer's mails", path: own, headers: customer, status: 401},
		{name: "the mails of a conversation", path: own, headers: agent, status: 200, want: []string{"quoted-marker"}, never: []string{"other-marker"}},
		{name: "of one that the agent may not read", path: others, headers: agent, status: 404, never: []string{"marker"}},
		{name: "the page", path: "/admin/mail", headers: cookie, status: 200, want: []string{"DMARC", "A machine wrote it", "&lt;b&gt;evil.example"}, never: []string{"<b>evil", "marker"}},
		{name: "the page by verdict", path: "/admin/mail?verdict=taken", headers: cookie, status: 200, want: []string{"In a conversation"}, never: []string{"DMARC", "marker"}},
	})
}

func ptr(s string) *string { return &s }
