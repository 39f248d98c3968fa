package broker

import (
	"hash/maphash"
	"sync"
	"sync/atomic"
	"time"

	mqtt "github.com/mochi-mqtt/server/v2"
)

// sessions holds all sessions of this node, by key. CONNECTs and disconnects of
// one key are serialised by its lock: the engine looks a session up and adds it
// in two steps that must not interleave.
type sessions struct {
	seed  maphash.Seed
	locks [256]sync.Mutex

	mu  sync.Mutex
	all map[string]*session
	of  map[string]map[*session]struct{} // by subject

	bytes atomic.Int64 // of deliveries that are not yet acknowledged
}

func newSessions() *sessions {
	return &sessions{seed: maphash.MakeSeed(), all: make(map[string]*session), of: make(map[string]map[*session]struct{})}
}

// maxSessions bounds how many sessions one subject may have: a client that calls
// itself something else each time leaves one behind each time.
const maxSessions = 32

// add keeps a new session. When its subject has too many, the one that is away
// and would expire first expires now. ss.mu is held.
func (ss *sessions) add(s *session) {
	ss.all[s.key] = s
	mine := ss.of[s.subject()]
	if mine == nil {
		mine = make(map[*session]struct{}, 1)
		ss.of[s.subject()] = mine
	}
	mine[s] = struct{}{}
	if len(mine) <= maxSessions {
		return
	}
	now, left := time.Now(), 0
	var first *session
	for other := range mine {
		if other == s || other.conn != nil {
			left++
			continue
		}
		if other.expires.After(now) {
			left++
			if first == nil || other.expires.Before(first.expires) {
				first = other
			}
		}
	}
	if left > maxSessions && first != nil {
		first.expires = now // the next sweep ends it
	}
}

// drop forgets a session. ss.mu is held.
func (ss *sessions) drop(s *session) {
	s.end()
	delete(ss.all, s.key)
	mine := ss.of[s.subject()]
	if delete(mine, s); len(mine) == 0 {
		delete(ss.of, s.subject())
	}
}

// takeLock makes this connection the only one of its key that connects or
// disconnects, until giveLock.
func (c *conn) takeLock() {
	if c.lock == nil {
		c.lock = c.b.sessions.lock(c.key)
		c.lock.Lock()
	}
}

func (c *conn) giveLock() {
	if c.lock != nil {
		c.lock.Unlock()
		c.lock = nil
	}
}

func (ss *sessions) lock(key string) *sync.Mutex {
	return &ss.locks[maphash.String(ss.seed, key)%uint64(len(ss.locks))]
}

// attach makes c the live connection of its session. clean is set when the
// session cannot be resumed. taken is a will of the former connection that has
// to be sent because its session ends here. The key's lock is held.
func (ss *sessions) attach(c *conn, id identity, wantClean bool, expiry time.Duration) (clean bool, ended *will) {
	ss.mu.Lock()
	defer ss.mu.Unlock()
	s := ss.all[c.key]
	clean = wantClean
	if s == nil {
		s = &session{key: c.key, total: &ss.bytes}
		ss.add(s)
	} else if s.identity != id || s.conn != nil && s.expiry <= 0 {
		clean = true // another's, or one that ends with the connection that ends here
	}
	if s.timer != nil {
		s.timer.Stop()
	}
	if clean {
		ended = s.will
		if s.conn != nil {
			s.conn.replaced.Store(true)
		}
		s.forget()
	}
	s.will, s.timer = nil, nil // resumed before its delay passed: not sent [MQTT-3.1.3-9]
	s.identity, s.conn, s.expiry, s.expires = id, c, expiry, time.Time{}
	s.owner.Store(c)
	c.session, c.start = s, s.begun()
	return clean, ended
}

// detach tells that c is gone. It reports whether c was still the live one of
// its session and whether the session ends with it.
func (ss *sessions) detach(c *conn, now time.Time) (live, ended bool) {
	ss.mu.Lock()
	defer ss.mu.Unlock()
	s := c.session
	if s.conn != c {
		return false, false
	}
	s.conn = nil
	s.owner.Store(nil)
	if s.expiry <= 0 {
		ss.drop(s)
		return true, true
	}
	s.expires = now.Add(s.expiry)
	return true, false
}

// changeExpiry changes how long the session outlives its connection, as a
// DISCONNECT may; not from nothing [MQTT-3.14.2-2].
func (ss *sessions) changeExpiry(s *session, d time.Duration) bool {
	ss.mu.Lock()
	defer ss.mu.Unlock()
	if s.expiry == 0 && d > 0 {
		return false
	}
	s.expiry = d
	return true
}

// live returns the connected ones.
func (ss *sessions) live() []*conn {
	ss.mu.Lock()
	defer ss.mu.Unlock()
	conns := make([]*conn, 0, len(ss.all))
	for _, s := range ss.all {
		if s.conn != nil {
			conns = append(conns, s.conn)
		}
	}
	return conns
}

// connected returns the live connection of a key, or nil.
func (ss *sessions) connected(key string) *conn {
	ss.mu.Lock()
	defer ss.mu.Unlock()
	if s := ss.all[key]; s != nil {
		return s.conn
	}
	return nil
}

// expired returns the keys of sessions whose time is over.
func (ss *sessions) expired(now time.Time) []string {
	ss.mu.Lock()
	defer ss.mu.Unlock()
	var keys []string
	for key, s := range ss.all {
		if s.conn == nil && !s.expires.IsZero() && !now.Before(s.expires) {
			keys = append(keys, key)
		}
	}
	return keys
}

// remove forgets an expired session; it returns nil when somebody has come back.
func (ss *sessions) remove(key string, now time.Time) *session {
	ss.mu.Lock()
	defer ss.mu.Unlock()
	s := ss.all[key]
	if s == nil || s.conn != nil || now.Before(s.expires) {
		return nil
	}
	ss.drop(s)
	return s
}

// sweep ends sessions that have outlived their expiry. The engine's own sweep
// leaves their subscriptions behind and races with a client that returns.
func (b *Broker) sweep(now time.Time) {
	for _, key := range b.sessions.expired(now) {
		lock := b.sessions.lock(key)
		lock.Lock()
		if s := b.sessions.remove(key, now); s != nil {
			if cl, ok := b.engine.Clients.Get(key); ok && cl.Closed() {
				b.discard(cl)
			}
			b.fireWill(s)
		}
		lock.Unlock()
	}
}

// discard removes all that the engine keeps of a client.
func (b *Broker) discard(cl *mqtt.Client) {
	b.engine.UnsubscribeClient(cl)
	cl.ClearInflights()
	b.engine.Clients.Delete(cl.ID)
	b.topology.Add(1)
}

// engineForever is a session expiry that the engine never reaches: sessions end
// by sweep.
const engineForever = 1<<32 - 1
