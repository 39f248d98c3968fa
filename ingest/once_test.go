package ingest_test

import (
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/dray-fleet/dray/fleet"
	"github.com/dray-fleet/dray/ingest"
	"github.com/dray-fleet/dray/stream"
)

// backlog is what a driver's outbox sends after a tunnel: n fixes, one a second,
// in arrays of so many.
func backlog(n, size int, numbered bool) (payloads []string) {
	for from := 0; from < n; from += size {
		var fixes []string
		for i := from; i < min(from+size, n); i++ {
			f := fixAt(i)
			if numbered {
				f = strings.TrimSuffix(f, "}") + fmt.Sprintf(`,"boot":"b1","seq":%d}`, i)
			}
			fixes = append(fixes, f)
		}
		payloads = append(payloads, "["+strings.Join(fixes, ",")+"]")
	}
	return payloads
}

// TestExactlyOnce sends a backlog of two sources in every way that a bad network
// and a crash have it sent again, and finds each fix once.
func TestExactlyOnce(t *testing.T) {
	const n = 600
	onBothStores(t, func(t *testing.T, open opener) {
		for _, tt := range []struct {
			name     string
			sync     string
			numbered bool
			interval time.Duration
			want     int // of each source
		}{
			{"by fix time", stream.SyncAlways, false, 0, n},
			{"by number", stream.SyncAlways, true, 0, n},
			{"without offsets", stream.SyncSecond, true, 0, n},
			{"thinned", stream.SyncAlways, true, 5 * time.Second, n / 5},
		} {
			t.Run(tt.name, func(t *testing.T) {
				driver := strings.ReplaceAll(tt.name, " ", "-")
				var ps []fleet.Publication
				upload := func(size int) {
					for _, payload := range backlog(n, size, tt.numbered) {
						phone := says(driver, "location", "%s", payload)
						device := phone // the same seconds, told by another source
						device.Role, device.Subject, device.Driver = fleet.RoleDevice, "tracker", driver
						ps = append(ps, phone, device, phone) // and once more, as a DUP
					}
				}
				upload(200)
				upload(150) // the whole of it again, cut in another way

				dir := t.TempDir()
				r := newRigOn(t, dir, tt.sync, open)
				var committed atomic.Int32                // the scout commits beside the lane
				r.store.lost = func(*fleet.Batch) error { // word of the first commit is lost
					if committed.Add(1) == 1 {
						return errors.New("connection reset by peer")
					}
					return nil
				}
				stop := r.run(ingest.Options{MinInterval: tt.interval})
				r.publish(ps...)
				r.await(func(b *fleet.Batch) bool { return len(b.Positions)+len(b.Thinned) > 0 })
				stop()
				r.stop()

				// A crash: what was not acknowledged in the stream comes again, to a
				// worker that remembers nothing; and the phone sends all once more.
				r = newRigOn(t, dir, tt.sync, open)
				r.run(ingest.Options{MinInterval: tt.interval})
				r.publish(ps...)
				last := says(driver, "health", `{"battery_pct":50}`)
				r.publish(last)
				r.await(func(b *fleet.Batch) bool { return len(b.Reports) > 0 })

				seen := map[string]int{}
				sources := map[string]int{}
				for _, p := range r.track(driver) {
					seen[p.Source+p.FixAt.String()]++
					sources[p.Source]++
				}
				for key, times := range seen {
					if times != 1 {
						t.Errorf("%s is stored %d times", key, times)
					}
				}
				if sources[""] != tt.want || sources["tracker"] != tt.want || len(sources) != 2 {
					t.Errorf("stored %v, want %d of each", sources, tt.want)
				}
				d, err := r.store.Driver(t.Context(), "acme", driver)
				if err != nil || d.Position == nil || !d.Position.FixAt.Equal(noon.Add((n-1)*time.Second)) {
					t.Errorf("driver is %+v, error %v, want its newest fix", d, err)
				}
				gaps, err := r.store.Gaps(t.Context(), fleet.TrackQuery{Fleet: "acme", Driver: driver, From: noon.Add(-time.Hour), To: noon.Add(time.Hour)})
				if err != nil || len(gaps) != 0 {
					t.Errorf("gaps are %+v, error %v, want none", gaps, err)
				}
			})
		}
	})
}
