package batch

import (
	"errors"
	"sync"

	"github.com/dray-fleet/dray/fleet"
)

// ErrErased reports that a driver was erased since Erasures was set: the batch
// has to be looked through again, and numbers of reporters may be gone.
var ErrErased = errors.New("a driver was erased meanwhile")

// Erasures remembers when drivers were erased, so that what was received before
// does not bring anything of them back. The zero value knows of none.
type Erasures struct {
	mu     sync.Mutex
	newest int64 // in microseconds
	marks  map[Driver]int64
}

// Set replaces what is known.
func (e *Erasures) Set(marks map[Driver]int64) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.marks, e.newest = marks, 0
	for _, at := range marks {
		e.newest = max(e.newest, at)
	}
}

// Without returns b without what was received of drivers before they were
// erased, how many positions that leaves out, and the newest erasure it knows
// of, for comparing within the transaction.
func (e *Erasures) Without(b *fleet.Batch) (rest *fleet.Batch, dropped int, newest int64) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if !e.concerns(b) {
		return b, 0, e.newest
	}
	r := fleet.Batch{Offset: b.Offset, Thinned: map[fleet.Source]int64{}}
	for _, p := range b.Positions {
		if p.ReceivedAt.UnixMicro() > e.marks[DriverOf(&p)] {
			r.Positions = append(r.Positions, p)
		}
	}
	for _, p := range b.Latest {
		if p.ReceivedAt.UnixMicro() > e.marks[DriverOf(&p)] {
			r.Latest = append(r.Latest, p)
		}
	}
	for _, rep := range b.Reports {
		if rep.ReceivedAt.UnixMicro() > e.marks[Driver{rep.Fleet, rep.Driver}] {
			r.Reports = append(r.Reports, rep)
		}
	}
	for _, d := range b.Dead {
		if d.ReceivedAt.UnixMicro() > e.marks[Driver{d.Fleet, d.Driver}] {
			r.Dead = append(r.Dead, d)
		}
	}
	for _, d := range b.Dispatch {
		if d.Letter.ReceivedAt.UnixMicro() <= e.marks[Driver{d.Letter.Fleet, d.Letter.Driver}] {
			d = impersonal(d)
		}
		r.Dispatch = append(r.Dispatch, d)
	}
	for _, d := range b.Disagreements {
		if d.At.UnixMicro() > e.marks[Driver{d.Fleet, d.Driver}] {
			r.Disagreements = append(r.Disagreements, d)
		}
	}
	// Sightings and receipts do not say when they were received; their fixes are older still.
	for _, see := range b.Sightings {
		if see.At.UnixMicro() > e.marks[Driver{see.Fleet, see.Driver}] {
			r.Sightings = append(r.Sightings, see)
		}
	}
	for _, rec := range b.Receipts {
		if rec.From.UnixMicro() > e.marks[Driver{rec.Source.Fleet, rec.Source.Driver}] {
			r.Receipts = append(r.Receipts, rec)
		}
	}
	alive := map[Driver]bool{}
	for _, d := range Drivers(&r) {
		alive[d] = true
	}
	for s, n := range b.Thinned {
		if d := (Driver{s.Fleet, s.Driver}); e.marks[d] == 0 || alive[d] {
			r.Thinned[s] = n
		}
	}
	return &r, len(b.Positions) - len(r.Positions), e.newest
}

// impersonal returns what of a report is about the shipment or assignment alone.
func impersonal(d fleet.DispatchReport) fleet.DispatchReport {
	if s := d.Status; s != nil {
		d.Status = &fleet.StatusReport{Status: s.Status, At: s.At, Version: s.Version}
	}
	if r := d.Receipt; r != nil {
		d.Receipt = &fleet.AssignmentReceipt{State: r.State, At: r.At}
	}
	d.Letter.Payload = nil
	return d
}

// concerns reports whether b speaks of a driver that was erased.
func (e *Erasures) concerns(b *fleet.Batch) bool {
	if len(e.marks) == 0 {
		return false
	}
	for _, d := range Drivers(b) {
		if _, ok := e.marks[d]; ok {
			return true
		}
	}
	for _, d := range b.Dead {
		if _, ok := e.marks[Driver{d.Fleet, d.Driver}]; ok {
			return true
		}
	}
	for _, d := range b.Dispatch {
		if _, ok := e.marks[Driver{d.Letter.Fleet, d.Letter.Driver}]; ok {
			return true
		}
	}
	return false
}
