package ingest

import (
	"context"
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

// Why a record became a dead letter, as the metrics count it.
const (
	deadTopic     = "topic"     // not an upstream topic
	deadMalformed = "malformed" // its payload
	deadRefused   = "refused"   // by the store
)

// bury makes it a dead letter.
func (l *lane) bury(it *item, reason string, err error) {
	var invalid *fleet.InvalidError
	if !errors.As(err, &invalid) {
		invalid = &fleet.InvalidError{Field: "payload", Reason: err.Error()}
	}
	letter := l.letter(it)
	letter.Field, letter.Reason = invalid.Field, invalid.Reason
	*it = item{
		Record: it.Record, from: it.from, reason: reason, dead: &letter,
		thinned: it.thinned, receipts: it.receipts, sightings: it.sightings, // are of others as well
	}
	l.logger.Debug("dead letter", "fleet", it.dead.Fleet, "driver", it.dead.Driver, "topic", it.Topic, "id", it.dead.ID, "error", invalid)
}

// letter is what becomes of it when it is refused, without the reason.
func (l *lane) letter(it *item) fleet.DeadLetter {
	payload := it.Payload
	if fixes, err := codec.Fixes(payload); it.Decoded && err == nil {
		payload = codec.AppendLocation(nil, fixes) // as a person, or Retry, can read it
	}
	return fleet.DeadLetter{
		ID:         l.letterID(it),
		Fleet:      it.from.Fleet,
		Driver:     it.from.Driver,
		Topic:      it.Topic,
		ReceivedAt: it.ReceivedAt,
		Payload:    payload[:min(len(payload), maxDeadPayload)],
	}
}

// letterID is made of the record's place and time, so that a redelivery is the
// same letter. Another broker's messages have no place: there the same words on
// the same topic are the same letter.
func (l *lane) letterID(it *item) string {
	place := fmt.Appendf(nil, "%s/%d/%d/%d/%s", l.id, l.partition, it.Seq, it.Index, it.ReceivedAt.Format(time.RFC3339Nano))
	if l.foreign {
		place = fmt.Appendf(nil, "%s\x00%s", it.Topic, it.Payload)
	}
	sum := sha256.Sum256(place)
	return hex.EncodeToString(sum[:16])
}

// A Retrier stores what dead letters hold.
type Retrier struct{ Store Store }

// Retry stores what d holds, for a program that has learned to read it meanwhile. It is not thinned, and is told apart by the keys of the store, so
// that retrying twice is retrying once. An *fleet.InvalidError says that it still
// cannot be stored. The letter itself is left to the caller.
//
// Which device sent it is not kept in a letter: fixes without a source of their
// own come back as the driver's default source.
func (r Retrier) Retry(ctx context.Context, d fleet.DeadLetter) error {
	it := &item{Record: stream.Record{Publication: fleet.Publication{
		Topic: d.Topic, Payload: d.Payload, ReceivedAt: d.ReceivedAt, Fleet: d.Fleet, Driver: d.Driver,
	}}}
	it.from = upstream(&it.Publication)
	switch it.from.Kind {
	case fleet.KindNone: // a device's letter has its driver
		it.from.Kind = fleet.KindVendor
	case fleet.KindStatus, fleet.KindReceipt, fleet.KindCommand:
		return fleet.Invalid("topic", "is for the driver to report again: the shipment has gone on meanwhile")
	}
	fixes, err := it.decode()
	if err != nil {
		return err
	}
	if it.ignored != "" {
		return fleet.Invalid("payload", "holds nothing to keep: "+it.ignored)
	}
	for _, f := range fixes {
		p := it.position(f)
		if p.Quarantined = future(p.FixAt, p.ReceivedAt, 0); !p.Quarantined {
			it.isLatest(p)
		}
		it.positions = append(it.positions, *p)
	}
	if _, err := r.Store.SaveBatch(ctx, assemble([]*item{it}, nil)); err != nil {
		return fmt.Errorf("ingest: retry: %w", err)
	}
	return nil
}
