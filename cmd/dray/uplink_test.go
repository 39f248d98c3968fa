package main

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

// send sends a body to the API and decodes the answer into v unless it is nil.
func (p *process) send(method, path, contentType string, body []byte, authorize func(*http.Request), v any) int {
	p.t.Helper()
	req, err := http.NewRequestWithContext(p.t.Context(), method, "http://"+p.HTTP+"/api/v1"+path, bytes.NewReader(body))
	if err != nil {
		p.t.Fatal(err)
	}
	req.Header.Set("Content-Type", contentType)
	authorize(req)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		p.t.Fatal(err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	if v != nil && resp.StatusCode < 300 {
		if err := json.Unmarshal(data, v); err != nil {
			p.t.Fatalf("%s %s: %v in %s", method, path, err, data)
		}
	}
	return resp.StatusCode
}

func bearer(token string) func(*http.Request) {
	return func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+token) }
}

// TestWhatHTTPAcknowledgedSurvivesKill registers a device, has it report over
// HTTP by its secret and a dispatcher upload a photo, and kills the process right
// after the answers.
func TestWhatHTTPAcknowledgedSurvivesKill(t *testing.T) {
	p := start(t, t.TempDir())
	admin := bearer(p.token("admin", "boss"))
	if got := p.send("POST", "/devices", "application/json", []byte(`{"id":"tracker","driver":"d7","kind":"owntracks"}`), admin, nil); got != http.StatusCreated {
		t.Fatalf("POST /devices = %d", got)
	}
	var made struct{ Username, Secret string }
	if got := p.send("POST", "/devices/tracker/secret", "application/json", nil, admin, &made); got != http.StatusOK {
		t.Fatalf("POST /devices/tracker/secret = %d", got)
	}
	device := func(r *http.Request) { r.SetBasicAuth(made.Username, made.Secret) }
	photo := append([]byte("\xff\xd8\xff\xe0"), bytes.Repeat([]byte("x"), 300_000)...)
	if got := p.send("POST", "/shipments", "application/json", []byte(`{"id":"s1"}`), admin, nil); got != http.StatusCreated {
		t.Fatalf("POST /shipments = %d", got)
	}
	var file struct{ ID string }
	if got := p.send("POST", "/shipments/s1/proof", "image/jpeg", photo, admin, &file); got != http.StatusCreated {
		t.Fatalf("POST /shipments/s1/proof = %d", got)
	}
	fix := url.Values{"id": {"tracker"}, "lat": {"59.5"}, "lon": {"18.25"}, "timestamp": {time.Now().UTC().Format(time.RFC3339)}}
	if got := p.send("GET", "/ingest/osmand?"+fix.Encode(), "", nil, device, nil); got != http.StatusOK {
		t.Fatalf("GET /ingest/osmand = %d", got)
	}
	p.kill()

	again := start(t, p.dir)
	token := again.token("dispatcher", "dispo")
	again.until(20*time.Second, "showing the position", func() bool {
		var d struct{ Position *struct{ Lat, Lon float64 } }
		return again.get("/drivers/d7", token, &d) == http.StatusOK && d.Position != nil && d.Position.Lat == 59.5 && d.Position.Lon == 18.25
	})
	req, err := http.NewRequestWithContext(t.Context(), "GET", "http://"+again.HTTP+"/api/v1/shipments/s1/proof/"+file.ID, nil)
	if err != nil {
		t.Fatal(err)
	}
	bearer(token)(req)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	got, err := io.ReadAll(resp.Body)
	if err != nil || !bytes.Equal(got, photo) || !strings.HasPrefix(resp.Header.Get("Content-Type"), "image/jpeg") {
		t.Errorf("the photo is %d bytes of %s, %v", len(got), resp.Header.Get("Content-Type"), err)
	}
}
