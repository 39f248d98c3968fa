package api

import (
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/dray-fleet/dray/auth"
	"github.com/dray-fleet/dray/fleet"
)

const rightPassword = "right password"

func (s *server) user(id string, role fleet.Role) {
	s.t.Helper()
	u := fleet.User{Fleet: "acme", ID: id, Name: id + "@acme", Role: role, PasswordHash: s.hash(rightPassword)}
	if err := s.store.CreateUser(s.t.Context(), u); err != nil {
		s.t.Fatal(err)
	}
}

func (s *server) login(user, password string) (*answer, Session) {
	s.t.Helper()
	r := s.do("POST", "/login", "", Credential{"acme", user, password})
	var session Session
	if r.StatusCode == http.StatusOK {
		r.into(s.t, &session)
	}
	return r, session
}

func TestLogin(t *testing.T) {
	s := serve(t)
	s.user("dana", fleet.RoleDispatcher)
	r, session := s.login("dana@acme", rightPassword)
	if r.StatusCode != http.StatusOK {
		t.Fatalf("login = %d %s", r.StatusCode, r.body)
	}
	if session.ExpiresIn != 900 || session.User != (SessionUser{"dana", "acme", fleet.RoleDispatcher, "dana@acme"}) {
		t.Errorf("session of %d s for %+v", session.ExpiresIn, session.User)
	}
	if r := s.do("GET", "/drivers", session.AccessToken, nil); r.StatusCode != http.StatusOK {
		t.Errorf("GET /drivers with the access token = %d", r.StatusCode)
	}
	wrong, _ := s.login("dana@acme", "wrong password")
	unknown, _ := s.login("nobody@acme", "wrong password")
	if wrong.StatusCode != http.StatusUnauthorized || string(wrong.body) != string(unknown.body) {
		t.Errorf("a wrong password gives %s, an unknown user %s", wrong.body, unknown.body)
	}
}

func TestRefreshRotates(t *testing.T) {
	s := serve(t)
	s.user("dana", fleet.RoleDispatcher)
	_, first := s.login("dana@acme", rightPassword)
	refresh := func(token string) (int, Session) {
		r := s.do("POST", "/token/refresh", "", Refresh{token})
		var next Session
		if r.StatusCode == http.StatusOK {
			r.into(t, &next)
		}
		return r.StatusCode, next
	}
	code, second := refresh(first.RefreshToken)
	if code != http.StatusOK || second.RefreshToken == first.RefreshToken {
		t.Fatalf("refresh = %d", code)
	}
	code, third := refresh(second.RefreshToken)
	if code != http.StatusOK {
		t.Fatalf("refresh of the successor = %d", code)
	}
	if code, _ := refresh(second.RefreshToken); code != http.StatusUnauthorized {
		t.Errorf("a spent refresh token = %d, want 401", code)
	}
	for _, token := range []string{first.RefreshToken, third.RefreshToken} {
		if code, _ := refresh(token); code != http.StatusUnauthorized {
			t.Errorf("a refresh token whose family was used twice = %d, want 401", code)
		}
	}
	if code, _ := refresh("made up"); code != http.StatusUnauthorized {
		t.Errorf("an unknown refresh token = %d, want 401", code)
	}
}

func TestLogoutEndsBothTokens(t *testing.T) {
	s := serve(t)
	s.user("dana", fleet.RoleDispatcher)
	_, session := s.login("dana@acme", rightPassword)
	if r := s.do("POST", "/logout", session.AccessToken, Refresh{session.RefreshToken}); r.StatusCode != http.StatusNoContent {
		t.Fatalf("logout = %d %s", r.StatusCode, r.body)
	}
	if r := s.do("GET", "/drivers", session.AccessToken, nil); r.StatusCode != http.StatusUnauthorized {
		t.Errorf("the access token after logout = %d, want 401", r.StatusCode)
	}
	if r := s.do("POST", "/token/refresh", "", Refresh{session.RefreshToken}); r.StatusCode != http.StatusUnauthorized {
		t.Errorf("the refresh token after logout = %d, want 401", r.StatusCode)
	}
}

func TestRevokedSubjectCannotRefresh(t *testing.T) {
	s := serve(t)
	s.user("dana", fleet.RoleDispatcher)
	_, session := s.login("dana@acme", rightPassword)
	admin := s.token("acme", fleet.RoleAdmin, "boss")
	if r := s.do("POST", "/subjects/dana/revoke", admin, nil); r.StatusCode != http.StatusNoContent {
		t.Fatalf("revoke = %d %s", r.StatusCode, r.body)
	}
	if r := s.do("GET", "/drivers", session.AccessToken, nil); r.StatusCode != http.StatusUnauthorized {
		t.Errorf("the access token after the revocation = %d, want 401", r.StatusCode)
	}
	if r := s.do("POST", "/token/refresh", "", Refresh{session.RefreshToken}); r.StatusCode != http.StatusUnauthorized {
		t.Errorf("the refresh token after the revocation = %d, want 401", r.StatusCode)
	}
	if r, _ := s.login("dana@acme", rightPassword); r.StatusCode != http.StatusOK {
		t.Errorf("a new login after the revocation = %d, want 200", r.StatusCode)
	}
}

func TestPasswords(t *testing.T) {
	s := serve(t)
	s.user("dana", fleet.RoleDispatcher)
	_, session := s.login("dana@acme", rightPassword)
	r := s.do("POST", "/users/dana/password", session.AccessToken, PasswordChange{rightPassword, "another password"})
	if r.StatusCode != http.StatusNoContent {
		t.Fatalf("change = %d %s", r.StatusCode, r.body)
	}
	if r := s.do("POST", "/token/refresh", "", Refresh{session.RefreshToken}); r.StatusCode != http.StatusUnauthorized {
		t.Errorf("the refresh token after the change = %d, want 401", r.StatusCode)
	}
	if r, _ := s.login("dana@acme", rightPassword); r.StatusCode != http.StatusUnauthorized {
		t.Errorf("the old password after the change = %d, want 401", r.StatusCode)
	}
	_, session = s.login("dana@acme", "another password")
	admin := s.token("acme", fleet.RoleAdmin, "boss")
	if r := s.do("POST", "/users/dana/password", admin, PasswordChange{Password: "a third password"}); r.StatusCode != http.StatusNoContent {
		t.Fatalf("reset = %d %s", r.StatusCode, r.body)
	}
	if r := s.do("GET", "/drivers", session.AccessToken, nil); r.StatusCode != http.StatusUnauthorized {
		t.Errorf("the access token after the reset = %d, want 401", r.StatusCode)
	}
}

func TestLoginIsThrottled(t *testing.T) {
	s := serve(t)
	s.user("dana", fleet.RoleDispatcher)
	s.api.accounts = newThrottle(3, time.Minute)
	for _, name := range []string{"dana@acme", "nobody@acme"} { // known or not: the same
		for range 3 {
			if r, _ := s.login(name, "wrong password"); r.StatusCode != http.StatusUnauthorized {
				t.Fatalf("login of %s = %d, want 401", name, r.StatusCode)
			}
		}
		r, _ := s.login(name, rightPassword)
		wait, err := strconv.Atoi(r.Header.Get("Retry-After"))
		if r.StatusCode != http.StatusTooManyRequests || err != nil || wait < 1 || wait > 60 {
			t.Errorf("the fourth login of %s = %d, Retry-After %q", name, r.StatusCode, r.Header.Get("Retry-After"))
		}
	}
}

func TestThrottle(t *testing.T) {
	now := time.Now()
	th := newThrottle(2, time.Second)
	for i, want := range []time.Duration{0, 0, time.Second, time.Second} {
		if got := th.take("k", now); got != want {
			t.Errorf("take %d = %v, want %v", i, got, want)
		}
	}
	th.giveBack("k")
	if got := th.take("k", now); got != 0 {
		t.Errorf("take after giveBack = %v, want 0", got)
	}
	if got := th.take("k", now.Add(time.Second)); got != 0 {
		t.Errorf("take a second later = %v, want 0", got)
	}
	for i := range maxThrottled + 10 {
		th.take(strconv.Itoa(i), now)
	}
	if len(th.full) > maxThrottled {
		t.Errorf("%d keys are remembered, want at most %d", len(th.full), maxThrottled)
	}
}

func TestMintedTokens(t *testing.T) {
	s := serve(t)
	admin := s.token("acme", fleet.RoleAdmin, "boss")
	if _, err := s.store.EnsureDriver(t.Context(), "acme", "d1"); err != nil {
		t.Fatal(err)
	}
	r := s.do("POST", "/tokens", admin, TokenRequest{Role: fleet.RoleService, Sub: "erp", TTL: 60, ACL: &ACL{Sub: []string{"fleet/acme/#"}}})
	if r.StatusCode != http.StatusCreated {
		t.Fatalf("POST /tokens = %d %s", r.StatusCode, r.body)
	}
	var got struct {
		Token, JTI string
		Exp        time.Time
	}
	r.into(t, &got)
	if left := time.Until(got.Exp); left < 55*time.Second || left > time.Minute {
		t.Errorf("exp is in %v, want in a minute", left)
	}
	if r := s.do("GET", "/drivers/d1", got.Token, nil); r.StatusCode != http.StatusOK {
		t.Errorf("GET /drivers/d1 with the minted token = %d %s", r.StatusCode, r.body)
	}
	if r := s.do("DELETE", "/tokens/"+got.JTI, admin, nil); r.StatusCode != http.StatusNoContent {
		t.Errorf("DELETE /tokens = %d %s", r.StatusCode, r.body)
	}
	if r := s.do("GET", "/drivers/d1", got.Token, nil); r.StatusCode != http.StatusUnauthorized {
		t.Errorf("GET /drivers/d1 with the revoked token = %d, want 401", r.StatusCode)
	}
}

// TestMintNeverMore asks for what an admin may not do itself.
func TestMintNeverMore(t *testing.T) {
	s := serve(t)
	admin := s.token("acme", fleet.RoleAdmin, "boss")
	for name, ask := range map[string]TokenRequest{
		"another admin":       {Role: fleet.RoleAdmin, Sub: "x", TTL: 60},
		"an operator":         {Role: fleet.RoleOperator, Sub: "x", TTL: 60},
		"a foreign fleet":     {Role: fleet.RoleService, Sub: "x", TTL: 60, ACL: &ACL{Sub: []string{"fleet/beta/#"}}},
		"all fleets":          {Role: fleet.RoleService, Sub: "x", TTL: 60, ACL: &ACL{Sub: []string{"#"}}},
		"commands to drivers": {Role: fleet.RoleService, Sub: "x", TTL: 60, ACL: &ACL{Pub: []string{"fleet/acme/drivers/d1/commands"}}},
		"everything upwards":  {Role: fleet.RoleService, Sub: "x", TTL: 60, ACL: &ACL{Pub: []string{"fleet/acme/drivers/d1/#"}}},
		"for ever":            {Role: fleet.RoleDriver, Sub: "x", TTL: 1 << 40},
		"a driver's driver":   {Role: fleet.RoleDriver, Sub: "x", TTL: 60, Driver: "d1"},
	} {
		if r := s.do("POST", "/tokens", admin, ask); r.StatusCode != http.StatusUnprocessableEntity {
			t.Errorf("a token for %s = %d %s, want 422", name, r.StatusCode, r.body)
		}
	}
	location := TokenRequest{Role: fleet.RoleService, Sub: "x", TTL: 60, ACL: &ACL{Pub: []string{"fleet/acme/drivers/+/location"}}}
	if r := s.do("POST", "/tokens", admin, location); r.StatusCode != http.StatusCreated {
		t.Errorf("a token to publish locations = %d %s, want 201", r.StatusCode, r.body)
	}
}

func TestDisabledUser(t *testing.T) {
	s := serve(t)
	u := fleet.User{Fleet: "acme", ID: "gone", Name: "gone", Role: fleet.RoleAdmin, PasswordHash: s.hash(rightPassword), Disabled: true}
	if err := s.store.CreateUser(t.Context(), u); err != nil {
		t.Fatal(err)
	}
	if r, _ := s.login("gone", rightPassword); r.StatusCode != http.StatusUnauthorized {
		t.Errorf("login of a disabled user = %d, want 401", r.StatusCode)
	}
}

func TestAudit(t *testing.T) {
	s := serve(t)
	admin := s.token("acme", fleet.RoleAdmin, "boss")
	s.do("POST", "/drivers", admin, DriverRequest{ID: "d1", Name: "Dana"})
	s.do("PATCH", "/drivers/d1", admin, map[string]string{"name": "Eve <b>"})
	s.do("POST", "/users", admin, UserRequest{Name: "eve", Role: fleet.RoleDispatcher, Password: "secret enough"})

	var all []AuditEntry
	for cursor := ""; ; {
		r := s.do("GET", "/audit?limit=2&cursor="+cursor, admin, nil)
		var p struct {
			Items []struct {
				Actor, Action, Entity, ID, Address string
				Before, After                      map[string]any
			}
			Next *string
		}
		r.into(t, &p)
		for _, e := range p.Items {
			if e.Actor == "boss" {
				all = append(all, AuditEntry{Actor: e.Actor, Action: e.Action, Entity: e.Entity, ID: e.ID, Address: e.Address})
			}
			if e.Action == "update" && (e.Before["name"] != "Dana" || e.After["name"] != "Eve <b>") {
				t.Errorf("before %v, after %v", e.Before, e.After)
			}
			if _, found := e.After["password"]; found {
				t.Errorf("the audit holds a password: %v", e.After)
			}
		}
		if p.Next == nil {
			break
		}
		cursor = *p.Next
	}
	want := []AuditEntry{
		{Actor: "boss", Action: "create", Entity: "driver", ID: "d1", Address: "127.0.0.1"},
		{Actor: "boss", Action: "update", Entity: "driver", ID: "d1", Address: "127.0.0.1"},
		{Actor: "boss", Action: "create", Entity: "user", ID: "eve", Address: "127.0.0.1"},
	}
	if len(all) != len(want) {
		t.Fatalf("audit holds %+v", all)
	}
	for i := range want {
		if all[i].Action != want[i].Action || all[i].ID != want[i].ID || all[i].Entity != want[i].Entity || all[i].Address != want[i].Address {
			t.Errorf("entry %d is %+v, want %+v", i, all[i], want[i])
		}
	}
}

// An operator's token is of no fleet, and nobody below can take it back.
func TestOperatorsTokensCanBeRevoked(t *testing.T) {
	s := serve(t)
	operator := s.token("*", fleet.RoleOperator, "op")
	for _, path := range []string{"DELETE /tokens/leaked", "POST /subjects/former/revoke"} {
		leaked := s.token("*", fleet.RoleOperator, "former", func(c *auth.Claims) { c.ID = path[len(path)-6:] })
		method, path, _ := strings.Cut(path, " ")
		s.want(200, "GET", "/fleets", leaked, nil, nil)
		s.want(404, method, path+"?fleet=*", s.token("acme", fleet.RoleAdmin, "boss"), nil, nil)
		s.want(204, method, path+"?fleet=*", operator, nil, nil)
		s.want(401, "GET", "/fleets", leaked, nil, nil)
	}
	s.want(200, "GET", "/fleets", operator, nil, nil)
	var audit struct{ Items []AuditEntry }
	if s.want(200, "GET", "/audit?fleet=*", operator, nil, &audit); len(audit.Items) != 2 || audit.Items[0].Actor != "op" {
		t.Errorf("audit %+v", audit.Items)
	}
}
