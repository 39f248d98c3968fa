package ingest

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"github.com/dray-fleet/dray/codec"
	"github.com/dray-fleet/dray/fleet"
	"github.com/dray-fleet/dray/stream"
)

// maxDeadPayload is how much of a dead letter's payload is kept, in bytes.
const maxDeadPayload = 64 << 10

// An item is a record and what became of it: positions, a report or a dead
// letter. judge completes it.
type item struct {
	*stream.Record
	positions []fleet.Position // of the history, once judged
	latest    *fleet.Position  // the newest plausible one, thinned or not
	receipts  []fleet.Receipt  // of the thinned ones
	thinned   map[fleet.Source]int64
	report    *fleet.Report
	dead      *fleet.DeadLetter
	reason    string // why it is dead, as the metrics count it
}

// Why a record became a dead letter, as the metrics count it.
const (
	deadTopic       = "topic"       // not an upstream topic
	deadMalformed   = "malformed"   // its payload
	deadUnsupported = "unsupported" // a kind that this version keeps for later
	deadRefused     = "refused"     // by the store
)

// decode never fails: what cannot be decoded is a dead letter.
func (l *lane) decode(r *stream.Record) *item {
	it := &item{Record: r}
	u, ok := fleet.ParseUpstream(r.Topic)
	if !ok {
		l.bury(it, u, deadTopic, fleet.Invalid("topic", "is not one that a driver reports on"))
		return it
	}
	switch u.Kind {
	case fleet.KindStatus, fleet.KindReceipt:
		l.bury(it, u, deadUnsupported, fleet.Invalid("topic", "is not supported yet; the report is kept here"))
		return it
	}
	if err := it.decode(u); err != nil {
		l.bury(it, u, deadMalformed, err)
	}
	return it
}

func (it *item) decode(u fleet.Upstream) error {
	switch u.Kind {
	case fleet.KindLocation:
		fixes, err := codec.Location(it.Payload, u.Driver)
		if err != nil {
			return err
		}
		it.positions = make([]fleet.Position, len(fixes))
		for i, f := range fixes {
			if f.Source == "" {
				f.Source = defaultSource(&it.Publication)
			}
			it.positions[i] = fleet.Position{Fleet: u.Fleet, Driver: u.Driver, Fix: f, ReceivedAt: it.ReceivedAt}
		}
	case fleet.KindHealth:
		h, err := codec.Health(it.Payload)
		if err != nil {
			return err
		}
		if h.At.IsZero() {
			h.At = it.ReceivedAt
		}
		it.report = &fleet.Report{Fleet: u.Fleet, Driver: u.Driver, ReceivedAt: it.ReceivedAt, Health: &h}
	case fleet.KindDuty:
		d, at, err := codec.Duty(it.Payload)
		if err != nil {
			return err
		}
		if at.IsZero() {
			at = it.ReceivedAt
		}
		it.report = &fleet.Report{Fleet: u.Fleet, Driver: u.Driver, ReceivedAt: it.ReceivedAt, Duty: d, DutyAt: at}
	}
	return nil
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

// bury makes it a dead letter. Its id is made of the record's place and time,
// so that a redelivery is the same letter.
func (l *lane) bury(it *item, u fleet.Upstream, reason string, err error) {
	var invalid *fleet.InvalidError
	if !errors.As(err, &invalid) {
		invalid = &fleet.InvalidError{Field: "payload", Reason: err.Error()}
	}
	place := sha256.Sum256(fmt.Appendf(nil, "%s/%d/%d/%d/%s", l.id, l.partition, it.Seq, it.Index, it.ReceivedAt.Format(time.RFC3339Nano)))
	*it = item{Record: it.Record, reason: reason, dead: &fleet.DeadLetter{
		ID:         hex.EncodeToString(place[:16]),
		Fleet:      cmp.Or(u.Fleet, it.Fleet),
		Driver:     cmp.Or(u.Driver, it.Driver),
		Topic:      it.Topic,
		Field:      invalid.Field,
		Reason:     invalid.Reason,
		ReceivedAt: it.ReceivedAt,
		Payload:    it.Payload[:min(len(it.Payload), maxDeadPayload)],
	}}
	l.logger.Debug("dead letter", "fleet", it.dead.Fleet, "driver", it.dead.Driver, "topic", it.Topic, "id", it.dead.ID, "error", invalid)
}
