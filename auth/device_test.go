package auth

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"errors"
	"math/big"
	"net/url"
	"testing"
	"time"

	"github.com/dray-fleet/dray/fleet"
	"github.com/google/go-cmp/cmp"
)

// shelf is a DeviceStore in memory, by fleet/id.
type shelf map[string]Device

func (s shelf) Device(_ context.Context, fleetID, id string) (Device, error) {
	d, found := s[fleetID+"/"+id]
	if !found {
		return Device{}, fleet.ErrNotFound
	}
	return d, nil
}

// away is a DeviceStore whose database is.
type away struct{}

var errAway = errors.New("connection refused")

func (away) Device(context.Context, string, string) (Device, error) { return Device{}, errAway }

func TestBySecret(t *testing.T) {
	secret, hash := NewDeviceSecret()
	other, _ := NewDeviceSecret()
	if len(secret) < 26 || secret == other {
		t.Fatalf("secrets %q and %q", secret, other)
	}
	revoked := NewRevocations(atNoon)
	revoked.Add(fleet.Revocation{Fleet: "acme", Subject: "lost", Before: noon, ExpiresAt: noon.AddDate(1, 0, 0)})
	devices := NewDevices(shelf{
		"acme/box":  {Driver: "d1", SecretHash: hash, SecretAt: noon},
		"acme/8601": {SecretHash: hash, SecretAt: noon},
		"acme/bare": {},
		"acme/off":  {SecretHash: hash, Disabled: true},
		"acme/lost": {SecretHash: hash, SecretAt: noon.Add(-time.Hour)},
	}, revoked, atNoon)
	for _, tt := range []struct {
		username, secret string
		want             error
	}{
		{"acme/box", secret, nil},
		{"acme/8601", secret, nil},
		{"acme/box", other, ErrSignature},
		{"acme/box", "", ErrSignature},
		{"acme/bare", "", ErrSignature},
		{"acme/off", secret, ErrSignature},
		{"acme/none", secret, ErrSignature},
		{"other/box", secret, ErrSignature},
		{"acme/lost", secret, ErrRevoked},
		{"acme", secret, ErrMalformed},
		{"acme/", secret, ErrMalformed},
		{"acme/box/x", secret, ErrMalformed},
		{"*/box", secret, ErrMalformed},
	} {
		if _, err := devices.BySecret(t.Context(), tt.username, tt.secret, "192.0.2.1:9"); !errors.Is(err, tt.want) {
			t.Errorf("BySecret(%q) = %v, want %v", tt.username, err, tt.want)
		}
	}
	got, err := devices.BySecret(t.Context(), "acme/box", secret, "192.0.2.1:9")
	want := &Claims{Fleet: "acme", Subject: "box", Role: fleet.RoleDevice, Driver: "d1", IssuedAt: noon}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("claims: %v (-want +got):\n%s", err, diff)
	}
	if _, err := NewDevices(away{}, nil, nil).BySecret(t.Context(), "acme/box", secret, "192.0.2.1:9"); !errors.Is(err, errAway) || errors.Is(err, ErrSignature) {
		t.Errorf("with the store away: %v", err)
	}
}

// certificate makes a self-signed one with these URIs, valid around noon.
func certificate(t *testing.T, uris ...string) *x509.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(0xabc), NotBefore: noon.Add(-time.Hour), NotAfter: noon.Add(time.Hour)}
	for _, s := range uris {
		u, err := url.Parse(s)
		if err != nil {
			t.Fatal(err)
		}
		template.URIs = append(template.URIs, u)
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return cert
}

func TestByCertificate(t *testing.T) {
	store := shelf{"acme/box": {Driver: "d1"}}
	devices := NewDevices(store, nil, atNoon)
	got, err := devices.ByCertificate(t.Context(), certificate(t, "https://example.com/x", "dray:acme/box"), "192.0.2.1:9")
	want := &Claims{Fleet: "acme", Subject: "box", Role: fleet.RoleDevice, Driver: "d1", ID: "x509-abc",
		IssuedAt: noon.Add(-time.Hour), NotBefore: noon.Add(-time.Hour), ExpiresAt: noon.Add(time.Hour)}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("claims: %v (-want +got):\n%s", err, diff)
	}
	for _, tt := range []struct {
		uris []string
		want error
	}{
		{nil, ErrClaims},
		{[]string{"https://example.com/acme/box"}, ErrClaims},
		{[]string{"dray:acme"}, ErrClaims},
		{[]string{"dray://acme/box"}, ErrClaims},
		{[]string{"dray:acme/box?x"}, ErrClaims},
		{[]string{"dray:acme/box", "dray:other/box"}, ErrClaims},
		{[]string{"dray:other/box"}, ErrSignature},
	} {
		if _, err := devices.ByCertificate(t.Context(), certificate(t, tt.uris...), "192.0.2.1:9"); !errors.Is(err, tt.want) {
			t.Errorf("%v: %v, want %v", tt.uris, err, tt.want)
		}
	}
	for _, tt := range []struct {
		at   time.Time
		want error
	}{{noon.Add(time.Hour), ErrExpired}, {noon.Add(-2 * time.Hour), ErrNotYetValid}} {
		late := NewDevices(store, nil, func() time.Time { return tt.at })
		if _, err := late.ByCertificate(t.Context(), certificate(t, "dray:acme/box"), "192.0.2.1:9"); !errors.Is(err, tt.want) {
			t.Errorf("at %v: %v, want %v", tt.at, err, tt.want)
		}
	}
	revoked := NewRevocations(atNoon)
	revoked.Add(fleet.Revocation{Fleet: "acme", JTI: "x509-abc", ExpiresAt: noon.Add(time.Hour)})
	if _, err := NewDevices(store, revoked, atNoon).ByCertificate(t.Context(), certificate(t, "dray:acme/box"), "192.0.2.1:9"); !errors.Is(err, ErrRevoked) {
		t.Errorf("revoked by its serial number: %v", err)
	}
}
