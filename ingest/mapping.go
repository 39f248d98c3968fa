package ingest

import (
	"strings"

	"github.com/dray-fleet/dray/fleet"
)

// A mapping is one topic of a foreign broker: a filter or, with {driver} and
// maybe {fleet} and {device} as levels, the address of locations there, such as
// vehicles/{driver}/gps.
type mapping struct {
	filter string   // with + for the named levels
	levels []string // of a named one; nil for a plain filter
}

func parseMapping(topic string) mapping {
	levels := strings.Split(topic, "/")
	named := false
	filter := make([]string, len(levels))
	for i, level := range levels {
		filter[i] = level
		switch level {
		case "{driver}":
			named = true
			filter[i] = "+"
		case "{fleet}", "{device}":
			filter[i] = "+"
		}
	}
	m := mapping{filter: strings.Join(filter, "/")}
	if named {
		m.levels = levels
	}
	return m
}

// apply reads the names in topic.
func (m *mapping) apply(topic string) (p fleet.Publication, ok bool) {
	if m.levels == nil {
		return p, false
	}
	given := strings.Split(topic, "/")
	for i, level := range m.levels {
		if level == "#" {
			return p, true
		}
		if i >= len(given) {
			return p, false
		}
		switch level {
		case "{driver}":
			p.Driver = given[i]
		case "{fleet}":
			p.Fleet = given[i]
		case "{device}":
			p.Subject = given[i]
		case "+", given[i]:
		default:
			return p, false
		}
	}
	return p, len(given) == len(m.levels)
}

// publication says who speaks in a message of a foreign broker. There is no
// token: the topic is believed, as the broker that let it through is.
func (s *mqttSource) publication(r *received) fleet.Publication {
	p := fleet.Publication{Topic: r.Topic(), Payload: r.Payload(), ReceivedAt: r.at, Role: fleet.RoleDriver, Fleet: s.opts.Fleet}
	if u, ok := fleet.ParseUpstream(p.Topic); ok {
		p.Fleet, p.Subject = u.Fleet, u.Driver
		return p
	}
	for i := range s.mappings {
		named, ok := s.mappings[i].apply(p.Topic)
		if !ok {
			continue
		}
		if named.Fleet != "" {
			p.Fleet = named.Fleet
		}
		p.Driver, p.Subject = named.Driver, named.Subject
		if p.Subject != "" {
			p.Role = fleet.RoleDevice
		}
		p.Topic = fleet.DriverTopic(p.Fleet, p.Driver, "location")
		return p
	}
	levels := strings.Split(p.Topic, "/")
	switch {
	case levels[0] == "owntracks" && len(levels) > 2: // owntracks/{user}/{device}
		p.Role, p.Driver, p.Subject = fleet.RoleDevice, levels[1], levels[2]
	case levels[0] == "flespi" && len(levels) == 2: // flespi/{ident}
		p.Role, p.Subject = fleet.RoleDevice, levels[1]
	case len(levels) == 2 && levels[1] == "data": // {imei}/data of Teltonika
		p.Role, p.Subject = fleet.RoleDevice, levels[0]
	}
	return p
}
