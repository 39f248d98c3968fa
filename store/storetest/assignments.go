package storetest

import (
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/dray-fleet/dray/fleet"
)

// later is after every deadline that assign gives.
func later() time.Time { return time.Now().Add(time.Hour) }

func states(t *testing.T, s Store, shipment string) (list []string) {
	t.Helper()
	found, err := s.Assignments(t.Context(), fleet.AssignmentQuery{Fleet: "acme", Shipment: shipment, Limit: 100})
	ok(t, err)
	for _, a := range found {
		list = append(list, a.Driver+" "+string(a.State))
	}
	return list
}

var assignmentTests = map[string]func(*testing.T, Store){
	"offer a shipment": func(t *testing.T, s Store) {
		shipment(t, s, "s1")
		a := assign(t, s, "s1", "d1", "d2")
		got, err := s.Assignment(t.Context(), "acme", a.ID)
		ok(t, err)
		equal(t, "read", got, a)
		equal(t, "state", a.State, fleet.AssignmentOffered)
		sh := read(t, s, "s1")
		equal(t, "shipment", []any{sh.Status, sh.Driver, sh.Assignment, sh.Version}, []any{fleet.StatusAssigned, "d1", a.ID, int64(2)})
		offers, err := s.PendingOffers(t.Context(), "acme", "d1")
		ok(t, err)
		equal(t, "pending", offers, []fleet.Offer{{Assignment: a, Shipment: sh}})
		_, err = s.CreateAssignment(t.Context(), office, fleet.Assignment{Fleet: "acme", ID: a.ID, Shipment: "s1", Driver: "d2"})
		wantErr(t, "with the same id", err, fleet.ErrConflict)
		equal(t, "nothing changed", read(t, s, "s1"), sh)
	},
	"need a shipment and drivers that are there": func(t *testing.T, s Store) {
		shipment(t, s, "s1")
		_, err := s.CreateAssignment(t.Context(), office, fleet.Assignment{Fleet: "acme", Shipment: "none", Driver: "d1"})
		wantErr(t, "unknown shipment", err, fleet.ErrNotFound)
		for what, a := range map[string]fleet.Assignment{
			"unknown driver": {Shipment: "s1", Driver: "nobody"}, "no id": {Shipment: "s1", Driver: "d 1"},
			"unknown next": {Shipment: "s1", Driver: "d1", Next: []string{"nobody"}}, "too many": {Shipment: "s1", Driver: "d1", Next: make([]string, fleet.MaxNext+1)},
		} {
			a.Fleet = "acme"
			_, err := s.CreateAssignment(t.Context(), office, a)
			wantInvalid(t, what, err)
		}
		reach(t, s, "s2", fleet.StatusPickedUp)
		_, err = s.CreateAssignment(t.Context(), office, fleet.Assignment{Fleet: "acme", Shipment: "s2", Driver: "d2"})
		wantMove(t, "under way", err, "picked_up")
	},
	"take receipts in any order, each once": func(t *testing.T, s Store) {
		for i, order := range [][]fleet.ReceiptState{
			{"received", "seen", "accepted"}, {"accepted", "seen", "received"}, {"seen", "seen", "accepted", "received", "accepted"},
		} {
			id := string(rune('a' + i))
			shipment(t, s, id)
			a := assign(t, s, id, "d1")
			for _, state := range order {
				a = answer(t, s, driver1, a.ID, state)
			}
			equal(t, "state, version, receipts", []any{a.State, a.Version, len(a.Receipts)}, []any{fleet.AssignmentAccepted, int64(4), 3})
			got := read(t, s, id)
			equal(t, "shipment", []any{got.Status, got.Driver}, []any{fleet.StatusAccepted, "d1"})
		}
	},
	"take receipts of their driver alone": func(t *testing.T, s Store) {
		shipment(t, s, "s1")
		a := assign(t, s, "s1", "d1")
		_, err := s.SaveReceipt(t.Context(), "acme", a.ID, driver2, fleet.AssignmentReceipt{State: fleet.ReceiptAccepted}, "mqtt")
		wantErr(t, "another driver", err, fleet.ErrNotAssigned)
		_, err = s.SaveReceipt(t.Context(), "other", a.ID, driver1, fleet.AssignmentReceipt{State: fleet.ReceiptAccepted}, "mqtt")
		wantErr(t, "another fleet", err, fleet.ErrNotFound)
		_, err = s.SaveReceipt(t.Context(), "acme", a.ID, driver1, fleet.AssignmentReceipt{State: "maybe"}, "mqtt")
		wantInvalid(t, "no such state", err)
		equal(t, "states", states(t, s, "s1"), []string{"d1 offered"})
	},
	"declined go to the next driver, and then back": func(t *testing.T, s Store) {
		shipment(t, s, "s1")
		a := assign(t, s, "s1", "d1", "d2")
		_, err := s.SaveReceipt(t.Context(), "acme", a.ID, driver1, fleet.AssignmentReceipt{State: fleet.ReceiptDeclined, Reason: "too large", At: at(0)}, "mqtt")
		ok(t, err)
		equal(t, "states", states(t, s, "s1"), []string{"d1 declined", "d2 offered"})
		next := read(t, s, "s1")
		equal(t, "shipment", []any{next.Status, next.Driver}, []any{fleet.StatusAssigned, "d2"})
		offered, err := s.Assignment(t.Context(), "acme", next.Assignment)
		ok(t, err)
		if left := time.Until(offered.Deadline); left < 50*time.Second || left > time.Minute {
			t.Errorf("the next driver has %v, want a minute", left)
		}
		answer(t, s, driver2, next.Assignment, fleet.ReceiptDeclined)
		got := read(t, s, "s1")
		equal(t, "in the end", []any{got.Status, got.Driver, got.Assignment}, []any{fleet.StatusCreated, "", ""})
		_, err = s.SaveReceipt(t.Context(), "acme", a.ID, driver1, fleet.AssignmentReceipt{State: fleet.ReceiptAccepted}, "mqtt")
		wantMove(t, "accepted after all", err, "declined")
	},
	"without an answer go to the next driver, and then raise an alert": func(t *testing.T, s Store) {
		shipment(t, s, "s1")
		assign(t, s, "s1", "d1", "d2")
		for i, want := range [][]string{{"d1 expired", "d2 offered"}, {"d1 expired", "d2 expired"}} {
			n, err := s.ExpireAssignments(t.Context(), later())
			ok(t, err)
			equal(t, "expired", n, 1)
			equal(t, "states", states(t, s, "s1"), want)
			alerts, err := s.Alerts(t.Context(), fleet.AlertQuery{Fleet: "acme", Open: true, Limit: 10})
			ok(t, err)
			equal(t, "alerts", len(alerts), i)
		}
		equal(t, "status", read(t, s, "s1").Status, fleet.StatusCreated)
		n, err := s.ExpireAssignments(t.Context(), later())
		ok(t, err)
		equal(t, "expired once more", n, 0)
	},
	"do not expire when answered, or before their time": func(t *testing.T, s Store) {
		shipment(t, s, "s1")
		shipment(t, s, "s2")
		answer(t, s, driver1, assign(t, s, "s1", "d1").ID, fleet.ReceiptAccepted)
		_, err := s.CreateAssignment(t.Context(), office, fleet.Assignment{Fleet: "acme", Shipment: "s2", Driver: "d1"}) // no deadline
		ok(t, err)
		n, err := s.ExpireAssignments(t.Context(), later())
		ok(t, err)
		equal(t, "expired", n, 0)
		shipment(t, s, "s3")
		assign(t, s, "s3", "d1")
		n, err = s.ExpireAssignments(t.Context(), time.Now())
		ok(t, err)
		equal(t, "expired early", n, 0)
	},
	"are withdrawn once": func(t *testing.T, s Store) {
		shipment(t, s, "s1")
		a := assign(t, s, "s1", "d1")
		for range 2 {
			got, err := s.WithdrawAssignment(t.Context(), office, "acme", a.ID)
			ok(t, err)
			equal(t, "state, version", []any{got.State, got.Version}, []any{fleet.AssignmentWithdrawn, int64(2)})
		}
		equal(t, "status", read(t, s, "s1").Status, fleet.StatusCreated)
		offers, err := s.PendingOffers(t.Context(), "acme", "d1")
		ok(t, err)
		equal(t, "pending", len(offers), 0)
		under := reach(t, s, "s2", fleet.StatusPickedUp)
		_, err = s.WithdrawAssignment(t.Context(), office, "acme", under.Assignment)
		wantMove(t, "under way", err, "picked_up")
	},
	"given to another driver withdraw the first": func(t *testing.T, s Store) {
		shipment(t, s, "s1")
		answer(t, s, driver1, assign(t, s, "s1", "d1").ID, fleet.ReceiptAccepted)
		assign(t, s, "s1", "d2")
		equal(t, "states", states(t, s, "s1"), []string{"d1 withdrawn", "d2 offered"})
		got := read(t, s, "s1")
		equal(t, "shipment", []any{got.Status, got.Driver}, []any{fleet.StatusAssigned, "d2"})
	},
	"answered, withdrawn and expired at once end in one way": func(t *testing.T, s Store) {
		for range 5 {
			sh := shipment(t, s, "")
			a := assign(t, s, sh.ID, "d1")
			var wg sync.WaitGroup
			for _, do := range []func() error{
				func() error {
					_, err := s.SaveReceipt(t.Context(), "acme", a.ID, driver1, fleet.AssignmentReceipt{State: fleet.ReceiptAccepted}, "mqtt")
					return err
				},
				func() error { _, err := s.WithdrawAssignment(t.Context(), office, "acme", a.ID); return err },
				func() error { _, err := s.ExpireAssignments(t.Context(), later()); return err },
				func() error { _, err := s.CancelShipment(t.Context(), office, "acme", sh.ID, ""); return err },
			} {
				wg.Go(func() {
					var move *fleet.MoveError
					if err := do(); err != nil && !errors.As(err, &move) {
						t.Error(err)
					}
				})
			}
			wg.Wait()
			equal(t, "status", read(t, s, sh.ID).Status, fleet.StatusCancelled)
			a, err := s.Assignment(t.Context(), "acme", a.ID)
			ok(t, err)
			if a.Open() {
				t.Errorf("the assignment of a cancelled shipment is %s", a.State)
			}
		}
	},
}
