package records

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/dray-fleet/dray/fleet"
)

const lastEvent = "SELECT coalesce(max(cursor), 0) FROM events"

// tell writes an event that is no change of a row.
func (r *Records) tell(ctx context.Context, tx Tx, e fleet.Event) error {
	_, err := tx.Exec(ctx, "INSERT INTO "+r.d.Outbox+" (kind, actor, fleet, entity, entity_id, data) VALUES ($1, $2, $3, $4, $5, $6)",
		e.Kind, e.Actor, e.Fleet, e.Entity, e.ID, string(e.Data))
	return err
}

func scanEvent(scan func(...any) error) (e fleet.Event, err error) {
	err = scan(&e.Cursor, &e.Kind, moment{&e.At}, &e.Actor, &e.Fleet, &e.Entity, &e.ID, document{&e.Data})
	return e, err
}

// Events returns a page of the feed, oldest first.
func (r *Records) Events(ctx context.Context, q fleet.EventQuery) ([]fleet.Event, error) {
	if err := bounded(q.Limit); err != nil {
		return nil, err
	}
	var c conditions
	c.add("cursor > $%d", q.After)
	if q.Fleet != "" {
		c.add("fleet = $%d", q.Fleet)
	}
	if len(q.Kinds) > 0 {
		var any []string
		for _, k := range q.Kinds {
			c.args = append(c.args, k)
			n := strconv.Itoa(len(c.args))
			any = append(any, "kind = $"+n+" OR entity = $"+n)
		}
		c.where = append(c.where, "("+strings.Join(any, " OR ")+")")
	}
	return list(ctx, r, "read events", scanEvent, "SELECT cursor, kind, at, actor, fleet, entity, entity_id, data FROM events"+
		c.String()+" ORDER BY cursor LIMIT "+strconv.Itoa(q.Limit), c.args...)
}

// LastEvent returns the newest cursor; 0 is none yet.
func (r *Records) LastEvent(ctx context.Context) (int64, error) {
	return one(ctx, r, "read last event", number, lastEvent)
}

// PruneEvents forgets events and commands that are older than before, but no
// event that a reader with a position has not read.
func (r *Records) PruneEvents(ctx context.Context, before time.Time) error {
	return r.db.Write(ctx, "prune events", func(ctx context.Context, tx Tx) error {
		if _, err := tx.Exec(ctx, "DELETE FROM events WHERE at < $1 AND cursor <= (SELECT coalesce(min(cursor), 0) FROM feed_positions)", before); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, "DELETE FROM commands WHERE created_at < $1", before)
		return err
	})
}

// Position returns how far a reader of the feed is; 0 is at the beginning.
func (r *Records) Position(ctx context.Context, reader string) (int64, error) {
	n, err := one(ctx, r, "read position", number, "SELECT cursor FROM feed_positions WHERE reader = $1", reader)
	if errors.Is(err, fleet.ErrNotFound) {
		return 0, nil
	}
	return n, err
}
