package main

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/firstline/firstline/internal/postgres/pgtest"
)

// Labels that nothing can meet are mistakes of whoever wrote them, not wrong answers.
func TestLabelsThatNothingCanMeet(t *testing.T) {
	t.Parallel()
	cfg := parseConfig(t)
	cfg.DatabaseURL = pgtest.URL(t)
	e := &env{ctx: t.Context(), cfg: cfg, out: io.Discard, err: io.Discard}
	a, err := open(t.Context(), e)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	if err := a.seedDemo(t.Context(), e); err != nil {
		t.Fatal(err)
	}
	const good = `{"id": "1", "question": "passkey", "market": "gb", "locale": "en", "expect": "answer", "answers": ["passkeys#how-do-i-set-up-a-passkey", "passkeys#"]}` + "\n"
	for name, tt := range map[string]struct{ lines, want string }{
		"good":             {good, ""},
		"unknown section":  {strings.Replace(good, "how-do-i", "who-does", 1), `1: "answers" has "passkeys#who-does-set-up-a-passkey", which is no section`},
		"unknown article":  {strings.Replace(good, `"passkeys#"`, `"passkey#"`, 1), `1: "answers" has "passkey#"`},
		"unknown market":   {strings.Replace(good, "gb", "zz", 1), `1: "market" is "zz", want one of gb, us`},
		"no market":        {strings.Replace(good, `"market": "gb", `, "", 1), `1: "market" is ""`},
		"unknown language": {strings.Replace(good, `"en"`, `"tlh"`, 1), `1: "locale" is "tlh"`},
		"unknown audience": {strings.Replace(good, `"id"`, `"audience": "robots", "id"`, 1), `1: "audience" is "robots"`},
		"a dialogue": {`{"id": "2", "kind": "x", "market": "gb", "locale": "en", "audience": "consumer", "turns": [{"customer": "a", "answers": ["nowhere#"]}]}`,
			`2: "answers" has "nowhere#"`},
	} {
		file := filepath.Join(t.TempDir(), "labels.jsonl")
		if err := os.WriteFile(file, []byte(tt.lines), 0o644); err != nil {
			t.Fatal(err)
		}
		labels, err := (&suiteOptions{Suite: []string{file}}).labels()
		if err != nil {
			t.Fatal(name, err)
		}
		err = a.checkLabels(t.Context(), labels)
		if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
			t.Errorf("%s: %v, want %q", name, err, tt.want)
		}
	}
	file := filepath.Join(t.TempDir(), "labels.jsonl")
	if err := os.WriteFile(file, []byte(good), 0o644); err != nil {
		t.Fatal(err)
	}
	twice, err := (&suiteOptions{Suite: []string{file, file}}).labels()
	if err != nil {
		t.Fatal(err)
	}
	if err := a.checkLabels(t.Context(), twice); err == nil || !strings.Contains(err.Error(), `"id" is given twice`) {
		t.Errorf("the same file twice: %v", err)
	}
}
