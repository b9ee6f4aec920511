package postgres_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
	"github.com/pgvector/pgvector-go"

	"github.com/firstline/firstline/internal/fault"
	"github.com/firstline/firstline/internal/postgres"
	"github.com/firstline/firstline/internal/postgres/pgtest"
)

func within(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	t.Cleanup(cancel)
	return ctx
}

func plain(t *testing.T, url string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(within(t), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(context.Background()) })
	return conn
}

func mustExec(t *testing.T, conn *pgx.Conn, sql string, args ...any) {
	t.Helper()
	if _, err := conn.Exec(within(t), sql, args...); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}

// schema describes everything that migrations make, so that two ways to the same place can be compared.
func schema(t *testing.T, conn *pgx.Conn) []string {
	t.Helper()
	rows, err := conn.Query(within(t), `
		SELECT format('column %s.%s %s null=%s default=%s', table_name, column_name, udt_name, is_nullable, column_default)
		  FROM information_schema.columns WHERE table_schema = 'public'
		UNION ALL SELECT 'index ' || indexdef FROM pg_indexes WHERE schemaname = 'public'
		UNION ALL SELECT format('constraint %s %s', conrelid::regclass, pg_get_constraintdef(oid)) FROM pg_constraint WHERE connamespace = 'public'::regnamespace
		ORDER BY 1`)
	if err != nil {
		t.Fatal(err)
	}
	lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	return lines
}

func TestMigrateFromEveryEarlierState(t *testing.T) {
	want := schema(t, plain(t, pgtest.URL(t)))
	if len(want) == 0 {
		t.Fatal("the migrated schema is empty")
	}
	known := postgres.KnownMigrations(t)
	for from := range known {
		t.Run(fmt.Sprintf("from %d of %d", from, known), func(t *testing.T) {
			url := pgtest.EmptyURL(t)
			if err := postgres.MigrateTo(within(t), url, from); err != nil {
				t.Fatal(err)
			}
			conn := plain(t, url)
			if applied, n, err := postgres.Version(within(t), conn); applied != from || n != known || err != nil {
				t.Fatalf("Version = %d, %d, %v; want %d, %d", applied, n, err, from, known)
			}
			for range 2 { // the second time finds nothing to do
				if err := postgres.Migrate(within(t), url); err != nil {
					t.Fatal(err)
				}
			}
			if applied, _, err := postgres.Version(within(t), conn); applied != known || err != nil {
				t.Errorf("Version = %d, %v; want %d", applied, err, known)
			}
			if diff := cmp.Diff(want, schema(t, conn)); diff != "" {
				t.Errorf("the schema differs from a fresh one (-fresh +upgraded):\n%s", diff)
			}
		})
	}
}

func TestMigrateAtOnce(t *testing.T) {
	url := pgtest.EmptyURL(t)
	var wg sync.WaitGroup
	for range 5 {
		wg.Go(func() {
			if err := postgres.Migrate(within(t), url); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if applied, known, err := postgres.Version(within(t), plain(t, url)); applied != known || err != nil {
		t.Errorf("Version = %d of %d, %v", applied, known, err)
	}
}

func TestMigrateRefusesAnotherHistory(t *testing.T) {
	for name, c := range map[string]struct{ sql, code string }{
		"an applied file was edited":  {`UPDATE schema_migrations SET checksum = 'other' WHERE number = 1`, "migration_changed"},
		"an applied file was renamed": {`UPDATE schema_migrations SET name = 'other' WHERE number = 1`, "migration_changed"},
		"a newer program was here":    {`INSERT INTO schema_migrations (number, name, checksum) SELECT max(number) + 1, 'future', '' FROM schema_migrations`, "database_newer"},
	} {
		t.Run(name, func(t *testing.T) {
			url := pgtest.URL(t)
			conn := plain(t, url)
			mustExec(t, conn, c.sql)
			before := schema(t, conn)
			err := postgres.Migrate(within(t), url)
			f, ok := err.(*fault.Error)
			if !ok || f.Kind != fault.Conflict || f.Code != c.code {
				t.Errorf("got %v, want a conflict with code %s", err, c.code)
			}
			if diff := cmp.Diff(before, schema(t, conn)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestMigrateFailureLeavesNothing(t *testing.T) {
	url := pgtest.EmptyURL(t)
	err := postgres.MigrateWith(within(t), url,
		"CREATE TABLE first ();",
		"CREATE TABLE second ();\n\n  CREATE TABEL third ();")
	if err == nil {
		t.Fatal("a faulty migration was applied")
	}
	if want := "0002_two.sql line 3"; !strings.Contains(err.Error(), want) {
		t.Errorf("%q does not name %q", err, want)
	}
	conn := plain(t, url)
	var first, second bool
	if err := conn.QueryRow(within(t), `SELECT to_regclass('first') IS NOT NULL, to_regclass('second') IS NOT NULL`).Scan(&first, &second); err != nil {
		t.Fatal(err)
	}
	if !first || second {
		t.Errorf("tables: first %v, second %v; want the good migration and nothing of the faulty one", first, second)
	}
	// The mistake is mended, and the work goes on where it stopped.
	if err := postgres.MigrateWith(within(t), url, "CREATE TABLE first ();", "CREATE TABLE second ();"); err != nil {
		t.Error(err)
	}
}

func TestOpen(t *testing.T) {
	pool, err := postgres.Open(within(t), pgtest.URL(t), 3)
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	if got := pool.Config().MaxConns; got != 3 {
		t.Errorf("MaxConns = %d, want 3", got)
	}
	var name, statement, idle string
	var half pgvector.HalfVector
	err = pool.QueryRow(within(t), `
		SELECT current_setting('application_name'), current_setting('statement_timeout'),
		       current_setting('idle_in_transaction_session_timeout'), $1::halfvec`, pgvector.NewHalfVector([]float32{1, 0.5})).
		Scan(&name, &statement, &idle, &half)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"firstline", "30s", "1min"}, []string{name, statement, idle}); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]float32{1, 0.5}, half.Slice()); diff != "" {
		t.Errorf("halfvec there and back:\n%s", diff)
	}
}

func TestOpenKeepsWhatTheURLSets(t *testing.T) {
	pool, err := postgres.Open(within(t), pgtest.URL(t)+"&application_name=other&statement_timeout=1234", 1)
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	var name, statement string
	if err := pool.QueryRow(within(t), `SELECT current_setting('application_name'), current_setting('statement_timeout')`).Scan(&name, &statement); err != nil {
		t.Fatal(err)
	}
	if name != "other" || statement != "1234ms" {
		t.Errorf("got %s and %s", name, statement)
	}
}
