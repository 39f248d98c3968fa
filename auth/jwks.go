package auth

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
)

// jwk is a JSON Web Key (RFC 7517 section 4, RFC 7518 section 6, RFC 8037).
type jwk struct {
	KeyType string `json:"kty"`
	Use     string `json:"use"`
	Alg     string `json:"alg"`
	ID      string `json:"kid"`
	Curve   string `json:"crv"`
	K       octets `json:"k"`
	N       octets `json:"n"`
	E       octets `json:"e"`
	X       octets `json:"x"`
	Y       octets `json:"y"`
}

// octets is base64url without padding in JSON.
type octets []byte

func (o *octets) UnmarshalText(text []byte) error {
	b, err := base64.RawURLEncoding.DecodeString(string(text))
	*o = b
	return err
}

// errNotOurs reports a key that is for something else: encryption, or an
// algorithm that is not accepted here. A provider's set may well hold some.
var errNotOurs = errors.New("not a key for an accepted algorithm")

// parseJWKS reads a JWK set. Symmetric keys are taken only from a file that is
// ours (secrets).
func parseJWKS(data []byte, secrets bool) ([]key, error) {
	var set struct {
		Keys []jwk `json:"keys"`
	}
	if err := json.Unmarshal(data, &set); err != nil {
		return nil, fmt.Errorf("parse a JWKS: %w", err)
	}
	if len(set.Keys) > maxKeys {
		return nil, fmt.Errorf("a JWKS of %d keys is larger than %d", len(set.Keys), maxKeys)
	}
	var keys []key
	for _, j := range set.Keys {
		if j.KeyType == "oct" && !secrets {
			return nil, errors.New("a JWKS from elsewhere holds a symmetric key")
		}
		k, err := j.key()
		switch {
		case errors.Is(err, errNotOurs):
			continue
		case err != nil:
			return nil, fmt.Errorf("key %.64q: %w", j.ID, err)
		}
		keys = append(keys, k)
	}
	if len(keys) == 0 {
		return nil, errors.New("a JWKS without a usable key")
	}
	return keys, nil
}

// key returns the one algorithm's key that j is. An alg that does not fit the
// type of the key is not ours.
func (j *jwk) key() (k key, err error) {
	if j.Use != "" && j.Use != "sig" {
		return key{}, errNotOurs
	}
	switch {
	case j.KeyType == "oct":
		k, err = secretKey(j.K)
		k.id = j.ID
	case j.KeyType == "RSA":
		k, err = j.rsa()
	case j.KeyType == "EC" && j.Curve == "P-256":
		k, err = j.ec()
	case j.KeyType == "OKP" && j.Curve == "Ed25519":
		if len(j.X) != ed25519.PublicKeySize {
			return key{}, errors.New("x is not an Ed25519 public key")
		}
		k, err = publicKey(j.ID, ed25519.PublicKey(j.X))
	default:
		return key{}, errNotOurs
	}
	if err == nil && j.Alg != "" && j.Alg != k.alg {
		return key{}, errNotOurs
	}
	return k, err
}

func (j *jwk) rsa() (key, error) {
	if len(j.E) == 0 || len(j.E) > 4 || len(j.N) > 2048 {
		return key{}, errors.New("n or e is not of an RSA public key")
	}
	e := 0
	for _, b := range j.E {
		e = e<<8 | int(b)
	}
	if e < 3 || e&1 == 0 {
		return key{}, errors.New("e is not an RSA exponent")
	}
	return publicKey(j.ID, &rsa.PublicKey{N: new(big.Int).SetBytes(j.N), E: e})
}

func (j *jwk) ec() (key, error) {
	if len(j.X) != 32 || len(j.Y) != 32 {
		return key{}, errors.New("x or y is not of P-256")
	}
	point := append([]byte{4}, append(j.X, j.Y...)...) // SEC 1 section 2.3.3, uncompressed
	pub, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), point)
	if err != nil {
		return key{}, fmt.Errorf("parse an elliptic key: %w", err)
	}
	return publicKey(j.ID, pub)
}
