package auth

import (
	"errors"
	"testing"

	"github.com/golang-jwt/jwt/v5"

	"github.com/dray-fleet/dray/fleet"
)

// TestOtherIssuers reads tokens as identity providers make them.
func TestOtherIssuers(t *testing.T) {
	keycloak := Names{Subject: "preferred_username", Fleet: "tenant", Role: "resource_access.dray.roles", Driver: "vehicle"}
	auth0 := Names{Fleet: "https://dray.example/fleet", Role: "https://dray.example/role"}
	roles := func(list ...any) map[string]any {
		return map[string]any{"other": map[string]any{"roles": []any{"admin"}}, "dray": map[string]any{"roles": list}}
	}
	for name, tt := range map[string]struct {
		names  Names
		change jwt.MapClaims // of a token that is good without Names; nil removes
		want   Claims        // its subject, fleet, role and driver
		err    error
	}{
		"our own names":           {Names{}, jwt.MapClaims{}, Claims{Subject: "d1", Fleet: "acme", Role: fleet.RoleDriver}, nil},
		"paths":                   {keycloak, jwt.MapClaims{"sub": "f3:ab", "preferred_username": "dana", "tenant": "acme", "resource_access": roles("offline_access", "dispatcher")}, Claims{Subject: "dana", Fleet: "acme", Role: fleet.RoleDispatcher}, nil},
		"a driver":                {keycloak, jwt.MapClaims{"preferred_username": "box", "tenant": "acme", "vehicle": "d7", "resource_access": roles("device")}, Claims{Subject: "box", Fleet: "acme", Role: fleet.RoleDevice, Driver: "d7"}, nil},
		"names with dots":         {auth0, jwt.MapClaims{"fleet": nil, "role": nil, "https://dray.example/fleet": "acme", "https://dray.example/role": "admin"}, Claims{Subject: "d1", Fleet: "acme", Role: fleet.RoleAdmin}, nil},
		"ours do not count":       {auth0, jwt.MapClaims{"fleet": "acme", "role": "admin"}, Claims{}, ErrClaims},
		"their role is not":       {auth0, jwt.MapClaims{"role": "admin", "https://dray.example/fleet": "acme"}, Claims{}, ErrClaims},
		"two roles of ours":       {keycloak, jwt.MapClaims{"preferred_username": "dana", "tenant": "acme", "resource_access": roles("driver", "admin")}, Claims{}, ErrClaims},
		"no role of ours":         {keycloak, jwt.MapClaims{"preferred_username": "dana", "tenant": "acme", "resource_access": roles("offline_access", 7)}, Claims{}, ErrClaims},
		"a list for our name":     {Names{}, jwt.MapClaims{"role": []string{"driver"}}, Claims{}, ErrClaims},
		"a path to a text":        {keycloak, jwt.MapClaims{"preferred_username": "dana", "tenant": "acme", "resource_access": "driver"}, Claims{}, ErrClaims},
		"a subject that is no id": {Names{Subject: "email"}, jwt.MapClaims{"email": "dana@acme.example"}, Claims{}, ErrClaims},
	} {
		key := newEC(t)
		v := newVerifier(t, Options{JWKSURL: newProvider(t, jwks(t, key.with("1"))).URL, Secret: secret, Names: tt.names, Now: newClock().now})
		got, err := v.Verify(t.Context(), sign(t, key.method, "1", key.private, good(tt.change)))
		if !errors.Is(err, tt.err) {
			t.Errorf("%s: error %v, want %v", name, err, tt.err)
		}
		if err == nil && (got.Subject != tt.want.Subject || got.Fleet != tt.want.Fleet || got.Role != tt.want.Role || got.Driver != tt.want.Driver) {
			t.Errorf("%s: %+v, want %+v", name, got, tt.want)
		}
		if _, err := v.Verify(t.Context(), sign(t, jwt.SigningMethodHS256, "", secret, good())); err != nil {
			t.Errorf("%s: a token of our own: %v", name, err)
		}
	}
}
