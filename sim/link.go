package sim

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/url"
	"sync"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"
)

// Deadlines of a client.
const (
	connectTimeout = 10 * time.Second
	ackTimeout     = 30 * time.Second
)

var errLinkGone = errors.New("connection lost before the acknowledgement")

// A link is one MQTT connection, from CONNACK until it is gone.
type link struct {
	client mqtt.Client
	conn   net.Conn
	gone   chan struct{}
	once   sync.Once
}

// connect dials and waits for the CONNACK.
func (s *Sim) connect(ctx context.Context, driver string) (*link, error) {
	token, err := s.opts.Token(driver)
	if err != nil {
		return nil, fmt.Errorf("token of %s: %w", driver, err)
	}
	l := &link{gone: make(chan struct{})}
	opened := make(chan net.Conn, 1)
	o := mqtt.NewClientOptions().
		AddBroker(s.opts.URL).
		SetClientID(driver + ":sim").
		SetUsername(driver).
		SetPassword(token).
		SetTLSConfig(s.opts.TLS).
		SetConnectTimeout(connectTimeout).
		SetWriteTimeout(connectTimeout).
		SetKeepAlive(time.Minute).
		SetProtocolVersion(4).
		SetAutoReconnect(false). // the driver decides, for it may be in a tunnel
		SetOrderMatters(false).
		SetConnectionLostHandler(func(mqtt.Client, error) { l.markGone() }).
		SetCustomOpenConnectionFn(func(u *url.URL, o mqtt.ClientOptions) (net.Conn, error) {
			conn, err := dial(ctx, u, o.TLSConfig)
			if err != nil {
				return nil, err
			}
			opened <- conn
			return conn, conn.SetDeadline(time.Now().Add(connectTimeout)) // for the CONNACK
		})
	l.client = mqtt.NewClient(o)
	t := l.client.Connect()
	// A connection that is lost at the wrong moment leaves paho's token open for
	// ever, so it is not relied on.
	late := time.NewTimer(connectTimeout + time.Second)
	defer late.Stop()
	select {
	case <-t.Done():
		err = t.Error()
	case <-l.gone:
		err = errLinkGone
	case <-ctx.Done():
		err = ctx.Err()
	case <-late.C:
		err = errors.New("no answer")
	}
	if err != nil {
		select {
		case conn := <-opened:
			conn.Close()
		default: // dial sees ctx itself
		}
		return nil, fmt.Errorf("connect: %w", err)
	}
	l.conn = <-opened
	return l, l.conn.SetDeadline(time.Time{})
}

func dial(ctx context.Context, u *url.URL, config *tls.Config) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	switch u.Scheme {
	case "mqtt", "tcp":
		return new(net.Dialer).DialContext(ctx, "tcp", u.Host)
	case "mqtts", "ssl", "tls":
		return (&tls.Dialer{Config: config}).DialContext(ctx, "tcp", u.Host)
	case "ws", "wss":
		return mqtt.NewWebsocket(u.String(), config, connectTimeout, nil, nil)
	}
	return nil, fmt.Errorf("scheme %q is none of mqtt, mqtts, ws and wss", u.Scheme)
}

// publish sends payload with QoS 1 and waits for its acknowledgement.
func (l *link) publish(topic string, payload []byte) error {
	t := l.client.Publish(topic, 1, false, payload)
	deadline := time.NewTimer(ackTimeout)
	defer deadline.Stop()
	select {
	case <-t.Done():
		return t.Error()
	case <-deadline.C:
		l.cut()
		return fmt.Errorf("no acknowledgement in %s", ackTimeout)
	case <-l.gone:
		return errLinkGone
	}
}

func (l *link) markGone() { l.once.Do(func() { close(l.gone) }) }

// cut drops the connection without a word, as a tunnel does.
func (l *link) cut() {
	l.conn.Close()
	l.markGone()
	l.client.Disconnect(0) // nothing reaches the broker any more; this ends the client's goroutines
}

// close says goodbye.
func (l *link) close() {
	l.client.Disconnect(250)
	l.markGone()
}
