package history

import (
	"context"
	"fmt"
	"syscall"
	"time"

	"github.com/dray-fleet/dray/fleet"
)

const (
	forecastFrom  = 7 * 24 * time.Hour  // the growth of these last days goes on
	forecastLeast = time.Hour           // less than this says nothing of days
	forecastWarn  = 14 * 24 * time.Hour // a disk full sooner is told in the log
)

// Forecast returns how long the disk of the database will do if it grows on as
// in the last days.
func (k *Keeper) Forecast(ctx context.Context, now time.Time) (fleet.Forecast, error) {
	space, err := k.store.Space(ctx)
	if err != nil {
		return fleet.Forecast{}, err
	}
	usage, err := k.store.Usage(ctx, now.Add(-forecastFrom))
	if err != nil {
		return fleet.Forecast{}, err
	}
	free, err := k.free(space)
	if err != nil {
		return fleet.Forecast{}, err
	}
	return forecast(usage, space.Bytes, free, now), nil
}

// free returns how much the database may still take, in bytes; -1 is unknown.
func (k *Keeper) free(space fleet.Space) (int64, error) {
	free := int64(-1)
	if space.Folder != "" {
		var st syscall.Statfs_t
		if err := syscall.Statfs(space.Folder, &st); err != nil {
			return 0, fmt.Errorf("free space of %s: %w", space.Folder, err)
		}
		free = int64(st.Bavail) * st.Bsize
	}
	if k.opts.MaxBytes > 0 {
		left := max(k.opts.MaxBytes-space.Bytes, 0)
		if free < 0 || left < free {
			free = left
		}
	}
	return free, nil
}

// forecast continues the line from the first of usage to what the database has
// now. Free is -1 when it is unknown.
func forecast(usage []fleet.Usage, bytes, free int64, now time.Time) fleet.Forecast {
	f := fleet.Forecast{Bytes: bytes, Free: max(free, 0), HasFree: free >= 0}
	if len(usage) == 0 || now.Sub(usage[0].At) < forecastLeast {
		return f
	}
	days := now.Sub(usage[0].At).Hours() / 24
	f.Since, f.Daily = usage[0].At, int64(float64(bytes-usage[0].Bytes)/days)
	if f.Daily <= 0 || !f.HasFree {
		return f
	}
	if left := float64(free) / float64(f.Daily); left <= 36_500 { // days
		f.FullAt = now.Add(time.Duration(left * 24 * float64(time.Hour)))
	}
	return f
}

// warn notes how large the database is, publishes the forecast, and says so when
// the end is near.
func (k *Keeper) warn(ctx context.Context, now time.Time) error {
	f, err := k.Forecast(ctx, now)
	if err != nil {
		return err
	}
	if err := k.store.SaveUsage(ctx, fleet.Usage{At: now.UTC().Truncate(time.Minute), Bytes: f.Bytes}); err != nil {
		return err
	}
	if f.FullAt.IsZero() {
		k.metrics.full.Set(0)
		return nil
	}
	k.metrics.full.Set(float64(f.FullAt.Unix()))
	if f.FullAt.Sub(now) < forecastWarn {
		k.log.Warn("the disk will be full", "on", f.FullAt.Format(time.DateOnly))
	}
	return nil
}
