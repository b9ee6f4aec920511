package chat_test

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"image"
	"image/png"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/firstline/firstline/internal/chat"
	"github.com/firstline/firstline/internal/fault"
)

// picture is a small PNG.
func picture(t *testing.T) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, image.NewGray(image.Rect(0, 0, 3, 2))); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// resized claims other dimensions than the picture has, as a bomb does.
func resized(t *testing.T, width, height uint32) []byte {
	p := picture(t)
	binary.BigEndian.PutUint32(p[16:], width)
	binary.BigEndian.PutUint32(p[20:], height)
	binary.BigEndian.PutUint32(p[29:], crc32.ChecksumIEEE(p[12:29]))
	return p
}

func TestSniff(t *testing.T) {
	gif, _ := base64.StdEncoding.DecodeString("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7")
	for _, tt := range []struct {
		name string
		data []byte
		want string // "" for refused
	}{
		{"png", picture(t), "image/png"},
		{"gif", gif, "image/gif"},
		{"webp", []byte("RIFF\x1a\x00\x00\x00WEBPVP8L\x0d\x00\x00\x00\x2f\x02\x40\x00\x00\x00\x00\x00\x00"), "image/webp"},
		{"a WebP that no browser can draw", []byte("RIFF\x1a\x00\x00\x00WEBPVP8L\x0d\x00\x00\x00\x2f\xff\xff\xff\x0f\x00\x00\x00\x00"), ""},
		{"pdf", []byte("%PDF-1.7\n%\xe2\xe3\xcf\xd3\n"), "application/pdf"},
		{"text", []byte("Hello,\nGrüße\t42\r\n"), "text/plain"},
		{"csv", []byte("date,amount\n2026-03-01,12.50\n"), "text/plain"},
		{"a picture that is cut off", picture(t)[:20], ""},
		{"a picture that no browser can draw", resized(t, 60_000, 60_000), ""},
		{"a picture of no size", resized(t, 0, 9), ""},
		{"svg", []byte(`<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>`), ""},
		{"svg behind a comment", []byte("<!-- x -->\n" + `<SVG onload="alert(1)"/>`), ""},
		{"html", []byte("<!doctype html><p>hi"), ""},
		{"html behind spaces", []byte("   \n\n text <script>alert(1)</script>"), ""},
		{"xml", []byte(`<?xml version="1.0"?><a/>`), ""},
		{"a program", []byte("\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00"), ""},
		{"a Windows program", []byte("MZ\x90\x00\x03\x00\x00\x00\x04\x00"), ""},
		{"a zip", []byte("PK\x03\x04\x14\x00\x00\x00"), ""},
		{"text with control signs", []byte("abc\x1b[31mdef"), ""},
		{"UTF-16", []byte("\xff\xfeH\x00i\x00"), ""},
		{"half a letter", []byte("abc\xc3"), ""},
	} {
		got, ok := chat.Sniff(tt.data)
		if ok != (tt.want != "") || ok && got != tt.want {
			t.Errorf("%s: %q, %t; want %q", tt.name, got, ok, tt.want)
		}
	}
}

func TestFileName(t *testing.T) {
	for _, tt := range []struct{ name, kind, want string }{
		{"receipt.png", "image/png", "receipt.png"},
		{"Receipt.JPEG", "image/jpeg", "Receipt.jpeg"},
		{"invoice.exe", "image/png", "invoice.exe.png"},
		{"../../etc/passwd", "text/plain", "passwd.txt"},
		{`C:\Users\kim\Kvitto.pdf`, "application/pdf", "Kvitto.pdf"},
		{"gpj\u202eexe.png", "image/png", "gpjexe.png"},
		{"a\x00b\r\nc\".txt", "text/plain", "abc.txt"},
		{"", "image/png", "file.png"},
		{"...", "text/plain", "file.txt"},
		{"card 4111 1111 1111 1111.png", "image/png", "card [card ending 1111].png"},
		{strings.Repeat("å", 300) + ".csv", "text/plain", strings.Repeat("å", 100) + ".csv"},
	} {
		if got := chat.FileName(tt.name, tt.kind); got != tt.want {
			t.Errorf("%q as %s: %q, want %q", tt.name, tt.kind, got, tt.want)
		}
	}
}

func TestAttachments(t *testing.T) {
	t.Parallel()
	b := setup(t, chat.Options{})
	ctx := t.Context()
	id, other := b.start(t), b.start(t)
	up := func(id uuid.UUID, author chat.Author) chat.Attachment {
		a, err := b.rec.Upload(ctx, id, author, "a.txt", "text/plain", []byte("abc"))
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	one, two := up(id, chat.Customer), up(id, chat.Customer)
	inbound := chat.Inbound{ClientID: "1", Text: "look", Files: []uuid.UUID{two.ID, one.ID}}
	r, err := b.rec.Receive(ctx, id, inbound)
	if err != nil {
		t.Fatal(err)
	}
	if got := r.Message.Files(); len(got) != 2 || got[0] != two || got[1] != one {
		t.Errorf("the message has %+v", got)
	}
	stored, err := b.rec.Messages(ctx, id, 0, 10, false)
	if err != nil || len(stored[len(stored)-1].Files()) != 2 {
		t.Errorf("stored: %+v, %v", stored, err)
	}
	if got := r.Claim.Messages[len(r.Claim.Messages)-1].Files(); len(got) != 2 {
		t.Errorf("the turn sees %+v", got)
	}
	// Sent again it is the same message; with other files it is another one.
	if again, err := b.rec.Receive(ctx, id, inbound); err != nil || !again.Duplicate || again.Message.ID != r.Message.ID {
		t.Errorf("again: %+v, %v", again, err)
	}
	want := func(err error, code string) {
		t.Helper()
		if f := new(fault.Error); err == nil || !errors.As(err, &f) || f.Code != code {
			t.Errorf("%v, want %s", err, code)
		}
	}
	_, err = b.rec.Receive(ctx, id, chat.Inbound{ClientID: "1", Text: "look", Files: []uuid.UUID{one.ID}})
	want(err, "client_id_reused")
	_, err = b.rec.Receive(ctx, id, chat.Inbound{ClientID: "1", Text: "look"})
	want(err, "client_id_reused")
	for name, files := range map[string][]uuid.UUID{
		"a file of another message":      {one.ID},
		"a file of another conversation": {up(other, chat.Customer).ID},
		"an agent's file":                {up(id, chat.Agent).ID},
		"no file":                        {uuid.New()},
	} {
		_, err := b.rec.Receive(ctx, id, chat.Inbound{ClientID: name, Text: "look", Files: files})
		want(err, "unknown_attachment")
	}
	_, err = b.rec.Receive(ctx, id, chat.Inbound{ClientID: "twice", Files: []uuid.UUID{one.ID, one.ID}})
	want(err, "twice")
	if _, err := b.rec.OpenAttachment(ctx, other, one.ID, true); !fault.Is(err, fault.NotFound) {
		t.Errorf("another conversation reads it: %v", err)
	}
	if f, err := b.rec.OpenAttachment(ctx, id, one.ID, false); err != nil || string(f.Data) != "abc" || f.Attachment != one {
		t.Errorf("%+v, %v", f, err)
	}

	// What no message names goes after a day; the rest goes with the conversation.
	count := func() (n int) {
		if err := b.pool.QueryRow(ctx, `SELECT count(*) FROM attachments`).Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	before, loose := count(), up(id, chat.Customer)
	b.exec(t, `UPDATE attachments SET created_at = now() - interval '25 hours' WHERE id IN ($1, $2)`, loose.ID, one.ID)
	if next, err := b.rec.NextLoose(ctx); err != nil || next.IsZero() {
		t.Errorf("next: %v, %v", next, err)
	}
	if err := b.rec.DropLoose(ctx); err != nil {
		t.Fatal(err)
	}
	if n := count(); n != before {
		t.Errorf("%d files, want %d", n, before)
	}
	if _, err := b.rec.OpenAttachment(ctx, id, one.ID, false); err != nil {
		t.Errorf("an old file of a message is gone: %v", err)
	}
	b.exec(t, `DELETE FROM conversations WHERE id = $1`, id)
	if n := count(); n != 1 {
		t.Errorf("%d files after the conversation was deleted, want 1 of another one", n)
	}
}

func (b *bundle) exec(t *testing.T, sql string, args ...any) {
	t.Helper()
	if _, err := b.pool.Exec(t.Context(), sql, args...); err != nil {
		t.Fatal(err)
	}
}

// The bounds of a conversation hold, for each side by itself.
func TestAttachmentBounds(t *testing.T) {
	t.Parallel()
	b := setup(t, chat.Options{})
	id := b.start(t)
	b.exec(t, `INSERT INTO attachments (id, conversation_id, author, name, media_type, size, sha256, data)
		SELECT gen_random_uuid(), $1, 'customer', 'x', 'text/plain', 10485760, '', '' FROM generate_series(1, 10)`, id)
	up := func(author chat.Author) string {
		_, err := b.rec.Upload(t.Context(), id, author, "a.txt", "text/plain", []byte("abc"))
		f := new(fault.Error)
		if err != nil && !errors.As(err, &f) {
			t.Fatal(err)
		}
		return f.Code
	}
	if got := up(chat.Customer); got != "files_too_large" {
		t.Errorf("%q behind 100 MB", got)
	}
	if got := up(chat.Agent); got != "" {
		t.Errorf("the agent's: %q", got)
	}
	b.exec(t, `UPDATE attachments SET size = 1 WHERE conversation_id = $1`, id)
	b.exec(t, `INSERT INTO attachments (id, conversation_id, author, name, media_type, size, sha256, data)
		SELECT gen_random_uuid(), $1, 'customer', 'x', 'text/plain', 1, '', '' FROM generate_series(1, 39)`, id)
	if got := up(chat.Customer); got != "" {
		t.Errorf("the fiftieth: %q", got)
	}
	if got := up(chat.Customer); got != "too_many_files" {
		t.Errorf("the fifty-first: %q", got)
	}
}
