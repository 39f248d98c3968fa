package main

import (
	"encoding/json"
	"fmt"
	"net"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	paho "github.com/eclipse/paho.mqtt.golang"

	"github.com/dray-fleet/dray/auth"
	"github.com/dray-fleet/dray/fleet"
	"github.com/dray-fleet/dray/store/sqlite"
)

// mosquitto is the command of a foreign client, as subject with a password.
func (p *process) mosquitto(command, user, password string, args ...string) *exec.Cmd {
	p.t.Helper()
	host, port, err := net.SplitHostPort(p.MQTT)
	if err != nil {
		p.t.Fatal(err)
	}
	return exec.CommandContext(p.t.Context(), command, append([]string{"-h", host, "-p", port, "-V", "5", "-q", "1", "-u", user, "-P", password}, args...)...)
}

func (p *process) publish(user, password, id, topic, payload string) {
	p.t.Helper()
	if out, err := p.mosquitto("mosquitto_pub", user, password, "-i", id, "-t", topic, "-m", payload).CombinedOutput(); err != nil {
		p.t.Fatalf("%s: %v\n%s", topic, err, out)
	}
}

// listen subscribes and returns what comes.
func (p *process) listen(client, token string, filters ...string) <-chan map[string]any {
	p.t.Helper()
	messages := make(chan map[string]any, 1000)
	c := paho.NewClient(paho.NewClientOptions().AddBroker("tcp://" + p.MQTT).SetClientID(client).SetUsername(client).SetPassword(token))
	if tok := c.Connect(); !tok.WaitTimeout(10*time.Second) || tok.Error() != nil {
		p.t.Fatalf("%s: connect: %v", client, tok.Error())
	}
	p.t.Cleanup(func() { c.Disconnect(0) })
	for _, f := range filters {
		tok := c.Subscribe(f, 1, func(_ paho.Client, m paho.Message) {
			var v map[string]any
			if err := json.Unmarshal(m.Payload(), &v); err != nil {
				p.t.Errorf("%s: %v", m.Topic(), err)
			}
			messages <- v
		})
		if !tok.WaitTimeout(10*time.Second) || tok.Error() != nil {
			p.t.Fatalf("%s: %v", f, tok.Error())
		}
	}
	return messages
}

// awaitField returns the first message whose field has the value.
func awaitField(t *testing.T, messages <-chan map[string]any, field, value string) map[string]any {
	t.Helper()
	deadline := time.After(20 * time.Second)
	for {
		select {
		case m := <-messages:
			if m[field] == value {
				return m
			}
		case <-deadline:
			t.Fatalf("no message with %s %s", field, value)
		}
	}
}

// An offer waits for a driver who is away, through a kill -9, and comes with each
// connection until it is answered.
func TestOfferWaitsForTheDriver(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	p := start(t, dir)
	s, err := sqlite.Open(t.Context(), filepath.Join(dir, "dray.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if _, err := s.EnsureDriver(t.Context(), "acme", "d1"); err != nil {
		t.Fatal(err)
	}
	if _, err := s.CreateShipment(t.Context(), fleet.System, fleet.Shipment{Fleet: "acme", ID: "s1"}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.CreateAssignment(t.Context(), fleet.System, fleet.Assignment{Fleet: "acme", Shipment: "s1", Driver: "d1"}); err != nil {
		t.Fatal(err)
	}
	watch := p.listen("u1", p.token("dispatcher", "u1"), "fleet/acme/assignments/+", "fleet/acme/drivers/d1/assignments")
	awaitField(t, watch, "state", "offered") // it has been told, to nobody
	driver := p.token("driver", "d1")
	for i := range 2 {
		awaitField(t, p.listen(fmt.Sprintf("d1:%d", i), driver, "fleet/acme/drivers/d1/#"), "state", "offered")
	}
	p.kill()
	p = start(t, dir)
	awaitField(t, p.listen("d1:again", driver, "fleet/acme/drivers/d1/assignments"), "state", "offered")
}

// A shipment is assigned by another program that writes to the database; the
// driver hears of it, answers and delivers, and the dispatcher hears that.
func TestDispatchEndToEnd(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	p := start(t, dir)
	s, err := sqlite.Open(t.Context(), filepath.Join(dir, "dray.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	office := fleet.Actor{Subject: "u1"}
	driver := p.token("driver", "d1")
	shipments := p.listen("u1", p.token("dispatcher", "u1"), "fleet/acme/shipments/+")
	phone := p.listen("d1:screen", driver, "fleet/acme/drivers/d1/assignments", "fleet/acme/drivers/d1/errors")

	_, err = s.CreateShipment(t.Context(), office, fleet.Shipment{Fleet: "acme", ID: "s1", Reference: "R1"})
	must(err)
	awaitField(t, shipments, "status", "created")
	a, err := s.CreateAssignment(t.Context(), office, fleet.Assignment{Fleet: "acme", Shipment: "s1", Driver: "d1"})
	must(err)
	offer := awaitField(t, phone, "state", "offered")
	if offer["id"] != a.ID || offer["shipment"].(map[string]any)["reference"] != "R1" {
		t.Errorf("offer %v", offer)
	}
	p.publish("d1", driver, "d1:p", "fleet/acme/drivers/d1/assignments/"+a.ID+"/receipt", `{"state":"accepted"}`)
	awaitField(t, shipments, "status", "accepted")
	p.publish("d1", driver, "d1:p", "fleet/acme/drivers/d1/shipments/s1/status", `{"status":"returned"}`)
	if e := awaitField(t, phone, "status", "accepted"); e["topic"] != "fleet/acme/drivers/d1/shipments/s1/status" {
		t.Errorf("error %v", e)
	}
	for i, status := range []string{"picked_up", "delivered"} {
		p.publish("d1", driver, "d1:p", "fleet/acme/drivers/d1/shipments/s1/status", fmt.Sprintf(`{"status":%q}`, status))
		if m := awaitField(t, shipments, "status", status); m["version"] != float64(4+i) || m["driver"] != "d1" {
			t.Errorf("%s: %v", status, m)
		}
	}

	secret, hash := auth.NewDeviceSecret()
	_, err = s.CreateDevice(t.Context(), office, fleet.Device{Fleet: "acme", ID: "box7", Kind: fleet.DeviceNative, Driver: "d1"})
	must(err)
	must(s.SetDeviceSecret(t.Context(), office, "acme", "box7", hash, time.Now()))
	p.publish("acme/box7", secret, "box7", "fleet/acme/drivers/d1/duty", `{"state":"on"}`)
	wrong := p.mosquitto("mosquitto_pub", "acme/box7", "WRONG", "-i", "box7", "-t", "fleet/acme/drivers/d1/duty", "-m", `{"state":"off"}`)
	if out, err := wrong.CombinedOutput(); err == nil {
		t.Errorf("a wrong secret was taken: %s", out)
	}
}
