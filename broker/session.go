package broker

import (
	"hash/maphash"
	"sync"
	"sync/atomic"
	"time"

	mqtt "github.com/mochi-mqtt/server/v2"

	"github.com/dray-fleet/dray/auth"
)

// A session is what the guard remembers of a client across its connections,
// beside what the engine keeps under the same key.
type session struct {
	key      string
	identity identity
	owner    atomic.Pointer[conn] // the same as conn, to be read without the lock

	// Under sessions.mu:
	conn    *conn         // the live connection, or nil
	expiry  time.Duration // how long it outlives the connection
	expires time.Time     // when it does; zero while connected
	will    *will         // delayed, waiting to be sent
	timer   *time.Timer   // sends it

	mu       sync.Mutex
	incoming map[uint16]struct{} // QoS 2 packet ids received and not yet released [MQTT-4.3.3-10]
	order    map[uint16]uint64   // packet id of each delivery that is not yet acknowledged → its turn
	turn     uint64
	sent     map[uint16]struct{} // of these, the ones that former connections were sent
}

// identity is what of a token a session depends on. A session is resumed only
// by the same one, so that no right is inherited that the new token lacks.
type identity struct {
	subject, driver, acl string
	role                 string
}

func identityOf(c *auth.Claims) identity {
	id := identity{subject: c.Subject, driver: c.Driver, role: string(c.Role)}
	if c.ACL != nil {
		for _, list := range [][]string{c.ACL.Pub, c.ACL.Sub} {
			for _, f := range list {
				id.acl += f + "\n"
			}
			id.acl += "\x00"
		}
	}
	return id
}

// receive remembers a QoS 2 publish until its PUBREL.
func (s *session) receive(id uint16) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.incoming == nil {
		s.incoming = make(map[uint16]struct{})
	}
	s.incoming[id] = struct{}{}
}

// unreleased returns how many QoS 2 publishes wait for their PUBREL.
func (s *session) unreleased() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.incoming)
}

// received reports whether a QoS 2 publish with this id waits for its PUBREL.
func (s *session) received(id uint16) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, ok := s.incoming[id]
	return ok
}

// releaseID forgets it.
func (s *session) releaseID(id uint16) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, ok := s.incoming[id]
	delete(s.incoming, id)
	return ok
}

// queued remembers the turn of a delivery, the first time it is sent.
func (s *session) queued(id uint16) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.order[id]; ok {
		return
	}
	if s.order == nil {
		s.order = make(map[uint16]uint64)
	}
	s.turn++
	s.order[id] = s.turn
}

// settled forgets a delivery.
func (s *session) settled(id uint16) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.order, id)
	delete(s.sent, id)
}

// inherit remembers which deliveries the former connection was sent.
func (s *session) inherit(from *held) {
	from.mu.Lock()
	defer from.mu.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	for id := range from.sent {
		if s.sent == nil {
			s.sent = make(map[uint16]struct{})
		}
		s.sent[id] = struct{}{}
	}
}

// wasSent reports whether a former connection was sent a delivery.
func (s *session) wasSent(id uint16) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, ok := s.sent[id]
	return ok
}

// turnOf returns the turn of a delivery; one that is unknown comes last.
func (s *session) turnOf(id uint16) uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	if t, ok := s.order[id]; ok {
		return t
	}
	return ^uint64(0)
}

// forget drops all state, as a clean start does.
func (s *session) forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.incoming, s.order, s.turn, s.sent = nil, nil, 0, nil
}

// sessions holds all sessions of this node, by key. CONNECTs and disconnects of
// one key are serialised by its lock: the engine looks a session up and adds it
// in two steps that must not interleave.
type sessions struct {
	seed  maphash.Seed
	locks [256]sync.Mutex

	mu  sync.Mutex
	all map[string]*session
}

func newSessions() *sessions {
	return &sessions{seed: maphash.MakeSeed(), all: make(map[string]*session)}
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
		s = &session{key: c.key}
		ss.all[c.key] = s
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
	c.session = s
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
		delete(ss.all, s.key)
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
	delete(ss.all, key)
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
