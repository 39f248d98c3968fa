package api

import (
	"bufio"
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/dray-fleet/dray/fleet"
)

const (
	trackTime = time.Minute         // to read and send one
	maxSpan   = 31 * 24 * time.Hour // of one track
	maxGaps   = 1000
	maxPoints = 10_000 // of one that is simplified
)

var lastYear = time.Date(2200, 12, 31, 0, 0, 0, 0, time.UTC)

// A Track is where a driver was, oldest first.
type Track struct {
	Driver  string       `json:"driver"`
	From    stamp        `json:"from"`
	To      stamp        `json:"to"`
	Points  []TrackPoint `json:"points" nullable:"false"`
	Gaps    []Gap        `json:"gaps" nullable:"false" doc:"Fixes that never arrived, by their numbers; at most 1000."`
	Thinned int64        `json:"thinned" doc:"Fixes of this driver that the rate limit left out of history, in all."`
}

// A TrackPoint is one position of a track.
type TrackPoint struct {
	FixAt    stamp    `json:"fix_at"`
	Lat      float64  `json:"lat"`
	Lon      float64  `json:"lon"`
	Speed    *float64 `json:"speed_mps,omitempty"`
	Heading  *float64 `json:"heading_deg,omitempty"`
	Accuracy *float64 `json:"accuracy_m,omitempty"`
	Source   string   `json:"source,omitempty"`
	Aside    bool     `json:"quarantined,omitempty" doc:"It was too far in the future and set aside: a fix of ?quarantined=true."`
}

// A Gap lies between two fixes that did arrive.
type Gap struct {
	From    stamp `json:"from"`
	To      stamp `json:"to"`
	Missing int64 `json:"missing"`
}

type trackInput struct {
	OneDriver
	From   time.Time `query:"from" doc:"Default: a day before to." example:"2026-05-01T06:00:00.000Z"`
	To     time.Time `query:"to" doc:"Not included; default: now." example:"2026-05-01T18:00:00.000Z"`
	Max    int       `query:"max_points" minimum:"2" maximum:"10000" doc:"Simplify to so many points, keeping the shape. Default: all; for geojson 10000."`
	Format string    `query:"format" enum:"json,geojson,gpx,csv" default:"json"`
	Aside  bool      `query:"quarantined" doc:"Instead the fixes that were too far in the future and set aside; default of from and to: all of them."`
}

// stream is a body that is written while it is read from the store.
type stream struct{ Body func(huma.Context) }

func (a *API) trackRoutes() {
	content := map[string]*huma.MediaType{
		"application/json": {Schema: huma.SchemaFromType(a.huma.OpenAPI().Components.Schemas, trackType)},
	}
	for _, f := range trackFormats {
		if content[f.contentType] == nil {
			content[f.contentType] = &huma.MediaType{Schema: &huma.Schema{Type: huma.TypeString}}
		}
	}
	register(a, operation{method: "GET", path: "/drivers/{id}/track", id: "read-track", summary: "Where a driver was",
		time: trackTime, responses: map[string]*huma.Response{"200": {Description: "OK", Content: content}}}, readers, a.readTrack)
}

func (a *API) readTrack(ctx context.Context, in *trackInput) (*stream, error) {
	c := callerOf(ctx)
	if !c.mayRead(in.ID) {
		return nil, errForbidden
	}
	q := fleet.TrackQuery{Fleet: c.fleet, Driver: in.ID, From: in.From, To: in.To, Quarantined: in.Aside}
	if err := span(&q, time.Now()); err != nil {
		return nil, err
	}
	d, err := a.Store.Driver(ctx, c.fleet, in.ID)
	if err != nil {
		return nil, err
	}
	t := Track{Driver: d.ID, From: at(q.From), To: at(q.To), Thinned: d.Thinned, Gaps: []Gap{}}
	if in.Format == "json" && !in.Aside {
		gaps, err := a.Store.Gaps(ctx, q)
		if err != nil {
			return nil, err
		}
		for _, g := range gaps[:min(len(gaps), maxGaps)] {
			t.Gaps = append(t.Gaps, Gap{at(g.From), at(g.To), g.Missing()})
		}
	}
	return &stream{func(hc huma.Context) { a.sendTrack(hc, q, t, in) }}, nil
}

// span fills in and checks the time asked for.
func span(q *fleet.TrackQuery, now time.Time) error {
	if q.Quarantined && q.From.IsZero() && q.To.IsZero() { // a wrong clock may say any year
		q.From, q.To = time.Unix(0, 0), lastYear
		return nil
	}
	if q.To.IsZero() {
		q.To = now
	}
	if q.From.IsZero() {
		q.From = q.To.Add(-24 * time.Hour)
	}
	switch {
	case q.To.Year() < 1970 || q.To.After(lastYear):
		return fleet.Invalid("query.to", "must be between the years 1970 and 2200")
	case q.From.Year() < 1970 || q.From.After(lastYear):
		return fleet.Invalid("query.from", "must be between the years 1970 and 2200")
	case q.From.After(q.To):
		return fleet.Invalid("query.from", "is after query.to")
	case q.To.Sub(q.From) > maxSpan:
		return fleet.Invalid("query.from", "is more than 31 days before query.to")
	}
	return nil
}

// sendTrack writes the track as it comes from the store. An error before the
// first byte is a problem; one after it breaks the response off, so that half
// a track is not taken for a whole one.
func (a *API) sendTrack(hc huma.Context, q fleet.TrackQuery, t Track, in *trackInput) {
	_, w := humago.Unwrap(hc)
	format := trackFormats[in.Format]
	lazy := &lazyWriter{w: w, contentType: format.contentType}
	out := bufio.NewWriterSize(lazy, 32<<10)
	enc := format.open(out, t)

	limit := in.Max
	if limit == 0 {
		limit = format.maxPoints
	}
	var err error
	if limit == 0 {
		err = a.Store.Track(hc.Context(), q, enc.point)
	} else {
		s := &simplifier{max: limit, hold: maxPoints}
		err = a.Store.Track(hc.Context(), q, func(p *fleet.Position) error { s.add(p); return nil })
		if err == nil {
			err = s.each(enc.point)
		}
	}
	if err == nil {
		err = enc.close()
	}
	if err == nil {
		err = out.Flush()
	}
	switch {
	case err == nil:
	case !lazy.begun:
		writeProblem(w, a.problem(hc.Context(), err))
	default:
		a.Logger.Warn("api: track broken off", "driver", q.Driver, "error", err)
		panic(http.ErrAbortHandler)
	}
}

// lazyWriter sends the header with the first byte.
type lazyWriter struct {
	w           http.ResponseWriter
	contentType string
	begun       bool
}

func (l *lazyWriter) Write(b []byte) (int, error) {
	if !l.begun {
		l.begun = true
		l.w.Header().Set("Content-Type", l.contentType)
		l.w.WriteHeader(http.StatusOK)
	}
	return l.w.Write(b)
}
