package api

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/dray-fleet/dray/auth"
	"github.com/dray-fleet/dray/fleet"
)

// A Device is a unit that reports for a driver, or for itself.
type Device struct {
	ID        string           `json:"id"`
	Driver    string           `json:"driver,omitempty" doc:"For whom it reports; absent when it is shown under its own id."`
	Kind      fleet.DeviceKind `json:"kind" enum:"native,owntracks,teltonika,thingsboard,flespi"`
	Name      string           `json:"name,omitempty"`
	HasSecret bool             `json:"has_secret"`
	SecretAt  stamp            `json:"secret_at,omitzero"`
	Disabled  bool             `json:"disabled"`
	CreatedAt stamp            `json:"created_at,omitzero"`
}

// A DeviceRequest registers a device.
type DeviceRequest struct {
	ID     string           `json:"id" pattern:"^[A-Za-z0-9_-]{1,64}$" doc:"Its own id, such as an IMEI." example:"356307042441013"`
	Driver string           `json:"driver,omitempty" pattern:"^[A-Za-z0-9_-]{1,64}$" doc:"Default: it is shown under its own id." example:"d7"`
	Kind   fleet.DeviceKind `json:"kind" enum:"native,owntracks,teltonika,thingsboard,flespi" example:"teltonika"`
	Name   string           `json:"name,omitempty" maxLength:"128" pattern:"^[^\\x00-\\x1f\\x7f]*$" example:"FMC130 of van 7"`
}

// A DeviceChange holds what may be changed of a device; absent stays as it is.
type DeviceChange struct {
	Driver   *string           `json:"driver,omitempty" pattern:"^[A-Za-z0-9_-]{0,64}$" doc:"Empty: shown under its own id." example:"d8"`
	Kind     *fleet.DeviceKind `json:"kind,omitempty" enum:"native,owntracks,teltonika,thingsboard,flespi"`
	Name     *string           `json:"name,omitempty" maxLength:"128" pattern:"^[^\\x00-\\x1f\\x7f]*$"`
	Disabled *bool             `json:"disabled,omitempty" doc:"A disabled device cannot log in; its connections end."`
}

// A DeviceSecret is shown once; only its hash is kept.
type DeviceSecret struct {
	Username string `json:"username" doc:"{fleet}/{device}, for MQTT and HTTP Basic."`
	Secret   string `json:"secret"`
}

// A SeenDevice is not registered: it is connected with a token of its own, or
// was refused.
type SeenDevice struct {
	ID          string `json:"id"`
	Driver      string `json:"driver,omitempty"`
	Address     string `json:"address"`
	ConnectedAt stamp  `json:"connected_at" doc:"When refused: its last attempt."`
	Refused     string `json:"refused,omitempty" doc:"Why it was refused in the last day; absent when it is connected." example:"not registered"`
}

func (a *API) deviceRoutes() {
	register(a, operation{method: "GET", path: "/devices", id: "list-devices", summary: "The registered devices"}, dispatchers, a.listDevices)
	register(a, operation{method: "POST", path: "/devices", id: "create-device", summary: "Register a device, or accept one that was seen",
		status: http.StatusCreated, once: true}, admins, a.createDevice)
	register(a, operation{method: "GET", path: "/devices/{id}", id: "read-device", summary: "One device"}, dispatchers, a.readDevice)
	register(a, operation{method: "PATCH", path: "/devices/{id}", id: "update-device", summary: "Change or disable a device"}, admins, a.updateDevice)
	register(a, operation{method: "DELETE", path: "/devices/{id}", id: "delete-device", summary: "Forget a device; its tokens are revoked"}, admins, a.deleteDevice)
	register(a, operation{method: "POST", path: "/devices/{id}/secret", id: "create-device-secret",
		summary: "Give a device a new secret; the old one ends", status: http.StatusOK, once: true}, admins, a.createDeviceSecret)
	register(a, operation{method: "GET", path: "/unknown-devices", id: "list-unknown-devices",
		summary: "Devices that are not registered and are connected to this process, or were refused by it; POST /devices accepts one"}, admins, a.listUnknownDevices)
}

// OneDevice names a device of the fleet in the path.
type OneDevice struct {
	InFleet
	ID string `path:"id" pattern:"^[A-Za-z0-9_-]{1,64}$"`
}

func (a *API) listDevices(ctx context.Context, in *struct {
	InFleet
	Paging
}) (*body[page[Device]], error) {
	after, err := in.after(fleet.ValidID)
	if err != nil {
		return nil, err
	}
	found, err := a.Store.Devices(ctx, callerOf(ctx).fleet, after, in.Limit)
	if err != nil {
		return nil, err
	}
	return reply(pageOf(found, in.Limit, device, func(d *fleet.Device) string { return d.ID })), nil
}

func (a *API) createDevice(ctx context.Context, in *struct {
	InFleet
	Body DeviceRequest
}) (*body[Device], error) {
	c, ask := callerOf(ctx), in.Body
	d, err := a.Store.CreateDevice(ctx, c.actor(), fleet.Device{Fleet: c.fleet, ID: ask.ID, Driver: ask.Driver, Kind: ask.Kind, Name: ask.Name})
	if err != nil {
		return nil, inBody(err)
	}
	if err := a.admitDriver(ctx, &d); err != nil {
		return nil, err
	}
	return reply(device(&d)), a.audit(ctx, "create", "device", d.ID, nil, device(&d))
}

// admitDriver registers the driver for whom d reports where nobody else does, so
// that to accept a device is one call.
func (a *API) admitDriver(ctx context.Context, d *fleet.Device) error {
	if !a.Closed {
		return nil
	}
	_, err := a.Store.EnsureDriver(ctx, d.Fleet, cmp.Or(d.Driver, d.ID))
	return err
}

func (a *API) readDevice(ctx context.Context, in *OneDevice) (*body[Device], error) {
	d, err := a.Store.Device(ctx, callerOf(ctx).fleet, in.ID)
	if err != nil {
		return nil, err
	}
	return reply(device(&d)), nil
}

// updateDevice ends the device's connections everywhere when it may no longer
// log in, and those with this process when it is to speak for another driver.
func (a *API) updateDevice(ctx context.Context, in *struct {
	OneDevice
	Body DeviceChange
}) (*body[Device], error) {
	c, ask := callerOf(ctx), in.Body
	before, err := a.Store.Device(ctx, c.fleet, in.ID)
	if err != nil {
		return nil, err
	}
	after := before
	set(&after.Driver, ask.Driver)
	set(&after.Kind, ask.Kind)
	set(&after.Name, ask.Name)
	set(&after.Disabled, ask.Disabled)
	if err := a.Store.UpdateDevice(ctx, c.actor(), after); err != nil {
		return nil, inBody(err)
	}
	if err := a.admitDriver(ctx, &after); err != nil {
		return nil, err
	}
	switch {
	case after.Disabled && !before.Disabled:
		err = a.endDevice(ctx, &after)
	case after.Driver != before.Driver:
		err = a.disconnectSubject(c.fleet, in.ID)
	}
	if err != nil {
		return nil, err
	}
	return reply(device(&after)), a.audit(ctx, "update", "device", in.ID, device(&before), device(&after))
}

// set changes what is told.
func set[T any](what *T, to *T) {
	if to != nil {
		*what = *to
	}
}

// endDevice revokes what the device has, and ends its connections with it. Its
// secret is dated anew, to be good again when the device is enabled again.
func (a *API) endDevice(ctx context.Context, d *fleet.Device) error {
	if err := a.revokeSubject(ctx, d.Fleet, d.ID); err != nil {
		return err
	}
	if d.SecretHash == nil {
		return nil
	}
	return a.Store.SetDeviceSecret(ctx, callerOf(ctx).actor(), d.Fleet, d.ID, d.SecretHash, afterRevocation())
}

func (a *API) disconnectSubject(fleetID, subject string) error {
	if a.Broker == nil {
		return nil
	}
	for _, client := range a.Broker.Clients(fleetID) {
		if client.Subject != subject {
			continue
		}
		if err := a.Broker.Disconnect(fleetID, client.ID); err != nil && !errors.Is(err, fleet.ErrNotFound) {
			return err
		}
	}
	return nil
}

// afterRevocation is a time of issue that a revocation up to now does not
// reach; stores keep microseconds.
func afterRevocation() time.Time { return time.Now().Add(time.Millisecond) }

func (a *API) deleteDevice(ctx context.Context, in *OneDevice) (*struct{}, error) {
	c := callerOf(ctx)
	d, err := a.Store.Device(ctx, c.fleet, in.ID)
	if err != nil {
		return nil, err
	}
	if err := a.Store.DeleteDevice(ctx, c.actor(), c.fleet, in.ID); err != nil {
		return nil, err
	}
	if err := a.revokeSubject(ctx, c.fleet, in.ID); err != nil {
		return nil, err
	}
	return nil, a.audit(ctx, "delete", "device", in.ID, device(&d), nil)
}

func (a *API) createDeviceSecret(ctx context.Context, in *OneDevice) (*body[DeviceSecret], error) {
	c := callerOf(ctx)
	d, err := a.Store.Device(ctx, c.fleet, in.ID)
	if err != nil {
		return nil, err
	}
	if d.SecretHash != nil { // connections that were made with the old one end
		if err := a.revokeSubject(ctx, c.fleet, in.ID); err != nil {
			return nil, err
		}
	}
	secret, hash := auth.NewDeviceSecret()
	if err := a.Store.SetDeviceSecret(ctx, c.actor(), c.fleet, in.ID, hash, afterRevocation()); err != nil {
		return nil, err
	}
	return reply(DeviceSecret{c.fleet + "/" + in.ID, secret}), a.audit(ctx, "create secret", "device", in.ID, nil, nil)
}

// listUnknownDevices looks at the connections, since with auth.auto_create a
// device with a valid token may report before anybody has registered it, and at
// who was refused.
func (a *API) listUnknownDevices(ctx context.Context, in *struct {
	InFleet
	Paging
}) (*body[page[SeenDevice]], error) {
	after, err := in.after(fleet.ValidID)
	if err != nil {
		return nil, err
	}
	fleetID := callerOf(ctx).fleet
	seen, err := a.seenDevices(fleetID)
	if err != nil {
		return nil, err
	}
	var unknown []SeenDevice
	for _, d := range seen {
		if d.ID <= after {
			continue
		}
		switch _, err := a.Store.Device(ctx, fleetID, d.ID); {
		case errors.Is(err, fleet.ErrNotFound):
			unknown = append(unknown, d)
		case err != nil:
			return nil, err
		}
		if len(unknown) == in.Limit {
			break
		}
	}
	return reply(pageOf(unknown, in.Limit, func(d *SeenDevice) SeenDevice { return *d }, func(d *SeenDevice) string { return d.ID })), nil
}

// seenDevices returns each device that is connected or was refused, by id.
func (a *API) seenDevices(fleetID string) ([]SeenDevice, error) {
	if a.Broker == nil && a.Devices == nil {
		return nil, errNoBroker
	}
	var seen []SeenDevice
	if a.Broker != nil {
		for _, c := range a.Broker.Clients(fleetID) {
			if c.Role == fleet.RoleDevice {
				seen = append(seen, SeenDevice{ID: c.Subject, Driver: c.Driver, Address: c.Address, ConnectedAt: at(c.ConnectedAt)})
			}
		}
	}
	if a.Devices != nil {
		for _, s := range a.Devices.Strangers(fleetID) {
			seen = append(seen, SeenDevice{s.Device, s.Driver, s.Address, at(s.At), "not registered"})
		}
	}
	slices.SortStableFunc(seen, func(a, b SeenDevice) int { return strings.Compare(a.ID, b.ID) }) // connections first
	return slices.CompactFunc(seen, func(a, b SeenDevice) bool { return a.ID == b.ID }), nil
}

func device(d *fleet.Device) Device {
	return Device{d.ID, d.Driver, d.Kind, d.Name, d.SecretHash != nil, at(d.SecretAt), d.Disabled, at(d.CreatedAt)}
}
