package chaos

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/eclipse/paho.mqtt.golang/packets"
)

var (
	errGone    = errors.New("the connection is gone")
	errTimeout = errors.New("no acknowledgement in time")
)

// A client is one MQTT 3.1.1 connection that does as it is told: it says the
// same twice, with any packet id, and it need not read.
type client struct {
	conn net.Conn
	gone chan struct{} // closed when nothing more will be read

	mu      sync.Mutex
	writing sync.Mutex
	nextID  uint16
	pending map[uint16]chan error
}

// dial connects as id with token. onMessage hears what is delivered, from one
// goroutine; it may be nil.
func dial(ctx context.Context, addr, id, user, token string, onMessage func(topic string, payload []byte)) (*client, error) {
	conn, err := (&net.Dialer{Timeout: 5 * time.Second}).DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	if err := handshake(conn, id, user, token); err != nil {
		conn.Close()
		return nil, fmt.Errorf("connect %s: %w", id, err)
	}
	c := &client{conn: conn, gone: make(chan struct{}), pending: map[uint16]chan error{}}
	go c.read(onMessage)
	return c, nil
}

func handshake(conn net.Conn, id, user, token string) error {
	if err := conn.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		return err
	}
	p := packets.NewControlPacket(packets.Connect).(*packets.ConnectPacket)
	p.ProtocolName, p.ProtocolVersion, p.CleanSession, p.Keepalive = "MQTT", 4, true, 300
	p.ClientIdentifier = id
	p.UsernameFlag, p.Username, p.PasswordFlag, p.Password = true, user, true, []byte(token)
	if err := p.Write(conn); err != nil {
		return err
	}
	answer, err := packets.ReadPacket(conn)
	if err != nil {
		return err
	}
	ack, ok := answer.(*packets.ConnackPacket)
	if !ok {
		return fmt.Errorf("got %s instead of CONNACK", answer)
	}
	if ack.ReturnCode != 0 {
		return fmt.Errorf("refused with code %d", ack.ReturnCode)
	}
	return conn.SetDeadline(time.Time{})
}

func (c *client) read(onMessage func(string, []byte)) {
	defer func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		close(c.gone)
		for _, done := range c.pending {
			done <- errGone
		}
		c.pending = nil
	}()
	for {
		p, err := packets.ReadPacket(c.conn)
		if err != nil {
			return
		}
		switch p := p.(type) {
		case *packets.PubackPacket:
			c.settle(p.MessageID)
		case *packets.SubackPacket:
			c.settle(p.MessageID)
		case *packets.PublishPacket:
			if onMessage != nil {
				onMessage(p.TopicName, p.Payload)
			}
		}
	}
}

func (c *client) settle(id uint16) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if done, ok := c.pending[id]; ok {
		done <- nil
		delete(c.pending, id)
	}
}

// expect returns a channel that hears once of packet id, or of a new one if it is 0.
func (c *client) expect(id uint16) (uint16, <-chan error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if id == 0 {
		c.nextID = c.nextID%50_000 + 1
		id = c.nextID
	}
	done := make(chan error, 1)
	if c.pending == nil {
		done <- errGone
	} else {
		c.pending[id] = done
	}
	return id, done
}

func (c *client) write(p packets.ControlPacket) error {
	c.writing.Lock()
	defer c.writing.Unlock()
	if err := c.conn.SetWriteDeadline(time.Now().Add(10 * time.Second)); err != nil {
		return err
	}
	return p.Write(c.conn)
}

// send publishes at QoS 1 under packet id (0: the next) and returns where its
// acknowledgement will be heard of.
func (c *client) send(topic string, payload []byte, id uint16, again bool) <-chan error {
	id, done := c.expect(id)
	p := packets.NewControlPacket(packets.Publish).(*packets.PublishPacket)
	p.Qos, p.Dup, p.TopicName, p.MessageID, p.Payload = 1, again, topic, id, payload
	if err := c.write(p); err != nil {
		c.close()
	}
	return done
}

// publish sends and waits for the acknowledgement.
func (c *client) publish(topic string, payload []byte, limit time.Duration) error {
	return within(c.send(topic, payload, 0, false), limit)
}

func (c *client) subscribe(filters ...string) error {
	id, done := c.expect(0)
	p := packets.NewControlPacket(packets.Subscribe).(*packets.SubscribePacket)
	p.MessageID, p.Topics, p.Qoss = id, filters, make([]byte, len(filters))
	if err := c.write(p); err != nil {
		c.close()
	}
	return within(done, 10*time.Second)
}

func within(done <-chan error, limit time.Duration) error {
	t := time.NewTimer(limit)
	defer t.Stop()
	select {
	case err := <-done:
		return err
	case <-t.C:
		return errTimeout
	}
}

// close drops the connection without a word.
func (c *client) close() {
	c.conn.Close()
	<-c.gone
}
