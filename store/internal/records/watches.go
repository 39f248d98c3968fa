package records

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/dray-fleet/dray/fleet"
)

// AllGeofences returns the geofences of every fleet, unless they are those of
// the version that is known; see storetest.Records.
func (r *Records) AllGeofences(ctx context.Context, known int64) (all []fleet.Geofence, version int64, err error) {
	// The version is read first: of a change in between it is read again.
	if version, err = one(ctx, r, "read changes of geofences", number, "SELECT n FROM geofence_changes"); err != nil || version == known {
		return nil, version, err
	}
	all, err = list(ctx, r, "read geofences", scanGeofence, geofenceColumns+" ORDER BY fleet, id")
	return all, version, err
}

// watchesAtOnce bounds the drivers of one statement.
const watchesAtOnce = 500

// never is before any fix.
var never = time.Unix(0, 0)

type watchKey struct{ fleet, driver string }

// SaveSightings enters sightings, in the order of their time for each driver, in
// a batch's transaction, and tells what they mean.
func (r *Records) SaveSightings(ctx context.Context, tx Tx, sightings []fleet.Sighting) error {
	byDriver := map[watchKey][]*fleet.Sighting{}
	for i := range sightings {
		s := &sightings[i]
		key := watchKey{s.Fleet, s.Driver}
		byDriver[key] = append(byDriver[key], s)
	}
	var keys []watchKey
	for key := range byDriver {
		keys = append(keys, key)
	}
	// All writers lock drivers in one order.
	slices.SortFunc(keys, func(a, b watchKey) int {
		return cmp.Or(cmp.Compare(a.fleet, b.fleet), cmp.Compare(a.driver, b.driver))
	})
	for some := range slices.Chunk(keys, watchesAtOnce) {
		if err := r.watch(ctx, tx, some, byDriver); err != nil {
			return err
		}
	}
	return nil
}

func (r *Records) watch(ctx context.Context, tx Tx, keys []watchKey, sightings map[watchKey][]*fleet.Sighting) error {
	watches, err := r.lockWatches(ctx, tx, keys)
	if err != nil {
		return err
	}
	var rows []string
	var args []any
	for _, key := range keys {
		w := watches[key]
		for _, s := range sightings[key] {
			for _, e := range w.Enter(s) {
				if err := r.tellGeofence(ctx, tx, e); err != nil {
					return err
				}
			}
		}
		n := len(args)
		rows = append(rows, "("+places(n+1, 4)+")")
		visits := "{}"
		if len(w.Visits) > 0 {
			visits = encode(w.Visits)
		}
		args = append(args, key.fleet, key.driver, w.At, visits)
	}
	_, err = tx.Exec(ctx, "INSERT INTO geofence_watches (fleet, driver, fix_at, visits) VALUES "+strings.Join(rows, ", ")+
		" ON CONFLICT (fleet, driver) DO UPDATE SET fix_at = excluded.fix_at, visits = excluded.visits", args...)
	return err
}

// lockWatches reads what is known of drivers and keeps others off it until the
// commit. Of a new one a row is made first, for there is none to lock.
func (r *Records) lockWatches(ctx context.Context, tx Tx, keys []watchKey) (map[watchKey]*fleet.Watch, error) {
	found := make(map[watchKey]*fleet.Watch, len(keys))
	read := func(keys []watchKey) error {
		var rows []string
		var args []any
		for _, key := range keys {
			rows = append(rows, "("+places(len(args)+1, 2)+")")
			args = append(args, key.fleet, key.driver)
		}
		return tx.Query(ctx, func(scan func(...any) error) error {
			var key watchKey
			var w fleet.Watch
			err := scan(&key.fleet, &key.driver, moment{&w.At}, document{&w.Visits})
			found[key] = &w
			return err
		}, "SELECT fleet, driver, fix_at, visits FROM geofence_watches WHERE (fleet, driver) IN (VALUES "+strings.Join(rows, ", ")+
			") ORDER BY fleet, driver"+r.d.Lock, args...)
	}
	if err := read(keys); err != nil || len(found) == len(keys) {
		return found, err
	}
	var fresh []watchKey
	for _, key := range keys {
		if found[key] != nil {
			continue
		}
		fresh = append(fresh, key)
		if _, err := tx.Exec(ctx, "INSERT INTO geofence_watches (fleet, driver, fix_at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING", key.fleet, key.driver, never); err != nil {
			return nil, err
		}
	}
	return found, read(fresh)
}

// places returns n parameters from $first on.
func places(first, n int) string {
	var list []string
	for i := range n {
		list = append(list, "$"+strconv.Itoa(first+i))
	}
	return strings.Join(list, ", ")
}

// tellGeofence tells e unless the geofence is gone.
func (r *Records) tellGeofence(ctx context.Context, tx Tx, e fleet.GeofenceEvent) error {
	_, err := row(ctx, tx, number, "SELECT 1 FROM geofences WHERE fleet = $1 AND id = $2", e.Fleet, e.Geofence)
	if errors.Is(err, fleet.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	return r.tell(ctx, tx, fleet.Event{Kind: "geofence." + e.Event, Actor: e.Driver, Fleet: e.Fleet, Entity: "geofence", ID: e.Geofence, Data: []byte(encode(e))})
}
