package ingest

import (
	"context"
	"time"

	"github.com/dray-fleet/dray/stream"
)

const (
	// gentleItems end a batch instead of batchItems while others go on reporting:
	// its transaction holds up their acknowledgements on the same disk.
	gentleItems = 2000

	// While others report, a backlog is worked off this many times as fast as what
	// comes in, and so fast however little does: about 20,000 positions a second.
	keepsAhead = 20
	leastPace  = 2 << 20 // bytes a second

	longestPause = 500 * time.Millisecond

	trafficLasts = time.Second      // after the last publication there is none
	returning    = 10 * time.Second // who was cut off as well comes back in that time
)

// A traffic is that of those who go on reporting.
type traffic struct {
	at   time.Time // of the last publication
	rate float64   // bytes a second
}

// giveWay has a backlog wait for those who go on reporting. Its next batch is not
// begun before w is saved, so that there is one in memory and one processor at
// most is busy with it, and while others report not before its pace allows it,
// counted from when w was begun.
func (l *lane) giveWay(ctx context.Context, w *work, began time.Time) {
	if !l.gentle && l.scout.live.Load() == nil {
		return
	}
	select {
	case <-w.saved:
	case <-ctx.Done():
		return
	}
	live := l.scout.live.Load()
	l.gentle = live != nil && time.Since(live.at) < trafficLasts
	if l.gentle {
		lasts := float64(w.bytes) / max(keepsAhead*live.rate, leastPace)
		pause(ctx, time.Duration(lasts*float64(time.Second))-time.Since(began))
	}
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(min(d, longestPause)):
	case <-ctx.Done():
	}
}

// size is that of what was published, in bytes.
func size(records []stream.Record) (n int) {
	for i := range records {
		n += len(records[i].Topic) + len(records[i].Payload)
	}
	return n
}
