package postgres

import (
	"context"
	"encoding/json"

	"github.com/jackc/pgx/v5"

	"github.com/dray-fleet/dray/fleet"
	"github.com/dray-fleet/dray/store/internal/batch"
)

// lockErasing is the first number of the advisory lock that savers and the
// packer share and an erasure has alone; the second is the schema's. So nothing
// that began before an erasure ends after it.
const lockErasing = lockClass + 2

func lockErasure(ctx context.Context, tx pgx.Tx, how string) error {
	_, err := tx.Exec(ctx, "SELECT "+how+"($1, hashtext(current_schema()))", lockErasing)
	return err
}

// ofDriver are the rows that belong to a driver's number, and the statement's
// only argument.
var ofDriver = []string{
	"DELETE FROM latest WHERE driver_id = $1",
	"DELETE FROM sources WHERE driver_id = $1",
	"DELETE FROM trips_until WHERE driver_id = $1",
	`UPDATE drivers SET name = '', duty = '', duty_at = NULL, presence = '', presence_at = NULL, presence_reason = '', presence_source = '',
		health = NULL, health_ext = NULL, health_at = NULL, thinned = 0, quarantined_at = NULL, disagreed_at = NULL WHERE id = $1`,
}

// ofDriverName are those that belong to its fleet and name.
var ofDriverName = []string{
	"DELETE FROM commands WHERE fleet = $1 AND driver = $2",
	"DELETE FROM driver_configs WHERE fleet = $1 AND driver = $2",
	"DELETE FROM alerts WHERE fleet = $1 AND driver = $2",
	"DELETE FROM policies WHERE fleet = $1 AND driver = $2",
	// What happened to a shipment stays, but not where the driver was, nor who signed.
	`UPDATE shipment_events SET lat = NULL, lon = NULL, proof = NULL, note = CASE WHEN actor = $2 THEN '' ELSE note END
		WHERE fleet = $1 AND (actor = $2 OR shipment IN (SELECT id FROM shipments WHERE fleet = $1 AND driver = $2))`,
	// That an assignment was declined stays, but not why.
	`UPDATE assignments SET receipts = (SELECT jsonb_agg(r - 'reason' ORDER BY n) FROM jsonb_array_elements(receipts) WITH ORDINALITY AS t (r, n))
		WHERE fleet = $1 AND driver = $2 AND jsonb_path_exists(receipts, '$[*].reason')`,
	"UPDATE events" + withoutReasons,
	"UPDATE outbox" + withoutReasons,
	"DELETE FROM geofence_watches WHERE fleet = $1 AND driver = $2",
	"DELETE FROM events WHERE fleet = $1 AND (entity = 'driver' AND entity_id = $2 OR entity IN ('alert', 'command', 'driver_config', 'geofence') AND data ->> 'driver' = $2)",
}

const withoutReasons = ` SET data = jsonb_set(data, '{receipts}',
	(SELECT jsonb_agg(r - 'reason' ORDER BY n) FROM jsonb_array_elements(data -> 'receipts') WITH ORDINALITY AS t (r, n)))
	WHERE fleet = $1 AND entity = 'assignment' AND data ->> 'driver' = $2 AND jsonb_path_exists(data, '$.receipts[*].reason')`

// EraseDriver removes what is stored of a driver; see storetest.Store.
func (s *Store) EraseDriver(ctx context.Context, fleetID, driver string, by fleet.AuditEntry) (done fleet.Erasure, err error) {
	id, err := s.driverID(ctx, fleetID, driver)
	if err != nil {
		return done, err
	}
	err = s.write(ctx, "erase driver", func(ctx context.Context, tx pgx.Tx) error {
		if err := lockErasure(ctx, tx, "pg_advisory_xact_lock"); err != nil {
			return err
		}
		// Marks rise, so that the newest tells whether there are new ones.
		_, err := tx.Exec(ctx, `INSERT INTO erased (fleet, driver, at)
			SELECT $1, $2, greatest(clock_timestamp(), max(at) + interval '1 microsecond') FROM erased ON CONFLICT (fleet, driver) DO UPDATE SET at = excluded.at`, fleetID, driver)
		if err != nil {
			return err
		}
		if err := tx.QueryRow(ctx, "SELECT coalesce(sum(n), 0) FROM packed WHERE driver_id = $1", id).Scan(&done.Positions); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, "DELETE FROM packed WHERE driver_id = $1", id); err != nil {
			return err
		}
		var open, closing int64
		for _, d := range []struct {
			table string
			n     *int64
		}{{"positions", &open}, {"closing", &closing}, {"quarantined", &done.Quarantined}, {"trips", &done.Trips}} {
			tag, err := tx.Exec(ctx, "DELETE FROM "+d.table+" WHERE driver_id = $1", id)
			if err != nil {
				return err
			}
			*d.n = tag.RowsAffected()
		}
		done.Positions += open + closing
		tag, err := tx.Exec(ctx, "DELETE FROM dead_letters WHERE fleet = $1 AND driver = $2", fleetID, driver)
		if err != nil {
			return err
		}
		done.DeadLetters = tag.RowsAffected()
		if err := tx.QueryRow(ctx, "SELECT count(*) FROM proofs WHERE fleet = $1 AND driver = $2", fleetID, driver).Scan(&done.Proofs); err != nil {
			return err
		}
		for _, statement := range ofDriver {
			if _, err := tx.Exec(ctx, statement, id); err != nil {
				return err
			}
		}
		for _, statement := range ofDriverName {
			if _, err := tx.Exec(ctx, statement, fleetID, driver); err != nil {
				return err
			}
		}
		by.Fleet, by.Action, by.Entity, by.EntityID = fleetID, "erase", "driver", driver
		if by.After, err = json.Marshal(done); err != nil {
			return err
		}
		return insertAudit(ctx, tx, by)
	})
	if err != nil {
		return fleet.Erasure{}, err
	}
	return done, s.learnErasures(ctx)
}

// learnErasures reads which drivers were erased, and forgets the numbers of
// reporters, which may have gone.
func (s *Store) learnErasures(ctx context.Context) error {
	marks := map[batch.Driver]int64{}
	err := s.each(ctx, "read erasures", func(row pgx.CollectableRow) error {
		var d batch.Driver
		var at int64
		err := row.Scan(&d.Fleet, &d.ID, &at)
		marks[d] = at
		return err
	}, "SELECT fleet, driver, (extract(epoch FROM at) * 1000000)::int8 FROM erased")
	if err != nil {
		return err
	}
	s.erased.Set(marks)
	s.sources.Forget()
	return nil
}

// checkErasures returns batch.ErrErased when there is a newer one than newest,
// and keeps others from beginning before tx has ended.
func checkErasures(ctx context.Context, tx pgx.Tx, newest int64) error {
	var at int64
	var b pgx.Batch
	b.Queue("SELECT pg_advisory_xact_lock_shared($1, hashtext(current_schema()))", lockErasing)
	b.Queue("SELECT coalesce((extract(epoch FROM max(at)) * 1000000)::int8, 0) FROM erased").QueryRow(func(row pgx.Row) error { return row.Scan(&at) })
	if err := tx.SendBatch(ctx, &b).Close(); err != nil {
		return err
	}
	if at != newest {
		return batch.ErrErased
	}
	return nil
}
