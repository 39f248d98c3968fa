package auth

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/dray-fleet/dray/fleet"
	"github.com/golang-jwt/jwt/v5"
)

func TestRevoked(t *testing.T) {
	r := NewRevocations(atNoon)
	hour := noon.Add(time.Hour)
	r.Add(fleet.Revocation{Fleet: "acme", JTI: "t1", ExpiresAt: hour})
	r.Add(fleet.Revocation{Fleet: "acme", Subject: "d1", Before: noon, ExpiresAt: hour})
	r.Add(fleet.Revocation{Fleet: "acme", Subject: "d1", Before: noon.Add(-time.Hour), ExpiresAt: hour}) // an older one changes nothing
	r.Add(fleet.Revocation{Fleet: "acme", JTI: "old", ExpiresAt: noon})
	for _, tt := range []struct {
		name string
		c    Claims
		want bool
	}{
		{"by its id", Claims{Fleet: "acme", Subject: "d2", ID: "t1", IssuedAt: hour}, true},
		{"same id in another fleet", Claims{Fleet: "other", Subject: "d2", ID: "t1"}, false},
		{"issued before", Claims{Fleet: "acme", Subject: "d1", ID: "t2", IssuedAt: noon.Add(-time.Second)}, true},
		{"issued at that moment", Claims{Fleet: "acme", Subject: "d1", IssuedAt: noon}, true},
		{"issued a millisecond after", Claims{Fleet: "acme", Subject: "d1", IssuedAt: noon.Add(time.Millisecond)}, false},
		{"issued at an untold time", Claims{Fleet: "acme", Subject: "d1"}, true},
		{"another subject", Claims{Fleet: "acme", Subject: "d2", IssuedAt: noon.Add(-time.Second)}, false},
		{"same subject in another fleet", Claims{Fleet: "other", Subject: "d1"}, false},
		{"no id", Claims{Fleet: "acme", Subject: "d2"}, false},
		{"revocation out of date", Claims{Fleet: "acme", Subject: "d2", ID: "old"}, false},
	} {
		if got := r.Revoked(&tt.c); got != tt.want {
			t.Errorf("%s: Revoked = %v, want %v", tt.name, got, tt.want)
		}
	}
	if (*Revocations)(nil).Revoked(&Claims{}) {
		t.Error("a nil set holds something")
	}
}

func TestVerifyRevoked(t *testing.T) {
	r := NewRevocations(atNoon)
	v := newVerifier(t, Options{Secret: secret, Revocations: r})
	token := sign(t, jwt.SigningMethodHS256, "", secret, good())
	if _, err := v.Verify(t.Context(), token); err != nil {
		t.Fatal(err)
	}
	r.Add(fleet.Revocation{Fleet: "acme", JTI: "t1", ExpiresAt: noon.Add(time.Hour)})
	if _, err := v.Verify(t.Context(), token); !errors.Is(err, ErrRevoked) {
		t.Errorf("Verify = %v, want ErrRevoked", err)
	}
}

// The clock of another issuer may be ahead by the leeway: what it issued before a
// revocation of the subject does not look as if it came after it.
func TestVerifyRevokedOfAnotherIssuer(t *testing.T) {
	p := newEd(t)
	path := filepath.Join(t.TempDir(), "keys.pem")
	write(t, path, pemOf(t, p))
	clock, r := newClock(), NewRevocations(atNoon)
	v := newVerifier(t, Options{KeysFile: path, Secret: secret, Revocations: r, Now: clock.now})
	issued := func(ahead time.Duration) string {
		return sign(t, p.method, "", p.private, good(jwt.MapClaims{"iat": noon.Add(ahead).Unix()}))
	}
	before, err := v.Verify(t.Context(), issued(leeway))
	if err != nil {
		t.Fatal(err)
	}
	r.Add(fleet.Revocation{Fleet: "acme", Subject: "d1", Before: noon, ExpiresAt: noon.Add(time.Hour)})
	if !r.Revoked(before) {
		t.Error("a live connection of the subject stays")
	}
	clock.advance(2 * leeway)
	if _, err := v.Verify(t.Context(), issued(leeway)); !errors.Is(err, ErrRevoked) {
		t.Errorf("the same token later: %v, want ErrRevoked", err)
	}
	if _, err := v.Verify(t.Context(), issued(leeway+time.Second)); err != nil {
		t.Errorf("one that was issued after it: %v", err)
	}
	ours := sign(t, jwt.SigningMethodHS256, "", secret, good(jwt.MapClaims{"iat": noon.Add(time.Second).Unix()}))
	if _, err := v.Verify(t.Context(), ours); err != nil {
		t.Errorf("one of our own, a second after it: %v", err)
	}
}

func TestRevocationsAreForgotten(t *testing.T) {
	time1 := newClock()
	r := NewRevocations(time1.now)
	for range 100 {
		r.Add(fleet.Revocation{Fleet: "acme", JTI: rand26(), Subject: rand26(), Before: noon, ExpiresAt: noon.Add(time.Minute)})
	}
	time1.advance(2 * time.Minute)
	r.Add(fleet.Revocation{Fleet: "acme", JTI: "new", ExpiresAt: noon.Add(time.Hour)})
	if len(r.tokens) != 1 || len(r.subjects) != 0 {
		t.Errorf("%d tokens and %d subjects held, want 1 and 0", len(r.tokens), len(r.subjects))
	}
}

func rand26() string { s, _ := NewDeviceSecret(); return s }

func TestOnRevoke(t *testing.T) {
	r := NewRevocations(atNoon)
	var told []string
	r.OnRevoke(func(rev fleet.Revocation) {
		if !r.Revoked(&Claims{Fleet: rev.Fleet, Subject: rev.Subject, ID: rev.JTI}) {
			t.Error("told before it is in force")
		}
		told = append(told, rev.JTI+rev.Subject)
	})
	first := fleet.Revocation{Fleet: "acme", JTI: "t1", ExpiresAt: noon.Add(time.Hour)}
	r.Add(first)
	r.Add(first) // not news
	r.Add(fleet.Revocation{Fleet: "acme", Subject: "d1", Before: noon, ExpiresAt: noon.Add(time.Hour)})
	r.Add(fleet.Revocation{Fleet: "acme", JTI: "past", ExpiresAt: noon})
	if len(told) != 2 || told[0] != "t1" || told[1] != "d1" {
		t.Errorf("told %v, want t1 and d1", told)
	}
}

// ledger is a RevocationStore whose database can go away.
type ledger struct {
	mu    sync.Mutex
	list  []fleet.Revocation
	away  bool
	polls chan struct{} // told of every poll that found the database away
}

func (l *ledger) Revocations(_ context.Context, after int64) ([]fleet.Revocation, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.away {
		select {
		case l.polls <- struct{}{}:
		default:
		}
		return nil, errAway
	}
	var found []fleet.Revocation
	for _, r := range l.list {
		if r.ID > after {
			found = append(found, r)
		}
	}
	return found, nil
}

func (l *ledger) change(away bool, more ...fleet.Revocation) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.away = away
	l.list = append(l.list, more...)
}

func TestRevocationsRun(t *testing.T) {
	token := func(id int64, jti string) fleet.Revocation {
		return fleet.Revocation{ID: id, Fleet: "acme", JTI: jti, ExpiresAt: noon.Add(time.Hour)}
	}
	store := &ledger{list: []fleet.Revocation{token(1000, "first")}, polls: make(chan struct{})}
	r := NewRevocations(atNoon)
	news := make(chan string, 10)
	r.OnRevoke(func(rev fleet.Revocation) { news <- rev.JTI })
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- r.Run(ctx, store, slog.New(slog.DiscardHandler)) }()
	next := func(want string) {
		t.Helper()
		select {
		case got := <-news:
			if got != want {
				t.Errorf("news of %q, want %q", got, want)
			}
		case <-time.After(30 * time.Second):
			t.Fatalf("no news of %q", want)
		}
	}
	next("first")
	store.change(false, token(1002, "second"))
	next("second")
	store.change(false, token(1001, "committed late")) // below the highest id that was seen
	next("committed late")
	store.change(true)
	<-store.polls
	if !r.Revoked(&Claims{Fleet: "acme", ID: "first"}) {
		t.Error("forgotten while the database is away")
	}
	store.change(false, token(1003, "after the outage"))
	next("after the outage")
	stop()
	if err := <-done; err != nil {
		t.Errorf("Run = %v, want nil when asked to stop", err)
	}
}
