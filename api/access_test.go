package api

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dray-fleet/dray/auth"
	"github.com/dray-fleet/dray/fleet"
)

// oneClient is a broker with one connection, for the operations that only pass
// on what a broker says.
type oneClient struct{}

func (oneClient) Status() fleet.BrokerStatus {
	return fleet.BrokerStatus{Ready: true, Connections: 1, StartedAt: time.Now().Add(-time.Minute)}
}

func (oneClient) Clients(fleetID string) []fleet.Client {
	if fleetID != "acme" {
		return nil
	}
	return []fleet.Client{{ID: "d1:phone", Fleet: "acme", Subject: "d1", Role: fleet.RoleDriver, Protocol: "5", ConnectedAt: time.Now()}}
}

func (b oneClient) Disconnect(fleetID, clientID string) error {
	if fleetID != "acme" || clientID != "d1:phone" {
		return fleet.ErrNotFound
	}
	return nil
}

// access is the whole table of who may do what: a row for each operation, a
// column for each caller. Letters are statuses: see letters.
var columns = []string{
	"nobody", "driver d1", "driver d2", "device of d1", "dispatcher", "admin",
	"service", "service of d1", "limited admin", "operator", "operator in acme", "admin of beta", "admin of beta in acme",
}

var letters = map[byte]int{
	'.': 200, 'c': 201, 'n': 204, 'U': 401, 'F': 403, 'M': 404, 'I': 422,
}

var access = map[string]string{
	//                         nobody ……………………………… admin of beta in acme
	"list-audit":          "UFFFF.FFFI..M",
	"list-clients":        "UFFFF.FFFI..M",
	"disconnect-client":   "UFFFFnFFFInMM",
	"read-config":         ".............",
	"list-dead-letters":   "UFFFF.FFFI..M",
	"delete-dead-letter":  "UFFFFnFFFInMM",
	"retry-dead-letter":   "UFFFFnFFFInMM",
	"ingest-owntracks":    "U...FFFFFFFFF",
	"ingest-osmand":       "U.F.FFFFFFFFF",
	"ingest-osmand-query": "U.F.FFFFFFFFF",
	"list-gaps":           "U.F...F.FI.MM",
	"list-drivers":        "UFFF..FFFI..M",
	"create-driver":       "UFFFccFFFIccM",
	"read-driver":         "U.F...F.FI.MM",
	"update-driver":       "UFFF..FFFI.MM",
	"read-track":          "U.F...F.FI.MM",
	"mqtt-health":         ".............",
	"login":               "UUUUUUUUUUUUU",
	"refresh":             "UUUUUUUUUUUUU",
	"logout":              "nnnnnnnnnnnnn",
	"revoke-subject":      "UFFFFnFFFInnM",
	"revoke-token":        "UFFFFnFFFInnM",
	"create-token":        "UFFFFcFFFIccM",
	"list-users":          "UFFFF.FFFI..M",
	"create-user":         "UFFFFcFFFIccM",
	"read-user":           "U.FFF.FFFI.MM",
	"set-password":        "UIFFFnFFFInMM",
}

// samples are the path and body of a call of each operation on driver d1 of
// acme. {n} is a new number each time.
var samples = map[string]struct{ path, body string }{
	"disconnect-client":   {"/clients/d1:phone", ""},
	"delete-dead-letter":  {"/dead-letters/letter", ""},
	"retry-dead-letter":   {"/dead-letters/letter/retry", ""},
	"ingest-owntracks":    {"/ingest/owntracks", `{"_type":"location","lat":59,"lon":18,"tst":1777629600}`},
	"ingest-osmand":       {"/ingest/osmand?id=d1&lat=59&lon=18", ""},
	"ingest-osmand-query": {"/ingest/osmand?id=d1&lat=59&lon=18", ""},
	"list-gaps":           {"/drivers/d1/gaps", ""},
	"create-driver":       {"/drivers", `{"id":"new{n}"}`},
	"read-driver":         {"/drivers/d1", ""},
	"update-driver":       {"/drivers/d1", `{"name":"Dana"}`},
	"read-track":          {"/drivers/d1/track", ""},
	"login":               {"/login", `{"fleet":"acme","user":"x","password":"y"}`},
	"refresh":             {"/token/refresh", `{"refresh_token":"x"}`},
	"logout":              {"/logout", `{"refresh_token":"x"}`},
	"revoke-subject":      {"/subjects/elsewhere/revoke", ""},
	"revoke-token":        {"/tokens/abc", ""},
	"create-token":        {"/tokens", `{"role":"driver","sub":"d1","ttl_s":60}`},
	"create-user":         {"/users", `{"name":"user{n}","role":"driver","password":"long enough"}`},
	"read-user":           {"/users/d1", ""},
	"set-password":        {"/users/d1/password", `{"password":"long enough","current_password":"wrong"}`},
}

func TestAccess(t *testing.T) {
	opts, _, _ := withUplink(t)
	s := serve(t, opts, func(o *Options) { o.Broker, o.Retrier = oneClient{}, still{"letter"} })
	s.api.sources = newThrottle(1000, time.Second) // the table holds more wrong passwords than one address has
	s.api.accounts = newThrottle(1000, time.Second)
	if _, err := s.store.EnsureDriver(t.Context(), "acme", "d1"); err != nil {
		t.Fatal(err)
	}
	if err := s.store.CreateUser(t.Context(), fleet.User{Fleet: "acme", ID: "d1", Name: "dana", Role: fleet.RoleDriver, PasswordHash: s.hash("right password")}); err != nil {
		t.Fatal(err)
	}
	ofD1 := func(c *auth.Claims) { c.ACL = &auth.ACL{Sub: []string{"fleet/acme/drivers/d1/#"}} }
	limited := func(c *auth.Claims) { c.ACL = &auth.ACL{Sub: []string{"fleet/acme/drivers/d9/#"}} }
	forD1 := func(c *auth.Claims) { c.Driver = "d1" }
	type caller struct {
		fleet string
		role  fleet.Role
		sub   string
		claim func(*auth.Claims)
		query string
	}
	callers := map[string]caller{
		"driver d1":             {"acme", fleet.RoleDriver, "d1", nil, ""},
		"driver d2":             {"acme", fleet.RoleDriver, "d2", nil, ""},
		"device of d1":          {"acme", fleet.RoleDevice, "tracker", forD1, ""},
		"dispatcher":            {"acme", fleet.RoleDispatcher, "dispo", nil, ""},
		"admin":                 {"acme", fleet.RoleAdmin, "boss", nil, ""},
		"service":               {"acme", fleet.RoleService, "erp", nil, ""},
		"service of d1":         {"acme", fleet.RoleService, "erp", ofD1, ""},
		"limited admin":         {"acme", fleet.RoleAdmin, "boss", limited, ""},
		"operator":              {"*", fleet.RoleOperator, "op", nil, ""},
		"operator in acme":      {"*", fleet.RoleOperator, "op", nil, "?fleet=acme"},
		"admin of beta":         {"beta", fleet.RoleAdmin, "rival", nil, ""},
		"admin of beta in acme": {"beta", fleet.RoleAdmin, "rival", nil, "?fleet=acme"},
	}
	n := 0
	for path, item := range s.api.huma.OpenAPI().Paths {
		for method, op := range operations(item) {
			row := access[op.OperationID]
			if len(row) != len(columns) {
				t.Errorf("%s has no row in the table of access", op.OperationID)
				continue
			}
			for i, column := range columns {
				n++
				sample, who := samples[op.OperationID], callers[column]
				if sample.path == "" {
					sample.path = path
				}
				token := ""
				if column != "nobody" { // a new one each time: logout ends it
					token = s.token(who.fleet, who.role, who.sub, func(c *auth.Claims) {
						if who.claim != nil {
							who.claim(c)
						}
					})
				}
				s.saveLetter()
				var body any
				if sample.body != "" {
					body = strings.ReplaceAll(sample.body, "{n}", status(n))
				}
				query := who.query
				if strings.Contains(sample.path, "?") {
					query = strings.Replace(query, "?", "&", 1)
				}
				if row == "............." || op.OperationID == "login" || op.OperationID == "refresh" || op.OperationID == "logout" {
					query = "" // not on a fleet
				}
				r := s.do(method, sample.path+query, token, body)
				if got, want := r.StatusCode, letters[row[i]]; got != want {
					t.Errorf("%s as %s = %d, want %d: %s", op.OperationID, column, got, want, r.body)
				}
			}
		}
	}
	for _, id := range slices.Sorted(maps.Keys(access)) {
		found := false
		for _, item := range s.api.huma.OpenAPI().Paths {
			for _, op := range operations(item) {
				found = found || op.OperationID == id
			}
		}
		if !found {
			t.Errorf("the table of access has a row for %s, which is no operation", id)
		}
	}
}

// saveLetter keeps a dead letter of acme, through the store's one way in.
func (s *server) saveLetter() {
	s.t.Helper()
	_, err := s.store.SaveBatch(s.t.Context(), &fleet.Batch{Dead: []fleet.DeadLetter{{
		ID: "letter", Fleet: "acme", Driver: "d1", Topic: "fleet/acme/drivers/d1/location", Field: "lat", Reason: "is not there",
		ReceivedAt: time.Now(), Payload: []byte("{}"),
	}}})
	if err != nil {
		s.t.Fatal(err)
	}
}

func (s *server) hash(password string) string {
	s.t.Helper()
	hash, err := s.api.password.Hash(s.t.Context(), password)
	if err != nil {
		s.t.Fatal(err)
	}
	return hash
}

func TestRefusedTokens(t *testing.T) {
	s := serve(t)
	expired := func(c *auth.Claims) { c.ExpiresAt = time.Now().Add(-time.Second) }
	elsewhere, err := auth.NewMinter([]byte(strings.Repeat("x", auth.MinSecret)), "", "")
	if err != nil {
		t.Fatal(err)
	}
	forged, err := elsewhere.Mint(&auth.Claims{Fleet: "acme", Role: fleet.RoleAdmin, Subject: "a", ExpiresAt: time.Now().Add(time.Hour)})
	if err != nil {
		t.Fatal(err)
	}
	for name, token := range map[string]string{
		"expired": s.token("acme", fleet.RoleAdmin, "a", expired),
		"forged":  forged,
		"garbage": "abc",
	} {
		r := s.do("GET", "/drivers", token, nil)
		if r.StatusCode != http.StatusUnauthorized || r.Header.Get("WWW-Authenticate") != "Bearer" {
			t.Errorf("GET /drivers with a token that is %s = %d, WWW-Authenticate %q", name, r.StatusCode, r.Header.Get("WWW-Authenticate"))
		}
	}
	if r := s.do("GET", "/drivers?access_token="+s.token("acme", fleet.RoleAdmin, "a"), "", nil); r.StatusCode != http.StatusUnauthorized {
		t.Errorf("a token in the query = %d, want 401", r.StatusCode)
	}
}
