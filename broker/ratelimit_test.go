package broker

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/dray-fleet/dray/broker/packet"
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

// Subscribing, unsubscribing and renewing count against the rate as publishes do:
// slowed first, and ended after a while.
func TestRateOfWhatIsNoPublish(t *testing.T) {
	const burst = 5
	s := start(t, func(o *Options) {
		o.Limits.MessageRate, o.Limits.MessageBurst, o.Limits.SlowClose = 1, burst, 1500*time.Millisecond
	})
	token := s.driver("d1")
	var all errgroup.Group
	for i, tt := range []struct {
		frame []byte
		typ   byte // of the answer
	}{
		{subscribeFrame(packet.V5, 1, 0, nil, d1+"commands"), packet.TypeSuback},
		{unsubscribeFrame(packet.V5, 1, d1+"commands"), packet.TypeUnsuback},
		{authFrame("JWT", token), packet.TypeAuth},
	} {
		w := s.dial(packet.V5)
		w.connect(hello{id: fmt.Sprintf("d1:%d", i), password: token, keepAlive: 60})
		all.Go(func() error {
			began := time.Now()
			w.send(bytes.Repeat(tt.frame, 4*burst))
			n := 0
			for ; ; n++ {
				g, err := w.read(patience)
				if err == nil && g.typ() == tt.typ {
					continue
				}
				if err != nil || g.typ() != packet.TypeDisconnect || g.body[0] != packet.CodeRateTooHigh {
					return fmt.Errorf("answer %d to type %d: %v, %v", n, tt.frame[0]>>4, g, err)
				}
				break
			}
			if took := time.Since(began); n <= burst || n >= 4*burst || took < 1500*time.Millisecond {
				return fmt.Errorf("type %d: %d were answered within %v", tt.frame[0]>>4, n, took)
			}
			return nil
		})
	}
	if err := all.Wait(); err != nil {
		t.Error(err)
	}
}
