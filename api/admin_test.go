package api

import (
	"strings"
	"testing"
	"time"

	"github.com/dray-fleet/dray/auth"
	"github.com/dray-fleet/dray/fleet"
)

func TestWebhooks(t *testing.T) {
	s := serve(t, func(o *Options) { o.Deliverer = deliverer{} })
	admin := s.token("acme", fleet.RoleAdmin, "boss")
	var made NewWebhook
	s.want(201, "POST", "/webhooks", admin, `{"url":"https://erp.example/","kinds":["shipment"]}`, &made)
	if len(made.Secret) < 16 {
		t.Errorf("its secret is %q", made.Secret)
	}
	path := "/webhooks/" + made.ID
	for _, r := range []*answer{s.want(200, "GET", path, admin, nil, nil), s.want(200, "GET", "/webhooks", admin, nil, nil), s.want(200, "GET", "/audit", admin, nil, nil)} {
		if strings.Contains(string(r.body), made.Secret) {
			t.Errorf("the secret is shown again: %s", r.body)
		}
	}
	var d Delivery
	if s.want(200, "POST", path+"/test", admin, nil, &d); !d.Delivered || d.Error != "" {
		t.Errorf("the test delivery: %+v", d)
	}
	s.want(200, "PATCH", path, admin, `{"url":"https://down.example/"}`, nil)
	if s.want(200, "POST", path+"/test", admin, nil, &d); d.Delivered || d.Error == "" {
		t.Errorf("the test delivery to who is down: %+v", d)
	}
	s.want(204, "POST", path+"/replay", admin, `{"after":0}`, nil)
	w, err := s.store.Webhook(t.Context(), "acme", made.ID)
	if err != nil || w.Cursor != 0 || w.Secret != made.Secret || len(w.Kinds) != 1 {
		t.Errorf("after the replay and the change it is %+v, %v", w, err)
	}
	for _, bad := range []string{`{"url":"ftp://erp.example/"}`, `{"url":"/dray"}`, `{"url":"https://user:pass@erp.example/"}`, `{"url":"javascript:alert(1)"}`,
		`{"url":"https://erp.example/","kinds":[""]}`, `{"url":"https://erp.example/","secret":"short"}`} {
		s.want(422, "POST", "/webhooks", admin, bad, nil)
	}
	s.want(422, "POST", path+"/replay", admin, `{"after":-1}`, nil)
	s.want(204, "DELETE", path, admin, nil, nil)
	s.want(404, "POST", path+"/test", admin, nil, nil)
}

func TestUsersAreChanged(t *testing.T) {
	s := serve(t)
	admin := s.token("acme", fleet.RoleAdmin, "boss")
	s.user("boss", fleet.RoleAdmin)
	s.user("dana", fleet.RoleDispatcher)
	_, session := s.login("dana@acme", rightPassword)
	s.want(200, "GET", "/drivers", session.AccessToken, nil, nil)
	s.want(200, "PATCH", "/users/dana", admin, `{"role":"driver"}`, nil)
	s.want(401, "GET", "/drivers", session.AccessToken, nil, nil)
	s.want(401, "POST", "/token/refresh", "", Refresh{session.RefreshToken}, nil)
	s.want(200, "PATCH", "/users/dana", admin, `{"disabled":true}`, nil)
	if r, _ := s.login("dana@acme", rightPassword); r.StatusCode != 401 {
		t.Errorf("login of a disabled user = %d", r.StatusCode)
	}
	s.want(409, "PATCH", "/users/dana", admin, `{"name":"boss@acme"}`, nil)
	for _, own := range []string{`{"disabled":true}`, `{"role":"driver"}`} {
		s.want(409, "PATCH", "/users/boss", admin, own, nil)
	}
	s.want(409, "DELETE", "/users/boss", admin, nil, nil)
	s.want(204, "DELETE", "/users/dana", admin, nil, nil)
	s.want(404, "GET", "/users/dana", admin, nil, nil)
}

func TestTokensAreListed(t *testing.T) {
	s := serve(t)
	admin := s.token("acme", fleet.RoleAdmin, "boss")
	s.want(201, "POST", "/drivers", admin, `{"id":"d1"}`, nil)
	var made [3]struct{ Token, JTI string }
	for i := range made {
		ask := TokenRequest{Role: fleet.RoleDevice, Sub: "t1", Driver: "d1", TTL: 3600}
		s.want(201, "POST", "/tokens", admin, ask, &made[i])
	}
	s.want(204, "DELETE", "/tokens/"+made[1].JTI, admin, nil, nil)
	var got []MintedToken
	for path := "/tokens?limit=2"; ; {
		var p struct {
			Items []MintedToken
			Next  *string
		}
		r := s.want(200, "GET", path, admin, nil, &p)
		for _, m := range made {
			if strings.Contains(string(r.body), m.Token) {
				t.Error("the list holds a token")
			}
		}
		got = append(got, p.Items...)
		if p.Next == nil {
			break
		}
		path = "/tokens?limit=2&cursor=" + *p.Next
	}
	if len(got) != len(made) {
		t.Fatalf("listed are %+v", got)
	}
	for i, m := range got {
		left := time.Until(m.Exp.Time)
		if m.JTI != made[i].JTI || m.Sub != "t1" || m.Driver != "d1" || m.By != "boss" || m.Revoked != (i == 1) || left < 59*time.Minute || left > time.Hour {
			t.Errorf("token %d is listed as %+v", i, m)
		}
	}
}

func TestFleets(t *testing.T) {
	s := serve(t)
	operator := s.token("*", fleet.RoleOperator, "op")
	s.want(201, "POST", "/fleets", operator, `{"id":"acme","admin":{"user":"boss","password":"long enough"}}`, nil)
	s.want(409, "POST", "/fleets", operator, `{"id":"acme","admin":{"user":"thief","password":"long enough"}}`, nil)
	var list struct{ Items []Fleet }
	if s.want(200, "GET", "/fleets", operator, nil, &list); len(list.Items) != 1 || list.Items[0].ID != "acme" {
		t.Errorf("the fleets are %+v", list.Items)
	}
	r := s.do("POST", "/login", "", Credential{Fleet: "acme", User: "boss", Password: "long enough"})
	var session Session
	if r.into(t, &session); r.StatusCode != 200 || session.User.Role != fleet.RoleAdmin {
		t.Fatalf("login of the first admin = %d %s", r.StatusCode, r.body)
	}
	var audit struct {
		Items []struct{ Action, Entity, Actor string }
	}
	s.want(200, "GET", "/audit", session.AccessToken, nil, &audit)
	found := false
	for _, e := range audit.Items {
		found = found || e.Action == "create" && e.Entity == "fleet" && e.Actor == "op"
	}
	if !found {
		t.Errorf("the audit of the fleet is %+v", audit.Items)
	}
	s.want(403, "GET", "/fleets", s.token("acme", fleet.RoleOperator, "op"), nil, nil) // of one fleet
}

func TestErase(t *testing.T) {
	s := serve(t)
	admin := s.token("acme", fleet.RoleAdmin, "boss")
	s.save(&fleet.Batch{Positions: fixes("d1", 5), Latest: fixes("d1", 1)})
	var done Erasure
	if s.want(200, "DELETE", "/drivers/d1/data", admin, nil, &done); done.Positions != 5 {
		t.Errorf("erased %+v", done)
	}
	r := s.want(200, "GET", "/audit?limit=1000", admin, nil, nil)
	if !strings.Contains(string(r.body), `"actor":"boss"`) || !strings.Contains(string(r.body), `"address":"127.0.0.1"`) {
		t.Errorf("the audit is %s", r.body)
	}
}

func TestAlerts(t *testing.T) {
	s, dispo := dispatcher(t)
	var made Alert
	ask := AlertRequest{Kind: "breakdown", Driver: "d1", Severity: fleet.SeverityWarning, Detail: "<i>tyre"}
	s.want(201, "POST", "/alerts", dispo, ask, &made)
	s.want(409, "POST", "/alerts", dispo, ask, nil)
	path := "/alerts/" + made.ID
	for range 2 {
		s.want(200, "POST", path+"/ack", dispo, nil, &made)
	}
	if made.AckedBy == nil || *made.AckedBy != "dispo" || made.Version != 2 || made.Detail != "<i>tyre" {
		t.Errorf("acknowledged twice it is %+v", made)
	}
	count := func(query, token string) int {
		var list struct{ Items []Alert }
		s.want(200, "GET", "/alerts"+query, token, nil, &list)
		return len(list.Items)
	}
	s.want(200, "POST", path+"/close", dispo, nil, nil)
	if open, all := count("?open=true", dispo), count("?driver=d1", dispo); open != 0 || all != 1 {
		t.Errorf("%d open, %d in all, want 0 and 1", open, all)
	}
	only := s.token("acme", fleet.RoleService, "erp", func(c *auth.Claims) { c.ACL = &auth.ACL{Sub: []string{"fleet/acme/alerts/breakdown"}} })
	if n := count("?kind=breakdown", only); n != 1 {
		t.Errorf("a service of this kind sees %d", n)
	}
	s.want(403, "GET", "/alerts", only, nil, nil)
	s.want(403, "GET", "/alerts?kind=other", only, nil, nil)
	s.want(200, "GET", path, only, nil, nil)
}
