package postgres

import (
	"context"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
	pgvector "github.com/pgvector/pgvector-go/pgx"
)

// registerTypes teaches a connection pgvector's types, and uuid.UUID as the sixteen bytes that it is. By themselves pgx and
// the package uuid meet as text, which is written, parsed and thrown away for every id of every statement.
func registerTypes(ctx context.Context, conn *pgx.Conn) error {
	if err := pgvector.RegisterTypes(ctx, conn); err != nil {
		return err
	}
	m := conn.TypeMap()
	t := &pgtype.Type{Name: "uuid", OID: pgtype.UUIDOID, Codec: uuidCodec{}}
	m.RegisterType(t)
	m.RegisterType(&pgtype.Type{Name: "_uuid", OID: pgtype.UUIDArrayOID, Codec: &pgtype.ArrayCodec{ElementType: t}})
	return nil
}

// uuidCodec is pgx's own, with a short way for uuid.UUID in the binary format.
type uuidCodec struct{ pgtype.UUIDCodec }

// PlanEncode implements pgtype.Codec.
func (c uuidCodec) PlanEncode(m *pgtype.Map, oid uint32, format int16, value any) pgtype.EncodePlan {
	if format == pgtype.BinaryFormatCode {
		switch value.(type) {
		case uuid.UUID:
			return encodeUUID{}
		case *uuid.UUID:
			return encodeUUIDPointer{}
		}
	}
	return c.UUIDCodec.PlanEncode(m, oid, format, value)
}

// PlanScan implements pgtype.Codec.
func (c uuidCodec) PlanScan(m *pgtype.Map, oid uint32, format int16, target any) pgtype.ScanPlan {
	if _, ok := target.(*uuid.UUID); ok && format == pgtype.BinaryFormatCode {
		return scanUUID{}
	}
	return c.UUIDCodec.PlanScan(m, oid, format, target)
}

type encodeUUID struct{}

// Encode implements pgtype.EncodePlan.
func (encodeUUID) Encode(value any, buf []byte) ([]byte, error) {
	id := value.(uuid.UUID)
	return append(buf, id[:]...), nil
}

type encodeUUIDPointer struct{}

// Encode implements pgtype.EncodePlan.
func (encodeUUIDPointer) Encode(value any, buf []byte) ([]byte, error) {
	id := value.(*uuid.UUID)
	if id == nil {
		return nil, nil
	}
	return append(buf, id[:]...), nil
}

type scanUUID struct{}

// Scan implements pgtype.ScanPlan. As with uuid.UUID's own Scan, NULL leaves the target as it was.
func (scanUUID) Scan(src []byte, target any) error {
	if src == nil {
		return nil
	}
	id, err := uuid.FromBytes(src)
	if err == nil {
		*target.(*uuid.UUID) = id
	}
	return err
}
