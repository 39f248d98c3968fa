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
	"list-audit":           "UFFFF.FFFI..M",
	"list-clients":         "UFFFF.FFFI..M",
	"disconnect-client":    "UFFFFnFFFInMM",
	"read-config":          ".............",
	"list-dead-letters":    "UFFFF.FFFI..M",
	"delete-dead-letter":   "UFFFFnFFFInMM",
	"retry-dead-letter":    "UFFFFnFFFInMM",
	"ingest-owntracks":     "U...FFFFFFFFF",
	"ingest-osmand":        "U.F.FFFFFFFFF",
	"ingest-osmand-query":  "U.F.FFFFFFFFF",
	"list-gaps":            "U.F...F.FI.MM",
	"list-shipments":       "U.....FFFI..M",
	"create-shipment":      "UFFFccFFFIccM",
	"read-shipment":        "U.F...F.FI.MM",
	"update-shipment":      "UFFF..FFFI.MM",
	"cancel-shipment":      "UFFF..FFFI.MM",
	"report-status":        "U.F...FFFI.MM",
	"list-shipment-events": "U.F...F.FI.MM",
	"upload-proof":         "UcFcccFFFIcMM",
	"read-proof":           "U.F...F.FI.MM",
	"assign-shipment":      "UFFFccFFFIcMM",
	"list-assignments":     "U.....FFFI..M",
	"read-assignment":      "U.F...F.FI.MM",
	"withdraw-assignment":  "UFFF..FFFI.MM",
	"save-receipt":         "U.F.FFFFFFFFF",
	"list-devices":         "UFFF..FFFI..M",
	"create-device":        "UFFFFcFFFIccM",
	"read-device":          "UFFF..FFFI.MM",
	"update-device":        "UFFFF.FFFI.MM",
	"delete-device":        "UFFFFnFFFInMM",
	"create-device-secret": "UFFFF.FFFI.MM",
	"list-unknown-devices": "UFFFF.FFFI..M",
	"list-commands":        "UFFF..FFFI.MM",
	"create-command":       "UFFFccFFFIcMM",
	"read-driver-config":   "U.F...F.FI.MM",
	"set-driver-config":    "UFFF..FFFI.MM",
	"list-alerts":          "UFFF..FFFI..M",
	"create-alert":         "UFFFccFFFIccM",
	"read-alert":           "UFFF..FFFI.MM",
	"ack-alert":            "UFFF..FFFI.MM",
	"close-alert":          "UFFF..FFFI.MM",
	"list-geofences":       "UFFF..FFFI..M",
	"create-geofence":      "UFFFccFFFIccM",
	"read-geofence":        "UFFF..FFFI.MM",
	"update-geofence":      "UFFF..FFFI.MM",
	"delete-geofence":      "UFFFnnFFFInMM",
	"list-events":          "UFFF..FFFI..M",
	"list-webhooks":        "UFFFF.FFFI..M",
	"create-webhook":       "UFFFFcFFFIccM",
	"read-webhook":         "UFFFF.FFFI.MM",
	"update-webhook":       "UFFFF.FFFI.MM",
	"delete-webhook":       "UFFFFnFFFInMM",
	"replay-webhook":       "UFFFFnFFFInMM",
	"test-webhook":         "UFFFF.FFFI.MM",
	"list-tokens":          "UFFFF.FFFI..M",
	"update-user":          "UFFFF.FFFI.MM",
	"delete-user":          "UFFFFnFFFInMM",
	"list-drivers":         "UFFF..FFFI..M",
	"create-driver":        "UFFFccFFFIccM",
	"read-driver":          "U.F...F.FI.MM",
	"update-driver":        "UFFF..FFFI.MM",
	"read-track":           "U.F...F.FI.MM",
	"mqtt-health":          ".............",
	"login":                "UUUUUUUUUUUUU",
	"refresh":              "UUUUUUUUUUUUU",
	"logout":               "nnnnnnnnnnnnn",
	"revoke-subject":       "UFFFFnFFFInnM",
	"revoke-token":         "UFFFFnFFFInnM",
	"create-token":         "UFFFFcFFFIccM",
	"list-users":           "UFFFF.FFFI..M",
	"create-user":          "UFFFFcFFFIccM",
	"read-user":            "U.FFF.FFFI.MM",
	"set-password":         "UIFFFnFFFInMM",
}

// samples are the path and body of a call of each operation on driver d1 of
// acme. {n} is a new number each time.
var samples = map[string]struct{ path, body string }{
	"disconnect-client":    {"/clients/d1:phone", ""},
	"delete-dead-letter":   {"/dead-letters/letter", ""},
	"create-shipment":      {"/shipments", `{"reference":"ORD-{n}","pickup":{"name":"Depot","lat":59,"lon":18}}`},
	"read-shipment":        {"/shipments/s{n}", ""},
	"update-shipment":      {"/shipments/s{n}", `{"note":"ring twice"}`},
	"cancel-shipment":      {"/shipments/s{n}/cancel", `{"note":"called off"}`},
	"report-status":        {"/shipments/s{n}/status", `{"status":"accepted"}`},
	"list-shipment-events": {"/shipments/s{n}/events", ""},
	"upload-proof":         {"/shipments/s{n}/proof", "M1 1L9 9"},
	"read-proof":           {"/shipments/s{n}/proof/" + signatureID, ""},
	"assign-shipment":      {"/shipments/s{n}/assign", `{"driver":"d1"}`},
	"read-assignment":      {"/assignments/a{n}", ""},
	"withdraw-assignment":  {"/assignments/a{n}/withdraw", ""},
	"save-receipt":         {"/assignments/a{n}/receipt", `{"state":"seen"}`},
	"create-device":        {"/devices", `{"id":"new{n}","kind":"native"}`},
	"read-device":          {"/devices/t{n}", ""},
	"update-device":        {"/devices/t{n}", `{"name":"tracker","disabled":true}`},
	"delete-device":        {"/devices/t{n}", ""},
	"create-device-secret": {"/devices/t{n}/secret", ""},
	"list-commands":        {"/drivers/d1/commands", ""},
	"create-command":       {"/drivers/d1/commands", `{"action":"set_interval","interval_s":15}`},
	"read-driver-config":   {"/drivers/d1/config", ""},
	"set-driver-config":    {"/drivers/d1/config", `{"interval_s":15}`},
	"create-alert":         {"/alerts", `{"kind":"kind{n}","severity":"info"}`},
	"read-alert":           {"/alerts/{alert}", ""},
	"ack-alert":            {"/alerts/{alert}/ack", ""},
	"close-alert":          {"/alerts/{alert}/close", ""},
	"create-geofence":      {"/geofences", `{"circle":{"center":{"lat":59,"lon":18},"radius_m":100}}`},
	"read-geofence":        {"/geofences/g{n}", ""},
	"update-geofence":      {"/geofences/g{n}", `{"name":"harbour"}`},
	"delete-geofence":      {"/geofences/g{n}", ""},
	"create-webhook":       {"/webhooks", `{"url":"https://erp.example/dray"}`},
	"read-webhook":         {"/webhooks/w{n}", ""},
	"update-webhook":       {"/webhooks/w{n}", `{"disabled":true}`},
	"delete-webhook":       {"/webhooks/w{n}", ""},
	"replay-webhook":       {"/webhooks/w{n}/replay", `{"after":0}`},
	"test-webhook":         {"/webhooks/w{n}/test", ""},
	"update-user":          {"/users/u{n}", `{"disabled":true}`},
	"delete-user":          {"/users/u{n}", ""},
	"retry-dead-letter":    {"/dead-letters/letter/retry", ""},
	"ingest-owntracks":     {"/ingest/owntracks", `{"_type":"location","lat":59,"lon":18,"tst":1777629600}`},
	"ingest-osmand":        {"/ingest/osmand?id=d1&lat=59&lon=18", ""},
	"ingest-osmand-query":  {"/ingest/osmand?id=d1&lat=59&lon=18", ""},
	"list-gaps":            {"/drivers/d1/gaps", ""},
	"create-driver":        {"/drivers", `{"id":"new{n}"}`},
	"read-driver":          {"/drivers/d1", ""},
	"update-driver":        {"/drivers/d1", `{"name":"Dana"}`},
	"read-track":           {"/drivers/d1/track", ""},
	"login":                {"/login", `{"fleet":"acme","user":"x","password":"y"}`},
	"refresh":              {"/token/refresh", `{"refresh_token":"x"}`},
	"logout":               {"/logout", `{"refresh_token":"x"}`},
	"revoke-subject":       {"/subjects/elsewhere/revoke", ""},
	"revoke-token":         {"/tokens/abc", ""},
	"create-token":         {"/tokens", `{"role":"driver","sub":"d1","ttl_s":60}`},
	"create-user":          {"/users", `{"name":"user{n}","role":"driver","password":"long enough"}`},
	"read-user":            {"/users/d1", ""},
	"set-password":         {"/users/d1/password", `{"password":"long enough","current_password":"wrong"}`},
}

func TestAccess(t *testing.T) {
	opts, _, _ := withUplink(t)
	s := serve(t, opts, func(o *Options) { o.Broker, o.Retrier, o.Deliverer = oneClient{}, still{"letter"}, deliverer{} })
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
				alert := s.furnish(n)
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
				if row == "............." || op.OperationID == "login" || op.OperationID == "refresh" || op.OperationID == "logout" {
					query = "" // not on a fleet
				}
				r := s.do(method, path+query, token, body, header...)
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

// signatureID is the id of the signature that furnish keeps.
const signatureID = "6847ec9aed25f7ae1352c98d262bdd27"

// furnish gives acme one of each kind of thing, named by n, and returns the id
// of its alert. The shipment is offered to d1.
func (s *server) furnish(n int) (alert string) {
	s.t.Helper()
	ctx, boss, id := s.t.Context(), fleet.Actor{Subject: "boss"}, status(n)
	_, err1 := s.store.CreateShipment(ctx, boss, fleet.Shipment{Fleet: "acme", ID: "s" + id, Reference: "ORD-" + id})
	_, err2 := s.store.CreateAssignment(ctx, boss, fleet.Assignment{Fleet: "acme", ID: "a" + id, Shipment: "s" + id, Driver: "d1"})
	_, err3 := s.store.CreateDevice(ctx, boss, fleet.Device{Fleet: "acme", ID: "t" + id, Driver: "d1", Kind: fleet.DeviceNative})
	_, err4 := s.store.CreateGeofence(ctx, boss, fleet.Geofence{Fleet: "acme", ID: "g" + id, Circle: &fleet.Circle{Radius: 100}})
	_, err5 := s.store.CreateWebhook(ctx, fleet.Webhook{Fleet: "acme", ID: "w" + id, URL: "https://erp.example/"})
	a, _, err6 := s.store.OpenAlert(ctx, fleet.Alert{Fleet: "acme", Kind: "k" + id, Severity: fleet.SeverityInfo})
	err7 := s.store.CreateUser(ctx, fleet.User{Fleet: "acme", ID: "u" + id, Name: "u" + id, Role: fleet.RoleDispatcher})
	var err8 error
	if s.api.Blobs != nil {
		err8 = s.api.Blobs.Put(ctx, blobName("acme", "s"+id, signatureID), []byte("M1 1L9 9"))
	}
	if err := errors.Join(err1, err2, err3, err4, err5, err6, err7, err8); err != nil {
		s.t.Fatal(err)
	}
	return a.ID
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
