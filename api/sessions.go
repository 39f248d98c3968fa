package api

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"net/http"
	"net/netip"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/dray-fleet/dray/auth"
	"github.com/dray-fleet/dray/fleet"
)

const (
	accessTime  = 15 * time.Minute
	refreshTime = 30 * 24 * time.Hour
)

var (
	errBadLogin = errors.New("bad login")
	errSession  = errors.New("session has ended")
)

// A Credential is what a person types in.
type Credential struct {
	Fleet    string `json:"fleet" pattern:"^[A-Za-z0-9_-]{1,64}$" example:"demo"`
	User     string `json:"user" minLength:"1" maxLength:"128" pattern:"^[^\\x00-\\x1f\\x7f]+$" example:"admin"`
	Password string `json:"password" minLength:"1" maxLength:"128" format:"password"`
}

// A Session is what a login gives.
type Session struct {
	AccessToken  string      `json:"access_token" doc:"For Authorization: Bearer and the MQTT password."`
	RefreshToken string      `json:"refresh_token" doc:"Good once; the next one comes with the answer."`
	ExpiresIn    int         `json:"expires_in" doc:"Seconds until the access token ends."`
	User         SessionUser `json:"user"`
}

// A SessionUser is who logged in.
type SessionUser struct {
	ID    string     `json:"id"`
	Fleet string     `json:"fleet"`
	Role  fleet.Role `json:"role" enum:"driver,dispatcher,admin"`
	Name  string     `json:"name,omitempty"`
}

// Refresh holds a refresh token.
type Refresh struct {
	RefreshToken string `json:"refresh_token" minLength:"1" maxLength:"128"`
}

func (a *API) sessionRoutes() {
	register(a, operation{method: "POST", path: "/login", id: "login", summary: "Log in",
		errors: []int{http.StatusUnauthorized, http.StatusTooManyRequests}}, public, a.login)
	register(a, operation{method: "POST", path: "/token/refresh", id: "refresh", summary: "Renew a session",
		errors: []int{http.StatusUnauthorized}}, public, a.refresh)
	register(a, operation{method: "POST", path: "/logout", id: "logout", summary: "End a session, and with it the access token that is sent along"}, public, a.logout)
}

func (a *API) login(ctx context.Context, in *struct{ Body Credential }) (*body[Session], error) {
	c, who := callerOf(ctx), in.Body
	user, err := a.checkPassword(ctx, who.Fleet, who.User, who.Password, func() (fleet.User, error) {
		return a.Store.UserByName(ctx, who.Fleet, who.User)
	})
	if err != nil {
		if errors.Is(err, errBadLogin) {
			a.Logger.Info("api: login refused", "fleet", who.Fleet, "user", who.User, "address", c.address)
		}
		return nil, err
	}
	c.Claims, c.fleet = &auth.Claims{Subject: user.ID}, user.Fleet
	if err := a.audit(ctx, "login", "user", user.ID, nil, nil); err != nil {
		return nil, err
	}
	return a.session(ctx, user, rand.Text())
}

// checkPassword returns the user that find finds when the password is right.
// It takes the same time and gives the same answer whether or not there is one.
func (a *API) checkPassword(ctx context.Context, fleetID, name, password string, find func() (fleet.User, error)) (fleet.User, error) {
	account, source := fleetID+"/"+name, network(callerOf(ctx).address)
	now := time.Now()
	wait := a.sources.take(source, now)
	if wait == 0 {
		if wait = a.accounts.take(account, now); wait > 0 {
			a.sources.giveBack(source)
		}
	}
	if wait > 0 {
		a.metrics.throttled.Inc()
		return fleet.User{}, withRetry(huma.Error429TooManyRequests("too many logins failed: wait"), http.StatusTooManyRequests, wait)
	}
	user, err := find()
	right := false
	if err == nil || errors.Is(err, fleet.ErrNotFound) { // then the hash is empty, and Verify takes as long
		right, err = a.password.Verify(ctx, user.PasswordHash, password)
	}
	if err == nil && (!right || user.Disabled) {
		return fleet.User{}, errBadLogin
	}
	a.accounts.giveBack(account)
	a.sources.giveBack(source)
	return user, err
}

// network is what one party has: an address, or an IPv6 /64.
func network(address string) string {
	ip, err := netip.ParseAddr(address)
	if err != nil || ip.Unmap().Is4() {
		return address
	}
	return netip.PrefixFrom(ip, 64).Masked().String()
}

// session gives out both tokens of a user, whose refresh tokens form a family.
func (a *API) session(ctx context.Context, u fleet.User, family string) (*body[Session], error) {
	now := time.Now()
	access, err := a.Minter.Mint(&auth.Claims{
		Subject: u.ID, Fleet: u.Fleet, Role: u.Role, IssuedAt: now, ExpiresAt: now.Add(accessTime),
	})
	if err != nil {
		return nil, err
	}
	refresh := rand.Text()
	err = a.Store.SaveRefreshToken(ctx, fleet.RefreshToken{
		Hash: tokenHash(refresh), Family: family, Fleet: u.Fleet, User: u.ID, ExpiresAt: now.Add(refreshTime),
	})
	if err != nil {
		return nil, err
	}
	return reply(Session{access, refresh, int(accessTime / time.Second), SessionUser{u.ID, u.Fleet, u.Role, u.Name}}), nil
}

func tokenHash(token string) []byte {
	sum := sha256.Sum256([]byte(token))
	return sum[:]
}

func (a *API) refresh(ctx context.Context, in *struct{ Body Refresh }) (*body[Session], error) {
	old, err := a.Store.SpendRefreshToken(ctx, tokenHash(in.Body.RefreshToken), time.Now())
	switch {
	case errors.Is(err, fleet.ErrConflict):
		a.Logger.Warn("api: a spent refresh token came again, its session is ended", "address", callerOf(ctx).address)
		return nil, errSession
	case errors.Is(err, fleet.ErrNotFound):
		return nil, errSession
	case err != nil:
		return nil, err
	}
	user, err := a.Store.User(ctx, old.Fleet, old.User)
	if err != nil && !errors.Is(err, fleet.ErrNotFound) {
		return nil, err
	}
	issued := &auth.Claims{Fleet: old.Fleet, Subject: old.User, IssuedAt: old.ExpiresAt.Add(-refreshTime)}
	if err != nil || user.Disabled || a.Revocations.Revoked(issued) {
		return nil, errors.Join(errSession, a.Store.RevokeFamily(ctx, old.Family))
	}
	return a.session(ctx, user, old.Family)
}

// logout ends the session of the refresh token, and the access token if it is
// sent along. It says nothing about whether there was a session.
func (a *API) logout(ctx context.Context, in *struct{ Body Refresh }) (*struct{}, error) {
	c := callerOf(ctx)
	old, err := a.Store.SpendRefreshToken(ctx, tokenHash(in.Body.RefreshToken), time.Now())
	if err == nil {
		c.Claims, c.fleet = &auth.Claims{Subject: old.User}, old.Fleet
		err = a.Store.RevokeFamily(ctx, old.Family)
	}
	if err != nil && !errors.Is(err, fleet.ErrNotFound) && !errors.Is(err, fleet.ErrConflict) {
		return nil, err
	}
	if claims, err := a.bearer(ctx, c.authorization); err == nil && claims.ID != "" {
		c.Claims, c.fleet = claims, claims.Fleet
		if err := a.revoke(ctx, fleet.Revocation{Fleet: claims.Fleet, JTI: claims.ID, ExpiresAt: claims.ExpiresAt}); err != nil {
			return nil, err
		}
	}
	if c.Claims == nil {
		return nil, nil // there was nothing to end
	}
	return nil, a.audit(ctx, "logout", "user", c.Subject, nil, nil)
}
