package relay_test

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/dray-fleet/dray/fleet"
	"github.com/dray-fleet/dray/relay"
	"github.com/dray-fleet/dray/store/postgres"
	"github.com/dray-fleet/dray/store/postgrestest"
	"github.com/dray-fleet/dray/store/sqlite"
	"github.com/dray-fleet/dray/store/storetest"
)

// onBoth runs test on a new store of either database.
func onBoth(t *testing.T, test func(t *testing.T, s storetest.Store)) {
	t.Run("sqlite", func(t *testing.T) { test(t, openSQLite(t)) })
	t.Run("postgres", func(t *testing.T) { test(t, openPostgres(t, postgrestest.URL(t))) })
}

type migrated interface {
	storetest.Store
	Migrate(ctx context.Context) error
}

func opened(t *testing.T, s migrated, err error) storetest.Store {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := s.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	return s
}

func openSQLite(t *testing.T) storetest.Store {
	s, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "dray.db"))
	return opened(t, s, err)
}

func openPostgres(t *testing.T, url string) storetest.Store {
	s, err := postgres.Open(t.Context(), url)
	return opened(t, s, err)
}

type message struct {
	topic   string
	payload []byte
	retain  bool
}

// A recorder is where a test's relays publish.
type recorder struct {
	mu       sync.Mutex
	messages []message
	changed  chan struct{} // closed and made anew by each publish
}

func newRecorder() *recorder { return &recorder{changed: make(chan struct{})} }

func (r *recorder) Publish(topic string, payload []byte, retain bool, _ byte) {
	r.mu.Lock()
	r.messages = append(r.messages, message{topic, payload, retain})
	close(r.changed)
	r.changed = make(chan struct{})
	r.mu.Unlock()
}

// on returns what was published on a topic.
func (r *recorder) on(topic string) (found []message) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, m := range r.messages {
		if m.topic == topic {
			found = append(found, m)
		}
	}
	return found
}

// wait waits until done says so of what was published.
func (r *recorder) wait(t *testing.T, what string, done func() bool) {
	t.Helper()
	deadline := time.After(time.Minute)
	for {
		r.mu.Lock()
		changed := r.changed
		r.mu.Unlock()
		if done() {
			return
		}
		select {
		case <-changed:
		case <-deadline:
			t.Fatalf("waited in vain for %s", what)
		}
	}
}

// waitState waits for a message on a topic whose field has a value.
func (r *recorder) waitFor(t *testing.T, topic, field, value string) {
	t.Helper()
	r.wait(t, topic+" "+value, func() bool {
		for _, m := range r.on(topic) {
			var got map[string]any
			if err := json.Unmarshal(m.payload, &got); err == nil && got[field] == value {
				return true
			}
		}
		return false
	})
}

// start runs a relay; the returned function stops it and waits for its end.
func start(t *testing.T, s relay.Store, p relay.Publisher, opts relay.Options) (*relay.Relay, func()) {
	t.Helper()
	r := relay.New(s, p, opts)
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	ended := make(chan error, 1)
	go func() { ended <- r.Run(ctx) }()
	stop := sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	t.Cleanup(stop)
	return r, stop
}

var (
	office  = fleet.Actor{Subject: "u1"}
	driver1 = fleet.Actor{Subject: "d1", Driver: "d1"}
)

func must[T any](v T, err error) func(*testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func shipment(t *testing.T, s storetest.Store, id string) {
	t.Helper()
	for _, d := range []string{"d1", "d2"} {
		must(s.EnsureDriver(t.Context(), "acme", d))(t)
	}
	must(s.CreateShipment(t.Context(), office, fleet.Shipment{Fleet: "acme", ID: id, Reference: "R1"}))(t)
}

func assign(t *testing.T, s storetest.Store, id string, deadline time.Time, next ...string) fleet.Assignment {
	t.Helper()
	return must(s.CreateAssignment(t.Context(), office, fleet.Assignment{Fleet: "acme", Shipment: id, Driver: "d1", Deadline: deadline, Next: next}))(t)
}

func TestEventsReachTheirTopics(t *testing.T) {
	onBoth(t, func(t *testing.T, s storetest.Store) {
		p := newRecorder()
		start(t, s, p, relay.Options{})
		shipment(t, s, "s1")
		p.waitFor(t, "fleet/acme/shipments/s1", "status", "created")
		a := assign(t, s, "s1", time.Time{})
		p.waitFor(t, "fleet/acme/assignments/"+a.ID, "state", "offered")
		p.waitFor(t, "fleet/acme/drivers/d1/assignments", "state", "offered")
		var offer struct{ Shipment struct{ Reference string } }
		if err := json.Unmarshal(p.on("fleet/acme/drivers/d1/assignments")[0].payload, &offer); err != nil || offer.Shipment.Reference != "R1" {
			t.Errorf("offer %+v, error %v, want its shipment with it", offer, err)
		}
		must(s.SaveReceipt(t.Context(), "acme", a.ID, driver1, fleet.AssignmentReceipt{State: fleet.ReceiptAccepted}, "mqtt"))(t)
		p.waitFor(t, "fleet/acme/shipments/s1", "status", "accepted")
		note := "ring twice"
		must(s.PatchShipment(t.Context(), office, "acme", "s1", 0, fleet.ShipmentPatch{Note: &note}))(t)
		p.wait(t, "the note on the phone", func() bool {
			m := p.on("fleet/acme/drivers/d1/assignments")
			return strings.Contains(string(m[len(m)-1].payload), note)
		})
		must(s.SaveBatch(t.Context(), &fleet.Batch{Dispatch: []fleet.DispatchReport{{ID: "s1", Actor: "d1", Status: &fleet.StatusReport{Status: fleet.StatusDelivered},
			Letter: fleet.DeadLetter{ID: "l1", Fleet: "acme", Driver: "d1", Topic: "x", ReceivedAt: time.Now()}}}}))(t)
		p.waitFor(t, "fleet/acme/drivers/d1/errors", "status", "accepted")
		must(s.CreateCommand(t.Context(), fleet.Command{Fleet: "acme", Driver: "d1", Action: "locate", Actor: "u1"}))(t)
		p.waitFor(t, "fleet/acme/drivers/d1/commands", "action", "locate")
		must(struct{}{}, s.SetDriverConfig(t.Context(), office, "acme", "d1", fleet.DriverConfig{Interval: time.Minute}))(t)
		p.wait(t, "the configuration", func() bool {
			m := p.on("fleet/acme/drivers/d1/config")
			return len(m) > 0 && m[0].retain
		})
		if _, _, err := s.OpenAlert(t.Context(), fleet.Alert{Fleet: "acme", Kind: "silent", Driver: "d1", Severity: fleet.SeverityInfo}); err != nil {
			t.Fatal(err)
		}
		p.waitFor(t, "fleet/acme/alerts/silent", "driver", "d1")
		must(s.CreateGeofence(t.Context(), office, fleet.Geofence{Fleet: "acme", ID: "g1", Circle: &fleet.Circle{Radius: 100}}))(t)
		must(s.SaveBatch(t.Context(), &fleet.Batch{Sightings: []fleet.Sighting{{Fleet: "acme", Driver: "d1", At: time.Now(), Inside: []string{"g1"}}}}))(t)
		p.waitFor(t, "fleet/acme/geofences/g1", "event", "entered")
	})
}

func TestDriverIsAskedAgainUntilAnswered(t *testing.T) {
	onBoth(t, func(t *testing.T, s storetest.Store) {
		const topic = "fleet/acme/drivers/d1/assignments"
		p := newRecorder()
		r, stop := start(t, s, p, relay.Options{})
		shipment(t, s, "s1")
		a := assign(t, s, "s1", time.Time{})
		p.wait(t, "the offer", func() bool { return len(p.on(topic)) == 1 })
		c := must(s.CreateCommand(t.Context(), fleet.Command{Fleet: "acme", Driver: "d1", Action: "locate", Actor: "u1", Deadline: time.Now().Add(time.Hour)}))(t)
		commands := func() int { return len(p.on("fleet/acme/drivers/d1/commands")) }
		p.wait(t, "the command", func() bool { return commands() == 1 })
		r.DriverConnected("acme", "d1")
		p.wait(t, "the offer and the command again", func() bool { return len(p.on(topic)) == 2 && commands() == 2 })
		must(s.SaveCommandReceipt(t.Context(), "acme", c.ID, driver1, fleet.CommandReceipt{State: fleet.CommandSeen}))(t)
		stop() // a new process knows of it from the database
		r, _ = start(t, s, p, relay.Options{})
		r.DriverConnected("acme", "d1")
		p.wait(t, "the offer of a new process", func() bool { return len(p.on(topic)) >= 3 })
		must(s.SaveReceipt(t.Context(), "acme", a.ID, driver1, fleet.AssignmentReceipt{State: fleet.ReceiptAccepted}, "mqtt"))(t)
		p.waitFor(t, "fleet/acme/shipments/s1", "status", "accepted")
		told := len(p.on(topic))
		must(struct{}{}, s.SetDriverConfig(t.Context(), office, "acme", "d1", fleet.DriverConfig{Interval: time.Minute}))(t)
		p.wait(t, "the configuration", func() bool { return len(p.on("fleet/acme/drivers/d1/config")) == 1 })
		r.DriverConnected("acme", "d1") // comes with the configuration, so that its end is seen
		p.wait(t, "the configuration again", func() bool { return len(p.on("fleet/acme/drivers/d1/config")) == 2 })
		if n := len(p.on(topic)); n != told || commands() != 2 {
			t.Errorf("%d offers and %d commands after they were answered", n-told, commands()-2)
		}
	})
}

func TestNextDriverIsTried(t *testing.T) {
	onBoth(t, func(t *testing.T, s storetest.Store) {
		p := newRecorder()
		start(t, s, p, relay.Options{})
		shipment(t, s, "s1")
		assign(t, s, "s1", time.Now().Add(300*time.Millisecond), "d2")
		p.waitFor(t, "fleet/acme/drivers/d1/assignments", "state", "expired")
		p.waitFor(t, "fleet/acme/drivers/d2/assignments", "driver", "d2") // expired as well, on a slow machine
		p.waitFor(t, "fleet/acme/alerts/"+fleet.AlertExpired, "subject", "s1")
	})
}

// load has writers change shipments until each has made its changes.
func load(t *testing.T, s storetest.Store, writers, changes int) (wait func()) {
	var wg sync.WaitGroup
	for w := range writers {
		id := fmt.Sprint("s", w)
		shipment(t, s, id)
		wg.Go(func() {
			for i := range changes {
				note := fmt.Sprint(i)
				if _, err := s.PatchShipment(t.Context(), office, "acme", id, 0, fleet.ShipmentPatch{Note: &note}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	return wg.Wait
}

// versions returns those published of shipment id, in order.
func (r *recorder) versions(id string) (list []int64) {
	for _, m := range r.on("fleet/acme/shipments/" + id) {
		var s struct{ Version int64 }
		if err := json.Unmarshal(m.payload, &s); err == nil {
			list = append(list, s.Version)
		}
	}
	return list
}

func TestTwoRelaysPublishOnce(t *testing.T) {
	const writers, changes = 6, 50
	url := postgrestest.URL(t)
	one, two := openPostgres(t, url), openPostgres(t, url)
	p := newRecorder()
	_, stop := start(t, one, p, relay.Options{Sweep: 100 * time.Millisecond})
	start(t, two, p, relay.Options{Sweep: 100 * time.Millisecond})
	complete := func(upTo int64) func() bool {
		return func() bool {
			for w := range writers {
				v := p.versions(fmt.Sprint("s", w))
				if len(v) == 0 || v[len(v)-1] != upTo {
					return false
				}
			}
			return true
		}
	}
	load(t, one, writers, changes)()
	p.wait(t, "all versions", complete(changes+1))
	for w := range writers {
		for i, v := range p.versions(fmt.Sprint("s", w)) {
			if v != int64(i+1) {
				t.Fatalf("s%d: version %d at %d, want each once", w, v, i)
			}
		}
	}
	stop() // the other one takes over, whichever it was
	note := "after"
	for w := range writers {
		must(two.PatchShipment(t.Context(), office, "acme", fmt.Sprint("s", w), 0, fleet.ShipmentPatch{Note: &note}))(t)
	}
	p.wait(t, "what came after", complete(changes+2))
}

// Every connection of the relay is cut; it comes back by itself.
func TestDatabaseConnectionsCut(t *testing.T) {
	url := postgrestest.URL(t)
	s := openPostgres(t, url)
	p := newRecorder()
	start(t, s, p, relay.Options{Sweep: 100 * time.Millisecond})
	shipment(t, s, "s1")
	p.waitFor(t, "fleet/acme/shipments/s1", "status", "created")
	conn := must(pgx.Connect(t.Context(), url))(t)
	defer conn.Close(context.WithoutCancel(t.Context()))
	cut := 0
	err := conn.QueryRow(t.Context(), `SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
		WHERE pid <> pg_backend_pid() AND (query LIKE 'LISTEN dray_events%' OR query LIKE '%dray.exclusive%')`).Scan(&cut)
	if err != nil || cut == 0 {
		t.Fatalf("%d connections cut, error %v", cut, err)
	}
	if _, err := conn.Exec(t.Context(), "UPDATE shipments SET status = 'cancelled'"); err != nil {
		t.Fatal(err)
	}
	p.waitFor(t, "fleet/acme/shipments/s1", "status", "cancelled")
}

// A byHand is a store in a database that a test writes to by hand too.
type byHand struct {
	storetest.Store
	url string
}

func openPostgresWithURL(t *testing.T) byHand {
	url := postgrestest.URL(t)
	return byHand{openPostgres(t, url), url}
}

func (s byHand) exec(t *testing.T, sql string) {
	t.Helper()
	conn := must(pgx.Connect(t.Context(), s.url))(t)
	defer conn.Close(context.WithoutCancel(t.Context()))
	must(conn.Exec(t.Context(), sql))(t)
}
