package api

import (
	"context"
	"errors"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/dray-fleet/dray/auth"
	"github.com/dray-fleet/dray/codec"
	"github.com/dray-fleet/dray/fleet"
	journal "github.com/dray-fleet/dray/stream"
)

// A durable is the real stream behind the API, as cmd wires it.
type durable struct{ *journal.Log }

// An outcome is what the stream said of one append.
type outcome chan error

func (o outcome) Appended(_ uint64, err error) { o <- err }
func (o outcome) Flush()                       {}

func (d durable) Append(ctx context.Context, p fleet.Publication) error {
	o := make(outcome, 1)
	if err := d.Log.Append(p, &o, 0); err != nil {
		return err
	}
	select {
	case err := <-o:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// knownDevices are devices with secrets.
type knownDevices map[string]auth.Device // by {fleet}/{device}

func (k knownDevices) Device(_ context.Context, fleetID, id string) (auth.Device, error) {
	d, found := k[fleetID+"/"+id]
	if !found {
		return d, fleet.ErrNotFound
	}
	return d, nil
}

// withUplink returns options with a stream and one device, and its secret.
func withUplink(t *testing.T) (opts func(*Options), log *journal.Log, secret string) {
	t.Helper()
	log, err := journal.Open(t.Context(), journal.Options{Dir: filepath.Join(t.TempDir(), "stream")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { log.Close() })
	secret, hash := auth.NewDeviceSecret()
	devices := auth.NewDevices(knownDevices{"acme/truck7": {Driver: "d7", SecretHash: hash}}, auth.NewRevocations(nil), nil)
	blobs, err := log.Objects(t.Context(), "proofs")
	if err != nil {
		t.Fatal(err)
	}
	return func(o *Options) { o.Log, o.Devices, o.Blobs = durable{log}, devices, blobs }, log, secret
}

// stored returns what the stream holds, oldest first.
func stored(t *testing.T, log *journal.Log, n int) []journal.Record {
	t.Helper()
	r, err := log.Reader(t.Context(), 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	var all []journal.Record
	for len(all) < n {
		records, err := r.Fetch(t.Context(), n, 10*time.Second)
		if err != nil || len(records) == 0 {
			t.Fatalf("%d of %d records, then: %v", len(all), n, err)
		}
		all = append(all, records...)
	}
	return all
}

func TestUplinks(t *testing.T) {
	opts, log, secret := withUplink(t)
	s := serve(t, opts)
	const form = "application/x-www-form-urlencoded"
	driver := s.token("acme", fleet.RoleDriver, "d1")
	n := 0
	for _, tt := range []struct {
		method, path, kind, body string
		driver                   string // whose location it becomes
		lat                      float64
	}{
		{"POST", "/ingest/owntracks", "application/json", `{"_type":"location","lat":59.1,"lon":18,"tst":1777629600,"acc":5,"batt":80,"vel":36}`, "d7", 59.1},
		{"GET", "/ingest/osmand?id=truck7&lat=59.2&lon=18&timestamp=1777629601&speed=10&hdop=1.2&driverId=d9&custom=%22", "", "", "d7", 59.2},
		{"POST", "/ingest/osmand?id=d7&lat=59.3&lon=18&timestamp=1777629602", "", "", "d7", 59.3},
		{"POST", "/ingest/osmand", form, "id=truck7&lat=59.4&lon=18&timestamp=1777629603", "d7", 59.4},
		{"POST", "/ingest/osmand", "application/json", `{"device_id":"truck7","location":{"timestamp":"2026-05-01T10:00:04Z","coords":{"latitude":59.5,"longitude":18}}}`, "d7", 59.5},
		{"POST", "/ingest/owntracks", "application/json", `{"_type":"location","lat":59.6,"lon":18,"tst":1777629605}`, "d1", 59.6},
	} {
		var body any
		if tt.body != "" {
			body = tt.body
		}
		header := []string{"Authorization", "Bearer " + driver}
		if tt.driver == "d7" {
			header[1] = basic("acme/truck7", secret)
		}
		if tt.kind != "" {
			header = append(header, "Content-Type", tt.kind)
		}
		r := s.do(tt.method, tt.path, "", body, header...)
		if r.StatusCode != http.StatusOK {
			t.Fatalf("%s %s %s = %d %s", tt.method, tt.path, tt.body, r.StatusCode, r.body)
		}
		if strings.HasSuffix(tt.path, "owntracks") && strings.TrimSpace(string(r.body)) != "[]" {
			t.Errorf("OwnTracks is answered %s, want an empty array", r.body)
		}
		n++
		records := stored(t, log, n)
		got := records[n-1]
		fixes, err := codec.Location(got.Payload, tt.driver)
		if err != nil || got.Topic != fleet.DriverTopic("acme", tt.driver, "location") || len(fixes) != 1 || fixes[0].Lat != tt.lat {
			t.Errorf("%s %s %s is stored as %s %s: %v", tt.method, tt.path, tt.body, got.Topic, got.Payload, err)
		}
		if got.Fleet != "acme" || got.Driver != tt.driver || got.ReceivedAt.IsZero() {
			t.Errorf("it is from %+v", got.Publication)
		}
	}
}

// What apps say of the phone is stored too, with what only they know.
func TestUplinkOfHealth(t *testing.T) {
	opts, log, secret := withUplink(t)
	s := serve(t, opts)
	for i, tt := range []struct{ method, path, body, want string }{
		{"GET", "/ingest/osmand?id=truck7&timestamp=1777629600&batt=41.5&at=x", "", `{"at":"2026-05-01T10:00:00Z","battery_pct":41.5,"vendor":{"at":"x"}}`},
		{"POST", "/ingest/owntracks", `{"_type":"status","tst":1777629600,"android":{"ps":1}}`, `{"at":"2026-05-01T10:00:00Z","vendor":{"android":{"ps":1}}}`},
		{"POST", "/ingest/owntracks", `{"_type":"status"}`, `{}`},
	} {
		var body any
		if tt.body != "" {
			body = tt.body
		}
		if r := s.do(tt.method, tt.path, "", body, "Authorization", basic("acme/truck7", secret)); r.StatusCode != http.StatusOK {
			t.Fatalf("%s = %d %s", tt.path, r.StatusCode, r.body)
		}
		got := stored(t, log, i+1)[i]
		if _, err := codec.Health(got.Payload); err != nil || string(got.Payload) != tt.want || got.Topic != "fleet/acme/drivers/d7/health" {
			t.Errorf("%s %s is stored as %s %s (%v), want %s", tt.path, tt.body, got.Topic, got.Payload, err, tt.want)
		}
	}
}

func basic(user, secret string) string {
	req, _ := http.NewRequest("GET", "/", nil)
	req.SetBasicAuth(user, secret)
	return req.Header.Get("Authorization")
}

func TestUplinkRefuses(t *testing.T) {
	opts, log, secret := withUplink(t)
	s := serve(t, opts)
	right := basic("acme/truck7", secret)
	const fix = `{"_type":"location","lat":59,"lon":18,"tst":1777629600}`
	for name, tt := range map[string]struct {
		path, authorization, body string
		status                    int
	}{
		"no credentials":      {"/ingest/owntracks", "", fix, 401},
		"a wrong secret":      {"/ingest/owntracks", basic("acme/truck7", "x"), fix, 401},
		"an unknown device":   {"/ingest/owntracks", basic("acme/truck8", secret), fix, 401},
		"another fleet":       {"/ingest/owntracks", basic("beta/truck7", secret), fix, 401},
		"another fleet asked": {"/ingest/owntracks?fleet=beta", right, fix, 404},
		"a dispatcher":        {"/ingest/owntracks", "Bearer " + s.token("acme", fleet.RoleDispatcher, "x"), fix, 403},
		"another's id":        {"/ingest/osmand?id=d8&lat=1&lon=1", right, "", 403},
		"no number":           {"/ingest/osmand?id=d7&lat=abc&lon=1", right, "", 422},
		"no position":         {"/ingest/osmand?id=d7&timestamp=1777629600", right, "", 422},
		"not OwnTracks":       {"/ingest/owntracks", right, `{"lat":59}`, 422},
		"a secret elsewhere":  {"/drivers", right, `{"id":"d8"}`, 401},
		"an acl without it": {"/ingest/owntracks", "Bearer " + s.token("acme", fleet.RoleDriver, "d1", func(c *auth.Claims) {
			c.ACL = &auth.ACL{Pub: []string{"fleet/acme/drivers/d1/duty"}}
		}), fix, 403},
	} {
		var body any
		if tt.body != "" {
			body = tt.body
		}
		if r := s.do("POST", tt.path, "", body, "Authorization", tt.authorization); r.StatusCode != tt.status {
			t.Errorf("%s: %d %s, want %d", name, r.StatusCode, r.body, tt.status)
		}
	}
	if state := log.State(); state.Backlog != 0 {
		t.Errorf("%d frames are stored of what was refused", state.Backlog)
	}
	log.Close()
	if r := s.do("POST", "/ingest/owntracks", "", fix, "Authorization", right); r.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("while the stream is away: %d %s, want 503", r.StatusCode, r.body)
	}
}

func TestSecretsAreThrottled(t *testing.T) {
	opts, _, secret := withUplink(t)
	s := serve(t, opts)
	s.api.sources = newThrottle(3, time.Minute)
	call := func(secret string) int {
		return s.do("GET", "/ingest/osmand?id=d7&lat=1&lon=1", "", nil, "Authorization", basic("acme/truck7", secret)).StatusCode
	}
	for range 10 {
		if got := call(secret); got != http.StatusOK {
			t.Fatalf("the right secret = %d", got)
		}
	}
	for range 3 {
		if got := call("wrong"); got != http.StatusUnauthorized {
			t.Fatalf("a wrong secret = %d", got)
		}
	}
	if got := call("wrong"); got != http.StatusTooManyRequests {
		t.Errorf("the fourth wrong secret = %d, want 429", got)
	}
	r := s.do("GET", "/ingest/osmand?id=d7&lat=1&lon=1", "", nil, "Authorization", basic("acme/truck8", "x"))
	if r.StatusCode != http.StatusUnauthorized {
		t.Errorf("another device from the same address = %d, want 401", r.StatusCode)
	}
}

// still is a Retrier that finds one letter readable and others not.
type still struct{ readable string }

func (r still) Retry(_ context.Context, d fleet.DeadLetter) error {
	if d.ID != r.readable {
		return fleet.Invalid("lat", "is not there")
	}
	return nil
}

func TestRetryDeadLetter(t *testing.T) {
	s := serve(t, func(o *Options) { o.Retrier = still{"letter"} })
	admin := s.token("acme", fleet.RoleAdmin, "boss")
	s.saveLetter()
	s.save(&fleet.Batch{Dead: []fleet.DeadLetter{{ID: "other", Fleet: "acme", Driver: "d1", Topic: "t", Field: "lat", Reason: "r", ReceivedAt: noon}}})
	for _, tt := range []struct {
		id    string
		want  int
		stays bool
	}{{"other", 422, true}, {"letter", 204, false}, {"letter", 404, false}} {
		if r := s.do("POST", "/dead-letters/"+tt.id+"/retry", admin, nil); r.StatusCode != tt.want {
			t.Errorf("retry of %s = %d %s, want %d", tt.id, r.StatusCode, r.body, tt.want)
		}
		_, err := s.store.DeadLetter(t.Context(), "acme", tt.id)
		if stays := !errors.Is(err, fleet.ErrNotFound); stays != tt.stays {
			t.Errorf("after the retry of %s it is there: %v, want %v", tt.id, stays, tt.stays)
		}
	}
}

func TestGaps(t *testing.T) {
	s := serve(t)
	all := fixes("d1", 6)
	for i := range all {
		all[i].Boot, all[i].Seq, all[i].HasSeq = "b1", int64(i), true
	}
	s.save(&fleet.Batch{Positions: []fleet.Position{all[0], all[1], all[4], all[5]}})
	var got struct {
		Items []struct {
			Missing  int64 `json:"missing"`
			FirstSeq int64 `json:"first_seq"`
			Source   string
		}
		Missing int64
	}
	s.do("GET", "/drivers/d1/gaps?from=2026-05-01T00:00:00Z&to=2026-05-02T00:00:00Z", s.token("acme", fleet.RoleDispatcher, "x"), nil).into(t, &got)
	if len(got.Items) != 1 || got.Missing != 2 || got.Items[0].FirstSeq != 2 || got.Items[0].Source != "phone" {
		t.Errorf("gaps = %+v, want fixes 2 and 3 of phone", got)
	}
}
