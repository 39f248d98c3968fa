package postgres

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/dray-fleet/dray/fleet"
)

// lockFamily makes changes of one family take turns: a token must not slip into
// it while it is being revoked.
func lockFamily(ctx context.Context, tx pgx.Tx, family string) error {
	_, err := tx.Exec(ctx, "SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", "family "+family)
	return err
}

// SaveRefreshToken keeps a new token and forgets those that have expired.
func (s *Store) SaveRefreshToken(ctx context.Context, t fleet.RefreshToken) error {
	return s.write(ctx, "save refresh token", func(ctx context.Context, tx pgx.Tx) error {
		if err := lockFamily(ctx, tx, t.Family); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, "DELETE FROM refresh_tokens WHERE expires_at <= now()"); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, `INSERT INTO refresh_tokens (hash, family, fleet, user_id, expires_at, revoked)
			VALUES ($1, $2, $3, $4, $5, EXISTS (SELECT FROM refresh_tokens WHERE family = $2 AND revoked))`,
			t.Hash, t.Family, t.Fleet, t.User, t.ExpiresAt)
		if duplicate(err) {
			return fleet.ErrConflict
		}
		return err
	})
}

// SpendRefreshToken marks the token spent and returns it; see storetest.Store.
func (s *Store) SpendRefreshToken(ctx context.Context, hash []byte, now time.Time) (t fleet.RefreshToken, err error) {
	reused := false
	err = s.write(ctx, "spend refresh token", func(ctx context.Context, tx pgx.Tx) error {
		var spent *time.Time
		var revoked bool
		err := tx.QueryRow(ctx, "SELECT hash, family, fleet, user_id, expires_at, spent_at, revoked FROM refresh_tokens WHERE hash = $1 FOR UPDATE", hash).
			Scan(&t.Hash, &t.Family, &t.Fleet, &t.User, &t.ExpiresAt, &spent, &revoked)
		switch {
		case errors.Is(err, pgx.ErrNoRows):
			return fleet.ErrNotFound
		case err != nil:
			return err
		case spent != nil:
			reused = true
			return nil
		case revoked || !t.ExpiresAt.After(now):
			return fleet.ErrNotFound
		}
		t.ExpiresAt, t.SpentAt = t.ExpiresAt.UTC(), now
		_, err = tx.Exec(ctx, "UPDATE refresh_tokens SET spent_at = $1 WHERE hash = $2", now, hash)
		return err
	})
	switch {
	case err != nil:
		return fleet.RefreshToken{}, err
	case reused:
		if err := s.RevokeFamily(ctx, t.Family); err != nil {
			return fleet.RefreshToken{}, err
		}
		return fleet.RefreshToken{}, fleet.ErrConflict
	}
	return t, nil
}

// RevokeFamily ends every token of one login.
func (s *Store) RevokeFamily(ctx context.Context, family string) error {
	return s.write(ctx, "revoke family", func(ctx context.Context, tx pgx.Tx) error {
		if err := lockFamily(ctx, tx, family); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, "UPDATE refresh_tokens SET revoked = true WHERE family = $1", family)
		return err
	})
}

// Revoke keeps r and forgets those that are no longer in force. Revocations are
// committed in the order of their ids, or a reader that asks for what is after
// the last it saw could miss one.
func (s *Store) Revoke(ctx context.Context, r fleet.Revocation) error {
	if !fleet.ValidText(r.JTI) || !fleet.ValidText(r.Subject) {
		return fleet.Invalid("jti", "is not plain text")
	}
	return s.write(ctx, "revoke", func(ctx context.Context, tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, "SELECT pg_advisory_xact_lock($1, $2)", lockClass, lockRevocations); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, "DELETE FROM revocations WHERE expires_at <= now()"); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, "INSERT INTO revocations (fleet, jti, subject, before, expires_at) VALUES ($1, $2, $3, $4, $5)",
			r.Fleet, r.JTI, r.Subject, nullTime(r.Before), r.ExpiresAt)
		return err
	})
}

func nullTime(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

// Revocations returns those still in force, with ID > after, oldest first.
func (s *Store) Revocations(ctx context.Context, after int64) ([]fleet.Revocation, error) {
	return collect(ctx, s, "list revocations", func(row pgx.CollectableRow) (r fleet.Revocation, err error) {
		var before *time.Time
		err = row.Scan(&r.ID, &r.Fleet, &r.JTI, &r.Subject, &before, &r.ExpiresAt)
		r.Before, r.ExpiresAt = utc(before), r.ExpiresAt.UTC()
		return r, err
	}, "SELECT id, fleet, jti, subject, before, expires_at FROM revocations WHERE id > $1 AND expires_at > now() ORDER BY id", after)
}
