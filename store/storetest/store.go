// Package storetest is the one suite that both stores must pass, against the
// real database.
package storetest

import (
	"context"
	"time"

	"github.com/dray-fleet/dray/fleet"
)

// Store is all that the stores promise. Who uses a store names only the methods
// it calls; this is the sum, so that both can be held to it.
//
// Every method may return an error that is neither fleet.ErrNotFound,
// fleet.ErrConflict nor a *fleet.InvalidError: then the database is away and
// the call may be repeated.
type Store interface {
	History

	Records
	Feed

	Ping(ctx context.Context) error
	Close() error

	// SaveBatch stores b in one transaction. Saving it again is a no-op; rows
	// are told apart by (fleet, driver, source, boot, seq), or by (fleet,
	// driver, source, fix time) without them; a seq without a boot only tells
	// apart fixes of the same instant, since it may begin again at any time.
	// Times are kept to the microsecond, measurements to what package column
	// says. Unknown fleets and drivers come into being, audited. An
	// *fleet.InvalidError means that nothing was stored and never will be.
	SaveBatch(ctx context.Context, b *fleet.Batch) (fleet.Saved, error)
	// Offset returns how far a partition of a stream has been saved; 0 is nothing.
	Offset(ctx context.Context, stream string, partition int) (uint64, error)
	// LastKept returns the newest positions in history of the drivers that were
	// heard last, in any order: name, fix time, speed and heading of each.
	LastKept(ctx context.Context) ([]fleet.Position, error)

	// EnsureFleet and EnsureDriver create what is not there, audited.
	EnsureFleet(ctx context.Context, id string) (created bool, err error)
	EnsureDriver(ctx context.Context, fleetID, driver string) (created bool, err error)
	// SavePresences keeps the newest presence of each driver, in one
	// transaction; an older one changes nothing.
	SavePresences(ctx context.Context, changes []fleet.PresenceChange) error
	// OnlineDrivers lists (fleet, driver) whose stored presence is online, for
	// putting right what a killed broker left behind.
	OnlineDrivers(ctx context.Context) ([]fleet.Source, error)

	Drivers(ctx context.Context, q fleet.DriverQuery) ([]fleet.Driver, error)
	Driver(ctx context.Context, fleetID, id string) (fleet.Driver, error)
	// RenameDriver sets the display name.
	RenameDriver(ctx context.Context, fleetID, id, name string) error
	// Track calls fn with each position of q, oldest first, quarantined ones
	// left out, in constant memory; an error of fn ends it.
	Track(ctx context.Context, q fleet.TrackQuery, fn func(*fleet.Position) error) error
	// Gaps returns what never arrived of q's driver around [From, To), for
	// sources that number their fixes within a boot.
	Gaps(ctx context.Context, q fleet.TrackQuery) ([]fleet.Gap, error)

	CreateUser(ctx context.Context, u fleet.User) error // ErrConflict when the name is taken in its fleet
	UserByName(ctx context.Context, fleetID, name string) (fleet.User, error)
	User(ctx context.Context, fleetID, id string) (fleet.User, error)
	Users(ctx context.Context, fleetID, after string, limit int) ([]fleet.User, error)
	// SetPassword also ends every refresh token of the user.
	SetPassword(ctx context.Context, fleetID, id, hash string) error

	// SaveRefreshToken keeps a token; in a revoked family it is revoked from
	// the start.
	SaveRefreshToken(ctx context.Context, t fleet.RefreshToken) error
	// SpendRefreshToken marks the token spent and returns it. A spent one
	// returns ErrConflict and revokes its family; an unknown, revoked or
	// expired one returns ErrNotFound.
	SpendRefreshToken(ctx context.Context, hash []byte, now time.Time) (fleet.RefreshToken, error)
	RevokeFamily(ctx context.Context, family string) error

	// Revoke and Revocations keep which tokens are refused: one by its jti until
	// it would have expired, or all of a subject that were issued up to a time.
	Revoke(ctx context.Context, r fleet.Revocation) error
	// Revocations returns those still in force, with ID > after, oldest first.
	Revocations(ctx context.Context, after int64) ([]fleet.Revocation, error)

	Audit(ctx context.Context, e fleet.AuditEntry) error
	AuditLog(ctx context.Context, fleetID string, after int64, limit int) ([]fleet.AuditEntry, error)

	DeadLetters(ctx context.Context, fleetID, after string, limit int) ([]fleet.DeadLetter, error)
	DeadLetter(ctx context.Context, fleetID, id string) (fleet.DeadLetter, error)
	DeleteDeadLetter(ctx context.Context, fleetID, id string) error

	// SavePolicy sets how dense history is kept; DeletePolicy may return
	// ErrNotFound. Policies returns all of them, fleets before their drivers.
	SavePolicy(ctx context.Context, p fleet.Policy) error
	DeletePolicy(ctx context.Context, fleetID, driver string) error
	Policies(ctx context.Context) ([]fleet.Policy, error)
	// Policy returns one, or ErrNotFound; DriverPolicies those of a fleet's
	// drivers after one, by driver.
	Policy(ctx context.Context, fleetID, driver string) (fleet.Policy, error)
	DriverPolicies(ctx context.Context, fleetID, after string, limit int) ([]fleet.Policy, error)
}
