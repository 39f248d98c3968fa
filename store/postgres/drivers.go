package postgres

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/dray-fleet/dray/fleet"
	"github.com/dray-fleet/dray/store/internal/batch"
	"github.com/dray-fleet/dray/store/internal/column"
)

// EnsureFleet creates a fleet that is not there.
func (s *Store) EnsureFleet(ctx context.Context, id string) (created bool, err error) {
	if !fleet.ValidID(id) {
		return false, fleet.Invalid("fleet", "is not an id")
	}
	err = s.write(ctx, "create fleet", func(ctx context.Context, tx pgx.Tx) error {
		created, err = ensureFleet(ctx, tx, id)
		return err
	})
	return created, err
}

// EnsureDriver creates a driver, and its fleet, that is not there.
func (s *Store) EnsureDriver(ctx context.Context, fleetID, driver string) (created bool, err error) {
	if !fleet.ValidID(fleetID) {
		return false, fleet.Invalid("fleet", "is not an id")
	}
	if !fleet.ValidID(driver) {
		return false, fleet.Invalid("driver", "is not an id")
	}
	known, err := one(ctx, s, "read driver", pgx.RowTo[bool], "SELECT EXISTS (SELECT FROM drivers WHERE fleet = $1 AND driver = $2)", fleetID, driver)
	if err != nil || known {
		return false, err
	}
	err = s.write(ctx, "create driver", func(ctx context.Context, tx pgx.Tx) error {
		if _, err := ensureFleet(ctx, tx, fleetID); err != nil {
			return err
		}
		created, err = ensureDriver(ctx, tx, fleetID, driver)
		return err
	})
	return created, err
}

func ensureFleet(ctx context.Context, tx pgx.Tx, id string) (created bool, err error) {
	tag, err := tx.Exec(ctx, "INSERT INTO fleets (id) VALUES ($1) ON CONFLICT DO NOTHING", id)
	if err != nil || tag.RowsAffected() == 0 {
		return false, err
	}
	return true, insertAudit(ctx, tx, batch.FirstSight("fleet", id, id))
}

func ensureDriver(ctx context.Context, tx pgx.Tx, fleetID, driver string) (created bool, err error) {
	tag, err := tx.Exec(ctx, "INSERT INTO drivers (fleet, driver) VALUES ($1, $2) ON CONFLICT DO NOTHING", fleetID, driver)
	if err != nil || tag.RowsAffected() == 0 {
		return false, err
	}
	return true, insertAudit(ctx, tx, batch.FirstSight("driver", fleetID, driver))
}

// createDrivers returns the numbers of drivers and makes those that are not
// there, in the order of their names so that two writers do not block each other.
func (s *Store) createDrivers(ctx context.Context, names []batch.Driver) (map[batch.Driver]int64, error) {
	slices.SortFunc(names, func(a, b batch.Driver) int {
		return strings.Compare(a.Fleet+"/"+a.ID, b.Fleet+"/"+b.ID)
	})
	var fleets, drivers []string
	for _, d := range names {
		fleets, drivers = append(fleets, d.Fleet), append(drivers, d.ID)
	}
	ids := make(map[batch.Driver]int64, len(names))
	err := s.write(ctx, "create drivers", func(ctx context.Context, tx pgx.Tx) error {
		load := func() error {
			rows, err := tx.Query(ctx, `SELECT d.id, d.fleet, d.driver FROM unnest($1::text[], $2::text[]) AS n (fleet, driver)
				JOIN drivers d ON d.fleet = n.fleet COLLATE "C" AND d.driver = n.driver COLLATE "C"`, fleets, drivers)
			if err != nil {
				return err
			}
			var id int64
			var d batch.Driver
			_, err = pgx.ForEachRow(rows, []any{&id, &d.Fleet, &d.ID}, func() error { ids[d] = id; return nil })
			return err
		}
		if err := load(); err != nil || len(ids) == len(names) {
			return err
		}
		for _, f := range slices.Compact(slices.Clone(fleets)) {
			if _, err := ensureFleet(ctx, tx, f); err != nil {
				return err
			}
		}
		for _, d := range names {
			if _, known := ids[d]; known {
				continue
			}
			if _, err := ensureDriver(ctx, tx, d.Fleet, d.ID); err != nil {
				return err
			}
		}
		return load()
	})
	if err == nil && len(names) >= manyDrivers {
		_, err = s.exec(ctx, "analyze drivers", "ANALYZE drivers")
	}
	return ids, err
}

// manyDrivers is how many new ones make the planner's idea of the table wrong:
// pages of it would be sorted as a whole until autovacuum comes by, a minute later.
const manyDrivers = 1000

// createSources returns the numbers of reporters and makes those that are not there.
func (s *Store) createSources(ctx context.Context, names []batch.Reporter) (map[batch.Reporter]int64, error) {
	slices.SortFunc(names, func(a, b batch.Reporter) int {
		if a.Driver != b.Driver {
			return int(a.Driver - b.Driver)
		}
		return strings.Compare(a.Source+"\x00"+a.Boot, b.Source+"\x00"+b.Boot)
	})
	var drivers []int64
	var sources, boots []string
	for _, r := range names {
		drivers, sources, boots = append(drivers, r.Driver), append(sources, r.Source), append(boots, r.Boot)
	}
	ids := make(map[batch.Reporter]int64, len(names))
	err := s.write(ctx, "create sources", func(ctx context.Context, tx pgx.Tx) error {
		const given = "unnest($1::int4[], $2::text[], $3::text[]) AS n (driver_id, source, boot)"
		_, err := tx.Exec(ctx, `INSERT INTO sources (driver_id, source, boot) SELECT * FROM `+given+`
			WHERE NOT EXISTS (SELECT FROM sources s WHERE s.driver_id = n.driver_id AND s.source = n.source AND s.boot = n.boot)
			ON CONFLICT DO NOTHING`, drivers, sources, boots)
		if err != nil {
			return err
		}
		rows, err := tx.Query(ctx, "SELECT s.id, s.driver_id, s.source, s.boot FROM "+given+" JOIN sources s USING (driver_id, source, boot)", drivers, sources, boots)
		if err != nil {
			return err
		}
		var id int64
		var r batch.Reporter
		_, err = pgx.ForEachRow(rows, []any{&id, &r.Driver, &r.Source, &r.Boot}, func() error { ids[r] = id; return nil })
		return err
	})
	return ids, err
}

// SavePresences keeps the newest presence of each driver, in one transaction; an
// older one changes nothing.
func (s *Store) SavePresences(ctx context.Context, changes []fleet.PresenceChange) error {
	names, err := batch.Present(changes)
	if err != nil {
		return err
	}
	ids, err := s.drivers.Resolve(ctx, names, s.createDrivers)
	if err != nil {
		return err
	}
	order := make([]int, len(changes)) // all writers lock drivers in the order of their numbers
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(ids[a], ids[b]) })
	return s.write(ctx, "save presences", func(ctx context.Context, tx pgx.Tx) error {
		var updates pgx.Batch
		for _, i := range order {
			p := changes[i].Presence
			updates.Queue(`UPDATE drivers SET presence = $1, presence_at = $2, presence_reason = $3, presence_source = $4
				WHERE id = $5 AND (presence_at IS NULL OR presence_at <= $2)`, p.State, p.At, p.Reason, p.Source, ids[i])
		}
		return tx.SendBatch(ctx, &updates).Close()
	})
}

// OnlineDrivers lists whose stored presence is online, with the client it is about.
func (s *Store) OnlineDrivers(ctx context.Context) ([]fleet.Source, error) {
	return collect(ctx, s, "list online drivers", pgx.RowToStructByPos[fleet.Source],
		"SELECT fleet, driver, presence_source FROM drivers WHERE presence = 'online' ORDER BY fleet, driver")
}

// RenameDriver sets the display name.
func (s *Store) RenameDriver(ctx context.Context, fleetID, id, name string) error {
	if !fleet.ValidText(name) {
		return fleet.Invalid("name", "is not plain text")
	}
	return s.changeOne(ctx, "rename driver", "UPDATE drivers SET name = $1 WHERE fleet = $2 AND driver = $3", name, fleetID, id)
}

const driverColumns = `d.fleet, d.driver, d.name, d.duty, d.duty_at, d.presence, d.presence_at, d.presence_reason, d.presence_source,
	d.health, d.health_ext, d.thinned, d.quarantined_at, d.disagreed_at, d.created_at,
	l.fix_at, l.received_at, l.lat, l.lon, l.accuracy, l.altitude, l.speed, l.heading, l.battery, l.source `

const driverTables = "FROM drivers d LEFT JOIN latest l ON l.driver_id = d.id "

// Drivers returns a page of drivers in the order of their ids.
func (s *Store) Drivers(ctx context.Context, q fleet.DriverQuery) ([]fleet.Driver, error) {
	if q.Limit < 1 || q.Limit > 1000 {
		return nil, fleet.Invalid("limit", "must be between 1 and 1000")
	}
	args := []any{q.Fleet, q.After, q.Limit}
	where := " WHERE d.fleet = $1 AND d.driver > $2"
	switch q.Status {
	case "":
	case "online":
		where += " AND d.presence = 'online'"
	case "offline":
		where += " AND d.presence <> 'online'"
	case string(fleet.DutyOn), string(fleet.DutyOff), string(fleet.DutyBreak):
		args = append(args, q.Status)
		where += " AND d.duty = $4"
	default:
		return nil, fleet.Invalid("status", "must be online, offline, on, off or break")
	}
	// The page is cut before the join, and OFFSET 0 looks up its positions one by
	// one: the planner would rather read those of the whole fleet.
	query := "FROM (SELECT * FROM drivers d" + where + ` ORDER BY d.driver LIMIT $3) d
		LEFT JOIN LATERAL (SELECT * FROM latest WHERE driver_id = d.id OFFSET 0) l ON true ORDER BY d.driver`
	if q.Box != nil {
		var in string
		in, args = inBox(*q.Box, args)
		// The table of latest positions comes first: OFFSET 0 keeps the planner
		// from looking up each driver of the fleet instead.
		query = "FROM (SELECT * FROM latest WHERE " + in + " OFFSET 0) l JOIN drivers d ON d.id = l.driver_id" + where + " ORDER BY d.driver LIMIT $3"
	}
	return collect(ctx, s, "list drivers", newDriverScanner().scan, "SELECT "+driverColumns+query, args...)
}

// inBox returns the condition for latest positions in b, and args with its own.
func inBox(b fleet.Box, args []any) (string, []any) {
	west, south, east, north := column.Degree.Int(b.West), column.Degree.Int(b.South), column.Degree.Int(b.East), column.Degree.Int(b.North)
	n := len(args)
	args = append(args, south, north, west, east)
	in := "lat BETWEEN $%[1]d AND $%[2]d AND lon BETWEEN $%[3]d AND $%[4]d"
	if west > east {
		in = "lat BETWEEN $%[1]d AND $%[2]d AND (lon >= $%[3]d OR lon <= $%[4]d)"
	}
	in = fmt.Sprintf(in, n+1, n+2, n+3, n+4)
	if cells := column.Cells(west, south, east, north); cells != nil {
		args = append(args, cells)
		in += fmt.Sprintf(" AND cell = ANY ($%d::int4[])", n+5)
	}
	return in, args
}

// Driver returns one driver, or fleet.ErrNotFound.
func (s *Store) Driver(ctx context.Context, fleetID, id string) (fleet.Driver, error) {
	return one(ctx, s, "read driver", newDriverScanner().scan, "SELECT "+driverColumns+driverTables+"WHERE d.fleet = $1 AND d.driver = $2", fleetID, id)
}

// A driverScanner reads driverColumns, each row into the same variables: a
// pointer for each column that may be null would be an allocation in each row.
type driverScanner struct {
	d                                                     fleet.Driver
	p                                                     fleet.Presence
	dutyAt, presenceAt, quarantinedAt, disagreedAt        pgtype.Timestamptz
	fixAt, received                                       pgtype.Timestamptz
	health, source                                        pgtype.Text
	healthExt                                             []byte
	lat, lon, accuracy, altitude, speed, heading, battery pgtype.Int4
	columns                                               []any // pointers to them
}

func newDriverScanner() *driverScanner {
	s := &driverScanner{}
	s.columns = []any{&s.d.Fleet, &s.d.ID, &s.d.Name, (*string)(&s.d.Duty), &s.dutyAt, &s.p.State, &s.presenceAt, &s.p.Reason, &s.p.Source,
		&s.health, &s.healthExt, &s.d.Thinned, &s.quarantinedAt, &s.disagreedAt, &s.d.CreatedAt,
		&s.fixAt, &s.received, &s.lat, &s.lon, &s.accuracy, &s.altitude, &s.speed, &s.heading, &s.battery, &s.source}
	return s
}

func (s *driverScanner) scan(row pgx.CollectableRow) (fleet.Driver, error) {
	if err := row.Scan(s.columns...); err != nil {
		return fleet.Driver{}, err
	}
	d := s.d
	d.DutyAt, d.CreatedAt = s.dutyAt.Time.UTC(), d.CreatedAt.UTC()
	if s.presenceAt.Valid {
		d.Presence = &fleet.Presence{State: s.p.State, At: s.presenceAt.Time.UTC(), Reason: s.p.Reason, Source: s.p.Source}
	}
	if s.health.Valid {
		d.Health = &fleet.Health{Ext: s.healthExt}
		if err := json.Unmarshal([]byte(s.health.String), d.Health); err != nil {
			return d, fmt.Errorf("health: %w", err)
		}
	}
	d.Flags = batch.Flags(s.quarantinedAt.Time.UTC(), s.disagreedAt.Time.UTC())
	if s.fixAt.Valid {
		d.Position = &fleet.Position{Fleet: d.Fleet, Driver: d.ID, ReceivedAt: s.received.Time.UTC(), Fix: fleet.Fix{
			FixAt: s.fixAt.Time.UTC(), Lat: column.Degree.Float(s.lat.Int32), Lon: column.Degree.Float(s.lon.Int32),
			Accuracy: opt(column.Accuracy, s.accuracy), Altitude: opt(column.Altitude, s.altitude), Speed: opt(column.Speed, s.speed),
			Heading: opt(column.Heading, s.heading), Battery: opt(column.Battery, s.battery), Source: s.source.String,
		}}
	}
	return d, nil
}

func opt(scale column.Scale, v pgtype.Int4) fleet.Opt {
	if !v.Valid {
		return fleet.Opt{}
	}
	return fleet.Some(scale.Float(v.Int32))
}

// utc returns t in UTC, the zero time for nil.
func utc(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return t.UTC()
}
