package history

import (
	"context"
	"time"

	"github.com/dray-fleet/dray/fleet"
)

// A clock that jumps must not take fresh history with it. What decides is never
// more than ahead of the newest position, and after a jump, or a pause as long,
// nothing is removed until the clock has gone steadily for settle.
const (
	ahead  = 24 * time.Hour
	settle = 24 * time.Hour
	back   = time.Minute // by which clocks of several machines differ
)

// look returns c after a look at the clock, and whether it can be trusted.
func look(c fleet.RetentionClock, now time.Time) (next fleet.RetentionClock, steady bool) {
	next = fleet.RetentionClock{Seen: now, Steady: c.Steady}
	if since := now.Sub(c.Seen); c.Seen.IsZero() || since < -back || since > settle {
		next.Steady = now
	}
	return next, now.Sub(next.Steady) >= settle
}

// limits returns the limits that rs set at a time, for the fleets that have any.
// Positions go by whole days.
func limits(rs []fleet.Retention, now time.Time) []fleet.Expiry {
	var list []fleet.Expiry
	for _, r := range rs {
		e := fleet.Expiry{Fleet: r.Fleet}
		if r.PackedMonths > 0 {
			e.Before = now.UTC().AddDate(0, -r.PackedMonths, 0).Truncate(24 * time.Hour)
		}
		if r.RawDays > 0 {
			e.RawBefore = now.UTC().AddDate(0, 0, -r.RawDays)
		}
		if !e.Before.IsZero() || !e.RawBefore.IsZero() {
			list = append(list, e)
		}
	}
	return list
}

// Plan returns what retention would remove at a time, for each fleet that has
// limits; it changes nothing.
func (k *Keeper) Plan(ctx context.Context, now time.Time) ([]fleet.Expiry, error) {
	rs, err := k.store.Retentions(ctx)
	if err != nil {
		return nil, err
	}
	return k.Would(ctx, rs, now)
}

// Would returns what limits like these would remove at a time; it changes nothing.
func (k *Keeper) Would(ctx context.Context, rs []fleet.Retention, now time.Time) ([]fleet.Expiry, error) {
	list, err := k.limits(ctx, rs, now)
	if err != nil {
		return nil, err
	}
	for i := range list {
		if list[i], err = k.store.Expiring(ctx, list[i]); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// Remove removes at once what is over the limits of a fleet, for who has looked
// at the plan and knows what the time is, and returns what that was.
func (k *Keeper) Remove(ctx context.Context, r fleet.Retention, now time.Time) (fleet.Expiry, error) {
	list, err := k.Would(ctx, []fleet.Retention{r}, now)
	if err != nil || len(list) == 0 {
		return fleet.Expiry{Fleet: r.Fleet}, err
	}
	return list[0], k.store.Expire(ctx, list, func(time.Duration) error { return ctx.Err() })
}

// limits returns what rs mean at a time; nothing before there is a position.
func (k *Keeper) limits(ctx context.Context, rs []fleet.Retention, now time.Time) ([]fleet.Expiry, error) {
	newest, err := k.store.NewestReceipt(ctx)
	if err != nil || newest.IsZero() {
		return nil, err
	}
	if latest := newest.Add(ahead); now.After(latest) {
		now = latest
	}
	return limits(rs, now), nil
}

// expire removes what is over the limits, unless the clock cannot be trusted,
// and notes how large the database is.
func (k *Keeper) expire(ctx context.Context, now time.Time) error {
	c, err := k.store.RetentionClock(ctx)
	if err != nil {
		return err
	}
	next, steady := look(c, now)
	if err := k.store.SaveRetentionClock(ctx, next); err != nil {
		return err
	}
	if err := k.warn(ctx, now); err != nil {
		return err
	}
	if !steady {
		k.metrics.steady.Set(0)
		if !c.Seen.IsZero() && next.Steady.Equal(now) {
			k.log.Warn("the clock jumped, or nothing ran for long: retention waits", "seen", c.Seen, "now", now, "wait", settle)
		}
		return nil
	}
	k.metrics.steady.Set(1)
	rs, err := k.store.Retentions(ctx)
	if err != nil {
		return err
	}
	list, err := k.limits(ctx, rs, now)
	if err != nil || len(list) == 0 {
		return err
	}
	return k.store.Expire(ctx, list, rest(ctx))
}
