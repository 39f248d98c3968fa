package ingest

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/dray-fleet/dray/fleet"
)

// fencesEvery is how soon a changed geofence takes effect.
const fencesEvery = 2 * time.Second

// fences are the areas that each fleet watches.
type fences struct {
	byFleet atomic.Pointer[map[string][]fleet.Area] // without the fleets that have none

	mu      sync.Mutex
	version int64 // of byFleet
}

// loadFences takes over what is stored, if it has changed.
func (w *Worker) loadFences(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, saveTimeout)
	defer cancel()
	w.fences.mu.Lock()
	defer w.fences.mu.Unlock()
	all, version, err := w.store.AllGeofences(ctx, w.fences.version)
	if err != nil || version == w.fences.version {
		return err
	}
	byFleet := map[string][]fleet.Area{}
	for i := range all {
		byFleet[all[i].Fleet] = append(byFleet[all[i].Fleet], fleet.NewArea(&all[i]))
	}
	w.fences.byFleet.Store(&byFleet)
	w.fences.version = version
	return nil
}

// followFences takes over changes until ctx is done. While the store is away the
// last ones stay in force.
func (w *Worker) followFences(ctx context.Context) {
	tick := time.NewTicker(fencesEvery)
	defer tick.Stop()
	for {
		if err := w.loadFences(ctx); err != nil && ctx.Err() == nil {
			w.m.retries.WithLabelValues("geofences").Inc()
			w.opts.Logger.Warn("geofences", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// see notes where f was, in a fleet that has geofences. What is thinned out of
// history counts as well: the driver was there.
func (v *verdict) see(f *candidate) {
	if v.areas != nil {
		p := v.position(f, v.name)
		v.sightings = append(v.sightings, fleet.See(v.areas, &p))
	}
}

// inOrder returns sightings in the order of their time.
func inOrder(sightings []fleet.Sighting) []fleet.Sighting {
	slices.SortStableFunc(sightings, func(a, b fleet.Sighting) int { return a.At.Compare(b.At) })
	return sightings
}
