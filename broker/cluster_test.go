package broker

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	natsserver "github.com/nats-io/nats-server/v2/server"
	"pgregory.net/rapid"

	"github.com/dray-fleet/dray/broker/packet"
	"github.com/dray-fleet/dray/fleet"
	"github.com/dray-fleet/dray/stream"
)

// startNATS starts a NATS server as an operator would, with a port.
func startNATS(t *testing.T) string {
	t.Helper()
	s, err := natsserver.NewServer(&natsserver.Options{Host: "127.0.0.1", Port: natsserver.RANDOM_PORT, JetStream: true, StoreDir: t.TempDir(), NoSigs: true})
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
	if !s.ReadyForConnections(10 * time.Second) {
		t.Fatal("the NATS server did not start")
	}
	return s.ClientURL()
}

// startNode runs a broker among others on one NATS.
func startNode(t *testing.T, url, name string, change ...func(*Options)) *server {
	t.Helper()
	log, err := stream.Open(t.Context(), stream.Options{URL: url, Partitions: 1, MaxBytes: 64 << 20, Node: name, Logger: silent()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = log.Close() })
	return startOn(t, log, append([]func(*Options){func(o *Options) { o.Node, o.Bus = name, log }}, change...)...)
}

// acquainted waits until the nodes know of each other.
func acquainted(t *testing.T, nodes ...*server) {
	t.Helper()
	for _, s := range nodes {
		eventually(t, "the nodes know each other", func() bool {
			s.b.presence.mu.Lock()
			defer s.b.presence.mu.Unlock()
			synced := 0
			for _, p := range s.b.cluster.peers {
				if p.synced {
					synced++
				}
			}
			return synced == len(nodes)-1
		})
	}
}

// A faulty bus loses what the test wants lost.
type faulty struct {
	Bus
	lose atomic.Pointer[func(subject string, data []byte) bool]
}

func (f *faulty) Send(subject string, data []byte) error {
	if lose := f.lose.Load(); lose != nil && (*lose)(subject, data) {
		return nil
	}
	return f.Bus.Send(subject, data)
}

func (f *faulty) loses(fn func(subject string, data []byte) bool) { f.lose.Store(&fn) }

func (f *faulty) on(o *Options) { f.Bus, o.Bus = o.Bus, f }

func notes(kinds ...string) func(string, []byte) bool {
	return func(subject string, data []byte) bool {
		var m note
		if subject != subjectNodes || json.Unmarshal(data, &m) != nil {
			return false
		}
		for _, k := range kinds {
			if m.Kind == k {
				return true
			}
		}
		return false
	}
}

func told(s *server, driver string) string {
	pk, ok := s.b.engine.Topics.Retained.Get(fleet.DriverTopic("acme", driver, "presence"))
	if !ok {
		return ""
	}
	var p fleet.Presence
	if err := json.Unmarshal(pk.Payload, &p); err != nil {
		s.t.Fatal(err)
	}
	return p.State
}

func tells(t *testing.T, s *server, driver, state string) {
	t.Helper()
	eventually(t, driver+" is "+state, func() bool { return told(s, driver) == state })
}

// What is published on one node is heard on another only where somebody watches.
func TestNodesListenToWhatIsWatched(t *testing.T) {
	url := startNATS(t)
	a, b := startNode(t, url, "a"), startNode(t, url, "b")
	acquainted(t, a, b)
	listening := func(want ...string) func() bool {
		return func() bool {
			b.b.cluster.mu.Lock()
			defer b.b.cluster.mu.Unlock()
			var got []string
			for _, f := range []string{"acme", "beta", allFleets} {
				if b.b.cluster.listening[f] != nil {
					got = append(got, f)
				}
			}
			return cmp.Equal(want, got)
		}
	}
	d := b.client(packet.V5, "d9", b.driver("d9"))
	d.granted(1, "fleet/acme/drivers/d9/#")
	x := b.client(packet.V5, "x1", b.dispatcher("x1"))
	x.granted(1, "fleet/acme/shipments/+")
	if !listening()() {
		t.Error("it listens, and nobody watches")
	}
	x.granted(1, "fleet/acme/drivers/+/location", "fleet/acme/drivers/+/health")
	eventually(t, "it listens to acme", listening("acme"))
	y := b.client(packet.V311, "y1", b.token(fleet.RoleOperator, "*", "y1"))
	y.granted(0, "fleet/#")
	eventually(t, "it listens to all at once", listening(allFleets))
	x.send(unsubscribeFrame(packet.V5, 9, "fleet/acme/drivers/+/location", "fleet/acme/drivers/+/health"))
	x.want(packet.TypeUnsuback)
	y.send([]byte{packet.TypeDisconnect << 4, 0})
	eventually(t, "it listens to nothing", listening())

	// Both the raw publication and its properties, to a shared subscription too.
	x.granted(1, "$share/g/fleet/acme/drivers/+/health", d1+"location")
	eventually(t, "it listens again", listening("acme"))
	w := a.client(packet.V5, "d1", a.driver("d1"))
	var got message
	heard := make(chan struct{})
	go func() { defer close(heard); got = x.message() }()
	tick := time.NewTicker(50 * time.Millisecond) // the server of the bus learns of the listener a moment later
	defer tick.Stop()
	for id, end := uint16(1), false; !end; id++ {
		select {
		case <-heard:
			end = true
		case <-tick.C:
			w.publish(d1+"location", fix(int(id)), 1, id)
			w.acked(packet.TypePuback, id, 0)
		}
	}
	if got.topic != d1+"location" || got.qos != 0 {
		t.Errorf("heard %+v", got)
	}
	w.publish(d1+"health", `{"battery_pct":50}`, 1, 1000)
	if m := x.until(d1 + "health"); m < 0 {
		t.Error("no health report")
	}
}

// A client id is connected once, wherever; a driver who goes from node to node
// was never away.
func TestTakeOverAcrossNodes(t *testing.T) {
	url := startNATS(t)
	a, b := startNode(t, url, "a"), startNode(t, url, "b")
	acquainted(t, a, b)
	x := b.client(packet.V5, "x1", b.dispatcher("x1"))
	x.granted(1, "fleet/acme/drivers/+/presence")
	x.send([]byte{packet.TypePingreq << 4, 0}) // what is retained has been looked for when it is answered
	x.want(packet.TypePingresp)
	nodes := []*server{a, b}
	last := a.client(packet.V5, "d1", a.driver("d1"))
	if _, p, _ := x.presence(); p.State != "online" {
		t.Errorf("presence %+v", p)
	}
	for i := range 6 {
		next := nodes[(i+1)%2]
		w := next.client(packet.V5, "d1", next.driver("d1"))
		last.ended(packet.CodeTakenOver)
		last = w
	}
	// Whoever leaves the node after d1 is told offline later than d1 would be.
	eventually(t, "d1 has left the node", func() bool {
		b.b.presence.mu.Lock()
		defer b.b.presence.mu.Unlock()
		return b.b.presence.drivers[driverKey{"acme", "d1"}].connections == 0
	})
	b.client(packet.V5, "d2", b.driver("d2")).send(packet.AppendDisconnect(nil, packet.V5, 0, ""))
	for _, state := range []string{"online", "offline"} {
		if topic, p, _ := x.presence(); topic != "fleet/acme/drivers/d2/presence" || p.State != state {
			t.Errorf("%s is told %s, want d2 %s", topic, p.State, state)
		}
	}
	last.send(packet.AppendDisconnect(nil, packet.V5, 0, ""))
	if _, p, _ := x.presence(); p.State != "offline" {
		t.Errorf("presence %+v between the connections", p)
	}
	tells(t, a, "d1", "offline")
}

// What is lost on the bus is found out by the next beat.
func TestLostNotesAreMadeGood(t *testing.T) {
	url := startNATS(t)
	bus := &faulty{}
	a, b := startNode(t, url, "a", bus.on), startNode(t, url, "b")
	acquainted(t, a, b)
	bus.loses(notes(noteArrived))
	const n = notedMost + 10 // a snapshot in parts
	for i := range n {
		a.b.presence.arrived(driverKey{"acme", fmt.Sprint("p", i)}, "phone")
	}
	tells(t, b, "p0", "online")
	tells(t, b, fmt.Sprint("p", n-1), "online")
	bus.loses(notes(noteLeft))
	a.b.presence.left(driverKey{"acme", "p7"}, "phone", "connection lost")
	tells(t, b, "p7", "offline")
	if s := told(b, "p8"); s != "online" {
		t.Errorf("p8 is %q", s)
	}
}

// A node that is not heard of is taken as dead, and is not when it is back.
func TestNodeThatWasCutOff(t *testing.T) {
	url := startNATS(t)
	bus := &faulty{}
	kept := &memoryPresence{all: map[fleet.Source]fleet.Presence{}}
	keep := func(o *Options) { o.Presence = kept }
	a, b := startNode(t, url, "a", bus.on, keep), startNode(t, url, "b", keep)
	acquainted(t, a, b)
	a.client(packet.V5, "d1", a.driver("d1"))
	tells(t, b, "d1", "online")
	bus.loses(func(string, []byte) bool { return true })
	tells(t, b, "d1", "offline")
	eventually(t, "saved as offline", func() bool { return kept.state("d1") == "offline" })
	bus.loses(func(string, []byte) bool { return false })
	tells(t, b, "d1", "online")
	eventually(t, "saved as online", func() bool { return kept.state("d1") == "online" })
	if s := told(a, "d1"); s != "online" {
		t.Errorf("its own node says %q", s)
	}
}

// A node that starts later knows who is connected elsewhere; one that stops has
// its drivers gone at once, after the debounce.
func TestNodesComeAndGo(t *testing.T) {
	url := startNATS(t)
	kept := &memoryPresence{all: map[fleet.Source]fleet.Presence{}}
	keep := func(o *Options) { o.Presence = kept }
	a := startNode(t, url, "a", keep)
	a.client(packet.V5, "d1", a.driver("d1"))
	eventually(t, "saved", func() bool { return kept.state("d1") == "online" })
	b := startNode(t, url, "b", keep, func(o *Options) { o.Debounce = 500 * time.Millisecond })
	tells(t, b, "d1", "online")
	stopped := time.Now()
	a.stop()
	tells(t, b, "d1", "offline")
	if took := time.Since(stopped); took > deadAfter {
		t.Errorf("that a node has stopped was known after %s", took)
	}
}

// The server's publications reach every node; a retained one stays there.
func TestPublishReachesEveryNode(t *testing.T) {
	url := startNATS(t)
	a, b := startNode(t, url, "a"), startNode(t, url, "b")
	acquainted(t, a, b)
	x, y := a.client(packet.V5, "x1", a.dispatcher("x1")), b.client(packet.V5, "y1", b.dispatcher("y1"))
	for _, w := range []*wire{x, y} {
		w.granted(1, "fleet/acme/shipments/+")
		w.silent() // what is retained has been looked for
	}
	a.b.Publish("fleet/acme/shipments/s1", []byte(`{"id":"s1"}`), true, 1)
	for _, w := range []*wire{x, y} {
		if m := w.ack(); m.payload != `{"id":"s1"}` || m.qos != 1 {
			t.Errorf("%+v", m)
		}
	}
	late := b.client(packet.V5, "z1", b.dispatcher("z1"))
	late.granted(1, "fleet/acme/shipments/+")
	if m := late.message(); !m.retain || m.payload != `{"id":"s1"}` {
		t.Errorf("retained: %+v", m)
	}
}

// What is erased of a driver is not shown any more by any node; what it reports
// afterwards is.
func TestErasedIsShownByNoNode(t *testing.T) {
	url := startNATS(t)
	quick := func(o *Options) {
		o.LiveEvery, o.KeyEvery, o.Debounce = 10*time.Millisecond, time.Hour, 10*time.Millisecond
	}
	a, b := startNode(t, url, "a", quick), startNode(t, url, "b", quick)
	acquainted(t, a, b)
	watchers := []*wire{a.client(packet.V5, "x1", a.dispatcher("x1")), b.client(packet.V5, "y1", b.dispatcher("y1"))}
	for _, w := range watchers {
		w.granted(0, "fleet/acme/live")
	}
	eventually(t, "each node hears what the other's drivers publish", func() bool {
		a.b.cluster.mu.Lock()
		defer a.b.cluster.mu.Unlock()
		b.b.cluster.mu.Lock()
		defer b.b.cluster.mu.Unlock()
		return len(a.b.cluster.listening) == 1 && len(b.b.cluster.listening) == 1
	})
	phone := a.client(packet.V5, "d1:phone", a.driver("d1"))
	phone.publish(d1+"location", fix(1), 1, 1)
	for _, w := range watchers {
		for len(w.liveFrame().Entries) == 0 { // a keyframe of nobody comes first
		}
	}
	_ = phone.nc.Close()
	placed := func(s *server) bool {
		f := s.b.live.fleet("acme")
		f.mu.Lock()
		defer f.mu.Unlock()
		return f.drivers["d1"].placed
	}
	for _, s := range []*server{a, b} {
		eventually(t, "the driver is gone", func() bool {
			s.b.presence.mu.Lock()
			defer s.b.presence.mu.Unlock()
			return len(s.b.presence.drivers) == 0
		})
	}
	b.b.Erased("acme", "d1")
	for _, s := range []*server{a, b} {
		eventually(t, "it is forgotten", func() bool { return !placed(s) })
		eventually(t, "so is its last connection", func() bool {
			p, ok := s.b.engine.Topics.Retained.Get(d1 + "presence")
			return ok && !strings.Contains(string(p.Payload), "reason")
		})
		late := s.client(packet.V5, "z1", s.dispatcher("z1"))
		late.granted(0, "fleet/acme/live")
		if f := late.liveFrame(); len(f.Entries)+len(f.Names) > 0 {
			t.Errorf("a keyframe shows it: %+v", f)
		}
	}
	phone = a.client(packet.V5, "d1:phone", a.driver("d1"))
	phone.publish(d1+"location", fix(0), 1, 2) // older than what is forgotten
	eventually(t, "it is shown again", func() bool { return placed(a) && placed(b) })
}

func TestSharedRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := packet.Publish{
			QoS: rapid.SampledFrom([]byte{0, 1, 2}).Draw(t, "qos"), Retain: rapid.Bool().Draw(t, "retain"),
			Topic: []byte("fleet/acme/" + rapid.StringMatching(`[a-z]{1,40}`).Draw(t, "topic")),
			Props: rapid.SliceOf(rapid.Byte()).Draw(t, "props"), Payload: rapid.SliceOf(rapid.Byte()).Draw(t, "payload"),
		}
		topic, got, err := parseShared(appendShared(nil, string(p.Topic), &p))
		if diff := cmp.Diff(p, got); err != nil || topic != string(p.Topic) || diff != "" {
			t.Fatalf("topic %q, error %v, difference (-want +got):\n%s", topic, err, diff)
		}
	})
}

func FuzzShared(f *testing.F) {
	f.Add(appendShared(nil, d1+"location", &packet.Publish{QoS: 1, Payload: []byte("{}")}))
	f.Add([]byte{1, 0xff, 0xff})
	f.Fuzz(func(t *testing.T, b []byte) {
		topic, p, err := parseShared(b)
		if err == nil && (string(appendShared(nil, topic, &p)) != string(b) || !fleet.ValidTopic(topic)) {
			t.Errorf("%x is read as %q %+v", b, topic, p)
		}
	})
}
