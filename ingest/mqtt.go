package ingest

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"strings"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"
	"golang.org/x/sync/errgroup"

	"github.com/dray-fleet/dray/fleet"
)

const (
	mqttTimeout = 15 * time.Second // to connect, and to subscribe
	mqttGroup   = "$share/dray/"   // those who ingest the same broker share its messages
	mqttAgain   = time.Second      // about the time from a lost connection to the next one
)

// MQTTOptions says which foreign broker to ingest from.
type MQTTOptions struct {
	URL      string // mqtt://user:password@host:1883, mqtts://, ws:// or wss://
	ClientID string // the broker keeps the session by it: stable, and of this process alone
	Topics   []string
	Fleet    string // of topics that name none
}

// Validate reports what the operator has to put right.
func (o *MQTTOptions) Validate() error {
	switch {
	case o.ClientID == "":
		return errors.New("client_id must not be empty: the broker keeps messages by it")
	case len(o.Topics) == 0:
		return errors.New("topics must not be empty")
	case o.Fleet != "" && !fleet.ValidID(o.Fleet):
		return fmt.Errorf("fleet must be 1 to 64 of A-Z a-z 0-9 _ -, not %q", o.Fleet)
	}
	for _, topic := range o.Topics {
		filter := parseMapping(topic).filter
		switch {
		case strings.HasPrefix(filter, "$share/") || strings.Contains(filter, "{") || !fleet.ValidFilter(filter):
			return fmt.Errorf("topics: %q is not a topic filter with whole levels of {driver}, {fleet} and {device}", topic)
		case filter != topic && !strings.Contains(topic, "{driver}"):
			return fmt.Errorf("topics: %q names no {driver}", topic)
		case o.Fleet == "" && !strings.HasPrefix(topic, "fleet/") && !strings.Contains(topic, "{fleet}"):
			return fmt.Errorf("topics: %q names no fleet, so fleet must be set", topic)
		}
	}
	return nil
}

// SubscribeMQTT ingests from a foreign broker until ctx is done. Its messages go
// the way of those in the stream and are acknowledged to it after their commit;
// in between they wait at the broker, in a persistent session. A message that
// comes again is told apart by the keys of the store.
func (w *Worker) SubscribeMQTT(ctx context.Context, opts MQTTOptions) error {
	l := &lane{Worker: w, foreign: true, memory: newMemory(), logger: w.opts.Logger.With("source", "mqtt")}
	src := newMQTTSource(opts, w.m)
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return l.stayConnected(ctx, src) })
	g.Go(func() error {
		// The policies and geofences must be known before the first fix is judged.
		if err := l.patiently(ctx, "open", func() error { return cmp.Or(w.loadPolicies(ctx), w.loadFences(ctx)) }); err != nil {
			return err
		}
		l.recall(ctx)
		return l.drain(ctx, src)
	})
	return stopped(ctx, g.Wait())
}

// stayConnected connects again and again until ctx is done.
func (l *lane) stayConnected(ctx context.Context, src *mqttSource) error {
	for {
		var lost <-chan error
		var client mqtt.Client
		err := l.patiently(ctx, "mqtt", func() (err error) {
			client, lost, err = src.connect(ctx)
			return err
		})
		if err != nil {
			return err
		}
		l.logger.Info("mqtt connected", "topics", src.opts.Topics)
		select {
		case <-ctx.Done():
			client.Disconnect(250)
			return ctx.Err()
		case err := <-lost:
			client.Disconnect(0)
			pause := mqttAgain/2 + rand.N(mqttAgain)
			l.m.retries.WithLabelValues("mqtt").Inc()
			l.logger.Warn("mqtt connection lost", "error", err, "retry_in", pause)
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(pause):
			}
		}
	}
}

// connect makes one connection, each with a client of its own: an
// acknowledgement that comes late must not go out on the next connection.
func (s *mqttSource) connect(ctx context.Context) (_ mqtt.Client, lost <-chan error, err error) {
	ended := make(chan error, 1)
	s.connections++
	number := s.connections
	client := mqtt.NewClient(mqtt.NewClientOptions().
		AddBroker(s.opts.URL).
		SetClientID(s.opts.ClientID).
		SetProtocolVersion(4). // 3.1.1, without a second try as 3.1
		SetCleanSession(false).
		SetAutoAckDisabled(true).
		SetAutoReconnect(false).
		SetConnectTimeout(mqttTimeout).
		SetWriteTimeout(mqttTimeout).
		SetTLSConfig(&tls.Config{MinVersion: tls.VersionTLS12}).
		SetConnectionLostHandler(func(_ mqtt.Client, err error) { ended <- err }).
		// What waited in the session comes before there is a subscription.
		SetDefaultPublishHandler(func(_ mqtt.Client, m mqtt.Message) { s.receive(number, m) }))
	connected, ok := client.Connect().(*mqtt.ConnectToken)
	if !ok {
		return nil, nil, errors.New("mqtt: connect returned no token")
	}
	if err := await(ctx, connected); err != nil {
		client.Disconnect(0)
		return nil, nil, fmt.Errorf("mqtt: connect: %w", err)
	}
	if connected.SessionPresent() {
		s.forget(number)
	}
	if err := s.subscribe(ctx, client); err != nil {
		client.Disconnect(0)
		return nil, nil, fmt.Errorf("mqtt: subscribe: %w", err)
	}
	return client, ended, nil
}

// subscribe asks for shared subscriptions, and for plain ones where these are
// refused.
func (s *mqttSource) subscribe(ctx context.Context, client mqtt.Client) error {
	const refused = 0x80 // [MQTT 3.1.1 section 3.9.3]
	shared := map[string]byte{}
	for _, m := range s.mappings {
		shared[mqttGroup+m.filter] = 1
	}
	plain := map[string]byte{}
	granted, err := s.ask(ctx, client, shared)
	if err != nil {
		return err
	}
	for filter, code := range granted {
		if code == refused {
			plain[filter[len(mqttGroup):]] = 1
		}
	}
	if len(plain) == 0 {
		return nil
	}
	if granted, err = s.ask(ctx, client, plain); err != nil {
		return err
	}
	for filter, code := range granted {
		if code == refused {
			return fmt.Errorf("%q is refused", filter)
		}
	}
	return nil
}

func (s *mqttSource) ask(ctx context.Context, client mqtt.Client, filters map[string]byte) (map[string]byte, error) {
	token, ok := client.SubscribeMultiple(maps.Clone(filters), nil).(*mqtt.SubscribeToken)
	if !ok {
		return nil, errors.New("no token")
	}
	if err := await(ctx, token); err != nil {
		return nil, err
	}
	return token.Result(), nil
}

func await(ctx context.Context, t mqtt.Token) error {
	ctx, cancel := context.WithTimeout(ctx, mqttTimeout)
	defer cancel()
	select {
	case <-t.Done():
		return t.Error()
	case <-ctx.Done():
		return ctx.Err()
	}
}
