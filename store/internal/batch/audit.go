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

// How long a flag stands after what raised it.
const (
	quarantinedFor = 24 * time.Hour  // a fix was set aside
	disagreedFor   = 2 * time.Minute // two sources were apart, and have not been heard of since
)

// Flags returns the flags of a driver of which a fix was set aside at a time,
// and whose sources disagreed at another; zero is never.
func Flags(quarantined, disagreed time.Time) (flags []string) {
	if time.Since(quarantined) <= quarantinedFor {
		flags = append(flags, "quarantined")
	}
	if time.Since(disagreed) <= disagreedFor {
		flags = append(flags, "disagreement")
	}
	return flags
}
