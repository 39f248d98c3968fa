package storetest

import (
	"fmt"
	"testing"
	"time"

	"github.com/dray-fleet/dray/fleet"
)

// placed is p as a driver's latest position gives it back.
func placed(p fleet.Position) *fleet.Position {
	f := fleet.Fix{FixAt: p.FixAt, Lat: p.Lat, Lon: p.Lon, Accuracy: p.Accuracy, Altitude: p.Altitude, Speed: p.Speed,
		Heading: p.Heading, Battery: p.Battery, Source: p.Source}
	return &fleet.Position{Fleet: p.Fleet, Driver: p.Driver, Fix: f, ReceivedAt: p.ReceivedAt}
}

var latestTests = map[string]func(*testing.T, Store){
	"the newest of a batch and of all batches": func(t *testing.T, s Store) {
		report(t, s, pos(1), pos(3, place(1, 2)), pos(2))
		equal(t, "position", get(t, s, "d1").Position, placed(pos(3, place(1, 2))))
		report(t, s, pos(4, source("obd"), numbered("b", 1), func(p *fleet.Position) { p.Speed, p.Battery = fleet.Some(3.5), fleet.Some(12) }))
		equal(t, "position", get(t, s, "d1").Position, placed(pos(4, source("obd"), func(p *fleet.Position) { p.Speed, p.Battery = fleet.Some(3.5), fleet.Some(12) })))
	},
	"a late fix does not move a driver back": func(t *testing.T, s Store) {
		report(t, s, pos(10))
		report(t, s, pos(5))
		equal(t, "position", get(t, s, "d1").Position, placed(pos(10)))
		equal(t, "history", len(track(t, s)), 2)
	},
	"a quarantined fix is visible as such and never the latest": func(t *testing.T, s Store) {
		now := time.Now()
		report(t, s, pos(10))
		equal(t, "flags before", get(t, s, "d1").Flags, []string(nil))
		future := pos(1e6-5, quarantined, func(p *fleet.Position) { p.ReceivedAt = now.Truncate(time.Millisecond).UTC() })
		equal(t, "saved", report(t, s, future), fleet.Saved{Positions: 1})
		equal(t, "saved again", report(t, s, future), fleet.Saved{Duplicates: 1})
		d := get(t, s, "d1")
		equal(t, "position", d.Position, placed(pos(10)))
		equal(t, "flags", d.Flags, []string{"quarantined"})
		equal(t, "history", track(t, s), []fleet.Position{pos(10)})
		equal(t, "quarantined", track(t, s, func(q *fleet.TrackQuery) { q.Quarantined = true }), []fleet.Position{future})
	},
	"a disagreement of sources is a flag, for a while": func(t *testing.T, s Store) {
		say := func(at time.Time) {
			save(t, s, &fleet.Batch{Positions: []fleet.Position{pos(0), pos(0, driver("d2"))}, Disagreements: []fleet.Disagreement{
				{Fleet: "acme", Driver: "d1", At: time.Now()}, {Fleet: "acme", Driver: "d1", At: at}, {Fleet: "other", Driver: "d2", At: time.Now()}}})
		}
		for _, tt := range []struct {
			at   time.Time
			want []string
		}{{time.Now(), []string{"disagreement"}}, {time.Time{}, nil}, {time.Now().Add(-time.Hour), nil}} {
			say(tt.at)
			equal(t, "flags", get(t, s, "d1").Flags, tt.want)
			equal(t, "flags of another", get(t, s, "d2").Flags, []string(nil))
		}
	},
	"latest follows what history leaves out": func(t *testing.T, s Store) {
		save(t, s, &fleet.Batch{Positions: []fleet.Position{pos(0)}, Latest: []fleet.Position{pos(2)}})
		equal(t, "position", get(t, s, "d1").Position, placed(pos(2)))
		equal(t, "history", track(t, s), []fleet.Position{pos(0)})
	},
}

var driverTests = map[string]func(*testing.T, Store){
	"come into being once, audited": func(t *testing.T, s Store) {
		created, err := s.EnsureDriver(t.Context(), "acme", "d1")
		ok(t, err)
		equal(t, "created", created, true)
		created, err = s.EnsureDriver(t.Context(), "acme", "d1")
		ok(t, err)
		equal(t, "created again", created, false)
		created, err = s.EnsureFleet(t.Context(), "acme")
		ok(t, err)
		equal(t, "its fleet created again", created, false)
		report(t, s, pos(0), pos(0, driver("d2")))
		log, err := s.AuditLog(t.Context(), "acme", 0, 10)
		ok(t, err)
		var got []string
		for _, e := range log {
			got = append(got, e.Action+" "+e.Entity+" "+e.EntityID)
		}
		equal(t, "audit", got, []string{"create fleet acme", "create driver d1", "create driver d2"})
		_, err = s.EnsureDriver(t.Context(), "acme", "a b")
		wantInvalid(t, "EnsureDriver", err)
		_, err = s.Driver(t.Context(), "acme", "d9")
		wantErr(t, "Driver", err, fleet.ErrNotFound)
	},
	"have a name": func(t *testing.T, s Store) {
		_, err := s.EnsureDriver(t.Context(), "acme", "d1")
		ok(t, err)
		name := `<img src=x onerror=alert(1)> O'Neil 🚚`
		ok(t, s.RenameDriver(t.Context(), "acme", "d1", name))
		equal(t, "name", get(t, s, "d1").Name, name)
		wantInvalid(t, "NUL", s.RenameDriver(t.Context(), "acme", "d1", "a\x00"))
		wantErr(t, "unknown", s.RenameDriver(t.Context(), "acme", "d2", "x"), fleet.ErrNotFound)
	},
	"presence: the newest wins": func(t *testing.T, s Store) {
		on := fleet.Presence{State: "online", At: at(10), Source: "phone"}
		off := fleet.Presence{State: "offline", At: at(20), Reason: "keep-alive timeout", Source: "phone"}
		present(t, s, "d1", on)
		online, err := s.OnlineDrivers(t.Context())
		ok(t, err)
		equal(t, "online", online, []fleet.Source{{Fleet: "acme", Driver: "d1", Source: "phone"}})
		present(t, s, "d1", off)
		present(t, s, "d1", on)
		equal(t, "presence", get(t, s, "d1").Presence, &off)
		online, err = s.OnlineDrivers(t.Context())
		ok(t, err)
		equal(t, "online", len(online), 0)
	},
	"presence: of many at once": func(t *testing.T, s Store) {
		report(t, s, pos(0, driver("d1")))
		online := func(id string, sec float64) fleet.PresenceChange {
			return fleet.PresenceChange{Fleet: "acme", Driver: id, Presence: fleet.Presence{State: "online", At: at(sec), Source: "phone"}}
		}
		changes := []fleet.PresenceChange{online("d2", 5), online("d1", 7), online("d1", 6), online("d3", 5)}
		ok(t, s.SavePresences(t.Context(), changes))
		ok(t, s.SavePresences(t.Context(), changes))
		ok(t, s.SavePresences(t.Context(), nil))
		for id, want := range map[string]float64{"d1": 7, "d2": 5, "d3": 5} {
			equal(t, id, get(t, s, id).Presence, &fleet.Presence{State: "online", At: at(want), Source: "phone"})
		}
		wantInvalid(t, "a name that is no id", s.SavePresences(t.Context(), []fleet.PresenceChange{online("d1", 9), online("a b", 9)}))
		wantInvalid(t, "NUL", s.SavePresences(t.Context(), []fleet.PresenceChange{online("d1", 9), {Fleet: "acme", Driver: "d2", Presence: fleet.Presence{State: "a\x00"}}}))
		equal(t, "beside what is invalid", get(t, s, "d1").Presence.At, at(7))
	},
	"reports: the newest wins": func(t *testing.T, s Store) {
		health := func(sec float64, battery float64) *fleet.Health {
			return &fleet.Health{At: at(sec), Battery: fleet.Some(battery), Network: "wifi", Ext: []byte(`{"x":1}`)}
		}
		duty := func(d fleet.Duty, sec float64) fleet.Report {
			return fleet.Report{Fleet: "acme", Driver: "d1", Duty: d, DutyAt: at(sec)}
		}
		save(t, s, &fleet.Batch{Reports: []fleet.Report{duty(fleet.DutyOn, 5), {Fleet: "acme", Driver: "d1", Health: health(5, 50)}, duty(fleet.DutyBreak, 9), duty(fleet.DutyOff, 7)}})
		save(t, s, &fleet.Batch{Reports: []fleet.Report{{Fleet: "acme", Driver: "d1", Health: health(4, 99)}, duty(fleet.DutyOff, 8)}})
		d := get(t, s, "d1")
		equal(t, "duty", d.Duty, fleet.DutyBreak)
		equal(t, "duty at", d.DutyAt, at(9))
		equal(t, "health", d.Health, health(5, 50))
	},
	"pages follow the ids": func(t *testing.T, s Store) {
		want := []string{"B", "_", "a", "a-b", "a1", "aB", "b"} // by bytes; "-" < "1" < "B"
		var got []string
		for _, id := range []string{"b", "a1", "B", "a", "aB", "_", "a-b"} {
			report(t, s, pos(0, driver(id)))
		}
		report(t, s, pos(0, driver("a0"), inFleet("other")))
		for after := ""; ; {
			page, err := s.Drivers(t.Context(), fleet.DriverQuery{Fleet: "acme", After: after, Limit: 3})
			ok(t, err)
			if len(page) == 0 {
				break
			}
			for _, d := range page {
				got = append(got, d.ID)
			}
			after = got[len(got)-1]
		}
		equal(t, "ids", got, want)
		for _, limit := range []int{0, -1, 1001} {
			_, err := s.Drivers(t.Context(), fleet.DriverQuery{Fleet: "acme", Limit: limit})
			wantInvalid(t, fmt.Sprint("limit ", limit), err)
		}
	},
	"are found where they have gone": func(t *testing.T, s Store) {
		around := func(lat, lon float64) int {
			list, err := s.Drivers(t.Context(), fleet.DriverQuery{Fleet: "acme", Limit: 10, Box: &fleet.Box{West: lon - 0.01, South: lat - 0.01, East: lon + 0.01, North: lat + 0.01}})
			ok(t, err)
			return len(list)
		}
		for _, step := range []struct {
			sec, lat, lon, atLat, atLon float64
		}{
			{0, 59.33, 18.06, 59.33, 18.06},
			{5, 59.331, 18.061, 59.331, 18.061},
			{10, 48.85, 2.35, 48.85, 2.35},
			{7, 59.34, 18.06, 48.85, 2.35}, // late
			{8, 48.851, 2.351, 48.85, 2.35},
			{15, -33.9, -70.1, -33.9, -70.1},
		} {
			report(t, s, pos(step.sec, place(step.lat, step.lon)))
			equal(t, fmt.Sprint("around where it is at ", step.sec), around(step.atLat, step.atLon), 1)
			equal(t, "elsewhere", around(step.atLat+1, step.atLon), 0)
			equal(t, "position", get(t, s, "d1").Position.Lat, step.atLat)
		}
		equal(t, "where it was", around(59.33, 18.06)+around(48.85, 2.35), 0)
	},
	"are found by area and status": func(t *testing.T, s Store) {
		report(t, s, pos(0, driver("fiji"), place(-17.7, 178)), pos(0, driver("samoa"), place(-13.8, -172)),
			pos(0, driver("oslo"), place(59.9, 10.7)), pos(0, driver("edge"), place(10, 20)))
		_, err := s.EnsureDriver(t.Context(), "acme", "nowhere")
		ok(t, err)
		present(t, s, "oslo", fleet.Presence{State: "online", At: noon})
		present(t, s, "fiji", fleet.Presence{State: "offline", At: noon})
		save(t, s, &fleet.Batch{Reports: []fleet.Report{{Fleet: "acme", Driver: "edge", Duty: fleet.DutyBreak, DutyAt: noon}}})
		for _, tt := range []struct {
			name   string
			box    *fleet.Box
			status string
			want   []string
		}{
			{"all", nil, "", []string{"edge", "fiji", "nowhere", "oslo", "samoa"}},
			{"europe", &fleet.Box{West: -10, South: 35, East: 40, North: 70}, "", []string{"oslo"}},
			{"over the antimeridian", &fleet.Box{West: 170, South: -30, East: -170, North: 0}, "", []string{"fiji", "samoa"}},
			{"west of it", &fleet.Box{West: 170, South: -30, East: 180, North: 0}, "", []string{"fiji"}},
			{"its edge is in", &fleet.Box{West: 20, South: 10, East: 21, North: 11}, "", []string{"edge"}},
			{"a point", &fleet.Box{West: 20, South: 10, East: 20, North: 10}, "", []string{"edge"}},
			{"upside down", &fleet.Box{West: -10, South: 70, East: 40, North: 35}, "", nil},
			{"online", nil, "online", []string{"oslo"}},
			{"offline is not online", nil, "offline", []string{"edge", "fiji", "nowhere", "samoa"}},
			{"on a break", nil, "break", []string{"edge"}},
			{"online in the pacific", &fleet.Box{West: 170, South: -30, East: -170, North: 0}, "online", nil},
		} {
			page, err := s.Drivers(t.Context(), fleet.DriverQuery{Fleet: "acme", Box: tt.box, Status: tt.status, Limit: 1000})
			ok(t, err)
			var got []string
			for _, d := range page {
				got = append(got, d.ID)
			}
			equal(t, tt.name, got, tt.want)
		}
		_, err = s.Drivers(t.Context(), fleet.DriverQuery{Fleet: "acme", Status: "gone", Limit: 1})
		wantInvalid(t, "status", err)
	},
}

var gapTests = map[string]func(*testing.T, Store){
	"what never came is known, with the times around it": func(t *testing.T, s Store) {
		receipt := pos(4, numbered("b", 5))
		save(t, s, &fleet.Batch{
			Positions: []fleet.Position{pos(0, numbered("b", 1)), pos(1, numbered("b", 2)), pos(7, numbered("b", 8))},
			Receipts:  []fleet.Receipt{{Source: receipt.SourceOf(), Boot: "b", First: 5, Last: 5, From: receipt.FixAt, To: receipt.FixAt}},
		})
		gaps := func() []fleet.Gap {
			list, err := s.Gaps(t.Context(), fleet.TrackQuery{Fleet: "acme", Driver: "d1", From: at(-100), To: at(100)})
			ok(t, err)
			return list
		}
		equal(t, "gaps", gaps(), []fleet.Gap{
			{Source: "phone", Boot: "b", FirstSeq: 3, LastSeq: 4, From: at(1), To: at(4)},
			{Source: "phone", Boot: "b", FirstSeq: 6, LastSeq: 7, From: at(4), To: at(7)},
		})
		history(t, s, pos(2, numbered("b", 3)), pos(3, numbered("b", 4)), pos(5, numbered("b", 6)))
		equal(t, "gaps after some came late", gaps(), []fleet.Gap{{Source: "phone", Boot: "b", FirstSeq: 7, LastSeq: 7, From: at(5), To: at(7)}})
		history(t, s, pos(50, numbered("c", 100)))
		equal(t, "a boot may begin anywhere", len(gaps()), 1)
	},
	"one closes as another opens": func(t *testing.T, s Store) {
		history(t, s, pos(0, numbered("b", 1)), pos(2, numbered("b", 3)))
		history(t, s, pos(1, numbered("b", 2)), pos(4, numbered("b", 5)))
		list, err := s.Gaps(t.Context(), fleet.TrackQuery{Fleet: "acme", Driver: "d1", From: at(-9), To: at(9)})
		ok(t, err)
		equal(t, "gaps", list, []fleet.Gap{{Source: "phone", Boot: "b", FirstSeq: 4, LastSeq: 4, From: at(2), To: at(4)}})
		equal(t, "the one that closed it again", history(t, s, pos(1, numbered("b", 2))), fleet.Saved{Duplicates: 1})
		equal(t, "the one that is missing", history(t, s, pos(3, numbered("b", 4))), fleet.Saved{Positions: 1})
	},
	"only those around the time asked for": func(t *testing.T, s Store) {
		history(t, s, pos(0, numbered("b", 1)), pos(10, numbered("b", 3)), pos(20, numbered("b", 4)), pos(30, numbered("b", 6)))
		list, err := s.Gaps(t.Context(), fleet.TrackQuery{Fleet: "acme", Driver: "d1", From: at(12), To: at(25)})
		ok(t, err)
		equal(t, "gaps", list, []fleet.Gap{{Source: "phone", Boot: "b", FirstSeq: 5, LastSeq: 5, From: at(20), To: at(30)}})
	},
}
