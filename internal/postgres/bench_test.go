package postgres

import (
	"context"
	"os"
	"path/filepath"
	"testing"
)

// benchLocal measures from StartLocal to a server that answers; stopping it and cleaning up are not counted.
func benchLocal(b *testing.B, fresh bool) {
	parent, err := os.MkdirTemp("", "firstline-local-")
	if err != nil {
		b.Fatal(err)
	}
	defer os.RemoveAll(parent)
	if err := os.Chmod(parent, 0o755); err != nil {
		b.Fatal(err)
	}
	dir, ctx := filepath.Join(parent, "postgres"), context.Background()
	start := func() *Local {
		l, err := StartLocal(ctx, LocalConfig{Dir: dir})
		if err != nil {
			b.Fatal(err)
		}
		return l
	}
	stop := func(l *Local, remove bool) {
		if err := l.Stop(ctx); err != nil {
			b.Fatal(err)
		}
		if remove {
			if err := RemoveLocal(ctx, dir); err != nil {
				b.Fatal(err)
			}
		}
	}
	if !fresh {
		stop(start(), false)
	}
	for b.Loop() {
		l := start()
		b.StopTimer()
		stop(l, fresh)
		b.StartTimer()
	}
	if err := RemoveLocal(ctx, dir); err != nil {
		b.Fatal(err)
	}
}

func BenchmarkFirstStart(b *testing.B) { benchLocal(b, true) }
func BenchmarkLaterStart(b *testing.B) { benchLocal(b, false) }
