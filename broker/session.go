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

// subject returns the fleet and subject of a session's key: the client id is the
// subject, or goes on after a colon.
func (s *session) subject() string {
	subject, _, _ := strings.Cut(s.key, ":")
	return subject
}
