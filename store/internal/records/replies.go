package records

import (
	"bytes"
	"context"
	"errors"
	"time"

	"github.com/dray-fleet/dray/fleet"
)

func scanReply(scan func(...any) error) (a fleet.Reply, err error) {
	return a, scan(&a.ID, &a.Request, moment{&a.At}, &a.Status, &a.ContentType, &a.ETag, &a.Body)
}

// ClaimReply begins a request; see storetest.Records.
func (r *Records) ClaimReply(ctx context.Context, claim fleet.Reply, young, running time.Time) (old fleet.Reply, fresh, again bool, err error) {
	err = r.db.Write(ctx, "claim reply", func(ctx context.Context, tx Tx) error {
		n, err := tx.Exec(ctx, "INSERT INTO replies (id, request, at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING", claim.ID, claim.Request, claim.At)
		if err != nil || n > 0 {
			fresh = n > 0
			return err
		}
		old, err = row(ctx, tx, scanReply, "SELECT id, request, at, status, content_type, etag, body FROM replies WHERE id = $1"+r.d.Lock, claim.ID)
		if errors.Is(err, fleet.ErrNotFound) {
			return fleet.ErrConflict // dropped in this moment
		}
		if err != nil {
			return err
		}
		expired := old.At.Before(young)
		dead := old.Status == 0 && old.At.Before(running) && bytes.Equal(old.Request, claim.Request)
		if !expired && !dead {
			return nil
		}
		fresh, again = true, dead
		return execOne(ctx, tx, "UPDATE replies SET request = $1, at = $2, status = 0, body = NULL WHERE id = $3", claim.Request, claim.At, claim.ID)
	})
	return old, fresh, again, err
}

// SaveReply keeps the answer to a request that a.At claims.
func (r *Records) SaveReply(ctx context.Context, a fleet.Reply) error {
	return r.db.Write(ctx, "save reply", func(ctx context.Context, tx Tx) error {
		_, err := tx.Exec(ctx, "UPDATE replies SET status = $1, content_type = $2, etag = $3, body = $4 WHERE id = $5 AND at = $6 AND status = 0",
			a.Status, a.ContentType, a.ETag, a.Body, a.ID, a.At)
		return err
	})
}

// DropReply forgets a request that has failed and may be tried again.
func (r *Records) DropReply(ctx context.Context, a fleet.Reply) error {
	return r.db.Write(ctx, "drop reply", func(ctx context.Context, tx Tx) error {
		_, err := tx.Exec(ctx, "DELETE FROM replies WHERE id = $1 AND at = $2 AND status = 0", a.ID, a.At)
		return err
	})
}

// PruneReplies forgets what is older than before, and more than the keep newest.
func (r *Records) PruneReplies(ctx context.Context, before time.Time, keep int) error {
	return r.db.Write(ctx, "prune replies", func(ctx context.Context, tx Tx) error {
		if _, err := tx.Exec(ctx, "DELETE FROM replies WHERE at < $1", before); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, "DELETE FROM replies WHERE at <= (SELECT at FROM replies ORDER BY at DESC LIMIT 1 OFFSET $1)", keep)
		return err
	})
}
