package broker

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/dray-fleet/dray/auth"
	"github.com/dray-fleet/dray/broker/packet"
	"github.com/dray-fleet/dray/fleet"
)

// revoking revokes a driver while it is being admitted, when its token has been
// looked at already.
type revoking struct{ s **server }

func (r revoking) Admit(_ context.Context, fleetID, driver string) error {
	now := time.Now()
	(*r.s).revocations.Add(fleet.Revocation{Fleet: fleetID, Subject: driver, Before: now, ExpiresAt: now.Add(time.Hour)})
	return nil
}

func TestRevokedWhileConnecting(t *testing.T) {
	var s *server
	s = start(t, func(o *Options) { o.Registry = revoking{&s} })
	for _, version := range []byte{packet.V311, packet.V5} {
		id := fmt.Sprintf("d%d", version) // the other one is revoked already
		w := s.dial(version)
		w.send(hello{id: id, password: s.driver(id), keepAlive: 60}.frame(version))
		w.connack()
		w.ended(packet.CodeNotAuthorized)
	}
}

func TestRevokedWhileRenewing(t *testing.T) {
	s := start(t)
	w := s.client(packet.V5, "d1", s.driver("d1"))
	revoked := decide(func(c *auth.Claims, err error) (*auth.Claims, error) {
		s.revocations.Add(fleet.Revocation{Fleet: "acme", JTI: "next", ExpiresAt: time.Now().Add(time.Hour)})
		return c, err
	})
	s.decide.Store(&revoked)
	w.send(authFrame("JWT", s.token(fleet.RoleDriver, "acme", "d1", func(c *auth.Claims) { c.ID = "next" })))
	w.ended(packet.CodeNotAuthorized)
}

// A client must not be told that its credentials are wrong when nobody can tell:
// it might never try again.
func TestLoginWhileTheStoreIsAway(t *testing.T) {
	s := start(t)
	w := s.client(packet.V5, "d1", s.driver("d1"))
	away := decide(func(*auth.Claims, error) (*auth.Claims, error) {
		return nil, errors.New("auth: find device acme/box: connection refused")
	})
	s.decide.Store(&away)
	for version, want := range map[byte]byte{packet.V311: 3, packet.V5: packet.CodeServerUnavailable} {
		x := s.dial(version)
		x.send(hello{id: "box", password: "its secret"}.frame(version))
		if _, code, _ := x.connack(); code != want {
			t.Errorf("version %d: CONNACK %#x, want %#x", version, code, want)
		}
		x.closed()
	}
	w.send(authFrame("JWT", s.driver("d1")))
	w.ended(packet.CodeServerBusy)
}
