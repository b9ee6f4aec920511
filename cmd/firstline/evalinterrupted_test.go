package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/firstline/firstline/assistant"
	"github.com/firstline/firstline/internal/postgres/pgtest"
)

// endsAt ends a run as soon as it has written some words.
type endsAt struct {
	bytes.Buffer
	words string
	end   context.CancelFunc
}

func (w *endsAt) Write(p []byte) (int, error) {
	if bytes.Contains(p, []byte(w.words)) {
		w.end()
	}
	return w.Buffer.Write(p)
}

// Whoever ends a run between its questions gets no figures and no certificate of those that were not searched for.
func TestSuiteInterrupted(t *testing.T) {
	t.Parallel()
	cfg := parseConfig(t)
	cfg.DatabaseURL = pgtest.URL(t)
	a, err := open(t.Context(), &env{ctx: t.Context(), cfg: cfg, out: io.Discard, err: io.Discard})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	if err := a.seedDemo(t.Context(), &env{ctx: t.Context(), cfg: cfg, out: io.Discard, err: io.Discard}); err != nil {
		t.Fatal(err)
	}
	before, err := assistant.LatestCertificate(t.Context(), a.pool)
	if err != nil {
		t.Fatal(err)
	}
	var lines strings.Builder
	for i := range 40 {
		fmt.Fprintf(&lines, `{"id": "%d", "question": "how do I set up a passkey", "market": "gb", "locale": "en", "expect": "answer", "answers": ["passkeys#"]}`+"\n", i)
	}
	file := filepath.Join(t.TempDir(), "labels.jsonl")
	if err := os.WriteFile(file, []byte(lines.String()), 0o644); err != nil {
		t.Fatal(err)
	}
	certificate := filepath.Join(t.TempDir(), "certificate.json")
	for _, o := range []suiteOptions{{}, {Certify: true}, {Certificate: certificate}} {
		o.Suite = []string{file}
		ctx, end := context.WithCancel(t.Context())
		out := &endsAt{words: "40 of 40 labelled questions", end: end} // the very last moment: every question was asked
		entries, err := o.run(&env{ctx: ctx, cfg: cfg, out: io.Discard, err: out})
		end()
		if err == nil || len(entries) > 0 {
			t.Errorf("%+v: %d entries, %v", o, len(entries), err)
		}
		if !strings.Contains(out.String(), out.words) {
			t.Errorf("%+v: the run was not ended where it should have been: %s", o, out.String())
		}
	}
	if _, err := os.Stat(certificate); err == nil {
		t.Error("a certificate was written")
	}
	after, err := assistant.LatestCertificate(t.Context(), a.pool)
	if err != nil {
		t.Fatal(err)
	}
	name := func(c *assistant.Certificate) string {
		if c == nil {
			return ""
		}
		return c.Name()
	}
	if name(before) != name(after) {
		t.Errorf("certificate %q became %q", name(before), name(after))
	}
}
