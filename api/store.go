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
	userStore
	sessionStore
	recordStore
}

type driverStore interface {
	EnsureDriver(ctx context.Context, fleetID, driver string) (created bool, err error)
	Drivers(ctx context.Context, q fleet.DriverQuery) ([]fleet.Driver, error)
	Driver(ctx context.Context, fleetID, id string) (fleet.Driver, error)
	RenameDriver(ctx context.Context, fleetID, id, name string) error
	// Track calls fn with each position, oldest first; an error of fn ends it.
	Track(ctx context.Context, q fleet.TrackQuery, fn func(*fleet.Position) error) error
	// Gaps returns what never arrived, oldest first for each source.
	Gaps(ctx context.Context, q fleet.TrackQuery) ([]fleet.Gap, error)
}

type userStore interface {
	CreateUser(ctx context.Context, u fleet.User) error
	UserByName(ctx context.Context, fleetID, name string) (fleet.User, error)
	User(ctx context.Context, fleetID, id string) (fleet.User, error)
	Users(ctx context.Context, fleetID, after string, limit int) ([]fleet.User, error)
	// SetPassword also ends every refresh token of the user.
	SetPassword(ctx context.Context, fleetID, id, hash string) error
}

type sessionStore interface {
	SaveRefreshToken(ctx context.Context, t fleet.RefreshToken) error
	// SpendRefreshToken returns fleet.ErrConflict, and revokes the family, for
	// a token that was spent before.
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
