package api

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/dray-fleet/dray/fleet"
)

// A Command is what a dispatcher asks of a driver's phone. It is sent on the
// driver's commands topic after it is stored.
type Command struct {
	ID     string `json:"id"`
	Driver string `json:"driver"`
	Action string `json:"action"`
	Text   string `json:"text,omitempty"`
	Actor  string `json:"actor" doc:"Who asked."`
	At     stamp  `json:"at"`
}

// A CommandRequest asks for one of: where are you, read this, report more or
// less often.
type CommandRequest struct {
	Action   string  `json:"action" enum:"locate,message,set_interval" example:"message"`
	Text     string  `json:"text,omitempty" maxLength:"2000" doc:"Of a message." example:"Call the office"`
	Interval float64 `json:"interval_s,omitempty" minimum:"1" maximum:"3600" doc:"Of set_interval; it is kept in the driver's config."`
}

// A DriverConfig is how often a driver's phone reports; absent is the phone's
// default.
type DriverConfig struct {
	Interval float64 `json:"interval_s,omitempty" minimum:"1" maximum:"3600" doc:"Seconds between two fixes." example:"15"`
	Distance float64 `json:"distance_m,omitempty" minimum:"1" maximum:"10000" doc:"Metres moved that are reported earlier." example:"50"`
}

func (a *API) commandRoutes() {
	register(a, operation{method: "GET", path: "/drivers/{id}/commands", id: "list-commands", summary: "What was asked of a driver, newest first"}, dispatchers, a.listCommands)
	register(a, operation{method: "POST", path: "/drivers/{id}/commands", id: "create-command", summary: "Ask something of a driver's phone",
		status: http.StatusCreated, once: true}, dispatchers, a.createCommand)
	register(a, operation{method: "GET", path: "/drivers/{id}/config", id: "read-driver-config", summary: "How often a driver's phone reports"}, readers, a.readDriverConfig)
	register(a, operation{method: "PUT", path: "/drivers/{id}/config", id: "set-driver-config",
		summary: "Set how often a driver's phone reports; it learns of it at once, or when it connects", status: http.StatusOK}, dispatchers, a.setDriverConfig)
}

func (a *API) listCommands(ctx context.Context, in *struct {
	OneDriver
	Limit int `query:"limit" minimum:"1" maximum:"1000" default:"100"`
}) (*body[page[Command]], error) {
	if _, err := a.Store.Driver(ctx, callerOf(ctx).fleet, in.ID); err != nil {
		return nil, err
	}
	found, err := a.Store.Commands(ctx, callerOf(ctx).fleet, in.ID, in.Limit)
	if err != nil {
		return nil, err
	}
	out := pageOf(found, in.Limit, command, func(c *fleet.Command) string { return c.ID })
	out.Next = nil // what is older is in the event feed and the audit
	return reply(out), nil
}

func (a *API) createCommand(ctx context.Context, in *struct {
	OneDriver
	Body CommandRequest
}) (*body[Command], error) {
	c, ask := callerOf(ctx), in.Body
	switch {
	case ask.Action == "message" && ask.Text == "":
		return nil, fleet.Invalid("body.text", "is required for a message")
	case ask.Action == "set_interval" && ask.Interval == 0:
		return nil, fleet.Invalid("body.interval_s", "is required for set_interval")
	case !fleet.ValidText(ask.Text):
		return nil, fleet.Invalid("body.text", "is not plain text")
	}
	if _, err := a.Store.Driver(ctx, c.fleet, in.ID); err != nil {
		return nil, err
	}
	if ask.Action == "set_interval" {
		config, err := a.driverConfig(ctx, in.ID)
		if err != nil {
			return nil, err
		}
		config.Interval = seconds(ask.Interval)
		if err := a.Store.SetDriverConfig(ctx, c.actor(), c.fleet, in.ID, config); err != nil {
			return nil, err
		}
		ask.Text = strconv.FormatFloat(ask.Interval, 'f', -1, 64)
	}
	made, err := a.Store.CreateCommand(ctx, fleet.Command{Fleet: c.fleet, Driver: in.ID, Action: ask.Action, Text: ask.Text, Actor: c.Subject})
	if err != nil {
		return nil, inBody(err)
	}
	return reply(command(&made)), a.audit(ctx, "command", "driver", in.ID, nil, command(&made))
}

func command(c *fleet.Command) Command {
	return Command{c.ID, c.Driver, c.Action, c.Text, c.Actor, at(c.CreatedAt)}
}

// driverConfig is that of a driver, or the phone's defaults.
func (a *API) driverConfig(ctx context.Context, driver string) (fleet.DriverConfig, error) {
	config, err := a.Store.DriverConfig(ctx, callerOf(ctx).fleet, driver)
	if errors.Is(err, fleet.ErrNotFound) {
		return fleet.DriverConfig{}, nil
	}
	return config, err
}

func (a *API) readDriverConfig(ctx context.Context, in *OneDriver) (*body[DriverConfig], error) {
	c := callerOf(ctx)
	if !c.MaySubscribe(fleet.DriverTopic(c.fleet, in.ID, "config")) {
		return nil, errForbidden
	}
	if _, err := a.Store.Driver(ctx, c.fleet, in.ID); err != nil {
		return nil, err
	}
	config, err := a.driverConfig(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	return reply(DriverConfig{config.Interval.Seconds(), config.Distance}), nil
}

func (a *API) setDriverConfig(ctx context.Context, in *struct {
	OneDriver
	Body DriverConfig
}) (*body[DriverConfig], error) {
	c := callerOf(ctx)
	if _, err := a.Store.Driver(ctx, c.fleet, in.ID); err != nil {
		return nil, err
	}
	before, err := a.driverConfig(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	after := fleet.DriverConfig{Interval: seconds(in.Body.Interval), Distance: in.Body.Distance}
	if err := a.Store.SetDriverConfig(ctx, c.actor(), c.fleet, in.ID, after); err != nil {
		return nil, inBody(err)
	}
	return reply(in.Body), a.audit(ctx, "configure", "driver", in.ID, DriverConfig{before.Interval.Seconds(), before.Distance}, in.Body)
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }
