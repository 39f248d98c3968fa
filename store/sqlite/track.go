package sqlite

import (
	"context"
	"fmt"

	"github.com/dray-fleet/dray/fleet"
	"github.com/dray-fleet/dray/store/internal/column"
	"github.com/dray-fleet/dray/store/internal/ledger"
)

// Track calls fn with each position of q, oldest first; see storetest.Store.
func (s *Store) Track(ctx context.Context, q fleet.TrackQuery, fn func(*fleet.Position) error) error {
	table := "positions"
	if q.Quarantined {
		table = "quarantined"
	}
	rows, err := s.reader.QueryContext(ctx, `SELECT p.fix_at, p.sent_at, p.received_at, p.lat, p.lon, p.accuracy, p.altitude, p.speed,
			p.heading, p.battery, p.seq, coalesce(p.cause, ''), p.ext, s.source, s.boot
		FROM drivers d JOIN `+table+` p ON p.driver_id = d.id JOIN sources s ON s.id = p.source_id
		WHERE d.fleet = ? AND d.driver = ? AND p.fix_at >= ? AND p.fix_at < ?
		ORDER BY p.fix_at, p.source_id, p.seq`, q.Fleet, q.Driver, q.From.UnixMicro(), q.To.UnixMicro())
	if err != nil {
		return fmt.Errorf("sqlite: read track: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		p := fleet.Position{Fleet: q.Fleet, Driver: q.Driver, Quarantined: q.Quarantined}
		var fixAt, receivedAt int64
		var sentAt *int64
		var lat, lon int32
		var acc, alt, speed, heading, battery *int32
		err := rows.Scan(&fixAt, &sentAt, &receivedAt, &lat, &lon, &acc, &alt, &speed, &heading, &battery, &p.Seq, &p.Trigger, &p.Ext, &p.Source, &p.Boot)
		if err != nil {
			return fmt.Errorf("sqlite: read track: %w", err)
		}
		p.FixAt, p.SentAt, p.ReceivedAt = column.Time(&fixAt), column.Time(sentAt), column.Time(&receivedAt)
		p.Lat, p.Lon = column.Degree.Float(lat), column.Degree.Float(lon)
		p.Accuracy, p.Altitude = column.Accuracy.Opt(acc), column.Altitude.Opt(alt)
		p.Speed, p.Heading, p.Battery = column.Speed.Opt(speed), column.Heading.Opt(heading), column.Battery.Opt(battery)
		if p.HasSeq = p.Seq >= 0; !p.HasSeq {
			p.Seq = 0
		}
		if err := fn(&p); err != nil {
			return err
		}
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("sqlite: read track: %w", err)
	}
	return nil
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
