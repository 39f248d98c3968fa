package storetest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/dray-fleet/dray/fleet"
)

// sequence moves everything from the outbox to the feed.
func sequence(t *testing.T, s Store) {
	t.Helper()
	for {
		n, err := s.Sequence(t.Context(), 1000)
		ok(t, err)
		if n == 0 {
			return
		}
	}
}

// feed returns all events of kinds.
func feed(t *testing.T, s Store, kinds ...string) []fleet.Event {
	t.Helper()
	sequence(t, s)
	list, err := s.Events(t.Context(), fleet.EventQuery{Kinds: kinds, Limit: 1000})
	ok(t, err)
	return list
}

func decode(t *testing.T, data []byte, into any) {
	t.Helper()
	if err := json.Unmarshal(data, into); err != nil {
		t.Fatalf("%s: %v", data, err)
	}
}

func sameJSON(t *testing.T, what string, got []byte, want string) {
	t.Helper()
	var g, w any
	decode(t, got, &g)
	decode(t, []byte(want), &w)
	equal(t, what, g, w)
}

func encoded(t *testing.T, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	ok(t, err)
	return string(b)
}

var feedTests = map[string]func(*testing.T, Store){
	"tells every change as the API writes it": func(t *testing.T, s Store) {
		sh := shipment(t, s, "s1")
		a := assign(t, s, "s1", "d1")
		offered := read(t, s, "s1")
		a2 := answer(t, s, driver1, a.ID, fleet.ReceiptAccepted)
		alert, _, err := s.OpenAlert(t.Context(), fleet.Alert{Fleet: "acme", Kind: "silent", Driver: "d1", Severity: fleet.SeverityInfo})
		ok(t, err)
		acked, err := s.AckAlert(t.Context(), office, "acme", alert.ID)
		ok(t, err)
		ok(t, s.RenameDriver(t.Context(), "acme", "d1", "Ada"))
		save(t, s, &fleet.Batch{Reports: []fleet.Report{{Fleet: "acme", Driver: "d1", Duty: fleet.DutyOn, DutyAt: at(0)}}})
		for _, e := range feed(t, s) {
			if e.Fleet != "acme" || time.Since(e.At) > time.Minute || time.Since(e.At) < -time.Minute {
				t.Errorf("event %+v", e)
			}
		}
		for kind, want := range map[string]string{
			"shipment.created": encoded(t, sh), "shipment.assigned": encoded(t, offered), "shipment.accepted": encoded(t, read(t, s, "s1")),
			"assignment.offered": encoded(t, a), "assignment.accepted": encoded(t, a2),
			"alert.opened": encoded(t, alert), "alert.acknowledged": encoded(t, acked),
		} {
			got := feed(t, s, kind)
			if len(got) != 1 {
				t.Errorf("%d events %s, want one", len(got), kind)
				continue
			}
			sameJSON(t, kind, got[0].Data, want)
		}
		drivers := feed(t, s, "driver.updated")
		equal(t, "changes of drivers", len(drivers), 2)
		sameJSON(t, "driver", drivers[1].Data, `{"id":"d1","name":"Ada","duty":"on"}`)
		equal(t, "actors", []string{feed(t, s, "shipment.created")[0].Actor, feed(t, s, "shipment.accepted")[0].Actor, feed(t, s, "alert.opened")[0].Actor},
			[]string{"u1", "d1", "system"})
	},
	"keeps silent about positions and presence": func(t *testing.T, s Store) {
		report(t, s, pos(0), pos(10))
		before := feed(t, s)
		report(t, s, pos(20), pos(30))
		save(t, s, &fleet.Batch{Thinned: map[fleet.Source]int64{{Fleet: "acme", Driver: "d1"}: 3}, Reports: []fleet.Report{{Fleet: "acme", Driver: "d1", Health: &fleet.Health{At: at(1)}}}})
		present(t, s, "d1", fleet.Presence{State: "online", At: at(0)})
		equal(t, "events", len(feed(t, s)), len(before))
	},
	"what is refused leaves no event": func(t *testing.T, s Store) {
		shipment(t, s, "s1")
		before := feed(t, s)
		_, err := s.ReportStatus(t.Context(), "acme", "s1", office, fleet.StatusReport{Status: fleet.StatusDelivered}, "http")
		wantMove(t, "refused", err, "created")
		equal(t, "events", len(feed(t, s)), len(before))
	},
	"is read in pages, by fleet and by kind": func(t *testing.T, s Store) {
		for _, id := range []string{"s1", "s2", "s3"} {
			shipment(t, s, id)
		}
		_, err := s.CreateShipment(t.Context(), office, fleet.Shipment{Fleet: "other", ID: "s1"})
		ok(t, err)
		sequence(t, s)
		q := fleet.EventQuery{Fleet: "acme", Kinds: []string{"shipment", "alert.opened"}, Limit: 2}
		var ids []string
		for {
			page, err := s.Events(t.Context(), q)
			ok(t, err)
			if len(page) == 0 {
				break
			}
			for _, e := range page {
				ids = append(ids, e.ID)
				q.After = e.Cursor
			}
		}
		equal(t, "ids", ids, []string{"s1", "s2", "s3"})
		_, err = s.Events(t.Context(), fleet.EventQuery{Limit: 10_000})
		wantInvalid(t, "10,000 at once", err)
		last, err := s.LastEvent(t.Context())
		ok(t, err)
		all := feed(t, s)
		equal(t, "last", last, all[len(all)-1].Cursor)
	},
	"is pruned by age, but not of what is not read yet": func(t *testing.T, s Store) {
		shipment(t, s, "s1")
		all := feed(t, s)
		ok(t, s.PruneEvents(t.Context(), later()))
		equal(t, "nobody has read", len(feed(t, s)), len(all))
		ok(t, s.SavePosition(t.Context(), "mqtt", all[1].Cursor))
		ok(t, s.SavePosition(t.Context(), "mqtt", all[0].Cursor))
		got, err := s.Position(t.Context(), "mqtt")
		ok(t, err)
		equal(t, "position goes forward only", got, all[1].Cursor)
		ok(t, s.PruneEvents(t.Context(), at(0)))
		equal(t, "young", len(feed(t, s)), len(all))
		ok(t, s.PruneEvents(t.Context(), later()))
		equal(t, "two read", len(feed(t, s)), len(all)-2)
	},
	"wakes who listens": func(t *testing.T, s Store) {
		driver := func(id string) {
			_, err := s.EnsureDriver(t.Context(), "acme", id)
			ok(t, err)
		}
		ctx, stop := context.WithCancel(t.Context())
		written, sequenced, ended := make(chan struct{}, 10), make(chan struct{}, 10), make(chan error, 1)
		go func() {
			ended <- s.Listen(ctx, func() { written <- struct{}{} }, func() { sequenced <- struct{}{} })
		}()
		<-sequenced // it listens
		if len(written) == 1 {
			<-written
		}
		driver("d1")
		select {
		case <-written:
			sequence(t, s)
			<-sequenced
			ok(t, s.SavePosition(t.Context(), "mqtt", 1))
			driver("d2")
			<-written // after all that went before
		case <-sequenced: // a store without an outbox
			ok(t, s.SavePosition(t.Context(), "mqtt", 1))
		case <-time.After(time.Minute):
			t.Error("not woken by a change")
		}
		equal(t, "times woken by what the relay writes", len(written)+len(sequenced), 0)
		stop()
		ok(t, <-ended)
	},
	"is exclusive to one at a time": func(t *testing.T, s Store) {
		errOut := errors.New("out")
		var inside atomic.Int32
		ran, err := s.Exclusive(t.Context(), "a", func(ctx context.Context) error {
			inside.Add(1)
			again, err := s.Exclusive(ctx, "a", func(context.Context) error { inside.Add(1); return nil })
			ok(t, err)
			other, err := s.Exclusive(ctx, "b", func(context.Context) error { return nil })
			ok(t, err)
			equal(t, "the same, another", []bool{again, other}, []bool{false, true})
			return errOut
		})
		wantErr(t, "error of fn", err, errOut)
		equal(t, "ran", []any{ran, inside.Load()}, []any{true, int32(1)})
		for ran = false; !ran && t.Context().Err() == nil; { // the lock of a connection ends a moment after it
			ran, err = s.Exclusive(t.Context(), "a", func(context.Context) error { return nil })
			ok(t, err)
		}
	},
	"never passes an event that commits late": testFollow,
}

// testFollow has many write at once while others move the outbox and one
// follows the feed by its cursor.
func testFollow(t *testing.T, s Store) {
	const writers, changes = 8, 25
	for w := range writers {
		shipment(t, s, fmt.Sprint("s", w))
	}
	ctx, stop := context.WithCancel(t.Context())
	var running sync.WaitGroup
	defer running.Wait()
	defer stop()
	for w := range writers {
		running.Go(func() {
			for i := range changes {
				note := fmt.Sprint(i)
				_, err := s.PatchShipment(ctx, office, "acme", fmt.Sprint("s", w), 0, fleet.ShipmentPatch{Note: &note})
				if err != nil && ctx.Err() == nil {
					t.Error(err)
				}
			}
		})
	}
	kick := make(chan struct{})
	for range 2 {
		running.Go(func() {
			for {
				select {
				case <-kick:
				case <-ctx.Done():
					return
				}
				if _, err := s.Sequence(ctx, 7); err != nil && ctx.Err() == nil {
					t.Error(err)
				}
			}
		})
	}
	versions := map[string]int64{}
	var cursor int64
	deadline := time.After(2 * time.Minute)
	for seen := 0; seen < writers*(changes+1); {
		page, err := s.Events(ctx, fleet.EventQuery{After: cursor, Kinds: []string{"shipment"}, Limit: 50})
		ok(t, err)
		for _, e := range page {
			var got struct{ Version int64 }
			decode(t, e.Data, &got)
			if got.Version != versions[e.ID]+1 {
				t.Fatalf("version %d of %s follows %d", got.Version, e.ID, versions[e.ID])
			}
			versions[e.ID], cursor = got.Version, e.Cursor
			seen++
		}
		select {
		case kick <- struct{}{}:
		case <-deadline:
			t.Fatalf("%d events seen: %v", seen, versions)
		}
	}
}

// ByHand changes s with the database's own tools, exec, and looks for the
// events; for a store's own tests, which know how to.
func ByHand(t *testing.T, s Store, exec func(sql string), actor string) {
	shipment(t, s, "s1")
	before := len(feed(t, s))
	for _, sql := range []string{
		"UPDATE shipments SET status = 'cancelled' WHERE id = 's1'",
		"UPDATE shipments SET note = 'x' WHERE id = 's1'",
		"INSERT INTO shipments (fleet, id, reference) VALUES ('acme', 's2', 'by hand')",
		"INSERT INTO assignments (fleet, id, shipment, driver) VALUES ('acme', 'a1', 's2', 'd1')",
		"UPDATE assignments SET state = 'seen' WHERE id = 'a1'",
		"UPDATE drivers SET name = 'Ada' WHERE driver = 'd1'",
		"INSERT INTO devices (fleet, id) VALUES ('acme', 't1')",
		"UPDATE devices SET name = 'Truck' WHERE id = 't1'",
		"DELETE FROM devices WHERE id = 't1'",
		"INSERT INTO alerts (fleet, id, kind) VALUES ('acme', 'x1', 'silent')",
		"UPDATE alerts SET closed_at = opened_at WHERE id = 'x1'",
		`INSERT INTO geofences (fleet, id, area) VALUES ('acme', 'g1', '{"circle":{"center":{"lat":1,"lon":2},"radius_m":3}}')`,
		"DELETE FROM shipments WHERE id = 's2'",
	} {
		exec(sql)
	}
	var kinds []string
	for _, e := range feed(t, s)[before:] {
		kinds = append(kinds, e.Kind)
		if e.Actor != actor {
			t.Errorf("%s by %q, want %q", e.Kind, e.Actor, actor)
		}
	}
	want := []string{"shipment.cancelled", "shipment.updated", "shipment.created", "assignment.offered", "assignment.seen", "driver.updated", "device.created",
		"device.updated", "device.deleted", "alert.opened", "alert.closed", "geofence.created"}
	if len(kinds) != len(want)+2 {
		t.Fatalf("kinds %v, want %v and two of what is deleted", kinds, want)
	}
	equal(t, "kinds", kinds[:len(want)], want)
	var last struct{ Reference string }
	decode(t, feed(t, s, "shipment.deleted")[0].Data, &last)
	equal(t, "what is deleted", last.Reference, "by hand")
	got := read(t, s, "s1")
	equal(t, "version, status", []any{got.Version, got.Status, got.Note}, []any{int64(3), fleet.StatusCancelled, "x"})
	sameJSON(t, "the last of s1", feed(t, s, "shipment.updated")[0].Data, encoded(t, got))
	steps, err := s.ShipmentEvents(t.Context(), "acme", "s1", 0, 10)
	ok(t, err)
	equal(t, "history", []any{len(steps), steps[len(steps)-1].Source}, []any{2, "sql"})
}
