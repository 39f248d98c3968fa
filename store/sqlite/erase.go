package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"time"

	"github.com/dray-fleet/dray/fleet"
	"github.com/dray-fleet/dray/store/internal/batch"
)

// ofDriver are the rows that belong to a driver's number, and the statement's
// only argument.
var ofDriver = []string{
	"DELETE FROM latest WHERE driver_id = ?",
	"DELETE FROM sources WHERE driver_id = ?",
	"DELETE FROM trips_until WHERE driver_id = ?",
	`UPDATE drivers SET name = '', duty = '', duty_at = NULL, presence = '', presence_at = NULL, presence_reason = '', presence_source = '',
		health = NULL, health_ext = NULL, health_at = NULL, thinned = 0, quarantined_at = NULL, disagreed_at = NULL WHERE id = ?`,
}

// ofDriverName are those that belong to its fleet and name.
var ofDriverName = []string{
	"DELETE FROM commands WHERE fleet = ? AND driver = ?",
	"DELETE FROM driver_configs WHERE fleet = ? AND driver = ?",
	"DELETE FROM alerts WHERE fleet = ? AND driver = ?",
	"DELETE FROM policies WHERE fleet = ? AND driver = ?",
	// What happened to a shipment stays, but not where the driver was, nor who signed.
	`UPDATE shipment_events SET lat = NULL, lon = NULL, proof = NULL, note = CASE WHEN actor = ?2 THEN '' ELSE note END
		WHERE fleet = ?1 AND (actor = ?2 OR shipment IN (SELECT id FROM shipments WHERE fleet = ?1 AND driver = ?2))`,
	// That an assignment was declined stays, but not why.
	`UPDATE assignments SET receipts = (SELECT json_group_array(json_remove(value, '$.reason')) FROM json_each(receipts))
		WHERE fleet = ? AND driver = ? AND receipts LIKE '%"reason"%'`,
	`UPDATE events SET data = json_set(data, '$.receipts', json((SELECT json_group_array(json_remove(value, '$.reason')) FROM json_each(data, '$.receipts'))))
		WHERE fleet = ? AND entity = 'assignment' AND data ->> 'driver' = ? AND data LIKE '%"reason"%'`,
	"DELETE FROM geofence_watches WHERE fleet = ? AND driver = ?",
	"DELETE FROM events WHERE fleet = ? AND (entity = 'driver' AND entity_id = ?2 OR entity IN ('alert', 'command', 'driver_config', 'geofence') AND data ->> 'driver' = ?2)",
}

// EraseDriver removes what is stored of a driver; see storetest.Store.
func (s *Store) EraseDriver(ctx context.Context, fleetID, driver string, by fleet.AuditEntry) (done fleet.Erasure, err error) {
	id, err := s.driverID(ctx, fleetID, driver)
	if err != nil {
		return done, err
	}
	err = s.write(ctx, "erase driver", func(tx *sql.Tx) error {
		// Marks rise, so that the newest tells whether there are new ones.
		_, err := tx.ExecContext(ctx, `INSERT INTO erased (fleet, driver, at) VALUES (?, ?, max(?, (SELECT coalesce(max(at), 0) + 1 FROM erased)))
			ON CONFLICT DO UPDATE SET at = excluded.at`, fleetID, driver, time.Now().UnixMicro())
		if err != nil {
			return err
		}
		if err := tx.QueryRowContext(ctx, "SELECT coalesce(sum(n), 0) FROM packed WHERE driver_id = ?", id).Scan(&done.Positions); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, "DELETE FROM packed WHERE driver_id = ?", id); err != nil {
			return err
		}
		var plain int64
		for table, n := range map[string]*int64{"positions": &plain, "quarantined": &done.Quarantined, "trips": &done.Trips} {
			if *n, err = affected(tx.ExecContext(ctx, "DELETE FROM "+table+" WHERE driver_id = ?", id)); err != nil {
				return err
			}
		}
		done.Positions += plain
		if done.DeadLetters, err = affected(tx.ExecContext(ctx, "DELETE FROM dead_letters WHERE fleet = ? AND driver = ?", fleetID, driver)); err != nil {
			return err
		}
		if err := tx.QueryRowContext(ctx, "SELECT count(*) FROM proofs WHERE fleet = ? AND driver = ?", fleetID, driver).Scan(&done.Proofs); err != nil {
			return err
		}
		for _, statement := range ofDriver {
			if _, err := tx.ExecContext(ctx, statement, id); err != nil {
				return err
			}
		}
		for _, statement := range ofDriverName {
			if _, err := tx.ExecContext(ctx, statement, fleetID, driver); err != nil {
				return err
			}
		}
		return insertErasure(ctx, tx, fleetID, driver, by, done)
	})
	if err != nil {
		return fleet.Erasure{}, err
	}
	return done, s.learnErasures(ctx)
}

func insertErasure(ctx context.Context, tx *sql.Tx, fleetID, driver string, by fleet.AuditEntry, done fleet.Erasure) (err error) {
	by.Fleet, by.Action, by.Entity, by.EntityID = fleetID, "erase", "driver", driver
	if by.After, err = json.Marshal(done); err != nil {
		return err
	}
	return insertAudit(ctx, tx, by)
}

func affected(res sql.Result, err error) (int64, error) {
	if err != nil {
		return 0, err
	}
	return res.RowsAffected()
}

// learnErasures reads which drivers were erased, and forgets the numbers of
// reporters, which may have gone.
func (s *Store) learnErasures(ctx context.Context) error {
	marks := map[batch.Driver]int64{}
	err := each(ctx, s.reader, "read erasures", func(scan func(...any) error) error {
		var d batch.Driver
		var at int64
		err := scan(&d.Fleet, &d.ID, &at)
		marks[d] = at
		return err
	}, "SELECT fleet, driver, at FROM erased")
	if err != nil {
		return err
	}
	s.erased.Set(marks)
	s.sources.Forget()
	return nil
}

// checkErasures returns batch.ErrErased when there is a newer one than newest.
func checkErasures(ctx context.Context, tx *sql.Tx, newest int64) error {
	var at int64
	if err := tx.QueryRowContext(ctx, "SELECT coalesce(max(at), 0) FROM erased").Scan(&at); err != nil {
		return err
	}
	if at != newest {
		return batch.ErrErased
	}
	return nil
}
