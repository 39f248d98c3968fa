package api

import (
	"sync"
	"time"
)

// maxThrottled bounds the keys that a throttle remembers.
const maxThrottled = 50_000

// A throttle allows a burst of failures for each key and then one per
// interval. An attempt is counted when it begins and given back when it
// succeeds, so that many at once count as many.
type throttle struct {
	burst int
	every time.Duration

	mu   sync.Mutex
	full map[string]time.Time // when all of the key's burst is available again
}

func newThrottle(burst int, every time.Duration) *throttle {
	return &throttle{burst: burst, every: every, full: map[string]time.Time{}}
}

// take counts an attempt, or returns how long to wait until the next one.
func (t *throttle) take(key string, now time.Time) (wait time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	full := t.full[key]
	if full.Before(now) {
		full = now
	}
	full = full.Add(t.every)
	if wait = full.Sub(now) - time.Duration(t.burst)*t.every; wait > 0 {
		return wait
	}
	if _, known := t.full[key]; !known && len(t.full) >= maxThrottled {
		t.makeRoom(now)
	}
	t.full[key] = full
	return 0
}

// giveBack undoes a take, after a success.
func (t *throttle) giveBack(key string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if full, known := t.full[key]; known {
		t.full[key] = full.Add(-t.every)
	}
}

// makeRoom forgets those with nothing left to remember and, if all have, the
// one that is nearest to it.
func (t *throttle) makeRoom(now time.Time) {
	var nearest string
	var soonest time.Time
	for key, full := range t.full {
		if !full.After(now) {
			delete(t.full, key)
		} else if soonest.IsZero() || full.Before(soonest) {
			nearest, soonest = key, full
		}
	}
	if len(t.full) >= maxThrottled {
		delete(t.full, nearest)
	}
}
