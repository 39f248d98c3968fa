package chaos

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os/exec"
	"time"

	"github.com/dray-fleet/dray/fleet"
)

// upgrades go from another version to this one under load: with rows in the
// database, reports in the stream that the other one did not come to store, and
// a shipment. Everything is there after.
var upgrades = []fault{
	{"U1", "an upgrade from another version", false, upgrade},
	{"U2", "an upgrade from another version, roles apart", false, upgradeApart},
}

// upgrade is of `dray serve`, which is killed with a backlog.
func upgrade(ctx context.Context, r *rig) error {
	p, err := r.add("serve")
	if err != nil {
		return err
	}
	now := p.binary
	p.binary = r.opts.Previous
	if err := r.open(ctx, p); err != nil {
		return err
	}
	if err := r.load(ctx, 50, 1); err != nil {
		return err
	}
	find, err := r.shipmentOfBefore(ctx)
	if err != nil {
		return err
	}
	if err := wait(ctx, 4*time.Second); err != nil {
		return err
	}
	unlock, err := r.lockSQLite(ctx) // what comes now stays in the stream
	if err != nil {
		return err
	}
	if err := wait(ctx, 4*time.Second); err != nil {
		return errors.Join(err, unlock())
	}
	p.kill()
	if err := unlock(); err != nil {
		return err
	}
	if err := r.countBacklog(ctx); err != nil {
		return err
	}
	p.binary = now
	began := time.Now()
	if err := p.up(ctx); err != nil {
		return err
	}
	if err := r.recovered(ctx, began, 15*time.Second); err != nil {
		return err
	}
	find(ctx)
	return r.settle(ctx)
}

// upgradeApart is as docs/operate.md says: the database is migrated while the
// other version runs, and then one process after another is replaced. Ingest has
// been killed before, and left a backlog.
func upgradeApart(ctx context.Context, r *rig) error {
	a, err := r.describeApart(ctx, nil)
	if err != nil {
		return err
	}
	roles := []*process{a.broker, a.ingest, a.api}
	now := a.broker.binary
	for _, p := range roles {
		p.binary = r.opts.Previous
	}
	if err := r.startApart(ctx, a); err != nil {
		return err
	}
	if err := r.load(ctx, 50, 1); err != nil {
		return err
	}
	find, err := r.shipmentOfBefore(ctx)
	if err != nil {
		return err
	}
	if err := wait(ctx, 4*time.Second); err != nil {
		return err
	}
	a.ingest.kill()
	if err := wait(ctx, 4*time.Second); err != nil {
		return err
	}
	if err := r.countBacklog(ctx); err != nil {
		return err
	}
	migrate := exec.CommandContext(ctx, now, "migrate")
	migrate.Env = a.api.env
	if out, err := migrate.CombinedOutput(); err != nil {
		return fmt.Errorf("migrate: %w\n%s", err, out)
	}
	if err := wait(ctx, 2*time.Second); err != nil { // the other version runs on
		return err
	}
	find(ctx)
	for _, p := range roles {
		p.binary = now
		if p.running() {
			if _, err := p.term(); err != nil {
				r.breach("%v", err)
			}
		}
		if err := p.up(ctx); err != nil {
			return err
		}
	}
	if err := r.recovered(ctx, time.Now(), 15*time.Second); err != nil {
		return err
	}
	find(ctx)
	return r.settle(ctx)
}

// shipmentOfBefore creates a shipment and returns a check that it is there.
func (r *rig) shipmentOfBefore(ctx context.Context) (find func(context.Context), err error) {
	token, err := r.token(fleet.RoleDispatcher, "dana")
	if err != nil {
		return nil, err
	}
	if status, a := send(ctx, http.MethodPost, r.http+"/api/v1/shipments", token, `{"id":"old","reference":"before"}`); status != http.StatusCreated {
		return nil, fmt.Errorf("create shipment: %d %s", status, a.body)
	}
	return func(ctx context.Context) {
		if status, _ := get(ctx, r.http+"/api/v1/shipments/old", token); status != http.StatusOK {
			r.breach("the shipment of before = %d", status)
		}
	}, nil
}

// countBacklog notes where the reports are: some must be in the stream alone.
func (r *rig) countBacklog(ctx context.Context) error {
	_, acked, err := r.account.read()
	if err != nil {
		return err
	}
	stored, err := r.db.number(ctx, "SELECT count(*) FROM positions")
	if err != nil {
		return err
	}
	waiting := int64(len(acked)) - stored
	if waiting <= 0 {
		r.breach("the stream was empty: nothing was tried")
	}
	r.note("%d were in the database and about %d in the stream", stored, waiting)
	return nil
}
