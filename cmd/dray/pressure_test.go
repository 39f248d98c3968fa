package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/dray-fleet/dray/store/postgrestest"
)

// readiness asks the admin port.
func (p *process) readiness() (status int, fill float64, alarm bool, reason string) {
	p.t.Helper()
	resp, err := http.Get("http://" + p.Admin + "/readyz")
	if err != nil {
		p.t.Fatal(err)
	}
	defer resp.Body.Close()
	var state struct {
		Stream string  `json:"stream"`
		Fill   float64 `json:"stream_fill"`
		Alarm  bool    `json:"stream_alarm"`
	}
	if err := json.NewDecoder(resp.Body).Decode(&state); err != nil {
		p.t.Fatal(err)
	}
	return resp.StatusCode, state.Fill, state.Alarm, state.Stream
}

// TestFullStream fills a small stream while the database takes nothing: operators
// are told at 70 %, publishers refused at 95 %, and what was acknowledged is
// stored when the database goes on.
func TestFullStream(t *testing.T) {
	database := postgrestest.URL(t)
	p := start(t, t.TempDir(), "DRAY_STORE_URL="+database, "DRAY_STREAM_MAX_BYTES=12MiB",
		"DRAY_INGEST_MIN_INTERVAL=0s", "DRAY_LIMITS_MESSAGE_RATE=1000000", "DRAY_LIMITS_MESSAGE_BURST=1000000")
	admin := p.token("admin", "root")
	phone := connect(t, p, "d1")
	defer phone.Disconnect(0)

	held, err := pgx.Connect(t.Context(), database)
	if err != nil {
		t.Fatal(err)
	}
	defer held.Close(context.WithoutCancel(t.Context()))
	if _, err := held.Exec(t.Context(), "BEGIN; LOCK TABLE ingest_offsets IN ACCESS EXCLUSIVE MODE"); err != nil {
		t.Fatal(err)
	}
	base := time.Now().UTC().Truncate(time.Second).Add(-3 * time.Hour)
	acked, alarmed := 0, false
	padding := strings.Repeat("x", 2000)
	for refused := false; !refused; {
		if acked > 10_000 {
			t.Fatalf("10,000 reports of 2 kB went into a stream of 12 MiB:\n%s", p.out.String())
		}
		token := phone.Publish("fleet/acme/drivers/d1/location", 1, false, fmt.Sprintf(`{"fix_at":%d,"lat":59.3,"lon":18.1,"note":%q}`,
			base.Add(time.Duration(acked)*time.Second).UnixMilli(), padding))
		if refused = !token.WaitTimeout(10*time.Second) || token.Error() != nil; !refused {
			acked++
		}
		if status, fill, alarm, _ := p.readiness(); alarm {
			alarmed = true
			if fill < 0.7 || status == http.StatusOK && fill > 0.97 {
				t.Errorf("at %.2f the alarm is on and readyz says %d", fill, status)
			}
		}
	}
	if !alarmed {
		t.Error("no alarm came before the refusal")
	}
	p.until(10*time.Second, "said to be full", func() bool {
		status, fill, _, reason := p.readiness()
		return status == http.StatusServiceUnavailable && strings.Contains(reason, "full") &&
			fill >= 0.95 && p.metric("dray_stream_fill_ratio") >= 0.95 && strings.Contains(p.out.String(), "stream fill")
	})

	if _, err := held.Exec(t.Context(), "ROLLBACK"); err != nil {
		t.Fatal(err)
	}
	p.until(time.Minute, "ready again", func() bool { status, _, _, _ := p.readiness(); return status == http.StatusOK })
	p.until(time.Minute, "complete", func() bool { return int(p.metric("dray_ingest_positions_stored_total")) >= acked })
	if status := p.get("/drivers/d1", admin, nil); status != http.StatusOK {
		t.Errorf("driver: %d", status)
	}
}
