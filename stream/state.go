package stream

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/dray-fleet/dray/fleet"
)

// How full a partition is when operators are told, and when publishers are
// refused: what is left then is for the messages on their way.
const (
	alarmFill  = 0.70
	refuseFill = 0.95
)

// PartitionState is what was last seen of one partition, at most a second ago.
type PartitionState struct {
	Bytes, MaxBytes uint64
	First, Last     uint64 // sequence numbers of frames
	Backlog         uint64 // frames after the acknowledged one
}

// State is what was last seen of the whole stream.
type State struct {
	Bytes, MaxBytes uint64
	Fill            float64 // of the fullest partition, 0 to 1
	Backlog         uint64  // frames that ingest has not acknowledged
	Alarm           bool    // Fill is above 70 %
	Full            bool    // publishes are refused
}

// State returns what was last seen of the stream.
func (l *Log) State() State {
	var s State
	for _, p := range l.parts {
		if ps := p.state.Load(); ps != nil {
			s.Bytes += ps.Bytes
			s.MaxBytes += ps.MaxBytes
			s.Backlog += ps.Backlog
			s.Fill = max(s.Fill, float64(ps.Bytes)/float64(ps.MaxBytes))
		}
		s.Full = s.Full || p.full.Load()
	}
	s.Alarm = s.Fill >= alarmFill
	return s
}

// Ready asks every partition and returns nil when all of them take appends.
func (l *Log) Ready(ctx context.Context) error {
	if l.server != nil && l.server.broken.Load() {
		return errors.New("stream: a write has failed")
	}
	for i, p := range l.parts {
		if _, err := p.stream.Info(ctx); err != nil {
			return fmt.Errorf("stream: partition %d: %w", i, err)
		}
		if p.full.Load() {
			return fmt.Errorf("stream: partition %d: %w", i, fleet.ErrFull)
		}
	}
	return nil
}

// monitor keeps the state, and removes what was acknowledged, every second.
func (l *Log) monitor(ctx context.Context) {
	defer close(l.monitored)
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	alarm := false
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		l.observe(ctx)
		if s := l.State(); s.Alarm != alarm {
			alarm = s.Alarm
			l.log.Warn("stream fill", "alarm", alarm, "fill", s.Fill, "bytes", s.Bytes, "max_bytes", s.MaxBytes, "backlog_frames", s.Backlog)
		}
	}
}

func (l *Log) observe(ctx context.Context) {
	broken := false
	if l.server != nil {
		if err := l.server.revive(); err != nil {
			l.log.Error("stream", "error", err)
		}
		broken = l.server.broken.Load()
	}
	for i, p := range l.parts {
		var err error
		if l.holds.Load() == 0 {
			err = p.purge(ctx)
		}
		err = errors.Join(err, p.observe(ctx))
		if err == nil && l.holds.Load() == 0 {
			err = p.release(ctx)
		}
		if broken {
			p.full.Store(true) // publishers need not wait to be refused
		}
		if away := err != nil; away != p.away && ctx.Err() == nil {
			p.away = away
			l.log.Warn("stream partition", "partition", i, "away", away, "error", err)
		}
	}
	s := l.State()
	l.m.bytes.Set(float64(s.Bytes))
	l.m.maxBytes.Set(float64(s.MaxBytes))
	l.m.fill.Set(s.Fill)
	l.m.backlog.Set(float64(s.Backlog))
}

func (p *partition) observe(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, attemptTimeout)
	defer cancel()
	info, err := p.stream.Info(ctx)
	if err != nil {
		return err
	}
	s := &PartitionState{
		Bytes: info.State.Bytes, MaxBytes: uint64(info.Config.MaxBytes),
		First: info.State.FirstSeq, Last: info.State.LastSeq,
	}
	// Everything before the first frame was acknowledged by somebody; the first
	// one itself is kept after that, see purge.
	done := max(p.floor.Load(), s.First-min(s.First, 1))
	s.Backlog = s.Last - min(s.Last, done)
	p.state.Store(s)
	p.full.Store(float64(s.Bytes) >= refuseFill*float64(s.MaxBytes))
	return nil
}
