package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/dray-fleet/dray/auth"
	"github.com/dray-fleet/dray/broker"
	"github.com/dray-fleet/dray/configs"
	"github.com/dray-fleet/dray/fleet"
)

// secretOf returns the secret that signs tokens: the configured one, or that of
// the data directory, made when first needed.
func secretOf(c *configs.Config) ([]byte, error) {
	if c.Auth.Secret != "" {
		return []byte(c.Auth.Secret), nil
	}
	secret, err := auth.LoadOrCreateSecret(filepath.Join(c.Data.Dir, "secret"))
	if err != nil {
		return nil, fmt.Errorf("secret of %s: %w", c.Data.Dir, err)
	}
	return secret, nil
}

// logins is who may connect over MQTT.
type logins struct {
	verifier    *auth.Verifier
	revocations *auth.Revocations
	devices     *auth.Devices
	registry    broker.Registry // nil: any driver is admitted
}

func (l logins) Login(ctx context.Context, login broker.Login) (*auth.Claims, error) {
	switch {
	case login.Password == "" && login.Peer != nil:
		return l.devices.ByCertificate(ctx, login.Peer, login.Address)
	case auth.IsDeviceUsername(login.Username) && !strings.Contains(login.Password, "."): // a token has two
		return l.devices.BySecret(ctx, login.Username, login.Password, login.Address)
	}
	c, err := l.verifier.Verify(ctx, login.Password)
	if err == nil && c.Role == fleet.RoleDevice && l.registry != nil && errors.Is(l.registry.Admit(ctx, c.Fleet, c.SpeaksFor()), fleet.ErrNotFound) {
		l.devices.Refused(auth.Stranger{Fleet: c.Fleet, Device: c.Subject, Driver: c.Driver, Address: login.Address}) // by the broker, as it asks next
	}
	return c, err
}

func (l logins) Revoked(c *auth.Claims) bool { return l.revocations.Revoked(c) }

// driverToken mints tokens for drivers of a fleet, for the demonstration.
func (n *node) driverToken(fleetID string) func(string) (string, error) {
	return func(driver string) (string, error) {
		return n.minter.Mint(&auth.Claims{
			Subject: driver, Fleet: fleetID, Role: fleet.RoleDriver, ExpiresAt: time.Now().Add(time.Hour),
		})
	}
}

// A roster admits only drivers that are registered: auth.auto_create is off.
type roster struct {
	store interface {
		Driver(ctx context.Context, fleetID, id string) (fleet.Driver, error)
	}

	mu    sync.Mutex
	known map[[2]string]time.Time // until when it need not be asked again
}

const (
	rosterTime = time.Minute
	rosterMost = 100_000
)

func newRoster(s store) *roster {
	return &roster{store: s, known: make(map[[2]string]time.Time)}
}

func (r *roster) Admit(ctx context.Context, fleetID, driver string) error {
	key := [2]string{fleetID, driver}
	now := time.Now()
	r.mu.Lock()
	until := r.known[key]
	r.mu.Unlock()
	if now.Before(until) {
		return nil
	}
	if _, err := r.store.Driver(ctx, fleetID, driver); err != nil {
		if !errors.Is(err, fleet.ErrNotFound) && !until.IsZero() {
			return nil // known before the database went away
		}
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.known) >= rosterMost {
		clear(r.known)
	}
	r.known[key] = now.Add(rosterTime)
	return nil
}
