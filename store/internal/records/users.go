package records

import (
	"context"

	"github.com/dray-fleet/dray/fleet"
)

const userColumns = "SELECT fleet, id, name, role, password_hash, disabled, created_at FROM users"

func scanUser(scan func(...any) error) (u fleet.User, err error) {
	return u, scan(&u.Fleet, &u.ID, &u.Name, &u.Role, &u.PasswordHash, &u.Disabled, moment{&u.CreatedAt})
}

// CreateUser adds a user; fleet.ErrConflict when the id or name is taken in its fleet.
func (r *Records) CreateUser(ctx context.Context, u fleet.User) error {
	switch {
	case !fleet.ValidText(u.Name):
		return fleet.Invalid("name", "is not plain text")
	case !fleet.ValidID(u.ID):
		return fleet.Invalid("id", "is not an id")
	case !fleet.ValidID(u.Fleet):
		return fleet.Invalid("fleet", "is not an id")
	}
	if u.CreatedAt.IsZero() {
		u.CreatedAt = now()
	}
	if _, err := r.db.EnsureFleet(ctx, u.Fleet); err != nil {
		return err
	}
	return r.db.Write(ctx, "create user", func(ctx context.Context, tx Tx) error {
		_, err := tx.Exec(ctx, "INSERT INTO users (fleet, id, name, role, password_hash, disabled, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7)",
			u.Fleet, u.ID, u.Name, string(u.Role), u.PasswordHash, u.Disabled, u.CreatedAt)
		return err
	})
}

// UserByName returns a user by its name, or fleet.ErrNotFound.
func (r *Records) UserByName(ctx context.Context, fleetID, name string) (fleet.User, error) {
	if !fleet.ValidText(fleetID) || !fleet.ValidText(name) { // as somebody typed them in
		return fleet.User{}, fleet.ErrNotFound
	}
	return one(ctx, r, "read user", scanUser, userColumns+" WHERE fleet = $1 AND name = $2", fleetID, name)
}

// User returns a user by its id, or fleet.ErrNotFound.
func (r *Records) User(ctx context.Context, fleetID, id string) (fleet.User, error) {
	return one(ctx, r, "read user", scanUser, userColumns+" WHERE fleet = $1 AND id = $2", fleetID, id)
}

// Users returns up to limit users of a fleet with ids after the given one.
func (r *Records) Users(ctx context.Context, fleetID, after string, limit int) ([]fleet.User, error) {
	if err := bounded(limit); err != nil {
		return nil, err
	}
	return list(ctx, r, "list users", scanUser, userColumns+" WHERE fleet = $1 AND id > $2"+limited(limit), fleetID, after)
}

// SetPassword changes a user's password and ends every refresh token of the user.
func (r *Records) SetPassword(ctx context.Context, fleetID, id, hash string) error {
	return r.db.Write(ctx, "set password", func(ctx context.Context, tx Tx) error {
		if err := execOne(ctx, tx, "UPDATE users SET password_hash = $1 WHERE fleet = $2 AND id = $3", hash, fleetID, id); err != nil {
			return err
		}
		return endTokens(ctx, tx, fleetID, id)
	})
}

// UpdateUser sets name, role and whether the user is disabled, which ends every
// refresh token of the user; fleet.ErrConflict when the name is taken.
func (r *Records) UpdateUser(ctx context.Context, u fleet.User) error {
	switch {
	case !fleet.ValidText(u.Name):
		return fleet.Invalid("name", "is not plain text")
	case !fleet.ValidRole(u.Role):
		return fleet.Invalid("role", "is not in the table of roles")
	}
	return r.db.Write(ctx, "update user", func(ctx context.Context, tx Tx) error {
		err := execOne(ctx, tx, "UPDATE users SET name = $1, role = $2, disabled = $3 WHERE fleet = $4 AND id = $5", u.Name, string(u.Role), u.Disabled, u.Fleet, u.ID)
		if err != nil || !u.Disabled {
			return err
		}
		return endTokens(ctx, tx, u.Fleet, u.ID)
	})
}

// DeleteUser removes a user and ends every refresh token of it.
func (r *Records) DeleteUser(ctx context.Context, fleetID, id string) error {
	return r.db.Write(ctx, "delete user", func(ctx context.Context, tx Tx) error {
		if err := execOne(ctx, tx, "DELETE FROM users WHERE fleet = $1 AND id = $2", fleetID, id); err != nil {
			return err
		}
		return endTokens(ctx, tx, fleetID, id)
	})
}

func endTokens(ctx context.Context, tx Tx, fleetID, user string) error {
	_, err := tx.Exec(ctx, "UPDATE refresh_tokens SET revoked = true WHERE fleet = $1 AND user_id = $2", fleetID, user)
	return err
}
