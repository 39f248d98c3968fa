package api

import (
	"context"
	"time"

	"github.com/dray-fleet/dray/fleet"
)

// Gaps are the fixes of a driver that never arrived, by their numbers.
type Gaps struct {
	Driver  string      `json:"driver"`
	From    stamp       `json:"from"`
	To      stamp       `json:"to"`
	Items   []SourceGap `json:"items" nullable:"false" doc:"Oldest first for each source; at most 1000."`
	Missing int64       `json:"missing" doc:"Fixes, also of the gaps that are not listed."`
}

// A SourceGap is a gap and whose it is.
type SourceGap struct {
	Gap
	Source   string `json:"source,omitempty"`
	Boot     string `json:"boot,omitempty"`
	FirstSeq int64  `json:"first_seq"`
	LastSeq  int64  `json:"last_seq"`
}

func (a *API) gapRoutes() {
	register(a, operation{method: "GET", path: "/drivers/{id}/gaps", id: "list-gaps", summary: "What a driver's devices sent and never arrived",
		time: trackTime}, readers, a.listGaps)
}

func (a *API) listGaps(ctx context.Context, in *struct {
	OneDriver
	From time.Time `query:"from" doc:"Default: a day before to." example:"2026-05-01T06:00:00.000Z"`
	To   time.Time `query:"to" doc:"Not included; default: now." example:"2026-05-01T18:00:00.000Z"`
}) (*body[Gaps], error) {
	c := callerOf(ctx)
	if !c.mayRead(in.ID) {
		return nil, errForbidden
	}
	q := fleet.TrackQuery{Fleet: c.fleet, Driver: in.ID, From: in.From, To: in.To}
	if err := span(&q, time.Now()); err != nil {
		return nil, err
	}
	if _, err := a.Store.Driver(ctx, c.fleet, in.ID); err != nil {
		return nil, err
	}
	found, err := a.Store.Gaps(ctx, q)
	if err != nil {
		return nil, err
	}
	out := Gaps{Driver: in.ID, From: at(q.From), To: at(q.To), Items: []SourceGap{}}
	for i, g := range found {
		out.Missing += g.Missing()
		if i < maxGaps {
			out.Items = append(out.Items, SourceGap{Gap{at(g.From), at(g.To), g.Missing()}, g.Source, g.Boot, g.FirstSeq, g.LastSeq})
		}
	}
	return reply(out), nil
}
