package sim

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"log/slog"
	mathrand "math/rand/v2"
	"net/url"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/dray-fleet/dray/fleet"
)

// Options describes the fleet. Token is required; the rest may be zero.
type Options struct {
	Token    func(driver string) (string, error) // the token of a driver, asked for at every connect
	URL      string                              // mqtt, mqtts, ws or wss; default "mqtt://127.0.0.1:1883"
	Fleet    string                              // default "demo"
	Drivers  int                                 // default 20
	Prefix   string                              // of the drivers' ids; default "sim": sim-001, sim-002, …
	Interval time.Duration                       // between the fixes of a driver; default 1s
	City     string                              // one of Cities; default "berlin"
	Tunnel   time.Duration                       // about how long an outage takes; a driver has one in ten times this; 0 is none
	Seed     uint64                              // the same streets and moods for the same seed
	Dials    int                                 // connects at once; default 64
	TLS      *tls.Config                         // for mqtts and wss; nil is the system's roots
	Ledger   string                              // file to note acknowledged fixes in, "driver boot seq" a line; "" is none
	Sent     string                              // file to note fixes in when they are sent, in the form of Ledger; "" is none
	Logger   *slog.Logger                        // default slog.Default()
}

// Stats counts since the start. Publishes are published, then acked or failed;
// the fixes of a failed one are sent again.
type Stats struct {
	Connected                int64 // now
	Published, Acked, Failed int64 // publishes
	Fixes                    int64 // acknowledged
	Dropped                  int64 // fixes that found no room in an outbox
	Waiting                  int64 // fixes that were left over at the end
}

// A Sim is a fleet that does not exist.
type Sim struct {
	opts   Options
	city   city
	roads  *network
	boot   string
	dials  chan struct{}
	ledger *ledger // nil without Options.Ledger
	sent   *ledger // nil without Options.Sent

	connected, published, acked, failed, fixes, dropped, waiting atomic.Int64

	mu        sync.Mutex
	lastError error
}

// New checks the options, lays the streets and opens the ledgers. Run must
// follow, for it closes them.
func New(opts Options) (*Sim, error) {
	opts.URL = cmp.Or(opts.URL, "mqtt://127.0.0.1:1883")
	opts.Fleet = cmp.Or(opts.Fleet, "demo")
	opts.Drivers = cmp.Or(opts.Drivers, 20)
	opts.Prefix = cmp.Or(opts.Prefix, "sim")
	opts.Interval = cmp.Or(opts.Interval, time.Second)
	opts.City = cmp.Or(opts.City, "berlin")
	opts.Dials = cmp.Or(opts.Dials, 64)
	opts.Logger = cmp.Or(opts.Logger, slog.Default())
	c, err := findCity(opts.City)
	if err != nil {
		return nil, err
	}
	u, err := url.Parse(opts.URL)
	switch {
	case err != nil || !slices.Contains([]string{"mqtt", "tcp", "mqtts", "ssl", "tls", "ws", "wss"}, u.Scheme):
		return nil, errors.New("sim: the URL must begin with mqtt://, mqtts://, ws:// or wss://")
	case opts.Token == nil:
		return nil, errors.New("sim: no tokens")
	case !fleet.ValidID(opts.Fleet):
		return nil, errors.New("sim: the fleet must be an id: 1 to 64 of A-Z a-z 0-9 _ -")
	case !fleet.ValidID(opts.Prefix) || len(opts.Prefix) > 50:
		return nil, errors.New("sim: the prefix must be 1 to 50 of A-Z a-z 0-9 _ -")
	case opts.Drivers < 1 || opts.Drivers > 1_000_000:
		return nil, errors.New("sim: drivers must be between 1 and 1000000")
	case opts.Interval < time.Millisecond || opts.Tunnel < 0 || opts.Dials < 1:
		return nil, errors.New("sim: interval, tunnel and dials must be positive")
	}
	s := &Sim{
		opts:  opts,
		city:  c,
		roads: newNetwork(c, mathrand.New(mathrand.NewPCG(opts.Seed, 0))),
		boot:  rand.Text()[:12], // a new one each run: seq begins at 1 again
		dials: make(chan struct{}, opts.Dials),
	}
	if opts.Ledger != "" {
		if s.ledger, err = openLedger(opts.Ledger); err != nil {
			return nil, err
		}
	}
	if opts.Sent != "" {
		if s.sent, err = openLedger(opts.Sent); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// Run drives the fleet until ctx is done, and then logs what came of it. It
// fails only if the ledger does.
func (s *Sim) Run(ctx context.Context) (err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var drivers sync.WaitGroup
	for i := range s.opts.Drivers {
		drivers.Go(func() { s.newDriver(i).run(ctx) })
	}
	err = s.watch(ctx)
	cancel()
	drivers.Wait()
	for _, l := range []*ledger{s.ledger, s.sent} {
		if l != nil {
			err = errors.Join(err, l.close())
		}
	}
	s.log("simulated fleet stopped")
	return err
}

// watch syncs the ledger and logs the counts now and then, until ctx is done or
// the ledger fails.
func (s *Sim) watch(ctx context.Context) error {
	progress := time.NewTicker(30 * time.Second)
	defer progress.Stop()
	var sync <-chan time.Time // never without a ledger
	if s.ledger != nil {
		t := time.NewTicker(200 * time.Millisecond)
		defer t.Stop()
		sync = t.C
	}
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-progress.C:
			s.log("simulated fleet")
		case <-sync:
			if err := s.ledger.sync(); err != nil {
				return err
			}
		}
	}
}

func (s *Sim) log(message string) {
	st := s.Stats()
	attrs := []any{"city", s.opts.City, "connected", st.Connected, "published", st.Published, "acked", st.Acked,
		"failed", st.Failed, "fixes", st.Fixes, "dropped", st.Dropped, "waiting", st.Waiting}
	s.mu.Lock()
	if s.lastError != nil {
		attrs = append(attrs, "last_error", s.lastError)
		s.lastError = nil
	}
	s.mu.Unlock()
	s.opts.Logger.Info(message, attrs...)
}

// noteError keeps the newest error for the next line of progress: thousands of
// drivers fail for the same reason.
func (s *Sim) noteError(err error) {
	if errors.Is(err, context.Canceled) {
		return
	}
	s.mu.Lock()
	s.lastError = err
	s.mu.Unlock()
}

// Stats returns the counts so far.
func (s *Sim) Stats() Stats {
	return Stats{
		Connected: s.connected.Load(),
		Published: s.published.Load(),
		Acked:     s.acked.Load(),
		Failed:    s.failed.Load(),
		Fixes:     s.fixes.Load(),
		Dropped:   s.dropped.Load(),
		Waiting:   s.waiting.Load(),
	}
}
