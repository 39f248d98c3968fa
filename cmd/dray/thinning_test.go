package main

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
)

// put sends a JSON body to a resource of the API.
func (p *process) put(path, token, body string) {
	p.t.Helper()
	req, err := http.NewRequestWithContext(p.t.Context(), http.MethodPut, "http://"+p.HTTP+"/api/v1"+path, strings.NewReader(body))
	if err != nil {
		p.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		p.t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		p.t.Fatalf("PUT %s %s = %s", path, body, resp.Status)
	}
}

// TestHistoryThin changes how dense the history of one driver is kept while the
// server runs, by API and by command.
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
	phone := connect(t, p, "d1") // with it the driver comes into being
	defer phone.Disconnect(100)
	boss := p.token("admin", "boss")
	p.until(20*time.Second, "knowing the driver", func() bool { return p.get("/drivers/d1", boss, nil) == http.StatusOK })
	p.put("/policies/drivers/d1", boss, `{"min_interval_s":0}`)
	thin("--fleet", "acme", "--interval", "30s")
	if got := strings.Fields(thin("--list")); strings.Join(got[3:], " ") != "acme (all) 30s acme d1 0s" {
		t.Errorf("listed %q", got)
	}
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
