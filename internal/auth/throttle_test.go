package auth

import (
	"context"
	"errors"
	"math"
	"strconv"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/firstline/firstline/internal/postgres/pgtest"
)

// left is how long an error says that the throttle refuses; 0 for other errors.
func left(err error) time.Duration {
	var full *BlockedError
	if errors.As(err, &full) {
		return full.For
	}
	return 0
}

// TestThrottle: five tries at once, then waits that double, the same for an address that nobody has, for every replica, and
// also for the right password.
func TestThrottle(t *testing.T) {
	url := pgtest.URL(t)
	one, two := over(t, url), over(t, url)
	one.withPassword("ada@larkpay.example", "agent", good)
	ctx := t.Context()
	for n, email := range []string{"ada@larkpay.example", "nobody@larkpay.example"} {
		from := Device{Address: "192.0.2." + strconv.Itoa(n)}
		for i := range 5 {
			replica := []*bundle{one, two}[i%2]
			if _, _, err := replica.PasswordSignIn(ctx, email, wrong, from); !errors.Is(err, ErrWrong) {
				t.Fatalf("%s, try %d: %v", email, i, err)
			}
		}
		// Long enough that the machine's own slowness does not matter.
		one.exec(`UPDATE sign_in_failures SET blocked_until = blocked_until + interval '1 hour' WHERE blocked_until > now() - interval '1 minute'`)
		for _, replica := range []*bundle{one, two} {
			hashes := replica.hasher.done.Load()
			_, _, err := replica.PasswordSignIn(ctx, email, good, from)
			wantCode(t, err, "too_many_attempts")
			if d := left(err); d < 59*time.Minute || d > 61*time.Minute {
				t.Errorf("%s: refused for %s", email, d)
			}
			if replica.hasher.done.Load() != hashes {
				t.Errorf("%s: a refusal computes a hash", email)
			}
		}
		one.exec(`UPDATE sign_in_failures SET blocked_until = blocked_until - interval '1 hour' WHERE blocked_until > now()`)
		one.wait(2 * time.Second)
	}
	if _, _, err := two.PasswordSignIn(ctx, "ada@larkpay.example", good, Device{Address: "192.0.2.9"}); err != nil {
		t.Errorf("after the wait: %v", err)
	}
	if n := value[int](one, `SELECT count(*) FROM sign_in_failures WHERE key = $1`, throttleKey("address", "ada@larkpay.example")); n != 0 {
		t.Error("signing in did not forget the failures")
	}
}

// TestThrottleModel holds the statement against the rule, over any order of tries and pauses.
func TestThrottleModel(t *testing.T) {
	b := setup(t)
	l := limit{free: 3, base: 40 * time.Second, most: 400 * time.Second, forgive: 1000 * time.Second}
	run := 0
	rapid.Check(t, func(rt *rapid.T) {
		run++
		key := throttleKey("model", strconv.Itoa(run))
		var now, at, blockedUntil time.Duration // at and blockedUntil of the model, on a clock that only pauses move
		failures, known := 0, false
		for range rapid.IntRange(1, 30).Draw(rt, "steps") {
			if rapid.Bool().Draw(rt, "pause") {
				// Odd multiples of 10 s, so that no pause ends where a wait (a multiple of 20) does, and the real seconds between do not matter.
				d := time.Duration(rapid.IntRange(0, 150).Draw(rt, "tens"))*20*time.Second + 10*time.Second
				now += 2 * d
				b.wait(2 * d)
				continue
			}
			err := try(context.Background(), b.pool, key, l)
			refused := known && blockedUntil > now
			if (err != nil) != refused {
				rt.Fatalf("refused: %v (%v), the rule says %v at %s, blocked until %s", err != nil, err, refused, now, blockedUntil)
			}
			if refused {
				if got, want := left(err), blockedUntil-now; got > want || got < want-15*time.Second {
					rt.Fatalf("refused for %s, want %s", got, want)
				}
				continue
			}
			if !known {
				known, failures, at, blockedUntil = true, 1, now, 0
				continue
			}
			forgiven := int((now - at) / l.forgive)
			kept := max(0, failures-forgiven)
			at += time.Duration(forgiven) * l.forgive
			if kept == 0 {
				at = now
			}
			if failures = kept + 1; failures >= l.free {
				blockedUntil = now + min(l.most, time.Duration(float64(l.base)*math.Pow(2, float64(failures-l.free))))
			}
		}
	})
}

// TestTriesAtOnce: a thousand tries at once are a thousand tries, also on two replicas.
func TestTriesAtOnce(t *testing.T) {
	url := pgtest.URL(t)
	replicas := []*bundle{over(t, url), over(t, url)}
	l := limit{free: 5, base: time.Hour, most: 24 * time.Hour, forgive: time.Hour}
	key := throttleKey("address", "ada@larkpay.example")
	var all sync.WaitGroup
	results := make(chan error, 200)
	for i := range 200 {
		all.Go(func() { results <- try(t.Context(), replicas[i%2].pool, key, l) })
	}
	all.Wait()
	close(results)
	passed := 0
	for err := range results {
		if err == nil {
			passed++
		} else {
			wantCode(t, err, "too_many_attempts")
		}
	}
	if passed != 5 {
		t.Errorf("%d of 200 tries were let through, want 5", passed)
	}
}

// TestNetwork: many addresses tried from one network count together, a success does not clear the way for more, and
// another network is not concerned.
func TestNetwork(t *testing.T) {
	b := setup(t)
	ctx := t.Context()
	b.withPassword("ada@larkpay.example", "agent", good)
	from := func(i int) Device { return Device{Address: "2001:db8::" + strconv.Itoa(i)} } // one /64
	for i := range byNetwork.free {
		if _, _, err := b.PasswordSignIn(ctx, strconv.Itoa(i)+"@larkpay.example", wrong, from(i)); !errors.Is(err, ErrWrong) {
			t.Fatalf("try %d: %v", i, err)
		}
		if i == 0 { // nothing is forgiven, however slow the machine is
			b.exec(`UPDATE sign_in_failures SET at = now() + interval '1 hour'`)
		}
	}
	hold := `UPDATE sign_in_failures SET blocked_until = blocked_until + interval '1 hour' WHERE blocked_until > now() - interval '1 minute'`
	b.exec(hold)
	_, _, err := b.PasswordSignIn(ctx, "ada@larkpay.example", good, from(77))
	wantCode(t, err, "too_many_attempts")
	if _, _, err := b.PasswordSignIn(ctx, "ada@larkpay.example", good, Device{Address: "2001:db8:0:1::1"}); err != nil {
		t.Errorf("from another network: %v", err)
	}
	b.exec(`UPDATE sign_in_failures SET blocked_until = now() WHERE blocked_until > now()`)
	before := value[int](b, `SELECT failures FROM sign_in_failures WHERE key = $1`, throttleKey("network", "2001:db8::/64"))
	if _, _, err := b.PasswordSignIn(ctx, "ada@larkpay.example", good, from(78)); err != nil {
		t.Errorf("after the wait: %v", err)
	}
	if after := value[int](b, `SELECT failures FROM sign_in_failures WHERE key = $1`, throttleKey("network", "2001:db8::/64")); after != before {
		t.Errorf("a success takes the network from %d failures to %d", before, after)
	}
	_, _, err = b.PasswordSignIn(ctx, "x@larkpay.example", wrong, from(79))
	if !errors.Is(err, ErrWrong) {
		t.Errorf("the next try: %v", err)
	}
	if value[bool](b, `SELECT blocked_until <= now() FROM sign_in_failures WHERE key = $1`, throttleKey("network", "2001:db8::/64")) {
		t.Error("the next failure does not block the network again")
	}
}

func TestUnblock(t *testing.T) {
	b := setup(t)
	ctx := t.Context()
	a := b.withPassword("ada@larkpay.example", "agent", good)
	for range byAddress.free {
		_, _, err := b.PasswordSignIn(ctx, a.Email, wrong, Device{})
		wantCode(t, err, "wrong_credentials")
	}
	b.exec(`UPDATE sign_in_failures SET blocked_until = now() + interval '10 minutes'`)
	until, err := b.BlockedUntil(ctx, a.ID)
	if err != nil || time.Until(until) < 9*time.Minute {
		t.Errorf("blocked until %s, %v", until, err)
	}
	wantCode(t, b.Unblock(ctx, Command, a.ID), "")
	if until, err := b.BlockedUntil(ctx, a.ID); err != nil || !until.IsZero() {
		t.Errorf("still blocked until %s, %v", until, err)
	}
	if _, _, err := b.PasswordSignIn(ctx, a.Email, good, Device{}); err != nil {
		t.Error(err)
	}
}

// TestBlockedNetworkLocksNobodyOut: whoever has no tries left uses up nobody else's.
func TestBlockedNetworkLocksNobodyOut(t *testing.T) {
	b := setup(t)
	b.withPassword("ada@larkpay.example", "agent", good)
	thief := Device{Address: "192.0.2.7"}
	b.exec(`INSERT INTO sign_in_failures (key, failures, blocked_until, at) VALUES ($1, 60, now() + interval '1 hour', now())`, throttleKey("network", thief.Address))
	for range 2 * byAddress.free {
		_, _, err := b.PasswordSignIn(t.Context(), "ada@larkpay.example", wrong, thief)
		wantCode(t, err, "too_many_attempts")
	}
	if _, _, err := b.PasswordSignIn(t.Context(), "ada@larkpay.example", good, Device{Address: "198.51.100.1"}); err != nil {
		t.Errorf("from elsewhere, with the right password: %v", err)
	}
}

// TestOddAddresses: what the database cannot even hold is refused as everything is.
func TestOddAddresses(t *testing.T) {
	b := setup(t)
	for _, email := range []string{"", "\x00", "ada\x00@larkpay.example", "\xff@larkpay.example"} {
		if _, _, err := b.PasswordSignIn(t.Context(), email, wrong, Device{}); !errors.Is(err, ErrWrong) {
			t.Errorf("%q: %v", email, err)
		}
	}
}
