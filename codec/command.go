package codec

import "github.com/dray-fleet/dray/fleet"

// CommandReceipt decodes what a phone says of a command: state, and optionally
// at and reason. A zero At means the time of receipt.
func CommandReceipt(payload []byte) (fleet.CommandReceipt, error) {
	word, at, reason, err := receipt(payload)
	r := fleet.CommandReceipt{State: fleet.CommandState(word), At: at, Reason: reason}
	if err == nil && !fleet.ValidCommandReceipt(r.State) {
		err = fleet.Invalid("state", "must be received, seen, done or failed")
	}
	if err != nil {
		return fleet.CommandReceipt{}, err
	}
	return r, nil
}
