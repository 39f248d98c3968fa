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
	// Set-returning functions beside one another are read in step, and cost much
	// less than unnest of all of them in FROM, which keeps each in a tuple store.
	// MERGE reads each row once, where ON CONFLICT locks it before the update.
	b.Queue(`MERGE INTO latest l USING (SELECT unnest($1::int4[]) AS driver_id, unnest($2::timestamptz[]) AS fix_at, unnest($3::timestamptz[]) AS received_at,
			unnest($4::int4[]) AS lat, unnest($5::int4[]) AS lon, unnest($6::int4[]) AS accuracy, unnest($7::int4[]) AS altitude, unnest($8::int4[]) AS speed,
			unnest($9::int4[]) AS heading, unnest($10::int2[]) AS battery, unnest($11::text[]) AS source) n ON l.driver_id = n.driver_id
		WHEN MATCHED AND n.fix_at > l.fix_at THEN UPDATE SET fix_at = n.fix_at, received_at = n.received_at, lat = n.lat, lon = n.lon,
			accuracy = n.accuracy, altitude = n.altitude, speed = n.speed, heading = n.heading, battery = n.battery, source = n.source
		WHEN NOT MATCHED THEN INSERT (driver_id, fix_at, received_at, lat, lon, accuracy, altitude, speed, heading, battery, source)
			VALUES (n.driver_id, n.fix_at, n.received_at, n.lat, n.lon, n.accuracy, n.altitude, n.speed, n.heading, n.battery, n.source)`,
		ids, fixAt, received, lat, lon, accuracy, altitude, speed, heading, battery, sources)
}

func int4(s column.Scale, o fleet.Opt) pgtype.Int4 {
	return pgtype.Int4{Int32: s.Int(o.V), Valid: o.OK}
}
