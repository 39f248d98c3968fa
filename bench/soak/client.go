package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"

	"github.com/dray-fleet/dray/bench/servers"
	"github.com/dray-fleet/dray/fleet"
)

// A tally counts what the clients did.
type tally struct {
	connected, dropped, expired, published, subscribed, received, failed atomic.Int64

	failure atomic.Value // string: the last one
}

// patience is for one exchange with the server.
const patience = 10 * time.Second

// live is one place in the fleet: a client, and the next one when it is gone.
func live(ctx context.Context, s *servers.Server, place int, did *tally) {
	for n := 0; ctx.Err() == nil; n++ {
		role, subject := "driver", fmt.Sprintf("d%d", place)
		if place%4 == 0 {
			role, subject = "dispatcher", fmt.Sprintf("c%d", place)
		}
		if err := visit(ctx, s, role, subject, did); err != nil {
			did.failed.Add(1)
			did.failure.Store(fmt.Sprintf("%s: %v", subject, err))
		}
	}
}

// visit connects, does some things at random, and leaves: politely, by cutting
// the connection, or when its token expires.
func visit(ctx context.Context, s *servers.Server, role, subject string, did *tally) error {
	expires := rand.IntN(20) == 0
	ttl := time.Hour
	if expires {
		ttl = 2 * time.Second
	}
	mint, err := servers.Tokens(ttl)
	if err != nil {
		return err
	}
	token, err := mint(role, subject)
	if err != nil {
		return err
	}
	var nc net.Conn
	var opened sync.Mutex
	gone := make(chan struct{})
	opts := mqtt.NewClientOptions().AddBroker("tcp://" + s.MQTT).SetClientID(subject).SetUsername(subject).SetPassword(token).
		SetProtocolVersion(4).SetAutoReconnect(false).SetCleanSession(rand.IntN(2) == 0).SetConnectTimeout(patience).SetWriteTimeout(patience).
		SetKeepAlive(time.Minute).SetConnectionLostHandler(func(mqtt.Client, error) { close(gone) }).
		SetDefaultPublishHandler(func(mqtt.Client, mqtt.Message) { did.received.Add(1) }).
		SetCustomOpenConnectionFn(func(*url.URL, mqtt.ClientOptions) (net.Conn, error) {
			conn, err := net.DialTimeout("tcp", s.MQTT, patience)
			opened.Lock()
			nc = conn
			opened.Unlock()
			return conn, err
		})
	if role == "driver" && rand.IntN(3) == 0 {
		opts.SetWill(fleet.DriverTopic(servers.Fleet, subject, "health"), `{"app_state":"gone"}`, 1, false)
	}
	c := mqtt.NewClient(opts)
	if err := await(c.Connect()); err != nil {
		return err
	}
	did.connected.Add(1)
	for range rand.IntN(20) {
		if role == "driver" {
			err = report(c, subject, did)
		} else {
			err = watch(c, did)
		}
		if err != nil && !expires {
			c.Disconnect(0)
			return err
		}
	}
	switch {
	case expires:
		select {
		case <-gone:
			did.expired.Add(1)
		case <-time.After(patience):
			c.Disconnect(0)
			return fmt.Errorf("%s is still connected after its token has expired", subject)
		}
	case rand.IntN(2) == 0:
		opened.Lock()
		_ = nc.Close()
		opened.Unlock()
		c.Disconnect(0) // tells the client library; nothing of it arrives
		did.dropped.Add(1)
	default:
		c.Disconnect(50)
	}
	return nil
}

func await(t mqtt.Token) error {
	if !t.WaitTimeout(patience) {
		return fmt.Errorf("no answer within %s", patience)
	}
	return t.Error()
}

// report publishes a fix, and now and then what is no fix at all.
func report(c mqtt.Client, driver string, did *tally) error {
	payload := fmt.Sprintf(`{"fix_at":%d,"lat":%.6f,"lon":%.6f}`, time.Now().UnixMilli(), 52+rand.Float64(), 13+rand.Float64())
	if rand.IntN(50) == 0 {
		payload = `{"lat":"north"}`
	}
	did.published.Add(1)
	return await(c.Publish(fleet.DriverTopic(servers.Fleet, driver, "location"), byte(rand.IntN(3)), false, payload))
}

// watch subscribes to something, or ends it.
func watch(c mqtt.Client, did *tally) error {
	filters := []string{
		"fleet/bench/drivers/+/location", "fleet/bench/live", "fleet/bench/drivers/+/presence",
		"fleet/bench/#", "$share/desk/fleet/bench/drivers/+/location", "fleet/bench/drivers/d1/#",
	}
	filter := filters[rand.IntN(len(filters))]
	if rand.IntN(3) == 0 {
		return await(c.Unsubscribe(filter))
	}
	did.subscribed.Add(1)
	return await(c.Subscribe(filter, byte(rand.IntN(3)), nil))
}
