// Package ingest moves what drivers and devices said from the stream to the
// store: decode, judge by the clock, drop repeats, thin, save in batches, and
// only then acknowledge.
//
// What can never be stored becomes a dead letter and holds up nothing. A store
// that is away is waited for; the backlog stays in the stream.
package ingest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/dray-fleet/dray/fleet"
	"github.com/dray-fleet/dray/stream"
	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"
)

const (
	saveTimeout = time.Minute

	firstPause = 100 * time.Millisecond // after a failure; doubles up to lastPause
	lastPause  = 4 * time.Second
)

// A Store keeps batches. An *fleet.InvalidError says that the batch holds
// something that can never be stored; any other error that the store is away.
type Store interface {
	SaveBatch(ctx context.Context, b *fleet.Batch) (fleet.Saved, error)
	Offset(ctx context.Context, stream string, partition int) (uint64, error)
	// LastKept returns the newest positions in history of the drivers that were
	// heard last.
	LastKept(ctx context.Context) ([]fleet.Position, error)
	// Policies returns where the history is kept denser or less dense than
	// Options.MinInterval; asked every few seconds.
	Policies(ctx context.Context) ([]fleet.Policy, error)
	// AllGeofences returns those of every fleet, unless their version is the
	// known one; asked every few seconds.
	AllGeofences(ctx context.Context, known int64) (all []fleet.Geofence, version int64, err error)
}

// A Source gives records in order. Next appends to dst the whole of the frame
// that comes next, and waits for it. Ack says that those through the frame seq
// are saved.
type Source interface {
	Next(ctx context.Context, dst []stream.Record) ([]stream.Record, error)
	Ack(seq uint64)
}

// Options tunes a Worker. The zero value is ready for use.
type Options struct {
	MinInterval time.Duration // of fix time between two positions in history; 0 keeps all; see Store.Policies
	Logger      *slog.Logger
	Registerer  prometheus.Registerer // nil: no metrics are exported
}

// A Worker drains a stream into a store.
type Worker struct {
	log   *stream.Log
	store Store
	opts  Options
	m     *metrics

	policies policies
	fences   fences
	erasures erasures
	delays   delays
}

// New returns a Worker that is not running yet.
func New(log *stream.Log, store Store, opts Options) *Worker {
	opts.Logger = cmp.Or(opts.Logger, slog.Default())
	w := &Worker{log: log, store: store, opts: opts, m: newMetrics(opts.Registerer)}
	w.policies.byDriver.Store(&map[driver]time.Duration{})
	w.fences.byFleet.Store(&map[string][]fleet.Area{})
	return w
}

// Run drains every partition, of a cluster those that no other process drains,
// until ctx is done. It returns an error only when a
// partition cannot be read at all, such as one that is older than its offset.
func (w *Worker) Run(ctx context.Context) error {
	stop, err := w.hearErased()
	if err != nil {
		return err
	}
	defer stop()
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { w.followPolicies(ctx); return nil })
	g.Go(func() error { w.followFences(ctx); return nil })
	for i := range w.log.Partitions() {
		g.Go(func() error {
			return w.log.Hold(ctx, i, func(ctx context.Context) error { return w.lane(i).run(ctx) })
		})
	}
	return g.Wait()
}

// A lane drains one partition. What it remembers of each source is lost with it;
// then the store tells what was saved before, by its keys, and what was kept last.
type lane struct {
	*Worker
	partition int
	id        string // of the stream's incarnation; empty when it has no offsets
	foreign   bool   // of another broker, not of the stream
	memory    *memory
	most      int // items that a slow store is given at once; 0 is all
	scout     scout
	gentle    bool // the next batches are small ones; of the goroutine that gathers
	logger    *slog.Logger
}

func (w *Worker) lane(i int) *lane {
	return &lane{
		Worker: w, partition: i, id: w.log.ID(i), memory: newMemory(), gentle: true,
		logger: w.opts.Logger.With("partition", i),
	}
}

func (l *lane) run(ctx context.Context) error {
	var r *stream.Reader
	var behind error
	err := l.patiently(ctx, "open", func() (err error) {
		r, err = l.open(ctx)
		if errors.Is(err, stream.ErrBehind) {
			behind, err = err, nil // waiting would not help
		}
		return err
	})
	if err := cmp.Or(err, behind); err != nil {
		return stopped(ctx, fmt.Errorf("ingest: %w", err))
	}
	defer r.Close()
	defer l.scout.stop()
	return stopped(ctx, l.drain(ctx, r))
}

// open begins after what the store has saved. The policies and geofences must be
// known before the first fix is judged.
func (l *lane) open(ctx context.Context) (*stream.Reader, error) {
	if err := l.loadPolicies(ctx); err != nil {
		return nil, err
	}
	if err := l.loadFences(ctx); err != nil {
		return nil, err
	}
	var after uint64
	if l.id != "" {
		var err error
		if after, err = l.store.Offset(ctx, l.id, l.partition); err != nil {
			return nil, err
		}
	}
	l.recall(ctx)
	return l.log.Reader(ctx, l.partition, after)
}

// stopped turns the error of a call that ctx has ended into none.
func stopped(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// drain gathers the next batch while the one before is being saved, unless it
// has to give way.
func (l *lane) drain(ctx context.Context, src Source) error {
	g, ctx := errgroup.WithContext(ctx)
	batches := make(chan *work)
	g.Go(func() error {
		var c chunk
		for {
			began := time.Now()
			w, err := l.gather(ctx, src, &c)
			if err != nil {
				return err
			}
			select {
			case batches <- w:
			case <-ctx.Done():
				return ctx.Err()
			}
			l.giveWay(ctx, w, began)
		}
	})
	g.Go(func() error {
		for {
			select {
			case w := <-batches:
				if late := time.Since(w.received); late > behind {
					l.scoutAhead(ctx, late) // saving this may take long
				}
				if err := l.save(ctx, w); err != nil {
					return err
				}
				src.Ack(w.last)
				l.scoutAhead(ctx, time.Since(w.received))
				close(w.saved)
			case <-ctx.Done():
				return ctx.Err()
			}
		}
	})
	return g.Wait()
}

func (l *lane) offset(seq uint64) *fleet.Offset {
	if l.id == "" {
		return nil
	}
	return &fleet.Offset{Stream: l.id, Partition: l.partition, Seq: seq}
}

// patiently calls do until it succeeds, reports an *fleet.InvalidError or ctx
// is done, with longer and longer jittered pauses.
func (l *lane) patiently(ctx context.Context, what string, do func() error) error {
	var invalid *fleet.InvalidError
	for pause := firstPause; ; pause = min(2*pause, lastPause) {
		err := do()
		if err == nil || errors.As(err, &invalid) || ctx.Err() != nil {
			return err
		}
		jittered := pause/2 + rand.N(pause)
		l.m.retries.WithLabelValues(what).Inc()
		l.logger.Error("ingest waits", "for", what, "error", err, "retry_in", jittered)
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(jittered):
		}
	}
}
