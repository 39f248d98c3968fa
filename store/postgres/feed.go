package postgres

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"
)

// Sequence moves changes from the outbox to the feed; see storetest.Feed. The
// lock ends with the transaction, so events get their cursors in the order of
// these commits. While another process is at it there is nothing to do.
func (s *Store) Sequence(ctx context.Context, limit int) (n int, err error) {
	err = s.write(ctx, "sequence events", func(ctx context.Context, tx pgx.Tx) error {
		var mine bool
		err := tx.QueryRow(ctx, "SELECT pg_try_advisory_xact_lock(hashtext('dray.sequence'), hashtext(current_schema()))").Scan(&mine)
		if err != nil || !mine {
			return err
		}
		tag, err := tx.Exec(ctx, `
			WITH moved AS (DELETE FROM outbox WHERE id IN (SELECT id FROM outbox ORDER BY id LIMIT $1) RETURNING *)
			INSERT INTO events (kind, at, actor, fleet, entity, entity_id, data)
			SELECT kind, at, actor, fleet, entity, entity_id, data FROM moved ORDER BY id`, limit)
		n = int(tag.RowsAffected())
		return err
	})
	return n, err
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

// Listen calls wake for every notification that there are new events.
func (s *Store) Listen(ctx context.Context, wake func()) (err error) {
	conn, err := s.connect(ctx)
	if err != nil {
		return failed("listen", err)
	}
	defer func() { err = errors.Join(err, disconnect(conn)) }()
	if _, err := conn.Exec(ctx, "LISTEN dray_events"); err != nil {
		return failed("listen", err)
	}
	for {
		wake()
		if _, err := conn.WaitForNotification(ctx); err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return failed("listen", err)
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
