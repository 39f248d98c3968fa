package broker

import (
	"context"
	"errors"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"

	"github.com/dray-fleet/dray/broker/packet"
)

// admissionWait is how long a CONNECT may queue in a storm.
const admissionWait = 30 * time.Second

// door counts the connections that have not sent a CONNECT yet, so that they
// cannot use up the server.
type door struct {
	total, perAddress, connections int

	mu      sync.Mutex
	waiting int
	from    map[string]int // of one address; no larger than waiting
	open    int            // all connections
}

func newDoor(l *Limits) *door {
	return &door{total: l.Unauthenticated, perAddress: l.PerAddress, connections: l.Connections, from: make(map[string]int)}
}

// enter counts a connection in, or says why it may not come in.
func (d *door) enter(addr string) (refused string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case d.open >= d.connections:
		return "connections"
	case d.waiting >= d.total:
		return "unauthenticated"
	case d.from[addr] >= d.perAddress:
		return "unauthenticated of one address"
	}
	d.open++
	d.waiting++
	d.from[addr]++
	return ""
}

// greeted tells that a connection has sent its CONNECT, or never will.
func (d *door) greeted(addr string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.waiting--
	if d.from[addr]--; d.from[addr] == 0 {
		delete(d.from, addr)
	}
}

func (d *door) leave() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.open--
}

// admission lets CONNECTs in at a rate. The others queue; the first of the queue
// takes the next place, so that who has left meanwhile takes none.
type admission struct {
	limit  *rate.Limiter
	most   int64 // of those that queue
	queued atomic.Int64
	turn   chan struct{} // full while somebody is the first
}

func newAdmission(perSecond int) *admission {
	return &admission{
		limit: rate.NewLimiter(rate.Limit(perSecond), max(perSecond/10, 1)),
		most:  int64(perSecond) * int64(admissionWait/time.Second),
		turn:  make(chan struct{}, 1),
	}
}

var errQueueFull = errors.New("too many clients are connecting")

// wait returns when it is the caller's turn.
func (a *admission) wait(ctx context.Context) error {
	defer a.queued.Add(-1)
	if a.queued.Add(1) > a.most {
		return errQueueFull
	}
	select {
	case a.turn <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-a.turn }()
	return a.limit.Wait(ctx)
}

// free reports whether nobody queues and there is a place, and takes it.
func (a *admission) free() bool { return a.queued.Load() == 0 && a.limit.Allow() }

// admitted waits for the client's turn. An error that is not a refusal means
// that the client has left.
func (c *conn) admitted(ctx context.Context) error {
	a := c.b.admission
	if a.free() {
		return nil
	}
	ctx, leave := context.WithCancel(ctx)
	defer leave()
	_ = c.nc.SetReadDeadline(time.Time{})
	gone := make(chan error, 1)
	go func() {
		err := c.in.ahead(c.nc.Read)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			err = nil
		}
		if err != nil {
			leave()
		}
		gone <- err
	}()
	err := a.wait(ctx)
	_ = c.nc.SetReadDeadline(time.Unix(1, 0)) // wakes the goroutine; serve sets its own
	if left := <-gone; left != nil {
		c.b.metrics.connects("left the queue").Inc()
		return left
	}
	if err != nil {
		return &refusal{packet.CodeServerBusy, errQueueFull.Error()}
	}
	return nil
}
