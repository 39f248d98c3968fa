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

	// slowSave is how long a store may take to fail until it is tried with half
	// as much: it may be away, or that was more than it can take in one go.
	slowSave = 10 * time.Second

	// trailing is how many positions a driver has in a batch that is more of a
	// backlog than of live traffic: its newest ones are saved first.
	trailing = 8
)

// errSlow says that the store has failed after a long time.
var errSlow = errors.New("the store took long, and failed")

// save stores w. It waits for a store that is away, and returns an error only
// when ctx is done. To a store that is slow it is given in pieces, which grow
// again as they succeed. Only the last piece carries the offset.
func (l *lane) save(ctx context.Context, w *work) error {
	l.m.batchRecords.Observe(float64(w.records))
	items := w.items
	if w.positions >= gentleItems {
		if newest := latest(items); w.positions > trailing*len(newest) {
			l.saveLatest(ctx, newest)
		}
	}
	for {
		n, offset := len(items), l.offset(w.last)
		if 0 < l.most && l.most < n {
			n, offset = l.most, nil
		}
		began := time.Now()
		err := l.saveTry(ctx, items[:n], offset, 1)
		switch {
		case errors.Is(err, errSlow):
			l.most = (n + 1) / 2
			l.logger.Warn("ingest saves less at once", "items", l.most)
			continue
		case err != nil:
			return err
		case time.Since(began) < slowSave && l.most > 0:
			if l.most += 1 + l.most/4; l.most >= batchItems {
				l.most = 0
			}
		}
		if items = items[n:]; len(items) == 0 {
			return nil
		}
	}
}

// saveTry stores items. Those that the store refuses are saved in pieces, so that
// the record at fault is found and buried and the others are stored.
func (l *lane) saveTry(ctx context.Context, items []*item, offset *fleet.Offset, try int) error {
	err := l.saveBatch(ctx, items, offset, try)
	var invalid *fleet.InvalidError
	if !errors.As(err, &invalid) {
		return err
	}
	if len(items) == 1 {
		it := items[0]
		if it.dead != nil { // not even as a dead letter
			l.m.dead.WithLabelValues(deadRefused).Inc()
			l.logger.Error("dead letter refused", "id", it.dead.ID, "topic", it.Topic, "error", err)
			return l.saveTry(ctx, nil, offset, maxTries)
		}
		l.bury(it, deadRefused, invalid)
		return l.saveTry(ctx, items, offset, maxTries)
	}
	if len(items) == 0 {
		l.logger.Error("offset refused", "error", err)
		return nil
	}
	size := 1
	if try+1 < maxTries {
		size = int(math.Ceil(math.Sqrt(float64(len(items)))))
	}
	for len(items) > 0 {
		n := min(size, len(items))
		var at *fleet.Offset
		if n == len(items) {
			at = offset
		}
		if err := l.saveTry(ctx, items[:n], at, try+1); err != nil {
			return err
		}
		items = items[n:]
	}
	return nil
}

func (l *lane) saveBatch(ctx context.Context, items []*item, offset *fleet.Offset, try int) error {
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
		slow = err != nil && try == 1 && len(items) > 1 && time.Since(tried) >= slowSave
		return err
	})
	if err != nil {
		return err
	}
	if slow {
		return errSlow
	}
	now := time.Now()
	l.m.batchSeconds.Observe(now.Sub(began).Seconds())
	l.m.rows.Add(float64(saved.Positions))
	l.m.duplicates.Add(float64(saved.Duplicates))
	l.m.erased.Add(float64(saved.Erased))
	l.m.dead.WithLabelValues(deadRefused).Add(float64(saved.Refused))
	l.delays.add(items, now)
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
