package auth

import (
	"net"
	"net/netip"
	"sync"
	"time"
)

// A Stranger is a device that was refused because it is not registered. Unless
// a token or a certificate says so, nobody has proved to be it. Nothing secret
// that it presented is kept.
type Stranger struct {
	Fleet, Device string
	Driver        string    // for whom its token has it report; empty otherwise
	Address       string    // of the last attempt: host, or host:port
	At            time.Time // of the last attempt
}

const (
	maxStrangers  = 1000
	strangersTime = 24 * time.Hour // after its last attempt
)

// strangers remembers who was refused, so that an admin can accept them. Anybody
// may knock under any name: when all places are taken, the network that has most
// of them gives up its oldest, so that none crowds out the others.
type strangers struct {
	mu   sync.Mutex
	seen map[[2]string]knock // by fleet and device; at most maxStrangers
	from map[string]int      // places taken, by network
}

type knock struct {
	Stranger
	network string
}

func newStrangers() *strangers {
	return &strangers{seen: make(map[[2]string]knock), from: make(map[string]int)}
}

func (s *strangers) add(st Stranger) {
	s.mu.Lock()
	defer s.mu.Unlock()
	key := [2]string{st.Fleet, st.Device}
	s.forget(key)
	if len(s.seen) >= maxStrangers {
		s.makeRoom()
	}
	k := knock{st, network(st.Address)}
	s.seen[key] = k
	s.from[k.network]++
}

// of returns those of a fleet, in no order.
func (s *strangers) of(fleetID string, now time.Time) []Stranger {
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []Stranger
	for key, k := range s.seen {
		switch {
		case now.Sub(k.At) > strangersTime:
			s.forget(key)
		case k.Fleet == fleetID:
			list = append(list, k.Stranger)
		}
	}
	return list
}

func (s *strangers) forget(key [2]string) {
	k, known := s.seen[key]
	if !known {
		return
	}
	delete(s.seen, key)
	if s.from[k.network]--; s.from[k.network] == 0 {
		delete(s.from, k.network)
	}
}

func (s *strangers) makeRoom() {
	most := 0
	for _, n := range s.from {
		most = max(most, n)
	}
	var oldest [2]string
	var at time.Time
	for key, k := range s.seen {
		if s.from[k.network] == most && (at.IsZero() || k.At.Before(at)) {
			oldest, at = key, k.At
		}
	}
	s.forget(oldest)
}

// network is what one party has: an address, or an IPv6 /64.
func network(address string) string {
	if h, _, err := net.SplitHostPort(address); err == nil {
		address = h
	}
	ip, err := netip.ParseAddr(address)
	if err != nil || ip.Unmap().Is4() {
		return address
	}
	return netip.PrefixFrom(ip, 64).Masked().String()
}
