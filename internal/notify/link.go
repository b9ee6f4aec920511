package notify

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/firstline/firstline/internal/chat"
	"github.com/firstline/firstline/internal/fault"
)

// What a signed key is for; one for something else opens nothing.
const (
	purposeConfirm = 'c'
	purposeEnd     = 'e'
)

// confirmWithin is how long the link that confirms an address holds.
const confirmWithin = 24 * time.Hour

// sign returns a key that does one thing to one subscription, until a time; the zero time is for ever.
func (s *Service) sign(purpose byte, subscription uuid.UUID, until time.Time) string {
	raw := make([]byte, 0, 41)
	raw = append(raw, purpose)
	raw = append(raw, subscription[:]...)
	var at uint64
	if !until.IsZero() {
		at = uint64(until.Unix())
	}
	raw = binary.BigEndian.AppendUint64(raw, at)
	return base64.RawURLEncoding.EncodeToString(append(raw, s.mac(raw)...))
}

func (s *Service) mac(raw []byte) []byte {
	m := hmac.New(sha256.New, s.secret)
	m.Write(raw)
	return m.Sum(nil)[:16]
}

// open returns the subscription that a key is for.
func (s *Service) open(purpose byte, key string) (uuid.UUID, error) {
	raw, err := base64.RawURLEncoding.DecodeString(key)
	if err != nil || len(raw) != 41 || raw[0] != purpose || !hmac.Equal(s.mac(raw[:25]), raw[25:]) {
		return uuid.UUID{}, errBadKey
	}
	if at := binary.BigEndian.Uint64(raw[17:25]); at != 0 && time.Now().Unix() > int64(at) {
		return uuid.UUID{}, errLateKey
	}
	return uuid.UUID(raw[1:17]), nil
}

var (
	errBadKey  = fault.New(fault.NotFound, "link_unknown", "This link is not complete. Open it from the e-mail again, or copy all of it.")
	errLateKey = fault.New(fault.NotFound, "link_expired", "This link has expired. Ask for a new one in the chat.")
)

// linkFor is how long a link into a conversation holds.
const linkFor = 7 * 24 * time.Hour

// link makes a link that opens the conversation, once. Its secret is in the fragment, which browsers send to no server and
// name to no other page, and only the secret's hash is kept.
func (s *Service) link(ctx context.Context, conversation uuid.UUID) (string, error) {
	secret := make([]byte, 32)
	if _, err := rand.Read(secret); err != nil {
		return "", err
	}
	hash := sha256.Sum256(secret)
	_, err := s.pool.Exec(ctx, `INSERT INTO chat_links (hash, conversation_id, expires_at) VALUES ($1, $2, now() + $3 * interval '1 second')`,
		hash[:], conversation, linkFor.Seconds())
	return s.url("/chat#t=" + base64.RawURLEncoding.EncodeToString(secret)), err
}

// Redeem uses up the secret of a link and returns its conversation.
func (s *Service) Redeem(ctx context.Context, secret string) (chat.Conversation, error) {
	raw, err := base64.RawURLEncoding.DecodeString(secret)
	if err != nil || len(raw) != 32 {
		return chat.Conversation{}, errUsed
	}
	hash := sha256.Sum256(raw)
	var id uuid.UUID
	err = s.pool.QueryRow(ctx, `UPDATE chat_links SET used_at = now() WHERE hash = $1 AND used_at IS NULL AND expires_at > now() RETURNING conversation_id`, hash[:]).Scan(&id)
	if errors.Is(err, pgx.ErrNoRows) {
		return chat.Conversation{}, errUsed
	}
	if err != nil {
		return chat.Conversation{}, err
	}
	return s.record.Find(ctx, id)
}

// errUsed does not tell an unknown link from one that was used: nobody who guesses learns anything.
var errUsed = fault.New(fault.NotFound, "link_used", "This link was used already, or it has expired. The newest e-mail has one that works.")

// fileNames are the names of a message's files.
func fileNames(m chat.Message) []string {
	var files []struct {
		Name string `json:"name"`
	}
	if len(m.Attachments) == 0 || json.Unmarshal(m.Attachments, &files) != nil {
		return nil
	}
	var out []string
	for _, f := range files {
		out = append(out, f.Name)
	}
	return out
}
