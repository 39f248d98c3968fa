package main

import (
	"net/http"
	"strings"
	"testing"
	"time"

	paho "github.com/eclipse/paho.mqtt.golang"
)

// knock logs in over MQTT and returns why it was refused, or nil.
func (p *process) knock(clientID, username, password string) error {
	p.t.Helper()
	c := paho.NewClient(paho.NewClientOptions().AddBroker("tcp://" + p.MQTT).SetClientID(clientID).SetUsername(username).
		SetPassword(password).SetAutoReconnect(false).SetConnectTimeout(10 * time.Second))
	token := c.Connect()
	if !token.WaitTimeout(20 * time.Second) {
		p.t.Fatalf("%s is not answered", clientID)
	}
	c.Disconnect(0)
	return token.Error()
}

// Devices that MQTT refuses, one with a secret and one with a token for a driver
// whom nobody registered, are listed; a call for each lets them in.
func TestRefusedDevicesAreListedAndAccepted(t *testing.T) {
	p := start(t, t.TempDir(), "DRAY_AUTH_AUTO_CREATE=false")
	admin := p.token("admin", "boss")
	accept := func(path, body string, v any) {
		t.Helper()
		if got := p.send("POST", path, "application/json", []byte(body), bearer(admin), v); got/100 != 2 {
			t.Fatalf("POST %s = %d", path, got)
		}
	}
	const wrong = "ASECRETTHATNOBODYGAVEOUT26"
	token := p.token("device", "tracker", "--driver", "d9")
	if err := p.knock("box", "acme/box", wrong); err == nil {
		t.Error("an unknown device with a secret is let in")
	}
	if err := p.knock("tracker", "tracker", token); err == nil {
		t.Error("a device for an unknown driver is let in")
	}
	if got := p.send("GET", "/ingest/osmand?id=app&lat=1&lon=1", "", nil, bearer(p.token("device", "app")), nil); got != http.StatusForbidden {
		t.Errorf("a device for an unknown driver is answered %d over HTTP, want 403", got)
	}
	var seen struct {
		Items []struct{ ID, Driver, Address, Refused string }
	}
	if p.get("/unknown-devices", admin, &seen); len(seen.Items) != 3 || seen.Items[0].ID != "app" || seen.Items[1].ID != "box" || seen.Items[2].Driver != "d9" || seen.Items[2].Refused == "" {
		t.Fatalf("unknown devices %+v", seen.Items)
	}
	accept("/devices", `{"id":"app","kind":"native"}`, nil)
	accept("/devices", `{"id":"box","kind":"native"}`, nil)
	accept("/devices", `{"id":"tracker","driver":"d9","kind":"native"}`, nil)
	var made struct{ Secret string }
	accept("/devices/box/secret", "", &made)
	for _, login := range [][3]string{{"box", "acme/box", made.Secret}, {"tracker", "tracker", token}} {
		p.until(20*time.Second, login[0]+" let in", func() bool { return p.knock(login[0], login[1], login[2]) == nil }) // a new secret is dated a moment ahead
	}
	if p.get("/unknown-devices", admin, &seen); len(seen.Items) != 0 {
		t.Errorf("after they were accepted: %+v", seen.Items)
	}
	if strings.Contains(p.out.String(), wrong) {
		t.Error("the log holds a secret")
	}
}
