// Package postgres keeps the fleet in PostgreSQL 15 or later, with the promises
// of store/storetest.
package postgres

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/dray-fleet/dray/fleet"
	"github.com/dray-fleet/dray/migrations"
	"github.com/dray-fleet/dray/store/internal/batch"
	"github.com/dray-fleet/dray/store/internal/records"
)

// timeout bounds every call, so that a database that has vanished without a
// word is noticed; the server's own limit on a statement is a little shorter.
const timeout = 40 * time.Second

// A Store is a pool of connections to one database.
type Store struct {
	*records.Records
	pool *pgxpool.Pool

	drivers batch.Cache[batch.Driver]
	sources batch.Cache[batch.Reporter]
	erased  batch.Erasures

	contended contention
	ledgers   remembered

	mu   sync.Mutex
	days map[int64]bool // since 1970, of which there are partitions
}

// Open connects to the database at url and runs no migration. Parameters of the
// URL win over the defaults here.
func Open(ctx context.Context, url string) (*Store, error) {
	cfg, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, fmt.Errorf("postgres: %w", err)
	}
	cfg.MaxConns = max(cfg.MaxConns, 16)
	cfg.MaxConnIdleTime = 5 * time.Minute
	cfg.PingTimeout = 5 * time.Second
	if cfg.ConnConfig.ConnectTimeout == 0 {
		cfg.ConnConfig.ConnectTimeout = 5 * time.Second
	}
	dialer := net.Dialer{KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: 15 * time.Second, Interval: 5 * time.Second, Count: 3}}
	cfg.ConnConfig.DialFunc = dialer.DialContext
	for name, value := range map[string]string{
		"application_name":                    "dray",
		"statement_timeout":                   "30s",
		"idle_in_transaction_session_timeout": "60s",
	} {
		if _, set := cfg.ConnConfig.RuntimeParams[name]; !set {
			cfg.ConnConfig.RuntimeParams[name] = value
		}
	}
	pool, err := pgxpool.NewWithConfig(ctx, cfg)
	if err != nil {
		return nil, fmt.Errorf("postgres: %w", err)
	}
	s := &Store{pool: pool, days: map[int64]bool{}}
	s.Records = records.New(recordsDB{s}, dialect)
	if err := s.Ping(ctx); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// Migrate brings the database up to this program's version; programs that start
// at once take turns. A database of a newer program is an error.
func (s *Store) Migrate(ctx context.Context) error {
	cfg := s.pool.Config().ConnConfig
	delete(cfg.RuntimeParams, "statement_timeout") // an index takes as long as it takes
	db := stdlib.OpenDB(*cfg)
	_, err := migrations.Postgres(ctx, db)
	if err = errors.Join(err, db.Close()); err != nil {
		return fmt.Errorf("postgres: %w", err)
	}
	return nil
}

// Check returns an error unless the database is at this program's version, for
// programs that leave migrating to others.
func (s *Store) Check(ctx context.Context) error {
	db := stdlib.OpenDBFromPool(s.pool)
	if err := errors.Join(migrations.CheckPostgres(ctx, db), db.Close()); err != nil {
		return fmt.Errorf("postgres: %w", err)
	}
	return nil
}

// Ping reports whether the database answers.
func (s *Store) Ping(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	if err := s.pool.Ping(ctx); err != nil {
		return fmt.Errorf("postgres: %w", err)
	}
	return nil
}

// Close waits for what is running and closes the connections.
func (s *Store) Close() error {
	s.pool.Close()
	return nil
}

// write runs fn in a transaction.
func (s *Store) write(ctx context.Context, what string, fn func(ctx context.Context, tx pgx.Tx) error) error {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	if err := pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error { return fn(ctx, tx) }); err != nil {
		return failed(what, err)
	}
	return nil
}

// failed wraps err. Text that PostgreSQL has no room for will never have any;
// everything else is a database that is away.
func failed(what string, err error) error {
	var pg *pgconn.PgError
	if errors.As(err, &pg) && pg.Code == "22021" { // character_not_in_repertoire: NUL, or no UTF-8
		return fleet.Invalid("text", "is not plain text")
	}
	return fmt.Errorf("postgres: %s: %w", what, away(err))
}

// collect runs a query and scans each row.
func collect[T any](ctx context.Context, s *Store, what string, scan func(pgx.CollectableRow) (T, error), query string, args ...any) ([]T, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	rows, err := s.pool.Query(ctx, query, args...)
	if err != nil {
		return nil, failed(what, err)
	}
	list, err := pgx.AppendRows([]T(nil), rows, scan)
	if err != nil {
		return nil, failed(what, err)
	}
	return list, nil
}

// one runs a query for one row, and returns fleet.ErrNotFound when there is none.
func one[T any](ctx context.Context, s *Store, what string, scan func(pgx.CollectableRow) (T, error), query string, args ...any) (v T, err error) {
	list, err := collect(ctx, s, what, scan, query, args...)
	if err != nil {
		return v, err
	}
	if len(list) == 0 {
		return v, fleet.ErrNotFound
	}
	return list[0], nil
}

// exec runs one statement and returns how many rows it changed.
func (s *Store) exec(ctx context.Context, what, query string, args ...any) (int64, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	tag, err := s.pool.Exec(ctx, query, args...)
	if err != nil {
		return 0, failed(what, err)
	}
	return tag.RowsAffected(), nil
}

// changeOne is exec for a statement that must find its row.
func (s *Store) changeOne(ctx context.Context, what, query string, args ...any) error {
	n, err := s.exec(ctx, what, query, args...)
	if err == nil && n == 0 {
		return fleet.ErrNotFound
	}
	return err
}
