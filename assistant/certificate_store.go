package assistant

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// DB is what a certificate is kept in: a pool or a transaction.
type DB interface {
	Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error)
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}

// SaveCertificate keeps a certificate; the former ones stay for the record.
func SaveCertificate(ctx context.Context, db DB, c *Certificate) error {
	_, err := db.Exec(ctx, `INSERT INTO certificates (made_at, data) VALUES ($1, $2)`, c.Made, c)
	return err
}

// LatestCertificate returns the newest certificate, or nil where there is none.
func LatestCertificate(ctx context.Context, db DB) (*Certificate, error) {
	var c Certificate
	err := db.QueryRow(ctx, `SELECT data FROM certificates ORDER BY id DESC LIMIT 1`).Scan(&c)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return &c, nil
}
