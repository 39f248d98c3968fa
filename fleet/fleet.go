package fleet

import "time"

// A Fleet is a tenant. Everything belongs to exactly one; nothing crosses.
type Fleet struct {
	ID        string
	CreatedAt time.Time
}
