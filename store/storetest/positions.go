package storetest

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dray-fleet/dray/fleet"
)

var positionTests = map[string]func(*testing.T, Store){
	"every field comes back": func(t *testing.T, s Store) {
		full := pos(0, numbered("b1", 7), func(p *fleet.Position) {
			p.FixAt = at(0.123456)
			p.SentAt, p.ReceivedAt = at(2.5), at(3.25)
			p.Lat, p.Lon = -33.8567844, 151.2152967
			p.Accuracy, p.Altitude, p.Speed = fleet.Some(4.75), fleet.Some(-12.5), fleet.Some(13.9)
			p.Heading, p.Battery = fleet.Some(271.3), fleet.Some(87)
			p.Trigger, p.Ext = "turn", []byte(`{"odometer":12,"text":"\u0000 a"}`)
		})
		zero := pos(10, func(p *fleet.Position) {
			p.Accuracy, p.Altitude, p.Speed, p.Heading, p.Battery = fleet.Some(0), fleet.Some(0), fleet.Some(0), fleet.Some(0), fleet.Some(0)
		})
		absent := pos(20, source(""))
		farthest := pos(30, place(90, -180), func(p *fleet.Position) {
			p.Speed, p.Accuracy, p.Altitude = fleet.Some(1e5), fleet.Some(1e7), fleet.Some(-1e7)
		})
		report(t, s, full, zero, absent, farthest)
		equal(t, "track", track(t, s), []fleet.Position{full, zero, absent, farthest})
	},
	"a heading that rounds to 360 is 0": func(t *testing.T, s Store) {
		history(t, s, pos(0, func(p *fleet.Position) { p.Heading = fleet.Some(359.9999) }))
		equal(t, "heading", track(t, s)[0].Heading, fleet.Some(0))
	},
	"saving twice is saving once": func(t *testing.T, s Store) {
		equal(t, "first", report(t, s, pos(0), pos(1)), fleet.Saved{Positions: 2})
		equal(t, "again", report(t, s, pos(0), pos(1)), fleet.Saved{Duplicates: 2})
		equal(t, "partly", report(t, s, pos(1), pos(2), pos(3), pos(3)), fleet.Saved{Positions: 2, Duplicates: 2})
		equal(t, "track", track(t, s), []fleet.Position{pos(0), pos(1), pos(2), pos(3)})
	},
	"a batch at or below the offset is skipped unread": func(t *testing.T, s Store) {
		b := func(seq uint64, p fleet.Position) *fleet.Batch {
			return &fleet.Batch{Offset: &fleet.Offset{Stream: "s-1", Partition: 3, Seq: seq}, Positions: []fleet.Position{p},
				Thinned: map[fleet.Source]int64{p.SourceOf(): 2}}
		}
		equal(t, "first", save(t, s, b(5, pos(0))), fleet.Saved{Positions: 1})
		equal(t, "same offset", save(t, s, b(5, pos(1))), fleet.Saved{Skipped: true})
		equal(t, "lower offset", save(t, s, b(4, pos(2))), fleet.Saved{Skipped: true})
		equal(t, "next", save(t, s, b(6, pos(3))), fleet.Saved{Positions: 1})
		other := b(1, pos(4))
		other.Offset.Stream = "s-2"
		equal(t, "another stream begins at 1", save(t, s, other), fleet.Saved{Positions: 1})
		equal(t, "track", track(t, s), []fleet.Position{pos(0), pos(3), pos(4)})
		equal(t, "thinned, once for each batch saved", get(t, s, "d1").Thinned, int64(6))
		for _, tt := range []struct {
			stream    string
			partition int
			want      uint64
		}{{"s-1", 3, 6}, {"s-2", 3, 1}, {"s-1", 2, 0}, {"s-3", 3, 0}} {
			got, err := s.Offset(t.Context(), tt.stream, tt.partition)
			ok(t, err)
			equal(t, fmt.Sprintf("Offset(%s, %d)", tt.stream, tt.partition), got, tt.want)
		}
	},
	"history is in the order of fix time over days and sources": func(t *testing.T, s Store) {
		day := 86400.0
		history(t, s, pos(2*day), pos(5), pos(-3*day, source("obd")))
		history(t, s, pos(5, source("obd")), pos(-400*day), pos(1))
		var got []time.Time
		for _, p := range track(t, s, func(q *fleet.TrackQuery) { q.From = at(-500 * day) }) {
			got = append(got, p.FixAt)
		}
		equal(t, "times", got, []time.Time{at(-400 * day), at(-3 * day), at(1), at(5), at(5), at(2 * day)})
		equal(t, "from is in, to is not", len(track(t, s, func(q *fleet.TrackQuery) { q.From, q.To = at(1), at(5) })), 1)
	},
	"times far off are kept": func(t *testing.T, s Store) {
		early := pos(0, func(p *fleet.Position) { p.FixAt = time.Date(2001, 2, 3, 4, 5, 6, 7000, time.UTC) })
		late := pos(0, quarantined, func(p *fleet.Position) { p.FixAt = time.Date(2199, 2, 3, 4, 5, 6, 0, time.UTC) })
		history(t, s, early, late)
		all := func(q *fleet.TrackQuery) {
			q.From, q.To = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2200, 1, 1, 0, 0, 0, 0, time.UTC)
		}
		equal(t, "track", track(t, s, all), []fleet.Position{early})
		equal(t, "quarantined", track(t, s, all, func(q *fleet.TrackQuery) { q.Quarantined = true }), []fleet.Position{late})
	},
	"a long track is whole": func(t *testing.T, s Store) {
		var ps []fleet.Position
		for i := range 5000 {
			ps = append(ps, pos(float64(i/4), source([]string{"a", "b"}[i%2]), numbered("b", int64(i))))
		}
		history(t, s, ps...)
		seen := map[int64]bool{}
		for _, p := range track(t, s) {
			seen[p.Seq] = true
		}
		equal(t, "positions", len(track(t, s)), 5000)
		equal(t, "of which different", len(seen), 5000)
	},
	"an error of fn ends the track": func(t *testing.T, s Store) {
		history(t, s, pos(0), pos(1))
		stop, calls := errors.New("stop"), 0
		err := s.Track(t.Context(), fleet.TrackQuery{Fleet: "acme", Driver: "d1", From: at(-1), To: at(9)}, func(*fleet.Position) error { calls++; return stop })
		wantErr(t, "Track", err, stop)
		equal(t, "calls", calls, 1)
	},
	"fleets do not mix": func(t *testing.T, s Store) {
		report(t, s, pos(0), pos(1, inFleet("other")))
		equal(t, "track", track(t, s), []fleet.Position{pos(0)})
		equal(t, "track of the other", track(t, s, func(q *fleet.TrackQuery) { q.Fleet = "other" }), []fleet.Position{pos(1, inFleet("other"))})
	},
	"odd text is text": func(t *testing.T, s Store) {
		odd := pos(0, source(`'); DROP TABLE x;--`), numbered("<b>\U0001F69A\"\\", 1), func(p *fleet.Position) { p.Trigger = "zażółć\t\n" })
		report(t, s, odd)
		equal(t, "track", track(t, s), []fleet.Position{odd})
		equal(t, "latest's source", get(t, s, "d1").Position.Source, odd.Source)
	},
	"what can never be stored is refused whole": func(t *testing.T, s Store) {
		for name, bad := range map[string]fleet.Position{
			"NUL in source":   pos(1, source("a\x00b")),
			"bytes in boot":   pos(1, numbered("\xff\xfe", 1)),
			"NUL in trigger":  pos(1, func(p *fleet.Position) { p.Trigger = "\x00" }),
			"fleet not an id": pos(1, inFleet("a/b")),
			"no driver":       pos(1, driver("")),
			"long driver":     pos(1, driver(strings.Repeat("d", 65))),
			"latitude":        pos(1, place(90.1, 0)),
		} {
			_, err := s.SaveBatch(t.Context(), &fleet.Batch{Positions: []fleet.Position{pos(0), bad}})
			wantInvalid(t, name, err)
		}
		_, err := s.Driver(t.Context(), "acme", "d1")
		wantErr(t, "nothing was stored", err, fleet.ErrNotFound)
	},
	"savers at once store everything once": func(t *testing.T, s Store) {
		var wg sync.WaitGroup
		errs := make(chan error, 8)
		for w := range 8 {
			wg.Go(func() {
				for i := range 20 {
					// Every number is sent by two savers, in batches cut differently and
					// at another time, so that nothing but the ledger can tell.
					var ps []fleet.Position
					for j := range 10 {
						n := (w/2*20+i)*10 + j + w%2*5
						ps = append(ps, pos(float64(n)+float64(w%2)/8, driver(fmt.Sprint("d", n%7)), numbered("b", int64(n))))
					}
					if _, err := s.SaveBatch(t.Context(), &fleet.Batch{Positions: ps, Latest: ps}); err != nil {
						errs <- err
						return
					}
				}
			})
		}
		wg.Wait()
		close(errs)
		for err := range errs {
			t.Error(err)
		}
		total := 0
		for d := range 7 {
			total += len(track(t, s, func(q *fleet.TrackQuery) { q.Driver = fmt.Sprint("d", d) }))
		}
		equal(t, "positions", total, 805)
	},
	"savers at once leave the newest position": func(t *testing.T, s Store) {
		const savers, batches, drivers = 4, 3, 100
		var wg sync.WaitGroup
		for w := range savers {
			wg.Go(func() {
				for i := range batches {
					var ps []fleet.Position
					for d := range drivers {
						second := (d + i*savers + w*7) % 100 // every driver's newest comes from another batch
						ps = append(ps, pos(float64(second), driver(fmt.Sprintf("d%03d", d)), place(float64(second)/2, 1)))
					}
					if _, err := s.SaveBatch(t.Context(), &fleet.Batch{Latest: ps}); err != nil {
						t.Error(err)
						return
					}
				}
			})
		}
		wg.Wait()
		for d := 0; d < drivers; d += 17 {
			newest := 0
			for n := range savers * batches {
				newest = max(newest, (d+n/savers*savers+n%savers*7)%100)
			}
			got := get(t, s, fmt.Sprintf("d%03d", d)).Position
			equal(t, fmt.Sprint("second of ", d), got.FixAt, at(float64(newest)))
			equal(t, fmt.Sprint("place of ", d), got.Lat, float64(newest)/2)
		}
	},
	"savers at once of one growing source store everything once": func(t *testing.T, s Store) {
		history(t, s, pos(-1, numbered("b", 0)))
		var wg sync.WaitGroup
		for w := range 8 {
			wg.Go(func() {
				for n := range 20 {
					p := pos(float64(n)+float64(w)/16, numbered("b", int64(n+1)))
					if _, err := s.SaveBatch(t.Context(), &fleet.Batch{Positions: []fleet.Position{p}}); err != nil {
						t.Error(err)
						return
					}
				}
			})
		}
		wg.Wait()
		equal(t, "positions", len(track(t, s)), 21)
	},
	"an empty batch moves the offset": func(t *testing.T, s Store) {
		save(t, s, &fleet.Batch{Offset: &fleet.Offset{Stream: "s", Seq: 9}})
		got, err := s.Offset(t.Context(), "s", 0)
		ok(t, err)
		equal(t, "offset", got, uint64(9))
	},
}

var keyTests = map[string]func(*testing.T, Store){
	"two sources at the same second are two": func(t *testing.T, s Store) {
		equal(t, "saved", report(t, s, pos(0), pos(0, source("obd"))), fleet.Saved{Positions: 2})
	},
	"two drivers at the same second are two": func(t *testing.T, s Store) {
		equal(t, "saved", report(t, s, pos(0), pos(0, driver("d2"))), fleet.Saved{Positions: 2})
	},
	"two numbers at the same instant are two": func(t *testing.T, s Store) {
		equal(t, "saved", history(t, s, pos(0, numbered("b", 1)), pos(0, numbered("b", 2))), fleet.Saved{Positions: 2})
	},
	"one number of one boot is one fix, whatever its time": func(t *testing.T, s Store) {
		history(t, s, pos(0, numbered("b", 1)))
		equal(t, "again, another time", history(t, s, pos(9, numbered("b", 1))), fleet.Saved{Duplicates: 1})
		equal(t, "quarantined", history(t, s, pos(9, numbered("b", 1), quarantined)), fleet.Saved{Duplicates: 1})
		equal(t, "another boot", history(t, s, pos(9, numbered("c", 1))), fleet.Saved{Positions: 1})
	},
	"a number may begin again without a boot": func(t *testing.T, s Store) {
		history(t, s, pos(0, numbered("", 1)), pos(1, numbered("", 2)))
		equal(t, "saved", history(t, s, pos(5, numbered("", 1)), pos(1, numbered("", 2))), fleet.Saved{Positions: 1, Duplicates: 1})
	},
	"a thinned number that comes again stays thinned": func(t *testing.T, s Store) {
		p := pos(0, numbered("b", 1))
		save(t, s, &fleet.Batch{Receipts: []fleet.Receipt{{Source: p.SourceOf(), Boot: "b", First: 1, Last: 1, From: p.FixAt, To: p.FixAt}}})
		equal(t, "saved", history(t, s, p), fleet.Saved{Duplicates: 1})
	},
	"forgotten numbers are told apart by their time": func(t *testing.T, s Store) {
		var ps []fleet.Position
		for i := range 1000 {
			ps = append(ps, pos(float64(i), numbered("b", int64(2*i))))
		}
		equal(t, "every other number", history(t, s, ps...), fleet.Saved{Positions: 1000})
		equal(t, "again", history(t, s, ps...), fleet.Saved{Duplicates: 1000})
		equal(t, "late and long forgotten", history(t, s, pos(1.5, numbered("b", 3))), fleet.Saved{Positions: 1})
	},
}
