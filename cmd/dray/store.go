package main

import (
	"context"
	"path/filepath"

	"github.com/dray-fleet/dray/configs"
	"github.com/dray-fleet/dray/store/postgres"
	"github.com/dray-fleet/dray/store/sqlite"
	"github.com/dray-fleet/dray/store/storetest"
)

// A store is either database.
type store interface {
	storetest.Store
	Migrate(ctx context.Context) error
}

// openStore opens the database of store.url, or SQLite in the data directory.
func openStore(ctx context.Context, c *configs.Config) (store, error) {
	if c.Store.URL != "" {
		return postgres.Open(ctx, c.Store.URL)
	}
	return sqlite.Open(ctx, filepath.Join(c.Data.Dir, "dray.db"))
}
