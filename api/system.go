package api

import (
	"context"
	"errors"
)

var errNoStream = errors.New("no stream in this process")

// A System is how this process keeps up with what it has acknowledged.
type System struct {
	StreamBytes    int64   `json:"stream_bytes" doc:"That the stream takes on disk."`
	StreamMaxBytes int64   `json:"stream_max_bytes"`
	StreamFill     float64 `json:"stream_fill" doc:"Of its fullest partition, 0 to 1; above 0.95 publishers are refused."`
	StreamFull     bool    `json:"stream_full"`
	Backlog        int64   `json:"backlog_frames" doc:"Acknowledged and not in the database yet; a frame is a batch of publications."`
	Saved          int64   `json:"saved" doc:"Publications since the start."`
	SavedDelay     float64 `json:"saved_delay_s" doc:"Seconds from receipt to commit, summed over saved: between two readings, its growth by that of saved is the mean delay."`
	QueueBytes     *int64  `json:"queue_bytes" doc:"That wait for clients of the fleet to take them; null when this process has no broker."`
}

func (a *API) systemRoutes() {
	register(a, operation{method: "GET", path: "/system", id: "read-system",
		summary: "How far this process is with storing what it has acknowledged"}, admins, a.readSystem)
}

func (a *API) readSystem(ctx context.Context, _ *InFleet) (*body[System], error) {
	if a.Vitals == nil {
		return nil, errNoStream
	}
	v := a.Vitals()
	return reply(System{v.StreamBytes, v.StreamMaxBytes, v.Fill, v.Full, v.Backlog, v.Saved, v.SaveDelay.Seconds(), a.queued(callerOf(ctx).fleet)}), nil
}

// queued returns how many bytes wait for the clients of a fleet; nil without a broker.
func (a *API) queued(fleetID string) *int64 {
	if a.Broker == nil {
		return nil
	}
	var sum int64
	for _, c := range a.Broker.Clients(fleetID) {
		sum += c.QueueBytes
	}
	return &sum
}
