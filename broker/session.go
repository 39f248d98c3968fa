package broker

import (
	"strings"
	"sync"
	"sync/atomic"
	"time"

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
	order    map[uint16]turn     // packet id of each delivery that is not yet acknowledged
	turn     uint64
	sent     map[uint16]struct{} // of these, the ones that former connections were sent
	bytes    int                 // that these take
	total    *atomic.Int64       // the same of all sessions
	over     bool                // the session has ended: nothing is kept for it
	starts   int                 // how often it has begun anew
}

// turn is the place of a delivery among those that are not yet acknowledged, and
// the bytes that it takes.
type turn struct {
	n    uint64
	size int
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

// receive remembers a QoS 2 publish until its PUBREL. One that came before the
// session began anew, and was stored after, means nothing to it: its packet id is
// free for another.
func (s *session) receive(id uint16, start int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if start != s.starts {
		return
	}
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

// queued remembers the turn of a delivery, the first time it is sent, and that it
// takes size bytes.
func (s *session) queued(id uint16, size int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.order[id]; ok || s.over {
		return
	}
	if s.order == nil {
		s.order = make(map[uint16]turn)
	}
	s.turn++
	s.order[id] = turn{s.turn, size}
	s.grow(size)
}

// shrunk tells that the client has a QoS 2 delivery: from its PUBREC on the
// engine keeps the packet id alone.
func (s *session) shrunk(id uint16) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if t, ok := s.order[id]; ok {
		s.grow(-t.size)
		s.order[id] = turn{n: t.n}
	}
}

// settled forgets a delivery.
func (s *session) settled(id uint16) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.grow(-s.order[id].size)
	delete(s.order, id)
	delete(s.sent, id)
}

// prune forgets the deliveries that the engine does not have: it does not tell of
// what its queue had no room for.
func (s *session) prune(has func(id uint16) bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for id, t := range s.order {
		if !has(id) {
			s.grow(-t.size)
			delete(s.order, id)
			delete(s.sent, id)
		}
	}
}

// waits returns the bytes of what is not yet acknowledged.
func (s *session) waits() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.bytes
}

func (s *session) grow(n int) {
	s.bytes += n
	s.total.Add(int64(n))
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
		return t.n
	}
	return ^uint64(0)
}

// forget drops all state, as a clean start does.
func (s *session) forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.grow(-s.bytes)
	s.incoming, s.order, s.turn, s.sent = nil, nil, 0, nil
	s.starts++
}

// begun returns how often the session has begun anew.
func (s *session) begun() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.starts
}

// end drops all state for good.
func (s *session) end() {
	s.forget()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.over = true
}

// subject returns the fleet and subject of a session's key: the client id is the
// subject, or goes on after a colon.
func (s *session) subject() string {
	subject, _, _ := strings.Cut(s.key, ":")
	return subject
}
