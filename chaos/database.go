package chaos

import (
	"context"
	"database/sql"
	"fmt"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"
	_ "modernc.org/sqlite"             // the driver "sqlite"
)

// fleetID is the fleet of all load.
const fleetID = "chaos"

// A database is read beside the program, without its code: what is counted is
// what is there.
type database struct{ *sql.DB }

func openSQLite(path string) (*database, error) {
	db, err := sql.Open("sqlite", "file:"+path+"?_pragma=busy_timeout(10000)")
	return &database{db}, err
}

func openPostgres(url string) (*database, error) {
	db, err := sql.Open("pgx", url)
	return &database{db}, err
}

// rows returns how often each numbered report is stored.
func (db *database) rows(ctx context.Context) (map[report]int, error) {
	const of = `SELECT d.driver, s.boot, p.seq FROM %s p JOIN sources s ON s.id = p.source_id
		JOIN drivers d ON d.id = p.driver_id WHERE d.fleet = '` + fleetID + `'`
	rows, err := db.QueryContext(ctx, fmt.Sprintf(of+" UNION ALL "+of, "positions", "quarantined"))
	if err != nil {
		return nil, fmt.Errorf("read rows: %w", err)
	}
	defer rows.Close()
	counts := map[report]int{}
	for rows.Next() {
		var r report
		if err := rows.Scan(&r.driver, &r.boot, &r.seq); err != nil {
			return nil, fmt.Errorf("read rows: %w", err)
		}
		counts[r]++
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read rows: %w", err)
	}
	return counts, nil
}

// progress grows with every batch that is committed.
func (db *database) progress(ctx context.Context) (n int64, err error) {
	err = db.QueryRowContext(ctx, "SELECT coalesce(sum(seq), 0) FROM ingest_offsets").Scan(&n)
	return n, err
}

// number runs a query for one number.
func (db *database) number(ctx context.Context, query string) (n int64, err error) {
	err = db.QueryRowContext(ctx, query).Scan(&n)
	return n, err
}
