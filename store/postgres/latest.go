package postgres

import (
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/dray-fleet/dray/fleet"
	"github.com/dray-fleet/dray/store/internal/batch"
	"github.com/dray-fleet/dray/store/internal/column"
)

// queueLatest moves the latest position of each driver forward, in the order of
// rows.
func queueLatest(b *pgx.Batch, rows []batch.Row) {
	n := len(rows)
	if n == 0 {
		return
	}
	var (
		ids, lat, lon                      = make([]int32, n), make([]int32, n), make([]int32, n)
		fixAt, received                    = make([]time.Time, n), make([]time.Time, n)
		accuracy, altitude, speed, heading = make([]pgtype.Int4, n), make([]pgtype.Int4, n), make([]pgtype.Int4, n), make([]pgtype.Int4, n)
		battery                            = make([]pgtype.Int2, n)
		sources                            = make([]string, n)
	)
	for i, r := range rows {
		ids[i], fixAt[i], received[i] = int32(r.Driver), r.FixAt, r.ReceivedAt
		lat[i], lon[i] = column.Degree.Int(r.Lat), column.Degree.Int(r.Lon)
		accuracy[i], altitude[i], speed[i] = int4(column.Accuracy, r.Accuracy), int4(column.Altitude, r.Altitude), int4(column.Speed, r.Speed)
		heading[i] = pgtype.Int4{Int32: column.HeadingInt(r.Heading.V), Valid: r.Heading.OK}
		battery[i] = pgtype.Int2{Int16: int16(column.Battery.Int(r.Battery.V)), Valid: r.Battery.OK}
		sources[i] = r.Position.Source
	}
	b.Queue(`INSERT INTO latest AS l (driver_id, fix_at, received_at, lat, lon, accuracy, altitude, speed, heading, battery, source)
		SELECT * FROM unnest($1::int4[], $2::timestamptz[], $3::timestamptz[], $4::int4[], $5::int4[], $6::int4[], $7::int4[], $8::int4[],
			$9::int4[], $10::int2[], $11::text[])
		ON CONFLICT (driver_id) DO UPDATE SET fix_at = excluded.fix_at, received_at = excluded.received_at, lat = excluded.lat,
			lon = excluded.lon, accuracy = excluded.accuracy, altitude = excluded.altitude, speed = excluded.speed,
			heading = excluded.heading, battery = excluded.battery, source = excluded.source
		WHERE excluded.fix_at > l.fix_at`,
		ids, fixAt, received, lat, lon, accuracy, altitude, speed, heading, battery, sources)
}

func int4(s column.Scale, o fleet.Opt) pgtype.Int4 {
	return pgtype.Int4{Int32: s.Int(o.V), Valid: o.OK}
}
