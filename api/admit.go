package api

import (
	"context"
	"errors"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/dray-fleet/dray/auth"
	"github.com/dray-fleet/dray/fleet"
)

// A caller is who sent the request, and for which fleet it asks.
type caller struct {
	*auth.Claims         // nil for a public operation
	authorization string // header, as it came
	fleet         string // of the token; of ?fleet= for an operator
	address       string // host of the peer
}

type callerKey struct{}

// callerOf returns who sent the request. Every operation has one: see admit.
func callerOf(ctx context.Context) *caller { return ctx.Value(callerKey{}).(*caller) }

// mayRead reports whether the caller may know where driver is: who may
// subscribe to its location may read it, so that MQTT and HTTP have one rule.
// "+" asks for all drivers of the fleet.
func (c *caller) mayRead(driver string) bool {
	return c.MaySubscribe(fleet.DriverTopic(c.fleet, driver, "location"))
}

func (c *caller) isAdmin() bool { return slices.Contains(admins.roles, c.Role) }

var errForbidden = huma.Error403Forbidden("the token does not allow this")

// InFleet is the query parameter that every operation on a fleet takes.
type InFleet struct {
	Fleet string `query:"fleet" pattern:"^[A-Za-z0-9_-]{1,64}$" doc:"The fleet; an operator must name one, others may name their own."`
}

// InFleetOrAbove is InFleet for what operators themselves have as well.
type InFleetOrAbove struct {
	Fleet string `query:"fleet" pattern:"^([A-Za-z0-9_-]{1,64}|[*])$" doc:"The fleet; an operator must name one, or * for what is of operators. Others may name their own."`
}

// admit lets in whom the rule allows, and limits how long the operation takes.
func (a *API) admit(who rule, limit time.Duration) step {
	return func(w http.ResponseWriter, r *http.Request, next http.HandlerFunc) {
		c := &caller{address: host(r.RemoteAddr), authorization: r.Header.Get("Authorization")}
		if !who.public {
			if err := a.identify(r, c, who); err != nil {
				writeProblem(w, a.problem(r.Context(), err))
				return
			}
			w.Header().Set("Cache-Control", "no-store")
		}
		ctx, cancel := context.WithTimeout(context.WithValue(r.Context(), callerKey{}, c), limit)
		defer cancel()
		next(w, r.WithContext(ctx))
	}
}

func (a *API) identify(r *http.Request, c *caller, who rule) error {
	var claims *auth.Claims
	var err error
	if name, secret, basic := r.BasicAuth(); basic && who.basic {
		claims, err = a.device(r.Context(), c, name, secret)
	} else {
		claims, err = a.bearer(r.Context(), c.authorization)
	}
	if err != nil {
		return err
	}
	c.Claims, c.fleet = claims, claims.Fleet
	if !slices.Contains(who.roles, claims.Role) || claims.ACL != nil && !who.acl {
		return errForbidden
	}
	if who.installation {
		if claims.Fleet != auth.AnyFleet {
			return errForbidden
		}
		return nil
	}
	asked := r.URL.Query().Get("fleet")
	switch {
	case claims.Fleet == auth.AnyFleet && asked == "":
		return fleet.Invalid("query.fleet", "is required for an operator")
	case claims.Fleet == auth.AnyFleet && !fleet.ValidID(asked) && !(who.above && asked == auth.AnyFleet):
		return fleet.Invalid("query.fleet", "must be 1 to 64 of A-Z a-z 0-9 _ and -")
	case claims.Fleet == auth.AnyFleet:
		c.fleet = asked
	case asked != "" && asked != claims.Fleet:
		return fleet.ErrNotFound
	}
	return nil
}

// bearer verifies the token of the Authorization header (RFC 6750 section 2.1).
func (a *API) bearer(ctx context.Context, header string) (*auth.Claims, error) {
	scheme, token, _ := strings.Cut(header, " ")
	if !strings.EqualFold(scheme, "Bearer") || token == "" {
		return nil, withRetry(huma.Error401Unauthorized("a bearer token is required"), http.StatusUnauthorized, 0)
	}
	return a.Verifier.Verify(ctx, strings.TrimSpace(token))
}

// device checks a device's own secret. Wrong ones are counted by device and
// address, so that one with an old secret does not shut out the others that
// share its address, as behind a proxy.
func (a *API) device(ctx context.Context, c *caller, name, secret string) (*auth.Claims, error) {
	if a.Devices == nil || !auth.IsDeviceUsername(name) {
		return nil, auth.ErrSignature
	}
	source, now := name+" "+network(c.address), time.Now()
	if wait := a.sources.take(source, now); wait > 0 {
		a.metrics.throttled.Inc()
		return nil, withRetry(huma.Error429TooManyRequests("too many logins failed: wait"), http.StatusTooManyRequests, wait)
	}
	claims, err := a.Devices.BySecret(ctx, name, secret, c.address)
	if !errors.Is(err, auth.ErrSignature) {
		a.sources.giveBack(source)
	}
	return claims, err
}

// host is the address without the port.
func host(addr string) string {
	h, _, err := net.SplitHostPort(addr)
	if err != nil {
		return addr
	}
	return h
}
