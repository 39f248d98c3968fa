package broker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dray-fleet/dray/broker/packet"
	"github.com/dray-fleet/dray/codec"
	"github.com/dray-fleet/dray/fleet"
)

func (w *wire) presence() (topic string, p fleet.Presence, retain bool) {
	w.t.Helper()
	m := w.message()
	if err := json.Unmarshal([]byte(m.payload), &p); err != nil {
		w.t.Fatalf("presence %q: %v", m.payload, err)
	}
	return m.topic, p, m.retain
}

// A memoryPresence keeps presence as a store does.
type memoryPresence struct {
	mu  sync.Mutex
	all map[fleet.Source]fleet.Presence
}

func (m *memoryPresence) SavePresences(_ context.Context, changes []fleet.PresenceChange) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, c := range changes {
		m.all[fleet.Source{Fleet: c.Fleet, Driver: c.Driver}] = c.Presence
	}
	return nil
}

func (m *memoryPresence) OnlineDrivers(context.Context) ([]fleet.Source, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var online []fleet.Source
	for s, p := range m.all {
		if p.State == "online" {
			online = append(online, s)
		}
	}
	return online, nil
}

func (m *memoryPresence) state(driver string) string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.all[fleet.Source{Fleet: "acme", Driver: driver}].State
}

func TestPresence(t *testing.T) {
	kept := &memoryPresence{all: map[fleet.Source]fleet.Presence{
		{Fleet: "acme", Driver: "ghost"}: {State: "online"}, // left by a process that was killed
		{Fleet: "acme", Driver: "away"}:  {State: "offline"},
	}}
	const debounce = 300 * time.Millisecond
	s := start(t, func(o *Options) { o.Debounce, o.Presence = debounce, kept })
	x := s.client(packet.V5, "x1", s.dispatcher("x1"))
	x.granted(1, "fleet/acme/drivers/+/presence")
	if topic, p, _ := x.presence(); topic != "fleet/acme/drivers/ghost/presence" || p.State != "offline" || p.Reason == "" {
		t.Errorf("%s %+v", topic, p)
	}
	w := s.client(packet.V5, "d1:phone", s.driver("d1"))
	if topic, p, _ := x.presence(); topic != d1+"presence" || p.State != "online" || p.Source != "phone" || p.At.IsZero() {
		t.Errorf("%s %+v", topic, p)
	}
	late := s.client(packet.V311, "x2", s.dispatcher("x2"))
	late.granted(0, d1+"presence")
	if _, p, retain := late.presence(); p.State != "online" || !retain {
		t.Errorf("retained %v: %+v", retain, p)
	}
	_ = w.nc.Close()
	w = s.client(packet.V5, "d1:phone", s.driver("d1")) // back at once
	x.silent()
	gone := time.Now()
	_ = w.nc.Close()
	if _, p, _ := x.presence(); p.State != "offline" || p.Reason != "connection lost" || p.Source != "phone" {
		t.Errorf("%+v", p)
	}
	if d := time.Since(gone); d < debounce {
		t.Errorf("offline after %v, want the debounce first", d)
	}
	eventually(t, "the store knows", func() bool { return kept.state("d1") == "offline" && kept.state("ghost") == "offline" })

	w = s.client(packet.V5, "d1:phone", s.driver("d1"))
	x.presence()
	_ = w.nc.(*net.TCPConn).SetLinger(0) // it is reset
	_ = w.nc.Close()
	if _, p, _ := x.presence(); !strings.HasPrefix(p.Reason, "connection lost: ") || strings.Contains(p.Reason, "127.0.0.1") {
		t.Errorf("the reason is %q, want none with addresses", p.Reason)
	}
}

// All retained publications reach a new subscriber, however many.
func TestRetainedBurst(t *testing.T) {
	const n = 20_000 // more bytes than may wait for one connection
	s := start(t)
	for i := range n {
		s.b.Publish(fmt.Sprintf("fleet/acme/drivers/d%d/presence", i), []byte(`{"state":"online","at":"2024-05-01T12:00:00Z","source":"phone"}`), true, 1)
	}
	for _, version := range versions {
		w := s.client(version, "x1", s.dispatcher("x1"))
		w.granted(1, "fleet/acme/drivers/+/presence")
		seen := make(map[string]bool, n)
		for range n {
			m := w.message()
			if !m.retain || seen[m.topic] {
				t.Fatalf("%+v", m)
			}
			seen[m.topic] = true
		}
		w.silent()
	}
}

// Retain handling: 1 sends to new subscriptions only, 2 never.
func TestRetainHandling(t *testing.T) {
	s := start(t)
	s.b.Publish("fleet/acme/broadcast", []byte("kept"), true, 1)
	w := s.client(packet.V5, "x1", s.dispatcher("x1"))
	for _, tt := range []struct {
		handling byte
		want     int
	}{{2, 0}, {1, 0}, {0, 1}} {
		w.send(subscribeFrame(packet.V5, 1, tt.handling<<4, nil, "fleet/acme/broadcast"))
		w.suback()
		if n := w.pending(); n != tt.want {
			t.Errorf("retain handling %d: %d publications, want %d", tt.handling, n, tt.want)
		}
	}
	s.b.Publish("fleet/acme/broadcast", nil, true, 1) // removes it
	w.message()
	w.granted(0, "fleet/acme/broadcast")
	w.silent()
}

func (w *wire) liveFrame() codec.Frame {
	w.t.Helper()
	m := w.message()
	f, err := codec.DecodeFrame([]byte(m.payload))
	if err != nil || m.qos != 0 {
		w.t.Fatalf("live frame at QoS %d: %v", m.qos, err)
	}
	return f
}

func TestLiveFrames(t *testing.T) {
	s := start(t, func(o *Options) { o.LiveEvery, o.KeyEvery = 10*time.Millisecond, time.Hour })
	x := s.client(packet.V5, "x1", s.dispatcher("x1"))
	if code := x.subscribe(1, "fleet/acme/live")[0]; code != 0 {
		t.Errorf("granted QoS %d, want 0", code)
	}
	drivers := map[string]*wire{}
	for i := range 3 {
		id := fmt.Sprintf("d%d", i)
		drivers[id] = s.client(packet.V5, id, s.driver(id))
	}
	names, at := map[uint32]string{}, map[string]codec.LiveEntry{}
	var seq uint64
	follow := func(w *wire, until func() bool) {
		t.Helper()
		for !until() {
			f := w.liveFrame()
			if seq != 0 && f.Sequence != seq+1 && !f.Keyframe {
				t.Errorf("sequence %d follows %d", f.Sequence, seq)
			}
			seq = f.Sequence
			for _, n := range f.Names {
				names[n.Index] = n.Driver
			}
			for _, e := range f.Entries {
				at[names[e.Index]] = e
			}
		}
	}
	for n := range 20 {
		for id, w := range drivers {
			w.publish("fleet/acme/drivers/"+id+"/location", fix(n), 1, uint16(n+1))
		}
	}
	var want int32 = 590190000
	all := func() bool {
		for id := range drivers {
			if at[id].Lat != want {
				return false
			}
		}
		return true
	}
	follow(x, all)
	if at[""] != (codec.LiveEntry{}) {
		t.Error("an entry without a name")
	}
	// A late fix moves nobody back.
	drivers["d1"].publish(d1+"location", fix(3), 1, 100)
	drivers["d2"].publish("fleet/acme/drivers/d2/location", fix(21), 1, 100)
	follow(x, func() bool { return at["d2"].Lat == 590210000 })
	if at["d1"].Lat != want {
		t.Errorf("d1 was moved back to %d", at["d1"].Lat)
	}
	// Who comes late is complete after one frame.
	late := s.client(packet.V311, "x2", s.dispatcher("x2"))
	late.granted(0, "fleet/acme/live")
	if f := late.liveFrame(); !f.Keyframe || len(f.Entries) != 3 || len(f.Names) != 3 {
		t.Errorf("first frame of a late subscriber: %+v", f)
	}
	// Another fleet sees nothing of it.
	other := s.client(packet.V5, "x3", s.token(fleet.RoleDispatcher, "other", "x3"))
	other.granted(0, "fleet/other/#")
	drivers["d1"].publish(d1+"location", fix(30), 1, 101)
	follow(x, func() bool { return at["d1"].Lat == 590300000 })
	other.silent()
}

// storedPlaces are what a store knows of acme's drivers.
type storedPlaces struct {
	mu   sync.Mutex
	all  []fleet.Driver
	away bool
	read func() // before the answer; may be nil
}

func (p *storedPlaces) Drivers(_ context.Context, q fleet.DriverQuery) ([]fleet.Driver, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.away {
		return nil, errors.New("the store is away")
	}
	var page []fleet.Driver
	for _, d := range p.all {
		if d.Fleet == q.Fleet && d.ID > q.After && len(page) < q.Limit {
			page = append(page, d)
		}
	}
	if p.read != nil {
		p.read()
	}
	return page, nil
}

// A keyframe holds those who have not moved since the server started too, and
// nobody who was erased while they were read.
func TestLiveFramesAfterARestart(t *testing.T) {
	const n = 1500 // more than one page
	places := &storedPlaces{away: true}
	before := time.Now().Add(-48 * time.Hour)
	for i := range n {
		p := &fleet.Position{Fix: fleet.Fix{FixAt: before, Lat: 10, Lon: 20}}
		places.all = append(places.all, fleet.Driver{Fleet: "acme", ID: fmt.Sprintf("d%04d", i), Position: p})
	}
	places.all = append(places.all, fleet.Driver{Fleet: "acme", ID: "never"}, fleet.Driver{Fleet: "other", ID: "o1", Position: places.all[0].Position})
	s := start(t, func(o *Options) { o.Places, o.KeyEvery = places, time.Hour })
	w := s.client(packet.V5, "d0007", s.driver("d0007"))
	w.publish("fleet/acme/drivers/d0007/location", fix(1), 1, 1)
	w.acked(packet.TypePuback, 1, 0)

	first := func(id string) codec.Frame {
		x := s.client(packet.V5, id, s.dispatcher(id))
		x.granted(0, "fleet/acme/live")
		return x.liveFrame()
	}
	if f := first("x1"); len(f.Entries) != 1 {
		t.Errorf("%d drivers while the store is away, want the one who has moved", len(f.Entries))
	}
	places.mu.Lock()
	places.away = false
	places.mu.Unlock()
	if f := first("x1"); len(f.Entries) != 1 {
		t.Errorf("%d drivers at once after a failure, when nobody is to wait for the store again", len(f.Entries))
	}
	acme := s.b.live.fleet("acme")
	acme.loading.Lock()
	acme.failed = time.Time{} // that was long ago
	acme.loading.Unlock()
	places.mu.Lock()
	places.read = sync.OnceFunc(func() { // the first page is out of date when it comes
		places.all = places.all[1:]
		s.b.Erased("acme", "d0000")
	})
	places.mu.Unlock()
	f := first("x2")
	if len(f.Entries) != n-1 || len(f.Names) != n-1 || !f.Keyframe {
		t.Fatalf("%d drivers, %d names; want %d", len(f.Entries), len(f.Names), n-1)
	}
	moved := 0
	for i, e := range f.Entries {
		if f.Names[i].Driver == "d0000" || f.Names[i].Driver == "o1" {
			t.Errorf("%s is there", f.Names[i].Driver)
		}
		if e.Lat != 100000000 {
			moved++
		}
	}
	if moved != 1 {
		t.Errorf("%d have moved since, want 1", moved)
	}
}

// A raw watcher gets every position of those it may see, at QoS 0.
func TestFanOut(t *testing.T) {
	const n = 500
	s := start(t)
	var watchers []*wire
	for i := range 4 {
		w := s.client(versions[i%2], fmt.Sprintf("x%d", i), s.dispatcher(fmt.Sprintf("x%d", i)))
		if code := w.subscribe(2, "fleet/acme/drivers/+/location")[0]; code != 0 {
			t.Errorf("granted QoS %d, want 0", code)
		}
		watchers = append(watchers, w)
	}
	w := s.client(packet.V5, "d1", s.driver("d1"))
	go func() {
		for i := range n {
			_, _ = w.nc.Write(publishFrame(packet.V5, d1+"location", fix(i), 1, uint16(i+1)))
		}
	}()
	for _, x := range watchers {
		for i := range n {
			if m := x.message(); m.payload != fix(i) || m.qos != 0 {
				t.Fatalf("position %d is %+v", i, m)
			}
		}
	}
	watchers[0].send(unsubscribeFrame(watchers[0].version, 2, "fleet/acme/drivers/+/location"))
	watchers[0].want(packet.TypeUnsuback)
	for i := range n {
		w.acked(packet.TypePuback, uint16(i+1), 0)
	}
	w.publish(d1+"location", fix(n), 1, 1)
	w.acked(packet.TypePuback, 1, 0)
	watchers[0].silent()
	watchers[1].message()
}

// A watcher that never reads is conflated: bounded memory, newest positions, and
// nobody else notices.
func TestConflation(t *testing.T) {
	const n = 3000 // of 3 KiB: more than the buffers of both sockets hold
	m := newMemoryStream()
	s := startOn(t, m)
	go func() {
		for r := range m.records {
			r.answer(nil)
		}
	}()
	t.Cleanup(func() { close(m.records) })
	t.Cleanup(s.stop)
	stalled, healthy := s.client(packet.V5, "x1", s.dispatcher("x1")), s.client(packet.V5, "x2", s.dispatcher("x2"))
	_ = stalled.nc.(*net.TCPConn).SetReadBuffer(256 << 10)
	for _, x := range []*wire{stalled, healthy} {
		x.granted(0, d1+"location")
	}
	w := s.client(packet.V5, "d1", s.driver("d1"))
	pad := `,"note":"` + fmt.Sprintf("%03000d", 0) + `"}`
	payload := func(i int) string { f := fix(i); return f[:len(f)-1] + pad }
	got := make(chan int, 1)
	window := make(chan struct{}, 32) // positions that the healthy one has not read yet
	go func() {
		count := 0
		for last := ""; last != payload(n-1); count++ {
			g, err := healthy.read(patience)
			if err != nil {
				break
			}
			last = healthy.parse(g).payload
			<-window
		}
		got <- count
	}()
	before := heap()
	go func() {
		for i := range n {
			select {
			case window <- struct{}{}:
			case <-t.Context().Done():
				return
			}
			if _, err := w.nc.Write(publishFrame(packet.V5, d1+"location", payload(i), 1, uint16(i%60000+1))); err != nil {
				return
			}
		}
	}()
	for i := range n {
		w.acked(packet.TypePuback, uint16(i%60000+1), 0)
	}
	if count := <-got; count != n {
		t.Errorf("the healthy one got %d of %d", count, n)
	}
	c := s.b.sessions.connected("acme/x1")
	if c == nil {
		t.Fatal("the stalled one was disconnected")
	}
	if c.out.queued() > 1<<20 || c.out.conflated.Load() == 0 {
		t.Errorf("%d bytes wait, %d conflated", c.out.queued(), c.out.conflated.Load())
	}
	if after := heap(); after > before+8<<20 {
		t.Errorf("the heap grew by %d KiB", (after-before)>>10)
	}
	// When it reads again it ends with the newest.
	for last := ""; last != payload(n-1); {
		last = stalled.message().payload
	}
}
