package api

import (
	"strings"
	"testing"

	"github.com/dray-fleet/dray/fleet"
)

func TestFleetTimeZone(t *testing.T) {
	s := serve(t)
	if _, err := s.store.EnsureFleet(t.Context(), "acme"); err != nil {
		t.Fatal(err)
	}
	admin, driver := s.token("acme", fleet.RoleAdmin, "boss"), s.token("acme", fleet.RoleDriver, "d1")
	var f Fleet
	if s.want(200, "GET", "/fleet", driver, nil, &f); f.ID != "acme" || f.TimeZone != nil {
		t.Errorf("before: %+v, want acme without a time zone", f)
	}
	s.want(200, "PATCH", "/fleet", admin, `{"time_zone":"Europe/Berlin"}`, nil)
	s.want(422, "PATCH", "/fleet", admin, `{"time_zone":"Mars/Olympus"}`, nil)
	s.want(200, "PATCH", "/fleet", admin, `{}`, nil)
	if s.want(200, "GET", "/fleet", driver, nil, &f); f.TimeZone == nil || *f.TimeZone != "Europe/Berlin" {
		t.Errorf("after: %+v, want Europe/Berlin", f)
	}
	if r := s.want(200, "GET", "/audit", admin, nil, nil); !strings.Contains(string(r.body), "Europe/Berlin") {
		t.Errorf("the audit does not tell of it: %s", r.body)
	}
	f = Fleet{}
	if s.want(200, "PATCH", "/fleet", admin, `{"time_zone":""}`, &f); f.TimeZone != nil {
		t.Errorf("taken back: %q", *f.TimeZone)
	}
}
