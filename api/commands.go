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
	ID       string             `json:"id"`
	Driver   string             `json:"driver"`
	Action   string             `json:"action"`
	Text     string             `json:"text,omitempty"`
	Actor    string             `json:"actor" doc:"Who asked."`
	At       stamp              `json:"at"`
	State    fleet.CommandState `json:"state" enum:"sent,received,seen,done,failed,expired"`
	Deadline *stamp             `json:"deadline" nullable:"true" doc:"Until then it is sent with every connect, as long as no receipt comes."`
	Receipts []CommandReceipt   `json:"receipts" nullable:"false"`
}

// A CommandReceipt is what the driver's phone said of a command.
type CommandReceipt struct {
	State  fleet.CommandState `json:"state" enum:"received,seen,done,failed" example:"seen"`
	At     *stamp             `json:"at,omitempty" doc:"Default: now." example:"2026-05-01T08:05:00.000Z"`
	Reason string             `json:"reason,omitempty" maxLength:"2000" doc:"Why it has failed."`
}

// patience is how long a command waits for a phone: where somebody is is asked
// for now, a message is for today.
func patience(action string) time.Duration {
	if action == "locate" {
		return 10 * time.Minute
	}
	return 24 * time.Hour
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
	register(a, operation{method: "POST", path: "/drivers/{id}/commands/{command}/receipt", id: "save-command-receipt",
		summary: "What the driver's phone says of a command, for when MQTT does not get through", once: true, status: http.StatusOK}, answerers, a.saveCommandReceipt)
	register(a, operation{method: "GET", path: "/drivers/{id}/config", id: "read-driver-config", summary: "How often a driver's phone reports"}, readers, a.readDriverConfig)
	register(a, operation{method: "PUT", path: "/drivers/{id}/config", id: "set-driver-config",
		summary: "Set how often a driver's phone reports; it learns of it at once, or when it connects", status: http.StatusOK}, dispatchers, a.setDriverConfig)
	register(a, operation{method: "DELETE", path: "/drivers/{id}/config", id: "delete-driver-config",
		summary: "Let a driver's phone report by its own defaults again"}, dispatchers, a.deleteDriverConfig)
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
	id, now := newID(ctx), time.Now()
	made, err := a.Store.CreateCommand(ctx, fleet.Command{Fleet: c.fleet, ID: id, Driver: in.ID, Action: ask.Action, Text: ask.Text, Actor: c.Subject,
		Deadline: now.Add(patience(ask.Action))})
	made, err = created(ctx, made, err, func() (fleet.Command, error) { return a.Store.Command(ctx, c.fleet, id) })
	if err != nil {
		return nil, inBody(err)
	}
	return reply(command(&made)), a.audit(ctx, "command", "driver", in.ID, nil, command(&made))
}

func (a *API) saveCommandReceipt(ctx context.Context, in *struct {
	OneDriver
	Command string `path:"command" pattern:"^[A-Za-z0-9_-]{1,64}$"`
	Body    CommandReceipt
}) (*body[Command], error) {
	c, now := callerOf(ctx), time.Now()
	r := fleet.CommandReceipt{State: in.Body.State, At: orZero(in.Body.At), Reason: in.Body.Reason}
	if !fleet.ValidText(r.Reason) {
		return nil, fleet.Invalid("body.reason", "is not plain text")
	}
	if err := plausible("body.at", r.At, now); err != nil {
		return nil, err
	}
	if in.ID != c.SpeaksFor() {
		return nil, errForbidden
	}
	before, err := a.Store.Command(ctx, c.fleet, in.Command)
	if err != nil {
		return nil, err
	}
	after, err := a.Store.SaveCommandReceipt(ctx, c.fleet, in.Command, c.actor(), r)
	if err != nil {
		return nil, err
	}
	if len(after.Receipts) == len(before.Receipts) {
		return reply(command(&after)), nil // the same receipt again
	}
	return reply(command(&after)), a.audit(ctx, "receipt", "command", in.Command, command(&before), command(&after))
}

func command(c *fleet.Command) Command {
	out := Command{c.ID, c.Driver, c.Action, c.Text, c.Actor, at(c.CreatedAt), c.State, atOrNull(c.Deadline), []CommandReceipt{}}
	for _, r := range c.Receipts {
		out.Receipts = append(out.Receipts, CommandReceipt{r.State, atOrNull(r.At), r.Reason})
	}
	return out
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

func (a *API) deleteDriverConfig(ctx context.Context, in *OneDriver) (*struct{}, error) {
	c := callerOf(ctx)
	if _, err := a.Store.Driver(ctx, c.fleet, in.ID); err != nil {
		return nil, err
	}
	before, err := a.driverConfig(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	if err := a.Store.DeleteDriverConfig(ctx, c.actor(), c.fleet, in.ID); err != nil {
		return nil, err
	}
	return nil, a.audit(ctx, "configure", "driver", in.ID, DriverConfig{before.Interval.Seconds(), before.Distance}, nil)
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }
