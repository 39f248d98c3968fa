package broker

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/dray-fleet/dray/auth"
	"github.com/dray-fleet/dray/codec"
	"github.com/dray-fleet/dray/fleet"
	"github.com/dray-fleet/dray/stream"
)

// patience is how long a test waits for what must come.
const patience = 20 * time.Second

var secret = []byte("a secret of the tests, long enough for HS256")

// A server is a real broker on loopback ports, with a real stream unless the
// test gives another.
type server struct {
	t           testing.TB
	b           *Broker
	addr        string
	http        *httptest.Server // MQTT over WebSocket
	minter      *auth.Minter
	revocations *auth.Revocations
	decide      atomic.Pointer[decide]
	stop        func() // ends Run and waits for it
}

// A decide has a say in logins, after the verifier.
type decide func(*auth.Claims, error) (*auth.Claims, error)

// verified authenticates with real tokens.
type verified struct {
	verifier    *auth.Verifier
	revocations *auth.Revocations
	decide      *atomic.Pointer[decide]
}

func (v verified) Login(ctx context.Context, l Login) (*auth.Claims, error) {
	c, err := v.verifier.Verify(ctx, l.Password)
	if decide := v.decide.Load(); decide != nil {
		return (*decide)(c, err)
	}
	return c, err
}
func (v verified) Revoked(c *auth.Claims) bool { return v.revocations.Revoked(c) }

func silent() *slog.Logger { return slog.New(slog.NewTextHandler(io.Discard, nil)) }

// openStream opens a real embedded stream.
func openStream(t testing.TB) *stream.Log {
	t.Helper()
	l, err := stream.Open(t.Context(), stream.Options{Dir: t.TempDir(), Logger: silent()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}

// start runs a broker until the test ends.
func start(t testing.TB, change ...func(*Options)) *server {
	t.Helper()
	return startOn(t, openStream(t), change...)
}

// startOn runs a broker on a stream of the test's.
func startOn(t testing.TB, log Appender, change ...func(*Options)) *server {
	t.Helper()
	s := &server{t: t, revocations: auth.NewRevocations(nil)}
	verifier, err := auth.NewVerifier(auth.Options{Secret: secret, Revocations: s.revocations, Logger: silent()})
	if err != nil {
		t.Fatal(err)
	}
	if s.minter, err = auth.NewMinter(secret, "", ""); err != nil {
		t.Fatal(err)
	}
	opts := Options{
		Addr: "127.0.0.1:0", Logger: silent(), Debounce: 50 * time.Millisecond,
		Limits: Limits{MessageRate: -1},
	}
	for _, f := range change {
		f(&opts)
	}
	if s.b, err = New(log, verified{verifier, s.revocations, &s.decide}, opts); err != nil {
		t.Fatal(err)
	}
	s.revocations.OnRevoke(func(fleet.Revocation) { s.b.EndRevoked() })
	s.addr = s.b.Addr().String()
	s.http = httptest.NewUnstartedServer(http.StripPrefix("/mqtt", s.b))
	s.b.TimeArrivals(s.http.Config)
	s.http.Start()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.b.Run(ctx) }()
	s.stop = sync.OnceFunc(func() {
		cancel()
		select {
		case err := <-done:
			if err != nil {
				t.Errorf("Run: %v", err)
			}
		case <-time.After(patience):
			t.Error("Run does not end")
		}
		s.http.Close()
	})
	t.Cleanup(s.stop)
	return s
}

// token mints a token that is good for an hour; change may say otherwise.
func (s *server) token(role fleet.Role, fleetID, sub string, change ...func(*auth.Claims)) string {
	s.t.Helper()
	c := &auth.Claims{Subject: sub, Fleet: fleetID, Role: role, ExpiresAt: time.Now().Add(time.Hour)}
	for _, f := range change {
		f(c)
	}
	token, err := s.minter.Mint(c)
	if err != nil {
		s.t.Fatal(err)
	}
	return token
}

func (s *server) driver(id string) string     { return s.token(fleet.RoleDriver, "acme", id) }
func (s *server) dispatcher(id string) string { return s.token(fleet.RoleDispatcher, "acme", id) }

// allowing gives a token an acl instead of its role's rules.
func allowing(pub, sub string) func(*auth.Claims) {
	return func(c *auth.Claims) {
		c.ACL = &auth.ACL{Pub: strings.Fields(pub), Sub: strings.Fields(sub)}
	}
}

// eventually waits until ok holds. It is for what the server does that no frame
// tells of.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	end := time.After(patience)
	for !ok() {
		select {
		case <-tick.C:
		case <-end:
			t.Fatalf("not within %v: %s", patience, what)
		}
	}
}

// A record is a publication in a memory stream, and whom to tell.
type record struct {
	fleet.Publication
	to    fleet.Acker
	token uint64
}

// A memoryStream is an Appender whose answers the test gives: it provokes what a
// real stream does only in distress.
type memoryStream struct {
	records chan record
	refuse  func(fleet.Publication) error
}

func newMemoryStream() *memoryStream { return &memoryStream{records: make(chan record, 1<<16)} }

func (m *memoryStream) Append(p fleet.Publication, to fleet.Acker, token uint64) error {
	if m.refuse != nil {
		if err := m.refuse(p); err != nil {
			return err
		}
	}
	p.Payload = append([]byte(nil), p.Payload...)
	m.records <- record{p, to, token}
	return nil
}

// next waits for the next publication that is appended.
func (m *memoryStream) next(t testing.TB) record {
	t.Helper()
	select {
	case r := <-m.records:
		return r
	case <-time.After(patience):
		t.Fatal("nothing was appended")
		return record{}
	}
}

// said returns a record's payload as it was published, also when it travels
// decoded: the one fix of it in the form of fix.
func said(p fleet.Publication) string {
	if !p.Decoded {
		return string(p.Payload)
	}
	fixes, err := codec.Fixes(p.Payload)
	if err != nil || len(fixes) != 1 {
		return fmt.Sprintf("%d fixes, %v", len(fixes), err)
	}
	return fmt.Sprintf(`{"fix_at":%d,"lat":%.5f,"lon":%.2f}`, fixes[0].FixAt.UnixMilli(), fixes[0].Lat, fixes[0].Lon)
}

func (r record) answer(err error) {
	r.to.Appended(r.token, err)
	r.to.Flush()
}

// dialTCP opens a plain connection.
func dialTCP(t testing.TB, addr string) net.Conn {
	t.Helper()
	nc, err := net.DialTimeout("tcp", addr, patience)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = nc.Close() })
	return nc
}
