package auth

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/firstline/firstline/internal/fault"
)

// limit is how often something may be tried: free times at once, then with a wait that doubles from base to most with
// every further try. One try is forgiven each forgive.
type limit struct {
	free                int
	base, most, forgive time.Duration
}

// The limits. The counts are in the database, so that replicas share them, and they are of what was typed: an address that
// nobody has is throttled like one that somebody has. A network has more tries, because a whole office can be behind it;
// links fill somebody's letter box, and so there are few.
var (
	byAddress = limit{free: 5, base: time.Second, most: 15 * time.Minute, forgive: 15 * time.Minute}
	byNetwork = limit{free: 60, base: time.Second, most: 15 * time.Minute, forgive: 30 * time.Second}
	byLetter  = limit{free: 3, base: 5 * time.Minute, most: 6 * time.Hour, forgive: 6 * time.Hour}
)

// BlockedError is a refusal by the throttle.
type BlockedError struct {
	Fault *fault.Error
	For   time.Duration // how long it still refuses
}

// Error implements error.
func (e *BlockedError) Error() string { return e.Fault.Error() }

// Unwrap makes it a fault to everybody else.
func (e *BlockedError) Unwrap() error { return e.Fault }

func blocked(left time.Duration) error {
	left = max(left, time.Second)
	words := fmt.Sprintf("%d seconds", int(left.Seconds()+0.999))
	if left > 2*time.Minute {
		words = fmt.Sprintf("%d minutes", int(left.Minutes()+0.999))
	}
	return &BlockedError{fault.New(fault.RateLimited, "too_many_attempts", "Too many attempts. Please wait %s; a sign-in link works meanwhile.", words), left}
}

// throttleKey hides what was typed: the table holds no addresses of people.
func throttleKey(kind, value string) []byte {
	h := sha256.Sum256([]byte(kind + "\x00" + value))
	return h[:]
}

// network is what an IP address counts as: of IPv6 the /64, because one device has all of it.
func network(address string) string {
	a, err := netip.ParseAddr(address)
	if err != nil || a.Is4() || a.Is4In6() {
		return address
	}
	p, _ := a.Prefix(64) // 64 is never out of range
	return p.String()
}

// attemptSQL counts one try for a key before it is made, so that a thousand at once are a thousand tries, and returns a
// row when it may be made. A try that is refused is not counted.
const attemptSQL = `
	INSERT INTO sign_in_failures AS f (key, failures, blocked_until, at) VALUES ($1, 1, '-infinity', clock_timestamp())
	ON CONFLICT (key) DO UPDATE SET (failures, blocked_until, at) = (
		SELECT kept + 1,
			CASE WHEN kept + 1 < $2 THEN '-infinity' ELSE clock_timestamp() + least($4, $3 * power(2, least(30, kept + 1 - $2))) * interval '1 second' END,
			CASE WHEN kept = 0 THEN clock_timestamp() ELSE f.at + forgiven * $5 * interval '1 second' END
		FROM (SELECT forgiven, greatest(0, f.failures - forgiven)::int AS kept
			FROM (SELECT floor(greatest(0, extract(epoch FROM clock_timestamp() - f.at)) / $5)::float8 AS forgiven) AS g) AS k)
	WHERE f.blocked_until <= clock_timestamp()
	RETURNING 1`

// attempt asks the throttle for one try at a password. What the network is refused counts for no address: whoever has no
// tries left must not go on to lock others out.
func (s *Store) attempt(ctx context.Context, email string, d Device) error {
	return pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		if err := try(ctx, tx, throttleKey("address", email), byAddress); err != nil || d.Address == "" {
			return err
		}
		return try(ctx, tx, throttleKey("network", network(d.Address)), byNetwork)
	})
}

// counter is met by the pool and by a transaction.
type counter interface {
	execer
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}

// try asks for one try of what has the key.
func try(ctx context.Context, db counter, key []byte, l limit) error {
	tag, err := db.Exec(ctx, attemptSQL, key, l.free, l.base.Seconds(), l.most.Seconds(), l.forgive.Seconds())
	if err != nil || tag.RowsAffected() == 1 {
		return err
	}
	var left float64
	err = db.QueryRow(ctx, `SELECT COALESCE(max(extract(epoch FROM blocked_until - clock_timestamp())), 0)::float8 FROM sign_in_failures WHERE key = $1`, key).Scan(&left)
	if err != nil {
		return err
	}
	return blocked(time.Duration(left * float64(time.Second)))
}

// succeeded forgets the failures of an address, and of the network only this one try: whoever has one account must not
// clear the way for guessing at others.
func (s *Store) succeeded(ctx context.Context, tx pgx.Tx, email string, d Device) error {
	_, err := tx.Exec(ctx, `DELETE FROM sign_in_failures WHERE key = $1`, throttleKey("address", email))
	if err != nil || d.Address == "" {
		return err
	}
	_, err = tx.Exec(ctx, `UPDATE sign_in_failures SET failures = greatest(0, failures - 1), blocked_until = '-infinity' WHERE key = $1`, throttleKey("network", network(d.Address)))
	return err
}

// blockedUntil returns until when the throttle refuses passwords for an address; the zero time when it does not.
func (s *Store) blockedUntil(ctx context.Context, email string) (time.Time, error) {
	var until time.Time
	err := s.pool.QueryRow(ctx, `SELECT blocked_until FROM sign_in_failures WHERE key = $1 AND blocked_until > clock_timestamp()`, throttleKey("address", email)).Scan(&until)
	if errors.Is(err, pgx.ErrNoRows) {
		return time.Time{}, nil
	}
	return until, err
}
