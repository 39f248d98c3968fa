package auth

import (
	"context"
	"strings"
	"testing"
)

func TestPasswords(t *testing.T) {
	p := NewPasswords()
	hash, err := p.Hash(t.Context(), "correct horse")
	if err != nil {
		t.Fatal(err)
	}
	again, err := p.Hash(t.Context(), "correct horse")
	if err != nil || hash == again || !strings.HasPrefix(hash, "$argon2id$v=19$m=65536,t=3,p=1$") {
		t.Errorf("hashes %q and %q (%v): want argon2id with different salts", hash, again, err)
	}
	for _, tt := range []struct {
		hash, password string
		want           bool
	}{
		{hash, "correct horse", true},
		{hash, "correct horse ", false},
		{hash, "", false},
		{hash, strings.Repeat("x", 5000), false},
		{"", "correct horse", false}, // no such account
		{"", "", false},
	} {
		if got, err := p.Verify(t.Context(), tt.hash, tt.password); err != nil || got != tt.want {
			t.Errorf("Verify(%.20q, %.20q) = %v, %v, want %v", tt.hash, tt.password, got, err, tt.want)
		}
	}
}

// The hash was made by the reference implementation; it is a test vector of
// golang.org/x/crypto.
func TestPasswordOfOtherParameters(t *testing.T) {
	const hash = "$argon2id$v=19$m=64,t=1,p=1$c29tZXNhbHQ$ZVrRXqxlLcWfcXCnMyv0m4Rpvh/bnCi7"
	if ok, err := NewPasswords().Verify(t.Context(), hash, "password"); err != nil || !ok {
		t.Errorf("Verify = %v, %v, want true", ok, err)
	}
}

func TestPasswordBadHash(t *testing.T) {
	p := NewPasswords()
	for _, hash := range []string{
		"x", "$argon2id$", "$argon2i$v=19$m=64,t=1,p=1$c29tZXNhbHQ$ZVrRXqxlLcWfcXCnMyv0m4Rpvh/bnCi7",
		"$argon2id$v=19$m=4294967295,t=1,p=1$c29tZXNhbHQ$ZVrRXqxlLcWfcXCnMyv0m4Rpvh/bnCi7",
		"$argon2id$v=19$m=64,t=0,p=1$c29tZXNhbHQ$ZVrRXqxlLcWfcXCnMyv0m4Rpvh/bnCi7",
		"$argon2id$v=19$m=64,t=1,p=0$c29tZXNhbHQ$ZVrRXqxlLcWfcXCnMyv0m4Rpvh/bnCi7",
		"$argon2id$v=19$m=64,t=1,p=1$$",
	} {
		if ok, err := p.Verify(t.Context(), hash, "password"); ok || err == nil {
			t.Errorf("Verify(%q) = %v, %v, want an error", hash, ok, err)
		}
	}
}

func TestPasswordsAreBounded(t *testing.T) {
	p := NewPasswords()
	for range hashesAtATime {
		p.slots <- struct{}{} // as many as may be are being hashed
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := p.Hash(ctx, "x"); err == nil {
		t.Error("one more hash was computed than there are slots")
	}
}
