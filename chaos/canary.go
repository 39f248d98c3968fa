package chaos

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"slices"
	"sync"
	"time"

	"github.com/dray-fleet/dray/fleet"
)

// canaryPrefix begins the names of canaries.
const canaryPrefix = "canary-"

// A canary publishes one fix after the other, the next only when the one before
// is acknowledged, and says one again, after a new connection, until it is. So
// its order is strict, and its waits are those of a driver.
type canary struct {
	rig    *rig
	driver string
	boot   string
	pace   time.Duration

	mu    sync.Mutex
	waits []time.Duration // for acknowledgements that came at the first try
	acks  []time.Time
}

func (r *rig) newCanary(driver string, pace time.Duration) *canary {
	return &canary{rig: r, driver: driver, boot: rand.Text()[:12], pace: pace}
}

// fixPayload is a fix of docs/mqtt.md.
func fixPayload(at time.Time, boot string, seq int64, more map[string]any) []byte {
	fix := map[string]any{
		"fix_at": at.UnixMilli(), "lat": 52.5, "lon": 13.4 + float64(seq%1000)/1e5, "speed_mps": 10, "boot": boot, "seq": seq, "source": "phone",
	}
	for k, v := range more {
		fix[k] = v
	}
	b, err := json.Marshal(fix)
	if err != nil {
		panic(err) // strings and finite numbers
	}
	return b
}

func (r *rig) locationTopic(driver string) string {
	return fleet.DriverTopic(fleetID, driver, "location")
}

func (c *canary) run(ctx context.Context) {
	var link *client
	defer func() {
		if link != nil {
			link.close()
		}
	}()
	for seq := int64(1); ctx.Err() == nil; seq++ {
		r := report{c.driver, c.boot, seq}
		at := time.Now()
		c.rig.account.noteSent(r)
		for first := true; ctx.Err() == nil; first = false {
			if link == nil {
				var err error
				if link, err = c.rig.dialDriver(ctx, c.driver, nil); err != nil {
					link = nil
					_ = wait(ctx, 100*time.Millisecond) // ctx is asked above
					continue
				}
			}
			began := time.Now()
			if err := link.publish(c.rig.locationTopic(c.driver), fixPayload(at, c.boot, seq, nil), 30*time.Second); err != nil {
				link.close()
				link = nil
				continue
			}
			c.rig.account.noteAcked(r)
			c.note(first, time.Since(began))
			break
		}
		_ = wait(ctx, c.pace)
	}
}

func (c *canary) note(first bool, took time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.acks = append(c.acks, time.Now())
	if first {
		c.waits = append(c.waits, took)
	}
}

// answeredSince reports whether something was acknowledged after t.
func (c *canary) answeredSince(t time.Time) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.acks) > 0 && c.acks[len(c.acks)-1].After(t)
}

// takeWaits returns the waits since it was last called.
func (c *canary) takeWaits() []time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	w := c.waits
	c.waits = nil
	return w
}

// percentile returns the p-th of durations; 0 of none.
func percentile(ds []time.Duration, p int) time.Duration {
	if len(ds) == 0 {
		return 0
	}
	ds = slices.Clone(ds)
	slices.Sort(ds)
	return ds[(len(ds)-1)*p/100]
}
