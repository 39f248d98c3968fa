package broker

import (
	"sync"

	"github.com/dray-fleet/dray/broker/packet"
)

// An inbound cuts what a client sends into frames. An idle connection holds a
// few hundred bytes; one that has much to say borrows a larger buffer for as
// long as it does.
type inbound struct {
	buf        []byte
	start, end int
	last       int  // bytes of the last read
	hungry     bool // the last read took all the room there was
	small      [idleBuffer]byte
}

const (
	idleBuffer = 512
	busyBuffer = 16 << 10
)

var busyBuffers = sync.Pool{New: func() any { b := make([]byte, busyBuffer); return &b }}

// frame returns the next frame, reading with fill until it is whole. It is
// valid until the next call. A frame larger than most is refused by its header.
func (in *inbound) frame(most int, fill func([]byte) (int, error)) ([]byte, error) {
	for {
		n, need, err := packet.Split(in.buf[in.start:in.end], most)
		if err != nil {
			return nil, err
		}
		if n > 0 {
			frame := in.buf[in.start : in.start+n]
			in.start += n
			return frame, nil
		}
		in.room(need)
		space := in.buf[in.end:]
		read, err := fill(space)
		in.end += read
		in.last, in.hungry = read, read == len(space)
		if err != nil && read == 0 {
			return nil, err
		}
	}
}

// ahead reads until fill fails or there is no more room. The last frame stays
// valid.
func (in *inbound) ahead(fill func([]byte) (int, error)) error {
	for in.end < len(in.buf) {
		n, err := fill(in.buf[in.end:])
		in.end += n
		if err != nil {
			return err
		}
	}
	return nil
}

// room makes space for a frame of need bytes, as far as known, and for at least
// one more byte. It grows with what has come, not with what was announced.
func (in *inbound) room(need int) {
	have := in.end - in.start
	need = max(need, have+1)
	size := len(in.buf)
	switch {
	case need > busyBuffer:
		size = max(size, min(need, max(busyBuffer, 2*have)))
	case need > idleBuffer || in.hungry:
		size = max(size, busyBuffer)
	case have == 0 && in.last < idleBuffer || size == 0:
		size = idleBuffer // what a large buffer was borrowed for is over
	}
	if have == 0 && need <= busyBuffer {
		size = min(size, busyBuffer)
	}
	if size == len(in.buf) {
		if in.start > 0 {
			in.start, in.end = 0, copy(in.buf, in.buf[in.start:in.end])
		}
		return
	}
	var next []byte
	switch size {
	case idleBuffer:
		next = in.small[:]
	case busyBuffer:
		next = *busyBuffers.Get().(*[]byte)
	default:
		next = make([]byte, size)
	}
	n := copy(next, in.buf[in.start:in.end])
	in.release()
	in.buf, in.start, in.end = next, 0, n
}

// rest tells that the client is expected to be silent for a while.
func (in *inbound) rest() { in.last, in.hungry = 0, false }

// release gives a borrowed buffer back.
func (in *inbound) release() {
	if len(in.buf) == busyBuffer {
		b := in.buf
		busyBuffers.Put(&b)
	}
	in.buf = nil
}
