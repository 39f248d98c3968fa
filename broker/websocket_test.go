package broker

import (
	"bytes"
	"compress/flate"
	"context"
	"encoding/binary"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/dray-fleet/dray/broker/packet"
)

func (s *server) url() string { return "ws" + strings.TrimPrefix(s.http.URL, "http") + "/mqtt" }

// dialWS opens a WebSocket as a library does it.
func (s *server) dialWS(compression websocket.CompressionMode) (*websocket.Conn, *wire) {
	s.t.Helper()
	c, _, err := websocket.Dial(s.t.Context(), s.url(), &websocket.DialOptions{
		Subprotocols: []string{"mqtt"}, CompressionMode: compression, CompressionThreshold: 1,
	})
	if err != nil {
		s.t.Fatal(err)
	}
	if c.Subprotocol() != "mqtt" {
		s.t.Errorf("subprotocol %q", c.Subprotocol())
	}
	c.SetReadLimit(1 << 20)
	nc := websocket.NetConn(s.t.Context(), c, websocket.MessageBinary)
	s.t.Cleanup(func() { _ = c.CloseNow() })
	return c, newWire(s.t, nc, packet.V5)
}

// upgrade is the request that opens a WebSocket; extension is a header line.
func upgrade(host, extension string) string {
	return "GET /mqtt HTTP/1.1\r\nHost: " + host + "\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: mqtt\r\n" + extension + "\r\n"
}

// dialRaw opens a WebSocket of which the test makes the frames itself. early is
// sent together with the request.
func (s *server) dialRaw(extension string, early []byte) *wire {
	s.t.Helper()
	w := newWire(s.t, dialTCP(s.t, s.http.Listener.Addr().String()), packet.V5)
	request := upgrade(s.http.Listener.Addr().String(), extension)
	w.send([]byte(request), early)
	_ = w.nc.SetReadDeadline(time.Now().Add(patience))
	res, err := http.ReadResponse(w.r, nil)
	if err != nil || res.StatusCode != http.StatusSwitchingProtocols {
		s.t.Fatalf("upgrade: %v %v", res, err)
	}
	return w
}

const deflateExtension = "Sec-WebSocket-Extensions: permessage-deflate; client_no_context_takeover; server_no_context_takeover\r\n"

// wsFrame masks a client's frame.
func wsFrame(first byte, payload []byte) []byte {
	mask := [4]byte{1, 2, 3, 4}
	f := []byte{first}
	if n := len(payload); n < 126 {
		f = append(f, 0x80|byte(n))
	} else {
		f = binary.BigEndian.AppendUint16(append(f, 0x80|126), uint16(n))
	}
	f = append(f, mask[:]...)
	for i, b := range payload {
		f = append(f, b^mask[i%4])
	}
	return f
}

// wsRead returns the next frame of the server.
func (w *wire) wsRead() (first byte, payload []byte) {
	w.t.Helper()
	_ = w.nc.SetReadDeadline(time.Now().Add(patience))
	head := make([]byte, 2)
	if _, err := io.ReadFull(w.r, head); err != nil {
		w.t.Fatalf("no frame: %v", err)
	}
	n := int(head[1])
	if n == 126 {
		var long uint16
		if err := binary.Read(w.r, binary.BigEndian, &long); err != nil {
			w.t.Fatal(err)
		}
		n = int(long)
	}
	payload = make([]byte, n)
	if _, err := io.ReadFull(w.r, payload); err != nil {
		w.t.Fatal(err)
	}
	return head[0], payload
}

func deflated(t *testing.T, p []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	w, err := flate.NewWriter(&out, flate.BestCompression)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(p); err != nil {
		t.Fatal(err)
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	return bytes.TrimSuffix(out.Bytes(), syncTail)
}

func TestWebSocket(t *testing.T) {
	s := start(t)
	for _, mode := range []websocket.CompressionMode{websocket.CompressionDisabled, websocket.CompressionNoContextTakeover, websocket.CompressionContextTakeover} {
		c, x := s.dialWS(mode)
		x.connect(hello{id: "x1", password: s.dispatcher("x1"), keepAlive: 60})
		x.granted(1, "fleet/acme/broadcast")
		for _, size := range []int{1, 1 << 10, 100 << 10} {
			payload := strings.Repeat("compress me ", size/12+1)
			s.b.Publish("fleet/acme/broadcast", []byte(payload), false, 1)
			if m := x.ack(); m.payload != payload {
				t.Errorf("mode %d: %d bytes came as %d", mode, len(payload), len(m.payload))
			}
		}
		pong := make(chan error, 1)
		go func() { pong <- c.Ping(t.Context()) }()
		go func() { _, _ = x.nc.Write(pingreq) }()
		x.want(packet.TypePingresp)
		go func() { _, _ = x.read(patience) }() // the library hears pongs while it reads
		if err := <-pong; err != nil {
			t.Errorf("mode %d: ping: %v", mode, err)
		}
	}
	if list := s.b.Clients("acme"); len(list) != 1 || list[0].Protocol != "5/ws" {
		t.Errorf("clients %+v", list)
	}
}

func TestWebSocketRefusals(t *testing.T) {
	s := start(t, func(o *Options) { o.Origins = []string{"https://fleet.example"} })
	host := s.http.Listener.Addr().String()
	for _, tt := range []struct {
		origin, protocol string
		status           int
	}{
		{"", "mqtt", 101},
		{"http://" + host, "mqtt", 101},
		{"https://fleet.example", "mqtt", 101},
		{"https://evil.example", "mqtt", 403},
		{"null", "mqtt", 403},
		{"https://fleet.example.evil.example", "mqtt", 403},
		{"", "", 400},
		{"", "mqttv3.1", 400},
	} {
		header := http.Header{}
		if tt.origin != "" {
			header.Set("Origin", tt.origin)
		}
		opts := &websocket.DialOptions{HTTPHeader: header}
		if tt.protocol != "" {
			opts.Subprotocols = []string{tt.protocol}
		}
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		c, res, err := websocket.Dial(ctx, s.url(), opts)
		cancel()
		if res == nil || res.StatusCode != tt.status {
			t.Errorf("origin %q, subprotocol %q: %v %v, want %d", tt.origin, tt.protocol, res, err, tt.status)
		}
		if err == nil {
			_ = c.CloseNow()
		}
	}
}

// A page that came without TLS may be anybody's: it is of another origin than its
// host with TLS.
func TestWebSocketOriginWithTLS(t *testing.T) {
	s := start(t)
	secure := httptest.NewTLSServer(s.b)
	t.Cleanup(secure.Close)
	host := secure.Listener.Addr().String()
	for origin, status := range map[string]int{"https://" + host: 101, "http://" + host: 403} {
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		c, res, err := websocket.Dial(ctx, secure.URL, &websocket.DialOptions{
			HTTPClient: secure.Client(), HTTPHeader: http.Header{"Origin": {origin}}, Subprotocols: []string{"mqtt"},
		})
		cancel()
		if res == nil || res.StatusCode != status {
			t.Errorf("origin %s: %v %v, want %d", origin, res, err, status)
		}
		if err == nil {
			_ = c.CloseNow()
		}
	}
}

// MQTT packets and WebSocket messages need not be aligned, in any way, also
// when they come with the upgrade, compressed or in pieces.
func TestWebSocketAlignment(t *testing.T) {
	s := start(t)
	connect := hello{id: "d1", password: s.driver("d1"), keepAlive: 60}.frame(packet.V5)
	var many []byte
	for i := range 20 {
		many = append(many, publishFrame(packet.V5, d1+"location", fix(i), 1, uint16(i+1))...)
	}
	all := append(append([]byte(nil), connect...), many...)
	bytewise := func() (f []byte) {
		for i := range all {
			f = append(f, wsFrame(0x82, all[i:i+1])...)
		}
		return f
	}
	packed := deflated(t, all)
	for name, tt := range map[string]struct {
		extension string
		frames    []byte
	}{
		"many packets in a message":    {"", wsFrame(0x82, all)},
		"one packet in many messages":  {"", bytewise()},
		"fragments":                    {"", bytes.Join([][]byte{wsFrame(0x02, all[:7]), wsFrame(0x00, all[7:300]), wsFrame(0x89, []byte("ping")), wsFrame(0x80, all[300:])}, nil)},
		"empty messages":               {"", bytes.Join([][]byte{wsFrame(0x82, nil), wsFrame(0x82, all), wsFrame(0x82, nil)}, nil)},
		"compressed":                   {deflateExtension, wsFrame(0xc2, packed)},
		"compressed fragments":         {deflateExtension, append(wsFrame(0x42, packed[:9]), wsFrame(0x80, packed[9:])...)},
		"compressed and not":           {deflateExtension, bytes.Join([][]byte{wsFrame(0xc2, deflated(t, connect)), wsFrame(0x82, many[:50]), wsFrame(0xc2, deflated(t, many[50:700])), wsFrame(0x82, many[700:])}, nil)},
		"compressed, with the upgrade": {deflateExtension + "X-Pad: 1\r\n", wsFrame(0xc2, packed)},
	} {
		for _, early := range []bool{false, true} {
			var w *wire
			if early {
				w = s.dialRaw(tt.extension, tt.frames)
			} else {
				w = s.dialRaw(tt.extension, nil)
				w.send(tt.frames)
			}
			var stream []byte
			for len(stream) == 0 || bytes.Count(stream, []byte{packet.TypePuback << 4, 2, 0}) < 20 {
				switch first, p := w.wsRead(); first {
				case 0x82:
					stream = append(stream, p...)
				case 0x8a:
					if string(p) != "ping" {
						t.Errorf("%s: pong %q", name, p)
					}
				default:
					t.Fatalf("%s, early %v: frame %#x % x", name, early, first, p)
				}
			}
			_ = w.nc.Close()
		}
	}
}

func TestWebSocketViolations(t *testing.T) {
	s := start(t)
	connect := hello{id: "d1", password: s.driver("d1"), keepAlive: 60}.frame(packet.V5)
	unmasked := append([]byte{0x82, 2}, pingreq...)
	bomb := deflated(t, bytes.Repeat([]byte{0}, 4<<20))
	for name, bad := range map[string][]byte{
		"a text message":            wsFrame(0x81, pingreq),
		"an unmasked frame":         unmasked,
		"a reserved bit":            wsFrame(0xa2, pingreq),
		"a reserved opcode":         wsFrame(0x83, pingreq),
		"a fragmented ping":         wsFrame(0x09, nil),
		"a compressed continuation": wsFrame(0xc0, pingreq),
		"a continuation of nothing": wsFrame(0x80, pingreq),
		"a message in another":      append(wsFrame(0x02, pingreq[:1]), wsFrame(0x82, pingreq[1:])...),
		"a close":                   wsFrame(0x88, []byte{3, 0xe8}),
		"no deflate stream":         wsFrame(0xc2, bytes.Repeat([]byte{0xff}, 100)),
		"a bomb":                    wsFrame(0xc2, bomb),
	} {
		w := s.dialRaw(deflateExtension, nil)
		w.send(wsFrame(0x82, connect))
		w.wsRead()
		w.send(bad)
		want, ok := map[string]uint16{"a text message": 1003, "a bomb": 1009, "a close": 1000}[name]
		if !ok {
			want = 1002
		}
		_ = w.nc.SetReadDeadline(time.Now().Add(patience))
		if rest, err := io.ReadAll(w.r); err != nil && isTimeout(err) {
			t.Errorf("%s: the connection stays open", name)
		} else if !bytes.HasSuffix(rest, binary.BigEndian.AppendUint16([]byte{0x88, 2}, want)) {
			t.Errorf("%s: ended by % x, want close code %d", name, rest, want)
		}
	}
	other := s.client(packet.V5, "d2", s.driver("d2"))
	other.silent()
}

// A peer that pings without end and never reads holds nothing.
func TestWebSocketPingFlood(t *testing.T) {
	s := start(t)
	w := s.dialRaw("", nil)
	_ = w.nc.(*net.TCPConn).SetReadBuffer(4 << 10)
	w.send(wsFrame(0x82, hello{id: "d1", password: s.driver("d1"), keepAlive: 60}.frame(packet.V5)))
	w.wsRead()
	flood := bytes.Repeat(wsFrame(0x89, bytes.Repeat([]byte("x"), 125)), 1000)
	for {
		_ = w.nc.SetWriteDeadline(time.Now().Add(300 * time.Millisecond))
		if _, err := w.nc.Write(flood); err != nil {
			break // the server does not read on
		}
	}
	if err := s.b.Disconnect("acme", "d1"); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the connection is gone", func() bool { return s.b.Status().Connections == 0 })
}

// An offer that asks for what there is not is declined; the client speaks without
// compression then, or has a second one.
func TestWebSocketOffers(t *testing.T) {
	s := start(t)
	const accepted = "permessage-deflate;server_no_context_takeover;client_no_context_takeover"
	for offer, want := range map[string]string{
		"permessage-deflate":                                                accepted,
		"permessage-deflate; client_max_window_bits":                        accepted,
		"permessage-deflate; server_max_window_bits=10":                     "",
		"permessage-deflate; server_max_window_bits=10, permessage-deflate": accepted,
		"permessage-deflate; tomorrows_parameter=1":                         "",
		"permessage-deflate; tomorrows_parameter=1, permessage-deflate":     accepted,
		"permessage-deflate; client_max_window_bits=99":                     "",
		"tomorrows-extension, permessage-deflate":                           accepted,
	} {
		w := newWire(t, dialTCP(t, s.http.Listener.Addr().String()), packet.V5)
		w.send([]byte(upgrade(s.http.Listener.Addr().String(), "Sec-WebSocket-Extensions: "+offer+"\r\n")))
		_ = w.nc.SetReadDeadline(time.Now().Add(patience))
		res, err := http.ReadResponse(w.r, nil)
		if err != nil {
			t.Fatal(err)
		}
		if got := res.Header.Get("Sec-WebSocket-Extensions"); res.StatusCode != http.StatusSwitchingProtocols || got != want {
			t.Errorf("offer %q: %s, extensions %q, want %q", offer, res.Status, got, want)
		}
	}
}
