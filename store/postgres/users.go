package postgres

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/dray-fleet/dray/fleet"
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
	return s.write(ctx, "create user", func(ctx context.Context, tx pgx.Tx) error {
		if _, err := ensureFleet(ctx, tx, u.Fleet); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, `INSERT INTO users (fleet, id, name, role, password_hash, disabled, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7)`,
			u.Fleet, u.ID, u.Name, string(u.Role), u.PasswordHash, u.Disabled, u.CreatedAt)
		if duplicate(err) {
			return fleet.ErrConflict
		}
		return err
	})
}

func duplicate(err error) bool {
	var e *pgconn.PgError
	return errors.As(err, &e) && e.Code == uniqueViolation
}

const userColumns = "fleet, id, name, role, password_hash, disabled, created_at FROM users "

func scanUser(row pgx.CollectableRow) (u fleet.User, err error) {
	err = row.Scan(&u.Fleet, &u.ID, &u.Name, &u.Role, &u.PasswordHash, &u.Disabled, &u.CreatedAt)
	u.CreatedAt = u.CreatedAt.UTC()
	return u, err
}

// UserByName returns a user by its name, or fleet.ErrNotFound.
func (s *Store) UserByName(ctx context.Context, fleetID, name string) (fleet.User, error) {
	if !fleet.ValidText(fleetID) || !fleet.ValidText(name) {
		return fleet.User{}, fleet.ErrNotFound
	}
	return one(ctx, s, "read user", scanUser, "SELECT "+userColumns+"WHERE fleet = $1 AND name = $2", fleetID, name)
}

// User returns a user by its id, or fleet.ErrNotFound.
func (s *Store) User(ctx context.Context, fleetID, id string) (fleet.User, error) {
	return one(ctx, s, "read user", scanUser, "SELECT "+userColumns+"WHERE fleet = $1 AND id = $2", fleetID, id)
}

// Users returns up to limit users of a fleet with ids after the given one.
func (s *Store) Users(ctx context.Context, fleetID, after string, limit int) ([]fleet.User, error) {
	return collect(ctx, s, "list users", scanUser, "SELECT "+userColumns+"WHERE fleet = $1 AND id > $2 ORDER BY id LIMIT $3", fleetID, after, limit)
}

// SetPassword changes a user's password and ends every refresh token of the user.
func (s *Store) SetPassword(ctx context.Context, fleetID, id, hash string) error {
	return s.write(ctx, "set password", func(ctx context.Context, tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, "UPDATE users SET password_hash = $1 WHERE fleet = $2 AND id = $3", hash, fleetID, id)
		if err != nil {
			return err
		}
		if tag.RowsAffected() == 0 {
			return fleet.ErrNotFound
		}
		_, err = tx.Exec(ctx, "UPDATE refresh_tokens SET revoked = true WHERE fleet = $1 AND user_id = $2", fleetID, id)
		return err
	})
}
