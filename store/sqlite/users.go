package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"modernc.org/sqlite"
	lib "modernc.org/sqlite/lib"

	"github.com/dray-fleet/dray/fleet"
	"github.com/dray-fleet/dray/store/internal/column"
)

// CreateUser adds a user; fleet.ErrConflict when the id or name is taken in its fleet.
func (s *Store) CreateUser(ctx context.Context, u fleet.User) error {
	if !fleet.ValidText(u.Name) {
		return fleet.Invalid("name", "is not plain text")
	}
	if !fleet.ValidID(u.ID) {
		return fleet.Invalid("id", "is not an id")
	}
	if !fleet.ValidID(u.Fleet) {
		return fleet.Invalid("fleet", "is not an id")
	}
	if u.CreatedAt.IsZero() {
		u.CreatedAt = time.Now()
	}
	return s.write(ctx, "create user", func(tx *sql.Tx) error {
		if _, err := ensureFleet(ctx, tx, u.Fleet); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, `INSERT INTO users (fleet, id, name, role, password_hash, disabled, created_at) VALUES (?, ?, ?, ?, ?, ?, ?)`,
			u.Fleet, u.ID, u.Name, string(u.Role), u.PasswordHash, u.Disabled, u.CreatedAt.UnixMicro())
		if duplicate(err) {
			return fleet.ErrConflict
		}
		return err
	})
}

func duplicate(err error) bool {
	var e *sqlite.Error
	return errors.As(err, &e) && (e.Code() == lib.SQLITE_CONSTRAINT_UNIQUE || e.Code() == lib.SQLITE_CONSTRAINT_PRIMARYKEY)
}

const userColumns = "fleet, id, name, role, password_hash, disabled, created_at FROM users "

func scanUser(scan func(...any) error) (u fleet.User, err error) {
	var at int64
	err = scan(&u.Fleet, &u.ID, &u.Name, &u.Role, &u.PasswordHash, &u.Disabled, &at)
	u.CreatedAt = column.Time(&at)
	return u, err
}

// UserByName returns a user by its name, or fleet.ErrNotFound.
func (s *Store) UserByName(ctx context.Context, fleetID, name string) (fleet.User, error) {
	u, err := scanUser(s.reader.QueryRowContext(ctx, "SELECT "+userColumns+"WHERE fleet = ? AND name = ?", fleetID, name).Scan)
	return u, readError("read user", err)
}

// User returns a user by its id, or fleet.ErrNotFound.
func (s *Store) User(ctx context.Context, fleetID, id string) (fleet.User, error) {
	u, err := scanUser(s.reader.QueryRowContext(ctx, "SELECT "+userColumns+"WHERE fleet = ? AND id = ?", fleetID, id).Scan)
	return u, readError("read user", err)
}

// Users returns up to limit users of a fleet with ids after the given one.
func (s *Store) Users(ctx context.Context, fleetID, after string, limit int) ([]fleet.User, error) {
	return collect(ctx, s.reader, "list users", scanUser, "SELECT "+userColumns+"WHERE fleet = ? AND id > ? ORDER BY id LIMIT ?", fleetID, after, limit)
}

// SetPassword changes a user's password and ends every refresh token of the user.
func (s *Store) SetPassword(ctx context.Context, fleetID, id, hash string) error {
	return s.write(ctx, "set password", func(tx *sql.Tx) error {
		res, err := tx.ExecContext(ctx, "UPDATE users SET password_hash = ? WHERE fleet = ? AND id = ?", hash, fleetID, id)
		if err != nil {
			return err
		}
		if n, err := res.RowsAffected(); err != nil || n == 0 {
			return errors.Join(err, fleet.ErrNotFound)
		}
		_, err = tx.ExecContext(ctx, "UPDATE refresh_tokens SET revoked = 1 WHERE fleet = ? AND user_id = ?", fleetID, id)
		return err
	})
}
