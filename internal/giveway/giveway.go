// Package giveway keeps long work in the background from holding up short work
// on the same processor.
package giveway

import (
	"runtime"
	"time"
)

// turnLasts is how long work may go on before it gives way.
const turnLasts = 200 * time.Microsecond

// A Turn is the time for which a loop has had the processor. The zero value is
// ready for use.
type Turn struct{ since time.Time }

// Pass gives way to goroutines and threads that are ready to run, if the turn
// has lasted. Without it a thread that only computes keeps its processor until
// the kernel's next timer tick, up to 4 ms, whoever has been woken meanwhile.
func (t *Turn) Pass() {
	now := time.Now()
	if now.Sub(t.since) < turnLasts {
		return
	}
	runtime.Gosched()
	yieldThread()
	t.since = time.Now()
}
