package postgres

import (
	"cmp"
	"context"
	"os"
	"path/filepath"
	"time"
)

// Throwaway starts a private cluster in a temporary folder and brings it to the schema. Nothing in it survives a crash;
// stop ends it and removes the folder, also when the context of the caller has ended.
func Throwaway(ctx context.Context, prefix string) (url string, stop func() error, err error) {
	dir, err := os.MkdirTemp("", prefix)
	if err != nil {
		return "", nil, err
	}
	home := filepath.Join(dir, "data")
	undo := func() error { return os.RemoveAll(dir) }
	defer func() {
		if err != nil {
			_ = undo() // the first error is the one that matters
		}
	}()
	if err := os.Chmod(dir, 0o755); err != nil { // the server may run as another user
		return "", nil, err
	}
	server, err := StartLocal(ctx, LocalConfig{Dir: home, NoFsync: true})
	if err != nil {
		return "", nil, err
	}
	undo = func() error {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 30*time.Second)
		defer cancel()
		return cmp.Or(server.Stop(ctx), RemoveLocal(ctx, home), os.RemoveAll(dir))
	}
	if err := Migrate(ctx, server.URL()); err != nil {
		return "", nil, err
	}
	return server.URL(), undo, nil
}
