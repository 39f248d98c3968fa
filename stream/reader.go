package stream

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/dray-fleet/dray/fleet"
	"github.com/nats-io/nats.go/jetstream"
)

// fetchBytes of payloads are enough for one Fetch: some 10,000 fixes.
const fetchBytes = 1 << 20

// prefetchFrames is how many frames a Reader holds ahead of Fetch: 6 MiB of
// full ones.
const prefetchFrames = 8

// closeTimeout is how long a Reader that closes waits for the server.
const closeTimeout = time.Second

// ErrBehind reports an offset beyond the end of the stream.
var ErrBehind = errors.New("stream is older than the offset in the store: was its directory replaced by an earlier copy?")

// A Record is a publication with its place: the frame's number in its
// partition, and its own in the frame.
type Record struct {
	fleet.Publication
	Seq   uint64
	Index int
}

// A Reader reads one partition in order, from one goroutine. There is no
// redelivery within it: who fails to save a record keeps it and tries again;
// after a crash a new Reader begins at the first record that was not
// acknowledged, or a second before it.
type Reader struct {
	l     *Log
	p     *partition
	next  uint64 // the frame that comes next; 0 is the first one since
	since time.Time

	consumer jetstream.Consumer // of it
	it       jetstream.MessagesContext
}

// Reader begins to read partition i after the frame numbered after, through which
// all is saved, or with the oldest frame that is there. It fails with ErrBehind
// when there is no such number yet: going on would pass over new frames.
func (l *Log) Reader(ctx context.Context, i int, after uint64) (*Reader, error) {
	p := l.parts[i]
	info, err := p.stream.Info(ctx)
	if err != nil {
		return nil, fmt.Errorf("stream: partition %d: %w", i, err)
	}
	if after > info.State.LastSeq {
		return nil, fmt.Errorf("%w: partition %d ends at frame %d, the offset is %d", ErrBehind, i, info.State.LastSeq, after)
	}
	r := &Reader{l: l, p: p, next: after + 1}
	r.Ack(after)
	return r, nil
}

// Tail begins to read partition i with what was appended since then, beside the
// Reader that acknowledges.
func (l *Log) Tail(i int, since time.Time) *Reader {
	return &Reader{l: l, p: l.parts[i], since: since}
}

// ID names the incarnation of a partition's stream; in another one the numbers
// of the frames begin again at 1. It is empty when numbers may come again in
// the same one, because a power cut can take unsynced frames away.
func (l *Log) ID(i int) string {
	if l.server != nil && l.opts.Sync != SyncAlways {
		return ""
	}
	return l.parts[i].created
}

// Fetch returns the records that come next: about n of them (frames are not
// divided) or 1 MiB, or what there is within wait of the first. It blocks until
// there is one.
func (r *Reader) Fetch(ctx context.Context, n int, wait time.Duration) ([]Record, error) {
	var records []Record
	size := 0
	deadline := ctx
	for len(records) < n && size < fetchBytes {
		before := len(records)
		var err error
		if records, err = r.Next(deadline, records); err != nil {
			if len(records) > 0 { // the wait is over; any other error comes again
				return records, nil
			}
			return nil, err
		}
		for i := range records[before:] {
			size += len(records[before+i].Payload)
		}
		if deadline == ctx {
			var cancel context.CancelFunc
			deadline, cancel = context.WithTimeout(ctx, wait)
			defer cancel()
		}
	}
	return records, nil
}

// Next appends the records of the next frame to dst. It blocks until there is
// one. A frame that cannot be decoded is logged, counted and passed over.
func (r *Reader) Next(ctx context.Context, dst []Record) ([]Record, error) {
	for before := len(dst); len(dst) == before; {
		msg, err := r.message(ctx)
		if err != nil {
			return dst, err
		}
		if dst, err = r.decode(dst, msg); err != nil {
			return dst, err
		}
	}
	return dst, nil
}

func (r *Reader) decode(dst []Record, msg jetstream.Msg) ([]Record, error) {
	meta, err := msg.Metadata()
	if err != nil {
		return dst, fmt.Errorf("stream: %w", err)
	}
	seq := meta.Sequence.Stream
	if r.since.IsZero() && r.next > 1 && seq > r.next { // what is acknowledged is not asked for
		r.l.m.missing.Add(float64(seq - r.next))
		r.l.log.Error("stream frames are missing: a file of the stream is damaged", "subject", r.p.subject, "from", r.next, "to", seq-1)
	}
	r.next = seq + 1
	dst, err = decodeFrame(dst, msg.Data(), seq)
	if err != nil {
		r.l.m.corrupt.Inc()
		r.l.log.Error("stream frame cannot be decoded", "subject", r.p.subject, "seq", seq, "bytes", len(msg.Data()), "error", err)
	}
	return dst, nil
}

// message returns the next message. After a failure the next call begins anew
// where this one stopped.
func (r *Reader) message(ctx context.Context) (jetstream.Msg, error) {
	if r.it == nil {
		if err := r.subscribe(ctx); err != nil {
			return nil, fmt.Errorf("stream: read %s: %w", r.p.subject, err)
		}
	}
	msg, err := r.it.Next(jetstream.NextContext(ctx))
	if err == nil {
		return msg, nil
	}
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	r.Close()
	return nil, fmt.Errorf("stream: read %s: %w", r.p.subject, err)
}

func (r *Reader) subscribe(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, appendTimeout)
	defer cancel()
	from := jetstream.OrderedConsumerConfig{DeliverPolicy: jetstream.DeliverByStartSequencePolicy, OptStartSeq: r.next}
	if r.next == 0 {
		from = jetstream.OrderedConsumerConfig{DeliverPolicy: jetstream.DeliverByStartTimePolicy, OptStartTime: &r.since}
	}
	c, err := r.l.js.OrderedConsumer(ctx, r.p.name, from)
	if err != nil {
		return err
	}
	it, err := c.Messages(jetstream.PullMaxMessages(prefetchFrames))
	if err != nil {
		return err
	}
	r.consumer, r.it = c, it
	return nil
}

// Ack says that every frame through seq has been saved and need not be kept. It
// may be called while another goroutine fetches.
func (r *Reader) Ack(seq uint64) {
	for old := r.p.floor.Load(); old < seq && !r.p.floor.CompareAndSwap(old, seq); old = r.p.floor.Load() {
	}
}

// Close ends the delivery. What was not acknowledged stays.
func (r *Reader) Close() {
	if r.it == nil {
		return
	}
	r.it.Stop()
	r.it = nil
	// The client library leaves its consumer to the server, which keeps it for
	// five minutes; of scouts, which come and go, many would gather.
	if info := r.consumer.CachedInfo(); info != nil {
		ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
		defer cancel()
		_ = r.p.stream.DeleteConsumer(ctx, info.Name) // one that cannot be reached ends in those minutes
	}
}

// purge removes what has been acknowledged, but for the last acknowledged frame:
// so that the numbering survives in a frame and not only in the server's notes.
func (p *partition) purge(ctx context.Context) error {
	floor := p.floor.Load()
	if floor == p.purged {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, attemptTimeout)
	defer cancel()
	if err := p.stream.Purge(ctx, jetstream.WithPurgeSequence(floor)); err != nil {
		return err
	}
	p.purged = floor
	return nil
}
