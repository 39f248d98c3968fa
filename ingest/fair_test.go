package ingest_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dray-fleet/dray/fleet"
	"github.com/dray-fleet/dray/ingest"
	"github.com/dray-fleet/dray/stream"
)

// TestNewestWithinASecond has many drivers of two fleets come back from an hour
// without network, each with its newest fix and then 3,600 older ones, all at
// once. Every newest fix is the latest position within a second of its
// acknowledgement, long before the trails are filled in. That of 500 drivers
// was measured at 0.2 to 0.8 s. On a machine that takes seconds for the backlog,
// as under the race detector, it must still be well ahead of that.
func TestNewestWithinASecond(t *testing.T) {
	onBothStores(t, func(t *testing.T, open opener) { newestWithinASecond(t, open, 30) })
}

func newestWithinASecond(t *testing.T, open opener, drivers int) {
	const each = 3600
	arrays := backlog(each, 500, true)
	r := newRigOn(t, t.TempDir(), stream.SyncAlways, open)

	var mu sync.Mutex
	arrived, shown := map[string]time.Time{}, map[string]time.Time{}
	newest := noon.Add(each * time.Second)
	r.store.lost = func(b *fleet.Batch) error {
		mu.Lock()
		defer mu.Unlock()
		for _, p := range b.Latest {
			if _, ok := shown[p.Driver]; !ok && p.FixAt.Equal(newest) {
				shown[p.Driver] = time.Now()
			}
		}
		return nil
	}
	r.run(ingest.Options{MinInterval: 5 * time.Second})
	began := time.Now()
	for i := range drivers {
		name := fmt.Sprintf("d%d", i)
		of := func(payload string) fleet.Publication {
			p := says(name, "location", "%s", payload)
			if i%2 == 1 {
				p.Fleet, p.Topic = "zeta", fleet.DriverTopic("zeta", name, "location")
			}
			return p
		}
		now := of(strings.TrimSuffix(fixAt(each), "}") + fmt.Sprintf(`,"boot":"b1","seq":%d}`, each))
		ps := []fleet.Publication{now}
		for _, a := range arrays {
			ps = append(ps, of(a))
		}
		r.publish(now)
		mu.Lock()
		arrived[name] = time.Now()
		mu.Unlock()
		r.publish(ps[1:]...)
	}
	r.publish(says("last", "health", `{"battery_pct":1}`))
	uploaded := time.Since(began)
	r.await(func(b *fleet.Batch) bool { return len(b.Reports) > 0 })
	drained := time.Since(began)

	var delays []time.Duration
	for name, at := range arrived {
		delays = append(delays, shown[name].Sub(at))
	}
	slices.Sort(delays)
	t.Logf("%d drivers with %d fixes each: uploaded in %v, stored in %v; on the map after p50 %v, p99 %v, most %v",
		drivers, each, uploaded, drained, delays[len(delays)/2], delays[len(delays)*99/100], delays[len(delays)-1])
	bar := max(3*time.Second, drained*3/4) // a busy machine stands still for a second or two
	if most := delays[len(delays)-1]; most > bar || delays[0] < -bar {
		t.Errorf("a newest fix was on the map after %v, want at most %v", most, bar)
	}
}
