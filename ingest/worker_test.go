package ingest_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dray-fleet/dray/fleet"
	"github.com/dray-fleet/dray/ingest"
	"github.com/dray-fleet/dray/store/postgres"
	"github.com/dray-fleet/dray/store/postgrestest"
	"github.com/dray-fleet/dray/store/sqlite"
	"github.com/dray-fleet/dray/stream"
)

// A database is either real store.
type database interface {
	ingest.Store
	Migrate(ctx context.Context) error
	Close() error
	Driver(ctx context.Context, fleetID, id string) (fleet.Driver, error)
	Track(ctx context.Context, q fleet.TrackQuery, fn func(*fleet.Position) error) error
	Gaps(ctx context.Context, q fleet.TrackQuery) ([]fleet.Gap, error)
	DeadLetters(ctx context.Context, fleetID, after string, limit int) ([]fleet.DeadLetter, error)
	SavePolicy(ctx context.Context, p fleet.Policy) error
	DeletePolicy(ctx context.Context, fleetID, driver string) error
	EraseDriver(ctx context.Context, fleetID, driver string, by fleet.AuditEntry) (fleet.Erasure, error)
}

// A faulty is the real store with a fault put before and after it, and word of
// each batch that it has stored.
type faulty struct {
	database
	fault func(*fleet.Batch) error // may be nil
	lost  func(*fleet.Batch) error // after the commit; may be nil
	saved chan *fleet.Batch
}

func (f *faulty) SaveBatch(ctx context.Context, b *fleet.Batch) (fleet.Saved, error) {
	if f.fault != nil {
		if err := f.fault(b); err != nil {
			return fleet.Saved{}, err
		}
	}
	s, err := f.database.SaveBatch(ctx, b)
	if err == nil && f.lost != nil {
		err = f.lost(b)
	}
	if err == nil {
		f.saved <- b
	}
	return s, err
}

// A rig is a stream and a store, as a process has them.
type rig struct {
	t     *testing.T
	log   *stream.Log
	store *faulty
	acks  chan error
	stop  func()
}

func newRig(t *testing.T, dir string, fault func(*fleet.Batch) error) *rig {
	t.Helper()
	r := newRigOn(t, dir, stream.SyncAlways, sqliteIn(dir))
	r.store.fault = fault
	return r
}

// An opener opens the same database each time.
type opener func(t *testing.T) database

func sqliteIn(dir string) opener {
	return func(t *testing.T) database {
		s, err := sqlite.Open(t.Context(), filepath.Join(dir, "dray.db"))
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
}

func postgresAt(url string) opener {
	return func(t *testing.T) database {
		s, err := postgres.Open(t.Context(), url)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
}

// onBothStores runs test on either database.
func onBothStores(t *testing.T, test func(t *testing.T, open opener)) {
	t.Run("sqlite", func(t *testing.T) { test(t, sqliteIn(t.TempDir())) })
	t.Run("postgres", func(t *testing.T) { test(t, postgresAt(postgrestest.URL(t))) })
}

func newRigOn(t *testing.T, dir, sync string, open opener) *rig {
	t.Helper()
	log, err := stream.Open(t.Context(), stream.Options{Dir: filepath.Join(dir, "stream"), Sync: sync})
	if err != nil {
		t.Fatal(err)
	}
	s := open(t)
	if err := s.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	r := &rig{t: t, log: log, acks: make(chan error, 1<<16)}
	r.store = &faulty{database: s, saved: make(chan *fleet.Batch, 1<<12)}
	r.stop = func() {
		log.Close()
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		r.stop = func() {}
	}
	t.Cleanup(func() { r.stop() })
	return r
}

func (r *rig) Appended(_ uint64, err error) { r.acks <- err }
func (r *rig) Flush()                       {}

// run starts a worker; the function that it returns stops it.
func (r *rig) run(opts ingest.Options) (stop func()) {
	ctx, cancel := context.WithCancel(r.t.Context())
	done := make(chan error)
	go func() { done <- ingest.New(r.log, r.store, opts).Run(ctx) }()
	stopped := false
	stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		if err := <-done; err != nil {
			r.t.Errorf("Run = %v", err)
		}
	}
	r.t.Cleanup(stop)
	return stop
}

// publish appends and waits until all is acknowledged.
func (r *rig) publish(ps ...fleet.Publication) {
	r.t.Helper()
	for i, p := range ps {
		if err := r.log.Append(p, r, uint64(i)); err != nil {
			r.t.Fatal(err)
		}
	}
	for range ps {
		if err := <-r.acks; err != nil {
			r.t.Fatal(err)
		}
	}
}

// await waits for batches until one satisfies done.
func (r *rig) await(done func(*fleet.Batch) bool) {
	r.t.Helper()
	timeout := time.After(20 * time.Second)
	for {
		select {
		case b := <-r.store.saved:
			if done(b) {
				return
			}
		case <-timeout:
			r.t.Fatal("the batch did not come")
		}
	}
}

// awaitPositions waits until n positions have been handed to the store.
func (r *rig) awaitPositions(n int) {
	r.t.Helper()
	r.await(func(b *fleet.Batch) bool { n -= len(b.Positions); return n <= 0 })
}

func (r *rig) track(driver string) (ps []fleet.Position) {
	r.t.Helper()
	q := fleet.TrackQuery{Fleet: "acme", Driver: driver, From: noon.Add(-24 * time.Hour), To: noon.Add(24 * time.Hour)}
	err := r.store.Track(r.t.Context(), q, func(p *fleet.Position) error { ps = append(ps, *p); return nil })
	if err != nil {
		r.t.Fatal(err)
	}
	return ps
}

var noon = time.Now().UTC().Truncate(time.Minute).Add(-time.Hour)

func says(driver, leaf, format string, args ...any) fleet.Publication {
	return fleet.Publication{
		Topic: fleet.DriverTopic("acme", driver, leaf), Payload: fmt.Appendf(nil, format, args...),
		ReceivedAt: time.Now().UTC(), Fleet: "acme", Subject: driver, Role: fleet.RoleDriver, Node: "n1",
	}
}

func fixAt(seconds int) string {
	return fmt.Sprintf(`{"fix_at":%d,"lat":59.3,"lon":18.0}`, noon.Add(time.Duration(seconds)*time.Second).UnixMilli())
}

func TestFromStreamToStore(t *testing.T) {
	r := newRig(t, t.TempDir(), nil)
	device := says("d7", "location", "%s", fixAt(0))
	device.Role, device.Subject, device.Driver = fleet.RoleDevice, "tracker-1", "d7"
	onDuty := says("d7", "duty", `{"state":"on"}`)
	onDuty.ReceivedAt = onDuty.ReceivedAt.Add(time.Millisecond) // not in the same microsecond as the one before
	r.publish(
		says("d7", "location", "%s", fixAt(0)),
		says("d7", "location", `{"fix_at":"2026-03-02T12:00:00Z","lat":91,"lon":18}`),
		device, // at the same second
		says("d7", "location", "[%s,%s,%s]", fixAt(20), fixAt(21), fixAt(10)),
		says("d7", "location", "%s", fixAt(20)),      // again
		says("d7", "location", "%s", fixAt(7*86400)), // of next week
		says("d7", "health", `{"battery_pct":7,"network":"cellular"}`),
		says("d7", "duty", `{"state":"break","at":"2099-01-01T00:00:00Z"}`), // by a clock that is ahead
		onDuty,
		says("d7", "shipments/s1/status", `{"status":"delivered"}`),
		says("d8", "location", "%s", fixAt(1)),
	)
	defer r.run(ingest.Options{MinInterval: 5 * time.Second})()
	r.await(func(b *fleet.Batch) bool { return b.Offset != nil })

	var got []string
	for _, p := range r.track("d7") {
		got = append(got, fmt.Sprintf("%s+%v", p.Source, p.FixAt.Sub(noon)))
	}
	slices.Sort(got) // sources of the same second have no order
	if want := "+0s +10s +20s tracker-1+0s"; strings.Join(got, " ") != want {
		t.Errorf("track is %q, want %q", got, want)
	}
	d, err := r.store.Driver(t.Context(), "acme", "d7")
	if err != nil {
		t.Fatal(err)
	}
	if d.Position == nil || !d.Position.FixAt.Equal(noon.Add(21*time.Second)) {
		t.Errorf("latest is %+v, want the thinned newest fix", d.Position)
	}
	if d.Duty != fleet.DutyOn || d.Health == nil || d.Health.Battery != fleet.Some(7) || d.Thinned != 1 {
		t.Errorf("driver is %+v", d)
	}
	letters, err := r.store.DeadLetters(t.Context(), "acme", "", 10)
	if err != nil {
		t.Fatal(err)
	}
	reasons := map[string]string{}
	for _, l := range letters {
		reasons[l.Topic] = l.Field
	}
	want := map[string]string{"fleet/acme/drivers/d7/location": "lat", "fleet/acme/drivers/d7/shipments/s1/status": "topic"}
	if len(letters) != 2 || fmt.Sprint(reasons) != fmt.Sprint(want) {
		t.Errorf("dead letters are %+v, want %v", letters, want)
	}
}

// TestRestart stops everything before what was acknowledged has been removed,
// and starts it again. With a sync every second there are no offsets, and the
// keys alone tell what was stored.
func TestRestart(t *testing.T) {
	for _, sync := range []string{stream.SyncAlways, stream.SyncSecond} {
		t.Run(sync, func(t *testing.T) {
			dir := t.TempDir()
			r := newRigOn(t, dir, sync, sqliteIn(dir))
			stop := r.run(ingest.Options{})
			r.publish(says("d7", "location", "[%s,%s]", fixAt(0), fixAt(1)), says("d7", "location", "broken"))
			r.awaitPositions(2)
			stop()
			r.stop()

			r = newRigOn(t, dir, sync, sqliteIn(dir))
			r.publish(says("d7", "location", "%s", fixAt(2)))
			defer r.run(ingest.Options{})()
			r.await(func(b *fleet.Batch) bool {
				n := len(b.Positions)
				return n > 0 && b.Positions[n-1].FixAt.Equal(noon.Add(2*time.Second))
			})
			if n := len(r.track("d7")); n != 3 {
				t.Errorf("%d positions are stored, want 3", n)
			}
			if letters, err := r.store.DeadLetters(t.Context(), "acme", "", 10); err != nil || len(letters) != 1 {
				t.Errorf("dead letters are %+v, error %v, want one", letters, err)
			}
		})
	}
}

func TestStoreAway(t *testing.T) {
	tries := 0
	r := newRig(t, t.TempDir(), func(*fleet.Batch) error {
		if tries++; tries <= 2 {
			return errors.New("connection refused")
		}
		return nil
	})
	defer r.run(ingest.Options{})()
	r.publish(says("d7", "location", "%s", fixAt(0)))
	r.awaitPositions(1)
	if n := len(r.track("d7")); n != 1 || tries != 3 {
		t.Errorf("%d positions after %d tries, want 1 after 3", n, tries)
	}
}

// TestPoison has a store that refuses every batch with a position of one driver.
func TestPoison(t *testing.T) {
	tries := 0
	r := newRig(t, t.TempDir(), func(b *fleet.Batch) error {
		for _, p := range b.Positions {
			if p.Driver == "poison" {
				tries++
				return fleet.Invalid("lat", "is poison")
			}
		}
		return nil
	})
	var ps []fleet.Publication
	for i := range 100 {
		ps = append(ps, says("d7", "location", "%s", fixAt(i)))
		if i == 40 {
			ps = append(ps, says("poison", "location", "%s", fixAt(i)))
		}
	}
	r.publish(ps...)
	defer r.run(ingest.Options{})()
	r.await(func(b *fleet.Batch) bool { return b.Offset != nil })
	if n := len(r.track("d7")); n != 100 || tries > 3 {
		t.Errorf("%d positions are stored after %d tries of the poison, want 100 after at most 3", n, tries)
	}
	letters, err := r.store.DeadLetters(t.Context(), "acme", "", 10)
	if err != nil || len(letters) != 1 || letters[0].Driver != "poison" || letters[0].Field != "lat" {
		t.Errorf("dead letters are %+v, error %v", letters, err)
	}
}

// TestLiveBeforeBacklog holds up the backlog, from its first batch on, until the
// newest position of a driver at its end has been stored as the latest.
func TestLiveBeforeBacklog(t *testing.T) {
	held, overtaken := make(chan struct{}, 1), make(chan struct{})
	var once sync.Once
	var r *rig
	r = newRig(t, t.TempDir(), func(b *fleet.Batch) error {
		for _, p := range b.Latest {
			if b.Offset == nil && p.Driver == "live" {
				once.Do(func() { close(overtaken) })
			}
		}
		if len(b.Positions) > 0 {
			select {
			case held <- struct{}{}:
			default:
			}
			select {
			case <-overtaken:
			case <-r.t.Context().Done():
			}
		}
		return nil
	})
	stop := r.run(ingest.Options{})
	backlog := says("d7", "location", "%s", fixAt(-3600))
	backlog.ReceivedAt = backlog.ReceivedAt.Add(-time.Hour)
	r.publish(backlog)
	<-held
	r.publish(says("live", "location", "%s", fixAt(0)))
	r.await(func(b *fleet.Batch) bool { return b.Offset == nil && len(b.Latest) > 0 })
	r.awaitPositions(2)
	stop()
	if d, err := r.store.Driver(t.Context(), "acme", "live"); err != nil || d.Position == nil {
		t.Errorf("driver is %+v, error %v", d, err)
	}
}
