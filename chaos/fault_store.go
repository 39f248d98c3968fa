package chaos

import (
	"context"
	"crypto/rand"
	"errors"
	"net/http"
	"strings"
	"syscall"
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
	return r.comesBack(ctx, before, down, a.postgres.up)
}

// comesBack ends an outage of the database with mend, and checks what went on
// meanwhile and how the backlog is worked off.
func (r *rig) comesBack(ctx context.Context, before, down time.Duration, mend func(context.Context) error) error {
	r.undisturbed(before)
	drained, err := r.drain(down)
	if err = errors.Join(err, mend(ctx)); err != nil {
		return err
	}
	back := time.Now()
	if err := drained(ctx); err != nil {
		return err
	}
	if err := r.recovered(ctx, back, 10*time.Second); err != nil {
		return err
	}
	return r.settle(ctx)
}

// lockDatabase is F3 with SQLite: somebody holds its lock, as a careless backup
// does.
func lockDatabase(ctx context.Context, r *rig) error {
	if _, err := r.serve(ctx); err != nil {
		return err
	}
	if err := r.load(ctx, 60, 1); err != nil {
		return err
	}
	if err := wait(ctx, 4*time.Second); err != nil {
		return err
	}
	before := percentile(r.waits(), 99)
	unlock, err := r.lockSQLite(ctx)
	if err != nil {
		return err
	}
	const down = 20 * time.Second
	over := time.Now().Add(down)
	r.refusesWrites(ctx)
	if err := wait(ctx, time.Until(over)); err != nil {
		return errors.Join(err, unlock())
	}
	return r.comesBack(ctx, before, down, func(context.Context) error { return unlock() })
}

// undisturbed checks that acknowledgements came as fast as before.
func (r *rig) undisturbed(before time.Duration) {
	during := r.waits()
	if len(during) == 0 {
		r.breach("nothing was acknowledged without the database")
	}
	if p99 := percentile(during, 99); p99 > max(2*before, 250*time.Millisecond) {
		r.late("acknowledgements p99 %s against %s before", p99, before)
	} else {
		r.note("acknowledgements p99 %s before, %s while the database was away", before.Round(time.Millisecond), p99.Round(time.Millisecond))
	}
}

// drain notes what was acknowledged in the time that the database was away. The
// function it returns waits until as much is stored and checks that it was stored
// five times as fast as it came: or an outage of an hour would be felt for a day.
func (r *rig) drain(down time.Duration) (drained func(context.Context) error, err error) {
	_, acked, err := r.account.read()
	if err != nil {
		return nil, err
	}
	const stored = "SELECT count(*) FROM positions"
	return func(ctx context.Context) error {
		var first, last int64
		var began time.Time
		limit, cancel := context.WithTimeout(ctx, time.Minute)
		defer cancel()
		err := poll(limit, "drained", func() (bool, error) {
			n, err := r.db.number(limit, stored)
			switch {
			case err != nil:
				return false, nil // it has only just come back
			case first == 0:
				first, began = n, time.Now()
			case n == first:
				began = time.Now() // the first batch is still awaited
			}
			last = n
			return n >= int64(len(acked)), nil
		})
		took := time.Since(began)
		if err != nil {
			r.breach("%v: %d of %d stored", err, last, len(acked))
			return nil
		}
		came := float64(int64(len(acked))-first) / down.Seconds()
		went := float64(last-first) / took.Seconds()
		if went < 5*came && !r.opts.Short { // the short subset leaves too little to measure
			r.late("the backlog is stored at %.0f/s, it came at %.0f/s: less than five times as fast", went, came)
		}
		r.note("%d that came at %.0f/s were stored at %.0f/s after", last-first, came, went)
		return nil
	}, nil
}

// refusesWrites checks what the API says to a change that cannot be stored. It
// may wait for the lock for a while, since most locks are held for moments.
func (r *rig) refusesWrites(ctx context.Context) {
	token, err := r.token(fleet.RoleDispatcher, "dana")
	if err != nil {
		r.breach("token: %v", err)
		return
	}
	began := time.Now()
	status, a := patiently(ctx, 15*time.Second, http.MethodPost, r.http+"/api/v1/shipments", token, `{"id":"s1"}`)
	if status != http.StatusServiceUnavailable || a.header.Get("Retry-After") == "" {
		r.breach("a change is answered with %d after %s while the database is locked, want 503 with Retry-After", status, time.Since(began))
	}
	if status, _ := get(ctx, r.http+"/api/v1/drivers", token); status != http.StatusOK {
		r.breach("GET /drivers = %d while the database takes no writes", status)
	}
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

// alarms fills one partition until readiness tells operators, which is long
// before publishers are refused: with reports whose unknown keys are too large to
// be stored, so they come to be dead letters.
func (r *rig) alarms(ctx context.Context, broker *process) error {
	const driver, boot = "verbose", "alarm"
	c, err := r.dialDriver(ctx, driver, nil)
	if err != nil {
		return err
	}
	defer c.close()
	var b strings.Builder
	for b.Len() < 60<<10 { // random, for the stream may compress
		b.WriteString(rand.Text())
	}
	padding := map[string]any{"note": b.String()}
	began, base := time.Now(), time.Now().Add(-time.Hour)
	for seq := int64(1); time.Since(began) < 30*time.Second; seq++ {
		if err := c.publish(r.locationTopic(driver), fixPayload(base.Add(time.Duration(seq)*time.Second), boot, seq, padding), 10*time.Second); err != nil {
			r.breach("refused before the alarm: %v", err)
			return nil
		}
		var state struct {
			Alarm bool    `json:"stream_alarm"`
			Fill  float64 `json:"stream_fill"`
		}
		if status, answered := get(ctx, broker.ready, ""); status == http.StatusOK && answered.decode(&state) == nil && state.Alarm {
			r.note("the alarm was raised with the stream at %.0f %%", 100*state.Fill)
			return nil
		}
		if err := wait(ctx, 150*time.Millisecond); err != nil { // the fill is looked at every second
			return err
		}
	}
	r.breach("no alarm in 30s")
	return nil
}

// slowDatabase is F8: each row takes 50 ms. The backlog waits on the disk, and
// operators are told before it is full.
func slowDatabase(ctx context.Context, r *rig) error {
	a, err := r.upApart(ctx, nil, "DRAY_STREAM_MAX_BYTES=64MiB") // 4 MiB for each partition
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
	if err := wait(ctx, 25*time.Second); err != nil {
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
		r.late("acknowledgements p99 %s against %s before", during, before)
	}
	memory := a.ingest.resident()
	if memory > 256<<20 {
		r.breach("the backlog is in memory: ingest has %d MiB", memory>>20)
	}
	r.note("acknowledgements p99 %s before, %s with a slow database; it stored %d in 25s; ingest's memory %d MiB",
		before.Round(time.Millisecond), during.Round(time.Millisecond), now-stored, memory>>20)
	if err := a.ingest.signal(syscall.SIGSTOP); err != nil { // as slow as can be
		return err
	}
	if err := errors.Join(r.alarms(ctx, a.broker), a.ingest.signal(syscall.SIGCONT)); err != nil {
		return err
	}
	if _, err := r.db.ExecContext(ctx, `CREATE OR REPLACE FUNCTION chaos_slow() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'`); err != nil {
		return err
	}
	if err := r.recovered(ctx, time.Now(), 45*time.Second); err != nil { // the statement that runs ends first
		return err
	}
	return r.settle(ctx)
}
