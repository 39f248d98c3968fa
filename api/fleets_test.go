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

func TestFleetAtFirstSight(t *testing.T) {
	s := serve(t)
	var f Fleet
	s.want(404, "GET", "/fleet?fleet=acne", s.token("*", fleet.RoleOperator, "op"), nil, nil)
	if s.want(200, "GET", "/fleet", s.token("acme", fleet.RoleDriver, "d1"), nil, &f); f.ID != "acme" {
		t.Errorf("a token names acme, and it is %+v", f)
	}
	s.want(200, "PATCH", "/fleet", s.token("beta", fleet.RoleAdmin, "boss"), `{"time_zone":"Europe/Berlin"}`, nil)
	if r := s.want(200, "GET", "/audit", s.token("beta", fleet.RoleAdmin, "boss"), nil, nil); strings.Count(string(r.body), `"fleet"`) == 0 {
		t.Errorf("the audit does not tell of it: %s", r.body)
	}
}

func TestClosedFleets(t *testing.T) {
	s := serve(t, func(o *Options) { o.Closed = true })
	s.want(404, "GET", "/fleet", s.token("acme", fleet.RoleDriver, "d1"), nil, nil)
}
