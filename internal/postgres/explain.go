package postgres

import (
	"context"
	"errors"
	"net"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/firstline/firstline/internal/fault"
)

// SQLSTATEs of https://www.postgresql.org/docs/current/errcodes-appendix.html that this package tells apart.
const (
	stateInvalidPassword    = "28P01"
	stateInvalidAuth        = "28000"
	stateNoDatabase         = "3D000"
	stateTooManyConnections = "53300"
	stateDiskFull           = "53100"
	stateCannotConnectNow   = "57P03"
	stateNoPrivilege        = "42501"
	stateReadOnly           = "25006"
	stateUndefinedFile      = "58P01"
	stateFeatureUnsupported = "0A000"
	stateUndefinedTable     = "42P01"
)

// notEmpty refuses the empty URL, which pgx would take for the server of the environment's PGHOST or of a default socket.
func notEmpty(url string) error {
	if strings.TrimSpace(url) == "" {
		return fault.Field("DATABASE_URL", "database_url_invalid", "is empty; %s.", urlShape)
	}
	return nil
}

const urlShape = "expected postgres://user:password@host:5432/database"

// malformed explains a URL that cannot be parsed. The cause is left out of the error on purpose: parsers quote what they
// could not read, and that may be the password.
func malformed(err error) error {
	msg := err.Error()
	msg = msg[strings.LastIndex(msg, "`")+1:] // what comes after the URL itself
	switch {
	case strings.Contains(msg, "percent-encoded"):
		return fault.Field("DATABASE_URL", "database_url_invalid",
			"has a character that must be percent-encoded (often in the password: %% is %%25, / is %%2F, @ is %%40); %s.", urlShape)
	case strings.Contains(msg, "invalid port"):
		return fault.Field("DATABASE_URL", "database_url_invalid",
			"has a port that is not a number (or a password with a : or / that must be percent-encoded); %s.", urlShape)
	case strings.Contains(msg, "sslmode"):
		return fault.Field("DATABASE_URL", "database_url_invalid",
			"has an unknown sslmode; expected disable, prefer, require, verify-ca or verify-full.")
	default:
		return fault.Field("DATABASE_URL", "database_url_invalid", "cannot be read; %s.", urlShape)
	}
}

// explain turns a failed connection attempt into a fault with the remedy. pgx names user, host and database in its
// errors but never the password.
func explain(cfg *pgx.ConnConfig, err error) error {
	at := address(cfg)
	unavailable := func(code, format string, args ...any) error {
		f := fault.New(fault.Unavailable, code, format, args...)
		f.Err = err
		return f
	}
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		switch pg.Code {
		case stateInvalidPassword:
			return unavailable("database_password", "PostgreSQL at %s refuses the password of user %q; correct DATABASE_URL.", at, cfg.User)
		case stateInvalidAuth:
			return unavailable("database_access", "PostgreSQL at %s does not let user %q in from here; "+
				"check that the role exists and may log in, the server's pg_hba.conf, and whether it asks for sslmode=require.", at, cfg.User)
		case stateNoDatabase:
			return unavailable("database_missing", "PostgreSQL at %s has no database %q; create it with: createdb %s.", at, cfg.Database, cfg.Database)
		case stateTooManyConnections:
			return unavailable("database_full", "PostgreSQL at %s has no connection left; raise its max_connections or use fewer.", at)
		case stateCannotConnectNow:
			return unavailable("database_starting", "PostgreSQL at %s is starting or stopping; try again in a moment.", at)
		}
		return unavailable("database_refused", "PostgreSQL at %s refuses the connection (%s).", at, pg.Code)
	}
	var dns *net.DNSError
	switch {
	case errors.As(err, &dns):
		return unavailable("database_unreachable", "The host %q of DATABASE_URL is not known; correct the name.", cfg.Host)
	case strings.Contains(err.Error(), "server refused TLS"):
		return unavailable("database_tls", "PostgreSQL at %s speaks no TLS; add sslmode=disable to DATABASE_URL if the network is private.", at)
	case strings.Contains(err.Error(), "tls:") || strings.Contains(err.Error(), "x509:"):
		return unavailable("database_tls", "The certificate of PostgreSQL at %s is not trusted; set sslrootcert in DATABASE_URL to its authority's file.", at)
	case errors.Is(err, context.Canceled):
		return err
	}
	return unavailable("database_unreachable", "PostgreSQL at %s does not answer; check that it runs, the host and port of DATABASE_URL, and the network between.", at)
}

// address names the server without credentials.
func address(cfg *pgx.ConnConfig) string {
	network, addr := pgconn.NetworkAddress(cfg.Host, cfg.Port)
	if network == "unix" {
		return "the socket " + addr
	}
	return addr
}
