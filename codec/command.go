package codec

import (
	"time"

	"github.com/dray-fleet/dray/fleet"
)

// CommandReceipt decodes what a phone says of a command: state, and optionally
// at and reason. A zero At means the time of receipt.
func CommandReceipt(payload []byte) (fleet.CommandReceipt, error) {
	var r fleet.CommandReceipt
	err := scanObject(payload, func(key, val []byte) (err error) {
		var word string
		switch string(key) {
		case "state":
			word, err = text("state", val, maxWord)
			r.State = fleet.CommandState(word)
		case "at":
			r.At, err = timestamp("at", val, time.Millisecond)
		case "reason":
			r.Reason, err = text("reason", val, fleet.MaxNote)
		}
		return err
	})
	if err == nil {
		err = plausible("at", r.At)
	}
	if err == nil && !fleet.ValidCommandReceipt(r.State) {
		err = fleet.Invalid("state", "must be received, seen, done or failed")
	}
	if err != nil {
		return fleet.CommandReceipt{}, err
	}
	return r, nil
}
