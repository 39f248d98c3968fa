package broker

import (
	"context"
	"sync/atomic"
	"time"
)

// Watching 50 screens of a large fleet is tens of thousands of deliveries a
// second, and a write for each of them is nearly all that they cost. Then live
// publications to one client gather for a moment; nobody sees 4 ms on a map.
const (
	busyDeliveries = 30_000               // a second; from there on they gather
	gatherTime     = 4 * time.Millisecond // at most
	gatherBytes    = 32 << 10             // enough for a write at once
)

// A pace says whether live publications gather.
type pace struct{ busy atomic.Bool }

// run follows the number of deliveries until ctx is done.
func (p *pace) run(ctx context.Context, delivered *atomic.Int64) {
	const every = 100 * time.Millisecond
	tick := time.NewTicker(every)
	defer tick.Stop()
	before := delivered.Load()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			now := delivered.Load()
			p.busy.Store(now-before > busyDeliveries/int64(time.Second/every))
			before = now
		}
	}
}
