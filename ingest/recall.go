package ingest

import (
	"context"

	"github.com/dray-fleet/dray/codec"
	"github.com/dray-fleet/dray/fleet"
)

// recall learns which fixes were kept last, so that after a restart no source has
// a second one in the same slot. If the store does not say, there is one more in
// history: no reason to hold up ingest.
func (l *lane) recall(ctx context.Context) {
	read, cancel := context.WithTimeout(ctx, saveTimeout)
	defer cancel()
	last, err := l.store.LastKept(read)
	if err != nil && ctx.Err() == nil {
		l.m.retries.WithLabelValues("recall").Inc()
		l.logger.Warn("what was kept last", "error", err)
	}
	l.memory.stored = make(map[fleet.Source][]kept)
	for i := range last {
		p := &last[i]
		s := p.SourceOf()
		l.memory.stored[s] = append(l.memory.stored[s], look(&codec.Glance{FixAt: p.FixAt.UnixMicro(), Speed: p.Speed, Heading: p.Heading}))
	}
}
