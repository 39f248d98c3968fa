package auth

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"time"

	"github.com/dray-fleet/dray/fleet"
	"github.com/golang-jwt/jwt/v5"
)

// parseClaims reads the claims of a token by their exact names and types. A
// claim that we do not know is none of our business.
func parseClaims(raw jwt.MapClaims) (*Claims, error) {
	r := claimReader{raw: raw}
	c := &Claims{
		Issuer:    r.text("iss"),
		Audience:  r.audience(),
		Subject:   r.text("sub"),
		Fleet:     r.text("fleet"),
		Role:      fleet.Role(r.text("role")),
		Driver:    r.text("driver"),
		ExpiresAt: r.time("exp"),
		IssuedAt:  r.time("iat"),
		NotBefore: r.time("nbf"),
		ID:        r.text("jti"),
		ACL:       r.acl(),
	}
	if _, there := raw["driver"]; there && c.Driver == "" {
		r.fail("driver", "an id") // an empty one must not mean "itself"
	}
	return c, r.err
}

// wire is the inverse of parseClaims. iat has milliseconds, so that a token
// minted just after its subject was revoked is told from those before.
func (c *Claims) wire() jwt.MapClaims {
	raw := jwt.MapClaims{
		"aud": c.Audience, "sub": c.Subject, "fleet": c.Fleet, "role": string(c.Role),
		"exp": c.ExpiresAt.Unix(), "iat": numericDate(c.IssuedAt), "jti": c.ID,
	}
	if c.Issuer != "" {
		raw["iss"] = c.Issuer
	}
	if c.Driver != "" {
		raw["driver"] = c.Driver
	}
	if !c.NotBefore.IsZero() {
		raw["nbf"] = numericDate(c.NotBefore)
	}
	if c.ACL != nil {
		raw["acl"] = map[string][]string{"pub": append([]string{}, c.ACL.Pub...), "sub": append([]string{}, c.ACL.Sub...)}
	}
	return raw
}

// numericDate writes t as seconds since the epoch with three decimals (RFC
// 7519 section 2 allows a fraction).
func numericDate(t time.Time) json.Number {
	return json.Number(strconv.FormatFloat(float64(t.UnixMilli())/1000, 'f', 3, 64))
}

// A claimReader remembers the first claim of a wrong type.
type claimReader struct {
	raw jwt.MapClaims
	err error
}

func (r *claimReader) fail(name, want string) {
	if r.err == nil {
		r.err = fmt.Errorf("%w: %s must be %s", ErrClaims, name, want)
	}
}

func (r *claimReader) text(name string) string {
	v, there := r.raw[name]
	s, ok := v.(string)
	if there && !ok {
		r.fail(name, "a string")
	}
	return s
}

// time reads a NumericDate between the years 1970 and 9999.
func (r *claimReader) time(name string) time.Time {
	v, there := r.raw[name]
	if !there {
		return time.Time{}
	}
	n, ok := v.(json.Number)
	sec, err := n.Float64()
	if !ok || err != nil || sec <= 0 || sec > 253402300799 {
		r.fail(name, "seconds since 1970")
		return time.Time{}
	}
	whole, frac := math.Modf(sec)
	return time.Unix(int64(whole), int64(math.Round(frac*1e3))*1e6)
}

// audience reads aud: one string, or an array of them (RFC 7519 section 4.1.3).
func (r *claimReader) audience() []string {
	switch v := r.raw["aud"].(type) {
	case nil:
		return nil
	case string:
		return []string{v}
	default:
		return r.texts("aud", v)
	}
}

func (r *claimReader) acl() *ACL {
	v, there := r.raw["acl"]
	if !there {
		return nil
	}
	object, ok := v.(map[string]any)
	if !ok {
		r.fail("acl", `{"pub":[filter…],"sub":[filter…]}`)
		return nil
	}
	acl := &ACL{}
	for name, list := range object {
		switch name {
		case "pub":
			acl.Pub = r.texts("acl.pub", list)
		case "sub":
			acl.Sub = r.texts("acl.sub", list)
		default:
			r.fail("acl", "of pub and sub alone")
		}
	}
	return acl
}

func (r *claimReader) texts(name string, v any) []string {
	items, ok := v.([]any)
	texts := make([]string, 0, len(items))
	for _, item := range items {
		s, isText := item.(string)
		ok = ok && isText
		texts = append(texts, s)
	}
	if !ok {
		r.fail(name, "an array of strings")
	}
	return texts
}
