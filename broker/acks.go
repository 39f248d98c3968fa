package broker

import (
	"errors"
	"slices"
	"sync"

	"github.com/dray-fleet/dray/broker/packet"
	"github.com/dray-fleet/dray/fleet"
)

// acks is what a connection still owes its client: the publishes that the
// stream has not answered for. They are answered in the order of arrival.
type acks struct {
	mu      sync.Mutex
	room    sync.Cond // of mu: told when pending falls or the connection ends
	pending int
	ids     []uint16 // packet ids among them, in the order of arrival
	closed  bool
}

// A token carries through the stream how to acknowledge a publish.
type token uint64

const (
	tokenQoS1 token = 1 << 16
	tokenQoS2 token = 1 << 17
	tokenBad  token = 1 << 18 // malformed: 0x99 instead of success
)

func (t token) id() uint16 { return uint16(t) }

// begin counts one more publish, waiting while most are pending. again is true
// when this packet id is pending already: the client said the same twice.
func (a *acks) begin(id uint16, most int) (again, ok bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if id != 0 {
		if slices.Contains(a.ids, id) {
			return true, true
		}
	}
	for a.pending >= most && !a.closed {
		a.room.Wait()
	}
	if a.closed {
		return false, false
	}
	a.pending++
	if id != 0 {
		a.ids = append(a.ids, id)
	}
	return false, true
}

// finish counts one publish less.
func (a *acks) finish(id uint16) {
	a.mu.Lock()
	a.pending--
	if i := slices.Index(a.ids, id); i >= 0 { // the first: they are answered in order
		a.ids = slices.Delete(a.ids, i, i+1)
	}
	a.mu.Unlock()
	a.room.Broadcast()
}

// drain waits until nothing is pending, so that what is sent next keeps its
// place behind the acknowledgements of what came before it [MQTT-4.6.0-2].
func (a *acks) drain() {
	a.mu.Lock()
	defer a.mu.Unlock()
	for a.pending > 0 && !a.closed {
		a.room.Wait()
	}
}

func (a *acks) close() {
	a.mu.Lock()
	a.closed = true
	a.mu.Unlock()
	a.room.Broadcast()
}

// Appended acknowledges one publish now that the stream has it, or ends the
// connection, so that the client sends again, when the stream could not take it.
func (c *conn) Appended(tok uint64, err error) {
	t := token(tok)
	if err != nil {
		c.acks.finish(t.id())
		c.b.metrics.published("not stored").Inc()
		code := packet.CodeUnspecified
		if errors.Is(err, fleet.ErrFull) {
			code = packet.CodeQuotaExceeded
		}
		c.end(code, "the message could not be stored")
		return
	}
	var room [8]byte
	var p []byte
	code := packet.CodeSuccess
	if t&tokenBad != 0 && c.version == packet.V5 {
		code = packet.CodePayloadFormat
	}
	switch {
	case t&tokenQoS1 != 0:
		p = packet.AppendPuback(room[:0], c.version, t.id(), code, "")
	case t&tokenQoS2 != 0:
		if code == packet.CodeSuccess {
			c.session.receive(t.id(), c.start)
		}
		p = packet.AppendPubrec(room[:0], c.version, t.id(), code, "")
	}
	if p != nil && !c.out.add(p, false) {
		c.overflow()
	}
	c.acks.finish(t.id())
}

// Flush sends the acknowledgements that have gathered.
func (c *conn) Flush() { c.out.flush() }
