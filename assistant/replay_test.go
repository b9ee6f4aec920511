package assistant

import (
	"context"
	"encoding/json"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"pgregory.net/rapid"

	"github.com/firstline/firstline/handoff/triage"
	"github.com/firstline/firstline/internal/chat"
	"github.com/firstline/firstline/internal/llm"
	"github.com/firstline/firstline/internal/llm/llmtest"
	"github.com/firstline/firstline/internal/measure"
	"github.com/firstline/firstline/internal/postgres/pgtest"
	"github.com/firstline/firstline/retrieval"
)

// decisions draws inputs of every kind, the likely and the odd, and decides.
var decisions = rapid.Custom(func(t *rapid.T) Decision {
	share := rapid.OneOf(rapid.Float64Range(0, 1), rapid.SampledFrom([]float64{0, 1, 0.1, 1.0 / 3, 5e-324, 1e-7, 1 - 1e-16, 0.5}))
	any := rapid.OneOf(share, rapid.Float64Range(-1e300, 1e300), rapid.Just(math.Copysign(0, -1)))
	words := rapid.Map(rapid.String(), func(s string) string { return strings.ReplaceAll(s, "\x00", "") }) // which no message holds
	count := rapid.SampledFrom([]int{0, 0, 0, 0, 1, 2, 3})                                                 // what is common often enough to come to choosing at all
	yes := rapid.Bool()
	rarely := rapid.SampledFrom([]bool{false, false, false, false, false, false, false, true})
	group := rapid.SampledFrom([]string{"", Money, Normal, HowTo, "unheard of"})
	d := Decision{
		Version: decisionVersion, Classifier: words.Draw(t, "classifier"), Language: rapid.SampledFrom([]string{"en", "de", "es", "sv", "fr", "nl"}).Draw(t, "language"),
		Certainty: share.Draw(t, "certainty"), Question: words.Draw(t, "question"), Sentiment: "calm", Words: rapid.SampledFrom([]int{6, 8, 13, 0, 3}).Draw(t, "words"),
		Asks: yes.Draw(t, "asks"), Off: rarely.Draw(t, "off"), GivenUp: rarely.Draw(t, "given up"),
		LegalText: words.Draw(t, "legal"), Chosen: rarely.Draw(t, "chosen"),
		Stuck: StuckSigns{Repeats: count.Draw(t, "repeats"), Unhelpful: count.Draw(t, "unhelpful"), Clarified: count.Draw(t, "clarified"), Offered: count.Draw(t, "offered"),
			Turns: rapid.IntRange(0, 12).Draw(t, "turns"), Frustrated: yes.Draw(t, "frustrated"), JustOffer: yes.Draw(t, "just offered"), JustAsked: yes.Draw(t, "just asked"),
			Affirms: yes.Draw(t, "affirms"), Unanswered: count.Draw(t, "unanswered")},
		Retrieved: !rarely.Draw(t, "retrieved"), Failed: rarely.Draw(t, "failed"), Revision: rapid.Int64().Draw(t, "revision"),
		Features: retrieval.Features{Top: share.Draw(t, "top"), Margin: any.Draw(t, "margin"), Coverage: share.Draw(t, "coverage"), Agreement: share.Draw(t, "agreement"),
			LexTop: share.Draw(t, "lexical"), DenseTop: share.Draw(t, "dense"), Candidates: rapid.SampledFrom([]int{40, 1, 0}).Draw(t, "candidates"), LocaleMatch: yes.Draw(t, "locale"),
			QueryTerms: count.Draw(t, "terms"), UnknownTerms: share.Draw(t, "unknown")},
		Shelf: group.Draw(t, "shelf"), Said: rapid.SampledFrom([]Said{"", SaidAll, SaidQuote, SaidPart, SaidNothing}).Draw(t, "said"),
		Policy: Policy{Bars: rapid.MapOf(group, share).Draw(t, "bars"), Certified: rapid.MapOf(group, yes).Draw(t, "certified"), Certificate: words.Draw(t, "certificate")},
	}
	kinds := []string{triage.WantsHuman, triage.Legal, triage.Vulnerable, triage.SelfHarm, triage.Minor, triage.Identity, triage.Abuse, triage.Frustration, triage.Thanks}
	for range count.Draw(t, "cues") {
		d.Cues = append(d.Cues, triage.Cue{Kind: rapid.SampledFrom(kinds).Draw(t, "cue"), P: share.Draw(t, "p"), Evidence: words.Draw(t, "evidence")})
	}
	for range rapid.IntRange(0, 3).Draw(t, "topics") {
		d.Topics = append(d.Topics, triage.Score{Topic: words.Draw(t, "topic"), P: share.Draw(t, "p")})
	}
	if rarely.Draw(t, "topic") {
		d.TopicInfo = &TopicPolicy{Key: rapid.SampledFrom([]string{"a_topic", distressTopic, complaintTopic}).Draw(t, "key"), P: share.Draw(t, "p"),
			Priority: rapid.IntRange(1, 4).Draw(t, "priority"), AI: rapid.SampledFrom([]triage.AIPolicy{triage.AINo, triage.AIInfo, triage.AIYes}).Draw(t, "ai"),
			Group: group.Draw(t, "group"), SafeText: words.Draw(t, "safe")}
	}
	for range 3 - count.Draw(t, "passages") {
		d.Candidates = append(d.Candidates, Candidate{Passage: rapid.Int64().Draw(t, "passage"), Version: uuid.UUID(rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "version")),
			Article: words.Draw(t, "article"), Locale: "en", Score: any.Draw(t, "score"), Lexical: share.Draw(t, "lexical"), Dense: share.Draw(t, "dense")})
		d.Options = append(d.Options, words.Draw(t, "option"))
	}
	if n := len(d.Inputs()); yes.Draw(t, "fitted") {
		weights := rapid.SliceOfN(rapid.Float64Range(-12, 12), n, n)
		d.Policy.Weights, d.Policy.Among = measure.Logistic(weights.Draw(t, "weights")), measure.Logistic(weights.Draw(t, "among"))
	}
	d.Decide()
	return d
})

// Promise 7: whatever went into a decision, what the database keeps of it makes the same decision again, to the bit.
func TestAnyDecisionIsReproduced(t *testing.T) {
	t.Parallel()
	pool := pgtest.New(t)
	actions := map[Action]int{}
	rapid.Check(t, func(t *rapid.T) {
		drawn := rapid.SliceOfN(decisions, 20, 20).Draw(t, "decisions")
		var batch pgx.Batch
		for i := range drawn {
			raw, err := json.Marshal(&drawn[i])
			if err != nil {
				t.Fatal(err)
			}
			batch.Queue(`SELECT $1::jsonb`, raw)
		}
		results := pool.SendBatch(context.Background(), &batch)
		defer results.Close()
		for i := range drawn {
			var stored json.RawMessage
			if err := results.QueryRow().Scan(&stored); err != nil {
				t.Fatal(err)
			}
			r, err := Reproduce(stored)
			if err != nil || len(r.Differences) > 0 || r.Changed() {
				t.Fatalf("%+v, %v\n%s", r.Differences, err, stored)
			}
			if d := cmp.Diff(flat(t, drawn[i]), flat(t, r.Decision)); d != "" {
				t.Fatalf("decided (-) and read again (+):\n%s", d)
			}
			actions[drawn[i].Action]++
		}
	})
	for _, a := range []Action{"", Answer, Reply, Clarify, Offer, HandOff} {
		if actions[a] == 0 {
			t.Errorf("%q was never decided: %v", a, actions)
		}
	}
}

func flat(t interface{ Fatal(...any) }, d Decision) map[string]string {
	raw, err := json.Marshal(d)
	if err != nil {
		t.Fatal(err)
	}
	m, err := flatten(raw)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// What is not reproduced is noticed, however little it is, and so is what this program does not read at all.
func TestReproduceNotices(t *testing.T) {
	t.Parallel()
	d := Decision{Version: decisionVersion, Retrieval: fingerprint(), Language: "en", Question: "When do I get my refund?", Words: 6, Retrieved: true, Features: sure,
		Candidates: []Candidate{{Passage: 1, Article: "refunds"}}, Said: SaidQuote}
	d.Decide()
	raw, err := json.Marshal(d)
	if err != nil {
		t.Fatal(err)
	}
	edit := func(f func(m map[string]any)) json.RawMessage {
		var m map[string]any
		if err := json.Unmarshal(raw, &m); err != nil {
			t.Fatal(err)
		}
		f(m)
		out, err := json.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	for _, c := range []struct {
		name    string
		stored  json.RawMessage
		fields  string
		changed bool
	}{
		{"as it was", raw, "", false},
		{"the last bit", edit(func(m map[string]any) { m["p_correct"] = math.Nextafter(d.PCorrect, 1) }), "p_correct", false},
		{"an input", edit(func(m map[string]any) { m["candidates"] = []any{} }),
			"action costs.answer costs.hand_off explanation p_among p_correct reason", false},
		{"an unknown input", edit(func(m map[string]any) { m["phase_of_the_moon"] = 0.5 }), "phase_of_the_moon", false},
		{"an unknown input that says nothing", edit(func(m map[string]any) { m["phase_of_the_moon"] = nil }), "", false},
		{"another text", edit(func(m map[string]any) { m["explanation"] = "Because." }), "explanation", false},
		{"a result that was not stored", edit(func(m map[string]any) { delete(m, "explanation") }), "explanation", false},
		{"a flag", edit(func(m map[string]any) { m["then_human"] = true }), "then_human", false},
		{"other logic with the same result", edit(func(m map[string]any) { m["version"] = "prior-1" }), "", true},
		{"other logic", edit(func(m map[string]any) { m["version"], m["threshold"] = "prior-1", 0.99 }), "threshold", true},
		{"other retrieval", edit(func(m map[string]any) { m["retrieval_version"] = "older" }), "", true},
	} {
		r, err := Reproduce(c.stored)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		var fields []string
		for _, x := range r.Differences {
			fields = append(fields, x.Field)
			if x.Stored == x.Now {
				t.Errorf("%s: %+v is no difference", c.name, x)
			}
		}
		if got := strings.Join(fields, " "); got != c.fields || r.Changed() != c.changed {
			t.Errorf("%s: %q, want %q; changed %v", c.name, got, c.fields, r.Changed())
		}
	}
	for _, bad := range []string{``, `{`, `[]`, `{"p_correct": "high"}`} {
		if _, err := Reproduce(json.RawMessage(bad)); err == nil {
			t.Errorf("%q was read", bad)
		}
	}
}

// A turn that is replayed from the record is the turn that was: the same understanding, the same signs, the same
// decision. And nothing is written.
func TestReplayIsWhatHappened(t *testing.T) {
	t.Parallel()
	model := llm.New(llm.Config{}, llm.Options{})
	t.Cleanup(model.Close)
	b := setupWith(t, llmtest.New(t), model, chat.Options{}, Config{Thresholds: map[string]float64{Normal: 0.71}})
	id := b.start(t, "en")
	unsure := func(context.Context, retrieval.Query) (retrieval.Result, error) {
		return retrieval.Result{Passages: []retrieval.Passage{refunds, colours}, Features: maybe, Revision: 7, Model: "builtin"}, nil
	}
	searches := map[string]searchFunc{"sure": found(refunds, colours), "unsure": unsure}
	type step struct {
		text, search string
		helpful      bool
	}
	for _, s := range []step{
		{"When do I get my refund?", "sure", true}, {"and if it is late?", "sure", true}, {"How do I change the colours of it all", "unsure", true}, {"the second one", "sure", false},
		{"When do I get my refund?", "sure", true}, {"thanks", "sure", true}, {"I want to talk to a human", "sure", true},
	} {
		b.search = searches[s.search]
		r := b.ask(t, id, s.text)
		if !s.helpful {
			err := b.rec.Do(t.Context(), id, func(ctx context.Context, cs *chat.Session) error { return cs.Judge(ctx, r.message.ID, false, "") })
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	count := func() (rows string) {
		err := b.pool.QueryRow(t.Context(), `SELECT (SELECT md5(string_agg(x::text, '' ORDER BY id)) FROM conversations x) || (SELECT md5(string_agg(x::text, '' ORDER BY id)) FROM messages x)
			|| (SELECT md5(string_agg(x::text, '' ORDER BY seq)) FROM events x) || (SELECT md5(string_agg(x::text, '' ORDER BY id)) FROM turns x)
			|| (SELECT md5(string_agg(x::text, '' ORDER BY id)) FROM handoffs x)`).Scan(&rows)
		if err != nil {
			t.Fatal(err)
		}
		return rows
	}
	before := count()
	turns, err := b.rec.EndedBefore(t.Context(), chat.Span{}, uuid.Max, 100)
	if err != nil {
		t.Fatal(err)
	}
	actions := map[Action]int{}
	for _, e := range turns {
		var stored Decision
		if err := json.Unmarshal(e.Decision, &stored); err != nil {
			t.Fatal(err)
		}
		b.search = searches["sure"]
		if stored.Features == maybe {
			b.search = unsure
		}
		p, err := b.asst.ForReplay(false, nil).Replay(t.Context(), e.Claim)
		if err != nil {
			t.Fatal(err)
		}
		was, err := flatten(e.Decision)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(was, flat(t, *p.Decision)); d != "" {
			t.Errorf("%q happened (-) and was replayed (+):\n%s", e.Claim.Text(), d)
		}
		if e.Answer != nil && p.Text != e.Answer.Text {
			t.Errorf("said %q, replayed %q", e.Answer.Text, p.Text)
		}
		actions[p.Decision.Action]++
		if stored.Stuck.Unhelpful > 0 {
			actions["after a verdict"]++
		}
		if stored.Context != "" {
			actions["leaning on another"]++
		}
	}
	if len(turns) != 7 || actions[Answer] == 0 || actions[Clarify] == 0 || actions[Reply] == 0 || actions[HandOff] == 0 || actions["after a verdict"] == 0 || actions["leaning on another"] == 0 {
		t.Errorf("%d turns: %v", len(turns), actions)
	}
	if count() != before {
		t.Error("something was written")
	}
}

// A replay waits for nobody, and asks the model only when it is told to.
func TestReplayIsQuiet(t *testing.T) {
	t.Parallel()
	b := setup(t, chat.Options{}, Config{Settle: time.Hour})
	claim := &chat.Claim{Attempt: 1, Conversation: chat.Conversation{Market: "gb", Locale: "en", Audience: "consumer"},
		Messages: []chat.Message{{Author: chat.Customer, Text: "refund late"}}}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	p, err := b.asst.ForReplay(false, nil).Replay(ctx, claim)
	if err != nil || p.Decision.Said != SaidQuote || len(b.srv.Requests()) != 0 {
		t.Fatalf("%+v, %v, %d requests", p.Decision, err, len(b.srv.Requests()))
	}
	other := 0
	search := searchFunc(func(ctx context.Context, q retrieval.Query) (retrieval.Result, error) {
		other++
		return found(colours)(ctx, q)
	})
	p, err = b.asst.ForReplay(true, searcherFunc(search)).Replay(ctx, claim)
	if err != nil || other != 1 || len(b.srv.Requests()) == 0 {
		t.Errorf("%+v, %v, %d requests, %d searches elsewhere", p.Decision, err, len(b.srv.Requests()), other)
	}
}

type searcherFunc searchFunc

func (f searcherFunc) Search(ctx context.Context, q retrieval.Query) (retrieval.Result, error) {
	return f(ctx, q)
}
