package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/dray-fleet/dray/store/internal/batch"
)

// Advisory locks of one transaction; the first number is ours alone.
const (
	lockClass       = 0x64726179 // "dray"
	lockPartitions  = 1
	lockRevocations = 2
)

const dayUS = int64(24 * time.Hour / time.Microsecond)

// firstDay is where partitions of a day begin; what is older shares one. It is
// the bound in migrations/postgres/0001_positions.sql.
var firstDay = time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC).UnixMicro() / dayUS

// ensurePartitions creates the partitions that rows need. A new one is made
// beside the table and then attached, because CREATE TABLE … PARTITION OF
// would wait for every reader and hold up all that come after it.
func (s *Store) ensurePartitions(ctx context.Context, rows []batch.Row) error {
	missing := map[int64]bool{}
	s.mu.Lock()
	for _, r := range rows {
		if day := r.At / dayUS; !r.Quarantined && day >= firstDay && !s.days[day] {
			missing[day] = true
		}
	}
	s.mu.Unlock()
	for day := range missing {
		if err := s.createPartition(ctx, day); err != nil {
			return err
		}
		s.mu.Lock()
		s.days[day] = true
		s.mu.Unlock()
	}
	return nil
}

func (s *Store) createPartition(ctx context.Context, day int64) error {
	from := time.UnixMicro(day * dayUS).UTC()
	name := from.Format("positions_20060102")
	return s.write(ctx, "create partition", func(ctx context.Context, tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, "SELECT pg_advisory_xact_lock($1, $2)", lockClass, lockPartitions); err != nil {
			return err
		}
		var there bool
		if err := tx.QueryRow(ctx, "SELECT to_regclass($1) IS NOT NULL", name).Scan(&there); err != nil || there {
			return err
		}
		_, err := tx.Exec(ctx, fmt.Sprintf(`CREATE TABLE %[1]s (LIKE positions INCLUDING ALL);
			ALTER TABLE positions ATTACH PARTITION %[1]s FOR VALUES FROM ('%[2]s') TO ('%[3]s')`,
			name, from.Format(time.RFC3339), from.AddDate(0, 0, 1).Format(time.RFC3339)))
		return err
	})
}

// forgetPartitions makes the next batch look again, after one was dropped.
func (s *Store) forgetPartitions() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.days)
}
