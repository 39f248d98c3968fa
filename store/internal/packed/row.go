// Package packed keeps a driver's closed hours as one compressed block each, a
// tenth of the size of plain rows, and reads plain rows and blocks as one
// history. A row may be in both at once: it is shown once.
package packed

import (
	"cmp"
	"math"
	"slices"
	"time"

	"github.com/dray-fleet/dray/fleet"
	"github.com/dray-fleet/dray/store/internal/column"
)

// Hour is the span of a block, in microseconds.
const Hour = int64(time.Hour / time.Microsecond)

// MaxRows bounds a block. An hour with more stays plain rows, so that nobody has
// to hold it in memory.
const MaxRows = 50_000

// None is an absent measurement or time.
const None = math.MinInt64

// A Row is a position as the databases keep it: scaled integers (package
// column), microseconds since 1970, and None for what is absent.
type Row struct {
	At, Source, Seq              int64 // the key; Seq is -1 when not numbered
	SentAt, ReceivedAt, StoredAt int64
	Lat, Lon                     int64
	Accuracy, Altitude, Speed    int64
	Heading, Battery             int64
	Cause                        string
	Ext                          []byte
}

// A Key is the place of a row in its driver's history.
type Key struct{ At, Source, Seq int64 }

// Key returns r's.
func (r *Row) Key() Key { return Key{r.At, r.Source, r.Seq} }

// Compare orders keys.
func (k Key) Compare(o Key) int {
	return cmp.Or(cmp.Compare(k.At, o.At), cmp.Compare(k.Source, o.Source), cmp.Compare(k.Seq, o.Seq))
}

// A Name is who reported a row.
type Name struct{ Source, Boot string }

// Position returns r as everybody else knows it, without fleet and driver.
func (r *Row) Position(by Name) fleet.Position {
	p := fleet.Position{ReceivedAt: time.UnixMicro(r.ReceivedAt).UTC(), Fix: fleet.Fix{
		FixAt: time.UnixMicro(r.At).UTC(), Lat: column.Degree.Float(int32(r.Lat)), Lon: column.Degree.Float(int32(r.Lon)),
		Accuracy: measured(column.Accuracy, r.Accuracy), Altitude: measured(column.Altitude, r.Altitude), Speed: measured(column.Speed, r.Speed),
		Heading: measured(column.Heading, r.Heading), Battery: measured(column.Battery, r.Battery),
		Boot: by.Boot, Source: by.Source, Trigger: r.Cause, Ext: r.Ext,
	}}
	if r.SentAt != None {
		p.SentAt = time.UnixMicro(r.SentAt).UTC()
	}
	if r.Seq >= 0 {
		p.Seq, p.HasSeq = r.Seq, true
	}
	return p
}

func measured(s column.Scale, v int64) fleet.Opt {
	if v == None {
		return fleet.Opt{}
	}
	return fleet.Some(s.Float(int32(v)))
}

// Merge returns the rows of both lists in order, each once. Both are in order;
// of a row in both it keeps that of a.
func Merge(a, b []Row) []Row {
	if len(b) == 0 {
		return a
	}
	if len(a) == 0 {
		return b
	}
	rows := make([]Row, 0, len(a)+len(b))
	for len(a) > 0 && len(b) > 0 {
		switch c := a[0].Key().Compare(b[0].Key()); {
		case c < 0:
			rows, a = append(rows, a[0]), a[1:]
		case c > 0:
			rows, b = append(rows, b[0]), b[1:]
		default:
			rows, a, b = append(rows, a[0]), a[1:], b[1:]
		}
	}
	return append(append(rows, a...), b...)
}

// Between returns the rows of an ordered list with after < key <= last.
func Between(rows []Row, after, last Key) []Row {
	from, found := slices.BinarySearchFunc(rows, after, func(r Row, k Key) int { return r.Key().Compare(k) })
	if found {
		from++
	}
	to, found := slices.BinarySearchFunc(rows, last, func(r Row, k Key) int { return r.Key().Compare(k) })
	if found {
		to++
	}
	return rows[from:max(from, to)]
}

// HourOf returns the start of the hour of a time.
func HourOf(at int64) int64 {
	h := at / Hour * Hour
	if h > at {
		h -= Hour // before 1970
	}
	return h
}

// Hours splits an ordered list by hour.
func Hours(rows []Row) [][]Row {
	var hours [][]Row
	for len(rows) > 0 {
		end := HourOf(rows[0].At) + Hour
		n, _ := slices.BinarySearchFunc(rows, end, func(r Row, t int64) int { return cmp.Compare(r.At, t) })
		hours, rows = append(hours, rows[:n]), rows[n:]
	}
	return hours
}
