package main

import (
	"context"
	"errors"
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

// A crowd is the clients of one server, and counts what they f.
type crowd struct {
	server  *servers.Server
	clients int
	pace    time.Duration // between two exchanges of one client, about

	connected, dropped, expired, published, subscribed, received, failed atomic.Int64

	mu       sync.Mutex
	failures map[string]int // by what went wrong
}

// maxFailures bounds the kinds of failures that are told apart.
const maxFailures = 50

func (f *crowd) fail(err error) {
	f.failed.Add(1)
	f.mu.Lock()
	defer f.mu.Unlock()
	if _, known := f.failures[err.Error()]; known || len(f.failures) < maxFailures {
		f.failures[err.Error()]++
	}
}

// patience is for one exchange with the server.
const patience = 30 * time.Second

// dispatchers are among the clients, however many those are: each gets all that
// the others publish.
const dispatchers = 4

// visitTime is how long a client stays, about.
const visitTime = 20 * time.Second

func newCrowd(s *servers.Server, clients, rate int) *crowd {
	return &crowd{server: s, clients: clients, failures: map[string]int{}, pace: time.Second * time.Duration(clients) / time.Duration(rate)}
}

// live is one place in the fleet: a client, and the next one when it is gone.
// Their first ones come over some seconds.
func (f *crowd) live(ctx context.Context, place int) {
	pause(ctx, time.Duration(rand.Int64N(int64(5*time.Second))))
	for ctx.Err() == nil {
		role, subject := "driver", fmt.Sprintf("d%d", place)
		if place < dispatchers {
			role, subject = "dispatcher", fmt.Sprintf("c%d", place)
		}
		if err := f.visit(ctx, role, subject); err != nil {
			f.fail(err)
		}
	}
}

func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

// judge fails when more than some exchanges went wrong.
func (f *crowd) judge() error {
	if f.failed.Load() > f.connected.Load()/100 {
		return fmt.Errorf("%d of %d visits failed", f.failed.Load(), f.connected.Load())
	}
	return nil
}

// visit connects, does some things at random, and leaves: politely, by cutting
// the connection, or when its token expires.
func (f *crowd) visit(ctx context.Context, role, subject string) error {
	expires := rand.IntN(20) == 0
	ttl := time.Hour
	if expires {
		ttl = 5 * time.Second // long enough to connect on a busy machine
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
	opts := mqtt.NewClientOptions().AddBroker("tcp://" + f.server.MQTT).SetClientID(subject).SetUsername(subject).SetPassword(token).
		SetProtocolVersion(4).SetAutoReconnect(false).SetCleanSession(rand.IntN(2) == 0).SetConnectTimeout(patience).SetWriteTimeout(patience).
		SetKeepAlive(time.Minute).SetConnectionLostHandler(func(mqtt.Client, error) { close(gone) }).
		SetDefaultPublishHandler(func(mqtt.Client, mqtt.Message) { f.received.Add(1) }).
		SetCustomOpenConnectionFn(func(*url.URL, mqtt.ClientOptions) (net.Conn, error) {
			conn, err := net.DialTimeout("tcp", f.server.MQTT, patience)
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
		return fmt.Errorf("connect: %w", err)
	}
	f.connected.Add(1)
	due := time.Now()
	for range rand.IntN(2 * int(max(visitTime/f.pace, 1))) {
		due = due.Add(f.pace)
		pause(ctx, time.Until(due))
		if ctx.Err() != nil || !c.IsConnectionOpen() {
			break
		}
		if role == "driver" {
			err = f.report(c, subject)
		} else {
			err = f.watch(c)
		}
		if err != nil && !expires {
			c.Disconnect(0)
			return fmt.Errorf("exchange: %w", err)
		}
	}
	switch {
	case expires:
		select {
		case <-gone:
			f.expired.Add(1)
		case <-time.After(patience):
			c.Disconnect(0)
			return errors.New("still connected after the token has expired")
		}
	case rand.IntN(2) == 0:
		opened.Lock()
		_ = nc.Close()
		opened.Unlock()
		c.Disconnect(0) // tells the client library; nothing of it arrives
		f.dropped.Add(1)
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
func (f *crowd) report(c mqtt.Client, driver string) error {
	payload := fmt.Sprintf(`{"fix_at":%d,"lat":%.6f,"lon":%.6f}`, time.Now().UnixMilli(), 52+rand.Float64(), 13+rand.Float64())
	if rand.IntN(50) == 0 {
		payload = `{"lat":"north"}`
	}
	f.published.Add(1)
	return await(c.Publish(fleet.DriverTopic(servers.Fleet, driver, "location"), byte(rand.IntN(3)), false, payload))
}

// watch subscribes to something, or ends it.
func (f *crowd) watch(c mqtt.Client) error {
	filters := []string{
		"fleet/bench/drivers/+/location", "fleet/bench/live", "fleet/bench/drivers/+/presence",
		"fleet/bench/#", "$share/desk/fleet/bench/drivers/+/location", "fleet/bench/drivers/d1/#",
	}
	filter := filters[rand.IntN(len(filters))]
	if rand.IntN(3) == 0 {
		return await(c.Unsubscribe(filter))
	}
	f.subscribed.Add(1)
	return await(c.Subscribe(filter, byte(rand.IntN(3)), nil))
}
