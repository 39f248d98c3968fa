package api

import (
	"bufio"
	"context"
	"encoding/json"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/dray-fleet/dray/fleet"
)

const (
	replayTime = time.Hour      // longest time that one replay plays
	replaySpan = 24 * time.Hour // longest time that it plays of
	replayWait = 30 * time.Second
)

// A Moment is where every driver of a fleet was at a time.
type Moment struct {
	At    stamp          `json:"at"`
	Items []ReplayedItem `json:"items" nullable:"false" doc:"Drivers with a fix in the 30 minutes before, in the order of their ids."`
}

// A ReplayedItem is a position and whose it is; a replay stream has one a line.
type ReplayedItem struct {
	Driver string `json:"driver"`
	TrackPoint
}

func (a *API) replayRoutes() {
	register(a, operation{method: "GET", path: "/replay", id: "read-replay", summary: "Where every driver was at a moment", time: trackTime}, dispatchers, a.readReplay)
	register(a, operation{method: "GET", path: "/replay/stream", id: "stream-replay", time: replayTime + time.Minute,
		summary: "Every position of the fleet in the order of time, one JSON object a line, as fast as it was or faster",
		responses: map[string]*huma.Response{"200": {Description: "OK", Content: map[string]*huma.MediaType{
			"application/x-ndjson; charset=utf-8": {Schema: &huma.Schema{Type: huma.TypeString}}}}}}, dispatchers, a.streamReplay)
}

func (a *API) readReplay(ctx context.Context, in *struct {
	InFleet
	At time.Time `query:"at" doc:"Default: now." example:"2026-05-01T12:00:00.000Z"`
}) (*body[Moment], error) {
	q := fleet.TrackQuery{To: in.At}
	if err := span(&q, time.Now()); err != nil {
		return nil, err
	}
	list, err := a.Store.ReplayAt(ctx, callerOf(ctx).fleet, q.To)
	if err != nil {
		return nil, err
	}
	out := Moment{At: at(q.To), Items: make([]ReplayedItem, len(list))}
	for i := range list {
		out.Items[i] = replayed(&list[i])
	}
	return reply(out), nil
}

func replayed(p *fleet.Position) ReplayedItem {
	return ReplayedItem{p.Driver, TrackPoint{FixAt: at(p.FixAt), Lat: p.Lat, Lon: p.Lon, Speed: p.Speed.Ptr(), Heading: p.Heading.Ptr(),
		Accuracy: p.Accuracy.Ptr(), Source: p.Source}}
}

type replayInput struct {
	InFleet
	From  time.Time `query:"from" doc:"Default: an hour before to." example:"2026-05-01T06:00:00.000Z"`
	To    time.Time `query:"to" doc:"Not included; default: now." example:"2026-05-01T07:00:00.000Z"`
	Speed float64   `query:"speed" minimum:"0" maximum:"100000" doc:"Times as fast as it was; default 0: without waiting."`
}

func (a *API) streamReplay(ctx context.Context, in *replayInput) (*stream, error) {
	if in.From.IsZero() {
		in.From = in.To
		if in.From.IsZero() {
			in.From = time.Now()
		}
		in.From = in.From.Add(-time.Hour)
	}
	q := fleet.TrackQuery{From: in.From, To: in.To}
	if err := span(&q, time.Now()); err != nil {
		return nil, err
	}
	switch length := q.To.Sub(q.From); {
	case length > replaySpan:
		return nil, fleet.Invalid("query.from", "is more than a day before query.to")
	case in.Speed > 0 && length.Seconds()/in.Speed > replayTime.Seconds():
		return nil, fleet.Invalid("query.speed", "would play for more than an hour")
	}
	q.Fleet = callerOf(ctx).fleet
	return &stream{func(hc huma.Context) { a.sendReplay(hc, q, in.Speed) }}, nil
}

// sendReplay writes positions when their time has come. An error after the first
// byte breaks the response off.
func (a *API) sendReplay(hc huma.Context, q fleet.TrackQuery, speed float64) {
	_, w := humago.Unwrap(hc)
	lazy := &lazyWriter{w: w, contentType: "application/x-ndjson; charset=utf-8"}
	p := &player{ctx: hc.Context(), out: bufio.NewWriterSize(lazy, 32<<10), control: http.NewResponseController(w), from: q.From, began: time.Now(), speed: speed}
	p.enc = json.NewEncoder(p.out)
	err := a.Store.Replay(hc.Context(), q.Fleet, q.From, q.To, p.play)
	if err == nil {
		err = p.out.Flush()
	}
	switch {
	case err == nil:
		if !lazy.begun {
			_, _ = lazy.Write(nil) // nothing happened: an empty answer
		}
	case !lazy.begun:
		writeProblem(w, a.problem(hc.Context(), err))
	default:
		a.Logger.Warn("api: replay broken off", "fleet", q.Fleet, "error", err)
		panic(http.ErrAbortHandler)
	}
}

// A player writes positions in their time.
type player struct {
	ctx     context.Context
	out     *bufio.Writer
	enc     *json.Encoder
	control *http.ResponseController
	from    time.Time // of the replay
	began   time.Time // to be played
	speed   float64
	n       int
}

func (p *player) play(pos *fleet.Position) error {
	if p.speed > 0 {
		due := p.began.Add(time.Duration(float64(pos.FixAt.Sub(p.from)) / p.speed))
		if wait := time.Until(due); wait > 0 {
			if err := p.pause(wait); err != nil {
				return err
			}
		}
	}
	if p.n++; p.n%1000 == 1 {
		if err := p.control.SetWriteDeadline(time.Now().Add(replayWait)); err != nil {
			return err
		}
	}
	return p.enc.Encode(replayed(pos))
}

// pause sends what there is and waits.
func (p *player) pause(d time.Duration) error {
	if err := p.control.SetWriteDeadline(time.Now().Add(d + replayWait)); err != nil {
		return err
	}
	if err := p.out.Flush(); err != nil {
		return err
	}
	if p.n > 0 {
		if err := p.control.Flush(); err != nil {
			return err
		}
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-p.ctx.Done():
		return p.ctx.Err()
	case <-t.C:
		return nil
	}
}
