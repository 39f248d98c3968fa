package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/dray-fleet/dray/fleet"
	"github.com/dray-fleet/dray/store/internal/column"
	"github.com/dray-fleet/dray/store/internal/ledger"
)

// trackPage is how many positions are read at once. A track is read in pages,
// so that a slow reader of it holds no transaction open.
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
		WHERE p.driver_id = (SELECT id FROM drivers WHERE fleet = $1 AND driver = $2)
			AND p.fix_at >= $3 AND p.fix_at < $4 AND (p.fix_at, p.source_id, p.seq) > ($3, $5, $6)
		ORDER BY p.fix_at, p.source_id, p.seq LIMIT $7`
	var lastSource int32 = -1
	var lastSeq int64 = -1
	scan := func(row pgx.CollectableRow) (p fleet.Position, err error) {
		p, lastSource, err = scanPosition(row)
		return p, err
	}
	for from := q.From; ; {
		page, err := collect(ctx, s, "read track", scan, query, q.Fleet, q.Driver, from, q.To, lastSource, lastSeq, trackPage)
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

func scanPosition(row pgx.CollectableRow) (p fleet.Position, source int32, err error) {
	var sentAt *time.Time
	var lat, lon int32
	var acc, alt, speed, heading, battery *int32
	err = row.Scan(&p.FixAt, &sentAt, &p.ReceivedAt, &lat, &lon, &acc, &alt, &speed, &heading, &battery,
		&p.Seq, &p.Trigger, &p.Ext, &source, &p.Source, &p.Boot)
	p.FixAt, p.SentAt, p.ReceivedAt = p.FixAt.UTC(), utc(sentAt), p.ReceivedAt.UTC()
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
