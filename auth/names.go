package auth

import (
	"maps"
	"strings"

	"github.com/dray-fleet/dray/fleet"
	"github.com/golang-jwt/jwt/v5"
)

// Names are the claims in which the tokens of another issuer say what ours say
// in sub, fleet, role and driver; empty is our own name. A claim is looked for by
// its whole name, such as https://dray.example/fleet, and then by a path, such as
// realm_access.roles for the member roles of realm_access.
type Names struct {
	Subject, Fleet, Role, Driver string
}

// translate returns raw with our names. A claim of our name that another name
// stands for is dropped: it means something else there.
func (n Names) translate(raw jwt.MapClaims) jwt.MapClaims {
	ours := maps.Clone(raw)
	for _, c := range []struct{ our, their string }{{"sub", n.Subject}, {"fleet", n.Fleet}, {"role", n.Role}, {"driver", n.Driver}} {
		if c.their == "" {
			continue
		}
		delete(ours, c.our)
		if v, found := lookUp(raw, c.their); found {
			ours[c.our] = v
		}
	}
	if roles, isList := ours["role"].([]any); isList && n.Role != "" {
		ours["role"] = onlyRole(roles)
	}
	return ours
}

// lookUp finds a claim by its name or its path.
func lookUp(object map[string]any, name string) (v any, found bool) {
	if v, found = object[name]; found {
		return v, true
	}
	for at := 0; ; {
		dot := strings.IndexByte(name[at:], '.')
		if dot < 0 {
			return nil, false
		}
		at += dot + 1
		if inner, ok := object[name[:at-1]].(map[string]any); ok {
			if v, found = lookUp(inner, name[at:]); found {
				return v, true
			}
		}
	}
}

// onlyRole returns the one of roles that is a role here: people have others for
// other programs. With none or several of ours nobody is guessed to be anything.
func onlyRole(roles []any) string {
	only := ""
	for _, v := range roles {
		role, _ := v.(string)
		switch {
		case !fleet.ValidRole(fleet.Role(role)) || role == only:
		case only != "":
			return ""
		default:
			only = role
		}
	}
	return only
}
