package packed

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"github.com/klauspost/compress/zstd"
)

// The format of a block: a version byte, then zstd over the number of rows and
// one column after the other. A column of numbers is a unit, by which all can be
// divided, and zigzag varints of what differs from a guess: that the vehicle goes on
// as before (times and places), or that nothing changes (measurements, where 0
// stands for absent). Received and sent times count from the fix time, the
// stored time in whole seconds from the received one.
const version = 1

// maxBody bounds what a block may unpack to: no writer makes more.
const maxBody = 256 << 20

// Both are safe for use at once by their EncodeAll and DecodeAll.
var (
	encoder, _ = zstd.NewWriter(nil, zstd.WithEncoderConcurrency(2), zstd.WithEncoderLevel(zstd.SpeedBetterCompression), zstd.WithEncoderCRC(true), zstd.WithSingleSegment(true))
	decoder, _ = zstd.NewReader(nil, zstd.WithDecoderConcurrency(2), zstd.WithDecoderMaxMemory(maxBody))
)

var errBroken = errors.New("packed history is broken")

const secondUS = 1_000_000

// A guess says what the next value of a column is likely to be.
type guess int

const (
	same   guess = iota // the last one
	onward              // as far from the last as that from the one before
)

// columns are those of numbers, in the order of the format.
var columns = []struct {
	guess    guess
	optional bool
	get      func(*Row) int64
	set      func(*Row, int64)
}{
	{onward, false, func(r *Row) int64 { return r.At }, func(r *Row, v int64) { r.At = v }},
	{same, false, func(r *Row) int64 { return r.Source }, func(r *Row, v int64) { r.Source = v }},
	{onward, false, func(r *Row) int64 { return r.Seq }, func(r *Row, v int64) { r.Seq = v }},
	{same, false, func(r *Row) int64 { return r.ReceivedAt - r.At }, func(r *Row, v int64) { r.ReceivedAt = r.At + v }},
	{same, true, func(r *Row) int64 { return less(r.SentAt, r.At) }, func(r *Row, v int64) { r.SentAt = less(v, -r.At) }},
	{same, false, func(r *Row) int64 { return r.StoredAt/secondUS - r.ReceivedAt/secondUS },
		func(r *Row, v int64) { r.StoredAt = (r.ReceivedAt/secondUS + v) * secondUS }},
	{onward, false, func(r *Row) int64 { return r.Lat }, func(r *Row, v int64) { r.Lat = v }},
	{onward, false, func(r *Row) int64 { return r.Lon }, func(r *Row, v int64) { r.Lon = v }},
	{same, true, func(r *Row) int64 { return r.Accuracy }, func(r *Row, v int64) { r.Accuracy = v }},
	{same, true, func(r *Row) int64 { return r.Altitude }, func(r *Row, v int64) { r.Altitude = v }},
	{same, true, func(r *Row) int64 { return r.Speed }, func(r *Row, v int64) { r.Speed = v }},
	{same, true, func(r *Row) int64 { return r.Heading }, func(r *Row, v int64) { r.Heading = v }},
	{same, true, func(r *Row) int64 { return r.Battery }, func(r *Row, v int64) { r.Battery = v }},
}

// less returns v - by, None when v is.
func less(v, by int64) int64 {
	if v == None {
		return None
	}
	return v - by
}

// Encode returns rows, which are in the order of their keys, as a block.
func Encode(rows []Row) []byte {
	b := binary.AppendUvarint(nil, uint64(len(rows)))
	values := make([]int64, len(rows))
	for _, c := range columns {
		for i := range rows {
			values[i] = c.get(&rows[i])
		}
		b = appendColumn(b, values, c.guess, c.optional)
	}
	for i := range rows {
		b = appendText(b, rows[i].Cause)
	}
	for i := range rows {
		b = appendText(b, string(rows[i].Ext))
	}
	return encoder.EncodeAll(b, []byte{version})
}

// Decode is the inverse of Encode.
func Decode(block []byte) ([]Row, error) {
	if len(block) == 0 || block[0] != version {
		return nil, fmt.Errorf("%w: unknown version", errBroken)
	}
	b, err := decoder.DecodeAll(block[1:], nil)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errBroken, err)
	}
	r := reader{b: b}
	n := r.uvarint()
	if n > uint64(len(b)/len(columns)) { // a row takes at least a byte in each
		return nil, errBroken
	}
	rows := make([]Row, n)
	for _, c := range columns {
		r.column(rows, c.guess, c.optional, c.set)
	}
	for i := range rows {
		rows[i].Cause = string(r.text())
	}
	for i := range rows {
		if ext := r.text(); len(ext) > 0 {
			rows[i].Ext = ext
		}
	}
	if r.bad || len(r.b) > 0 {
		return nil, errBroken
	}
	return rows, nil
}

func appendColumn(b []byte, values []int64, g guess, optional bool) []byte {
	unit := unitOf(values)
	b = binary.AppendUvarint(b, uint64(unit))
	var last, step int64
	for _, v := range values {
		if v == None {
			b = append(b, 0)
			continue
		}
		v /= unit
		diff := v - last - step
		if g == onward {
			step = v - last
		}
		last = v
		z := uint64(diff<<1) ^ uint64(diff>>63)
		if optional {
			z++
		}
		b = binary.AppendUvarint(b, z)
	}
	return b
}

// unitOf returns the largest number that divides all: devices seldom count
// microseconds or centidegrees.
func unitOf(values []int64) int64 {
	var unit int64
	for _, v := range values {
		for v != 0 && v != None {
			unit, v = v, unit%v // Euclid
		}
		if unit == 1 || unit == -1 {
			break
		}
	}
	return max(unit, -unit, 1)
}

func appendText(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

// A reader takes a body apart; bad is set at the first thing that is not right.
type reader struct {
	b   []byte
	bad bool
}

func (r *reader) uvarint() uint64 {
	v, n := binary.Uvarint(r.b)
	if n <= 0 {
		r.bad, r.b = true, nil
		return 0
	}
	r.b = r.b[n:]
	return v
}

func (r *reader) text() []byte {
	n := r.uvarint()
	if n > uint64(len(r.b)) {
		r.bad, r.b = true, nil
		return nil
	}
	s := r.b[:n:n]
	r.b = r.b[n:]
	return s
}

func (r *reader) column(rows []Row, g guess, optional bool, set func(*Row, int64)) {
	unit := int64(min(r.uvarint(), math.MaxInt64))
	var last, step int64
	for i := range rows {
		z := r.uvarint()
		if optional {
			if z == 0 {
				set(&rows[i], None)
				continue
			}
			z--
		}
		v := last + step + (int64(z>>1) ^ -int64(z&1))
		if g == onward {
			step = v - last
		}
		last = v
		set(&rows[i], v*unit)
	}
}
