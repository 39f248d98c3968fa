package storetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/dray-fleet/dray/fleet"
)

// History is what the stores promise of history that grows old. A pace is called
// between transactions with how long the last one took; its error ends the pass.
type History interface {
	// Pack moves plain positions of hours that ended by the given time into one
	// compressed block a driver-hour, late ones into the block that is there.
	// What has read them before reads the same after it. It may be
	// broken off anywhere and begun again. A store may wait until a day is over.
	Pack(ctx context.Context, before time.Time, pace func(time.Duration) error) (fleet.Packing, error)
	// Unpack turns all blocks into plain positions again, for a program from
	// before there were any. Nothing else may use the database meanwhile.
	Unpack(ctx context.Context) (positions int, err error)

	// StoreTrips keeps the trips of packed history that ended by the given time,
	// for ever, and returns how many are new.
	StoreTrips(ctx context.Context, before time.Time, pace func(time.Duration) error) (trips int, err error)
	// Trips returns the trips that overlap [from, to), oldest first, those not
	// stored yet and the one that goes on among them, or ErrNotFound.
	Trips(ctx context.Context, fleetID, driver string, from, to time.Time) ([]fleet.Trip, error)

	// ReplayAt returns where every driver of a fleet was at a moment, by the
	// newest position within ReplayAge before it, in the order of their ids.
	ReplayAt(ctx context.Context, fleetID string, at time.Time) ([]fleet.Position, error)
	// Replay calls fn with every position of a fleet in [from, to), oldest first
	// over all drivers, in bounded memory; an error of fn ends it.
	Replay(ctx context.Context, fleetID string, from, to time.Time, fn func(*fleet.Position) error) error

	// EraseDriver removes everything that is stored of a driver but the audit,
	// to which it adds by with what was removed, or returns ErrNotFound. What
	// was received before, and is still on its way, is not stored any more; of a
	// report on a shipment that is how far it is. The files of proofs are counted:
	// who asks deletes those of ProofsOf, each before it is forgotten.
	EraseDriver(ctx context.Context, fleetID, driver string, by fleet.AuditEntry) (fleet.Erasure, error)

	// KeepProof notes whose file it is, and comes before the file.
	KeepProof(ctx context.Context, f fleet.ProofFile) error
	ProofsOf(ctx context.Context, fleetID, driver string, limit int) ([]fleet.ProofFile, error)
	ForgetProof(ctx context.Context, f fleet.ProofFile) error

	SaveRetention(ctx context.Context, r fleet.Retention) error
	// Retention returns that of a fleet; one that is not set keeps everything.
	Retention(ctx context.Context, fleetID string) (fleet.Retention, error)
	Retentions(ctx context.Context) ([]fleet.Retention, error)
	// Expiring returns e with what Expire would remove of its fleet.
	Expiring(ctx context.Context, e fleet.Expiry) (fleet.Expiry, error)
	// Expire removes what is older than each fleet's limits. The list holds
	// every fleet that has any.
	Expire(ctx context.Context, list []fleet.Expiry, pace func(time.Duration) error) error
	RetentionClock(ctx context.Context) (fleet.RetentionClock, error)
	SaveRetentionClock(ctx context.Context, c fleet.RetentionClock) error
	// NewestReceipt returns when the newest position that is stored was
	// received, the zero time when there is none.
	NewestReceipt(ctx context.Context) (time.Time, error)
	// Space returns the size of the database now, and where it is.
	Space(ctx context.Context) (fleet.Space, error)
	// SaveUsage notes the size of the database at a time, and forgets those of
	// fleet.UsageKept before it; Usage returns those since a time, oldest first.
	SaveUsage(ctx context.Context, u fleet.Usage) error
	Usage(ctx context.Context, since time.Time) ([]fleet.Usage, error)
}

// atOnce is a pace without pauses.
func atOnce(time.Duration) error { return nil }

// pack packs everything that is over.
func pack(t *testing.T, s Store) fleet.Packing {
	t.Helper()
	done, err := s.Pack(t.Context(), time.Now(), atOnce)
	if err != nil {
		t.Fatalf("Pack: %v", err)
	}
	return done
}

var historyTests = map[string]func(*testing.T, Store){
	"packing changes nothing that is read": func(t *testing.T, s Store) {
		full := pos(0, numbered("b1", 7), func(p *fleet.Position) {
			p.FixAt, p.SentAt, p.ReceivedAt = at(0.123456), at(2.5), at(3.25)
			p.Lat, p.Lon = -33.8567844, 151.2152967
			p.Accuracy, p.Altitude, p.Speed = fleet.Some(4.75), fleet.Some(-12.5), fleet.Some(13.9)
			p.Heading, p.Battery = fleet.Some(271.3), fleet.Some(87)
			p.Trigger, p.Ext = "turn", []byte(`{"odometer":12}`)
		})
		all := []fleet.Position{full, pos(5), pos(6, source("obd")), pos(3599), pos(3600), pos(86400)}
		history(t, s, all...)
		history(t, s, pos(1, driver("d2")))
		equal(t, "packed", pack(t, s), fleet.Packing{Hours: 4, Positions: 7})
		equal(t, "track", track(t, s), all)
		equal(t, "track from the middle", track(t, s, func(q *fleet.TrackQuery) { q.From, q.To = at(5), at(3600) }), all[1:4])
		equal(t, "packed again", pack(t, s), fleet.Packing{})
	},
	"late positions join their block": func(t *testing.T, s Store) {
		history(t, s, pos(0), pos(10))
		pack(t, s)
		equal(t, "late", history(t, s, pos(5)), fleet.Saved{Positions: 1})
		equal(t, "track before they are packed", track(t, s), []fleet.Position{pos(0), pos(5), pos(10)})
		equal(t, "packed", pack(t, s), fleet.Packing{Hours: 1, Positions: 1})
		equal(t, "track", track(t, s), []fleet.Position{pos(0), pos(5), pos(10)})
	},
	"what is packed is not shown twice when it is sent again": func(t *testing.T, s Store) {
		n := pos(20, numbered("b", 1))
		history(t, s, pos(0), pos(10), n)
		pack(t, s)
		equal(t, "numbered", history(t, s, n), fleet.Saved{Duplicates: 1})
		history(t, s, pos(0), pos(10))
		equal(t, "track", track(t, s), []fleet.Position{pos(0), pos(10), n})
		pack(t, s)
		equal(t, "track after packing again", track(t, s), []fleet.Position{pos(0), pos(10), n})
	},
	"an hour that is not over stays plain": func(t *testing.T, s Store) {
		history(t, s, pos(0))
		done, err := s.Pack(t.Context(), at(1800), atOnce)
		ok(t, err)
		equal(t, "packed", done, fleet.Packing{})
	},
	"a pass that is broken off is taken up": func(t *testing.T, s Store) {
		var want []fleet.Position
		for i := range 100 {
			p := pos(float64(i), driver(fmt.Sprintf("d%02d", i)))
			want = append(want, p)
			history(t, s, p)
		}
		stop := errors.New("stop")
		_, err := s.Pack(t.Context(), time.Now(), func(time.Duration) error { return stop })
		wantErr(t, "Pack", err, stop)
		read := func() (got []fleet.Position) {
			ok(t, s.Replay(t.Context(), "acme", at(0), at(1000), func(p *fleet.Position) error { got = append(got, *p); return nil }))
			return got
		}
		equal(t, "after the break", read(), want)
		pack(t, s)
		equal(t, "after the rest", read(), want)
	},
	"unpack gives back plain positions": func(t *testing.T, s Store) {
		history(t, s, pos(0), pos(10), pos(7200, source("obd")))
		pack(t, s)
		n, err := s.Unpack(t.Context())
		ok(t, err)
		equal(t, "unpacked", n, 3)
		equal(t, "track", track(t, s), []fleet.Position{pos(0), pos(10), pos(7200, source("obd"))})
		equal(t, "packed again", pack(t, s), fleet.Packing{Hours: 2, Positions: 3})
	},
	"a long track is whole, part plain and part packed": func(t *testing.T, s Store) {
		var early, late []fleet.Position
		for i := range 6000 {
			if p := pos(float64(i*10), numbered("b", int64(i))); i%3 > 0 {
				early = append(early, p)
			} else {
				late = append(late, p)
			}
		}
		history(t, s, early...)
		pack(t, s)
		history(t, s, late...)
		got := track(t, s)
		equal(t, "positions", len(got), 6000)
		for i, p := range got {
			if p.Seq != int64(i) {
				t.Fatalf("position %d has number %d", i, p.Seq)
			}
		}
	},
	"replay is in order over drivers, plain and packed": func(t *testing.T, s Store) {
		a, b, c := pos(0), pos(1, driver("d2")), pos(2)
		history(t, s, a, b, c, pos(1, inFleet("other")))
		pack(t, s)
		d := pos(1.5, driver("d2"))
		history(t, s, d, a)
		var got []fleet.Position
		ok(t, s.Replay(t.Context(), "acme", at(0), at(9000), func(p *fleet.Position) error { got = append(got, *p); return nil }))
		equal(t, "replay", got, []fleet.Position{a, b, d, c})
		for _, tt := range []struct {
			at   float64
			want []fleet.Position
		}{{-1, []fleet.Position{}}, {0, []fleet.Position{a}}, {1.7, []fleet.Position{a, d}}, {1801, []fleet.Position{c, d}}, {1802, []fleet.Position{}}} {
			got, err := s.ReplayAt(t.Context(), "acme", at(tt.at))
			ok(t, err)
			equal(t, fmt.Sprintf("ReplayAt(%v)", tt.at), got, tt.want)
		}
	},
}

// testPacking saves, packs and unpacks at random; what is read stays the model.
func testPacking(t *testing.T, s Store) {
	run := 0
	rapid.Check(t, func(rt *rapid.T) {
		run++
		fleetID := fmt.Sprint("packing-", run)
		m := model{stored: map[key]bool{}, latest: map[string]fleet.Position{}}
		for range rapid.IntRange(1, 5).Draw(rt, "steps") {
			switch rapid.IntRange(0, 3).Draw(rt, "step") {
			case 0, 1:
				ps := rapid.SliceOfN(rapid.Custom(func(rt *rapid.T) fleet.Position {
					p := drawPosition(rt, fleetID)
					p.FixAt = p.FixAt.Add(time.Duration(p.FixAt.Sub(noon)/time.Second%3) * time.Hour)
					return p
				}), 0, 12).Draw(rt, "positions")
				if _, err := s.SaveBatch(t.Context(), &fleet.Batch{Positions: ps, Latest: ps}); err != nil {
					rt.Fatal(err)
				}
				m.save(ps) // what is packed may be counted as new and is shown once
			case 2:
				if _, err := s.Pack(t.Context(), time.Now(), atOnce); err != nil {
					rt.Fatal(err)
				}
			case 3:
				if _, err := s.Unpack(t.Context()); err != nil {
					rt.Fatal(err)
				}
			}
		}
		m.check(rt, t, s, fleetID)
	})
}

// drive returns a way of n fixes, ten seconds and 150 metres apart, from second s.
func drive(s float64, from float64, n int) (ps []fleet.Position) {
	for i := range n {
		ps = append(ps, pos(s+float64(i)*10, place(59.3+(from+float64(i)*150)/111_195, 18)))
	}
	return ps
}

// stand returns n fixes a minute apart at one place.
func stand(s, metres float64, n int) (ps []fleet.Position) {
	for i := range n {
		ps = append(ps, pos(s+float64(i)*60, place(59.3+(metres+float64(i%2)*20)/111_195, 18)))
	}
	return ps
}

var tripTests = map[string]func(*testing.T, Store){
	"trips are between stops and gaps, the same before and after packing": func(t *testing.T, s Store) {
		ps := slices.Concat(
			stand(0, 0, 8), drive(480, 150, 60), stand(1080, 9150, 8), // one trip
			drive(1560, 9300, 30), // another, cut by a gap
			drive(7200, 60_000, 30), stand(7500, 64_500, 10))
		history(t, s, ps...)
		type brief struct {
			From, To float64
			Ended    string
		}
		read := func() (list []brief) {
			trips, err := s.Trips(t.Context(), "acme", "d1", at(-86400), at(86400))
			ok(t, err)
			for _, trip := range trips {
				list = append(list, brief{trip.From.Sub(noon).Seconds(), trip.To.Sub(noon).Seconds(), trip.Ended})
			}
			return list
		}
		want := []brief{{420, 1080, "stop"}, {1500, 1850, "gap"}, {7200, 7500, "stop"}}
		equal(t, "fresh", read(), want)
		pack(t, s)
		equal(t, "packed", read(), want)
		n, err := s.StoreTrips(t.Context(), time.Now(), atOnce)
		ok(t, err)
		equal(t, "stored", n, 3)
		equal(t, "read from the table", read(), want)
		n, err = s.StoreTrips(t.Context(), time.Now(), atOnce)
		ok(t, err)
		equal(t, "stored again", n, 0)

		trips, err := s.Trips(t.Context(), "acme", "d1", at(600), at(700))
		ok(t, err)
		equal(t, "trips of a moment", len(trips), 1)
		if d := trips[0].Distance; d < 9000 || d > 9300 {
			t.Errorf("distance %v, want about 9150 metres", d)
		}
		equal(t, "stops", fleet.Stops(mustTrips(t, s))[0].From, at(1080))

		// Late positions fill the gap: the trips around it are found anew.
		late := drive(1860, 13_800, 200)
		history(t, s, late...)
		pack(t, s)
		_, err = s.StoreTrips(t.Context(), time.Now(), atOnce)
		ok(t, err)
		equal(t, "first trip stays", read()[0], want[0])
		if got := read()[1]; got.To < 3800 {
			t.Errorf("second trip %+v, want one that goes on into what came late", got)
		}
	},
	"a trip that goes on has no end, one long silent has": func(t *testing.T, s Store) {
		now := time.Now().Truncate(time.Microsecond).UTC()
		var ps []fleet.Position
		for i := range 30 {
			p := pos(0, place(59.3+float64(i)*150/111_195, 18))
			p.FixAt = now.Add(time.Duration(i-30) * 10 * time.Second)
			ps = append(ps, p)
		}
		history(t, s, ps...)
		trips, err := s.Trips(t.Context(), "acme", "d1", now.Add(-time.Hour), now)
		ok(t, err)
		if len(trips) != 1 || trips[0].Ended != "" {
			t.Errorf("trips %+v, want one that goes on", trips)
		}
		_, err = s.Trips(t.Context(), "acme", "nobody", now, now)
		wantErr(t, "Trips of nobody", err, fleet.ErrNotFound)
	},
}

func mustTrips(t *testing.T, s Store) []fleet.Trip {
	t.Helper()
	trips, err := s.Trips(t.Context(), "acme", "d1", at(-86400), at(86400))
	ok(t, err)
	return trips
}
