package web

import (
	"archive/zip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/uuid"

	"github.com/firstline/firstline/internal/chat"
	"github.com/firstline/firstline/internal/customer"
)

// planted looks for texts in every column of every table, as a person with the database would.
func (b *bundle) planted(texts ...string) (found []string) {
	b.t.Helper()
	rows, err := b.pool.Query(b.t.Context(), `SELECT format('%I', table_name), format('%I', column_name), data_type FROM information_schema.columns
		WHERE table_schema = 'public' AND (data_type IN ('text', 'jsonb', 'bytea', 'ARRAY', 'uuid') OR data_type = 'character varying')`)
	if err != nil {
		b.t.Fatal(err)
	}
	var columns [][3]string
	for rows.Next() {
		var c [3]string
		if err := rows.Scan(&c[0], &c[1], &c[2]); err != nil {
			b.t.Fatal(err)
		}
		columns = append(columns, c)
	}
	if rows.Err() != nil || len(columns) < 100 {
		b.t.Fatal(len(columns), rows.Err())
	}
	for _, c := range columns {
		for _, text := range texts {
			value := c[1] + "::text"
			needle := text
			if c[2] == "bytea" {
				value, needle = "encode("+c[1]+", 'hex')", hex.EncodeToString([]byte(text))
			}
			var n int
			if err := b.pool.QueryRow(b.t.Context(), `SELECT count(*) FROM `+c[0]+` WHERE position($1 in `+value+`) > 0`, needle).Scan(&n); err != nil {
				b.t.Fatal(c, err)
			}
			if n > 0 {
				found = append(found, c[0]+"."+c[1]+" has "+text)
			}
		}
	}
	return found
}

// TestRights: a customer gets a copy of all that is theirs and nothing else, has it deleted everywhere, and holds a receipt
// that nobody can alter.
func TestRights(t *testing.T) {
	t.Parallel()
	b := known(t)
	const secret, subject = "zyzzogeton", "kolibriform-42"
	first, token := b.conversation("gb", "en")
	token, session := b.identify(first, token, vouch(t, jwt.MapClaims{"sub": subject}))
	started := b.do("POST", "/v1/conversations", `{"market":"gb","locale":"en","customer_session":"`+session+`"}`).json(t)
	second, secondToken := started["id"].(string), started["token"].(string)
	strangerID, stranger := b.conversation("gb", "en")
	b.do("POST", "/v1/conversations/"+strangerID+"/messages", `{"client_id":"1","text":"nothing of the axolotlish kind"}`, bearer(stranger)...)
	for id, token := range map[string]string{first: token, second: secondToken} {
		up := b.do("POST", "/v1/attachments?conversation="+id, "--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"../"+secret+".txt\"\r\n\r\nthe "+secret+" file\r\n--x--\r\n",
			append(bearer(token), "Content-Type", "multipart/form-data; boundary=x")...)
		if up.status != http.StatusCreated {
			t.Fatal(up.status, up.body)
		}
		file, _ := up.json(t)["id"].(string)
		if a := b.do("POST", "/v1/conversations/"+id+"/messages", `{"client_id":"1","text":"`+secret+`","attachments":["`+file+`"]}`, bearer(token)...); a.status != http.StatusAccepted {
			t.Fatal(a.status, a.body)
		}
	}
	if a := b.do("POST", "/v1/conversations/"+first+"/handoff", `{"note":"`+secret+`"}`, bearer(token)...); a.status != http.StatusAccepted {
		t.Fatal(a.status, a.body)
	}
	ada := b.person("ada@larkpay.example", "supervisor", "token")
	if err := b.record.Do(t.Context(), uuid.MustParse(first), func(ctx context.Context, s *chat.Session) error {
		return s.AddMessage(ctx, &chat.Message{Author: chat.System, Text: "among us: wombatlike", Visibility: "internal"})
	}); err != nil {
		t.Fatal(err)
	}
	// What has no foreign key, or keeps its row.
	link := uuid.New()
	if _, err := b.pool.Exec(t.Context(), `INSERT INTO connections (id, kind, name, config, secret, disabled_at) VALUES ($1, 'slack', 'another desk', '{}', '', now())`, link); err != nil {
		t.Fatal(err)
	}
	for _, sql := range []string{
		`INSERT INTO article_drafts (id, conversation_id, agent_id, locale, market, audience, title, markdown) SELECT gen_random_uuid(), $1, id, 'en', 'gb', 'consumer', 'x', '` + secret + `' FROM agents LIMIT 1`,
		`INSERT INTO viewers (conversation_id, agent_id, writing, until) SELECT $1, id, false, now() FROM agents LIMIT 1`,
	} {
		if _, err := b.pool.Exec(t.Context(), sql, first); err != nil {
			t.Fatal(err)
		}
	}
	for _, sql := range []string{
		`INSERT INTO external_links (connection_id, conversation_id, external_id) VALUES ($2, $1, 'ticket-1')`,
		`INSERT INTO external_messages (connection_id, external_id, inward, message_id) SELECT $2, 'note-1', true, id FROM messages WHERE conversation_id = $1 LIMIT 1`,
		`INSERT INTO inbound_events (id, connection_id, external_id, external_conversation, kind, body, happened_at, state)
			SELECT gen_random_uuid(), connection_id, 'event-1', external_id, 'note', '` + secret + `', now(), 'done' FROM external_links WHERE conversation_id = $1 AND connection_id = $2`,
		`INSERT INTO identity_uses (token_hash, bound, expires_at) SELECT uuid_send($2), 'conversation:' || $1::uuid::text, now() + interval '1 day'`,
	} {
		if _, err := b.pool.Exec(t.Context(), sql, first, link); err != nil {
			t.Fatal(sql, err)
		}
	}

	// The copy.
	copied := b.do("POST", "/v1/customer/export", "", bearer(session)...)
	z, err := zip.NewReader(strings.NewReader(copied.body), int64(len(copied.body)))
	if copied.status != http.StatusOK || err != nil {
		t.Fatal(copied.status, err)
	}
	content := map[string]string{}
	for _, f := range z.File {
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		content[f.Name] = string(data)
		if strings.Contains(f.Name, "..") {
			t.Errorf("the entry %s leads out of the folder", f.Name)
		}
	}
	var manifest struct{ Entries []customer.Entry }
	if err := json.Unmarshal([]byte(content["manifest.json"]), &manifest); err != nil || len(manifest.Entries) != 4 || len(content) != 5 {
		t.Errorf("%d entries, %d files, %v", len(manifest.Entries), len(content), err)
	}
	for _, e := range manifest.Entries {
		if sum := sha256.Sum256([]byte(content[e.Name])); hex.EncodeToString(sum[:]) != e.SHA256 || len(content[e.Name]) != e.Size {
			t.Errorf("%s is not what the manifest says", e.Name)
		}
		if !strings.Contains(content[e.Name], secret) {
			t.Errorf("%s lacks what the customer said", e.Name)
		}
	}
	if all := copied.body + content["conversations/"+first+".json"] + content["conversations/"+second+".json"]; strings.Contains(all, "wombatlike") || strings.Contains(all, "axolotlish") {
		t.Error("the copy has what is among agents, or another customer's")
	}

	// The end, when the assistant has done with what was said.
	for tries, busy := 0, true; busy; tries++ {
		if err := b.pool.QueryRow(t.Context(), `SELECT EXISTS (SELECT FROM turns WHERE state IN ('waiting', 'running'))`).Scan(&busy); err != nil {
			t.Fatal(err)
		}
		if busy {
			if tries > 3000 {
				t.Fatal("turns go on")
			}
			time.Sleep(20 * time.Millisecond)
		}
	}
	if len(b.planted(secret)) < 5 {
		t.Fatalf("what is planted is not found to begin with: %v", b.planted(secret))
	}
	stream := b.stream("/v1/conversations/"+second+"/events", bearer(secondToken)...)
	b.run([]scenario{
		{name: "without meaning it", method: "POST", path: "/v1/customer/erase", body: `{}`, headers: bearer(session), status: 422, want: []string{`"field":"confirm"`}},
		{name: "while a person has it", method: "POST", path: "/v1/customer/erase", body: `{"confirm":true}`, headers: bearer(session), status: 409, want: []string{`"with_an_agent"`}},
		{name: "by the token of one", method: "POST", path: "/v1/conversations/" + second + "/erase", body: `{"confirm":true}`, headers: bearer(secondToken), status: 403, want: []string{`"needs_session"`}},
	})
	if _, err := b.pool.Exec(t.Context(), `UPDATE customer_sessions SET created_at = now() - interval '1 hour'`); err != nil {
		t.Fatal(err)
	}
	b.run([]scenario{{name: "with an old session", method: "POST", path: "/v1/customer/erase", body: `{"confirm":true,"even_open":true}`, headers: bearer(session), status: 403, want: []string{`"session_too_old"`}}})
	fresh, _ := b.do("POST", "/v1/customer/session", tokenBody(vouch(t, jwt.MapClaims{"sub": subject}))).json(t)["session"].(string)
	handoffs := 0
	if err := b.pool.QueryRow(t.Context(), `SELECT count(*) FROM handoffs WHERE conversation_id IN ($1, $2)`, first, second).Scan(&handoffs); err != nil || handoffs < 1 {
		t.Fatal(handoffs, err)
	}
	gone := b.do("POST", "/v1/customer/erase", `{"confirm":true,"even_open":true}`, bearer(fresh)...)
	if gone.status != http.StatusOK {
		t.Fatal(gone.status, gone.body)
	}
	if found := b.planted(secret, "kim@example.org", subject, first, second); len(found) > 0 {
		t.Errorf("still there: %v", found)
	}
	select {
	case _, ended := <-stream:
		if !ended {
			t.Error("a stream of what is gone was cut, and did not end")
		}
	case <-time.After(time.Minute):
		t.Error("a stream of what is gone goes on")
	}
	privacy := b.do("GET", "/v1/privacy?locale=de-AT", "").json(t)
	key, _ := privacy["receipt_key"].(string)
	receipt, _ := gone.json(t)["receipt"].(string)
	r, err := customer.VerifyReceipt(receipt, key)
	if err != nil || r.Counts["conversations"] != 2 || r.Counts["files"] != 2 || r.Counts["handoffs"] != handoffs || !r.Names(subject) || r.Names("c-43") {
		t.Errorf("%+v, %v", r, err)
	}
	body, sig, _ := strings.Cut(receipt, ".")
	for _, altered := range []string{body + "A." + sig, body[:len(body)-4] + "AAAA." + sig, body + "." + sig[:len(sig)-4] + "AAAA", body, "", "." + sig} {
		if _, err := customer.VerifyReceipt(altered, key); err == nil {
			t.Errorf("an altered receipt passes: %.40s", altered)
		}
	}
	if privacy["locale"] != "de" {
		t.Errorf("the texts are in %v", privacy["locale"])
	}
	b.run([]scenario{
		{name: "the session", path: "/v1/customer/conversations", headers: bearer(fresh), status: 401},
		{name: "the token", path: "/v1/conversations/" + second, headers: bearer(secondToken), status: 401},
		{name: "the desk", path: "/v1/agent/conversations/" + first, headers: bearer(ada), status: 404},
		{name: "another's is there", path: "/v1/conversations/" + strangerID + "/messages", headers: bearer(stranger), status: 200, want: []string{"axolotlish"}},
		{name: "the copy of an anonymous one", method: "POST", path: "/v1/conversations/" + strangerID + "/export", headers: bearer(stranger), status: 200, want: []string{"manifest.json"}},
		{name: "the end of an anonymous one", method: "POST", path: "/v1/conversations/" + strangerID + "/erase", body: `{"confirm":true,"even_open":true}`, headers: bearer(stranger), status: 200, want: []string{`"receipt"`}},
		{name: "is one", path: "/v1/conversations/" + strangerID, headers: bearer(stranger), status: 401},
	})
}

// TestRetention: what is kept no longer goes by itself, and nothing that is younger or that a person has in hand.
func TestRetention(t *testing.T) {
	t.Parallel()
	b := setup(t)
	keep, err := customer.ParseKeep(map[string]string{"conversations": "30d", "files": "10d"})
	if err != nil {
		t.Fatal(err)
	}
	young, _ := b.conversation("gb", "en")
	old, _ := b.conversation("gb", "en")
	busy, token := b.conversation("gb", "en")
	if a := b.do("POST", "/v1/conversations/"+busy+"/handoff", `{}`, bearer(token)...); a.status != http.StatusAccepted {
		t.Fatal(a.body)
	}
	if _, err := b.pool.Exec(t.Context(), `UPDATE conversations SET updated_at = now() - interval '29 days' WHERE id <> $1`, young); err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	store := customer.New(b.pool, b.record, slog.New(slog.DiscardHandler), customer.Options{Keep: keep, Now: func() time.Time { return now }})
	left := func() map[string]bool {
		if due, err := store.NextSweep(t.Context()); err != nil || due.After(now) {
			t.Errorf("due at %v, %v", due, err)
		}
		if err := store.Sweep(t.Context()); err != nil {
			t.Fatal(err)
		}
		if due, _ := store.NextSweep(t.Context()); !due.After(now) {
			t.Error("the next one is due at once")
		}
		out := map[string]bool{}
		for _, id := range []string{young, old, busy} {
			_, err := b.record.Find(t.Context(), uuid.MustParse(id))
			out[id] = err == nil
		}
		return out
	}
	if l := left(); !l[young] || !l[old] || !l[busy] {
		t.Errorf("after 29 days: %v", l)
	}
	now = now.Add(2 * 24 * time.Hour)
	if l := left(); !l[young] || l[old] || !l[busy] {
		t.Errorf("after 31 days: young %v, old %v, with a person %v", l[young], l[old], l[busy])
	}
	for _, bad := range []map[string]string{{"conversations": "365"}, {"conversations": "0d"}, {"mails": "3d"}, {"conversations": "3d", "files": "4d"}, {"files": "-1d"}} {
		if _, err := customer.ParseKeep(bad); err == nil {
			t.Errorf("%v passes", bad)
		}
	}
}

// TestPrivacyTexts: every language says everything, and what it says follows the settings.
func TestPrivacyTexts(t *testing.T) {
	t.Parallel()
	var languages []string
	for _, p := range privacyTexts {
		languages = append(languages, p.locale)
		for i, s := range []string{p.aiTitle, p.recordedTitle, p.keptTitle, p.givenTitle, p.rightsTitle, p.recorded, p.kept, p.keptDays, p.filesDays, p.team, p.model, p.desks, p.rights} {
			if s == "" || (strings.Count(s, "%d") == 1) != (i == 7 || i == 8) {
				t.Errorf("%s: text %d is %q", p.locale, i, s)
			}
		}
	}
	if got := strings.Join(languages, " "); got != "en de es sv fr ar" {
		t.Errorf("the languages are %s", got)
	}
}
