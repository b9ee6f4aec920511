package postgres_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/firstline/firstline/internal/postgres/pgtest"
)

// Ids go to the database and back in every shape that statements use, and NULL leaves what was there.
func TestUUIDs(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	pool := pgtest.Open(t, pgtest.URL(t))
	a, b := uuid.New(), uuid.New()
	var none *uuid.UUID
	var back, kept uuid.UUID
	var pointer, nothing *uuid.UUID
	var list []uuid.UUID
	var text string
	kept = b
	nothing = &b
	if err := pool.QueryRow(ctx, `SELECT $1::uuid, $2::uuid, $3::uuid, $4::uuid[], $1::uuid::text, $3::uuid`, a, &b, none, []uuid.UUID{a, b}).
		Scan(&back, &pointer, &nothing, &list, &text, &kept); err != nil {
		t.Fatal(err)
	}
	if back != a || pointer == nil || *pointer != b || nothing != nil || kept != b || text != a.String() || len(list) != 2 || list[0] != a || list[1] != b {
		t.Errorf("%v %v %v %v %s %v", back, pointer, nothing, list, text, kept)
	}
	var s string
	if err := pool.QueryRow(ctx, `SELECT $1::uuid`, a.String()).Scan(&s); err != nil || s != a.String() {
		t.Errorf("as text: %q, %v", s, err)
	}
	conn, err := pool.Acquire(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Release()
	for _, value := range []any{a, &a} {
		if plan := fmt.Sprintf("%T", conn.Conn().TypeMap().PlanEncode(pgtype.UUIDOID, pgtype.BinaryFormatCode, value)); !strings.HasPrefix(plan, "postgres.encodeUUID") {
			t.Errorf("%T is written by %s: the long way", value, plan)
		}
	}
	if plan := fmt.Sprintf("%T", conn.Conn().TypeMap().PlanScan(pgtype.UUIDOID, pgtype.BinaryFormatCode, &a)); plan != "postgres.scanUUID" {
		t.Errorf("an id is read by %s: the long way", plan)
	}
}
