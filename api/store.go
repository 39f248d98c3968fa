package api

import (
	"context"
	"time"

	"github.com/dray-fleet/dray/fleet"
)

// A Store is what the API asks of the database. Every method may return an
// error that is neither fleet.ErrNotFound, fleet.ErrConflict nor a
// *fleet.InvalidError: then the database is away.
type Store interface {
	Ping(ctx context.Context) error
	driverStore
	historyStore
	userStore
	sessionStore
	recordStore
	shipmentStore
	deviceStore
	alertStore
	eventStore
	replyStore
}

type replyStore interface {
	// ClaimReply begins a request, or returns what is kept of the one that has
	// begun before. One that began before young is forgotten; one that began
	// before running and has no reply is begun again.
	ClaimReply(ctx context.Context, claim fleet.Reply, young, running time.Time) (old fleet.Reply, fresh, again bool, err error)
	// SaveReply keeps the reply, DropReply forgets the request.
	SaveReply(ctx context.Context, r fleet.Reply) error
	DropReply(ctx context.Context, r fleet.Reply) error
	// PruneReplies forgets those before a time, and all but the newest.
	PruneReplies(ctx context.Context, before time.Time, keep int) error
}

type driverStore interface {
	EnsureFleet(ctx context.Context, id string) (created bool, err error)
	Fleets(ctx context.Context, after string, limit int) ([]fleet.Fleet, error)
	Fleet(ctx context.Context, id string) (fleet.Fleet, error)
	UpdateFleet(ctx context.Context, by fleet.Actor, f fleet.Fleet) error
	EnsureDriver(ctx context.Context, fleetID, driver string) (created bool, err error)
	Drivers(ctx context.Context, q fleet.DriverQuery) ([]fleet.Driver, error)
	Driver(ctx context.Context, fleetID, id string) (fleet.Driver, error)
	RenameDriver(ctx context.Context, fleetID, id, name string) error
	// Track calls fn with each position, oldest first; an error of fn ends it.
	Track(ctx context.Context, q fleet.TrackQuery, fn func(*fleet.Position) error) error
	// EraseDriver removes all that is stored of a driver but the audit, to which
	// it adds by with what was removed.
	EraseDriver(ctx context.Context, fleetID, driver string, by fleet.AuditEntry) (fleet.Erasure, error)
	// KeepProof notes whose file it is, ProofsOf returns some of a driver, and
	// ForgetProof comes after the file is deleted.
	KeepProof(ctx context.Context, f fleet.ProofFile) error
	ProofsOf(ctx context.Context, fleetID, driver string, limit int) ([]fleet.ProofFile, error)
	ForgetProof(ctx context.Context, f fleet.ProofFile) error
	// Trips returns those that overlap [from, to), oldest first.
	Trips(ctx context.Context, fleetID, driver string, from, to time.Time) ([]fleet.Trip, error)
	// ReplayAt returns where every driver was, Replay every position in the
	// order of time.
	ReplayAt(ctx context.Context, fleetID string, at time.Time) ([]fleet.Position, error)
	Replay(ctx context.Context, fleetID string, from, to time.Time, fn func(*fleet.Position) error) error
	// Gaps returns what never arrived, oldest first for each source.
	Gaps(ctx context.Context, q fleet.TrackQuery) ([]fleet.Gap, error)
}

type historyStore interface {
	// Policy returns that of a driver, or of the fleet for no driver;
	// DriverPolicies those of drivers after one.
	Policy(ctx context.Context, fleetID, driver string) (fleet.Policy, error)
	DriverPolicies(ctx context.Context, fleetID, after string, limit int) ([]fleet.Policy, error)
	SavePolicy(ctx context.Context, p fleet.Policy) error
	DeletePolicy(ctx context.Context, fleetID, driver string) error
	// Retention of a fleet that has set none keeps everything.
	Retention(ctx context.Context, fleetID string) (fleet.Retention, error)
	SaveRetention(ctx context.Context, r fleet.Retention) error
}

type shipmentStore interface {
	CreateShipment(ctx context.Context, by fleet.Actor, s fleet.Shipment) (fleet.Shipment, error)
	Shipment(ctx context.Context, fleetID, id string) (fleet.Shipment, error)
	Shipments(ctx context.Context, q fleet.ShipmentQuery) ([]fleet.Shipment, error)
	// PatchShipment and ReportStatus return fleet.ErrConflict when the shipment
	// is not at the version that is given, 0 being any.
	PatchShipment(ctx context.Context, by fleet.Actor, fleetID, id string, version int64, p fleet.ShipmentPatch) (fleet.Shipment, error)
	// ReportStatus changes nothing when it is the same report again. An illegal
	// move is a *fleet.MoveError, another's shipment fleet.ErrNotAssigned.
	ReportStatus(ctx context.Context, fleetID, id string, by fleet.Actor, r fleet.StatusReport, source string) (fleet.Shipment, error)
	ShipmentEvents(ctx context.Context, fleetID, id string, after int64, limit int) ([]fleet.ShipmentEvent, error)

	CreateAssignment(ctx context.Context, by fleet.Actor, a fleet.Assignment) (fleet.Assignment, error)
	Assignment(ctx context.Context, fleetID, id string) (fleet.Assignment, error)
	Assignments(ctx context.Context, q fleet.AssignmentQuery) ([]fleet.Assignment, error)
	WithdrawAssignment(ctx context.Context, by fleet.Actor, fleetID, id string) (fleet.Assignment, error)
	SaveReceipt(ctx context.Context, fleetID, id string, by fleet.Actor, r fleet.AssignmentReceipt, source string) (fleet.Assignment, error)
}

type deviceStore interface {
	CreateDevice(ctx context.Context, by fleet.Actor, d fleet.Device) (fleet.Device, error)
	Device(ctx context.Context, fleetID, id string) (fleet.Device, error)
	Devices(ctx context.Context, fleetID, after string, limit int) ([]fleet.Device, error)
	// UpdateDevice sets kind, driver, name and whether it is disabled.
	UpdateDevice(ctx context.Context, by fleet.Actor, d fleet.Device) error
	SetDeviceSecret(ctx context.Context, by fleet.Actor, fleetID, id string, hash []byte, at time.Time) error
	DeleteDevice(ctx context.Context, by fleet.Actor, fleetID, id string) error

	// CreateCommand stores a command and sends it.
	CreateCommand(ctx context.Context, c fleet.Command) (fleet.Command, error)
	Command(ctx context.Context, fleetID, id string) (fleet.Command, error)
	// SaveCommandReceipt changes nothing when it is the same receipt again.
	SaveCommandReceipt(ctx context.Context, fleetID, id string, by fleet.Actor, r fleet.CommandReceipt) (fleet.Command, error)
	// Commands returns the newest first.
	Commands(ctx context.Context, fleetID, driver string, limit int) ([]fleet.Command, error)
	SetDriverConfig(ctx context.Context, by fleet.Actor, fleetID, driver string, c fleet.DriverConfig) error
	DriverConfig(ctx context.Context, fleetID, driver string) (fleet.DriverConfig, error)
	DeleteDriverConfig(ctx context.Context, by fleet.Actor, fleetID, driver string) error
}

type alertStore interface {
	// OpenAlert returns the one like it that is open already, if there is one.
	OpenAlert(ctx context.Context, a fleet.Alert) (alert fleet.Alert, opened bool, err error)
	AckAlert(ctx context.Context, by fleet.Actor, fleetID, id string) (fleet.Alert, error)
	CloseAlert(ctx context.Context, by fleet.Actor, fleetID, id string) (fleet.Alert, error)
	Alert(ctx context.Context, fleetID, id string) (fleet.Alert, error)
	Alerts(ctx context.Context, q fleet.AlertQuery) ([]fleet.Alert, error)

	CreateGeofence(ctx context.Context, by fleet.Actor, g fleet.Geofence) (fleet.Geofence, error)
	Geofence(ctx context.Context, fleetID, id string) (fleet.Geofence, error)
	Geofences(ctx context.Context, fleetID, after string, limit int) ([]fleet.Geofence, error)
	UpdateGeofence(ctx context.Context, by fleet.Actor, g fleet.Geofence) error
	DeleteGeofence(ctx context.Context, by fleet.Actor, fleetID, id string) error
}

type eventStore interface {
	Events(ctx context.Context, q fleet.EventQuery) ([]fleet.Event, error)
	LastEvent(ctx context.Context) (int64, error) // the newest cursor
	// Listen calls sequenced when there may be something new, until ctx is done
	// or it can no longer tell; written when there soon will be.
	Listen(ctx context.Context, written, sequenced func()) error

	CreateWebhook(ctx context.Context, w fleet.Webhook) (fleet.Webhook, error)
	Webhook(ctx context.Context, fleetID, id string) (fleet.Webhook, error)
	Webhooks(ctx context.Context, fleetID, after string, limit int) ([]fleet.Webhook, error)
	// UpdateWebhook sets URL, kinds, secret and whether it is disabled.
	UpdateWebhook(ctx context.Context, w fleet.Webhook) error
	DeleteWebhook(ctx context.Context, fleetID, id string) error
	// ReplayWebhook delivers the events after cursor again.
	ReplayWebhook(ctx context.Context, fleetID, id string, cursor int64) error
}

type userStore interface {
	CreateUser(ctx context.Context, u fleet.User) error
	UserByName(ctx context.Context, fleetID, name string) (fleet.User, error)
	User(ctx context.Context, fleetID, id string) (fleet.User, error)
	Users(ctx context.Context, fleetID, after string, limit int) ([]fleet.User, error)
	// UpdateUser sets name, role and whether the user is disabled, which ends
	// every refresh token of the user.
	UpdateUser(ctx context.Context, u fleet.User) error
	DeleteUser(ctx context.Context, fleetID, id string) error
	// SetPassword also ends every refresh token of the user.
	SetPassword(ctx context.Context, fleetID, id, hash string) error
}

type sessionStore interface {
	SaveRefreshToken(ctx context.Context, t fleet.RefreshToken) error
	// SpendRefreshToken returns fleet.ErrConflict, and revokes the family, for
	// a token that was spent before, unless its answer may have been lost.
	SpendRefreshToken(ctx context.Context, hash []byte, now time.Time) (fleet.RefreshToken, error)
	RevokeFamily(ctx context.Context, family string) error
	Revoke(ctx context.Context, r fleet.Revocation) error
}

type recordStore interface {
	Audit(ctx context.Context, e fleet.AuditEntry) error
	AuditLog(ctx context.Context, fleetID string, after int64, limit int) ([]fleet.AuditEntry, error)
	DeadLetters(ctx context.Context, fleetID, after string, limit int) ([]fleet.DeadLetter, error)
	DeadLetter(ctx context.Context, fleetID, id string) (fleet.DeadLetter, error)
	DeleteDeadLetter(ctx context.Context, fleetID, id string) error
}
