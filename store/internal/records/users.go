package records

import (
	"context"

	"github.com/dray-fleet/dray/fleet"
)

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
