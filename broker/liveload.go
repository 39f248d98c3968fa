package broker

import (
	"context"
	"time"

	"github.com/dray-fleet/dray/fleet"
)

// Places knows where every driver was last, of each process before this one too.
type Places interface {
	Drivers(ctx context.Context, q fleet.DriverQuery) ([]fleet.Driver, error)
}

const (
	loadTime  = 5 * time.Second  // longest that a subscriber waits for what the store knows
	loadRetry = 10 * time.Second // when it did not tell, the next ones do not wait for so long
)

// load has the frames of a fleet hold its drivers that have not moved since this
// process started, so that a keyframe is complete. When the store is away a later
// subscriber tries again.
func (l *live) load(f *liveFleet) {
	if l.b.opts.Places == nil {
		return
	}
	f.loading.Lock()
	defer f.loading.Unlock()
	if f.loaded.Load() || time.Since(f.failed) < loadRetry {
		return
	}
	ctx, cancel := context.WithTimeout(l.b.ctx, loadTime)
	defer cancel()
	q := fleet.DriverQuery{Fleet: f.id, Limit: 1000}
	for {
		f.mu.Lock()
		forgotten := f.forgotten
		f.mu.Unlock()
		page, err := l.b.opts.Places.Drivers(ctx, q)
		if err != nil {
			l.b.log.Error("live frames: drivers not read", "fleet", f.id, "error", err)
			f.failed = time.Now()
			return
		}
		if !f.place(page, forgotten) {
			continue
		}
		if len(page) < q.Limit {
			f.loaded.Store(true)
			return
		}
		q.After = page[len(page)-1].ID
	}
}

// place puts drivers where the store has them, unless they have moved since: those
// who watch already see them in the next keyframe. It does nothing and reports false when one was erased meanwhile: it may be among them.
func (f *liveFleet) place(page []fleet.Driver, forgotten int) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.forgotten != forgotten {
		return false
	}
	now := time.Now()
	for i := range page {
		if d := &page[i]; d.Position != nil {
			f.driver(d.ID).take(&d.Position.Fix, now)
		}
	}
	return true
}
