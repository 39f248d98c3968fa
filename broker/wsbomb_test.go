package broker

import (
	"bytes"
	"encoding/binary"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/dray-fleet/dray/broker/packet"
)

// A hundred compressed messages may come with one read, and each become a
// thousand times as large: one at a time is held.
func TestWebSocketInflatesOneMessageAtATime(t *testing.T) {
	const size = 1 << 20
	one := wsFrame(0xc2, deflated(t, make([]byte, size)))
	c := newWSConn(&heard{Reader: bytes.NewReader(bytes.Repeat(one, 100))}, nil, true)
	c.greeted(size / 4)
	p := make([]byte, 128<<10)
	for read := 0; read < 100*size; {
		n, err := c.Read(p)
		if err != nil {
			t.Fatalf("after %d bytes: %v", read, err)
		}
		read += n
		if len(c.ready) > size || len(c.raw) > len(p) {
			t.Fatalf("after %d bytes %d inflated and %d raw ones are held", read, len(c.ready), len(c.raw))
		}
	}
	if n, err := c.Read(p); n != 0 || err != io.EOF || c.ready != nil {
		t.Errorf("at the end: %d bytes, %v, and %d held", n, err, cap(c.ready))
	}
}

// Nobody has said yet who it is: what a CONNECT cannot need is not inflated.
func TestWebSocketStrangersInflateLittle(t *testing.T) {
	s := start(t)
	large := bytes.Repeat(pingreq, connectSize/2+1)
	w := s.dialRaw(deflateExtension, nil)
	w.send(wsFrame(0xc2, deflated(t, large)))
	_ = w.nc.SetReadDeadline(time.Now().Add(patience))
	rest, err := io.ReadAll(w.r)
	if want := binary.BigEndian.AppendUint16([]byte{0x88, 2}, 1009); err != nil && isTimeout(err) || !bytes.Equal(rest, want) {
		t.Errorf("a stranger's large message: % x %v, want a close with 1009", rest, err)
	}

	known := s.dialRaw(deflateExtension, nil)
	connect := hello{id: "d1", password: s.driver("d1"), keepAlive: 60}.frame(packet.V5)
	publish := publishFrame(packet.V5, d1+"location", "["+fix(1)+strings.Repeat(","+fix(2), 100)+strings.Repeat(" ", 2*connectSize)+"]", 1, 1)
	known.send(wsFrame(0xc2, deflated(t, connect)), wsFrame(0xc2, deflated(t, publish))) // without waiting for the CONNACK
	known.wsRead()
	if first, p := known.wsRead(); first != 0x82 || p[0]>>4 != packet.TypePuback {
		t.Errorf("the answer to a known client's: %#x % x", first, p)
	}
}
