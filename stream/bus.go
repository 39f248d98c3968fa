package stream

import (
	"errors"
	"fmt"
	"sync"

	"github.com/nats-io/nats.go"
)

// busPrefix begins the subjects of messages between nodes. The records of the
// stream have another.
const busPrefix = "dray.bus."

// Bounds of what waits for one listener; what comes beyond them is dropped and
// counted.
const (
	busMessages = 1 << 16
	busBytes    = 16 << 20
)

// Send tells the other nodes that listen to subject. Nothing is kept for those
// that are away: this is core NATS, delivered at most once, in order for each
// sender. It returns an error while the connection is away.
func (l *Log) Send(subject string, data []byte) error {
	node := l.opts.Node
	if len(node) > 255 {
		return errors.New("stream: the node's name is longer than 255 bytes")
	}
	// A message is the sender's name after its length, and the data. Headers
	// would do, at the cost of a map for each message.
	m := make([]byte, 0, 1+len(node)+len(data))
	m = append(append(append(m, byte(len(node))), node...), data...)
	if err := l.nc.Publish(busPrefix+subject, m); err != nil {
		return fmt.Errorf("stream: send to %s: %w", subject, err)
	}
	return nil
}

// Listen calls fn with what other nodes send to subject, one after the other; a
// last level ">" stands for all that begin so. Of its own messages a node hears
// nothing. fn must not keep data, and is not running any more when stop returns.
func (l *Log) Listen(subject string, fn func(node string, data []byte)) (stop func(), err error) {
	var mu sync.Mutex // held while fn runs
	stopped, dropped := false, 0
	sub, err := l.nc.Subscribe(busPrefix+subject, func(m *nats.Msg) {
		mu.Lock()
		defer mu.Unlock()
		if n, err := m.Sub.Dropped(); err == nil && n > dropped {
			l.m.busDropped.Add(float64(n - dropped))
			dropped = n
		}
		if stopped || len(m.Data) == 0 || len(m.Data) <= int(m.Data[0]) {
			return
		}
		node, data := string(m.Data[1:1+m.Data[0]]), m.Data[1+int(m.Data[0]):]
		if node != l.opts.Node {
			fn(node, data)
		}
	})
	if err == nil {
		err = sub.SetPendingLimits(busMessages, busBytes)
	}
	if err != nil {
		return nil, fmt.Errorf("stream: listen to %s: %w", subject, err)
	}
	return func() {
		_ = sub.Unsubscribe() // fails only when the connection is closed, which has ended it
		mu.Lock()
		stopped = true
		mu.Unlock()
	}, nil
}
