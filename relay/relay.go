// Package relay carries what was committed out of the database: events in the
// order of the feed to MQTT and to webhooks, offers to drivers that connect,
// assignments that nobody answers to the next driver, and what dispatchers have
// to look at to alerts.
//
// Everything is told at least once: how far the relay is, is stored after the
// publish, so that a process that is killed in between tells it again. The
// version in the payload says which of two is the newer. Of all relays on one
// database one publishes and one delivers; another takes over when it is gone.
package relay

import (
	"cmp"
	"context"
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"

	"github.com/dray-fleet/dray/fleet"
)

// A Store holds the feed and what goes with it; see storetest.Feed.
type Store interface {
	Sequence(ctx context.Context, limit int) (int, error)
	Events(ctx context.Context, q fleet.EventQuery) ([]fleet.Event, error)
	LastEvent(ctx context.Context) (int64, error)
	PruneEvents(ctx context.Context, before time.Time) error
	Listen(ctx context.Context, written, sequenced func()) error
	Exclusive(ctx context.Context, name string, fn func(ctx context.Context) error) (ran bool, err error)
	Position(ctx context.Context, reader string) (int64, error)
	SavePosition(ctx context.Context, reader string, cursor int64) error

	Shipment(ctx context.Context, fleetID, id string) (fleet.Shipment, error)
	Assignment(ctx context.Context, fleetID, id string) (fleet.Assignment, error)
	PendingOffers(ctx context.Context, fleetID, driver string) ([]fleet.Offer, error)
	DriverConfig(ctx context.Context, fleetID, driver string) (fleet.DriverConfig, error)
	ExpireAssignments(ctx context.Context, now time.Time) (int, error)
	PendingCommands(ctx context.Context, fleetID, driver string, now time.Time) ([]fleet.Command, error)
	ExpireCommands(ctx context.Context, now time.Time) (int, error)
	SweepAlerts(ctx context.Context, now time.Time, l fleet.AlertLimits) (opened, closed int, err error)

	DueWebhooks(ctx context.Context, now time.Time, limit int) ([]fleet.Webhook, error)
	SaveDelivery(ctx context.Context, w fleet.Webhook, from int64, letter *fleet.DeadLetter) error
}

// A Publisher is the broker.
type Publisher interface {
	Publish(topic string, payload []byte, retain bool, qos byte)
}

// Options tunes a Relay. The zero value is ready for use.
type Options struct {
	AllowPrivate bool          // webhooks may go to loopback and private addresses
	Sweep        time.Duration // longest wait after a lost notification; default 2s
	Keep         time.Duration // age at which events are forgotten; default 7 days
	Alerts       fleet.AlertLimits
	Logger       *slog.Logger
	Registerer   prometheus.Registerer // nil: no metrics are exported
}

const (
	page       = 500                  // events that are read at once
	gathering  = 5 * time.Millisecond // after a move, for more to move at once
	escalation = time.Second
	alerting   = 2 * time.Second
	pruning    = time.Hour

	firstPause = 100 * time.Millisecond // after a failure; doubles up to lastPause
	lastPause  = 5 * time.Second
)

// A Relay moves events out of one store.
type Relay struct {
	store     Store
	publisher Publisher
	opts      Options
	log       *slog.Logger
	m         *metrics
	drivers   drivers
	hooks     *hooks

	written, published, delivered signal // each wakes one loop
}

// New returns a Relay that is not running yet. publisher is nil in a process
// without a broker: then it only moves, delivers and escalates.
func New(store Store, publisher Publisher, opts Options) *Relay {
	opts.Sweep = cmp.Or(opts.Sweep, 2*time.Second)
	opts.Keep = cmp.Or(opts.Keep, 7*24*time.Hour)
	opts.Alerts.Silent = cmp.Or(opts.Alerts.Silent, 10*time.Minute)
	opts.Alerts.Unacknowledged = cmp.Or(opts.Alerts.Unacknowledged, 5*time.Minute)
	opts.Alerts.Battery = cmp.Or(opts.Alerts.Battery, 15)
	opts.Logger = cmp.Or(opts.Logger, slog.Default())
	r := &Relay{
		store: store, publisher: publisher, opts: opts, log: opts.Logger, m: newMetrics(opts.Registerer),
		written: newSignal(), published: newSignal(), delivered: newSignal(),
	}
	r.drivers.init()
	r.hooks = newHooks(r)
	return r
}

// Run moves events until ctx is done. A store that is away is waited for.
func (r *Relay) Run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error {
		r.repeat(ctx, "listen", nil, 0, func(ctx context.Context) (bool, error) { return true, r.store.Listen(ctx, r.written.give, r.wake) })
		return nil
	})
	g.Go(func() error { r.repeat(ctx, "sequence", r.written, r.opts.Sweep, r.sequence); return nil })
	g.Go(func() error { r.repeat(ctx, "escalate", nil, escalation, r.escalate); return nil })
	g.Go(func() error { r.repeat(ctx, "alerts", nil, r.opts.Sweep, r.alone("alerts", r.alert)); return nil })
	g.Go(func() error { r.repeat(ctx, "prune", nil, pruning, r.prune); return nil })
	g.Go(func() error {
		r.repeat(ctx, "webhooks", nil, r.opts.Sweep, r.alone("webhooks", r.hooks.run))
		return nil
	})
	if r.publisher != nil {
		g.Go(func() error { r.repeat(ctx, "publish", nil, r.opts.Sweep, r.alone("mqtt", r.publish)); return nil })
		g.Go(func() error { r.repeat(ctx, "offer", r.drivers.came, 0, r.greet); return nil })
	}
	return g.Wait()
}

// wake is called when there may be something new in the feed.
func (r *Relay) wake() {
	r.published.give()
	r.delivered.give()
}

// repeat calls step until ctx is done: again at once while there is more, else
// when woken and every so often; after a failure with longer and longer pauses.
func (r *Relay) repeat(ctx context.Context, what string, woken signal, every time.Duration, step func(ctx context.Context) (more bool, err error)) {
	pause := firstPause
	for ctx.Err() == nil {
		more, err := step(ctx)
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			jittered := pause/2 + rand.N(pause)
			r.log.Error("relay waits", "for", what, "error", err, "retry_in", jittered)
			r.m.failures.WithLabelValues(what).Inc()
			wait(ctx, nil, jittered)
			pause = min(2*pause, lastPause)
			continue
		}
		pause = firstPause
		if !more {
			wait(ctx, woken, every)
		}
	}
}

// wait waits for a signal or until d is over; a nil signal and a zero d never come.
func wait(ctx context.Context, woken signal, d time.Duration) {
	var over <-chan time.Time
	if d > 0 {
		timer := time.NewTimer(d)
		defer timer.Stop()
		over = timer.C
	}
	select {
	case <-ctx.Done():
	case <-woken:
	case <-over:
	}
}

// alone makes a step of what only one relay does at a time.
func (r *Relay) alone(name string, fn func(ctx context.Context) error) func(ctx context.Context) (bool, error) {
	return func(ctx context.Context) (bool, error) {
		_, err := r.store.Exclusive(ctx, name, fn)
		return false, err
	}
}

func (r *Relay) sequence(ctx context.Context) (more bool, err error) {
	n, err := r.store.Sequence(ctx, page)
	if n > 0 && n < page {
		wait(ctx, nil, gathering)
	}
	return n == page, err
}

func (r *Relay) escalate(ctx context.Context) (bool, error) {
	n, err := r.store.ExpireAssignments(ctx, time.Now())
	r.m.expired.Add(float64(n))
	if err == nil {
		_, err = r.store.ExpireCommands(ctx, time.Now())
	}
	return false, err
}

// alert opens and closes alerts, while this relay is alone.
func (r *Relay) alert(ctx context.Context) error {
	for ctx.Err() == nil {
		opened, closed, err := r.store.SweepAlerts(ctx, time.Now(), r.opts.Alerts)
		if err != nil {
			return err
		}
		r.m.alerts.WithLabelValues("opened").Add(float64(opened))
		r.m.alerts.WithLabelValues("closed").Add(float64(closed))
		wait(ctx, nil, alerting)
	}
	return nil
}

func (r *Relay) prune(ctx context.Context) (bool, error) {
	return false, r.store.PruneEvents(ctx, time.Now().Add(-r.opts.Keep))
}

// A signal remembers that it was given, once.
type signal chan struct{}

func newSignal() signal { return make(signal, 1) }

func (s signal) give() {
	select {
	case s <- struct{}{}:
	default:
	}
}
