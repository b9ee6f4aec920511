package postgres

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/firstline/firstline/internal/fault"
)

// The oldest releases that Firstline works with. PostgreSQL 15 has MERGE and NULLS NOT DISTINCT; pgvector 0.7 has the
// halfvec type that embeddings are stored in.
const (
	minServer      = 15
	minVectorMajor = 0
	minVectorMinor = 7
)

// Check says what is wrong with the database of a URL, before anything is written to it: nil when it can be used, else a
// fault whose public sentence names the remedy. It never prints the password. It changes nothing: what it tries, it
// rolls back.
func Check(ctx context.Context, url string) error {
	conn, err := connect(ctx, url)
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	at := address(conn.Config())

	var number, release, offered, installed string
	err = conn.QueryRow(ctx, `
		SELECT current_setting('server_version_num'), current_setting('server_version'),
		       COALESCE((SELECT default_version FROM pg_available_extensions WHERE name = 'vector'), ''),
		       COALESCE((SELECT extversion FROM pg_extension WHERE extname = 'vector'), '')`).
		Scan(&number, &release, &offered, &installed)
	if err != nil {
		return fmt.Errorf("postgres: check: %w", err)
	}
	if err := checkVersions(at, number, release, offered, installed); err != nil {
		return err
	}
	return checkRights(ctx, conn, at)
}

// checkVersions judges what a server says about itself: its number as in 150018, its release in words, the version of
// pgvector on its disk and the one in this database, both empty when there is none.
func checkVersions(at, number, release, offered, installed string) error {
	if n, err := strconv.Atoi(number); err != nil || n/10000 < minServer {
		return fault.New(fault.Unavailable, "database_too_old", "PostgreSQL at %s is release %s; Firstline needs %d or newer.", at, release, minServer)
	}
	switch {
	case installed == "" && offered == "":
		return fault.New(fault.Unavailable, "pgvector_missing",
			"PostgreSQL at %s has no pgvector; install it on the server (package postgresql-NN-pgvector, or the provider's list of extensions).", at)
	case installed == "" && !vectorNewEnough(offered):
		return fault.New(fault.Unavailable, "pgvector_too_old",
			"PostgreSQL at %s has pgvector %s; Firstline needs %d.%d or newer on the server.", at, offered, minVectorMajor, minVectorMinor)
	case installed != "" && !vectorNewEnough(installed) && vectorNewEnough(offered):
		return fault.New(fault.Unavailable, "pgvector_too_old",
			"The database at %s uses pgvector %s although %s is installed; run in it: ALTER EXTENSION vector UPDATE.", at, installed, offered)
	case installed != "" && !vectorNewEnough(installed):
		return fault.New(fault.Unavailable, "pgvector_too_old",
			"The database at %s uses pgvector %s; Firstline needs %d.%d or newer on the server, then ALTER EXTENSION vector UPDATE.",
			at, installed, minVectorMajor, minVectorMinor)
	}
	return nil
}

func vectorNewEnough(version string) bool {
	parts := strings.SplitN(version, ".", 3)
	if len(parts) < 2 {
		return false
	}
	major, err1 := strconv.Atoi(parts[0])
	minor, err2 := strconv.Atoi(parts[1])
	if err1 != nil || err2 != nil {
		return false
	}
	return major > minVectorMajor || major == minVectorMajor && minor >= minVectorMinor
}

// checkRights tries what migrations do and takes it back. Asking the catalogue instead would have to repeat the server's
// rules for trusted extensions, schemas and replicas.
func checkRights(ctx context.Context, conn *pgx.Conn, at string) error {
	tx, err := conn.Begin(ctx)
	if err != nil {
		return fmt.Errorf("postgres: check: %w", err)
	}
	defer tx.Rollback(context.WithoutCancel(ctx))
	user, database := conn.Config().User, conn.Config().Database
	wrap := func(err error, code, format string, args ...any) error {
		f := fault.New(fault.Unavailable, code, format, args...)
		f.Err = err
		return f
	}
	if _, err := tx.Exec(ctx, `CREATE EXTENSION IF NOT EXISTS vector`); err != nil {
		switch sqlState(err) {
		case stateNoPrivilege:
			return wrap(err, "database_rights", "User %q may not install pgvector in database %q at %s; "+
				"an administrator runs in it, once: CREATE EXTENSION vector.", user, database, at)
		case stateReadOnly:
			return wrap(err, "database_read_only", "PostgreSQL at %s is a read-only replica; set DATABASE_URL to the primary.", at)
		case stateUndefinedFile, stateFeatureUnsupported:
			return wrap(err, "pgvector_missing", "PostgreSQL at %s lists pgvector but cannot load it; install it again for this release.", at)
		}
		return fmt.Errorf("postgres: check: extension: %w", err)
	}
	if _, err := tx.Exec(ctx, `CREATE TABLE firstline_check ()`); err != nil {
		switch sqlState(err) {
		case stateNoPrivilege:
			return wrap(err, "database_rights", "User %q may not create tables in database %q at %s; "+
				"an administrator runs in it: GRANT CREATE ON SCHEMA public TO %q.", user, database, at, user)
		case stateReadOnly:
			return wrap(err, "database_read_only", "PostgreSQL at %s is a read-only replica; set DATABASE_URL to the primary.", at)
		case stateDiskFull:
			return wrap(err, "database_disk_full", "The disk of PostgreSQL at %s is full.", at)
		}
		return fmt.Errorf("postgres: check: table: %w", err)
	}
	return nil
}

// sqlState returns the SQLSTATE of the server's error in err's chain, or "".
func sqlState(err error) string {
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return pg.Code
	}
	return ""
}
