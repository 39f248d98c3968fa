package fleet

import (
	"slices"
	"time"
)

// Status is how far a shipment is.
type Status string

const (
	StatusCreated   Status = "created"
	StatusAssigned  Status = "assigned"
	StatusAccepted  Status = "accepted"
	StatusPickedUp  Status = "picked_up"
	StatusInTransit Status = "in_transit"
	StatusArrived   Status = "arrived"
	StatusDelivered Status = "delivered"
	StatusFailed    Status = "failed"
	StatusReturned  Status = "returned"
	StatusCancelled Status = "cancelled"
)

// moves is the one table of legal moves. A shipment goes back to created when
// its assignment is declined, withdrawn or runs out; a failed delivery is tried
// again, given to another driver, or returned. Steps in between may be left
// out, for not every driver reports each of them.
var moves = map[Status][]Status{
	StatusCreated:   {StatusAssigned, StatusCancelled},
	StatusAssigned:  {StatusAccepted, StatusCreated, StatusCancelled},
	StatusAccepted:  {StatusPickedUp, StatusCreated, StatusFailed, StatusCancelled},
	StatusPickedUp:  {StatusInTransit, StatusArrived, StatusDelivered, StatusFailed, StatusReturned},
	StatusInTransit: {StatusArrived, StatusDelivered, StatusFailed, StatusReturned},
	StatusArrived:   {StatusDelivered, StatusInTransit, StatusFailed, StatusReturned},
	StatusFailed:    {StatusInTransit, StatusArrived, StatusDelivered, StatusAssigned, StatusReturned, StatusCancelled},
	StatusDelivered: {},
	StatusReturned:  {},
	StatusCancelled: {},
}

// ValidStatus reports whether s is in the table of statuses.
func ValidStatus(s Status) bool {
	_, found := moves[s]
	return found
}

// CanMove reports whether a shipment may go from one status to another. To the
// same one is not a move: such a report is the same report again.
func CanMove(from, to Status) bool { return slices.Contains(moves[from], to) }

// A StatusReport is what a driver or dispatcher says of a shipment. Which
// shipment it is the topic or path says.
type StatusReport struct {
	Status   Status
	At       time.Time // zero: the time of receipt
	Note     string
	Lat, Lon Opt    // both or none
	Proof    *Proof // of delivery; nil when there is none
	Version  int64  // of the shipment that the reporter saw; 0 when not told
}

// A Proof of delivery: who took it, and references to or data URLs of a
// signature and a photo.
type Proof struct {
	Name      string `json:"name,omitempty"`
	Signature string `json:"signature,omitempty"`
	Photo     string `json:"photo,omitempty"`
}

// ReceiptState is what a driver says of an assignment.
type ReceiptState string

const (
	ReceiptReceived ReceiptState = "received"
	ReceiptSeen     ReceiptState = "seen"
	ReceiptAccepted ReceiptState = "accepted"
	ReceiptDeclined ReceiptState = "declined"
)

// ValidReceiptState reports whether s is in the table of receipts.
func ValidReceiptState(s ReceiptState) bool {
	switch s {
	case ReceiptReceived, ReceiptSeen, ReceiptAccepted, ReceiptDeclined:
		return true
	}
	return false
}

// An AssignmentReceipt is a driver's answer to an assignment. Which assignment it is the
// topic or path says.
type AssignmentReceipt struct {
	State  ReceiptState `json:"state"`
	At     time.Time    `json:"at"` // zero: the time of receipt
	Reason string       `json:"reason,omitempty"`
}

// Limits of what a report of a driver may carry, in bytes.
const (
	MaxNote  = 2000
	MaxProof = 64 << 10 // each of signature and photo
)
