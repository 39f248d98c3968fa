package api

import (
	"context"
	"math"
	"time"

	"github.com/dray-fleet/dray/fleet"
)

// Trips are a driver's ways and the stops between them.
type Trips struct {
	Driver string `json:"driver"`
	From   stamp  `json:"from"`
	To     stamp  `json:"to"`
	Trips  []Trip `json:"trips" nullable:"false" doc:"Those that overlap the time asked for, oldest first."`
	Stops  []Stop `json:"stops" nullable:"false" doc:"Where the driver stood between two of them, for 5 minutes or more within 100 m."`
}

// A Trip is a way from one stop to the next.
type Trip struct {
	From     stamp   `json:"from"`
	To       stamp   `json:"to" doc:"Of a trip that goes on, the time of its last fix."`
	Start    Spot    `json:"start"`
	End      Spot    `json:"end"`
	Distance float64 `json:"distance_m"`
	Points   int     `json:"points" doc:"Fixes it was made from."`
	Ended    string  `json:"ended,omitempty" enum:"stop,gap" doc:"By a stop, or by 30 minutes without a fix; absent while it goes on."`
}

// A Stop is where a driver stood.
type Stop struct {
	From stamp `json:"from"`
	To   stamp `json:"to"`
	At   Spot  `json:"at"`
}

// A Spot is a point of the map.
type Spot struct {
	Lat float64 `json:"lat"`
	Lon float64 `json:"lon"`
}

func (a *API) tripRoutes() {
	register(a, operation{method: "GET", path: "/drivers/{id}/trips", id: "list-trips", summary: "The trips and stops of a driver",
		time: trackTime}, readers, a.listTrips)
}

func (a *API) listTrips(ctx context.Context, in *struct {
	OneDriver
	From time.Time `query:"from" doc:"Default: a day before to." example:"2026-05-01T06:00:00.000Z"`
	To   time.Time `query:"to" doc:"Not included; default: now." example:"2026-05-01T18:00:00.000Z"`
}) (*body[Trips], error) {
	c := callerOf(ctx)
	if !c.mayRead(in.ID) {
		return nil, errForbidden
	}
	q := fleet.TrackQuery{Fleet: c.fleet, Driver: in.ID, From: in.From, To: in.To}
	if err := span(&q, time.Now()); err != nil {
		return nil, err
	}
	list, err := a.Store.Trips(ctx, c.fleet, in.ID, q.From, q.To)
	if err != nil {
		return nil, err
	}
	out := Trips{Driver: in.ID, From: at(q.From), To: at(q.To), Trips: []Trip{}, Stops: []Stop{}}
	for _, t := range list {
		out.Trips = append(out.Trips, Trip{From: at(t.From), To: at(t.To), Start: Spot{t.FromLat, t.FromLon}, End: Spot{t.ToLat, t.ToLon},
			Distance: math.Round(t.Distance), Points: t.Points, Ended: t.Ended})
	}
	for _, s := range fleet.Stops(list) {
		out.Stops = append(out.Stops, Stop{From: at(s.From), To: at(s.To), At: Spot{s.Lat, s.Lon}})
	}
	return reply(out), nil
}
