package broker

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"testing"
	"time"

	"github.com/dray-fleet/dray/broker/packet"
)

// A wire is a raw client: bytes in, frames out.
type wire struct {
	t       testing.TB
	nc      net.Conn
	r       *bufio.Reader
	version byte
	id      uint16 // of the last SUBSCRIBE
}

func newWire(t testing.TB, nc net.Conn, version byte) *wire {
	return &wire{t: t, nc: nc, r: bufio.NewReader(nc), version: version}
}

// dial opens a connection that has said nothing yet.
func (s *server) dial(version byte) *wire {
	s.t.Helper()
	return newWire(s.t, dialTCP(s.t, s.addr), version)
}

// A hello is what a CONNECT says.
type hello struct {
	id, password string
	resume       bool // clean start is off
	keepAlive    uint16
	props        []byte // of MQTT 5
	will         *packet.Will
	willProps    []byte
}

func (h hello) frame(version byte) []byte {
	flags := byte(0)
	if !h.resume {
		flags |= 2
	}
	if h.password != "" {
		flags |= 0xc0
	}
	if w := h.will; w != nil {
		flags |= 4 | w.QoS<<3
		if w.Retain {
			flags |= 0x20
		}
	}
	body := append(str("MQTT"), version, flags, byte(h.keepAlive>>8), byte(h.keepAlive))
	if version == packet.V5 {
		body = append(varint(body, len(h.props)), h.props...)
	}
	body = append(body, str(h.id)...)
	if w := h.will; w != nil {
		if version == packet.V5 {
			body = append(varint(body, len(h.willProps)), h.willProps...)
		}
		body = append(append(body, str(w.Topic)...), str(string(w.Payload))...)
	}
	if h.password != "" {
		body = append(append(body, str("user")...), str(h.password)...)
	}
	return frame(packet.TypeConnect<<4, body)
}

func str(s string) []byte { return append([]byte{byte(len(s) >> 8), byte(len(s))}, s...) }

func varint(dst []byte, n int) []byte {
	for ; n >= 0x80; n >>= 7 {
		dst = append(dst, byte(n)|0x80)
	}
	return append(dst, byte(n))
}

func frame(first byte, body []byte) []byte {
	return append(varint([]byte{first}, len(body)), body...)
}

// u32 is a property with a four-byte value, u16 one with two.
func u32(id byte, v uint32) []byte { return binary.BigEndian.AppendUint32([]byte{id}, v) }
func u16(id byte, v uint16) []byte { return binary.BigEndian.AppendUint16([]byte{id}, v) }

func (w *wire) send(frames ...[]byte) {
	w.t.Helper()
	_ = w.nc.SetWriteDeadline(time.Now().Add(patience))
	_, err := w.nc.Write(bytes.Join(frames, nil))
	_ = w.nc.SetWriteDeadline(time.Time{}) // a goroutine of the test may write for as long as it takes
	if err != nil {
		w.t.Fatalf("send: %v", err)
	}
}

// A got is one frame of the server.
type got struct {
	first byte
	body  []byte
}

func (g got) typ() byte { return g.first >> 4 }

func (g got) String() string { return fmt.Sprintf("%02x [% x]", g.first, g.body) }

// read returns the next frame, or why there is none.
func (w *wire) read(within time.Duration) (got, error) {
	_ = w.nc.SetReadDeadline(time.Now().Add(within))
	first, err := w.r.ReadByte()
	if err != nil {
		return got{}, err
	}
	n, err := binary.ReadUvarint(w.r)
	if err != nil {
		return got{}, err
	}
	body := make([]byte, n)
	if _, err := io.ReadFull(w.r, body); err != nil {
		return got{}, err
	}
	return got{first, body}, nil
}

// next returns the next frame.
func (w *wire) next() got {
	w.t.Helper()
	g, err := w.read(patience)
	if err != nil {
		w.t.Fatalf("no frame: %v", err)
	}
	return g
}

// want returns the next frame, which must be of this type.
func (w *wire) want(typ byte) got {
	w.t.Helper()
	g := w.next()
	if g.typ() != typ {
		w.t.Fatalf("got frame %v, want type %d", g, typ)
	}
	return g
}

// closed demands that the server closes without another word.
func (w *wire) closed() {
	w.t.Helper()
	g, err := w.read(patience)
	if err == nil {
		w.t.Fatalf("got frame %v, want the connection closed", g)
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		w.t.Fatal("the connection stays open")
	}
}

// ended demands a DISCONNECT with this code and the close; 3.1.1 has the close
// alone.
func (w *wire) ended(code byte) {
	w.t.Helper()
	if w.version == packet.V5 {
		g := w.want(packet.TypeDisconnect)
		if len(g.body) == 0 || g.body[0] != code {
			w.t.Fatalf("DISCONNECT %v, want code %#x", g, code)
		}
	}
	w.closed()
}

// silent demands that nothing was sent before the answer to a ping.
func (w *wire) silent() {
	w.t.Helper()
	w.send(pingreq)
	if g := w.next(); g.typ() != packet.TypePingresp {
		w.t.Fatalf("got frame %v, want nothing", g)
	}
}

var pingreq = []byte{packet.TypePingreq << 4, 0}

// connack returns the session present flag, the code and the properties.
func (w *wire) connack() (present bool, code byte, props map[byte][]byte) {
	w.t.Helper()
	g := w.want(packet.TypeConnack)
	if w.version == packet.V5 {
		props, _ = properties(w.t, g.body[2:])
	}
	return g.body[0] == 1, g.body[1], props
}

// connect says hello and demands to be let in.
func (w *wire) connect(h hello) (present bool, props map[byte][]byte) {
	w.t.Helper()
	w.send(h.frame(w.version))
	present, code, props := w.connack()
	if code != 0 {
		w.t.Fatalf("CONNACK %#x", code)
	}
	return present, props
}

// client connects with a token under the id of its subject.
func (s *server) client(version byte, id, token string) *wire {
	s.t.Helper()
	w := s.dial(version)
	w.connect(hello{id: id, password: token, keepAlive: 60})
	return w
}

// subscribe asks for filters and returns the codes of the SUBACK.
func (w *wire) subscribe(qos byte, filters ...string) []byte {
	w.t.Helper()
	w.id++
	w.send(subscribeFrame(w.version, w.id, qos, nil, filters...))
	return w.suback()
}

func (w *wire) suback() []byte {
	w.t.Helper()
	g := w.want(packet.TypeSuback)
	rest := g.body[2:]
	if w.version == packet.V5 {
		_, rest = properties(w.t, rest)
	}
	return rest
}

func subscribeFrame(version byte, id uint16, options byte, props []byte, filters ...string) []byte {
	body := binary.BigEndian.AppendUint16(nil, id)
	if version == packet.V5 {
		body = append(varint(body, len(props)), props...)
	}
	for _, f := range filters {
		body = append(append(body, str(f)...), options)
	}
	return frame(packet.TypeSubscribe<<4|2, body)
}

func unsubscribeFrame(version byte, id uint16, filters ...string) []byte {
	return packet.AppendUnsubscribe(nil, version, &packet.Unsubscribe{ID: id, Filters: filters})
}

// granted subscribes and demands that it is granted.
func (w *wire) granted(qos byte, filters ...string) {
	w.t.Helper()
	for i, code := range w.subscribe(qos, filters...) {
		if code >= 0x80 {
			w.t.Fatalf("subscribe %s: %#x", filters[i], code)
		}
	}
}

func publishFrame(version byte, topic, payload string, qos byte, id uint16) []byte {
	return packet.AppendPublish(nil, version, &packet.Publish{Topic: []byte(topic), Payload: []byte(payload), QoS: qos, ID: id})
}

func (w *wire) publish(topic, payload string, qos byte, id uint16) {
	w.t.Helper()
	w.send(publishFrame(w.version, topic, payload, qos, id))
}

// acked demands the acknowledgement of a packet id with this code.
func (w *wire) acked(typ byte, id uint16, code byte) {
	w.t.Helper()
	g := w.want(typ)
	have := byte(0)
	if len(g.body) > 2 {
		have = g.body[2]
	}
	if got := binary.BigEndian.Uint16(g.body); got != id || have != code {
		w.t.Fatalf("acknowledgement of %d with %#x, want %d with %#x", got, have, id, code)
	}
}

// A message is a publication that was delivered.
type message struct {
	topic, payload string
	qos            byte
	id             uint16
	dup, retain    bool
	props          map[byte][]byte
}

func (w *wire) message() message {
	w.t.Helper()
	return w.parse(w.want(packet.TypePublish))
}

func (w *wire) parse(g got) message {
	w.t.Helper()
	m := message{qos: g.first >> 1 & 3, dup: g.first&8 != 0, retain: g.first&1 != 0}
	n := int(binary.BigEndian.Uint16(g.body))
	m.topic = string(g.body[2 : 2+n])
	rest := g.body[2+n:]
	if m.qos > 0 {
		m.id = binary.BigEndian.Uint16(rest)
		rest = rest[2:]
	}
	if w.version == packet.V5 {
		m.props, rest = properties(w.t, rest)
	}
	m.payload = string(rest)
	return m
}

// properties reads the properties at the start of b, and returns what follows.
// Of one that is repeated the last is returned.
func properties(t testing.TB, b []byte) (map[byte][]byte, []byte) {
	t.Helper()
	n, w := binary.Uvarint(b)
	props, rest := b[w:w+int(n)], b[w+int(n):]
	m := map[byte][]byte{}
	for len(props) > 0 {
		id, v := props[0], props[1:]
		var size int
		switch id {
		case 0x01, 0x17, 0x19, 0x24, 0x25, 0x28, 0x29, 0x2a:
			size = 1
		case 0x13, 0x21, 0x22, 0x23:
			size = 2
		case 0x02, 0x11, 0x18, 0x27:
			size = 4
		case 0x0b:
			_, size = binary.Uvarint(v)
		case 0x26:
			size = 2 + int(binary.BigEndian.Uint16(v))
			size += 2 + int(binary.BigEndian.Uint16(v[size:]))
		case 0x03, 0x08, 0x09, 0x12, 0x15, 0x16, 0x1a, 0x1c, 0x1f:
			m[id], props = v[2:2+int(binary.BigEndian.Uint16(v))], v[2+int(binary.BigEndian.Uint16(v)):]
			continue
		default:
			t.Fatalf("property %#x", id)
		}
		m[id], props = v[:size], v[size:]
	}
	return m, rest
}

// auth is an AUTH that renews the token.
func authFrame(method, token string) []byte {
	props := append(append([]byte{0x15}, str(method)...), append([]byte{0x16}, str(token)...)...)
	return frame(packet.TypeAuth<<4, append(varint([]byte{packet.CodeReauthenticate}, len(props)), props...))
}

// fix is the payload of a location, n milliseconds into today.
func fix(n int) string {
	at := time.Now().Truncate(24 * time.Hour).Add(time.Duration(n) * time.Millisecond)
	return fmt.Sprintf(`{"fix_at":%d,"lat":%.5f,"lon":18.07}`, at.UnixMilli(), 59+float64(n%1000)/1000)
}

const healths = "fleet/acme/drivers/+/health"

func healthTopic(driver string) string { return "fleet/acme/drivers/" + driver + "/health" }

func health(n int) string {
	return fmt.Sprintf(`{"at":%d,"battery_pct":50,"queue_depth":%d}`, time.Now().UnixMilli(), n)
}

// ack takes the next QoS 1 publication and acknowledges it.
func (w *wire) ack() message {
	w.t.Helper()
	m := w.message()
	w.send(packet.AppendPuback(nil, w.version, m.id, 0, ""))
	return m
}
