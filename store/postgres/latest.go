package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/dray-fleet/dray/store/internal/batch"
	"github.com/dray-fleet/dray/store/internal/column"
)

// saveLatest moves the latest position of each driver forward. A few rows are
// locked in their order, many in the one that the planner likes best: of two
// writers of the same drivers one may have to begin again.
func saveLatest(ctx context.Context, tx pgx.Tx, rows []batch.Row) error {
	n := len(rows)
	if n == 0 {
		return nil
	}
	var (
		ids, fixAt, received               = int4Array(n), timeArray(n), timeArray(n)
		lat, lon                           = int4Array(n), int4Array(n)
		accuracy, altitude, speed, heading = int4Array(n), int4Array(n), int4Array(n), int4Array(n)
		battery, source                    = int2Array(n), textArray(n)
	)
	for i := range rows {
		r := &rows[i]
		ids.int4(int32(r.Driver))
		fixAt.time(r.At)
		received.time(r.ReceivedAt.UnixMicro())
		lat.int4(column.Degree.Int(r.Lat))
		lon.int4(column.Degree.Int(r.Lon))
		accuracy.opt4(column.Accuracy, r.Accuracy)
		altitude.opt4(column.Altitude, r.Altitude)
		speed.opt4(column.Speed, r.Speed)
		heading.heading(r.Heading)
		battery.battery(r.Battery)
		source.text(r.Position.Source)
	}
	// Set-returning functions beside one another are read in step, and cost much
	// less than unnest of all of them in FROM, which keeps each in a tuple store.
	// MERGE reads each row once, where ON CONFLICT locks it before the update.
	_, err := execArrays(ctx, tx, `MERGE INTO latest l USING (SELECT unnest($1::int4[]) AS driver_id, unnest($2::timestamptz[]) AS fix_at, unnest($3::timestamptz[]) AS received_at,
			unnest($4::int4[]) AS lat, unnest($5::int4[]) AS lon, unnest($6::int4[]) AS accuracy, unnest($7::int4[]) AS altitude, unnest($8::int4[]) AS speed,
			unnest($9::int4[]) AS heading, unnest($10::int2[]) AS battery, unnest($11::text[]) AS source) n ON l.driver_id = n.driver_id
		WHEN MATCHED AND n.fix_at > l.fix_at THEN UPDATE SET fix_at = n.fix_at, received_at = n.received_at, lat = n.lat, lon = n.lon,
			accuracy = n.accuracy, altitude = n.altitude, speed = n.speed, heading = n.heading, battery = n.battery, source = n.source
		WHEN NOT MATCHED THEN INSERT (driver_id, fix_at, received_at, lat, lon, accuracy, altitude, speed, heading, battery, source)
			VALUES (n.driver_id, n.fix_at, n.received_at, n.lat, n.lon, n.accuracy, n.altitude, n.speed, n.heading, n.battery, n.source)`,
		ids, fixAt, received, lat, lon, accuracy, altitude, speed, heading, battery, source)
	return err
}
