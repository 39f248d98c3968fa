package stream

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/dray-fleet/dray/fleet"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

const (
	appendTimeout  = 5 * time.Second // from the first attempt to publish a frame to giving it up
	attemptTimeout = 2 * time.Second
	retryPause     = 100 * time.Millisecond

	maxQueuedFrames = 4 // then Append blocks

	// While a few publishers write a few records at a time, frames are sent at
	// most once in this time, so that one sync serves more than one record.
	frameSpacing = 8 * time.Millisecond
	// eagerRecords are enough for a frame of their own at any time.
	eagerRecords = 32
)

// A partition gathers appends into frames and publishes them one after the
// other: what gathers while one is in flight becomes the next. So the order of
// the records and of their acknowledgements is the order of arrival.
type partition struct {
	js      jetstream.JetStream
	stream  jetstream.Stream
	name    string
	subject string
	msgID   string // begins the id of every frame of this writer
	maxSize int    // largest record
	created string // when the stream was: names its incarnation
	m       *metrics
	log     *slog.Logger

	full  atomic.Bool // refuses appends; kept by the monitor
	state atomic.Pointer[PartitionState]
	floor atomic.Uint64 // acknowledged by the reader, through this frame
	letGo atomic.Bool   // see release

	mu      sync.Mutex
	room    sync.Cond
	queue   []*frame // the last one is still open
	free    []*frame
	closed  bool
	blocked int // callers that wait for room
	// The publishers of a small frame that was acknowledged and who have not
	// published since.
	expected map[fleet.Acker]struct{}
	complete bool // they all have

	wake chan struct{} // the queue has a first record, an eager frame, or is closed
	done chan struct{}

	// of the monitor
	purged uint64 // what it has removed
	away   bool   // the stream does not answer

	// of the framing goroutine
	noteFile *os.File // of the embedded server; the last frame is written down there
	sent     uint64
	sentAt   time.Time
	average  float64 // records in a frame, lately
	flushed  map[fleet.Acker]struct{}
}

func (p *partition) append(pub *fleet.Publication, to fleet.Acker, token uint64) error {
	if p.full.Load() {
		p.m.appends.full.Inc()
		return fleet.ErrFull
	}
	size := recordSize(pub)
	if size > p.maxSize {
		return fleet.Invalid("payload", "is too large for the stream")
	}
	p.mu.Lock()
	for !p.closed && !p.hasRoom(size) {
		p.blocked++
		p.room.Wait()
		p.blocked--
	}
	if p.closed {
		p.mu.Unlock()
		return ErrClosed
	}
	if n := len(p.queue); n == 0 || !p.queue[n-1].fits(size) {
		p.queue = append(p.queue, p.newFrame())
	}
	f := p.queue[len(p.queue)-1]
	f.add(pub, to, token)
	wake := len(p.queue) == 1 && (len(f.waiters) == 1 || len(f.waiters) == eagerRecords) || len(p.queue) == 2
	if len(p.expected) > 0 {
		delete(p.expected, to)
		p.complete = len(p.expected) == 0
		wake = wake || p.complete
	}
	p.mu.Unlock()
	if wake {
		p.signal()
	}
	return nil
}

func (p *partition) hasRoom(size int) bool {
	n := len(p.queue)
	return n < maxQueuedFrames || p.queue[n-1].fits(size)
}

func (p *partition) newFrame() *frame {
	f := &frame{}
	if n := len(p.free); n > 0 {
		f, p.free = p.free[n-1], p.free[:n-1]
	}
	f.reset()
	return f
}

func (p *partition) signal() {
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

// close lets what is queued be published and refuses what comes after.
func (p *partition) close() {
	p.mu.Lock()
	p.closed = true
	p.room.Broadcast()
	p.mu.Unlock()
	p.signal()
	<-p.done
}

// run publishes frames until close. A frame that cannot be stored fails, and
// with it what is queued behind: an acknowledgement of a later record must not
// overtake an earlier one that its publisher will send again.
func (p *partition) run() {
	defer close(p.done)
	for f := p.next(); f != nil; f = p.next() {
		began := time.Now()
		err := p.publish(f)
		p.m.appendSeconds.Observe(time.Since(began).Seconds())
		p.m.frameRecords.Observe(float64(len(f.waiters)))
		if err == nil {
			p.m.appends.ok.Add(float64(len(f.waiters)))
			p.expect(f)
			p.tell(f, nil)
			continue
		}
		result := p.m.appends.failed
		if errors.Is(err, fleet.ErrFull) {
			result = p.m.appends.full
			p.full.Store(true) // until the monitor sees room again
		}
		failed := append([]*frame{f}, p.takeAll()...)
		n := 0
		for _, f := range failed {
			n += len(f.waiters)
			p.tell(f, err)
		}
		result.Add(float64(n))
		p.log.Error("append refused", "subject", p.subject, "records", n, "error", err)
	}
}

// next waits for a frame that is due. It returns nil when the partition is
// closed and everything has been published.
func (p *partition) next() *frame {
	for {
		p.mu.Lock()
		if len(p.queue) == 0 && p.closed {
			p.mu.Unlock()
			return nil
		}
		if len(p.queue) == 0 {
			p.mu.Unlock()
			<-p.wake
			continue
		}
		if wait := p.linger(); wait > 0 {
			p.mu.Unlock()
			t := time.NewTimer(wait)
			select {
			case <-t.C:
			case <-p.wake:
				t.Stop()
			}
			continue
		}
		f := p.queue[0]
		p.queue = append(p.queue[:0], p.queue[1:]...)
		for range min(p.blocked, maxFrameRecords) { // as many as a new frame has room for
			p.room.Signal()
		}
		p.mu.Unlock()
		p.sentAt = time.Now()
		p.average += (float64(len(f.waiters)) - p.average) / 8
		return f
	}
}

// linger says how long the first frame should still gather. Not at all when it
// is large already, when records come one by one, or when everybody whose record
// was acknowledged last is here again: publishers that wait for each
// acknowledgement have no more to say.
func (p *partition) linger() time.Duration {
	if p.closed || len(p.queue) > 1 || len(p.queue[0].waiters) >= eagerRecords || p.complete || p.average < 1.1 {
		return 0
	}
	return frameSpacing - time.Since(p.sentAt)
}

// expect notes whose next record is worth waiting for.
func (p *partition) expect(f *frame) {
	p.mu.Lock()
	defer p.mu.Unlock()
	clear(p.expected)
	p.complete = false
	if len(f.waiters) < eagerRecords {
		for _, w := range f.waiters {
			p.expected[w.to] = struct{}{}
		}
	}
}

func (p *partition) takeAll() []*frame {
	p.mu.Lock()
	defer p.mu.Unlock()
	all := p.queue
	p.queue = nil
	p.room.Broadcast()
	return all
}

// publish stores f, trying again while the stream is away and there is time.
// The message id is the same each time, so that it is stored once.
func (p *partition) publish(f *frame) error {
	ctx, cancel := context.WithTimeout(context.Background(), appendTimeout)
	defer cancel()
	p.sent++
	id := p.msgID + strconv.FormatUint(p.sent, 36)
	for {
		err := p.publishOnce(ctx, f, id)
		if err == nil {
			return nil
		}
		if isFull(err) {
			return fleet.ErrFull
		}
		var api jetstream.JetStreamError
		if errors.As(err, &api) && api.APIError() != nil {
			return err // the stream answered: it will not take this one
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(retryPause):
		}
	}
}

func (p *partition) publishOnce(ctx context.Context, f *frame, id string) error {
	ctx, cancel := context.WithTimeout(ctx, attemptTimeout)
	defer cancel()
	ack, err := p.js.Publish(ctx, p.subject, f.buf, jetstream.WithMsgID(id), jetstream.WithRetryAttempts(0))
	if errors.Is(err, nats.ErrReconnectBufExceeded) { // there is none: see Open
		return errors.New("not connected to the stream")
	}
	if err != nil {
		return err
	}
	if err := p.note(ack.Sequence); err != nil {
		p.log.Warn("stream: the last frame cannot be noted", "subject", p.subject, "error", err)
	}
	return nil
}

// isFull reports whether the stream refused a message for want of space.
// nats-server: JSStreamStoreFailedF carries the store's error as its text.
func isFull(err error) bool {
	var js jetstream.JetStreamError
	if !errors.As(err, &js) || js.APIError() == nil {
		return false
	}
	const storeFailed, insufficient, storageExceeded = 10077, 10023, 10047
	switch e := js.APIError(); e.ErrorCode {
	case storeFailed:
		return strings.Contains(e.Description, "maximum bytes exceeded")
	case insufficient, storageExceeded:
		return true
	}
	return false
}

// tell acknowledges or refuses every record of f and recycles it.
func (p *partition) tell(f *frame, err error) {
	var last fleet.Acker
	for _, w := range f.waiters {
		w.to.Appended(w.token, err)
		if w.to != last { // most often the same one again
			last = w.to
			p.flushed[last] = struct{}{}
		}
	}
	for to := range p.flushed {
		to.Flush()
	}
	clear(p.flushed)
	f.reset()
	if cap(f.buf) > 2*maxFrameBytes {
		return // a giant; do not keep it
	}
	p.mu.Lock()
	if len(p.free) <= maxQueuedFrames {
		p.free = append(p.free, f)
	}
	p.mu.Unlock()
}
