package sqlite

import (
	"context"
	"database/sql"
	"time"

	"github.com/dray-fleet/dray/fleet"
	"github.com/dray-fleet/dray/store/internal/batch"
	"github.com/dray-fleet/dray/store/internal/column"
)

// LastKept returns the newest positions in history of the drivers that were heard
// last; see storetest.Store.
func (s *Store) LastKept(ctx context.Context) ([]fleet.Position, error) {
	// CROSS JOIN keeps the order: from a driver to its newest positions.
	return collect(ctx, s.reader, "read last kept", scanKept, `SELECT d.fleet, d.driver, s.source, p.fix_at, p.speed, p.heading
		FROM (SELECT driver_id, fix_at FROM latest WHERE received_at > (SELECT max(received_at) FROM latest) - ?1
			ORDER BY received_at DESC LIMIT ?2) l
		CROSS JOIN positions p ON p.driver_id = l.driver_id AND p.fix_at <= l.fix_at AND p.fix_at >= (SELECT min(fix_at) FROM
			(SELECT fix_at FROM positions WHERE driver_id = l.driver_id AND fix_at <= l.fix_at AND fix_at > l.fix_at - ?3 ORDER BY fix_at DESC LIMIT ?4))
		CROSS JOIN drivers d ON d.id = l.driver_id CROSS JOIN sources s ON s.id = p.source_id`,
		batch.KeptHeard.Microseconds(), batch.KeptDrivers, batch.KeptBehind.Microseconds(), batch.KeptEach)
}

func scanKept(scan func(...any) error) (p fleet.Position, err error) {
	var at int64
	var speed, heading sql.NullInt32
	err = scan(&p.Fleet, &p.Driver, &p.Source, &at, &speed, &heading)
	p.FixAt = time.UnixMicro(at).UTC()
	if speed.Valid {
		p.Speed = fleet.Some(column.Speed.Float(speed.Int32))
	}
	if heading.Valid {
		p.Heading = fleet.Some(column.Heading.Float(heading.Int32))
	}
	return p, err
}
