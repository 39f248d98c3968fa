package broker

import (
	"testing"
	"time"
)

// A client that is over its rate stays so although it is slowed, and although
// timers are late; one that has left room for a second is forgiven.
func TestBucket(t *testing.T) {
	const slow = 10 * time.Second
	for name, tt := range map[string]struct {
		pause func(n int, wait time.Duration) time.Duration // before the publish after the nth
		ends  time.Duration                                 // 0: never
	}{
		"as fast as it may": {func(_ int, wait time.Duration) time.Duration { return wait }, slow},
		"on late timers": {func(n int, wait time.Duration) time.Duration {
			if n > 200 && n%20 == 0 {
				return wait + 120*time.Millisecond // made up for by the next ones
			}
			return wait
		}, slow},
		"within the rate":        {func(int, time.Duration) time.Duration { return 50 * time.Millisecond }, 0},
		"a burst every 11 s":     {func(n int, wait time.Duration) time.Duration { return pauseAfter(n, 220, 11*time.Second, wait) }, 0},
		"a little over the rate": {func(_ int, wait time.Duration) time.Duration { return max(wait, 45*time.Millisecond) }, 90*time.Second + slow},
		"what is over only at first": {func(n int, wait time.Duration) time.Duration {
			if n < 300 {
				return wait
			}
			return max(wait, 60*time.Millisecond)
		}, 0},
	} {
		b := newBucket(20, 200, slow)
		now := time.Unix(0, 0)
		ended := time.Duration(0)
		for n := 1; n < 4000; n++ {
			wait, ok := b.take(now)
			if !ok {
				ended = now.Sub(time.Unix(0, 0))
				break
			}
			now = now.Add(tt.pause(n, max(wait, 0)))
		}
		if ended < tt.ends-time.Second || ended > tt.ends+time.Second {
			t.Errorf("%s: ended after %v, want %v", name, ended, tt.ends)
		}
	}
}

// pauseAfter is a pause after each burst of publishes.
func pauseAfter(n, burst int, pause, wait time.Duration) time.Duration {
	if n%burst == 0 {
		return pause
	}
	return wait
}
