package stream

import (
	"context"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go/jetstream"
)

// Export calls fn with every frame that the stream holds now, in the order of
// each partition. Frames that were acknowledged and removed meanwhile are passed
// over: their records are in the store.
func (l *Log) Export(ctx context.Context, fn func(partition int, seq uint64, frame []byte) error) error {
	for i, p := range l.parts {
		info, err := p.stream.Info(ctx)
		if err != nil {
			return fmt.Errorf("stream: export partition %d: %w", i, err)
		}
		for seq := max(info.State.FirstSeq, 1); seq <= info.State.LastSeq; seq++ {
			msg, err := p.stream.GetMsg(ctx, seq)
			if errors.Is(err, jetstream.ErrMsgNotFound) {
				continue
			}
			if err != nil {
				return fmt.Errorf("stream: export frame %d of partition %d: %w", seq, i, err)
			}
			if err := fn(i, seq, msg.Data); err != nil {
				return err
			}
		}
	}
	return nil
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
