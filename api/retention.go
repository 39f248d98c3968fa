package api

import (
	"context"
	"net/http"
	"time"

	"github.com/dray-fleet/dray/fleet"
)

// A Keeper removes history that a fleet does not want to keep any longer.
type Keeper interface {
	// Would returns what limits would remove, Remove what it has removed at once.
	Would(ctx context.Context, rs []fleet.Retention, now time.Time) ([]fleet.Expiry, error)
	Remove(ctx context.Context, r fleet.Retention, now time.Time) (fleet.Expiry, error)
	Forecast(ctx context.Context, now time.Time) (fleet.Forecast, error)
}

// Retention is how long a fleet keeps its history.
type Retention struct {
	RawDays      *int `json:"raw_days" doc:"Days that quarantined fixes and dead letters are kept, from their receipt; null is for ever."`
	PackedMonths *int `json:"packed_months" doc:"Months that positions are kept, from their fix time; null is for ever. Trips are kept for ever."`
}

// A RetentionRequest sets it. What is absent is kept for ever.
type RetentionRequest struct {
	RawDays      *int `json:"raw_days,omitempty" minimum:"0" maximum:"36500" nullable:"true" example:"90" doc:"0 and null are for ever."`
	PackedMonths *int `json:"packed_months,omitempty" minimum:"0" maximum:"1200" nullable:"true" example:"24" doc:"0 and null are for ever."`
}

// An Expiry is what retention removes, or would remove.
type Expiry struct {
	Before      *stamp `json:"before" nullable:"true" doc:"Positions older than this; null: none."`
	RawBefore   *stamp `json:"raw_before" nullable:"true" doc:"Quarantined fixes and dead letters received before this; null: none."`
	Positions   int64  `json:"positions" doc:"Packed ones among them."`
	PackedBytes int64  `json:"packed_bytes" doc:"That the packed ones take."`
	Quarantined int64  `json:"quarantined"`
	DeadLetters int64  `json:"dead_letters"`
}

// A Forecast says when the disk of the database will be full.
type Forecast struct {
	DiskFullAt    *stamp `json:"disk_full_at" nullable:"true" doc:"At the growth of the last days; null: not known, or not in 100 years."`
	DatabaseBytes int64  `json:"database_bytes"`
	FreeBytes     *int64 `json:"free_bytes" doc:"That the database may still take; null where its disk cannot be seen and store.max_bytes is not set."`
	DailyBytes    *int64 `json:"daily_bytes" doc:"By which it grew a day; null while less than an hour is known."`
	Since         *stamp `json:"since" nullable:"true" doc:"From when on the growth is known."`
}

func (a *API) retentionRoutes() {
	register(a, operation{method: "GET", path: "/retention", id: "read-retention", summary: "How long history is kept"}, admins, a.readRetention)
	register(a, operation{method: "PUT", path: "/retention", id: "set-retention", status: http.StatusOK,
		summary: "Set how long history is kept; it holds from the next hourly pass on"}, admins, a.setRetention)
	register(a, operation{method: "GET", path: "/retention/forecast", id: "forecast-retention", summary: "When the disk of the database will be full"}, admins, a.forecast)
	register(a, operation{method: "POST", path: "/retention/dry-run", id: "try-retention", status: http.StatusOK, time: trackTime,
		summary: "What retention would remove now, as it is set or as the body says; changes nothing"}, admins, a.tryRetention)
	register(a, operation{method: "POST", path: "/retention/run", id: "run-retention", status: http.StatusOK, time: sendTime - requestTime,
		summary: "Remove now what is older than the retention that is set, without waiting for the next pass"}, admins, a.runRetention)
}

func (a *API) readRetention(ctx context.Context, _ *InFleet) (*body[Retention], error) {
	r, err := a.Store.Retention(ctx, callerOf(ctx).fleet)
	return reply(retention(&r)), err
}

func (a *API) setRetention(ctx context.Context, in *struct {
	InFleet
	Body RetentionRequest
}) (*body[Retention], error) {
	before, err := a.Store.Retention(ctx, callerOf(ctx).fleet)
	if err != nil {
		return nil, err
	}
	r := in.Body.of(callerOf(ctx).fleet)
	if err := a.Store.SaveRetention(ctx, r); err != nil {
		return nil, inBody(err)
	}
	return reply(retention(&r)), a.audit(ctx, "set", "retention", "", retention(&before), retention(&r))
}

func (a *API) tryRetention(ctx context.Context, in *struct {
	InFleet
	Body *RetentionRequest
}) (*body[Expiry], error) {
	r, err := a.Store.Retention(ctx, callerOf(ctx).fleet)
	if in.Body != nil {
		r = in.Body.of(callerOf(ctx).fleet)
	}
	if err != nil {
		return nil, err
	}
	list, err := a.Keeper.Would(ctx, []fleet.Retention{r}, time.Now())
	if err != nil || len(list) == 0 {
		return reply(Expiry{}), err
	}
	return reply(expiry(&list[0])), nil
}

func (a *API) runRetention(ctx context.Context, _ *InFleet) (*body[Expiry], error) {
	r, err := a.Store.Retention(ctx, callerOf(ctx).fleet)
	if err != nil {
		return nil, err
	}
	gone, err := a.Keeper.Remove(ctx, r, time.Now())
	if err != nil {
		return nil, err
	}
	return reply(expiry(&gone)), a.audit(ctx, "run", "retention", "", nil, expiry(&gone))
}

func (a *API) forecast(ctx context.Context, _ *InFleet) (*body[Forecast], error) {
	f, err := a.Keeper.Forecast(ctx, time.Now())
	if err != nil {
		return nil, err
	}
	out := Forecast{DiskFullAt: atOrNull(f.FullAt), DatabaseBytes: f.Bytes, Since: atOrNull(f.Since)}
	if f.HasFree {
		out.FreeBytes = &f.Free
	}
	if !f.Since.IsZero() {
		out.DailyBytes = &f.Daily
	}
	return reply(out), nil
}

// of returns the retention of a fleet as r says.
func (r *RetentionRequest) of(fleetID string) fleet.Retention {
	out := fleet.Retention{Fleet: fleetID}
	if r.RawDays != nil {
		out.RawDays = *r.RawDays
	}
	if r.PackedMonths != nil {
		out.PackedMonths = *r.PackedMonths
	}
	return out
}

func retention(r *fleet.Retention) Retention {
	var out Retention
	if r.RawDays > 0 {
		out.RawDays = &r.RawDays
	}
	if r.PackedMonths > 0 {
		out.PackedMonths = &r.PackedMonths
	}
	return out
}

func expiry(e *fleet.Expiry) Expiry {
	return Expiry{atOrNull(e.Before), atOrNull(e.RawBefore), e.Positions, e.Bytes, e.Quarantined, e.DeadLetters}
}
