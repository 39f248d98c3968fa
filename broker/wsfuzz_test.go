package broker

import (
	"bytes"
	"io"
	"net"
	"testing"
	"testing/iotest"
	"time"

	"github.com/dray-fleet/dray/broker/packet"
)

// heard is a connection whose peer has said all that it will say.
type heard struct {
	net.Conn
	io.Reader
	answers int
}

func (h *heard) Read(p []byte) (int, error)         { return h.Reader.Read(p) }
func (h *heard) Write(p []byte) (int, error)        { h.answers += len(p); return len(p), nil }
func (h *heard) SetWriteDeadline(_ time.Time) error { return nil }

// FuzzWebSocket has a peer say whatever it likes: how the bytes are cut into
// reads makes no difference to what is read, answers are no longer than what was
// said, and compressed messages no larger than allowed.
func FuzzWebSocket(f *testing.F) {
	hi := hello{id: "d1"}.frame(packet.V5)
	packed := deflate(bytes.Repeat([]byte("x"), 5000))
	for _, frames := range [][][]byte{
		{wsFrame(0x82, hi), wsFrame(0x82, pingreq)},
		{wsFrame(0x02, hi[:3]), wsFrame(0x89, []byte("are you there")), wsFrame(0x80, hi[3:])},
		{wsFrame(0xc2, packed), wsFrame(0x82, pingreq), wsFrame(0x88, []byte{3, 0xe8})},
		{wsFrame(0x42, packed[:10]), wsFrame(0x80, packed[10:])},
		{wsFrame(0x81, []byte("text"))},
		{{0x82, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}},
		{wsFrame(0x82, make([]byte, 70_000))},
	} {
		f.Add(bytes.Join(frames, nil), true)
		f.Add(bytes.Join(frames, nil), false)
	}
	f.Fuzz(func(t *testing.T, said []byte, compress bool) {
		read := func(r io.Reader) []byte {
			nc := &heard{Reader: r}
			got, _ := io.ReadAll(newWSConn(nc, nil, compress))
			if nc.answers > len(said) {
				t.Errorf("%d bytes of answers to %d", nc.answers, len(said))
			}
			return got
		}
		whole := read(bytes.NewReader(said))
		if bytewise := read(iotest.OneByteReader(bytes.NewReader(said))); !bytes.HasPrefix(bytewise, whole) {
			t.Errorf("read at once: %d bytes, byte by byte: %d", len(whole), len(bytewise))
		}
		if !compress && len(whole) > len(said) {
			t.Errorf("%d bytes are read of %d", len(whole), len(said))
		}
	})
}
