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

	// keepsAhead is how many times as fast as what comes in a backlog is worked
	// off at least, if the machine can: otherwise it would hardly shrink.
	keepsAhead = 20

	longestPause = 500 * time.Millisecond

	trafficLasts = time.Second // after the last publication there is none
)

// A traffic is that of those who go on reporting.
type traffic struct {
	at   time.Time // of the last publication
	rate float64   // bytes a second
}

// giveWay has a backlog wait for those who go on reporting. Its next batch is not
// begun before w is saved, so that there is one in memory and one processor at
// most is busy with it, and while others report not before as much time again has
// passed as w took since it began.
func (l *lane) giveWay(ctx context.Context, w *work, began time.Time) {
	if !l.gentle && l.scout.live.Load() == nil {
		return
	}
	select {
	case <-w.saved:
	case <-ctx.Done():
		return
	}
	live, took := l.scout.live.Load(), time.Since(began)
	l.gentle = live != nil && time.Since(live.at) < trafficLasts
	if l.gentle && float64(w.bytes) > keepsAhead*live.rate*2*took.Seconds() {
		pause(ctx, took)
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
