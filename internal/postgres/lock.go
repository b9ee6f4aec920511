package postgres

import (
	"context"
	"errors"
	"os"
	"syscall"
	"time"
)

const (
	shared    = syscall.LOCK_SH
	exclusive = syscall.LOCK_EX
)

// lockFile is a lock on an open file. The kernel gives it up when the process ends, however it ends.
type lockFile struct{ f *os.File }

func (l *lockFile) release() { l.f.Close() }

// tryLock takes the lock of a file, made when missing, or returns nil when another holds it in the way.
func tryLock(path string, how int) (*lockFile, error) {
	for {
		f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
		if err != nil {
			return nil, err
		}
		if err := syscall.Flock(int(f.Fd()), how|syscall.LOCK_NB); err != nil {
			f.Close()
			if errors.Is(err, syscall.EWOULDBLOCK) {
				return nil, nil
			}
			if errors.Is(err, syscall.EINTR) {
				continue
			}
			return nil, &os.PathError{Op: "lock", Path: path, Err: err}
		}
		// A lock on a file that was deleted meanwhile protects nothing.
		held, err1 := f.Stat()
		named, err2 := os.Stat(path)
		if err1 == nil && err2 == nil && os.SameFile(held, named) {
			return &lockFile{f}, nil
		}
		f.Close()
		if err2 != nil && !errors.Is(err2, os.ErrNotExist) {
			return nil, err2
		}
	}
}

// lock takes the lock of a file, waiting for others until ctx ends; it tries at least once. waiting, if not nil, is
// called when the wait becomes long.
func lock(ctx context.Context, path string, how int, waiting func()) (*lockFile, error) {
	begun, told := time.Now(), waiting == nil
	for {
		l, err := tryLock(path, how)
		if l != nil || err != nil {
			return l, err
		}
		if !told && time.Since(begun) > noticeAfter {
			told = true
			waiting()
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(pollEvery):
		}
	}
}
