package broker

import "time"

// A bucket limits how often one connection publishes: rate a second in the long
// run, burst at once. It is the generic cell rate algorithm: one time that says
// when the bucket is full again.
type bucket struct {
	every     time.Duration // between publishes in the long run; 0 is no limit
	tolerance time.Duration // what a burst may run ahead
	calm      time.Duration // so far below the rate: not over it any more
	slow      time.Duration // over the rate for so long: give up

	full     time.Time // theoretical arrival time
	overFrom time.Time // zero while within the rate

	quit chan struct{} // closed when the connection ends
}

func newBucket(rate float64, burst int, slow time.Duration) bucket {
	b := bucket{slow: slow, quit: make(chan struct{})}
	if rate > 0 {
		b.every = time.Duration(float64(time.Second) / rate)
		b.tolerance = b.every * time.Duration(max(burst-1, 0))
		b.calm = min(b.tolerance, time.Second) // more than a timer that is late makes up
	}
	return b
}

// take accounts for one publish. It returns how long the reader has to wait
// first, and false when the connection has been over its rate for too long.
func (b *bucket) take(now time.Time) (wait time.Duration, ok bool) {
	if b.every == 0 {
		return 0, true
	}
	if b.full.Before(now) {
		b.full = now
	}
	wait = b.full.Sub(now) - b.tolerance
	b.full = b.full.Add(b.every)
	if wait <= 0 {
		if -wait >= b.calm {
			b.overFrom = time.Time{}
		}
		return 0, true
	}
	if b.overFrom.IsZero() {
		b.overFrom = now
	}
	return wait, now.Sub(b.overFrom) < b.slow
}

// sleep waits, or until the connection ends.
func (b *bucket) sleep(d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-b.quit:
	}
}
