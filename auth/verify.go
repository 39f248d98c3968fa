package auth

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// Why a credential is refused. ErrKeysUnavailable alone is a dependency that
// is away: the same token may be good a moment later.
var (
	ErrMalformed       = errors.New("not a token")
	ErrSignature       = errors.New("signature not accepted")
	ErrClaims          = errors.New("claims refused")
	ErrExpired         = errors.New("expired")
	ErrNotYetValid     = errors.New("not yet valid")
	ErrRevoked         = errors.New("revoked")
	ErrKeysUnavailable = errors.New("keys are not available")
)

const (
	// DefaultAudience is the aud claim that is asked for and minted by default.
	DefaultAudience = "dray"

	leeway   = 60 * time.Second // for iat and nbf; exp has none
	maxToken = 16 << 10         // bytes
)

// Options tunes a Verifier. At least one of Secret, KeysFile and JWKSURL must
// be there; everything else has a default.
type Options struct {
	Secret      []byte       // HS256; at least MinSecret bytes
	KeysFile    string       // JWKS or PEM; read again when it changes
	JWKSURL     string       // https, or http to this machine
	Issuer      string       // the iss that is asked for; empty asks for none
	Audience    string       // the aud that is asked for; default DefaultAudience
	Names       Names        // of the claims in tokens that are not signed with Secret's algorithm
	Revocations *Revocations // tokens to refuse; nil refuses none
	Client      *http.Client // fetches JWKSURL; default http.DefaultClient
	Now         func() time.Time
	Logger      *slog.Logger
}

// A Verifier turns tokens into claims. It is safe for concurrent use.
type Verifier struct {
	sources []source
	parser  *jwt.Parser
	opts    Options
}

// NewVerifier returns a Verifier. A short secret, an unreadable keys file and a
// JWKS URL that is not one are errors; a JWKS provider that is away is not.
func NewVerifier(opts Options) (*Verifier, error) {
	opts.Audience = cmp.Or(opts.Audience, DefaultAudience)
	opts.Client = cmp.Or(opts.Client, http.DefaultClient)
	opts.Logger = cmp.Or(opts.Logger, slog.Default())
	if opts.Now == nil {
		opts.Now = time.Now
	}
	v := &Verifier{
		opts: opts,
		parser: jwt.NewParser(
			jwt.WithValidMethods([]string{algHS256, algRS256, algES256, algEdDSA}),
			jwt.WithJSONNumber(),
			jwt.WithStrictDecoding(),
			jwt.WithoutClaimsValidation(), // ours are stricter: see check
		),
	}
	if len(opts.Secret) > 0 {
		k, err := secretKey(opts.Secret)
		if err != nil {
			return nil, err
		}
		v.sources = append(v.sources, fixedKeys{k})
	}
	if opts.KeysFile != "" {
		f, err := newFileKeys(opts.KeysFile, opts.Now, opts.Logger)
		if err != nil {
			return nil, err
		}
		v.sources = append(v.sources, f)
	}
	if opts.JWKSURL != "" {
		u, err := newURLKeys(opts.JWKSURL, opts.Client, opts.Now, opts.Logger)
		if err != nil {
			return nil, err
		}
		v.sources = append(v.sources, u)
	}
	if len(v.sources) == 0 {
		return nil, errors.New("auth: no secret, keys file or JWKS URL to verify tokens with")
	}
	return v, nil
}

// Verify returns the claims of a token that is genuine, meant for us, in force
// and not revoked. Its error wraps one of the errors above.
func (v *Verifier) Verify(ctx context.Context, token string) (*Claims, error) {
	if len(token) > maxToken {
		return nil, fmt.Errorf("%w: longer than %d bytes", ErrMalformed, maxToken)
	}
	raw := jwt.MapClaims{}
	var away error // a source of keys that might have had the right one
	t, err := v.parser.ParseWithClaims(token, raw, func(t *jwt.Token) (keys any, err error) {
		keys, away, err = v.keysFor(ctx, t)
		return keys, err
	})
	switch {
	case err != nil && away != nil:
		return nil, fmt.Errorf("%w: %w", ErrKeysUnavailable, away)
	case err != nil:
		return nil, classify(err)
	}
	foreign := t.Method.Alg() != algHS256 // ours are
	if foreign {
		raw = v.opts.Names.translate(raw)
	}
	c, err := parseClaims(raw)
	if err != nil {
		return nil, err
	}
	if err := v.check(c); err != nil {
		return nil, err
	}
	if foreign && !c.IssuedAt.IsZero() {
		// By a clock that may be ahead of ours: it must not escape a revocation.
		c.IssuedAt = c.IssuedAt.Add(-leeway)
	}
	if v.opts.Revocations.Revoked(c) {
		return nil, ErrRevoked
	}
	return c, nil
}

// classify turns an error of the JWT library into one of ours.
func classify(err error) error {
	switch {
	case errors.Is(err, ErrSignature):
		return err
	case errors.Is(err, jwt.ErrTokenSignatureInvalid):
		return fmt.Errorf("%w: %w", ErrSignature, err)
	}
	return fmt.Errorf("%w: %w", ErrMalformed, err)
}

// check holds verified claims against the clock and the configuration.
func (v *Verifier) check(c *Claims) error {
	if err := c.validate(); err != nil {
		return err
	}
	now := v.opts.Now()
	switch {
	case v.opts.Issuer != "" && c.Issuer != v.opts.Issuer:
		return fmt.Errorf("%w: iss is not %q", ErrClaims, v.opts.Issuer)
	case !c.hasAudience(v.opts.Audience):
		return fmt.Errorf("%w: aud does not name %q", ErrClaims, v.opts.Audience)
	case c.Expired(now):
		return fmt.Errorf("%w at %s", ErrExpired, c.ExpiresAt.UTC().Format(time.RFC3339))
	case c.NotBefore.After(now.Add(leeway)):
		return fmt.Errorf("%w: nbf is ahead", ErrNotYetValid)
	case c.IssuedAt.After(now.Add(leeway)):
		return fmt.Errorf("%w: iat is ahead", ErrNotYetValid)
	}
	return nil
}

// keysFor returns the keys that may have signed t: those whose id it names, or,
// if no key carries that id, those without one. A key is for one algorithm.
// away is set if not every source could be asked.
func (v *Verifier) keysFor(ctx context.Context, t *jwt.Token) (keys jwt.VerificationKeySet, away, err error) {
	if _, critical := t.Header["crit"]; critical {
		return keys, nil, fmt.Errorf("%w: it asks for extensions", ErrSignature) // RFC 7515 section 4.1.11: none is known here
	}
	kid, _ := t.Header["kid"].(string)
	alg := t.Method.Alg()
	var named, others jwt.VerificationKeySet
	for _, s := range v.sources {
		keys, err := s.keys(ctx, kid, alg)
		if err != nil {
			away = err
		}
		for _, k := range keys {
			switch {
			case k.alg != alg:
			case kid != "" && k.id == kid:
				named.Keys = append(named.Keys, k.material)
			case kid == "" || k.id == "":
				others.Keys = append(others.Keys, k.material)
			}
		}
	}
	switch {
	case len(named.Keys) > 0:
		return named, nil, nil
	case len(others.Keys) > 0:
		return others, away, nil
	}
	return others, away, fmt.Errorf("%w: no %s key %.64q", ErrSignature, alg, kid)
}
