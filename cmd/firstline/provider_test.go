package main

import (
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/firstline/firstline/internal/llm/llmtest"
	"github.com/firstline/firstline/internal/postgres/pgtest"
)

// faultCase is one way in which a provider fails, and what the customer gets all the same.
type faultCase struct {
	name    string
	scripts func(good, bad string) []llmtest.Script // for the calls of the turn; good is supported, bad is good and more that is not
	outcome string
	reason  string
	shown   []string // texts that the answer holds
	hidden  []string // texts that no event holds
	deltas  bool     // text may be shown before the answer
}

// always repeats a script for the first attempt and its retries.
func always(s llmtest.Script) []llmtest.Script { return []llmtest.Script{s, s, s} }

var faultCases = []faultCase{
	{name: "none", scripts: func(good, _ string) []llmtest.Script { return []llmtest.Script{llmtest.Reply(good)} },
		outcome: "answered", reason: "generated", shown: []string{supportedOne, supportedTwo}, deltas: true},
	{name: "429 with Retry-After", scripts: func(good, _ string) []llmtest.Script {
		return []llmtest.Script{llmtest.RateLimited("1"), llmtest.Reply(good)}
	}, outcome: "answered", reason: "generated", shown: []string{supportedOne}, deltas: true},
	{name: "429 for an hour", scripts: func(string, string) []llmtest.Script { return always(llmtest.RateLimited("3600")) },
		outcome: "answered", reason: "quoted", shown: []string{voucherFact}},
	{name: "503 that is not JSON", scripts: func(string, string) []llmtest.Script {
		return always(llmtest.Status(503, "upstream connect error: Atlantis", "Content-Type", "text/plain"))
	}, outcome: "answered", reason: "quoted", shown: []string{voucherFact}},
	{name: "401", scripts: func(string, string) []llmtest.Script {
		return always(llmtest.Status(401, `{"error":{"message":"no such key: Atlantis"}}`, "Content-Type", "application/json"))
	}, outcome: "answered", reason: "quoted", shown: []string{voucherFact}},
	{name: "a web page", scripts: func(string, string) []llmtest.Script { return always(llmtest.HTML()) },
		outcome: "answered", reason: "quoted", shown: []string{voucherFact}, hidden: []string{"sign in", "doctype"}},
	{name: "a prompt that is too long", scripts: func(string, string) []llmtest.Script { return always(llmtest.TooLong()) },
		outcome: "answered", reason: "quoted", shown: []string{voucherFact}},
	{name: "broken JSON at once", scripts: func(good, _ string) []llmtest.Script { return always(llmtest.GarbageJSON(good, 0)) },
		outcome: "answered", reason: "quoted", shown: []string{voucherFact}},
	{name: "a reset before the first word", scripts: func(good, _ string) []llmtest.Script {
		return []llmtest.Script{llmtest.ResetMidStream(good, 0), llmtest.Reply(good)}
	}, outcome: "answered", reason: "generated", shown: []string{supportedTwo}, deltas: true},
	{name: "silence before the headers", scripts: func(string, string) []llmtest.Script { return always(llmtest.Silent()) },
		outcome: "answered", reason: "quoted", shown: []string{voucherFact}},
	{name: "silence before the first word", scripts: func(good, _ string) []llmtest.Script { return always(llmtest.Stall(good, 0)) },
		outcome: "answered", reason: "quoted", shown: []string{voucherFact}},
	{name: "400 keep-alives", scripts: func(good, _ string) []llmtest.Script { return []llmtest.Script{llmtest.KeepAlives(400, good)} },
		outcome: "answered", reason: "generated", shown: []string{supportedOne, supportedTwo}, deltas: true},
	{name: "no [DONE]", scripts: func(good, _ string) []llmtest.Script { return []llmtest.Script{llmtest.Reply(good).WithoutDone()} },
		outcome: "answered", reason: "generated", shown: []string{supportedTwo}, deltas: true},
	// From here on the stream has begun: text that was shown stays, and the source itself completes the answer.
	{name: "cut in the middle", scripts: func(good, _ string) []llmtest.Script { return []llmtest.Script{llmtest.Cut(good, 18)} },
		outcome: "answered", reason: "quoted", shown: []string{voucherFact}, deltas: true},
	{name: "reset in the middle", scripts: func(good, _ string) []llmtest.Script { return []llmtest.Script{llmtest.ResetMidStream(good, 18)} },
		outcome: "answered", reason: "quoted", shown: []string{voucherFact}, deltas: true},
	{name: "no finish_reason", scripts: func(good, _ string) []llmtest.Script { return []llmtest.Script{llmtest.NoFinish(good)} },
		outcome: "answered", reason: "quoted", shown: []string{voucherFact}, deltas: true},
	{name: "an error event in the middle", scripts: func(good, _ string) []llmtest.Script { return []llmtest.Script{llmtest.ErrorEvent(good, 18)} },
		outcome: "answered", reason: "quoted", shown: []string{voucherFact}, deltas: true},
	{name: "broken JSON in the middle", scripts: func(good, _ string) []llmtest.Script { return []llmtest.Script{llmtest.GarbageJSON(good, 18)} },
		outcome: "answered", reason: "quoted", shown: []string{voucherFact}, deltas: true},
	{name: "cut before the first sentence ends", scripts: func(good, _ string) []llmtest.Script { return []llmtest.Script{llmtest.Cut(good, 3)} },
		outcome: "answered", reason: "quoted", shown: []string{voucherFact}},
	{name: "a content filter at the end", scripts: func(good, _ string) []llmtest.Script { return []llmtest.Script{llmtest.ContentFilter(good)} },
		outcome: "answered", reason: "quoted", shown: []string{voucherFact}, deltas: true},
	{name: "a content filter at once", scripts: func(string, string) []llmtest.Script { return []llmtest.Script{llmtest.ContentFilter("")} },
		outcome: "answered", reason: "quoted", shown: []string{voucherFact}},
	// What the model says is not true.
	{name: "nothing supported", scripts: func(string, string) []llmtest.Script { return []llmtest.Script{llmtest.Reply(unsupported + " [1].")} },
		outcome: "answered", reason: "quoted", shown: []string{voucherFact}, hidden: []string{"crowns"}},
	{name: "unsupported after the first sentence", scripts: func(_, bad string) []llmtest.Script {
		return []llmtest.Script{llmtest.Reply(bad).WithDelay(0, 3*time.Millisecond)}
	}, outcome: "handed_off", reason: "low_confidence", shown: []string{supportedOne}, hidden: []string{"crowns"}, deltas: true},
	{name: "unsupported, whole at once", scripts: func(_, bad string) []llmtest.Script {
		return []llmtest.Script{llmtest.Reply(bad).WithPieces(llmtest.Whole)}
	}, outcome: "handed_off", reason: "low_confidence", shown: []string{supportedOne}, hidden: []string{"crowns"}, deltas: true},
	{name: "no answer", scripts: func(string, string) []llmtest.Script { return []llmtest.Script{llmtest.Reply("NO_ANSWER")} },
		outcome: "handed_off", reason: "no_article", hidden: []string{"NO_ANSWER"}},
	{name: "no answer after all", scripts: func(good, _ string) []llmtest.Script {
		return []llmtest.Script{llmtest.Reply(good+" NO_ANSWER").WithDelay(0, 3*time.Millisecond)}
	}, outcome: "handed_off", reason: "low_confidence", shown: []string{supportedOne}, hidden: []string{"NO_ANSWER"}, deltas: true},
	{name: "an empty answer", scripts: func(string, string) []llmtest.Script { return always(llmtest.Reply("")) },
		outcome: "answered", reason: "quoted", shown: []string{voucherFact}},
}

// Every fault of a provider, through the whole product: the turn ends, nothing unsupported is in any event, and the
// customer gets a quoted answer or a person for the right reason.
func TestProviderFaults(t *testing.T) {
	t.Parallel()
	database := demoDatabase(t)
	pool := pgtest.Open(t, database)
	const lanes = 4 // each with a provider and a replica of its own; a good turn between two faults keeps its breaker closed
	for lane := range lanes {
		t.Run(fmt.Sprint("lane ", lane), func(t *testing.T) {
			t.Parallel()
			model := llmtest.New(t)
			p := serve(t, modelled(database, model, "FIRSTLINE_FIRST_TOKEN_TIMEOUT", "400ms"))
			good := func(r llmtest.Request) llmtest.Script { return llmtest.Reply(cited(r, supportedOne, supportedTwo)) }
			for i := lane; i < len(faultCases); i += lanes {
				c := faultCases[i]
				t.Run(c.name, func(t *testing.T) {
					model.Reset()
					model.Default(good)
					wantAnswer(t, newGuest(t, p).ask(t, p, "0", voucherQuestion), "answered", "generated", supportedTwo)
					n := citedNumber(t, model)
					said := supportedOne + " [" + n + "]. " + supportedTwo + " [" + n + "]."
					model.Reset()
					model.Queue(c.scripts(said, supportedOne+" ["+n+"]. "+unsupported+" ["+n+"].")...)
					model.Default(func(llmtest.Request) llmtest.Script { return llmtest.Status(500, "not asked for: Atlantis") })

					g := newGuest(t, p)
					page := g.follow(t, 0, p)
					receipt := g.say(t, p, "1", voucherQuestion)
					page.until("the end of the turn", endOf(receipt.Turn.ID))
					all := page.settled(p, 1)
					es := turnOf(all, receipt)
					wantAnswer(t, es, c.outcome, c.reason, "")
					text, end := answer(t, es)
					for _, s := range c.shown {
						if !strings.Contains(text, s) {
							t.Errorf("the answer lacks %q: %s", s, text)
						}
					}
					hidden := append(c.hidden, "Atlantis", "upstream", "error event")
					for _, e := range all {
						for _, s := range hidden {
							if strings.Contains(e.data, s) {
								t.Errorf("shown although unsupported: %q in %s", s, e)
							}
						}
					}
					deltas := matching(all, func(e wireEvent) bool { return e.kind == "delta" })
					if len(deltas) > 0 && !c.deltas {
						t.Errorf("text was shown before there was any that could be: %s", printed(deltas))
					}
					if c.outcome == "answered" && !slices.ContainsFunc(end.Citations, func(x struct{ Article string }) bool { return x.Article == "glimmer-voucher" }) {
						t.Errorf("the answer does not cite its article: %+v", end)
					}
					once(t, all)
					wantRecord(t, pool, g.id)
				})
			}
		})
	}
}

// citedNumber is the number under which the model was given the passage on the voucher's validity.
func citedNumber(t *testing.T, model *llmtest.Server) string {
	t.Helper()
	rs := model.Requests()
	if len(rs) == 0 {
		t.Fatal("the model was not asked")
	}
	for _, m := range passagePattern.FindAllStringSubmatch(rs[len(rs)-1].Prompt(), -1) {
		if strings.Contains(m[0], supportedOne) {
			return m[1]
		}
	}
	t.Fatalf("the passage is not in the prompt:\n%s", rs[len(rs)-1].Prompt())
	return ""
}

// A provider that is not there at all: every answer is quoted, and after a few the breaker spares customers the attempts.
func TestNoProvider(t *testing.T) {
	t.Parallel()
	database := demoDatabase(t)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed := "http://" + ln.Addr().String() + "/v1"
	ln.Close()
	p := serve(t, settings(database, "OPENAI_BASE_URL", closed, "FIRSTLINE_CHAT_MODEL", "scripted"))
	for i := range 4 {
		wantAnswer(t, newGuest(t, p).ask(t, p, fmt.Sprint(i), voucherQuestion), "answered", "quoted", voucherFact)
	}
	r := must(t, 200, "GET", p.url+"/metrics", "", nil)
	for _, metric := range []string{`firstline_provider_faults_total{kind="connect"}`, `firstline_provider_faults_total{kind="breaker_open"}`} {
		if !strings.Contains(string(r.body), metric) {
			t.Errorf("not counted: %s", metric)
		}
	}
}

// A model that falls silent in the middle of its answer: what was shown stays, the source completes it.
func TestSilentInTheMiddle(t *testing.T) {
	t.Parallel()
	database := demoDatabase(t)
	pool := pgtest.Open(t, database)
	model := llmtest.New(t)
	model.Default(func(r llmtest.Request) llmtest.Script {
		return llmtest.Stall(cited(r, supportedOne, supportedTwo), 18)
	})
	p := serve(t, modelled(database, model))
	g := newGuest(t, p)
	es := g.ask(t, p, "1", voucherQuestion)
	wantAnswer(t, es, "answered", "quoted", supportedOne)
	deltas := matching(es, func(e wireEvent) bool { return e.kind == "delta" })
	if len(deltas) == 0 {
		t.Errorf("nothing was shown before the silence:\n%s", printed(es))
	}
	wantRecord(t, pool, g.id)
}

// With a second model, a first one that fails is not noticed.
func TestFallbackModel(t *testing.T) {
	t.Parallel()
	database := demoDatabase(t)
	model := llmtest.New(t)
	model.Default(func(r llmtest.Request) llmtest.Script {
		if r.Model == "scripted" {
			return llmtest.Status(503, "down")
		}
		return llmtest.Reply(cited(r, supportedOne, supportedTwo))
	})
	p := serve(t, modelled(database, model, "FIRSTLINE_FALLBACK_MODEL", "second"))
	wantAnswer(t, newGuest(t, p).ask(t, p, "1", voucherQuestion), "answered", "generated", supportedTwo)
}
