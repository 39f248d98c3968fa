package stream

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/dray-fleet/dray/fleet"
	"github.com/prometheus/client_golang/prometheus"
)

// An outcome is what an Acker was told of one token.
type outcome struct {
	token uint64
	err   error
}

// A listener is an Acker that collects what it is told.
type listener struct {
	mu       sync.Mutex
	pending  []outcome
	outcomes chan []outcome // one element per Flush
}

func newListener() *listener { return &listener{outcomes: make(chan []outcome, 1<<16)} }

func (l *listener) Appended(token uint64, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.pending = append(l.pending, outcome{token, err})
}

func (l *listener) Flush() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.outcomes <- l.pending
	l.pending = nil
}

// next waits for n outcomes.
func (l *listener) next(t *testing.T, n int) []outcome {
	t.Helper()
	var got []outcome
	for len(got) < n {
		select {
		case o := <-l.outcomes:
			got = append(got, o...)
		case <-time.After(20 * time.Second):
			t.Fatalf("heard of %d appends, want %d", len(got), n)
		}
	}
	return got
}

func open(t *testing.T, dir string, opts Options) *Log {
	t.Helper()
	opts.Dir = dir
	l, err := Open(t.Context(), opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

func publication(driver string, n int) fleet.Publication {
	return fleet.Publication{
		Topic:      fleet.DriverTopic("acme", driver, "location"),
		Payload:    fmt.Appendf(nil, `{"n":%d}`, n),
		ReceivedAt: time.UnixMicro(1_700_000_000_000_000 + int64(n)).UTC(),
		Fleet:      "acme",
		Subject:    driver,
		Role:       fleet.RoleDriver,
		Node:       "n1",
	}
}

func appendAll(t *testing.T, l *Log, to fleet.Acker, from, n int) {
	t.Helper()
	for i := from; i < from+n; i++ {
		if err := l.Append(publication("d7", i), to, uint64(i)); err != nil {
			t.Error(err)
			return
		}
	}
}

func reader(t *testing.T, l *Log, after uint64) *Reader {
	t.Helper()
	r, err := l.Reader(t.Context(), 0, after)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Close)
	return r
}

func fetch(t *testing.T, r *Reader, n int) []Record {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	var got []Record
	for len(got) < n {
		rs, err := r.Fetch(ctx, n-len(got), time.Millisecond)
		if err != nil {
			t.Fatalf("after %d of %d records: %v", len(got), n, err)
		}
		got = append(got, rs...)
	}
	return got
}

func TestAppendKeepsOrderAndContent(t *testing.T) {
	l := open(t, t.TempDir(), Options{})
	to := newListener()
	const n = 5000
	go appendAll(t, l, to, 0, n)
	for i, o := range to.next(t, n) {
		if o.token != uint64(i) || o.err != nil {
			t.Fatalf("outcome %d is of token %d, error %v", i, o.token, o.err)
		}
	}
	if sent := l.parts[0].sent; sent > n/4 {
		t.Errorf("%d appends took %d frames", n, sent)
	}
	for i, r := range fetch(t, reader(t, l, 0), n) {
		want := publication("d7", i)
		if string(r.Payload) != string(want.Payload) || !r.ReceivedAt.Equal(want.ReceivedAt) ||
			r.Topic != want.Topic || r.Fleet != want.Fleet || r.Subject != want.Subject || r.Role != want.Role || r.Node != want.Node {
			t.Fatalf("record %d is %+v, want %+v", i, r.Publication, want)
		}
	}
}

func TestReaderBeginsAtFirstUnacknowledged(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir, Options{})
	to := newListener()
	for i := range 10 { // ten frames
		appendAll(t, l, to, i, 1)
		to.next(t, 1)
	}
	r := reader(t, l, 0)
	rs := fetch(t, r, 10)
	r.Ack(rs[5].Seq)
	l.observe(t.Context()) // what the monitor does every second
	if got := l.State().Backlog; got != 4 {
		t.Errorf("backlog is %d frames, want 4", got)
	}
	id := l.ID(0)
	r.Close()
	l.Close()

	l = open(t, dir, Options{})
	if l.ID(0) != id {
		t.Errorf("stream was %s and is %s after a restart", id, l.ID(0))
	}
	// The last acknowledged frame is kept; a store's offset passes over it.
	if got := fetch(t, reader(t, l, 0), 5); string(got[0].Payload) != `{"n":5}` {
		t.Errorf("without an offset reading begins at %s", got[0].Payload)
	}
	if got := fetch(t, reader(t, l, rs[5].Seq), 4); string(got[0].Payload) != `{"n":6}` {
		t.Errorf("after the offset reading begins at %s", got[0].Payload)
	}
	if _, err := l.Reader(t.Context(), 0, rs[9].Seq+1); !errors.Is(err, ErrBehind) {
		t.Errorf("a reader beyond the end of the stream: %v, want ErrBehind", err)
	}
}

func TestNumbersGoOnAfterEverythingIsAcknowledged(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir, Options{})
	to := newListener()
	appendAll(t, l, to, 0, 1)
	to.next(t, 1)
	r := reader(t, l, 0)
	last := fetch(t, r, 1)[0].Seq
	r.Ack(last)
	l.observe(t.Context())
	r.Close()
	l.Close()

	l = open(t, dir, Options{})
	appendAll(t, l, to, 1, 1)
	to.next(t, 1)
	if got := fetch(t, reader(t, l, last), 1)[0].Seq; got != last+1 {
		t.Errorf("the frame after %d is %d", last, got)
	}
}

func TestFullStreamRefusesAndRecovers(t *testing.T) {
	l := open(t, t.TempDir(), Options{MaxBytes: 64 << 10})
	to := newListener()
	accepted, err := 0, error(nil)
	for i := 0; err == nil && i < 1000; i++ {
		p := publication("d7", i)
		p.Payload = make([]byte, 4<<10)
		if err = l.Append(p, to, uint64(i)); err == nil {
			if err = to.next(t, 1)[0].err; err == nil {
				accepted++
			}
		}
	}
	if !errors.Is(err, fleet.ErrFull) || accepted == 0 {
		t.Fatalf("after %d of 4 KiB in 64 KiB: %v", accepted, err)
	}
	if err := l.Ready(t.Context()); !errors.Is(err, fleet.ErrFull) {
		t.Errorf("Ready of a full stream = %v", err)
	}
	r := reader(t, l, 0)
	rs := fetch(t, r, accepted) // nothing acknowledged was discarded
	r.Ack(rs[len(rs)-1].Seq)
	l.observe(t.Context())
	appendAll(t, l, to, 0, 1)
	if err := to.next(t, 1)[0].err; err != nil {
		t.Errorf("append after room was made: %v", err)
	}
}

func TestAlarmAndRefusalBeforeFull(t *testing.T) {
	l := open(t, t.TempDir(), Options{MaxBytes: 256 << 10})
	to := newListener()
	alarmed := false
	for l.State().Fill < refuseFill {
		p := publication("d7", 0)
		p.Payload = make([]byte, 2<<10)
		if err := l.Append(p, to, 0); err != nil {
			t.Fatalf("append at %.2f full: %v", l.State().Fill, err)
		}
		if err := to.next(t, 1)[0].err; err != nil {
			t.Fatalf("append at %.2f full: %v", l.State().Fill, err)
		}
		l.observe(t.Context())
		if s := l.State(); s.Alarm != (s.Fill >= 0.70) {
			t.Errorf("at %.2f full the alarm is %v", s.Fill, s.Alarm)
		}
		alarmed = alarmed || l.State().Alarm && !l.State().Full
	}
	if !alarmed || !l.State().Full {
		t.Errorf("alarmed before it was full: %v; state %+v", alarmed, l.State())
	}
	if err := l.Append(publication("d7", 0), to, 0); err != fleet.ErrFull {
		t.Errorf("append = %v, want %v", err, fleet.ErrFull)
	}
}

func TestDirectoryIsLocked(t *testing.T) {
	dir := t.TempDir()
	open(t, dir, Options{})
	if l, err := Open(t.Context(), Options{Dir: dir}); err == nil {
		l.Close()
		t.Error("a second stream was opened in the same directory")
	}
}

func TestTooLargePublicationIsInvalid(t *testing.T) {
	l := open(t, t.TempDir(), Options{})
	p := publication("d7", 0)
	p.Payload = make([]byte, maxPayload)
	var invalid *fleet.InvalidError
	if err := l.Append(p, newListener(), 0); !errors.As(err, &invalid) {
		t.Errorf("Append of %d bytes = %v, want an InvalidError", len(p.Payload), err)
	}
	p.Payload = make([]byte, 1<<20)
	to := newListener()
	if err := l.Append(p, to, 0); err != nil {
		t.Fatal(err)
	}
	if err := to.next(t, 1)[0].err; err != nil {
		t.Error(err)
	}
}

// counted returns the sum of a counter in reg.
func counted(t *testing.T, reg *prometheus.Registry, name string) (sum float64) {
	t.Helper()
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == name {
			for _, m := range f.GetMetric() {
				sum += m.GetCounter().GetValue()
			}
		}
	}
	return sum
}

// Readers that come and go, as scouts do, leave nothing in the server.
func TestClosedReadersLeaveNothing(t *testing.T) {
	l := open(t, t.TempDir(), Options{})
	heard := newListener()
	if err := l.Append(fleet.Publication{Topic: "fleet/acme/drivers/d1/location", Payload: []byte("{}")}, heard, 1); err != nil {
		t.Fatal(err)
	}
	heard.next(t, 1)
	for range 5 {
		r := l.Tail(0, time.Now().Add(-time.Minute))
		if _, err := r.Next(t.Context(), nil); err != nil {
			t.Fatal(err)
		}
		r.Close()
	}
	info, err := l.parts[0].stream.Info(t.Context())
	if err != nil || info.State.Consumers != 0 {
		t.Errorf("%d consumers are left (%v)", info.State.Consumers, err)
	}
}
