package storetest

import (
	"context"
	"time"

	"github.com/dray-fleet/dray/fleet"
)

// Records is the part of Store that is about shipments and what goes with them.
//
// Every change writes its event in the same transaction, also one that is made
// with the database's own tools; see Feed.
type Records interface {
	// CreateShipment stores a shipment of status created and version 1, and
	// returns it; ErrConflict when its id is taken.
	CreateShipment(ctx context.Context, by fleet.Actor, s fleet.Shipment) (fleet.Shipment, error)
	Shipment(ctx context.Context, fleetID, id string) (fleet.Shipment, error)
	Shipments(ctx context.Context, q fleet.ShipmentQuery) ([]fleet.Shipment, error)
	// PatchShipment changes a shipment that is at version; ErrConflict when it
	// is at another. Version 0 is any.
	PatchShipment(ctx context.Context, by fleet.Actor, fleetID, id string, version int64, p fleet.ShipmentPatch) (fleet.Shipment, error)
	// ReportStatus moves a shipment and returns it. The same report again changes
	// nothing. An illegal move is a *fleet.MoveError; a driver that the shipment
	// is not assigned to gets ErrNotAssigned; a stale Version, of one who is not
	// its driver, is ErrConflict. source is "mqtt" or "http".
	ReportStatus(ctx context.Context, fleetID, id string, by fleet.Actor, r fleet.StatusReport, source string) (fleet.Shipment, error)
	// CancelShipment is the report cancelled; an open assignment is withdrawn.
	CancelShipment(ctx context.Context, by fleet.Actor, fleetID, id, note string) (fleet.Shipment, error)
	// ShipmentEvents returns up to limit steps with ID > after, oldest first.
	ShipmentEvents(ctx context.Context, fleetID, id string, after int64, limit int) ([]fleet.ShipmentEvent, error)

	// CreateAssignment offers a shipment to a.Driver and moves it to assigned; an
	// assignment that is still open is withdrawn. The shipment ErrNotFound, its
	// status a *fleet.MoveError, an unknown driver an *fleet.InvalidError.
	CreateAssignment(ctx context.Context, by fleet.Actor, a fleet.Assignment) (fleet.Assignment, error)
	Assignment(ctx context.Context, fleetID, id string) (fleet.Assignment, error)
	Assignments(ctx context.Context, q fleet.AssignmentQuery) ([]fleet.Assignment, error)
	// WithdrawAssignment takes an open assignment back, and its shipment to
	// created. Withdrawn again is nothing; otherwise closed, or under way: a
	// *fleet.MoveError.
	WithdrawAssignment(ctx context.Context, by fleet.Actor, fleetID, id string) (fleet.Assignment, error)
	// SaveReceipt enters what the driver says of it, in any order and however
	// often it comes. accepted moves the shipment to accepted; declined offers it
	// to the next driver, or takes it back to created.
	SaveReceipt(ctx context.Context, fleetID, id string, by fleet.Actor, r fleet.AssignmentReceipt, source string) (fleet.Assignment, error)
	// ExpireAssignments ends those whose deadline has passed: the next driver is
	// tried, or the shipment goes back to created and an alert opens.
	ExpireAssignments(ctx context.Context, now time.Time) (int, error)
	// PendingOffers returns what a driver still has to answer, oldest first.
	PendingOffers(ctx context.Context, fleetID, driver string) ([]fleet.Offer, error)

	CreateDevice(ctx context.Context, by fleet.Actor, d fleet.Device) (fleet.Device, error)
	Device(ctx context.Context, fleetID, id string) (fleet.Device, error)
	Devices(ctx context.Context, fleetID, after string, limit int) ([]fleet.Device, error)
	// UpdateDevice sets kind, driver, name and whether it is disabled.
	UpdateDevice(ctx context.Context, by fleet.Actor, d fleet.Device) error
	SetDeviceSecret(ctx context.Context, by fleet.Actor, fleetID, id string, hash []byte, at time.Time) error
	DeleteDevice(ctx context.Context, by fleet.Actor, fleetID, id string) error

	// CreateWebhook begins at the newest event.
	CreateWebhook(ctx context.Context, w fleet.Webhook) (fleet.Webhook, error)
	Webhook(ctx context.Context, fleetID, id string) (fleet.Webhook, error)
	Webhooks(ctx context.Context, fleetID, after string, limit int) ([]fleet.Webhook, error)
	// UpdateWebhook sets URL, kinds, secret and whether it is disabled.
	UpdateWebhook(ctx context.Context, w fleet.Webhook) error
	DeleteWebhook(ctx context.Context, fleetID, id string) error
	// ReplayWebhook delivers the events after cursor again.
	ReplayWebhook(ctx context.Context, fleetID, id string, cursor int64) error

	// OpenAlert opens an alert unless one of its kind, driver and subject is
	// open, which it returns then.
	OpenAlert(ctx context.Context, a fleet.Alert) (alert fleet.Alert, opened bool, err error)
	AckAlert(ctx context.Context, by fleet.Actor, fleetID, id string) (fleet.Alert, error)
	// CloseAlert closes one; closed again is nothing.
	CloseAlert(ctx context.Context, by fleet.Actor, fleetID, id string) (fleet.Alert, error)
	// CloseAlerts closes the open ones of a kind about a driver, and returns how many.
	CloseAlerts(ctx context.Context, by fleet.Actor, fleetID, kind, driver string) (int, error)
	// SweepAlerts opens the alerts that there is a cause for by now, unless one
	// like it is open, and closes those that it has opened and whose cause is
	// over: at most some hundred of a kind in one call.
	SweepAlerts(ctx context.Context, now time.Time, l fleet.AlertLimits) (opened, closed int, err error)
	Alert(ctx context.Context, fleetID, id string) (fleet.Alert, error)
	Alerts(ctx context.Context, q fleet.AlertQuery) ([]fleet.Alert, error)

	CreateGeofence(ctx context.Context, by fleet.Actor, g fleet.Geofence) (fleet.Geofence, error)
	Geofence(ctx context.Context, fleetID, id string) (fleet.Geofence, error)
	Geofences(ctx context.Context, fleetID, after string, limit int) ([]fleet.Geofence, error)
	UpdateGeofence(ctx context.Context, by fleet.Actor, g fleet.Geofence) error
	DeleteGeofence(ctx context.Context, by fleet.Actor, fleetID, id string) error
	// AllGeofences returns those of every fleet and their version, which grows
	// with every change; no geofences when the version is the known one. Who is
	// in which of them SaveBatch keeps, by a batch's Sightings, and tells it.
	AllGeofences(ctx context.Context, known int64) (all []fleet.Geofence, version int64, err error)

	// CreateCommand stores a command and sends it.
	CreateCommand(ctx context.Context, c fleet.Command) (fleet.Command, error)
	Command(ctx context.Context, fleetID, id string) (fleet.Command, error)
	// SaveCommandReceipt enters what the driver's phone says of it, in any order
	// and however often it comes.
	SaveCommandReceipt(ctx context.Context, fleetID, id string, by fleet.Actor, r fleet.CommandReceipt) (fleet.Command, error)
	// PendingCommands returns those of which no receipt has come and whose
	// deadline is to come, oldest first; ExpireCommands ends those whose
	// deadline has passed.
	PendingCommands(ctx context.Context, fleetID, driver string, now time.Time) ([]fleet.Command, error)
	ExpireCommands(ctx context.Context, now time.Time) (int, error)
	// Commands returns up to limit commands to a driver, the newest first.
	Commands(ctx context.Context, fleetID, driver string, limit int) ([]fleet.Command, error)
	SetDriverConfig(ctx context.Context, by fleet.Actor, fleetID, driver string, c fleet.DriverConfig) error
	// DriverConfig returns what was set, or ErrNotFound.
	DriverConfig(ctx context.Context, fleetID, driver string) (fleet.DriverConfig, error)
	// DeleteDriverConfig lets the phone's defaults apply again.
	DeleteDriverConfig(ctx context.Context, by fleet.Actor, fleetID, driver string) error

	// ClaimReply begins a request with an Idempotency-Key. fresh is false for one
	// that has begun before: old is what is kept of it, without a status while it
	// runs. One that began before young is forgotten; the same request that began
	// before running and has no reply has died, and is begun again. ErrConflict:
	// it was dropped in this moment.
	ClaimReply(ctx context.Context, claim fleet.Reply, young, running time.Time) (old fleet.Reply, fresh, again bool, err error)
	// SaveReply keeps the reply to the claim of the same ID and At; DropReply
	// forgets the claim.
	SaveReply(ctx context.Context, r fleet.Reply) error
	DropReply(ctx context.Context, r fleet.Reply) error
	// PruneReplies forgets those before a time, and all but the keep newest.
	PruneReplies(ctx context.Context, before time.Time, keep int) error

	// Fleets returns up to limit fleets with ids after the given one.
	Fleets(ctx context.Context, after string, limit int) ([]fleet.Fleet, error)
	// Fleet returns one, or ErrNotFound; UpdateFleet sets its time zone.
	Fleet(ctx context.Context, id string) (fleet.Fleet, error)
	UpdateFleet(ctx context.Context, by fleet.Actor, f fleet.Fleet) error

	// UpdateUser sets name, role and whether the user is disabled, which ends
	// every refresh token of the user.
	UpdateUser(ctx context.Context, u fleet.User) error
	DeleteUser(ctx context.Context, fleetID, id string) error
}

// Feed is the part of Store that the relay is made of. Triggers put every
// change into the outbox; Sequence moves it to the feed and gives the cursors,
// one transaction at a time. So a cursor that has been read never has one below
// it that is committed later.
type Feed interface {
	// Sequence moves up to limit changes from the outbox to the feed, in the
	// order of their commits for each entity, and returns how many.
	Sequence(ctx context.Context, limit int) (int, error)
	Events(ctx context.Context, q fleet.EventQuery) ([]fleet.Event, error)
	// LastEvent returns the newest cursor; 0 is none yet.
	LastEvent(ctx context.Context) (int64, error)
	// PruneEvents forgets what is older than before, in the feed and of commands.
	PruneEvents(ctx context.Context, before time.Time) error
	// Listen calls written when there may be something to Sequence, and sequenced
	// when there may be new Events, both at the beginning. It returns when ctx is
	// done, or with an error when it can no longer tell.
	Listen(ctx context.Context, written, sequenced func()) error
	// Exclusive runs fn while no other process runs an Exclusive of that name.
	// It returns without running it when another has it; fn's ctx is done when
	// the right is lost.
	Exclusive(ctx context.Context, name string, fn func(ctx context.Context) error) (ran bool, err error)
	// Position and SavePosition keep how far a reader of the feed is.
	Position(ctx context.Context, reader string) (int64, error)
	SavePosition(ctx context.Context, reader string, cursor int64) error

	// DueWebhooks returns webhooks that are not disabled, whose RetryAt has come
	// and whose fleet has events after Cursor.
	DueWebhooks(ctx context.Context, now time.Time, limit int) ([]fleet.Webhook, error)
	// SaveDelivery notes w's Cursor, Failures, RetryAt and LastError, unless the
	// webhook was set to another cursor than from meanwhile. letter, if any, is
	// what was given up.
	SaveDelivery(ctx context.Context, w fleet.Webhook, from int64, letter *fleet.DeadLetter) error
}
