package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/eclipse/paho.golang/paho"
	"github.com/nats-io/nats-server/v2/server"

	"github.com/dray-fleet/dray/broker/packet"
	"github.com/dray-fleet/dray/codec"
	"github.com/dray-fleet/dray/store/postgrestest"
)

// A cluster is roles in processes of their own, on one NATS and one PostgreSQL.
type cluster struct {
	t          *testing.T
	a, b       *process // brokers
	api1, api2 *process
}

func startCluster(t *testing.T) *cluster {
	t.Helper()
	s, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: server.RANDOM_PORT, JetStream: true, StoreDir: t.TempDir(), NoSigs: true})
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
	if !s.ReadyForConnections(10 * time.Second) {
		t.Fatal("the NATS server did not start")
	}
	env := []string{
		"DRAY_STREAM_URL=" + s.ClientURL(), "DRAY_STREAM_MAX_BYTES=256MiB", "DRAY_STORE_URL=" + postgrestest.URL(t),
		"DRAY_AUTH_SECRET=one secret for every node of this test",
	}
	startOne := func(role string) *process { return startRole(t, role, t.TempDir(), env...) }
	c := &cluster{t: t, api1: startOne("api")}
	c.api2 = startOne("api")
	startOne("ingest")
	c.a, c.b = startOne("broker"), startOne("broker")
	return c
}

// A member is an MQTT 5 client.
type member struct {
	t        *testing.T
	c        *paho.Client
	messages chan *paho.Publish
	ended    chan byte // reason codes of DISCONNECTs
}

func (c *cluster) join(node *process, id, token string, filters ...string) *member {
	c.t.Helper()
	return join(c.t, node, id, token, filters...)
}

func join(t *testing.T, node *process, id, token string, filters ...string) *member {
	t.Helper()
	conn, err := net.DialTimeout("tcp", node.MQTT, 10*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	m := &member{t: t, messages: make(chan *paho.Publish, 1000), ended: make(chan byte, 1)}
	m.c = paho.NewClient(paho.ClientConfig{
		Conn: conn,
		OnPublishReceived: []func(paho.PublishReceived) (bool, error){func(p paho.PublishReceived) (bool, error) {
			m.messages <- p.Packet
			return true, nil
		}},
		OnServerDisconnect: func(d *paho.Disconnect) { m.ended <- d.ReasonCode },
	})
	t.Cleanup(func() { _ = conn.Close() })
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	_, err = m.c.Connect(ctx, &paho.Connect{
		ClientID: id, CleanStart: true, KeepAlive: 60, Username: id, UsernameFlag: true, Password: []byte(token), PasswordFlag: true,
	})
	if err != nil {
		t.Fatalf("%s: %v", id, err)
	}
	if len(filters) == 0 {
		return m
	}
	s := &paho.Subscribe{}
	for _, f := range filters {
		s.Subscriptions = append(s.Subscriptions, paho.SubscribeOptions{Topic: f, QoS: 1})
	}
	if _, err := m.c.Subscribe(ctx, s); err != nil {
		t.Fatalf("%s: %v", id, err)
	}
	return m
}

func (m *member) publish(topic, payload string) {
	m.t.Helper()
	ctx, cancel := context.WithTimeout(m.t.Context(), 10*time.Second)
	defer cancel()
	if _, err := m.c.Publish(ctx, &paho.Publish{Topic: topic, QoS: 1, Payload: []byte(payload)}); err != nil {
		m.t.Fatalf("%s: %v", topic, err)
	}
}

// expect returns the first message that ok accepts. While none has come, again
// is done every so often; it may be nil.
func (m *member) expect(what string, again func(), ok func(topic string, payload []byte) bool) {
	m.t.Helper()
	tick := time.NewTicker(500 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.After(20 * time.Second); ; {
		select {
		case p := <-m.messages:
			if ok(p.Topic, p.Payload) {
				return
			}
		case <-tick.C:
			if again != nil {
				again()
			}
		case code := <-m.ended:
			m.t.Fatalf("disconnected with %#x before %s", code, what)
		case <-deadline:
			m.t.Fatalf("no %s within 20s", what)
		}
	}
}

// says accepts a message of a topic whose JSON field has the value.
func says(topic, field, value string) func(string, []byte) bool {
	return func(got string, payload []byte) bool {
		var v map[string]any
		return got == topic && json.Unmarshal(payload, &v) == nil && v[field] == value
	}
}

// expectEnd waits for a DISCONNECT with the code.
func (m *member) expectEnd(code byte, within time.Duration) {
	m.t.Helper()
	select {
	case got := <-m.ended:
		if got != code {
			m.t.Errorf("disconnected with %#x, want %#x", got, code)
		}
	case <-time.After(within):
		m.t.Errorf("still connected after %s, want DISCONNECT %#x", within, code)
	}
}

// post sends JSON and expects success.
func (c *cluster) post(p *process, token, path, body string, v any) {
	c.t.Helper()
	if got := p.send("POST", path, "application/json", []byte(body), bearer(token), v); got >= 300 {
		c.t.Fatalf("POST %s: status %d", path, got)
	}
}

func (c *cluster) presence(p *process, token, driver string) string {
	c.t.Helper()
	var d struct{ Presence struct{ State string } }
	p.get("/drivers/"+driver, token, &d)
	return d.Presence.State
}

func TestTwoBrokers(t *testing.T) {
	c := startCluster(t)
	admin := c.api1.token("admin", "boss")
	dispatcher := func(sub string) string { return c.api1.token("dispatcher", sub) }
	driver := func(sub string) string { return c.api1.token("driver", sub) }
	watched := []string{"fleet/acme/drivers/+/location", "fleet/acme/drivers/+/presence", "fleet/acme/drivers/+/shipments/+/status", "fleet/acme/shipments/+", "fleet/acme/live"}
	here, there := c.join(c.a, "u1", dispatcher("u1"), watched...), c.join(c.b, "u2", dispatcher("u2"), watched...)
	both := []*member{here, there}

	d1 := c.join(c.a, "d1:phone", driver("d1"), "fleet/acme/drivers/d1/#")
	d2 := c.join(c.b, "d2:phone", driver("d2"), "fleet/acme/drivers/d2/#")
	for _, m := range both {
		m.expect("presence of d1", nil, says("fleet/acme/drivers/d1/presence", "state", "online"))
	}
	c.join(c.b, "u3", dispatcher("u3"), "fleet/acme/drivers/d1/presence").
		expect("retained presence", nil, says("fleet/acme/drivers/d1/presence", "state", "online"))

	// A position, as it was published and in frames.
	position := func() {
		d1.publish("fleet/acme/drivers/d1/location", fmt.Sprintf(`{"fix_at":%d,"lat":59.33,"lon":18.07}`, time.Now().UnixMilli()))
	}
	position()
	for _, m := range both {
		m.expect("position", position, func(topic string, payload []byte) bool {
			return topic == "fleet/acme/drivers/d1/location" && strings.Contains(string(payload), `"lat":59.33`)
		})
		m.expect("live frame", position, func(topic string, payload []byte) bool {
			f, err := codec.DecodeFrame(payload)
			return topic == "fleet/acme/live" && err == nil && len(f.Entries) > 0
		})
	}

	// An erasure by a process without a broker.
	c.api2.want(http.StatusOK, "DELETE", "/drivers/d1/data", admin, "", nil)
	for i, node := range []*process{c.a, c.b} {
		id := fmt.Sprintf("w%d", i)
		c.join(node, id, dispatcher(id), "fleet/acme/live").expect("keyframe of nobody", nil, func(_ string, payload []byte) bool {
			f, err := codec.DecodeFrame(payload)
			return err == nil && f.Keyframe && len(f.Entries) == 0
		})
	}

	// An assignment from the second API to the driver of the second broker.
	c.api2.until(10*time.Second, "d2 in REST", func() bool { return c.presence(c.api2, admin, "d2") == "online" })
	c.post(c.api2, admin, "/shipments", `{"id":"s1","reference":"R1"}`, nil)
	var assignment struct{ ID string }
	c.post(c.api2, admin, "/shipments/s1/assign", `{"driver":"d2"}`, &assignment)
	d2.expect("assignment", nil, says("fleet/acme/drivers/d2/assignments", "id", assignment.ID))
	d2.publish("fleet/acme/drivers/d2/assignments/"+assignment.ID+"/receipt", `{"state":"accepted"}`)
	d2.publish("fleet/acme/drivers/d2/shipments/s1/status", `{"status":"picked_up"}`)
	for _, m := range both {
		m.expect("event of the acceptance", nil, says("fleet/acme/shipments/s1", "status", "accepted"))
		m.expect("event of the pick-up", nil, says("fleet/acme/shipments/s1", "status", "picked_up"))
	}
	c.api1.until(10*time.Second, "accepted in REST", func() bool {
		var a struct{ State string }
		c.api1.get("/assignments/"+assignment.ID, admin, &a)
		return a.State == "accepted"
	})

	// The same client id on the other node.
	d1b := c.join(c.b, "d1:phone", driver("d1"))
	d1.expectEnd(packet.CodeTakenOver, 5*time.Second)
	select {
	case code := <-d1b.ended:
		t.Errorf("the newer connection ended with %#x", code)
	default:
	}

	// A revocation ends what the subject has on either node.
	v1, v2 := c.join(c.a, "v:1", driver("v")), c.join(c.b, "v:2", driver("v"))
	c.post(c.api2, admin, "/subjects/v/revoke", `{}`, nil)
	v1.expectEnd(packet.CodeNotAuthorized, 5*time.Second)
	v2.expectEnd(packet.CodeNotAuthorized, 5*time.Second)

	// A node that dies.
	c.join(c.a, "d3:phone", driver("d3"))
	there.expect("presence of d3", nil, says("fleet/acme/drivers/d3/presence", "state", "online"))
	c.api1.until(10*time.Second, "online in REST", func() bool { return c.presence(c.api1, admin, "d3") == "online" })
	c.a.kill()
	there.expect("d3 offline", nil, func(topic string, payload []byte) bool {
		if says("fleet/acme/drivers/d1/presence", "state", "offline")(topic, payload) {
			t.Error("d1 is told offline, and is connected to the other node")
		}
		return says("fleet/acme/drivers/d3/presence", "state", "offline")(topic, payload)
	})
	c.api2.until(10*time.Second, "offline in REST", func() bool { return c.presence(c.api2, admin, "d3") == "offline" })
	for _, d := range []string{"d1", "d2"} {
		if got := c.presence(c.api1, admin, d); got != "online" {
			t.Errorf("%s is %s, and connected to the node that lives", d, got)
		}
	}
	// Whichever published the events, the other one does now.
	c.post(c.api1, admin, "/shipments", `{"id":"s2","reference":"R2"}`, nil)
	there.expect("event after the death of a node", nil, says("fleet/acme/shipments/s2", "status", "created"))
}
