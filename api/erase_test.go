package api

import (
	"net/http"
	"strings"
	"testing"

	"github.com/dray-fleet/dray/fleet"
)

// An erasure takes the files of a driver's deliveries with it, and says so.
func TestEraseTakesTheProofs(t *testing.T) {
	opts, _, _ := withUplink(t)
	s := serve(t, opts)
	boss, d1 := s.token("acme", fleet.RoleAdmin, "boss"), s.token("acme", fleet.RoleDriver, "d1")
	s.furnish("/drivers/d1", 1)
	if _, err := s.store.EnsureDriver(t.Context(), "acme", "d1"); err != nil {
		t.Fatal(err)
	}
	s.furnish("/shipments", 1)
	var file ProofFile
	s.do("POST", "/shipments/s1/proof", d1, "M1 1L9 9", "Content-Type", "text/plain").into(t, &file)
	path := "/shipments/s1/proof/" + file.ID
	s.expect("GET", path, boss, "", http.StatusOK, "M1 1L9 9")
	s.expect("DELETE", "/drivers/d1/data", boss, "", http.StatusOK, `"proofs":1`)
	s.expect("GET", path, boss, "", http.StatusNotFound, "")
	s.expect("DELETE", "/drivers/d1/data", boss, "", http.StatusOK, `"proofs":0`)
	s.expect("GET", "/audit", boss, "", http.StatusOK, `"action":"erase","entity":"driver","id":"d1","after":{"positions":0,"quarantined":0,"trips":0,"dead_letters":0,"proofs":1}`)
}

// The audit outlives an erasure: what a driver said is not in it.
func TestAuditHoldsNoPayload(t *testing.T) {
	opts, _, _ := withUplink(t)
	s := serve(t, opts, func(o *Options) { o.Retrier = still{"a"} })
	boss := s.token("acme", fleet.RoleAdmin, "boss")
	for _, id := range []string{"a", "b"} {
		s.save(&fleet.Batch{Dead: []fleet.DeadLetter{{ID: id, Fleet: "acme", Driver: "d1", Topic: "t", Field: "lat", Reason: "is wrong", ReceivedAt: noon, Payload: []byte("at home")}}})
	}
	s.expect("POST", "/dead-letters/a/retry", boss, "", http.StatusNoContent, "")
	s.expect("DELETE", "/dead-letters/b", boss, "", http.StatusNoContent, "")
	audit := string(s.do("GET", "/audit", boss, nil).body)
	for _, action := range []string{"retry", "delete"} {
		if !strings.Contains(audit, `"action":"`+action+`","entity":"dead_letter"`) {
			t.Errorf("the %s is not in %s", action, audit)
		}
	}
	if strings.Contains(audit, "at home") {
		t.Error("the audit holds what the driver said")
	}
}
