package main

import (
	"math"
	"path/filepath"
	"strings"
	"testing"
)

// What agents said of handoffs is counted, and held against what the assistant would do now: unchanged, it heeds those who
// found it right and none of those who found it wrong.
func TestEvalVerdicts(t *testing.T) {
	t.Parallel()
	p := newPast(t)
	path := filepath.Join(t.TempDir(), "report.json")
	verdicts := func(args ...string) (evalFile, string) {
		t.Helper()
		code, stdout, stderr := p.command(t, append([]string{"eval", "--verdicts", "--json", path}, args...)...)
		if code != 0 {
			t.Fatalf("eval: %d\n%s%s", code, stdout, stderr)
		}
		return readEval(t, path), stdout
	}
	none, _ := verdicts()
	if f := none.Suites["verdicts"]; f["n"] != 0.0 || f["heeded"] != nil {
		t.Errorf("without a verdict: %v", f)
	}

	p.fill(t, 120, 1)
	before := p.written(t)
	agent := one[string](t, p.pool, `INSERT INTO agents (id, email, name, role) VALUES (gen_random_uuid(), 'judge@larkpay.example', 'Judge', 'agent') RETURNING id::text`)
	// A third each: right, too early, and to the wrong team, where the right one is named; then handoffs that people made.
	if _, err := p.pool.Exec(t.Context(), `INSERT INTO handoff_verdicts (handoff_id, agent_id, verdict, team)
		SELECT id, $1::uuid, (ARRAY['right', 'too_early', 'wrong_team'])[1 + n % 3], CASE n % 3 WHEN 2 THEN team END
		FROM (SELECT id, team, row_number() OVER (ORDER BY id) AS n FROM handoffs WHERE turn_id IS NOT NULL) h`, agent); err != nil {
		t.Fatal(err)
	}
	n := one[int](t, p.pool, `SELECT count(*) FROM handoff_verdicts`)
	right := one[int](t, p.pool, `SELECT count(*) FROM handoff_verdicts WHERE verdict = 'right'`)
	named := one[int](t, p.pool, `SELECT count(*) FROM handoff_verdicts WHERE verdict = 'wrong_team'`)
	if right < 3 || named < 3 {
		t.Fatalf("%d of %d are right; the past is thin", right, n)
	}
	got, out := verdicts()
	f := got.Suites["verdicts"]
	// The team that agents name is the one that it came to: today it comes there again.
	want(t, "heeded", math.Round(f["heeded"].(float64)*float64(n)), float64(right+named))
	want(t, "right", math.Round(f["right"].(float64)*float64(n)), float64(right))
	want(t, "replayed", f["replayed"].(float64), float64(n))
	if !strings.Contains(out, "heeded") || len(got.Cases["suites/verdicts"]) != n {
		t.Errorf("%d cases\n%s", len(got.Cases["suites/verdicts"]), out)
	}
	for _, c := range got.Cases["suites/verdicts"] {
		if c["text"] == "" || c["group"] == "too_early" && c["score"] != 0.0 || c["group"] == "right" && c["score"] != 1.0 {
			t.Errorf("%v", c)
		}
	}
	if p.written(t) != before {
		t.Error("something was written")
	}
	// Another team is another answer; and a handoff that a person made has no turn to run.
	if _, err := p.pool.Exec(t.Context(), `UPDATE handoff_verdicts SET team = (SELECT key FROM teams t WHERE key <> h.team ORDER BY key LIMIT 1) FROM handoffs h
		WHERE h.id = handoff_id AND verdict = 'wrong_team'`); err != nil {
		t.Fatal(err)
	}
	if _, err := p.pool.Exec(t.Context(), `UPDATE handoffs SET turn_id = NULL WHERE id IN (SELECT handoff_id FROM handoff_verdicts WHERE verdict = 'right')`); err != nil {
		t.Fatal(err)
	}
	got, _ = verdicts()
	f = got.Suites["verdicts"]
	want(t, "replayed", f["replayed"].(float64), float64(n-right))
	want(t, "heeded", f["heeded"].(float64), 0)
	if code, _, stderr := p.command(t, "eval", "--verdicts", "--floor", "heeded=0.5"); code == 0 || !strings.Contains(stderr, "heeded") {
		t.Errorf("a floor that is not met: %d %s", code, stderr)
	}
}
