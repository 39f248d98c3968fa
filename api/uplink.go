package api

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/dray-fleet/dray/auth"
	"github.com/dray-fleet/dray/codec"
	"github.com/dray-fleet/dray/fleet"
)

// A Log keeps publications durably.
type Log interface {
	// Append returns after p is synced: what was acknowledged over HTTP is as
	// safe as what was over MQTT. fleet.ErrFull refuses, fleet.ErrNotFound says
	// that the driver must be registered first; any other error but an
	// *fleet.InvalidError says that the log is away.
	Append(ctx context.Context, p fleet.Publication) error
}

var (
	errStreamAway   = errors.New("the stream is away")
	errUnregistered = huma.Error403Forbidden("the driver is not registered")
)

// reporters are drivers and devices: who may publish what drivers report.
var reporters = rule{acl: true, basic: true, roles: []fleet.Role{fleet.RoleDriver, fleet.RoleDevice}}

func (a *API) uplinkRoutes() {
	register(a, operation{method: "POST", path: "/ingest/owntracks", id: "ingest-owntracks", body: []string{"application/json"},
		summary: "What an OwnTracks app in HTTP mode sends; answered when it is stored"}, reporters, a.ingestOwnTracks)
	register(a, operation{method: "POST", path: "/ingest/osmand", id: "ingest-osmand", status: http.StatusOK,
		summary: "A position in the protocol of OsmAnd and Traccar Client; answered when it is stored",
		loose:   osmAndParams, body: []string{"application/json", "application/x-www-form-urlencoded"}}, reporters, a.ingestOsmAnd)
	register(a, operation{method: "GET", path: "/ingest/osmand", id: "ingest-osmand-query", status: http.StatusOK,
		summary: "The same in a query alone, as the protocol has it", loose: osmAndParams}, reporters, a.ingestOsmAndQuery)
}

func (a *API) ingestOwnTracks(ctx context.Context, in *struct {
	InFleet
	RawBody []byte
}) (*body[[]struct{}], error) {
	m, err := codec.OwnTracks(in.RawBody)
	if err != nil {
		return nil, err
	}
	// The app expects an array of commands and friends: there are none.
	return reply([]struct{}{}), a.report(ctx, m)
}

// osmAndParams are the query parameters that are documented; the protocol has
// more, and its clients add their own.
var osmAndParams = []*huma.Param{
	{Name: "id", In: "query", Description: "The device or its driver.", Example: "truck-7"},
	{Name: "lat", In: "query"},
	{Name: "lon", In: "query"},
	{Name: "timestamp", In: "query", Description: "Seconds or milliseconds since 1970, or a date."},
	{Name: "speed", In: "query", Description: "Knots."},
	{Name: "bearing", In: "query"},
	{Name: "altitude", In: "query"},
	{Name: "accuracy", In: "query"},
	{Name: "batt", In: "query", Description: "Percent."},
}

func (a *API) ingestOsmAnd(ctx context.Context, in *struct {
	InFleet
	RawBody []byte
}) (*struct{}, error) {
	device, m, err := osmAnd(queryOf(ctx), in.RawBody)
	if err != nil {
		return nil, err
	}
	return nil, a.reportOf(ctx, device, m)
}

func (a *API) ingestOsmAndQuery(ctx context.Context, _ *InFleet) (*struct{}, error) {
	device, m, err := osmAnd(queryOf(ctx), nil)
	if err != nil {
		return nil, err
	}
	return nil, a.reportOf(ctx, device, m)
}

// reportOf is report for a format that names the device, which must be the
// caller or its driver.
func (a *API) reportOf(ctx context.Context, device string, m codec.Message) error {
	if c := callerOf(ctx); device != c.Subject && device != c.SpeaksFor() {
		return errForbidden
	}
	return a.report(ctx, m)
}

// osmAnd reads the position from where the client has put it: a JSON body, a
// form, or the query.
func osmAnd(query url.Values, data []byte) (device string, m codec.Message, err error) {
	if data = bytes.TrimSpace(data); bytes.HasPrefix(data, []byte("{")) {
		return codec.OsmAndJSON(data)
	}
	if len(data) > 0 {
		form, err := url.ParseQuery(string(data))
		if err != nil {
			return "", codec.Message{}, fleet.Invalid("body", "is not a form")
		}
		for name, values := range form {
			query[name] = append(query[name], values...)
		}
	}
	query.Del("fleet")
	return codec.OsmAndQuery(query, time.Now())
}

// report appends what a message says as the driver's own reports.
func (a *API) report(ctx context.Context, m codec.Message) error {
	if a.Log == nil {
		return errStreamAway
	}
	if m.Ignored != "" {
		a.metrics.ignored.Inc()
	}
	if len(m.Fixes) > 0 {
		for i := range m.Fixes {
			m.Fixes[i].Ext = vendorExt(m.Fixes[i].Ext)
		}
		if err := a.append(ctx, "location", codec.AppendLocation(nil, m.Fixes)); err != nil {
			return err
		}
	}
	if m.Health == nil {
		return nil
	}
	m.Health.Ext = vendorExt(m.Health.Ext)
	return a.append(ctx, "health", codec.AppendHealth(nil, m.Health))
}

// vendorExt puts what the format tells beside what we know under a name of its
// own: its keys could be some of ours.
func vendorExt(ext []byte) []byte {
	const key = `{"vendor":`
	switch {
	case len(ext) == 0:
		return nil
	case len(ext) > fleet.MaxExt-len(key)-len("}"):
		return []byte(key + `{"truncated":true}}`)
	}
	return slices.Concat([]byte(key), ext, []byte("}"))
}

func (a *API) append(ctx context.Context, leaf string, payload []byte) error {
	c, now := callerOf(ctx), time.Now()
	topic := fleet.DriverTopic(c.fleet, c.SpeaksFor(), leaf)
	if !c.MayPublish(topic) {
		return errForbidden
	}
	err := a.Log.Append(ctx, fleet.Publication{
		Topic: topic, Payload: payload, ReceivedAt: now, Fleet: c.fleet, Subject: c.Subject, Role: c.Role, Driver: c.SpeaksFor(),
	})
	var invalid *fleet.InvalidError
	switch {
	case err == nil, errors.As(err, &invalid), errors.Is(err, fleet.ErrFull):
		return err
	case errors.Is(err, fleet.ErrNotFound):
		if c.Role == fleet.RoleDevice && a.Devices != nil {
			a.Devices.Refused(auth.Stranger{Fleet: c.fleet, Device: c.Subject, Driver: c.Driver, Address: c.address})
		}
		return errUnregistered
	}
	a.Logger.Warn("api: append to the stream", "error", err)
	return errStreamAway
}
