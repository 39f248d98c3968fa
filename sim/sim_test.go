package sim

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"runtime/pprof"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	mochi "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/listeners"
	"github.com/mochi-mqtt/server/v2/packets"

	"github.com/dray-fleet/dray/fleet"
)

var quiet = slog.New(slog.NewTextHandler(io.Discard, nil))

// A broker is a real MQTT broker that writes down the fixes it gets.
type broker struct {
	addr   string
	server *mochi.Server

	mu      sync.Mutex
	order   map[string][]int64 // seqs of each driver as they came
	arrays  int
	other   map[string]int // publishes on other topics, by their last level
	changed chan struct{}
	t       *testing.T
}

// passwordHook lets in who knows the password.
type passwordHook struct {
	mochi.HookBase
	password string
}

func (h *passwordHook) Provides(b byte) bool {
	return b == mochi.OnConnectAuthenticate || b == mochi.OnACLCheck
}

func (h *passwordHook) OnConnectAuthenticate(_ *mochi.Client, pk packets.Packet) bool {
	return string(pk.Connect.Password) == h.password
}

func (h *passwordHook) OnACLCheck(*mochi.Client, string, bool) bool { return true }

func newBroker(t *testing.T, addr, password string) *broker {
	b := &broker{order: map[string][]int64{}, other: map[string]int{}, changed: make(chan struct{}, 1), t: t}
	b.start(addr, password)
	t.Cleanup(func() { b.server.Close() })
	return b
}

func (b *broker) start(addr, password string) {
	b.server = mochi.New(&mochi.Options{InlineClient: true, Logger: quiet})
	if err := b.server.AddHook(&passwordHook{password: password}, nil); err != nil {
		b.t.Fatal(err)
	}
	tcp := listeners.NewTCP(listeners.Config{ID: "tcp", Address: addr})
	if err := b.server.AddListener(tcp); err != nil {
		b.t.Fatal(err)
	}
	if err := b.server.Serve(); err != nil {
		b.t.Fatal(err)
	}
	b.addr = tcp.Address()
	if err := b.server.Subscribe("fleet/#", 1, b.received); err != nil {
		b.t.Fatal(err)
	}
}

func (b *broker) received(_ *mochi.Client, _ packets.Subscription, pk packets.Packet) {
	b.mu.Lock()
	defer b.mu.Unlock()
	u, ok := fleet.ParseUpstream(pk.TopicName)
	if !ok || u.Fleet != "acme" {
		b.t.Errorf("publish to %s", pk.TopicName)
	}
	if u.Kind != fleet.KindLocation {
		b.other[pk.TopicName[strings.LastIndexByte(pk.TopicName, '/')+1:]]++
		return
	}
	var fixes []fix
	if pk.Payload[0] == '[' {
		b.arrays++
	} else {
		pk.Payload = fmt.Appendf(nil, "[%s]", pk.Payload)
	}
	if err := json.Unmarshal(pk.Payload, &fixes); err != nil {
		b.t.Errorf("payload %.100s: %v", pk.Payload, err)
	}
	for _, f := range fixes {
		v := fleet.Fix{FixAt: f.FixAt, Lat: f.Lat, Lon: f.Lon, Heading: f.Heading, Speed: fleet.Some(f.Speed), Battery: fleet.Some(f.Battery)}
		if err := v.Validate(); err != nil || f.SentAt.Before(f.FixAt) || f.Boot == "" {
			b.t.Errorf("fix %+v: %v", f, err)
		}
		b.order[u.Driver] = append(b.order[u.Driver], f.Seq)
	}
	select {
	case b.changed <- struct{}{}:
	default:
	}
}

// until waits for a publish after which ok holds. ok is called with the lock.
func (b *broker) until(what string, ok func() bool) {
	b.t.Helper()
	deadline := time.After(20 * time.Second)
	for {
		b.mu.Lock()
		done := ok()
		b.mu.Unlock()
		if done {
			return
		}
		select {
		case <-b.changed:
		case <-deadline:
			b.t.Fatalf("waited in vain until %s", what)
		}
	}
}

func token(driver string) (string, error) { return "secret", nil }

// start runs a fleet and returns what stops it and waits.
func start(t *testing.T, opts Options) (*Sim, func()) {
	opts.Fleet, opts.Logger = "acme", quiet
	if opts.Token == nil {
		opts.Token = token
	}
	s, err := New(opts)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	stop := sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	t.Cleanup(stop)
	return s, stop
}

// complete reports whether every driver's seqs 1 to n have come.
func (b *broker) complete(drivers int, n int64) bool {
	if len(b.order) < drivers {
		return false
	}
	for _, seqs := range b.order {
		seen := slices.Compact(slices.Sorted(slices.Values(seqs)))
		if int64(len(seen)) < n || seen[n-1] != n {
			return false
		}
	}
	return true
}

func TestEveryFixArrivesAndTheLedgerTellsTheTruth(t *testing.T) {
	b := newBroker(t, "127.0.0.1:0", "secret")
	file := filepath.Join(t.TempDir(), "ledger")
	s, stop := start(t, Options{URL: "mqtt://" + b.addr, Drivers: 20, Interval: 20 * time.Millisecond, Ledger: file, Dials: 3})
	b.until("20 drivers sent 25 fixes each", func() bool { return b.complete(20, 25) })
	stop()

	st := s.Stats()
	if st.Failed != 0 || st.Acked != st.Published || st.Connected != 0 || st.Waiting != 0 || st.Dropped != 0 {
		t.Errorf("stats %+v", st)
	}
	lines, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if n := bytes.Count(lines, []byte("\n")); int64(n) != st.Fixes {
		t.Errorf("ledger has %d lines, %d fixes were acknowledged", n, st.Fixes)
	}
	// This broker acknowledges before it forwards, so wait for what is in the ledger.
	b.until("the broker has forwarded all that is in the ledger", func() bool {
		for line := range strings.Lines(string(lines)) {
			var driver, boot string
			var seq int64
			if _, err := fmt.Sscan(line, &driver, &boot, &seq); err != nil {
				t.Fatalf("ledger line %q: %v", line, err)
			}
			if !slices.Contains(b.order[driver], seq) {
				return false
			}
		}
		return b.other["duty"] == 20
	})
}

func goroutines() string {
	var b strings.Builder
	pprof.Lookup("goroutine").WriteTo(&b, 1)
	return b.String()
}

func TestTunnelSendsNewestFirstThenTheBacklogInArrays(t *testing.T) {
	b := newBroker(t, "127.0.0.1:0", "secret")
	s, stop := start(t, Options{URL: "mqtt://" + b.addr, Drivers: 3, Interval: 2 * time.Millisecond, Tunnel: 60 * time.Millisecond})
	jumped := func() bool { // a seq that is out of order: newest first
		for _, seqs := range b.order {
			if !slices.IsSorted(seqs) {
				return true
			}
		}
		return false
	}
	b.until("a backlog has come after a newer fix", func() bool { return b.arrays > 2 && jumped() && b.complete(3, 500) })
	stop()
	for deadline := time.Now().Add(10 * time.Second); strings.Contains(goroutines(), "paho"); runtime.Gosched() {
		if time.Now().After(deadline) {
			t.Fatalf("clients of cut connections are left:\n%s", goroutines())
		}
	}
	if st := s.Stats(); st.Dropped != 0 {
		t.Errorf("stats %+v", st)
	}
}

func TestFleetReturnsWhenTheBrokerDoes(t *testing.T) {
	b := newBroker(t, "127.0.0.1:0", "secret")
	s, stop := start(t, Options{URL: "mqtt://" + b.addr, Drivers: 5, Interval: 10 * time.Millisecond})
	b.until("traffic flows", func() bool { return b.complete(5, 5) })
	b.server.Close()
	b.start(b.addr, "secret")
	b.until("nothing is missing", func() bool { return b.complete(5, 100) })
	stop()
	if st := s.Stats(); st.Fixes == 0 || st.Connected != 0 {
		t.Errorf("stats %+v", st)
	}
}

func TestRefusedFleetStopsAtOnce(t *testing.T) {
	b := newBroker(t, "127.0.0.1:0", "another secret")
	asked := make(chan struct{}, 100)
	s, stop := start(t, Options{URL: "mqtt://" + b.addr, Drivers: 3, Token: func(string) (string, error) {
		asked <- struct{}{}
		return "wrong", nil
	}})
	for range 4 { // so that at least one driver was refused and tried again
		<-asked
	}
	stop()
	if st := s.Stats(); st.Connected != 0 || st.Published != 0 {
		t.Errorf("stats %+v", st)
	}
}

func TestNewRefuses(t *testing.T) {
	for _, tt := range []struct {
		opts Options
		want string
	}{
		{Options{}, "no tokens"},
		{Options{Token: token, URL: "http://a"}, "URL must begin"},
		{Options{Token: token, City: "atlantis"}, "there are berlin, chicago"},
		{Options{Token: token, Fleet: "a/b"}, "fleet must be an id"},
		{Options{Token: token, Prefix: "+"}, "prefix must be"},
		{Options{Token: token, Drivers: -1}, "drivers must be"},
		{Options{Token: token, Tunnel: -1}, "must be positive"},
		{Options{Token: token, Ledger: "/does/not/exist"}, "open ledger"},
	} {
		if _, err := New(tt.opts); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("New: error %v, want one with %q", err, tt.want)
		}
	}
}
