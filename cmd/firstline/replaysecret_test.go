package main

import "testing"

// The report of a replay goes to colleagues: neither a key nor a password in an address goes with it.
func TestReplayKeepsSecrets(t *testing.T) {
	t.Parallel()
	c := ReplayCmd{With: []string{"OPENAI_API_KEY=sk-1 OPENAI_BASE_URL=https://me:hush@models.example/v1 FIRSTLINE_COMPANY=Acme"}}
	got := c.settings()
	for key, want := range map[string]string{
		"OPENAI_API_KEY": "(not shown)", "OPENAI_BASE_URL": "https://me:xxxxx@models.example/v1", "FIRSTLINE_COMPANY": "Acme",
	} {
		if got[key] != want {
			t.Errorf("%s is shown as %q, want %q", key, got[key], want)
		}
	}
}
