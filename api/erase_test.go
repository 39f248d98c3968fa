package api

import (
	"net/http"
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
