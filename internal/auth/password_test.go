package auth

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/firstline/firstline/internal/fault"
)

func TestHash(t *testing.T) {
	h := newHasher(hashCost)
	ctx := t.Context()
	s, err := h.hash(ctx, "straße ﬁne Å")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(s, "$argon2id$v=19$m=65536,t=3,p=4$") {
		t.Errorf("the hash is %s", s)
	}
	again, err := h.hash(ctx, "straße ﬁne Å")
	if err != nil || again == s {
		t.Errorf("two hashes of one password are the same, or %v", err)
	}
	for password, want := range map[string]bool{"straße ﬁne Å": true, "straße fine A\u030a": true, "straße fine å": false, "": false} {
		if ok, stale, err := h.verify(ctx, password, s); ok != want || stale || err != nil {
			t.Errorf("%q: %v, stale %v, %v", password, ok, stale, err)
		}
	}
	// A vector of the reference implementation (phc-winner-argon2, src/test.c).
	const reference = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc"
	if ok, stale, err := h.verify(ctx, "password", reference); !ok || !stale || err != nil {
		t.Errorf("the reference's hash: %v, stale %v, %v", ok, stale, err)
	}
	for _, bad := range []string{"x", "$argon2i$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
		strings.Replace(reference, "v=19", "v=16", 1), strings.Replace(reference, "m=65536", "m=4294967295", 1), strings.Replace(reference, "t=2", "t=0", 1),
		strings.Replace(reference, "p=1", "p=0", 1), strings.Replace(reference, "c29tZXNhbHQ$", "!$", 1), reference[:len(reference)-30], reference + "$"} {
		if ok, _, err := h.verify(ctx, "password", bad); ok || !errors.Is(err, errNotPHC) {
			t.Errorf("%s: %v, %v", bad, ok, err)
		}
	}
}

// TestHashesWaitTheirTurn: no more hashes run at once than there are slots, and no more wait than may.
func TestHashesWaitTheirTurn(t *testing.T) {
	h := newHasher(cheap)
	for range cap(h.slots) {
		h.slots <- struct{}{}
	}
	ctx, cancel := context.WithCancel(t.Context())
	var all sync.WaitGroup
	left := make(chan error, maxWaiting+20)
	for range maxWaiting + 20 {
		all.Go(func() {
			_, err := h.key(ctx, "x", make([]byte, saltLen), cheap, hashLen)
			left <- err
		})
	}
	for range 20 { // they are refused while the others wait
		wantCode(t, <-left, "busy")
	}
	cancel()
	all.Wait()
	close(left)
	for err := range left {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("error %v", err)
		}
	}
	if n := h.waiting.Load(); n != 0 || h.done.Load() != 0 {
		t.Errorf("%d wait, %d were made", n, h.done.Load())
	}
}

func TestCheckPassword(t *testing.T) {
	a := Agent{Email: "ada.lovelace@larkpay.example", Name: "Ada Lovelace"}
	tests := []struct{ password, code string }{
		{good, ""}, {"four small words here", ""}, {"Ünïcödé-pässwörd", ""}, {"これは長いパスワードです。", ""}, {strings.Repeat("a b c d e f g h ", 16), ""},
		{"elevenchars", "too_short"}, {"", "too_short"}, {strings.Repeat("ab3d!", 60), "too_long"}, {strings.Repeat("x", 5000), "too_long"},
		{"aaaaaaaaaaaaaaaa", "too_common"}, {"abababababababab", "too_common"}, {"password1234", "too_common"}, {"Password-2026!", "too_common"},
		{"PASSWORDpassword", "too_common"}, {"ada.lovelace@larkpay.example", "too_common"}, {"AdaLovelace1815", "too_common"}, {"qwertyuiop123", "too_common"},
		{"larkpay.example1", "too_common"}, {"1234567890123456", "too_common"}, {"secret\x00password long", "not_text"}, {"\xff\xfe invalid words", "not_text"},
	}
	for _, tt := range tests {
		err := checkPassword("new", tt.password, a)
		wantCode(t, err, tt.code)
		var f *fault.Error
		if errors.As(err, &f) && f.Field != "new" {
			t.Errorf("%q: the field is %q", tt.password, f.Field)
		}
	}
}

// TestFailuresAreAlike: whoever does or does not exist, a failure takes the same hashes, the same statements, and has the
// same words.
func TestFailuresAreAlike(t *testing.T) {
	b := setup(t)
	ctx := t.Context()
	b.withPassword("ada@larkpay.example", "agent", good)
	b.add("nopassword@larkpay.example", "agent")
	gone := b.withPassword("gone@larkpay.example", "agent", good)
	yes := true
	if _, err := b.Update(ctx, Command, gone.ID, Change{Disabled: &yes}); err != nil {
		t.Fatal(err)
	}
	var first []string
	for _, tt := range []struct{ email, password string }{
		{"ada@larkpay.example", wrong}, {" ADA@larkpay.example ", wrong}, {"nobody@larkpay.example", wrong}, {"nopassword@larkpay.example", wrong},
		{"gone@larkpay.example", good}, {"no address", wrong}, {"", ""}, {"ada@larkpay.example", ""}, {"nobody@larkpay.example", strings.Repeat("x", 100_000)},
		{"ada@larkpay.example", strings.Repeat("x", 100_000)},
	} {
		b.exec(`DELETE FROM sign_in_failures`)
		before := b.hasher.done.Load()
		var err error
		sql := b.trace.during(func() { _, _, err = b.PasswordSignIn(ctx, tt.email, tt.password, Device{"Firefox", "192.0.2.1"}) })
		if !errors.Is(err, ErrWrong) || err.Error() != ErrWrong.Error() {
			t.Errorf("%s: %v", tt.email, err)
		}
		if n := b.hasher.done.Load() - before; n != 1 {
			t.Errorf("%s: %d hashes", tt.email, n)
		}
		if first == nil {
			first = sql
		}
		if diff := cmp.Diff(first, sql); diff != "" {
			t.Errorf("%s makes other statements:\n%s", tt.email, diff)
		}
	}
	if len(first) == 0 || len(first) > 5 {
		t.Errorf("a failure makes %d statements", len(first))
	}
}

func TestPasswordSignIn(t *testing.T) {
	b := setup(t)
	ctx := t.Context()
	a := b.withPassword("ada@larkpay.example", "supervisor", good)
	got, secret, err := b.PasswordSignIn(ctx, "Ada@Larkpay.example", good, Device{"Firefox on Linux", "192.0.2.1"})
	if err != nil || got.ID != a.ID || got.Role != "supervisor" {
		t.Fatalf("%+v, %v", got, err)
	}
	_, se, err := b.Authenticate(ctx, secret)
	if err != nil || se.Via != ByPassword || se.Device != "Firefox on Linux" || se.Address != "192.0.2.1" || se.Kind != "session" {
		t.Errorf("session %+v, %v", se, err)
	}
	if left := time.Until(se.ExpiresAt); left > SessionFor || left < SessionFor-time.Hour {
		t.Errorf("the session lasts %s", left)
	}
	if got := b.actions(a); got != "person_added password_set signed_in" {
		t.Errorf("audit: %s", got)
	}
}

// TestCostOfHashFollows: whoever signs in with a hash of a former cost gets one of today's.
func TestCostOfHashFollows(t *testing.T) {
	b := setup(t)
	a := b.withPassword("ada@larkpay.example", "agent", good)
	b.hasher.cost = cost{memory: 128, passes: 1, threads: 1}
	for range 2 {
		if _, _, err := b.PasswordSignIn(t.Context(), a.Email, good, Device{}); err != nil {
			t.Fatal(err)
		}
		if h := value[string](b, `SELECT password_hash FROM agents WHERE id = $1`, a.ID); !strings.Contains(h, "m=128,") {
			t.Errorf("the hash is still %s", h)
		}
	}
}

func TestSetPassword(t *testing.T) {
	b := setup(t)
	ctx := t.Context()
	a := b.add("ada@larkpay.example", "agent")
	_, secret, err := b.Redeem(ctx, b.issued(a, "link"), Device{})
	wantCode(t, err, "")
	_, me, err := b.Authenticate(ctx, secret)
	wantCode(t, err, "")
	old, link := b.issued(a, "session"), b.issued(a, "link")
	token := b.issued(a, "token")

	wantCode(t, b.SetPassword(ctx, me, "", "short"), "too_short")
	wantCode(t, b.SetPassword(ctx, me, "", good), "")
	if _, err := b.Who(ctx, secret); err != nil {
		t.Errorf("the session that set it: %v", err)
	}
	if _, err := b.Who(ctx, token); err != nil {
		t.Errorf("the token: %v", err)
	}
	for _, s := range []string{old} {
		_, err := b.Who(ctx, s)
		wantCode(t, err, "not_signed_in")
	}
	_, err = b.Peek(ctx, link)
	wantCode(t, err, "not_signed_in")

	// Fresh from a link: forgotten passwords can be replaced.
	wantCode(t, b.SetPassword(ctx, me, "", other), "")
	// Later, and after signing in by password, the current one is needed.
	b.exec(`UPDATE credentials SET created_at = created_at - interval '1 hour'`)
	wantCode(t, b.SetPassword(ctx, me, "", good), "wrong_password")
	wantCode(t, b.SetPassword(ctx, me, wrong, good), "wrong_password")
	wantCode(t, b.SetPassword(ctx, me, other, good), "")
	_, secret, err = b.PasswordSignIn(ctx, a.Email, good, Device{})
	wantCode(t, err, "")
	_, me, err = b.Authenticate(ctx, secret)
	wantCode(t, err, "")
	wantCode(t, b.SetPassword(ctx, me, "", other), "wrong_password")
	// A stolen session cannot guess for ever.
	var full *BlockedError
	for range 20 {
		if err = b.SetPassword(ctx, me, wrong, other); errors.As(err, &full) {
			break
		}
		wantCode(t, err, "wrong_password")
	}
	wantCode(t, err, "too_many_attempts")
	// A token is a program's, and a session that has ended is nobody's.
	_, program, err := b.Authenticate(ctx, token)
	wantCode(t, err, "")
	wantCode(t, b.SetPassword(ctx, program, good, other), "not_a_session")
	me.ID = uuid.New()
	wantCode(t, b.SetPassword(ctx, me, good, other), "not_signed_in")
}

// TestPasswordChangedMeanwhile: a sign-in that began with the former password does not end in a session.
func TestPasswordChangedMeanwhile(t *testing.T) {
	b := setup(t)
	a := b.withPassword("ada@larkpay.example", "agent", good)
	for range cap(b.hasher.slots) { // hold every hash, so that the sign-in waits between reading and writing
		b.hasher.slots <- struct{}{}
	}
	done := make(chan error)
	go func() {
		_, _, err := b.PasswordSignIn(t.Context(), a.Email, good, Device{})
		done <- err
	}()
	for b.hasher.waiting.Load() == 0 {
		select {
		case err := <-done:
			t.Fatalf("it did not wait: %v", err)
		case <-time.After(time.Millisecond):
		}
	}
	b.exec(`UPDATE agents SET password_hash = password_hash || 'x' WHERE id = $1`, a.ID)
	for range cap(b.hasher.slots) {
		<-b.hasher.slots
	}
	if err := <-done; !errors.Is(err, ErrWrong) {
		t.Errorf("error %v", err)
	}
	if n := value[int](b, `SELECT count(*) FROM credentials`); n != 0 {
		t.Errorf("%d sessions", n)
	}
}

func TestCommonWordsAreLower(t *testing.T) {
	for _, w := range common {
		if w != strings.ToLower(w) || len(w) < 3 {
			t.Errorf("%q is never found", w)
		}
	}
	if !slices.Contains(common, "password") {
		t.Error("the list is another")
	}
}
