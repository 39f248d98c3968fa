package auth

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/dray-fleet/dray/fleet"
)

// AnyFleet is the fleet of an operator's token.
const AnyFleet = "*"

const (
	maxACL      = 100 // filters in each list of an acl claim
	maxClientID = 256 // bytes
)

// Claims is who somebody is, as a verified credential says it. Claims are
// read by many goroutines and never changed once they are handed out.
type Claims struct {
	Issuer    string
	Audience  []string
	Subject   string // the principal: a driver, device, dispatcher or service id
	Fleet     string // AnyFleet only for an operator
	Role      fleet.Role
	Driver    string    // role device only: the driver it reports for, if not itself
	ExpiresAt time.Time // zero only for a device's secret, which ends by revocation
	IssuedAt  time.Time // zero when not told; of another issuer's token, the earliest that its clock allows
	NotBefore time.Time // zero when not told
	ID        string    // jti; empty when the credential cannot be revoked on its own
	ACL       *ACL      // nil: the role's rules
}

// An ACL replaces the rules of a role. Every filter lies inside the fleet of
// its token.
type ACL struct {
	Pub, Sub []string
}

// validate reports the first claim that is missing or wrong. Time is not
// looked at: see Verifier.
func (c *Claims) validate() error {
	switch {
	case !fleet.ValidRole(c.Role):
		return fmt.Errorf("%w: role %.20q is not in the table of roles", ErrClaims, string(c.Role))
	case !fleet.ValidID(c.Subject):
		return fmt.Errorf("%w: sub must be an id", ErrClaims)
	case c.Fleet == AnyFleet && c.Role != fleet.RoleOperator:
		return fmt.Errorf("%w: fleet %q is for operators only", ErrClaims, AnyFleet)
	case c.Fleet != AnyFleet && !fleet.ValidID(c.Fleet):
		return fmt.Errorf("%w: fleet must be an id", ErrClaims)
	case c.Driver != "" && c.Role != fleet.RoleDevice:
		return fmt.Errorf("%w: driver is for role device only", ErrClaims)
	case c.Driver != "" && !fleet.ValidID(c.Driver):
		return fmt.Errorf("%w: driver must be an id", ErrClaims)
	case c.ExpiresAt.IsZero():
		return fmt.Errorf("%w: exp is missing", ErrClaims)
	case len(c.ID) > 128:
		return fmt.Errorf("%w: jti is longer than 128 bytes", ErrClaims)
	}
	return c.ACL.validate(c.Fleet)
}

// validate refuses a filter that reaches outside the fleet rather than
// narrowing it: an entry that grants less than it says would go unnoticed.
func (a *ACL) validate(fleetID string) error {
	if a == nil {
		return nil
	}
	if fleetID == AnyFleet {
		return fmt.Errorf("%w: acl needs a token of one fleet", ErrClaims)
	}
	inside := "fleet/" + fleetID + "/"
	for _, list := range [][]string{a.Pub, a.Sub} {
		if len(list) > maxACL {
			return fmt.Errorf("%w: acl lists more than %d filters", ErrClaims, maxACL)
		}
		for _, filter := range list {
			if !fleet.ValidFilter(filter) || !strings.HasPrefix(filter, inside) {
				return fmt.Errorf("%w: acl filter %.80q is not one inside %s", ErrClaims, filter, inside)
			}
		}
	}
	return nil
}

// SpeaksFor returns the driver whose topics the principal publishes: of a
// driver itself, of a device its driver claim or its own id. It is empty for
// other roles.
func (c *Claims) SpeaksFor() string {
	switch {
	case c.Role == fleet.RoleDriver, c.Role == fleet.RoleDevice && c.Driver == "":
		return c.Subject
	case c.Role == fleet.RoleDevice:
		return c.Driver
	}
	return ""
}

// Expired reports whether the credential has ended; there is no leeway.
func (c *Claims) Expired(now time.Time) bool {
	return !c.ExpiresAt.IsZero() && !now.Before(c.ExpiresAt)
}

// ClientIDAllowed reports whether the MQTT client id is {sub} or
// {sub}:{suffix}. An empty one is not: the broker assigns it.
func (c *Claims) ClientIDAllowed(clientID string) bool {
	rest, found := strings.CutPrefix(clientID, c.Subject)
	if !found || len(clientID) > maxClientID {
		return false
	}
	return rest == "" || rest[0] == ':' && len(rest) > 1 &&
		!strings.ContainsFunc(rest, func(r rune) bool { return r < 0x20 || r == 0x7f })
}

// hasAudience reports whether aud is among those the token is meant for.
func (c *Claims) hasAudience(aud string) bool { return slices.Contains(c.Audience, aud) }
