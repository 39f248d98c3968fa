package broker

import (
	"context"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/dray-fleet/dray/broker/packet"
	"github.com/dray-fleet/dray/codec"
	"github.com/dray-fleet/dray/fleet"
)

// future is how far ahead of the server's clock a fix may be to move a driver.
const future = 2 * time.Minute

// live makes the frames of fleet/{fleet}/live: the newest position of every
// driver that moved, a few times a second, encoded once for all who watch.
type live struct {
	b     *Broker
	epoch uint64 // of this process: driver indexes of another one mean nothing here

	mu     sync.Mutex
	fleets map[string]*liveFleet
}

type liveFleet struct {
	id, topic string

	mu      sync.Mutex
	drivers map[string]*tracked
	order   []*tracked // by index
	dirty   []*tracked
	seq     uint64
	keyed   time.Time // last keyframe to all

	forgotten int // how many drivers were erased

	loading sync.Mutex
	loaded  atomic.Bool // what the store knows is here
	failed  time.Time   // when it could not be read; under loading

	matches *matches // of the frames; used by run alone
}

// tracked is what the frames say of a driver.
type tracked struct {
	in     *liveFleet
	index  uint32
	driver string

	// Under in.mu:
	entry  codec.LiveEntry
	placed bool // has a position
	named  bool // was named to all
	dirty  bool
}

func newLive(b *Broker) *live {
	return &live{b: b, epoch: uint64(time.Now().UnixMilli()), fleets: make(map[string]*liveFleet)}
}

func (l *live) fleet(id string) *liveFleet {
	l.mu.Lock()
	defer l.mu.Unlock()
	f := l.fleets[id]
	if f == nil {
		f = &liveFleet{id: id, topic: fleet.LiveTopic(id), drivers: make(map[string]*tracked)}
		l.fleets[id] = f
	}
	return f
}

// driver returns what is tracked of a driver. f.mu is held.
func (f *liveFleet) driver(id string) *tracked {
	t := f.drivers[id]
	if t == nil {
		t = &tracked{in: f, index: uint32(len(f.order)), driver: id}
		t.entry.Index = t.index
		f.drivers[id] = t
		f.order = append(f.order, t)
	}
	return t
}

// track moves a driver to the newest plausible of fixes. An older one, or one
// from the future, moves nobody.
func (l *live) track(r *route, fixes []fleet.Fix, now time.Time) {
	if len(fixes) == 0 {
		return
	}
	if r.tracked == nil {
		f := l.fleet(r.upstream.Fleet)
		f.mu.Lock()
		r.tracked = f.driver(r.upstream.Driver)
		f.mu.Unlock()
	}
	t := r.tracked
	t.in.mu.Lock()
	defer t.in.mu.Unlock()
	for i := range fixes {
		t.move(&fixes[i], now)
	}
}

// move shows a fix that is newer and plausible. in.mu is held.
func (t *tracked) move(f *fleet.Fix, now time.Time) {
	if t.take(f, now) {
		t.changed()
	}
}

func (t *tracked) take(f *fleet.Fix, now time.Time) bool {
	at := f.FixAt.UnixMilli()
	if t.placed && at <= t.entry.FixAt || !f.FixAt.Before(now.Add(future)) {
		return false
	}
	t.placed = true
	t.entry = codec.NewLiveEntry(t.index, f, t.entry.Flags)
	return true
}

func (t *tracked) changed() {
	if !t.dirty && t.placed {
		t.dirty = true
		t.in.dirty = append(t.in.dirty, t)
	}
}

// presence shows whether a driver is connected.
func (l *live) presence(k driverKey, online bool) {
	f := l.fleet(k.fleet)
	f.mu.Lock()
	defer f.mu.Unlock()
	t := f.driver(k.driver)
	if online {
		t.entry.Flags |= codec.LiveOnline
	} else {
		t.entry.Flags &^= codec.LiveOnline
	}
	t.changed()
}

// run sends frames until ctx is done.
func (l *live) run(ctx context.Context) {
	tick := time.NewTicker(l.b.opts.LiveEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-tick.C:
			l.mu.Lock()
			fleets := make([]*liveFleet, 0, len(l.fleets))
			for _, f := range l.fleets {
				fleets = append(fleets, f)
			}
			l.mu.Unlock()
			for _, f := range fleets {
				l.tell(f, now)
			}
		}
	}
}

// tell sends a fleet's next frame to those who watch it, if there are any.
func (l *live) tell(f *liveFleet, now time.Time) {
	f.matches = l.b.match(f.topic, f.matches)
	watched := len(f.matches.direct)+len(f.matches.shared) > 0
	if !watched && l.b.cluster != nil {
		f.loaded.Store(false) // from now on other nodes do not tell of their drivers
	}
	f.mu.Lock()
	watched = watched && len(f.order) > 0
	key := watched && now.Sub(f.keyed) >= l.b.opts.KeyEvery
	var frame []byte
	if watched && (key || len(f.dirty) > 0) {
		f.seq++
		if key {
			f.keyed = now
			frame = f.keyframe(l.epoch, now)
			for _, t := range f.order {
				t.named = t.placed
			}
		} else {
			frame = f.delta(l.epoch, now)
		}
	}
	for _, t := range f.dirty {
		t.dirty = false
	}
	f.dirty = f.dirty[:0]
	f.mu.Unlock()
	if frame != nil {
		l.b.metrics.liveFrames.Inc()
		e := encoding{p: packet.Publish{Topic: []byte(f.topic), Payload: frame}}
		l.b.send(f.topic, f.matches, &e, nil)
	}
}

// delta encodes those that changed, and names those that nobody knows yet.
func (f *liveFleet) delta(epoch uint64, now time.Time) []byte {
	frame := f.head(epoch, now)
	for _, t := range f.dirty {
		if !t.placed {
			continue // forgotten meanwhile
		}
		f.put(frame, t, !t.named)
		t.named = true
	}
	return codec.AppendFrame(nil, frame)
}

// keyframe encodes and names every driver that has a position.
func (f *liveFleet) keyframe(epoch uint64, now time.Time) []byte {
	frame := f.head(epoch, now)
	frame.Keyframe = true
	for _, t := range f.order {
		if t.placed {
			f.put(frame, t, true)
		}
	}
	return codec.AppendFrame(nil, frame)
}

func (f *liveFleet) head(epoch uint64, now time.Time) *codec.Frame {
	return &codec.Frame{Fleet: f.id, ServerTime: now, Sequence: f.seq, Epoch: epoch}
}

func (f *liveFleet) put(frame *codec.Frame, t *tracked, name bool) {
	frame.Entries = append(frame.Entries, t.entry)
	if name {
		frame.Names = append(frame.Names, codec.LiveName{Index: t.index, Driver: t.driver})
	}
}

// greet sends a keyframe at once to a client that has subscribed to live topics.
func (l *live) greet(c *conn, v verdict) {
	claims := c.claims.Load()
	var fleets []*liveFleet
	if own := fleet.LiveTopic(claims.Fleet); fleet.ValidID(claims.Fleet) && fleet.MatchTopic(v.filter, own) && claims.MayReceive(own) {
		fleets = append(fleets, l.fleet(claims.Fleet))
	} else if id, ok := liveTopicOf(v.filter); ok && claims.MayReceive(v.filter) {
		fleets = append(fleets, l.fleet(id)) // an operator's
	} else {
		l.mu.Lock()
		for _, f := range l.fleets {
			if fleet.MatchTopic(v.filter, f.topic) && claims.MayReceive(f.topic) {
				fleets = append(fleets, f)
			}
		}
		l.mu.Unlock()
	}
	for _, f := range fleets {
		l.load(f)
		f.mu.Lock()
		known := len(f.order) > 0
		frame := f.keyframe(l.epoch, time.Now())
		f.mu.Unlock()
		if !known {
			continue
		}
		c.sendQoS0(&packet.Publish{Topic: []byte(f.topic), Payload: frame}, v.id)
	}
}

// liveTopicOf returns the fleet of a filter that is a single live topic.
func liveTopicOf(filter string) (string, bool) {
	id, ok := strings.CutPrefix(filter, "fleet/")
	if !ok {
		return "", false
	}
	id, ok = strings.CutSuffix(id, "/live")
	return id, ok && fleet.ValidID(id)
}
