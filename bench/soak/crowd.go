package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/eclipse/paho.mqtt.golang/packets"

	"github.com/dray-fleet/dray/bench/servers"
	"github.com/dray-fleet/dray/fleet"
)

// A crowd is the clients of one server, and counts what they do.
type crowd struct {
	server        *servers.Server
	clients, rate int // rate: publishes a second, of all drivers together

	connected, dropped, expired, published, subscribed, received, failed atomic.Int64 // published: and acknowledged

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

const (
	patience    = 30 * time.Second // for one exchange with the server
	arrival     = 5 * time.Second  // in which the first ones come
	visitTime   = 20 * time.Second // that a client stays, about
	dispatchers = 4                // among the clients: each gets what the others publish
)

func newCrowd(s *servers.Server, clients, rate int) *crowd {
	return &crowd{server: s, clients: clients, rate: rate, failures: map[string]int{}}
}

// live is one place in the fleet: a client, and the next one when it is gone.
func (f *crowd) live(ctx context.Context, place int) {
	pause(ctx, rand.N(arrival))
	p := &pace{every: time.Second * time.Duration(max(f.clients-dispatchers, 1)) / time.Duration(f.rate), due: time.Now()}
	role, subject := fleet.RoleDriver, fmt.Sprintf("d%d", place)
	if place < dispatchers {
		role, subject = fleet.RoleDispatcher, fmt.Sprintf("c%d", place)
	}
	for ctx.Err() == nil {
		if err := f.visit(ctx, p, role, subject); err != nil {
			f.fail(err)
		}
	}
}

// A pace says when the next exchange of a place is due. It goes by the clock and
// through all visits, so that coming, going and waiting cost no exchange: what is
// late is made up for.
type pace struct {
	every time.Duration
	due   time.Time
}

// maxDebt bounds what is made up for, after a machine stood still.
const maxDebt = 5 * time.Second

func (p *pace) wait(ctx context.Context) {
	if earliest := time.Now().Add(-maxDebt); p.due.Before(earliest) {
		p.due = earliest
	}
	pause(ctx, time.Until(p.due))
	p.due = p.due.Add(p.every)
}

func pause(ctx context.Context, d time.Duration) {
	if d <= 0 {
		return
	}
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
func (f *crowd) visit(ctx context.Context, p *pace, role fleet.Role, subject string) error {
	if rand.IntN(20) == 0 {
		return f.stayUntilExpiry(p, role, subject)
	}
	c, err := f.connect(role, subject, time.Hour)
	if err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	f.connected.Add(1)
	for range rand.IntN(2 * int(max(visitTime/p.every, 1))) {
		p.wait(ctx)
		if ctx.Err() != nil {
			break
		}
		if err := f.exchange(c, role, subject); err != nil {
			c.cut()
			return fmt.Errorf("exchange: %w", err)
		}
	}
	if rand.IntN(2) == 0 {
		c.cut()
		f.dropped.Add(1)
	} else {
		c.leave()
	}
	return nil
}

// stayUntilExpiry is a visit that the end of a token ends.
func (f *crowd) stayUntilExpiry(p *pace, role fleet.Role, subject string) error {
	const ttl = 5 * time.Second // long enough to connect on a busy machine
	c, err := f.connect(role, subject, ttl)
	if err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	defer c.cut()
	f.connected.Add(1)
	ctx, cancel := context.WithTimeout(context.Background(), ttl+patience)
	defer cancel()
	for ctx.Err() == nil {
		select {
		case <-c.gone:
			f.expired.Add(1)
			return nil
		default:
		}
		p.wait(ctx)
		_ = f.exchange(c, role, subject) // fails in its last moment, which is looked for above
	}
	return errors.New("still connected after the token has expired")
}

// connect makes a client with a fresh token; about half resume a session, and
// some leave a will.
func (f *crowd) connect(role fleet.Role, subject string, ttl time.Duration) (*client, error) {
	mint, err := servers.Tokens(ttl)
	if err != nil {
		return nil, err
	}
	token, err := mint(string(role), subject)
	if err != nil {
		return nil, err
	}
	login := packets.NewControlPacket(packets.Connect).(*packets.ConnectPacket)
	login.ProtocolName, login.ProtocolVersion, login.Keepalive = "MQTT", 4, 60
	login.ClientIdentifier, login.CleanSession = subject, rand.IntN(2) == 0
	login.UsernameFlag, login.Username = true, subject
	login.PasswordFlag, login.Password = true, []byte(token)
	if role == fleet.RoleDriver && rand.IntN(3) == 0 {
		login.WillFlag, login.WillQos = true, 1
		login.WillTopic, login.WillMessage = fleet.DriverTopic(servers.Fleet, subject, "health"), []byte(`{"app_state":"gone"}`)
	}
	return dial(f.server.MQTT, login, func() { f.received.Add(1) })
}

// exchange is what the role does, once.
func (f *crowd) exchange(c *client, role fleet.Role, subject string) error {
	if role == fleet.RoleDriver {
		return f.report(c, subject)
	}
	return f.watch(c)
}

// report publishes a fix, and now and then what is no fix at all.
func (f *crowd) report(c *client, driver string) error {
	payload := fmt.Sprintf(`{"fix_at":%d,"lat":%.6f,"lon":%.6f}`, time.Now().UnixMilli(), 52+rand.Float64(), 13+rand.Float64())
	if rand.IntN(50) == 0 {
		payload = `{"lat":"north"}`
	}
	if err := c.publish(fleet.DriverTopic(servers.Fleet, driver, "location"), byte(rand.IntN(3)), payload); err != nil {
		return err
	}
	f.published.Add(1)
	return nil
}

// watch subscribes to something, or ends it.
func (f *crowd) watch(c *client) error {
	filters := []string{
		"fleet/bench/drivers/+/location", "fleet/bench/live", "fleet/bench/drivers/+/presence",
		"fleet/bench/#", "$share/desk/fleet/bench/drivers/+/location", "fleet/bench/drivers/d1/#",
	}
	filter := filters[rand.IntN(len(filters))]
	if rand.IntN(3) == 0 {
		return c.unsubscribe(filter)
	}
	f.subscribed.Add(1)
	return c.subscribe(filter, byte(rand.IntN(3)))
}
