package ingest

import (
	"context"
	"maps"
	"sync/atomic"
	"time"
)

// policyEvery is how soon a changed policy takes effect.
const policyEvery = 3 * time.Second

// Policies are how dense the history is kept where it is not as Options say.
type policies struct {
	byDriver atomic.Pointer[map[driver]time.Duration] // without an id it is that of a fleet
}

type driver struct{ fleet, id string }

// interval returns the least time between two positions of a driver.
func (w *Worker) interval(d driver) time.Duration {
	all := *w.policies.byDriver.Load()
	if v, ok := all[d]; ok {
		return v
	}
	if v, ok := all[driver{fleet: d.fleet}]; ok {
		return v
	}
	return w.opts.MinInterval
}

// loadPolicies takes over what is stored.
func (w *Worker) loadPolicies(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, saveTimeout)
	defer cancel()
	list, err := w.store.Policies(ctx)
	if err != nil {
		return err
	}
	all := make(map[driver]time.Duration, len(list))
	for _, p := range list {
		all[driver{p.Fleet, p.Driver}] = p.MinInterval
	}
	if old := w.policies.byDriver.Swap(&all); !maps.Equal(*old, all) {
		w.opts.Logger.Info("thinning policies", "of_fleets_and_drivers", len(all))
	}
	return nil
}

// followPolicies takes over changes until ctx is done. While the store is away
// the last ones stay in force.
func (w *Worker) followPolicies(ctx context.Context) {
	tick := time.NewTicker(policyEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if err := w.loadPolicies(ctx); err != nil && ctx.Err() == nil {
			w.m.retries.WithLabelValues("policies").Inc()
			w.opts.Logger.Warn("thinning policies", "error", err)
		}
	}
}
