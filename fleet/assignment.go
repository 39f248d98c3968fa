package fleet

import (
	"encoding/json"
	"slices"
	"time"
)

// AssignmentState is how far the offer of a shipment to a driver is.
type AssignmentState string

const (
	AssignmentOffered   AssignmentState = "offered"
	AssignmentReceived  AssignmentState = "received" // it is on the phone
	AssignmentSeen      AssignmentState = "seen"
	AssignmentAccepted  AssignmentState = "accepted"
	AssignmentDeclined  AssignmentState = "declined"
	AssignmentWithdrawn AssignmentState = "withdrawn"
	AssignmentExpired   AssignmentState = "expired"
)

// MaxNext bounds the drivers that are tried after the first.
const MaxNext = 50

// An Assignment is the offer of a shipment to a driver. When the driver declines
// or does not answer in time, the next driver gets an assignment of its own.
type Assignment struct {
	Fleet, ID string
	Shipment  string
	Driver    string
	State     AssignmentState
	Deadline  time.Time // for the answer; zero is none
	Next      []string  // drivers to try after this one, in order
	Receipts  []AssignmentReceipt
	Version   int64
	CreatedAt time.Time
}

// Pending reports whether the driver's answer is still awaited.
func (a *Assignment) Pending() bool {
	switch a.State {
	case AssignmentOffered, AssignmentReceived, AssignmentSeen:
		return true
	}
	return false
}

// Open reports whether the driver has the shipment or may still take it.
func (a *Assignment) Open() bool { return a.Pending() || a.State == AssignmentAccepted }

// stages orders what a receipt moves an assignment to; answers are last.
var stages = map[AssignmentState]int{AssignmentOffered: 0, AssignmentReceived: 1, AssignmentSeen: 2, AssignmentAccepted: 3, AssignmentDeclined: 3}

// Receive enters a receipt, in any order and however often it comes; changed is
// false for one that was there. An answer to an assignment that is no longer
// open, or that was answered otherwise, is a *MoveError.
func (a *Assignment) Receive(r AssignmentReceipt) (changed bool, err error) {
	if slices.ContainsFunc(a.Receipts, func(old AssignmentReceipt) bool { return old.State == r.State }) {
		return false, nil
	}
	to := AssignmentState(r.State)
	if answer := stages[to] == stages[AssignmentAccepted]; answer && !a.Pending() {
		return false, &MoveError{Entity: "assignment", ID: a.ID, From: string(a.State), To: string(to)}
	}
	a.Receipts = append(a.Receipts, r)
	if a.Pending() && stages[to] > stages[a.State] {
		a.State = to
	}
	return true, nil
}

// AssignmentQuery selects assignments of one fleet, in the order of their ids.
type AssignmentQuery struct {
	Fleet    string
	Shipment string // empty is all
	Driver   string // empty is all
	State    AssignmentState
	After    string
	Limit    int // 1 to 1000
}

// An Offer is an assignment as its driver sees it, with the shipment.
type Offer struct {
	Assignment
	Shipment Shipment
}

// MarshalJSON writes the shape that the API and events have.
func (a Assignment) MarshalJSON() ([]byte, error) { return a.marshal(a.Shipment) }

// MarshalJSON writes the assignment with its shipment as an object.
func (o Offer) MarshalJSON() ([]byte, error) { return o.marshal(o.Shipment) }

func (a *Assignment) marshal(shipment any) ([]byte, error) {
	var deadline *string
	if !a.Deadline.IsZero() {
		deadline = orNull(Timestamp(a.Deadline))
	}
	receipts := a.Receipts
	if receipts == nil {
		receipts = []AssignmentReceipt{}
	}
	return json.Marshal(struct {
		ID       string              `json:"id"`
		Shipment any                 `json:"shipment"`
		Driver   string              `json:"driver"`
		State    AssignmentState     `json:"state"`
		Deadline *string             `json:"deadline"`
		Receipts []AssignmentReceipt `json:"receipts"`
		Version  int64               `json:"version"`
	}{a.ID, shipment, a.Driver, a.State, deadline, receipts, a.Version})
}

// A DispatchReport is what a driver said of a shipment, an assignment or a
// command: one of Status, Receipt and Command is set.
type DispatchReport struct {
	ID      string // of the shipment, assignment or command
	Actor   string // the publisher
	Status  *StatusReport
	Receipt *AssignmentReceipt
	Command *CommandReceipt
	Letter  DeadLetter // what it becomes when it is refused, without the reason; who, where and when
}
