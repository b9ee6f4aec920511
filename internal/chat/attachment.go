package chat

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/firstline/firstline/internal/fault"
	"github.com/firstline/firstline/internal/picture"
)

// Attachment is a file of a message, as the message lists it.
type Attachment struct {
	ID        uuid.UUID `json:"id"`
	Name      string    `json:"name"`
	MediaType string    `json:"media_type"`
	Size      int       `json:"size"` // bytes
	// Of pictures: pixels as they are shown, and whether there is a small copy.
	Width     int  `json:"width,omitempty"`
	Height    int  `json:"height,omitempty"`
	Thumbnail bool `json:"thumbnail,omitempty"`
	Removed   bool `json:"removed,omitempty"` // it held a virus, and nothing is left of it
}

// File is an attachment with its content.
type File struct {
	Attachment
	Data []byte
}

// Bounds of attachments. Those of a conversation are for each side, so that neither can fill the database nor use up
// what the other may send.
const (
	MaxFile              = 10 << 20 // bytes; the table has the same bound
	MaxMessageFiles      = 10
	maxConversationFiles = 50
	maxConversationBytes = 100 << 20
)

// looseFor is how long a file may wait for its message.
const looseFor = 24 * time.Hour

// Upload stores a file of the customer's or an agent's, to be named by a message later. Its name and type are believed:
// see Sniff and FileName. Of a picture it keeps what it shows and not what it says about its maker; see picture.Clean. A file
// that no message names is deleted after a day.
func (r *Record) Upload(ctx context.Context, conversation uuid.UUID, author Author, name, mediaType string, data []byte) (Attachment, error) {
	a := Attachment{ID: newID(), Name: name, MediaType: mediaType}
	var thumb []byte
	if IsPicture(mediaType) {
		var err error
		if data, thumb, err = a.develop(ctx, data); err != nil {
			return a, err
		}
	}
	a.Size = len(data)
	sum := sha256.Sum256(data)
	scan, err := r.look(ctx, data)
	if err != nil {
		return a, err
	}
	store, key := "db", ""
	if s := r.files.Store; s != nil {
		if err := r.roomFor(ctx, conversation, author, a.Size); err != nil { // before anything is sent to the store
			return a, err
		}
		store, key = s.Name(), uuid.NewString()
		if err := r.put(ctx, s, key, data); err != nil {
			return a, err
		}
		data = nil
	}
	var files int
	var bytes int64
	// Two uploads at once may both pass the bound; by that much it may be exceeded.
	err = r.pool.QueryRow(ctx, `
		WITH had AS (
			SELECT count(*) AS files, COALESCE(sum(size), 0) AS bytes FROM attachments WHERE conversation_id = $1 AND author = $2
		), made AS (
			INSERT INTO attachments (id, conversation_id, author, name, media_type, size, sha256, data, thumb, width, height, store, key, scan)
			SELECT $3, c.id, $2, $4, $5, $6::integer, $7, $8, $11, NULLIF($12, 0), NULLIF($13, 0), $14, $15, $16 FROM conversations c, had
			WHERE c.id = $1 AND had.files < $9 AND had.bytes + $6::integer <= $10
			RETURNING id
		), claimed AS ( -- what is outside has a row now, and is no longer to be deleted
			DELETE FROM blob_deletions WHERE store = $14 AND key = $15 AND EXISTS (SELECT FROM made)
		)
		SELECT had.files, had.bytes FROM had, conversations c LEFT JOIN made ON true WHERE c.id = $1 AND made.id IS NULL`,
		conversation, author, a.ID, name, mediaType, a.Size, sum[:], data, maxConversationFiles, maxConversationBytes, thumb, a.Width, a.Height, store, key, scan).Scan(&files, &bytes)
	switch {
	case errors.Is(err, pgx.ErrNoRows): // nothing refused it; a conversation's token is checked before
		return a, nil
	case err != nil:
		return a, fmt.Errorf("store attachment: %w", err)
	}
	return a, noRoom(files)
}

func noRoom(files int) error {
	if files >= maxConversationFiles {
		return fault.New(fault.Conflict, "too_many_files", "This conversation has %d files already, and takes no more.", files)
	}
	return fault.New(fault.Conflict, "files_too_large", "The files of this conversation would take more than %d MB; please send a smaller one.", maxConversationBytes>>20)
}

// roomFor says whether a file would go beyond the conversation's bounds.
func (r *Record) roomFor(ctx context.Context, conversation uuid.UUID, author Author, size int) error {
	var files int
	var bytes int64
	err := r.pool.QueryRow(ctx, `SELECT count(*), COALESCE(sum(size), 0) FROM attachments WHERE conversation_id = $1 AND author = $2`, conversation, author).Scan(&files, &bytes)
	if err == nil && (files >= maxConversationFiles || bytes+int64(size) > maxConversationBytes) {
		err = noRoom(files)
	}
	return err
}

// OpenAttachment returns a file. Customers get their own files and those of public messages, agents get everything of the
// conversation.
func (r *Record) OpenAttachment(ctx context.Context, conversation, id uuid.UUID, internal bool) (File, error) {
	f := File{Attachment: Attachment{ID: id}}
	var store, key, scan string
	err := r.pool.QueryRow(ctx, `
		SELECT a.name, a.media_type, a.size, COALESCE(a.width, 0), COALESCE(a.height, 0), a.thumb IS NOT NULL, a.store, a.key, a.scan, a.data FROM attachments a LEFT JOIN messages m ON m.id = a.message_id
		WHERE a.id = $2 AND a.conversation_id = $1 AND ($3 OR a.author = 'customer' OR m.visibility = 'public')`,
		conversation, id, internal).Scan(&f.Name, &f.MediaType, &f.Size, &f.Width, &f.Height, &f.Thumbnail, &store, &key, &scan, &f.Data)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return f, fault.New(fault.NotFound, "attachment_not_found", "There is no such file in this conversation.")
	case err != nil:
		return f, err
	}
	if err := unseen(scan); err != nil {
		return f, err
	}
	f.Data, err = r.fetch(ctx, store, key, f.Data)
	return f, err
}

// OpenThumbnail returns the small copy of a picture, JPEG or PNG, to whom OpenAttachment returns the file.
func (r *Record) OpenThumbnail(ctx context.Context, conversation, id uuid.UUID, internal bool) ([]byte, error) {
	var thumb []byte
	var scan string
	err := r.pool.QueryRow(ctx, `
		SELECT a.thumb, a.scan FROM attachments a LEFT JOIN messages m ON m.id = a.message_id
		WHERE a.id = $2 AND a.conversation_id = $1 AND ($3 OR a.author = 'customer' OR m.visibility = 'public') AND (a.thumb IS NOT NULL OR a.scan = 'infected')`,
		conversation, id, internal).Scan(&thumb, &scan)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return nil, fault.New(fault.NotFound, "attachment_not_found", "There is no such picture in this conversation, or none that is small.")
	case err != nil:
		return nil, err
	}
	if err := unseen(scan); err != nil {
		return nil, err
	}
	return thumb, nil
}

// unseen is why a file is shown to nobody, by what the scanner said of it.
func unseen(scan string) error {
	switch scan {
	case "infected":
		return fault.New(fault.NotFound, "file_removed", "This file held a virus and was deleted.")
	case "pending":
		return fault.New(fault.Unavailable, "file_being_checked", "This file is being checked for viruses. Please try again in a minute.")
	}
	return nil
}

// developFor is how long a picture may wait for the memory that its thumbnail takes.
const developFor = 20 * time.Second

// develop cleans a picture and makes its thumbnail. One that cannot be decoded, or not within bounds, has none.
func (a *Attachment) develop(ctx context.Context, data []byte) (clean, thumb []byte, err error) {
	clean, info, err := picture.Clean(data, a.MediaType)
	if err != nil {
		return nil, nil, fault.Field("file", "damaged_picture", "The picture is damaged: take it again, or save it anew in another program, and send that.")
	}
	a.Width, a.Height = info.Width, info.Height
	tctx, cancel := context.WithTimeout(ctx, developFor)
	defer cancel()
	thumb, err = picture.Thumbnail(tctx, clean, a.MediaType, info)
	switch {
	case errors.Is(err, picture.ErrTooCostly), errors.Is(err, picture.ErrDamaged):
	case tctx.Err() != nil:
		return nil, nil, fault.New(fault.Unavailable, "busy", "Many pictures are arriving at once. Please try again in a moment.")
	case err != nil:
		return nil, nil, fmt.Errorf("thumbnail: %w", err)
	}
	a.Thumbnail = thumb != nil
	return clean, thumb, nil
}

// querier is met by a pool and by a transaction.
type querier interface {
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}

// listFiles returns what a message with these files keeps of them: all were sent by its author to its conversation, and
// none belongs to another message.
func listFiles(ctx context.Context, q querier, conversation uuid.UUID, author Author, clientID string, ids []uuid.UUID) (json.RawMessage, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	if len(ids) > MaxMessageFiles {
		return nil, fault.Field("attachments", "too_many", "A message takes at most %d files.", MaxMessageFiles)
	}
	seen := map[uuid.UUID]bool{}
	for _, id := range ids {
		if seen[id] {
			return nil, fault.Field("attachments", "twice", "The same file stands here twice.")
		}
		seen[id] = true
	}
	var files []Attachment
	err := q.QueryRow(ctx, `
		SELECT COALESCE(jsonb_agg(jsonb_strip_nulls(jsonb_build_object('id', a.id, 'name', a.name, 'media_type', a.media_type, 'size', a.size,
			'width', a.width, 'height', a.height, 'thumbnail', CASE WHEN a.thumb IS NOT NULL THEN true END)) ORDER BY i.n), '[]')
		FROM unnest($4::uuid[]) WITH ORDINALITY i(id, n) JOIN attachments a ON a.id = i.id
		WHERE a.conversation_id = $1 AND a.author = $2 AND (a.message_id IS NULL
			OR EXISTS (SELECT FROM messages WHERE id = a.message_id AND author = $2 AND client_id = $3))`,
		conversation, author, clientID, ids).Scan(&files)
	if err != nil {
		return nil, fmt.Errorf("find attachments: %w", err)
	}
	if len(files) != len(ids) {
		return nil, fault.Field("attachments", "unknown_attachment", "A file is not there, or belongs to another message; upload it again.")
	}
	return json.Marshal(files)
}

// Files reads what a message keeps of its files.
func (m Message) Files() []Attachment {
	var files []Attachment
	if len(m.Attachments) > 0 {
		_ = json.Unmarshal(m.Attachments, &files) // only listFiles writes them
	}
	return files
}

// sameFiles reports whether the message has exactly these files.
func (m Message) sameFiles(ids []uuid.UUID) bool {
	files := m.Files()
	if len(files) != len(ids) {
		return false
	}
	for i, f := range files {
		if f.ID != ids[i] {
			return false
		}
	}
	return true
}

// NextLoose is when the oldest file that belongs to no message is to be deleted; the zero time for none.
func (r *Record) NextLoose(ctx context.Context) (time.Time, error) {
	var oldest *time.Time
	err := r.pool.QueryRow(ctx, `SELECT min(created_at) FROM attachments WHERE message_id IS NULL`).Scan(&oldest)
	if err != nil || oldest == nil {
		return time.Time{}, err
	}
	return oldest.Add(looseFor), nil
}

// DropLoose deletes files that belong to no message after a day, some at a time.
func (r *Record) DropLoose(ctx context.Context) error {
	_, err := r.pool.Exec(ctx, `
		DELETE FROM attachments WHERE id IN (
			SELECT id FROM attachments WHERE message_id IS NULL AND created_at <= now() - $1 * interval '1 second'
			ORDER BY created_at LIMIT 100 FOR UPDATE SKIP LOCKED)`, looseFor.Seconds())
	return err
}
