package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/dray-fleet/dray/fleet"
	"github.com/dray-fleet/dray/store/internal/column"
)

// SaveRefreshToken keeps a new token and forgets those that have expired.
func (s *Store) SaveRefreshToken(ctx context.Context, t fleet.RefreshToken) error {
	return s.write(ctx, "save refresh token", func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, "DELETE FROM refresh_tokens WHERE expires_at <= ?", time.Now().UnixMicro()); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, `INSERT INTO refresh_tokens (hash, family, fleet, user_id, expires_at, revoked)
			VALUES (?1, ?2, ?3, ?4, ?5, EXISTS (SELECT 1 FROM refresh_tokens WHERE family = ?2 AND revoked))`,
			t.Hash, t.Family, t.Fleet, t.User, t.ExpiresAt.UnixMicro())
		if duplicate(err) {
			return fleet.ErrConflict
		}
		return err
	})
}

// SpendRefreshToken marks the token spent and returns it; see storetest.Store.
func (s *Store) SpendRefreshToken(ctx context.Context, hash []byte, now time.Time) (t fleet.RefreshToken, err error) {
	reused := false
	err = s.write(ctx, "spend refresh token", func(tx *sql.Tx) error {
		var expires int64
		var spent *int64
		var revoked bool
		err := tx.QueryRowContext(ctx, "SELECT hash, family, fleet, user_id, expires_at, spent_at, revoked FROM refresh_tokens WHERE hash = ?", hash).
			Scan(&t.Hash, &t.Family, &t.Fleet, &t.User, &expires, &spent, &revoked)
		switch {
		case errors.Is(err, sql.ErrNoRows):
			return fleet.ErrNotFound
		case err != nil:
			return err
		case spent != nil:
			reused = true
			_, err := tx.ExecContext(ctx, "UPDATE refresh_tokens SET revoked = 1 WHERE family = ?", t.Family)
			return err
		case revoked || expires <= now.UnixMicro():
			return fleet.ErrNotFound
		}
		t.ExpiresAt, t.SpentAt = column.Time(&expires), now
		_, err = tx.ExecContext(ctx, "UPDATE refresh_tokens SET spent_at = ? WHERE hash = ?", now.UnixMicro(), hash)
		return err
	})
	switch {
	case err != nil:
		return fleet.RefreshToken{}, err
	case reused:
		return fleet.RefreshToken{}, fleet.ErrConflict
	}
	return t, nil
}

// RevokeFamily ends every token of one login.
func (s *Store) RevokeFamily(ctx context.Context, family string) error {
	_, err := s.exec(ctx, "revoke family", "UPDATE refresh_tokens SET revoked = 1 WHERE family = ?", family)
	return err
}

// Revoke keeps r and forgets those that are no longer in force.
func (s *Store) Revoke(ctx context.Context, r fleet.Revocation) error {
	if !fleet.ValidText(r.JTI) || !fleet.ValidText(r.Subject) {
		return fleet.Invalid("jti", "is not plain text")
	}
	return s.write(ctx, "revoke", func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, "DELETE FROM revocations WHERE expires_at <= ?", time.Now().UnixMicro()); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, "INSERT INTO revocations (fleet, jti, subject, before, expires_at) VALUES (?, ?, ?, ?, ?)",
			r.Fleet, r.JTI, r.Subject, column.NullTime(r.Before), r.ExpiresAt.UnixMicro())
		return err
	})
}

// Revocations returns those still in force, with ID > after, oldest first.
func (s *Store) Revocations(ctx context.Context, after int64) ([]fleet.Revocation, error) {
	return collect(ctx, s.reader, "list revocations", func(scan func(...any) error) (r fleet.Revocation, err error) {
		var before *int64
		var expires int64
		err = scan(&r.ID, &r.Fleet, &r.JTI, &r.Subject, &before, &expires)
		r.Before, r.ExpiresAt = column.Time(before), column.Time(&expires)
		return r, err
	}, "SELECT id, fleet, jti, subject, before, expires_at FROM revocations WHERE id > ? AND expires_at > ? ORDER BY id", after, time.Now().UnixMicro())
}
