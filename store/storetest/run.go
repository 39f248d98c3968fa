package storetest

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/dray-fleet/dray/fleet"
)

// Run holds the store that open returns to every promise of Store. open returns
// an empty, migrated store that is closed when the test ends.
func Run(t *testing.T, open func(*testing.T) Store) {
	for _, group := range []struct {
		name  string
		tests map[string]func(*testing.T, Store)
	}{
		{"positions", positionTests},
		{"keys", keyTests},
		{"latest", latestTests},
		{"drivers", driverTests},
		{"gaps", gapTests},
		{"users", userTests},
		{"tokens", tokenTests},
		{"letters", letterTests},
		{"shipments", shipmentTests},
		{"assignments", assignmentTests},
		{"fleets", fleetTests},
		{"devices", deviceTests},
		{"webhooks", webhookTests},
		{"alerts", alertTests},
		{"geofences", geofenceTests},
		{"commands", commandTests},
		{"replies", replyTests},
		{"accounts", accountTests},
		{"feed", feedTests},
		{"policies", policyTests},
		{"kept", keptTests},
		{"history", historyTests},
		{"trips", tripTests},
		{"erase", eraseTests},
		{"retention", retentionTests},
	} {
		for name, test := range group.tests {
			t.Run(group.name+"/"+name, func(t *testing.T) {
				t.Parallel()
				test(t, open(t))
			})
		}
	}
	t.Run("packing", func(t *testing.T) { t.Parallel(); testPacking(t, open(t)) })
	t.Run("model", func(t *testing.T) { t.Parallel(); testModel(t, open(t)) })
}

// noon is the time around which the tests happen: a recent day, for nothing
// here is kept only for a while.
var noon = time.Now().UTC().Truncate(24 * time.Hour).Add(-36 * time.Hour)

// at returns noon and s seconds.
func at(s float64) time.Time { return noon.Add(time.Duration(s * float64(time.Second))) }

// pos returns a position of acme/d1, s seconds after noon, changed by opts.
func pos(s float64, opts ...func(*fleet.Position)) fleet.Position {
	p := fleet.Position{
		Fleet: "acme", Driver: "d1", ReceivedAt: at(s + 1),
		Fix: fleet.Fix{FixAt: at(s), Lat: 59.3293, Lon: 18.0686, Source: "phone"},
	}
	for _, o := range opts {
		o(&p)
	}
	return p
}

func driver(id string) func(*fleet.Position)  { return func(p *fleet.Position) { p.Driver = id } }
func inFleet(id string) func(*fleet.Position) { return func(p *fleet.Position) { p.Fleet = id } }
func source(id string) func(*fleet.Position)  { return func(p *fleet.Position) { p.Source = id } }
func quarantined(p *fleet.Position)           { p.Quarantined = true }
func place(lat, lon float64) func(*fleet.Position) {
	return func(p *fleet.Position) { p.Lat, p.Lon = lat, lon }
}
func numbered(boot string, seq int64) func(*fleet.Position) {
	return func(p *fleet.Position) { p.Boot, p.Seq, p.HasSeq = boot, seq, true }
}

func save(t *testing.T, s Store, b *fleet.Batch) fleet.Saved {
	t.Helper()
	saved, err := s.SaveBatch(t.Context(), b)
	if err != nil {
		t.Fatalf("SaveBatch: %v", err)
	}
	return saved
}

// history saves positions without touching what is latest.
func history(t *testing.T, s Store, ps ...fleet.Position) fleet.Saved {
	t.Helper()
	return save(t, s, &fleet.Batch{Positions: ps})
}

// report saves positions as ingest does with live ones.
func report(t *testing.T, s Store, ps ...fleet.Position) fleet.Saved {
	t.Helper()
	return save(t, s, &fleet.Batch{Positions: ps, Latest: ps})
}

func present(t *testing.T, s Store, driver string, p fleet.Presence) {
	t.Helper()
	ok(t, s.SavePresences(t.Context(), []fleet.PresenceChange{{Fleet: "acme", Driver: driver, Presence: p}}))
}

func track(t *testing.T, s Store, opts ...func(*fleet.TrackQuery)) []fleet.Position {
	t.Helper()
	q := fleet.TrackQuery{Fleet: "acme", Driver: "d1", From: at(-1e6), To: at(1e6)}
	for _, o := range opts {
		o(&q)
	}
	var list []fleet.Position
	err := s.Track(t.Context(), q, func(p *fleet.Position) error {
		list = append(list, *p)
		return nil
	})
	if err != nil {
		t.Fatalf("Track: %v", err)
	}
	return list
}

func get(t *testing.T, s Store, id string) fleet.Driver {
	t.Helper()
	d, err := s.Driver(t.Context(), "acme", id)
	if err != nil {
		t.Fatalf("Driver(%q): %v", id, err)
	}
	return d
}

func equal(t *testing.T, what string, got, want any) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

func ok(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wantErr(t *testing.T, what string, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("%s: error %v, want %v", what, err, want)
	}
}

func wantInvalid(t *testing.T, what string, err error) {
	t.Helper()
	var invalid *fleet.InvalidError
	if !errors.As(err, &invalid) {
		t.Errorf("%s: error %v, want an InvalidError", what, err)
	}
}
