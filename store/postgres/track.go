package postgres

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

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
func (s *Store) driverID(ctx context.Context, fleetID, driver string) (int64, error) {
	return one(ctx, s, "read driver", pgx.RowTo[int64], "SELECT id FROM drivers WHERE fleet = $1 AND driver = $2", fleetID, driver)
}

// tables are one driver's, for package packed.
type tables struct {
	s           *Store
	driver      int64
	quarantined bool
}

const rowColumns = "fix_at, source_id, seq, sent_at, received_at, stored_at, lat, lon, accuracy, altitude, speed, heading, battery, cause, ext"

// Plain returns plain rows, of days that are being packed too; see packed.Tables.
func (t tables) Plain(ctx context.Context, after packed.Key, to int64, limit int) ([]packed.Row, error) {
	const where = " WHERE driver_id = $1 AND fix_at >= $2 AND fix_at < $3 AND (fix_at, source_id, seq) > ($2, $4, $5) ORDER BY fix_at, source_id, seq LIMIT $6"
	args := []any{t.driver, time.UnixMicro(after.At), time.UnixMicro(to), after.Source, after.Seq, limit}
	if t.quarantined {
		return collect(ctx, t.s, "read track", newRowScanner().scan, "SELECT "+rowColumns+" FROM quarantined"+where, args...)
	}
	open, err := collect(ctx, t.s, "read track", newRowScanner().scan, "SELECT "+rowColumns+" FROM positions"+where, args...)
	if err != nil {
		return nil, err
	}
	closing, err := collect(ctx, t.s, "read track", newRowScanner().scan, "SELECT "+rowColumns+" FROM closing"+where, args...)
	rows := packed.Merge(open, closing)
	return rows[:min(len(rows), limit)], err
}

// A rowScanner reads the columns of rowColumns, each row into the same variables.
type rowScanner struct {
	row                                packed.Row
	at, received, stored               time.Time
	sent                               pgtype.Timestamptz
	lat, lon                           int32
	accuracy, altitude, speed, heading pgtype.Int4
	battery                            pgtype.Int2
	cause                              pgtype.Text
	columns                            []any // pointers to them
}

// newRowScanner returns one that reads columns into after as well.
func newRowScanner(after ...any) *rowScanner {
	s := &rowScanner{}
	s.columns = append([]any{&s.at, &s.row.Source, &s.row.Seq, &s.sent, &s.received, &s.stored, &s.lat, &s.lon,
		&s.accuracy, &s.altitude, &s.speed, &s.heading, &s.battery, &s.cause, &s.row.Ext}, after...)
	return s
}

func (s *rowScanner) scan(row pgx.CollectableRow) (packed.Row, error) {
	err := row.Scan(s.columns...)
	r := s.row
	r.At, r.ReceivedAt, r.StoredAt, r.SentAt = s.at.UnixMicro(), s.received.UnixMicro(), s.stored.UnixMicro(), packed.None
	if s.sent.Valid {
		r.SentAt = s.sent.Time.UnixMicro()
	}
	r.Lat, r.Lon, r.Cause = int64(s.lat), int64(s.lon), s.cause.String
	r.Accuracy, r.Altitude, r.Speed, r.Heading = orNone(s.accuracy), orNone(s.altitude), orNone(s.speed), orNone(s.heading)
	r.Battery = orNone(pgtype.Int4{Int32: int32(s.battery.Int16), Valid: s.battery.Valid})
	return r, err
}

func orNone(v pgtype.Int4) int64 {
	if !v.Valid {
		return packed.None
	}
	return int64(v.Int32)
}

// Blocks returns packed hours; see packed.Tables.
func (t tables) Blocks(ctx context.Context, from, to int64, limit int) ([]packed.Block, error) {
	if t.quarantined {
		return nil, nil
	}
	return collect(ctx, t.s, "read packed track", scanBlock,
		"SELECT driver_id, hour, body FROM packed WHERE driver_id = $1 AND hour >= $2 AND hour < $3 ORDER BY hour LIMIT $4", t.driver, from, to, limit)
}

func scanBlock(row pgx.CollectableRow) (b packed.Block, err error) {
	return b, row.Scan(&b.Driver, &b.Hour, &b.Body)
}

// Names returns who reported; see packed.Tables.
func (t tables) Names(ctx context.Context, sources []int64) (map[int64]packed.Name, error) {
	names := make(map[int64]packed.Name, len(sources))
	_, err := collect(ctx, t.s, "read sources", func(row pgx.CollectableRow) (struct{}, error) {
		var id int64
		var n packed.Name
		err := row.Scan(&id, &n.Source, &n.Boot)
		names[id] = n
		return struct{}{}, err
	}, "SELECT id, source, boot FROM sources WHERE id = ANY ($1::int4[])", sources)
	return names, err
}

// Gaps returns what never arrived of q's driver between From and To, by the
// numbers of its fixes, oldest first for each source.
func (s *Store) Gaps(ctx context.Context, q fleet.TrackQuery) ([]fleet.Gap, error) {
	type reporter struct {
		source, boot string
		*ledger.Ledger
	}
	list, err := collect(ctx, s, "read gaps", func(row pgx.CollectableRow) (r reporter, err error) {
		r.Ledger, _, err = scanLedger(row, &r.source, &r.boot)
		return r, err
	}, `SELECT source, boot, `+ledgerNames+` FROM sources
		WHERE driver_id = (SELECT id FROM drivers WHERE fleet = $1 AND driver = $2) AND missing IS NOT NULL
		ORDER BY source, first_at`, q.Fleet, q.Driver)
	if err != nil {
		return nil, err
	}
	var gaps []fleet.Gap
	for _, r := range list {
		gaps = append(gaps, r.Gaps(r.source, r.boot, q.From, q.To)...)
	}
	return gaps, nil
}
