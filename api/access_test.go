package api

import (
	"errors"
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
	return []fleet.Client{{ID: "d1:phone", Fleet: "acme", Subject: "d1", Role: fleet.RoleDriver, Protocol: "5", ConnectedAt: time.Now(), QueueBytes: 64}}
}

func (b oneClient) Disconnect(fleetID, clientID string) error {
	if fleetID != "acme" || clientID != "d1:phone" {
		return fleet.ErrNotFound
	}
	return nil
}

func TestAccess(t *testing.T) {
	opts, _, _ := withUplink(t)
	s := serve(t, opts, func(o *Options) {
		o.Broker, o.Retrier, o.Deliverer, o.Vitals = oneClient{}, still{"letter"}, deliverer{}, vitals
	})
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
	ofBeta := func(c *auth.Claims) { c.ACL = &auth.ACL{Sub: []string{"fleet/beta/#"}} }
	forD1 := func(c *auth.Claims) { c.Driver = "d1" }
	type caller struct {
		fleet string
		role  fleet.Role
		sub   string
		claim func(*auth.Claims)
		query string
	}
	callers := map[string]caller{
		"driver d1":                  {"acme", fleet.RoleDriver, "d1", nil, ""},
		"driver d2":                  {"acme", fleet.RoleDriver, "d2", nil, ""},
		"device of d1":               {"acme", fleet.RoleDevice, "tracker", forD1, ""},
		"dispatcher":                 {"acme", fleet.RoleDispatcher, "dispo", nil, ""},
		"admin":                      {"acme", fleet.RoleAdmin, "boss", nil, ""},
		"service":                    {"acme", fleet.RoleService, "erp", nil, ""},
		"service of d1":              {"acme", fleet.RoleService, "erp", ofD1, ""},
		"limited admin":              {"acme", fleet.RoleAdmin, "boss", limited, ""},
		"operator":                   {"*", fleet.RoleOperator, "op", nil, ""},
		"operator in acme":           {"*", fleet.RoleOperator, "op", nil, "?fleet=acme"},
		"admin of beta":              {"beta", fleet.RoleAdmin, "rival", nil, ""},
		"admin of beta in acme":      {"beta", fleet.RoleAdmin, "rival", nil, "?fleet=acme"},
		"driver d1 of beta":          {"beta", fleet.RoleDriver, "d1", nil, ""},
		"device of d1 of beta":       {"beta", fleet.RoleDevice, "tracker", forD1, ""},
		"dispatcher of beta":         {"beta", fleet.RoleDispatcher, "dispo", nil, ""},
		"service of beta":            {"beta", fleet.RoleService, "erp", ofBeta, ""},
		"driver d1 of beta in acme":  {"beta", fleet.RoleDriver, "d1", nil, "?fleet=acme"},
		"dispatcher of beta in acme": {"beta", fleet.RoleDispatcher, "dispo", nil, "?fleet=acme"},
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
				if op.OperationID == "login" && i > 1 {
					break // slow by design, and no token is looked at
				}
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
				alert := s.furnish(sample.path, n)
				fill := strings.NewReplacer("{n}", status(n), "{alert}", alert)
				path := fill.Replace(sample.path)
				var body any
				if sample.body != "" {
					body = fill.Replace(sample.body)
				}
				var header []string
				if op.OperationID == "upload-proof" {
					header = []string{"Content-Type", "text/plain"}
				}
				query := who.query
				if strings.Contains(path, "?") {
					query = strings.Replace(query, "?", "&", 1)
				}
				if strings.Trim(row, ".") == "" || op.OperationID == "login" || op.OperationID == "refresh" || op.OperationID == "logout" || strings.HasSuffix(op.OperationID, "fleets") || op.OperationID == "create-fleet" {
					query = "" // not on a fleet
				}
				home := who.fleet // where it is audited
				switch {
				case op.OperationID == "create-fleet":
					home = fill.Replace("fleet{n}")
				case home == auth.AnyFleet && op.OperationID != "logout":
					home = "acme"
				}
				writes := method != http.MethodGet
				if writes {
					s.newAudits(home)
				}
				r := s.do(method, path+query, token, body, header...)
				if writes {
					checkAudit(t, op, who.sub, r, s.newAudits(home))
				}
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

// furnish gives acme the thing that a path is about, named by n. It returns the
// id of an alert. The shipment is offered to d1.
func (s *server) furnish(path string, n int) (alert string) {
	s.t.Helper()
	ctx, boss, id := s.t.Context(), fleet.Actor{Subject: "boss"}, status(n)
	var err error
	switch kind, _, _ := strings.Cut(path[1:], "/"); kind {
	case "shipments", "assignments":
		_, err = s.store.CreateShipment(ctx, boss, fleet.Shipment{Fleet: "acme", ID: "s" + id, Reference: "ORD-" + id})
		if err == nil {
			_, err = s.store.CreateAssignment(ctx, boss, fleet.Assignment{Fleet: "acme", ID: "a" + id, Shipment: "s" + id, Driver: "d1"})
		}
		if err == nil && strings.HasSuffix(path, signatureID) {
			err = s.api.Blobs.Put(ctx, blobName("acme", "s"+id, signatureID), []byte("M1 1L9 9"))
		}
	case "devices":
		_, err = s.store.CreateDevice(ctx, boss, fleet.Device{Fleet: "acme", ID: "t" + id, Driver: "d1", Kind: fleet.DeviceNative})
	case "geofences":
		_, err = s.store.CreateGeofence(ctx, boss, fleet.Geofence{Fleet: "acme", ID: "g" + id, Circle: &fleet.Circle{Radius: 100}})
	case "webhooks":
		_, err = s.store.CreateWebhook(ctx, fleet.Webhook{Fleet: "acme", ID: "w" + id, URL: "https://erp.example/"})
	case "alerts":
		var a fleet.Alert
		a, _, err = s.store.OpenAlert(ctx, fleet.Alert{Fleet: "acme", Kind: "k" + id, Severity: fleet.SeverityInfo})
		alert = a.ID
	case "users":
		err = s.store.CreateUser(ctx, fleet.User{Fleet: "acme", ID: "u" + id, Name: "u" + id, Role: fleet.RoleDispatcher})
	case "drivers":
		if _, err = s.store.EnsureDriver(ctx, "acme", "e"+id); err == nil && strings.Contains(path, "/commands/") {
			_, err = s.store.CreateCommand(ctx, fleet.Command{Fleet: "acme", ID: "c" + id, Driver: "d1", Action: "locate", Actor: "boss"})
		}
	case "policies":
		if _, err = s.store.EnsureDriver(ctx, "acme", "e"+id); err == nil {
			err = errors.Join(s.store.SavePolicy(ctx, fleet.Policy{Fleet: "acme"}), s.store.SavePolicy(ctx, fleet.Policy{Fleet: "acme", Driver: "e" + id}))
		}
		if err == nil { // another column may have set it
			if err = s.store.DeletePolicy(ctx, "beta", ""); errors.Is(err, fleet.ErrNotFound) {
				err = nil
			}
		}
	case "dead-letters":
		s.saveLetter()
	}
	if err != nil {
		s.t.Fatal(err)
	}
	return alert
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
