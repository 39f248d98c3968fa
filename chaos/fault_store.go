package chaos

import (
	"context"
	"net/http"
	"time"

	"github.com/dray-fleet/dray/fleet"
)

// stopDatabase is F3: drivers must not notice.
func stopDatabase(ctx context.Context, r *rig) error {
	a, err := r.upApart(ctx, nil)
	if err != nil {
		return err
	}
	if err := r.load(ctx, 60, 1); err != nil {
		return err
	}
	if err := wait(ctx, 4*time.Second); err != nil {
		return err
	}
	before := percentile(r.waits(), 99)
	if err := a.postgres.stopNow(); err != nil {
		return err
	}
	down := time.Duration(r.times(45, 10)) * time.Second
	over := time.Now().Add(down)
	if err := r.degraded(ctx); err != nil {
		return err
	}
	if err := wait(ctx, time.Until(over)); err != nil {
		return err
	}
	during := r.waits()
	if p99 := percentile(during, 99); p99 > max(2*before, 250*time.Millisecond) || len(during) == 0 {
		r.breach("acknowledgements without the database: %d, p99 %s against %s before", len(during), p99, before)
	} else {
		r.note("acknowledgements p99 %s before, %s while the database was away", before.Round(time.Millisecond), p99.Round(time.Millisecond))
	}
	if err := a.postgres.up(ctx); err != nil {
		return err
	}
	if err := r.recovered(ctx, time.Now(), 10*time.Second); err != nil {
		return err
	}
	return r.settle(ctx)
}

// degraded checks what the API says while the database is away: soon, and when
// to come again.
func (r *rig) degraded(ctx context.Context) error {
	token, err := r.token(fleet.RoleDispatcher, "dana")
	if err != nil {
		return err
	}
	began := time.Now()
	status, a := get(ctx, r.http+"/api/v1/drivers", token)
	if took := time.Since(began); status != http.StatusServiceUnavailable || a.header.Get("Retry-After") == "" || took > 2*time.Second {
		r.breach("the API answers %d after %s without the database, Retry-After %q; want 503 within 2s", status, took, a.header.Get("Retry-After"))
	}
	return nil
}
