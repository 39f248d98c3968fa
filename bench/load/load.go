package load

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Options says what load. Addr is required; the zero value of the rest is ready
// for use.
type Options struct {
	Addr        string                                     // host:port of MQTT over TCP, or ws://host:port/path
	Token       func(role, subject string) (string, error) // passwords; nil sends "x"
	Fleet       string                                     // default "bench"
	Drivers     int                                        // default 200
	Inflight    int                                        // unacknowledged publishes of a driver; default 16
	Rate        int                                        // publishes per second of all drivers; 0 is as many as are acknowledged
	Dispatchers int                                        // subscribers to every driver's location; default 1
	Filter      string                                     // what dispatchers subscribe to instead; their deliveries are not awaited then
	Stalled     int                                        // further dispatchers, who subscribe and never read
	Measure     func() func()                              // called at the first publish; what it returns, after the last delivery
	Duration    time.Duration                              // default 10s
	Grace       time.Duration                              // for what is on its way at the end; default 5s
}

// A Result is what was measured.
type Result struct {
	Acked     int64 // publishes
	Expected  int64 // deliveries: acknowledged publishes × dispatchers; 0 with a Filter
	Delivered int64
	Bytes     int64         // of the deliveries
	Elapsed   time.Duration // from the first publish to the last acknowledgement
	Ack       Latency       // publish to acknowledgement
	Delivery  Latency       // publish to delivery
}

// Latency sums up durations.
type Latency struct{ P50, P99, Max time.Duration }

// runs are those of this process. Each counts on from a number of its own, or what
// it publishes would be known from the run before.
var runs atomic.Int64

type run struct {
	opts       Options
	first      int64 // seq
	start      time.Time
	sentAt     [][]atomic.Int64 // by driver, then seq modulo ring: nanoseconds since start
	acked      atomic.Int64
	delivered  atomic.Int64
	bytes      atomic.Int64
	lastAck    atomic.Int64 // nanoseconds since start
	mu         sync.Mutex
	acks, live []time.Duration
}

// ring is how many publishes of a driver are remembered for the latency of
// their delivery; more than can be on their way.
const ring = 1 << 12

// Run connects all clients, loads the broker for opts.Duration, waits for what
// is on its way, and returns what it measured.
func Run(ctx context.Context, opts Options) (Result, error) {
	opts.setDefaults()
	r := &run{opts: opts, first: firstSeq + runs.Add(1)*seqsOfRun, sentAt: make([][]atomic.Int64, opts.Drivers)}
	for i := range r.sentAt {
		r.sentAt[i] = make([]atomic.Int64, ring)
	}
	return r.run(ctx)
}

func (o *Options) setDefaults() {
	o.Fleet = cmp.Or(o.Fleet, "bench")
	o.Drivers = cmp.Or(o.Drivers, 200)
	o.Inflight = cmp.Or(o.Inflight, 16)
	o.Dispatchers = cmp.Or(o.Dispatchers, 1)
	o.Duration = cmp.Or(o.Duration, 10*time.Second)
	o.Grace = cmp.Or(o.Grace, 5*time.Second)
	if o.Token == nil {
		o.Token = func(string, string) (string, error) { return "x", nil }
	}
}

func (o *Options) rawFilter() string { return "fleet/" + o.Fleet + "/drivers/+/location" }

func (r *run) run(ctx context.Context) (Result, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var clients []*client
	defer func() {
		for _, c := range clients {
			c.conn.Close()
		}
	}()
	connect := func(role, subject string) (*client, error) {
		c, err := r.opts.connect(ctx, role, subject)
		if err == nil {
			clients = append(clients, c)
		}
		return c, err
	}
	var dispatchers, drivers []*client
	for i := range r.opts.Dispatchers + r.opts.Stalled {
		c, err := connect("dispatcher", fmt.Sprintf("dispatcher-%d", i))
		if err == nil {
			err = c.subscribe(cmp.Or(r.opts.Filter, r.opts.rawFilter()))
		}
		if err != nil {
			return Result{}, err
		}
		if i < r.opts.Dispatchers {
			dispatchers = append(dispatchers, c)
		}
	}
	for i := range r.opts.Drivers {
		c, err := connect("driver", driverID(i))
		if err != nil {
			return Result{}, err
		}
		drivers = append(drivers, c)
	}

	var watching, reporting sync.WaitGroup
	failed := make(chan error, r.opts.Drivers)
	measured := func() {}
	if r.opts.Measure != nil {
		measured = r.opts.Measure()
	}
	r.start = time.Now()
	for _, c := range dispatchers {
		watching.Go(func() { r.watch(c) })
	}
	end := r.start.Add(r.opts.Duration)
	for i, c := range drivers {
		reporting.Go(func() {
			if err := r.report(i, c, end); err != nil {
				failed <- fmt.Errorf("%s: %w", driverID(i), err)
				cancel()
			}
		})
	}
	reporting.Wait()
	if r.opts.Filter == "" {
		r.awaitDeliveries(ctx)
	}
	measured()
	for _, c := range dispatchers {
		c.conn.Close()
	}
	watching.Wait()
	close(failed)
	var errs []error
	for err := range failed {
		errs = append(errs, err)
	}
	acked := r.acked.Load()
	expected := acked * int64(r.opts.Dispatchers)
	if r.opts.Filter != "" {
		expected = 0
	}
	return Result{
		Acked:     acked,
		Expected:  expected,
		Delivered: r.delivered.Load(),
		Bytes:     r.bytes.Load(),
		Elapsed:   time.Duration(r.lastAck.Load()),
		Ack:       sum(r.acks),
		Delivery:  sum(r.live),
	}, errors.Join(errs...)
}

// awaitDeliveries waits until all that was acknowledged is delivered, or the
// grace is over.
func (r *run) awaitDeliveries(ctx context.Context) {
	over := time.After(r.opts.Grace)
	poll := time.NewTicker(10 * time.Millisecond)
	defer poll.Stop()
	for r.delivered.Load() < r.acked.Load()*int64(r.opts.Dispatchers) {
		select {
		case <-poll.C:
		case <-over:
			return
		case <-ctx.Done():
			return
		}
	}
}

func driverID(i int) string { return fmt.Sprintf("bench-%06d", i) }

func sum(samples []time.Duration) Latency {
	if len(samples) == 0 {
		return Latency{}
	}
	slices.Sort(samples)
	at := func(share float64) time.Duration { return samples[int(share*float64(len(samples)-1))] }
	return Latency{P50: at(0.50), P99: at(0.99), Max: at(1)}
}
