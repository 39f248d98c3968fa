package main

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// TestHistoryThin changes how dense the history of one driver is kept while the
// server runs.
func TestHistoryThin(t *testing.T) {
	dir := t.TempDir()
	p := start(t, dir, "DRAY_INGEST_MIN_INTERVAL=1h")
	thin := func(args ...string) string {
		t.Helper()
		out, errs, err := command(t, dir, nil, append([]string{"history", "thin"}, args...)...)
		if err != nil {
			t.Fatalf("thin %v: %v\n%s", args, err, errs)
		}
		return out
	}
	thin("--fleet", "acme", "--driver", "d1", "--interval", "0s")
	thin("--fleet", "acme", "--interval", "30s")
	if got := strings.Fields(thin("--list")); strings.Join(got[3:], " ") != "acme (all) 30s acme d1 0s" {
		t.Errorf("listed %q", got)
	}
	phone := connect(t, p, "d1")
	defer phone.Disconnect(100)
	base, sent := time.Now().Add(-time.Hour).Truncate(time.Hour), 0
	p.until(20*time.Second, "keeping every fix", func() bool { // a fix each time: they would be one an hour
		sent++
		token := phone.Publish("fleet/acme/drivers/d1/location", 1, false, fmt.Sprintf(`{"fix_at":%d,"lat":59.3,"lon":18.1}`, base.Add(time.Duration(sent)*time.Second).UnixMilli()))
		if !token.WaitTimeout(10*time.Second) || token.Error() != nil {
			t.Fatal(token.Error())
		}
		return p.metric("dray_ingest_positions_stored_total") > 5
	})
	thin("--fleet", "acme", "--driver", "d1", "--remove")
	if got := thin("--list"); strings.Contains(got, "d1") {
		t.Errorf("still listed: %s", got)
	}
	for _, args := range [][]string{{"--fleet", "acme"}, {"--fleet", "a b", "--interval", "1s"}, {"--fleet", "nobody", "--remove"}} {
		if _, _, err := command(t, dir, nil, append([]string{"history", "thin"}, args...)...); err == nil {
			t.Errorf("thin %v is taken", args)
		}
	}
}
