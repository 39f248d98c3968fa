package main

import (
	"fmt"
	"path/filepath"
	"slices"
	"testing"
	"time"

	paho "github.com/eclipse/paho.mqtt.golang"

	"github.com/dray-fleet/dray/fleet"
	"github.com/dray-fleet/dray/store/sqlite"
)

// From a driver's publish to the dispatcher, after the commit, at 200 statuses a
// second.
func TestStatusLatency(t *testing.T) {
	const drivers, rounds, rate = 20, 40, 200
	dir := filepath.Join(t.TempDir(), "data")
	p := start(t, dir)
	s, err := sqlite.Open(t.Context(), filepath.Join(dir, "dray.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	office := fleet.Actor{Subject: "u1"}
	phones := make([]paho.Client, drivers)
	for i := range phones {
		d, id := fmt.Sprint("d", i), fmt.Sprint("s", i)
		phones[i] = connect(t, p, d)
		if _, err := s.CreateShipment(t.Context(), office, fleet.Shipment{Fleet: "acme", ID: id}); err != nil {
			t.Fatal(err)
		}
		if _, err := s.EnsureDriver(t.Context(), "acme", d); err != nil {
			t.Fatal(err)
		}
		if _, err := s.CreateAssignment(t.Context(), office, fleet.Assignment{Fleet: "acme", Shipment: id, Driver: d}); err != nil {
			t.Fatal(err)
		}
		for _, status := range []fleet.Status{fleet.StatusAccepted, fleet.StatusPickedUp, fleet.StatusInTransit} {
			if _, err := s.ReportStatus(t.Context(), "acme", id, office, fleet.StatusReport{Status: status}, "http"); err != nil {
				t.Fatal(err)
			}
		}
	}
	shipments := p.listen("u1", p.token("dispatcher", "u1"), "fleet/acme/shipments/+")
	sent := map[string]time.Time{} // by shipment and version
	tick := time.NewTicker(time.Second / rate)
	defer tick.Stop()
	var took []time.Duration
	receive := func(m map[string]any) {
		if at, ok := sent[fmt.Sprintf("%v %v", m["id"], m["version"])]; ok {
			took = append(took, time.Since(at))
		}
	}
	for round := range rounds {
		for i, phone := range phones {
			for waiting := true; waiting; {
				select {
				case m := <-shipments:
					receive(m)
				case <-tick.C:
					waiting = false
				}
			}
			status := []string{"arrived", "in_transit"}[round%2]
			sent[fmt.Sprintf("s%d %d", i, 6+round)] = time.Now()
			phone.Publish(fmt.Sprintf("fleet/acme/drivers/d%d/shipments/s%d/status", i, i), 1, false, fmt.Sprintf(`{"status":%q}`, status))
		}
	}
	deadline := time.After(30 * time.Second)
	for len(took) < len(sent) {
		select {
		case m := <-shipments:
			receive(m)
		case <-deadline:
			t.Fatalf("%d of %d arrived", len(took), len(sent))
		}
	}
	slices.Sort(took)
	p50, p99 := took[len(took)/2], took[len(took)*99/100]
	t.Logf("p50 %s, p99 %s", p50, p99)
	if p99 > 3*time.Second { // 300 ms on a machine of its own
		t.Errorf("p99 is %s", p99)
	}
}
