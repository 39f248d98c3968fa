package auth

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/dray-fleet/dray/fleet"
	"github.com/golang-jwt/jwt/v5"
	"github.com/google/go-cmp/cmp"
)

var (
	secret = []byte("0123456789abcdef0123456789abcdef")
	noon   = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
)

func atNoon() time.Time { return noon }

func newVerifier(t testing.TB, opts Options) *Verifier {
	t.Helper()
	if opts.Now == nil {
		opts.Now = atNoon
	}
	v, err := NewVerifier(opts)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// sign makes a token of any claims, also of ones that Mint would refuse.
func sign(t testing.TB, method jwt.SigningMethod, kid string, key any, claims jwt.MapClaims) string {
	t.Helper()
	token := jwt.NewWithClaims(method, claims)
	if kid != "" {
		token.Header["kid"] = kid
	}
	s, err := token.SignedString(key)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// good returns claims that are accepted at noon, with changes.
func good(changes ...jwt.MapClaims) jwt.MapClaims {
	claims := jwt.MapClaims{
		"aud": "dray", "sub": "d1", "fleet": "acme", "role": "driver",
		"exp": noon.Add(time.Hour).Unix(), "iat": noon.Unix(), "jti": "t1",
	}
	for _, change := range changes {
		for name, v := range change {
			claims[name] = v
			if v == nil {
				delete(claims, name)
			}
		}
	}
	return claims
}

func TestVerify(t *testing.T) {
	v := newVerifier(t, Options{Secret: secret})
	for _, tt := range []struct {
		name   string
		change jwt.MapClaims
		want   error
	}{
		{"as it is", nil, nil},
		{"unknown claim", jwt.MapClaims{"locale": "sv"}, nil},
		{"aud among others", jwt.MapClaims{"aud": []string{"x", "dray"}}, nil},
		{"aud missing", jwt.MapClaims{"aud": nil}, ErrClaims},
		{"aud of another", jwt.MapClaims{"aud": "other"}, ErrClaims},
		{"aud of numbers", jwt.MapClaims{"aud": []int{1}}, ErrClaims},
		{"exp missing", jwt.MapClaims{"exp": nil}, ErrClaims},
		{"exp a string", jwt.MapClaims{"exp": "tomorrow"}, ErrClaims},
		{"exp far too large", jwt.MapClaims{"exp": json.Number("1e300")}, ErrClaims},
		{"exp now", jwt.MapClaims{"exp": noon.Unix()}, ErrExpired},
		{"exp a second ago", jwt.MapClaims{"exp": noon.Unix() - 1}, ErrExpired},
		{"exp in a second", jwt.MapClaims{"exp": noon.Unix() + 1}, nil},
		{"iat 60 s ahead", jwt.MapClaims{"iat": noon.Unix() + 60}, nil},
		{"iat 61 s ahead", jwt.MapClaims{"iat": noon.Unix() + 61}, ErrNotYetValid},
		{"iat missing", jwt.MapClaims{"iat": nil}, nil},
		{"nbf 60 s ahead", jwt.MapClaims{"nbf": noon.Unix() + 60}, nil},
		{"nbf 61 s ahead", jwt.MapClaims{"nbf": noon.Unix() + 61}, ErrNotYetValid},
		{"sub missing", jwt.MapClaims{"sub": nil}, ErrClaims},
		{"sub not an id", jwt.MapClaims{"sub": "d1/+"}, ErrClaims},
		{"sub a number", jwt.MapClaims{"sub": 1}, ErrClaims},
		{"fleet missing", jwt.MapClaims{"fleet": nil}, ErrClaims},
		{"fleet empty", jwt.MapClaims{"fleet": ""}, ErrClaims},
		{"fleet a wildcard", jwt.MapClaims{"fleet": "+"}, ErrClaims},
		{"fleet * of a driver", jwt.MapClaims{"fleet": "*"}, ErrClaims},
		{"fleet * of an admin", jwt.MapClaims{"fleet": "*", "role": "admin"}, ErrClaims},
		{"fleet * of an operator", jwt.MapClaims{"fleet": "*", "role": "operator"}, nil},
		{"role missing", jwt.MapClaims{"role": nil}, ErrClaims},
		{"role unknown", jwt.MapClaims{"role": "root"}, ErrClaims},
		{"role in capitals", jwt.MapClaims{"role": nil, "Role": "driver"}, ErrClaims},
		{"driver of a driver", jwt.MapClaims{"driver": "d2"}, ErrClaims},
		{"driver of a device", jwt.MapClaims{"role": "device", "driver": "d2"}, nil},
		{"driver empty", jwt.MapClaims{"role": "device", "driver": ""}, ErrClaims},
		{"driver not an id", jwt.MapClaims{"role": "device", "driver": "#"}, ErrClaims},
		{"acl", jwt.MapClaims{"acl": map[string]any{"pub": []string{"fleet/acme/x"}, "sub": []string{"fleet/acme/#"}}}, nil},
		{"acl of nothing", jwt.MapClaims{"acl": map[string]any{}}, nil},
		{"acl null", jwt.MapClaims{"acl": json.RawMessage("null")}, ErrClaims},
		{"acl a list", jwt.MapClaims{"acl": []string{"fleet/acme/#"}}, ErrClaims},
		{"acl pub a string", jwt.MapClaims{"acl": map[string]any{"pub": "fleet/acme/x"}}, ErrClaims},
		{"acl pub null", jwt.MapClaims{"acl": map[string]any{"pub": nil}}, ErrClaims},
		{"acl of another word", jwt.MapClaims{"acl": map[string]any{"all": []string{"fleet/acme/x"}}}, ErrClaims},
		{"acl into another fleet", jwt.MapClaims{"acl": map[string]any{"sub": []string{"fleet/other/#"}}}, ErrClaims},
		{"acl over fleets", jwt.MapClaims{"acl": map[string]any{"sub": []string{"fleet/+/x"}}}, ErrClaims},
		{"acl over all", jwt.MapClaims{"acl": map[string]any{"sub": []string{"#"}}}, ErrClaims},
		{"acl shared", jwt.MapClaims{"acl": map[string]any{"sub": []string{"$share/g/fleet/acme/#"}}}, ErrClaims},
		{"acl not a filter", jwt.MapClaims{"acl": map[string]any{"sub": []string{"fleet/acme/#/x"}}}, ErrClaims},
		{"acl of an operator", jwt.MapClaims{"fleet": "*", "role": "operator", "acl": map[string]any{"sub": []string{"fleet/*/x"}}}, ErrClaims},
	} {
		token := sign(t, jwt.SigningMethodHS256, "", secret, good(tt.change))
		if _, err := v.Verify(t.Context(), token); !errors.Is(err, tt.want) {
			t.Errorf("%s: Verify = %v, want %v", tt.name, err, tt.want)
		}
	}
}

func TestVerifyIssuer(t *testing.T) {
	v := newVerifier(t, Options{Secret: secret, Issuer: "https://id.example", Audience: "trucks"})
	for _, tt := range []struct {
		iss, aud string
		want     error
	}{
		{"https://id.example", "trucks", nil},
		{"https://id.example", "dray", ErrClaims},
		{"https://evil.example", "trucks", ErrClaims},
		{"", "trucks", ErrClaims},
	} {
		token := sign(t, jwt.SigningMethodHS256, "", secret, good(jwt.MapClaims{"iss": tt.iss, "aud": tt.aud}))
		if _, err := v.Verify(t.Context(), token); !errors.Is(err, tt.want) {
			t.Errorf("iss %q aud %q: Verify = %v, want %v", tt.iss, tt.aud, err, tt.want)
		}
	}
}

func TestVerifySignature(t *testing.T) {
	v := newVerifier(t, Options{Secret: secret})
	token := sign(t, jwt.SigningMethodHS256, "", secret, good())
	parts := strings.Split(token, ".")
	none := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none","typ":"JWT"}`))
	_, edKey, _ := ed25519.GenerateKey(rand.Reader)
	for _, tt := range []struct {
		name, token string
		want        error
	}{
		{"genuine", token, nil},
		{"other secret", sign(t, jwt.SigningMethodHS256, "", []byte(strings.Repeat("x", 32)), good()), ErrSignature},
		{"signature cut off", parts[0] + "." + parts[1] + ".", ErrSignature},
		{"none", none + "." + parts[1] + ".", ErrSignature},
		{"HS512 with the right secret", sign(t, jwt.SigningMethodHS512, "", secret, good()), ErrSignature},
		{"an algorithm without a key", sign(t, jwt.SigningMethodEdDSA, "", edKey, good()), ErrSignature},
		{"empty", "", ErrMalformed},
		{"text", "hello", ErrMalformed},
		{"two parts", parts[0] + "." + parts[1], ErrMalformed},
		{"too long", token + strings.Repeat("A", maxToken), ErrMalformed},
	} {
		if _, err := v.Verify(t.Context(), tt.token); !errors.Is(err, tt.want) {
			t.Errorf("%s: Verify = %v, want %v", tt.name, err, tt.want)
		}
	}
}

// A token may name extensions without which it must not be understood (RFC 7515
// section 4.1.11). None is known here, also not one that is there by accident.
func TestVerifyCritical(t *testing.T) {
	v := newVerifier(t, Options{Secret: secret})
	for _, crit := range []any{[]string{"b64"}, []string{}, nil, "exp"} {
		token := jwt.NewWithClaims(jwt.SigningMethodHS256, good())
		token.Header["crit"], token.Header["b64"] = crit, false
		signed, err := token.SignedString(secret)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := v.Verify(t.Context(), signed); !errors.Is(err, ErrSignature) {
			t.Errorf("crit %v: Verify = %v, want ErrSignature", crit, err)
		}
	}
}

func TestMintRoundTrip(t *testing.T) {
	m, err := NewMinter(secret, "dray.example", "")
	if err != nil {
		t.Fatal(err)
	}
	want := &Claims{
		Fleet: "acme", Subject: "box", Role: fleet.RoleDevice, Driver: "d1",
		ExpiresAt: noon.Add(time.Hour), IssuedAt: noon.Add(7 * time.Millisecond), NotBefore: noon,
		ACL: &ACL{Pub: []string{"fleet/acme/x"}, Sub: []string{}},
	}
	token, err := m.Mint(want)
	if err != nil {
		t.Fatal(err)
	}
	if want.ID == "" || want.Issuer == "" || len(want.Audience) != 1 {
		t.Errorf("Mint left jti, iss or aud empty: %+v", want)
	}
	got, err := newVerifier(t, Options{Secret: secret, Issuer: "dray.example"}).Verify(t.Context(), token)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("claims (-minted +verified):\n%s", diff)
	}
}

func TestMintRefuses(t *testing.T) {
	m, err := NewMinter(secret, "", "")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []*Claims{
		{Fleet: "acme", Subject: "d1", Role: "root", ExpiresAt: noon},
		{Fleet: "*", Subject: "d1", Role: fleet.RoleAdmin, ExpiresAt: noon},
		{Fleet: "acme", Subject: "d1", Role: fleet.RoleDriver},
		{Fleet: "acme", Subject: "s", Role: fleet.RoleService, ExpiresAt: noon, ACL: &ACL{Pub: []string{"#"}}},
	} {
		if _, err := m.Mint(c); !errors.Is(err, ErrClaims) {
			t.Errorf("Mint(%+v) = %v, want ErrClaims", c, err)
		}
	}
	if _, err := NewMinter(secret[:31], "", ""); err == nil {
		t.Error("NewMinter took a secret of 31 bytes")
	}
	if _, err := NewVerifier(Options{Secret: secret[:31]}); err == nil {
		t.Error("NewVerifier took a secret of 31 bytes")
	}
	if _, err := NewVerifier(Options{}); err == nil {
		t.Error("NewVerifier took no key at all")
	}
}

func TestLoadOrCreateSecret(t *testing.T) {
	path := filepath.Join(t.TempDir(), "secret")
	first, err := LoadOrCreateSecret(path)
	if err != nil {
		t.Fatal(err)
	}
	again, err := LoadOrCreateSecret(path)
	if err != nil || string(first) != string(again) || len(first) < MinSecret {
		t.Errorf("secret of %d bytes, then another (%v)", len(first), err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v (%v), want 0600", info.Mode(), err)
	}
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := LoadOrCreateSecret(path); err == nil {
		t.Error("a secret that others can read was taken")
	}
}

func FuzzVerify(f *testing.F) {
	v := newVerifier(f, Options{Secret: secret})
	f.Add(sign(f, jwt.SigningMethodHS256, "", secret, good()))
	f.Add(sign(f, jwt.SigningMethodHS256, "k", secret, good(jwt.MapClaims{"acl": map[string]any{"pub": []string{"fleet/acme/x"}}})))
	f.Add("e30.e30.")
	f.Add("..")
	f.Fuzz(func(t *testing.T, token string) {
		c, err := v.Verify(t.Context(), token)
		if (c == nil) == (err == nil) {
			t.Fatalf("Verify(%q) = %v, %v: want claims or an error", token, c, err)
		}
		if c != nil && c.validate() != nil {
			t.Fatalf("Verify(%q) let through %+v", token, c)
		}
	})
}

// FuzzClaims signs whatever claims the fuzzer makes up: what is let through
// must be valid.
func FuzzClaims(f *testing.F) {
	v := newVerifier(f, Options{Secret: secret})
	for _, c := range []jwt.MapClaims{good(), good(jwt.MapClaims{"acl": map[string]any{"sub": []string{"fleet/acme/#"}}})} {
		b, err := json.Marshal(c)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(b))
	}
	header := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"HS256"}`))
	f.Fuzz(func(t *testing.T, claims string) {
		text := header + "." + base64.RawURLEncoding.EncodeToString([]byte(claims))
		sig, err := jwt.SigningMethodHS256.Sign(text, secret)
		if err != nil {
			t.Fatal(err)
		}
		c, err := v.Verify(t.Context(), text+"."+base64.RawURLEncoding.EncodeToString(sig))
		if err == nil && (c.validate() != nil || c.Expired(noon)) {
			t.Fatalf("claims %s let through as %+v", claims, c)
		}
	})
}
