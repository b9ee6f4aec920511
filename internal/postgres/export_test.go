package postgres

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"testing"
)

// KnownMigrations is how many migrations this program has.
func KnownMigrations(t *testing.T) int {
	t.Helper()
	all, err := readMigrations(migrationFiles, "migrations")
	if err != nil {
		t.Fatal(err)
	}
	return len(all)
}

// MigrateTo applies the first n migrations, as an earlier program did.
func MigrateTo(ctx context.Context, url string, n int) error {
	all, err := readMigrations(migrationFiles, "migrations")
	if err != nil {
		return err
	}
	return migrate(ctx, url, all[:n])
}

// MigrateWith applies migrations with the given texts, named one, two, three.
func MigrateWith(ctx context.Context, url string, texts ...string) error {
	var all []migration
	for i, text := range texts {
		sum := sha256.Sum256([]byte(text))
		all = append(all, migration{i + 1, []string{"one", "two", "three"}[i], text, hex.EncodeToString(sum[:])})
	}
	return migrate(ctx, url, all)
}
