package postgres

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"
)

// Sequence moves changes from the outbox to the feed; see storetest.Feed. While
// another process is at it there is nothing to do.
func (s *Store) Sequence(ctx context.Context, limit int) (n int, err error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	if err := s.pool.QueryRow(ctx, "SELECT sequence_outbox($1)", limit).Scan(&n); err != nil {
		return 0, failed("sequence events", err)
	}
	return n, nil
}

// SavePosition keeps how far a reader of the feed is. It does not wait for the
// disk: a position that the database forgets in a crash is an older one, from
// which everything is told again.
func (s *Store) SavePosition(ctx context.Context, reader string, cursor int64) error {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	_, err := s.pool.Exec(ctx, `
		WITH quick AS (SELECT set_config('synchronous_commit', 'off', true))
		INSERT INTO feed_positions (reader, cursor) SELECT $1, $2 FROM quick
		ON CONFLICT (reader) DO UPDATE SET cursor = excluded.cursor WHERE excluded.cursor > feed_positions.cursor`, reader, cursor)
	return failedOrNil("save position", err)
}

// connect opens a connection apart from the pool, for what lasts.
func (s *Store) connect(ctx context.Context) (*pgx.Conn, error) {
	cfg := s.pool.Config().ConnConfig
	delete(cfg.RuntimeParams, "statement_timeout")
	return pgx.ConnectConfig(ctx, cfg)
}

func disconnect(conn *pgx.Conn) error {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	return conn.Close(ctx)
}

// Listen passes on every notification, which names the table with new rows.
func (s *Store) Listen(ctx context.Context, written, sequenced func()) (err error) {
	conn, err := s.connect(ctx)
	if err != nil {
		return failed("listen", err)
	}
	defer func() { err = errors.Join(err, disconnect(conn)) }()
	if _, err := conn.Exec(ctx, "LISTEN dray_events"); err != nil {
		return failed("listen", err)
	}
	written() // what was before
	sequenced()
	for {
		switch news, err := conn.WaitForNotification(ctx); {
		case ctx.Err() != nil:
			return nil
		case err != nil:
			return failed("listen", err)
		case news.Payload == "outbox":
			written()
		default:
			sequenced()
		}
	}
}

// Exclusive runs fn while no other process runs one of that name: an advisory
// lock of a connection, which ends with the process however that ends.
func (s *Store) Exclusive(ctx context.Context, name string, fn func(ctx context.Context) error) (ran bool, err error) {
	conn, err := s.connect(ctx)
	if err != nil {
		return false, failed("lock "+name, err)
	}
	watched := make(chan struct{})
	watching, stopWatching := context.WithCancel(ctx)
	held, cancel := context.WithCancel(ctx)
	defer cancel()
	defer func() { err = errors.Join(err, disconnect(conn)) }()
	defer stopWatching()
	err = conn.QueryRow(ctx, "SELECT pg_try_advisory_lock(hashtext('dray.exclusive.' || $1), hashtext(current_schema()))", name).Scan(&ran)
	if err != nil || !ran {
		return false, failedOrNil("lock "+name, err)
	}
	go func() {
		defer close(watched)
		_, _ = conn.WaitForNotification(watching) // none comes: it returns when the connection is lost
		cancel()
	}()
	err = fn(held)
	stopWatching()
	<-watched
	return true, err
}

func failedOrNil(what string, err error) error {
	if err == nil {
		return nil
	}
	return failed(what, err)
}
