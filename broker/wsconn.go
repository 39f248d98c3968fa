package broker

import (
	"cmp"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"sync"
	"time"

	"github.com/gobwas/ws"
)

// A wsConn carries a byte stream in the binary messages of a WebSocket (RFC
// 6455). It holds no buffer of its own: frames are taken apart in the caller's,
// and each Write is one message.
type wsConn struct {
	net.Conn
	compress bool // permessage-deflate was agreed on (RFC 7692)

	// Of the reader:
	most   int    // largest compressed message, and what it may be inflated to
	raw    []byte // frames that came with the upgrade, or behind a compressed message
	ready  []byte // payload that was inflated
	head   [ws.MaxHeaderSize]byte
	headN  int
	frame  ws.Header
	left   int64 // payload bytes of frame still to come
	at     int   // of these, already read: position in the mask
	inBody bool
	begun  bool   // the message is in fragments of which more are to come
	packed bool   // the message is compressed
	whole  bool   // buffer is a message for the next Read to inflate
	buffer []byte // what of a compressed message or a control frame has come

	writing sync.Mutex
	status  ws.StatusCode // with which the connection is closed; under writing
}

var (
	errWSProtocol = errors.New("websocket: protocol error")
	errWSText     = errors.New("websocket: MQTT needs binary messages") // [MQTT-6.0.0-1]
	errWSLarge    = errors.New("websocket: message too large")
)

// deflateFrom is the size from which on compressing a message pays.
const deflateFrom = 1 << 10

// newWSConn returns the connection of a stranger: a message of it is inflated to
// no more than a CONNECT may have.
func newWSConn(nc net.Conn, early []byte, compress bool) *wsConn {
	return &wsConn{Conn: nc, raw: early, compress: compress, most: connectSize}
}

// greeted tells that the client has logged in: a message may hold several packets.
func (c *wsConn) greeted(packetSize int) { c.most = 4 * packetSize }

// Read returns payload bytes of binary messages; it answers pings. A message is
// inflated when all before it has been read: a hundred of them may have come at
// once, each of which becomes a thousand times as large.
func (c *wsConn) Read(p []byte) (n int, err error) {
	for n == 0 && err == nil {
		switch {
		case len(c.ready) > 0:
			n = copy(p, c.ready)
			if c.ready = c.ready[n:]; len(c.ready) == 0 {
				c.ready = nil // it would hold the whole message
			}
		case c.whole:
			err = c.inflate()
		default:
			n, err = c.take(p)
		}
	}
	if err != nil {
		c.refuse(err)
	}
	return n, err
}

// take reads some bytes of frames into p and takes them apart.
func (c *wsConn) take(p []byte) (n int, err error) {
	if len(c.raw) > 0 {
		n, used, err := c.unframe(p[:copy(p, c.raw)])
		c.raw = c.raw[used:]
		return n, err
	}
	came, err := c.Conn.Read(p)
	if came == 0 {
		return 0, err
	}
	n, used, err := c.unframe(p[:came])
	c.raw = append([]byte(nil), p[used:came]...)
	return n, err
}

// inflate makes ready what the message in buffer holds.
func (c *wsConn) inflate() (err error) {
	c.ready, err = inflate(c.buffer, c.most)
	c.buffer, c.whole = nil, false
	return err
}

// refuse has the close frame say why (RFC 6455 section 7.4.1).
func (c *wsConn) refuse(err error) {
	c.writing.Lock()
	defer c.writing.Unlock()
	switch {
	case errors.Is(err, errWSProtocol):
		c.status = ws.StatusProtocolError
	case errors.Is(err, errWSText):
		c.status = ws.StatusUnsupportedData
	case errors.Is(err, errWSLarge):
		c.status = ws.StatusMessageTooBig
	}
}

// unframe takes frames apart in place, up to the end of a compressed message. It
// returns how many payload bytes it has left at the front of p, and how many bytes
// of frames it has used.
func (c *wsConn) unframe(p []byte) (out, used int, err error) {
	for used < len(p) && !c.whole {
		if !c.inBody {
			n, err := c.header(p[used:])
			if err != nil {
				return 0, len(p), err
			}
			used += n
			continue
		}
		part := p[used:min(len(p), used+int(min(c.left, int64(len(p)))))]
		ws.Cipher(part, c.frame.Mask, c.at)
		used += len(part)
		c.at += len(part)
		c.left -= int64(len(part))
		if c.frame.OpCode.IsControl() || c.packed {
			if len(c.buffer)+len(part) > c.most {
				return 0, len(p), errWSLarge
			}
			c.buffer = append(c.buffer, part...)
		} else {
			out += copy(p[out:], part)
		}
		if c.left > 0 {
			continue
		}
		c.inBody = false
		if err := c.finish(); err != nil {
			return 0, len(p), err
		}
	}
	return out, used, nil
}

// header gathers the bytes of a frame's header. It returns how many it used.
func (c *wsConn) header(in []byte) (used int, err error) {
	for used < len(in) {
		c.head[c.headN] = in[used]
		c.headN++
		used++
		if c.headN < 2 || c.headN < headerSize(c.head[1]) {
			continue
		}
		c.headN = 0
		return used, c.begin()
	}
	return used, nil
}

func headerSize(second byte) int {
	n := 2
	switch second & 0x7f {
	case 126:
		n += 2
	case 127:
		n += 8
	}
	if second&0x80 != 0 {
		n += 4
	}
	return n
}

// begin reads the header that is complete now.
func (c *wsConn) begin() error {
	h := ws.Header{
		Fin: c.head[0]&0x80 != 0, Rsv: c.head[0] >> 4 & 7, OpCode: ws.OpCode(c.head[0] & 0xf),
		Masked: c.head[1]&0x80 != 0,
	}
	at := 2
	switch n := c.head[1] & 0x7f; n {
	case 126:
		h.Length = int64(binary.BigEndian.Uint16(c.head[at:]))
		at += 2
	case 127:
		long := binary.BigEndian.Uint64(c.head[at:])
		if long > 1<<40 {
			return errWSLarge
		}
		h.Length = int64(long)
		at += 8
	default:
		h.Length = int64(n)
	}
	if !h.Masked {
		return errWSProtocol // RFC 6455 section 5.1
	}
	copy(h.Mask[:], c.head[at:at+4])
	compressed := h.Rsv == 4 && c.compress
	switch {
	case h.Rsv != 0 && !compressed, h.OpCode.IsReserved():
		return errWSProtocol
	case h.OpCode == ws.OpText:
		return errWSText
	case h.OpCode.IsControl() && (h.Length > ws.MaxControlFramePayloadSize || !h.Fin || compressed):
		return errWSProtocol
	case h.OpCode == ws.OpContinuation && (compressed || !c.begun), h.OpCode == ws.OpBinary && c.begun:
		return errWSProtocol // RFC 6455 section 5.4
	case h.OpCode.IsControl() && c.packed && len(c.buffer) > 0:
		return errWSProtocol // inside a fragmented compressed message: no client of MQTT does it
	}
	if h.OpCode == ws.OpBinary {
		c.packed = compressed
	}
	if !h.OpCode.IsControl() {
		c.begun = !h.Fin
	}
	c.frame, c.left, c.at, c.inBody = h, h.Length, 0, true
	if h.Length == 0 {
		c.inBody = false
		return c.finish()
	}
	return nil
}

// finish deals with a frame that is complete.
func (c *wsConn) finish() error {
	body := c.buffer
	switch {
	case c.frame.OpCode == ws.OpPing:
		c.buffer = c.buffer[:0]
		_ = c.Conn.SetWriteDeadline(time.Now().Add(writeStall)) // the reader must not hang on a peer that takes nothing
		return c.write(ws.OpPong, false, body)
	case c.frame.OpCode == ws.OpPong:
		c.buffer = c.buffer[:0]
	case c.frame.OpCode == ws.OpClose:
		return io.EOF
	case c.packed && c.frame.Fin:
		c.packed, c.whole = false, true
	}
	return nil
}

// Write sends p as one binary message.
func (c *wsConn) Write(p []byte) (int, error) {
	body, packed := p, false
	if c.compress && len(p) > deflateFrom {
		if small := deflate(p); len(small) < len(p) {
			body, packed = small, true
		}
	}
	if err := c.write(ws.OpBinary, packed, body); err != nil {
		return 0, err
	}
	return len(p), nil
}

func (c *wsConn) write(op ws.OpCode, packed bool, body []byte) error {
	var head [ws.MaxHeaderSize]byte
	head[0] = 0x80 | byte(op)
	if packed {
		head[0] |= 0x40
	}
	n := 2
	switch l := len(body); {
	case l < 126:
		head[1] = byte(l)
	case l < 1<<16:
		head[1] = 126
		binary.BigEndian.PutUint16(head[2:], uint16(l))
		n = 4
	default:
		head[1] = 127
		binary.BigEndian.PutUint64(head[2:], uint64(l))
		n = 10
	}
	c.writing.Lock()
	defer c.writing.Unlock()
	bufs := net.Buffers{head[:n], body}
	_, err := bufs.WriteTo(c.Conn)
	return err
}

// CloseWrite says goodbye, briefly; the peer is to answer and to close.
func (c *wsConn) CloseWrite() error {
	_ = c.Conn.SetWriteDeadline(time.Now().Add(100 * time.Millisecond))
	c.writing.Lock()
	status := cmp.Or(c.status, ws.StatusNormalClosure)
	c.writing.Unlock()
	return c.write(ws.OpClose, false, binary.BigEndian.AppendUint16(nil, uint16(status)))
}

// Close says goodbye and closes.
func (c *wsConn) Close() error {
	_ = c.CloseWrite()
	return c.Conn.Close()
}
