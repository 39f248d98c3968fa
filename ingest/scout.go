package ingest

import (
	"context"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/dray-fleet/dray/fleet"
	"github.com/dray-fleet/dray/stream"
)

const (
	behind   = 500 * time.Millisecond // a lane this late sends a scout ahead
	caughtUp = 200 * time.Millisecond // and calls it back when it is no later than this

	scoutWait    = 200 * time.Millisecond
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
	live   atomic.Pointer[traffic] // nil while there is no scout
}

// scoutAhead sends or calls back the scout of a lane that is so late.
func (l *lane) scoutAhead(ctx context.Context, late time.Duration) {
	switch {
	case l.foreign: // what another broker has not sent yet cannot be looked at
	case late > behind && l.scout.cancel == nil:
		l.logger.Debug("ingest is behind; latest positions go first", "behind", late)
		ctx, l.scout.cancel = context.WithCancel(ctx)
		now := time.Now()
		l.scout.live.Store(&traffic{at: now.Add(returning)}) // until it is known
		since := now.Add(-min(late, scoutsSince))
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
		s.live.Store(nil)
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
	start := time.Now()
	for began := start; ; {
		var records []stream.Record
		err := l.patiently(ctx, "fetch", func() (err error) {
			records, err = r.Fetch(ctx, scoutRecords, scoutWait)
			return err
		})
		if err != nil {
			return // ctx is done
		}
		fetched := time.Now()
		skim(records, found.look)
		found.tell()
		if records[len(records)-1].ReceivedAt.Before(start) {
			pause(ctx, time.Since(began)) // what was there before can wait for those who report now
		} else {
			l.scout.live.Store(&traffic{fetched, float64(size(records)) / fetched.Sub(began).Seconds()})
		}
		began = time.Now()
	}
}

// skim calls look for records but for the middle of a backlog: of the arrays of
// one driver the first or the last holds the newest fix, whichever way it was sent.
func skim(records []stream.Record, look func(*stream.Record)) {
	last := map[string]*stream.Record{} // array by topic; nil after the first
	for i := range records {
		r := &records[i]
		if len(r.Payload) < largePayload {
			look(r)
		} else if _, known := last[r.Topic]; known {
			last[r.Topic] = r
		} else {
			last[r.Topic] = nil
			look(r)
		}
	}
	for _, r := range last {
		if r != nil {
			look(r)
		}
	}
}

// saveSightings saves what the scout has found until ctx is done.
func (l *lane) saveSightings(ctx context.Context, found *sightings) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-found.some:
		}
		l.saveLatest(ctx, found.take())
	}
}

// saveLatest saves newest positions alone, ahead of the backlog. What cannot be
// saved is left to those who save the backlog.
func (l *lane) saveLatest(ctx context.Context, newest []fleet.Position) {
	save, cancel := context.WithTimeout(ctx, saveTimeout)
	defer cancel()
	if _, err := l.store.SaveBatch(save, &fleet.Batch{Latest: newest}); err != nil && ctx.Err() == nil {
		l.m.retries.WithLabelValues("scout").Inc()
		l.logger.Warn("latest positions ahead of the backlog", "error", err)
	}
}

// Sightings are the newest positions that a scout has found and not saved yet.
type sightings struct {
	mu     sync.Mutex
	newest map[driver]fleet.Position // of at most maxSightings drivers
	some   chan struct{}
}

const maxSightings = 50_000

// look notes the newest position in r, unless there is a newer one of its driver.
func (s *sightings) look(r *stream.Record) {
	p := newest(r)
	if p == nil {
		return
	}
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
