package packed

import (
	"context"
	"errors"
	"time"

	"github.com/dray-fleet/dray/fleet"
)

// tripRead is how far before a time the fixes are read to know what trip was
// going on then, and how far after one to find its end.
const tripRead = 24 * time.Hour

// A tracker is a store's Track.
type tracker func(ctx context.Context, q fleet.TrackQuery, fn func(*fleet.Position) error) error

var errEnough = errors.New("enough")

// Trips returns the trips of a driver that overlap [q.From, q.To) and are not
// stored yet: those after until, which is zero when none are.
func Trips(ctx context.Context, track tracker, q fleet.TrackQuery, until time.Time) ([]fleet.Trip, error) {
	from, to := q.From, q.To
	q.From, q.To = from.Add(-tripRead), to.Add(tripRead)
	if q.From.Before(until) {
		q.From = until
	}
	var f fleet.TripFinder
	err := track(ctx, q, func(p *fleet.Position) error {
		if f.Add(p.Fix); f.Open() == nil && !p.FixAt.Before(to) {
			return errEnough
		}
		return nil
	})
	if err != nil && !errors.Is(err, errEnough) {
		return nil, err
	}
	f.Finish(earlier(q.To, time.Now()))
	trips := f.Trips
	if open := f.Open(); open != nil {
		trips = append(trips, *open)
	}
	var list []fleet.Trip
	for _, t := range trips {
		if t.From.Before(to) && t.To.After(from) {
			list = append(list, t)
		}
	}
	return list, nil
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

// NewTrips returns the trips of q that are over, and until when they are all
// that there are; zero when there is nothing at all.
func NewTrips(ctx context.Context, track tracker, q fleet.TrackQuery) (trips []fleet.Trip, until time.Time, err error) {
	var f fleet.TripFinder
	err = track(ctx, q, func(p *fleet.Position) error { f.Add(p.Fix); return nil })
	f.Finish(q.To)
	return f.Trips, f.Settled(), err
}
