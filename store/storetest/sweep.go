package storetest

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/dray-fleet/dray/fleet"
)

// testSweep has each cause of an alert begin, last and end.
func testSweep(t *testing.T, s Store) {
	limits := fleet.AlertLimits{Silent: 10 * time.Minute, Unacknowledged: 5 * time.Minute, Battery: 15}
	start := time.Now().UTC().Truncate(time.Second)
	after := func(minutes float64) time.Time { return start.Add(time.Duration(minutes * float64(time.Minute))) }
	// sweep says what is open afterwards.
	sweep := func(minutes float64, want ...string) {
		t.Helper()
		_, _, err := s.SweepAlerts(t.Context(), after(minutes), limits)
		ok(t, err)
		opened, closed, err := s.SweepAlerts(t.Context(), after(minutes), limits)
		ok(t, err)
		equal(t, fmt.Sprint("opened and closed again after ", minutes), []int{opened, closed}, []int{0, 0})
		found, err := s.Alerts(t.Context(), fleet.AlertQuery{Fleet: "acme", Open: true, Limit: 100})
		ok(t, err)
		var got []string
		for _, a := range found {
			got = append(got, a.Kind+" "+a.Driver+" "+a.Subject)
		}
		slices.Sort(got)
		equal(t, fmt.Sprint("open after ", minutes), got, want)
	}
	duty := func(d fleet.Duty, minutes float64) {
		t.Helper()
		save(t, s, &fleet.Batch{Reports: []fleet.Report{{Fleet: "acme", Driver: "d1", Duty: d, DutyAt: after(minutes)}}})
	}
	seen := func(minutes, battery float64) {
		t.Helper()
		report(t, s, pos(0, func(p *fleet.Position) {
			p.FixAt, p.ReceivedAt, p.Battery = after(minutes), after(minutes), fleet.Some(battery)
		}))
	}
	health := func(minutes float64, h fleet.Health) {
		t.Helper()
		h.At = after(minutes)
		save(t, s, &fleet.Batch{Reports: []fleet.Report{{Fleet: "acme", Driver: "d1", Health: &h}}})
	}

	seen(-60, 5)
	sweep(0) // not on duty
	duty(fleet.DutyOn, 0)
	sweep(9)
	sweep(11, "silent d1 ")
	seen(12, 14)
	sweep(13, "battery d1 ")
	seen(14, 17)
	sweep(14, "battery d1 ") // not by much
	health(15, fleet.Health{Battery: fleet.Some(80), Permission: "denied"})
	sweep(15, "gps d1 ")
	health(16, fleet.Health{Battery: fleet.Some(3), Permission: "granted"})
	sweep(16, "battery d1 ")
	duty(fleet.DutyBreak, 17)
	sweep(17)
	duty(fleet.DutyOff, 18)

	// A hand's own alert of the same kind stays.
	_, _, err := s.OpenAlert(t.Context(), fleet.Alert{Fleet: "acme", Kind: fleet.AlertSilent, Driver: "d9", Severity: fleet.SeverityInfo})
	ok(t, err)
	shipment(t, s, "s1")
	pickup, dropoff := fleet.Place{To: after(20)}, fleet.Place{To: after(60).In(time.FixedZone("", 7200))}
	_, err = s.PatchShipment(t.Context(), office, "acme", "s1", 0, fleet.ShipmentPatch{Pickup: &pickup, Dropoff: &dropoff})
	ok(t, err)
	sweep(19, "silent d9 ")
	sweep(21, "late  s1", "silent d9 ")
	open, err := s.Alerts(t.Context(), fleet.AlertQuery{Fleet: "acme", Kind: fleet.AlertLate, Open: true, Limit: 10})
	ok(t, err)
	_, err = s.AckAlert(t.Context(), office, "acme", open[0].ID)
	ok(t, err)
	a := assign(t, s, "s1", "d1")
	sweep(21, "late  s1", "silent d9 ", "unacknowledged d1 s1") // the same one, whoever has the shipment
	same, err := s.Alert(t.Context(), "acme", open[0].ID)
	ok(t, err)
	equal(t, "still acknowledged by", same.AckedBy, "u1")
	answer(t, s, driver1, a.ID, fleet.ReceiptAccepted)
	_, err = s.ReportStatus(t.Context(), "acme", "s1", driver1, fleet.StatusReport{Status: fleet.StatusPickedUp}, "mqtt")
	ok(t, err)
	sweep(28, "silent d9 ")
	sweep(61, "late d1 s1", "silent d9 ")
	_, err = s.ReportStatus(t.Context(), "acme", "s1", driver1, fleet.StatusReport{Status: fleet.StatusDelivered}, "mqtt")
	ok(t, err)
	sweep(62, "silent d9 ")

	_, err = s.CreateShipment(t.Context(), office, fleet.Shipment{Fleet: "acme", ID: "s2"})
	ok(t, err)
	_, err = s.CreateAssignment(t.Context(), office, fleet.Assignment{Fleet: "acme", Shipment: "s2", Driver: "d1", Deadline: after(-1)})
	ok(t, err)
	_, err = s.ExpireAssignments(t.Context(), after(0))
	ok(t, err)
	sweep(0, "assignment_expired d1 s2", "silent d9 ")
	assign(t, s, "s2", "d2")
	sweep(0, "silent d9 ")
}
