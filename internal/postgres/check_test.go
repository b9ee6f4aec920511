package postgres

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/firstline/firstline/internal/fault"
)

// secret is a password that no error may show.
const secret = "s3cret-horse"

func TestCheckMalformedURL(t *testing.T) {
	for url, words := range map[string]string{
		"": "is empty",
		"postgres://u:" + secret + "%zz@localhost/db":          "percent-encoded",
		"postgres://u:" + secret + "/x@localhost/db":           "percent-encoded",
		"postgres://u:" + secret + "@localhost:54a/db":         "port",
		"postgres://u:" + secret + "@localhost/db?sslmode=yes": "sslmode",
		"mysql://u:" + secret + "@localhost/db":                "postgres://user:password@host",
	} {
		_, openErr := Open(context.Background(), url, 1)
		for name, err := range map[string]error{"Check": Check(context.Background(), url), "Open": openErr} {
			var f *fault.Error
			if !errors.As(err, &f) || f.Kind != fault.Invalid || f.Field != "DATABASE_URL" || !strings.Contains(f.Public, words) {
				t.Errorf("%s(%q) = %v, want an Invalid fault with %q", name, url, err, words)
			}
			if strings.Contains(err.Error(), "s3cret") {
				t.Errorf("%s shows the password: %v", name, err)
			}
		}
	}
}

func TestCheckUnreachable(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	l.Close()
	err = Check(timeout(t), "postgres://u:"+secret+"@"+addr+"/db")
	wantFault(t, err, fault.Unavailable, "database_unreachable", addr)
	if strings.Contains(err.Error(), secret) {
		t.Errorf("the password is shown: %v", err)
	}
}

func TestCheckVersions(t *testing.T) {
	for _, c := range []struct {
		name, number, offered, installed, code string
	}{
		{"good", "150018", "0.8.0", "", ""},
		{"installed already", "170002", "0.8.0", "0.7.4", ""},
		{"installed but not on the list", "160000", "", "0.7.0", ""},
		{"old server", "140012", "0.8.0", "0.8.0", "database_too_old"},
		{"no pgvector", "150018", "", "", "pgvector_missing"},
		{"old pgvector", "150018", "0.6.2", "", "pgvector_too_old"},
		{"old pgvector in use, newer there", "150018", "0.8.0", "0.5.1", "pgvector_too_old"},
		{"old pgvector in use", "150018", "0.6.0", "0.6.0", "pgvector_too_old"},
		{"a later major", "150018", "1.0.0", "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := checkVersions("db:5432", c.number, "x.y", c.offered, c.installed)
			if c.code == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			wantFault(t, err, fault.Unavailable, c.code, "db:5432")
		})
	}
}

// TestCheckServer asks a server that wants passwords from the roles of this test.
func TestCheckServer(t *testing.T) {
	l := startLocal(t, dataDir(t))
	for _, sql := range []string{
		`CREATE ROLE plain LOGIN PASSWORD '` + secret + `'`,
		`CREATE ROLE shut NOLOGIN`,
		`CREATE DATABASE bare`,
		`CREATE DATABASE ready`,
	} {
		execSQL(t, l.URL(), sql)
	}
	execSQL(t, socketURL(l.socketDir, "ready"), `CREATE EXTENSION vector`)
	as := func(user, database string) string {
		return strings.Replace(socketURL(l.socketDir, database), "firstline@", user+":"+secret+"@", 1)
	}
	if err := Check(timeout(t), l.URL()); err != nil {
		t.Errorf("a good database: %v", err)
	}
	var left bool
	ctx := timeout(t)
	conn, err := pgx.Connect(ctx, l.URL())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(ctx)
	if err := conn.QueryRow(ctx, `SELECT EXISTS (SELECT FROM pg_extension WHERE extname = 'vector') OR to_regclass('firstline_check') IS NOT NULL`).Scan(&left); err != nil || left {
		t.Errorf("Check left something behind (%v, %v)", left, err)
	}
	for _, c := range []struct {
		name, url, code, words string
	}{
		{"no database", as("firstline", "nowhere"), "database_missing", `"nowhere"`},
		{"role may not log in", as("shut", "firstline"), "database_access", `"shut"`},
		{"no right to tables", as("plain", "ready"), "database_rights", "GRANT CREATE ON SCHEMA public"},
		{"no right to the extension", as("plain", "bare"), "database_rights", "CREATE EXTENSION vector"},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := Check(timeout(t), c.url)
			wantFault(t, err, fault.Unavailable, c.code, c.words)
			if strings.Contains(err.Error(), secret) {
				t.Errorf("the password is shown: %v", err)
			}
		})
	}
}

func TestExplainServerErrors(t *testing.T) {
	l := startLocal(t, dataDir(t))
	// A password is wrong only where one is asked for.
	execSQL(t, l.URL(), `CREATE ROLE plain LOGIN PASSWORD 'another'`)
	execSQL(t, l.URL(), `COPY (SELECT 'local all plain scram-sha-256' UNION ALL SELECT 'local all all trust') TO PROGRAM 'cat > pg_hba.conf'`)
	execSQL(t, l.URL(), `SELECT pg_reload_conf()`)
	url := strings.Replace(l.URL(), "firstline@", "plain:"+secret+"@", 1)
	var err error
	for range 200 { // the server reads its new rules a moment later
		if err = Check(timeout(t), url); fault.Is(err, fault.Unavailable) && strings.Contains(err.Error(), "password") {
			break
		}
	}
	wantFault(t, err, fault.Unavailable, "database_password", `"plain"`)
	if strings.Contains(err.Error(), secret) {
		t.Errorf("the password is shown: %v", err)
	}
	if _, err := Open(timeout(t), url, 1); !fault.Is(err, fault.Unavailable) {
		t.Errorf("Open: %v", err)
	}
	if _, err := Open(timeout(t), l.URL(), 1); !fault.Is(err, fault.Conflict) || !strings.Contains(err.Error(), "firstline migrate") {
		t.Errorf("Open of a database without migrations: %v", err)
	}
}
