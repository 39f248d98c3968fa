package main

import (
	"bufio"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"net"
	"time"

	"github.com/eclipse/paho.mqtt.golang/packets"
)

var (
	errGone     = errors.New("the connection is gone")
	errNoAnswer = fmt.Errorf("no answer within %s", patience)
)

// A client is one MQTT 3.1.1 connection that says one thing at a time and reads
// all that comes. It is two goroutines and no more: a library with all its
// features takes the processor time that the server is to be soaked with.
type client struct {
	conn    net.Conn
	answers chan packets.ControlPacket // to what was said last
	gone    chan struct{}              // closed when nothing more will be read
	nextID  uint16
}

// dial connects as login says. heard is called for each delivery, from one goroutine.
func dial(addr string, login *packets.ConnectPacket, heard func()) (*client, error) {
	conn, err := net.DialTimeout("tcp", addr, patience)
	if err != nil {
		return nil, err
	}
	c := &client{
		conn: conn, answers: make(chan packets.ControlPacket, 1), gone: make(chan struct{}),
		nextID: uint16(rand.IntN(1 << 15)), // a session that is resumed may remember some
	}
	go c.read(heard)
	answer, err := ask[*packets.ConnackPacket](c, login)
	if err == nil {
		err = packets.ConnErrors[answer.ReturnCode]
	}
	if err != nil {
		c.cut()
		return nil, err
	}
	return c, nil
}

// read hears what comes until the connection ends. What is no delivery is an
// answer; one that nobody can wait for ends the connection.
func (c *client) read(heard func()) {
	defer close(c.gone)
	r := bufio.NewReader(c.conn)
	for {
		p, err := packets.ReadPacket(r)
		if err != nil {
			return
		}
		switch p := p.(type) {
		case *packets.PublishPacket:
			heard()
			switch p.Qos {
			case 1:
				err = c.write(about(packets.Puback, p.MessageID))
			case 2:
				err = c.write(about(packets.Pubrec, p.MessageID))
			}
		case *packets.PubrelPacket:
			err = c.write(about(packets.Pubcomp, p.MessageID))
		default:
			select {
			case c.answers <- p:
			default:
				err = errGone
			}
		}
		if err != nil {
			c.conn.Close()
			return
		}
	}
}

// about is a packet that has nothing but an identifier.
func about(kind byte, id uint16) packets.ControlPacket {
	p := packets.NewControlPacket(kind)
	switch p := p.(type) {
	case *packets.PubackPacket:
		p.MessageID = id
	case *packets.PubrecPacket:
		p.MessageID = id
	case *packets.PubrelPacket:
		p.MessageID = id
	case *packets.PubcompPacket:
		p.MessageID = id
	}
	return p
}

// write is one write of the connection, so that two goroutines may call it.
func (c *client) write(p packets.ControlPacket) error {
	if err := c.conn.SetWriteDeadline(time.Now().Add(patience)); err != nil {
		return err
	}
	return p.Write(c.conn)
}

// ask sends p and waits for its answer, which must be an A about the same identifier, if it has one.
func ask[A packets.ControlPacket](c *client, p packets.ControlPacket) (A, error) {
	var none A
	if err := c.write(p); err != nil {
		return none, err
	}
	t := time.NewTimer(patience)
	defer t.Stop()
	select {
	case got := <-c.answers:
		answer, ok := got.(A)
		if !ok || got.Details().MessageID != p.Details().MessageID {
			return none, fmt.Errorf("the answer to %T is %s", p, got)
		}
		return answer, nil
	case <-c.gone:
		return none, errGone
	case <-t.C:
		return none, errNoAnswer
	}
}

// id returns the next identifier; 0 is none (MQTT 3.1.1 section 2.3.1).
func (c *client) id() uint16 {
	c.nextID = c.nextID%math.MaxUint16 + 1
	return c.nextID
}

// publish returns when the message is acknowledged, at QoS 0 when it is written.
func (c *client) publish(topic string, qos byte, payload string) error {
	p := packets.NewControlPacket(packets.Publish).(*packets.PublishPacket)
	p.TopicName, p.Qos, p.Payload = topic, qos, []byte(payload)
	if qos == 0 {
		return c.write(p)
	}
	p.MessageID = c.id()
	if qos == 1 {
		_, err := ask[*packets.PubackPacket](c, p)
		return err
	}
	if _, err := ask[*packets.PubrecPacket](c, p); err != nil {
		return err
	}
	_, err := ask[*packets.PubcompPacket](c, about(packets.Pubrel, p.MessageID))
	return err
}

func (c *client) subscribe(filter string, qos byte) error {
	p := packets.NewControlPacket(packets.Subscribe).(*packets.SubscribePacket)
	p.MessageID, p.Topics, p.Qoss = c.id(), []string{filter}, []byte{qos}
	answer, err := ask[*packets.SubackPacket](c, p)
	if err == nil && (len(answer.ReturnCodes) != 1 || answer.ReturnCodes[0] > 2) {
		err = fmt.Errorf("subscribe to %s: refused with % x", filter, answer.ReturnCodes)
	}
	return err
}

func (c *client) unsubscribe(filter string) error {
	p := packets.NewControlPacket(packets.Unsubscribe).(*packets.UnsubscribePacket)
	p.MessageID, p.Topics = c.id(), []string{filter}
	_, err := ask[*packets.UnsubackPacket](c, p)
	return err
}

// cut ends the connection without a word.
func (c *client) cut() {
	c.conn.Close()
	<-c.gone
}

// leave says goodbye first.
func (c *client) leave() {
	_ = c.write(packets.NewControlPacket(packets.Disconnect)) // it may be gone already
	c.cut()
}
