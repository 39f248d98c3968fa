package auth

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"sync/atomic"
	"time"
)

const (
	fetchTimeout  = 5 * time.Second
	fetchAtMost   = 10 * time.Second // between two fetches, whatever key ids are asked for
	refreshEvery  = 15 * time.Minute // so that a key that was withdrawn is forgotten
	acceptJWKSSet = "application/jwk-set+json, application/json"
)

// urlKeys are the keys at a JWKS URL. They are fetched when first needed, when
// a token names a key that is not among them, and every refreshEvery. While
// the provider is away the keys it gave last stay good.
type urlKeys struct {
	url    string
	client *http.Client
	now    func() time.Time
	log    *slog.Logger

	held  atomic.Pointer[fetched]
	fetch chan struct{} // one slot: who holds it may fetch
	tried time.Time     // the last attempt; guarded by fetch
	err   error         // and its outcome; guarded by fetch
}

type fetched struct {
	keys []key
	at   time.Time
}

func newURLKeys(raw string, client *http.Client, now func() time.Time, log *slog.Logger) (*urlKeys, error) {
	u, err := url.Parse(raw)
	if err != nil {
		return nil, fmt.Errorf("auth: JWKS URL: %w", err)
	}
	addr, _ := netip.ParseAddr(u.Hostname())
	local := u.Hostname() == "localhost" || addr.IsLoopback()
	if u.Host == "" || u.Scheme != "https" && !(u.Scheme == "http" && local) {
		return nil, fmt.Errorf("auth: JWKS URL %q must be https", u.Redacted())
	}
	return &urlKeys{url: raw, client: client, now: now, log: log, fetch: make(chan struct{}, 1)}, nil
}

// keys answers from what is held if that has the key and is fresh. Tokens that
// are signed with a secret never make it ask the provider.
func (u *urlKeys) keys(ctx context.Context, kid, alg string) ([]key, error) {
	if alg == algHS256 {
		return nil, nil
	}
	held := u.held.Load()
	known := held.has(kid, alg)
	if known && u.now().Sub(held.at) < refreshEvery {
		return held.keys, nil
	}
	select {
	case u.fetch <- struct{}{}:
		defer func() { <-u.fetch }()
	default:
		if known {
			return held.keys, nil // someone else is refreshing
		}
		select {
		case u.fetch <- struct{}{}:
			defer func() { <-u.fetch }()
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	if now := u.now(); u.tried.IsZero() || now.Sub(u.tried) >= fetchAtMost {
		u.tried = now
		u.refresh(ctx)
	}
	held = u.held.Load()
	switch {
	case held == nil:
		return nil, u.err
	case held.has(kid, alg):
		return held.keys, nil
	}
	return held.keys, u.err // those without an id, for a token with one
}

// refresh fetches the keys and remembers the outcome. It ends by its own
// deadline and not with the client that happened to ask.
func (u *urlKeys) refresh(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), fetchTimeout)
	defer cancel()
	keys, err := u.get(ctx)
	u.err = err
	if err != nil {
		u.log.Error("JWKS not fetched, the old keys stay", "error", err)
		return
	}
	u.held.Store(&fetched{keys, u.now()})
}

func (u *urlKeys) get(ctx context.Context) ([]key, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.url, nil)
	if err != nil {
		return nil, fmt.Errorf("fetch the JWKS: %w", err)
	}
	req.Header.Set("Accept", acceptJWKSSet)
	resp, err := u.client.Do(req)
	if err != nil {
		return nil, fmt.Errorf("fetch the JWKS: %w", err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("fetch the JWKS: status %d", resp.StatusCode)
	}
	data, err := io.ReadAll(io.LimitReader(resp.Body, maxKeysBytes+1))
	if err != nil {
		return nil, fmt.Errorf("fetch the JWKS: %w", err)
	}
	if len(data) > maxKeysBytes {
		return nil, errors.New("fetch the JWKS: it is larger than 1 MiB")
	}
	return parseJWKS(data, false)
}

func (f *fetched) has(kid, alg string) bool {
	return f != nil && slices.ContainsFunc(f.keys, func(k key) bool {
		return k.alg == alg && (kid == "" || k.id == kid)
	})
}
