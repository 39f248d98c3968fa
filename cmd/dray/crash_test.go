package main

import (
	"context"
	"fmt"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	paho "github.com/eclipse/paho.mqtt.golang"

	"github.com/dray-fleet/dray/store/postgrestest"
)

const (
	crashDrivers = 50
	crashEach    = 200
)

// Ten thousand reports from fifty connections; the server is killed half-way.
// Whatever was acknowledged is stored, and stored once.
func TestAcknowledgedSurvivesKill(t *testing.T) {
	t.Run("sqlite", func(t *testing.T) { killHalfWay(t) })
	t.Run("postgres", func(t *testing.T) { killHalfWay(t, "DRAY_STORE_URL="+postgrestest.URL(t)) })
}

func killHalfWay(t *testing.T, env ...string) {
	dir := t.TempDir()
	env = append(env, "DRAY_INGEST_MIN_INTERVAL=0", "DRAY_LIMITS_MESSAGE_RATE=1000000", "DRAY_LIMITS_MESSAGE_BURST=1000000")
	p := start(t, dir, env...)
	base := time.Now().Add(-time.Hour).UTC().Truncate(time.Second)

	var acked [crashDrivers][crashEach]atomic.Bool
	var count atomic.Int64
	half := make(chan struct{})
	publish := func(ctx context.Context, p *process, d int) {
		driver := fmt.Sprintf("d%02d", d)
		c := connect(t, p, driver)
		defer c.Disconnect(0)
		var flying sync.WaitGroup
		window := make(chan struct{}, 8)
		for i := range crashEach {
			if acked[d][i].Load() {
				continue
			}
			select {
			case window <- struct{}{}:
			case <-ctx.Done():
				return
			}
			body := fmt.Sprintf(`{"fix_at":%d,"lat":52.5,"lon":%f,"speed_mps":10}`, base.Add(time.Duration(i)*time.Second).UnixMilli(), 13+float64(i)/1e4)
			token := c.Publish("fleet/acme/drivers/"+driver+"/location", 1, false, body)
			flying.Go(func() {
				defer func() { <-window }()
				select {
				case <-token.Done():
					if token.Error() == nil {
						acked[d][i].Store(true)
						if count.Add(1) == crashDrivers*crashEach/2 {
							close(half)
						}
					}
				case <-ctx.Done():
				}
			})
		}
		flying.Wait()
	}
	all := func(ctx context.Context, p *process) {
		var drivers sync.WaitGroup
		for d := range crashDrivers {
			drivers.Go(func() { publish(ctx, p, d) })
		}
		drivers.Wait()
	}

	ctx, cancel := context.WithCancel(t.Context())
	var first sync.WaitGroup
	first.Go(func() { all(ctx, p) })
	select {
	case <-half:
	case <-time.After(time.Minute):
		t.Fatalf("only %d acknowledged in a minute:\n%s", count.Load(), p.out.String())
	}
	p.kill()
	cancel()
	first.Wait()
	before := count.Load()
	if before == crashDrivers*crashEach {
		t.Fatal("everything was acknowledged before the kill: it was not half-way")
	}

	p = start(t, dir, env...)
	admin := p.token("admin", "root")
	checkStored(t, p, admin, base, &acked) // what was acknowledged before the kill is there or comes
	all(t.Context(), p)                    // and the rest is sent, with what was never answered sent again
	if got := count.Load(); got != crashDrivers*crashEach {
		t.Fatalf("%d acknowledged in the end, want %d", got, crashDrivers*crashEach)
	}
	checkStored(t, p, admin, base, &acked)
	t.Logf("acknowledged before the kill: %d", before)
	if err := p.stop(); err != nil {
		t.Errorf("the server ended with %v:\n%s", err, p.out.String())
	}
}

// checkStored waits until every acknowledged report is in its driver's track,
// and fails if one is there twice or was never sent.
func checkStored(t *testing.T, p *process, token string, base time.Time, acked *[crashDrivers][crashEach]atomic.Bool) {
	t.Helper()
	query := "from=" + url.QueryEscape(base.Add(-time.Minute).Format(time.RFC3339)) +
		"&to=" + url.QueryEscape(base.Add(time.Hour).Format(time.RFC3339))
	for d := range crashDrivers {
		driver := fmt.Sprintf("d%02d", d)
		p.until(time.Minute, driver+" complete", func() bool {
			var track struct {
				Points []struct {
					FixAt time.Time `json:"fix_at"`
				}
			}
			if status := p.get("/drivers/"+driver+"/track?"+query, token, &track); status != 200 {
				return false
			}
			seen := make(map[time.Time]bool)
			for _, point := range track.Points {
				i := point.FixAt.Sub(base) / time.Second
				if seen[point.FixAt] || i < 0 || i >= crashEach || !point.FixAt.Equal(base.Add(i*time.Second)) {
					t.Fatalf("%s has a point at %s twice, or one that was never sent", driver, point.FixAt)
				}
				seen[point.FixAt] = true
			}
			for i := range crashEach {
				if acked[d][i].Load() && !seen[base.Add(time.Duration(i)*time.Second)] {
					return false
				}
			}
			return true
		})
	}
}

// connect connects a driver's phone over MQTT 3.1.1.
func connect(t testing.TB, p *process, driver string) paho.Client {
	t.Helper()
	opts := paho.NewClientOptions().AddBroker("tcp://" + p.MQTT).SetClientID(driver + ":phone").
		SetUsername(driver).SetPassword(p.token("driver", driver)).SetAutoReconnect(false).SetConnectTimeout(10 * time.Second)
	c := paho.NewClient(opts)
	if token := c.Connect(); !token.WaitTimeout(20*time.Second) || token.Error() != nil {
		t.Errorf("connect %s: %v", driver, token.Error())
	}
	return c
}
