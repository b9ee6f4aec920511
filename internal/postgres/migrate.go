package postgres

import (
	"context"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"regexp"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/firstline/firstline/internal/fault"
)

// Migrations are applied in the order of their numbers, which count from 1 without gaps, each in one transaction of its
// own. A file that has been released is never edited again: a later file changes what it made.
//
//go:embed migrations/*.sql
var migrationFiles embed.FS

// migrationLock is the advisory lock that migrating programs take in turn; the number has no meaning ("frstline" in hex).
const migrationLock = 0x6672_7374_6c69_6e65

type migration struct {
	number   int
	name     string // the file's name without number and ending
	sql      string
	checksum string // SHA-256 of the file, in hex
}

var migrationName = regexp.MustCompile(`^(\d{4})_([a-z0-9_]+)\.sql$`)

// readMigrations returns the migrations of a directory in their order.
func readMigrations(fsys fs.FS, dir string) ([]migration, error) {
	entries, err := fs.ReadDir(fsys, dir) // sorted by name, so by number
	if err != nil {
		return nil, fmt.Errorf("postgres: migrations: %w", err)
	}
	var all []migration
	for _, e := range entries {
		m := migrationName.FindStringSubmatch(e.Name())
		if m == nil {
			return nil, fmt.Errorf("postgres: migration %s is not named like 0001_what_it_does.sql", e.Name())
		}
		number, err := strconv.Atoi(m[1])
		if err != nil {
			return nil, fmt.Errorf("postgres: migration %s: %w", e.Name(), err)
		}
		if number != len(all)+1 {
			return nil, fmt.Errorf("postgres: migration %s comes after number %d; numbers have no gaps and no doubles", e.Name(), len(all))
		}
		text, err := fs.ReadFile(fsys, dir+"/"+e.Name())
		if err != nil {
			return nil, fmt.Errorf("postgres: migration %s: %w", e.Name(), err)
		}
		sum := sha256.Sum256(text)
		all = append(all, migration{number, m[2], string(text), hex.EncodeToString(sum[:])})
	}
	return all, nil
}

// Migrate brings the database of url to the schema of this program. Several programs may call it at once; each file is
// applied once. It refuses, with a Conflict and without changing anything, a database that a newer program has migrated
// and one where an applied file differs from this program's file of the same number.
func Migrate(ctx context.Context, url string) error {
	all, err := readMigrations(migrationFiles, "migrations")
	if err != nil {
		return err
	}
	return migrate(ctx, url, all)
}

// MigrationsChecksum names the schema that Migrate leads to: 64 hex digits, another as soon as any file differs.
func MigrationsChecksum() (string, error) {
	all, err := readMigrations(migrationFiles, "migrations")
	if err != nil {
		return "", err
	}
	h := sha256.New()
	for _, m := range all {
		fmt.Fprintf(h, "%d %s %s\n", m.number, m.name, m.checksum)
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

func migrate(ctx context.Context, url string, all []migration) error {
	conn, err := connect(ctx, url)
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	for {
		done, err := migrateOne(ctx, conn, all)
		if done || err != nil {
			return err
		}
	}
}

// migrateOne applies the first missing migration and reports whether none was missing. The lock is held to the end of
// the transaction, and what is applied is read under it, so that two programs at work never apply the same file.
func migrateOne(ctx context.Context, conn *pgx.Conn, all []migration) (done bool, err error) {
	tx, err := conn.Begin(ctx)
	if err != nil {
		return false, fmt.Errorf("postgres: migrate: %w", err)
	}
	defer tx.Rollback(context.WithoutCancel(ctx))
	if _, err := tx.Exec(ctx, `SELECT pg_advisory_xact_lock($1)`, int64(migrationLock)); err != nil {
		return false, fmt.Errorf("postgres: migrate: lock: %w", err)
	}
	var exists bool
	if err := tx.QueryRow(ctx, `SELECT to_regclass('schema_migrations') IS NOT NULL`).Scan(&exists); err != nil {
		return false, fmt.Errorf("postgres: migrate: %w", err)
	}
	if !exists {
		_, err := tx.Exec(ctx, `
			CREATE TABLE schema_migrations (
				number     int PRIMARY KEY,
				name       text NOT NULL,
				checksum   text NOT NULL,
				applied_at timestamptz NOT NULL DEFAULT now()
			)`)
		if err != nil {
			return false, fmt.Errorf("postgres: migrate: table of migrations: %w", err)
		}
	}
	applied, err := appliedMigrations(ctx, tx)
	if err != nil {
		return false, err
	}
	if err := compareMigrations(all, applied); err != nil {
		return false, err
	}
	if len(applied) == len(all) {
		return true, tx.Commit(ctx)
	}
	next := all[len(applied)]
	// The simple protocol runs a text of several statements; it has no parameters, and needs none.
	if _, err := conn.PgConn().Exec(ctx, next.sql).ReadAll(); err != nil {
		return false, fmt.Errorf("postgres: migration %04d_%s.sql%s: %w", next.number, next.name, errorLine(next.sql, err), err)
	}
	_, err = tx.Exec(ctx, `INSERT INTO schema_migrations (number, name, checksum) VALUES ($1, $2, $3)`, next.number, next.name, next.checksum)
	if err != nil {
		return false, fmt.Errorf("postgres: migrate: %w", err)
	}
	if err := tx.Commit(ctx); err != nil {
		return false, fmt.Errorf("postgres: migration %04d_%s.sql: commit: %w", next.number, next.name, err)
	}
	return false, nil
}

func appliedMigrations(ctx context.Context, tx pgx.Tx) ([]migration, error) {
	rows, err := tx.Query(ctx, `SELECT number, name, checksum FROM schema_migrations ORDER BY number`)
	if err != nil {
		return nil, fmt.Errorf("postgres: migrate: %w", err)
	}
	applied, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (m migration, err error) {
		return m, row.Scan(&m.number, &m.name, &m.checksum)
	})
	if err != nil {
		return nil, fmt.Errorf("postgres: migrate: %w", err)
	}
	return applied, nil
}

// compareMigrations refuses a history that is not a beginning of the program's own.
func compareMigrations(all, applied []migration) error {
	if len(applied) > len(all) {
		last := applied[len(applied)-1]
		return fault.New(fault.Conflict, "database_newer",
			"The database was migrated to %04d_%s by a newer Firstline; this program knows only %d migrations. Install the newer program, or restore a backup of the older database.",
			last.number, last.name, len(all))
	}
	for i, have := range applied {
		want := all[i]
		if have.number != want.number || have.name != want.name || have.checksum != want.checksum {
			return fault.New(fault.Conflict, "migration_changed",
				"Migration %04d_%s was applied to this database with another content than this program has (%04d_%s). Use the program that made the database, or an empty database.",
				have.number, have.name, want.number, want.name)
		}
	}
	return nil
}

// errorLine says on which line of a migration PostgreSQL found the mistake, as far as it told.
func errorLine(sql string, err error) string {
	var pg *pgconn.PgError
	if !errors.As(err, &pg) || pg.Position < 1 {
		return ""
	}
	// PostgreSQL counts characters from one.
	before := []rune(sql)
	if n := int(pg.Position) - 1; n < len(before) {
		before = before[:n]
	}
	return fmt.Sprintf(" line %d", strings.Count(string(before), "\n")+1)
}

// Querier is what Version needs: a pool, a connection or a transaction.
type Querier interface {
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}

// Version returns how many migrations the database has had and how many this program knows. A database that was never
// migrated has had none.
func Version(ctx context.Context, db Querier) (applied, known int, err error) {
	all, err := readMigrations(migrationFiles, "migrations")
	if err != nil {
		return 0, 0, err
	}
	err = db.QueryRow(ctx, `SELECT count(*) FROM schema_migrations`).Scan(&applied)
	if sqlState(err) == stateUndefinedTable {
		return 0, len(all), nil
	}
	if err != nil {
		return 0, len(all), fmt.Errorf("postgres: version: %w", err)
	}
	return applied, len(all), nil
}
