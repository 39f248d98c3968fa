// Package history keeps what is stored from growing without end: hours that are
// over are packed, trips are found in them, and what a fleet does not want to
// keep any longer goes.
//
// It works beside everything else and gives way to it: between two transactions
// it rests for three times as long as the last one took.
package history

import (
	"cmp"
	"context"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/dray-fleet/dray/fleet"
)

// A Store holds the history; see store/storetest for what each method promises.
type Store interface {
	Pack(ctx context.Context, before time.Time, pace func(time.Duration) error) (fleet.Packing, error)
	StoreTrips(ctx context.Context, before time.Time, pace func(time.Duration) error) (trips int, err error)

	Retentions(ctx context.Context) ([]fleet.Retention, error)
	Expiring(ctx context.Context, e fleet.Expiry) (fleet.Expiry, error)
	Expire(ctx context.Context, list []fleet.Expiry, pace func(time.Duration) error) error
	RetentionClock(ctx context.Context) (fleet.RetentionClock, error)
	SaveRetentionClock(ctx context.Context, c fleet.RetentionClock) error
	NewestReceipt(ctx context.Context) (time.Time, error)

	Space(ctx context.Context) (fleet.Space, error)
	SaveUsage(ctx context.Context, u fleet.Usage) error
	Usage(ctx context.Context, since time.Time) ([]fleet.Usage, error)
}

// closedAfter is how long after its end an hour counts as over: most of what is
// late has come by then, and the rest is merged in.
const closedAfter = 30 * time.Minute

// Options tunes a Keeper. The zero value is ready for use.
type Options struct {
	PackEvery   time.Duration // default 10m
	ExpireEvery time.Duration // default 1h
	MaxBytes    int64         // that the database may take; 0 is what its disk has, where that can be seen
	Logger      *slog.Logger
	Registerer  prometheus.Registerer
}

// A Keeper is the loop of this package.
type Keeper struct {
	store   Store
	opts    Options
	log     *slog.Logger
	metrics *metrics
}

// New returns a Keeper of s.
func New(s Store, opts Options) *Keeper {
	opts.PackEvery = cmp.Or(opts.PackEvery, 10*time.Minute)
	opts.ExpireEvery = cmp.Or(opts.ExpireEvery, time.Hour)
	return &Keeper{store: s, opts: opts, log: cmp.Or(opts.Logger, slog.Default()), metrics: newMetrics(opts.Registerer)}
}

// Run packs and expires now and then until ctx is done. What fails is tried
// again the next time.
func (k *Keeper) Run(ctx context.Context) error {
	pack, expire := time.NewTicker(k.opts.PackEvery), time.NewTicker(k.opts.ExpireEvery)
	defer pack.Stop()
	defer expire.Stop()
	if err := k.warn(ctx, time.Now()); err != nil && ctx.Err() == nil {
		k.metrics.failures.Inc()
		k.log.Error("forecast of the disk", "error", err)
	}
	for {
		var what string
		var err error
		select {
		case <-ctx.Done():
			return nil
		case <-pack.C:
			what, err = "pack history", k.pack(ctx, time.Now())
		case <-expire.C:
			what, err = "expire history", k.expire(ctx, time.Now())
		}
		if err != nil && ctx.Err() == nil {
			k.metrics.failures.Inc()
			k.log.Error(what, "error", err)
		}
	}
}

// Pack packs the hours that are over and finds the trips in them, as fast as it
// can.
func (k *Keeper) Pack(ctx context.Context, now time.Time) (done fleet.Packing, trips int, err error) {
	return k.packAt(ctx, now, func(time.Duration) error { return ctx.Err() })
}

// pack is Pack that gives way, and counts.
func (k *Keeper) pack(ctx context.Context, now time.Time) error {
	done, trips, err := k.packAt(ctx, now, rest(ctx))
	k.metrics.packed.Add(float64(done.Positions))
	k.metrics.left.Add(float64(done.Left))
	k.metrics.trips.Add(float64(trips))
	return err
}

func (k *Keeper) packAt(ctx context.Context, now time.Time, pace func(time.Duration) error) (done fleet.Packing, trips int, err error) {
	before := now.Add(-closedAfter)
	if done, err = k.store.Pack(ctx, before, pace); err != nil {
		return done, 0, err
	}
	trips, err = k.store.StoreTrips(ctx, before.Truncate(time.Hour), pace)
	return done, trips, err
}

// longestRest bounds a pause, so that a slow moment does not stop the work.
const longestRest = 5 * time.Second

// rest returns a pace that leaves three quarters of the time to others.
func rest(ctx context.Context) func(time.Duration) error {
	return func(took time.Duration) error {
		t := time.NewTimer(min(3*took, longestRest))
		defer t.Stop()
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-t.C:
			return nil
		}
	}
}
