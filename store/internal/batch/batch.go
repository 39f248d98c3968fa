// Package batch readies a fleet.Batch for either store: it is checked before the
// database is touched, names become numbers, and positions are brought into the
// order of their key, without those that were received before.
package batch

import "github.com/dray-fleet/dray/fleet"

// MaxPayload is how much of a dead letter's payload is kept, in bytes.
const MaxPayload = 64 << 10

// Check returns an *fleet.InvalidError for what no database can hold.
func Check(b *fleet.Batch) error {
	for i := range b.Positions {
		if err := checkPosition(&b.Positions[i]); err != nil {
			return err
		}
	}
	for i := range b.Latest {
		if err := checkPosition(&b.Latest[i]); err != nil {
			return err
		}
	}
	for _, r := range b.Reports {
		if err := checkNames(r.Fleet, r.Driver); err != nil {
			return err
		}
		if !fleet.ValidText(string(r.Duty)) {
			return fleet.Invalid("state", "is not plain text")
		}
	}
	for s := range b.Thinned {
		if err := checkNames(s.Fleet, s.Driver); err != nil {
			return err
		}
	}
	for _, r := range b.Receipts {
		if err := checkNames(r.Source.Fleet, r.Source.Driver); err != nil {
			return err
		}
		if !fleet.ValidText(r.Source.Source) || !fleet.ValidText(r.Boot) {
			return fleet.Invalid("source", "is not plain text")
		}
	}
	return nil
}

func checkPosition(p *fleet.Position) error {
	if err := checkNames(p.Fleet, p.Driver); err != nil {
		return err
	}
	return p.Fix.Validate()
}

func checkNames(fleetID, driver string) error {
	switch {
	case !fleet.ValidID(fleetID):
		return fleet.Invalid("fleet", "is not an id")
	case !fleet.ValidID(driver):
		return fleet.Invalid("driver", "is not an id")
	}
	return nil
}

// Drivers returns every driver that b speaks of, once.
func Drivers(b *fleet.Batch) []Driver { return namesOf(b).drivers }
