package postgres

import (
	"context"
	"encoding/binary"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"
)

// newArray returns a buffer for an array of n elements of a type, of some bytes
// each, in the binary format of a parameter (PostgreSQL source, array_send):
// elements are written as COPY writes columns. Written by hand it takes a
// fraction of what pgx does for a slice.
func newArray(n int, oid uint32, size int) *copyBuffer {
	c := &copyBuffer{b: make([]byte, 0, 20+n*(4+size))}
	for _, v := range []uint32{1, 1, oid, uint32(n), 1} { // dimensions; nulls are possible; type; length; first index
		c.b = binary.BigEndian.AppendUint32(c.b, v)
	}
	return c
}

func int2Array(n int) *copyBuffer { return newArray(n, pgtype.Int2OID, 2) }
func int4Array(n int) *copyBuffer { return newArray(n, pgtype.Int4OID, 4) }
func int8Array(n int) *copyBuffer { return newArray(n, pgtype.Int8OID, 8) }
func timeArray(n int) *copyBuffer { return newArray(n, pgtype.TimestamptzOID, 8) }
func textArray(n int) *copyBuffer { return newArray(n, pgtype.TextOID, 8) }

// execArrays executes a statement whose parameters are all arrays. It is planned
// each time, for as many rows as there are.
func execArrays(ctx context.Context, tx pgx.Tx, sql string, arrays ...*copyBuffer) (pgconn.CommandTag, error) {
	values := make([][]byte, len(arrays))
	for i, a := range arrays {
		values[i] = a.b
	}
	return tx.Conn().PgConn().ExecParams(ctx, sql, values, nil, []int16{pgx.BinaryFormatCode}, nil).Close()
}
