package chat

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// Token returns the bearer token that opens a conversation of the first generation, as every new one is, and no other.
func (r *Record) Token(id uuid.UUID) string { return r.TokenOf(id, 0) }

// TokenOf returns the token of a generation. When a conversation becomes a customer's, or they sign out everywhere, its
// generation rises, and the tokens of before open nothing any more: whoever gave the customer a token cannot read on.
func (r *Record) TokenOf(id uuid.UUID, generation int) string {
	m := hmac.New(sha256.New, r.secret)
	m.Write(id[:])
	if generation == 0 { // as it was before there were generations
		return base64.RawURLEncoding.EncodeToString(m.Sum(nil))
	}
	n := strconv.Itoa(generation)
	m.Write([]byte("." + n)) // the id has a fixed length, so no two generations or conversations share one input
	return n + "." + base64.RawURLEncoding.EncodeToString(m.Sum(nil))
}

// Generation reports, in constant time and without a query, which generation of the conversation's tokens this is; false for
// what is none. Whether it is the present generation, only the conversation's row tells: see Inbound.Token and Opens.
func (r *Record) Generation(id uuid.UUID, token string) (int, bool) {
	generation := 0
	if n, _, later := strings.Cut(token, "."); later {
		var err error
		if generation, err = strconv.Atoi(n); err != nil || generation < 1 {
			return 0, false
		}
	}
	return generation, subtle.ConstantTimeCompare([]byte(r.TokenOf(id, generation)), []byte(token)) == 1
}

// Opens reports whether tokens of the generation open the conversation now; never for one that does not exist.
func (r *Record) Opens(ctx context.Context, id uuid.UUID, generation int) (bool, error) {
	var now int
	err := r.pool.QueryRow(ctx, `SELECT token_gen FROM conversations WHERE id = $1`, id).Scan(&now)
	if errors.Is(err, pgx.ErrNoRows) {
		return false, nil
	}
	return err == nil && now == generation, err
}

// Derive returns a key of a conversation for a purpose of its own. Who has the conversation's token cannot make it.
func (r *Record) Derive(purpose string, id uuid.UUID) []byte {
	m := hmac.New(sha256.New, r.secret)
	m.Write([]byte("derive\x00" + purpose + "\x00")) // no id begins a token's input with this: those are 16 random bytes
	m.Write(id[:])
	return m.Sum(nil)
}

// TokenEvent is the data of a KindToken event.
type TokenEvent struct {
	Generation int  `json:"generation"` // streams that were opened with a token of a lower one end here
	Verified   bool `json:"verified"`   // the conversation is a verified customer's
}

// Identify makes the conversation that of a customer whom the company vouches for. All tokens of before, and with them all
// open streams, end here; what was told to others because of them, such as the addresses that are told of answers, is the
// caller's to end.
func (s *Session) Identify(ctx context.Context, p Person, customer uuid.UUID) error {
	if _, err := s.tx.Exec(ctx, `UPDATE conversations SET customer = $2, customer_id = $3 WHERE id = $1`, s.ID, p, customer); err != nil {
		return fmt.Errorf("identify: %w", err)
	}
	s.Customer, s.CustomerID = p, &customer
	return s.Revoke(ctx)
}

// Revoke makes all tokens of the conversation worthless; TokenOf with the new generation opens it.
func (s *Session) Revoke(ctx context.Context) error {
	err := s.tx.QueryRow(ctx, `UPDATE conversations SET token_gen = token_gen + 1, updated_at = now() WHERE id = $1 RETURNING token_gen`, s.ID).Scan(&s.TokenGen)
	if err != nil {
		return fmt.Errorf("revoke tokens: %w", err)
	}
	return s.AddEvent(ctx, KindToken, TokenEvent{s.TokenGen, s.Customer.Verified}, false)
}
