package fleet

import "time"

// Role is what a principal may do; see docs/mqtt.md.
type Role string

const (
	RoleDriver     Role = "driver"
	RoleDevice     Role = "device"
	RoleDispatcher Role = "dispatcher"
	RoleAdmin      Role = "admin"
	RoleService    Role = "service"
	RoleOperator   Role = "operator"
)

// ValidRole reports whether r is in the table of roles.
func ValidRole(r Role) bool {
	switch r {
	case RoleDriver, RoleDevice, RoleDispatcher, RoleAdmin, RoleService, RoleOperator:
		return true
	}
	return false
}

// A User logs in with a name and a password. ID is the subject of the tokens.
type User struct {
	Fleet, ID    string
	Name         string
	Role         Role // driver, dispatcher or admin
	PasswordHash string
	Disabled     bool
	CreatedAt    time.Time
}

// A RefreshToken is one link of a rotating family. Only the hash of the token
// is kept. Using a spent one revokes the family.
type RefreshToken struct {
	Hash      []byte // SHA-256 of the token
	Family    string // the login that it began with
	Fleet     string
	User      string
	ExpiresAt time.Time
	SpentAt   time.Time // zero while unused
}

// A Revocation refuses tokens of a fleet: the one named by JTI, or, with
// Subject, all of that subject issued at or before Before.
type Revocation struct {
	ID        int64
	Fleet     string
	JTI       string
	Subject   string
	Before    time.Time
	ExpiresAt time.Time // after this no such token can be valid; it may be forgotten
}
