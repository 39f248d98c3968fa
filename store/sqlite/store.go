// Package sqlite keeps the fleet in one SQLite file, with the promises of
// store/storetest: what is saved is synced to disk, and saved once.
package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"

	_ "modernc.org/sqlite" // the driver "sqlite"

	"github.com/dray-fleet/dray/fleet"
	"github.com/dray-fleet/dray/internal/breakage"
	"github.com/dray-fleet/dray/migrations"
	"github.com/dray-fleet/dray/store/internal/batch"
	"github.com/dray-fleet/dray/store/internal/records"
)

// A Store is one SQLite file. SQLite has one writer at a time, so there is one
// connection that writes, and a few that read beside it.
type Store struct {
	*records.Records
	writer, reader *sql.DB
	path           string
	file           os.FileInfo // what path was when it was opened

	drivers batch.Cache[batch.Driver]
	sources batch.Cache[batch.Reporter]
	erased  batch.Erasures

	statements map[string]*sql.Stmt // of the writer, by their text

	watchers watchers
}

// readers bounds the connections that read.
const readers = 8

// The page caches, in KiB as SQLite counts them. The allocator behind it puts a
// page of 4 KiB into 9, and what is not there the system's own cache has.
const (
	writerCache = 16 << 10
	readerCache = 4 << 10
)

// Open opens the database at path and creates it when it is not there, readable
// by its owner alone. Migrate must follow before it is used.
func Open(ctx context.Context, path string) (*Store, error) {
	// SQLite gives its -wal and -shm files the mode of the database.
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("sqlite: %w", err)
	}
	err = f.Chmod(0o600)
	info, statErr := f.Stat()
	if err := errors.Join(err, statErr, f.Close()); err != nil {
		return nil, fmt.Errorf("sqlite: %w", err)
	}
	writer, err := open(path, 1, "synchronous(FULL)", "foreign_keys(1)", cacheSize(writerCache), "wal_autocheckpoint(8192)")
	if err != nil {
		return nil, err
	}
	reader, err := open(path, readers, "query_only(1)", cacheSize(readerCache))
	if err != nil {
		return nil, errors.Join(err, writer.Close())
	}
	s := &Store{writer: writer, reader: reader, path: path, file: info}
	s.Records = records.New(recordsDB{s}, dialect)
	if err := s.Ping(ctx); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

func cacheSize(kib int) string { return fmt.Sprintf("cache_size(-%d)", kib) }

func open(path string, conns int, pragmas ...string) (*sql.DB, error) {
	path, err := filepath.Abs(path) // of a relative one the URL would read the first folder as a host
	if err != nil {
		return nil, fmt.Errorf("sqlite: %w", err)
	}
	q := url.Values{"mode": {"rw"}, "_txlock": {"immediate"}, "_pragma": append([]string{"busy_timeout(10000)", "journal_mode(WAL)"}, pragmas...)}
	db, err := sql.Open("sqlite", (&url.URL{Scheme: "file", Path: path, RawQuery: q.Encode()}).String())
	if err != nil {
		return nil, fmt.Errorf("sqlite: %w", err)
	}
	db.SetMaxOpenConns(conns)
	db.SetMaxIdleConns(conns)
	return db, nil
}

// Migrate brings the database up to this program's version. A database of a
// newer program is an error.
func (s *Store) Migrate(ctx context.Context) error {
	if _, err := migrations.SQLite(ctx, s.writer); err != nil {
		return fmt.Errorf("sqlite: %w", err)
	}
	if breakage.NoDedupe {
		_, err := s.writer.ExecContext(ctx, `CREATE TABLE anything AS SELECT * FROM positions; DROP TABLE positions; ALTER TABLE anything RENAME TO positions`)
		if err != nil {
			return fmt.Errorf("sqlite: %w", err)
		}
	}
	return s.prepare(ctx)
}

// errMoved reports that the file that is open is not where it was. SQLite would
// go on writing into it, where nobody looks for it after a restart.
var errMoved = fmt.Errorf("%w: its file has been moved, replaced or removed: put it back, or restart", fleet.ErrAway)

func (s *Store) inPlace() error {
	if now, err := os.Stat(s.path); err != nil || !os.SameFile(now, s.file) {
		return errMoved
	}
	return nil
}

// Ping reports whether the database can be read and is where it was.
func (s *Store) Ping(ctx context.Context) error {
	if err := s.inPlace(); err != nil {
		return fmt.Errorf("sqlite: %w", err)
	}
	var n int
	if err := s.writer.QueryRowContext(ctx, "SELECT count(*) FROM sqlite_schema").Scan(&n); err != nil {
		return fmt.Errorf("sqlite: %w", err)
	}
	return nil
}

// Close waits for what is running and closes the file.
func (s *Store) Close() error {
	return errors.Join(s.reader.Close(), s.writer.Close())
}

// write runs fn in a transaction.
func (s *Store) write(ctx context.Context, what string, fn func(tx *sql.Tx) error) error {
	if err := s.inPlace(); err != nil {
		return failed(what, err)
	}
	tx, err := s.writer.BeginTx(ctx, nil)
	if err != nil {
		return failed(what, err)
	}
	defer func() { _ = tx.Rollback() }() // after Commit it does nothing
	if err := fn(tx); err != nil {
		return failed(what, err)
	}
	if err := tx.Commit(); err != nil {
		return failed(what, err)
	}
	s.watchers.tell()
	return nil
}

// exec runs one statement that wakes nobody.
func (s *Store) exec(ctx context.Context, what, query string, args ...any) (sql.Result, error) {
	if err := s.inPlace(); err != nil {
		return nil, failed(what, err)
	}
	res, err := s.writer.ExecContext(ctx, query, args...)
	if err != nil {
		return nil, failed(what, err)
	}
	return res, nil
}
