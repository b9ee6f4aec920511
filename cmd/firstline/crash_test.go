package main

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/firstline/firstline/internal/llm/llmtest"
	"github.com/firstline/firstline/internal/postgres/pgtest"
)

// A process is killed with SIGKILL in every stage of a turn, and another replica finishes the turn: the customer, who
// reconnects there, sees every entry of the log once, one answer, and one end of the turn.
func TestKilledInEveryStage(t *testing.T) {
	t.Parallel()
	database := demoDatabase(t)
	pool := pgtest.Open(t, database)
	model := llmtest.New(t)
	model.Default(func(r llmtest.Request) llmtest.Script {
		if _, question, _ := strings.Cut(r.Prompt(), "<question>"); strings.Contains(question, lockerQuestion) {
			return llmtest.Reply("A parcel waits in the quillon locker for 11 days.")
		}
		return llmtest.Reply(cited(r, supportedOne, supportedTwo, supportedThree)).WithDelay(0, 4*time.Millisecond)
	})
	quoting := settings(database)
	writing := modelled(database, model)
	cases := []struct {
		stage    string
		settings map[string]string
		question string
		outcome  string
		reason   string
		holds    string
	}{
		{"received", quoting, voucherQuestion, "answered", "quoted", voucherFact},
		{"retrieve", quoting, voucherQuestion, "answered", "quoted", voucherFact},
		{"decided", quoting, voucherQuestion, "answered", "quoted", voucherFact},
		{"commit", quoting, voucherQuestion, "answered", "quoted", voucherFact},
		{"committed", quoting, voucherQuestion, "answered", "quoted", voucherFact},

		{"received", quoting, personWanted, "handed_off", "customer_request", ""},
		{"decided", quoting, personFollows, "handed_off", "priority_topic", ""},
		{"commit", quoting, personWanted, "handed_off", "customer_request", ""},
		{"committed", quoting, personWanted, "handed_off", "customer_request", ""},

		{"first_token", writing, voucherQuestion, "answered", "generated", supportedThree},
		{"spoken", writing, voucherQuestion, "answered", "generated", supportedThree},
		{"commit", writing, voucherQuestion, "answered", "generated", supportedThree},
		{"committed", writing, voucherQuestion, "answered", "generated", supportedThree},
	}
	// One replica of each kind outlives them all. They run one after the other: a turn must not be taken over by a process
	// that is going to stop in another stage.
	rest := map[string]*proc{"quoted": serve(t, quoting), "generated": serve(t, writing)}
	for _, c := range cases {
		t.Run(c.stage+"/"+c.reason, func(t *testing.T) {
			survivor := rest["quoted"]
			if c.reason == "generated" {
				survivor = rest["generated"]
				// The one that quotes would take over just as well, with another answer.
				defer suspend(t, rest["quoted"])()
			} else {
				defer suspend(t, rest["generated"])()
			}
			env := map[string]string{"FIRSTLINE_FAILPOINT": c.stage}
			for k, v := range c.settings {
				env[k] = v
			}
			doomed := serve(t, env)
			g := newGuest(t, doomed)
			page := g.follow(t, 0, doomed, survivor)
			said := g.say(t, doomed, "only", c.question)
			doomed.waitErr("failpoint:" + c.stage)
			switch c.stage {
			case "spoken":
				page.until("text of the first attempt", func(e wireEvent) bool { return e.is("delta", `"attempt":1`) })
			case "received", "retrieve", "decided", "first_token", "commit":
				if es := page.events(); len(matching(es, func(e wireEvent) bool { return e.kind == "turn" })) > 0 {
					t.Fatalf("the turn had ended before the process was killed:\n%s", printed(es))
				}
			}
			doomed.kill()
			page.use(survivor)

			page.until("the end of the turn", endOf(said.Turn.ID))
			es := page.settled(survivor, 1)
			wantAnswer(t, turnOf(es, said), c.outcome, c.reason, c.holds)
			once(t, es)
			want(t, "the customer's messages", len(matching(es, by("customer"))), 1)
			handedOff := 0
			if c.outcome == "handed_off" {
				handedOff = 1
			}
			want(t, "lines of the desk", len(matching(es, by("system"))), handedOff)
			want(t, "changes of owner", len(matching(es, func(e wireEvent) bool { return e.kind == "owner" })), handedOff)
			want(t, "handoff events", len(matching(es, func(e wireEvent) bool { return e.kind == "handoff" })), handedOff)
			want(t, "handoffs", one[int](t, pool, `SELECT count(*) FROM handoffs WHERE conversation_id = $1`, g.id), handedOff)
			wantRecord(t, pool, g.id)

			// Whoever takes the whole log from either end of it sees the same.
			again := g.follow(t, 0, survivor)
			if got := again.settled(survivor, 1); !sameLog(t, got, es) {
				t.Errorf("the log differs when it is read again:\n%s\nand before\n%s", printed(got), printed(es))
			}
			// And the conversation goes on.
			if c.outcome == "answered" {
				wantAnswer(t, g.ask(t, survivor, "next", lockerQuestion), "answered", c.reason, lockerFact)
			}
			// The message sent again, as a client does that had no answer, is the same message.
			want(t, "id of the message sent again", g.say(t, survivor, "only", c.question).Message.ID, said.Message.ID)
		})
	}
}

// turnOf are the entries of the log from the customer's message to the end of its turn, without those that belong to a
// handoff.
func turnOf(es []wireEvent, said receipt) []wireEvent {
	var out []wireEvent
	for _, e := range es {
		if e.seq >= said.Message.Seq {
			out = append(out, e)
		}
		if endOf(said.Turn.ID)(e) {
			break
		}
	}
	return out
}

// The process that runs a turn stops being heard of and comes back when another one has finished its turn: what it then
// has to say is not heard.
func TestBackFromTheDead(t *testing.T) {
	t.Parallel()
	database := demoDatabase(t)
	pool := pgtest.Open(t, database)
	for _, stage := range []string{"retrieve", "commit"} {
		release := filepath.Join(t.TempDir(), "go")
		sleeper := serve(t, settings(database, "FIRSTLINE_FAILPOINT", stage, "FIRSTLINE_FAILPOINT_RELEASE", release))
		g := newGuest(t, sleeper)
		said := g.say(t, sleeper, "1", voucherQuestion)
		sleeper.waitErr("failpoint:" + stage)
		wake := suspend(t, sleeper)
		other := serve(t, settings(database))
		page := g.follow(t, 0, other)
		page.until("the end of the turn", endOf(said.Turn.ID))
		before := page.settled(other, 1)
		if err := os.WriteFile(release, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		wake()
		sleeper.waitErr("turn ended elsewhere")
		if after := page.settled(other, 1); len(after) != len(before) {
			t.Errorf("a process that lost its turn wrote:\n%s", printed(after[len(before):]))
		}
		wantAnswer(t, turnOf(before, said), "answered", "quoted", voucherFact)
		wantRecord(t, pool, g.id)
		sleeper.kill()
		other.kill()
	}
}

// The same client id from many connections at once, over two replicas: stored once, one turn, the same receipt for all.
func TestSameMessageFromManyConnections(t *testing.T) {
	t.Parallel()
	database := demoDatabase(t)
	pool := pgtest.Open(t, database)
	procs := []*proc{serve(t, settings(database)), serve(t, settings(database))}
	for round := range 3 {
		g := newGuest(t, procs[round%2])
		page := g.follow(t, 0, procs[(round+1)%2])
		type result struct {
			id, turn string
			err      error
		}
		const connections = 50
		results := make(chan result, connections)
		begin := make(chan struct{})
		for i := range connections {
			go func() {
				<-begin
				p := procs[i%2]
				if i%5 == 0 { // some want the turn's own stream
					es, err := g.tryAsk(t.Context(), p, "the one", voucherQuestion)
					if err != nil || len(es) == 0 || es[len(es)-1].kind != "turn" {
						results <- result{err: fmt.Errorf("stream: %v\n%s", err, printed(es))}
						return
					}
					m := es[0].message(t)
					results <- result{id: m.ID, turn: es[len(es)-1].turn(t).ID}
					return
				}
				r, err := call(t.Context(), http.MethodPost, g.at(p, "/messages"), g.token, map[string]string{"client_id": "the one", "text": voucherQuestion})
				if err == nil && r.status != http.StatusAccepted {
					err = fmt.Errorf("%s", r)
				}
				if err != nil {
					results <- result{err: err}
					return
				}
				var v receipt
				r.decode(t, &v)
				if v.Turn == nil {
					results <- result{err: fmt.Errorf("no turn: %s", r)}
					return
				}
				results <- result{id: v.Message.ID, turn: v.Turn.ID}
			}()
		}
		close(begin)
		first := <-results
		for range connections - 1 {
			if r := <-results; r.err != nil || r != first {
				t.Errorf("%+v, and the first was %+v", r, first)
			}
		}
		if first.err != nil {
			t.Fatal(first.err)
		}
		page.until("the end of the turn", endOf(first.turn))
		es := page.settled(procs[0], 1)
		want(t, "messages of the customer", len(matching(es, by("customer"))), 1)
		want(t, "messages of the assistant, with the greeting", len(matching(es, by("assistant"))), 2)
		want(t, "turns", one[int](t, pool, `SELECT count(*) FROM turns WHERE conversation_id = $1`, g.id), 1)
		once(t, es)
		wantRecord(t, pool, g.id)
	}
}

// A client whose connection breaks before it has read the answer sends its message again.
func TestSentAgainAfterABrokenConnection(t *testing.T) {
	t.Parallel()
	database := demoDatabase(t)
	pool := pgtest.Open(t, database)
	procs := []*proc{serve(t, settings(database)), serve(t, settings(database))}
	stored := 0
	for i := range 12 {
		g := newGuest(t, procs[0])
		page := g.follow(t, 0, procs[1])
		abandon(t, procs[0], "/v1/conversations/"+g.id+"/messages", g.token, map[string]string{"client_id": "m", "text": voucherQuestion},
			time.Duration(i)*700*time.Microsecond)
		stored += one[int](t, pool, `SELECT count(*) FROM messages WHERE conversation_id = $1 AND author = 'customer'`, g.id)
		said := g.say(t, procs[i%2], "m", voucherQuestion)
		page.until("the end of the turn", endOf(said.Turn.ID))
		es := page.settled(procs[1], 1)
		want(t, "messages of the customer", len(matching(es, by("customer"))), 1)
		wantAnswer(t, turnOf(es, said), "answered", "quoted", voucherFact)
		wantRecord(t, pool, g.id)
	}
	if stored == 0 {
		t.Error("no message was stored before its connection broke: the test tested nothing")
	}
}

// A burst of messages gets one answer that covers them all.
func TestBurst(t *testing.T) {
	t.Parallel()
	database := demoDatabase(t)
	pool := pgtest.Open(t, database)
	const burst = 10
	line := func(i int) string { return fmt.Sprintf("glimmer voucher line %c: how long is it valid?", 'a'+i) }
	cases := []struct {
		name     string
		together bool // from several connections at the same moment
		spoken   bool // after the first turn has shown text
	}{{"one after the other", false, false}, {"at once", true, false}, {"after the answer began", false, true}, {"at once after the answer began", true, true}}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			model := llmtest.New(t)
			hold := make(chan struct{})
			model.Default(func(r llmtest.Request) llmtest.Script {
				if c.spoken && !strings.Contains(r.Prompt(), "line a") { // the first turn: one sentence, then slowly another
					return llmtest.Reply(cited(r, supportedOne, supportedTwo)).WithDelay(0, 60*time.Millisecond)
				}
				<-hold // no turn gets its first word before the burst is in
				return llmtest.Reply(cited(r, supportedOne))
			})
			procs := []*proc{serve(t, modelled(database, model)), serve(t, modelled(database, model))}
			g := newGuest(t, procs[0])
			page := g.follow(t, 0, procs[1])
			var first receipt
			if c.spoken {
				first = g.say(t, procs[0], "first", voucherQuestion)
				page.until("the first words", func(e wireEvent) bool { return e.kind == "delta" })
			}
			receipts := make([]receipt, burst)
			if c.together {
				done := make(chan error, burst)
				for i := range burst {
					go func() {
						r, err := call(t.Context(), http.MethodPost, g.at(procs[i%2], "/messages"), g.token, map[string]string{"client_id": fmt.Sprint(i), "text": line(i)})
						if err == nil && r.status != http.StatusAccepted {
							err = fmt.Errorf("%s", r)
						}
						if err == nil {
							r.decode(t, &receipts[i])
						}
						done <- err
					}()
				}
				for range burst {
					if err := <-done; err != nil {
						t.Error(err)
					}
				}
			} else {
				for i := range burst {
					receipts[i] = g.say(t, procs[i%2], fmt.Sprint(i), line(i))
				}
			}
			close(hold)
			last := receipts[0]
			for _, r := range receipts {
				if r.Message.Seq > last.Message.Seq {
					last = r
				}
			}
			page.until("the end of the last turn", endOf(last.Turn.ID))
			es := page.settled(procs[0], 1)
			once(t, es)
			wantRecord(t, pool, g.id)

			want(t, "messages of the customer", len(matching(es, by("customer"))), burst+len(first.Message.ID)/36)
			answers := matching(es, func(e wireEvent) bool { return e.is("message", `"author":"assistant"`, `"turn":"`) })
			turns := matching(es, func(e wireEvent) bool { return e.kind == "turn" })
			answered := matching(turns, func(e wireEvent) bool { return e.is("turn", `"outcome":"answered"`) })
			superseded := matching(turns, func(e wireEvent) bool { return e.is("turn", `"outcome":"superseded"`) })
			if c.spoken { // the first turn goes on, and the burst waits for it
				want(t, "answers", len(answers), 2)
				want(t, "turns", len(turns), 2)
				want(t, "turn of the first answer", answers[0].message(t).Turn, first.Turn.ID)
				for _, r := range receipts {
					want(t, "turn of a message of the burst", r.Turn.ID, last.Turn.ID)
				}
				if !strings.Contains(answers[0].message(t).Text, supportedTwo) {
					t.Errorf("the first answer is incomplete: %s", answers[0].data)
				}
			} else {
				want(t, "answers", len(answers), 1)
				want(t, "answered turns", len(answered), 1)
				want(t, "superseded turns", len(superseded), burst-1)
			}
			want(t, "turn of the answer to the burst", answers[len(answers)-1].message(t).Turn, last.Turn.ID)
			// The model was asked with every line of the burst.
			prompt := ""
			for _, r := range model.Requests() {
				if _, question, _ := strings.Cut(r.Last("user"), "<question>"); len(question) > len(prompt) {
					prompt = question
				}
			}
			for i := range burst {
				if !strings.Contains(prompt, line(i)) {
					t.Errorf("the answer does not cover line %d", i)
				}
			}
		})
	}
}

// A person takes the conversation between the turn's last check and its write: the assistant says nothing any more.
func TestTakenOverBeforeTheWrite(t *testing.T) {
	t.Parallel()
	database := demoDatabase(t)
	pool := pgtest.Open(t, database)
	model := llmtest.New(t)
	model.Default(func(r llmtest.Request) llmtest.Script {
		return llmtest.Reply(cited(r, supportedOne, supportedTwo, supportedThree)).WithDelay(0, 4*time.Millisecond)
	})
	token := agentToken(t, database, "lead@desk.example", "supervisor")
	cases := []struct {
		name, stage, question string
		model                 bool
		take                  func(t *testing.T, g guest, p *proc) // what takes the conversation from the assistant
	}{
		{"an agent pulls it before a quote is written", "commit", voucherQuestion, false, pull(token)},
		{"an agent pulls it before a handoff is written", "commit", personWanted, false, pull(token)},
		{"an agent pulls it before the first word", "first_token", voucherQuestion, true, pull(token)},
		{"an agent pulls it in the middle of the answer", "spoken", voucherQuestion, true, pull(token)},
		{"an agent pulls it before a model's answer is written", "commit", voucherQuestion, true, pull(token)},
		{"the customer asks for a person before a quote is written", "commit", voucherQuestion, false, func(t *testing.T, g guest, p *proc) {
			must(t, http.StatusAccepted, http.MethodPost, g.at(p, "/handoff"), g.token, map[string]string{})
		}},
		{"the customer closes before a quote is written", "commit", voucherQuestion, false, func(t *testing.T, g guest, p *proc) {
			must(t, http.StatusOK, http.MethodPost, g.at(p, "/close"), g.token, nil)
		}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			release := filepath.Join(t.TempDir(), "go")
			env := settings(database)
			if c.model {
				env = modelled(database, model)
			}
			env["FIRSTLINE_FAILPOINT"], env["FIRSTLINE_FAILPOINT_RELEASE"] = c.stage, release
			env["FIRSTLINE_TURN_LEASE"] = "30s" // nobody else is to take the turn over
			p := serve(t, env)
			g := newGuest(t, p)
			page := g.follow(t, 0, p)
			said := g.say(t, p, "1", c.question)
			p.waitErr("failpoint:" + c.stage)
			c.take(t, g, p)
			taken := page.until("the end of the turn", endOf(said.Turn.ID))
			want(t, "outcome", taken.turn(t).Outcome, "cancelled")

			if err := os.WriteFile(release, nil, 0o600); err != nil {
				t.Fatal(err)
			}
			p.waitErr("turn ended elsewhere")
			es := page.settled(p, 1)
			for _, e := range es {
				if e.seq > said.Message.Seq && e.seq > taken.seq && (by("assistant")(e) || e.kind == "delta") {
					t.Errorf("the assistant spoke after it was told to stop: %s", e)
				}
			}
			want(t, "answers", len(matching(es, func(e wireEvent) bool { return e.is("message", `"author":"assistant"`, `"turn":"`) })), 0)
			if n := one[int](t, pool, `SELECT count(*) FROM handoffs WHERE conversation_id = $1`, g.id); n > 1 {
				t.Errorf("%d handoffs", n)
			}
			once(t, es)
			wantRecord(t, pool, g.id)
		})
	}
}

// pull takes a conversation as an agent, and sees that it is theirs.
func pull(token string) func(*testing.T, guest, *proc) {
	return func(t *testing.T, g guest, p *proc) {
		t.Helper()
		must(t, http.StatusOK, http.MethodPost, p.url+"/v1/agent/conversations/"+g.id+"/pull", token, nil)
		var v struct{ Owner string }
		must(t, http.StatusOK, http.MethodGet, g.at(p, ""), g.token, nil).decode(t, &v)
		want(t, "owner", v.Owner, "agent")
		must(t, http.StatusCreated, http.MethodPost, p.url+"/v1/agent/conversations/"+g.id+"/messages", token, map[string]string{"client_id": "a", "text": "I am here."})
	}
}

// While an agent has the conversation, the customer's messages start no turn, on any replica.
func TestNoTurnBesideAPerson(t *testing.T) {
	t.Parallel()
	database := demoDatabase(t)
	pool := pgtest.Open(t, database)
	procs := []*proc{serve(t, settings(database)), serve(t, settings(database))}
	token := agentToken(t, database, "lead@desk.example", "supervisor")
	g := newGuest(t, procs[0])
	pull(token)(t, g, procs[0])
	for i := range 6 {
		if r := g.say(t, procs[i%2], fmt.Sprint(i), voucherQuestion); r.Turn != nil {
			t.Errorf("a turn began beside an agent: %+v", r)
		}
	}
	es := g.follow(t, 0, procs[1]).settled(procs[1], 1)
	want(t, "messages of the assistant, the greeting alone", len(matching(es, by("assistant"))), 1)
	must(t, http.StatusOK, http.MethodPost, procs[1].url+"/v1/agent/conversations/"+g.id+"/return", token, map[string]string{})
	wantAnswer(t, g.ask(t, procs[0], "back", voucherQuestion), "answered", "quoted", voucherFact)
	wantRecord(t, pool, g.id)
}

// suspend stops a process without ending it, as a machine does that swaps or a container that is frozen. The result lets
// it go on.
func suspend(t testing.TB, p *proc) (resume func()) {
	t.Helper()
	if err := p.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	return func() { _ = p.cmd.Process.Signal(syscall.SIGCONT) }
}
