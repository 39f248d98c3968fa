package auth

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// names returns the devices of acme that knocked, sorted.
func names(d *Devices) string {
	var ids []string
	for _, s := range d.Strangers("acme") {
		ids = append(ids, s.Device)
	}
	slices.Sort(ids)
	return strings.Join(ids, " ")
}

func TestStrangers(t *testing.T) {
	secret, hash := NewDeviceSecret()
	clock := noon
	d := NewDevices(shelf{"acme/box": {SecretHash: hash}, "acme/off": {SecretHash: hash, Disabled: true}}, nil, func() time.Time { return clock })
	for _, username := range []string{"acme/box", "acme/off", "acme/new", "other/alien", "acme/b o x"} {
		_, _ = d.BySecret(t.Context(), username, secret, "192.0.2.1:9")
		_, _ = d.BySecret(t.Context(), username, "wrong", "192.0.2.1:9")
	}
	_, _ = d.ByCertificate(t.Context(), certificate(t, "dray:acme/cert"), "192.0.2.1:9")
	if got := names(d); got != "cert new" {
		t.Errorf("strangers %q, want only those that are not registered", got)
	}
	clock = noon.Add(strangersTime + time.Second)
	_, _ = d.BySecret(t.Context(), "acme/new", secret, "192.0.2.1:9")
	if got := names(d); got != "new" {
		t.Errorf("a day later: strangers %q, want who tried again", got)
	}
}

// Whoever invents names loses places of his own only.
func TestStrangersAreNotCrowdedOut(t *testing.T) {
	clock := noon
	d := NewDevices(shelf{}, nil, func() time.Time { clock = clock.Add(time.Millisecond); return clock })
	_, _ = d.BySecret(t.Context(), "acme/first", "", "192.0.2.1:9")
	for i := range maxStrangers + 300 {
		_, _ = d.BySecret(t.Context(), fmt.Sprintf("fleet%d/device%d", i%7, i), "", fmt.Sprintf("[2001:db8::%x]:9", i))
		if i == maxStrangers {
			_, _ = d.BySecret(t.Context(), "acme/second", "", "192.0.2.2:9")
		}
	}
	if got := names(d); got != "first second" {
		t.Errorf("strangers of other networks %q, want both", got)
	}
	if n := len(d.strangers.seen); n != maxStrangers {
		t.Errorf("%d strangers are remembered, want %d", n, maxStrangers)
	}
	if n := len(d.strangers.from); n != 3 {
		t.Errorf("%d networks are remembered, want 3", n)
	}
}
