package api

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/dray-fleet/dray/fleet"
)

// TestBadInput is what clients get wrong, with the status and the word that the
// problem must name.
func TestBadInput(t *testing.T) {
	s := serve(t)
	admin := s.token("acme", fleet.RoleAdmin, "boss")
	if _, err := s.store.EnsureDriver(t.Context(), "acme", "d1"); err != nil {
		t.Fatal(err)
	}
	defer s.unchanged()()
	for _, tt := range []struct {
		method, path, body string
		status             int
		names              string
	}{
		{"GET", "/drivers?limit=0", "", 422, "query.limit"},
		{"GET", "/drivers?limit=10000", "", 422, "query.limit"},
		{"GET", "/drivers?limit=many", "", 422, "query.limit"},
		{"GET", "/drivers?cursor=%21", "", 422, "query.cursor"},
		{"GET", "/drivers?cursor=YSBi", "", 422, "query.cursor"},
		{"GET", "/audit?after=abc", "", 422, "query.cursor"},
		{"GET", "/dead-letters?cursor=AAAA", "", 422, "query.cursor"},
		{"GET", "/drivers?bbox=1,2,3", "", 422, "query.bbox"},
		{"GET", "/drivers?bbox=1,2,3,NaN", "", 422, "query.bbox"},
		{"GET", "/drivers?bbox=1,50,3,40", "", 422, "query.bbox"},
		{"GET", "/drivers?bbox=-181,2,3,4", "", 422, "query.bbox"},
		{"GET", "/drivers?status=asleep", "", 422, "query.status"},
		{"GET", "/drivers?stauts=online", "", 422, "query.stauts"},
		{"GET", "/drivers?fleet=a%2Fb", "", 404, ""},
		{"GET", "/drivers/d1%2F..", "", 422, "path.id"},
		{"GET", "/drivers/%00", "", 422, "path.id"},
		{"GET", "/drivers/" + strings.Repeat("d", 65), "", 422, "path.id"},
		{"GET", "/drivers/unknown", "", 404, ""},
		{"GET", "/drivers/unknown/track", "", 404, ""},
		{"GET", "/drivers/d1/track?from=yesterday", "", 422, "query.from"},
		{"GET", "/drivers/d1/track?from=2026-05-02T00:00:00Z&to=2026-05-01T00:00:00Z", "", 422, "query.from"},
		{"GET", "/drivers/d1/track?from=2020-05-02T00:00:00Z&to=2026-05-01T00:00:00Z", "", 422, "query.from"},
		{"GET", "/drivers/d1/track?to=9999-05-02T00:00:00Z", "", 422, "query.to"},
		{"GET", "/drivers/d1/track?max_points=1", "", 422, "query.max_points"},
		{"GET", "/drivers/d1/track?max_points=10001", "", 422, "query.max_points"},
		{"GET", "/drivers/d1/track?format=kml", "", 422, "query.format"},
		{"POST", "/drivers", ``, 400, "body"},
		{"POST", "/drivers", `{`, 400, "body"},
		{"POST", "/drivers", `{"id":"d2"} {}`, 400, "body"},
		{"POST", "/drivers", `[]`, 422, "body"},
		{"POST", "/drivers", `null`, 422, "body"},
		{"POST", "/drivers", `{"id":"d2","colour":"red"}`, 422, "body.colour"},
		{"POST", "/drivers", `{"id":"d2","Id":"d3"}`, 422, "body.Id"},
		{"POST", "/drivers", `{"id":"d 2"}`, 422, "body.id"},
		{"POST", "/drivers", `{"id":7}`, 422, "body.id"},
		{"POST", "/drivers", `{"name":"Dana"}`, 422, "id"},
		{"POST", "/drivers", `{"id":"d2","name":"a\u0000b"}`, 422, "body.name"},
		{"POST", "/drivers", `{"id":"d2","name":"` + strings.Repeat("a", 129) + `"}`, 422, "body.name"},
		{"POST", "/drivers", `{"id":"d1"}`, 409, ""},
		{"POST", "/drivers", `{"id":"` + strings.Repeat("d", maxBody) + `"}`, 413, ""},
		{"POST", "/drivers", strings.Repeat("[", 500_000), 400, "body"},
		{"PATCH", "/drivers/unknown", `{"name":"x"}`, 404, ""},
		{"PATCH", "/drivers/d1", `{"name":7}`, 422, "body.name"},
		{"POST", "/users", `{"name":"eve","role":"operator","password":"long enough"}`, 422, "body.role"},
		{"POST", "/users", `{"name":"eve","role":"driver","password":"short"}`, 422, "body.password"},
		{"POST", "/users", `{"name":"Eve Doe","role":"driver","password":"long enough"}`, 422, "body.id"},
		{"POST", "/users/unknown/password", `{"password":"long enough"}`, 404, ""},
		{"POST", "/tokens", `{"role":"driver","sub":"d1","ttl_s":0}`, 422, "body.ttl_s"},
		{"POST", "/tokens", `{"role":"driver","sub":"d1","ttl_s":60,"acl":{"pub":"x"}}`, 422, "body.acl.pub"},
		{"DELETE", "/tokens/%20", "", 422, "path.jti"},
		{"DELETE", "/dead-letters/unknown", "", 404, ""},
		{"GET", "/clients", "", 503, "broker"},
		{"GET", "/health/mqtt", "", 503, "broker"},
		{"PUT", "/drivers", "", 405, ""},
		{"GET", "/nothing", "", 404, ""},
		{"GET", "/", "", 404, ""},
		{"GET", "/login", "", 405, ""},
	} {
		var body any
		if tt.body != "" {
			body = tt.body
		}
		r := s.do(tt.method, tt.path, admin, body)
		call := fmt.Sprintf("%s %.80s %.60s", tt.method, tt.path, tt.body)
		if r.StatusCode != tt.status || r.Header.Get("Content-Type") != "application/problem+json" {
			t.Errorf("%s = %d %s, want %d", call, r.StatusCode, r.body, tt.status)
			continue
		}
		var p huma.ErrorModel
		r.into(t, &p)
		if p.Status != tt.status || p.Title == "" || p.Detail == "" {
			t.Errorf("%s: problem %s lacks its status, title or detail", call, r.body)
		}
		if !strings.Contains(string(r.body), tt.names) {
			t.Errorf("%s: problem %s does not name %q", call, r.body, tt.names)
		}
		if len(r.body) > 2000 {
			t.Errorf("%s: a problem of %d bytes", call, len(r.body))
		}
	}
}

// TestProblemsKeepSecrets sends a password that is refused.
func TestProblemsKeepSecrets(t *testing.T) {
	s := serve(t)
	admin := s.token("acme", fleet.RoleAdmin, "boss")
	for _, body := range []string{
		`{"name":"eve","role":"driver","password":"hunter2"}`,
		`{"name":"eve","role":"driver","password":"hunter2"`,
	} {
		if r := s.do("POST", "/users", admin, body); strings.Contains(string(r.body), "hunter2") {
			t.Errorf("the problem repeats the password: %s", r.body)
		}
	}
}

func TestContentType(t *testing.T) {
	s := serve(t)
	admin := s.token("acme", fleet.RoleAdmin, "boss")
	for kind, want := range map[string]int{
		"application/json":                  http.StatusCreated,
		"application/json; charset=utf-8":   http.StatusConflict,
		"text/plain":                        http.StatusUnsupportedMediaType,
		"application/xml":                   http.StatusUnsupportedMediaType,
		"application/x-www-form-urlencoded": http.StatusUnsupportedMediaType,
		"application/json; charset=latin1":  http.StatusUnsupportedMediaType,
		"nonsense/":                         http.StatusUnsupportedMediaType,
	} {
		body := `{"id":"d1"}`
		if want == http.StatusConflict {
			s.do("POST", "/drivers", admin, body)
		} else if want == http.StatusCreated {
			body = `{"id":"d2"}`
		}
		if r := s.do("POST", "/drivers", admin, body, "Content-Type", kind); r.StatusCode != want {
			t.Errorf("POST /drivers as %s = %d, want %d", kind, r.StatusCode, want)
		}
	}
}

func TestSlowBody(t *testing.T) {
	s := serve(t)
	s.api.bodyTime = 50 * time.Millisecond
	conn, err := net.Dial("tcp", s.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprintf(conn, "POST %s/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{", prefix)
	r, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	if r.StatusCode != http.StatusRequestTimeout {
		t.Errorf("a body that never ends = %d, want 408", r.StatusCode)
	}
}

func TestIdempotencyKey(t *testing.T) {
	s := serve(t)
	admin := s.token("acme", fleet.RoleAdmin, "boss")
	ask := TokenRequest{Role: fleet.RoleDriver, Sub: "d1", TTL: 60}
	first := s.do("POST", "/tokens", admin, ask, "Idempotency-Key", "k1")
	again := s.do("POST", "/tokens", admin, ask, "Idempotency-Key", "k1")
	if first.StatusCode != http.StatusCreated || again.StatusCode != http.StatusCreated || string(first.body) != string(again.body) {
		t.Errorf("the same key gives %d %s, then %d %s", first.StatusCode, first.body, again.StatusCode, again.body)
	}
	ask.Sub = "d2"
	if r := s.do("POST", "/tokens", admin, ask, "Idempotency-Key", "k1"); r.StatusCode != http.StatusUnprocessableEntity {
		t.Errorf("the same key with another body = %d, want 422", r.StatusCode)
	}
	other := s.do("POST", "/tokens", s.token("acme", fleet.RoleAdmin, "chief"), ask, "Idempotency-Key", "k1")
	if other.StatusCode != http.StatusCreated || string(other.body) == string(first.body) {
		t.Errorf("another principal's key gives %d %s", other.StatusCode, other.body)
	}
	if r := s.do("POST", "/tokens", admin, ask, "Idempotency-Key", strings.Repeat("k", 300)); r.StatusCode != http.StatusUnprocessableEntity {
		t.Errorf("a key of 300 bytes = %d, want 422", r.StatusCode)
	}
	bad := s.do("POST", "/drivers", admin, `{"id":"not an id"}`, "Idempotency-Key", "k2")
	good := s.do("POST", "/drivers", admin, `{"id":"d9"}`, "Idempotency-Key", "k2")
	if bad.StatusCode != http.StatusUnprocessableEntity || good.StatusCode != http.StatusCreated {
		t.Errorf("a key after a failure: %d, then %d, want 422 and 201", bad.StatusCode, good.StatusCode)
	}
}

func TestStoreAway(t *testing.T) {
	s := serve(t)
	token := s.token("acme", fleet.RoleAdmin, "boss")
	s.store.Close()
	for _, path := range []string{"/drivers", "/drivers/d1", "/users", "/audit", "/dead-letters", "/drivers/d1/track"} {
		r := s.do("GET", path, token, nil)
		if r.StatusCode != http.StatusServiceUnavailable || r.Header.Get("Retry-After") == "" {
			t.Errorf("GET %s while the store is away = %d %s, Retry-After %q", path, r.StatusCode, r.body, r.Header.Get("Retry-After"))
		}
	}
	if r, _ := s.login("dana@acme", rightPassword); r.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("login while the store is away = %d, want 503", r.StatusCode)
	}
}

func TestOrigins(t *testing.T) {
	s := serve(t, func(o *Options) { o.Origins = []string{"https://ops.example"} })
	for origin, want := range map[string]string{"https://ops.example": "https://ops.example", "https://evil.example": ""} {
		for _, method := range []string{"OPTIONS", "GET"} {
			req, _ := http.NewRequestWithContext(t.Context(), method, s.URL+prefix+"/config", nil)
			req.Header.Set("Origin", origin)
			req.Header.Set("Access-Control-Request-Method", "GET")
			r := s.send(req)
			if got := r.Header.Get("Access-Control-Allow-Origin"); got != want {
				t.Errorf("%s from %s: Access-Control-Allow-Origin %q, want %q", method, origin, got, want)
			}
		}
	}
}

func TestCompression(t *testing.T) {
	s := serve(t)
	req, _ := http.NewRequestWithContext(t.Context(), "GET", s.URL+prefix+"/openapi.json", nil)
	req.Header.Set("Accept-Encoding", "gzip")
	res, err := s.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	n, err := io.Copy(io.Discard, res.Body)
	if plain := len(readFile(t, "openapi.json")); err != nil || res.Header.Get("Content-Encoding") != "gzip" || int(n) > plain/4 {
		t.Errorf("encoding %q, %d bytes of %d, error %v", res.Header.Get("Content-Encoding"), n, plain, err)
	}
}
