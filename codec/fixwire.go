package codec

import (
	"encoding/binary"
	"errors"
	"math"
	"time"

	"github.com/dray-fleet/dray/fleet"
)

// Fixes that have been decoded once travel through the durable stream in this
// form, so that nobody decodes their JSON again: a count, then each fix as a
// bit mask of what is present (uvarint), fix time (varint, microseconds since
// 1970), latitude and longitude (8 bytes each, IEEE 754), and what the mask
// says, in the order of its bits. Strings follow their length as uvarint.

// What the mask of a fix says is present.
const (
	wireSentAt = 1 << iota
	wireAccuracy
	wireAltitude
	wireSpeed
	wireHeading
	wireBattery
	wireBoot
	wireSeq
	wireSource
	wireTrigger
	wireExt
	wireAll = 1<<iota - 1
)

var errWire = errors.New("codec: fixes are cut short or malformed")

// AppendFixes appends the binary form of valid fixes to dst. Times are kept to
// the microsecond.
func AppendFixes(dst []byte, fixes []fleet.Fix) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(fixes)))
	for i := range fixes {
		dst = appendFix(dst, &fixes[i])
	}
	return dst
}

func appendFix(dst []byte, f *fleet.Fix) []byte {
	opts := [...]*fleet.Opt{&f.Accuracy, &f.Altitude, &f.Speed, &f.Heading, &f.Battery}
	texts := [...]string{f.Source, f.Trigger, string(f.Ext)}
	mask := uint64(0)
	if !f.SentAt.IsZero() {
		mask |= wireSentAt
	}
	for i, o := range opts {
		if o.OK {
			mask |= wireAccuracy << i
		}
	}
	if f.Boot != "" {
		mask |= wireBoot
	}
	if f.HasSeq {
		mask |= wireSeq
	}
	for i, s := range texts {
		if s != "" {
			mask |= wireSource << i
		}
	}
	dst = binary.AppendUvarint(dst, mask)
	dst = binary.AppendVarint(dst, f.FixAt.UnixMicro())
	dst = binary.LittleEndian.AppendUint64(dst, math.Float64bits(f.Lat))
	dst = binary.LittleEndian.AppendUint64(dst, math.Float64bits(f.Lon))
	if mask&wireSentAt != 0 {
		dst = binary.AppendVarint(dst, f.SentAt.UnixMicro())
	}
	for _, o := range opts {
		if o.OK {
			dst = binary.LittleEndian.AppendUint64(dst, math.Float64bits(o.V))
		}
	}
	if f.Boot != "" {
		dst = append(binary.AppendUvarint(dst, uint64(len(f.Boot))), f.Boot...)
	}
	if f.HasSeq {
		dst = binary.AppendVarint(dst, f.Seq)
	}
	for _, s := range texts {
		if s != "" {
			dst = append(binary.AppendUvarint(dst, uint64(len(s))), s...)
		}
	}
	return dst
}

// Fixes reads what AppendFixes wrote. What it returns shares no memory with b.
func Fixes(b []byte) ([]fleet.Fix, error) {
	r := wireReader{b: b}
	n := r.uvarint()
	if r.bad || n > uint64(len(b)) { // a fix takes more than a byte
		return nil, errWire
	}
	fixes := make([]fleet.Fix, n)
	for i := range fixes {
		r.fix(&fixes[i])
	}
	if r.bad || len(r.b) > 0 {
		return nil, errWire
	}
	return fixes, nil
}

type wireReader struct {
	b   []byte
	bad bool
}

func (r *wireReader) fix(f *fleet.Fix) {
	mask := r.uvarint()
	if mask > wireAll {
		r.bad = true
	}
	f.FixAt = r.time()
	f.Lat, f.Lon = r.float(), r.float()
	if mask&wireSentAt != 0 {
		f.SentAt = r.time()
	}
	for i, o := range [...]*fleet.Opt{&f.Accuracy, &f.Altitude, &f.Speed, &f.Heading, &f.Battery} {
		if mask&(wireAccuracy<<i) != 0 {
			*o = fleet.Some(r.float())
		}
	}
	if mask&wireBoot != 0 {
		f.Boot = string(r.text())
	}
	if mask&wireSeq != 0 {
		f.Seq, f.HasSeq = r.varint(), true
	}
	if mask&wireSource != 0 {
		f.Source = string(r.text())
	}
	if mask&wireTrigger != 0 {
		f.Trigger = string(r.text())
	}
	if mask&wireExt != 0 {
		f.Ext = append([]byte(nil), r.text()...)
	}
}

func (r *wireReader) time() time.Time { return time.UnixMicro(r.varint()).UTC() }

func (r *wireReader) float() float64 {
	if len(r.b) < 8 {
		r.bad, r.b = true, nil
		return 0
	}
	v := math.Float64frombits(binary.LittleEndian.Uint64(r.b))
	r.b = r.b[8:]
	return v
}

func (r *wireReader) uvarint() uint64 {
	v, n := binary.Uvarint(r.b)
	if n <= 0 {
		r.bad, r.b = true, nil
		return 0
	}
	r.b = r.b[n:]
	return v
}

func (r *wireReader) varint() int64 {
	v, n := binary.Varint(r.b)
	if n <= 0 {
		r.bad, r.b = true, nil
		return 0
	}
	r.b = r.b[n:]
	return v
}

func (r *wireReader) text() []byte {
	n := r.uvarint()
	if n > uint64(len(r.b)) {
		r.bad, r.b = true, nil
		return nil
	}
	s := r.b[:n]
	r.b = r.b[n:]
	return s
}
