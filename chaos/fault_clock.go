package chaos

import (
	"context"
	"crypto/rand"
	"errors"
	"net/http"
	"time"

	"github.com/dray-fleet/dray/auth"
	"github.com/dray-fleet/dray/fleet"
)

// skewClocks is F9: devices whose clocks are wrong, and then a server whose
// clock is set an hour forward, an hour back, and right again.
func skewClocks(ctx context.Context, r *rig) error {
	p, err := r.serve(ctx)
	if err != nil {
		return err
	}
	c, missing := newClock(p)
	if missing == nil {
		r.closers = append(r.closers, c.close)
	}
	if err := r.load(ctx, 20, 0); err != nil {
		return err
	}
	if err := r.skewDevices(ctx); err != nil {
		return err
	}
	if missing == nil {
		if err := r.turnServer(ctx, c); err != nil {
			return err
		}
	}
	return errors.Join(r.settle(ctx), missing)
}

// skewDevices reports fixes of times that are not now. They are kept, and none
// that is older, or not yet, becomes the latest.
func (r *rig) skewDevices(ctx context.Context) error {
	const driver = "skewed"
	boot := rand.Text()[:12]
	c, err := r.dialDriver(ctx, driver, nil)
	if err != nil {
		return err
	}
	defer c.close()
	now := time.Now().UTC().Truncate(time.Millisecond)
	for i, at := range []time.Time{now, now.Add(10 * time.Minute), now.Add(-400 * 24 * time.Hour), time.UnixMilli(0), now.Add(-time.Hour), now.Add(365 * 24 * time.Hour)} {
		said := report{driver, boot, int64(i + 1)}
		r.account.noteSent(said)
		if err := c.publish(r.locationTopic(driver), fixPayload(at, boot, said.seq, nil), 10*time.Second); err != nil {
			return err
		}
		if at.UnixMilli() > 0 { // 1970 is no time of a fix: a dead letter
			r.account.noteAcked(said)
		}
	}
	return r.latestIs(ctx, driver, now)
}

// latestIs waits until the latest position of a driver is that of its fix at t,
// up to ten seconds, and sees that it stays so for one.
func (r *rig) latestIs(ctx context.Context, driver string, t time.Time) error {
	token, err := r.token(fleet.RoleDispatcher, "dana")
	if err != nil {
		return err
	}
	latest := func() time.Time {
		var d struct {
			Position struct {
				FixAt time.Time `json:"fix_at"`
			} `json:"position"`
		}
		if status, a := get(ctx, r.http+"/api/v1/drivers/"+driver, token); status != http.StatusOK || a.decode(&d) != nil {
			return time.Time{}
		}
		return d.Position.FixAt
	}
	limit, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	err = poll(limit, "the latest", func() (bool, error) { return latest().Equal(t), nil })
	if err == nil {
		err = wait(ctx, time.Second)
	}
	if got := latest(); err != nil || !got.Equal(t) {
		r.breach("the latest fix of %s is of %s, want %s", driver, got, t)
	}
	return ctx.Err()
}

// turnServer sets the server's clock. Connections stay, whatever their tokens
// look like now; what is reported is acknowledged and kept; the latest position
// is the newest one; and when the clock is right again, all is as it was.
func (r *rig) turnServer(ctx context.Context, c *clock) error {
	const driver = "steady"
	token, err := r.minter.Mint(&auth.Claims{Subject: driver, Fleet: fleetID, Role: fleet.RoleDriver, ExpiresAt: time.Now().Add(15 * time.Minute)})
	if err != nil {
		return err
	}
	link, err := dial(ctx, r.mqtt, driver, driver, token, nil)
	if err != nil {
		return err
	}
	defer link.close()
	boot, seq := rand.Text()[:12], int64(0)
	for _, by := range []time.Duration{0, time.Hour, 0, -time.Hour, 0} {
		before := r.connections(ctx)
		if err := c.set(by); err != nil {
			return err
		}
		began := time.Now()
		var at time.Time
		for time.Since(began) < 4*time.Second {
			seq++
			at = time.Now().UTC().Truncate(time.Millisecond)
			said := report{driver, boot, seq}
			r.account.noteSent(said)
			if err := link.publish(r.locationTopic(driver), fixPayload(at, boot, seq, map[string]any{"sent_at": at.UnixMilli()}), 5*time.Second); err != nil {
				r.breach("with the clock off by %s a report was not acknowledged: %v", by, err)
				return nil
			}
			r.account.noteAcked(said)
			if err := wait(ctx, 100*time.Millisecond); err != nil {
				return err
			}
		}
		if after := r.connections(ctx); after < before {
			r.breach("with the clock off by %s, %.0f of %.0f connections are left", by, after, before)
		}
		if !r.flows(ctx, began.Add(3*time.Second)) || !r.watcher.heardSince(began.Add(3*time.Second)) {
			r.breach("with the clock off by %s nothing flows", by)
		}
		if err := r.latestIs(ctx, driver, at); err != nil {
			return err
		}
	}
	r.note("the server's clock was set an hour forward, right, an hour back and right again")
	return nil
}

func (r *rig) connections(ctx context.Context) float64 {
	_, a := get(ctx, r.admins["serve"]+"/metrics", "")
	return a.metric("dray_broker_connections")
}
