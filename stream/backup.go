package stream

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// Retain keeps what is acknowledged from being removed until release is called.
func (l *Log) Retain() (release func()) {
	l.holds.Add(1)
	return sync.OnceFunc(func() { l.holds.Add(-1) })
}

// Export calls fn with every frame that the stream holds, in the order of each
// partition, and returns a moment: what was appended before it was among them.
func (l *Log) Export(ctx context.Context, fn func(partition int, seq uint64, frame []byte) error) (until time.Time, err error) {
	next := make([]uint64, len(l.parts))
	for range 2 { // the second time for what came during the first, so that the moment is near the end
		until = time.Now()
		for i := range l.parts {
			if next[i], err = l.export(ctx, i, next[i], fn); err != nil {
				return time.Time{}, fmt.Errorf("stream: export partition %d: %w", i, err)
			}
		}
	}
	return until, nil
}

// export calls fn with the frames of partition i from seq on and returns the
// number of the one that comes next.
func (l *Log) export(ctx context.Context, i int, seq uint64, fn func(partition int, seq uint64, frame []byte) error) (uint64, error) {
	p := l.parts[i]
	info, err := p.stream.Info(ctx)
	if err != nil {
		return 0, err
	}
	for seq = max(seq, info.State.FirstSeq, 1); seq <= info.State.LastSeq; seq++ {
		msg, err := p.stream.GetMsg(ctx, seq)
		if errors.Is(err, jetstream.ErrMsgNotFound) {
			continue // removed before: its records are in the store
		}
		if err != nil {
			return 0, fmt.Errorf("frame %d: %w", seq, err)
		}
		if err := fn(i, seq, msg.Data); err != nil {
			return 0, err
		}
	}
	return seq, nil
}

// Import appends a frame that Export gave, under a number of its own.
func (l *Log) Import(ctx context.Context, partition int, frame []byte) error {
	if partition < 0 || partition >= len(l.parts) {
		return fmt.Errorf("stream: there is no partition %d", partition)
	}
	if _, err := l.js.Publish(ctx, l.parts[partition].subject, frame); err != nil {
		return fmt.Errorf("stream: import: %w", err)
	}
	return nil
}
