package ingest

import (
	"fmt"
	"maps"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/dray-fleet/dray/stream"
)

// subjectErased tells every process that ingests whose data was erased.
const subjectErased = "ingest.erased"

// TellErased has every other process that ingests forget what it knows of a
// driver; see Worker.Erased.
func TellErased(log *stream.Log, fleetID, driverID string) error {
	return log.Send(subjectErased, []byte(fleetID+"/"+driverID))
}

// Erased is to be told when the data of a driver was erased: what is sent again
// after that is no repeat, and no slot is taken.
func (w *Worker) Erased(fleetID, driverID string) { w.erasures.add(driver{fleetID, driverID}) }

// hearErased listens to the other processes until stop is called.
func (w *Worker) hearErased() (stop func(), err error) {
	stop, err = w.log.Listen(subjectErased, func(_ string, data []byte) {
		if fleetID, driverID, ok := strings.Cut(string(data), "/"); ok {
			w.Erased(fleetID, driverID)
		}
	})
	if err != nil {
		return nil, fmt.Errorf("ingest: %w", err)
	}
	return stop, nil
}

// maxErasures bounds what is known of erasures; when they are more, it begins again.
const maxErasures = 10_000

// Erasures are the drivers whose data was erased, and when that was heard here.
type erasures struct {
	mu sync.Mutex
	at atomic.Pointer[map[driver]time.Time]
}

func (e *erasures) add(d driver) {
	e.mu.Lock()
	defer e.mu.Unlock()
	all := map[driver]time.Time{}
	if old := e.at.Load(); old != nil && len(*old) < maxErasures {
		all = maps.Clone(*old)
	}
	all[d] = time.Now()
	e.at.Store(&all)
}

// of returns when an erasure of d was heard, the zero time when none was.
func (e *erasures) of(d driver) time.Time {
	if all := e.at.Load(); all != nil {
		return (*all)[d]
	}
	return time.Time{}
}

// forget drops what s remembers of fixes, if that is older than an erasure. Its
// clock is what it was.
func (s *source) forget(erased time.Time) {
	if !erased.After(s.forgot) {
		return
	}
	g := s.member.group
	g.shown, g.disagreed = nil, time.Time{}
	*s.member = member{group: g}
	s.seen, s.oldest, s.boot, s.seq, s.at = nil, 0, "", 0, 0
	s.thin, s.thinFuture, s.forgot = thinner{}, thinner{}, erased
}
