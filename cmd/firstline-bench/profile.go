package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"time"
)

const profileTop = 30 // functions shown

// profile drives a load of its own, because a profile slows what it measures, and returns the functions that took most
// of the server's CPU and those that allocated most.
func (b *bench) profile(ctx context.Context, name string, t target, l load) (string, error) {
	if err := os.MkdirAll(b.Profile, 0o755); err != nil {
		return "", err
	}
	// Conversations enough for the whole time, at the rate of this machine.
	warm := l
	warm.turns, warm.limit = 10*settleTurns, b.RunLimit
	if err := t.prepare(ctx, warm.conversations()); err != nil {
		return "", err
	}
	d, err := drive(ctx, t, warm)
	if err != nil {
		return "", err
	}
	rate := float64(len(d.samples)) / d.wall.Seconds()
	seconds := max(1, int(b.ProfileTime.Seconds()))
	l.limit = time.Duration(2*seconds+2) * time.Second
	l.turns = int(2 * rate * l.limit.Seconds())
	if err := t.prepare(ctx, l.conversations()); err != nil {
		return "", err
	}
	var load sync.WaitGroup
	var loadErr error
	load.Go(func() { _, loadErr = drive(ctx, t, l) })
	out := ""
	for _, p := range []struct{ kind, query, flag, title string }{
		{"cpu", "profile", "-flat", "CPU"}, {"allocs", "allocs", "-sample_index=alloc_space", "allocated bytes"},
	} {
		raw, err := fetch(ctx, fmt.Sprintf("%s/debug/pprof/%s?seconds=%d", b.debug, p.query, seconds))
		if err != nil {
			load.Wait()
			return "", err
		}
		path := filepath.Join(b.Profile, name+"-"+p.kind+".pprof")
		if err := os.WriteFile(path, raw, 0o644); err != nil {
			load.Wait()
			return "", err
		}
		top, err := exec.CommandContext(ctx, "go", "tool", "pprof", "-top", p.flag, fmt.Sprintf("-nodecount=%d", profileTop), b.Server, path).CombinedOutput()
		if err != nil {
			load.Wait()
			return "", fmt.Errorf("go tool pprof: %w\n%s", err, top)
		}
		out += fmt.Sprintf("%s, top %d:\n%s\n", p.title, profileTop, top)
	}
	load.Wait()
	return out, loadErr
}
