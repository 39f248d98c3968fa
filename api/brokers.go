package api

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/dray-fleet/dray/fleet"
)

var errNoBroker = errors.New("no broker in this process")

// MQTTHealth is how the broker of this process is doing.
type MQTTHealth struct {
	Status      string `json:"status" enum:"ok,degraded"`
	Connections int    `json:"connections"`
	Uptime      int64  `json:"uptime_s"`
	Received    int64  `json:"messages_received" doc:"Publications since the start."`
	Delivered   int64  `json:"messages_delivered"`
	Dropped     int64  `json:"messages_dropped"`
}

// A Client is one live MQTT connection.
type Client struct {
	ID          string     `json:"client_id"`
	Subject     string     `json:"subject"`
	Role        fleet.Role `json:"role"`
	Driver      string     `json:"driver,omitempty"`
	Address     string     `json:"address"`
	Protocol    string     `json:"protocol" example:"5/ws"`
	ConnectedAt stamp      `json:"connected_at"`
	Received    int64      `json:"received"`
	Sent        int64      `json:"sent"`
	ReceiveRate float64    `json:"receive_rate" doc:"Publications a second, of the last 10 to 20 s."`
	SendRate    float64    `json:"send_rate"`
	QueueBytes  int64      `json:"queue_bytes"`
	Dropped     int64      `json:"dropped"`
}

func (a *API) brokerRoutes() {
	register(a, operation{method: "GET", path: "/health/mqtt", id: "mqtt-health", summary: "How the broker is doing"}, public, a.mqttHealth)
	register(a, operation{method: "GET", path: "/clients", id: "list-clients", summary: "Who is connected over MQTT"}, admins, a.listClients)
	register(a, operation{method: "DELETE", path: "/clients/{id}", id: "disconnect-client", summary: "End an MQTT connection"}, admins, a.disconnectClient)
}

func (a *API) mqttHealth(context.Context, *struct{}) (*body[MQTTHealth], error) {
	if a.Broker == nil {
		return nil, errNoBroker
	}
	s := a.Broker.Status()
	h := MQTTHealth{"ok", s.Connections, int64(time.Since(s.StartedAt) / time.Second), s.Received, s.Delivered, s.Dropped}
	if !s.Ready {
		h.Status = "degraded"
	}
	return reply(h), nil
}

func (a *API) listClients(ctx context.Context, in *struct {
	InFleet
	Paging
}) (*body[page[Client]], error) {
	if a.Broker == nil {
		return nil, errNoBroker
	}
	after, err := in.after(plainText)
	if err != nil {
		return nil, err
	}
	all := a.Broker.Clients(callerOf(ctx).fleet)
	first, _ := slices.BinarySearchFunc(all, after, func(c fleet.Client, id string) int {
		if c.ID == id && id != "" {
			return -1 // begin behind it
		}
		return strings.Compare(c.ID, id)
	})
	all = all[first:]
	all = all[:min(len(all), in.Limit)]
	return reply(pageOf(all, in.Limit, client, func(c *fleet.Client) string { return c.ID })), nil
}

func client(c *fleet.Client) Client {
	return Client{c.ID, c.Subject, c.Role, c.Driver, c.Address, c.Protocol, at(c.ConnectedAt), c.Received, c.Sent, c.ReceiveRate, c.SendRate, c.QueueBytes, c.Dropped}
}

func (a *API) disconnectClient(ctx context.Context, in *struct {
	InFleet
	ID string `path:"id" minLength:"1" maxLength:"256"`
}) (*struct{}, error) {
	if a.Broker == nil {
		return nil, errNoBroker
	}
	if err := a.Broker.Disconnect(callerOf(ctx).fleet, in.ID); err != nil {
		return nil, err
	}
	return nil, a.audit(ctx, "disconnect", "client", in.ID, nil, nil)
}
