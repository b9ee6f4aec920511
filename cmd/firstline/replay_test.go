package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/firstline/firstline/assistant"
	"github.com/firstline/firstline/internal/chat"
	"github.com/firstline/firstline/internal/llm/llmtest"
)

// Replayed as it is, the past comes out as it was: every action, reason, topic, priority and section. With
// other settings it does not, and what changed is what the settings say.
func TestReplay(t *testing.T) {
	t.Parallel()
	p := newPast(t)
	const turns = 300
	p.fill(t, turns, 1)
	ended := one[int](t, p.pool, `SELECT count(*) FROM turns WHERE decision IS NOT NULL`)
	want(t, "turns", ended, turns)
	before := p.written(t)

	same, out := p.replay(t)
	if same.Turns != turns || same.Same != turns || len(same.Changed) != 0 || same.Failed != 0 {
		t.Errorf("%d turns, %d the same, %d failed searches\n%s", same.Turns, same.Same, same.Failed, out)
	}
	happened := map[assistant.Action]int{}
	for a, now := range same.Matrix {
		for b, n := range now {
			if a != b {
				t.Errorf("%s became %s %d times", a, b, n)
			}
			happened[a] += n
		}
	}
	for _, a := range []assistant.Action{assistant.Answer, assistant.Clarify, assistant.Offer, assistant.HandOff} {
		if happened[a] < 3 {
			t.Errorf("%s happened %d times; the past is thin", a, happened[a])
		}
	}
	if limited, _ := p.replay(t, "--limit", "7"); limited.Turns != 7 {
		t.Errorf("%d turns, want the 7 newest", limited.Turns)
	}
	if none, out := p.replay(t, "--until", "1h"); none.Turns != 0 || !strings.Contains(out, "0 turns") {
		t.Errorf("%d turns before an hour ago:\n%s", none.Turns, out)
	}

	// The kill switch leaves no answer but what the rules give, and takes nothing from the rules.
	off, out := p.replay(t, "--with", "FIRSTLINE_ASSISTANT_OFF=true", "--list", "1")
	if off.Matrix[assistant.Answer][assistant.Answer]+off.Matrix[assistant.Clarify][assistant.Clarify] != 0 || off.Kinds[ruleLost] != 0 || off.Kinds[toPerson] < happened[assistant.Answer] {
		t.Errorf("switched off: %v\n%v", off.Kinds, off.Matrix)
	}
	if off.Turns != turns || off.Same+len(off.Changed) != turns || off.Changed[0].Kind != toPerson || off.Changed[0].Question == "" ||
		!slices.ContainsFunc(off.Changed, func(c pair) bool {
			return c.Kind == toPerson && len(c.Before.Sections) == 1 && len(c.Now.Sections) == 0
		}) {
		t.Errorf("%d the same, %d changed; the first is %+v", off.Same, len(off.Changed), off.Changed[0])
	}
	distinct := map[uuid.UUID]bool{}
	for _, c := range off.Changed {
		distinct[c.Turn] = true
	}
	want(t, "turns told of twice", len(off.Changed)-len(distinct), 0)
	for _, w := range []string{"the worst first", toPerson, off.Changed[0].Turn.String(), "before \\ now", fmt.Sprintf("%d more", len(off.Changed)-1)} {
		if !strings.Contains(out, w) {
			t.Errorf("%q is not in\n%s", w, out)
		}
	}

	// A higher threshold only takes answers away, and the turns say why; against the present it is the same difference.
	strict, _ := p.replay(t, "--with", "FIRSTLINE_THRESHOLDS=money=1;normal=1;howto=1")
	beyond, _ := p.replay(t, "--with", "FIRSTLINE_THRESHOLDS=money=1;normal=1;howto=1", "--against", "present")
	if strict.Kinds[nowAnswered] != 0 || strict.Same == turns || strict.Same == 0 {
		t.Errorf("stricter: %v", strict.Kinds)
	}
	for _, c := range strict.Changed {
		guide := c.Before.Action == assistant.Guide                                // its steps are not chosen by how sure anything is, and tell no p
		if c.Now.Threshold != 1 || !guide && math.Abs(c.Before.P-c.Now.P) > 1e-6 { // two loads of one index differ in the last digits
			t.Errorf("%+v", c)
		}
	}
	if fmt.Sprint(strict.Kinds, strict.Matrix) != fmt.Sprint(beyond.Kinds, beyond.Matrix) {
		t.Errorf("against what was stored %v\nagainst the present %v", strict.Kinds, beyond.Kinds)
	}

	// Without topics nothing is known to be for people alone: the worst comes first.
	bare := filepath.Join(t.TempDir(), "topics.yaml")
	if err := os.WriteFile(bare, []byte(oneTopic), 0o600); err != nil {
		t.Fatal(err)
	}
	lost, _ := p.replay(t, "--topics", bare)
	if lost.Kinds[ruleLost] == 0 || lost.Changed[0].Kind != ruleLost || lost.Topics["unauthorised_transaction"] == nil || lost.Topics["unauthorised_transaction"].Now != 0 {
		t.Errorf("without the topics: %v", lost.Kinds)
	}
	if p.written(t) != before {
		t.Error("something was written")
	}

	// What an article no longer says is another section, or none.
	article := ""
	for _, c := range off.Changed {
		if len(c.Before.Sections) > 0 && c.Before.Action == assistant.Answer {
			article, _, _ = strings.Cut(c.Before.Sections[0], "#")
			break
		}
	}
	if _, err := p.pool.Exec(t.Context(), `UPDATE article_versions SET valid_to = now() WHERE article_id IN (SELECT id FROM articles WHERE slug = $1)`, article); err != nil {
		t.Fatal(err)
	}
	gone, _ := p.replay(t)
	if gone.Same == turns {
		t.Errorf("nothing changed without %s", article)
	}
	if now, _ := p.replay(t, "--against", "present"); now.Same != turns {
		t.Errorf("against the present, what is gone is gone on both sides: %v", now.Kinds)
	}
	for _, c := range gone.Changed {
		if slices.ContainsFunc(c.Now.Sections, func(s string) bool { return strings.HasPrefix(s, article+"#") }) {
			t.Errorf("%s is still quoted: %+v", article, c)
		}
	}
}

const oneTopic = `version: 1
languages: [en]
topics:
  - key: app_trouble
    name: {en: App trouble}
    priority: 4
    team: technical
    group: howto
    audience: both
    ai: "yes"
    sla: 4h
    examples:
      en: ["the app crashes", "the app does not open", "my phone shows an error in the app"]
none:
  en: ["what is the weather", "tell me a joke", "who won the match"]
`

// Another embedding model works on a copy of the articles, and the one in use stays; the chat model is asked only when
// it is told to.
func TestReplayModels(t *testing.T) {
	t.Parallel()
	p := newPast(t)
	p.fill(t, 20, 5)
	before := p.written(t)
	active := func() string {
		return one[string](t, p.pool, `SELECT string_agg(x::text, ';' ORDER BY x::text) FROM embedding_models x`) + one[string](t, p.pool, `SELECT count(*)::text FROM embeddings`)
	}
	models := active()
	srv := llmtest.New(t)
	d, _ := p.replay(t, "--with", "OPENAI_BASE_URL="+srv.URL()+" FIRSTLINE_EMBEDDING_MODEL=another FIRSTLINE_EMBEDDING_DIMENSIONS=16")
	chats, questions := 0, 0
	stored := one[[]string](t, p.pool, `SELECT array_agg(DISTINCT body) FROM messages WHERE author = 'customer'`)
	for _, r := range srv.Requests() {
		if len(r.Messages) > 0 {
			chats++
		}
		if len(r.Input) == 1 && slices.Contains(stored, r.Input[0]) {
			questions++
		}
	}
	if d.Turns != 20 || d.Failed != 0 || chats != 0 || questions < 5 || d.Settings["FIRSTLINE_EMBEDDING_MODEL"] != "another" {
		t.Errorf("%d turns, %d failed, %d chats, %d questions embedded, %v", d.Turns, d.Failed, chats, questions, d.Settings)
	}
	srv.Answer(func(llmtest.Request) string { return "NO_ANSWER" })
	d, _ = p.replay(t, "--model", "--with", "OPENAI_API_KEY=secret OPENAI_BASE_URL="+srv.URL())
	if d.Matrix[assistant.Answer][assistant.HandOff] == 0 || d.Matrix[assistant.Answer][assistant.Answer] != 0 || d.Settings["OPENAI_API_KEY"] != "(not shown)" {
		t.Errorf("the model found no answers, and %v, %v", d.Matrix, d.Settings)
	}
	if active() != models || p.written(t) != before {
		t.Errorf("something was written: %s, was %s", active(), models)
	}
}

// Every turn of the past is explained and reproduced; a stored decision that somebody changed is not.
func TestExplain(t *testing.T) {
	t.Parallel()
	p := newPast(t)
	p.fill(t, 60, 2)
	before := p.written(t)
	turns, err := p.record.EndedBefore(t.Context(), chat.Span{}, uuid.Max, 100)
	if err != nil {
		t.Fatal(err)
	}
	for i, e := range turns {
		if again, err := assistant.Reproduce(e.Decision); err != nil || len(again.Differences) > 0 || again.Changed() {
			t.Errorf("%v %+v", err, again.Differences)
		}
		if i >= 8 { // the command, for some
			continue
		}
		code, out, stderr := p.command(t, "explain", e.Claim.TurnID.String())
		if code != 0 {
			t.Fatalf("%d\n%s%s", code, out, stderr)
		}
		for _, w := range []string{e.Claim.TurnID.String(), e.Claim.Conversation.ID.String(), strings.SplitN(e.Claim.Text(), "\n", 2)[0], string(e.Outcome), "Reproduced: "} {
			if !strings.Contains(out, w) {
				t.Errorf("%q is not in\n%s", w, out)
			}
		}
	}
	last := turns[0]
	code, out, _ := p.command(t, "explain", last.Claim.Conversation.ID.String())
	if code != 0 || !strings.Contains(out, "conversation "+last.Claim.Conversation.ID.String()) {
		t.Errorf("by conversation: %d\n%s", code, out)
	}
	code, out, stderr := p.command(t, "explain", "--json", last.Claim.TurnID.String())
	var raw assistant.Decision
	if err := json.Unmarshal([]byte(out), &raw); err != nil || code != 0 || raw.Version != assistant.DecisionVersion || !strings.Contains(stderr, "Reproduced") {
		t.Errorf("%d, %v\n%s%s", code, err, out, stderr)
	}
	if p.written(t) != before {
		t.Error("something was written")
	}
	for what, sql := range map[string]string{
		"priority: stored 1":                 `jsonb_set(decision, '{priority}', '1')`,
		"The logic has changed":              `decision || '{"version": "prior-1", "reason": "an older one"}'`,
		"an_input_of_another_program: store": `decision || '{"an_input_of_another_program": 1}'`,
	} {
		if _, err := p.pool.Exec(t.Context(), `UPDATE turns SET decision = `+sql+` WHERE id = $1`, last.Claim.TurnID); err != nil {
			t.Fatal(err)
		}
		code, out, _ := p.command(t, "explain", last.Claim.TurnID.String())
		if code != 1 || !strings.Contains(out, what) || strings.Contains(out, "Reproduced:") {
			t.Errorf("%s: %d\n%s", what, code, out)
		}
		if _, err := p.pool.Exec(t.Context(), `UPDATE turns SET decision = $2 WHERE id = $1`, last.Claim.TurnID, last.Decision); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		id   string
		code int
	}{{"no id", 2}, {uuid.NewString(), 1}} {
		if code, _, stderr := p.command(t, "explain", c.id); code != c.code || stderr == "" {
			t.Errorf("%s: %d %s", c.id, code, stderr)
		}
	}
}

// What is misused is refused before anything is opened, and says what is wrong.
func TestReplayMisused(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		args []string
		says string
	}{
		{[]string{"--since", "yesterday"}, "--since"},
		{[]string{"--since", "1d", "--until", "2d"}, "ends before"},
		{[]string{"--with", "FIRSTLINE_THRESHOLDS=money=2"}, "from 0 to 1"},
		{[]string{"--with", "FIRSTLINE_THRESHOLDS=money=high"}, "--with"},
		{[]string{"--with", "DATABASE_URL=postgres://elsewhere"}, "no setting that a replay can change"},
		{[]string{"--with", "nothing/there"}, "neither KEY=VALUE nor a file"},
		{[]string{"--limit=-1"}, "negative"},
		{[]string{"--topics", "nothing/there"}, "topics"},
	} {
		var out, err bytes.Buffer
		if code := run(t.Context(), append([]string{"replay", "--database-url", "postgres:///nowhere?host=/nonexistent"}, c.args...), &out, &err); code != 2 || !strings.Contains(err.String(), c.says) {
			t.Errorf("%v: %d, %s", c.args, code, err.String())
		}
	}
}

// Settings are laid over the present ones, and only those that are named.
func TestConfigWith(t *testing.T) {
	t.Parallel()
	cfg := parseConfig(t)
	cfg.Company, cfg.Offer, cfg.Thresholds = "Somebody", 7*time.Second, map[string]float64{"money": 0.9}
	file := filepath.Join(t.TempDir(), "settings")
	if err := os.WriteFile(file, []byte("# a comment\n\nFIRSTLINE_COMPANY=A Name with spaces\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	got, err := cfg.with([]string{"FIRSTLINE_ASSISTANT_OFF=true FIRSTLINE_THRESHOLDS=howto=0.5;normal=0.6", file})
	if err != nil {
		t.Fatal(err)
	}
	if !got.Off || got.Company != "A Name with spaces" || got.Offer != 7*time.Second || fmt.Sprint(got.Thresholds) != "map[howto:0.5 normal:0.6]" || cfg.Off || cfg.Company != "Somebody" {
		t.Errorf("%+v\nfrom %+v", got, cfg)
	}
	if same, err := cfg.with(nil); err != nil || fmt.Sprint(*same) != fmt.Sprint(*cfg) {
		t.Errorf("%+v, %v", same, err)
	}
}

// Kinds of changes, as they are told apart.
func TestReplayKinds(t *testing.T) {
	t.Parallel()
	answer := stand{Action: assistant.Answer, Reason: assistant.Quoted, Sections: []string{"a#x (en)"}}
	hand := func(r assistant.Reason, priority int) stand {
		return stand{Action: assistant.HandOff, Reason: r, Priority: priority}
	}
	clarify, offer := stand{Action: assistant.Clarify, Reason: assistant.LowConfidence}, stand{Action: assistant.Offer, Reason: assistant.Stuck}
	written := stand{Action: assistant.Answer, Reason: assistant.Generated, Sections: []string{"b#y (en)", "a#x (en)"}}
	for _, c := range []struct {
		before, now stand
		want        string
	}{
		{answer, answer, unchanged},
		{written, answer, unchanged}, // one of the sections that the model cited
		{answer, written, otherSection},
		{hand(assistant.Vulnerability, 1), answer, ruleLost},
		{hand(assistant.CustomerRequest, 3), offer, ruleLost},
		{hand(assistant.PriorityTopic, 1), hand(assistant.LowConfidence, 4), lessUrgent},
		{hand(assistant.LowConfidence, 4), hand(assistant.PriorityTopic, 1), moreUrgent},
		{hand(assistant.NoArticle, 4), hand(assistant.LowConfidence, 4), otherReason},
		{hand(assistant.NoArticle, 4), answer, nowAnswered},
		{hand(assistant.NoArticle, 4), clarify, lessCautious},
		{answer, hand(assistant.NoArticle, 4), toPerson},
		{answer, offer, toOffer},
		{answer, clarify, toClarify},
		{clarify, offer, moreCautious},
		{clarify, answer, nowAnswered},
	} {
		if got := (pair{Before: c.before, Now: c.now}).kind(); got != c.want {
			t.Errorf("%s -> %s: %q, want %q", c.before, c.now, got, c.want)
		}
	}
}

// BenchmarkReplay measures turns a second, without a model, over a past of FIRSTLINE_REPLAY_TURNS turns (1,000).
func BenchmarkReplay(b *testing.B) {
	turns := 1000
	if s := os.Getenv("FIRSTLINE_REPLAY_TURNS"); s != "" {
		var err error
		if turns, err = strconv.Atoi(s); err != nil {
			b.Fatal(err)
		}
	}
	p := newPast(b)
	p.fill(b, turns, 3)
	r := &replay{record: p.record, now: p.assistant.ForReplay(false, nil), progress: func(int, int) {}}
	for b.Loop() {
		d, err := r.run(b.Context())
		if err != nil || d.Turns != turns || d.Same != turns {
			b.Fatalf("%+v, %v", d, err)
		}
		b.ReportMetric(d.PerSecond, "turns/s")
	}
}
