package chat

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/firstline/firstline/internal/fault"
)

// FileStore keeps files outside of the database. A key is used once.
type FileStore interface {
	Name() string // disk or s3, as the table says
	Put(ctx context.Context, key string, data []byte) error
	Get(ctx context.Context, key string) ([]byte, error)
	Delete(ctx context.Context, key string) error
	List(ctx context.Context, f func(key string, changed time.Time) error) error
}

// FileScanner looks for viruses: it returns the name of one, or "" for a clean file. An error says that nobody knows.
type FileScanner interface {
	Scan(ctx context.Context, data []byte) (found string, err error)
}

// FileOptions say where files are kept and who looks at them.
type FileOptions struct {
	Store FileStore   // of new files; nil: the database
	Also  []FileStore // where older files are
	Scan  FileScanner // nil: nobody looks
}

// keeping is FileOptions in use, and the loop that deletes and scans.
type keeping struct {
	FileOptions
	cancel context.CancelFunc
	done   chan struct{}
}

// KeepFiles sets where files are. Call it before the first file comes.
func (r *Record) KeepFiles(o FileOptions) { r.files.FileOptions = o }

// store returns the store of a name; nil where it is not set up.
func (k *keeping) store(name string) FileStore {
	if k.Store != nil && k.Store.Name() == name {
		return k.Store
	}
	for _, s := range k.Also {
		if s.Name() == name {
			return s
		}
	}
	return nil
}

func (k *keeping) names() []string {
	names := []string{}
	for _, name := range []string{"disk", "s3"} {
		if k.store(name) != nil {
			names = append(names, name)
		}
	}
	return names
}

const (
	keeperTick  = 15 * time.Second
	keeperBatch = 20
	// unclaimedFor is how long a file may be in its store before its row is in the database: longer than any upload takes.
	unclaimedFor = time.Hour
	putFor       = 60 * time.Second
)

func filesUnavailable(err error) error {
	return &fault.Error{Kind: fault.Unavailable, Code: "files_unavailable", Public: "Files cannot be kept or read right now. Please try again in a few minutes.", Err: err}
}

// look asks the scanner: none without one, clean, or pending where nobody knows yet. A virus is refused.
func (r *Record) look(ctx context.Context, data []byte) (string, error) {
	if r.files.Scan == nil {
		return "none", nil
	}
	found, err := r.files.Scan.Scan(ctx, data)
	switch {
	case err != nil && ctx.Err() != nil:
		return "", ctx.Err()
	case err != nil:
		r.log.Warn("a file could not be scanned; it is not shown until it is", "error", err)
		return "pending", nil
	case found != "":
		r.log.Warn("a file with a virus was refused", "found", found)
		return "", fault.Field("file", "file_infected", "The file holds a virus and was not taken. Please check your device, and send another file.")
	}
	return "clean", nil
}

// put keeps a file outside. That it is there is written down first, as something to delete: only the row of the file, in the
// same statement that makes it, takes that back. So whatever breaks off in between leaves nothing behind.
func (r *Record) put(ctx context.Context, s FileStore, key string, data []byte) error {
	_, err := r.pool.Exec(ctx, `INSERT INTO blob_deletions (store, key, due_at) VALUES ($1, $2, now() + $3 * interval '1 second')`,
		s.Name(), key, unclaimedFor.Seconds())
	if err != nil {
		return fmt.Errorf("note file: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, putFor)
	defer cancel()
	if err := s.Put(ctx, key, data); err != nil {
		return filesUnavailable(fmt.Errorf("put file: %w", err))
	}
	return nil
}

// fetch reads a file from where its row says.
func (r *Record) fetch(ctx context.Context, store, key string, data []byte) ([]byte, error) {
	if store == "db" {
		return data, nil
	}
	s := r.files.store(store)
	if s == nil {
		return nil, filesUnavailable(fmt.Errorf("file in %s, which is not set up", store))
	}
	data, err := s.Get(ctx, key)
	if err != nil {
		return nil, filesUnavailable(fmt.Errorf("get file: %w", err))
	}
	return data, nil
}

// StartFiles deletes what is to be deleted outside, and scans what could not be scanned when it came, until StopFiles.
func (r *Record) StartFiles() {
	if r.files.cancel != nil || len(r.files.names()) == 0 && r.files.Scan == nil {
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	r.files.cancel, r.files.done = cancel, make(chan struct{})
	go func() {
		defer close(r.files.done)
		t := time.NewTicker(keeperTick)
		defer t.Stop()
		for {
			if err := errors.Join(r.DeleteBlobs(ctx), r.ScanPending(ctx)); err != nil && ctx.Err() == nil {
				r.log.Warn("files", "error", err)
			}
			select {
			case <-ctx.Done():
				return
			case <-t.C:
			}
		}
	}()
}

// StopFiles ends StartFiles. It is idempotent.
func (r *Record) StopFiles() {
	if r.files.cancel != nil {
		r.files.cancel()
		<-r.files.done
	}
}

// DeleteBlobs deletes outside what is due, some at a time. What cannot be deleted is tried again, at most an hour later; nothing
// that a row names is deleted.
func (r *Record) DeleteBlobs(ctx context.Context) error {
	rows, err := r.pool.Query(ctx, `
		UPDATE blob_deletions SET attempts = attempts + 1, due_at = now() + least(60 * 2 ^ least(attempts, 6), 3600) * interval '1 second'
		WHERE (store, key) IN (
			SELECT store, key FROM blob_deletions d WHERE due_at <= now() AND store = ANY ($1)
				AND NOT EXISTS (SELECT FROM attachments a WHERE a.store = d.store AND a.key = d.key)
			ORDER BY due_at LIMIT $2 FOR UPDATE SKIP LOCKED)
		RETURNING store, key`, r.files.names(), keeperBatch)
	if err != nil {
		return err
	}
	type blob struct{ Store, Key string }
	due, err := pgx.CollectRows(rows, pgx.RowToStructByPos[blob])
	for _, b := range due {
		derr := r.files.store(b.Store).Delete(ctx, b.Key)
		if derr == nil {
			_, derr = r.pool.Exec(ctx, `DELETE FROM blob_deletions WHERE store = $1 AND key = $2`, b.Store, b.Key)
		}
		if derr != nil {
			err = errors.Join(err, fmt.Errorf("delete file: %w", derr))
		}
	}
	return err
}

// ScanPending scans files that came while the scanner did not answer, some at a time. Of one with a virus nothing is kept but
// its name, and its message says so.
func (r *Record) ScanPending(ctx context.Context) error {
	if r.files.Scan == nil {
		return nil
	}
	rows, err := r.pool.Query(ctx, `
		UPDATE attachments SET scan_tries = scan_tries + 1, scanned_at = now() WHERE id IN (
			SELECT id FROM attachments WHERE scan = 'pending' AND (scanned_at IS NULL OR scanned_at < now() - least(scan_tries, 30) * interval '10 seconds')
			ORDER BY created_at LIMIT $1 FOR UPDATE SKIP LOCKED)
		RETURNING id`, keeperBatch)
	if err != nil {
		return err
	}
	ids, err := pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
	for _, id := range ids {
		if serr := r.scanOne(ctx, id); serr != nil {
			err = errors.Join(err, serr)
		}
	}
	return err
}

func (r *Record) scanOne(ctx context.Context, id uuid.UUID) error {
	var store, key string
	var data []byte
	err := r.pool.QueryRow(ctx, `SELECT store, key, data FROM attachments WHERE id = $1 AND scan = 'pending'`, id).Scan(&store, &key, &data)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil
	}
	if err == nil {
		data, err = r.fetch(ctx, store, key, data)
	}
	if err != nil {
		return err
	}
	found, err := r.files.Scan.Scan(ctx, data)
	if err != nil {
		return err
	}
	if found == "" {
		_, err = r.pool.Exec(ctx, `UPDATE attachments SET scan = 'clean' WHERE id = $1 AND scan = 'pending'`, id)
		return err
	}
	r.log.Warn("a file with a virus was deleted", "attachment", id, "found", found)
	_, err = r.pool.Exec(ctx, `
		WITH bad AS (
			UPDATE attachments SET scan = 'infected', data = NULL, thumb = NULL WHERE id = $1 RETURNING message_id, store, key
		), gone AS (
			INSERT INTO blob_deletions (store, key) SELECT store, key FROM bad WHERE store <> 'db' ON CONFLICT DO NOTHING
		)
		UPDATE messages SET attachments = (SELECT jsonb_agg(CASE WHEN f->>'id' = $1::text THEN f - 'thumbnail' || '{"removed": true}' ELSE f END ORDER BY n)
			FROM jsonb_array_elements(attachments) WITH ORDINALITY AS x(f, n))
		WHERE id = (SELECT message_id FROM bad)`, id)
	return err
}

// MoveFiles moves every file to where new ones go, one by one, and says after each how many it has moved. It can be ended and
// begun again at any time, beside servers that run: a file is in its new place, and proven to be what it was, before its
// row says so, and is deleted in the old one behind that.
func (r *Record) MoveFiles(ctx context.Context, each func(moved int)) (int, error) {
	to, moved, last := "db", 0, uuid.UUID{}
	if r.files.Store != nil {
		to = r.files.Store.Name()
	}
	for {
		var id uuid.UUID
		var store, key string
		var data, sum []byte
		err := r.pool.QueryRow(ctx, `SELECT id, store, key, data, sha256 FROM attachments WHERE store <> $1 AND scan <> 'infected' AND id > $2
			ORDER BY id LIMIT 1`, to, last).Scan(&id, &store, &key, &data, &sum)
		if errors.Is(err, pgx.ErrNoRows) {
			return moved, nil
		}
		if err == nil {
			data, err = r.fetch(ctx, store, key, data)
		}
		if err != nil {
			return moved, err
		}
		if s := sha256.Sum256(data); string(s[:]) != string(sum) {
			return moved, fault.New(fault.Conflict, "file_changed", "The file %s in %s is not what was stored; nothing was changed about it.", id, store)
		}
		last = id
		fresh := ""
		if to != "db" {
			fresh = uuid.NewString()
			if err := r.put(ctx, r.files.Store, fresh, data); err != nil {
				return moved, err
			}
			if data, err = r.files.Store.Get(ctx, fresh); err != nil {
				return moved, filesUnavailable(err)
			}
			if s := sha256.Sum256(data); string(s[:]) != string(sum) {
				return moved, filesUnavailable(errors.New("the store gave back another file than it was given"))
			}
			data = nil
		}
		n, err := r.pool.Exec(ctx, `
			WITH moved AS (
				UPDATE attachments SET store = $4, key = $5, data = $6 WHERE id = $1 AND store = $2 AND key = $3 AND scan <> 'infected' RETURNING id
			), claimed AS (
				DELETE FROM blob_deletions WHERE store = $4 AND key = $5 AND EXISTS (SELECT FROM moved)
			)
			INSERT INTO blob_deletions (store, key) SELECT $2, $3 FROM moved WHERE $2 <> 'db' ON CONFLICT DO NOTHING`, id, store, key, to, fresh, data)
		if err != nil {
			return moved, fmt.Errorf("move file: %w", err)
		}
		_ = n
		moved++
		if each != nil {
			each(moved)
		}
	}
}

// SweepFiles queues for deletion what lies in a store and belongs to no file, as after the database was set back to a backup. What is younger than
// a day is left alone. It returns how many there are.
func (r *Record) SweepFiles(ctx context.Context) (int, error) {
	orphans := 0
	for _, name := range r.files.names() {
		err := r.files.store(name).List(ctx, func(key string, changed time.Time) error {
			if time.Since(changed) < looseFor {
				return nil
			}
			t, err := r.pool.Exec(ctx, `INSERT INTO blob_deletions (store, key) SELECT $1, $2
				WHERE NOT EXISTS (SELECT FROM attachments WHERE store = $1 AND key = $2) ON CONFLICT DO NOTHING`, name, key)
			orphans += int(t.RowsAffected())
			return err
		})
		if err != nil {
			return orphans, fmt.Errorf("list files: %w", err)
		}
	}
	return orphans, nil
}
