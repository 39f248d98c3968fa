package ingest

import (
	"context"
	"slices"
	"sync"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"

	"github.com/dray-fleet/dray/stream"
)

const (
	// mqttQuiet ends a batch when no message has come for so long: a broker
	// sends only a few (Mosquitto 20) before it waits for acknowledgements.
	mqttQuiet = 5 * time.Millisecond

	// maxUnasked is how many messages of QoS 0, which no broker holds back, may
	// wait. Of QoS 1 there are never more than packet identifiers.
	maxUnasked = 8192
)

// A mqttSource is a foreign broker as a Source. Its messages are numbered as
// they are fetched, and acknowledged by that number.
type mqttSource struct {
	opts     MQTTOptions
	mappings []mapping
	m        *metrics
	some     chan struct{} // there is something in queue

	connections int // made so far

	mu      sync.Mutex
	queue   []received // not fetched yet
	fetched []received // not acknowledged yet
	seq     uint64     // of the last one fetched
}

type received struct {
	mqtt.Message
	connection int
	at         time.Time
	seq        uint64
}

func newMQTTSource(opts MQTTOptions, m *metrics) *mqttSource {
	s := &mqttSource{opts: opts, m: m, some: make(chan struct{}, 1)}
	for _, t := range opts.Topics {
		s.mappings = append(s.mappings, parseMapping(t))
	}
	return s
}

// receive is called from a connection's goroutine and must not block.
func (s *mqttSource) receive(connection int, m mqtt.Message) {
	s.mu.Lock()
	if m.Qos() == 0 && len(s.queue) >= maxUnasked {
		s.mu.Unlock()
		s.m.dropped.Inc()
		return
	}
	s.queue = append(s.queue, received{Message: m, connection: connection, at: time.Now().UTC()})
	s.mu.Unlock()
	select {
	case s.some <- struct{}{}:
	default:
	}
}

// forget drops from the queue what the broker will send again on a new
// connection, or each connection would add to it while the store is away.
func (s *mqttSource) forget(connection int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.queue = slices.DeleteFunc(s.queue, func(r received) bool { return r.connection < connection && r.Qos() > 0 })
}

// Next appends the messages that come until the broker pauses, as one frame. It
// blocks until there is one.
func (s *mqttSource) Next(ctx context.Context, dst []stream.Record) ([]stream.Record, error) {
	records := dst
	var end time.Time
	for {
		records = s.take(records, len(dst)+batchItems)
		var quiet <-chan time.Time
		if len(records) > len(dst) {
			now := time.Now()
			if end.IsZero() {
				end = now.Add(batchWait)
			}
			left := min(end.Sub(now), mqttQuiet)
			if left <= 0 || len(records) == len(dst)+batchItems {
				return records, nil
			}
			quiet = time.After(left)
		}
		select {
		case <-ctx.Done():
			return dst, ctx.Err() // what was taken is not acknowledged and comes again
		case <-quiet:
			return records, nil
		case <-s.some:
		}
	}
}

// take adds to records, up to n, what is in the queue.
func (s *mqttSource) take(records []stream.Record, n int) []stream.Record {
	s.mu.Lock()
	defer s.mu.Unlock()
	taken := min(n-len(records), len(s.queue))
	for i := range s.queue[:taken] {
		r := &s.queue[i]
		s.seq++
		r.seq = s.seq
		records = append(records, stream.Record{Publication: s.publication(r), Seq: r.seq})
	}
	s.fetched = append(s.fetched, s.queue[:taken]...)
	s.queue = append(s.queue[:0], s.queue[taken:]...)
	clear(s.queue[len(s.queue):cap(s.queue)])
	return records
}

// Ack acknowledges the messages through seq to the broker. On a connection that
// has ended that does nothing: they come again and are known.
func (s *mqttSource) Ack(seq uint64) {
	s.mu.Lock()
	n := 0
	for n < len(s.fetched) && s.fetched[n].seq <= seq {
		n++
	}
	done := s.fetched[:n:n]
	s.fetched = s.fetched[n:]
	s.mu.Unlock()
	for _, r := range done {
		r.Message.Ack()
	}
}
