package sqlite

import (
	"context"
	"errors"
	"fmt"
	"os"
)

// Backup writes a copy of the database, as of one moment, to a new file at path,
// while others go on writing. The copy knows no offsets of the stream: what a
// restored stream holds is read from its beginning, and the keys tell what is
// there already.
func (s *Store) Backup(ctx context.Context, path string) error {
	if err := s.vacuumInto(ctx, path); err != nil {
		return fmt.Errorf("sqlite: backup: %w", err)
	}
	if err := os.Chmod(path, 0o600); err != nil {
		return fmt.Errorf("sqlite: backup: %w", err)
	}
	db, err := open(path, 1)
	if err != nil {
		return err
	}
	_, err = db.ExecContext(ctx, "DELETE FROM ingest_offsets; PRAGMA journal_mode(DELETE)") // one file again
	if err = errors.Join(err, db.Close()); err != nil {
		return fmt.Errorf("sqlite: backup: %w", err)
	}
	return nil
}

// vacuumInto does so on a connection that reads, which may write nothing else.
func (s *Store) vacuumInto(ctx context.Context, path string) error {
	conn, err := s.reader.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	if _, err := conn.ExecContext(ctx, "PRAGMA query_only(0)"); err != nil {
		return err
	}
	_, err = conn.ExecContext(ctx, "VACUUM INTO ?", path)
	_, back := conn.ExecContext(context.WithoutCancel(ctx), "PRAGMA query_only(1)")
	return errors.Join(err, back)
}
