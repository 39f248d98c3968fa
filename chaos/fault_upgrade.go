package chaos

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/dray-fleet/dray/fleet"
)

// upgrade goes from another version to this one under load: with rows in the
// database, reports in the stream that the other one did not come to store, and
// a shipment. Everything is there after.
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
	token, err := r.token(fleet.RoleDispatcher, "dana")
	if err != nil {
		return err
	}
	if status, a := send(ctx, http.MethodPost, r.http+"/api/v1/shipments", token, `{"id":"old","reference":"before"}`); status != http.StatusCreated {
		return fmt.Errorf("create shipment: %d %s", status, a.body)
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
	p.binary = now
	began := time.Now()
	if err := p.up(ctx); err != nil {
		return err
	}
	if err := r.recovered(ctx, began, 15*time.Second); err != nil {
		return err
	}
	if status, _ := get(ctx, r.http+"/api/v1/shipments/old", token); status != http.StatusOK {
		r.breach("the shipment of before = %d", status)
	}
	r.note("%d were in the database and about %d in the stream", stored, waiting)
	return r.settle(ctx)
}
