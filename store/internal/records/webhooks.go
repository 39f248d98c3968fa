package records

import (
	"context"
	"crypto/rand"
	"time"

	"github.com/dray-fleet/dray/fleet"
)

const webhookColumns = "SELECT fleet, id, url, kinds, secret, disabled, created_at, cursor, replayed_at, failures, retry_at, last_error FROM webhooks"

func scanWebhook(scan func(...any) error) (w fleet.Webhook, err error) {
	err = scan(&w.Fleet, &w.ID, &w.URL, document{&w.Kinds}, &w.Secret, &w.Disabled, moment{&w.CreatedAt}, &w.Cursor,
		moment{&w.ReplayedAt}, &w.Failures, moment{&w.RetryAt}, &w.LastError)
	if len(w.Kinds) == 0 {
		w.Kinds = nil
	}
	return w, err
}

// CreateWebhook stores a webhook that begins at the newest event. An empty
// secret becomes a random one.
func (r *Records) CreateWebhook(ctx context.Context, w fleet.Webhook) (fleet.Webhook, error) {
	if w.ID == "" {
		w.ID = newID()
	}
	if w.Secret == "" {
		w.Secret = rand.Text()
	}
	if err := w.Validate(); err != nil {
		return fleet.Webhook{}, err
	}
	w.CreatedAt = now()
	w.ReplayedAt, w.Failures, w.RetryAt, w.LastError = w.CreatedAt, 0, time.Time{}, ""
	if _, err := r.db.EnsureFleet(ctx, w.Fleet); err != nil {
		return fleet.Webhook{}, err
	}
	err := r.db.Write(ctx, "create webhook", func(ctx context.Context, tx Tx) (err error) {
		if w.Cursor, err = row(ctx, tx, number, lastEvent); err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `INSERT INTO webhooks (fleet, id, url, kinds, secret, disabled, created_at, cursor, replayed_at)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`, w.Fleet, w.ID, w.URL, encode(w.Kinds), w.Secret, w.Disabled, w.CreatedAt, w.Cursor, w.ReplayedAt)
		return err
	})
	return w, err
}

// Webhook returns one, or fleet.ErrNotFound.
func (r *Records) Webhook(ctx context.Context, fleetID, id string) (fleet.Webhook, error) {
	return one(ctx, r, "read webhook", scanWebhook, webhookColumns+" WHERE fleet = $1 AND id = $2", fleetID, id)
}

// Webhooks returns up to limit webhooks with ids after the given one.
func (r *Records) Webhooks(ctx context.Context, fleetID, after string, limit int) ([]fleet.Webhook, error) {
	if err := bounded(limit); err != nil {
		return nil, err
	}
	return list(ctx, r, "list webhooks", scanWebhook, webhookColumns+" WHERE fleet = $1 AND id > $2"+limited(limit), fleetID, after)
}

// UpdateWebhook sets URL, kinds, secret and whether it is disabled; what waited
// for a retry is tried at once.
func (r *Records) UpdateWebhook(ctx context.Context, w fleet.Webhook) error {
	if err := w.Validate(); err != nil {
		return err
	}
	return r.changeOne(ctx, fleet.System, "update webhook",
		"UPDATE webhooks SET url = $1, kinds = $2, secret = $3, disabled = $4, failures = 0, retry_at = NULL WHERE fleet = $5 AND id = $6",
		w.URL, encode(w.Kinds), w.Secret, w.Disabled, w.Fleet, w.ID)
}

// DeleteWebhook removes one, or returns fleet.ErrNotFound.
func (r *Records) DeleteWebhook(ctx context.Context, fleetID, id string) error {
	return r.changeOne(ctx, fleet.System, "delete webhook", "DELETE FROM webhooks WHERE fleet = $1 AND id = $2", fleetID, id)
}

// ReplayWebhook delivers the events after cursor again.
func (r *Records) ReplayWebhook(ctx context.Context, fleetID, id string, cursor int64) error {
	if cursor < 0 {
		return fleet.Invalid("cursor", "must not be negative")
	}
	return r.changeOne(ctx, fleet.System, "replay webhook",
		"UPDATE webhooks SET cursor = $1, replayed_at = $2, failures = 0, retry_at = NULL, last_error = '' WHERE fleet = $3 AND id = $4", cursor, now(), fleetID, id)
}

// DueWebhooks returns webhooks that have something to deliver now.
func (r *Records) DueWebhooks(ctx context.Context, now time.Time, limit int) ([]fleet.Webhook, error) {
	return list(ctx, r, "list due webhooks", scanWebhook, webhookColumns+` WHERE NOT disabled AND (retry_at IS NULL OR retry_at <= $1)
		AND EXISTS (SELECT 1 FROM events WHERE events.fleet = webhooks.fleet AND events.cursor > webhooks.cursor)
		ORDER BY fleet, id LIMIT $2`, now, limit)
}

// SaveDelivery notes how far a webhook is; see storetest.Feed.
func (r *Records) SaveDelivery(ctx context.Context, w fleet.Webhook, from int64, letter *fleet.DeadLetter) error {
	return r.db.Write(ctx, "save delivery", func(ctx context.Context, tx Tx) error {
		n, err := tx.Exec(ctx, "UPDATE webhooks SET cursor = $1, failures = $2, retry_at = $3, last_error = $4 WHERE fleet = $5 AND id = $6 AND cursor = $7",
			w.Cursor, w.Failures, present(w.RetryAt), w.LastError, w.Fleet, w.ID, from)
		if err != nil || n == 0 || letter == nil {
			return err
		}
		return saveLetter(ctx, tx, *letter)
	})
}
