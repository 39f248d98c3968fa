package ingest

import (
	"context"
	"sync"
	"time"

	"github.com/dray-fleet/dray/fleet"
)

const (
	behind   = 2 * time.Second // a lane this late sends a scout ahead
	caughtUp = time.Second     // and calls it back when it is no later than this

	scoutsSince = 10 * time.Second // how far before the end of the stream a scout begins
)

// A scout reads the end of the stream while its lane works off a backlog, and
// stores nothing but the newest position of each driver: live before backlog.
// The lane comes to the same records in time and stores them as ever.
type scout struct {
	cancel context.CancelFunc // nil while there is none
	done   sync.WaitGroup
}

// scoutAhead sends or calls back the scout of a lane that is so late.
func (l *lane) scoutAhead(ctx context.Context, late time.Duration) {
	switch {
	case late > behind && l.scout.cancel == nil:
		l.logger.Info("ingest is behind; latest positions go first", "behind", late)
		ctx, l.scout.cancel = context.WithCancel(ctx)
		l.scout.done.Go(func() { l.runScout(ctx) })
	case late < caughtUp && l.scout.cancel != nil:
		l.logger.Info("ingest has caught up")
		l.scout.stop()
	}
}

func (s *scout) stop() {
	if s.cancel != nil {
		s.cancel()
		s.done.Wait()
		s.cancel = nil
	}
}

// runScout stores latest positions until ctx is done. A batch that cannot be
// saved is left to the lane.
func (l *lane) runScout(ctx context.Context) {
	r := l.log.Tail(l.partition, time.Now().Add(-scoutsSince))
	defer r.Close()
	for {
		items, err := l.fetch(ctx, r)
		if err != nil {
			return // ctx is done
		}
		b := &fleet.Batch{Latest: assemble(plausible(items), nil).Latest}
		if len(b.Latest) == 0 {
			continue
		}
		ctx, cancel := context.WithTimeout(ctx, saveTimeout)
		if _, err := l.store.SaveBatch(ctx, b); err != nil && ctx.Err() == nil {
			l.m.retries.WithLabelValues("scout").Inc()
			l.logger.Warn("latest positions ahead of the backlog", "error", err)
		}
		cancel()
	}
}

// plausible sets the newest position of each item that is not of the future. It
// knows of no skew: what that would excuse is left to the lane.
func plausible(items []*item) []*item {
	var exact skew
	for _, it := range items {
		for i := range it.positions {
			p := &it.positions[i]
			if !exact.future(p) && (it.latest == nil || p.FixAt.After(it.latest.FixAt)) {
				it.latest = p
			}
		}
		it.positions = nil
	}
	return items
}
