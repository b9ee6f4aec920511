package chat_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/firstline/firstline/internal/blob"
	"github.com/firstline/firstline/internal/chat"
	"github.com/firstline/firstline/internal/fault"
	"github.com/firstline/firstline/internal/scan"
)

// places are the stores to try: a folder, and a bucket of a real S3 server, versitygw, which scripts/setup.sh --test installs.
func places(t *testing.T) map[string]blob.Store {
	t.Helper()
	dir, err := blob.Open("dir:"+t.TempDir(), blob.Keys{})
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]blob.Store{"disk": dir}
	program := os.Getenv("FIRSTLINE_TEST_VERSITYGW")
	if program == "" {
		program = filepath.Join("..", "..", "bin", "versitygw")
	}
	if _, err := os.Stat(program); err == nil {
		all["s3"] = s3(t, program)
	} else {
		t.Log("no S3 server to test with:", err)
	}
	return all
}

func s3(t *testing.T, program string) blob.Store {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	l.Close()
	root := t.TempDir()
	if err := os.MkdirAll(filepath.Join(root, "files"), 0o755); err != nil { // a folder there is a bucket
		t.Fatal(err)
	}
	cmd := exec.Command(program, "--port", address, "--access", "id", "--secret", "secretsecret", "posix", root)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	s, err := blob.Open("s3://files/firstline?endpoint=http://"+address, blob.Keys{ID: "id", Secret: "secretsecret"})
	if err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(time.Minute); ; time.Sleep(100 * time.Millisecond) {
		if _, err = s.Get(t.Context(), "00000000"); errors.Is(err, blob.ErrMissing) {
			return s
		}
		if time.Now().After(end) {
			t.Fatalf("the S3 server: %v", err)
		}
	}
}

func keysIn(t *testing.T, s chat.FileStore) (keys []string) {
	t.Helper()
	if err := s.List(t.Context(), func(key string, _ time.Time) error { keys = append(keys, key); return nil }); err != nil {
		t.Fatal(err)
	}
	return keys
}

// broken is a store that cannot keep, or breaks off behind it.
type broken struct {
	chat.FileStore
	before, after error
}

func (b broken) Put(ctx context.Context, key string, data []byte) error {
	if b.before != nil {
		return b.before
	}
	return errors.Join(b.FileStore.Put(ctx, key, data), b.after)
}

// Files live outside and go with their conversation; what breaks off leaves nothing behind; and they can be moved.
func TestFilesOutside(t *testing.T) {
	t.Parallel()
	for name, store := range places(t) {
		t.Run(name, func(t *testing.T) {
			b := setup(t, chat.Options{})
			ctx := t.Context()
			id := b.start(t)
			up := func() (chat.Attachment, error) {
				return b.rec.Upload(ctx, id, chat.Customer, "a.txt", "text/plain", []byte("private words"))
			}
			first, err := up() // in the database
			if err != nil {
				t.Fatal(err)
			}
			b.rec.KeepFiles(chat.FileOptions{Store: store})
			second, err := up()
			if err != nil {
				t.Fatal(err)
			}
			read := func(a chat.Attachment) {
				t.Helper()
				if f, err := b.rec.OpenAttachment(ctx, id, a.ID, false); err != nil || string(f.Data) != "private words" {
					t.Errorf("%q, %v", f.Data, err)
				}
			}
			read(first)
			read(second)
			count := func(sql string, want int) {
				t.Helper()
				var n int
				if err := b.pool.QueryRow(ctx, sql).Scan(&n); err != nil || n != want {
					t.Errorf("%s: %d, want %d; %v", sql, n, want, err)
				}
			}
			count(`SELECT count(*) FROM attachments WHERE data IS NULL AND store <> 'db'`, 1)
			count(`SELECT count(*) FROM blob_deletions`, 0)

			// Breaking off before and behind the store's work: nobody gets a file, and what is there goes after its time.
			for _, bad := range []broken{{store, errors.New("403"), nil}, {store, nil, errors.New("cut")}} {
				b.rec.KeepFiles(chat.FileOptions{Store: bad})
				if _, err := up(); !fault.Is(err, fault.Unavailable) {
					t.Errorf("a store that does not work: %v", err)
				}
			}
			b.rec.KeepFiles(chat.FileOptions{Store: store})
			count(`SELECT count(*) FROM blob_deletions`, 2)
			if err := b.rec.DeleteBlobs(ctx); err != nil || len(keysIn(t, store)) != 2 {
				t.Errorf("before its time: %v, %v", keysIn(t, store), err)
			}
			b.exec(t, `UPDATE blob_deletions SET due_at = now()`)
			if err := b.rec.DeleteBlobs(ctx); err != nil || len(keysIn(t, store)) != 1 {
				t.Errorf("in its time: %v, %v", keysIn(t, store), err)
			}
			count(`SELECT count(*) FROM blob_deletions`, 0)

			// All of it outside, and all of it back; once more is nothing.
			for _, to := range []chat.FileOptions{{Store: store}, {Also: []chat.FileStore{store}}, {Store: store}} {
				b.rec.KeepFiles(to)
				want := 2
				if to.Store != nil && len(keysIn(t, store)) == 1 {
					want = 1
				}
				if n, err := b.rec.MoveFiles(ctx, nil); n != want || err != nil {
					t.Fatalf("%d moved, want %d: %v", n, want, err)
				}
				if n, err := b.rec.MoveFiles(ctx, nil); n != 0 || err != nil {
					t.Errorf("again: %d, %v", n, err)
				}
				read(first)
				read(second)
				if err := b.rec.DeleteBlobs(ctx); err != nil {
					t.Error(err)
				}
				count(`SELECT count(*) FROM blob_deletions`, 0)
			}
			if keys := keysIn(t, store); len(keys) != 2 {
				t.Errorf("outside are %v", keys)
			}
			// The conversation goes, and takes its files along.
			b.exec(t, `DELETE FROM conversations WHERE id = $1`, id)
			count(`SELECT count(*) FROM blob_deletions`, 2)
			if err := b.rec.DeleteBlobs(ctx); err != nil || len(keysIn(t, store)) != 0 {
				t.Errorf("left behind: %v, %v", keysIn(t, store), err)
			}
		})
	}
}

// clamd is a stand-in that speaks its protocol: it finds what has EICAR in it, unless it is told to say something else.
type clamd struct {
	net.Listener
	say string
}

func startClamd(t *testing.T) *clamd {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c := &clamd{Listener: l}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			c.serve(conn)
		}
	}()
	return c
}

func (c *clamd) serve(conn net.Conn) {
	defer conn.Close()
	head := make([]byte, len("zINSTREAM\x00"))
	if _, err := io.ReadFull(conn, head); err != nil || string(head) != "zINSTREAM\x00" {
		return
	}
	var got bytes.Buffer
	for {
		var n uint32
		if binary.Read(conn, binary.BigEndian, &n) != nil {
			return
		}
		if n == 0 {
			break
		}
		if _, err := io.CopyN(&got, conn, int64(n)); err != nil {
			return
		}
	}
	answer := "stream: OK\x00"
	if strings.Contains(got.String(), "EICAR") {
		answer = "stream: Eicar-Test FOUND\x00"
	}
	if c.say != "" {
		answer = c.say
	}
	_, _ = io.WriteString(conn, answer)
}

// A virus is refused; while nobody can look, files wait and are shown to nobody; and one that turns out to be bad is deleted.
func TestScanning(t *testing.T) {
	t.Parallel()
	b := setup(t, chat.Options{})
	ctx := t.Context()
	id := b.start(t)
	fake := startClamd(t)
	s, err := scan.Open("clamd:tcp:" + fake.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	b.rec.KeepFiles(chat.FileOptions{Scan: s})
	up := func(text string) (chat.Attachment, error) {
		return b.rec.Upload(ctx, id, chat.Customer, "a.txt", "text/plain", []byte(text))
	}
	code := func(err error) string {
		f := new(fault.Error)
		if err != nil && !errors.As(err, &f) {
			t.Error(err)
		}
		return f.Code
	}
	if _, err := up("EICAR"); code(err) != "file_infected" {
		t.Errorf("a virus: %v", err)
	}
	good, err := up(strings.Repeat("hello ", 40_000))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.rec.OpenAttachment(ctx, id, good.ID, false); err != nil {
		t.Errorf("a clean file: %v", err)
	}
	// Errors, nonsense and silence are no word that a file is clean.
	var waiting []chat.Attachment
	for _, say := range []string{"INSTREAM size limit exceeded. ERROR\x00", "garbage", "stream: OK, perhaps\x00", "\x00"} {
		fake.say = say
		a, err := up("EICAR " + say)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := b.rec.OpenAttachment(ctx, id, a.ID, true); code(err) != "file_being_checked" {
			t.Errorf("%q: shown: %v", say, err)
		}
		waiting = append(waiting, a)
	}
	if _, err := b.rec.Receive(ctx, id, chat.Inbound{ClientID: "1", Files: nil, Text: "x"}); err != nil {
		t.Fatal(err)
	}
	fake.say = ""
	clean, err := up("hello")
	if err != nil {
		t.Fatal(err)
	}
	b.exec(t, `UPDATE attachments SET scan = 'pending' WHERE id = $1`, clean.ID)
	if err := b.rec.ScanPending(ctx); err != nil {
		t.Fatal(err)
	}
	for _, a := range waiting {
		if _, err := b.rec.OpenAttachment(ctx, id, a.ID, true); code(err) != "file_removed" {
			t.Errorf("a virus that was found later: %v", err)
		}
	}
	if _, err := b.rec.OpenAttachment(ctx, id, clean.ID, false); err != nil {
		t.Errorf("clean after all: %v", err)
	}
	var left int
	if err := b.pool.QueryRow(ctx, `SELECT count(*) FROM attachments WHERE data IS NOT NULL`).Scan(&left); err != nil || left != 2 {
		t.Errorf("%d files have content, want 2; %v", left, err)
	}
	fake.Close()
	a, err := up("while it is down")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.rec.OpenAttachment(ctx, id, a.ID, true); code(err) != "file_being_checked" {
		t.Errorf("scanner down: %v", err)
	}
}
