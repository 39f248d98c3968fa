package broker

import (
	"net"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

// writeStall is how long a peer may take nothing at all before its connection
// is given up, less a quarter at most.
const writeStall = 30 * time.Second

// farewell is how long the last packets of a connection may take.
const farewell = time.Second

// lingering is how long a peer that still sends may take to read why its
// connection ends.
const lingering = 5 * time.Second

// idleBuffers are given back by connections that have nothing to write, so that
// an idle connection holds none.
var idleBuffers = sync.Pool{New: func() any { b := make([]byte, 0, 4<<10); return &b }}

// muchBuffers are those of connections that were sent much at once the last time.
var muchBuffers = sync.Pool{New: func() any { b := make([]byte, 0, 2*idleMost); return &b }}

const (
	idleMost = 64 << 10 // capacity of what idleBuffers keep
	muchMost = 1 << 20
)

// An outbound is the bounded sending side of a connection. Nothing that is
// added to it ever blocks: a goroutine writes while there is something to write
// and ends when there is not. What gathers meanwhile becomes one write.
//
// Packets that must arrive are added with add; more than limit of them waiting
// overflow. Live publications are added with live: when the peer is slow only
// the newest of each topic is kept, and sent when there is room again.
type outbound struct {
	nc    net.Conn
	limit int
	total *atomic.Int64 // waiting bytes of all connections
	most  int64         // bound of total; past it live publications are conflated at once
	pace  *pace

	mu      sync.Mutex
	room    sync.Cond // of mu: told when something was written, and at the end
	pending []byte
	sending int               // bytes that the writer has taken and not yet written
	late    map[string][]byte // newest live publication of each topic that found no room
	lateLen int
	writing bool // the writer goroutine runs
	ending  bool // close when all is written
	closed  bool
	linger  bool // the last packet says why the connection ends: let the peer read it
	half    bool // closed for writing only
	done    sync.WaitGroup

	extended time.Time // when the write deadline was set last
	much     bool      // the last write was a large one

	gather    *time.Timer // wakes the writer; made when first needed
	gathering bool        // it is set

	conflated atomic.Int64 // live publications replaced by newer ones
	sent      atomic.Int64 // bytes
}

func (o *outbound) soft() int { return o.limit / 4 }

// add appends whole packets. It reports false when they do not fit; the caller
// ends the connection then. Without wake nothing is written until flush.
func (o *outbound) add(p []byte, wake bool) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closed || o.ending {
		return true // there is nobody to tell; the connection is on its way out
	}
	if len(o.pending)+o.sending+len(p) > o.limit {
		return false
	}
	o.put(p)
	if wake {
		o.wake()
	}
	return true
}

// last appends the packet that says why the connection ends. It is followed by
// end. The peer is one that has logged in: who was refused is not waited for.
func (o *outbound) last(p []byte) {
	if o.add(p, false) {
		o.mu.Lock()
		o.linger = true
		o.mu.Unlock()
	}
}

// addPatiently appends whole packets, waiting until there is ample room.
func (o *outbound) addPatiently(p []byte) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for !o.closed && !o.ending && len(o.pending)+o.sending > 0 && len(o.pending)+o.sending+len(p) > o.limit/2 {
		o.room.Wait()
	}
	if !o.closed && !o.ending {
		o.put(p)
		o.wake()
	}
}

// live adds a publication of which only the newest per topic matters. It
// reports whether it replaced one that was still waiting.
func (o *outbound) live(topic string, p []byte) (replaced bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closed || o.ending {
		return false
	}
	old, waiting := o.late[topic]
	room := len(o.pending)+o.sending+len(p) <= o.soft() && o.total.Load() < o.most
	if room && !waiting {
		o.put(p)
		if o.pace.busy.Load() && len(o.pending) < gatherBytes {
			o.wakeSoon()
		} else {
			o.wake()
		}
		return false
	}
	if !waiting && o.lateLen+len(p) > o.limit {
		o.conflated.Add(1) // not even the newest of each topic fits
		return true
	}
	if o.late == nil {
		o.late = make(map[string][]byte)
	}
	o.lateLen += len(p) - len(old)
	o.total.Add(int64(len(p) - len(old)))
	o.late[topic] = append(old[:0], p...)
	if waiting {
		o.conflated.Add(1)
	}
	o.wake()
	return waiting
}

// flush starts the writer when there is something to write.
func (o *outbound) flush() {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.closed {
		o.wake()
	}
}

// end closes the connection after what is waiting has been written, within the
// farewell. It does not wait for it; wait does.
func (o *outbound) end() {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closed || o.ending {
		return
	}
	o.ending = true
	o.room.Broadcast()
	o.drop()
	_ = o.nc.SetWriteDeadline(time.Now().Add(farewell))
	if !o.writing {
		o.writing = true
		o.done.Add(1)
		go o.write()
	}
}

// wait returns when the connection is closed and the writer has ended. The
// connection's reader calls it.
func (o *outbound) wait() {
	o.end()
	o.done.Wait()
	if o.half {
		o.drain()
		_ = o.nc.Close()
	}
}

// drain reads and forgets what the peer still sends, until it closes or falls
// silent: closing with bytes unread would reset the connection, and the reset
// overtakes the last packet.
func (o *outbound) drain() {
	end := time.Now().Add(lingering)
	buf := make([]byte, 1<<10)
	for time.Now().Before(end) {
		_ = o.nc.SetReadDeadline(time.Now().Add(farewell))
		if _, err := o.nc.Read(buf); err != nil {
			return
		}
	}
}

// queued returns the bytes that wait for the peer.
func (o *outbound) queued() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.pending) + o.sending + o.lateLen
}

func (o *outbound) put(p []byte) {
	if o.pending == nil {
		pool := &idleBuffers
		if o.much {
			pool = &muchBuffers
		}
		o.pending = (*pool.Get().(*[]byte))[:0]
	}
	o.pending = append(o.pending, p...)
	o.total.Add(int64(len(p)))
}

func (o *outbound) wake() {
	if !o.writing && (len(o.pending) > 0 || len(o.late) > 0) {
		o.writing = true
		o.done.Add(1)
		go o.write()
	}
}

// wakeSoon starts the writer after gatherTime, if nobody does before.
func (o *outbound) wakeSoon() {
	if o.writing || o.gathering {
		return
	}
	o.gathering = true
	if o.gather == nil {
		o.gather = time.AfterFunc(gatherTime, o.gathered)
	} else {
		o.gather.Reset(gatherTime)
	}
}

func (o *outbound) gathered() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.gathering = false
	if !o.closed {
		o.wake()
	}
}

// drop forgets the live publications that wait.
func (o *outbound) drop() {
	o.total.Add(-int64(o.lateLen))
	o.late, o.lateLen = nil, 0
}

// refill moves waiting live publications into the empty buffer, as many as the
// soft bound allows.
func (o *outbound) refill() {
	for topic, p := range o.late {
		if len(o.pending)+len(p) > o.soft() && len(o.pending) > 0 {
			return
		}
		o.total.Add(-int64(len(p)))
		o.lateLen -= len(p)
		delete(o.late, topic)
		o.put(p)
	}
	o.late = nil
}

// write is the writer: it takes what has gathered, writes it, and ends when
// there is no more.
func (o *outbound) write() {
	defer o.done.Done()
	var buf []byte
	runtime.Gosched() // others who are about to add something do so first
	o.mu.Lock()
	for {
		if len(o.pending) == 0 && len(o.late) > 0 {
			o.refill()
		}
		if len(o.pending) == 0 {
			break
		}
		buf, o.pending = o.pending, buf[:0]
		o.sending = len(buf)
		if !o.ending {
			o.extend()
		}
		o.mu.Unlock()
		n, err := o.nc.Write(buf)
		o.sent.Add(int64(n))
		o.mu.Lock()
		o.total.Add(-int64(o.sending))
		o.much = o.sending > idleMost/2
		o.sending = 0
		o.room.Broadcast()
		if err != nil {
			o.total.Add(-int64(len(o.pending)))
			o.pending = nil
			o.drop()
			o.ending, o.linger = true, false
		}
	}
	o.writing = false
	give(buf)
	give(o.pending)
	o.pending = nil
	if o.ending && !o.closed {
		o.closed = true
		o.half = o.linger && closeWrite(o.nc)
		if !o.half {
			_ = o.nc.Close()
		}
	}
	o.mu.Unlock()
}

// extend sets the write deadline anew, unless that was done just now: it costs
// as much as a small write does.
func (o *outbound) extend() {
	if now := time.Now(); now.Sub(o.extended) > writeStall/4 {
		o.extended = now
		_ = o.nc.SetWriteDeadline(now.Add(writeStall))
	}
}

// closeWrite tells the peer that nothing more comes, if the connection can.
func closeWrite(nc net.Conn) bool {
	half, ok := nc.(interface{ CloseWrite() error })
	return ok && half.CloseWrite() == nil
}

func give(b []byte) {
	b = b[:0]
	switch c := cap(b); {
	case c == 0 || c > muchMost:
	case c <= idleMost:
		idleBuffers.Put(&b)
	default:
		muchBuffers.Put(&b)
	}
}
