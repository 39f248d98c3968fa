package auth

import (
	"slices"
	"strings"

	"github.com/dray-fleet/dray/fleet"
)

// MayPublish reports whether the principal may publish to topic. It is asked
// once a message and does not allocate.
func (c *Claims) MayPublish(topic string) bool {
	if c.ACL != nil {
		return fleet.ValidTopic(topic) && matchAny(c.ACL.Pub, topic)
	}
	switch c.Role {
	case fleet.RoleDriver, fleet.RoleDevice:
		if u, ok := fleet.ParseUpstream(topic); ok {
			return u.Fleet == c.Fleet && u.Driver == c.SpeaksFor()
		}
		return c.Role == fleet.RoleDevice && c.vendorUp(topic)
	case fleet.RoleAdmin:
		u, ok := fleet.ParseUpstream(topic)
		return ok && u.Fleet == c.Fleet
	}
	return false
}

// MaySubscribe reports whether everything that filter can select may be read.
// The filter inside a shared subscription is what counts.
func (c *Claims) MaySubscribe(filter string) bool {
	group, filter, ok := fleet.CutShare(filter)
	if !ok || group != "" && !fleet.ValidTopic(group) || !fleet.ValidFilter(filter) {
		return false
	}
	return c.covers(filter)
}

// MayReceive reports whether a publication on topic may be delivered: the
// check that is made again at delivery. It does not allocate.
func (c *Claims) MayReceive(topic string) bool { return c.covers(topic) }

// covers reports whether all of a valid filter, or a topic, may be read.
func (c *Claims) covers(filter string) bool {
	if c.ACL != nil {
		return slices.ContainsFunc(c.ACL.Sub, func(allowed string) bool { return fleet.Covers(allowed, filter) })
	}
	switch c.Role {
	case fleet.RoleDriver:
		rest, ok := cutLevels(filter, "fleet", c.Fleet)
		return ok && (rest == "broadcast" || under(rest, "drivers", c.Subject))
	case fleet.RoleDevice:
		return under(filter, "fleet", c.Fleet, "drivers", c.SpeaksFor()) || c.vendorDown(filter)
	case fleet.RoleDispatcher, fleet.RoleAdmin:
		return under(filter, "fleet", c.Fleet)
	case fleet.RoleOperator:
		return under(filter, "fleet") || under(filter, "$SYS")
	}
	return false
}

// vendorUp reports whether topic is one of docs/devices.md that this
// device publishes. These topics name no fleet: it is that of the token.
func (c *Claims) vendorUp(topic string) bool {
	if topic == "v1/devices/me/telemetry" || only(topic, c.Subject, "data") || only(topic, "flespi", c.Subject) {
		return true
	}
	if only(topic, "owntracks", c.SpeaksFor(), c.Subject) {
		return true
	}
	rest, ok := cutLevels(topic, "owntracks", c.SpeaksFor(), c.Subject)
	return ok && slices.Contains(ownTracksLeaves[:], rest)
}

// ownTracksLeaves are where the apps publish what is not a location (OwnTracks
// booklet, tech/json). Most of it says nothing of a position and is ignored, but
// an app that is refused would send it again and again.
var ownTracksLeaves = [...]string{"event", "waypoint", "waypoints", "status", "info", "step", "beacon", "dump", "request"}

// vendorDown reports whether filter is the device's vendor command topic.
func (c *Claims) vendorDown(filter string) bool {
	return only(filter, c.Subject, "commands") || only(filter, "owntracks", c.SpeaksFor(), c.Subject, "cmd")
}

// cutLevels cuts the levels and the slash that follows them off the front of s.
func cutLevels(s string, levels ...string) (rest string, ok bool) {
	for _, level := range levels {
		if s, ok = strings.CutPrefix(s, level); !ok || s == "" || s[0] != '/' {
			return "", false
		}
		s = s[1:]
	}
	return s, true
}

// only reports whether s consists of exactly these levels.
func only(s string, levels ...string) bool {
	last := len(levels) - 1
	rest, ok := cutLevels(s, levels[:last]...)
	return ok && rest == levels[last]
}

// under reports whether a filter lies in the tree whose root is these levels,
// the root itself included, since root/# selects it too.
func under(s string, levels ...string) bool {
	if _, ok := cutLevels(s, levels...); ok {
		return true
	}
	return only(s, levels...)
}

func matchAny(filters []string, topic string) bool {
	for _, filter := range filters {
		if fleet.MatchTopic(filter, topic) {
			return true
		}
	}
	return false
}
