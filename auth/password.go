package auth

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/crypto/argon2"
)

// The cost of a hash: the second recommended option of RFC 9106 section 4,
// with one lane, since a lane is a thread that something else needs.
const (
	argonTime   = 3
	argonMemory = 64 << 10 // KiB
	argonLanes  = 1
	argonSalt   = 16
	argonKey    = 32
)

const (
	maxPassword   = 1024      // bytes
	maxArgonMem   = 256 << 10 // KiB that a stored hash may ask for
	hashesAtATime = 2         // each holds 64 MiB
)

// Passwords hashes and verifies passwords with argon2id, a few at a time so
// that a burst of logins cannot exhaust the memory.
type Passwords struct {
	slots chan struct{}
	decoy string // what is verified when there is no account
}

// NewPasswords returns a Passwords.
func NewPasswords() *Passwords {
	return &Passwords{slots: make(chan struct{}, hashesAtATime), decoy: encodeHash(argonMemory, argonTime, argonLanes, make([]byte, argonSalt), make([]byte, argonKey))}
}

// Hash returns the hash of a password with its salt and parameters, in the PHC
// string format. Its only errors are a done context and a password that is
// longer than 1,024 bytes.
func (p *Passwords) Hash(ctx context.Context, password string) (string, error) {
	if len(password) > maxPassword {
		return "", fmt.Errorf("auth: a password of more than %d bytes", maxPassword)
	}
	salt := make([]byte, argonSalt)
	rand.Read(salt) // never fails (crypto/rand)
	sum, err := p.sum(ctx, password, salt, argonTime, argonMemory, argonLanes, argonKey)
	if err != nil {
		return "", err
	}
	return encodeHash(argonMemory, argonTime, argonLanes, salt, sum), nil
}

// Verify reports whether password is the one that hash was made of. Give an
// empty hash when there is no such account: it takes as long and is false. An
// error says that it could not be found out.
func (p *Passwords) Verify(ctx context.Context, hash, password string) (bool, error) {
	known := hash != ""
	if !known {
		hash = p.decoy
	}
	h, err := decodeHash(hash)
	if err != nil {
		return false, err
	}
	sum, err := p.sum(ctx, password[:min(len(password), maxPassword)], h.salt, h.time, h.memory, h.lanes, uint32(len(h.sum)))
	if err != nil {
		return false, err
	}
	same := subtle.ConstantTimeCompare(sum, h.sum) == 1
	return same && known && len(password) <= maxPassword, nil
}

func (p *Passwords) sum(ctx context.Context, password string, salt []byte, time, memory uint32, lanes uint8, n uint32) ([]byte, error) {
	select {
	case p.slots <- struct{}{}:
		defer func() { <-p.slots }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	return argon2.IDKey([]byte(password), salt, time, memory, lanes, n), nil
}

// phcFormat is argon2's in the PHC string format, whose base64 has no padding.
const phcFormat = "$argon2id$v=%d$m=%d,t=%d,p=%d$"

func encodeHash(memory, time uint32, lanes uint8, salt, sum []byte) string {
	return fmt.Sprintf(phcFormat, argon2.Version, memory, time, lanes) +
		base64.RawStdEncoding.EncodeToString(salt) + "$" + base64.RawStdEncoding.EncodeToString(sum)
}

type argonHash struct {
	memory, time uint32
	lanes        uint8
	salt, sum    []byte
}

func decodeHash(s string) (h argonHash, err error) {
	errHash := errors.New("auth: a stored password hash is not one of argon2id")
	parts := strings.Split(s, "$")
	if len(parts) != 6 {
		return h, errHash
	}
	var version int
	if _, err := fmt.Sscanf(strings.Join(parts[:4], "$")+"$", phcFormat, &version, &h.memory, &h.time, &h.lanes); err != nil || version != argon2.Version {
		return h, errHash
	}
	h.salt, err = base64.RawStdEncoding.DecodeString(parts[4])
	if err == nil {
		h.sum, err = base64.RawStdEncoding.DecodeString(parts[5])
	}
	if err != nil || h.time == 0 || h.time > 16 || h.lanes == 0 || h.memory > maxArgonMem || len(h.salt) < 8 || len(h.sum) < 16 || len(h.sum) > 64 {
		return h, errHash
	}
	return h, nil
}
