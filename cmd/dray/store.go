package main

import (
	"context"
	"path/filepath"

	"github.com/dray-fleet/dray/api"
	"github.com/dray-fleet/dray/auth"
	"github.com/dray-fleet/dray/broker"
	"github.com/dray-fleet/dray/configs"
	"github.com/dray-fleet/dray/fleet"
	"github.com/dray-fleet/dray/history"
	"github.com/dray-fleet/dray/ingest"
	"github.com/dray-fleet/dray/relay"
	"github.com/dray-fleet/dray/store/postgres"
	"github.com/dray-fleet/dray/store/sqlite"
)

// A store is either database: what each part asks of it, and what the program
// itself does.
type store interface {
	api.Store
	ingest.Store
	relay.Store
	history.Store
	broker.PresenceStore
	auth.RevocationStore

	Migrate(ctx context.Context) error
	Unpack(ctx context.Context) (positions int, err error)
	EnsureFleet(ctx context.Context, id string) (created bool, err error)
	SaveRetention(ctx context.Context, r fleet.Retention) error
	SavePolicy(ctx context.Context, p fleet.Policy) error
	DeletePolicy(ctx context.Context, fleetID, driver string) error
	Close() error
}

// openStore opens the database of store.url, or SQLite in the data directory.
func openStore(ctx context.Context, c *configs.Config) (store, error) {
	if c.Store.URL != "" {
		return postgres.Open(ctx, c.Store.URL)
	}
	return sqlite.Open(ctx, filepath.Join(c.Data.Dir, "dray.db"))
}
