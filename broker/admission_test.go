package broker

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/dray-fleet/dray/broker/packet"
)

// A sloth opens a connection and is slow to say CONNECT.
type sloth struct {
	addr  string
	roots *x509.CertPool // does a TLS handshake
	first []byte         // said at once
	rest  []byte         // said byte by byte, step apart
	step  time.Duration
}

// lasts returns how long the server bears with it, and how it ends.
func (s sloth) lasts() (time.Duration, error) {
	began := time.Now()
	nc, err := net.DialTimeout("tcp", s.addr, patience)
	if err != nil {
		return 0, err
	}
	defer nc.Close()
	_ = nc.SetDeadline(began.Add(patience))
	if s.roots != nil {
		nc = tls.Client(nc, &tls.Config{RootCAs: s.roots, ServerName: "127.0.0.1"})
	}
	if _, err := nc.Write(s.first); err != nil {
		return 0, err
	}
	gone, spoken := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(spoken)
		tick := time.NewTicker(max(s.step, time.Millisecond))
		defer tick.Stop()
		for i := range s.rest {
			select {
			case <-tick.C:
			case <-gone:
				return
			}
			_, _ = nc.Write(s.rest[i : i+1]) // the server may have closed already
		}
	}()
	buf := make([]byte, 4096)
	for err == nil { // the answer to an upgrade, and a WebSocket's farewell
		_, err = nc.Read(buf)
	}
	took := time.Since(began)
	close(gone)
	<-spoken
	return took, err
}

// From accept to the last byte of CONNECT there is one fixed time, on every
// transport, however busily a client sends single bytes.
func TestSlowConnect(t *testing.T) {
	const within = 2 * time.Second
	cert, pool := certificate(t, "")
	s := start(t, func(o *Options) {
		o.Limits.ConnectTimeout = within
		o.TLSAddr, o.TLS = "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{cert}}
	})
	https := httptest.NewUnstartedServer(http.StripPrefix("/mqtt", s.b))
	https.TLS = &tls.Config{Certificates: []tls.Certificate{cert}}
	s.b.TimeArrivals(https.Config)
	https.StartTLS()
	defer https.Close()
	mqtts, ws, wss := s.b.TLSAddr().String(), s.http.Listener.Addr().String(), https.Listener.Addr().String()

	const step = 20 * time.Millisecond
	connect := hello{id: "d1", password: s.driver("d1")}.frame(packet.V5)
	var framed []byte // in a message for each byte
	for _, b := range connect {
		framed = append(framed, wsFrame(0x82, []byte{b})...)
	}
	asked := []byte(upgrade("mqtt", ""))
	most := len(asked) - int(within*3/4/step) // the rest takes three quarters of the time
	clientHello := append([]byte{22, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3}, make([]byte, 500)...)

	var all errgroup.Group
	for name, slow := range map[string]sloth{
		"nothing over TCP":           {addr: s.addr},
		"CONNECT over TCP":           {addr: s.addr, rest: connect, step: step},
		"nothing over TLS":           {addr: mqtts},
		"a TLS handshake":            {addr: mqtts, rest: clientHello, step: step},
		"nothing after a handshake":  {addr: mqtts, roots: pool},
		"CONNECT over TLS":           {addr: mqtts, roots: pool, rest: connect, step: step},
		"nothing over HTTP":          {addr: ws},
		"half a request":             {addr: ws, first: asked[:len(asked)/2]},
		"a request":                  {addr: ws, rest: asked, step: step},
		"nothing after an upgrade":   {addr: ws, first: asked},
		"nothing after a slow one":   {addr: ws, first: asked[:most], rest: asked[most:], step: step},
		"CONNECT over WebSocket":     {addr: ws, first: asked, rest: framed, step: step},
		"nothing over HTTPS":         {addr: wss},
		"a request over HTTPS":       {addr: wss, roots: pool, rest: asked, step: step},
		"nothing after a slow HTTPS": {addr: wss, roots: pool, first: asked[:most], rest: asked[most:], step: step},
		"CONNECT over wss":           {addr: wss, roots: pool, first: asked, rest: framed, step: step},
	} {
		all.Go(func() error {
			took, err := slow.lasts()
			for range 2 { // a busy machine is late now and then, a second timer always
				if took > within*8/5 {
					took, err = slow.lasts()
				}
			}
			if isTimeout(err) || took < within*9/10 || took > within*8/5 {
				return fmt.Errorf("%s: ended after %v with %v, want %v", name, took, err, within)
			}
			return nil
		})
	}
	if err := all.Wait(); err != nil {
		t.Error(err)
	}
}

// Whoever has not said CONNECT yet counts against two limits; who has, and who
// has gone, does not.
func TestConnectionCaps(t *testing.T) {
	s := start(t, func(o *Options) { o.Limits.PerAddress, o.Limits.Unauthenticated = 3, 5 })
	in := s.client(packet.V5, "d1", s.driver("d1"))
	waiting := func(n int) {
		t.Helper()
		eventually(t, fmt.Sprintf("%d are waiting", n), func() bool {
			s.b.door.mu.Lock()
			defer s.b.door.mu.Unlock()
			return s.b.door.waiting == n
		})
	}
	from := func(ip, addr string) *wire {
		t.Helper()
		d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(ip)}, Timeout: patience}
		nc, err := d.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = nc.Close() })
		return newWire(t, nc, packet.V5)
	}
	var first *wire
	for i := range 3 {
		if w := from("127.0.0.1", s.addr); i == 0 {
			first = w
		}
	}
	waiting(3)
	from("127.0.0.1", s.addr).closed()                         // too many of one address
	late := from("127.0.0.1", s.http.Listener.Addr().String()) // one limit for all transports
	late.send([]byte(upgrade("mqtt", "")))
	if _, err := http.ReadResponse(late.r, nil); err != nil {
		t.Fatal(err)
	}
	if first, _ := late.wsRead(); first != 0x88 {
		t.Errorf("one too many over WebSocket is sent %#x, want a close", first)
	}
	from("127.0.0.2", s.addr)
	from("127.0.0.3", s.addr)
	waiting(5)
	from("127.0.0.4", s.addr).closed() // too many in all
	in.silent()

	first.connect(hello{id: "d2", password: s.driver("d2"), keepAlive: 60})
	waiting(4)
	last := from("127.0.0.4", s.addr)
	waiting(5)
	_ = last.nc.Close()
	waiting(4)
	from("127.0.0.5", s.addr).connect(hello{id: "d3", password: s.driver("d3"), keepAlive: 60})
	first.silent()
}

// The caps hold on the HTTP port until the first request is there, and have a
// count of their own.
func TestHTTPConnectionCaps(t *testing.T) {
	s := start(t, func(o *Options) { o.Limits.PerAddress, o.Limits.ConnectTimeout = 2, time.Hour })
	addr := s.http.Listener.Addr().String()
	open := func(nc net.Conn) bool {
		_ = nc.SetReadDeadline(time.Now().Add(100 * time.Millisecond))
		_, err := nc.Read(make([]byte, 1))
		return isTimeout(err)
	}
	first, second := dialTCP(t, addr), dialTCP(t, addr)
	eventually(t, "a third one is refused", func() bool { return !open(dialTCP(t, addr)) })
	if !open(first) || !open(second) {
		t.Fatal("not the third connection was closed")
	}
	s.client(packet.V5, "d1", s.driver("d1")).silent() // on the other port
	if _, err := first.Write([]byte("GET / HTTP/1.1\r\nHost: x\r\n\r\n")); err != nil {
		t.Fatal(err)
	}
	eventually(t, "who has asked takes no place", func() bool { return open(dialTCP(t, addr)) })
	_ = second.Close()
	eventually(t, "who has left takes no place", func() bool { return open(dialTCP(t, addr)) })
}

// All connections of a node are limited too; one that ends makes room.
func TestConnectionsInAll(t *testing.T) {
	s := start(t, func(o *Options) { o.Limits.Connections = 2 })
	a := s.client(packet.V5, "d1", s.driver("d1"))
	b := s.client(packet.V311, "d2", s.driver("d2"))
	s.dial(packet.V5).closed()
	_ = a.nc.Close()
	eventually(t, "one has gone", func() bool {
		s.b.door.mu.Lock()
		defer s.b.door.mu.Unlock()
		return s.b.door.open == 1
	})
	s.client(packet.V5, "d1", s.driver("d1")).silent()
	b.silent()
}

// A storm is let in at the rate that is set, in the order of arrival or not, but
// nobody is turned away.
func TestConnectStorm(t *testing.T) {
	const n, rate = 60, 50 // a second, of which a tenth at once
	s := start(t, func(o *Options) { o.Limits.ConnectRate = rate })
	began := time.Now()
	storm := make([]*wire, n)
	for i := range storm {
		id := fmt.Sprintf("d%d", i)
		storm[i] = s.dial(packet.V5)
		storm[i].send(hello{id: id, password: s.driver(id), keepAlive: 60}.frame(packet.V5))
	}
	for i, w := range storm {
		if _, code, _ := w.connack(); code != 0 {
			t.Errorf("client %d: CONNACK %#x", i, code)
		}
	}
	if took, least := time.Since(began), time.Second*(n-rate/10-1)/rate; took < least {
		t.Errorf("%d were let in within %v, want no less than %v", n, took, least)
	}
	for _, w := range storm {
		w.silent()
	}
}

// The queue has an end: who would wait for too long is told so at once.
func TestConnectQueueIsBounded(t *testing.T) {
	s := start(t, func(o *Options) { o.Limits.ConnectRate = 1 })
	busy := make(chan struct{}, 60)
	for i := range cap(busy) {
		id := fmt.Sprintf("d%d", i)
		w := s.dial(packet.V5)
		w.send(hello{id: id, password: s.driver(id)}.frame(packet.V5))
		go func() {
			if g, err := w.read(patience); err == nil && g.typ() == packet.TypeConnack && g.body[1] == packet.CodeServerBusy {
				busy <- struct{}{}
			}
		}()
	}
	for range cap(busy) - int(admissionWait/time.Second) - 2 {
		next(t, busy)
	}
}

// Whoever leaves the queue takes no place in it.
func TestWhoLeavesTheQueueTakesNoPlace(t *testing.T) {
	const gone = 25
	s := start(t, func(o *Options) { o.Limits.ConnectRate = 1 })
	s.client(packet.V5, "first", s.driver("first"))
	open := func(n int) func() bool {
		return func() bool {
			s.b.door.mu.Lock()
			defer s.b.door.mu.Unlock()
			return s.b.door.open == n
		}
	}
	eventually(t, "it is alone", open(1))
	var queue []*wire
	for i := range gone {
		id := fmt.Sprintf("d%d", i)
		w := s.dial(packet.V311)
		w.send(hello{id: id, password: s.driver(id)}.frame(packet.V311))
		queue = append(queue, w)
	}
	eventually(t, "they queue", func() bool { return s.b.admission.queued.Load() >= gone-5 })
	for _, w := range queue {
		_ = w.nc.Close()
	}
	eventually(t, "they have gone", open(1))
	began := time.Now()
	last := s.dial(packet.V5)
	hi := hello{id: "last", password: s.driver("last"), keepAlive: 60}
	last.send(hi.frame(packet.V5), subscribeFrame(packet.V5, 1, 0, nil, d1+"commands")) // what comes while it queues is not lost
	if _, code, _ := last.connack(); code != 0 {
		t.Errorf("CONNACK %#x", code)
	}
	if code := last.suback(); code[0] != packet.CodeNotAuthorized {
		t.Errorf("SUBACK %#x", code)
	}
	if took := time.Since(began); took > gone/2*time.Second {
		t.Errorf("it waited %v behind clients that had left", took)
	}
}

// Who has an IPv6 address has a /64 of them, and takes no more for it.
func TestAddress(t *testing.T) {
	for remote, want := range map[string]string{
		"192.0.2.7:1883":              "192.0.2.7",
		"[::ffff:192.0.2.7]:1883":     "192.0.2.7",
		"[2001:db8:1:2:3:4:5:6]:1883": "2001:db8:1:2::/64",
		"[2001:db8:1:2:ffff::1]:1883": "2001:db8:1:2::/64",
		"[2001:db8:1:3::1]:1883":      "2001:db8:1:3::/64",
		"[fe80::1%eth0]:1883":         "fe80::/64",
		"@":                           "@",
	} {
		if got := address(remote); got != want {
			t.Errorf("address(%q) = %q, want %q", remote, got, want)
		}
	}
}
