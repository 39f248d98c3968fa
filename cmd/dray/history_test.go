package main

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dray-fleet/dray/store/postgrestest"
)

// A track reads the same before packing, packed by command beside the server,
// and unpacked for an older program.
func TestHistoryPackAndUnpack(t *testing.T) {
	for name, env := range map[string][]string{"SQLite": nil, "PostgreSQL": {"DRAY_STORE_URL=" + postgrestest.URL(t)}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			p := start(t, dir, env...)
			boss := p.token("dispatcher", "dispo")
			begin := time.Now().UTC().AddDate(0, 0, -3).Truncate(24 * time.Hour)
			const n = 100
			var backlog []string
			for i := range n {
				backlog = append(backlog, fmt.Sprintf(`{"fix_at":%d,"lat":%.5f,"lon":18.1,"speed_mps":13.9}`, begin.Add(time.Duration(i)*time.Minute).UnixMilli(), 59.3+float64(i)/1000))
			}
			phone := connect(t, p, "d1")
			if token := phone.Publish("fleet/acme/drivers/d1/location", 1, false, "["+strings.Join(backlog, ",")+"]"); !token.WaitTimeout(20*time.Second) || token.Error() != nil {
				t.Fatal(token.Error())
			}
			phone.Disconnect(100)

			type point struct {
				FixAt    string `json:"fix_at"`
				Lat, Lon float64
			}
			track := func() []point {
				var got struct{ Points []point }
				p.get("/drivers/d1/track?from="+begin.Format(time.RFC3339)+"&to="+begin.AddDate(0, 0, 1).Format(time.RFC3339), boss, &got)
				return got.Points
			}
			p.until(20*time.Second, "stored", func() bool { return len(track()) == n })
			fresh := track()
			run := func(what, want string) {
				t.Helper()
				if out, errs, err := command(t, dir, env, "history", what); err != nil || !strings.HasPrefix(out, want) {
					t.Errorf("history %s: %v\n%s%s, want %s …", what, err, out, errs, want)
				}
				if got := track(); !slices.Equal(got, fresh) {
					t.Errorf("after %s the track has %d points, or others than the %d before", what, len(got), n)
				}
			}
			run("pack", fmt.Sprintf("%d positions packed into 2 driver-hours, 1 trips found", n))
			run("pack", "0 positions")
			if err := p.stop(); err != nil {
				t.Fatal(err)
			}
			if out, errs, err := command(t, dir, env, "history", "unpack"); err != nil || out != fmt.Sprintf("%d positions are plain rows again\n", n) {
				t.Errorf("history unpack: %v\n%s%s", err, out, errs)
			}
			p = start(t, dir, env...)
			if got := track(); !slices.Equal(got, fresh) {
				t.Errorf("unpacked, the track has %d points, or others than the %d before", len(got), n)
			}
		})
	}
}
