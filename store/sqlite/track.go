package sqlite

import (
	"context"

	"github.com/dray-fleet/dray/fleet"
	"github.com/dray-fleet/dray/store/internal/column"
	"github.com/dray-fleet/dray/store/internal/ledger"
)

// trackPage is how many positions are read at once. A track is read in pages,
// because a slow reader of it would otherwise keep the WAL from being emptied.
const trackPage = 2000

// Track calls fn with each position of q, oldest first; see storetest.Store.
func (s *Store) Track(ctx context.Context, q fleet.TrackQuery, fn func(*fleet.Position) error) error {
	table := "positions"
	if q.Quarantined {
		table = "quarantined"
	}
	query := `SELECT p.fix_at, p.sent_at, p.received_at, p.lat, p.lon, p.accuracy, p.altitude, p.speed, p.heading, p.battery,
			p.seq, coalesce(p.cause, ''), p.ext, p.source_id, s.source, s.boot
		FROM ` + table + ` p JOIN sources s ON s.id = p.source_id
		WHERE p.driver_id = (SELECT id FROM drivers WHERE fleet = ?1 AND driver = ?2)
			AND p.fix_at < ?4 AND (p.fix_at, p.source_id, p.seq) > (?3, ?5, ?6)
		ORDER BY p.fix_at, p.source_id, p.seq LIMIT ?7`
	lastSource, lastSeq := int64(-1), int64(-1)
	scan := func(scan func(...any) error) (p fleet.Position, err error) {
		p, lastSource, err = scanPosition(scan)
		return p, err
	}
	for from := q.From; ; {
		page, err := collect(ctx, s.reader, "read track", scan, query, q.Fleet, q.Driver, from.UnixMicro(), q.To.UnixMicro(), lastSource, lastSeq, trackPage)
		if err != nil {
			return err
		}
		for i := range page {
			p := &page[i]
			from, lastSeq = p.FixAt, p.Seq
			p.Fleet, p.Driver, p.Quarantined = q.Fleet, q.Driver, q.Quarantined
			if p.HasSeq = p.Seq >= 0; !p.HasSeq {
				p.Seq = 0
			}
			if err := fn(p); err != nil {
				return err
			}
		}
		if len(page) < trackPage {
			return nil
		}
	}
}

func scanPosition(scan func(...any) error) (p fleet.Position, source int64, err error) {
	var fixAt, receivedAt int64
	var sentAt *int64
	var lat, lon int32
	var acc, alt, speed, heading, battery *int32
	err = scan(&fixAt, &sentAt, &receivedAt, &lat, &lon, &acc, &alt, &speed, &heading, &battery,
		&p.Seq, &p.Trigger, &p.Ext, &source, &p.Source, &p.Boot)
	p.FixAt, p.SentAt, p.ReceivedAt = column.Time(&fixAt), column.Time(sentAt), column.Time(&receivedAt)
	p.Lat, p.Lon = column.Degree.Float(lat), column.Degree.Float(lon)
	p.Accuracy, p.Altitude = column.Accuracy.Opt(acc), column.Altitude.Opt(alt)
	p.Speed, p.Heading, p.Battery = column.Speed.Opt(speed), column.Heading.Opt(heading), column.Battery.Opt(battery)
	return p, source, err
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
