package auth

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// A pair is a private key with how it signs and how a JWKS shows it.
type pair struct {
	method  jwt.SigningMethod
	private crypto.Signer
	public  map[string]string
}

var b64 = base64.RawURLEncoding.EncodeToString

func newRSA(t testing.TB, bits int) pair {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		t.Fatal(err)
	}
	return pair{jwt.SigningMethodRS256, key, map[string]string{"kty": "RSA", "n": b64(key.N.Bytes()), "e": b64(big.NewInt(int64(key.E)).Bytes())}}
}

func newEC(t testing.TB) pair {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	point, err := key.PublicKey.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	return pair{jwt.SigningMethodES256, key, map[string]string{"kty": "EC", "crv": "P-256", "x": b64(point[1:33]), "y": b64(point[33:])}}
}

func newEd(t testing.TB) pair {
	t.Helper()
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return pair{jwt.SigningMethodEdDSA, private, map[string]string{"kty": "OKP", "crv": "Ed25519", "x": b64(public)}}
}

// with returns the public key with more members.
func (p pair) with(kid string, more ...string) map[string]string {
	j := map[string]string{}
	for name, v := range p.public {
		j[name] = v
	}
	if kid != "" {
		j["kid"] = kid
	}
	for i := 0; i < len(more); i += 2 {
		j[more[i]] = more[i+1]
	}
	return j
}

func jwks(t testing.TB, keys ...map[string]string) []byte {
	t.Helper()
	b, err := json.Marshal(map[string]any{"keys": keys})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func pemOf(t testing.TB, pairs ...pair) []byte {
	t.Helper()
	var out []byte
	for _, p := range pairs {
		der, err := x509.MarshalPKIXPublicKey(p.private.Public())
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})...)
	}
	return out
}

// clock is a clock that a test moves.
type clock struct{ ns atomic.Int64 }

func newClock() *clock {
	c := &clock{}
	c.ns.Store(noon.UnixNano())
	return c
}

func (c *clock) now() time.Time          { return time.Unix(0, c.ns.Load()) }
func (c *clock) advance(d time.Duration) { c.ns.Add(int64(d)) }

// write replaces a file as an editor or a secret mount does, by a rename.
func write(t testing.TB, path string, data []byte) {
	t.Helper()
	tmp := path + ".new"
	if err := os.WriteFile(tmp, data, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(tmp, path); err != nil {
		t.Fatal(err)
	}
}

func TestKeysFile(t *testing.T) {
	rsaKey, ecKey, edKey, foreign := newRSA(t, 2048), newEC(t), newEd(t), newEd(t)
	path := filepath.Join(t.TempDir(), "keys")
	write(t, path, jwks(t, rsaKey.with("r", "alg", "RS256", "use", "sig"), ecKey.with("e"), edKey.with("d"),
		map[string]string{"kty": "oct", "kid": "h", "k": b64(secret)},
		rsaKey.with("enc", "use", "enc"), rsaKey.with("ps", "alg", "PS256"),
		map[string]string{"kty": "EC", "crv": "P-384", "kid": "big"}))
	v := newVerifier(t, Options{KeysFile: path})
	for _, tt := range []struct {
		name   string
		method jwt.SigningMethod
		kid    string
		key    any
		want   error
	}{
		{"RS256", rsaKey.method, "r", rsaKey.private, nil},
		{"ES256", ecKey.method, "e", ecKey.private, nil},
		{"EdDSA", edKey.method, "d", edKey.private, nil},
		{"HS256", jwt.SigningMethodHS256, "h", secret, nil},
		{"without a kid", edKey.method, "", edKey.private, nil},
		{"unknown kid", edKey.method, "x", edKey.private, ErrSignature},
		{"kid of another key", edKey.method, "e", edKey.private, ErrSignature},
		{"foreign key under our kid", foreign.method, "d", foreign.private, ErrSignature},
		{"RS384 with the right key", jwt.SigningMethodRS384, "r", rsaKey.private, ErrSignature},
		{"PS256 with the right key", jwt.SigningMethodPS256, "r", rsaKey.private, ErrSignature},
		{"encryption key", rsaKey.method, "enc", rsaKey.private, ErrSignature},
		{"RS256 with a key for PS256", rsaKey.method, "ps", rsaKey.private, ErrSignature},
		{"HS256 with the public key", jwt.SigningMethodHS256, "r", pemOf(t, rsaKey), ErrSignature},
		{"HS256 with the public point", jwt.SigningMethodHS256, "d", []byte(edKey.private.Public().(ed25519.PublicKey)), ErrSignature},
	} {
		_, err := v.Verify(t.Context(), sign(t, tt.method, tt.kid, tt.key, good()))
		if !errors.Is(err, tt.want) {
			t.Errorf("%s: Verify = %v, want %v", tt.name, err, tt.want)
		}
	}
}

func TestKeysFileReload(t *testing.T) {
	first, second := newEd(t), newEC(t)
	path := filepath.Join(t.TempDir(), "keys.pem")
	write(t, path, pemOf(t, first))
	time := newClock()
	v := newVerifier(t, Options{KeysFile: path, Now: time.now})
	token := func(p pair) string { return sign(t, p.method, "", p.private, good()) }
	want := func(step string, p pair, want error) {
		t.Helper()
		time.advance(lookFileEvery)
		if _, err := v.Verify(t.Context(), token(p)); !errors.Is(err, want) {
			t.Errorf("%s: Verify = %v, want %v", step, err, want)
		}
	}
	want("first", first, nil)
	want("second, not there yet", second, ErrSignature)
	write(t, path, pemOf(t, first, second))
	want("first, overlapping", first, nil)
	want("second, overlapping", second, nil)
	write(t, path, pemOf(t, second))
	want("first, withdrawn", first, ErrSignature)
	write(t, path, []byte("broken"))
	want("second, the file is broken", second, nil)
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	want("second, the file is gone", second, nil)
	write(t, path, pemOf(t, first))
	want("first, the file is back", first, nil)
}

func TestKeysFileRefused(t *testing.T) {
	ec := newEC(t)
	for name, data := range map[string][]byte{
		"nothing":           nil,
		"text":              []byte("hello"),
		"no keys":           []byte(`{"keys":[]}`),
		"not a JWKS":        []byte(`{"a":1}`),
		"broken JSON":       []byte(`{"keys":[`),
		"private PEM":       []byte("-----BEGIN PRIVATE KEY-----\nMC4=\n-----END PRIVATE KEY-----\n"),
		"short RSA":         pemOf(t, newRSA(t, 1024)),
		"short secret":      jwks(t, map[string]string{"kty": "oct", "k": b64(secret[:31])}),
		"off the curve":     jwks(t, ec.with("", "y", ec.public["x"])),
		"short Ed25519":     jwks(t, map[string]string{"kty": "OKP", "crv": "Ed25519", "x": "AAAA"}),
		"RSA exponent 1":    jwks(t, newRSA(t, 2048).with("", "e", "AQ")),
		"RSA exponent none": jwks(t, newRSA(t, 2048).with("", "e", "")),
		"padded base64":     jwks(t, ec.with("", "x", ec.public["x"]+"=")),
	} {
		path := filepath.Join(t.TempDir(), "keys")
		write(t, path, data)
		if _, err := NewVerifier(Options{KeysFile: path}); err == nil {
			t.Errorf("%s: taken as keys", name)
		}
	}
	if _, err := NewVerifier(Options{KeysFile: filepath.Join(t.TempDir(), "none")}); err == nil {
		t.Error("a keys file that is not there was taken")
	}
}

// A provider serves a JWKS that a test changes, and counts who asks.
type provider struct {
	*httptest.Server
	mu    sync.Mutex
	body  []byte
	code  int
	asked int
}

func newProvider(t testing.TB, body []byte) *provider {
	p := &provider{body: body, code: http.StatusOK}
	p.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.asked++
		w.WriteHeader(p.code)
		w.Write(p.body)
	}))
	t.Cleanup(p.Close)
	return p
}

func (p *provider) set(code int, body []byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.code, p.body = code, body
}

func (p *provider) count() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.asked
}

func TestJWKSURL(t *testing.T) {
	first, second := newRSA(t, 2048), newEC(t)
	server := newProvider(t, jwks(t, first.with("1")))
	time := newClock()
	v := newVerifier(t, Options{JWKSURL: server.URL, Now: time.now})
	want := func(step string, p pair, kid string, want error, asked int) {
		t.Helper()
		if _, err := v.Verify(t.Context(), sign(t, p.method, kid, p.private, good())); !errors.Is(err, want) {
			t.Errorf("%s: Verify = %v, want %v", step, err, want)
		}
		if n := server.count(); n != asked {
			t.Errorf("%s: the provider was asked %d times, want %d", step, n, asked)
		}
	}
	want("first use", first, "1", nil, 1)
	want("held", first, "1", nil, 1)
	want("unknown key, asked a moment ago", second, "2", ErrSignature, 1)
	server.set(http.StatusOK, jwks(t, first.with("1"), second.with("2")))
	time.advance(fetchAtMost)
	want("unknown key that is there now", second, "2", nil, 2)
	for range 20 {
		want("made-up keys do not ask again", second, "made up", ErrSignature, 2)
	}
	server.set(http.StatusInternalServerError, nil)
	time.advance(refreshEvery)
	want("refresh fails, the old keys stay", first, "1", nil, 3)
	want("unknown key while the provider is away", second, "3", ErrKeysUnavailable, 3)
	time.advance(fetchAtMost)
	server.set(http.StatusOK, jwks(t, second.with("2")))
	want("withdrawn", first, "1", ErrSignature, 4)
	if _, err := v.Verify(t.Context(), sign(t, jwt.SigningMethodHS256, "x", secret, good())); !errors.Is(err, ErrSignature) || server.count() != 4 {
		t.Errorf("HS256: %v, asked %d times, want no question", err, server.count())
	}
}

func TestJWKSAway(t *testing.T) {
	p := newEd(t)
	server := newProvider(t, nil)
	time := newClock()
	v := newVerifier(t, Options{JWKSURL: server.URL, Secret: secret, Now: time.now})
	for name, body := range map[string][]byte{
		"symmetric key": jwks(t, map[string]string{"kty": "oct", "kid": "1", "k": b64(secret)}),
		"no key":        jwks(t),
		"not JSON":      []byte("<html>"),
		"too large":     make([]byte, maxKeysBytes+1),
	} {
		server.set(http.StatusOK, body)
		time.advance(fetchAtMost)
		if _, err := v.Verify(t.Context(), sign(t, p.method, "1", p.private, good())); !errors.Is(err, ErrKeysUnavailable) {
			t.Errorf("%s: Verify = %v, want ErrKeysUnavailable", name, err)
		}
	}
	if _, err := v.Verify(t.Context(), sign(t, jwt.SigningMethodHS256, "", secret, good())); err != nil {
		t.Errorf("a token of our own: %v", err)
	}
	server.Close()
	time.advance(fetchAtMost)
	if _, err := v.Verify(t.Context(), sign(t, p.method, "1", p.private, good())); !errors.Is(err, ErrKeysUnavailable) {
		t.Errorf("nobody listens: Verify = %v, want ErrKeysUnavailable", err)
	}
}

// A provider with one key need not name it, whatever its tokens say.
func TestJWKSWithoutIDs(t *testing.T) {
	p, other := newRSA(t, 2048), newRSA(t, 2048)
	server := newProvider(t, jwks(t, p.with("")))
	time := newClock()
	v := newVerifier(t, Options{JWKSURL: server.URL, Now: time.now})
	for _, kid := range []string{"", "1"} {
		if _, err := v.Verify(t.Context(), sign(t, p.method, kid, p.private, good())); err != nil {
			t.Errorf("key id %q: Verify = %v", kid, err)
		}
		if _, err := v.Verify(t.Context(), sign(t, p.method, kid, other.private, good())); !errors.Is(err, ErrSignature) {
			t.Errorf("another key, id %q: Verify = %v, want ErrSignature", kid, err)
		}
	}
	server.set(http.StatusBadGateway, nil)
	time.advance(fetchAtMost)
	if _, err := v.Verify(t.Context(), sign(t, p.method, "1", p.private, good())); err != nil {
		t.Errorf("while the provider is away: %v", err)
	}
}

// A key without an id elsewhere does not stand before the one that is named.
func TestKeysOfTwoSources(t *testing.T) {
	local, remote := newRSA(t, 2048), newRSA(t, 2048)
	path := filepath.Join(t.TempDir(), "keys.pem")
	write(t, path, pemOf(t, local))
	server := newProvider(t, jwks(t, remote.with("1")))
	v := newVerifier(t, Options{KeysFile: path, JWKSURL: server.URL})
	for _, tt := range []struct {
		name string
		p    pair
		kid  string
		want error
	}{
		{"named, at the provider", remote, "1", nil},
		{"unnamed, in the file", local, "", nil},
		{"unnamed, at the provider", remote, "", nil},
		{"a name that nobody has, the file's key", local, "x", nil},
		{"the provider's name, the file's key", local, "1", ErrSignature},
	} {
		if _, err := v.Verify(t.Context(), sign(t, tt.p.method, tt.kid, tt.p.private, good())); !errors.Is(err, tt.want) {
			t.Errorf("%s: Verify = %v, want %v", tt.name, err, tt.want)
		}
	}
	away := newProvider(t, nil)
	away.set(http.StatusBadGateway, nil)
	v = newVerifier(t, Options{KeysFile: path, JWKSURL: away.URL})
	if _, err := v.Verify(t.Context(), sign(t, local.method, "", local.private, good())); err != nil {
		t.Errorf("the file's key while the provider is away: %v", err)
	}
	if _, err := v.Verify(t.Context(), sign(t, remote.method, "1", remote.private, good())); !errors.Is(err, ErrKeysUnavailable) {
		t.Errorf("the provider's key while it is away: %v, want ErrKeysUnavailable", err)
	}
}

func TestJWKSAskedOnceByMany(t *testing.T) {
	p := newEd(t)
	server := newProvider(t, jwks(t, p.with("1")))
	v := newVerifier(t, Options{JWKSURL: server.URL})
	token := sign(t, p.method, "1", p.private, good())
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() {
			if _, err := v.Verify(t.Context(), token); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if n := server.count(); n != 1 {
		t.Errorf("the provider was asked %d times, want 1", n)
	}
}

func TestJWKSURLRefused(t *testing.T) {
	for _, u := range []string{"http://id.example/jwks", "ftp://id.example", "id.example", "://", "https://"} {
		if _, err := NewVerifier(Options{JWKSURL: u}); err == nil {
			t.Errorf("%q was taken as a JWKS URL", u)
		}
	}
	for _, u := range []string{"https://id.example/jwks", "http://localhost:1/jwks", "http://[::1]:1/jwks"} {
		if _, err := NewVerifier(Options{JWKSURL: u}); err != nil {
			t.Errorf("%q: %v", u, err)
		}
	}
}

func FuzzParseKeys(f *testing.F) {
	f.Add(jwks(f, newEd(f).with("1"), newEC(f).with("2")))
	f.Add(pemOf(f, newEd(f)))
	f.Fuzz(func(t *testing.T, data []byte) {
		keys, err := parseKeys(data)
		if (len(keys) == 0) == (err == nil) {
			t.Fatalf("%d keys, %v", len(keys), err)
		}
	})
}
