package history

import (
	"context"
	"fmt"
	"syscall"
	"time"

	"github.com/dray-fleet/dray/fleet"
)

const (
	forecastFrom = 7 * 24 * time.Hour  // the growth of these last days goes on
	forecastWarn = 14 * 24 * time.Hour // a disk full sooner is told in the log
)

// Forecast returns when the disk will be full if the database grows on as in the
// last days; the zero time when it does not grow, when less than a day is known
// of it, or when the disk is another machine's.
func (k *Keeper) Forecast(ctx context.Context, now time.Time) (time.Time, error) {
	if k.opts.Dir == "" {
		return time.Time{}, nil
	}
	usage, err := k.store.Usage(ctx, now.Add(-forecastFrom).UTC().Truncate(24*time.Hour))
	if err != nil {
		return time.Time{}, err
	}
	free, err := freeBytes(k.opts.Dir)
	if err != nil {
		return time.Time{}, err
	}
	return fullAt(usage, free, now), nil
}

// fullAt continues the line from the first to the last of usage.
func fullAt(usage []fleet.Usage, free int64, now time.Time) time.Time {
	if len(usage) < 2 {
		return time.Time{}
	}
	first, last := usage[0], usage[len(usage)-1]
	grown, days := last.Bytes-first.Bytes, last.Day.Sub(first.Day).Hours()/24
	if grown <= 0 || days <= 0 {
		return time.Time{}
	}
	left := float64(free) / (float64(grown) / days) // days
	if left > 36_500 {
		return time.Time{}
	}
	return now.Add(time.Duration(left * 24 * float64(time.Hour)))
}

func freeBytes(dir string) (int64, error) {
	var st syscall.Statfs_t
	if err := syscall.Statfs(dir, &st); err != nil {
		return 0, fmt.Errorf("free space of %s: %w", dir, err)
	}
	return int64(st.Bavail) * st.Bsize, nil
}

// warn publishes the forecast, and says so when it is near.
func (k *Keeper) warn(ctx context.Context, now time.Time) error {
	full, err := k.Forecast(ctx, now)
	if err != nil || full.IsZero() {
		k.metrics.full.Set(0)
		return err
	}
	k.metrics.full.Set(float64(full.Unix()))
	if full.Sub(now) < forecastWarn {
		k.log.Warn("the disk will be full", "on", full.Format(time.DateOnly))
	}
	return nil
}
