package auth

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/firstline/firstline/internal/fault"
	"github.com/firstline/firstline/internal/postgres/pgtest"
)

// cheap is a cost for tests that are not about the cost.
var cheap = cost{memory: 64, passes: 1, threads: 1}

// bundle is a store over a database of its own, that notes its statements.
type bundle struct {
	*Store
	t     *testing.T
	trace *tracer
}

// tracer notes the statements of one store.
type tracer struct {
	mu  sync.Mutex
	sql []string
}

func (tr *tracer) TraceQueryStart(ctx context.Context, _ *pgx.Conn, d pgx.TraceQueryStartData) context.Context {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	tr.sql = append(tr.sql, d.SQL)
	return ctx
}

func (tr *tracer) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

// during returns the statements that f makes.
func (tr *tracer) during(f func()) []string {
	tr.mu.Lock()
	tr.sql = nil
	tr.mu.Unlock()
	f()
	tr.mu.Lock()
	defer tr.mu.Unlock()
	return tr.sql
}

func setup(t *testing.T) *bundle {
	t.Helper()
	return over(t, pgtest.URL(t))
}

// over returns a store over the database; two over one are two replicas.
func over(t *testing.T, url string) *bundle {
	t.Helper()
	cfg, err := pgxpool.ParseConfig(url)
	if err != nil {
		t.Fatal(err)
	}
	tr := &tracer{}
	cfg.ConnConfig.Tracer = tr
	pool, err := pgxpool.NewWithConfig(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	s := NewStore(pool)
	s.hasher = newHasher(cheap)
	return &bundle{s, t, tr}
}

// add adds somebody.
func (b *bundle) add(email, role string, teams ...string) Agent {
	b.t.Helper()
	p, err := b.Create(b.t.Context(), Command, Agent{Email: email, Role: role, Teams: teams, Capacity: 4})
	if err != nil {
		b.t.Fatal(err)
	}
	return p.Agent
}

// Passwords that are good enough, and one that is nobody's.
const (
	good  = "correct horse battery staple"
	other = "violet tram over the harbour"
	wrong = "not the password of anybody"
)

// withPassword adds somebody who has one.
func (b *bundle) withPassword(email, role, password string) Agent {
	b.t.Helper()
	a := b.add(email, role)
	if err := b.GivePassword(b.t.Context(), Command, a.ID, password); err != nil {
		b.t.Fatal(err)
	}
	return a
}

// issued returns a secret for somebody.
func (b *bundle) issued(a Agent, kind string) string {
	b.t.Helper()
	s, err := b.Issue(b.t.Context(), a.ID, kind)
	if err != nil {
		b.t.Fatal(err)
	}
	return s
}

func (b *bundle) exec(sql string, args ...any) {
	b.t.Helper()
	if _, err := b.pool.Exec(b.t.Context(), sql, args...); err != nil {
		b.t.Fatal(err)
	}
}

func value[T any](b *bundle, sql string, args ...any) T {
	b.t.Helper()
	var v T
	if err := b.pool.QueryRow(b.t.Context(), sql, args...).Scan(&v); err != nil {
		b.t.Fatalf("%s: %v", sql, err)
	}
	return v
}

// wait makes the throttle believe that time has passed.
func (b *bundle) wait(d time.Duration) {
	b.t.Helper()
	b.exec(`UPDATE sign_in_failures SET at = at - $1 * interval '1 second', blocked_until = blocked_until - $1 * interval '1 second'`, d.Seconds())
}

// wantCode fails the test unless err is a fault with the code; "" is no error.
func wantCode(t *testing.T, err error, code string) {
	t.Helper()
	var f *fault.Error
	switch {
	case code == "" && err != nil:
		t.Errorf("error %v", err)
	case code != "" && (!errors.As(err, &f) || f.Code != code):
		t.Errorf("error %v, want %s", err, code)
	}
}

// actions are the lines of the audit log about somebody, oldest first.
func (b *bundle) actions(a Agent) string {
	b.t.Helper()
	entries, _, err := b.Audit(b.t.Context(), AuditFilter{Subject: a.ID.String()})
	if err != nil {
		b.t.Fatal(err)
	}
	var out []string
	for _, e := range entries {
		out = append([]string{e.Action}, out...)
	}
	return strings.Join(out, " ")
}

// TestNothingSecretIsStored: whatever happened, the database holds no password, no secret and, outside the people's own
// row, no address.
func TestNothingSecretIsStored(t *testing.T) {
	b := setup(t)
	ctx := t.Context()
	a := b.withPassword("ada@larkpay.example", "agent", good)
	link := b.issued(a, "link")
	_, session, err := b.Redeem(ctx, link, Device{"Firefox on Linux", "192.0.2.7"})
	wantCode(t, err, "")
	_, second, err := b.PasswordSignIn(ctx, a.Email, good, Device{"Chrome on macOS", "192.0.2.8"})
	wantCode(t, err, "")
	_, _, err = b.PasswordSignIn(ctx, a.Email, wrong, Device{"", "192.0.2.8"})
	wantCode(t, err, "wrong_credentials")
	_, _, err = b.PasswordSignIn(ctx, "nobody@larkpay.example", wrong, Device{"", "192.0.2.8"})
	wantCode(t, err, "wrong_credentials")
	mail := "ada.new@larkpay.example"
	_, err = b.Update(ctx, Command, a.ID, Change{Email: &mail})
	wantCode(t, err, "")
	dump := ""
	for _, table := range []string{"agents", "credentials", "audit", "sign_in_failures", "identities", "oidc_logins"} {
		dump += table + value[string](b, fmt.Sprintf(`SELECT COALESCE(string_agg(x::text, E'\n'), '') FROM %s x`, table))
	}
	for _, secret := range []string{good, wrong, link, session, second, "nobody@"} {
		if strings.Contains(dump, secret) {
			t.Errorf("%q is in the database", secret)
		}
	}
	if n := strings.Count(dump, "ada.new@larkpay.example") + strings.Count(dump, "ada@larkpay.example"); n != 1 {
		t.Errorf("the address stands in %d places, want 1:\n%s", n, dump)
	}
	if !strings.Contains(dump, "$argon2id$v=19$m=64,t=1,p=1$") {
		t.Error("there is no argon2id hash")
	}
}
