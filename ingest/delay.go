package ingest

import (
	"sync/atomic"
	"time"
)

// delays sums up how long publications took from their receipt to their commit.
type delays struct {
	count, sum atomic.Int64
}

func (d *delays) add(items []*item, now time.Time) {
	var sum time.Duration
	for _, it := range items {
		sum += now.Sub(it.ReceivedAt)
	}
	d.count.Add(int64(len(items)))
	d.sum.Add(int64(sum))
}

// Delay returns how many publications were committed since the start, and how
// long they took together. Those that leave no more than a count are not among
// them.
func (w *Worker) Delay() (committed int64, sum time.Duration) {
	return w.delays.count.Load(), time.Duration(w.delays.sum.Load())
}
