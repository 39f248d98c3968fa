package broker

import (
	"sync"
	"time"

	"golang.org/x/time/rate"
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

func newAdmission(perSecond int) *rate.Limiter {
	return rate.NewLimiter(rate.Limit(perSecond), max(perSecond/10, 1))
}
