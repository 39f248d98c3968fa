package storetest

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/dray-fleet/dray/fleet"
)

var (
	office  = fleet.Actor{Subject: "u1"}
	driver1 = fleet.Actor{Subject: "d1", Driver: "d1"}
	driver2 = fleet.Actor{Subject: "phone-2", Driver: "d2"}
)

// shipment creates shipment id of acme and its drivers d1, d2 and d3.
func shipment(t *testing.T, s Store, id string) fleet.Shipment {
	t.Helper()
	for _, d := range []string{"d1", "d2", "d3"} {
		_, err := s.EnsureDriver(t.Context(), "acme", d)
		ok(t, err)
	}
	created, err := s.CreateShipment(t.Context(), office, fleet.Shipment{Fleet: "acme", ID: id, Reference: "R-" + id,
		Pickup: fleet.Place{Name: "Depot", Lat: fleet.Some(59.3), Lon: fleet.Some(18.1), From: at(0), To: at(3600)}, Dropoff: fleet.Place{Address: "Kungsgatan 1"}})
	ok(t, err)
	return created
}

// assign offers shipment id to driver.
func assign(t *testing.T, s Store, id, driver string, next ...string) fleet.Assignment {
	t.Helper()
	a, err := s.CreateAssignment(t.Context(), office, fleet.Assignment{Fleet: "acme", Shipment: id, Driver: driver, Next: next, Deadline: time.Now().Add(time.Minute)})
	ok(t, err)
	return a
}

func answer(t *testing.T, s Store, by fleet.Actor, id string, state fleet.ReceiptState) fleet.Assignment {
	t.Helper()
	a, err := s.SaveReceipt(t.Context(), "acme", id, by, fleet.AssignmentReceipt{State: state}, "http")
	ok(t, err)
	return a
}

func move(t *testing.T, s Store, by fleet.Actor, id string, statuses ...fleet.Status) (now fleet.Shipment) {
	t.Helper()
	for _, status := range statuses {
		var err error
		now, err = s.ReportStatus(t.Context(), "acme", id, by, fleet.StatusReport{Status: status}, "http")
		ok(t, err)
	}
	return now
}

func read(t *testing.T, s Store, id string) fleet.Shipment {
	t.Helper()
	got, err := s.Shipment(t.Context(), "acme", id)
	ok(t, err)
	return got
}

// wantMove asks for a MoveError that says what the current status is.
func wantMove(t *testing.T, what string, err error, from string) {
	t.Helper()
	var move *fleet.MoveError
	if !errors.As(err, &move) || move.From != from {
		t.Errorf("%s: error %v, want a MoveError from %s", what, err, from)
	}
}

// reach brings a new shipment to a status by the shortest way.
func reach(t *testing.T, s Store, id string, status fleet.Status) fleet.Shipment {
	t.Helper()
	shipment(t, s, id)
	switch status {
	case fleet.StatusCreated:
	case fleet.StatusCancelled:
		move(t, s, office, id, status)
	default:
		a := assign(t, s, id, "d1")
		if status != fleet.StatusAssigned {
			answer(t, s, driver1, a.ID, fleet.ReceiptAccepted)
		}
		switch status {
		case fleet.StatusPickedUp, fleet.StatusFailed:
			move(t, s, driver1, id, status)
		case fleet.StatusInTransit, fleet.StatusArrived, fleet.StatusDelivered, fleet.StatusReturned:
			move(t, s, driver1, id, fleet.StatusPickedUp, status)
		}
	}
	got := read(t, s, id)
	if got.Status != status {
		t.Fatalf("reached %s, want %s", got.Status, status)
	}
	return got
}

var statuses = []fleet.Status{fleet.StatusCreated, fleet.StatusAssigned, fleet.StatusAccepted, fleet.StatusPickedUp, fleet.StatusInTransit,
	fleet.StatusArrived, fleet.StatusDelivered, fleet.StatusFailed, fleet.StatusReturned, fleet.StatusCancelled}

var shipmentTests = map[string]func(*testing.T, Store){
	"are created once and read": func(t *testing.T, s Store) {
		want := shipment(t, s, "s1")
		equal(t, "status and version", []any{want.Status, want.Version}, []any{fleet.StatusCreated, int64(1)})
		equal(t, "read", read(t, s, "s1"), want)
		_, err := s.CreateShipment(t.Context(), office, fleet.Shipment{Fleet: "acme", ID: "s1"})
		wantErr(t, "again", err, fleet.ErrConflict)
		_, err = s.Shipment(t.Context(), "other", "s1")
		wantErr(t, "from another fleet", err, fleet.ErrNotFound)
		named, err := s.CreateShipment(t.Context(), office, fleet.Shipment{Fleet: "acme"})
		ok(t, err)
		if !fleet.ValidID(named.ID) {
			t.Errorf("an id of its own: %q", named.ID)
		}
	},
	"of the wrong shape are refused": func(t *testing.T, s Store) {
		for what, bad := range map[string]fleet.Shipment{
			"fleet":     {Fleet: "a/b", ID: "s1"},
			"id":        {Fleet: "acme", ID: "s 1"},
			"reference": {Fleet: "acme", ID: "s1", Reference: "a\x00"},
			"note":      {Fleet: "acme", ID: "s1", Note: string(make([]byte, fleet.MaxNote+1))},
			"lat":       {Fleet: "acme", ID: "s1", Pickup: fleet.Place{Lat: fleet.Some(91), Lon: fleet.Some(0)}},
			"lon alone": {Fleet: "acme", ID: "s1", Pickup: fleet.Place{Lon: fleet.Some(1)}},
			"window":    {Fleet: "acme", ID: "s1", Dropoff: fleet.Place{From: at(1), To: at(0)}},
		} {
			_, err := s.CreateShipment(t.Context(), office, bad)
			wantInvalid(t, what, err)
		}
	},
	"are changed at their version alone": func(t *testing.T, s Store) {
		was := shipment(t, s, "s1")
		note := `'; DROP TABLE shipments; -- <b>`
		now, err := s.PatchShipment(t.Context(), office, "acme", "s1", 1, fleet.ShipmentPatch{Note: &note})
		ok(t, err)
		equal(t, "patched", []any{now.Note, now.Version, now.Reference}, []any{note, int64(2), was.Reference})
		equal(t, "read", read(t, s, "s1"), now)
		_, err = s.PatchShipment(t.Context(), office, "acme", "s1", 1, fleet.ShipmentPatch{Reference: &note})
		wantErr(t, "at an old version", err, fleet.ErrConflict)
		bad := "\x00"
		_, err = s.PatchShipment(t.Context(), office, "acme", "s1", 0, fleet.ShipmentPatch{Note: &bad})
		wantInvalid(t, "with NUL", err)
		_, err = s.PatchShipment(t.Context(), office, "acme", "s2", 0, fleet.ShipmentPatch{})
		wantErr(t, "unknown", err, fleet.ErrNotFound)
		equal(t, "after all", read(t, s, "s1"), now)
	},
	"are listed by status, driver, text and cursor": func(t *testing.T, s Store) {
		for _, id := range []string{"s1", "s2", "s3", "S4"} {
			shipment(t, s, id)
		}
		assign(t, s, "s2", "d1")
		note := "100% of_it"
		_, err := s.PatchShipment(t.Context(), office, "acme", "s3", 0, fleet.ShipmentPatch{Note: &note})
		ok(t, err)
		for _, tt := range []struct {
			q    fleet.ShipmentQuery
			want []string
		}{
			{fleet.ShipmentQuery{}, []string{"S4", "s1", "s2", "s3"}},
			{fleet.ShipmentQuery{Limit: 2}, []string{"S4", "s1"}},
			{fleet.ShipmentQuery{After: "s1"}, []string{"s2", "s3"}},
			{fleet.ShipmentQuery{Status: fleet.StatusAssigned}, []string{"s2"}},
			{fleet.ShipmentQuery{Driver: "d1"}, []string{"s2"}},
			{fleet.ShipmentQuery{Driver: "d2"}, nil},
			{fleet.ShipmentQuery{Text: "0% of_"}, []string{"s3"}},
			{fleet.ShipmentQuery{Text: "%"}, []string{"s3"}},
			{fleet.ShipmentQuery{Text: "KUNGSG"}, []string{"S4", "s1", "s2", "s3"}},
			{fleet.ShipmentQuery{Text: "r-s2"}, []string{"s2"}},
			{fleet.ShipmentQuery{Text: "address"}, nil},
			{fleet.ShipmentQuery{Text: `'"\`}, nil},
		} {
			tt.q.Fleet = "acme"
			if tt.q.Limit == 0 {
				tt.q.Limit = 10
			}
			list, err := s.Shipments(t.Context(), tt.q)
			ok(t, err)
			var ids []string
			for _, l := range list {
				ids = append(ids, l.ID)
			}
			equal(t, fmt.Sprintf("%+v", tt.q), ids, tt.want)
		}
		_, err = s.Shipments(t.Context(), fleet.ShipmentQuery{Fleet: "acme", Limit: 10_000})
		wantInvalid(t, "10,000 at once", err)
	},
	"move by the one table": func(t *testing.T, s Store) {
		for _, from := range statuses {
			for _, to := range statuses {
				if to == fleet.StatusAssigned || from == to {
					continue
				}
				id := string(from) + "-" + string(to)
				was := reach(t, s, id, from)
				now, err := s.ReportStatus(t.Context(), "acme", id, office, fleet.StatusReport{Status: to}, "http")
				if fleet.CanMove(from, to) {
					ok(t, err)
					equal(t, id, []any{now.Status, now.Version}, []any{to, was.Version + 1})
					equal(t, id+" read", read(t, s, id), now)
					continue
				}
				wantMove(t, id, err, string(from))
				equal(t, id+" refused", read(t, s, id), was)
			}
		}
	},
	"have a history": func(t *testing.T, s Store) {
		reach(t, s, "s1", fleet.StatusPickedUp)
		_, err := s.ReportStatus(t.Context(), "acme", "s1", driver1, fleet.StatusReport{Status: fleet.StatusDelivered, At: at(60), Note: "at the door",
			Lat: fleet.Some(59), Lon: fleet.Some(18), Proof: &fleet.Proof{Name: "Å", Signature: "data:x"}}, "mqtt")
		ok(t, err)
		steps, err := s.ShipmentEvents(t.Context(), "acme", "s1", 0, 10)
		ok(t, err)
		var told []string
		for _, e := range steps {
			told = append(told, e.Actor+" "+string(e.Status)+" "+e.Source)
		}
		equal(t, "steps", told, []string{"u1 created http", "u1 assigned http", "d1 accepted http", "d1 picked_up http", "d1 delivered mqtt"})
		last := steps[4]
		equal(t, "last", last, fleet.ShipmentEvent{ID: last.ID, Status: fleet.StatusDelivered, At: at(60), ReceivedAt: last.ReceivedAt, Actor: "d1",
			Source: "mqtt", Note: "at the door", Lat: fleet.Some(59), Lon: fleet.Some(18), Proof: &fleet.Proof{Name: "Å", Signature: "data:x"}})
		rest, err := s.ShipmentEvents(t.Context(), "acme", "s1", steps[3].ID, 10)
		ok(t, err)
		equal(t, "after the fourth", rest, steps[4:])
	},
	"take the same report once": func(t *testing.T, s Store) {
		reach(t, s, "s1", fleet.StatusPickedUp)
		arrived := fleet.StatusReport{Status: fleet.StatusArrived, At: at(1)}
		onward := fleet.StatusReport{Status: fleet.StatusInTransit, At: at(2)}
		for _, r := range []fleet.StatusReport{arrived, arrived, onward, arrived, onward} {
			_, err := s.ReportStatus(t.Context(), "acme", "s1", driver1, r, "mqtt")
			ok(t, err)
		}
		got := read(t, s, "s1")
		equal(t, "status and version", []any{got.Status, got.Version}, []any{fleet.StatusInTransit, int64(6)})
	},
	"are reported on by their driver alone": func(t *testing.T, s Store) {
		was := reach(t, s, "s1", fleet.StatusAccepted)
		_, err := s.ReportStatus(t.Context(), "acme", "s1", driver2, fleet.StatusReport{Status: fleet.StatusPickedUp}, "mqtt")
		wantErr(t, "another driver", err, fleet.ErrNotAssigned)
		for _, status := range []fleet.Status{fleet.StatusCreated, fleet.StatusCancelled} {
			_, err = s.ReportStatus(t.Context(), "acme", "s1", driver1, fleet.StatusReport{Status: status}, "mqtt")
			wantMove(t, "the driver: "+string(status), err, "accepted")
		}
		equal(t, "after all", read(t, s, "s1"), was)
	},
	"refuse a stale version, but not from their driver": func(t *testing.T, s Store) {
		reach(t, s, "s1", fleet.StatusAccepted)
		stale := fleet.StatusReport{Status: fleet.StatusPickedUp, Version: 1}
		_, err := s.ReportStatus(t.Context(), "acme", "s1", office, stale, "http")
		wantErr(t, "the office", err, fleet.ErrConflict)
		_, err = s.ReportStatus(t.Context(), "acme", "s1", driver1, stale, "mqtt")
		ok(t, err)
	},
	"cancelled withdraw their assignment": func(t *testing.T, s Store) {
		shipment(t, s, "s1")
		a := assign(t, s, "s1", "d1")
		got, err := s.CancelShipment(t.Context(), office, "acme", "s1", "no longer wanted")
		ok(t, err)
		equal(t, "status", got.Status, fleet.StatusCancelled)
		a, err = s.Assignment(t.Context(), "acme", a.ID)
		ok(t, err)
		equal(t, "assignment", a.State, fleet.AssignmentWithdrawn)
		_, err = s.SaveReceipt(t.Context(), "acme", a.ID, driver1, fleet.AssignmentReceipt{State: fleet.ReceiptAccepted}, "mqtt")
		wantMove(t, "accepted too late", err, "withdrawn")
	},
	"in a batch: what is refused is told and kept, once": func(t *testing.T, s Store) {
		shipment(t, s, "s1")
		a := assign(t, s, "s1", "d1")
		letter := func(id, driver string) fleet.DeadLetter {
			return fleet.DeadLetter{ID: id, Fleet: "acme", Driver: driver, Topic: "fleet/acme/drivers/" + driver + "/x", ReceivedAt: at(9), Payload: []byte("{}")}
		}
		status := func(s fleet.Status) *fleet.StatusReport { return &fleet.StatusReport{Status: s} }
		b := &fleet.Batch{Offset: &fleet.Offset{Stream: "x", Seq: 7}, Positions: []fleet.Position{pos(0)}, Dispatch: []fleet.DispatchReport{
			{ID: a.ID, Actor: "d1", Receipt: &fleet.AssignmentReceipt{State: fleet.ReceiptAccepted}, Letter: letter("1", "d1")},
			{ID: "s1", Actor: "d1", Status: status(fleet.StatusDelivered), Letter: letter("2", "d1")},
			{ID: "s1", Actor: "d2", Status: status(fleet.StatusPickedUp), Letter: letter("3", "d2")},
			{ID: "none", Actor: "d1", Status: status(fleet.StatusPickedUp), Letter: letter("4", "d1")},
			{ID: "s1", Actor: "d1", Status: status(fleet.StatusPickedUp), Letter: letter("5", "d1")},
		}}
		for _, want := range []fleet.Saved{{Positions: 1, Refused: 3}, {Skipped: true}} {
			equal(t, "saved", save(t, s, b), want)
		}
		equal(t, "status", read(t, s, "s1").Status, fleet.StatusPickedUp)
		letters, err := s.DeadLetters(t.Context(), "acme", "", 10)
		ok(t, err)
		var why []string
		for _, l := range letters {
			why = append(why, l.ID+" "+l.Field+" "+l.Reason)
		}
		equal(t, "dead letters", why, []string{"2 status is accepted and cannot become delivered", "3 topic is not assigned to this driver", "4 topic not found"})
		var told []string
		for _, e := range feed(t, s, "driver.error") {
			told = append(told, e.ID+" "+string(e.Data))
		}
		if len(told) != 3 {
			t.Errorf("told %q, want three", told)
		}
		var d fleet.DriverError
		decode(t, feed(t, s, "driver.error")[0].Data, &d)
		equal(t, "told", d, fleet.DriverError{Topic: "fleet/acme/drivers/d1/x", Field: "status", Reason: "is accepted and cannot become delivered", Status: "accepted", At: at(9)})
	},
}
