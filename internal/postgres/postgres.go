// Package postgres is Firstline's way to PostgreSQL: it opens pools, brings a database to the program's schema, says in
// plain words what is wrong with a database that was given, and runs a private server when none was. It knows nothing of
// what is stored: every other package writes its own SQL.
package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/firstline/firstline/internal/fault"
)

// Limits that a connection gets unless its URL sets them. A chat turn's statements take milliseconds; what takes longer
// than these is stuck, and holding on would only take connections away from others. Work that is known to be long, such
// as an import that builds an index, raises its own limit with SET LOCAL.
const (
	connectTimeout    = 5 * time.Second
	statementTimeout  = 30 * time.Second
	idleInTransaction = 60 * time.Second
)

// Open returns a pool of at most maxConns connections to a migrated database and has checked that one of them works.
// Every connection understands pgvector's types, and calls itself firstline to the server. Errors are faults: Invalid
// when the URL is malformed, Unavailable when the server cannot be used, Conflict when the database was never migrated.
func Open(ctx context.Context, url string, maxConns int) (*pgxpool.Pool, error) {
	if err := notEmpty(url); err != nil {
		return nil, err
	}
	cfg, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, malformed(err)
	}
	if maxConns < 1 {
		return nil, fmt.Errorf("postgres: a pool of %d connections", maxConns)
	}
	cfg.MaxConns = int32(maxConns)
	cfg.MaxConnLifetimeJitter = cfg.MaxConnLifetime / 10 // so that they do not all end in the same moment
	limits(cfg.ConnConfig)
	cfg.AfterConnect = registerTypes

	pool, err := pgxpool.NewWithConfig(ctx, cfg)
	if err != nil {
		return nil, fmt.Errorf("postgres: pool: %w", err)
	}
	if err := pool.Ping(ctx); err != nil {
		pool.Close()
		if probe := ping(ctx, cfg.ConnConfig); probe != nil {
			return nil, explain(cfg.ConnConfig, probe)
		}
		// A plain connection works, so what failed is the registration of types that migrations bring.
		return nil, fault.Wrap(err, fault.Conflict, "database_not_migrated",
			"The database has not been set up for Firstline yet; run `firstline migrate` with the same DATABASE_URL.")
	}
	return pool, nil
}

// limits sets what the URL left open.
func limits(cfg *pgx.ConnConfig) {
	if cfg.ConnectTimeout == 0 || cfg.ConnectTimeout > time.Minute { // pgx's own default is two minutes
		cfg.ConnectTimeout = connectTimeout
	}
	setDefault := func(name, value string) {
		if _, ok := cfg.RuntimeParams[name]; !ok {
			cfg.RuntimeParams[name] = value
		}
	}
	setDefault("application_name", "firstline")
	setDefault("statement_timeout", milliseconds(statementTimeout))
	setDefault("idle_in_transaction_session_timeout", milliseconds(idleInTransaction))
}

func milliseconds(d time.Duration) string { return fmt.Sprint(d.Milliseconds()) }

// connect opens one plain connection, for work that comes before there are types to register.
func connect(ctx context.Context, url string) (*pgx.Conn, error) {
	if err := notEmpty(url); err != nil {
		return nil, err
	}
	cfg, err := pgx.ParseConfig(url)
	if err != nil {
		return nil, malformed(err)
	}
	if cfg.ConnectTimeout == 0 || cfg.ConnectTimeout > time.Minute {
		cfg.ConnectTimeout = connectTimeout
	}
	if _, ok := cfg.RuntimeParams["application_name"]; !ok {
		cfg.RuntimeParams["application_name"] = "firstline"
	}
	conn, err := pgx.ConnectConfig(ctx, cfg)
	if err != nil {
		return nil, explain(cfg, err)
	}
	return conn, nil
}

func ping(ctx context.Context, cfg *pgx.ConnConfig) error {
	conn, err := pgx.ConnectConfig(ctx, cfg.Copy())
	if err != nil {
		return err
	}
	return errors.Join(conn.Ping(ctx), conn.Close(ctx))
}
