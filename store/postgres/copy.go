package postgres

import (
	"encoding/binary"
	"io"
	"time"

	"github.com/dray-fleet/dray/fleet"
	"github.com/dray-fleet/dray/store/internal/batch"
	"github.com/dray-fleet/dray/store/internal/column"
)

// A copyBuffer holds rows in COPY's binary format (PostgreSQL manual, COPY,
// "Binary Format"). Written by hand it takes a quarter of pgx's CopyFrom.
type copyBuffer struct{ b []byte }

func newCopy(rows, size int) *copyBuffer {
	c := &copyBuffer{b: make([]byte, 0, 32+rows*size)}
	c.b = append(c.b, "PGCOPY\n\xff\r\n\x00"...)
	c.b = append(c.b, 0, 0, 0, 0, 0, 0, 0, 0) // flags; length of the header's extension
	return c
}

func (c *copyBuffer) row(columns int16) { c.b = binary.BigEndian.AppendUint16(c.b, uint16(columns)) }
func (c *copyBuffer) null()             { c.b = append(c.b, 0xff, 0xff, 0xff, 0xff) }
func (c *copyBuffer) int2(v int16) {
	c.b = binary.BigEndian.AppendUint16(append(c.b, 0, 0, 0, 2), uint16(v))
}
func (c *copyBuffer) int4(v int32) {
	c.b = binary.BigEndian.AppendUint32(append(c.b, 0, 0, 0, 4), uint32(v))
}
func (c *copyBuffer) int8(v int64) {
	c.b = binary.BigEndian.AppendUint64(append(c.b, 0, 0, 0, 8), uint64(v))
}
func (c *copyBuffer) end() []byte { return append(c.b, 0xff, 0xff) }

func (c *copyBuffer) text(s string) {
	c.b = append(binary.BigEndian.AppendUint32(c.b, uint32(len(s))), s...)
}

// opt4 appends a measurement as int4.
func (c *copyBuffer) opt4(s column.Scale, o fleet.Opt) {
	if o.OK {
		c.int4(s.Int(o.V))
	} else {
		c.null()
	}
}

func (c *copyBuffer) heading(o fleet.Opt) {
	if o.OK {
		c.int4(column.HeadingInt(o.V))
	} else {
		c.null()
	}
}

func (c *copyBuffer) battery(o fleet.Opt) {
	if o.OK {
		c.int2(int16(column.Battery.Int(o.V)))
	} else {
		c.null()
	}
}

// epoch is 2000-01-01, from which timestamptz counts microseconds.
const epoch = 946_684_800_000_000

func (c *copyBuffer) time(us int64) { c.int8(us - epoch) }

const positionColumns = `fix_at, seq, sent_at, received_at, stored_at, driver_id, source_id, lat, lon, accuracy, altitude, speed, heading, battery, cause, ext`

// A rowsReader gives rows as COPY of positionColumns. They are encoded as they
// are sent, while the server takes in those before.
type rowsReader struct {
	rows   []batch.Row
	now    time.Time
	buf    *copyBuffer
	unread []byte // of buf
	ended  bool
}

// rowsEncoded is how many rows a rowsReader encodes at once.
const rowsEncoded = 400

func newRowsReader(rows []batch.Row, now time.Time) *rowsReader {
	buf := newCopy(min(rowsEncoded, len(rows)), 160)
	return &rowsReader{rows: rows, now: now, buf: buf, unread: buf.b}
}

func (r *rowsReader) Read(p []byte) (int, error) {
	if len(r.unread) == 0 && !r.ended {
		r.encode()
	}
	if len(r.unread) == 0 {
		return 0, io.EOF
	}
	n := copy(p, r.unread)
	r.unread = r.unread[n:]
	return n, nil
}

func (r *rowsReader) encode() {
	r.buf.b = r.buf.b[:0]
	next := r.rows[:min(rowsEncoded, len(r.rows))]
	for i := range next {
		r.buf.position(&next[i], r.now)
	}
	r.rows = r.rows[len(next):]
	if r.ended = len(r.rows) == 0; r.ended {
		r.buf.b = r.buf.end()
	}
	r.unread = r.buf.b
}

// position appends r as positionColumns.
func (c *copyBuffer) position(r *batch.Row, now time.Time) {
	c.row(16)
	c.time(r.At)
	c.int8(r.Seq)
	if r.SentAt.IsZero() {
		c.null()
	} else {
		c.time(r.SentAt.UnixMicro())
	}
	c.time(r.ReceivedAt.UnixMicro())
	c.time(now.UnixMicro())
	c.int4(int32(r.Driver))
	c.int4(int32(r.Source))
	c.measured(r.Position)
	if r.Trigger == "" {
		c.null()
	} else {
		c.text(r.Trigger)
	}
	if r.Ext == nil {
		c.null()
	} else {
		c.text(string(r.Ext))
	}
}

// measured appends lat, lon, accuracy, altitude, speed, heading and battery.
func (c *copyBuffer) measured(p *fleet.Position) {
	c.int4(column.Degree.Int(p.Lat))
	c.int4(column.Degree.Int(p.Lon))
	c.opt4(column.Accuracy, p.Accuracy)
	c.opt4(column.Altitude, p.Altitude)
	c.opt4(column.Speed, p.Speed)
	c.heading(p.Heading)
	c.battery(p.Battery)
}
