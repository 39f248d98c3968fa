package fleet

import "strings"

// Kind is what an upstream topic carries.
type Kind uint8

const (
	KindNone     Kind = iota
	KindLocation      // fleet/{fleet}/drivers/{driver}/location
	KindHealth        // fleet/{fleet}/drivers/{driver}/health
	KindDuty          // fleet/{fleet}/drivers/{driver}/duty
	KindStatus        // fleet/{fleet}/drivers/{driver}/shipments/{id}/status
	KindReceipt       // fleet/{fleet}/drivers/{driver}/assignments/{id}/receipt
	KindCommand       // fleet/{fleet}/drivers/{driver}/commands/{id}/receipt
	KindVendor        // a vendor topic of docs/devices.md
)

// Upstream is a parsed topic of docs/mqtt.md, or the receipt of a
// command: what a driver or device publishes. ID is the shipment's, assignment's
// or command's id for KindStatus, KindReceipt and KindCommand.
type Upstream struct {
	Fleet, Driver string
	Kind          Kind
	ID            string
}

// ParseUpstream parses an upstream topic. ok is false for any other topic,
// also for one whose ids are not valid. It does not allocate.
func ParseUpstream(topic string) (u Upstream, ok bool) {
	rest, found := strings.CutPrefix(topic, "fleet/")
	if !found {
		return u, false
	}
	u.Fleet, rest, _ = strings.Cut(rest, "/")
	rest, found = strings.CutPrefix(rest, "drivers/")
	if !found {
		return u, false
	}
	u.Driver, rest, _ = strings.Cut(rest, "/")
	if !ValidID(u.Fleet) || !ValidID(u.Driver) {
		return u, false
	}
	switch rest {
	case "location":
		u.Kind = KindLocation
	case "health":
		u.Kind = KindHealth
	case "duty":
		u.Kind = KindDuty
	default:
		what, rest, _ := strings.Cut(rest, "/")
		id, last, _ := strings.Cut(rest, "/")
		switch {
		case what == "shipments" && last == "status":
			u.Kind = KindStatus
		case what == "assignments" && last == "receipt":
			u.Kind = KindReceipt
		case what == "commands" && last == "receipt":
			u.Kind = KindCommand
		default:
			return u, false
		}
		if !ValidID(id) {
			return u, false
		}
		u.ID = id
	}
	return u, true
}

// DriverTopic returns fleet/{fleet}/drivers/{driver}/{leaf}, the form of every
// topic that belongs to a driver: location, health, duty, assignments,
// commands, config, errors, presence.
func DriverTopic(fleet, driver, leaf string) string {
	return "fleet/" + fleet + "/drivers/" + driver + "/" + leaf
}

// LiveTopic returns the topic of a fleet's conflated live frames.
func LiveTopic(fleet string) string { return "fleet/" + fleet + "/live" }

// ShipmentTopic returns the topic on which a shipment's changes are told.
func ShipmentTopic(fleet, id string) string { return "fleet/" + fleet + "/shipments/" + id }

// AssignmentTopic returns the topic on which an assignment's changes are told.
func AssignmentTopic(fleet, id string) string { return "fleet/" + fleet + "/assignments/" + id }

// AlertTopic returns the topic of a kind of alert.
func AlertTopic(fleet, kind string) string { return "fleet/" + fleet + "/alerts/" + kind }

// GeofenceTopic returns the topic of a geofence's events.
func GeofenceTopic(fleet, id string) string { return "fleet/" + fleet + "/geofences/" + id }
