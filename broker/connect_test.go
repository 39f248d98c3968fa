package broker

import (
	"bytes"
	"encoding/binary"
	"strings"
	"testing"
	"time"

	"github.com/dray-fleet/dray/auth"
	"github.com/dray-fleet/dray/broker/packet"
	"github.com/dray-fleet/dray/fleet"
)

func TestClientID(t *testing.T) {
	s := start(t)
	d, x := s.driver("d1"), s.dispatcher("x1")
	for _, tt := range []struct {
		id, token string
		v5, v4    byte // CONNACK codes
	}{
		{"d1", d, 0, 0},
		{"d1:phone", d, 0, 0},
		{"d1:a:b", d, 0, 0},
		{"d1:", d, 0x85, 2},
		{"d2", d, 0x85, 2},
		{"d1phone", d, 0x85, 2},
		{"d1/phone", d, 0x85, 2},
		{"x1", x, 0, 0},
		{"d1", x, 0x85, 2},
		{"", d, 0, 0},
	} {
		for version, want := range map[byte]byte{packet.V5: tt.v5, packet.V311: tt.v4} {
			w := s.dial(version)
			w.send(hello{id: tt.id, password: tt.token}.frame(version))
			_, code, props := w.connack()
			if code != want {
				t.Errorf("version %d, client id %q: CONNACK %#x, want %#x", version, tt.id, code, want)
			}
			if assigned := string(props[0x12]); version == packet.V5 && tt.id == "" && (len(assigned) < 10 || assigned[:3] != "d1:") {
				t.Errorf("assigned client id %q", assigned)
			}
			if code != 0 {
				w.closed()
			}
		}
	}
	for version, want := range map[byte]byte{packet.V5: 0x85, packet.V311: 2} {
		w := s.dial(version)
		w.send(hello{password: d, resume: true}.frame(version))
		if _, code, _ := w.connack(); code != want {
			t.Errorf("version %d, an empty client id without a clean start: CONNACK %#x, want %#x", version, code, want)
		}
	}
}

func TestTokens(t *testing.T) {
	s := start(t)
	other, err := auth.NewMinter([]byte("another secret that is long enough too"), "", "")
	if err != nil {
		t.Fatal(err)
	}
	claims := func() *auth.Claims {
		return &auth.Claims{Subject: "d1", Fleet: "acme", Role: fleet.RoleDriver, ExpiresAt: time.Now().Add(time.Hour)}
	}
	mint := func(m *auth.Minter, change func(*auth.Claims)) string {
		c := claims()
		change(c)
		token, err := m.Mint(c)
		if err != nil {
			t.Fatal(err)
		}
		return token
	}
	revoked := claims()
	gone, err := s.minter.Mint(revoked)
	if err != nil {
		t.Fatal(err)
	}
	s.revocations.Add(fleet.Revocation{ID: 1, Fleet: "acme", JTI: revoked.ID, ExpiresAt: revoked.ExpiresAt})
	for name, tt := range map[string]struct {
		token  string
		v5, v4 byte
	}{
		"none":             {"", 0x86, 4},
		"no token":         {"letmein", 0x86, 4},
		"another key":      {mint(other, func(*auth.Claims) {}), 0x86, 4},
		"another audience": {mint(s.minter, func(c *auth.Claims) { c.Audience = []string{"else"} }), 0x86, 4},
		"expired":          {mint(s.minter, func(c *auth.Claims) { c.ExpiresAt = time.Now().Add(-time.Second) }), 0x86, 4},
		"not yet":          {mint(s.minter, func(c *auth.Claims) { c.NotBefore = time.Now().Add(time.Hour) }), 0x86, 4},
		"revoked":          {gone, 0x87, 5},
	} {
		for version, want := range map[byte]byte{packet.V5: tt.v5, packet.V311: tt.v4} {
			w := s.dial(version)
			w.send(hello{id: "d1", password: tt.token}.frame(version))
			if _, code, _ := w.connack(); code != want {
				t.Errorf("%s, version %d: CONNACK %#x, want %#x", name, version, code, want)
			}
			w.closed()
		}
	}
}

// Two fleets may both have a driver d1.
func TestFleetsAreApart(t *testing.T) {
	s := start(t)
	a := s.client(packet.V5, "d1", s.token(fleet.RoleDriver, "acme", "d1"))
	b := s.client(packet.V5, "d1", s.token(fleet.RoleDriver, "other", "d1"))
	a.granted(1, "fleet/acme/broadcast")
	b.granted(1, "fleet/other/broadcast")
	s.b.Publish("fleet/other/broadcast", []byte("for other"), false, 0)
	if m := b.message(); m.payload != "for other" {
		t.Errorf("got %+v", m)
	}
	a.silent()
	b.silent()
}

func TestConnackAnnounces(t *testing.T) {
	s := start(t)
	for _, tt := range []struct {
		ask  uint16
		want int // server keep-alive; -1 is none
	}{{0, 600}, {65535, 600}, {43691, 600}, {60, -1}, {600, -1}} {
		w := s.dial(packet.V5)
		_, props := w.connect(hello{id: "d1", password: s.driver("d1"), keepAlive: tt.ask, props: u32(0x11, 1<<32-1)})
		have := -1
		if p, ok := props[0x13]; ok {
			have = int(binary.BigEndian.Uint16(p))
		}
		if have != tt.want {
			t.Errorf("keep-alive %d: server keep-alive %d, want %d", tt.ask, have, tt.want)
		}
		if p := props[0x27]; len(p) != 4 || binary.BigEndian.Uint32(p) != 256<<10 {
			t.Errorf("maximum packet size % x", p)
		}
		if p := props[0x21]; len(p) != 2 || binary.BigEndian.Uint16(p) != 1024 {
			t.Errorf("receive maximum % x", p)
		}
		if p := props[0x11]; len(p) != 4 || binary.BigEndian.Uint32(p) != 86400 {
			t.Errorf("session expiry % x, want a day", p)
		}
		w.silent()
		w.send([]byte{packet.TypeDisconnect << 4, 0})
		w.closed()
	}
}

// A byte now and then is no sign of life: that takes whole packets, or much of one.
func TestKeepAliveTakesWholePackets(t *testing.T) {
	s := start(t)
	for _, version := range versions {
		w := s.dial(version)
		w.connect(hello{id: "d1", password: s.driver("d1"), keepAlive: 1})
		slow := publishFrame(version, d1+"health", strings.Repeat("x", 200), 1, 1)
		ended, stop := make(chan struct{}), make(chan struct{})
		go func() {
			defer close(ended)
			for _, b := range slow[:len(slow)-1] {
				if _, err := w.nc.Write([]byte{b}); err != nil {
					return
				}
				select {
				case <-stop:
					return
				case <-time.After(100 * time.Millisecond):
				}
			}
		}()
		at := time.Now()
		w.ended(packet.CodeKeepAliveTimeout)
		if d := time.Since(at); d > 15*time.Second { // it would take 20 s
			t.Errorf("version %d: ended after %v", version, d)
		}
		close(stop)
		<-ended

		w = s.dial(version)
		w.connect(hello{id: "d1", password: s.driver("d1"), keepAlive: 1})
		large := publishFrame(version, d1+"health", health(1)+strings.Repeat(" ", 10*keepsAlive), 1, 1)
		for i := range 10 {
			w.send(large[i*len(large)/10 : (i+1)*len(large)/10])
			if g, err := w.read(300 * time.Millisecond); err == nil && i < 9 {
				t.Fatalf("version %d: %v while it sends", version, g)
			} else if err == nil && g.typ() != packet.TypePuback {
				t.Errorf("version %d: %v", version, g)
			}
		}
	}
}

// No packet is larger than its client takes: the reason is left out.
func TestReasonsFitTheClient(t *testing.T) {
	s := start(t)
	for most, explained := range map[uint32]bool{20: false, 100: true} {
		w := s.dial(packet.V5)
		w.connect(hello{id: "d1", password: s.driver("d1"), props: u32(0x27, most)})
		w.send(frame(packet.TypePublish<<4, append(append(str(d1+"health"), 3), u16(0x23, 1)...)))
		g := w.want(packet.TypeDisconnect)
		if g.body[0] != packet.CodeTopicAliasInvalid || (len(g.body) > 2) != explained || 2+len(g.body) > int(most) {
			t.Errorf("of at most %d bytes: %v", most, g)
		}
		w = s.dial(packet.V5)
		w.send(hello{id: "other", password: s.driver("d1"), props: u32(0x27, most)}.frame(packet.V5))
		g = w.want(packet.TypeConnack)
		if g.body[1] != packet.CodeClientIDInvalid || (len(g.body) > 3) != explained || 2+len(g.body) > int(most) {
			t.Errorf("of at most %d bytes: %v", most, g)
		}
	}
}

func TestKeepAliveTimeout(t *testing.T) {
	s := start(t)
	for _, version := range []byte{packet.V311, packet.V5} {
		w := s.dial(version)
		began := time.Now()
		w.connect(hello{id: "d1", password: s.driver("d1"), keepAlive: 1})
		w.ended(packet.CodeKeepAliveTimeout)
		if d := time.Since(began); d < 1400*time.Millisecond || d > 10*time.Second {
			t.Errorf("ended after %v, want 1.5 s", d)
		}
	}
}

func TestSecondConnect(t *testing.T) {
	s := start(t)
	for _, version := range []byte{packet.V311, packet.V5} {
		w := s.client(version, "d1", s.driver("d1"))
		w.send(hello{id: "d1", password: s.driver("d1")}.frame(version))
		w.ended(packet.CodeProtocolError)
	}
}

// What is malformed is answered as section 4.13 says.
func TestMalformedFrames(t *testing.T) {
	s := start(t)
	topic := "fleet/acme/drivers/d1/location"
	wildcard := publishFrame(packet.V5, "fleet/acme/drivers/d1/+", "x", 1, 1)
	for name, tt := range map[string]struct {
		frame []byte
		code  byte
		v4    bool // malformed in 3.1.1 too
	}{
		"packet type 0":                {[]byte{0, 0}, 0x81, true},
		"a packet of servers":          {[]byte{packet.TypeConnack << 4, 2, 0, 0}, 0x82, true},
		"reserved flags":               {[]byte{packet.TypeSubscribe << 4, 2, 0, 1}, 0x81, true},
		"QoS 3":                        {[]byte{packet.TypePublish<<4 | 6, 2, 0, 0}, 0x81, true},
		"five bytes of length":         {[]byte{packet.TypePublish << 4, 0x80, 0x80, 0x80, 0x80, 1}, 0x81, true},
		"PUBLISH with packet id 0":     {publishFrame(packet.V5, topic, "x", 1, 0), 0x82, false},
		"PUBLISH to a wildcard":        {wildcard, 0x90, false},
		"SUBSCRIBE without a filter":   {frame(packet.TypeSubscribe<<4|2, []byte{0, 1, 0}), 0x82, false},
		"SUBSCRIBE without options":    {frame(packet.TypeSubscribe<<4|2, []byte{0, 1, 0, 0, 1, 'a'}), 0x81, false},
		"retain handling 3":            {subscribeFrame(packet.V5, 1, 0x30, nil, "a"), 0x82, false},
		"reserved subscription bits":   {subscribeFrame(packet.V5, 1, 0xc0, nil, "a"), 0x81, false},
		"subscription id 0":            {subscribeFrame(packet.V5, 1, 0, []byte{0x0b, 0}, "a"), 0x82, false},
		"no-local on a shared one":     {subscribeFrame(packet.V5, 1, 4, nil, "$share/g/a"), 0x82, false},
		"a property twice":             {publishProps(topic, append(u32(2, 1), u32(2, 1)...)), 0x82, false},
		"properties past the end":      {frame(packet.TypePublish<<4, append(str(topic), 0x7f)), 0x81, false},
		"a property of another packet": {publishProps(topic, u32(0x11, 1)), 0x81, false},
		"a topic alias":                {publishProps(topic, u16(0x23, 1)), 0x94, false},
		"AUTH with another method":     {authFrame("PLAIN", "x"), 0x8c, false},
	} {
		w := s.client(packet.V5, "d1", s.driver("d1"))
		w.send(tt.frame)
		g := w.want(packet.TypeDisconnect)
		if len(g.body) == 0 || g.body[0] != tt.code {
			t.Errorf("%s: DISCONNECT %v, want %#x", name, g, tt.code)
		}
		w.closed()
		if tt.v4 {
			w := s.client(packet.V311, "d1", s.driver("d1"))
			w.send(tt.frame)
			w.closed()
		}
	}
}

func publishProps(topic string, props []byte) []byte {
	return frame(packet.TypePublish<<4, append(append(append(str(topic), byte(len(props))), props...), "x"...))
}

// A CONNECT that is malformed gets its code in the CONNACK where the version is
// known, and nothing else.
func TestMalformedConnect(t *testing.T) {
	s := start(t)
	good := hello{id: "d1", password: s.driver("d1")}
	for name, tt := range map[string]struct {
		frame []byte
		code  byte // 0: closed without a word
	}{
		"another protocol":    {frame(packet.TypeConnect<<4, append(str("HTTP"), 5, 2, 0, 0, 0, 0, 0)), 0},
		"another version":     {frame(packet.TypeConnect<<4, append(str("MQTT"), 6, 2, 0, 0, 0, 0, 0)), 0x84},
		"reserved flag":       {frame(packet.TypeConnect<<4, append(str("MQTT"), 5, 3, 0, 0, 0, 0, 0)), 0x81},
		"receive maximum 0":   {hello{id: "d1", props: u16(0x21, 0)}.frame(packet.V5), 0x82},
		"packet size 0":       {hello{id: "d1", props: u32(0x27, 0)}.frame(packet.V5), 0x82},
		"excess bytes":        {frame(packet.TypeConnect<<4, append(good.frame(packet.V5)[3:], 0)), 0x81},
		"another auth method": {hello{id: "d1", props: append([]byte{0x15}, str("SCRAM")...)}.frame(packet.V5), 0x8c},
		"a PUBLISH first":     {publishFrame(packet.V5, "a", "b", 0, 0), 0},
		"nonsense":            {[]byte("GET / HTTP/1.1\r\n\r\n"), 0},
	} {
		w := s.dial(packet.V5)
		w.send(tt.frame)
		if tt.code != 0 {
			if _, code, _ := w.connack(); code != tt.code {
				t.Errorf("%s: CONNACK %#x, want %#x", name, code, tt.code)
			}
		}
		w.closed()
	}
}

func TestPacketTooLarge(t *testing.T) {
	s := start(t)
	w := s.client(packet.V5, "d1", s.driver("d1"))
	w.send(varint([]byte{packet.TypePublish << 4}, 1<<20)) // the announcement alone
	w.ended(packet.CodeTooLarge)
	w = s.client(packet.V5, "d1", s.driver("d1"))
	big := `{"fix_at":1,"note":"` + string(bytes.Repeat([]byte("x"), 200<<10)) + `"}`
	w.publish("fleet/acme/drivers/d1/location", big, 1, 7)
	w.acked(packet.TypePuback, 7, packet.CodePayloadFormat)
}

func TestGracefulStop(t *testing.T) {
	s := start(t)
	w := s.client(packet.V5, "d1", s.driver("d1"))
	old := s.client(packet.V311, "d2", s.driver("d2"))
	s.stop()
	w.ended(packet.CodeShuttingDown)
	old.closed()
}
