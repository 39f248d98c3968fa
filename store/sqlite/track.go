package sqlite

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/dray-fleet/dray/fleet"
	"github.com/dray-fleet/dray/store/internal/ledger"
	"github.com/dray-fleet/dray/store/internal/packed"
)

// Track calls fn with each position of q, oldest first; see storetest.Store.
func (s *Store) Track(ctx context.Context, q fleet.TrackQuery, fn func(*fleet.Position) error) error {
	id, err := s.driverID(ctx, q.Fleet, q.Driver)
	if errors.Is(err, fleet.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	t := tables{s: s, driver: id, quarantined: q.Quarantined}
	return packed.Track(ctx, t, q.From.UnixMicro(), q.To.UnixMicro(), packed.EachPosition(q, fn))
}

// driverID returns the number of a driver, or fleet.ErrNotFound.
func (s *Store) driverID(ctx context.Context, fleetID, driver string) (id int64, err error) {
	err = s.reader.QueryRowContext(ctx, "SELECT id FROM drivers WHERE fleet = ? AND driver = ?", fleetID, driver).Scan(&id)
	return id, readError("read driver", err)
}

// tables are one driver's, for package packed.
type tables struct {
	s           *Store
	driver      int64
	quarantined bool
}

const rowColumns = `fix_at, source_id, seq, sent_at, received_at, stored_at, lat, lon, accuracy, altitude, speed, heading, battery, cause, ext`

// Plain returns plain rows; see packed.Tables.
func (t tables) Plain(ctx context.Context, after packed.Key, to int64, limit int) ([]packed.Row, error) {
	table := "positions"
	if t.quarantined {
		table = "quarantined"
	}
	var value []byte
	err := t.s.reader.QueryRowContext(ctx, "SELECT dray_rows("+rowColumns+") FROM (SELECT "+rowColumns+" FROM "+table+` WHERE driver_id = ? AND fix_at < ?
		AND (fix_at, source_id, seq) > (?, ?, ?) ORDER BY fix_at, source_id, seq LIMIT ?)`, t.driver, to, after.At, after.Source, after.Seq, limit).Scan(&value)
	if err != nil {
		return nil, failed("read track", err)
	}
	rows, err := decodeRows(value)
	if err != nil {
		return nil, failed("read track", err)
	}
	return rows, nil
}

// A rowScanner reads the columns of rowColumns. It takes values as the driver
// gives them, without a conversion of each.
type rowScanner struct {
	values  [15]any
	columns []any // pointers to values
}

func newRowScanner() *rowScanner {
	s := &rowScanner{}
	for i := range s.values {
		s.columns = append(s.columns, &s.values[i])
	}
	return s
}

func (s *rowScanner) scan(scan func(...any) error) (r packed.Row, err error) {
	if err := scan(s.columns[:len(s.values):len(s.values)]...); err != nil {
		return r, err
	}
	for i, column := range []*int64{&r.At, &r.Source, &r.Seq, &r.SentAt, &r.ReceivedAt, &r.StoredAt, &r.Lat, &r.Lon,
		&r.Accuracy, &r.Altitude, &r.Speed, &r.Heading, &r.Battery} {
		var ok bool
		if *column, ok = s.values[i].(int64); !ok {
			*column = packed.None
		}
	}
	r.Cause, _ = s.values[13].(string)
	r.Ext, _ = s.values[14].([]byte)
	return r, nil
}

// Blocks returns packed hours; see packed.Tables.
func (t tables) Blocks(ctx context.Context, from, to int64, limit int) (blocks []packed.Block, err error) {
	if t.quarantined {
		return nil, nil
	}
	err = eachBlock(ctx, t.s.reader, func(b packed.Block) error {
		if blocks = append(blocks, b); len(blocks) == limit {
			return errLimit
		}
		return nil
	}, "SELECT driver_id, hour, part, body FROM packed WHERE driver_id = ? AND hour >= ? AND hour < ? ORDER BY hour, part", t.driver, from, to)
	if errors.Is(err, errLimit) {
		err = nil
	}
	return blocks, err
}

// Names returns who reported; see packed.Tables.
func (t tables) Names(ctx context.Context, sources []int64) (map[int64]packed.Name, error) {
	list, err := json.Marshal(sources)
	if err != nil {
		return nil, fmt.Errorf("sqlite: %w", err)
	}
	names := make(map[int64]packed.Name, len(sources))
	_, err = collect(ctx, t.s.reader, "read sources", func(scan func(...any) error) (struct{}, error) {
		var id int64
		var n packed.Name
		err := scan(&id, &n.Source, &n.Boot)
		names[id] = n
		return struct{}{}, err
	}, "SELECT id, source, boot FROM sources WHERE id IN (SELECT value FROM json_each(?))", string(list))
	return names, err
}

// Gaps returns what never arrived of q's driver between From and To, by the
// numbers of its fixes, oldest first for each source.
func (s *Store) Gaps(ctx context.Context, q fleet.TrackQuery) ([]fleet.Gap, error) {
	type reporter struct {
		source, boot string
		*ledger.Ledger
	}
	list, err := collect(ctx, s.reader, "read gaps", func(scan func(...any) error) (r reporter, err error) {
		r.Ledger, err = scanLedger(scan, &r.source, &r.boot)
		return r, err
	}, `SELECT s.source, s.boot, s.first_seq, s.first_at, s.last_seq, s.last_at, s.forgot, s.missing
		FROM drivers d JOIN sources s ON s.driver_id = d.id
		WHERE d.fleet = ? AND d.driver = ? AND s.missing IS NOT NULL ORDER BY s.source, s.first_at`, q.Fleet, q.Driver)
	if err != nil {
		return nil, err
	}
	var gaps []fleet.Gap
	for _, r := range list {
		gaps = append(gaps, r.Gaps(r.source, r.boot, q.From, q.To)...)
	}
	return gaps, nil
}
