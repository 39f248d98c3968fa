package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/dray-fleet/dray/fleet"
	"github.com/dray-fleet/dray/store/internal/batch"
	"github.com/dray-fleet/dray/store/internal/column"
)

// LastKept returns the newest positions in history of the drivers that were heard
// last; see storetest.Store.
func (s *Store) LastKept(ctx context.Context) ([]fleet.Position, error) {
	return collect(ctx, s, "read last kept", scanKept, `SELECT d.fleet, d.driver, s.source, p.fix_at, p.speed, p.heading
		FROM (SELECT driver_id, fix_at FROM latest WHERE received_at > (SELECT max(received_at) FROM latest) - $1::interval
			ORDER BY received_at DESC LIMIT $2) l
		CROSS JOIN LATERAL (SELECT source_id, fix_at, speed, heading FROM positions
			WHERE driver_id = l.driver_id AND fix_at <= l.fix_at AND fix_at > l.fix_at - $3::interval ORDER BY fix_at DESC LIMIT $4) p
		JOIN drivers d ON d.id = l.driver_id JOIN sources s ON s.id = p.source_id`,
		batch.KeptHeard, batch.KeptDrivers, batch.KeptBehind, batch.KeptEach)
}

func scanKept(row pgx.CollectableRow) (p fleet.Position, err error) {
	var at time.Time
	var speed, heading pgtype.Int4
	err = row.Scan(&p.Fleet, &p.Driver, &p.Source, &at, &speed, &heading)
	p.FixAt, p.Speed, p.Heading = at.UTC(), opt(column.Speed, speed), opt(column.Heading, heading)
	return p, err
}
