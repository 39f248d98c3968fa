package postgres

import (
	"bytes"
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/dray-fleet/dray/store/internal/packed"
)

// Unpack turns all blocks into plain positions again; see storetest.Store.
func (s *Store) Unpack(ctx context.Context) (positions int, err error) {
	if err := s.reopenDays(ctx); err != nil {
		return 0, err
	}
	for {
		blocks, err := collect(ctx, s, "unpack history", scanBlock, "SELECT driver_id, hour, body FROM packed ORDER BY driver_id, hour LIMIT 8")
		if err != nil || len(blocks) == 0 {
			return positions, err
		}
		for _, b := range blocks {
			n, err := s.unpack(ctx, b)
			if err != nil {
				return positions, err
			}
			positions += n
		}
	}
}

// reopenDays puts the rows of days that were not packed yet back.
func (s *Store) reopenDays(ctx context.Context) error {
	names, err := collect(ctx, s, "reopen days", pgx.RowTo[string], "SELECT name FROM closing_days")
	if err != nil {
		return err
	}
	for _, name := range names {
		day, err := time.Parse("20060102", name[len("closing_"):][:8])
		if err != nil {
			return fmt.Errorf("postgres: reopen days: %w", err)
		}
		if err := s.createPartition(ctx, day.UnixMicro()/dayUS); err != nil {
			return err
		}
		err = s.write(ctx, "reopen days", func(ctx context.Context, tx pgx.Tx) error {
			_, err := tx.Exec(ctx, fmt.Sprintf(`INSERT INTO positions (%[2]s) SELECT %[2]s FROM %[1]s ON CONFLICT DO NOTHING;
				DELETE FROM closing_days WHERE name = '%[1]s'; DROP TABLE %[1]s`, name, positionColumns))
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (s *Store) unpack(ctx context.Context, b packed.Block) (int, error) {
	rows, err := packed.Decode(b.Body)
	if err != nil {
		return 0, fmt.Errorf("postgres: unpack: %w", err)
	}
	if day := b.Hour / dayUS; day >= firstDay {
		if err := s.createPartition(ctx, day); err != nil {
			return 0, err
		}
	}
	c := newCopy(len(rows), 160)
	for i := range rows {
		c.packed(b.Driver, &rows[i])
	}
	return len(rows), s.write(ctx, "unpack history", func(ctx context.Context, tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, "CREATE TEMP TABLE IF NOT EXISTS incoming (LIKE positions) ON COMMIT DELETE ROWS"); err != nil {
			return err
		}
		if _, err := tx.Conn().PgConn().CopyFrom(ctx, bytes.NewReader(c.end()), fmt.Sprintf("COPY pg_temp.incoming (%s) FROM STDIN BINARY", positionColumns)); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, fmt.Sprintf("INSERT INTO positions (%[1]s) SELECT %[1]s FROM pg_temp.incoming ON CONFLICT DO NOTHING", positionColumns)); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, "DELETE FROM packed WHERE driver_id = $1 AND hour = $2", b.Driver, b.Hour)
		return err
	})
}

// packed appends r as positionColumns.
func (c *copyBuffer) packed(driver int64, r *packed.Row) {
	opt := func(v int64, put func(int64)) {
		if v == packed.None {
			c.null()
		} else {
			put(v)
		}
	}
	int4 := func(v int64) { c.int4(int32(v)) }
	c.row(16)
	c.time(r.At)
	c.int8(r.Seq)
	opt(r.SentAt, c.time)
	c.time(r.ReceivedAt)
	c.time(r.StoredAt)
	c.int4(int32(driver))
	c.int4(int32(r.Source))
	c.int4(int32(r.Lat))
	c.int4(int32(r.Lon))
	for _, v := range []int64{r.Accuracy, r.Altitude, r.Speed, r.Heading} {
		opt(v, int4)
	}
	opt(r.Battery, func(v int64) { c.int2(int16(v)) })
	if r.Cause == "" {
		c.null()
	} else {
		c.text(r.Cause)
	}
	if r.Ext == nil {
		c.null()
	} else {
		c.text(string(r.Ext))
	}
}
