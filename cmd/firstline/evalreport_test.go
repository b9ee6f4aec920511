package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Two runs beside each other: the same set, once with every long word misspelt, so that no question reads as before.
func TestEvalCompare(t *testing.T) {
	dir, to := questionSet(t, "tiny"), t.TempDir()
	before, page := filepath.Join(to, "before.json"), filepath.Join(to, "page.html")
	if code, _, stderr := eval(t, "--bm25", "--json", before, dir); code != 0 {
		t.Fatal(stderr)
	}
	code, stdout, stderr := eval(t, "--bm25", "--compare", before, "--html", page, dir)
	if code != 0 || !strings.Contains(stdout, "0 better, 0 worse, 3 equal") {
		t.Errorf("exit code %d, %s%s", code, stdout, stderr)
	}
	raw, err := os.ReadFile(page)
	if err != nil || !strings.Contains(string(raw), "What changed") {
		t.Errorf("the page does not compare: %v", err)
	}
	if _, stdout, _ = eval(t, "--bm25", "--typos", "1", "--compare", before, dir); !strings.Contains(stdout, "not compared: 3") || !strings.Contains(stdout, "typos: (none) -> 1") {
		t.Errorf("other words are compared: %s", stdout)
	}
	if err := os.WriteFile(before, []byte("no report"), 0o644); err != nil {
		t.Fatal(err)
	}
	if code, _, stderr = eval(t, "--bm25", "--compare", before, dir); code != 2 || !strings.Contains(stderr, "--compare: ") {
		t.Errorf("exit code %d, %s", code, stderr)
	}
}

// A floor that is missed, or that nothing has, still leaves the files.
func TestEvalFloorsLeaveFiles(t *testing.T) {
	dir, to := questionSet(t, "tiny"), t.TempDir()
	for i, tt := range []struct {
		floor, want string
		code        int
	}{
		{"tiny:brier<=0", "brier of tiny is 0.", 1},
		{"other:ndcg@10=0", `called "other"`, 2},
		{"macro_f1=0", "macro_f1", 2},
	} {
		file := filepath.Join(to, string(rune('a'+i)))
		code, _, stderr := eval(t, "--bm25", "--no-cases", "--json", file, "--floor", tt.floor, dir)
		if code != tt.code || !strings.Contains(stderr, tt.want) {
			t.Errorf("%s: exit code %d, %s", tt.floor, code, stderr)
		}
		if f := readEval(t, file); len(f.Sets) != 1 || f.Cases != nil {
			t.Errorf("%s: %+v", tt.floor, f)
		}
	}
}

// An interrupted run is no success, and JSON may go where the tables would.
func TestEvalInterruptedAndPiped(t *testing.T) {
	dir := questionSet(t, "tiny")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var out, err strings.Builder
	if code := run(ctx, []string{"eval", "--bm25", dir}, &out, &err); code != 1 || !strings.Contains(err.String(), "Interrupted") {
		t.Errorf("exit code %d, %s%s", code, out.String(), err.String())
	}
	code, stdout, stderr := eval(t, "--bm25", "--json", "-", dir)
	if code != 0 || !strings.HasPrefix(stdout, "{") || !strings.Contains(stderr, "ndcg@10") {
		t.Errorf("exit code %d, %s, %s", code, stdout, stderr)
	}
}
