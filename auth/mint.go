package auth

import (
	"cmp"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// MinSecret is the shortest HS256 secret that is taken, in bytes (RFC 7518
// section 3.2).
const MinSecret = 32

// A Minter signs tokens with the installation's own secret.
type Minter struct {
	secret           []byte
	issuer, audience string
}

// NewMinter returns a Minter. An empty issuer mints no iss claim; an empty
// audience is DefaultAudience. A secret shorter than MinSecret is an error.
func NewMinter(secret []byte, issuer, audience string) (*Minter, error) {
	if _, err := secretKey(secret); err != nil {
		return nil, err
	}
	return &Minter{secret, issuer, cmp.Or(audience, DefaultAudience)}, nil
}

// Mint signs c. It first fills in what is empty of Issuer, Audience, IssuedAt
// and ID, so that the caller can tell which token it gave away. Claims that
// Verify would refuse are an error that wraps ErrClaims.
func (m *Minter) Mint(c *Claims) (string, error) {
	c.Issuer = cmp.Or(c.Issuer, m.issuer)
	if len(c.Audience) == 0 {
		c.Audience = []string{m.audience}
	}
	if c.IssuedAt.IsZero() {
		c.IssuedAt = time.Now()
	}
	c.ID = cmp.Or(c.ID, rand.Text())
	if err := c.validate(); err != nil {
		return "", err
	}
	token, err := jwt.NewWithClaims(jwt.SigningMethodHS256, c.wire()).SignedString(m.secret)
	if err != nil {
		return "", fmt.Errorf("auth: sign a token: %w", err)
	}
	return token, nil
}

// LoadOrCreateSecret returns the secret kept in the file at path, and makes a
// random one, mode 0600, when there is none. The secret is the text of the
// file, so that it can be given as auth.secret elsewhere.
func LoadOrCreateSecret(path string) ([]byte, error) {
	secret, err := loadSecret(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return secret, err
	}
	tmp, err := os.CreateTemp(filepath.Dir(path), ".secret-*") // made with mode 0600
	if err != nil {
		return nil, fmt.Errorf("auth: create the secret: %w", err)
	}
	defer os.Remove(tmp.Name())
	_, err = tmp.WriteString(rand.Text() + rand.Text() + "\n") // 256 bits in 52 letters
	err = errors.Join(err, tmp.Sync(), tmp.Close())
	if err != nil {
		return nil, fmt.Errorf("auth: write the secret: %w", err)
	}
	// A link never replaces what another process made meanwhile.
	if err := os.Link(tmp.Name(), path); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, fmt.Errorf("auth: keep the secret: %w", err)
	}
	return loadSecret(path)
}

func loadSecret(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("auth: read the secret: %w", err)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("auth: the secret %s can be read by others: chmod 600 it", path)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("auth: read the secret: %w", err)
	}
	secret := []byte(strings.TrimSpace(string(text)))
	if len(secret) < MinSecret {
		return nil, fmt.Errorf("auth: the secret in %s is shorter than %d bytes", path, MinSecret)
	}
	return secret, nil
}
