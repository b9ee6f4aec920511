// Package pgtest gives every test a real PostgreSQL database of its own, with the program's schema. It is for tests
// alone: nothing that ships imports it. A test that cannot have its database fails; it is never skipped.
//
// The server is the one that FIRSTLINE_TEST_DATABASE_URL names (the role needs CREATEDB), else a private one that this
// test binary starts when the first test asks and that ends with it, even when it is killed.
package pgtest

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"net/url"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/firstline/firstline/internal/postgres"
)

// ServerVariable is the environment variable that names the server of tests.
const ServerVariable = "FIRSTLINE_TEST_DATABASE_URL"

const (
	poolSize       = 10
	databasePrefix = "firstline_test_"
	templatePrefix = "firstline_template_"

	// leftAfter is the age from which a database of an earlier test counts as left behind by a test that was killed.
	leftAfter = 6 * time.Hour

	// templateLock is the advisory lock under which test binaries make the template; the number has no meaning.
	templateLock = 0x6672_7374_7465_7374
)

// New returns a pool on a fresh database with all migrations applied. Pool and database go when the test ends.
func New(t testing.TB) *pgxpool.Pool {
	t.Helper()
	return Open(t, URL(t))
}

// URL returns the address of a fresh database with all migrations applied, which goes when the test ends. Two calls give
// two databases; for two pools on one, as of two replicas, hand one URL to Open twice.
func URL(t testing.TB) string {
	t.Helper()
	server, err := sharedServer()
	if err != nil {
		t.Fatalf("pgtest: no PostgreSQL to test with: %v", err)
	}
	template, err := sharedTemplate(server.URL)
	if err != nil {
		t.Fatalf("pgtest: template database: %v", err)
	}
	return fresh(t, server.URL, template)
}

// EmptyURL returns the address of a fresh database without any table, for tests of migrations.
func EmptyURL(t testing.TB) string {
	t.Helper()
	server, err := sharedServer()
	if err != nil {
		t.Fatalf("pgtest: no PostgreSQL to test with: %v", err)
	}
	return fresh(t, server.URL, "template0")
}

// Open returns a pool on a database of URL. It is closed when the test ends, before the database is dropped.
func Open(t testing.TB, url string) *pgxpool.Pool {
	t.Helper()
	pool, err := postgres.Open(context.Background(), url, poolSize)
	if err != nil {
		t.Fatalf("pgtest: %v", err)
	}
	t.Cleanup(pool.Close)
	return pool
}

func fresh(t testing.TB, server, template string) string {
	t.Helper()
	// The time in the name tells a later run what was left behind.
	name := databasePrefix + strconv.FormatInt(time.Now().Unix(), 16) + "_" + randomName()
	if err := admin(server, func(ctx context.Context, conn *pgx.Conn) error {
		// Copying files instead of logging pages needs two checkpoints, which cost nothing where nothing is synced.
		var fsync string
		if err := conn.QueryRow(ctx, `SHOW fsync`).Scan(&fsync); err != nil {
			return err
		}
		strategy := "WAL_LOG"
		if fsync == "off" {
			strategy = "FILE_COPY"
		}
		_, err := conn.Exec(ctx, `CREATE DATABASE `+name+` TEMPLATE `+template+` STRATEGY `+strategy)
		return err
	}); err != nil {
		t.Fatalf("pgtest: create database: %v", err)
	}
	t.Cleanup(func() {
		if err := admin(server, func(ctx context.Context, conn *pgx.Conn) error {
			_, err := conn.Exec(ctx, `DROP DATABASE IF EXISTS `+name+` WITH (FORCE)`)
			return err
		}); err != nil {
			t.Errorf("pgtest: drop database: %v", err)
		}
	})
	address, err := withDatabase(server, name)
	if err != nil {
		t.Fatalf("pgtest: %v", err)
	}
	return address
}

// Server starts a server of the test's own with a migrated database, as durable as in production, for tests that stop,
// restart or crash PostgreSQL. It goes when the test ends.
func Server(t testing.TB) *postgres.Local {
	t.Helper()
	dir, err := openDir(os.TempDir(), "server")
	if err != nil {
		t.Fatalf("pgtest: %v", err)
	}
	t.Cleanup(func() {
		if err := postgres.RemoveLocal(context.Background(), dir); err != nil {
			t.Errorf("pgtest: %v", err)
		}
	})
	l := start(t, dir)
	if err := postgres.Migrate(context.Background(), l.URL()); err != nil {
		t.Fatalf("pgtest: %v", err)
	}
	return l
}

// Restart stops a server of Server in an orderly way and starts it again at the same address.
func Restart(t testing.TB, l *postgres.Local) *postgres.Local {
	t.Helper()
	if err := l.Stop(context.Background()); err != nil {
		t.Fatalf("pgtest: %v", err)
	}
	return start(t, l.Dir())
}

// Crash ends a server of Server without its final checkpoint, as a power cut would but for the disk's cache, and starts
// it again at the same address; it repairs itself from its log.
func Crash(t testing.TB, l *postgres.Local) *postgres.Local {
	t.Helper()
	atOnce, cancel := context.WithCancel(context.Background())
	cancel()
	if err := l.Stop(atOnce); err != nil {
		t.Fatalf("pgtest: %v", err)
	}
	return start(t, l.Dir())
}

func start(t testing.TB, dir string) *postgres.Local {
	t.Helper()
	l, err := postgres.StartLocal(context.Background(), postgres.LocalConfig{Dir: dir, Progress: func(line string) { t.Log(line) }})
	if err != nil {
		t.Fatalf("pgtest: %v", err)
	}
	t.Cleanup(func() {
		if err := l.Stop(context.Background()); err != nil {
			t.Errorf("pgtest: %v", err)
		}
	})
	return l
}

// sharedServer is the server for all tests of this binary. What is remembered here keeps a private one running.
var sharedServer = sync.OnceValues(func() (*TestServer, error) {
	if given := os.Getenv(ServerVariable); given != "" {
		return &TestServer{URL: given}, nil
	}
	return StartServer()
})

var (
	templateOnce sync.Once
	templateName string
	templateErr  error
)

// sharedTemplate makes the migrated database that others are copied from, once for each server and state of migrations.
func sharedTemplate(server string) (string, error) {
	templateOnce.Do(func() { templateName, templateErr = makeTemplate(server) })
	return templateName, templateErr
}

func makeTemplate(server string) (string, error) {
	sum, err := postgres.MigrationsChecksum()
	if err != nil {
		return "", err
	}
	name := templatePrefix + sum[:16]
	return name, admin(server, func(ctx context.Context, conn *pgx.Conn) error {
		// Held to the end of this connection; test binaries that run at the same time wait here.
		if _, err := conn.Exec(ctx, `SELECT pg_advisory_lock($1)`, int64(templateLock)); err != nil {
			return err
		}
		if err := dropLeft(ctx, conn); err != nil {
			return err
		}
		// Whether it is marked as a template says that it is complete: the mark is set last.
		var complete bool
		if err := conn.QueryRow(ctx, `SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1 AND datistemplate)`, name).Scan(&complete); err != nil || complete {
			return err
		}
		if _, err := conn.Exec(ctx, `DROP DATABASE IF EXISTS `+name+` WITH (FORCE)`); err != nil {
			return err
		}
		if _, err := conn.Exec(ctx, `CREATE DATABASE `+name+` TEMPLATE template0`); err != nil {
			return err
		}
		address, err := withDatabase(server, name)
		if err != nil {
			return err
		}
		if err := postgres.Migrate(ctx, address); err != nil {
			return err
		}
		_, err = conn.Exec(ctx, `ALTER DATABASE `+name+` WITH IS_TEMPLATE true ALLOW_CONNECTIONS false`)
		return err
	})
}

// dropLeft drops what tests left behind that were killed long ago.
func dropLeft(ctx context.Context, conn *pgx.Conn) error {
	rows, err := conn.Query(ctx, `SELECT datname FROM pg_database WHERE starts_with(datname, $1)`, databasePrefix)
	if err != nil {
		return err
	}
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return err
	}
	for _, name := range names {
		stamp, _, _ := strings.Cut(strings.TrimPrefix(name, databasePrefix), "_")
		seconds, err := strconv.ParseInt(stamp, 16, 64)
		if err != nil || time.Since(time.Unix(seconds, 0)) < leftAfter {
			continue
		}
		if _, err := conn.Exec(ctx, `DROP DATABASE IF EXISTS `+pgx.Identifier{name}.Sanitize()+` WITH (FORCE)`); err != nil {
			return err
		}
	}
	return nil
}

// admin does something on the server's own database. It has a minute, so that a broken server fails a test and does not
// hang it.
func admin(server string, do func(ctx context.Context, conn *pgx.Conn) error) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	conn, err := pgx.Connect(ctx, server)
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	return do(ctx, conn)
}

// withDatabase is the same server's address with another database.
func withDatabase(server, name string) (string, error) {
	u, err := url.Parse(server)
	if err != nil {
		return "", fmt.Errorf("%s is not a URL", ServerVariable) // the parser's error would print the password
	}
	u.Path = "/" + name
	return u.String(), nil
}

func randomName() string {
	var b [6]byte
	_, _ = rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}
