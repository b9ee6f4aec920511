package main

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/firstline/firstline/internal/llm/llmtest"
	"github.com/firstline/firstline/internal/postgres/pgtest"
)

// A reader that stops reading is cut, and when it comes back it has missed nothing and sees nothing twice. Others who
// read the same conversation, on both replicas, do not notice.
func TestStalledReader(t *testing.T) {
	t.Parallel()
	database := demoDatabase(t)
	procs := []*proc{serve(t, settings(database)), serve(t, settings(database))}
	g := newGuest(t, procs[0])
	pull(agentToken(t, database, "lead@desk.example", "supervisor"))(t, g, procs[0]) // so that messages start no turns
	others := []*tail{g.follow(t, 0, procs[0]), g.follow(t, 0, procs[1])}

	// A connection of small buffers, read up to the first entry only.
	slow := net.Dialer{Control: func(_, _ string, c syscall.RawConn) error {
		return c.Control(func(fd uintptr) { _ = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUF, 4096) })
	}}
	conn, err := slow.Dial("tcp", strings.TrimPrefix(procs[0].url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprintf(conn, "GET /v1/conversations/%s/events HTTP/1.1\r\nHost: firstline\r\nAuthorization: Bearer %s\r\nLast-Event-ID: 0\r\n\r\n", g.id, g.token)
	res, err := http.ReadResponse(bufio.NewReaderSize(conn, 16), nil)
	if err != nil {
		t.Fatal(err)
	}

	// Megabytes, more than the kernel keeps for a connection.
	const messages, size = 500, 3900
	text := strings.Repeat("\U0001F4E6", size) // four bytes each
	for i := range messages {
		g.say(t, procs[i%2], fmt.Sprint(i), fmt.Sprintf("%d %s", i, text))
	}
	whole := others[0].settled(procs[0], 1)
	if n := len(matching(whole, by("customer"))); n != messages {
		t.Fatalf("%d messages of %d", n, messages)
	}
	if !sameLog(t, whole, others[1].settled(procs[0], 1)) {
		t.Error("the readers of two replicas saw different logs")
	}
	streams := func() string {
		body := string(must(t, http.StatusOK, http.MethodGet, procs[0].url+"/metrics", "", nil).body)
		_, rest, _ := strings.Cut(body, "\nfirstline_streams ")
		n, _, _ := strings.Cut(rest, "\n")
		return n
	}
	if n := streams(); n != "2" {
		t.Fatalf("%s streams before the slow reader is cut, want it and the other one", n)
	}
	eventually(t, "the slow reader to be cut", func() error {
		if n := streams(); n != "1" {
			return fmt.Errorf("%s streams", n)
		}
		return nil
	})

	// It reads what had been sent, which ends somewhere, and resumes behind the last entry that came whole.
	var got []wireEvent
	last := int64(0)
	for r := bufio.NewReader(res.Body); ; {
		f, err := readFrame(r)
		if err != nil {
			break
		}
		if f.seq > 0 {
			got, last = append(got, f.wireEvent), f.seq
		}
	}
	if last == int64(len(whole)) {
		t.Fatal("the slow reader got everything at once: the test tested nothing")
	}
	t.Logf("cut after %d of %d entries", last, len(whole))
	rest := g.follow(t, last, procs[1])
	rest.until("the last entry", func(e wireEvent) bool { return e.seq == int64(len(whole)) })
	got = append(got, rest.events()...)
	exactlyOnce(t, got, 1)
	if !sameLog(t, got, whole) {
		t.Error("what the slow reader put together is not the log")
	}
}

// A client may resume at every position, by header or by query, on either replica.
func TestResumeAnywhere(t *testing.T) {
	t.Parallel()
	database := demoDatabase(t)
	model := llmtest.New(t)
	model.Default(func(r llmtest.Request) llmtest.Script {
		return llmtest.Reply(cited(r, supportedOne, supportedTwo, supportedThree)).WithDelay(0, 3*time.Millisecond)
	})
	procs := []*proc{serve(t, modelled(database, model)), serve(t, settings(database))}
	g := newGuest(t, procs[0])
	page := g.follow(t, 0, procs[1])
	g.ask(t, procs[0], "1", voucherQuestion)
	must(t, http.StatusNoContent, http.MethodPost, g.at(procs[0], "/read"), g.token, map[string]int{"seq": 2})
	must(t, http.StatusNoContent, http.MethodPost, g.at(procs[1], "/rating"), g.token, map[string]any{"score": 4, "comment": "ok"})
	must(t, http.StatusNoContent, http.MethodPost, g.at(procs[1], "/typing"), g.token, nil)
	g.ask(t, procs[0], "2", personWanted)
	g.say(t, procs[1], "3", "Are you there?")
	whole := page.settled(procs[0], 1)
	for _, kind := range []string{"message", "delta", "turn", "read", "rating", "typing", "owner", "handoff"} {
		if len(matching(whole, func(e wireEvent) bool { return e.kind == kind })) == 0 {
			t.Errorf("the log holds no %s:\n%s", kind, printed(whole))
		}
	}
	for after := range len(whole) {
		p := procs[after%2]
		rest := g.follow(t, int64(after), p).settled(p, int64(after)+1)
		if !sameLog(t, rest, whole[after:]) {
			t.Errorf("from %d on:\n%s", after, printed(rest))
		}
	}
	// The same by query, for clients that cannot set headers; the header goes before it.
	for _, header := range []string{"", "5"} {
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, g.at(procs[0], "/events?after=3"), nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+g.token)
		first := int64(4)
		if header != "" {
			req.Header.Set("Last-Event-ID", header)
			first = 6
		}
		res, err := wireClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		for r := bufio.NewReader(res.Body); ; {
			f, err := readFrame(r)
			if err != nil {
				t.Fatal(err)
			}
			if f.seq > 0 {
				want(t, "first entry", f.seq, first)
				break
			}
		}
		cancel()
		res.Body.Close()
	}
}

// What is unpublished, changed or published by the command line beside two running servers counts in the very next
// answer of both: what went is not used, what came is found.
func TestPublishingShowsAtOnce(t *testing.T) {
	t.Parallel()
	database := demoDatabase(t)
	pool := pgtest.Open(t, database)
	procs := []*proc{serve(t, settings(database)), serve(t, settings(database))}
	dir := filepath.Join(t.TempDir(), "articles")
	command(t, settings(database), "export", dir)
	file := filepath.Join(dir, "en", "paying", "glimmer-voucher.md")
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	original := string(raw)
	publish := func(text string) { // "" takes the article down
		t.Helper()
		err := os.Remove(file)
		if text != "" {
			err = os.WriteFile(file, []byte(text), 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
		command(t, settings(database), "import", "--archive", dir)
	}
	// The very next answer of each server; former must not be used any more, and now, if there is any, is found.
	next := func(what, now, former string) {
		t.Helper()
		for i, p := range procs {
			es := newGuest(t, p).ask(t, p, "1", voucherQuestion)
			for _, e := range es {
				if strings.Contains(e.data, former) {
					t.Errorf("%s: server %d still uses what it may not: %s", what, i, e)
				}
			}
			_, end := answer(t, es)
			found := one[int](t, pool, `SELECT count(*) FROM turns t, jsonb_array_elements(t.decision->'candidates') x JOIN article_versions v ON v.id = (x->>'version')::uuid
				WHERE t.id = $1 AND v.state = 'published' AND v.markdown LIKE '%' || $2 || '%'`, end.ID, now)
			if now != "" && found == 0 {
				t.Errorf("%s: server %d did not find what was published:\n%s", what, i, printed(es))
			}
			gone := one[int](t, pool, `SELECT count(*) FROM turns t, jsonb_array_elements(t.decision->'candidates') x JOIN article_versions v ON v.id = (x->>'version')::uuid
				WHERE t.id = $1 AND v.markdown LIKE '%' || $2 || '%'`, end.ID, former)
			want(t, what+": passages retrieved that may not be read", gone, 0)
		}
	}
	changed := func(days string) string { return strings.ReplaceAll(original, voucherFact, days) }
	for round := range 3 {
		publish("")
		next("taken down", "", "glimmer voucher is valid for")
		for i, p := range procs {
			r, err := call(t.Context(), http.MethodGet, p.url+"/v1/help/articles/glimmer-voucher?locale=en&market=gb", "", nil)
			if err != nil || r.status != http.StatusNotFound {
				t.Errorf("server %d: the page of an article that was taken down: %v %s", i, err, r)
			}
		}
		one, two := fmt.Sprintf("%d days", 31+round), fmt.Sprintf("%d days", 41+round)
		publish(changed(one))
		next("published again", one, "valid for "+voucherFact)
		publish(changed(two))
		next("changed", two, "valid for "+one)
		// And it is what customers read.
		for _, p := range procs {
			eventually(t, "the new text in an answer", func() error {
				es := newGuest(t, p).ask(t, p, "1", voucherQuestion)
				if text, end := answer(t, es); end.Reason != "quoted" || !strings.Contains(text, two) {
					return fmt.Errorf("%s", text)
				}
				return nil
			})
		}
	}
	publish(strings.Replace(original, "markets: [gb, us, de, es, se]", "markets: [us]", 1))
	next("for another market", "", "valid for")
	publish(strings.Replace(original, "audience: consumer", "audience: merchant", 1))
	next("for another audience", "", "valid for")
	publish(original)
	next("as at first", voucherFact, "valid for 43")
	// The model is not even given what was taken down.
	model := llmtest.New(t)
	publish("")
	p := serve(t, modelled(database, model))
	newGuest(t, p).ask(t, p, "1", lockerQuestion+" Is there a glimmer voucher for it?")
	newGuest(t, p).ask(t, p, "1", lockerQuestion)
	for _, r := range model.Requests() {
		if strings.Contains(r.Prompt(), supportedOne) {
			t.Errorf("the model was given an article that was taken down:\n%s", r.Prompt())
		}
	}
	if len(model.Requests()) == 0 {
		t.Error("the model was not asked at all")
	}
}

// Card numbers and the like do not get further than the request that brought them.
func TestSecretsGoNowhere(t *testing.T) {
	t.Parallel()
	database := demoDatabase(t)
	pool := pgtest.Open(t, database)
	model := llmtest.New(t)
	model.Default(func(r llmtest.Request) llmtest.Script { return llmtest.Reply(cited(r, supportedOne)) })
	p := serve(t, modelled(database, model))
	token := agentToken(t, database, "lead@desk.example", "supervisor")
	// Test numbers of the card schemes, an example IBAN, and a password.
	secrets := []string{"4111 1111 1111 1111", "5555555555554444", "GB82 WEST 1234 5698 7654 32", "DE89370400440532013000", "tr0ub4dor&Zebra9"}
	message := fmt.Sprintf("%s My card is %s, the other one %s. IBAN %s or %s. My password is %s", voucherQuestion, secrets[0], secrets[1], secrets[2], secrets[3], secrets[4])
	leaks := func(text string) (found []string) {
		squeezed := strings.NewReplacer(" ", "", "-", "").Replace(text)
		for _, s := range secrets {
			if strings.Contains(text, s) || strings.Contains(squeezed, strings.ReplaceAll(s, " ", "")) {
				found = append(found, s)
			}
		}
		return found
	}
	if len(leaks(message)) != len(secrets) {
		t.Fatal("the test does not find what it looks for")
	}

	g := newGuest(t, p)
	var seen strings.Builder // everything that any client was told
	note := func(r reply) { seen.Write(r.body); seen.WriteByte('\n') }
	say := func(id string) reply {
		return must(t, http.StatusAccepted, http.MethodPost, g.at(p, "/messages"), g.token, map[string]string{"client_id": id, "text": message})
	}
	note(say("1"))
	note(say("1"))
	page := g.follow(t, 0, p)
	page.until("the end of the turn", func(e wireEvent) bool { return e.kind == "turn" })
	note(must(t, http.StatusAccepted, http.MethodPost, g.at(p, "/handoff"), g.token, map[string]string{"note": message}))
	note(must(t, http.StatusOK, http.MethodPatch, g.at(p, "/handoff"), g.token, map[string]string{"summary": message}))
	must(t, http.StatusNoContent, http.MethodPost, g.at(p, "/rating"), g.token, map[string]any{"score": 1, "comment": message})
	note(must(t, http.StatusOK, http.MethodPost, p.url+"/v1/agent/conversations/"+g.id+"/pull", token, nil))
	note(must(t, http.StatusCreated, http.MethodPost, p.url+"/v1/agent/conversations/"+g.id+"/messages", token, map[string]string{"client_id": "a", "text": message}))
	note(must(t, http.StatusCreated, http.MethodPost, p.url+"/v1/agent/conversations/"+g.id+"/messages", token, map[string]string{"client_id": "b", "text": message, "visibility": "internal"}))
	note(must(t, http.StatusOK, http.MethodPost, p.url+"/v1/agent/conversations/"+g.id+"/return", token, map[string]string{"instruction": message}))
	note(say("2"))
	page.until("the end of the turn", func(e wireEvent) bool { return e.kind == "turn" && e.seq > 10 })
	// A conversation in which the model is asked, with what was said before as its context.
	h := newGuest(t, p)
	for i, s := range secrets[:4] {
		es := h.ask(t, p, fmt.Sprint(i), voucherQuestion+" "+s)
		seen.WriteString(printed(es))
	}
	for _, path := range []string{"", "/messages", "/transcript?format=json", "/transcript?format=text", "/transcript?format=html"} {
		note(must(t, http.StatusOK, http.MethodGet, g.at(p, path), g.token, nil))
	}
	note(must(t, http.StatusOK, http.MethodGet, p.url+"/v1/agent/conversations/"+g.id, token, nil))
	note(must(t, http.StatusOK, http.MethodGet, p.url+"/v1/agent/handoffs?state=ended", token, nil))
	note(must(t, http.StatusOK, http.MethodGet, p.url+"/metrics", "", nil))
	seen.WriteString(printed(page.events()))
	for _, e := range page.events() {
		seen.WriteString(e.data)
	}
	if found := leaks(seen.String()); found != nil {
		t.Errorf("in a response: %q", found)
	}
	if !strings.Contains(seen.String(), "glimmer voucher") {
		t.Error("the message's harmless part is in no response: the test looks at the wrong ones")
	}

	asked := 0
	for _, r := range model.Requests() {
		asked++
		if found := leaks(string(r.Raw)); found != nil {
			t.Errorf("in a request to the model: %q", found)
		}
	}
	if asked < 2 {
		t.Errorf("the model was asked %d times: the test looks at too few requests", asked)
	}
	if found := leaks(p.out.String() + p.err.String()); found != nil {
		t.Errorf("in the log: %q", found)
	}
	if strings.Contains(p.err.String(), "glimmer") {
		t.Error("message text is in the log")
	}

	rows, err := pool.Query(t.Context(), `SELECT format('%I.%I', schemaname, tablename) FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')`)
	if err != nil {
		t.Fatal(err)
	}
	tables, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil || len(tables) < 10 {
		t.Fatalf("%d tables: %v", len(tables), err)
	}
	stored := false
	for _, table := range tables {
		rows, err := pool.Query(t.Context(), `SELECT x::text FROM `+table+` x`)
		if err != nil {
			t.Fatal(err)
		}
		texts, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil {
			t.Fatal(err)
		}
		for _, text := range texts {
			stored = stored || strings.Contains(text, "My card is")
			if found := leaks(text); found != nil {
				t.Errorf("in table %s: %q in %.300s", table, found, text)
			}
		}
	}
	if !stored {
		t.Error("the message is in no table: the test looks at the wrong ones")
	}
}

// Nobody gets at a conversation without its own token, nor at the desk without being of the team.
func TestOthersData(t *testing.T) {
	t.Parallel()
	database := demoDatabase(t)
	p := serve(t, settings(database))
	victim, other := newGuest(t, p), newGuest(t, p)
	const secret = "orchid lullaby"
	victim.ask(t, p, "1", "I want to talk to a human about my "+secret)
	mine := victim.follow(t, 0, p).settled(p, 1)
	message := mine[1].message(t).ID
	lead := agentToken(t, database, "lead@desk.example", "supervisor")
	editor := agentToken(t, database, "words@desk.example", "editor")
	var queue struct {
		Handoffs []struct{ ID, ConversationID, Team string }
	}
	must(t, http.StatusOK, http.MethodGet, p.url+"/v1/agent/handoffs?state=all", lead, nil).decode(t, &queue)
	if len(queue.Handoffs) != 1 {
		t.Fatalf("%d handoffs, want one", len(queue.Handoffs))
	}
	elsewhere := "b2b"
	if queue.Handoffs[0].Team == elsewhere {
		elsewhere = "credit"
	}
	stranger := agentToken(t, database, "stranger@desk.example", "agent", elsewhere)
	before := len(mine)

	customerRoutes := []struct{ method, path string }{
		{"GET", ""}, {"GET", "/messages"}, {"POST", "/messages"}, {"GET", "/events"}, {"GET", "/transcript"}, {"GET", "/transcript?format=html"},
		{"POST", "/handoff"}, {"PATCH", "/handoff"}, {"POST", "/typing"}, {"POST", "/read"}, {"POST", "/rating"},
		{"POST", "/messages/" + message + "/feedback"}, {"POST", "/close"}, {"POST", "/reopen"},
	}
	body := map[string]string{"client_id": "x", "text": "mine now", "summary": "mine now"}
	send := func(method string) any {
		if method == "GET" {
			return nil
		}
		return body
	}
	refused := func(what string, r reply, err error, statuses ...int) {
		t.Helper()
		allowed := false
		for _, s := range statuses {
			allowed = allowed || err == nil && r.status == s
		}
		var v wireProblem
		if allowed {
			r.decode(t, &v)
		}
		if !allowed || r.kind != "application/problem+json" || v.Status != r.status || v.Code == "" || strings.Contains(string(r.body), secret) {
			t.Errorf("%s: %v %s, want a problem with %v", what, err, r, statuses)
		}
	}
	for _, c := range customerRoutes {
		for name, token := range map[string]string{"another customer": other.token, "nobody": "", "an agent": lead, "half a token": victim.token[:20], "token and more": victim.token + "A"} {
			r, err := call(t.Context(), c.method, victim.at(p, c.path), token, send(c.method))
			refused(fmt.Sprintf("%s %s by %s", c.method, c.path, name), r, err, 401)
		}
		for _, id := range []string{"0", "..", "%00", strings.Repeat("a", 3000), victim.id + "0", strings.ToUpper(other.id), "00000000-0000-0000-0000-000000000000", "%7B" + victim.id + "%7D%20"} {
			r, err := call(t.Context(), c.method, p.url+"/v1/conversations/"+id+c.path, victim.token, send(c.method))
			if id == ".." { // cleaned away by the client or redirected: there is nothing there
				if err == nil && strings.Contains(string(r.body), secret) {
					t.Errorf("%s %s with id %q: %s", c.method, c.path, id, r)
				}
				continue
			}
			refused(fmt.Sprintf("%s %s with id %.40q", c.method, c.path, id), r, err, 401, 404)
		}
	}

	h := queue.Handoffs[0]
	agentRoutes := []struct{ method, path string }{
		{"GET", "/me"}, {"PUT", "/presence"}, {"GET", "/events"}, {"GET", "/teams"}, {"GET", "/search?q=orchid"}, {"GET", "/handoffs"}, {"GET", "/handoffs?state=all"},
		{"POST", "/handoffs/" + h.ID + "/accept"}, {"POST", "/handoffs/" + h.ID + "/decline"},
	}
	conversationRoutes := []struct{ method, path string }{
		{"GET", ""}, {"GET", "/events"}, {"POST", "/messages"}, {"POST", "/typing"}, {"POST", "/resolve"}, {"POST", "/return"}, {"POST", "/transfer"}, {"POST", "/escalate"}, {"POST", "/pull"},
	}
	for _, c := range conversationRoutes {
		agentRoutes = append(agentRoutes, struct{ method, path string }{c.method, "/conversations/" + victim.id + c.path})
	}
	for _, c := range agentRoutes {
		for name, token := range map[string]string{"nobody": "", "its customer": victim.token, "a made-up token": "AAAA" + lead[4:]} {
			r, err := call(t.Context(), c.method, p.url+"/v1/agent"+c.path, token, send(c.method), "X-Firstline", "1")
			refused(fmt.Sprintf("%s /agent%s by %s", c.method, c.path, name), r, err, 401)
		}
		r, err := call(t.Context(), c.method, p.url+"/v1/agent"+c.path, editor, send(c.method))
		refused(fmt.Sprintf("%s /agent%s by an editor", c.method, c.path), r, err, 403)
		// A cookie alone, as another site's page could send it.
		if c.method != "GET" {
			r, err := call(t.Context(), c.method, p.url+"/v1/agent"+c.path, "", send(c.method), "Cookie", "firstline_session="+lead)
			refused(fmt.Sprintf("%s /agent%s by cookie without the header", c.method, c.path), r, err, 403)
		}
	}
	// An agent of another team.
	bodies := map[string]any{"/messages": map[string]string{"client_id": "x", "text": "mine now"}, "/transfer": map[string]string{"team": elsewhere}}
	for _, c := range conversationRoutes {
		statuses := []int{403, 404}
		if c.path != "" && c.path != "/events" && c.path != "/pull" && c.path != "/typing" {
			statuses = append(statuses, 409)
		}
		r, err := call(t.Context(), c.method, p.url+"/v1/agent/conversations/"+victim.id+c.path, stranger, bodies[c.path])
		refused(fmt.Sprintf("%s %s by an agent of another team", c.method, c.path), r, err, statuses...)
	}
	r, err := call(t.Context(), "POST", p.url+"/v1/agent/conversations/"+victim.id+"/messages", stranger, map[string]string{"client_id": "n", "text": "a note", "visibility": "internal"})
	refused("a note by an agent of another team", r, err, 403, 404)
	for _, verb := range []string{"accept", "decline"} {
		r, err := call(t.Context(), "POST", p.url+"/v1/agent/handoffs/"+h.ID+"/"+verb, stranger, nil)
		refused(verb+" by an agent of another team", r, err, 403, 404)
	}
	for _, path := range []string{"/handoffs?state=queued", "/handoffs?state=all", "/handoffs?state=mine", "/handoffs?state=ended", "/search?q=orchid", "/search?q=lullaby"} {
		if r := must(t, http.StatusOK, http.MethodGet, p.url+"/v1/agent"+path, stranger, nil); strings.Contains(string(r.body), victim.id) || strings.Contains(string(r.body), secret) {
			t.Errorf("%s shows an agent of another team: %s", path, r)
		}
	}
	res, err := stream(t.Context(), http.MethodGet, p.url+"/v1/agent/events", stranger, -1, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	for r := bufio.NewReader(res.Body); ; {
		f, err := readFrame(r)
		if err != nil {
			t.Fatal(err)
		}
		if f.kind == "queue" {
			if strings.Contains(f.data, victim.id) || strings.Contains(f.data, secret) {
				t.Errorf("the desk's stream shows an agent of another team: %s", f.data)
			}
			break
		}
	}

	// All that has changed nothing; and who may, can.
	if after := victim.follow(t, 0, p).settled(p, 1); len(after) != before {
		t.Errorf("somebody wrote into the conversation:\n%s", printed(after[before:]))
	}
	must(t, http.StatusOK, http.MethodPost, p.url+"/v1/agent/handoffs/"+h.ID+"/accept", lead, nil)
	if r := must(t, http.StatusOK, http.MethodGet, p.url+"/v1/agent/conversations/"+victim.id, lead, nil); !strings.Contains(string(r.body), secret) {
		t.Error("the agent who took it does not see the conversation")
	}
	// Internal notes are not for the customer.
	must(t, http.StatusCreated, http.MethodPost, p.url+"/v1/agent/conversations/"+victim.id+"/messages", lead, map[string]string{"client_id": "n", "text": "marmalade", "visibility": "internal"})
	must(t, http.StatusCreated, http.MethodPost, p.url+"/v1/agent/conversations/"+victim.id+"/messages", lead, map[string]string{"client_id": "r", "text": "Hello, it is me."})
	page := victim.follow(t, 0, p)
	page.until("the agent's reply", by("agent"))
	everything := printed(page.events())
	for _, path := range []string{"", "/messages", "/transcript?format=json", "/transcript?format=text", "/transcript?format=html"} {
		everything += string(must(t, http.StatusOK, http.MethodGet, victim.at(p, path), victim.token, nil).body)
	}
	if strings.Contains(everything, "marmalade") {
		t.Error("the customer sees an internal note")
	}
}
