package api

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/dray-fleet/dray/auth"
	"github.com/dray-fleet/dray/fleet"
)

// storedDevices are the devices of the real store, as cmd fits them to auth.
type storedDevices struct{ database }

func (s storedDevices) Device(ctx context.Context, fleetID, id string) (auth.Device, error) {
	d, err := s.database.Device(ctx, fleetID, id)
	return auth.Device{Driver: d.Driver, SecretHash: d.SecretHash, SecretAt: d.SecretAt, Disabled: d.Disabled}, err
}

// TestDeviceSecrets goes through the life of a secret: the newest is good, also
// after the device was disabled and enabled again, and nothing after it is gone.
func TestDeviceSecrets(t *testing.T) {
	opts, _, _ := withUplink(t)
	s := serve(t, opts)
	s.api.Devices = auth.NewDevices(storedDevices{s.store}, s.api.Revocations.(*auth.Revocations), nil)
	admin := s.token("acme", fleet.RoleAdmin, "boss")
	s.want(201, "POST", "/devices", admin, DeviceRequest{ID: "t1", Driver: "d1", Kind: fleet.DeviceNative}, nil)
	s.want(409, "POST", "/devices", admin, DeviceRequest{ID: "t1", Kind: fleet.DeviceNative}, nil)
	secret := func() string {
		var got DeviceSecret
		s.want(200, "POST", "/devices/t1/secret", admin, nil, &got)
		if got.Username != "acme/t1" || len(got.Secret) < 26 {
			t.Fatalf("secret %+v", got)
		}
		return got.Secret
	}
	works := func(when, secret string, want int) {
		t.Helper()
		deadline := time.Now().Add(5 * time.Second) // a new secret is dated a millisecond ahead
		for {
			r := s.do("GET", "/ingest/osmand?id=t1&lat=1&lon=1", "", nil, "Authorization", basic("acme/t1", secret))
			if r.StatusCode == want {
				return
			}
			if time.Now().After(deadline) {
				t.Fatalf("%s: %d %s, want %d", when, r.StatusCode, r.body, want)
			}
		}
	}
	first := secret()
	works("a new secret", first, http.StatusOK)
	second := secret()
	works("the newer secret", second, http.StatusOK)
	works("the older secret", first, http.StatusUnauthorized)
	s.want(200, "PATCH", "/devices/t1", admin, `{"disabled":true}`, nil)
	works("while disabled", second, http.StatusUnauthorized)
	s.want(200, "PATCH", "/devices/t1", admin, `{"disabled":false,"name":"<b>"}`, nil)
	works("enabled again", second, http.StatusOK)
	r := s.want(200, "GET", "/devices/t1", admin, nil, nil)
	if strings.Contains(string(r.body), second) || !strings.Contains(string(r.body), `"has_secret":true`) {
		t.Errorf("the device reads %s", r.body)
	}
	if r := s.want(200, "GET", "/audit?limit=1000", admin, nil, nil); strings.Contains(string(r.body), second) {
		t.Errorf("the audit holds a secret: %s", r.body)
	}
	s.want(204, "DELETE", "/devices/t1", admin, nil, nil)
	works("after its end", second, http.StatusUnauthorized)
	s.want(404, "GET", "/devices/t1", admin, nil, nil)
}

// oneDevice is a broker with one connection, of a device that nobody registered.
type oneDevice struct {
	oneClient
	ended chan string
}

func (oneDevice) Clients(string) []fleet.Client {
	return []fleet.Client{{ID: "t1", Fleet: "acme", Subject: "t1", Role: fleet.RoleDevice, Driver: "d1", Address: "192.0.2.1:9", ConnectedAt: noon}}
}

func (b oneDevice) Disconnect(_, client string) error { b.ended <- client; return nil }

func TestUnknownDeviceIsAccepted(t *testing.T) {
	b := oneDevice{ended: make(chan string, 1)}
	s := serve(t, func(o *Options) { o.Broker = b })
	admin := s.token("acme", fleet.RoleAdmin, "boss")
	var seen struct{ Items []SeenDevice }
	if s.want(200, "GET", "/unknown-devices", admin, nil, &seen); len(seen.Items) != 1 || seen.Items[0].ID != "t1" || seen.Items[0].Driver != "d1" {
		t.Fatalf("unknown devices %+v", seen.Items)
	}
	var next struct{ Next string }
	if s.want(200, "GET", "/unknown-devices?limit=1", admin, nil, &next); next.Next == "" {
		t.Error("a full page has no next one")
	}
	if s.want(200, "GET", "/unknown-devices?limit=1&cursor="+next.Next, admin, nil, &seen); len(seen.Items) != 0 {
		t.Errorf("after the last unknown device: %+v", seen.Items)
	}
	s.want(201, "POST", "/devices", admin, DeviceRequest{ID: "t1", Driver: "d1", Kind: fleet.DeviceNative}, nil)
	if s.want(200, "GET", "/unknown-devices", admin, nil, &seen); len(seen.Items) != 0 {
		t.Errorf("after it was accepted: %+v", seen.Items)
	}
	s.want(200, "PATCH", "/devices/t1", admin, `{"driver":"d2"}`, nil)
	if got := <-b.ended; got != "t1" {
		t.Errorf("with its new driver the connection of %q is ended", got)
	}
}

// A device that was refused is on the list until it is accepted, and what it
// presented is nowhere.
func TestRefusedDeviceIsAccepted(t *testing.T) {
	opts, _, _ := withUplink(t)
	s := serve(t, opts, func(o *Options) { o.Closed = true })
	s.api.Devices = auth.NewDevices(storedDevices{s.store}, s.api.Revocations.(*auth.Revocations), nil)
	admin := s.token("acme", fleet.RoleAdmin, "boss")
	const secret = "THEDEVICEHASTHISSECRETNOW1"
	for _, path := range []string{"/ingest/osmand?id=new&lat=1&lon=1", "/ingest/owntracks"} {
		method, body := "GET", any(nil)
		if path == "/ingest/owntracks" {
			method, body = "POST", `{"_type":"lwt","tst":1777629600}`
		}
		if r := s.do(method, path, "", body, "Authorization", basic("acme/new", secret)); r.StatusCode != http.StatusUnauthorized {
			t.Errorf("%s of an unknown device = %d, want 401", path, r.StatusCode)
		}
	}
	s.do("GET", "/ingest/osmand?id=alien&lat=1&lon=1", "", nil, "Authorization", basic("beta/alien", secret))
	var seen struct{ Items []SeenDevice }
	r := s.want(200, "GET", "/unknown-devices", admin, nil, &seen)
	if len(seen.Items) != 1 || seen.Items[0].ID != "new" || seen.Items[0].Refused != "not registered" || seen.Items[0].Address == "" {
		t.Errorf("unknown devices %s", r.body)
	}
	if strings.Contains(string(r.body), secret) {
		t.Errorf("the list holds a secret: %s", r.body)
	}
	s.want(201, "POST", "/devices", admin, DeviceRequest{ID: "new", Driver: "d5", Kind: fleet.DeviceNative}, nil)
	s.want(200, "GET", "/drivers/d5", admin, nil, nil) // may report now
	if s.want(200, "GET", "/unknown-devices", admin, nil, &seen); len(seen.Items) != 0 {
		t.Errorf("after it was accepted: %+v", seen.Items)
	}
}

func TestCommandsAndConfig(t *testing.T) {
	s, dispo := dispatcher(t)
	d1 := s.token("acme", fleet.RoleDriver, "d1")
	s.want(200, "PUT", "/drivers/d1/config", dispo, `{"interval_s":30,"distance_m":50}`, nil)
	var made Command
	s.want(201, "POST", "/drivers/d1/commands", dispo, `{"action":"set_interval","interval_s":15}`, &made)
	s.want(201, "POST", "/drivers/d1/commands", dispo, `{"action":"message","text":"<b>call"}`, nil)
	var config DriverConfig
	if s.want(200, "GET", "/drivers/d1/config", d1, nil, &config); config != (DriverConfig{15, 50}) {
		t.Errorf("the config is %+v", config)
	}
	var list struct{ Items []Command }
	s.want(200, "GET", "/drivers/d1/commands", dispo, nil, &list)
	if len(list.Items) != 2 || list.Items[0].Text != "<b>call" || list.Items[1].ID != made.ID || list.Items[1].Actor != "dispo" {
		t.Errorf("the commands are %+v", list.Items)
	}
	var events Events
	s.want(200, "GET", "/events?kind=command.sent,driver.config", dispo, nil, &events)
	if len(events.Items) != 4 {
		t.Errorf("the relay is told of %+v, want 2 configs and 2 commands", events.Items)
	}
}
