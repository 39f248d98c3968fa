package batch

import (
	"time"

	"github.com/dray-fleet/dray/fleet"
)

// FirstSight is the audit entry for a fleet or driver that came into being
// because a valid token or record named it.
func FirstSight(entity, fleetID, id string) fleet.AuditEntry {
	return fleet.AuditEntry{At: time.Now(), Fleet: fleetID, Actor: "system", Action: "create", Entity: entity, EntityID: id}
}

// flagFor is how long a driver is flagged after a fix of it was set aside.
const flagFor = 24 * time.Hour

// Flags returns the flags of a driver whose newest quarantined fix was received
// at t.
func Flags(t time.Time) []string {
	if time.Since(t) > flagFor {
		return nil
	}
	return []string{"quarantined"}
}
