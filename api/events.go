package api

import (
	"context"
	"encoding/json"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/dray-fleet/dray/fleet"
)

const (
	maxWait  = time.Minute            // of one long poll
	maxPolls = 2000                   // at once
	lookTime = 500 * time.Millisecond // between two looks of a long poll that nothing has woken
)

// An Event is something that happened.
type Event struct {
	Cursor int64           `json:"cursor" doc:"To go on after."`
	Kind   string          `json:"kind" example:"shipment.delivered"`
	At     stamp           `json:"at"`
	Actor  string          `json:"actor" doc:"Who did it; sql for a change that was made in the database by hand."`
	Entity string          `json:"entity" example:"shipment"`
	ID     string          `json:"id" doc:"Of the entity."`
	Data   json.RawMessage `json:"data" doc:"The entity after the change."`
}

// Events are a piece of the feed.
type Events struct {
	Items []Event `json:"items" nullable:"false"`
	Next  string  `json:"next" doc:"For after, also when there are no items."`
}

func (a *API) eventRoutes() {
	register(a, operation{method: "GET", path: "/events", id: "list-events", time: maxWait + requestTime,
		summary: "Everything that happened in the fleet, in one order; waits for more"}, alerted, a.listEvents)
}

func (a *API) listEvents(ctx context.Context, in *struct {
	InFleet
	After string   `query:"after" maxLength:"20" doc:"next of the answer before; \"latest\" begins with what happens from now on. Default: the oldest that is kept." example:"1207"`
	Wait  string   `query:"wait" maxLength:"10" doc:"Longest wait for the first event, at most 60s." example:"30s"`
	Kinds []string `query:"kind" maxItems:"50" doc:"Kinds, or entities for all of their kinds." example:"shipment,alert.opened"`
	Limit int      `query:"limit" minimum:"1" maximum:"1000" default:"100"`
}) (*body[Events], error) {
	c := callerOf(ctx)
	if !c.MaySubscribe("fleet/" + c.fleet + "/#") {
		return nil, errForbidden
	}
	q := fleet.EventQuery{Fleet: c.fleet, Kinds: in.Kinds, Limit: in.Limit}
	for _, kind := range q.Kinds {
		if !fleet.ValidText(kind) || kind == "" || len(kind) > 2*fleet.MaxID {
			return nil, fleet.Invalid("query.kind", "holds one that is not a kind")
		}
	}
	var wait time.Duration
	var err error
	if in.Wait != "" {
		if wait, err = time.ParseDuration(in.Wait); err != nil || wait < 0 || wait > maxWait {
			return nil, fleet.Invalid("query.wait", "must be between 0s and 60s")
		}
	}
	switch in.After {
	case "":
	case "latest":
		if q.After, err = a.Store.LastEvent(ctx); err != nil {
			return nil, err
		}
	default:
		n, err := strconv.ParseUint(in.After, 10, 63)
		if err != nil {
			return nil, fleet.Invalid("query.after", "is not a cursor of this feed")
		}
		q.After = int64(n)
	}
	found, err := a.await(ctx, q, wait)
	if err != nil {
		return nil, err
	}
	out := Events{Items: make([]Event, len(found)), Next: strconv.FormatInt(q.After, 10)}
	for i, e := range found {
		out.Items[i] = Event{e.Cursor, e.Kind, at(e.At), e.Actor, e.Entity, e.ID, e.Data}
		out.Next = strconv.FormatInt(e.Cursor, 10)
	}
	return reply(out), nil
}

// await returns events as soon as there are any, and none after the wait.
func (a *API) await(ctx context.Context, q fleet.EventQuery, wait time.Duration) ([]fleet.Event, error) {
	end := time.Now().Add(wait)
	if wait > 0 {
		select {
		case a.polls <- struct{}{}:
			defer func() { <-a.polls }()
		default:
			return nil, withRetry(huma.Error503ServiceUnavailable("too many wait for events"), http.StatusServiceUnavailable, 5*time.Second)
		}
	}
	for {
		news := a.news.wait() // before the look, so that nothing falls between them
		found, err := a.Store.Events(ctx, q)
		left := time.Until(end)
		if err != nil || len(found) > 0 || left <= 0 {
			return found, err
		}
		timer := time.NewTimer(min(left, lookTime))
		select {
		case <-ctx.Done():
		case <-news:
		case <-timer.C:
		}
		timer.Stop()
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
	}
}

// Run wakes those who wait for events until ctx is done. Without it they look
// now and then.
func (a *API) Run(ctx context.Context) error {
	for ctx.Err() == nil {
		if err := a.Store.Listen(ctx, func() {}, a.news.tell); err != nil && ctx.Err() == nil {
			a.Logger.Warn("api: listen for events", "error", err)
		}
		select {
		case <-ctx.Done():
		case <-time.After(time.Second):
		}
	}
	return nil
}

// A bell wakes all who wait.
type bell struct {
	mu   sync.Mutex
	rung chan struct{} // closed at the next ring; nil when nobody waits
}

func (b *bell) wait() <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.rung == nil {
		b.rung = make(chan struct{})
	}
	return b.rung
}

func (b *bell) tell() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.rung != nil {
		close(b.rung)
		b.rung = nil
	}
}
