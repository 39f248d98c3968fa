package ingest

import (
	"context"
	"time"
)

// A batch ends with the first of these, counted from its first record.
const (
	batchWait   = 200 * time.Millisecond
	urgentWait  = 20 * time.Millisecond  // instead, from what somebody waits for: a status, a receipt, a duty
	busyWait    = 400 * time.Millisecond // instead, with busyRecords in batchWait: then the stream is busy enough
	busyRecords = 10_000
	batchItems  = 20_000
	batchBytes  = 4 << 20 // of records, which are held until the batch is saved
)

// A work is a batch of judged items that is to be saved.
type work struct {
	items     []*item
	positions int
	records   int
	bytes     int
	last      uint64        // the frame that it ends with
	received  time.Time     // its last record
	saved     chan struct{} // closed when it is
}

func (w *work) full(n int) bool {
	return w.positions >= n || len(w.items) >= n || w.bytes >= batchBytes
}

// gather reads records and judges them until there is a batch. It waits until
// there is a record.
func (l *lane) gather(ctx context.Context, src Source, c *chunk) (*work, error) {
	w, n := &work{saved: make(chan struct{})}, batchItems
	if l.gentle {
		n = gentleItems
	}
	err := l.patiently(ctx, "fetch", func() error { return l.read(ctx, src, c) })
	if err != nil {
		return nil, err
	}
	until, cancel := context.WithTimeout(ctx, batchWait)
	defer cancel()
	for busy, urgent := false, false; !l.foreign; {
		if c.urgent && !urgent {
			urgent = true
			until, cancel = context.WithTimeout(until, urgentWait)
			defer cancel()
		}
		if c.full(n) {
			l.finish(c, w)
		}
		if w.full(n) || w.bytes+c.bytes >= batchBytes {
			break
		}
		if err := l.read(until, src, c); err == nil {
			continue
		}
		if busy || urgent || until.Err() == nil || w.records+len(c.records) < busyRecords {
			break // the wait is over; any other error comes again
		}
		busy = true
		until, cancel = context.WithTimeout(ctx, busyWait-batchWait)
		defer cancel()
	}
	l.finish(c, w)
	return w, ctx.Err()
}

// read adds the records that come next to c.
func (l *lane) read(ctx context.Context, src Source, c *chunk) (err error) {
	before := len(c.records)
	c.records, err = src.Next(ctx, c.records)
	l.take(c, before)
	return err
}

// finish judges c, adds it to w and empties it.
func (l *lane) finish(c *chunk, w *work) {
	if len(c.records) == 0 {
		return
	}
	l.judge(c)
	for _, it := range c.items {
		if it != nil {
			w.items = append(w.items, it)
			w.positions += len(it.positions)
		}
	}
	last := &c.records[len(c.records)-1]
	w.last, w.received = last.Seq, last.ReceivedAt
	w.records += len(c.records)
	w.bytes += c.bytes
	c.reset()
}
