package main

import (
	"context"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

// Until the heap has doubled, the runtime keeps what a burst has left behind, and
// a server that nobody talks to then never collects it. So when it is calm after
// a burst, memory goes back to the system.
const (
	calmPeriod = time.Second
	calmBytes  = 1 << 20  // allocated in a calm period at most
	burstBytes = 16 << 20 // allocated since the last time: worth a collection
)

func returnMemory(ctx context.Context) error {
	tick := time.NewTicker(calmPeriod)
	defer tick.Stop()
	allocs := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}}
	var last, returned uint64
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		metrics.Read(allocs)
		now := allocs[0].Value.Uint64()
		if now-last < calmBytes && now-returned > burstBytes {
			debug.FreeOSMemory()
			returned = now
		}
		last = now
	}
}
