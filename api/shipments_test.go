package api

import (
	"bytes"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/dray-fleet/dray/fleet"
)

// dispatcher returns a server with drivers d1 and d2, and a dispatcher's token.
func dispatcher(t *testing.T, change ...func(*Options)) (s *server, token string) {
	t.Helper()
	s = serve(t, change...)
	for _, driver := range []string{"d1", "d2"} {
		if _, err := s.store.EnsureDriver(t.Context(), "acme", driver); err != nil {
			t.Fatal(err)
		}
	}
	return s, s.token("acme", fleet.RoleDispatcher, "dispo")
}

// want sends a request, fails unless the status is the one that is wanted, and
// decodes the answer into v unless it is nil.
func (s *server) want(status int, method, path, token string, body, v any, header ...string) *answer {
	s.t.Helper()
	r := s.do(method, path, token, body, header...)
	if r.StatusCode != status {
		s.t.Fatalf("%s %s %v = %d %s, want %d", method, path, body, r.StatusCode, r.body, status)
	}
	if v != nil {
		r.into(s.t, v)
	}
	return r
}

type shipmentAnswer struct {
	ID, Reference, Status, Note string
	Driver                      *string
	Version                     int64
	Pickup                      struct {
		Name, From string
		Lat        *float64
	}
}

// TestShipmentFromCreationToDelivery walks the way of one shipment over HTTP
// alone.
func TestShipmentFromCreationToDelivery(t *testing.T) {
	s, dispo := dispatcher(t)
	d1, d2 := s.token("acme", fleet.RoleDriver, "d1"), s.token("acme", fleet.RoleDriver, "d2")
	var got shipmentAnswer
	markup := `<script>alert(1)</script>'; DROP TABLE shipments; --`
	r := s.want(201, "POST", "/shipments", dispo, map[string]any{"reference": markup,
		"pickup": map[string]any{"name": "Depot", "lat": 59.5, "lon": 18, "from": "2026-05-01T08:00:00Z"}}, &got)
	if got.Status != "created" || got.Reference != markup || got.Version != 1 || r.Header.Get("ETag") != `"1"` || got.Driver != nil {
		t.Errorf("created %s with ETag %s", r.body, r.Header.Get("ETag"))
	}
	if got.Pickup.From != "2026-05-01T08:00:00.000Z" || got.Pickup.Lat == nil || *got.Pickup.Lat != 59.5 {
		t.Errorf("its pickup is %+v", got.Pickup)
	}
	path := "/shipments/" + got.ID
	s.want(403, "GET", path, d1, nil, nil) // nobody's yet

	var a struct{ ID, Driver, State string }
	s.want(201, "POST", path+"/assign", dispo, map[string]any{"driver": "d1", "next": []string{"d2"},
		"deadline": time.Now().Add(time.Hour).Format(time.RFC3339)}, &a)
	s.want(200, "GET", path, d1, nil, &got)
	if got.Status != "assigned" || *got.Driver != "d1" {
		t.Errorf("after the assignment it is %+v", got)
	}
	s.want(403, "POST", "/assignments/"+a.ID+"/receipt", d2, `{"state":"accepted"}`, nil)
	for range 2 { // a receipt that is repeated is one receipt
		s.want(200, "POST", "/assignments/"+a.ID+"/receipt", d1, `{"state":"accepted"}`, &a)
	}
	var receipts struct{ Receipts []any }
	s.want(200, "GET", "/assignments/"+a.ID, dispo, nil, &receipts)
	if a.State != "accepted" || len(receipts.Receipts) != 1 {
		t.Errorf("the assignment is %+v with %d receipts", a, len(receipts.Receipts))
	}
	for _, status := range []string{"picked_up", "picked_up", "in_transit", "delivered"} {
		s.want(200, "POST", path+"/status", d1, map[string]any{"status": status, "note": "n", "lat": 59, "lon": 18}, &got)
	}
	if got.Status != "delivered" {
		t.Errorf("at the end it is %+v", got)
	}
	r = s.want(409, "POST", path+"/status", d1, `{"status":"picked_up"}`, nil)
	if !strings.Contains(string(r.body), `"location":"current.status"`) || !strings.Contains(string(r.body), `"value":"delivered"`) {
		t.Errorf("the illegal move is answered %s", r.body)
	}
	var events struct {
		Items []struct{ Status, Actor, Source string }
	}
	s.want(200, "GET", path+"/events", dispo, nil, &events)
	var steps []string
	for _, e := range events.Items {
		steps = append(steps, e.Status)
	}
	if want := "created assigned accepted picked_up in_transit delivered"; strings.Join(steps, " ") != want {
		t.Errorf("its events are %v, want %s", steps, want)
	}
	var audit struct {
		Items []struct{ Action, Entity, Actor string }
	}
	s.want(200, "GET", "/audit?limit=1000", s.token("acme", fleet.RoleAdmin, "boss"), nil, &audit)
	n := 0
	for _, e := range audit.Items {
		if e.Entity == "shipment" || e.Entity == "assignment" {
			n++
		}
	}
	if n != 6 { // create, assign, one receipt, three moves; what is repeated is not written
		t.Errorf("%d audit entries of the shipment and its assignment, want 6: %+v", n, audit.Items)
	}
}

func TestStaleVersions(t *testing.T) {
	s, dispo := dispatcher(t)
	var got shipmentAnswer
	s.want(201, "POST", "/shipments", dispo, `{"id":"s1"}`, nil)
	r := s.want(200, "PATCH", "/shipments/s1", dispo, `{"note":"a"}`, &got, "If-Match", `"1"`)
	if got.Version != 2 || r.Header.Get("ETag") != `"2"` {
		t.Errorf("after the change version %d, ETag %s", got.Version, r.Header.Get("ETag"))
	}
	for _, tag := range []string{`"1"`, `W/"2"`, `2`, `"2`, `"1", "3"`} {
		s.want(412, "PATCH", "/shipments/s1", dispo, `{"note":"b"}`, nil, "If-Match", tag)
		s.want(412, "POST", "/shipments/s1/cancel", dispo, nil, nil, "If-Match", tag)
		s.want(412, "POST", "/shipments/s1/assign", dispo, `{"driver":"d1"}`, nil, "If-Match", tag)
	}
	s.want(412, "POST", "/shipments/s1/status", dispo, `{"status":"cancelled","version":1}`, nil)
	if s.want(200, "GET", "/shipments/s1", dispo, nil, &got); got.Note != "a" || got.Version != 2 || got.Status != "created" {
		t.Errorf("a stale version changed it to %+v", got)
	}
	for i, tag := range []string{"*", `"1", "3"`, ""} {
		s.want(200, "PATCH", "/shipments/s1", dispo, fmt.Sprintf(`{"note":"%d"}`, i), nil, "If-Match", tag)
	}
	s.want(200, "POST", "/shipments/s1/cancel", dispo, nil, &got, "If-Match", `"5"`)
	if got.Status != "cancelled" {
		t.Errorf("after the cancellation %+v", got)
	}
}

func TestShipmentIdempotency(t *testing.T) {
	s, dispo := dispatcher(t)
	first := s.want(201, "POST", "/shipments", dispo, `{"reference":"a"}`, nil, "Idempotency-Key", "k")
	again := s.want(201, "POST", "/shipments", dispo, `{"reference":"a"}`, nil, "Idempotency-Key", "k")
	if string(first.body) != string(again.body) || first.Header.Get("ETag") != again.Header.Get("ETag") {
		t.Errorf("the same key gives %s with %q, then %s with %q", first.body, first.Header.Get("ETag"), again.body, again.Header.Get("ETag"))
	}
	s.want(409, "POST", "/shipments", dispo, fmt.Sprintf(`{"id":%q}`, idOf(t, first)), nil)
}

func idOf(t *testing.T, r *answer) string {
	t.Helper()
	var v struct{ ID string }
	r.into(t, &v)
	return v.ID
}

func TestBadDispatch(t *testing.T) {
	s, dispo := dispatcher(t)
	s.want(201, "POST", "/shipments", dispo, `{"id":"s1"}`, nil)
	defer s.unchanged()()
	later := time.Now().Add(5 * time.Minute).UTC().Format(time.RFC3339)
	for _, tt := range []struct {
		method, path, body string
		status             int
		names              string
	}{
		{"GET", "/shipments/unknown", "", 404, ""},
		{"GET", "/shipments?status=asleep", "", 422, "query.status"},
		{"GET", "/shipments?limit=10000", "", 422, "query.limit"},
		{"GET", "/shipments?cursor=YSBi", "", 422, "query.cursor"},
		{"GET", "/shipments?text=%00", "", 422, "query.text"},
		{"GET", "/shipments/s1/events?cursor=YSBi", "", 422, "query.cursor"},
		{"POST", "/shipments", `{"id":"s1"}`, 409, ""},
		{"POST", "/shipments", `{"id":"s 1"}`, 422, "body.id"},
		{"POST", "/shipments", `{"status":"delivered"}`, 422, "body.status"},
		{"POST", "/shipments", `{"pickup":{"lat":91,"lon":0}}`, 422, "body.pickup.lat"},
		{"POST", "/shipments", `{"pickup":{"lat":9}}`, 422, "body.pickup.lat"},
		{"POST", "/shipments", `{"pickup":{"from":"tomorrow"}}`, 422, "body.pickup.from"},
		{"POST", "/shipments", `{"dropoff":{"from":"2026-05-01T10:00:00Z","to":"2026-05-01T09:00:00Z"}}`, 422, "body.dropoff.to"},
		{"POST", "/shipments", `{"note":"a\u0000b"}`, 422, "body.note"},
		{"POST", "/shipments", `{"note":"` + strings.Repeat("a", 2001) + `"}`, 422, "body.note"},
		{"PATCH", "/shipments/s1", `{"driver":"d1"}`, 422, "body.driver"},
		{"POST", "/shipments/s1/assign", `{"driver":"nobody"}`, 422, "body.driver"},
		{"POST", "/shipments/s1/assign", `{"driver":"d1","next":["nobody"]}`, 422, "body.next"},
		{"POST", "/shipments/s1/assign", `{"driver":"d1","deadline":"2020-05-01T10:00:00Z"}`, 422, "body.deadline"},
		{"POST", "/shipments/s1/assign", `{"driver":"d1","deadline":"2120-05-01T10:00:00Z"}`, 422, "body.deadline"},
		{"POST", "/shipments/s1/status", `{"status":"delivered"}`, 409, "created"},
		{"POST", "/shipments/s1/status", `{"status":"eaten"}`, 422, "body.status"},
		{"POST", "/shipments/s1/status", `{"status":"cancelled","at":"` + later + `"}`, 422, "body.at"},
		{"POST", "/shipments/s1/status", `{"status":"cancelled","at":"1970-01-01T00:00:00Z"}`, 422, "body.at"},
		{"POST", "/shipments/s1/status", `{"status":"cancelled","lat":1}`, 422, "body.lat"},
		{"POST", "/shipments/s1/status", `{"status":"cancelled","proof":{"photo":"` + strings.Repeat("a", 65537) + `"}}`, 422, "body.proof.photo"},
		{"POST", "/assignments/unknown/withdraw", ``, 404, ""},
		{"GET", "/assignments?state=lost", "", 422, "query.state"},
		{"POST", "/drivers/d1/commands", `{"action":"message"}`, 422, "body.text"},
		{"POST", "/drivers/d1/commands", `{"action":"explode"}`, 422, "body.action"},
		{"POST", "/drivers/d1/commands", `{"action":"set_interval"}`, 422, "body.interval_s"},
		{"POST", "/drivers/unknown/commands", `{"action":"locate"}`, 404, ""},
		{"PUT", "/drivers/d1/config", `{"interval_s":0.1}`, 422, "body.interval_s"},
		{"POST", "/geofences", `{"name":"x"}`, 422, "body.polygon"},
		{"POST", "/geofences", `{"polygon":[{"lat":1,"lon":1},{"lat":2,"lon":2}]}`, 422, "body.polygon"},
		{"POST", "/geofences", `{"circle":{"center":{"lat":1,"lon":1},"radius_m":0}}`, 422, "body.circle.radius_m"},
		{"GET", "/events?after=abc", "", 422, "query.after"},
		{"GET", "/events?wait=1h", "", 422, "query.wait"},
		{"GET", "/events?wait=soon", "", 422, "query.wait"},
		{"POST", "/alerts", `{"kind":"x","severity":"info","driver":"nobody"}`, 422, "body.driver"},
	} {
		var body any
		if tt.body != "" {
			body = tt.body
		}
		r := s.do(tt.method, tt.path, dispo, body)
		if r.StatusCode != tt.status || !strings.Contains(string(r.body), tt.names) {
			t.Errorf("%s %s %.80s = %d %s, want %d and %q", tt.method, tt.path, tt.body, r.StatusCode, r.body, tt.status, tt.names)
		}
	}
	var got shipmentAnswer
	if s.want(200, "GET", "/shipments/s1", dispo, nil, &got); got.Version != 1 {
		t.Errorf("bad input changed the shipment: %+v", got)
	}
}

func TestListsOfADriver(t *testing.T) {
	s, dispo := dispatcher(t)
	for i, driver := range []string{"d1", "d2", "d1"} {
		id := fmt.Sprintf("s%d", i)
		s.want(201, "POST", "/shipments", dispo, map[string]string{"id": id, "reference": "Round " + id}, nil)
		s.want(201, "POST", "/shipments/"+id+"/assign", dispo, map[string]string{"driver": driver}, nil)
	}
	d1 := s.token("acme", fleet.RoleDriver, "d1")
	for _, tt := range []struct {
		path, token string
		status, n   int
	}{
		{"/shipments", dispo, 200, 3}, {"/shipments?driver=d1", dispo, 200, 2}, {"/shipments?text=round%20S1", dispo, 200, 1},
		{"/shipments?status=assigned&limit=2", dispo, 200, 2}, {"/shipments?status=created", dispo, 200, 0},
		{"/shipments", d1, 200, 2}, {"/shipments?driver=d1", d1, 200, 2}, {"/shipments?driver=d2", d1, 403, 0},
		{"/assignments", dispo, 200, 3}, {"/assignments", d1, 200, 2}, {"/assignments?driver=d2", d1, 403, 0},
		{"/assignments?shipment=s1", dispo, 200, 1}, {"/assignments?shipment=s1", d1, 200, 0},
	} {
		var list struct{ Items []any }
		if s.want(tt.status, "GET", tt.path, tt.token, nil, &list); len(list.Items) != tt.n {
			t.Errorf("GET %s lists %d, want %d", tt.path, len(list.Items), tt.n)
		}
	}
}

func TestProofs(t *testing.T) {
	opts, _, _ := withUplink(t)
	s, dispo := dispatcher(t, opts)
	s.want(201, "POST", "/shipments", dispo, `{"id":"s1"}`, nil)
	s.want(201, "POST", "/shipments/s1/assign", dispo, `{"driver":"d1"}`, nil)
	d1 := s.token("acme", fleet.RoleDriver, "d1")
	jpeg := "\xff\xd8\xff\xe0" + strings.Repeat("x", 200_000)
	for name, tt := range map[string]struct {
		data, kind string
		status     int
		served     string
	}{
		"a JPEG":                  {jpeg, "image/jpeg", 201, "image/jpeg"},
		"a PNG":                   {"\x89PNG\r\n\x1a\n" + jpeg, "image/png", 201, "image/png"},
		"a WebP":                  {"RIFF\x00\x00\x00\x00WEBPVP" + jpeg, "image/webp", 201, "image/webp"},
		"a PNG that says JPEG":    {"\x89PNG\r\n\x1a\n", "image/jpeg", 201, "image/png"},
		"an SVG path":             {"M1 1 L9.5,9 c1-2 3 4 5 6z", "text/plain", 201, "text/plain"},
		"5 MiB":                   {jpeg + strings.Repeat("x", maxProof-len(jpeg)), "image/jpeg", 201, "image/jpeg"},
		"over 5 MiB":              {jpeg + strings.Repeat("x", maxProof-len(jpeg)+1), "image/jpeg", 413, ""},
		"HTML":                    {"<html><script>alert(1)</script>", "image/jpeg", 422, ""},
		"SVG markup":              {"<svg onload='alert(1)'/>", "text/plain", 422, ""},
		"a path with markup":      {"M1 1<script>", "text/plain", 422, ""},
		"a GIF":                   {"GIF89a" + jpeg, "image/jpeg", 422, ""},
		"nothing":                 {"", "image/jpeg", 400, ""},
		"a type that is not told": {jpeg, "image/svg+xml", 415, ""},
	} {
		r := s.do("POST", "/shipments/s1/proof", d1, tt.data, "Content-Type", tt.kind)
		if r.StatusCode != tt.status {
			t.Errorf("%s = %d %s, want %d", name, r.StatusCode, r.body, tt.status)
			continue
		}
		if tt.status != 201 {
			continue
		}
		got := s.want(200, "GET", "/shipments/s1/proof/"+idOf(t, r), dispo, nil, nil)
		h := got.Header
		if !bytes.Equal(got.body, []byte(tt.data)) || h.Get("Content-Type") != tt.served || h.Get("X-Content-Type-Options") != "nosniff" ||
			h.Get("Content-Security-Policy") != "default-src 'none'; sandbox" {
			t.Errorf("%s is served as %d bytes with %v", name, len(got.body), h)
		}
	}
	s.want(403, "POST", "/shipments/s1/proof", s.token("acme", fleet.RoleDriver, "d2"), jpeg, nil, "Content-Type", "image/jpeg")
	s.want(404, "GET", "/shipments/s1/proof/"+strings.Repeat("0", 32), dispo, nil, nil)
	s.want(422, "GET", "/shipments/s1/proof/..%2f..%2fs2", dispo, nil, nil)
}

func TestUploadsAreThrottled(t *testing.T) {
	opts, _, _ := withUplink(t)
	s, dispo := dispatcher(t, opts)
	s.api.uploads = newThrottle(2, time.Hour)
	s.want(201, "POST", "/shipments", dispo, `{"id":"s1"}`, nil)
	for _, want := range []int{201, 201, 429} {
		s.want(want, "POST", "/shipments/s1/proof", dispo, "M1 1", nil, "Content-Type", "text/plain")
	}
	for range maxUploads {
		s.api.uploading <- struct{}{}
	}
	r := s.want(http.StatusServiceUnavailable, "POST", "/shipments/s1/proof", dispo, "M1 1", nil, "Content-Type", "text/plain")
	if r.Header.Get("Retry-After") == "" {
		t.Error("no Retry-After while too many uploads run")
	}
}
