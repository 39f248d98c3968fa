package main

import (
	"crypto/hmac"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver pgx

	"github.com/dray-fleet/dray/store/postgrestest"
)

// byHand are changes that somebody makes with the database's own tools, with the
// event that each gives and the topic that tells it; drivers and devices have
// none.
var byHand = []struct{ sql, kind, topic string }{
	{"INSERT INTO shipments (fleet, id, reference) VALUES ('acme', 's1', 'by hand')", "shipment.created", "fleet/acme/shipments/s1"},
	{"UPDATE shipments SET note = 'ring' WHERE id = 's1'", "shipment.updated", "fleet/acme/shipments/s1"},
	{"INSERT INTO assignments (fleet, id, shipment, driver) VALUES ('acme', 'a1', 's1', 'd1')", "assignment.offered", "fleet/acme/assignments/a1"},
	{"UPDATE assignments SET state = 'seen' WHERE id = 'a1'", "assignment.seen", "fleet/acme/assignments/a1"},
	{"DELETE FROM assignments WHERE id = 'a1'", "assignment.deleted", "fleet/acme/assignments/a1"},
	{"UPDATE shipments SET status = 'cancelled' WHERE id = 's1'", "shipment.cancelled", "fleet/acme/shipments/s1"},
	{"DELETE FROM shipments WHERE id = 's1'", "shipment.deleted", "fleet/acme/shipments/s1"},
	{"INSERT INTO drivers (fleet, driver, created_at) SELECT fleet, 'd9', created_at FROM drivers WHERE driver = 'd1'", "driver.created", ""},
	{"UPDATE drivers SET name = 'Ada' WHERE driver = 'd9'", "driver.updated", ""},
	{"DELETE FROM drivers WHERE driver = 'd9'", "driver.deleted", ""},
	{"INSERT INTO devices (fleet, id) VALUES ('acme', 't1')", "device.created", ""},
	{"UPDATE devices SET name = 'Truck' WHERE id = 't1'", "device.updated", ""},
	{"DELETE FROM devices WHERE id = 't1'", "device.deleted", ""},
	{"INSERT INTO alerts (fleet, id, kind) VALUES ('acme', 'x1', 'flood')", "alert.opened", "fleet/acme/alerts/flood"},
	{"UPDATE alerts SET closed_at = opened_at WHERE id = 'x1'", "alert.closed", "fleet/acme/alerts/flood"},
	{"DELETE FROM alerts WHERE id = 'x1'", "alert.deleted", "fleet/acme/alerts/flood"},
}

// TestChangesByHand writes to the database beside the program, which tells of it
// as of its own changes: on MQTT, in the feed and to webhooks.
func TestChangesByHand(t *testing.T) {
	t.Run("sqlite", func(t *testing.T) {
		dir := filepath.Join(t.TempDir(), "data")
		changeByHand(t, dir, "sqlite", "file:"+filepath.Join(dir, "dray.db")+"?_pragma=busy_timeout(10000)&_pragma=foreign_keys(1)")
	})
	t.Run("postgres", func(t *testing.T) {
		url := postgrestest.URL(t)
		changeByHand(t, filepath.Join(t.TempDir(), "data"), "pgx", url, "DRAY_STORE_URL="+url)
	})
}

func changeByHand(t *testing.T, dir, driver, database string, env ...string) {
	p := start(t, dir, append(env, "DRAY_WEBHOOKS_ALLOW_PRIVATE=true")...)
	admin := p.token("admin", "boss")
	post := func(path, body string) {
		if got := p.send("POST", path, "application/json", []byte(body), bearer(admin), nil); got >= 300 {
			t.Fatalf("POST %s: status %d", path, got)
		}
	}
	var feed struct {
		Next  string
		Items []struct{ Kind, ID string }
	}
	post("/drivers", `{"id":"d1"}`)
	p.until(20*time.Second, "d1 in the feed", func() bool {
		p.get("/events?kind=driver.created", admin, &feed)
		return len(feed.Items) == 1
	})
	delivered := make(chan string, 1000)
	erp := httptest.NewServer(signed(t, "a secret of the test", delivered))
	defer erp.Close()
	post("/webhooks", `{"url":"`+erp.URL+`","secret":"a secret of the test"}`)
	watch := join(t, p, "u1", p.token("dispatcher", "u1"), "fleet/acme/shipments/+", "fleet/acme/assignments/+", "fleet/acme/alerts/+")
	p.get("/events?after=latest", admin, &feed)

	db, err := sql.Open(driver, database)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var kinds, topics []string
	for _, change := range byHand {
		if _, err := db.ExecContext(t.Context(), change.sql); err != nil {
			t.Fatalf("%s: %v", change.sql, err)
		}
		kinds = append(kinds, change.kind)
		if change.topic != "" {
			topics = append(topics, change.topic)
		}
	}
	var got []string
	for deadline := time.After(30 * time.Second); len(got) < len(kinds); {
		select {
		case kind := <-delivered:
			got = append(got, kind)
		case <-deadline:
			t.Fatalf("delivered are %v of %v\n%s", got, kinds, p.out.String())
		}
	}
	if !slices.Equal(got, kinds) {
		t.Errorf("delivered are %v, want %v", got, kinds)
	}
	var told []string
	for len(told) < len(topics) {
		watch.expect(fmt.Sprintf("more than %v of %v", told, topics), nil, func(topic string, _ []byte) bool {
			told = append(told, topic)
			return true
		})
	}
	if !slices.Equal(told, topics) {
		t.Errorf("on MQTT are %v, want %v", told, topics)
	}
	got = nil
	for after := feed.Next; len(got) < len(kinds); after = feed.Next {
		p.get("/events?limit=5&wait=5s&after="+after, admin, &feed)
		if len(feed.Items) == 0 {
			break
		}
		for _, e := range feed.Items {
			got = append(got, e.Kind)
		}
	}
	if !slices.Equal(got, kinds) {
		t.Errorf("the feed holds %v, want %v", got, kinds)
	}
}

// signed is somebody's endpoint, which checks signatures as docs/events.md says
// and passes on the kinds of the events.
func signed(t *testing.T, secret string, kinds chan<- string) http.Handler {
	return http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		mac := hmac.New(sha256.New, []byte(secret))
		mac.Write([]byte(r.Header.Get("X-Dray-Timestamp") + "." + string(body)))
		want := "sha256=" + hex.EncodeToString(mac.Sum(nil))
		if got := r.Header.Get("X-Dray-Signature"); err != nil || got != want {
			t.Errorf("signature %q of %s, want %q; error %v", got, body, want, err)
		}
		var e struct{ Kind string }
		if err := json.Unmarshal(body, &e); err != nil || !strings.Contains(e.Kind, ".") {
			t.Errorf("delivered %s: %v", body, err)
		}
		kinds <- e.Kind
	})
}
