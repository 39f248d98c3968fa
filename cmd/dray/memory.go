package main

import (
	"context"
	"os"
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

// A collection holds deliveries up for as long as it lasts, so a small heap may
// have some garbage before there is one. While a backlog is stored the heap is
// larger than usual, and would be twice as large with its garbage: it may have less.
const (
	garbageBytes    = 48 << 20 // more than that is for large heaps alone
	garbagePercents = 50       // of what is live, at least
	mostPercents    = 400
)

// gcPercent returns the share of the live heap that may be garbage before it is
// collected, in tens: to set it stops the world.
func gcPercent(live uint64) int {
	return int(min(mostPercents, max(garbagePercents, garbageBytes*100/max(live, 1)))) / 10 * 10
}

// tendMemory gives memory back in calm, and bounds the garbage unless GOGC is set,
// until ctx is done.
func tendMemory(ctx context.Context) error {
	tick := time.NewTicker(calmPeriod)
	defer tick.Stop()
	heap := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}, {Name: "/gc/heap/live:bytes"}}
	var last, returned uint64
	percent := 100
	chosen := os.Getenv("GOGC") != ""
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		metrics.Read(heap)
		now := heap[0].Value.Uint64()
		if p := gcPercent(heap[1].Value.Uint64()); p != percent && !chosen {
			percent = p
			debug.SetGCPercent(p)
		}
		if now-last < calmBytes && now-returned > burstBytes {
			debug.FreeOSMemory()
			returned = now
		}
		last = now
	}
}
