package auth

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync/atomic"
	"unicode/utf8"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"golang.org/x/crypto/argon2"
	"golang.org/x/text/unicode/norm"

	"github.com/firstline/firstline/internal/fault"
)

// cost is what one hash of a password takes.
type cost struct {
	memory  uint32 // KiB
	passes  uint32
	threads uint8
}

// hashCost is the second recommended option of RFC 9106, section 4, for argon2id: 64 MiB, three passes, four lanes.
var hashCost = cost{memory: 64 << 10, passes: 3, threads: 4}

// Lengths of salt and hash in bytes, as RFC 9106 recommends.
const (
	saltLen = 16
	hashLen = 32
)

// The bounds of a password. The longest is far beyond what anybody types; it only keeps a form from being a weapon.
const (
	MinPassword = 12
	MaxPassword = 256
)

// hasher computes argon2id, a few at a time, because each takes 64 MiB: whoever asks too much waits, and then is refused.
type hasher struct {
	cost    cost
	slots   chan struct{}
	waiting atomic.Int64
	done    atomic.Int64 // how many hashes were computed
}

// maxWaiting bounds the requests that wait for a hash.
const maxWaiting = 64

func newHasher(c cost) *hasher {
	return &hasher{cost: c, slots: make(chan struct{}, min(4, max(1, runtime.GOMAXPROCS(0))))}
}

// errBusy is what a sign-in gets when too many wait already.
var errBusy = fault.New(fault.Unavailable, "busy", "Too many people are signing in right now. Please try again in a moment.")

// key computes the hash of a password.
func (h *hasher) key(ctx context.Context, password string, salt []byte, c cost, length uint32) ([]byte, error) {
	if h.waiting.Add(1) > maxWaiting {
		h.waiting.Add(-1)
		return nil, errBusy
	}
	defer h.waiting.Add(-1)
	select {
	case h.slots <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	defer func() { <-h.slots }()
	h.done.Add(1)
	return argon2.IDKey([]byte(norm.NFKC.String(password)), salt, c.passes, c.memory, c.threads, length), nil
}

// hash returns a password's hash in the PHC string format, with its cost and salt.
func (h *hasher) hash(ctx context.Context, password string) (string, error) {
	salt := make([]byte, saltLen)
	if _, err := rand.Read(salt); err != nil {
		return "", err
	}
	key, err := h.key(ctx, password, salt, h.cost, hashLen)
	if err != nil {
		return "", err
	}
	return h.cost.phc(salt, key), nil
}

func (c cost) phc(salt, key []byte) string {
	b := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, c.memory, c.passes, c.threads, b.EncodeToString(salt), b.EncodeToString(key))
}

// errNotPHC means that what is stored is no hash of ours.
var errNotPHC = errors.New("auth: the stored password hash is malformed")

func parsePHC(s string) (c cost, salt, key []byte, err error) {
	parts := strings.Split(s, "$")
	if len(parts) != 6 || parts[0] != "" || parts[1] != "argon2id" || parts[2] != fmt.Sprintf("v=%d", argon2.Version) {
		return c, nil, nil, errNotPHC
	}
	if n, err := fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &c.memory, &c.passes, &c.threads); err != nil || n != 3 || c.passes == 0 || c.threads == 0 || c.memory > 1<<20 {
		return c, nil, nil, errNotPHC
	}
	if salt, err = base64.RawStdEncoding.DecodeString(parts[4]); err != nil {
		return c, nil, nil, errNotPHC
	}
	if key, err = base64.RawStdEncoding.DecodeString(parts[5]); err != nil || len(key) < 16 || len(key) > 64 {
		return c, nil, nil, errNotPHC
	}
	return c, salt, key, nil
}

// verify reports whether the password is the hash's, and whether the hash should be made anew because its cost is not
// today's. Where there is no hash it works just as long and says no: how long an answer takes tells nobody who exists.
func (h *hasher) verify(ctx context.Context, password, stored string) (ok, stale bool, err error) {
	if stored == "" {
		_, err := h.key(ctx, password, make([]byte, saltLen), h.cost, hashLen)
		return false, false, err
	}
	c, salt, want, err := parsePHC(stored)
	if err != nil {
		return false, false, err
	}
	got, err := h.key(ctx, password, salt, c, uint32(len(want))) // parsePHC bounds it
	if err != nil {
		return false, false, err
	}
	return subtle.ConstantTimeCompare(got, want) == 1, c != h.cost || len(want) != hashLen, nil
}

// common are words that long passwords are made of when people have to think of one quickly.
var common = []string{"password", "passwort", "contraseña", "contrasena", "lösenord", "losenord", "qwertyuiop", "qwertzuiop", "asdfghjkl", "letmein",
	"welcome", "willkommen", "bienvenido", "iloveyou", "administrator", "changeme", "abcdefghijkl", "firstline", "support"}

// checkPassword says what is wrong with a new password, as NIST SP 800-63B asks: long, and not what everybody would try
// first. It demands no signs or digits.
func checkPassword(field, password string, a Agent) error {
	if !utf8.ValidString(password) || strings.ContainsRune(password, 0) {
		return fault.Field(field, "not_text", "This is not text.")
	}
	n := utf8.RuneCountInString(norm.NFKC.String(password))
	switch {
	case n < MinPassword:
		return fault.Field(field, "too_short", "Use at least %d characters; a few words in a row are easy to remember.", MinPassword)
	case len(password) > 4*MaxPassword || n > MaxPassword:
		return fault.Field(field, "too_long", "Use at most %d characters.", MaxPassword)
	}
	plain := strings.ToLower(norm.NFKC.String(password))
	kinds := map[rune]bool{}
	for _, r := range plain {
		kinds[r] = true
	}
	rest := plain
	local, domain, _ := strings.Cut(strings.ToLower(a.Email), "@")
	known := append([]string{a.Email, local, domain}, strings.FieldsFunc(strings.ToLower(a.Name+" "+local), func(r rune) bool { return strings.ContainsRune(" .-_+", r) })...)
	for _, w := range append(known, common...) {
		if len(w) >= 3 {
			rest = strings.ReplaceAll(rest, w, "")
		}
	}
	rest = strings.Trim(rest, "0123456789 .,;:!?-_#*+$%&/()=@")
	if len(kinds) < 5 || utf8.RuneCountInString(rest) < 4 {
		return fault.Field(field, "too_common", "This would be guessed soon: it is made of your name, of common words, or of few signs. A few unrelated words are better.")
	}
	return nil
}

// ErrWrong is the one answer to every password sign-in that fails, whoever does or does not exist.
var ErrWrong = fault.New(fault.Unauthenticated, "wrong_credentials", "The address or the password is wrong.")

// PasswordSignIn begins a session for whoever has the address and the password. Every failure is ErrWrong after the same
// work, or a Blocked error from the throttle, which counts addresses that nobody has just as well.
func (s *Store) PasswordSignIn(ctx context.Context, email, password string, d Device) (Agent, string, error) {
	if email = cleanEmail(email); strings.ContainsRune(email, 0) {
		email = "" // the database knows no such text, and nobody has such an address
	}
	if err := s.attempt(ctx, email, d); err != nil {
		return Agent{}, "", err
	}
	if len(password) > 4*MaxPassword {
		password = "" // costs the same as any other, and is nobody's
	}
	var id uuid.UUID
	var stored string
	err := s.pool.QueryRow(ctx, `SELECT id, password_hash FROM agents WHERE email = $1 AND password_hash IS NOT NULL AND disabled_at IS NULL`, email).Scan(&id, &stored)
	if err != nil && !errors.Is(err, pgx.ErrNoRows) {
		return Agent{}, "", err
	}
	ok, stale, err := s.hasher.verify(ctx, password, stored)
	if err != nil {
		return Agent{}, "", err
	}
	if !ok {
		return Agent{}, "", ErrWrong
	}
	var anew *string
	if stale {
		h, err := s.hasher.hash(ctx, password)
		if err != nil {
			return Agent{}, "", err
		}
		anew = &h
	}
	var secret string
	err = pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		// Whoever was disabled, or changed the password, while this was computed is not let in.
		tag, err := tx.Exec(ctx, `UPDATE agents SET password_hash = COALESCE($3, password_hash) WHERE id = $1 AND password_hash = $2 AND disabled_at IS NULL`, id, stored, anew)
		if err != nil {
			return err
		}
		if tag.RowsAffected() == 0 {
			return ErrWrong
		}
		if err := s.succeeded(ctx, tx, email, d); err != nil {
			return err
		}
		secret, err = s.begin(ctx, tx, id, ByPassword, d)
		return err
	})
	if err != nil {
		return Agent{}, "", err
	}
	a, err := s.find(ctx, `a.id = $1`, id)
	return a, secret, err
}

// SetPassword gives the person of the session a new password and ends their other sessions. The current one is needed,
// unless the person has none, or the session was begun by a link or by single sign-on within FreshFor: that is what
// somebody does who has forgotten it.
func (s *Store) SetPassword(ctx context.Context, me Session, current, password string) error {
	a, err := s.find(ctx, `a.id = $1`, me.AgentID)
	if err != nil {
		return err
	}
	if me.Kind != "session" {
		return fault.New(fault.Forbidden, "not_a_session", "A bearer token may not set a password; sign in.")
	}
	if err := checkPassword("new", password, a); err != nil {
		return err
	}
	var stored string
	var fresh bool
	err = s.pool.QueryRow(ctx, `SELECT COALESCE(a.password_hash, ''), c.via <> 'password' AND c.created_at > now() - $2 * interval '1 second'
		FROM agents a JOIN credentials c ON c.agent_id = a.id WHERE c.id = $1`, me.ID, FreshFor.Seconds()).Scan(&stored, &fresh)
	if errors.Is(err, pgx.ErrNoRows) {
		return ErrSignedOut
	}
	if err != nil {
		return err
	}
	if stored != "" && !fresh {
		if err := s.attempt(ctx, a.Email, Device{}); err != nil { // a stolen session must not guess either
			return err
		}
		ok, _, err := s.hasher.verify(ctx, current, stored)
		if err != nil {
			return err
		}
		if !ok {
			return fault.Field("current", "wrong_password", "This is not your current password. Forgotten? Sign in by a link, then set a new one within 15 minutes.")
		}
	}
	h, err := s.hasher.hash(ctx, password)
	if err != nil {
		return err
	}
	return pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		// Of two changes at once the second finds another hash than the one that it was allowed to replace.
		tag, err := tx.Exec(ctx, `UPDATE agents SET password_hash = $2, password_at = now() WHERE id = $1 AND COALESCE(password_hash, '') = $3 AND disabled_at IS NULL`, a.ID, h, stored)
		if err != nil {
			return err
		}
		if tag.RowsAffected() == 0 {
			return fault.New(fault.Conflict, "password_changed", "The password was changed meanwhile.")
		}
		if err := s.succeeded(ctx, tx, a.Email, Device{}); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `DELETE FROM credentials WHERE agent_id = $1 AND id <> $2 AND kind IN ('session', 'link')`, a.ID, me.ID); err != nil {
			return err
		}
		return audit(ctx, tx, a.ID.String(), "password_set", a.ID, nil)
	})
}

// GivePassword sets a person's password for them and ends every session of theirs.
func (s *Store) GivePassword(ctx context.Context, by Actor, id uuid.UUID, password string) error {
	a, err := s.find(ctx, `a.id = $1`, id)
	if err != nil {
		return err
	}
	if err := checkPassword("password", password, a); err != nil {
		return err
	}
	h, err := s.hasher.hash(ctx, password)
	if err != nil {
		return err
	}
	return pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `UPDATE agents SET password_hash = $2, password_at = now() WHERE id = $1`, id, h); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `DELETE FROM credentials WHERE agent_id = $1 AND kind IN ('session', 'link')`, id); err != nil {
			return err
		}
		return audit(ctx, tx, string(by), "password_set", id, nil)
	})
}
