package storetest

import (
	"bytes"
	"encoding/json"
	"os"
	"testing"
	"time"

	"github.com/dray-fleet/dray/fleet"
)

// erase erases a driver of acme.
func erase(t *testing.T, s Store, id string) fleet.Erasure {
	t.Helper()
	done, err := s.EraseDriver(t.Context(), "acme", id, fleet.AuditEntry{Actor: "boss", Address: "192.0.2.1"})
	if err != nil {
		t.Fatalf("EraseDriver(%q): %v", id, err)
	}
	return done
}

// now returns p measured and received now, as an erasure happens now.
func now(p *fleet.Position) {
	p.FixAt = time.Now().UTC().Truncate(time.Microsecond)
	p.ReceivedAt = p.FixAt.Add(time.Second)
}

var eraseTests = map[string]func(*testing.T, Store){
	"everything of a driver goes, and nothing of others": func(t *testing.T, s Store) {
		one := pos(0, numbered("b", 1))
		report(t, s, one, pos(10, numbered("b", 5)), pos(0, driver("d2")), pos(0, inFleet("other")))
		pack(t, s)
		report(t, s, pos(20), pos(30, quarantined))
		letter := fleet.DeadLetter{ID: "1", Fleet: "acme", Driver: "d1", ReceivedAt: at(0)}
		save(t, s, &fleet.Batch{Dead: []fleet.DeadLetter{letter}, Thinned: map[fleet.Source]int64{one.SourceOf(): 3}})
		ok(t, s.RenameDriver(t.Context(), "acme", "d1", "Ada"))

		equal(t, "erased", erase(t, s, "d1"), fleet.Erasure{Positions: 3, Quarantined: 1, DeadLetters: 1})
		equal(t, "track", track(t, s), []fleet.Position(nil))
		d := get(t, s, "d1")
		d.CreatedAt = time.Time{}
		equal(t, "driver", d, fleet.Driver{Fleet: "acme", ID: "d1"})
		gaps, err := s.Gaps(t.Context(), fleet.TrackQuery{Fleet: "acme", Driver: "d1", From: at(-1), To: at(99)})
		ok(t, err)
		equal(t, "gaps", len(gaps), 0)
		letters, err := s.DeadLetters(t.Context(), "acme", "", 10)
		ok(t, err)
		equal(t, "dead letters", len(letters), 0)
		equal(t, "d2", track(t, s, func(q *fleet.TrackQuery) { q.Driver = "d2" }), []fleet.Position{pos(0, driver("d2"))})
		equal(t, "d1 of the other fleet", track(t, s, func(q *fleet.TrackQuery) { q.Fleet = "other" }), []fleet.Position{pos(0, inFleet("other"))})

		entries, err := s.AuditLog(t.Context(), "acme", 0, 100)
		ok(t, err)
		e := entries[len(entries)-1]
		equal(t, "audit", []string{e.Actor, e.Action, e.Entity, e.EntityID, e.Address}, []string{"boss", "erase", "driver", "d1", "192.0.2.1"})
		var counts fleet.Erasure
		ok(t, json.Unmarshal(e.After, &counts))
		equal(t, "audited counts", counts, fleet.Erasure{Positions: 3, Quarantined: 1, DeadLetters: 1})
	},
	"what was received before does not come back, what comes after is kept": func(t *testing.T, s Store) {
		old := pos(0, numbered("b", 1))
		report(t, s, old)
		erase(t, s, "d1")
		other := pos(0, driver("d2"))
		dead := fleet.DeadLetter{ID: "1", Fleet: "acme", Driver: "d1", ReceivedAt: at(0)}
		receipt := fleet.Receipt{Source: old.SourceOf(), Boot: "b", First: 9, Last: 9, From: at(9), To: at(9)}
		b := &fleet.Batch{Offset: &fleet.Offset{Stream: "s", Seq: 1}, Positions: []fleet.Position{old, pos(5), other}, Latest: []fleet.Position{pos(5)},
			Dead: []fleet.DeadLetter{dead}, Receipts: []fleet.Receipt{receipt}}
		equal(t, "saved", save(t, s, b), fleet.Saved{Positions: 1, Erased: 2})
		equal(t, "track", track(t, s), []fleet.Position(nil))
		equal(t, "latest", get(t, s, "d1").Position, (*fleet.Position)(nil))
		letters, err := s.DeadLetters(t.Context(), "acme", "", 10)
		ok(t, err)
		equal(t, "dead letters", len(letters), 0)

		fresh := pos(0, numbered("b", 2), now)
		equal(t, "fresh", report(t, s, fresh), fleet.Saved{Positions: 1})
		got := track(t, s, func(q *fleet.TrackQuery) { q.To = time.Now().Add(time.Hour) })
		equal(t, "track of the fresh", got, []fleet.Position{fresh})
		erase(t, s, "d2")
		equal(t, "the second erasure is seen too", history(t, s, other), fleet.Saved{Erased: 1})
	},
	"of a delivery stays that it was, not where, nor who signed": func(t *testing.T, s Store) {
		shipment(t, s, "s1")
		answer(t, s, driver1, assign(t, s, "s1", "d1").ID, fleet.ReceiptAccepted)
		file := fleet.ProofFile{Fleet: "acme", Shipment: "s1", ID: "f1", Driver: "d1"}
		for _, f := range []fleet.ProofFile{file, file, {Fleet: "acme", Shipment: "s2", ID: "f1", Driver: "d2"}} {
			ok(t, s.KeepProof(t.Context(), f))
		}
		signed := fleet.StatusReport{Status: fleet.StatusPickedUp, Note: "by the back door", Lat: fleet.Some(59), Lon: fleet.Some(18), Proof: &fleet.Proof{Name: "Ada", Signature: "f1"}}
		_, err := s.ReportStatus(t.Context(), "acme", "s1", driver1, signed, "http")
		ok(t, err)
		equal(t, "erased", erase(t, s, "d1"), fleet.Erasure{Proofs: 1})

		// A report that was on its way moves the shipment, and those of others do.
		signed.Status = fleet.StatusDelivered
		letter := func(driver string) fleet.DeadLetter {
			return fleet.DeadLetter{ID: driver, Fleet: "acme", Driver: driver, ReceivedAt: at(9), Payload: []byte(`{"name":"Ada"}`)}
		}
		save(t, s, &fleet.Batch{Positions: []fleet.Position{pos(0)}, Dispatch: []fleet.DispatchReport{{ID: "s1", Actor: "d1", Status: &signed, Letter: letter("d1")}}})
		steps, err := s.ShipmentEvents(t.Context(), "acme", "s1", 0, 100)
		ok(t, err)
		for _, e := range steps {
			if e.Lat.OK || e.Lon.OK || e.Proof != nil || e.Note != "" {
				t.Errorf("%+v is kept", e)
			}
		}
		equal(t, "status", read(t, s, "s1").Status, fleet.StatusDelivered)

		files, err := s.ProofsOf(t.Context(), "acme", "d1", 10)
		ok(t, err)
		equal(t, "files to delete", files, []fleet.ProofFile{file})
		ok(t, s.ForgetProof(t.Context(), file))
		equal(t, "erased again", erase(t, s, "d1"), fleet.Erasure{})
	},
	"of an assignment stays that it was declined, not why": func(t *testing.T, s Store) {
		shipment(t, s, "s1")
		var ids []string
		for _, who := range []string{"d1", "d2"} {
			a := assign(t, s, "s1", who)
			ids = append(ids, a.ID)
			declined := fleet.AssignmentReceipt{State: fleet.ReceiptDeclined, Reason: "slipped disc"}
			save(t, s, &fleet.Batch{Positions: []fleet.Position{pos(0, driver(who))}, Dispatch: []fleet.DispatchReport{
				{ID: a.ID, Actor: who, Receipt: &declined, Letter: fleet.DeadLetter{ID: who, Fleet: "acme", Driver: who, ReceivedAt: at(9)}}}})
		}
		sequence(t, s)
		erase(t, s, "d1")
		for i, want := range []string{"", "slipped disc"} {
			a, err := s.Assignment(t.Context(), "acme", ids[i])
			ok(t, err)
			equal(t, "state", a.State, fleet.AssignmentDeclined)
			equal(t, "receipts", len(a.Receipts), 1)
			equal(t, "reason", a.Receipts[0].Reason, want)
		}
		for _, e := range feed(t, s, "assignment.declined", "assignment.updated") {
			if e.ID == ids[0] && bytes.Contains(e.Data, []byte("disc")) {
				t.Errorf("the feed says %s", e.Data)
			}
		}
	},
	"reports of others on shipments are kept": func(t *testing.T, s Store) {
		shipment(t, s, "s1")
		a := assign(t, s, "s1", "d2")
		report(t, s, pos(0))
		erase(t, s, "d1")
		reason := fleet.AssignmentReceipt{State: fleet.ReceiptDeclined, Reason: "flat tyre"}
		save(t, s, &fleet.Batch{Positions: []fleet.Position{pos(0)}, Dispatch: []fleet.DispatchReport{
			{ID: a.ID, Actor: "d2", Receipt: &reason, Letter: fleet.DeadLetter{ID: "1", Fleet: "acme", Driver: "d2", ReceivedAt: at(9)}}}})
		got, err := s.Assignment(t.Context(), "acme", a.ID)
		ok(t, err)
		equal(t, "state", got.State, fleet.AssignmentDeclined)
	},
	"nobody is not found": func(t *testing.T, s Store) {
		_, err := s.EraseDriver(t.Context(), "acme", "nobody", fleet.AuditEntry{})
		wantErr(t, "EraseDriver", err, fleet.ErrNotFound)
	},
}

var retentionTests = map[string]func(*testing.T, Store){
	"settings are kept and checked": func(t *testing.T, s Store) {
		ok(t, s.SaveRetention(t.Context(), fleet.Retention{Fleet: "acme", RawDays: 1}))
		ok(t, s.SaveRetention(t.Context(), fleet.Retention{Fleet: "acme", RawDays: 90, PackedMonths: 24}))
		got, err := s.Retentions(t.Context())
		ok(t, err)
		equal(t, "retentions", got, []fleet.Retention{{Fleet: "acme", RawDays: 90, PackedMonths: 24}})
		for id, want := range map[string]fleet.Retention{"acme": got[0], "other": {Fleet: "other"}} {
			r, err := s.Retention(t.Context(), id)
			ok(t, err)
			equal(t, "retention of "+id, r, want)
		}
		wantInvalid(t, "negative", s.SaveRetention(t.Context(), fleet.Retention{Fleet: "acme", RawDays: -1}))
		wantInvalid(t, "no fleet", s.SaveRetention(t.Context(), fleet.Retention{}))
	},
	"what is over the limit goes, of that fleet alone": func(t *testing.T, s Store) {
		const month = 31 * 86400.0
		history(t, s, pos(-3*month), pos(-3*month, inFleet("other")), pos(0))
		pack(t, s)
		history(t, s, pos(-3*month+1), pos(1), pos(-3*month, quarantined))
		save(t, s, &fleet.Batch{Dead: []fleet.DeadLetter{{ID: "1", Fleet: "acme", Driver: "d1", ReceivedAt: at(-3 * month)}}})
		e := fleet.Expiry{Fleet: "acme", Before: at(-month).Truncate(time.Hour), RawBefore: at(-month)}
		would, err := s.Expiring(t.Context(), e)
		ok(t, err)
		if would.Bytes == 0 {
			t.Error("no bytes would go")
		}
		would.Bytes = 0
		e.Positions, e.Quarantined, e.DeadLetters = 2, 1, 1
		equal(t, "dry run", would, e)
		all := func(q *fleet.TrackQuery) { q.From = at(-4 * month) }
		equal(t, "after the dry run", len(track(t, s, all)), 4)

		ok(t, s.Expire(t.Context(), []fleet.Expiry{e}, atOnce))
		equal(t, "track", track(t, s, all), []fleet.Position{pos(0), pos(1)})
		equal(t, "track of the other", len(track(t, s, all, func(q *fleet.TrackQuery) { q.Fleet = "other" })), 1)
		e.Fleet = "other"
		e.RawBefore = time.Time{}
		ok(t, s.Expire(t.Context(), []fleet.Expiry{{Fleet: "acme", Before: e.Before}, e}, atOnce))
		equal(t, "track of the other, then", len(track(t, s, all, func(q *fleet.TrackQuery) { q.Fleet = "other" })), 0)
		equal(t, "late", history(t, s, pos(-3*month)), fleet.Saved{Positions: 1})
	},
	"the clock and the sizes are kept": func(t *testing.T, s Store) {
		c, err := s.RetentionClock(t.Context())
		ok(t, err)
		equal(t, "at first", c, fleet.RetentionClock{})
		for i := range 2 {
			want := fleet.RetentionClock{Seen: at(float64(i)), Steady: at(0)}
			ok(t, s.SaveRetentionClock(t.Context(), want))
			c, err := s.RetentionClock(t.Context())
			ok(t, err)
			equal(t, "clock", c, want)
		}
		newest, err := s.NewestReceipt(t.Context())
		ok(t, err)
		equal(t, "newest of nothing", newest, time.Time{})
		report(t, s, pos(0))
		newest, err = s.NewestReceipt(t.Context())
		ok(t, err)
		equal(t, "newest", newest, at(1))
		for _, u := range []fleet.Usage{{At: at(0), Bytes: 1}, {At: at(0), Bytes: 2}, {At: at(1), Bytes: 3}} {
			ok(t, s.SaveUsage(t.Context(), u))
		}
		usage, err := s.Usage(t.Context(), at(0))
		ok(t, err)
		equal(t, "usage", usage, []fleet.Usage{{At: at(0), Bytes: 2}, {At: at(1), Bytes: 3}})
		later := fleet.Usage{At: at(0.5).Add(fleet.UsageKept), Bytes: 4}
		ok(t, s.SaveUsage(t.Context(), later))
		usage, err = s.Usage(t.Context(), time.Time{})
		ok(t, err)
		equal(t, "usage a month later", usage, []fleet.Usage{{At: at(1), Bytes: 3}, later})
	},
	"the size of the database and its folder are known": func(t *testing.T, s Store) {
		space, err := s.Space(t.Context())
		ok(t, err)
		if space.Bytes < 4096 {
			t.Errorf("space %+v", space)
		}
		if space.Folder != "" { // on this machine
			_, err = os.Stat(space.Folder)
			ok(t, err)
		}
	},
}
