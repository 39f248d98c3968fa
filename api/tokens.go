package api

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/dray-fleet/dray/auth"
	"github.com/dray-fleet/dray/fleet"
)

// A TokenRequest asks for a token that is not a person's.
type TokenRequest struct {
	Role   fleet.Role `json:"role" enum:"driver,device,service" example:"device"`
	Sub    string     `json:"sub" pattern:"^[A-Za-z0-9_-]{1,64}$" doc:"The driver, device or service." example:"truck-7"`
	Driver string     `json:"driver,omitempty" pattern:"^[A-Za-z0-9_-]{1,64}$" doc:"For a device: the driver it reports for."`
	TTL    int64      `json:"ttl_s" minimum:"60" maximum:"157680000" doc:"Seconds until it ends." example:"86400"`
	ACL    *ACL       `json:"acl,omitempty" doc:"Replaces the role's rights; a service has none without it."`
}

// An ACL lists topic filters inside the fleet.
type ACL struct {
	Pub []string `json:"pub,omitempty" nullable:"false" maxItems:"100"`
	Sub []string `json:"sub,omitempty" nullable:"false" maxItems:"100"`
}

// A Token is shown once; it is not kept.
type Token struct {
	Token string `json:"token"`
	JTI   string `json:"jti" doc:"To revoke it by."`
	Exp   stamp  `json:"exp"`
}

// A MintedToken is what is kept of a token: all but the token.
type MintedToken struct {
	JTI     string     `json:"jti" doc:"To revoke it by."`
	Role    fleet.Role `json:"role"`
	Sub     string     `json:"sub"`
	Driver  string     `json:"driver,omitempty"`
	At      stamp      `json:"at"`
	Exp     stamp      `json:"exp"`
	ACL     *ACL       `json:"acl,omitempty"`
	By      string     `json:"by" doc:"Who minted it."`
	Revoked bool       `json:"revoked"`
}

func (a *API) tokenRoutes() {
	register(a, operation{method: "POST", path: "/tokens", id: "create-token", summary: "Mint a token for a driver, device or service",
		status: http.StatusCreated, once: true}, admins, a.createToken)
	register(a, operation{method: "GET", path: "/tokens", id: "list-tokens",
		summary: "The tokens that were minted here, oldest first; a page may hold fewer than there are to come"}, admins, a.listTokens)
	register(a, operation{method: "DELETE", path: "/tokens/{jti}", id: "revoke-token", summary: "Revoke one token"}, adminsAbove, a.revokeToken)
	register(a, operation{method: "POST", path: "/subjects/{sub}/revoke", id: "revoke-subject",
		summary: "Revoke every token that a driver, device, service or user has", status: http.StatusNoContent}, adminsAbove, a.revokeAll)
}

func (a *API) createToken(ctx context.Context, in *struct {
	InFleet
	Body TokenRequest
}) (*body[Token], error) {
	c, ask := callerOf(ctx), in.Body
	if ask.Driver != "" && ask.Role != fleet.RoleDevice {
		return nil, fleet.Invalid("body.driver", "is for role device only")
	}
	claims := &auth.Claims{
		Subject: ask.Sub, Fleet: c.fleet, Role: ask.Role, Driver: ask.Driver,
		ExpiresAt: time.Now().Add(time.Duration(ask.TTL) * time.Second).Truncate(time.Second),
	}
	if ask.ACL != nil {
		if err := ask.ACL.within(c.fleet); err != nil {
			return nil, err
		}
		claims.ACL = &auth.ACL{Pub: ask.ACL.Pub, Sub: ask.ACL.Sub}
	}
	token, err := a.Minter.Mint(claims)
	if err != nil {
		return nil, err
	}
	record := MintedToken{claims.ID, ask.Role, ask.Sub, ask.Driver, at(claims.IssuedAt), at(claims.ExpiresAt), ask.ACL, c.Subject, false}
	if err := a.audit(ctx, "create", "token", claims.ID, nil, record); err != nil {
		return nil, err
	}
	return reply(Token{token, claims.ID, at(claims.ExpiresAt)}), nil
}

// listTokens reads them from the audit, which is where they are kept: as much of
// it as a page has entries, so that a request costs the same wherever they lie.
func (a *API) listTokens(ctx context.Context, in *struct {
	InFleet
	Paging
}) (*body[page[MintedToken]], error) {
	after, err := in.number()
	if err != nil {
		return nil, err
	}
	fleetID := callerOf(ctx).fleet
	entries, err := a.Store.AuditLog(ctx, fleetID, after, in.Limit)
	if err != nil {
		return nil, err
	}
	all := pageOf(entries, in.Limit, func(e *fleet.AuditEntry) MintedToken {
		var t MintedToken
		if e.Entity == "token" && e.Action == "create" && json.Unmarshal(e.After, &t) == nil {
			t.Revoked = a.Revocations.Revoked(&auth.Claims{Fleet: fleetID, ID: t.JTI, Subject: t.Sub, IssuedAt: t.At.Time})
		}
		return t
	}, func(e *fleet.AuditEntry) string { return strconv.FormatInt(e.ID, 10) })
	all.Items = slices.DeleteFunc(all.Items, func(t MintedToken) bool { return t.JTI == "" })
	return reply(all), nil
}

// within reports the first filter that is more than an admin of the fleet may
// do: publish its drivers' upstream topics and subscribe to anything inside it.
func (l *ACL) within(fleetID string) error {
	inside := "fleet/" + fleetID + "/"
	for _, filter := range l.Sub {
		if !fleet.ValidFilter(filter) || !strings.HasPrefix(filter, inside) {
			return fleet.Invalid("body.acl.sub", "must be filters inside "+inside)
		}
	}
	for _, filter := range l.Pub {
		covers := func(leaf string) bool { return fleet.Covers(fleet.DriverTopic(fleetID, "+", leaf), filter) }
		if !fleet.ValidFilter(filter) || !slices.ContainsFunc(upstreamLeaves, covers) {
			return fleet.Invalid("body.acl.pub", "must be upstream topics of drivers inside "+inside)
		}
	}
	return nil
}

// upstreamLeaves end the topics of docs/mqtt.md.
var upstreamLeaves = []string{"location", "health", "duty", "shipments/+/status", "assignments/+/receipt"}

func (a *API) revokeToken(ctx context.Context, in *struct {
	InFleetOrAbove
	JTI string `path:"jti" pattern:"^[\\x21-\\x7e]{1,128}$"`
}) (*struct{}, error) {
	err := a.revoke(ctx, fleet.Revocation{
		Fleet: callerOf(ctx).fleet, JTI: in.JTI, ExpiresAt: time.Now().Add(maxTokenTime),
	})
	if err != nil {
		return nil, err
	}
	return nil, a.audit(ctx, "revoke", "token", in.JTI, nil, nil)
}

func (a *API) revokeAll(ctx context.Context, in *struct {
	InFleetOrAbove
	Sub string `path:"sub" pattern:"^[A-Za-z0-9_-]{1,64}$"`
}) (*struct{}, error) {
	if err := a.revokeSubject(ctx, callerOf(ctx).fleet, in.Sub); err != nil {
		return nil, err
	}
	return nil, a.audit(ctx, "revoke", "subject", in.Sub, nil, nil)
}
