package fleet

import (
	"encoding/json"
	"slices"
	"time"
)

// CommandState is how far a command is.
type CommandState string

const (
	CommandSent     CommandState = "sent"
	CommandReceived CommandState = "received" // it is on the phone
	CommandSeen     CommandState = "seen"
	CommandDone     CommandState = "done"
	CommandFailed   CommandState = "failed"
	CommandExpired  CommandState = "expired" // no receipt has come in time
)

// A Command is what a dispatcher asks of a driver's phone.
type Command struct {
	Fleet, ID string
	Driver    string
	Action    string // "locate", "message", "set_interval", …
	Text      string // of a message
	Actor     string // who asked
	CreatedAt time.Time
	Deadline  time.Time // for the first receipt; zero is none: then it is sent once
	State     CommandState
	Receipts  []CommandReceipt // at most one of each state
}

// A CommandReceipt is what a phone says of a command. Which command it is the
// topic or path says.
type CommandReceipt struct {
	State  CommandState `json:"state"`
	At     time.Time    `json:"at"` // zero: the time of receipt
	Reason string       `json:"reason,omitempty"`
}

// commandStages orders what a receipt moves a command to; one that comes after
// the deadline counts.
var commandStages = map[CommandState]int{CommandSent: 0, CommandExpired: 0, CommandReceived: 1, CommandSeen: 2, CommandDone: 3, CommandFailed: 3}

// ValidCommandReceipt reports whether s is one that a phone may report.
func ValidCommandReceipt(s CommandState) bool { return commandStages[s] > 0 }

// Receive enters a receipt, in any order and however often it comes; changed is
// false for one that was there.
func (c *Command) Receive(r CommandReceipt) (changed bool) {
	if slices.ContainsFunc(c.Receipts, func(old CommandReceipt) bool { return old.State == r.State }) {
		return false
	}
	c.Receipts = append(c.Receipts, r)
	if commandStages[r.State] > commandStages[c.State] {
		c.State = r.State
	}
	return true
}

// MarshalJSON writes what the phone gets.
func (c Command) MarshalJSON() ([]byte, error) {
	var deadline *string
	if !c.Deadline.IsZero() {
		deadline = orNull(Timestamp(c.Deadline))
	}
	receipts := c.Receipts
	if receipts == nil {
		receipts = []CommandReceipt{}
	}
	return json.Marshal(struct {
		ID       string           `json:"id"`
		Driver   string           `json:"driver"`
		Action   string           `json:"action"`
		Text     *string          `json:"text"`
		At       string           `json:"at"`
		State    CommandState     `json:"state"`
		Deadline *string          `json:"deadline"`
		Receipts []CommandReceipt `json:"receipts"`
	}{c.ID, c.Driver, c.Action, orNull(c.Text), Timestamp(c.CreatedAt), c.State, deadline, receipts})
}

// Validate returns an *InvalidError for what can never be stored.
func (c *Command) Validate() error {
	switch {
	case !ValidID(c.Fleet):
		return Invalid("fleet", "is not an id")
	case !ValidID(c.ID):
		return Invalid("id", "is not an id")
	case !ValidID(c.Driver):
		return Invalid("driver", "is not an id")
	case !ValidID(c.Action):
		return Invalid("action", "is not a word")
	case len(c.Text) > MaxNote || !ValidText(c.Text):
		return Invalid("text", "is too long or not plain text")
	}
	return nil
}
