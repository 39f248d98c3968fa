package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/dray-fleet/dray/fleet"
	"github.com/dray-fleet/dray/store/internal/batch"
	"github.com/dray-fleet/dray/store/internal/column"
)

// EnsureFleet creates a fleet that is not there.
func (s *Store) EnsureFleet(ctx context.Context, id string) (created bool, err error) {
	if !fleet.ValidID(id) {
		return false, fleet.Invalid("fleet", "is not an id")
	}
	err = s.write(ctx, "create fleet", func(tx *sql.Tx) error {
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
	var known bool
	err = s.reader.QueryRowContext(ctx, "SELECT EXISTS (SELECT 1 FROM drivers WHERE fleet = ? AND driver = ?)", fleetID, driver).Scan(&known)
	if err != nil || known {
		return false, err
	}
	err = s.write(ctx, "create driver", func(tx *sql.Tx) error {
		_, created, err = ensureDriver(ctx, tx, fleetID, driver)
		return err
	})
	return created, err
}

func ensureFleet(ctx context.Context, tx *sql.Tx, id string) (created bool, err error) {
	res, err := tx.ExecContext(ctx, "INSERT INTO fleets (id, created_at) VALUES (?, ?) ON CONFLICT DO NOTHING", id, time.Now().UnixMicro())
	if err != nil {
		return false, err
	}
	if n, err := res.RowsAffected(); err != nil || n == 0 {
		return false, err
	}
	return true, insertAudit(ctx, tx, batch.FirstSight("fleet", id, id))
}

func ensureDriver(ctx context.Context, tx *sql.Tx, fleetID, driver string) (id int64, created bool, err error) {
	if _, err := ensureFleet(ctx, tx, fleetID); err != nil {
		return 0, false, err
	}
	res, err := tx.ExecContext(ctx, "INSERT INTO drivers (fleet, driver, created_at) VALUES (?, ?, ?) ON CONFLICT DO NOTHING", fleetID, driver, time.Now().UnixMicro())
	if err != nil {
		return 0, false, err
	}
	n, err := res.RowsAffected()
	if err != nil {
		return 0, false, err
	}
	if n > 0 {
		if err := insertAudit(ctx, tx, batch.FirstSight("driver", fleetID, driver)); err != nil {
			return 0, false, err
		}
	}
	err = tx.QueryRowContext(ctx, "SELECT id FROM drivers WHERE fleet = ? AND driver = ?", fleetID, driver).Scan(&id)
	return id, n > 0, err
}

func (s *Store) createDrivers(ctx context.Context, names []batch.Driver) (map[batch.Driver]int64, error) {
	ids := make(map[batch.Driver]int64, len(names))
	err := s.write(ctx, "create drivers", func(tx *sql.Tx) error {
		for _, d := range names {
			id, _, err := ensureDriver(ctx, tx, d.Fleet, d.ID)
			if err != nil {
				return err
			}
			ids[d] = id
		}
		return nil
	})
	return ids, err
}

func (s *Store) createSources(ctx context.Context, names []batch.Reporter) (map[batch.Reporter]int64, error) {
	ids := make(map[batch.Reporter]int64, len(names))
	err := s.write(ctx, "create sources", func(tx *sql.Tx) error {
		for _, r := range names {
			_, err := tx.ExecContext(ctx, "INSERT INTO sources (driver_id, source, boot) VALUES (?, ?, ?) ON CONFLICT DO NOTHING", r.Driver, r.Source, r.Boot)
			if err != nil {
				return err
			}
			var id int64
			err = tx.QueryRowContext(ctx, "SELECT id FROM sources WHERE driver_id = ? AND source = ? AND boot = ?", r.Driver, r.Source, r.Boot).Scan(&id)
			if err != nil {
				return err
			}
			ids[r] = id
		}
		return nil
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
	return s.write(ctx, "save presences", func(tx *sql.Tx) error {
		stmt, err := tx.PrepareContext(ctx, `UPDATE drivers SET presence = ?, presence_at = ?2, presence_reason = ?, presence_source = ?
			WHERE id = ? AND (presence_at IS NULL OR presence_at <= ?2)`)
		if err != nil {
			return err
		}
		defer stmt.Close()
		for i, c := range changes {
			p := c.Presence
			if _, err := stmt.ExecContext(ctx, p.State, p.At.UnixMicro(), p.Reason, p.Source, ids[i]); err != nil {
				return err
			}
		}
		return nil
	})
}

// OnlineDrivers lists whose stored presence is online, with the client it is about.
func (s *Store) OnlineDrivers(ctx context.Context) ([]fleet.Source, error) {
	return collect(ctx, s.reader, "list online drivers", func(scan func(...any) error) (d fleet.Source, err error) {
		return d, scan(&d.Fleet, &d.Driver, &d.Source)
	}, "SELECT fleet, driver, presence_source FROM drivers WHERE presence = 'online' ORDER BY fleet, driver")
}

// RenameDriver sets the display name.
func (s *Store) RenameDriver(ctx context.Context, fleetID, id, name string) error {
	if !fleet.ValidText(name) {
		return fleet.Invalid("name", "is not plain text")
	}
	return s.changeOne(ctx, "rename driver", "UPDATE drivers SET name = ? WHERE fleet = ? AND driver = ?", name, fleetID, id)
}

// driverColumns joins what there is of a driver to one text, and its health's
// unknown keys beside it: twenty-five columns a row cost three times as much to
// fetch as one. No text holds the NUL between them (fleet.ValidText).
const driverColumns = `concat_ws(char(0), d.fleet, d.driver, d.name, d.duty, d.presence, d.presence_reason, d.presence_source,
	coalesce(d.health, ''), coalesce(l.source, ''), coalesce(d.duty_at, ''), coalesce(d.presence_at, ''), d.thinned,
	coalesce(d.quarantined_at, ''), coalesce(d.disagreed_at, ''), d.created_at,
	coalesce(l.fix_at, ''), coalesce(l.received_at, ''), coalesce(l.lat, ''), coalesce(l.lon, ''), coalesce(l.accuracy, ''),
	coalesce(l.altitude, ''), coalesce(l.speed, ''), coalesce(l.heading, ''), coalesce(l.battery, '')), d.health_ext `

const driverTables = "FROM drivers d LEFT JOIN latest l ON l.driver_id = d.id "

// Drivers returns a page of drivers in the order of their ids.
func (s *Store) Drivers(ctx context.Context, q fleet.DriverQuery) ([]fleet.Driver, error) {
	if q.Limit < 1 || q.Limit > 1000 {
		return nil, fleet.Invalid("limit", "must be between 1 and 1000")
	}
	args := []any{q.Fleet, q.After}
	from, where := driverTables, "WHERE d.fleet = ? AND d.driver > ?"
	switch q.Status {
	case "":
	case "online":
		where += " AND d.presence = 'online'"
	case "offline":
		where += " AND d.presence <> 'online'"
	case string(fleet.DutyOn), string(fleet.DutyOff), string(fleet.DutyBreak):
		where += " AND d.duty = ?"
		args = append(args, q.Status)
	default:
		return nil, fleet.Invalid("status", "must be online, offline, on, off or break")
	}
	if b := q.Box; b != nil {
		west, east := column.Degree.Int(b.West), column.Degree.Int(b.East)
		// CROSS JOIN keeps the order: the latest positions in the area first,
		// instead of looking up each driver of the fleet.
		from = "FROM latest l CROSS JOIN drivers d ON d.id = l.driver_id "
		where += " AND l.lat BETWEEN ? AND ? AND "
		south, north := column.Degree.Int(b.South), column.Degree.Int(b.North)
		args = append(args, south, north, west, east)
		if west <= east {
			where += "l.lon BETWEEN ? AND ?"
		} else {
			where += "(l.lon >= ? OR l.lon <= ?)"
		}
		if cells := column.Cells(west, south, east, north); cells != nil {
			list, err := json.Marshal(cells)
			if err != nil {
				return nil, fmt.Errorf("sqlite: %w", err)
			}
			where += " AND l.cell IN (SELECT value FROM json_each(?))"
			args = append(args, string(list))
		}
	}
	return collect(ctx, s.reader, "list drivers", scanDriver, "SELECT "+driverColumns+from+where+" ORDER BY d.driver LIMIT ?", append(args, q.Limit)...)
}

// Driver returns one driver, or fleet.ErrNotFound.
func (s *Store) Driver(ctx context.Context, fleetID, id string) (fleet.Driver, error) {
	row := s.reader.QueryRowContext(ctx, "SELECT "+driverColumns+driverTables+"WHERE d.fleet = ? AND d.driver = ?", fleetID, id)
	d, err := scanDriver(row.Scan)
	return d, readError("read driver", err)
}

// scanDriver reads driverColumns.
func scanDriver(scan func(...any) error) (fleet.Driver, error) {
	var text string
	var ext []byte
	if err := scan(&text, &ext); err != nil {
		return fleet.Driver{}, err
	}
	c := cells{text: text}
	d := fleet.Driver{Fleet: c.next(), ID: c.next(), Name: c.next(), Duty: fleet.Duty(c.next())}
	p := fleet.Presence{State: c.next(), Reason: c.next(), Source: c.next()}
	health, source := c.next(), c.next()
	d.DutyAt, p.At, d.Thinned = c.time(), c.time(), c.int()
	d.Flags, d.CreatedAt = batch.Flags(c.time(), c.time()), c.time()
	f := fleet.Position{Fleet: d.Fleet, Driver: d.ID, Fix: fleet.Fix{Source: source}}
	f.FixAt, f.ReceivedAt = c.time(), c.time()
	f.Lat, f.Lon = column.Degree.Float(int32(c.int())), column.Degree.Float(int32(c.int()))
	f.Accuracy, f.Altitude, f.Speed = c.opt(column.Accuracy), c.opt(column.Altitude), c.opt(column.Speed)
	f.Heading, f.Battery = c.opt(column.Heading), c.opt(column.Battery)
	if c.err != nil {
		return d, c.err
	}
	if !p.At.IsZero() {
		d.Presence = &p
	}
	if !f.FixAt.IsZero() {
		d.Position = &f
	}
	if health != "" {
		d.Health = &fleet.Health{Ext: ext}
		if err := json.Unmarshal([]byte(health), d.Health); err != nil {
			return d, fmt.Errorf("health: %w", err)
		}
	}
	return d, nil
}

// collect runs a query and scans each row.
func collect[T any](ctx context.Context, db *sql.DB, what string, scan func(func(...any) error) (T, error), query string, args ...any) ([]T, error) {
	rows, err := db.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, failed(what, err)
	}
	defer rows.Close()
	var list []T
	for rows.Next() {
		v, err := scan(rows.Scan)
		if err != nil {
			return nil, failed(what, err)
		}
		list = append(list, v)
	}
	if err := rows.Err(); err != nil {
		return nil, failed(what, err)
	}
	return list, nil
}

// readError turns no row into fleet.ErrNotFound.
func readError(what string, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, sql.ErrNoRows):
		return fleet.ErrNotFound
	}
	return failed(what, err)
}

// changeOne runs a statement that must find a row, or returns fleet.ErrNotFound.
func (s *Store) changeOne(ctx context.Context, what, query string, args ...any) error {
	res, err := s.exec(ctx, what, query, args...)
	if err != nil {
		return err
	}
	n, err := res.RowsAffected()
	if err != nil {
		return failed(what, err)
	}
	if n == 0 {
		return fleet.ErrNotFound
	}
	return nil
}
