package auth

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
)

// The algorithms that are accepted (RFC 7518, RFC 8037).
const (
	algHS256 = "HS256"
	algRS256 = "RS256"
	algES256 = "ES256"
	algEdDSA = "EdDSA"
)

const (
	minRSABits = 2048
	maxKeys    = 100 // in one file or answer
)

// A key verifies signatures of one algorithm and no other.
type key struct {
	id       string // kid; empty when it has none
	alg      string
	material any // what the JWT library wants: []byte, *rsa.PublicKey, …
}

// A source holds keys. An error says that it could not be asked, while keys may
// still be those it held before.
type source interface {
	keys(ctx context.Context, kid, alg string) ([]key, error)
}

// fixedKeys never change.
type fixedKeys []key

func (f fixedKeys) keys(context.Context, string, string) ([]key, error) { return f, nil }

func secretKey(secret []byte) (key, error) {
	if len(secret) < MinSecret {
		return key{}, fmt.Errorf("auth: the secret has %d bytes, needs at least %d", len(secret), MinSecret)
	}
	return key{alg: algHS256, material: secret}, nil
}

// publicKey returns the key for a public key, whose type tells the algorithm.
func publicKey(kid string, pub any) (key, error) {
	switch pub := pub.(type) {
	case *rsa.PublicKey:
		if pub.N.BitLen() < minRSABits {
			return key{}, fmt.Errorf("an RSA key of %d bits is shorter than %d", pub.N.BitLen(), minRSABits)
		}
		return key{kid, algRS256, pub}, nil
	case *ecdsa.PublicKey:
		if pub.Curve != elliptic.P256() {
			return key{}, errors.New("an elliptic key is not on P-256")
		}
		return key{kid, algES256, pub}, nil
	case ed25519.PublicKey:
		return key{kid, algEdDSA, pub}, nil
	}
	return key{}, fmt.Errorf("a key of type %T is not supported", pub)
}

// parseKeys reads a keys file: a JWKS (RFC 7517 section 5), or one or more
// public keys as PEM, which have no kid.
func parseKeys(data []byte) ([]key, error) {
	data = bytes.TrimSpace(data)
	if bytes.HasPrefix(data, []byte("{")) {
		return parseJWKS(data, true)
	}
	var keys []key
	for len(data) > 0 {
		var block *pem.Block
		if block, data = pem.Decode(data); block == nil {
			break
		}
		if block.Type != "PUBLIC KEY" {
			return nil, fmt.Errorf("a PEM block is %q, want PUBLIC KEY", block.Type)
		}
		pub, err := x509.ParsePKIXPublicKey(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("parse a public key: %w", err)
		}
		k, err := publicKey("", pub)
		if err != nil {
			return nil, err
		}
		keys = append(keys, k)
	}
	if len(keys) > maxKeys {
		return nil, fmt.Errorf("%d keys are more than %d", len(keys), maxKeys)
	}
	if len(keys) == 0 {
		return nil, errors.New("no key in it, want a JWKS or PEM public keys")
	}
	return keys, nil
}
