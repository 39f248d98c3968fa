package ingest

import (
	"context"
	"errors"
	"math"
	"time"

	"github.com/dray-fleet/dray/fleet"
)

const (
	// maxTries is how often a batch is divided at most until a record that the
	// store refuses stands alone: the whole, a piece, the record.
	maxTries = 3

	// slowSave is how long a store may take to fail until the next try is with
	// half of the batch: it may be away, or the batch may be more than it can
	// take in the time that it has for one.
	slowSave = 10 * time.Second
)

// save stores w. It waits for a store that is away, and returns an error only
// when ctx is done. A batch that the store refuses is saved in pieces, so that
// the record at fault is found and buried and the others are stored; only the
// last piece carries the offset.
func (l *lane) save(ctx context.Context, w *work) error {
	l.m.batchRecords.Observe(float64(w.records))
	return l.saveTry(ctx, w.items, l.offset(w.last), 1)
}

func (l *lane) saveTry(ctx context.Context, items []*item, offset *fleet.Offset, try int) error {
	err := l.saveBatch(ctx, items, offset)
	var invalid *fleet.InvalidError
	size := 1
	switch {
	case errors.Is(err, errSlow):
		size = (len(items) + 1) / 2
	case !errors.As(err, &invalid):
		return err
	case len(items) == 0:
		l.logger.Error("offset refused", "error", err)
		return nil
	case len(items) == 1:
		it := items[0]
		if it.dead != nil { // not even as a dead letter
			l.m.dead.WithLabelValues(deadRefused).Inc()
			l.logger.Error("dead letter refused", "id", it.dead.ID, "topic", it.Topic, "error", err)
			return l.saveTry(ctx, nil, offset, maxTries)
		}
		l.bury(it, deadRefused, invalid)
		return l.saveTry(ctx, items, offset, maxTries)
	default:
		if try++; try < maxTries {
			size = int(math.Ceil(math.Sqrt(float64(len(items)))))
		}
	}
	for len(items) > 0 {
		n := min(size, len(items))
		var at *fleet.Offset
		if n == len(items) {
			at = offset
		}
		if err := l.saveTry(ctx, items[:n], at, try); err != nil {
			return err
		}
		items = items[n:]
	}
	return nil
}

// errSlow says that a batch of more than one item failed only after a long time.
var errSlow = errors.New("the store took long, and failed")

func (l *lane) saveBatch(ctx context.Context, items []*item, offset *fleet.Offset) error {
	b := assemble(items, offset)
	var saved fleet.Saved
	slow := false
	began := time.Now()
	err := l.patiently(ctx, "store", func() (err error) {
		if slow {
			return nil
		}
		tried := time.Now()
		ctx, cancel := context.WithTimeout(ctx, saveTimeout)
		defer cancel()
		saved, err = l.store.SaveBatch(ctx, b)
		slow = err != nil && len(items) > 1 && time.Since(tried) > slowSave
		return err
	})
	if slow && err == nil {
		return errSlow
	}
	if err != nil {
		return err
	}
	now := time.Now()
	l.m.batchSeconds.Observe(now.Sub(began).Seconds())
	l.m.rows.Add(float64(saved.Positions))
	l.m.duplicates.Add(float64(saved.Duplicates))
	l.m.erased.Add(float64(saved.Erased))
	l.m.dead.WithLabelValues(deadRefused).Add(float64(saved.Refused))
	for _, it := range items {
		l.m.delay.Observe(now.Sub(it.ReceivedAt).Seconds())
		switch {
		case it.dead != nil:
			l.m.dead.WithLabelValues(it.reason).Inc()
		case it.ignored != "":
			l.m.ignored.WithLabelValues(it.ignored).Inc()
		}
	}
	return nil
}
