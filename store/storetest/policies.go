package storetest

import (
	"testing"
	"time"

	"github.com/dray-fleet/dray/fleet"
)

var policyTests = map[string]func(*testing.T, Store){
	"set, changed and removed": func(t *testing.T, s Store) {
		acme := fleet.Policy{Fleet: "acme", MinInterval: 5 * time.Second}
		d1 := fleet.Policy{Fleet: "acme", Driver: "d1", MinInterval: 250 * time.Millisecond}
		zeta := fleet.Policy{Fleet: "Zeta"} // keeps all
		for _, p := range []fleet.Policy{d1, zeta, acme} {
			ok(t, s.SavePolicy(t.Context(), p))
		}
		equal(t, "policies", policies(t, s), []fleet.Policy{zeta, acme, d1})
		acme.MinInterval = time.Minute
		ok(t, s.SavePolicy(t.Context(), acme))
		ok(t, s.DeletePolicy(t.Context(), "Zeta", ""))
		wantErr(t, "deleting twice", s.DeletePolicy(t.Context(), "Zeta", ""), fleet.ErrNotFound)
		equal(t, "policies", policies(t, s), []fleet.Policy{acme, d1})
	},
	"one, and those of the drivers": func(t *testing.T, s Store) {
		all := fleet.Policy{Fleet: "acme", MinInterval: time.Second}
		d1, d2 := fleet.Policy{Fleet: "acme", Driver: "d1", MinInterval: time.Minute}, fleet.Policy{Fleet: "acme", Driver: "d2"}
		for _, p := range []fleet.Policy{d2, all, d1, {Fleet: "other", Driver: "d1"}} {
			ok(t, s.SavePolicy(t.Context(), p))
		}
		for driver, want := range map[string]fleet.Policy{"": all, "d1": d1} {
			p, err := s.Policy(t.Context(), "acme", driver)
			ok(t, err)
			equal(t, "policy of "+driver, p, want)
		}
		_, err := s.Policy(t.Context(), "acme", "d9")
		wantErr(t, "Policy of another", err, fleet.ErrNotFound)
		for after, want := range map[string][]fleet.Policy{"": {d1}, "d1": {d2}, "d2": nil} {
			list, err := s.DriverPolicies(t.Context(), "acme", after, 1)
			ok(t, err)
			equal(t, "policies after "+after, list, want)
		}
	},
	"what can never be right is refused": func(t *testing.T, s Store) {
		for _, p := range []fleet.Policy{
			{},
			{Fleet: "a b"},
			{Fleet: "acme", Driver: "d/1"},
			{Fleet: "acme", MinInterval: -1},
			{Fleet: "acme", MinInterval: time.Hour + 1},
		} {
			wantInvalid(t, p.Fleet, s.SavePolicy(t.Context(), p))
		}
		equal(t, "policies", len(policies(t, s)), 0)
	},
}

func policies(t *testing.T, s Store) []fleet.Policy {
	t.Helper()
	list, err := s.Policies(t.Context())
	ok(t, err)
	return list
}
