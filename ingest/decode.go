package ingest

import (
	"time"

	"cmp"
	"crypto/sha256"
	"encoding/hex"

	"github.com/dray-fleet/dray/codec"
	"github.com/dray-fleet/dray/fleet"
	"github.com/dray-fleet/dray/stream"
)

// An item is a record and what is to be stored of it: positions, a report or a
// dead letter. judge adds those of the fixes.
type item struct {
	stream.Record
	from          fleet.Upstream
	positions     []fleet.Position     // of the history, once judged
	latest        *fleet.Position      // the newest plausible one of its driver, thinned or not
	thinned       []thinned            // of its source, in this record and others
	receipts      []fleet.Receipt      // of those
	sightings     []fleet.Sighting     // of its source at geofences, likewise
	disagreements []fleet.Disagreement // of the driver's sources
	report        *fleet.Report
	dispatch      *fleet.DispatchReport
	dead          *fleet.DeadLetter
	reason        string // why it is dead, as the metrics count it
	ignored       string // why a vendor's message leaves nothing, as the metrics count it
}

// Thinned counts fixes that are left out of history.
type thinned struct {
	source fleet.Source
	fixes  int64
}

// decode decodes record i of c. It never fails: what cannot be decoded is a dead
// letter. It returns nil when there is nothing but fixes.
func (l *lane) decode(c *chunk, i int) *item {
	it := &item{Record: c.records[i]}
	if it.from = upstream(&it.Publication); it.from.Kind == fleet.KindNone {
		l.bury(it, deadTopic, fleet.Invalid("topic", "is not one that a driver or device reports on"))
		return it
	}
	fixes, err := it.decode()
	if err == nil && len(fixes) > 0 {
		err = l.addFixes(c, i, it.from, codec.AppendFixes(nil, fixes))
	}
	if err != nil {
		l.bury(it, deadMalformed, err)
	}
	if it.dispatch != nil {
		it.dispatch.Letter = l.letter(it)
	}
	if it.dead == nil && it.report == nil && it.dispatch == nil && it.ignored == "" {
		return nil
	}
	return it
}

// urgent reports whether somebody waits for what it says.
func (it *item) urgent() bool {
	return it != nil && (it.dispatch != nil || it.report != nil && it.report.Duty != "")
}

// upstream says what p is. On a vendor's topic the identity is not in the topic,
// or not to be trusted there: it is that of who published.
func upstream(p *fleet.Publication) fleet.Upstream {
	if u, ok := fleet.ParseUpstream(p.Topic); ok {
		return u
	}
	u := fleet.Upstream{Fleet: p.Fleet, Driver: cmp.Or(p.Driver, p.Subject)}
	if p.Role == fleet.RoleDevice && fleet.ValidID(u.Fleet) && fleet.ValidID(u.Driver) {
		u.Kind = fleet.KindVendor
	}
	return u
}

// decode reads the payload. The fixes in it are left to the caller.
func (it *item) decode() ([]fleet.Fix, error) {
	switch it.from.Kind {
	case fleet.KindLocation:
		if it.Decoded {
			return codec.Fixes(it.Payload)
		}
		return codec.Location(it.Payload, it.from.Driver)
	case fleet.KindHealth:
		h, err := codec.Health(it.Payload)
		if err != nil {
			return nil, err
		}
		it.hasHealth(h)
	case fleet.KindDuty:
		d, at, err := codec.Duty(it.Payload)
		if err != nil {
			return nil, err
		}
		at = it.saidAt(at)
		it.report = &fleet.Report{Fleet: it.from.Fleet, Driver: it.from.Driver, ReceivedAt: it.ReceivedAt, Duty: d, DutyAt: at}
	case fleet.KindStatus:
		s, err := codec.Status(it.Payload)
		if err != nil {
			return nil, err
		}
		it.dispatch = &fleet.DispatchReport{ID: it.from.ID, Actor: it.Subject, Status: &s}
	case fleet.KindReceipt:
		r, err := codec.Receipt(it.Payload)
		if err != nil {
			return nil, err
		}
		it.dispatch = &fleet.DispatchReport{ID: it.from.ID, Actor: it.Subject, Receipt: &r}
	case fleet.KindCommand:
		r, err := codec.CommandReceipt(it.Payload)
		if err != nil {
			return nil, err
		}
		it.dispatch = &fleet.DispatchReport{ID: it.from.ID, Actor: it.Subject, Command: &r}
	case fleet.KindVendor:
		m, err := codec.Vendor(it.Topic, it.Payload, it.ReceivedAt)
		if err != nil {
			return nil, err
		}
		if m.Health != nil {
			it.hasHealth(*m.Health)
		}
		it.ignored = m.Ignored
		return m.Fixes, nil
	}
	return nil, nil
}

// position returns that of the driver at f.
func (it *item) position(f fleet.Fix) *fleet.Position {
	if f.Source == "" {
		f.Source = defaultSource(&it.Publication)
	}
	return &fleet.Position{Fleet: it.from.Fleet, Driver: it.from.Driver, Fix: f, ReceivedAt: it.ReceivedAt}
}

// saidAt is when a report was made: never after its receipt, or a clock that is
// ahead would make it the newest for as long as it is.
func (it *item) saidAt(at time.Time) time.Time {
	if at.IsZero() || at.After(it.ReceivedAt) {
		return it.ReceivedAt
	}
	return at
}

func (it *item) hasHealth(h fleet.Health) {
	h.At = it.saidAt(h.At)
	it.report = &fleet.Report{Fleet: it.from.Fleet, Driver: it.from.Driver, ReceivedAt: it.ReceivedAt, Health: &h}
}

// defaultSource tells a driver's devices apart when the fix does not: two that
// report at the same second are two sources.
func defaultSource(p *fleet.Publication) string {
	switch {
	case p.Role != fleet.RoleDevice:
		return ""
	case len(p.Subject) <= fleet.MaxSource:
		return p.Subject
	}
	sum := sha256.Sum256([]byte(p.Subject))
	return hex.EncodeToString(sum[:fleet.MaxSource/2])
}
