package chaos

import (
	"context"
	"errors"
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

// lockSQLite keeps everybody from writing to the database until the function it
// returns is called.
func (r *rig) lockSQLite(ctx context.Context) (unlock func() error, err error) {
	conn, err := r.db.Conn(ctx)
	if err != nil {
		return nil, err
	}
	if _, err := conn.ExecContext(ctx, "BEGIN EXCLUSIVE"); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return func() error {
		_, err := conn.ExecContext(context.WithoutCancel(ctx), "ROLLBACK")
		return errors.Join(err, conn.Close())
	}, nil
}

// slowDatabase is F8: each row takes 50 ms. The backlog waits on the disk.
func slowDatabase(ctx context.Context, r *rig) error {
	a, err := r.upApart(ctx, nil)
	if err != nil {
		return err
	}
	if err := r.load(ctx, 40, 0); err != nil {
		return err
	}
	if err := wait(ctx, 3*time.Second); err != nil {
		return err
	}
	before := percentile(r.waits(), 99)
	const slow = `CREATE FUNCTION chaos_slow() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(0.05); RETURN NEW; END';
		CREATE TRIGGER chaos_slow BEFORE INSERT ON positions FOR EACH ROW EXECUTE FUNCTION chaos_slow()`
	if _, err := r.db.ExecContext(ctx, slow); err != nil {
		return err
	}
	began := time.Now()
	stored, err := r.db.number(ctx, "SELECT count(*) FROM positions")
	if err != nil {
		return err
	}
	if err := wait(ctx, 40*time.Second); err != nil {
		return err
	}
	now, err := r.db.number(ctx, "SELECT count(*) FROM positions")
	if err != nil {
		return err
	}
	if now == stored {
		r.breach("nothing was stored in %s by a slow database", time.Since(began).Round(time.Second))
	}
	during := percentile(r.waits(), 99)
	if during > max(2*before, 250*time.Millisecond) {
		r.breach("acknowledgements p99 %s against %s before", during, before)
	}
	r.note("acknowledgements p99 %s before, %s with a slow database; it stored %d in 40s; ingest's memory %d MiB",
		before.Round(time.Millisecond), during.Round(time.Millisecond), now-stored, a.ingest.resident()>>20)
	if _, err := r.db.ExecContext(ctx, `CREATE OR REPLACE FUNCTION chaos_slow() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'`); err != nil {
		return err
	}
	if err := r.recovered(ctx, time.Now(), 45*time.Second); err != nil { // the statement that runs ends first
		return err
	}
	return r.settle(ctx)
}
