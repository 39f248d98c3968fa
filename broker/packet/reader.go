package packet

import "encoding/binary"

// reader takes the fields of a packet's body one after the other. Once a field
// runs past the end, short is set and everything from there on is zero, so that a
// caller may read several fields and ask once.
type reader struct {
	b     []byte
	short bool
}

func (r *reader) take(n int) []byte {
	if n > len(r.b) {
		r.b, r.short = nil, true
		return nil
	}
	field := r.b[:n:n]
	r.b = r.b[n:]
	return field
}

func (r *reader) byte() byte {
	if f := r.take(1); f != nil {
		return f[0]
	}
	return 0
}

func (r *reader) uint16() uint16 {
	if f := r.take(2); f != nil {
		return binary.BigEndian.Uint16(f)
	}
	return 0
}

func (r *reader) uint32() uint32 {
	if f := r.take(4); f != nil {
		return binary.BigEndian.Uint32(f)
	}
	return 0
}

// binary takes a field that its length of two bytes precedes (sections 1.5.4 and 1.5.6).
func (r *reader) binary() []byte { return r.take(int(r.uint16())) }

// varint takes a variable byte integer. An overlong form counts as short: both
// are malformed (section 1.5.5).
func (r *reader) varint() uint32 {
	v, w := varint(r.b)
	if w <= 0 || w > 1 && r.b[w-1] == 0 {
		r.b, r.short = nil, true
		return 0
	}
	r.b = r.b[w:]
	return v
}

// properties takes the properties of an MQTT 5 packet: their length, and that many bytes.
func (r *reader) properties() []byte { return r.take(int(r.varint())) }

// done returns an error when a field was cut off, or when bytes are left over.
func (r *reader) done() error {
	switch {
	case r.short:
		return errShort
	case len(r.b) > 0:
		return malformed("bytes after the end of the packet")
	}
	return nil
}

var errShort = malformed("packet ends inside a field")
