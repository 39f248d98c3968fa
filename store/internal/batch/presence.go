package batch

import "github.com/dray-fleet/dray/fleet"

// Present returns whom each of changes is about, or an *fleet.InvalidError for
// what no database can hold.
func Present(changes []fleet.PresenceChange) ([]Driver, error) {
	names := make([]Driver, len(changes))
	for i, c := range changes {
		if err := checkNames(c.Fleet, c.Driver); err != nil {
			return nil, err
		}
		if p := c.Presence; !fleet.ValidText(p.State) || !fleet.ValidText(p.Reason) || !fleet.ValidText(p.Source) {
			return nil, fleet.Invalid("presence", "is not plain text")
		}
		names[i] = Driver{c.Fleet, c.Driver}
	}
	return names, nil
}
