package socketio

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// Options says what load. Addr is required; the zero value of the rest is ready
// for use.
type Options struct {
	Addr     string        // host:port
	Drivers  int           // default 200
	Inflight int           // unacknowledged positions of a driver; default 16
	Duration time.Duration // default 10s
	Measure  func() func() // called at the first position; what it returns, at the end
}

// A Result is what was measured in the time of the load. What is still on its
// way at the end does not count: a queue of seconds is normal here.
type Result struct {
	Acked     int64
	Delivered int64 // to the one dispatcher
	Elapsed   time.Duration
}

// Run connects a dispatcher and the drivers and has every driver report as fast
// as it is acknowledged.
func Run(ctx context.Context, opts Options) (Result, error) {
	opts.Drivers = cmp.Or(opts.Drivers, 200)
	opts.Inflight = cmp.Or(opts.Inflight, 16)
	opts.Duration = cmp.Or(opts.Duration, 10*time.Second)
	var clients []*client
	defer func() {
		for _, c := range clients {
			c.conn.Close()
		}
	}()
	for i := range opts.Drivers + 1 {
		role := "driver"
		if i == opts.Drivers {
			role = "dispatcher"
		}
		c, err := connect(ctx, opts.Addr, role, fmt.Sprintf("bench-%06d", i))
		if err != nil {
			return Result{}, err
		}
		clients = append(clients, c)
	}
	var acked, delivered atomic.Int64
	var running sync.WaitGroup
	failed := make(chan error, len(clients))
	start := time.Now()
	if opts.Measure != nil {
		defer opts.Measure()()
	}
	for _, c := range clients {
		if err := c.conn.SetDeadline(start.Add(opts.Duration)); err != nil {
			return Result{}, err
		}
		running.Go(func() {
			if err := c.report(opts.Inflight, &acked, &delivered); !isTimeout(err) {
				failed <- err
			}
		})
	}
	running.Wait()
	close(failed)
	var errs []error
	for err := range failed {
		errs = append(errs, err)
	}
	return Result{acked.Load(), delivered.Load(), time.Since(start)}, errors.Join(errs...)
}
