package customer

import (
	"archive/zip"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/firstline/firstline/internal/chat"
	"github.com/firstline/firstline/internal/fault"
)

// FreshFor is how young a session must be to erase: whoever finds a device that was left open cannot.
const FreshFor = 10 * time.Minute

// Entry is one file of an export, as its manifest lists it.
type Entry struct {
	Name   string `json:"name"`
	Size   int    `json:"size"`
	SHA256 string `json:"sha256"`
}

// exported is a conversation in an export: everything of it that its customer may read.
type exported struct {
	ID        uuid.UUID       `json:"id"`
	Channel   string          `json:"channel"`
	Market    string          `json:"market"`
	Locale    string          `json:"locale"`
	Audience  string          `json:"audience"`
	Status    string          `json:"status"`
	Article   string          `json:"article,omitempty"`
	Page      chat.Page       `json:"page"` // what the page around the chat said, which was shown to agents
	Customer  chat.Person     `json:"customer"`
	Created   time.Time       `json:"created_at"`
	Messages  []chat.Message  `json:"messages"`
	Ratings   json.RawMessage `json:"ratings"`
	Addresses json.RawMessage `json:"told_at"` // where answers are announced
	Summaries json.RawMessage `json:"summaries"`
}

// Mine are the conversations of a customer, the oldest first.
func (s *Store) Mine(ctx context.Context, c Customer) ([]uuid.UUID, error) {
	return mine(ctx, s.pool, c)
}

// mine also finds conversations of before customers had a row of their own: the company vouched for the same subject in them.
func mine(ctx context.Context, db interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
}, c Customer) ([]uuid.UUID, error) {
	rows, err := db.Query(ctx, `
		SELECT id FROM conversations WHERE customer_id = $1
			OR customer_id IS NULL AND customer ? 'id' AND customer->>'id' = $2 AND customer->>'verified' = 'true' ORDER BY id`, c.ID, c.Subject)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
}

// Export writes a zip with everything that the conversations hold and their customer may read: a JSON file for each, its
// files, and at the end a manifest with the SHA-256 of each entry. One that is cut short has no manifest. Files that cannot be
// had now, such as one that is being scanned, are named in the manifest, and do not keep the customer from the rest.
func (s *Store) Export(ctx context.Context, w io.Writer, conversations []uuid.UUID) error {
	z := zip.NewWriter(w)
	manifest, later := []Entry{}, []string{}
	add := func(name string, data []byte) error {
		f, err := z.Create(name)
		if err != nil {
			return err
		}
		sum := sha256.Sum256(data)
		manifest = append(manifest, Entry{name, len(data), hex.EncodeToString(sum[:])})
		_, err = f.Write(data)
		return err
	}
	for _, id := range conversations {
		e, err := s.export(ctx, id)
		if fault.Is(err, fault.NotFound) { // erased meanwhile
			continue
		}
		if err != nil {
			return err
		}
		data, err := json.MarshalIndent(e, "", "  ")
		if err != nil {
			return err
		}
		if err := add("conversations/"+id.String()+".json", data); err != nil {
			return err
		}
		rows, err := s.pool.Query(ctx, `SELECT id FROM attachments WHERE conversation_id = $1 ORDER BY created_at, id`, id)
		if err != nil {
			return err
		}
		files, err := pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
		if err != nil {
			return err
		}
		for _, file := range files {
			f, err := s.record.OpenAttachment(ctx, id, file, false)
			if fault.Is(err, fault.NotFound) { // among agents only
				continue
			}
			// The id makes the name one of its own, and what stands for folders is taken out of the rest.
			name := "files/" + id.String() + "/" + file.String() + "-" + strings.NewReplacer("/", "_", "\\", "_", "..", "_").Replace(f.Name)
			if fault.Is(err, fault.Unavailable) {
				later = append(later, name)
				continue
			}
			if err != nil {
				return err
			}
			if err := add(name, f.Data); err != nil {
				return err
			}
		}
	}
	data, err := json.MarshalIndent(map[string]any{"made_at": s.opts.Now().UTC(), "company": s.opts.Company, "entries": manifest, "not_available_now": later}, "", "  ")
	if err != nil {
		return err
	}
	f, err := z.Create("manifest.json")
	if err == nil {
		_, err = f.Write(data)
	}
	return errors.Join(err, z.Close())
}

func (s *Store) export(ctx context.Context, id uuid.UUID) (e exported, err error) {
	c, err := s.record.Find(ctx, id)
	if err != nil {
		return e, err
	}
	e = exported{ID: c.ID, Channel: c.Channel, Market: c.Market, Locale: c.Locale, Audience: c.Audience, Status: c.Status, Article: c.Article, Customer: c.Customer, Created: c.CreatedAt,
		Messages: []chat.Message{}}
	if e.Page, err = s.record.PageOf(ctx, id); err != nil {
		return e, err
	}
	for after := int64(0); ; {
		page, err := s.record.Messages(ctx, id, after, 200, false)
		if err != nil {
			return e, err
		}
		e.Messages = append(e.Messages, page...)
		if len(page) < 200 {
			break
		}
		after = page[len(page)-1].Seq
	}
	err = s.pool.QueryRow(ctx, `SELECT
		(SELECT COALESCE(jsonb_agg(jsonb_build_object('score', score, 'comment', comment)), '[]') FROM ratings WHERE conversation_id = $1),
		(SELECT COALESCE(jsonb_agg(jsonb_build_object('kind', kind, 'address', address)), '[]') FROM subscriptions WHERE conversation_id = $1),
		(SELECT COALESCE(jsonb_agg(COALESCE(customer_summary, summary)), '[]') FROM handoffs WHERE conversation_id = $1)`, id).Scan(&e.Ratings, &e.Addresses, &e.Summaries)
	return e, err
}

// Receipt says what was erased, and nothing of what it was.
type Receipt struct {
	ID       uuid.UUID      `json:"id"`
	Issuer   string         `json:"issuer"`
	Subject  string         `json:"subject"` // SHA-256 of whom, or of which conversation, with the receipt's id
	Asked    time.Time      `json:"asked_at"`
	Done     time.Time      `json:"done_at"`
	Counts   map[string]int `json:"counts"`
	Salt     string         `json:"salt"`
	Contract string         `json:"format"`
}

const receiptFormat = "firstline-erasure-1"

// errOpen refuses to erase what a person is busy with.
func errOpen() error {
	return fault.New(fault.Conflict, "with_an_agent", "A person is taking care of one of the conversations. Wait for their answer, or say even_open to have it deleted all the same.")
}

// EraseCustomer deletes everything of a customer and returns a signed receipt.
func (s *Store) EraseCustomer(ctx context.Context, c Customer, evenOpen bool) (string, error) {
	if s.opts.Now().Sub(c.Began) > FreshFor {
		return "", fault.New(fault.Forbidden, "session_too_old", "To delete everything, sign in again: this needs a session of the last %d minutes.", int(FreshFor.Minutes()))
	}
	return s.erase(ctx, c.Subject, evenOpen, func(tx pgx.Tx) ([]uuid.UUID, error) {
		// Nothing can be begun for the customer from here on, so that nothing is left behind.
		if _, err := tx.Exec(ctx, `SELECT FROM customers WHERE id = $1 FOR UPDATE`, c.ID); err != nil {
			return nil, err
		}
		return mine(ctx, tx, c)
	}, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `DELETE FROM customers WHERE id = $1`, c.ID) // and the sessions with it
		return err
	})
}

// EraseConversation deletes an anonymous conversation. One of a customer needs their session.
func (s *Store) EraseConversation(ctx context.Context, id uuid.UUID, evenOpen bool) (string, error) {
	return s.erase(ctx, id.String(), evenOpen, func(tx pgx.Tx) ([]uuid.UUID, error) {
		c, err := s.record.Lock(ctx, tx, id)
		if err != nil {
			return nil, err
		}
		if c.CustomerID != nil || c.Customer.Verified {
			return nil, fault.New(fault.Forbidden, "needs_session", "This conversation belongs to your account; delete it from there.")
		}
		return []uuid.UUID{id}, nil
	}, func(pgx.Tx) error { return nil })
}

// erase deletes conversations and what last does, all or nothing, and writes the receipt with them.
func (s *Store) erase(ctx context.Context, subject string, evenOpen bool, which func(pgx.Tx) ([]uuid.UUID, error), last func(pgx.Tx) error) (string, error) {
	salt := rand.Text()
	sum := sha256.Sum256([]byte(salt + "\x00" + subject))
	r := Receipt{ID: uuid.Must(uuid.NewV7()), Issuer: s.opts.Company, Subject: hex.EncodeToString(sum[:]), Asked: s.opts.Now().UTC(),
		Counts: map[string]int{"conversations": 0, "messages": 0, "files": 0, "handoffs": 0}, Salt: salt, Contract: receiptFormat}
	var text string
	var gone []*chat.Session
	err := pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		ids, err := which(tx)
		if err != nil {
			return err
		}
		for _, id := range ids {
			locked, err := s.record.Lock(ctx, tx, id)
			if fault.Is(err, fault.NotFound) { // gone before
				continue
			}
			if err != nil {
				return err
			}
			if err := drop(ctx, locked, r.Counts); err != nil {
				return err
			}
			gone = append(gone, locked)
			if open := r.Counts["open"]; open > 0 && !evenOpen {
				return errOpen()
			}
		}
		delete(r.Counts, "open")
		if err := last(tx); err != nil {
			return err
		}
		r.Done = s.opts.Now().UTC()
		if text, err = s.sign(ctx, tx, r); err != nil {
			return err
		}
		// No receipt is kept together with its salt: who has the row cannot find out whose it was.
		_, err = tx.Exec(ctx, `INSERT INTO erasures (id, customer_hash, asked_at, done_at, counts) VALUES ($1, $2, $3, $4, $5)`, r.ID, sum[:], r.Asked, r.Done, r.Counts)
		return err
	})
	if err != nil {
		return "", fmt.Errorf("erase: %w", err)
	}
	s.dropped(gone)
	return text, nil
}

// dropped ends the streams of conversations that were deleted, and has the lists of agents read again.
func (s *Store) dropped(gone []*chat.Session) {
	for _, c := range gone {
		c.Published()
	}
	if len(gone) > 0 && s.opts.Changed != nil {
		s.opts.Changed()
	}
}

// drop deletes a conversation, which is locked, with everything of it, and counts what. What refers to it by a foreign key
// goes with it; the rest is named here.
func drop(ctx context.Context, c *chat.Session, counts map[string]int) error {
	if err := c.Revoke(ctx); err != nil { // streams hear of this, and end
		return err
	}
	var messages, files, handoffs, open int
	if err := c.Tx().QueryRow(ctx, `SELECT (SELECT count(*) FROM messages WHERE conversation_id = $1), (SELECT count(*) FROM attachments WHERE conversation_id = $1),
		(SELECT count(*) FROM handoffs WHERE conversation_id = $1), (SELECT count(*) FROM handoffs WHERE conversation_id = $1 AND ended_at IS NULL)`, c.ID).Scan(&messages, &files, &handoffs, &open); err != nil {
		return err
	}
	for _, sql := range []string{
		`DELETE FROM inbound_events e USING external_links l WHERE l.conversation_id = $1 AND e.connection_id = l.connection_id AND e.external_conversation = l.external_id`,
		`DELETE FROM external_messages WHERE message_id IN (SELECT id FROM messages WHERE conversation_id = $1)`,
		`UPDATE identity_uses SET bound = 'erased' WHERE bound = 'conversation:' || $1::uuid::text`, // the token stays one that was used
		`DELETE FROM article_drafts WHERE conversation_id = $1`,
		`DELETE FROM viewers WHERE conversation_id = $1`,
		`DELETE FROM conversations WHERE id = $1`,
	} {
		if _, err := c.Tx().Exec(ctx, sql, c.ID); err != nil {
			return fmt.Errorf("erase conversation: %w", err)
		}
	}
	counts["conversations"]++
	counts["messages"] += messages
	counts["files"] += files
	counts["handoffs"] += handoffs
	counts["open"] += open
	return nil
}

// key returns the key that signs receipts, made on first use and shared by all replicas.
func (s *Store) key(ctx context.Context, db interface {
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}) (ed25519.PrivateKey, error) {
	seed := make([]byte, ed25519.SeedSize)
	if _, err := rand.Read(seed); err != nil {
		return nil, err
	}
	var kept string
	err := db.QueryRow(ctx, `INSERT INTO settings AS s (key, value) VALUES ('receipt_key', $1) ON CONFLICT (key) DO UPDATE SET value = s.value RETURNING value`,
		hex.EncodeToString(seed)).Scan(&kept)
	if err == nil {
		seed, err = hex.DecodeString(kept)
	}
	if err != nil || len(seed) != ed25519.SeedSize {
		return nil, fmt.Errorf("receipt key: %w", err)
	}
	return ed25519.NewKeyFromSeed(seed), nil
}

// ReceiptKey is the public half, by which anybody checks a receipt.
func (s *Store) ReceiptKey(ctx context.Context) (string, error) {
	k, err := s.key(ctx, s.pool)
	if err != nil {
		return "", err
	}
	pub, _ := k.Public().(ed25519.PublicKey)
	return base64.RawURLEncoding.EncodeToString(pub), nil
}

func (s *Store) sign(ctx context.Context, tx pgx.Tx, r Receipt) (string, error) {
	k, err := s.key(ctx, tx)
	if err != nil {
		return "", err
	}
	payload, err := json.Marshal(r)
	if err != nil {
		return "", err
	}
	return base64.RawURLEncoding.EncodeToString(payload) + "." + base64.RawURLEncoding.EncodeToString(ed25519.Sign(k, payload)), nil
}

// VerifyReceipt checks a receipt with a public key and returns what it says.
func VerifyReceipt(text, publicKey string) (r Receipt, err error) {
	bad := func(why string) (Receipt, error) {
		return Receipt{}, fault.Field("receipt", "bad_receipt", "%s", why)
	}
	strict := base64.RawURLEncoding.Strict()
	pub, err := strict.DecodeString(strings.TrimSpace(publicKey))
	if err != nil || len(pub) != ed25519.PublicKeySize {
		return Receipt{}, fault.Field("key", "bad_key", "This is no public key of receipts; GET /v1/privacy has it as receipt_key.")
	}
	body, sig, _ := strings.Cut(strings.TrimSpace(text), ".")
	payload, err := strict.DecodeString(body)
	if err != nil {
		return bad("This is no receipt.")
	}
	signature, err := strict.DecodeString(sig)
	if err != nil || !ed25519.Verify(pub, payload, signature) {
		return bad("The receipt was altered, or another server signed it.")
	}
	if err := json.Unmarshal(payload, &r); err != nil || r.Contract != receiptFormat {
		return bad("This is no receipt of an erasure.")
	}
	return r, nil
}

// Names reports whether the receipt is for the customer with this id of the company's, or for this conversation.
func (r Receipt) Names(subject string) bool {
	sum := sha256.Sum256([]byte(r.Salt + "\x00" + subject))
	return hex.EncodeToString(sum[:]) == r.Subject
}
