package broker

import (
	"sync"
	"time"
)

// meterEvery is over how long the rate of a connection is taken.
const meterEvery = 10 * time.Second

// A meter knows how much a connection has received and sent of late: since the
// reading before the last one, or since it was opened.
type meter struct {
	mu           sync.Mutex
	former, last reading
}

type reading struct {
	at             time.Time
	received, sent int64
}

func (c *conn) reading(now time.Time) reading {
	return reading{now, c.received.Load(), c.delivered.Load()}
}

// readMeters is called every meterEvery.
func (b *Broker) readMeters(now time.Time) {
	for _, c := range b.sessions.live() {
		m := &c.meter
		m.mu.Lock()
		m.former, m.last = m.last, c.reading(now)
		m.mu.Unlock()
	}
}

// rates returns publications a second, from the client and to it.
func (m *meter) rates(c *conn, now time.Time) (receive, send float64) {
	m.mu.Lock()
	from := m.former
	m.mu.Unlock()
	if from.at.IsZero() {
		from.at = c.openedAt
	}
	r := c.reading(now)
	over := max(now.Sub(from.at), time.Second).Seconds()
	return float64(r.received-from.received) / over, float64(r.sent-from.sent) / over
}
