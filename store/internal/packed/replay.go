package packed

import (
	"cmp"
	"context"
	"math"
	"slices"

	"github.com/dray-fleet/dray/fleet"
)

// A FleetRow is a row and whose it is.
type FleetRow struct {
	Driver int64
	Row
}

// A FleetTables is the history of a whole fleet in a database.
type FleetTables interface {
	// EachPlain calls fn with every plain row of [from, to), in any order.
	EachPlain(ctx context.Context, from, to int64, fn func(FleetRow) error) error
	// EachBlock calls fn with every block of an hour, in any order.
	EachBlock(ctx context.Context, hour int64, fn func(Block) error) error
	// Count returns how many rows the fleet has in [from, from + Hour).
	Count(ctx context.Context, hour int64) (int, error)
	// NewestPlain calls fn with the newest plain row of each driver in [from, to).
	NewestPlain(ctx context.Context, from, to int64, fn func(FleetRow) error) error
	// Drivers returns the names of the fleet's drivers.
	Drivers(ctx context.Context) (map[int64]string, error)
	// Names returns who reported the rows of these sources.
	Names(ctx context.Context, sources []int64) (map[int64]Name, error)
}

// replayRows bounds about how many rows a replay holds at once.
const replayRows = 200_000

// Replay calls fn with every position of a fleet in [from, to), oldest first. An
// hour of more rows than may be held is read several times, a part each.
func Replay(ctx context.Context, t FleetTables, fleetID string, from, to int64, fn func(*fleet.Position) error) error {
	for hour := HourOf(from); hour < to; hour += Hour {
		n, err := t.Count(ctx, hour)
		if err != nil {
			return err
		}
		if n == 0 {
			continue
		}
		span := max(Hour/(int64(n/replayRows)+1), 1)
		for start := hour; start < hour+Hour; start += span {
			rows, err := rowsOf(ctx, t, hour, max(start, from), min(start+span, hour+Hour, to))
			if err != nil {
				return err
			}
			slices.SortFunc(rows, func(a, b FleetRow) int {
				return cmp.Or(cmp.Compare(a.At, b.At), cmp.Compare(a.Driver, b.Driver), a.Key().Compare(b.Key()))
			})
			rows = slices.CompactFunc(rows, func(a, b FleetRow) bool { return a.Driver == b.Driver && a.Key() == b.Key() })
			if err := emitFleet(ctx, t, fleetID, rows, fn); err != nil {
				return err
			}
		}
	}
	return nil
}

// At returns the newest position of every driver of a fleet in (from, at].
func At(ctx context.Context, t FleetTables, fleetID string, from, at int64) ([]fleet.Position, error) {
	newest := map[int64]Row{}
	keep := func(driver int64, r Row) {
		if old, ok := newest[driver]; !ok || r.Key().Compare(old.Key()) > 0 {
			newest[driver] = r
		}
	}
	err := t.NewestPlain(ctx, from+1, at+1, func(r FleetRow) error { keep(r.Driver, r.Row); return nil })
	if err != nil {
		return nil, err
	}
	for hour := HourOf(from + 1); hour <= at; hour += Hour {
		err := t.EachBlock(ctx, hour, func(b Block) error {
			rows, err := Decode(b.Body)
			if err != nil {
				return err
			}
			rows = Between(rows, Key{from + 1, -1, -1}, Key{at, math.MaxInt64, math.MaxInt64})
			if len(rows) > 0 {
				keep(b.Driver, rows[len(rows)-1])
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	rows := make([]FleetRow, 0, len(newest))
	for driver, r := range newest {
		rows = append(rows, FleetRow{driver, r})
	}
	list := make([]fleet.Position, 0, len(rows))
	err = emitFleet(ctx, t, fleetID, rows, func(p *fleet.Position) error { list = append(list, *p); return nil })
	slices.SortFunc(list, func(a, b fleet.Position) int { return cmp.Compare(a.Driver, b.Driver) })
	return list, err
}

func rowsOf(ctx context.Context, t FleetTables, hour, from, to int64) ([]FleetRow, error) {
	if from >= to {
		return nil, nil
	}
	var rows []FleetRow
	err := t.EachPlain(ctx, from, to, func(r FleetRow) error { rows = append(rows, r); return nil })
	if err != nil {
		return nil, err
	}
	err = t.EachBlock(ctx, hour, func(b Block) error {
		list, err := Decode(b.Body)
		if err != nil {
			return err
		}
		for _, r := range Between(list, Key{from, -1, -1}, Key{to - 1, math.MaxInt64, math.MaxInt64}) {
			rows = append(rows, FleetRow{b.Driver, r})
		}
		return nil
	})
	return rows, err
}

// emitFleet calls fn with rows, which it leaves out when their driver is being
// erased.
func emitFleet(ctx context.Context, t FleetTables, fleetID string, rows []FleetRow, fn func(*fleet.Position) error) error {
	if len(rows) == 0 {
		return nil
	}
	drivers, err := t.Drivers(ctx)
	if err != nil {
		return err
	}
	sources := make([]int64, 0, len(drivers))
	for i := range rows {
		sources = append(sources, rows[i].Source)
	}
	slices.Sort(sources)
	names, err := t.Names(ctx, slices.Compact(sources))
	if err != nil {
		return err
	}
	for i := range rows {
		driver, known := drivers[rows[i].Driver]
		by, told := names[rows[i].Source]
		if !known || !told {
			continue
		}
		p := rows[i].Position(by)
		p.Fleet, p.Driver = fleetID, driver
		if err := fn(&p); err != nil {
			return err
		}
	}
	return nil
}
