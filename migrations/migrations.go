// Package migrations holds the numbered SQL files of both databases and brings
// a database up to them. Files are only ever added.
package migrations

import (
	"context"
	"database/sql"
	"embed"
	"fmt"
	"io/fs"

	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
)

//go:embed postgres/*.sql sqlite/*.sql
var files embed.FS

// Postgres brings db up to the newest migration and returns its number. Each
// migration is one transaction; programs that start at once take turns by an
// advisory lock.
func Postgres(ctx context.Context, db *sql.DB) (version int64, err error) {
	var schema int64 // those of one database do not wait for each other
	if err := db.QueryRowContext(ctx, "SELECT hashtext(current_schema())").Scan(&schema); err != nil {
		return 0, fmt.Errorf("migrate: %w", err)
	}
	locker, err := lock.NewPostgresSessionLocker(lock.WithLockID(lock.DefaultLockID+schema), lock.WithLockTimeout(1, 300))
	if err != nil {
		return 0, fmt.Errorf("migrate: %w", err)
	}
	return up(ctx, goose.DialectPostgres, "postgres", db, goose.WithSessionLocker(locker))
}

// SQLite brings db up to the newest migration and returns its number. Each
// migration is one transaction.
func SQLite(ctx context.Context, db *sql.DB) (version int64, err error) {
	return up(ctx, goose.DialectSQLite3, "sqlite", db)
}

// CheckPostgres returns an error unless db is exactly at the newest migration.
func CheckPostgres(ctx context.Context, db *sql.DB) error {
	p, err := provider(goose.DialectPostgres, "postgres", db)
	if err != nil {
		return err
	}
	current, newest, err := versions(ctx, p)
	if err == nil && current < newest {
		err = fmt.Errorf("the database is at version %d and this program needs %d: run dray migrate", current, newest)
	}
	return err
}

func up(ctx context.Context, dialect goose.Dialect, dir string, db *sql.DB, opts ...goose.ProviderOption) (int64, error) {
	p, err := provider(dialect, dir, db, opts...)
	if err != nil {
		return 0, err
	}
	if _, _, err := versions(ctx, p); err != nil {
		return 0, err
	}
	if _, err := p.Up(ctx); err != nil {
		return 0, fmt.Errorf("migrate: %w", err)
	}
	current, _, err := versions(ctx, p)
	return current, err
}

func provider(dialect goose.Dialect, dir string, db *sql.DB, opts ...goose.ProviderOption) (*goose.Provider, error) {
	sub, err := fs.Sub(files, dir)
	if err != nil {
		return nil, fmt.Errorf("migrate: %w", err)
	}
	p, err := goose.NewProvider(dialect, db, sub, append(opts, goose.WithDisableGlobalRegistry(true))...)
	if err != nil {
		return nil, fmt.Errorf("migrate: %w", err)
	}
	return p, nil
}

// versions returns the version of the database and the newest one known, and an
// error when a newer program has migrated the database already.
func versions(ctx context.Context, p *goose.Provider) (current, newest int64, err error) {
	current, newest, err = p.GetVersions(ctx)
	if err != nil {
		return 0, 0, fmt.Errorf("migrate: read the database's version: %w", err)
	}
	if current > newest {
		return 0, 0, fmt.Errorf("the database is at version %d and this program knows only %d: it was migrated by a newer dray", current, newest)
	}
	return current, newest, nil
}
