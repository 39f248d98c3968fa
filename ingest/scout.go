package ingest

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/dray-fleet/dray/fleet"
	"github.com/dray-fleet/dray/stream"
)

const (
	behind   = 500 * time.Millisecond // a lane this late sends a scout ahead
	caughtUp = 200 * time.Millisecond // and calls it back when it is no later than this

	scoutWait    = 50 * time.Millisecond // instead of batchWait
	scoutRecords = 20_000
	largePayload = 2 << 10 // bytes: an array of many fixes

	scoutsSince = 10 * time.Second // how far before the end of the stream a scout begins at most
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
	case l.foreign: // what another broker has not sent yet cannot be looked at
	case late > behind && l.scout.cancel == nil:
		l.logger.Debug("ingest is behind; latest positions go first", "behind", late)
		ctx, l.scout.cancel = context.WithCancel(ctx)
		since := time.Now().Add(-min(late, scoutsSince))
		l.scout.done.Go(func() { l.runScout(ctx, since) })
	case late < caughtUp && l.scout.cancel != nil:
		l.logger.Debug("ingest has caught up")
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

// runScout stores latest positions until ctx is done. While one save is under
// way the newest of each driver gathers for the next: a scout is as fast as it
// can read, however slow the store is.
func (l *lane) runScout(ctx context.Context, since time.Time) {
	r := l.log.Tail(l.partition, since)
	defer r.Close()
	found := sightings{newest: map[driver]fleet.Position{}, some: make(chan struct{}, 1)}
	var saving sync.WaitGroup
	defer saving.Wait()
	saving.Go(func() { l.saveSightings(ctx, &found) })
	for {
		var records []stream.Record
		err := l.patiently(ctx, "fetch", func() (err error) {
			records, err = r.Fetch(ctx, scoutRecords, scoutWait)
			return err
		})
		if err != nil {
			return // ctx is done
		}
		for _, rec := range skim(records) {
			if p := newest(&rec); p != nil {
				found.add(p)
			}
		}
		found.tell()
	}
}

// skim leaves the middle of a backlog out: of the arrays of one driver the first
// or the last holds the newest fix, whichever way it was sent.
func skim(records []stream.Record) (kept []stream.Record) {
	type arrays struct{ n, last int }
	seen := map[string]arrays{} // by topic
	for _, r := range records {
		a := seen[r.Topic]
		switch {
		case len(r.Payload) < largePayload:
			kept = append(kept, r)
			continue
		case a.n < 2:
			a = arrays{a.n + 1, len(kept)}
			kept = append(kept, r)
		default:
			kept[a.last] = r
		}
		seen[r.Topic] = a
	}
	return kept
}

// saveSightings saves what the scout has found until ctx is done. What cannot be
// saved is left to the lane.
func (l *lane) saveSightings(ctx context.Context, found *sightings) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-found.some:
		}
		save, cancel := context.WithTimeout(ctx, saveTimeout)
		if _, err := l.store.SaveBatch(save, &fleet.Batch{Latest: found.take()}); err != nil && ctx.Err() == nil {
			l.m.retries.WithLabelValues("scout").Inc()
			l.logger.Warn("latest positions ahead of the backlog", "error", err)
		}
		cancel()
	}
}

// Sightings are the newest positions that a scout has found and not saved yet.
type sightings struct {
	mu     sync.Mutex
	newest map[driver]fleet.Position // of at most maxSightings drivers
	some   chan struct{}
}

const maxSightings = 50_000

// add notes p, unless there is a newer one of its driver.
func (s *sightings) add(p *fleet.Position) {
	s.mu.Lock()
	defer s.mu.Unlock()
	d := driver{p.Fleet, p.Driver}
	old, known := s.newest[d]
	if known && p.FixAt.After(old.FixAt) || !known && len(s.newest) < maxSightings {
		s.newest[d] = *p
	}
}

// tell wakes who saves them, if there are any.
func (s *sightings) tell() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.newest) > 0 {
		select {
		case s.some <- struct{}{}:
		default:
		}
	}
}

func (s *sightings) take() []fleet.Position {
	s.mu.Lock()
	defer s.mu.Unlock()
	ps := slices.Collect(maps.Values(s.newest))
	clear(s.newest)
	return ps
}

// newest returns the newest position in r that is not of the future, or nil. It
// knows of no skew: what that would excuse is left to the lane.
func newest(r *stream.Record) (latest *fleet.Position) {
	it := &item{Record: *r, from: upstream(&r.Publication)}
	fixes, err := it.decode()
	if err != nil {
		return nil // the lane buries it
	}
	for _, f := range fixes {
		if !future(f.FixAt, r.ReceivedAt, 0) {
			it.isLatest(it.position(f))
		}
	}
	return it.latest
}
