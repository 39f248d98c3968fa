package auth

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"crypto/x509"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/dray-fleet/dray/fleet"
)

// Device is what is stored of a device's own credentials.
type Device struct {
	Driver     string    // the driver it reports for; empty when it is shown under its own id
	SecretHash []byte    // see HashDeviceSecret; empty when it has no secret
	SecretAt   time.Time // when the secret was made
	Disabled   bool
}

// A DeviceStore finds a device. fleet.ErrNotFound says that there is none.
type DeviceStore interface {
	Device(ctx context.Context, fleetID, id string) (Device, error)
}

// Devices turns what devices that cannot carry a token present into claims
// of role device. The claims of a secret do not expire: it ends by revocation
// of its subject, or by a new secret.
type Devices struct {
	store       DeviceStore
	revocations *Revocations
	strangers   *strangers
	now         func() time.Time
}

// NewDevices returns a Devices. A nil clock is time.Now; nil revocations refuse
// none.
func NewDevices(store DeviceStore, revocations *Revocations, now func() time.Time) *Devices {
	if now == nil {
		now = time.Now
	}
	return &Devices{store, revocations, newStrangers(), now}
}

// NewDeviceSecret returns a random secret of 130 bits in 26 letters, which fits
// the short password fields of devices, and the hash that is stored of it.
func NewDeviceSecret() (secret string, hash []byte) {
	secret = rand.Text()
	return secret, HashDeviceSecret(secret)
}

// HashDeviceSecret returns the SHA-256 of a secret. A slow hash would protect
// nothing here, for the secret is random and as long as a key.
func HashDeviceSecret(secret string) []byte {
	sum := sha256.Sum256([]byte(secret))
	return sum[:]
}

// IsDeviceUsername reports whether a user name has the form {fleet}/{device}, so
// that the password is a device's secret and not a token.
func IsDeviceUsername(username string) bool {
	fleetID, id, found := strings.Cut(username, "/")
	return found && fleet.ValidID(fleetID) && fleet.ValidID(id)
}

// BySecret returns the claims of the device that username {fleet}/{device} and
// its secret name. Address is the peer's, for the list of strangers. The error
// wraps ErrSignature, ErrRevoked, or is the store's.
func (d *Devices) BySecret(ctx context.Context, username, secret, address string) (*Claims, error) {
	if !IsDeviceUsername(username) {
		return nil, fmt.Errorf("%w: the user name is not {fleet}/{device}", ErrMalformed)
	}
	fleetID, id, _ := strings.Cut(username, "/")
	device, err := d.find(ctx, fleetID, id, address)
	if err != nil {
		return nil, err
	}
	if subtle.ConstantTimeCompare(device.SecretHash, HashDeviceSecret(secret)) != 1 {
		return nil, fmt.Errorf("%w: not the device's secret", ErrSignature)
	}
	return d.claims(&Claims{Fleet: fleetID, Subject: id, Driver: device.Driver, IssuedAt: device.SecretAt})
}

// ByCertificate returns the claims of the device that a client certificate
// names by the URI SAN dray:{fleet}/{device}. That the certificate is genuine
// the TLS layer has verified. The claims end with it. Address is as in BySecret.
func (d *Devices) ByCertificate(ctx context.Context, cert *x509.Certificate, address string) (*Claims, error) {
	fleetID, id, err := certificateName(cert)
	if err != nil {
		return nil, err
	}
	now := d.now()
	switch {
	case !now.Before(cert.NotAfter):
		return nil, fmt.Errorf("%w: the certificate", ErrExpired)
	case now.Before(cert.NotBefore):
		return nil, fmt.Errorf("%w: the certificate", ErrNotYetValid)
	}
	device, err := d.find(ctx, fleetID, id, address)
	if err != nil {
		return nil, err
	}
	return d.claims(&Claims{Fleet: fleetID, Subject: id, Driver: device.Driver,
		IssuedAt: cert.NotBefore, NotBefore: cert.NotBefore, ExpiresAt: cert.NotAfter, ID: "x509-" + cert.SerialNumber.Text(16)})
}

// certificateName returns the one name that the certificate has with us.
func certificateName(cert *x509.Certificate) (fleetID, id string, err error) {
	for _, uri := range cert.URIs {
		if uri.Scheme != "dray" {
			continue
		}
		if id != "" {
			return "", "", fmt.Errorf("%w: the certificate names two devices", ErrClaims)
		}
		if !IsDeviceUsername(uri.Opaque) || uri.RawQuery != "" || uri.Fragment != "" {
			return "", "", fmt.Errorf("%w: the certificate's URI is not dray:{fleet}/{device}", ErrClaims)
		}
		fleetID, id, _ = strings.Cut(uri.Opaque, "/")
	}
	if id == "" {
		return "", "", fmt.Errorf("%w: the certificate has no URI dray:{fleet}/{device}", ErrClaims)
	}
	return fleetID, id, nil
}

// Refused remembers a device that was refused because it, or the driver that it
// reports for, is not registered. Fleet and device are ids.
func (d *Devices) Refused(s Stranger) {
	s.At = d.now()
	d.strangers.add(s)
}

// Strangers returns the devices of a fleet that were refused in the last day, in
// no order.
func (d *Devices) Strangers(fleetID string) []Stranger { return d.strangers.of(fleetID, d.now()) }

// find says of an unknown device what it says of a wrong secret.
func (d *Devices) find(ctx context.Context, fleetID, id, address string) (Device, error) {
	device, err := d.store.Device(ctx, fleetID, id)
	unknown := errors.Is(err, fleet.ErrNotFound)
	if unknown {
		d.Refused(Stranger{Fleet: fleetID, Device: id, Address: address})
	}
	switch {
	case unknown, err == nil && device.Disabled:
		return Device{}, fmt.Errorf("%w: no such device", ErrSignature)
	case err != nil:
		return Device{}, fmt.Errorf("auth: find device %s/%s: %w", fleetID, id, err)
	}
	return device, nil
}

func (d *Devices) claims(c *Claims) (*Claims, error) {
	c.Role = fleet.RoleDevice
	if d.revocations.Revoked(c) {
		return nil, ErrRevoked
	}
	return c, nil
}
