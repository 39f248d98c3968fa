package stream

import (
	"encoding/binary"
	"errors"
	"time"

	"github.com/dray-fleet/dray/fleet"
)

// A frame is one message of the stream: a version byte, then records. A record
// is its flags (one byte), its receive time (unsigned varint, microseconds since
// 1970) and then fleet, subject, role, driver, node, topic and payload, each
// preceded by its length as an unsigned varint. A flag for each of the first six
// says that it is what it was in the record before, and left out. The end of the
// message ends the frame. Version 1 had flagDecoded alone.
const (
	frameVersion    = 2
	oldFrameVersion = 1
)

const (
	flagDecoded byte = 1 << iota
	flagSame         // and the five bits above it
)

const (
	maxFrameRecords = 4096
	maxFrameBytes   = 768 << 10 // a larger publication gets a frame of its own
)

// texts are the fields of a record that the next one most often has too, in the
// order of the frame.
type texts [6]string

func textsOf(p *fleet.Publication) texts {
	return texts{p.Fleet, p.Subject, string(p.Role), p.Driver, p.Node, p.Topic}
}

// A frame gathers records until it is published, with who waits for each.
type frame struct {
	buf     []byte
	last    texts
	waiters []waiter
}

type waiter struct {
	to    fleet.Acker
	token uint64
}

func (f *frame) reset() {
	f.buf = append(f.buf[:0], frameVersion)
	f.last = texts{}
	clear(f.waiters)
	f.waiters = f.waiters[:0]
}

// fits reports whether a record of at most size bytes still belongs in f.
func (f *frame) fits(size int) bool {
	return len(f.waiters) < maxFrameRecords && len(f.buf)+size <= maxFrameBytes
}

func (f *frame) add(p *fleet.Publication, to fleet.Acker, token uint64) {
	flags := byte(0)
	if p.Decoded {
		flags = flagDecoded
	}
	next := textsOf(p)
	for i := range next {
		if next[i] == f.last[i] {
			flags |= flagSame << i
		}
	}
	b := binary.AppendUvarint(append(f.buf, flags), uint64(max(p.ReceivedAt.UnixMicro(), 0)))
	for i, s := range next {
		if flags&(flagSame<<i) == 0 {
			b = binary.AppendUvarint(b, uint64(len(s)))
			b = append(b, s...)
		}
	}
	b = binary.AppendUvarint(b, uint64(len(p.Payload)))
	f.buf = append(b, p.Payload...)
	f.last = next
	f.waiters = append(f.waiters, waiter{to, token})
}

// recordSize is the most bytes that p takes in a frame.
func recordSize(p *fleet.Publication) int {
	const lengths = 1 + 8*binary.MaxVarintLen64
	return lengths + len(p.Fleet) + len(p.Subject) + len(p.Role) + len(p.Driver) + len(p.Node) + len(p.Topic) + len(p.Payload)
}

var (
	errVersion   = errors.New("frame of an unknown version")
	errTruncated = errors.New("frame is cut short")
	errRecords   = errors.New("frame holds more records than any writer puts in one")
)

// decodeFrame appends the records of message seq to dst. Their strings share one
// copy of it and their payloads are parts of it. With an error it appends none.
func decodeFrame(dst []Record, b []byte, seq uint64) ([]Record, error) {
	if len(b) == 0 || b[0] != frameVersion && b[0] != oldFrameVersion {
		return dst, errVersion
	}
	d := decoder{buf: b[1:], text: string(b[1:])}
	before := len(dst)
	var last texts
	for i := 0; d.at < len(d.buf); i++ {
		if i == maxFrameRecords {
			return dst[:before], errRecords
		}
		dst = append(dst, Record{Seq: seq, Index: i})
		r := &dst[len(dst)-1]
		flags := d.byte()
		r.Decoded = flags&flagDecoded != 0
		r.ReceivedAt = time.UnixMicro(int64(d.uvarint())).UTC()
		for i := range last {
			if flags&(flagSame<<i) == 0 {
				last[i] = d.str()
			}
		}
		r.Fleet, r.Subject, r.Role, r.Driver, r.Node, r.Topic = last[0], last[1], fleet.Role(last[2]), last[3], last[4], last[5]
		r.Payload = d.bytes()
		if d.bad {
			return dst[:before], errTruncated
		}
	}
	return dst, nil
}

type decoder struct {
	buf  []byte
	text string // the same bytes, so that fields need no copy each
	at   int
	bad  bool
}

func (d *decoder) byte() byte {
	if d.at == len(d.buf) {
		d.bad = true
		return 0
	}
	d.at++
	return d.buf[d.at-1]
}

func (d *decoder) uvarint() uint64 {
	v, n := binary.Uvarint(d.buf[d.at:])
	if n <= 0 {
		d.bad = true
		return 0
	}
	d.at += n
	return v
}

// field returns where the next field begins and ends.
func (d *decoder) field() (from, to int) {
	n := d.uvarint()
	if d.bad || n > uint64(len(d.buf)-d.at) {
		d.bad = true
		return d.at, d.at
	}
	from = d.at
	d.at += int(n)
	return from, d.at
}

func (d *decoder) str() string {
	from, to := d.field()
	return d.text[from:to]
}

func (d *decoder) bytes() []byte {
	from, to := d.field()
	return d.buf[from:to:to]
}
