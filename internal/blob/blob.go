// Package blob keeps files outside of the database: in a folder, or in storage that speaks the S3 protocol. A file has a key
// that is used once and is never overwritten. It knows nothing of who may read a file; those who ask it do.
package blob

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"time"
)

// Store keeps files. It is safe for concurrent use.
type Store interface {
	// Name is the kind of store, as the database notes it: disk or s3.
	Name() string
	// Put returns when the file will outlive a crash.
	Put(ctx context.Context, key string, data []byte) error
	// Get returns ErrMissing for a key that is not there.
	Get(ctx context.Context, key string) ([]byte, error)
	// Delete is done also where there is nothing to delete.
	Delete(ctx context.Context, key string) error
	// List calls f for every file.
	List(ctx context.Context, f func(key string, changed time.Time) error) error
}

// ErrMissing is for a file that is not in its store.
var ErrMissing = errors.New("blob: no such file")

// maxFile bounds what is read of one file, whatever the storage sends.
const maxFile = 16 << 20

var keyForm = regexp.MustCompile(`^[0-9a-f-]{8,64}$`)

func checkKey(key string) error {
	if !keyForm.MatchString(key) {
		return fmt.Errorf("blob: %q is no key", key)
	}
	return nil
}

// Keys are the credentials of S3.
type Keys struct{ ID, Secret string }

// Open opens the store that where names: dir:PATH, or s3://BUCKET/PREFIX?endpoint=URL&region=NAME. For db and "" it returns nil: the
// database keeps the files itself.
func Open(where string, keys Keys) (Store, error) {
	if where == "" || where == "db" {
		return nil, nil
	}
	if path, ok := strings.CutPrefix(where, "dir:"); ok && path != "" {
		return openDisk(path)
	}
	u, err := url.Parse(where)
	if err != nil || u.Scheme != "s3" || u.Host == "" || u.User != nil {
		return nil, errors.New("use db, dir:PATH, or s3://BUCKET/PREFIX?endpoint=https://HOST&region=NAME")
	}
	return openS3(u, keys)
}
